"""`tocsin replay`: the same rules over past logs, as fast as the machine allows."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import UsageError
from tocsin.views.cli_options import (
    LOGS,
    config_option,
    output_option,
    stopping,
    workers_option,
)

if TYPE_CHECKING:
    from tocsin.config.values import Config
    from tocsin.sources import Family


@click.command("replay", short_help="The rules over past logs, at full speed.")
@config_option
@click.argument("logs", nargs=-1, type=LOGS, metavar="[LOG]...")
@click.option("--datapoints", is_flag=True, help="Show every datapoint (jsonl).")
@click.option("--report", is_flag=True, help="Show the periodic statistics, too.")
@click.option("--source", metavar="NAME", help="The source that LOG belongs to.")
@click.option("--fail-on-alarm", is_flag=True, help="Exit with 1 if an alarm rang.")
@output_option
@workers_option
def command(config_path: Path, logs: tuple[Path, ...], **given: object) -> int:
    """Run a configuration over past logs, and say what would have rung.

    LOG takes the place of the source's path in the configuration. The answer is the
    same as it was, or would have been, live; and for any number of workers.
    """
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.replay import Replay  # noqa: PLC0415
    from tocsin.runners.session import Session, Wishes  # noqa: PLC0415
    from tocsin.views.check import read_config  # noqa: PLC0415
    from tocsin.views.protocol import choose  # noqa: PLC0415

    config = read_config(config_path)
    source = _source(config, logs, given["source"])
    streams = _streams(config, logs, source)
    clock = SystemClock()
    view = choose(str(given["output"]), sys.stdout, sys.stderr, clock.monotonic)
    try:
        wishes = Wishes(
            statistics=(source or config.sources[0].name) if given["report"] else None,
            datapoints=bool(given["datapoints"]),
        )
        session = Session(config, view, wishes)
        runner = Replay(session, clock, workers=int(str(given["workers"])))
        with stopping(runner.stop):
            runner.run(streams, clock.now())
    finally:
        view.close()
    if runner.stopped:
        return 130
    return 1 if given["fail_on_alarm"] and session.engine.state.opened else 0


def _source(config: Config, logs: tuple[Path, ...], wanted: object) -> str | None:
    """Return the source that the logs on the command line belong to."""
    names = [source.name for source in config.sources]
    if wanted is not None:
        if wanted not in names:
            known = ", ".join(names)
            message = f"--source: there is no source {wanted!r}; there are {known}"
            raise UsageError(message)
        return str(wanted)
    if logs and len(names) > 1:
        known = ", ".join(names)
        message = f"several sources ({known}): say with --source whose logs these are"
        raise UsageError(message)
    return names[0] if logs else None


def _streams(
    config: Config, logs: tuple[Path, ...], source: str | None
) -> list[tuple[str, Family]]:
    from tocsin.sources import expand, families  # noqa: PLC0415 - see Lazy

    if source is not None and logs:
        return [(source, family) for family in families(expand(logs))]
    base = config.base or Path()
    return [
        (each.name, family)
        for each in config.sources
        for family in families(expand([base / path for path in each.path]))
    ]
