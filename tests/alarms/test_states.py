"""How alarms stand: levels, durations, what is not there; in words and against a loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.alarms.machine import Machine, Point
from tests.laws import law

from tocsin.alarms.levels import states
from tocsin.alarms.rules import STANDING
from tocsin.alarms.threshold import (
    STATE,
    TRANSITIONS,
    concluded,
    specs_frame,
    step,
    trace,
)
from tocsin.config import from_data
from tocsin.metrics.spec import Kind, MetricSpec
from tocsin.pipeline.compile_alarms import alarm_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tocsin.config.alarm_values import AlarmConfig

EVERY = 10
METRIC = MetricSpec("ms", "s", Kind.AVG, period=EVERY, every=EVERY, group_by=("k",))
RUNS = {
    "sid": pl.Int64, "m": pl.Int32, "e": pl.Int64, "steps": pl.Int64, "n": pl.Int64,
    "value": pl.Float64, "every": pl.Int64, "full": pl.Int64, "partial": pl.Boolean,
    "born": pl.Int64,
}  # fmt: skip
SIGNS = {
    "i": "info", "w": "warning", "e": "error", "c": "critical", "n": "no_data", ".": "",
}  # fmt: skip


def alarm(**keys: Any) -> AlarmConfig:  # noqa: ANN401
    """Return an alarm as it is configured; above 5, unless it says otherwise."""
    plain = {} if "levels" in keys else {"threshold": 5}
    row = {"name": "a {k}", "metric": "ms", **plain, **keys}
    metric = {"name": "ms", "type": "AVG", "field": "took", "period": "10s"}
    document = {"metrics": [{**metric, "group_by": "k"}], "alarms": [row]}
    return from_data(document).alarms[0]


def points(values: str) -> list[Point]:
    """Return points of one event each, 10 s apart; `x`: no value, `0x`: no event."""
    found = []
    for i, word in enumerate(values.split()):
        value = None if word.endswith("x") else float(word.rstrip("z"))
        quiet = word == "0x" or word.endswith("z")
        found.append(Point(EVERY * (i + 1), value, 0 if quiet else 1))
    return found


def runs(found: Iterable[Point], *, join: bool = True) -> pl.DataFrame:
    """Return points as runs: equal ones in a row are one, if they are to be joined."""
    rows: list[list[Any]] = []
    for e, value, n, *_ in found:
        if join and rows and rows[-1][4:6] == [n, value]:
            rows[-1][3] += 1
        else:
            rows.append([7, 0, e, 1, n, value, EVERY, 0, False, 0])
    return pl.DataFrame(rows, schema=RUNS, orient="row")


def said(config: AlarmConfig, pieces: Sequence[pl.DataFrame]) -> list[tuple[int, str]]:
    """Return how an alarm says it stands over pieces of runs."""
    rules = specs_frame(alarm_spec(config, 0, 0, METRIC).rules)
    state = pl.DataFrame(schema=STATE)
    found = [pl.DataFrame(schema=TRANSITIONS)]
    for piece in pieces:
        some, state = step(rules, state, piece)
        found.append(some)
    rows = pl.concat(found).select("e", "now").rows()
    return [(e, STANDING[now]) for e, now in rows]


LEVELS = {"warning": 2, "critical": 5}
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    # Levels.
    "the level is the worst whose threshold is passed": (
        {"levels": LEVELS}, "1 3 6 3 1", "- w c w .",
    ),
    "both thresholds at once are one change": ({"levels": LEVELS}, "1 6 1", "- c ."),
    "three levels, up and down": (
        {"levels": {"info": 1, "warning": 3, "error": 6}}, "2 4 7 9 4 2 0", "i w e - w i .",
    ),
    "below, a worse level is further down": (
        {"levels": {"warning": 5, "critical": 2}, "operator": "<"}, "9 4 1 3 6", "- w c w .",
    ),
    "the recovery threshold is that of the least level": (
        {"levels": LEVELS, "recovery_threshold": 1}, "6 4 2 1", "c w - .",
    ),
    "a level may recover later than it rings": (
        {"levels": {"warning": 2, "critical": {"threshold": 5, "recovery_threshold": 3}}},
        "6 4 3 2", "c - w .",
    ),
    "a level may want more patience than the one below": (
        {"levels": {"warning": 2, "critical": {"threshold": 5, "for": "20s"}}},
        "6 6 6 6 1", "w - c - .",
    ),
    "each level counts its own points": (
        {"levels": LEVELS, "data_points_alarm": 2}, "6 3 6 6 1", "- w - c .",
    ),
    # Prometheus, `for`: rules/alerting.go, and the unit tests of alerting rules.
    "for: it is pending from the first breach, and rings when it has lasted": (
        {"for": "30s"}, "6 6 6 6 6", "- - - c -",
    ),
    "for: one point without a breach drops it": (
        {"for": "20s"}, "6 6 1 6 6 6", "- - - - - c",
    ),
    "for: what is no whole number of steps is rounded up": ({"for": "11s"}, "6 6 6", "- - c"),
    "for and points: both must be": (
        {"for": "10s", "data_points_alarm": 3}, "6 6 6", "- - c",
    ),
    # Prometheus, `keep_firing_for`: TestKeepFiringFor.
    "keep_firing_for: it recovers so long after the first calm point": (
        {"keep_firing_for": "20s"}, "6 1 1 1", "c - - .",
    ),
    "keep_firing_for: a breach inside clears the time, and is no new alarm": (
        {"keep_firing_for": "20s"}, "6 1 1 6 1 1 1", "c - - - - - .",
    ),
    "keep_firing_for begins with the first point that is calm, not between": (
        {"keep_firing_for": "10s", "recovery_threshold": 2}, "6 4 1 4 1 1", "c - - - - .",
    ),
    # ElastAlert, `min_denominator` and `min_doc_count`; multi-window burn rates.
    "min_samples: a point of too few events neither counts nor clears": (
        {"min_samples": 1, "data_points_alarm": 2}, "6 9z 6 0z 1", "- - c - .",
    ),
    # Datadog, new_group_delay.
    "new_key_delay: the first datapoints say nothing": (
        {"new_key_delay": "25s"}, "6 6 6 6", "- - c -",
    ),
    "new_key_delay: what they were does not count either": (
        {"new_key_delay": "25s", "data_points_alarm": 2}, "6 6 6 6", "- - - c",
    ),
    # Datadog, on_missing_data; Grafana, No Data; Prometheus, a series that is gone.
    "no_data keep: the alarm stands as it stood": ({}, "6 x x x 1", "c - - - ."),
    "no_data ok: a point without a value is the end": ({"no_data": "ok"}, "6 x x 6", "c . - c"),
    "no_data ok: it clears what was counted": (
        {"no_data": "ok", "data_points_alarm": 2}, "6 x 6 6", "- - - c",
    ),
    "no_data ok: only when it has lasted": (
        {"no_data": "ok", "no_data_for": "10s"}, "6 x 6 x x", "c - - - .",
    ),
    "no_data alarm: a state of its own, until there is a value": (
        {"no_data": "alarm"}, "1 x x 1", "- n - .",
    ),
    "no_data alarm: only when it has lasted": (
        {"no_data": "alarm", "no_data_for": "20s"}, "1 x x 1 x x x", "- - - - - - n",
    ),
    "no_data alarm: what never had a value misses none": (
        {"no_data": "alarm"}, "x x 1 x", "- - - n",
    ),
    "no_data alarm: an alarm that rings goes on ringing": (
        {"no_data": "alarm"}, "6 x x 1", "c - - .",
    ),
    "no_data show: from there it may ring at once": ({"no_data": "show"}, "1 x 6 1", "- n c ."),
    # Datadog, group retention; Grafana, MissingSeries.
    "expire: a silent key is over": (
        {"operator": "<", "expire": "30s"}, "1 0z 0z 0z 0z", "c - - . -",
    ),
    "expire: one event starts the silence over": (
        {"operator": "<", "expire": "20s"}, "1 0z 1 0z 0z", "c - - - .",
    ),
    "expire: what comes back counts from the start": (
        {"operator": "<", "expire": "10s", "data_points_alarm": 2},
        "1 1 0z 1 1", "- c . - c",
    ),
    "expire: no data of a key that is forgotten is over, too": (
        {"no_data": "alarm", "expire": "30s"}, "1 0x 0x 0x 0x", "- n - . -",
    ),
}  # fmt: skip


@pytest.mark.parametrize("join", [True, False], ids=["in runs", "one by one"])
@pytest.mark.parametrize(("keys", "values", "expected"), CASES.values(), ids=CASES)
def test_an_alarm_says(
    keys: dict[str, Any],
    values: str,
    expected: str,
    join: bool,  # noqa: FBT001
) -> None:
    config, found = alarm(**keys), points(values)
    told = dict(said(config, [runs(found, join=join)]))
    names = {standing: sign for sign, standing in SIGNS.items()}
    signs = [names[told[p.e]] if p.e in told else "-" for p in found]
    assert " ".join(signs) == expected


@pytest.mark.parametrize(("keys", "values", "expected"), CASES.values(), ids=CASES)
def test_the_loop_says_the_same(
    keys: dict[str, Any], values: str, expected: str
) -> None:
    config, found = alarm(**keys), points(values)
    told = dict(machine(config).says(found))
    names = {standing: sign for sign, standing in SIGNS.items()}
    signs = [names[told[p.e]] if p.e in told else "-" for p in found]
    assert " ".join(signs) == expected


def machine(config: AlarmConfig) -> Machine:
    """Return the loop for an alarm on keys in general."""
    return Machine(config, config.levels, EVERY, METRIC.period)


TIMES = st.sampled_from([None, "5s", "10s", "25s", "40s"])


@st.composite
def alarms(draw: st.DrawFn) -> AlarmConfig:
    """Return an alarm with any keys."""
    up = draw(st.booleans())
    order = [2, 4, 6] if up else [6, 4, 2]
    names = draw(st.sets(st.sampled_from(["info", "warning", "critical"]), min_size=1))
    levels = [n for n in ("info", "warning", "critical") if n in names]
    given_ = {
        "operator": draw(st.sampled_from([">", ">="] if up else ["<", "<="])),
        "levels": dict(zip(levels, order, strict=False)),
        "recovery_threshold": draw(
            st.sampled_from([None, order[0] + (-1 if up else 1)])
        ),
        "for": draw(TIMES),
        "keep_firing_for": draw(TIMES),
        "data_points_alarm": draw(st.integers(1, 3)),
        "data_points_recovery": draw(st.integers(1, 3)),
        "min_samples": draw(st.sampled_from([None, 1, 2])),
        "new_key_delay": draw(TIMES),
        "expire": draw(TIMES),
        "no_data": draw(st.sampled_from(["keep", "ok", "show", "alarm"])),
    }
    if given_["no_data"] != "keep":
        given_["no_data_for"] = draw(TIMES)
    return alarm(**{k: v for k, v in given_.items() if v is not None})


SOME = st.tuples(
    st.sampled_from([None, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0]), st.integers(0, 2)
)


@law(150)
@given(
    alarms(),
    st.lists(st.tuples(SOME, st.integers(1, 4)), max_size=25),
    st.sets(st.integers(0, 100)),
)
def test_runs_cut_anywhere_say_what_the_loop_says(
    config: AlarmConfig,
    stretches: list[tuple[tuple[float | None, int], int]],
    cuts: set[int],
) -> None:
    flat = [one for one, times in stretches for _ in range(times)]
    found = [Point(EVERY * (i + 1), v, n) for i, (v, n) in enumerate(flat)]
    pieces: list[list[Point]] = [[]]
    for i, point in enumerate(found):
        pieces[-1].append(point)
        if i in cuts:
            pieces.append([])
    told = said(config, [runs(piece) for piece in pieces])
    assert told == list(machine(config).says(found))


def test_a_silence_of_years_is_one_step() -> None:
    config = alarm(operator="<", expire="1d", no_data="alarm")
    row = [(7, 0, 10, 1, 1, 1.0, EVERY, 0, False, 0)]
    row += [(7, 0, 20, 10**9, 0, 0.0, EVERY, 0, False, 0)]
    found = said(config, [pl.DataFrame(row, schema=RUNS, orient="row")])
    assert found == [(10, "critical"), (86_410, "")]


def test_keys_have_their_own_rules() -> None:
    config = alarm(
        overrides=[
            {"match": {"k": "loud"}, "threshold": 50},
            {"match": {"k": ["loud", "mute"]}, "enabled": False},
        ]
    )
    rules = specs_frame(alarm_spec(config, 0, 0, METRIC).rules, varied=True)
    keys = pl.DataFrame(
        [(0, 1, 1), (0, 2, 2)],
        schema={"of": pl.Int32, "sid": pl.Int64, "variant": pl.Int32},
        orient="row",
    )
    some = pl.concat(
        [runs(points("6 60")).with_columns(sid=pl.lit(i, pl.Int64)) for i in range(3)]
    )
    none = pl.DataFrame(schema=STATE)
    found, _ = concluded(rules, none, trace(rules, none, some, keys))
    assert found.select("sid", "e").rows() == [(0, 10), (1, 20)]
    assert replace(config, overrides=()).added() == ()


STANDINGS = {
    "well": ({}, "1 1", (0, False, False)),
    "pending": ({"for": "30s"}, "1 6 6", (0, True, False)),
    "firing": ({}, "6 6", (5, False, False)),
    "recovering": ({"keep_firing_for": "30s"}, "6 1", (5, False, True)),
    "firing, and on the way to worse": (
        {"levels": {"warning": 2, "critical": {"threshold": 5, "for": "30s"}}},
        "6 6", (3, True, False),
    ),
    "no data": ({"no_data": "show"}, "1 x", (1, False, False)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "values", "expected"), STANDINGS.values(), ids=STANDINGS
)
def test_an_alarm_stands(
    keys: dict[str, Any], values: str, expected: tuple[int, bool, bool]
) -> None:
    rules = specs_frame(alarm_spec(alarm(**keys), 0, 0, METRIC).rules)
    _, state = step(rules, pl.DataFrame(schema=STATE), runs(points(values)))
    (row,) = states(rules, state).select("now", "pending", "recovering").rows()
    assert row == expected
