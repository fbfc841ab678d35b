"""Lives of `tocsin run`: real processes, forked from one that has imported all of it.

Started as a program it is that process: it takes orders as lines of JSON, begins a life
for each, and tells its number and, when it is over, how it ended.
"""

from __future__ import annotations

import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.torture.doors import Step, watch_all
from tests.torture.story import STEPS, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import DataclassInstance

ROOT = Path(__file__).parents[2]
IDLE = 15
"""Idle turns after which all there is has been read, as often as it is looked for."""
SPEECH = "<speech>"


@dataclass(frozen=True)
class Order:
    """What a life is to be: over the story in `folder`.

    It dies before its `dies_at`-th change of a file (0: never), or after so many
    seconds. `tells` lets it tell the story itself, a step whenever the program rests.
    Else it is told by one that `writes`, with a pause (s) between parts. `ends` lets it
    end in peace after `IDLE` rests, else it goes on until it is killed. With more than
    one of `workers`, processes of theirs read the logs; it `listens` if it is asked to.
    One that `stops` is stopped by itself before it begins.
    """

    folder: str
    dies_at: int = 0
    dies_after: float = 0.0
    tells: bool = False
    ends: bool = True
    writes: float = 0.0
    workers: int = 1
    listens: str = "off"
    stops: bool = False


class Nursery:
    """The process that begins lives: of a module that serves orders (see `serve`)."""

    def __init__(self, module: str = "tests.torture.lives") -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def begin(self, order: DataclassInstance) -> int:
        """Begin a life; return its process number."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def end(self) -> int:
        """Wait for the end of a life; return its exit code, or less its signal."""
        return self._answer()

    def live(self, order: DataclassInstance) -> int:
        """Begin a life and wait for its end."""
        self.begin(order)
        return self.end()

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


class Life:
    """What is different in a life of ours: how it dies, and what it does at rest."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.changes = 0
        self.rests = 0
        self._asleep = False
        story = Path(order.folder)
        self._story = Story(story, made_up_times=True) if order.tells else None
        self._kept = watch_all(self._watch)

    def _watch(self, step: Step) -> None:
        if self._asleep or step.path == "<1>":
            return
        self.changes += 1
        if self.changes == self.order.dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def speak(self) -> None:
        """Let standard output count as well."""

        class Raw(io.FileIO):
            def write(raw, data: Any) -> int:  # noqa: ANN401, N805
                self._watch(Step("write", SPEECH))
                return super().write(data)

        sys.stdout = io.TextIOWrapper(io.BufferedWriter(Raw(1, "w")), encoding="utf-8")

    def rest(self, seconds: Any, /) -> None:  # noqa: ANN401 - as sleep takes it
        """Stand in for the kernel where it would let time pass."""
        del seconds
        self._asleep = True
        if self._story is not None and self._story.tell():
            self.rests = 0
        self.rests += 1
        self._asleep = False
        if self.rests == IDLE:
            os.kill(os.getpid(), signal.SIGTERM)


def _lived(order: Order) -> int:
    """Be one life of the program, to its end."""
    from tocsin.views import cli  # noqa: PLC0415 - imported long ago

    folder = Path(order.folder)
    out = os.open(folder / "said.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    err = os.open(folder / "errors.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(err, 2)
    life = Life(order)
    life.speak()
    if order.ends:
        asleep(life)
    code = cli.run(
        ["run", "-c", str(folder / "tocsin.yaml"), "--state", str(folder / "state"),
         "--listen", order.listens, "--workers", str(order.workers), "--output", "jsonl"]
    )  # fmt: skip
    sys.stdout.flush()
    (folder / "changes").write_text(str(life.changes), encoding="utf-8")
    return code


def asleep(life: Life) -> None:
    """Let time that the program would sleep through pass at once."""
    real = select.select

    def wait(r: Any, w: Any, x: Any, seconds: float | None = None) -> Any:  # noqa: ANN401
        found = real(r, w, x, 0)
        if seconds and not any(found):
            life.rest(seconds)
        return found

    time.sleep = life.rest  # noqa: TID251 - it is this that is called by what sleeps
    select.select = wait


def serve(orders: Iterable[str], live: Callable[[Any], int]) -> None:
    """Begin a life for each order; tell its number, then how it ended.

    With `dies_after` in an order, it is killed after so many seconds; one that `stops`
    begins when another lets it.
    """
    for line in orders:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                if order.get("stops"):
                    os.kill(os.getpid(), signal.SIGSTOP)
                code = live(order)
            finally:
                os._exit(code)
        print(pid, flush=True)  # noqa: T201 - this is how it answers
        if order.get("dies_after"):
            _kill(pid, order["dies_after"])
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _life(given: Any) -> int:  # noqa: ANN401 - JSON
    order = Order(**given)
    return _wrote(order) if order.writes else _lived(order)


def _kill(pid: int, after: float) -> None:
    """Kill a process after some seconds, unless it has ended before."""
    ended = os.pidfd_open(pid)
    if not select.select([ended], [], [], after)[0]:
        os.kill(pid, signal.SIGKILL)
    os.close(ended)


def _wrote(order: Order) -> int:
    """Tell the whole story as a process that writes while others read."""
    story = Story(Path(order.folder), made_up_times=False)
    while story.told < STEPS:
        for _ in story.parts(story.told):
            select.select([], [], [], order.writes)
    return 0


def _import_all() -> None:
    """Import all that a life needs: that takes longer than most of them last."""
    for name in ("pipeline.engine", "pipeline.restore", "runners.daemon",
                 "runners.desk", "runners.telling", "state.opening", "views.cli",
                 "views.cli_run", "views.cli_state", "views.jsonl", "views.quiet"):  # fmt: skip
        import_module(f"tocsin.{name}")
    check = import_module("tocsin.views.check")
    with tempfile.TemporaryDirectory() as folder:
        Story(Path(folder), made_up_times=True)
        check.read_config(Path(folder) / "tocsin.yaml")  # it imports as it reads


if __name__ == "__main__":
    _import_all()
    serve(sys.stdin, _life)
