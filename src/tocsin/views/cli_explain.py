"""`tocsin explain`: what became of the lines of a log, and why."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.config.enrich_values import EnrichConfig
    from tocsin.config.values import SourceConfig
    from tocsin.model.protocols import Codec

_SHOWN = 5
"""Lines that are shown when nothing says which."""
_MOST = 20
_WIDE = 160


@click.command("explain", short_help="Say what became of the lines of a log, and why.")
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--line",
    "numbers",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Explain the line of that number; repeatable.",
)
@click.option("--grep", metavar="TEXT", help="Explain lines that hold this text.")
@click.option(
    "--format",
    "form",
    metavar="NAME",
    help="How lines are read.",
    default="auto",
    show_default=True,
)
@click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A configuration: --format may name one of its formats or sources.",
)
@click.option("--timezone", metavar="ZONE", default="UTC", show_default=True,
              help="The zone of times that do not name one.")  # fmt: skip
def command(log: Path, **options: object) -> int:
    """Say which format took or refused lines of LOG, where, and the fields they gave.

    Without --line and --grep, the first line is explained, and the first that are refused.
    """
    from tocsin.runners.opening import open_codec  # noqa: PLC0415 - see Lazy
    from tocsin.sources import first_lines  # noqa: PLC0415

    source = _source(options)
    codec, word = open_codec(source, str(log), first_lines(log))
    if codec is None:
        raise UsageError(f"{log}: there is no line in it yet")
    click.echo(f"{log}: {word or codec.format}")
    lines = list(islice(_chosen(log, codec, options), _MOST))
    for number, line in lines:
        _say(codec, number, line)
    if not lines:
        click.echo("no such line")
    return 0 if lines else 1


def _source(options: dict[str, object]) -> SourceConfig:
    from tocsin import formats  # noqa: PLC0415 - see Lazy
    from tocsin.config.values import FormatConfig, SourceConfig  # noqa: PLC0415
    from tocsin.views.cli_formats import _configured  # noqa: PLC0415

    name, config = str(options["form"]), options["config"]
    zone = str(options["timezone"])
    form = _configured(name, config) if isinstance(config, Path) else None
    enrich = _enrich_of(name, config) if isinstance(config, Path) else None
    if form is None:
        formats.get(name, timezone=zone)
        form = FormatConfig(name=name, type=name)
    return replace(SourceConfig(), format=form, timezone=zone, enrich=enrich)


def _enrich_of(name: str, config: Path) -> EnrichConfig | None:
    """Return what the source of that name has found out about its events."""
    from tocsin.views.check import read_config  # noqa: PLC0415 - see Lazy

    sources = read_config(config).sources
    return next((s.enrich for s in sources if s.name == name), None)


def _chosen(
    log: Path, codec: Codec, options: dict[str, object]
) -> Iterator[tuple[int, bytes]]:
    """Yield the lines to be explained, with their numbers."""
    numbers, text = options["numbers"], options["grep"]
    wanted = set(numbers) if isinstance(numbers, tuple) else set()
    held = text.encode() if isinstance(text, str) else None
    if not wanted and held is None:
        yield from islice(_telling(log, codec), _SHOWN)
        return
    for number, line in _lines(log):
        if number in wanted or (held is not None and held in line):
            yield number, line
        if held is None and number >= max(wanted):
            return


def _telling(log: Path, codec: Codec) -> Iterator[tuple[int, bytes]]:
    """Yield the first line, and the first that are refused, each shape once."""
    from tocsin.formats.explaining import explain  # noqa: PLC0415 - see Lazy
    from tocsin.formats.shapes import shape  # noqa: PLC0415

    seen = set()
    for number, line in islice(_lines(log), 500):
        told = explain(codec, line)
        alike = shape(line.decode(errors="replace"))
        if number == 1 or (told.fate == "refused" and alike not in seen):
            seen.add(alike)
            yield number, line


def _lines(log: Path) -> Iterator[tuple[int, bytes]]:
    from tocsin.sources import past_reader  # noqa: PLC0415 - see Lazy

    reader, number = past_reader(log), 0
    try:
        ended = False
        while not ended:
            chunk = reader.read(1 << 20)
            ended = chunk.ended
            for line in (
                chunk.data.removesuffix(b"\n").split(b"\n") if chunk.data else ()
            ):
                number += 1
                yield number, line
    finally:
        reader.close()


_FATES = {
    "event": "an event",
    "joined": "joined to the event before it",
    "skipped": "skipped: it is blank, a header or a comment",
}


def _say(codec: Codec, number: int, line: bytes) -> None:
    from tocsin.formats.explaining import explain, takers  # noqa: PLC0415 - see Lazy
    from tocsin.formats.options import FormatOptions  # noqa: PLC0415
    from tocsin.views.safe import safe  # noqa: PLC0415

    told = explain(codec, line)
    fate = _FATES.get(
        told.fate, f"refused by {codec.format}: {safe(told.reason, _WIDE)}"
    )
    click.echo(f"\nline {number}: {fate}")
    shown = safe(line.decode(errors="replace"), _WIDE)
    click.echo(f"  {shown}")
    if told.column and line[: told.column].isascii() and told.column <= len(shown) + 1:
        click.echo(f"  {' ' * (told.column - 1)}^")
    width = max(map(len, told.fields), default=0)
    for name, value in told.fields.items():
        text = value.isoformat() if hasattr(value, "isoformat") else str(value)
        click.echo(f"    {safe(name):<{width}}  {safe(text, _WIDE)}")
    if told.fate == "refused":
        others = [
            n for n in takers(line, FormatOptions(reference=0)) if n != codec.format
        ]
        if others:
            click.echo(f"    {' and '.join(others)} would take it")
