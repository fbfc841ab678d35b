"""Codes of texts that a codec hands on spare work, and change nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.formats.ways import cutting
from tests.laws import law

from tocsin.config import from_data
from tocsin.formats import get
from tocsin.metrics.lateness import StreamClock
from tocsin.pipeline.compile import compile_plan
from tocsin.pipeline.observation import Observation, SourceObserver
from tocsin.runners.deriving import deriving
from tocsin.runners.opening import parse

if TYPE_CHECKING:
    from tocsin.model.batch import EventBatch

T0 = 1_714_564_800
SHAPES = [
    '10.0.0.%d - - [{at}] "GET /a/%d HTTP/1.1" 200 1',
    '10.0.0.%d - ann [{at}] "POST /B?x=%d HTTP/1.1" 404 -',
    '10.0.0.%d - - [{at}] "\\x16\\x03 %d" 400 0',
    '10.0.0.%d - a b [{at}] "GET /c c/%d HTTP/1.1" 200 1',
    "10.0.0.%d broke %d",
]
SOURCE = {
    "name": "web",
    "format": {"type": "common", "derive": {"place": "lower(section)"}},
    "lateness": "5s",
    "future_skew": "20s",
}
METRICS: list[dict[str, object]] = [
    {"name": "hits", "type": "COUNT", "group_by": ["section"]},
    {"name": "ways", "type": "COUNT", "group_by": ["method", "status"]},
    {"name": "places", "type": "SUM", "field": "bytes", "group_by": ["place"]},
    {"name": "people", "type": "DISTINCT", "field": "remote_addr"},
    {
        "name": "some",
        "type": "DISTINCT",
        "field": "remote_addr",
        "where": "section = '/a'",
        "group_by": ["method"],
    },
]


def written(step: tuple[int, int, int], now: int) -> bytes:
    """Return one line; a step says its shape, how far time goes, and who asked."""
    shape, seconds, who = step
    at = datetime.fromtimestamp(T0 + now + seconds, UTC)
    line = SHAPES[shape].replace("{at}", f"{at:%d/%b/%Y:%H:%M:%S +0000}")
    return (line % (who, who % 3)).encode() + b"\n"


def told(seen: Observation) -> list[object]:
    """Return all that was observed, whatever numbers its series have."""
    names = seen.cells.names.rows()
    cells = seen.cells.cells
    tables = [
        sorted(
            repr((names[row.pop("sid")], sorted(row.items())))
            for row in table.rows(named=True)
        )
        for table in (cells.base, cells.buckets, cells.registers)
    ]
    return [*tables, seen.clock.newest, seen.late, seen.future, seen.tally]


def codes_are_right(batch: EventBatch) -> None:
    for name, coded in batch.coded.items():
        again = coded.values.gather(coded.codes)
        assert again.to_list() == batch.frame.get_column(name).to_list(), name


STEPS = st.tuples(
    st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4]),
    st.one_of(st.integers(0, 4), st.integers(-40, -1), st.just(1_000)),
    st.integers(0, 9),
)


@given(st.lists(st.lists(STEPS, max_size=20), max_size=6))
@law(60)
def test_what_is_observed_by_known_codes_is_what_is_observed_without(
    blocks: list[list[tuple[int, int, int]]],
) -> None:
    data = {"sources": [SOURCE], "metrics": [{**m, "period": "1m"} for m in METRICS]}
    config = from_data(data)
    observer = SourceObserver(compile_plan(config).sources["web"])
    codec = deriving(get("common").open(b""), config.source("web").format.derive)
    clock, now = StreamClock(), 0
    with cutting("compiled"):
        for block in blocks:
            lines = []
            for step in block:
                lines.append(written(step, now))
                now += step[1] if 0 <= step[1] < 1_000 else 0
            batch = parse(codec, b"".join(lines), observer.asks(codec))
            codes_are_right(batch)
            seen = observer.observe(batch, clock)
            plain = observer.observe(replace(batch, coded={}), clock)
            assert told(seen) == told(plain)
            clock = seen.clock


def test_a_plain_log_is_observed_by_known_codes() -> None:
    """The law above is worth something: there are codes to go by."""
    line = written((0, 0, 1), 0)
    with cutting("compiled"):
        codec = get("common").open(line)
        batch = codec.parse(line * 9, {"section": None, "method": None, "bytes": None})
        assert set(batch.coded) == {"section", "method"}
        codes_are_right(batch)


@pytest.mark.parametrize("name", ["section", "method"])
def test_a_column_that_is_made_anew_has_no_known_codes(name: str) -> None:
    line = written((0, 0, 1), 0)
    with cutting("compiled"):
        codec = get("common").open(line)
        batch = codec.parse(line * 9, {"section": None, "method": None})
    anew = batch.reframed(batch.frame, {name})
    assert set(anew.coded) == {"section", "method"} - {name}
