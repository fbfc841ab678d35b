"""`tocsin incidents`, `ack`, `silence`: what people do with a running daemon."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import click

from tocsin.views.cli_state import default_folder
from tocsin.views.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tocsin.views.door import Door

_state = click.option(
    "--state", "folder", type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER", help="The daemon's state folder.  [default: as `tocsin run` has it]",
)  # fmt: skip
_json = click.option("--json", "plain", is_flag=True, help="Print JSON.")
_by = click.option("--by", metavar="NAME", help="Who you are.  [default: your login]")


def _door(folder: Path | None) -> Door:
    from tocsin.views.door import Door  # noqa: PLC0415 - see Lazy

    return Door.of(folder or default_folder(os.environ))


def _me(given: str | None) -> str:
    return given or getpass.getuser()


def _show(
    found: Any,  # noqa: ANN401
    *,
    plain: bool,
    lines: Callable[[Any], Iterator[str]],
) -> None:
    if plain:
        import json  # noqa: PLC0415 - see Lazy

        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for line in lines(found):
        click.echo(line)


@click.command(
    "incidents", short_help="List incidents of a running daemon, or show one."
)
@click.argument("number", type=int, required=False, metavar="[ID]")
@click.option("--all", "every", is_flag=True, help="List those that are over, too.")
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True,
              metavar="N", help="How many to list.")  # fmt: skip
@click.option("--note", metavar="TEXT", help="Write a note to the history of ID first.")
@_by
@_json
@_state
def incidents(  # noqa: PLR0913 - one for each option
    number: int | None,
    folder: Path | None,
    note: str | None,
    by: str | None,
    *,
    every: bool,
    most: int,
    plain: bool,
) -> int:
    """List the incidents that are open, or show what became of one."""
    door = _door(folder)
    if note is not None:
        if number is None:
            raise click.UsageError("--note: to which incident? Give its ID")
        body = {"by": _me(by), "text": note}
        door.ask("POST", f"/api/incidents/{number}/note", body)
    if number is not None:
        found = door.ask("GET", f"/api/incidents/{number}")
        _show(found, plain=plain, lines=_history)
        return 0
    query = {"most": most} | ({} if every else {"status": "open"})
    found = door.ask("GET", f"/api/incidents?{urlencode(query)}")
    _show(found, plain=plain, lines=_list)
    return 0


@click.command("ack", short_help="Say that you work on an incident.")
@click.argument("number", type=int, metavar="ID")
@click.option("--note", default="", metavar="TEXT", help="What the others should know.")
@_by
@_state
def ack(number: int, note: str, by: str | None, folder: Path | None) -> int:
    """Say that you work on an incident: it is not repeated, its recovery is told."""
    body = {"by": _me(by), "note": note}
    found = _door(folder).ask("POST", f"/api/incidents/{number}/ack", body)
    click.echo(f"#{found['id']} {found['alarm']}: acknowledged by {body['by']}")
    return 0


@click.group("silence", cls=Commands, short_help="Keep alerts quiet for a while.")
def silence() -> None:
    """Keep alerts quiet for a while; list silences; end one early."""


@silence.command("add")
@click.argument("match", nargs=-1, required=True, metavar="MATCHER...")
@click.option("--for", "duration", default="2h", show_default=True, metavar="TIME",
              help="How long.")  # fmt: skip
@click.option("--comment", default="", metavar="TEXT", help="Why.")
@_by
@_state
def add(
    match: tuple[str, ...],
    duration: str,
    comment: str,
    by: str | None,
    folder: Path | None,
) -> int:
    """Keep alerts quiet whose labels match all of MATCHER, such as 'team="web"'."""
    from tocsin.config import duration as parsed  # noqa: PLC0415 - see Lazy
    from tocsin.model.errors import UsageError  # noqa: PLC0415

    try:
        seconds = parsed(duration) // 1_000_000
    except ValueError as error:
        message = (
            f"--for: expected {error}, got {duration!r}\n  hint: such as 2h or 30m"
        )
        raise UsageError(message) from error
    body = {"match": list(match), "seconds": seconds, "by": _me(by), "comment": comment}
    found = _door(folder).ask("POST", "/api/silences", body)
    rings = (
        f"{found['matching']} that ring now match"
        if found["matching"]
        else ("nothing that rings now matches: see tocsin incidents --json")
    )
    click.echo(
        f"{found['id']}: {found['match']} is quiet until {found['end']} ({rings})"
    )
    return 0


@silence.command("list")
@_json
@_state
def listed(folder: Path | None, *, plain: bool) -> int:
    """List silences, those in force first."""
    _show(_door(folder).ask("GET", "/api/silences"), plain=plain, lines=_silences)
    return 0


@silence.command("expire")
@click.argument("name", metavar="ID")
@_state
def expire(name: str, folder: Path | None) -> int:
    """End a silence now."""
    found = _door(folder).ask("DELETE", f"/api/silences/{quote(name, safe='')}")
    click.echo(f"{found['id']}: {found['match']} is no longer quiet")
    return 0


def _list(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        yield "no incidents"
    for row in found:
        yield _line(row)


def _line(row: dict[str, Any]) -> str:
    from tocsin.views.safe import safe  # noqa: PLC0415 - see Lazy

    key = " ".join(f"{name}={value}" for name, value in row["key"].items())
    parts = [
        f"#{row['id']}",
        row["status"],
        row["level"] or "",
        row["alarm"],
        key,
        f"since {row['opened']}",
    ]
    if row["closed"]:
        parts.append(f"until {row['closed']}")
    if row["acknowledged_by"]:
        works = "worked" if row["closed"] else "works"
        parts.append(f"({row['acknowledged_by']} {works} on it)")
    return safe(" ".join(part for part in parts if part))


def _history(row: dict[str, Any]) -> Iterator[str]:
    from tocsin.views.safe import safe  # noqa: PLC0415 - see Lazy

    yield _line(row)
    if row["text"]:
        yield f"  {safe(row['text'])}"
    for entry in row["history"]:
        words = [
            str(entry[name])
            for name in (
                "by",
                "channel",
                "kind",
                "why",
                "words",
                "detail",
                "message",
                "note",
                "text",
            )
            if entry.get(name)
        ]
        yield safe(f"  {entry['at']}  {entry['event']}  {', '.join(words)}".rstrip())


def _silences(found: list[dict[str, Any]]) -> Iterator[str]:
    from tocsin.views.safe import safe  # noqa: PLC0415 - see Lazy

    if not found:
        yield "no silences"
    for row in found:
        until = "until" if row["active"] else "over since"
        comment = f": {row['comment']}" if row["comment"] else ""
        yield safe(
            f"{row['id']}  {row['match']}  {until} {row['end']}  by {row['author']}{comment}"
        )


command = incidents
