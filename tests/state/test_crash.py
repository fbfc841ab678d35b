"""Killed at any moment, a state is one that was committed, and not an older one."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tocsin.model.state import Change, Outgoing, Position, Segment
from tocsin.state.opening import FolderStore, open_folder

ROOT = Path(__file__).parents[2]
KILLS = 40

WRITER = """
import sys
from pathlib import Path
from tests.state.test_crash import step
from tocsin.state.compaction import Merged, Rule, upkeep
from tocsin.state.opening import open_folder

def join(bodies, _):
    return Merged(0, 1, len(bodies), b"".join(bodies))

store = open_folder(Path(sys.argv[1]), program="test", now=0)
print("open", flush=True)
while True:
    number = store.about().commits + 1
    keep = upkeep(store, lambda _: Rule(join), 10)
    assert store.commit(keep + step(number)) == number
    print(number, flush=True)
"""


def step(number: int) -> Change:
    """What commit number n saves: each part says the number in its own way."""
    return Change(
        positions=(Position("s", "web", {"at": number}, number, number),),
        documents={"n": str(number).encode(), f"d{number % 7}": bytes(number % 5000)},
        segments=(Segment("t", 0, 1, 1, number.to_bytes(8, "little")),),
        outbox=(Outgoing(str(number), number, "c", 0, b"x" * (number % 900)),),
    )


def check(store: FolderStore, number: int) -> None:
    """Hold all that is in a store against what so many commits made."""
    assert store.about().commits == number
    positions = store.positions()
    if number == 0:
        assert positions == {}
        return
    assert positions["s"].bookmark == {"at": number}
    assert store.documents()["n"] == str(number).encode()
    body = b"".join(store.bodies(n.id for n in store.catalogue()))
    expected = b"".join(n.to_bytes(8, "little") for n in range(1, number + 1))
    assert body == expected
    assert len(store.outbox()) == number
    store.verify()


def killed(folder: Path, after: int, chance: random.Random) -> int:
    """Run the writer, kill it soon after so many commits; return what it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    acknowledged = -1
    for heard, line in enumerate(process.stdout, start=1):
        acknowledged = int(line) if line != "open\n" else acknowledged
        if heard > after:
            break
    for _ in range(chance.randrange(30_000)):  # a moment, as long as it may be
        pass
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read().split()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return int(rest[-1]) if rest and rest[-1].isdigit() else acknowledged


@pytest.mark.parametrize("seed", range(4))
def test_killed_anywhere_it_is_a_state_that_was_committed(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
    known = 0
    for _ in range(KILLS // 4):
        acknowledged = killed(tmp_path / "s", chance.randrange(25), chance)
        store = open_folder(tmp_path / "s", program="test", now=0, make=False)
        number = store.about().commits
        assert max(known, acknowledged) <= number <= max(known, acknowledged) + 1
        check(store, number)
        store.close()
        known = number
