"""`tocsin notify-test`: an alarm and its recovery through one channel, now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from tocsin.views.cli_options import config_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tocsin.config.values import Config
    from tocsin.model.notification import Notification
    from tocsin.model.protocols import Channel
    from tocsin.model.state import Outgoing


@click.command("notify-test", short_help="Send samples through a channel, now.")
@config_option
@click.option("--dry-run", is_flag=True, help="Print what would be sent; send nothing.")
@click.argument("channel")
def command(config_path: Path, channel: str, *, dry_run: bool) -> int:
    """Send an alarm and its recovery through a CHANNEL of the configuration, now.

    Exits with 0 if all recipients took both, with 1 if any did not.
    """
    from tocsin.runners.clock import SystemClock  # noqa: PLC0415 - see Lazy
    from tocsin.views.check import read_config  # noqa: PLC0415

    clock = SystemClock()
    config = read_config(config_path)
    made = _made(config, channel, lambda: clock.now() / 1_000_000)
    samples = _samples(config, channel, clock.now() // 1_000_000)
    if dry_run:
        for sample in samples:
            shown = _printable(_preview(made, sample))
            click.echo(f"--- {sample.kind}\n{shown}\n")
        return 0
    failed = 0
    for sample in samples:
        row = _attempted(made, sample, clock.now())
        for who, one in row.outcome.items():
            failed += one["fate"] != "delivered"
            told = (str(sample.kind), who, one["fate"], one["detail"])
            click.echo(_printable(": ".join(filter(None, told))))
    return 1 if failed else 0


def _preview(channel: Channel, sample: Notification) -> str:
    from tocsin.model.discovery import FAILURES, blamed  # noqa: PLC0415
    from tocsin.model.errors import UsageError  # noqa: PLC0415

    try:
        return f"{channel.preview(sample)}"
    except FAILURES as error:  # a plugin may raise anything
        said = f"channel {channel.name!r}: preview: {blamed(error, channel)}"
        raise UsageError(said) from error


def _made(config: Config, name: str, now: Callable[[], float]) -> Channel:
    from tocsin.channels.registry import make  # noqa: PLC0415
    from tocsin.config.problems import did_you_mean  # noqa: PLC0415
    from tocsin.model.errors import UsageError  # noqa: PLC0415

    known = {one.name: one for one in config.channels}
    if name not in known:
        hint = did_you_mean(name, known, what="channels") or "it has none"
        raise UsageError(f"the configuration has no channel {name!r}: {hint}")
    found = known[name]
    return make(found.name, found.type, found.options, now)


def _samples(config: Config, channel: str, at: int) -> list[Notification]:
    """Return an alarm and its recovery, marked as samples, their keys new each time."""
    from tocsin.model import samples  # noqa: PLC0415
    from tocsin.model.notification import Kind  # noqa: PLC0415
    from tocsin.runners.masking import masking_of  # noqa: PLC0415

    fields = sorted({name for key in config.keys().values() for name in key})
    fields = fields or ["section"]
    one, done = samples.firing(at, fields), samples.resolved(at, fields)
    given = {k: v for alarm in reversed(config.alarms) for k, v in alarm.labels.items()}
    note = "this is a sample, sent by tocsin notify-test"
    masking = masking_of(config)
    return [
        masking.masked(samples.notification(kind, marked, channel=channel, at=at))
        for kind, alert in ((Kind.FIRING, one), (Kind.RESOLVED, done))
        for marked in (replace(alert, reason=note, labels={**alert.labels, **given}),)
    ]


def _attempted(channel: Channel, sample: Notification, now: int) -> Outgoing:
    """Return the row of the outbox that one attempt would leave behind."""
    from tocsin.channels.mask import Masking  # noqa: PLC0415
    from tocsin.runners.outbox import outgoing  # noqa: PLC0415
    from tocsin.runners.retrying import decide  # noqa: PLC0415
    from tocsin.runners.sender import attempt  # noqa: PLC0415

    row = outgoing(sample, Masking(), place=0, now=now)
    return decide(row, attempt(channel, sample, row), now, random=0.0)


def _printable(text: str) -> str:
    from tocsin.views.safe import safe  # noqa: PLC0415

    return "\n".join(safe(part, 100_000) for part in text.splitlines())
