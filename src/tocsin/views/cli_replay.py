"""`tocsin replay`: the same rules over past logs, as fast as the machine allows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import UsageError
from tocsin.views.cli_options import (
    LOGS,
    begun,
    config_option,
    output_options,
    reader_gone,
    showing,
    stopping,
    workers_option,
)

if TYPE_CHECKING:
    from tocsin.config.values import Config
    from tocsin.runners.follow import Follow
    from tocsin.runners.replay import Replay
    from tocsin.runners.session import Session
    from tocsin.runners.workers import Workers
    from tocsin.sources import Family

STDIN = Path("-")


@click.command("replay", short_help="The rules over past logs, at full speed.")
@config_option
@click.argument("logs", nargs=-1, type=LOGS, metavar="[LOG]...")
@click.option("--source", metavar="NAME", help="The source that LOG belongs to.")
@click.option("--from", "start", default="start", metavar="WHERE",
              help="Where to start: start, -10m (before the end) or a time.")  # fmt: skip
@click.option("--report", is_flag=True, help="Show the periodic statistics, too.")
@output_options
@workers_option
def command(config_path: Path, logs: tuple[Path, ...], **given: object) -> int:
    """Run a configuration over past logs, and say what would have rung.

    LOG takes the place of the source's path in the configuration; `-` is standard
    input, which is also read where neither names any. The answer is the same as it
    was, or would have been, live; and for any number of workers.
    """
    once = () if STDIN in logs else logs
    with begun(once, int(str(given["workers"]))) as workers:
        return _replayed(config_path, logs, workers, given)


def _replayed(
    config_path: Path,
    logs: tuple[Path, ...],
    workers: int | Workers,
    given: dict[str, object],
) -> int:
    """Replay logs, and return the exit code."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.seek import check_start  # noqa: PLC0415
    from tocsin.runners.session import Session  # noqa: PLC0415
    from tocsin.runners.wishes import Wishes  # noqa: PLC0415
    from tocsin.views.check import read_config  # noqa: PLC0415

    start = str(given["start"])
    check_start(start)
    config = read_config(config_path)
    logs = logs or _unnamed(config)
    source = _source(config, logs, given["source"])
    clock = SystemClock()
    periods = bool(given["report"])
    with showing(given, clock.monotonic, periods=periods) as view:
        wishes = Wishes(
            statistics=(source or config.sources[0].name) if given["report"] else None,
            datapoints=bool(given["datapoints"]),
            verbose=bool(given["verbose"]),
        )
        session = Session(config, view, wishes)
        if STDIN in logs:
            runner: Follow | Replay = _piped(session, logs, source, start)
        else:
            streams = _streams(config, logs, source)
            runner = _filed(session, streams, start, workers)
    if runner.stopped:
        return 130
    return 1 if given["fail_on_alarm"] and session.engine.state.opened else 0


def _unnamed(config: Config) -> tuple[Path, ...]:
    """Return standard input where the configuration names no source, if it is there.

    Raises:
        UsageError: There is nothing to read.
    """
    from tocsin.config.values import Config as Defaults  # noqa: PLC0415 - see Lazy
    from tocsin.sources import stdin_kind  # noqa: PLC0415

    if config.sources != Defaults().sources:
        return ()
    if stdin_kind() == "data":
        return (STDIN,)
    message = "which logs? the configuration names no source"
    raise UsageError(f"{message}\n  hint: tocsin replay -c FILE access.log")


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
    from tocsin.sources import expand, past_families  # noqa: PLC0415 - see Lazy

    if source is not None and logs:
        return [(source, family) for family in past_families(expand(logs))]
    base = config.base or Path()
    wanted = [s for s in config.sources if source in {None, s.name}]
    if all(each.intake is not None for each in wanted):
        message = "which logs? no source of the configuration is in files"
        hint = f"tocsin replay -c FILE --source {wanted[0].name} LOG"
        raise UsageError(f"{message}\n  hint: {hint}")
    return [
        (each.name, family)
        for each in wanted
        for family in past_families(expand([base / path for path in each.path]))
    ]


def _piped(
    session: Session, logs: tuple[Path, ...], source: str | None, start: str
) -> Follow:
    """Read standard input, and files beside it, to their end."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.follow import Follow  # noqa: PLC0415
    from tocsin.sources import expand  # noqa: PLC0415

    name = source or session.config.sources[0].name
    runner = Follow(session, SystemClock(), start=start, live=False)
    runner.add_pipe(0, name)
    for path in expand([path for path in logs if path != STDIN]):
        runner.add_past(path, name)
    with stopping(runner.stop):
        runner.run(reader_gone())
    return runner


def _filed(
    session: Session,
    streams: list[tuple[str, Family]],
    start: str,
    workers: int | Workers,
) -> Replay:
    """Read files to their end."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.replay import Replay  # noqa: PLC0415

    clock = SystemClock()
    runner = Replay(session, clock, workers=workers, start=start)
    with stopping(runner.stop):
        runner.run(streams, clock.now())
    return runner
