"""Laws of lines that come to nothing: what is told of them is the same however they are cut."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law
from tests.runs import taken_up

from tocsin.config import from_data
from tocsin.formats import get
from tocsin.metrics.lateness import StreamClock
from tocsin.model.records import Record, Transition
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.engine import Engine, EngineState
from tocsin.runners.opening import parse
from tocsin.state.memory import MemoryStore

if TYPE_CHECKING:
    from tocsin.pipeline.plan import Plan

T0 = 1_714_564_800
LATENESS, AMEND = 5, 20
PERIOD, STEP, LEAST, THRESHOLD = 60, 10, 3, 10.0
ALARM = {"period": "1m", "min_samples": LEAST, "threshold": THRESHOLD}
CONFIG = from_data(
    {
        "sources": [{"name": "web", "amend_for": "20s", "future_skew": "20s"}],
        "metrics": [{"name": "hits", "type": "COUNT", "period": "1m"}],
        "alarms": [{"name": "None", "metric": "hits", "threshold": 1e9}],
        "builtin_alarms": {
            "parse_failures": ALARM,
            "late_lines": ALARM,
            "future_lines": ALARM,
        },
    }
)
PLAN = compile_plan(CONFIG)
BAD = None


def written(second: int | None, number: int) -> bytes:
    """Return a line of that second; of None, one that cannot be read."""
    if second is BAD:
        return f"it broke {number}\n".encode()
    at = datetime.fromtimestamp(T0 + second, UTC)
    return f'h - - [{at:%d/%b/%Y:%H:%M:%S +0000}] "GET /{number}/" 200 1\n'.encode()


@dataclass(frozen=True)
class Cut:
    """How a log is read: in blocks of so many lines, some saved before, some blind.

    Raw lines are a field, or are looked up `apart`.
    """

    sizes: tuple[int, ...]
    blind: bool
    save: bool
    apart: bool = False


def told(lines: list[bytes], cut: Cut, plan: Plan = PLAN) -> list[str]:
    """Return all that is said of alarms, as it is published."""

    def make(state: EngineState | None) -> Engine:
        return Engine(plan, state)

    store = MemoryStore()
    engine, saver = taken_up(store, make)
    engine.register("s", "web")
    codec = get("common").open(b"".join(lines))
    said: list[Record] = []
    at, sizes = 0, iter(cut.sizes)
    while at < len(lines):
        size = next(sizes, len(lines))
        if cut.save:
            saver.save(engine)
            engine, saver = taken_up(store, make)
        observer = engine.observers["web"]
        fields = observer.asks(codec) if cut.apart else observer.fields
        block = parse(codec, b"".join(lines[at : at + size]), fields)
        clock = engine.state.streams["s"].clock
        seen = observer.observe(block, StreamClock() if cut.blind else clock)
        if cut.blind and not engine.accepts("s", seen):
            seen = observer.observe(block, clock)
        engine.absorb("s", seen)
        said += engine.advance()
        at += size
    engine.end("s")
    said += engine.finish()
    return [json.dumps(r.as_json()) for r in said if isinstance(r, Transition)]


lists = st.lists(
    st.one_of(
        st.integers(0, 4),  # steps forward, in seconds
        st.integers(-60, -1),
        st.sampled_from([BAD, BAD, 1_000]),
    ),
    max_size=120,
)
cuts = st.builds(
    Cut,
    st.lists(st.integers(1, 30), max_size=60).map(tuple),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


def log_of(steps: list[int | None]) -> tuple[list[int | None], list[bytes]]:
    """Return the seconds of lines, and the lines: forward goes on, back is for one line."""
    seconds: list[int | None] = []
    now = 0
    for step in steps:
        if step is BAD:
            seconds.append(BAD)
            continue
        now += max(step, 0) if step < 1_000 else 0
        seconds.append(now + (step if step < 0 or step >= 1_000 else 0))
    return seconds, [written(s, n) for n, s in enumerate(seconds)]


@given(lists, cuts)
@law(60)
def test_however_a_log_is_cut_its_mishaps_are_told_alike(
    steps: list[int | None], cut: Cut
) -> None:
    _, lines = log_of(steps)

    assert told(lines, cut) == told(lines, Cut((), blind=False, save=False))


def expected(seconds: list[int | None]) -> dict[str, list[tuple[str, int]]]:
    """Return the transitions of two of the alarms, from what a line does alone."""
    events: list[int] = []
    found: dict[str, list[int]] = {"unread": [], "late": []}
    newest: int | None = None
    for second in seconds:
        if second is BAD:
            found["unread"] += [] if newest is None else [newest]
            continue
        newest = second if newest is None else max(newest, second)
        late = newest - LATENESS - second > AMEND - LATENESS
        (found["late"] if late else events).append(newest if late else second)
    moments = [*events, *found["unread"], *found["late"]]
    end = max(events, default=-1) + 1
    return {name: list(_judged(mine, moments, end)) for name, mine in found.items()}


def _judged(mine: list[int], all_: list[int], end: int) -> list[tuple[str, int]]:
    said, firing = [], False
    for e in range(-PERIOD, end + 1, STEP):
        count = sum(e - PERIOD <= s < e for s in mine)
        lines = sum(e - PERIOD <= s < e for s in all_)
        rings = count >= LEAST and 100.0 * count / lines > THRESHOLD
        if rings is not firing:
            firing = rings
            said.append(("firing" if rings else "ok", e))
    return said


def standing(lines: list[str], mishap: str) -> list[tuple[str, int]]:
    """Return the transitions of an alarm that stand in the end, once corrected."""
    left: set[tuple[int, str]] = set()
    for row in map(json.loads, lines):
        if mishap in row["alarm"]:
            at = datetime.fromisoformat(row["at"]).timestamp()
            place = (int(at) - T0, row["to"])
            left = left - {place} if row.get("withdrawn") else left | {place}
    return [(to, at) for at, to in sorted(left)]


steps_within = st.lists(
    st.one_of(st.integers(0, 4), st.integers(-60, -1), st.just(BAD)), max_size=120
)


@given(steps_within)
@law(60)
def test_mishaps_ring_just_when_a_plain_count_of_them_says_so(
    steps: list[int | None],
) -> None:
    seconds, lines = log_of([0, 0, *steps])
    said = told(lines, Cut((), blind=False, save=False))
    wanted = expected(seconds)

    assert standing(said, "parse failures") == wanted["unread"]
    assert standing(said, "late lines") == wanted["late"]


KEYS = 3


def limited(period: str, every: str) -> Plan:
    """Return the plan of a metric that has too many keys."""
    hits = {"name": "hits", "type": "COUNT", "period": period, "every": every}
    return compile_plan(
        from_data(
            {
                "sources": [{"name": "web"}],
                "metrics": [{**hits, "group_by": ["section"], "limit": KEYS}],
                "alarms": [{"name": "None", "metric": "hits", "threshold": 1e9}],
            }
        )
    )


LIMITED = {1: limited("2m", "1s"), 5: limited("10s", "5s"), 60: limited("1m", "1m")}
"""By the seconds of a slice."""


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, KEYS + 3)), max_size=80),
    cuts,
    st.sampled_from(sorted(LIMITED)),
)
@law(60)
def test_the_key_limit_rings_once_the_key_has_come_for_which_there_is_no_room(
    rows: list[tuple[int, int]], cut: Cut, grain: int
) -> None:
    second, lines, seen, full = 0, [], set(), None
    for step, key in rows:
        second += step
        lines.append(written(second, key))
        seen.add(key)
        full = second if full is None and len(seen) > KEYS else full
    said = [json.loads(row) for row in told(lines, cut, LIMITED[grain])]
    rings = [row for row in said if row["to"] == "firing"][:1]
    # It is known when the slice of its metric has ended, and told at the next step.
    end = None if full is None else -(-(full // grain + 1) * grain // STEP) * STEP

    if end is None or end > second + 1:
        assert rings == []
    else:
        at = datetime.fromtimestamp(T0 + end, UTC)
        assert [row["at"] for row in rings] == [f"{at:%Y-%m-%dT%H:%M:%SZ}"]
        assert rings[0]["key"] == {"source": "web", "metric": "hits"}
        assert not rings[0]["amended"]


def test_the_laws_are_about_something() -> None:
    """Alarms of all three kinds ring in a log that has all three kinds of mishap."""
    steps = [1, 1, BAD, 1, -40, 1000, 1] * 20
    _, lines = log_of(steps)
    said = [json.loads(row) for row in told(lines, Cut((), blind=False, save=False))]

    assert {row["alarm"] for row in said if row["to"] == "firing"} == {
        "tocsin: parse failures in web",
        "tocsin: late lines in web",
        "tocsin: future lines in web",
    }


def test_lines_that_are_too_late_by_the_time_of_another_log_ring() -> None:
    """A log that was long at rest goes on with what is no longer to be changed."""
    engine = Engine(PLAN)
    codec = get("common").open(written(0, 0))
    said: list[Record] = []

    def take(stream: str, seconds: range) -> None:
        observer = engine.observers["web"]
        lines = b"".join(written(s, n) for n, s in enumerate(seconds))
        block = parse(codec, lines, observer.fields)
        clock = engine.state.streams[stream].clock
        engine.absorb(stream, observer.observe(block, clock))
        said.extend(engine.advance())

    for stream in "ab":
        engine.register(stream, "web")
        take(stream, range(3))
    engine.rest("a")
    take("b", range(3, 1_000, 15))
    take("a", range(3, 20))
    engine.end("a")
    take("b", range(1_000, 1_020))

    late = [t for t in said if isinstance(t, Transition) and t.to_state == "firing"]
    assert engine.summary().total("late") == 17
    assert [t.alarm for t in late] == ["tocsin: late lines in web"]
    assert late[0].count == 17
