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
        "channel": config.channels,
    }
    told = [
        f"{len(parts)} {name}{'' if len(parts) == 1 else 's'}"
        for name, parts in counts.items()
        if parts
    ]
    click.echo(f"{path}: fine ({', '.join(told)})")
    for source in config.sources:
        if _changes(source.timezone):
            click.echo(
                f"{path}: warning: source {source.name!r}: clocks in {source.timezone} "
                "are put back: times without an offset in the hour that comes twice are "
                "read as the first\n  hint: write them in UTC or with an offset",
                err=True,
            )
    return 0


def _changes(zone: str) -> bool:
    """Whether the clocks of a zone are changed, by the rules of 2025 and 2026."""
    if zone == "UTC":
        return False
    from datetime import datetime  # noqa: PLC0415 - a rare need
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    known = ZoneInfo(zone)
    months = [
        datetime(2025 + y, m, 1, tzinfo=known) for y in (0, 1) for m in range(1, 13)
    ]
    return len({month.utcoffset() for month in months}) > 1
