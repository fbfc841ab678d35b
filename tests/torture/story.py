"""A story of two logs, told in steps: what they say, how they are rotated, what rings.

The same lines come of it however fast it is told. One log is renamed, the other copied
and emptied; alarms ring and recover in both.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from tests.runners.world import line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG: Final = """
version: 1
sources:
  - {name: web, path: web.log*, format: common, lateness: 30s}
  - {name: api, path: api.log*, format: common, lateness: 30s}
metrics:
  - {name: requests, source: web, type: RATE, period: 10s, every: 1s}
  - {name: sections, source: api, type: COUNT, period: 20s, every: 1s, group_by: [section]}
  - {name: sizes, source: web, type: P95, field: bytes, period: 30s, every: 5s}
  - {name: errors, source: api, type: SUM, field: bytes, period: 10s, where: "status >= 500"}
alarms:
  - {name: busy, metric: requests, threshold: 5, recovery_threshold: 2}
  - {name: "crowd in {section}", metric: sections, threshold: 40, recovery_threshold: 20}
  - {name: broken, metric: errors, threshold: 100, recovery_threshold: 50}
"""
STEPS: Final = 15
SECONDS: Final = 15
"""Of the lines' own time, in one step."""
LOGS: Final = ("web.log", "api.log")


def lines(step: int, log: str) -> list[bytes]:
    """Return what a log says in one step: much in every third pair of steps."""
    loud = step // 2 % 3 == (1 if log == "web.log" else 2)
    said = []
    for second in range(SECONDS):
        at = step * SECONDS + second
        for number in range(9 if loud else 1):
            status = 503 if loud and second % 2 else 200
            said.append(line(at, f"/{'abc'[(at + number) % 3]}/{at}-{number}", status))
    if step == STEPS - 1:  # what has rung is over
        said.append(line(STEPS * SECONDS + 240, "/end"))
    return said


def total(log: str) -> int:
    """Return how many lines a log has in the end."""
    return sum(len(lines(step, log)) for step in range(STEPS))


class Story:
    """Tells it in a folder, on from where it was left: `told` counts the steps there."""

    def __init__(self, folder: Path, *, made_up_times: bool) -> None:
        self.folder = folder
        self._told = folder / "told"
        self._made_up = made_up_times
        if not self._told.exists():
            (folder / "tocsin.yaml").write_text(CONFIG, encoding="utf-8")
            for log in LOGS:
                (folder / log).touch()
                self._touch(folder / log)
            self._told.write_text("0", encoding="utf-8")

    @property
    def told(self) -> int:
        return int(self._told.read_text(encoding="utf-8"))

    def tell(self) -> bool:
        """Tell the next step; return whether there was one."""
        step = self.told
        if step == STEPS:
            return False
        for _ in self.parts(step):
            pass
        return True

    def parts(self, step: int) -> Iterator[None]:
        """Tell a step in parts, between which others may look."""
        for log in LOGS:
            said = lines(step, log)
            half = b"".join(said[: len(said) // 2]) + said[len(said) // 2][:9]
            self._append(log, half)
            yield
            self._append(log, b"".join(said)[len(half) :])
            yield
        if step % 3 == 2:
            self._rotate(step // 3)
        self._told.write_text(str(step + 1), encoding="utf-8")
        yield

    def _append(self, log: str, data: bytes) -> None:
        with (self.folder / log).open("ab") as out:
            out.write(data)
        self._touch(self.folder / log)

    def _rotate(self, number: int) -> None:
        for log in LOGS:
            for old in range(number, 0, -1):
                (self.folder / f"{log}.{old}").rename(self.folder / f"{log}.{old + 1}")
        web, api = (self.folder / log for log in LOGS)
        web.rename(self.folder / "web.log.1")
        web.touch()
        shutil.copyfile(api, self.folder / "api.log.1")
        self._touch(self.folder / "api.log.1")
        os.truncate(api, 0)
        self._touch(web)
        self._touch(api)

    def _touch(self, path: Path) -> None:
        """Give a file a time of change of its own, where steps come too fast for that."""
        if self._made_up:
            times = self.folder / "times"
            now = len(times.read_bytes()) if times.exists() else 0
            with times.open("ab") as out:
                out.write(b".")
            os.utime(path, (1_700_000_000 + now, 1_700_000_000 + now))
