"""Lives of a sender: a real process that sends what waits in a state, by its rules.

Started as a program it serves orders as `tests.torture.lives` does.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.torture.doors import Step, watch_all
from tests.torture.lives import serve

if TYPE_CHECKING:
    from tocsin.state.opening import FolderStore

AWAIT = 30.0


@dataclass(frozen=True)
class Errand:
    """What a life is to do: send all that waits in the state of `folder`.

    It dies before its `dies_at`-th change of a file (0: never), or by another's hand.
    One that `stops` is stopped by itself before it begins.
    """

    folder: str
    dies_at: int = 0
    stops: bool = False


def _changes_before_death(dies_at: int) -> tuple[list[int], Any]:
    """Count changes of files, and die before one of them; return the count, and keep."""
    count = [0]

    def watch(_: Step) -> None:
        count[0] += 1
        if count[0] == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    return count, watch_all(watch)


def _sent(given: Any) -> int:  # noqa: ANN401 - JSON
    """Be one life: open the state, send what waits in it, and close it."""
    errand = Errand(**given)
    folder = Path(errand.folder)
    count, kept = _changes_before_death(errand.dies_at)
    clock = SystemClock()
    store = open_folder(folder / "state", program="test", now=clock.now(), make=False)
    _send_all(folder, store, clock)
    store.close()
    del kept
    return 0 if count[0] else 1


def _send_all(folder: Path, store: FolderStore, clock: SystemClock) -> None:
    config = load(folder / "tocsin.yaml")
    room = Mailroom(store, channels_of(config, clock), clock, new_random())
    while store.outbox(("waiting",)):
        change, _ = room.turn()
        if change != Change():
            store.commit(change)
        room.settle(AWAIT)


if __name__ == "__main__":
    from tocsin.config import load
    from tocsin.model.state import Change
    from tocsin.runners.clock import SystemClock, new_random
    from tocsin.runners.mailroom import Mailroom, channels_of
    from tocsin.state.opening import open_folder

    serve(sys.stdin, _sent)
