"""What a store does when the disk does not do as it should."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.state.test_sqlite import change, filled, opened

from tocsin.model.errors import StateFull, StateUnwritable
from tocsin.state.sql import SqlStore
from tocsin.state.sqlite import Sqlite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tocsin.state.opening import FolderStore


def limited(store: FolderStore, pages: int) -> None:
    """Let the file grow by so many pages more."""
    now = store.backend.execute("PRAGMA page_count")[0][0]
    store.backend.execute(f"PRAGMA max_page_count={now + pages}")


def test_a_full_disk_saves_nothing_and_can_be_tried_again(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.commit(change(0))
    limited(store, 4)
    big = change(1, size=100_000)
    for _ in range(3):
        with pytest.raises(StateFull, match=r"state\.db.*full(.|\n)*make room"):
            store.commit(big)
        assert store.about().commits == 1
        assert store.documents() == {"n": b"0"}
        assert len(store.catalogue()) == 1
    limited(store, 1000)
    assert store.commit(big) == 2
    assert store.documents() == {"n": b"1"}
    assert store.verify() > 0
    store.close()


def test_a_disk_that_is_read_only_is_as_good_as_full(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    store.backend.execute("PRAGMA query_only=ON")
    with pytest.raises(StateFull, match="readonly"):
        store.commit(change(0))
    store.backend.execute("PRAGMA query_only=OFF")
    assert store.commit(change(0)) == 1
    store.close()


class Forgetful(Sqlite):
    """A disk that loses its answer: a commit happens, and is said to have failed."""

    forgets = False

    def execute(
        self, sql: str, values: Sequence[Any] = ()
    ) -> Sequence[tuple[Any, ...]]:
        done = super().execute(sql, values)
        if sql == "COMMIT" and self.forgets:
            self.forgets = False
            raise StateUnwritable("disk I/O error")
        return done


def test_a_commit_whose_outcome_is_unknown_is_looked_up(tmp_path: Path) -> None:
    path = filled(tmp_path / "s", 3)
    backend = Forgetful(path)
    store = SqlStore(backend)
    backend.forgets = True
    assert store.commit(change(3)) == 4
    assert store.about().commits == 4
    assert store.commit(change(4)) == 5
    assert len(store.catalogue()) == 5
    store.close()
