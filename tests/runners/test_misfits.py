"""Fields of no declared type: what rules use them as is what they are."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.runners.world import SOURCE, T0, rules

from tocsin.config.values import Config, MetricConfig
from tocsin.model.instant import SECOND
from tocsin.model.records import Datapoint, Notice, Summary
from tocsin.runners.replay import Replay
from tocsin.runners.session import Session
from tocsin.runners.wishes import Wishes
from tocsin.sources import families
from tocsin.testing import CollectingView, ManualClock

TEN = 10 * SECOND
TOTAL = MetricConfig(
    name="total", type="SUM", field="took", source=SOURCE, period=TEN, every=TEN
)
BY_CODE = MetricConfig(
    name="codes", source=SOURCE, group_by=("code",), period=TEN, every=TEN
)


def config(form: str, *metrics: MetricConfig) -> Config:
    return replace(rules(form=form), metrics=metrics, alarms=())


def told(path: Path, asked: Config, piece_bytes: int) -> CollectingView:
    view, clock = CollectingView(), ManualClock((T0 + 999) * SECOND)
    session = Session(asked, view, Wishes(datapoints=True))
    runner = Replay(session, clock, workers=1, piece_bytes=piece_bytes)
    runner.run([(SOURCE, family) for family in families([path])], clock.now())
    return view


def json_log(folder: Path) -> Path:
    """Two hundred whole numbers, and then other things."""
    rows: list[dict[str, object]] = [{"ts": T0, "took": 1, "code": 200}] * 200
    rows += [
        {"ts": T0, "took": 0.5, "code": "E42"},
        {"ts": T0, "took": "soon", "code": True},
    ]
    path = folder / "a.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def csv_log(folder: Path) -> Path:
    rows = ["ts,took,code", *[f"{T0},1,200"] * 200, f"{T0},0.5,E42", f"{T0},soon,true"]
    path = folder / "a.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("piece_bytes", [64, 1 << 20])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_later_lines_hold_is_not_lost(
    tmp_path: Path, form: str, piece_bytes: int
) -> None:
    path = json_log(tmp_path) if form == "json" else csv_log(tmp_path)
    view = told(path, config(form, TOTAL, BY_CODE), piece_bytes)
    points = [r for r in view.records if isinstance(r, Datapoint)]
    values = {(p.metric, p.key.get("code")): p.value for p in points}
    assert values["total", None] == 200.5
    counts = {code: v for (metric, code), v in values.items() if metric == "codes"}
    assert counts == {"200": 200, "E42": 1, "true": 1}
    (summary,) = (r for r in view.records if isinstance(r, Summary))
    assert summary.streams[0].misfits == {"took": 1}
    notices = [r.text for r in view.records if isinstance(r, Notice)]
    [said] = notices
    assert said.startswith("a value of took does not fit its type: such count as")
    assert said.endswith("say what it holds: fields: {took: duration}")


def test_a_field_that_is_used_in_two_ways_is_right_in_both(tmp_path: Path) -> None:
    by_took = replace(BY_CODE, name="by took", group_by=("took",))
    view = told(json_log(tmp_path), config("json", TOTAL, by_took), 1 << 20)
    points = [r for r in view.records if isinstance(r, Datapoint)]
    values = {p.key.get("took"): p.value for p in points}
    assert values == {None: 200.5, "1": 200, "0.5": 1, "soon": 1}
