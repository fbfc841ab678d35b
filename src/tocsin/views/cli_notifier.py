"""`tocsin notifier`: takes messages from RabbitMQ, and sends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tocsin.views.cli_options import config_option, stopping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tocsin.model.records import Notice


@click.command("notifier", short_help="Send what waits at RabbitMQ; run several.")
@config_option
@click.option("-q", "--quiet", is_flag=True, help="Say only what went wrong.")
def command(config_path: Path, *, quiet: bool) -> int:
    """Send the messages that wait at RabbitMQ, through the channels of a configuration.

    As many may run as are wanted, on any machines: each message goes to one of them,
    and to another when that one dies. Ctrl-C and SIGTERM finish what is on its way.
    """
    from tocsin.model.errors import UsageError  # noqa: PLC0415 - see Lazy
    from tocsin.runners.clock import SystemClock, new_random  # noqa: PLC0415
    from tocsin.runners.mailroom import channels_of  # noqa: PLC0415
    from tocsin.runners.notifier import Notifier  # noqa: PLC0415
    from tocsin.views.check import read_config  # noqa: PLC0415

    config = read_config(config_path)
    if config.rabbitmq is None:
        raise UsageError("the configuration names no broker: rabbitmq: {url: ...}")
    clock = SystemClock()
    channels = channels_of(config, clock)
    say = _saying(quiet=quiet)
    notifier = Notifier(config.rabbitmq, channels, clock, new_random(), say)
    with stopping(notifier.stop):
        notifier.run()
    return 0


def _saying(*, quiet: bool) -> Callable[[Notice], None]:
    """Return what shows notices: good news as output, the others as errors."""
    from tocsin.views.safe import safe  # noqa: PLC0415 - see Lazy

    def say(notice: Notice) -> None:
        bad = notice.severity != "info"
        if bad or not quiet:
            about = f"{notice.subject}: " if notice.subject else ""
            click.echo(safe(f"{about}{notice.text}", 1000), err=bad)

    return say
