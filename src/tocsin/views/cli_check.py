"""`tocsin check`: say whether a configuration is right, with all its problems at once."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("check", short_help="Say whether a configuration is right.")
@click.option("-c", "--config", "option", type=click.Path(path_type=Path), metavar="FILE",
              help="The same as FILE.")  # fmt: skip
@click.argument("file", required=False, type=click.Path(path_type=Path))
def command(option: Path | None, file: Path | None) -> int:
    """Read a configuration, and report every problem in it, with its place and remedy.

    Exits with 0 when it is right and with 2 when it is not.
    """
    from tocsin.views.check import read_config  # noqa: PLC0415 - see Lazy

    path = file or option
    if path is None:
        raise click.UsageError("which configuration? tocsin check FILE")
    config = read_config(path)
    counts = {
        "source": config.sources,
        "metric": config.metrics,
        "calculated metric": config.calculated_metrics,
        "alarm": config.alarms,
        "raw log consumer": config.raw_log_consumers,
    }
    told = [
        f"{len(parts)} {name}{'' if len(parts) == 1 else 's'}"
        for name, parts in counts.items()
        if parts
    ]
    click.echo(f"{path}: fine ({', '.join(told)})")
    return 0
