"""`tocsin watch`: live statistics and a high-traffic alarm, with no configuration."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import UsageError
from tocsin.views.cli_options import (
    LOGS,
    begun,
    output_options,
    reader_gone,
    sharing,
    showing,
    stopping,
    workers_option,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tocsin.config.values import Config, FormatConfig, MessagesConfig, SourceConfig
    from tocsin.model.expression import Expression
    from tocsin.model.view import View
    from tocsin.runners.session import Session
    from tocsin.runners.workers import Workers

SOURCE = "log"
STDIN = Path("-")
DEFAULT = Path("/tmp/access.log")  # noqa: S108 - named by the original description


def _formats(
    _ctx: click.Context, _param: click.Parameter, typed: str
) -> list[CompletionItem]:
    """Complete the names of formats."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - a rare need

    from tocsin.formats import names  # noqa: PLC0415

    return [CompletionItem(name) for name in names() if name.startswith(typed)]


@click.command("watch", short_help="Live statistics and a high-traffic alarm.")
@click.argument("files", nargs=-1, type=LOGS, metavar="[FILE]...")
@click.option("--log-file", "log_files", multiple=True, type=LOGS, metavar="FILE",
              help="The same as FILE.")  # fmt: skip
@click.option("--alert-threshold", "--alert-total-requests", "threshold", type=float,
              default=10.0, show_default=True, metavar="N",
              help="Ring when requests a second, on average, exceed this.")  # fmt: skip
@click.option("--alert-window", default="2m", show_default=True, metavar="TIME",
              help="The time of that average.")  # fmt: skip
@click.option("--every", default="10s", show_default=True, metavar="TIME",
              help="The time of one report.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True,
              metavar="N", help="Sections that are shown.")  # fmt: skip
@click.option("--format", "form", default="auto", show_default=True, metavar="NAME",
              shell_complete=_formats,
              help="How lines are read: see `tocsin formats`.")  # fmt: skip
@click.option("--timezone", default="UTC", show_default=True, metavar="ZONE",
              help="The zone of times without one.")  # fmt: skip
@click.option("--lateness", default="5s", show_default=True, metavar="TIME",
              help="How long to wait for lines out of order.")  # fmt: skip
@click.option("--amend-for", default="5m", show_default=True, metavar="TIME",
              help="How late a line may be and still correct what was said.")  # fmt: skip
@click.option("--from", "start", default="", metavar="WHERE",
              help="Where to start: start, end, -10m or a time.  "
              "[default: -10m when following, else start]")  # fmt: skip
@click.option("--follow/--no-follow", default=True, show_default=True,
              help="Go on as the files grow, or read them once and end.")  # fmt: skip
@click.option("--speed", type=click.FloatRange(min=0, min_open=True), metavar="N",
              help="Play past files live, N times as fast as they were written.")  # fmt: skip
@click.option("--where", metavar="SQL", help="Count only such events: status >= 500.")
@output_options
@workers_option
def command(
    files: tuple[Path, ...], log_files: tuple[Path, ...], **given: object
) -> int:
    """Show live statistics of access logs, and ring when there is high traffic.

    Without FILE, standard input is read if there is any, else /tmp/access.log. `-` is
    standard input. A file that does not exist yet is waited for.
    """
    chosen, workers = _chosen(files, log_files), int(str(given["workers"]))
    once = not (given["follow"] or given["speed"] or STDIN in chosen)
    with begun(chosen if once else (), workers) as shared:
        opened = _watched(chosen, shared, given)
    return 1 if given["fail_on_alarm"] and opened else 0


