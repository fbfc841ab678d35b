"""What only a file can suffer: locks, damage, loss, age, and a disk that is full."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.laws import law

from tocsin.model.errors import (
    StateDamaged,
    StateError,
    StateLocked,
    StateMissing,
)
from tocsin.model.state import Change, IncidentRow, Outgoing, Position, Segment
from tocsin.state.backup import backup, restore, verify
from tocsin.state.migrations import SCHEMA, STEPS, statements
from tocsin.state.opening import FILE, LOCK, FolderStore, open_folder
from tocsin.state.rows import seal
from tocsin.state.sqlite import APPLICATION, create

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]


def opened(folder: Path, *, make: bool = True) -> FolderStore:
    return open_folder(folder, program="test", now=1, make=make)


def change(n: int, size: int = 2000) -> Change:
    body = random.Random(n).randbytes(size)  # noqa: S311 - seeded, no secrets
    return Change(
        positions=(Position("s", "web", {"at": n}, lines=n),),
        documents={"n": str(n).encode()},
        segments=(Segment("t", n, n + 1, 1, body),),
        incidents=(IncidentRow(n + 1, "a", "{}", "open", n),),
        outbox=(Outgoing(f"key {n}", n, "mail", 0, b"body"),),
    )


def filled(folder: Path, commits: int = 20) -> Path:
    """Make a state of some commits; return its file."""
    store = opened(folder)
    for n in range(commits):
        store.commit(change(n))
    store.close()
    return folder / FILE


def test_it_writes_ahead_and_syncs_on_one_connection(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    asked = {
        name: store.backend.execute(f"PRAGMA {name}")[0][0]
        for name in ("journal_mode", "synchronous", "locking_mode", "application_id")
    }
    assert asked == {
        "journal_mode": "wal",
        "synchronous": 2,
        "locking_mode": "exclusive",
        "application_id": APPLICATION,
    }
    store.commit(change(1))
    # Not even another program gets in: that is what keeps the log whole.
    other = sqlite3.connect(store.path, timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM meta")
    other.close()
    store.close()


def test_folder_and_files_are_ours_alone(tmp_path: Path) -> None:
    store = opened(tmp_path / "deep" / "s")
    store.commit(change(1))
    assert (tmp_path / "deep" / "s").stat().st_mode & 0o777 == 0o700
    files = list((tmp_path / "deep" / "s").iterdir())
    assert {f.name for f in files} >= {FILE, LOCK, FILE + "-wal"}
    assert {f.stat().st_mode & 0o077 for f in files} == {0}
    store.close()


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(StateError, match=r"others may write.*0777"):
        opened(folder)


def test_a_second_process_is_told_who_holds_it(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    code = (
        "import sys; from pathlib import Path\n"
        "from tocsin.state.opening import open_folder\n"
        "from tocsin.model.errors import StateLocked\n"
        "try: open_folder(Path(sys.argv[1]), program='x', now=0)\n"
        "except StateLocked as error: print(error.pid, error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "s")],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.startswith(f"{os.getpid()} ")
    assert f"held by process {os.getpid()}" in told.stdout
    store.close()
    opened(tmp_path / "s").close()


def test_a_second_opening_in_the_same_process_is_refused(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    with pytest.raises(StateLocked):
        opened(tmp_path / "s")
    store.commit(change(1))
    store.close()


def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    ready, go_on = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(go_on)
        os.read(ready, 1)
        os._exit(0)
    os.close(ready)
    store.close()
    opened(tmp_path / "s").close()
    os.close(go_on)
    assert os.waitpid(child, 0)[1] == 0


def test_nothing_is_made_where_something_is_expected(tmp_path: Path) -> None:
    with pytest.raises(StateMissing, match="no state here"):
        opened(tmp_path / "s", make=False)
    assert not (tmp_path / "s").exists()


def test_a_state_that_has_gone_is_not_a_first_start(tmp_path: Path) -> None:
    filled(tmp_path / "s").unlink()
    with pytest.raises(StateMissing, match="there has been one"):
        opened(tmp_path / "s")
    (tmp_path / "s" / LOCK).unlink()
    opened(tmp_path / "s").close()


def test_a_crash_while_it_is_made_leaves_a_first_start(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir(mode=0o700)
    (tmp_path / "s" / (FILE + ".new")).write_bytes(b"half of it")
    store = opened(tmp_path / "s")
    assert store.commit(change(1)) == 1
    store.close()


def zero_bytes(_: bytes) -> bytes:
    return b""


def zeros(data: bytes) -> bytes:
    return bytes(len(data))


DAMAGE = {
    "nothing is left": zero_bytes,
    "all is zeros": zeros,
    "another program's file": lambda data: b"PK\x03\x04" + data[4:],
    "the header is torn": lambda data: bytes(512) + data[512:],
    "the end is missing": lambda data: data[: len(data) // 2],
    "a page is torn": lambda data: data[:8192] + zeros(data[8192:12288]) + data[12288:],
}


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_named_with_the_file_and_what_to_do(
    harm: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = filled(tmp_path / "s")
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(StateDamaged, match=r"state\.db.*damaged(.|\n)*restore"):
        read_all(tmp_path / "s")
    assert path.exists(), "it is kept, to be looked at"


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = filled(tmp_path / "s")
    path.unlink()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    with pytest.raises(StateDamaged, match="not that of a state"):
        opened(tmp_path / "s")


def read_all(folder: Path) -> None:
    store = opened(folder)
    try:
        store.verify()
    finally:
        store.close()


def test_a_flipped_bit_is_noticed_or_harmless(tmp_path: Path) -> None:
    """What can be read is what was written, whichever bit of the file is turned."""
    path = filled(tmp_path / "s", 6)
    original = path.read_bytes()
    whole = content(tmp_path / "s")

    @law(300)
    @given(st.integers(0, len(original) - 1), st.integers(0, 7))
    def holds(at: int, bit: int) -> None:
        data = bytearray(original)
        data[at] ^= 1 << bit
        for file in path.parent.iterdir():
            if file.name != LOCK:
                file.unlink()
        path.write_bytes(data)
        try:
            found = content(path.parent)
        except StateError:
            return
        assert found == whole

    holds()


def content(folder: Path) -> object:
    """Return all that is in a state."""
    store = opened(folder)
    try:
        store.verify()
        notes = store.catalogue()
        return (
            store.about(), store.positions(), store.documents(), notes,
            store.bodies(n.id for n in notes), store.incidents(["open"]),
            store.outbox(["waiting"], 9),
        )  # fmt: skip
    finally:
        store.close()


def test_an_older_schema_is_brought_up_to_ours(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    old_file(folder / FILE, 1)
    store = opened(folder)
    assert store.about().schema == SCHEMA
    assert (store.about().program, store.about().commits) == ("test", 4)
    assert store.documents() == {"d": b"kept"}
    assert store.outbox() == []
    store.commit(change(1))
    store.close()
    again = opened(folder)
    assert again.about().commits == 5
    again.close()


def old_file(path: Path, version: int) -> None:
    """Write by hand what an older version left."""
    db = sqlite3.connect(path, isolation_level=None)
    for statement in "".join(STEPS[:version]).replace("{blob}", "BLOB").split(";"):
        db.execute(statement)
    meta = {"schema": "1", "program": "0.0.1", "created": "5", "commits": "4"}
    for row in meta.items():
        db.execute("INSERT INTO meta VALUES (?, ?, ?)", (*row, seal(row)))
    document = ("d", b"kept")
    db.execute("INSERT INTO documents VALUES (?, ?, ?)", (*document, seal(document)))
    db.execute(f"PRAGMA application_id={APPLICATION}")
    db.execute(f"PRAGMA user_version={version}")
    db.close()


def test_a_newer_schema_is_refused_with_both_versions(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    create(folder / FILE, statements(0, "BLOB"), SCHEMA + 7)
    with pytest.raises(StateError, match=f"schema {SCHEMA + 7}.*up to {SCHEMA}"):
        opened(folder)


def test_a_backup_is_a_whole_state_in_one_file(tmp_path: Path) -> None:
    store = opened(tmp_path / "s")
    for n in range(5):
        store.commit(change(n))
    size = backup(store, tmp_path / "copy.db")
    assert size == (tmp_path / "copy.db").stat().st_size
    assert (tmp_path / "copy.db").stat().st_mode & 0o077 == 0
    bodies = store.bodies(n.id for n in store.catalogue())
    store.commit(change(9))
    store.close()
    assert verify(tmp_path / "copy.db").commits == 5
    assert restore(tmp_path / "s", tmp_path / "copy.db").commits == 5
    again = opened(tmp_path / "s")
    assert again.about().commits == 5
    assert again.bodies(n.id for n in again.catalogue()) == bodies
    again.close()
    assert verify(tmp_path / "s" / (FILE + ".replaced")).commits == 6


def test_a_damaged_backup_changes_nothing(tmp_path: Path) -> None:
    filled(tmp_path / "s", 3)
    copy = tmp_path / "copy.db"
    other = opened(tmp_path / "other")
    other.commit(Change(documents={"d": b"a word that can be found"}))
    other.close()
    data = (tmp_path / "other" / FILE).read_bytes()
    assert data.count(b"can be found") == 1
    data = data.replace(b"can be found", b"can be fined")
    copy.write_bytes(data)
    with pytest.raises(StateDamaged):
        restore(tmp_path / "s", copy)
    store = opened(tmp_path / "s")
    assert store.about().commits == 3
    store.close()
    assert sorted(f.name for f in (tmp_path / "s").iterdir()) == [FILE, LOCK]


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_state_can_be_restored(
    harm: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = filled(tmp_path / "s", 3)
    shutil.copy(path, tmp_path / "copy.db")
    path.write_bytes(harm(path.read_bytes()))
    restore(tmp_path / "s", tmp_path / "copy.db")
    store = opened(tmp_path / "s")
    assert store.about().commits == 3
    store.close()


def test_nothing_is_backed_up_over_another_file(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    store = opened(tmp_path / "s")
    with pytest.raises(StateError, match="there already"):
        backup(store, tmp_path / "precious")
    store.close()
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_running_state_is_not_restored_over(tmp_path: Path) -> None:
    path = filled(tmp_path / "other")
    store = opened(tmp_path / "s")
    with pytest.raises(StateLocked):
        restore(tmp_path / "s", path)
    store.close()
