"""The last word of a run: where every line went, in lines of plain text."""

from collections.abc import Iterator

from tocsin.model.records import StreamAccount, Summary
from tocsin.views.lines import Lines
from tocsin.views.words import counted, size, span

_STREAMS = 20
"""Streams that are named, if there are more: the ones with most to tell, then to count."""
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
    yield from _streams(summary, lines)
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
        f" + {n('skipped')} skipped + {counted(n('parse_errors'), 'parse error')}"
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


def _streams(summary: Summary, lines: Lines) -> Iterator[str]:
    """Say where the lines came from: of many streams, the rest in one line."""
    streams = summary.streams
    if len(streams) == 1:
        yield _name(streams[0], lines)
        return
    ranked = sorted(streams, key=lambda a: (not _astray(a), -a.lines))
    named = streams if len(streams) <= _STREAMS else ranked[:_STREAMS]
    for a in named:
        yield f"{_name(a, lines)}: {_came(a.lines, a.events)}{_astray(a)}"
    if rest := ranked[len(named) :]:
        came = _came(sum(a.lines for a in rest), sum(a.events for a in rest))
        yield f"  stream    and {counted(len(rest), 'other')}: {came}"


def _name(a: StreamAccount, lines: Lines) -> str:
    form = f" ({lines.text(a.format)})" if a.format else ""
    return f"  stream    {lines.text(a.stream)}{form}"


def _came(lines: int, events: int) -> str:
    return f"{counted(lines, 'line')}, {counted(events, 'event')}"


def _astray(a: StreamAccount) -> str:
    """Say which lines of a stream are no events, or were not counted in time."""
    said = "".join(
        f", {how}"
        for n, how in (
            (a.joined, f"{a.joined} joined"),
            (a.skipped, f"{a.skipped} skipped"),
            (a.parse_errors, counted(a.parse_errors, "parse error")),
            (a.late, f"{a.late} late"),
            (a.future, f"{a.future} future"),
        )
        if n
    )
    lost = f", {size(a.known_lost_bytes)} lost" if a.known_lost_bytes else ""
    return said + lost


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
