"""What several commands share: options, a face, and how a run is ended."""

from __future__ import annotations

import os
import select
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from types import FrameType

    from tocsin.model.view import View
    from tocsin.runners.follow import Follow
    from tocsin.runners.workers import Workers

Command = TypeVar("Command", bound=Callable[..., Any])

LOGS = click.Path(path_type=Path, allow_dash=True)


def output_options(command: Command) -> Command:
    """Add `--output`, `--datapoints`, `--quiet`, `-v` and `--fail-on-alarm`."""
    for option in reversed(
        [
            click.option("--datapoints", is_flag=True, help="Show every datapoint."),
            click.option(
                "--output",
                type=click.Choice(["auto", "terminal", "plain", "jsonl"]),
                default="auto",
                show_default=True,
                help="How to show it: auto is a live screen on a terminal, else plain.",
            ),
            click.option(
                "-q",
                "--quiet",
                is_flag=True,
                help="Say nothing about the run itself but errors.",
            ),
            click.option(
                "-v", "--verbose", is_flag=True, help="Say more about the run itself."
            ),
            click.option(
                "--fail-on-alarm", is_flag=True, help="Exit with 1 if an alarm rang."
            ),
        ]
    ):
        command = option(command)
    return command


def workers_option(command: Command) -> Command:
    """Add `--workers`."""
    return click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Processes that read files.  [default: as many as are worth it]",
    )(command)


def config_option(command: Command) -> Command:
    """Add `-c`."""
    return click.option(
        "-c",
        "--config",
        "config_path",
        type=click.Path(path_type=Path),
        required=True,
        metavar="FILE",
        help="The configuration: YAML, JSON or TOML; or a folder of such files.",
    )(command)


@contextmanager
def showing(
    given: dict[str, object], clock: Callable[[], float], *, periods: bool = True
) -> Iterator[View]:
    """Open the face that is asked for, and leave the screen in order.

    `periods`: whether there will be statistics of periods to show.
    """
    from tocsin.views.protocol import choose  # noqa: PLC0415 - see Lazy
    from tocsin.views.quiet import Quiet  # noqa: PLC0415

    if given["quiet"] and given["verbose"]:
        raise UsageError("--quiet and --verbose: choose one")
    view = choose(str(given["output"]), sys.stdout, sys.stderr, clock, periods=periods)
    view = Quiet(view) if given["quiet"] else view
    try:
        yield view
    finally:
        view.close()


@contextmanager
def sharing(runner: Follow, workers: int | None) -> Iterator[None]:
    """Have processes read what is followed, and end them at last; with 1, none."""
    if workers is None or workers == 1:
        yield
        return
    from tocsin.runners.processes import crew_of  # noqa: PLC0415 - see Lazy

    crew = crew_of(runner.session, runner.clock, workers)
    runner.share(crew)
    try:
        yield
    finally:
        crew.close()


@contextmanager
def begun(paths: Sequence[Path], workers: int) -> Iterator[int | Workers]:
    """Start the processes that will read files, where it is plain that they will.

    They load what they need while we do. Else this is the number that was asked for.
    """
    total = sum(map(_bytes, paths))
    if not total:
        yield workers
        return
    from tocsin.runners.workers import (  # noqa: PLC0415 - see Lazy
        Workers,
        default_workers,
        one_thread_each,
    )

    count = workers or default_workers(total)
    if count == 1:
        yield count
        return
    with one_thread_each():  # we read as they do, when we import Polars by and by
        pool = Workers(count - 1)
        try:
            yield pool
        finally:
            pool.close()


def _bytes(path: Path) -> int:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first ctrl-C or SIGTERM; the second ctrl-C ends at once."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        # The second one still leaves the terminal in order; the third need not.
        signal.signal(signal.SIGINT, interrupt)
        stop()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def on_hangup(call: Callable[[], None]) -> Iterator[None]:
    """Call something at each SIGHUP, which would end us otherwise."""
    before = signal.signal(signal.SIGHUP, lambda _number, _frame: call())
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def reader_gone() -> Callable[[], bool]:
    """Return a test whether nobody reads our standard output any more.

    A run that says nothing for an hour would not notice by writing.
    """
    try:
        fd = sys.stdout.fileno()
        piped = stat.S_ISFIFO(os.fstat(fd).st_mode)
    except (OSError, ValueError):
        piped = False
    if not piped:
        return lambda: False
    poll = select.poll()
    poll.register(fd, 0)
    return lambda: any(event & select.POLLERR for _, event in poll.poll(0))
