"""Compiled counting under sanitizers: no rows lead it out of bounds, and it counts as loops do.

`sanitized_rows.c` has the library in it, and says what is held of each function.
"""

from pathlib import Path

import pytest
from tests.native.sanitizers import built, run

SEEDS = range(4)
FUNCTIONS = ("tally", "sketch", "registers", "estimate", "course")
HANDED_OVER = ("columns", "lists")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions that read rows, with sanitizers."""
    return built("sanitized_rows.c", tmp_path_factory.mktemp("sanitized"))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_rows_are_read_as_loops_read_them_or_refused(
    function: str, seed: int, program: Path
) -> None:
    assert run(program, function, str(seed)) == ""


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("what", HANDED_OVER)
def test_what_is_handed_over_outlives_what_it_was_made_by(
    what: str, seed: int, program: Path
) -> None:
    assert run(program, what, str(seed)) == ""


def test_a_stream_of_another_type_is_refused(program: Path) -> None:
    assert run(program, "types", "0") == ""


def test_a_stream_of_other_columns_than_are_asked_for_is_refused(program: Path) -> None:
    assert run(program, "shapes", "0") == ""
