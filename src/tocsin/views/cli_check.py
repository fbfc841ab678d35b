"""`tocsin check`: say whether a configuration is right, with all its problems at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tocsin.config.values import Config, SourceConfig


@click.command("check", short_help="Say whether a configuration is right.")
@click.option("-c", "--config", "option", type=click.Path(path_type=Path), metavar="FILE",
              help="The same as FILE.")  # fmt: skip
@click.option(
    "--against-state",
    "against",
    is_flag=True,
    help="Say what a reload would keep, begin and forget.",
)
@click.option(
    "--state",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="The state folder.  [default: as `tocsin run` has it]",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
def command(
    option: Path | None, file: Path | None, folder: Path | None, *, against: bool
) -> int:
    """Read a configuration, and report every problem in it, with its place and remedy.

    FILE may be a folder of files, which are one configuration. Exits with 0 when it is
    right and with 2 when it is not. With --against-state: 0 when all that is known goes
    on, 1 when a metric or an alarm would begin anew or be forgotten.
    """
    from tocsin.views.check import read_config  # noqa: PLC0415 - see Lazy

    path = file or option
    if path is None:
        raise click.UsageError("which configuration? tocsin check FILE")
    config = read_config(path)
    counts = {
        "source": config.sources,
        "metric": [m for m in config.metrics if m.name not in config.hidden],
        "calculated metric": [
            c
            for c in config.calculated_metrics
            if not (c.hidden or c.name in config.hidden)
        ],
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
        _warn_of_command(path, source)
        if _changes(source.timezone):
            click.echo(
                f"{path}: warning: source {source.name!r}: clocks in {source.timezone} "
                "are put back: times without an offset in the hour that comes twice are "
                "read as the first\n  hint: write them in UTC or with an offset",
                err=True,
            )
    _warn_of_no_data(path, config)
    _warn_of_nothing(path, config)
    return _against(config, folder) if against or folder else 0


def _warn_of_command(path: Path, source: SourceConfig) -> None:
    """Say that a command is not here: it may be where the daemon will run."""
    from shutil import which  # noqa: PLC0415 - see Lazy

    from tocsin.config.intake_values import CommandConfig  # noqa: PLC0415

    intake = source.intake
    if isinstance(intake, CommandConfig) and which(intake.argv[0]) is None:
        click.echo(
            f"{path}: warning: source {source.name!r}: there is no program "
            f"{intake.argv[0]!r} on this machine\n  hint: give its whole path",
            err=True,
        )


def _warn_of_no_data(path: Path, config: Config) -> None:
    """Say which alarms wait for no data of a metric that always has a value."""
    from tocsin.config.no_data import pointless  # noqa: PLC0415 - see Lazy

    for alarm, kind in pointless(config):
        click.echo(
            f"{path}: warning: alarm {alarm.name!r}: no_data: {alarm.no_data} never "
            f"comes true: where no event comes, a {kind} is 0\n"
            "  hint: leave it out; an alarm of kind: absence rings when nothing comes",
            err=True,
        )


def _warn_of_nothing(path: Path, config: Config) -> None:
    """Say that a configuration is right, and yet says nothing."""
    from tocsin.config.values import SourceConfig  # noqa: PLC0415 - see Lazy

    rules = config.metrics or config.alarms or config.raw_log_consumers
    if not rules and config.sources == (SourceConfig(),):
        click.echo(
            f"{path}: warning: it holds nothing to watch: no sources, no metrics, "
            "no alarms\n  hint: begin with metrics: and alarms:",
            err=True,
        )


def _against(config: Config, folder: Path | None) -> int:
    """Say what a saved state has of a configuration."""
    from tocsin.pipeline.compile import compile_plan  # noqa: PLC0415 - see Lazy
    from tocsin.pipeline.saving import compare  # noqa: PLC0415
    from tocsin.views.cli_state import default_folder, looked_at  # noqa: PLC0415
    from tocsin.views.safe import safe  # noqa: PLC0415

    where = folder or config.state.folder or default_folder(os.environ)
    with looked_at(where) as store:
        fates = compare(store, compile_plan(config.watched()))
    for fate in fates:
        why = f" ({fate.why})" if fate.why else ""
        click.echo(f"{fate.fate:9}  {fate.what:6}  {safe(fate.name)}{safe(why)}")
    return int(any(fate.fate != "kept" for fate in fates))


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
