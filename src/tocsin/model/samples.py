"""Sample notifications: what a channel or a template must cope with.

They are made of every field that an alert can have, filled and empty, and are told as
samples wherever they go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from tocsin.model.notification import Alert, Kind, Notification

if TYPE_CHECKING:
    from collections.abc import Iterable

AT = 1_549_573_957
"""When the samples happen unless one says otherwise: 2019-02-07T21:12:37Z."""

_EVIDENCE = (
    '203.0.113.x - - [07/Feb/2019:21:12:30 +0000] "POST /api/user?token=*** HTTP/1.0" 503 2',
    '203.0.113.x - - [07/Feb/2019:21:12:36 +0000] "GET /api/help HTTP/1.0" 500 34',
)


def firing(at: int = AT, fields: Iterable[str] = ("section",)) -> Alert:
    """Return an alert that fires, with every field filled; keyed by these fields."""
    key = {name: f"/{name}" for name in fields}
    values = [4.0, 5.5, 6.0, 5.0, 7.5, 8.0, 9.5, 10.5, 11.0, 12.06]
    return Alert(
        incident=1,
        alarm="High traffic",
        key=key,
        status="firing",
        level="critical",
        opened=at - 30,
        value=12.06,
        count=1206,
        threshold=10.0,
        labels={"alarm": "High traffic", "level": "critical", **key},
        text="High traffic generated an alert - hits = 1206",
        reason="12.06 a second is more than 10, for 1 datapoint",
        runbook="https://wiki.example.org/high-traffic",
        evidence=_EVIDENCE,
        contributors=("status 500: 412, 3 before",),
        metric="requests",
        series=tuple((at - 90 + 10 * n, v) for n, v in enumerate(values)),
    )


def resolved(at: int = AT, fields: Iterable[str] = ("section",)) -> Alert:
    """Return the same alert, recovered a minute and a half later."""
    calm = tuple((at + 10 * n, v) for n, v in enumerate([11.0, 9.8, 8.0, 6.0, 5.0]))
    before = firing(at, fields)
    return replace(
        before,
        status="resolved",
        closed=at + 40,
        value=5.0,
        count=500,
        text="High traffic recovered - hits = 500",
        reason="5 a second is at most 10, for 1 datapoint",
        series=before.series[:-1] + calm,
    )


def bare(at: int = AT, fields: Iterable[str] = ("section",)) -> Alert:
    """Return an alert without all that an alert can be without."""
    key = {name: f"/{name}" for name in fields}
    labels = {"alarm": "Silent", "level": "warning", **key}
    return Alert(2, "Silent", key, "firing", "warning", at, labels=labels)


def notification(
    kind: Kind, *alerts: Alert, channel: str = "sample", at: int = AT, held: int = 0
) -> Notification:
    """Return a notification about these alerts, in the thread of all samples."""
    why = f"a sample, to see what {kind} looks like"
    shared = [set(alert.key.items()) for alert in alerts]
    group = dict(sorted(set.intersection(*shared))) if shared else {}
    return Notification(
        key=f"sample-{kind}-{at}",
        channel=channel,
        thread=f"sample-{at}",
        kind=kind,
        alerts=alerts,
        at=at,
        why=why,
        group=group,
        held=held,
        answers="" if kind is Kind.FIRING else f"sample-{Kind.FIRING}-{at}",
    )


def all_kinds(
    channel: str = "sample", fields: Iterable[str] = ("section",)
) -> dict[str, Notification]:
    """Return a sample of every kind of message, by what it is called in a letter."""
    fields = tuple(fields)
    one, done, empty = firing(AT, fields), resolved(AT, fields), bare(AT, fields)
    gone = replace(done, status="withdrawn", amended=True)
    known = replace(one, acknowledged_by="ada")

    def made(kind: Kind, *alerts: Alert, held: int = 0) -> Notification:
        return notification(kind, *alerts, channel=channel, held=held)

    return {
        "an alarm": made(Kind.FIRING, one),
        "a recovery": made(Kind.RESOLVED, done),
        "an alarm without a value": made(Kind.FIRING, empty),
        "a change of several": made(Kind.CHANGED, one, empty, done),
        "a repetition": made(Kind.REPEAT, known),
        "an alarm that late lines withdrew": made(Kind.WITHDRAWN, gone),
        "a digest": replace(
            made(Kind.DIGEST, one, empty, held=10_000),
            tally={"High traffic": 10_001, "Silent": 1},
        ),
        "a heartbeat": made(Kind.HEARTBEAT),
    }
