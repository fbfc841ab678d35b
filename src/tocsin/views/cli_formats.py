"""`tocsin formats`: the formats that can be read."""

from __future__ import annotations

import click


@click.command("formats", short_help="List the formats that can be read.")
def command() -> int:
    """List the formats that can be read, each in a line."""
    from tocsin import formats  # noqa: PLC0415 - see Lazy

    names = sorted(formats.names())
    width = max(map(len, names))
    for name in names:
        click.echo(f"{name:<{width}}  {formats.get(name).about}")
    return 0