def _watched(
    chosen: list[Path], workers: int | Workers, given: dict[str, object]
) -> int:
    """Watch logs to their end, or until the user has seen enough: how often it rang."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.seek import check_start  # noqa: PLC0415

    start, follow = str(given["start"]), bool(given["follow"])
    if start:
        check_start(start)
    if start and STDIN in chosen:
        message = "--from: standard input is read from where it stands; give a FILE"
        raise UsageError(message)
    if given["speed"] and STDIN in chosen:
        raise UsageError("--speed: standard input comes as it comes; give a FILE")
    config, where = _config(given)
    with showing(given, SystemClock().monotonic) as view:
        if follow and not given["speed"]:
            _begin(view, chosen)
        session = _session(config, view, where, given)
        if given["speed"]:
            _play(session, chosen, start, float(str(given["speed"])))
        elif follow or STDIN in chosen:
            share = int(str(given["workers"])) if follow else None
            _follow(session, chosen, start, share)
        else:
            _read(session, chosen, start, workers)
    return session.engine.state.opened


def _begin(view: View, chosen: list[Path]) -> None:
    """Let a screen be seen at once: what follows takes a moment to load."""
    from tocsin.model.status import LiveStatus, StreamStatus  # noqa: PLC0415 - see Lazy

    names = ("stdin" if path == STDIN else str(path) for path in chosen)
    streams = tuple(map(StreamStatus, names))
    view.refresh(lambda: LiveStatus(streams=streams))


def _chosen(files: tuple[Path, ...], log_files: tuple[Path, ...]) -> list[Path]:
    """Return what to watch: standard input or the default, if nothing is named."""
    from tocsin.sources import stdin_kind  # noqa: PLC0415 - see Lazy

    named = [*files, *log_files]
    return named or [STDIN if stdin_kind() == "data" else DEFAULT]


def _config(given: dict[str, object]) -> tuple[Config, Expression | None]:
    """Return the configuration that these options stand for."""
    # Built from values, not read from a document: no parser has to be loaded.
    from tocsin.config import values  # noqa: PLC0415 - see Lazy
    from tocsin.model.instant import SECOND  # noqa: PLC0415

    amend_for = _time(given, "amend_for", zero=True)
    where = _where(given["where"])
    source = values.SourceConfig(
        name=SOURCE,
        path=(),
        format=_format(str(given["form"])),
        timezone=_zone(str(given["timezone"])),
        lateness=_time(given, "lateness", zero=True),
        amend_for=amend_for,
        future_skew=min(amend_for, values.SourceConfig().future_skew),
    )
    _check_lateness(source)
    threshold = _threshold(given["threshold"])
    alarm = values.AlarmConfig(
        name="High traffic",
        metric="requests",
        threshold=threshold,
        recovery_threshold=threshold,
        messages=_sentences(),
    )
    window = _time(given, "alert_window", whole=True)
    metric = values.MetricConfig(
        name="requests",
        type="RATE",
        source=SOURCE,
        period=window,
        every=SECOND,
        where=where,
    )
    every = _time(given, "every", whole=True)
    config = values.Config(
        sources=(source,),
        metrics=(metric,),
        alarms=(alarm,),
        report=values.ReportConfig(every=every, top=int(str(given["top"]))),
    )
    return config, where


def _time(
    given: dict[str, object], name: str, *, zero: bool = False, whole: bool = False
) -> int:
    """Return an option's duration in µs."""
    from tocsin.config import duration  # noqa: PLC0415 - see Lazy

    text, option = str(given[name]), "--" + name.replace("_", "-")
    hint = "write a whole number and one of s, m, h, d, such as 2m"
    try:
        found = duration(text, zero=zero)
    except ValueError as error:
        part = whole and any(c in text for c in ".,")
        wanted = "whole seconds" if part else str(error)
        message = f"{option}: expected {wanted}, got {text!r}\n  hint: {hint}"
        raise UsageError(message) from error
    if whole and found % 1_000_000:
        message = f"{option}: expected whole seconds, got {text!r}\n  hint: {hint}"
        raise UsageError(message)
    return found


def _format(name: str) -> FormatConfig:
    """Return a format by name, once it is known that there is one."""
    from tocsin import formats  # noqa: PLC0415 - see Lazy
    from tocsin.config.values import FormatConfig  # noqa: PLC0415

    try:
        formats.get(name)
    except UsageError as error:
        raise UsageError(f"--format: {error}") from error
    return FormatConfig(name=name, type=name)


