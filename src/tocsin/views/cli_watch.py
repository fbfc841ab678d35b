"""`tocsin watch`: live statistics and a high-traffic alarm, with no configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import UsageError
from tocsin.views.cli_options import LOGS, output_option, stopping, workers_option

if TYPE_CHECKING:
    from tocsin.config.values import Config, MessagesConfig, SourceConfig
    from tocsin.model.expression import Expression
    from tocsin.runners.session import Session, Wishes

SOURCE = "log"
DEFAULT = Path("/tmp/access.log")  # noqa: S108 - named by the original description


@click.command("watch", short_help="Live statistics and a high-traffic alarm.")
@click.argument("files", nargs=-1, type=LOGS, metavar="[FILE]...")
@click.option("--log-file", "log_files", multiple=True, type=LOGS, metavar="FILE",
              help="The same as FILE.")  # fmt: skip
@click.option("--alert-threshold", "--alert-total-requests", "threshold", type=float,
              default=10.0, show_default=True, metavar="N",
              help="Ring when requests a second, on average, exceed this.")  # fmt: skip
@click.option("--alert-window", default="2m", show_default=True, metavar="TIME",
              help="What the average is taken over.")  # fmt: skip
@click.option("--every", default="10s", show_default=True, metavar="TIME",
              help="How often statistics are shown.")  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True,
              metavar="N", help="How many sections are shown.")  # fmt: skip
@click.option("--format", "form", default="auto", show_default=True, metavar="NAME",
              help="How lines are read: see `tocsin formats`.")  # fmt: skip
@click.option("--timezone", default="UTC", show_default=True, metavar="ZONE",
              help="The zone of times that do not name one.")  # fmt: skip
@click.option("--lateness", default="5s", show_default=True, metavar="TIME",
              help="How long to wait for lines that are out of order.")  # fmt: skip
@click.option("--amend-for", default="5m", show_default=True, metavar="TIME",
              help="How late a line may be and still correct what was said.")  # fmt: skip
@click.option("--from", "start", default="", metavar="WHERE",
              help="Where to start: start, end, -10m or a time.  "
              "[default: -10m when following, else start]")  # fmt: skip
@click.option("--follow/--no-follow", default=True, show_default=True,
              help="Go on as the files grow, or read them once and end.")  # fmt: skip
@click.option("--where", metavar="SQL", help="Count only such events: status >= 500.")
@click.option("--datapoints", is_flag=True, help="Show every datapoint (jsonl).")
@click.option("--fail-on-alarm", is_flag=True, help="Exit with 1 if an alarm rang.")
@output_option
@workers_option
def command(files: tuple[Path, ...], log_files: tuple[Path, ...], **given: object) -> int:
    """Show live statistics of access logs, and ring when there is high traffic.

    Without FILE, standard input is read if there is any, else /tmp/access.log. `-` is
    standard input. A file that does not exist yet is waited for.
    """
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.seek import check_start  # noqa: PLC0415
    from tocsin.sources import stdin_kind  # noqa: PLC0415
    from tocsin.views.protocol import choose  # noqa: PLC0415

    chosen = [*files, *log_files]
    if not chosen:
        chosen = [Path("-")] if stdin_kind() == "data" else [DEFAULT]
    start = str(given["start"])
    if start:
        check_start(start)
    config, where = _config(given)
    clock = SystemClock()
    view = choose(str(given["output"]), sys.stdout, sys.stderr, clock.monotonic)
    try:
        session = _session(config, view, where, datapoints=bool(given["datapoints"]))
        if given["follow"] or Path("-") in chosen:
            _follow(session, chosen, start, follow=bool(given["follow"]))
        else:
            _read(session, chosen, start, int(str(given["workers"])))
    finally:
        view.close()
    return 1 if given["fail_on_alarm"] and session.engine.state.opened else 0


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
        format=values.FormatConfig(name=str(given["form"]), type=str(given["form"])),
        timezone=_zone(str(given["timezone"])),
        lateness=_time(given, "lateness", zero=True),
        amend_for=amend_for,
        future_skew=min(amend_for, values.SourceConfig().future_skew),
    )
    _check_lateness(source)
    threshold = float(str(given["threshold"]))
    alarm = values.AlarmConfig(
        name="High traffic",
        metric="requests",
        threshold=threshold,
        recovery_threshold=threshold,
        messages=_sentences(),
    )
    window = _time(given, "alert_window", whole=True)
    metric = values.MetricConfig(
        name="requests", type="RATE", source=SOURCE, period=window, every=SECOND, where=where
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
    try:
        found = duration(text, zero=zero)
    except ValueError as error:
        message = f"{option}: expected {error}, got {text!r}"
        raise UsageError(message) from error
    if whole and found % 1_000_000:
        message = f"{option}: expected whole seconds, got {text!r}"
        raise UsageError(message)
    return found


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
        message = f"--timezone: there is no time zone {name!r}; try Europe/Rome or UTC"
        raise UsageError(message) from error
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
    config: Config, view: object, where: Expression | None, *, datapoints: bool
) -> Session:
    from tocsin.runners.session import Session, Wishes  # noqa: PLC0415 - see Lazy

    wishes: Wishes = Wishes(statistics=SOURCE, where=where, datapoints=datapoints)
    return Session(config, view, wishes)  # type: ignore[arg-type]


def _follow(
    session: Session, files: list[Path], start: str, *, follow: bool
) -> None:
    """Follow files and standard input until they end or the user has seen enough."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.follow import Follow  # noqa: PLC0415
    from tocsin.sources import is_pipe  # noqa: PLC0415

    runner = Follow(session, SystemClock(), start=start or "-10m")
    with stopping(runner.stop):
        for path in files:
            if str(path) == "-":
                runner.add_pipe(0, SOURCE)
            elif follow or is_pipe(path):
                runner.add_file(path, SOURCE)
            else:
                runner.add_past(path, SOURCE)
        runner.run()


def _read(session: Session, files: list[Path], start: str, workers: int) -> None:
    """Read files once, to their end."""
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.runners.replay import Replay  # noqa: PLC0415
    from tocsin.sources import expand, families  # noqa: PLC0415

    clock = SystemClock()
    runner = Replay(session, clock, workers=workers, start=start)
    with stopping(runner.stop):
        streams = families(expand(files))
        runner.run([(SOURCE, family) for family in streams], clock.now())
