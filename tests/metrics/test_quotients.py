"""Rates and averages are rounded once, whatever else is judged at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.runners.world import lines, points, replayed, rules

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("window", [5, 7, 60], ids="a window of {} s".format)
@pytest.mark.parametrize("seconds", [1, 300], ids="{} s at once".format)
def test_a_rate_is_the_nearest_number(
    tmp_path: Path, window: int, seconds: int
) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(lines(s for s in range(seconds) for _ in range(s % 4 + 1)))
    found = points(replayed(rules(window=window), log).records)
    assert [p.value for p in found] == [p.count / window for p in found]
