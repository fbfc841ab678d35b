"""Many logs whose only line is held are told the time together, as they would be one by one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.config import from_data
from tocsin.formats import get
from tocsin.metrics.lateness import StreamClock
from tocsin.pipeline import confirming
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine
from tocsin.runners.opening import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from tocsin.model.records import Record

T0 = 1_714_564_800
SECOND = 1_000_000
CODEC = get("common").open(b"")
PLAN = compile_plan(
    from_data(
        {
            "sources": [
                {"name": "web", "amend_for": "20s", "future_skew": "5s"},
                {"name": "api", "amend_for": "20s", "future_skew": "5s"},
            ],
            "metrics": [
                {"name": "hits", "source": "web", "type": "COUNT", "period": "10s"},
                {"name": "calls", "source": "api", "type": "COUNT", "period": "10s"},
                {
                    "name": "by_section",
                    "source": "web",
                    "type": "COUNT",
                    "period": "10s",
                    "group_by": ["section"],
                },
                {
                    "name": "visitors",
                    "source": "web",
                    "type": "DISTINCT",
                    "field": "remote_addr",
                    "period": "10s",
                },
            ],
            "alarms": [
                {"name": "Many", "metric": "by_section", "threshold": 1},
                {"name": "Visited", "metric": "visitors", "threshold": 2},
                {"name": "Called", "metric": "calls", "threshold": 1},
            ],
        }
    )
)


@dataclass(frozen=True)
class Log:
    """A log of a few lines, each at a second and of a section."""

    source: str
    lines: tuple[tuple[int, int], ...]

    def block(self, number: int) -> bytes:
        """Return its lines."""
        return b"".join(line(number, *each) for each in self.lines)


def line(number: int, second: int, section: int) -> bytes:
    at = datetime.fromtimestamp(T0 + second, UTC)
    return (
        f"10.0.0.{number} - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "
        f'"GET /{section}/ HTTP/1.1" 200 1\n'
    ).encode()


def told(logs: Sequence[Log], turns: Sequence[int], *, together: bool) -> list[Any]:
    """Return what is said, and how the streams stand in the end."""
    engine = Engine(PLAN, datapoints=True)
    for number, log in enumerate(logs):
        engine.register(f"log{number}", log.source)
    said: list[Record] = []
    for number, log in enumerate(logs):
        batch = parse(CODEC, log.block(number), engine.observers[log.source].fields)
        seen = engine.observers[log.source].observe(batch, StreamClock())
        engine.absorb(f"log{number}", seen)
    for second in turns:
        dues = {f"log{n}": (T0 + second) * SECOND for n in range(len(logs))}
        if together:
            engine.ticks(dues)
        else:
            for name, due in dues.items():
                engine.tick(name, due)
        said += engine.advance(together=True)
    said += engine.finish()
    streams = [repr(state) for state in engine.state.streams.values()]
    return [json.dumps(record.as_json()) for record in said] + streams


lines_ = st.lists(
    st.tuples(st.integers(0, 15), st.integers(0, 2)), min_size=1, max_size=3
)
logs_ = st.lists(
    st.builds(Log, st.sampled_from(["web", "api"]), lines_.map(tuple)),
    min_size=1,
    max_size=6,
)
turns_ = st.lists(st.integers(0, 40), max_size=4).map(sorted)


@law(40)
@given(logs_, turns_)
def test_it_is_the_same_together_and_one_by_one(
    logs: list[Log], turns: list[int]
) -> None:
    assert told(logs, turns, together=True) == told(logs, turns, together=False)


def test_there_are_alarms_and_they_show_the_lines_of_all_logs() -> None:
    logs = [Log("web", ((second, 1),)) for second in (3, 3, 4)]
    said = told(logs, [30], together=True)
    opened = [json.loads(text) for text in said if '"Many"' in text and "GET" in text]
    assert opened
    shown = json.dumps(opened[0])
    assert [number for number in range(3) if f"10.0.0.{number} " in shown] == [0, 1, 2]


def test_the_rows_of_hundreds_of_logs_are_observed_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = Engine(PLAN)
    web = engine.observers["web"]
    for number in range(300):
        engine.register(f"log{number}", "web")
        batch = parse(CODEC, line(number % 250, 3, 1), web.fields)
        engine.absorb(f"log{number}", web.observe(batch, StreamClock()))
    assert sum(s.clock.held is not None for s in engine.state.streams.values()) == 300
    monkeypatch.setattr(confirming, "_MOST", 100)
    engine.ticks({f"log{n}": (T0 + 4) * SECOND for n in range(300)})
    assert all(s.clock.held is None for s in engine.state.streams.values())
    # Alike rows that are observed together are one cell.
    (hits,) = (n for s in PLAN.shards for n, m in s.metrics.items() if m.name == "hits")
    (shard,) = (
        state
        for plan, state in zip(PLAN.shards, engine.state.shards, strict=True)
        if hits in plan.metrics
    )
    sids = shard.series.table.filter(m=hits).get_column("sid")
    cells = shard.cells.base.filter(shard.cells.base["sid"].is_in(sids.implode()))
    assert cells.get_column("n").to_list() == [100, 100, 100]
