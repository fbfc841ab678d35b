"""A disk that is really full: needs root to mount a small one."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
from typing import TYPE_CHECKING

import pytest

from tocsin.model.errors import StateFull
from tocsin.model.state import Change, Segment
from tocsin.state.opening import FolderStore, open_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount"),
]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of a megabyte."""
    at = tmp_path / "disk"
    at.mkdir()
    mounted = mount("-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(at))
    if not mounted:
        pytest.skip("mounting is not allowed here")
    yield at
    subprocess.run(["/bin/umount", "-l", str(at)], check=True)


def mount(*words: str) -> bool:
    done = subprocess.run(["/bin/mount", *words], check=False, capture_output=True)
    return done.returncode == 0


def as_many_as_fit(store: FolderStore) -> int:
    """Commit until there is no room; return how many commits there were."""
    done = 0
    while True:
        try:
            done = store.commit(piece(done))
        except StateFull:
            return done


def piece(n: int) -> Change:
    noise = random.Random(n).randbytes(50_000)  # noqa: S311 - seeded, no secrets
    body = Segment("t", n, n + 1, 1, noise)
    return Change(segments=(body,), documents={"n": str(n).encode()})


def test_a_full_disk_stops_commits_until_there_is_room(disk: Path) -> None:
    store = open_folder(disk / "s", program="test", now=0)
    done = as_many_as_fit(store)
    assert done > 2
    for _ in range(3):
        with pytest.raises(StateFull):
            store.commit(piece(done))
    assert store.documents() == {"n": str(done - 1).encode()}
    assert mount("-o", "remount,size=8m", str(disk))
    assert store.commit(piece(done)) == done + 1
    store.close()
    again = open_folder(disk / "s", program="test", now=0, make=False)
    assert again.about().commits == done + 1
    assert len(again.catalogue()) == done + 1
    again.verify()
    again.close()


def test_a_disk_that_others_have_filled_stops_commits(disk: Path) -> None:
    store = open_folder(disk / "s", program="test", now=0)
    store.commit(Change(documents={"n": b"1"}))
    filler = disk / "filler"
    fill(filler)
    with pytest.raises(StateFull):
        store.commit(piece(1))
    filler.unlink()
    assert store.commit(piece(1)) == 2
    store.close()


def fill(path: Path) -> None:
    """Write to a file until nothing more fits on its disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
