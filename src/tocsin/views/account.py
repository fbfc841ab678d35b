"""The last word of a run: where every line went, in lines of plain text."""

from collections.abc import Iterator

from tocsin.model.records import StreamAccount, Summary
from tocsin.views.lines import Lines
from tocsin.views.words import counted, size, span

_LOSSES = 10
"""Losses that are named, of all streams together: the newest."""
_SAMPLES = 10
"""Unparsed lines that are quoted, of all streams together."""


def summary_lines(summary: Summary, lines: Lines) -> Iterator[str]:
    """Say what the run came to; the two equations hold for every line of the input."""
    yield _heading(summary, lines)
    yield from _equations(summary, lines)
    opened, still = summary.alarms_opened, summary.alarms_open
    yield f"  alarms    {counted(opened, 'incident')}, {still} unfinished"
    for stream in summary.streams:
        yield from _stream(stream, lines, alone=len(summary.streams) == 1)
    yield from _misfits(summary, lines)
    yield from _samples(summary, lines)
    for name, failure in summary.plugin_failures.items():
        yield f"  plugin {lines.text(name)} failed: {lines.text(failure)}"


def _heading(summary: Summary, lines: Lines) -> str:
    if summary.start is None or summary.end is None:
        return "summary  no events"
    return f"summary  {span(summary.start, summary.end, lines.glyphs.arrow)} UTC"


def _equations(summary: Summary, lines: Lines) -> Iterator[str]:
    n = summary.total
    all_lines, events = n("lines"), n("events")
    known = events + n("joined") + n("skipped") + n("parse_errors")
    yield (
        f"  lines     {all_lines} = {events} events + {n('joined')} joined"
        f" + {n('skipped')} skipped + {n('parse_errors')} parse errors"
        f"{_gap(all_lines - known)}"
    )
    judged = n("counted") + n("late") + n("future")
    yield (
        f"  events    {events} = {n('counted')} counted + {n('late')} late"
        f" + {n('future')} future{_gap(events - judged)}"
    )
    if n("amended"):
        yield f"  amended   {n('amended')} of the counted came late, and were added"
    if n("known_lost_bytes"):
        yield f"  lost      {size(n('known_lost_bytes'))} could not be read"
    for loss in [loss for stream in summary.streams for loss in stream.lost][-_LOSSES:]:
        yield f"  lost      {lines.text(str(loss))}"


def _gap(missing: int) -> str:
    return f" ({missing:+d} unaccounted for)" if missing else ""


def _stream(a: StreamAccount, lines: Lines, *, alone: bool) -> Iterator[str]:
    said = f"  stream    {lines.text(a.stream)}"
    said += f" ({lines.text(a.format)})" if a.format else ""
    if alone:
        yield said
        return
    names = ("joined", "skipped", "parse_errors", "late", "future")
    counts = {name.replace("_", " "): getattr(a, name) for name in names}
    rest = "".join(f", {n} {name}" for name, n in counts.items() if n)
    lost = f", {size(a.known_lost_bytes)} lost" if a.known_lost_bytes else ""
    yield f"{said}: {a.lines} lines, {a.events} events{rest}{lost}"


def _misfits(summary: Summary, lines: Lines) -> Iterator[str]:
    """Say which fields had values that were left out."""
    for stream in summary.streams:
        where = f" in {lines.text(stream.stream)}" if len(summary.streams) > 1 else ""
        for name, count in stream.misfits.items():
            said = f"{counted(count, 'value')} of {lines.text(name)}{where}"
            yield f"  misfits   {said} did not fit the type: as if missing"


def _samples(summary: Summary, lines: Lines) -> Iterator[str]:
    samples = [(a.stream, *sample) for a in summary.streams for sample in a.samples]
    if samples:
        yield "  lines that could not be parsed, for example"
    for stream, line, reason in samples[:_SAMPLES]:
        where = f"{lines.text(stream)}: " if len(summary.streams) > 1 else ""
        yield f"    {where}{lines.text(line)}"
        yield f"      {lines.text(reason)}"
