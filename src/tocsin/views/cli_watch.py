"""`tocsin watch`: live statistics and a high-traffic alarm, with no configuration."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import ConfigError, Problem
from tocsin.views.cli_options import LOGS, output_option, stopping, workers_option

if TYPE_CHECKING:
    from tocsin.config.values import Config
    from tocsin.model.expression import Expression
    from tocsin.runners.session import Session, Wishes

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
    from tocsin.config import from_data  # noqa: PLC0415 - see Lazy

    text = {name: given[name] for name in ("timezone", "lateness", "amend_for")}
    where = {"where": given["where"]} if given["where"] else {}
    window = given["alert_window"]
    document = {
        "sources": [
            {"name": "log", "path": "-", "format": given["form"], **text}
        ],
        "metrics": [
            {"name": "requests", "type": "RATE", "period": window, "every": "1s", **where}
        ],
        "alarms": [
            {
                "name": "High traffic",
                "metric": "requests",
                "threshold": given["threshold"],
                "messages": _sentences(),
            }
        ],
        "report": {"every": given["every"], "top": given["top"]},
    }
    try:
        config = from_data(document, "tocsin watch")
    except ConfigError as error:
        raise ConfigError([_by_option(p) for p in error.problems]) from None
    return config, config.metrics[0].where


def _by_option(problem: Problem) -> Problem:
    """Return a problem with the option that the user wrote in place of the key."""
    options = {
        "metrics[0].period": "--alert-window",
        "metrics[0].where": "--where",
        "alarms[0].threshold": "--alert-threshold",
        "report.every": "--every",
    }
    last = problem.path.rpartition(".")[2]
    known = options.get(problem.path, "--" + last.replace("_", "-"))
    return replace(problem, path=known)


def _sentences() -> dict[str, str]:
    from tocsin.pipeline import messages  # noqa: PLC0415 - see Lazy

    return {"alarm": messages.HIGH_TRAFFIC, "recovery": messages.HIGH_TRAFFIC_OVER}


def _session(
    config: Config, view: object, where: Expression | None, *, datapoints: bool
) -> Session:
    from tocsin.runners.session import Session, Wishes  # noqa: PLC0415 - see Lazy

    wishes: Wishes = Wishes(statistics="log", where=where, datapoints=datapoints)
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
                runner.add_pipe(0, "log")
            elif follow or is_pipe(path):
                runner.add_file(path, "log")
            else:
                runner.add_past(path, "log")
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
        runner.run([("log", family) for family in streams], clock.now())
