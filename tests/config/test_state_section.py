"""The section `state`: where a run is saved, and how long what is over is kept."""

from pathlib import Path

import pytest

from tocsin.config import load, parse
from tocsin.model.errors import ConfigError

SECOND = 1_000_000
DAY = 86_400 * SECOND


def test_without_it_there_are_defaults() -> None:
    kept = parse("metrics: []").state
    assert kept.folder is None
    assert (kept.retention.incidents, kept.retention.notifications) == (
        90 * DAY,
        30 * DAY,
    )
    assert {r // SECOND: k // DAY for r, k in kept.retention.datapoints.items()} == {
        1: 1, 60: 30, 3600: 366,
    }  # fmt: skip


def test_all_of_it_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(
        "state: {folder: here, retention: {incidents: 7d, notifications: P1D,"
        " datapoints: {1m: 2d, 10s: 1d}}}"
    )
    kept = load(file).state
    assert kept.folder == tmp_path / "here"
    assert kept.retention.incidents == 7 * DAY
    assert list(kept.retention.datapoints.items()) == [
        (10 * SECOND, DAY), (60 * SECOND, 2 * DAY),
    ]  # fmt: skip


WRONG = {
    "a resolution that is none": ("{soon: 1d}", "expected a duration"),
    "one that is no multiple of the finer": ("{2s: 1d, 5s: 2d}", "a multiple of 2s"),
    "a coarse one that is kept shorter": ("{1s: 2d, 1m: 1d}", "longer than 2d"),
    "parts of a second": ("{500ms: 1d}", "whole seconds"),
}


@pytest.mark.parametrize(("points", "said"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_kept_is_refused(points: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(f"state: {{retention: {{datapoints: {points}}}}}")
