"""`tocsin formats`: the formats that can be read, and how each reads its lines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import UsageError
from tocsin.views.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.config.values import FormatConfig
    from tocsin.model.protocols import Format


@click.group(
    "formats",
    cls=Commands,
    short_help="List the formats that can be read.",
    invoke_without_command=True,
)
@click.pass_context
def command(context: click.Context) -> int:
    """List the formats that can be read, each in a line; or show one."""
    if context.invoked_subcommand is not None:
        return 0
    from tocsin import formats  # noqa: PLC0415 - see Lazy

    names = sorted(formats.names())
    width = max(map(len, (*names, *formats.WRITTEN)))
    for name in names:
        click.echo(f"{name:<{width}}  {formats.get(name).about}")
    click.echo("\nand, written by you in a configuration:\n")
    for name in formats.WRITTEN:
        click.echo(f"{name:<{width}}  {formats.about_written(name)}")
    return 0


@command.command("show", short_help="Show the plan by which a format reads lines.")
@click.argument("name")
@click.option("-c", "--config", type=click.Path(path_type=Path), metavar="FILE",
              help="A configuration whose formats can be shown, too.")  # fmt: skip
def show(name: str, config: Path | None) -> int:
    """Show the fields of the format NAME, and the plan by which it reads its lines."""
    made = _found(name, config)
    click.echo(f"{name}: {made.about}\n\nplan")
    for line in _steps(made):
        click.echo(f"  {line}")
    from tocsin import formats  # noqa: PLC0415 - see Lazy

    message = formats.message_of(made)
    click.echo("\nfields")
    width = max(len(f.name) for f in message)
    for field in message:
        click.echo(
            f"  {field.name:<{width}}  {field.type.value:<8}  {field.about}".rstrip()
        )
    if message.open:
        click.echo("  and whatever else a line holds, by its own name")
    return 0


def _found(name: str, config: Path | None) -> Format:
    from tocsin import formats  # noqa: PLC0415 - see Lazy
    from tocsin.runners.opening import options_of_format  # noqa: PLC0415

    if config is not None:
        form = _configured(name, config)
        if form is not None:
            return formats.get_with(form.type, options_of_format(form))
    if name in formats.WRITTEN:
        hint = "show one of a configuration: tocsin formats show NAME -c FILE"
        raise UsageError(f"'{name}' is a way to write a format\n  hint: {hint}")
    return formats.get(name)


def _configured(name: str, config: Path) -> FormatConfig | None:
    """Return the format of that name, or of the source of that name."""
    from tocsin.views.check import read_config  # noqa: PLC0415 - see Lazy

    read = read_config(config)
    found = {source.name: source.format for source in read.sources}
    found |= {form.name: form for form in read.formats}
    return found.get(name)


def _steps(made: Format) -> Iterator[str]:
    plan = getattr(made, "plan", None)
    if plan is None:
        yield "read by a codec of its own"
    else:
        yield from plan().steps()
