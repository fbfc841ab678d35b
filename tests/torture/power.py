"""Power loss: what a disk may hold afterwards, of what was written before.

What was synced is there. Of what was not, any part may be: each sector of each write,
each truncation, as many of the changes of names as came first.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tests.state.test_crash import step
from tests.torture.doors import Step, watch_all

from tocsin.state.compaction import Merged, Rule, upkeep
from tocsin.state.opening import open_folder

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

ACKNOWLEDGED = "acknowledged"


@dataclass
class _File:
    """What is certainly on the disk, and what came after it."""

    synced: bytearray = field(default_factory=bytearray)
    loose: list[Step] = field(default_factory=list)

    def sync(self) -> None:
        for one in self.loose:
            _change(self.synced, one)
        self.loose.clear()

    def after(self, chance: random.Random, luck: float, sector: int) -> bytes:
        """Return what may be found."""
        found = bytearray(self.synced)
        for one in self.loose:
            for part in _sectors(one, sector):
                if chance.random() < luck:
                    _change(found, part)
        return bytes(found)


class Disk:
    """A folder on a disk that is told what happens to it."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        self._synced: dict[str, _File] = {}
        self._loose: list[Step] = []
        self._made: dict[int, _File] = {}

    def after(self, chance: random.Random) -> dict[str, bytes]:
        """Return the files that may be found when the power comes back."""
        sector, luck = chance.choice([512, 4096]), chance.choice([0, 0.2, 0.5, 0.8, 1])
        names = dict(self._synced)
        for one in self._loose[: round(luck * len(self._loose))]:
            self._rename(names, one)
        return {name: file.after(chance, luck, sector) for name, file in names.items()}

    def take(self, one: Step) -> None:
        """Let one step happen."""
        if one.what in {"make", "unlink", "rename"}:
            if one.what == "make":
                self._made[len(self._made)] = _File()
                one = one._replace(at=len(self._made) - 1)
            self._rename(self._names, one)
            self._loose.append(one)
        elif one.what in {"write", "truncate"}:
            self._names[one.path].loose.append(one)
        elif one.path in self._names:
            self._names[one.path].sync()
        if one.to == "folder" or (one.what == "sync" and one.path not in self._names):
            for late in self._loose:
                self._rename(self._synced, late)
            self._loose.clear()

    def _rename(self, names: dict[str, _File], one: Step) -> None:
        if one.what == "make":
            names[one.path] = self._made[one.at]
        elif one.what == "unlink":
            names.pop(one.path, None)
        else:
            names[one.to] = names.pop(one.path)


def _change(content: bytearray, one: Step) -> None:
    content.extend(bytes(max(0, one.at - len(content))))
    if one.what == "truncate":
        del content[one.at :]
    else:
        content[one.at : one.at + len(one.data)] = one.data


def _sectors(one: Step, size: int) -> list[Step]:
    """Take a write apart where sectors end."""
    if one.what == "truncate":
        return [one]
    first = size - one.at % size
    cuts = [0, *range(first, len(one.data), size), len(one.data)]
    return [one._replace(at=one.at + a, data=one.data[a:b]) for a, b in pairwise(cuts)]


def join(bodies: Sequence[bytes], _: object) -> Merged:
    return Merged(0, 1, len(bodies), b"".join(bodies))


def record(folder: Path, lives: int, commits: int, out: TextIO) -> None:
    """Commit as the crash tests do, in some lives; write down each step of the disk."""

    def told(one: Step) -> None:
        row = one._replace(path=Path(one.path).name, data=one.data.hex())  # type: ignore[arg-type]
        if one.what == "rename":
            row = row._replace(to=Path(one.to).name)
        out.write(json.dumps(row) + "\n")

    kept = watch_all(told)
    for _ in range(lives):
        store = open_folder(folder, program="test", now=0)
        for _ in range(commits):
            number = store.about().commits + 1
            keep = upkeep(store, lambda _: Rule(join), 10)
            store.commit(keep + step(number))
            told(Step(ACKNOWLEDGED, "", number))
        store.close()
    del kept


def recorded(path: Path) -> list[Step]:
    """Return the steps that were written down."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        Step(what, name, at, bytes.fromhex(d), to) for what, name, at, d, to in rows
    ]


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as written:
        record(Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4]), written)
