"""What stands in the panels of the live screen, as styled text of a given width.

Foreign text enters only through `clip` and `Lines`, and only into `Text`, which parses
no markup.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from tocsin.model.naming import subject
from tocsin.views.gauge import Standing, gauge, standings
from tocsin.views.glyphs import chart
from tocsin.views.lines import by_class, first_line
from tocsin.views.safe import cells, clip
from tocsin.views.words import (
    clock,
    moment,
    number,
    pairs,
    share,
    size,
)

if TYPE_CHECKING:
    from tocsin.model.records import IncidentEvent, Stats
    from tocsin.views.glyphs import Glyphs
    from tocsin.views.lines import Lines
    from tocsin.views.model import Screen

LABEL = "dim"
RINGING = "bold red"
FRAME_RINGING = "red"
CALM = "green"
WARNING = "yellow"
BAR = "cyan"
CLASS_STYLES = {"2xx": "green", "3xx": "cyan", "4xx": "yellow", "5xx": "bold red"}
EVENT_STYLES = {"opened": RINGING, "reopened": RINGING, "resolved": CALM}
SEVERITY_STYLES = {"error": RINGING, "warning": WARNING}
_LABELS = len("success  ")
_FIGURES = len("142.1 kB")
_STATE = len("! FIRING  ")
_NAMED = 3
"""Streams that are named when there are several."""
_NAME = 12
"""Columns that the name of an alarm has at least."""
_LINE = 400
"""Characters of a line of the log: more than a screen is wide."""
_GAUGE_FROM = 60
"""Columns from which an alarm has a gauge."""


def header(screen: Screen, lines: Lines, width: int) -> list[Text]:
    """Say what is watched, where in its time we are, and how reading goes."""
    now = screen.status.now
    then = f"{moment(now)} UTC" if now is not None else ""
    dot = lines.glyphs.dot
    room = width - len(" tocsin   ") - len(then) - 2
    what = Text(f" {clip(_watched(screen, dot), room, ascii_only=_ascii(lines))}")
    name = Text.assemble((" tocsin ", "bold reverse"), what)
    return [
        _apart(name, Text(f"{then} ", "bold"), width),
        _apart(Text(f" {_reading(screen, dot)}"), Text("Ctrl-C to end ", LABEL), width),
    ]


def totals(stats: Stats, width: int, glyphs: Glyphs) -> list[Text]:
    """Say the figures of one period, a line each; missing ones are left out."""
    rows = [_figures("hits", str(stats.hits), f"{stats.rate:.1f} a second")]
    clients = "" if stats.clients is None else f"clients {stats.clients}"
    if stats.bytes is not None:
        rows.append(_figures("bytes", size(stats.bytes), clients))
    elif clients:
        rows.append(_figures("clients", str(stats.clients)))
    if stats.success is not None and stats.errors is not None:
        rows.append(_figures("success", str(stats.success)))
        part = share(stats.errors, stats.success + stats.errors)
        rows.append(_figures("errors", str(stats.errors), part))
    if stats.statuses or stats.success is not None:
        rows.append(_classes(stats, glyphs))
    if stats.methods:
        said = clip(pairs(stats.methods), width, ascii_only=glyphs.ascii_only)
        rows.append(Text(said))
    return rows


def spark(screen: Screen, width: int, rows: int, glyphs: Glyphs) -> list[Text]:
    """Draw the hits of the latest periods, the newest at the right."""
    values = screen.hits()[-width:]
    drawn = chart(values, rows, glyphs)
    return [Text(line, BAR, no_wrap=True) for line in drawn]


def sections(stats: Stats, width: int, rows: int, lines: Lines) -> list[Text]:
    """Draw the sections with most hits, each with a bar beside the longest."""
    top = stats.sections[:rows]
    names = [clip(name, width // 2, ascii_only=_ascii(lines)) for name, _ in top]
    wide = max(map(cells, names), default=0)
    digits = max((len(str(hits)) for _, hits in top), default=0)
    room = max(width - wide - digits - 3, 0)
    most = max((hits for _, hits in top), default=0) or 1
    drawn = []
    for name, (_, hits) in zip(names, top, strict=True):
        bar = lines.glyphs.bar * max(round(room * hits / most), 1 if room else 0)
        pad = " " * (wide - cells(name))
        drawn.append(Text.assemble(name, pad, f" {hits:>{digits}} ", (bar, BAR)))
    return drawn


def alarms(screen: Screen, width: int, rows: int, lines: Lines) -> list[Text]:
    """Say how each alarm stands against its threshold; what rings comes first."""
    known = standings(screen)
    total = len(known) + screen.forgotten
    if not known:
        return [Text("none yet", LABEL)]
    shown = rows if total <= rows else max(rows - 1, 1)
    drawn = _table(known[:shown], width, lines)
    if total > shown and rows > 1:
        ringing = sum(row.firing for row in known[shown:]) + screen.forgotten
        said = f"and {total - shown} more, {ringing} of them firing"
        drawn.append(Text(said, RINGING if ringing else LABEL))
    return drawn


def sentence(event: IncidentEvent, lines: Lines) -> tuple[Text, Text]:
    """Say what became of an incident: its sign and id, and its words."""
    sign, number_, words = lines.event(event).split(" ", 2)
    style = EVENT_STYLES.get(event.event, WARNING)
    return Text(f"{sign} {number_} ", style), Text(words)


def support(screen: Screen, event: IncidentEvent, lines: Lines) -> list[Text]:
    """Say what an incident that has not ended comes from: who most, and the last line."""
    why = screen.standing(event.alarm, event.key)
    if why is None or event.id not in {i.id for i in screen.unfinished()}:
        return []
    said = [lines.text(str(one), _LINE) for one in why.contributors[:1]]
    said += [f"| {lines.text(line, _LINE)}" for line in why.evidence[-1:]]
    return [Text(line, LABEL, no_wrap=True, overflow="crop") for line in said]


def reports(screen: Screen, rows: int, width: int, lines: Lines) -> list[Text]:
    """Say the first line of what each raw log consumer reported last."""
    latest = list(screen.reports.values())[-rows:]
    drawn = []
    for report in latest:
        name = f"{clip(report.consumer, width // 3, ascii_only=_ascii(lines))}  "
        then = f"{clock(report.start)} {lines.glyphs.arrow} {clock(report.end)}  "
        room = width - cells(name) - len(then)
        said = clip(first_line(report), room, ascii_only=_ascii(lines))
        drawn.append(Text.assemble((name, "bold"), (then, LABEL), said))
    return drawn


def notes(screen: Screen, rows: int, width: int, lines: Lines) -> list[Text]:
    """Say what troubles the streams, and below it the latest words about the run."""
    said = [
        (f"{s.stream}: {s.trouble or 'not there yet, waiting for it'}", WARNING)
        for s in screen.status.streams
        if s.trouble or s.waiting
    ]
    for notice in reversed(screen.notices):
        about = f"{notice.subject}: {notice.text}" if notice.subject else notice.text
        word = "" if notice.severity == "info" else f"{notice.severity}: "
        style = SEVERITY_STYLES.get(notice.severity, LABEL)
        first, *more = (word + about).split("\n")
        said += [(first, style), *((f"  {line.strip()}", style) for line in more)]
    return [
        Text(f" {clip(text, width - 2, ascii_only=_ascii(lines))}", style)
        for text, style in said[:rows]
    ]


def _watched(screen: Screen, dot: str) -> str:
    """Name what is read: the whole of one stream, or how many there are."""
    streams = screen.status.streams
    formats = Counter(s.format for s in streams if s.format)
    form = f" {dot} {', '.join(formats)}" if formats else ""
    names = [s.stream for s in streams]
    if len(names) > 1:
        shown = ", ".join(name.rsplit("/", 1)[-1] for name in names[:_NAMED])
        more = ", ..." if len(names) > _NAMED else ""
        return f"{len(names)} streams{form} {dot} {shown}{more}"
    return "".join(names) + form


def _reading(screen: Screen, dot: str) -> str:
    status = screen.status
    if (
        status.now is None
        and not status.lines
        and not any(s.waiting for s in status.streams)
    ):
        return "reading ..."
    parts = [f"{status.lines:,} lines"]
    if status.lines_per_s is not None:
        parts.append(f"{status.lines_per_s:,.0f} lines/s")
    parts.append(f"{status.parse_errors:,} unparsed")
    lag = sum(s.lag for s in status.streams)
    parts.append(f"{size(lag)} behind" if lag else "caught up")
    return f" {dot} ".join(parts)


def _apart(left: Text, right: Text, width: int) -> Text:
    """Return both texts on one line, the right one at its end if it fits."""
    gap = width - left.cell_len - right.cell_len
    line = left if gap < 1 else Text.assemble(left, " " * gap, right)
    line.truncate(width)
    return line


def _figures(label: str, figure: str, more: str = "") -> Text:
    text = Text.assemble(
        (f"{label:<{_LABELS}}", LABEL), (f"{figure:>{_FIGURES}}", "bold")
    )
    return text.append(f"  {more}") if more else text


def _classes(stats: Stats, glyphs: Glyphs) -> Text:
    text = Text()
    for name, count in by_class(stats).items():
        style = CLASS_STYLES.get(name, "") if count else LABEL
        shown = clip(name, _LABELS, ascii_only=glyphs.ascii_only)
        text.append("  " if text else "").append(f"{shown} {count}", style)
    return text


def _table(known: list[Standing], width: int, lines: Lines) -> list[Text]:
    """Return a line for each alarm, in columns as wide as what stands in them."""
    figures = _column([_against(row) for row in known])
    since = _column([_since(row) for row in known])
    ids = _column([f"#{row.incident.id}  " if row.incident else "" for row in known])
    states = _column([_state(row, lines.glyphs) for row in known])
    bar = width // 7 if width >= _GAUGE_FROM else 0
    room = width - bar - sum(len(c[0]) for c in (states, figures, since, ids))
    if room < _NAME:  # the name says more than the hour
        room, since = room + len(since[0]), [""] * len(known)
    if room < _NAME:  # and more than the figures
        room, figures = room + len(figures[0]), [""] * len(known)
    drawn = []
    columns = zip(known, states, figures, since, ids, strict=True)
    for row, state, figure, then, id_ in columns:
        style = RINGING if row.firing else CALM
        mark = gauge(row, bar, lines.glyphs)
        space = room if figure.strip() else room + len(figure) + len(mark)
        name = clip(subject(row.name, row.key), space, ascii_only=_ascii(lines))
        line = Text.assemble((state, style), (id_, "bold"), name)
        line.append(" " * (space - cells(name)))
        if figure.strip():
            line.append(figure).append(mark, style)
        drawn.append(line.append(then))
    return drawn


_CALM = {"pending": "pending", "no_data": "no data", "error": "error"}
"""What is said of alarms that do not fire, and are not well."""


def _state(row: Standing, glyphs: Glyphs) -> str:
    calm = _CALM.get(row.state, f"{glyphs.resolved} ok")
    rings = "recovering" if row.state == "recovering" else "FIRING"
    said = f"{glyphs.firing} {rings}" if row.firing else calm
    return f"{said}  ".ljust(_STATE)


def _column(texts: list[str]) -> list[str]:
    wide = max(map(len, texts))
    return [f"{text:<{wide}}" for text in texts]


def _against(row: Standing) -> str:
    if row.threshold is None:
        return ""
    value = "no data" if row.value is None else number(row.value)
    return f"  {value:>7} {row.operator} {number(row.threshold)}  "


def _since(row: Standing) -> str:
    if row.incident is None or row.incident.opened is None:
        return ""
    return f"  since {clock(row.incident.opened)}"


def _ascii(lines: Lines) -> bool:
    return lines.glyphs.ascii_only
