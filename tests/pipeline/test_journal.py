"""Of very many small pieces few are made, and what was saved is what is forgotten."""

import polars as pl

from tocsin.metrics.cells import Cells, stack
from tocsin.pipeline.journal import Journal


def cells(count: int) -> Cells:
    """Return cells of so many rows, numbered."""
    empty = Cells.empty()
    rows = {name: list(range(count)) for name in empty.base.columns}
    base = pl.DataFrame(rows, schema=empty.base.schema)
    return Cells(base, empty.buckets, empty.registers)


def noted(journal: Journal, begin: int, end: int) -> None:
    for row in range(begin, end):
        for shard in (0, 1):
            journal.note(shard, cells(row), cells(row + 1))


def kept(journal: Journal, shard: int) -> list[int]:
    found = stack(journal.of(shard)).base.get_column("p").to_list()
    return [int(row) for row in found]


def test_many_pieces_are_put_together_and_none_of_them_is_lost() -> None:
    journal = Journal()
    noted(journal, 0, 700)
    assert len(journal.pieces) < 300
    assert kept(journal, 0) == kept(journal, 1) == list(range(700))


def test_what_a_save_has_seen_is_forgotten_and_nothing_else() -> None:
    journal = Journal()
    noted(journal, 0, 400)
    first = journal.seal()
    noted(journal, 400, 900)  # while it is saved
    assert kept(journal, 0) == list(range(900))
    journal.forget(first)
    assert kept(journal, 1) == list(range(400, 900))
    second = journal.seal()
    noted(journal, 900, 910)
    journal.forget(first)  # the save before failed: nothing more is gone
    journal.forget(second)
    assert kept(journal, 0) == list(range(900, 910))
