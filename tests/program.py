"""How a test runs the program itself: as a process, with real signals and pipes."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0
"""Seconds after which a process that should have ended counts as hanging."""

Process = subprocess.Popen[bytes]


def command(*arguments: str | Path, default: Path | None = None) -> list[str]:
    """Return the command line of `tocsin`, perhaps with another default log."""
    code = "import sys; from tocsin.views import cli"
    if default is not None:
        code += "; from pathlib import Path; from tocsin.views import cli_watch"
        code += f"; cli_watch.DEFAULT = Path({str(default)!r})"
    code += "; sys.exit(cli.run(sys.argv[1:]))"
    return [sys.executable, "-c", code, *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return our environment, with the package and without what a terminal adds."""
    kept = {k: v for k, v in os.environ.items() if k not in {"TERM", "NO_COLOR"}}
    return kept | {"PYTHONPATH": str(ROOT / "src"), "PYTHONIOENCODING": "utf-8"} | more


@contextmanager
def started(
    *arguments: str | Path,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    default: Path | None = None,
) -> Iterator[Process]:
    """Start `tocsin` in a session of its own; it is gone after the block."""
    with subprocess.Popen(
        command(*arguments, default=default),
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ran(
    *arguments: str | Path,
    stdin: int | IO[Any] = subprocess.DEVNULL,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `tocsin` to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(),
        stdin=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        check=False,
        timeout=PATIENCE,
    )


def read_until(stream: IO[bytes] | None, word: bytes) -> bytes:
    """Read lines until one has the word in it; return them."""
    assert stream is not None
    seen = b""
    for line in stream:
        seen += line
        if word in line:
            return seen
    raise AssertionError(f"{word!r} was never said, but {seen!r}")


def rows(text: str | bytes) -> list[dict[str, Any]]:
    """Return JSON lines as what they stand for."""
    return [json.loads(line) for line in text.splitlines()]


def of(kind: str, said: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the records of one type."""
    return [row for row in said if row["type"] == kind]
