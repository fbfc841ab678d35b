"""Raw lines that are looked up where they are wanted are those that a field would have."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.config import from_data
from tocsin.formats import get
from tocsin.metrics.lateness import StreamClock
from tocsin.metrics.spec import LINE
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.observation import Observation, SourceObserver
from tocsin.runners.opening import parse

T0 = 1_714_564_800
ODD = 'h - - [%s] "GET /\\"quoted\\"/%d" 200 1\n'
BAD = "it broke %s %d\n"
PLAIN = 'h - - [%s] "GET /s/%d" 200 1\n'


def observer_of(where: str | None = None) -> SourceObserver:
    metric = {"name": "hits", "type": "COUNT", "period": "1m", "group_by": ["status"]}
    if where is not None:
        metric["where"] = where
    alarm = {"name": "busy", "metric": "hits", "threshold": 3, "evidence": 3}
    source = {"name": "web", "format": "common", "lateness": "5s", "future_skew": "20s"}
    data = {"sources": [source], "metrics": [metric], "alarms": [alarm]}
    return SourceObserver(compile_plan(from_data(data)).sources["web"])


def written(shape: str, second: int, number: int) -> bytes:
    at = datetime.fromtimestamp(T0 + second, UTC)
    return (shape % (f"{at:%d/%b/%Y:%H:%M:%S +0000}", number)).encode()


def observed(blocks: list[bytes], *, apart: bool) -> list[Observation]:
    """Return what each block adds after those before it."""
    observer, clock = observer_of(), StreamClock()
    codec = get("common").open(b"".join(blocks))
    found = []
    for block in blocks:
        fields = observer.asks(codec) if apart else observer.fields
        seen = observer.observe(parse(codec, block, fields), clock)
        clock = seen.clock
        found.append(seen)
    if clock.held is not None:
        found.append(observer.observe_held(clock))
    return found


def kept(seen: Observation) -> list[tuple[object, ...]]:
    """Return the lines that are kept, whatever numbers their series have."""
    keys = seen.cells.names.get_column("key").to_list()
    rows = seen.cells.cells.lines.rows(named=True)
    return sorted(
        (keys[r["sid"]], *(v for n, v in r.items() if n != "sid")) for r in rows
    )


lines = st.lists(
    st.tuples(
        st.sampled_from([PLAIN, PLAIN, ODD, BAD]),
        st.one_of(st.integers(0, 4), st.integers(-40, -1), st.just(1_000)),
    ),
    max_size=60,
)


@given(lines, st.lists(st.integers(1, 12), max_size=30))
@law(60)
def test_lines_are_the_same_whether_they_are_a_field_or_looked_up(
    steps: list[tuple[str, int]], sizes: list[int]
) -> None:
    now, written_lines = 0, []
    for number, (shape, step) in enumerate(steps):
        now += step if 0 <= step < 1_000 else 0
        second = now + (0 if 0 <= step < 1_000 else step)
        written_lines.append(written(shape, second, number))
    blocks, left = [], iter(sizes)
    while written_lines:
        size = next(left, len(written_lines))
        blocks.append(b"".join(written_lines[:size]))
        written_lines = written_lines[size:]

    one, two = (observed(blocks, apart=apart) for apart in (False, True))

    assert len(one) == len(two)
    for field, looked_up in zip(one, two, strict=True):
        assert kept(looked_up) == kept(field)
        assert looked_up.mishaps.equals(field.mishaps)
        assert looked_up.tally == field.tally


@pytest.mark.parametrize(
    ("name", "where", "asked"),
    [
        pytest.param("common", None, False, id="only evidence: it looks lines up"),
        pytest.param("common", "line LIKE '%x%'", True, id="a rule reads lines"),
        pytest.param("json", None, True, id="a format that does not keep its lines"),
    ],
)
def test_lines_are_a_field_where_they_must_be(
    name: str, where: str | None, *, asked: bool
) -> None:
    codec = get(name).open(b'{"time": "2026-03-02T00:00:00Z"}\n')

    assert (LINE in observer_of(where).asks(codec)) is asked