def _threshold(given: object) -> float:
    threshold = float(str(given))
    if not 0 <= threshold < inf:
        message = f"--alert-threshold: expected a number from 0 on, got {given}"
        raise UsageError(message)
    return threshold


def _where(text: object) -> Expression | None:
    if text is None:
        return None
    from tocsin.config import expression  # noqa: PLC0415 - loads the SQL parser

    return expression(str(text), name="--where")


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - see Lazy

    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        from tocsin.config.zones import zone_hint  # noqa: PLC0415 - a rare need

        message = f"--timezone: there is no time zone {name!r}\n  hint: "
        raise UsageError(message + zone_hint(name)) from error
    return name


def _check_lateness(source: SourceConfig) -> None:
    """Refuse times that cannot be kept together."""
    beyond = source.amend_for - source.lateness
    if beyond < 0 or beyond % 1_000_000:
        message = (
            "--amend-for: expected --lateness and a whole number of seconds more; "
            "try --lateness 5s --amend-for 5m"
        )
        raise UsageError(message)


def _sentences() -> MessagesConfig:
    from tocsin.config import values  # noqa: PLC0415 - see Lazy
    from tocsin.pipeline import messages  # noqa: PLC0415

    return values.MessagesConfig(
        alarm=messages.HIGH_TRAFFIC, recovery=messages.HIGH_TRAFFIC_OVER
    )


def _session(
    config: Config, view: View, where: Expression | None, given: dict[str, object]
) -> Session:
    from tocsin.config.untold import untold  # noqa: PLC0415 - see Lazy
    from tocsin.runners.session import Session  # noqa: PLC0415
    from tocsin.runners.wishes import Wishes  # noqa: PLC0415

    wishes = Wishes(
        statistics=SOURCE,
        where=where,
        datapoints=bool(given["datapoints"]),
        verbose=bool(given["verbose"]),
    )
    config = untold(config)
    live = given["follow"] and not given["speed"]
    return Session(config.watched() if live else config, view, wishes)


def _follow(
    session: Session, chosen: list[Path], start: str, workers: int | None
) -> None:
    """Follow files and standard input until they end or the user has seen enough.

    Without `workers`, files are read to their present end.
    """
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.follow import Follow  # noqa: PLC0415
    from tocsin.sources import expand, families  # noqa: PLC0415

    follow = workers is not None
    start = start or ("-10m" if follow else "start")
    runner = Follow(session, SystemClock(), start=start, live=follow)
    files = expand([path for path in chosen if path != STDIN])
    with stopping(runner.stop), sharing(runner, workers):
        if STDIN in chosen:
            runner.add_pipe(0, SOURCE)
        for family in families(files) if follow else ():
            runner.add_files(family, SOURCE)
        for path in () if follow else files:
            runner.add_past(path, SOURCE)
        runner.run(reader_gone())


def _play(session: Session, chosen: list[Path], start: str, speed: float) -> None:
    """Show past files as if they were being written."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.follow import Follow  # noqa: PLC0415
    from tocsin.runners.paced import Pace  # noqa: PLC0415
    from tocsin.runners.seek import start_of  # noqa: PLC0415
    from tocsin.sources import expand, past_families  # noqa: PLC0415

    pace, source = Pace(SystemClock(), speed), session.config.source(SOURCE)
    runner = Follow(session, pace)
    for family in past_families(expand(chosen)):
        offsets = start_of(family.paths, source, start)
        files = zip(family.paths, offsets, strict=True)
        runner.add(family.stream, SOURCE, pace.reader(family.stream, files, source))
    pace.begin()
    with stopping(runner.stop):
        runner.run(reader_gone())


def _read(
    session: Session, chosen: list[Path], start: str, workers: int | Workers
) -> None:
    """Read files once, to their end."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.replay import Replay  # noqa: PLC0415
    from tocsin.sources import expand, past_families  # noqa: PLC0415

    clock = SystemClock()
    runner = Replay(session, clock, workers=workers, start=start)
    with stopping(runner.stop):
        found = past_families(expand(chosen))
        runner.run([(SOURCE, family) for family in found], clock.now())
