"""The flood of keys that `bench.keys` makes, smaller: nothing that is exact is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.keys import Found, measured
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path


def test_a_flood_of_keys_drowns_neither_totals_nor_the_great(tmp_path: Path) -> None:
    found = measured(tmp_path, lines=216_000, limit=8_000)
    assert found.lines > 216_000
    assert found.keys > 7_200
    # The peak of a process counts from that of the one that began it: here all the tests.
    assert replace(found, memory=0).shortfalls() == []


WELL = Found(
    lines=9,
    counted=9,
    summed=9,
    keys=4,
    limit=3,
    great=99,
    rang=("exact",),
    told=1,
    memory=256,
)
WORSE = {
    "memory": replace(WELL, memory=257),
    "counted": replace(WELL, counted=8),
    "together": replace(WELL, summed=10),
    "great": replace(WELL, great=98),
    "limit": replace(WELL, keys=5),
    "no room": replace(WELL, told=6),
    "not exact": replace(WELL, rang=()),
    "is not exact": replace(WELL, rang=("exact", "more")),
}


@pytest.mark.parametrize(("word", "found"), WORSE.items(), ids=WORSE)
def test_what_falls_short_is_told(word: str, found: Found) -> None:
    (told,) = found.shortfalls()
    assert word in told
    assert WELL.shortfalls() == []
