"""A notification in words: a line, and plain text of a few paragraphs.

What an alert says came out of log lines. Whatever could move a cursor, end a line,
reverse the reading order or hide is taken out before it goes anywhere.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from tocsin.model.notification import Kind
from tocsin.model.wire import moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.model.notification import Alert, Notification

MOST_ALERTS = 20
MOST_EVIDENCE = 10
MOST_NAMES = 10
LONGEST_LINE = 500
LONGEST_TITLE = 180

_SIGNS = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Kinds of characters that print nothing, or nothing known."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def line(text: str, limit: int = LONGEST_LINE) -> str:
    """Return text as one printable line; what does not print becomes a space."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if unicodedata.category(c) in _SIGNS else c for c in text)
        text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def lines(text: str, limit: int) -> str:
    """Return text made printable, its line ends kept, cut to a length."""
    kept = "\n".join(line(part, limit) for part in text.splitlines())
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def title(notification: Notification) -> str:
    """Return the notification in one line, such as a mail's subject."""
    return line(f"[{_tag(notification)}] {_topic(notification)}", LONGEST_TITLE)


def body(notification: Notification) -> str:
    """Return the notification in plain text."""
    return "\n".join(_paragraphs(notification)) + "\n"


def number(value: float | None) -> str:
    """Return a number as people read it; a dash when there is none."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.6g}"


def when(seconds: int) -> str:
    """Return an instant as people read it, in UTC."""
    text = moment(seconds)
    return text.replace("T", " ").replace("Z", " UTC") if "T" in text else text


def lasted(alert: Alert) -> str:
    """Return how long an alert was open, in its two largest units; empty while it is."""
    if alert.closed is None:
        return ""
    seconds = max(alert.closed - alert.opened, 0)
    units = (("d", _DAY), ("h", _HOUR), ("min", _MINUTE), ("s", 1))
    parts = list[str]()
    for name, size in units:
        if seconds >= size:
            parts.append(f"{seconds // size} {name}")
            seconds %= size
    return " ".join(parts[:2]) or "0 s"


def pairs(labels: Mapping[str, str]) -> str:
    """Return labels as `name=value, ...`, in order."""
    return ", ".join(f"{line(k, 80)}={line(v, 80)}" for k, v in sorted(labels.items()))


def named(alert: Alert) -> str:
    """Return an alert's name, with its key unless the name tells it already."""
    key = {k: v for k, v in alert.key.items() if v not in alert.alarm}
    return line(f"{alert.alarm} ({pairs(key)})" if key else alert.alarm, LONGEST_TITLE)


def state(alert: Alert) -> str:
    """Return the word that stands first: the level of what fires, else what became."""
    word = alert.level if alert.status == "firing" else alert.status
    return line(word, 20).upper()


def facts(alert: Alert) -> Iterator[tuple[str, str]]:
    """Yield what is known of an alert, as names and values: only what there is."""
    if alert.value is not None:
        yield "value", number(alert.value)
    if alert.threshold is not None:
        yield "threshold", number(alert.threshold)
    if alert.count is not None:
        yield "events", number(alert.count)
    yield from (("most from", line(n, 200)) for n in alert.contributors[:MOST_NAMES])
    yield "since", when(alert.opened)
    if alert.closed is not None:
        yield "until", f"{when(alert.closed)} ({lasted(alert)})"
    told = dict(alert.labels)
    again = {f"key.{k}" for k, v in told.items() if told.get(f"key.{k}") == v}
    told = {k: v for k, v in told.items() if k not in {"alarm", "level", *again}}
    if told:
        yield "labels", pairs(told)
    if alert.acknowledged_by:
        yield "acknowledged by", line(alert.acknowledged_by, 80)
    if alert.amended:
        yield "amended", "by lines that came late"


def footer(notification: Notification) -> str:
    """Return why a notification is sent, and the key by which to know it again."""
    return f"Sent because: {line(notification.why)}. Key: {line(notification.key, 100)}"


def beyond(notification: Notification) -> str:
    """Return how many alerts are not listed, and of what; empty when all are."""
    more = max(len(notification.alerts) - MOST_ALERTS, 0) + notification.held
    if not more:
        return ""
    tally = [
        f"{line(n, 80)} {c:,}" for n, c in [*notification.tally.items()][:MOST_NAMES]
    ]
    rest = len(notification.tally) - len(tally)
    tally += [f"{rest} other alarms"] if rest > 0 else []
    said = f"and {more:,} more that are not listed here"
    return f"{said}; in all: {', '.join(tally)}" if tally else said


def _tag(notification: Notification) -> str:
    level = line(notification.level, 20).upper()
    return {
        Kind.FIRING: level,
        Kind.CHANGED: f"{level}, changed",
        Kind.REPEAT: f"{level}, still",
        Kind.RESOLVED: "RESOLVED",
        Kind.WITHDRAWN: "WITHDRAWN",
        Kind.DIGEST: "DIGEST",
        Kind.HEARTBEAT: "HEARTBEAT",
        Kind.TEST: "TEST",
    }[notification.kind]


def _topic(notification: Notification) -> str:
    alerts = notification.alerts
    count = len(alerts) + notification.held
    if count == 0:
        return "Tocsin is running" if notification.kind is Kind.HEARTBEAT else "Tocsin"
    if count == 1 and alerts:
        return named(alerts[0])
    names = list(dict.fromkeys(line(alert.alarm, 60) for alert in alerts))
    told = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")  # noqa: PLR2004
    # The label `alarm` is the name before it was filled in: these names say it better.
    group = {k: v for k, v in notification.group.items() if k != "alarm"}
    return f"{count:,} alarms: {told}" + (f" ({pairs(group)})" if group else "")


def _paragraphs(notification: Notification) -> Iterator[str]:
    if not notification.alerts:
        yield title(notification)
    for alert in notification.alerts[:MOST_ALERTS]:
        yield from _alert(alert)
        yield ""
    if more := beyond(notification):
        yield more
    yield footer(notification)


def _alert(alert: Alert) -> Iterator[str]:
    number_ = f"  #{alert.incident}" if alert.incident else ""
    yield f"{state(alert)}  {named(alert)}{number_}"
    for words in (alert.text, alert.reason):
        if words:
            yield f"  {line(words)}"
    for name, value in facts(alert):
        yield f"  {name}: {value}"
    if alert.runbook:
        yield f"  runbook: {line(alert.runbook)}"
    if alert.evidence:
        yield "  lines of the log:"
    for evidence in alert.evidence[:MOST_EVIDENCE]:
        yield f"    | {line(evidence)}"
