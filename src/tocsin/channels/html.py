"""A notification as a mail's page: one column that fits a phone, nothing loaded.

Every value is text here: escaped, without characters that hide or reverse. Styles stand
in attributes, since mail programs throw style sheets away.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tocsin.channels import text as words
from tocsin.channels.links import web

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.model.notification import Alert, Notification

_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:ui-monospace,Consolas,Menlo,monospace"
_WRAP = "overflow-wrap:anywhere;word-break:break-word"
_COLOURS = {
    "critical": "#b3261e",
    "error": "#b3261e",
    "warning": "#8a5a00",
    "info": "#1f5fa8",
}
_CALM = "#1b6e3c"
_OTHER = "#4a4a4a"


def page(
    notification: Notification, subject: str, charts: Mapping[int, str], note: str = ""
) -> str:
    """Return the page. `charts` says what stands for the picture of the n-th alert.

    That is `cid:...`, or words about why there is none; `note` is said at the end.
    """
    return "\n".join(_page(notification, subject, charts, note))


def _page(
    notification: Notification, subject: str, charts: Mapping[int, str], note: str
) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield f"<title>{_text(subject)}</title></head>"
    yield f'<body style="margin:0;padding:0;background:#f2f3f5;color:#1c1c1e;{_FONT}">'
    yield (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0">'
        '<tr><td align="center" style="padding:16px 8px">'
    )
    yield (
        '<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="'
        'max-width:600px;background:#ffffff;border-radius:8px;text-align:left">'
    )
    yield _row(
        f"background:{_colour(notification)};color:#ffffff;border-radius:8px 8px 0 0;"
        f"padding:14px 20px;font-size:18px;font-weight:bold;line-height:1.35;{_WRAP}",
        _text(subject),
    )
    for n, alert in enumerate(notification.alerts[: words.MOST_ALERTS]):
        yield _row(
            "padding:16px 20px 4px 20px", "\n".join(_alert(alert, charts.get(n)))
        )
    yield _row(
        f"padding:12px 20px 16px 20px;font-size:12px;line-height:1.5;color:#5f6368;{_WRAP}",
        "<br>".join(_text(part) for part in _end(notification, note)),
    )
    yield "</table></td></tr></table></body></html>"


def _end(notification: Notification, note: str) -> Iterator[str]:
    for part in (words.beyond(notification), note, words.footer(notification)):
        if part:
            yield part


def _alert(alert: Alert, chart: str | None) -> Iterator[str]:
    colour = _COLOURS.get(alert.level, _OTHER) if alert.status == "firing" else _CALM
    number = (
        f" <span style='color:#5f6368'>#{alert.incident}</span>"
        if alert.incident
        else ""
    )
    yield (
        f'<div style="font-size:16px;line-height:1.4;{_WRAP}"><strong style="color:{colour}">'
        f"{_text(words.state(alert))}</strong> <strong>{_text(words.named(alert))}</strong>"
        f"{number}</div>"
    )
    for told in (alert.text, alert.reason):
        if told:
            yield f'<div style="font-size:14px;line-height:1.5;{_WRAP}">{_text(told)}</div>'
    if chart:
        yield _chart(alert, chart)
    yield _facts(alert)
    if link := web(alert.runbook):
        yield (
            f'<div style="font-size:14px;padding-top:8px"><a href="{escape(link)}" '
            'style="color:#1f5fa8">Runbook</a></div>'
        )
    elif alert.runbook:
        yield f'<div style="font-size:14px;{_WRAP}">Runbook: {_text(alert.runbook)}</div>'
    if alert.evidence:
        yield _evidence(alert)


def _chart(alert: Alert, chart: str) -> str:
    if not chart.startswith("cid:"):
        return f'<div style="font-size:12px;color:#5f6368;padding-top:6px">{_text(chart)}</div>'
    words_ = (
        f"{alert.metric or 'the metric'}: the threshold is dashed, the incident shaded"
    )
    return (
        f'<div style="padding-top:10px"><img src="{escape(chart)}" alt="{_text(words_)}" '
        'width="560" style="display:block;width:100%;max-width:560px;height:auto;border:0">'
        f'<div style="font-size:12px;color:#5f6368">{_text(words_)}</div></div>'
    )


def _facts(alert: Alert) -> str:
    rows = "".join(
        f'<tr><td valign="top" style="padding:2px 14px 2px 0;color:#5f6368;white-space:nowrap">'
        f'{_text(name)}</td><td valign="top" style="padding:2px 0;{_WRAP}">{_text(value)}</td></tr>'
        for name, value in words.facts(alert)
    )
    return (
        '<table role="presentation" cellpadding="0" cellspacing="0" '
        f'style="font-size:14px;line-height:1.45;padding-top:8px">{rows}</table>'
    )


def _evidence(alert: Alert) -> str:
    lines = [words.line(e) for e in alert.evidence[: words.MOST_EVIDENCE]]
    rows = "".join(
        f'<div style="padding:3px 0;border-top:1px solid #e3e5e8">{_text(told)}</div>'
        for told in lines
    )
    return (
        '<div style="font-size:13px;color:#5f6368;padding:10px 0 4px 0">Lines of the log</div>'
        f'<div style="{_MONO};font-size:12px;line-height:1.5;{_WRAP};background:#f7f8fa;'
        f'padding:4px 10px;border-radius:4px">{rows}</div>'
    )


def _colour(notification: Notification) -> str:
    if any(alert.status == "firing" for alert in notification.alerts):
        return _COLOURS.get(notification.level, _OTHER)
    return _CALM if notification.alerts else _OTHER


def _row(style: str, inner: str) -> str:
    return f'<tr><td style="{style}">{inner}</td></tr>'


def _text(text: str) -> str:
    return escape(words.line(text, 2_000))
