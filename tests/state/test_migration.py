"""An older state, killed at any statement of its migration, is old or new, and whole."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.state.test_sqlite import old_file

from tocsin.state.migrations import SCHEMA
from tocsin.state.opening import FILE, open_folder
from tocsin.state.rows import seal

ROOT = Path(__file__).parents[2]
MOST_STATEMENTS = 200

OPENER = """
import os, signal, sys
from pathlib import Path
from tocsin.state.opening import open_folder
from tocsin.state.sqlite import Sqlite

left = int(sys.argv[2])
after = sys.argv[3] == "after"

def dying(do):
    def done(*args, **kwargs):
        global left
        left -= 1
        if left == 0 and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = do(*args, **kwargs)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    return done

Sqlite.execute = dying(Sqlite.execute)
Sqlite.executemany = dying(Sqlite.executemany)
open_folder(Path(sys.argv[1]), program="test", now=0)
"""


def old_state(folder: Path) -> None:
    """Leave a state of version 1 with a good deal in it."""
    folder.mkdir(mode=0o700)
    old_file(folder / FILE, 1)
    db = sqlite3.connect(folder / FILE, isolation_level=None)
    for n in range(300):
        row = (f"d{n}", bytes([n % 256]) * 3000)
        db.execute("INSERT INTO documents VALUES (?, ?, ?)", (*row, seal(row)))
    db.close()


def died(folder: Path, statement: int, when: str) -> bool:
    """Open a state, and die at a statement; False if there are not so many."""
    path = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    code = subprocess.call(
        [sys.executable, "-c", OPENER, str(folder), str(statement), when],
        env=os.environ | {"PYTHONPATH": path},
    )
    assert code in {0, -signal.SIGKILL}
    return code != 0


def test_a_migration_that_is_killed_is_done_again_or_was_done(tmp_path: Path) -> None:
    seen: set[int] = set()
    for statement in range(1, MOST_STATEMENTS):
        folder = tmp_path / f"s{statement}"
        old_state(folder)
        alive = not died(folder, statement, "after" if statement % 2 else "before")
        db = sqlite3.connect(folder / FILE)
        seen.add(db.execute("PRAGMA user_version").fetchone()[0])
        db.close()
        store = open_folder(folder, program="test", now=0)
        assert store.about().schema == SCHEMA
        assert store.about().commits == 4
        assert len(store.documents()) == 301
        store.verify()
        store.close()
        if alive:
            break
    assert alive, "it has more statements than were tried"
    assert seen == {1, SCHEMA}, "it was killed before and after it was done"
