"""`tocsin run`: the daemon. Every source, alarms, and a state that survives a crash."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tocsin.model.errors import SourceError
from tocsin.views.cli_options import (
    config_option,
    on_hangup,
    output_options,
    reader_gone,
    sharing,
    showing,
    stopping,
    workers_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tocsin.config.values import Config
    from tocsin.runners.daemon import Daemon
    from tocsin.runners.desk import Desk
    from tocsin.views.service import Service

DOOR = "127.0.0.1:4277"


@click.command("run", short_help="The daemon: every source, alarms, durable state.")
@config_option
@click.option(
    "--state", "folder", type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER", help="Where the state is kept.  [default: as the configuration "
    "says, $STATE_DIRECTORY, $XDG_STATE_HOME/tocsin, ~/.local/state/tocsin, "
    "or of root /var/lib/tocsin]",
)  # fmt: skip
@click.option("--listen", metavar="HOST:PORT",
              help="Where /livez and /readyz answer; or off.  "
              f"[default: {DOOR}, if it is free]")  # fmt: skip
@output_options
@workers_option
def command(
    config_path: Path, folder: Path | None, listen: str | None, **given: object
) -> int:
    """Follow every log that a configuration names, for as long as the machine runs.

    What is known and how far was read is saved in one transaction, several times a
    second: killed at any moment and started again, it goes on from there, and nothing
    is lost or counted twice.

    A configuration that changes is taken up within seconds, or at once on SIGHUP: what
    is unchanged in it goes on. One with mistakes is said, and changes nothing.
    """
    from tocsin import __version__  # noqa: PLC0415 - see Lazy
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415
    from tocsin.runners.daemon import Daemon  # noqa: PLC0415
    from tocsin.runners.desk import Desk  # noqa: PLC0415
    from tocsin.runners.keeping import Keeper  # noqa: PLC0415
    from tocsin.runners.session import Session  # noqa: PLC0415
    from tocsin.runners.systemd import Systemd  # noqa: PLC0415
    from tocsin.runners.telling import teller_of  # noqa: PLC0415
    from tocsin.runners.wishes import Wishes  # noqa: PLC0415
    from tocsin.state.opening import open_folder  # noqa: PLC0415
    from tocsin.views.check import read_config  # noqa: PLC0415
    from tocsin.views.cli_state import default_folder  # noqa: PLC0415

    config = read_config(config_path).watched()
    clock = SystemClock()
    where = folder or config.state.folder or default_folder(os.environ)
    store = open_folder(where, program=__version__, now=clock.now())
    try:
        with showing(given, clock.monotonic, periods=False) as view:
            wishes = Wishes(
                datapoints=bool(given["datapoints"]), verbose=bool(given["verbose"])
            )
            session = Session(config, view, wishes)
            teller = teller_of(config, store, clock)
            desk = Desk(store, teller, clock)
            keeper = Keeper(store, session, clock, teller)
            daemon = Daemon(
                session, clock, keeper, Systemd(os.environ, os.getpid()), desk
            )
            with (
                stopping(daemon.stop),
                _reloading(daemon, config_path),
                sharing(daemon, int(str(given["workers"]))),
                _serving(daemon, desk, where, listen),
            ):
                daemon.run(reader_gone())
    finally:
        store.close()
    return 1 if given["fail_on_alarm"] and session.engine.state.opened else 0


@contextmanager
def _reloading(daemon: Daemon, path: Path) -> Iterator[None]:
    """Have a configuration that changes taken up, at SIGHUP at once."""
    from tocsin.config.folder import files_of  # noqa: PLC0415 - see Lazy
    from tocsin.runners.rules import Rules  # noqa: PLC0415
    from tocsin.views.check import read_config  # noqa: PLC0415

    def read(where: Path) -> Config:
        return read_config(where).watched()

    daemon.rules = Rules(path, read, files_of, daemon.clock)
    with on_hangup(daemon.rules.ask):
        yield


@contextmanager
def _serving(
    daemon: Daemon, desk: Desk, folder: Path, listen: str | None
) -> Iterator[None]:
    """Answer those who ask something of the daemon, while it runs."""
    if listen == "off":
        yield
        return
    from tocsin.runners.clock import new_token  # noqa: PLC0415 - see Lazy
    from tocsin.views.door import NOTE, Door  # noqa: PLC0415

    token = new_token()
    service = _opened(daemon, desk, token, listen)
    Door(service.url, token).write(folder)
    try:
        yield
    finally:
        (folder / NOTE).unlink(missing_ok=True)
        service.close()


def _opened(daemon: Daemon, desk: Desk, token: str, listen: str | None) -> Service:
    """Open the door that is asked for, or else the usual one, or else any."""
    from tocsin.model.records import Notice  # noqa: PLC0415 - see Lazy
    from tocsin.views.service import Service, address, application  # noqa: PLC0415

    app = application(daemon.health, desk, token)
    try:
        return Service(app, *address(listen or DOOR))
    except SourceError:
        if listen is not None:
            raise
        service = Service(app, address(DOOR)[0], 0)
        text = f"{DOOR} is taken: this one answers on {service.url}"
        daemon.session.say([Notice(text, "warning")])
        return service
