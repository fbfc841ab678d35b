"""What several commands share: options, and how a run is ended by signals."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from types import FrameType

Command = TypeVar("Command", bound=Callable[..., Any])

LOGS = click.Path(path_type=Path, allow_dash=True)


def output_option(command: Command) -> Command:
    """Add `--output`."""
    return click.option(
        "--output",
        type=click.Choice(["auto", "terminal", "plain", "jsonl"]),
        default="auto",
        show_default=True,
        help="How to show it: auto is a live screen on a terminal, else plain text.",
    )(command)


def workers_option(command: Command) -> Command:
    """Add `--workers`."""
    return click.option(
        "--workers",
        type=click.IntRange(min=0),
        default=0,
        metavar="N",
        help="Processes that read and parse.  [default: as many as are worth it]",
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
        help="The configuration: YAML, JSON or TOML.",
    )(command)


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` at the first ctrl-C or SIGTERM; the second ctrl-C ends at once."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        stop()

    before = {s: signal.signal(s, handle) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
