"""`tocsin state`: look at a saved state, back it up, put a backup in its place."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tocsin.views.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.model.errors import StateLocked
    from tocsin.model.protocols import Store
    from tocsin.state.contents import Contents

_MOST = 20
"""Streams and incidents that are listed by name."""

_folder = click.option(
    "--state", "folder", type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER", help="The state folder.  [default: as `tocsin run` has it]",
)  # fmt: skip


@click.group(
    "state", cls=Commands, short_help="Look at, back up or restore a saved state."
)
def command() -> None:
    """Look at a saved state, back it up, or put a backup in its place.

    While the daemon holds the state, `show` and `backup` ask it for a copy; `restore`
    needs the state for itself, and ends with 4.
    """


@command.command("show")
@_folder
def show(folder: Path | None) -> int:
    """Say what is saved: streams, incidents, notifications, and how much it is."""
    from tocsin.state.contents import contents  # noqa: PLC0415 - see Lazy
    from tocsin.state.opening import FILE, size  # noqa: PLC0415

    where = folder or default_folder(os.environ)
    with looked_at(where) as store:
        click.echo(f"{where / FILE}: {_bytes(size(where / FILE))}")
        for line in told(contents(store)):
            click.echo(line)
    return 0


@command.command("backup")
@_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(folder: Path | None, file: Path) -> int:
    """Write all of a state to one new FILE, and read it back."""
    from tocsin import __version__  # noqa: PLC0415
    from tocsin.model.errors import StateLocked  # noqa: PLC0415
    from tocsin.state import backup as copies  # noqa: PLC0415
    from tocsin.state.opening import open_folder  # noqa: PLC0415

    where = folder or default_folder(os.environ)
    try:
        store = open_folder(where, program=__version__, now=0, make=False)
    except StateLocked as held:
        found = _ask_for_copy(where, file, held)
        written, commits = found["bytes"], found["commits"]
    else:
        try:
            written = copies.backup(store, file)
            commits = store.about().commits
        finally:
            store.close()
    click.echo(f"{file}: {_bytes(written)}, {commits} commits")
    return 0


@contextmanager
def looked_at(folder: Path) -> Iterator[Store]:
    """Open the state of a folder to read it; of a daemon that holds it, a copy.

    Raises:
        StateLocked: A program that gives no copies holds it.
    """
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from tocsin import __version__  # noqa: PLC0415
    from tocsin.model.errors import StateLocked  # noqa: PLC0415
    from tocsin.state.opening import open_file, open_folder  # noqa: PLC0415
    from tocsin.state.sql import SqlStore  # noqa: PLC0415

    try:
        store = open_folder(folder, program=__version__, now=0, make=False)
    except StateLocked as held:
        # Beside the state, where there is room for it, and nobody else may read.
        with TemporaryDirectory(dir=folder, prefix="look-") as place:
            copy = Path(place) / "copy.db"
            _ask_for_copy(folder, copy, held)
            backend = open_file(copy)
            try:
                yield SqlStore(backend)
            finally:
                backend.close()
        return
    try:
        yield store
    finally:
        store.close()


def _ask_for_copy(folder: Path, file: Path, held: StateLocked) -> dict[str, Any]:
    """Have the daemon that holds a state write a copy of it.

    Raises:
        StateLocked: No daemon answers.
    """
    from tocsin.model.errors import SourceError  # noqa: PLC0415
    from tocsin.views.door import Door  # noqa: PLC0415

    try:
        door = Door.of(folder)
        found: dict[str, Any] = door.ask(
            "POST", "/api/backup", {"file": str(file.absolute())}
        )
    except SourceError:
        raise held from None
    return found


@command.command("restore")
@_folder
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(folder: Path | None, file: Path) -> int:
    """Check the backup FILE, and put it in the place of a state.

    What was there is kept beside it, as state.db.replaced. Reading goes on where the
    backup stood: what the logs still hold is read again.
    """
    from tocsin.state import backup as copies  # noqa: PLC0415

    where = folder or default_folder(os.environ)
    about = copies.restore(where, file)
    click.echo(f"{where}: restored, {about.commits} commits")
    return 0


def default_folder(environ: Mapping[str, str]) -> Path:
    """Return where the state is unless one says otherwise."""
    if systemd := environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if home := environ.get("XDG_STATE_HOME"):
        return Path(home) / "tocsin"
    if os.geteuid() == 0:
        return Path("/var/lib/tocsin")
    return Path.home() / ".local" / "state" / "tocsin"


def told(found: Contents) -> Iterator[str]:
    """Yield a summary, line by line."""
    from tocsin.model.instant import iso  # noqa: PLC0415
    from tocsin.views.safe import safe  # noqa: PLC0415

    about = found.about
    yield (
        f"schema {about.schema}, by tocsin {about.program}, since"
        f" {iso(about.created)}, {about.commits} commits"
    )
    yield f"streams: {len(found.positions)}"
    for position in list(found.positions.values())[:_MOST]:
        yield (
            f"  {safe(position.stream)} ({safe(position.source)}):"
            f" {position.lines} lines, {_bytes(position.bytes)}"
        )
    yield from _more(len(found.positions))
    yield f"incidents: {_counts(found.incidents)}"
    for row in found.open[:_MOST]:
        place = f"#{row.id} {safe(row.alarm)} {safe(row.key)}"
        yield f"  {place} since {iso(row.opened)}"
    yield from _more(len(found.open))
    yield f"notifications: {_counts(found.outbox)}"
    yield f"documents: {found.documents}, {_bytes(found.document_bytes)}"
    for name, table in found.tables.items():
        yield (
            f"table {safe(name)}: {table.rows} rows in {table.segments} segments,"
            f" {_bytes(table.bytes)}"
        )


def _more(count: int) -> Iterator[str]:
    if count > _MOST:
        yield f"  and {count - _MOST} more"


def _counts(counts: Mapping[str, int]) -> str:
    told = [f"{number} {status}" for status, number in sorted(counts.items())]
    return ", ".join(told) or "none"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004 - what a unit is
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
