"""The view model in lines of plain text, for every face that shows text."""

from collections.abc import Iterator

from msgspec import Struct

from tocsin.model.naming import subject
from tocsin.model.records import (
    ConsumerReport,
    Datapoint,
    IncidentEvent,
    Notice,
    Stats,
    Transition,
)
from tocsin.views.glyphs import Glyphs
from tocsin.views.jsonl import encode
from tocsin.views.model import Incident, Screen
from tocsin.views.safe import safe
from tocsin.views.words import (
    counted,
    duration,
    moment,
    number,
    pairs,
    size,
    span,
)

SECTIONS = 10
"""Sections that one report lists."""
LISTED = 10
"""Incidents that one report lists."""
CLASSES = ("2xx", "3xx", "4xx", "5xx")
"""Classes of status that are always named, in this order."""
_SENTENCE = 2000
"""Characters of a sentence: more than any template means to say."""
_NOTICE_LINES = 100
"""Lines of one word about the run: more mistakes than anybody mends at once."""
_REPORT_LINES = 200
"""Lines of what one raw log consumer says of one period."""


class Lines(Struct, frozen=True):
    """Says each thing in lines, in the signs that can be printed."""

    glyphs: Glyphs

    def text(self, text: str, limit: int = 200) -> str:
        """Return foreign text made harmless, in letters that can be printed."""
        return safe(text, limit, ascii_only=self.glyphs.ascii_only)

    def stats(self, stats: Stats) -> Iterator[str]:
        """Say the statistics of one period."""
        yield self._headline(stats)
        if stats.success is not None or stats.statuses:
            yield f"  status    {self._statuses(stats)}"
        if stats.methods:
            yield f"  methods   {self.text(pairs(stats.methods))}"
        if stats.sections:
            top = (f"{self.text(s, 60)} {n}" for s, n in stats.sections[:SECTIONS])
            yield f"  sections  {'  '.join(top)}"

    def event(self, event: IncidentEvent) -> str:
        """Say what became of an incident; its sentence stands as it was written."""
        said = f"{self.glyphs.event(event.event)} #{event.id} "
        said += self.text(event.message, _SENTENCE)
        # A correction says so itself; the sentence of an alarm cannot know.
        late = event.amended and event.event in ("opened", "resolved")
        return said + _marks(amended=late, partial=False)

    def support(self, why: Transition) -> Iterator[str]:
        """Say what a change of state comes from: who made the difference, and lines."""
        for one in why.contributors:
            yield f"    {self.text(str(one), _SENTENCE)}"
        for line in why.evidence:
            yield f"    | {self.text(line, _SENTENCE)}"
        if why.runbook:
            yield f"    runbook: {self.text(why.runbook, _SENTENCE)}"

    def unfinished(self, screen: Screen) -> Iterator[str]:
        """Say which incidents have not ended: the newest, oldest first."""
        standing = screen.unfinished()
        total = len(standing) + screen.forgotten
        if total:
            yield f"  unfinished alarms ({total})"
        if total > LISTED:
            yield f"    {self._more(total)}"
        for incident in standing[-LISTED:]:
            why = self._why(screen.standing(incident.alarm, incident.key))
            yield f"    {self.glyphs.firing} {self.incident(incident)}{why}"

    def firing(self, screen: Screen) -> Iterator[str]:
        """Say in one short line how many incidents have not ended: the newest, by id."""
        standing = screen.unfinished()
        total = len(standing) + screen.forgotten
        if total:
            ids = " ".join(f"#{incident.id}" for incident in standing[-LISTED:])
            before = "... " if total > LISTED else ""
            yield f"  alarms    {total} firing ({before}{ids})"

    def history(self, screen: Screen) -> Iterator[str]:
        """Say which incidents have ended: the newest, newest first."""
        ended = [i for i in screen.incidents() if i.closed is not None]
        if ended:
            yield "  history"
        for incident in ended[:LISTED]:
            sign = "withdrawn" if incident.withdrawn else "resolved"
            yield f"    {self.glyphs.event(sign)} {self.incident(incident)}"
        if len(ended) > LISTED:
            yield f"    {self._more(len(ended))}"

    def incident(self, incident: Incident) -> str:
        """Say one incident: its id, its alarm, from when to when."""
        name = self.text(subject(incident.alarm, incident.key))
        said = f"#{incident.id} {name}  {self._course(incident)}"
        corrected = incident.amended and not incident.withdrawn
        return f"{said}, corrected by late lines" if corrected else said

    def report(self, report: ConsumerReport) -> Iterator[str]:
        """Say what a raw log consumer reports of its period."""
        first, *rest = _reported(report)
        period = span(report.start, report.end, self.glyphs.arrow)
        name = self.text(report.consumer)
        yield f"{period} UTC  {name}: {self.text(first, _SENTENCE)}"
        yield from (f"    {self.text(line, _SENTENCE)}" for line in rest if line)

    def datapoint(self, point: Datapoint) -> str:
        """Say the value of a metric."""
        name = self.text(subject(point.metric, point.key))
        said = f"{moment(point.end)} UTC  {name} = {number(point.value)}"
        said += f"  ({counted(point.count, 'event')})"
        if point.steps > 1:
            said += f"  and the next {point.steps - 1} alike"
        return said + _marks(amended=point.amended, partial=point.partial)

    def notice(self, notice: Notice) -> str:
        """Say a word about the run itself: further lines of it are set in."""
        severity = "" if notice.severity == "info" else notice.severity
        first, *more = notice.text.split("\n")[:_NOTICE_LINES]
        parts = ("tocsin", severity, notice.subject, first)
        said = [": ".join(filter(None, parts)), *(f"  {line.strip()}" for line in more)]
        return "\n".join(self.text(line, _SENTENCE) for line in said)

    def _headline(self, stats: Stats) -> str:
        parts = [f"{span(stats.start, stats.end, self.glyphs.arrow)} UTC"]
        parts += [f"hits {stats.hits}", f"{stats.rate:.1f}/s"]
        if stats.bytes is not None:
            parts.append(size(stats.bytes))
        if stats.clients is not None:
            parts.append(f"clients {stats.clients}")
        return "  ".join(parts) + _marks(amended=stats.amended, partial=stats.partial)

    def _statuses(self, stats: Stats) -> str:
        said = self.text(pairs(by_class(stats)))
        if stats.success is None or stats.errors is None:
            return said
        return f"{said}  (success {stats.success}, errors {stats.errors})"

    def _course(self, incident: Incident) -> str:
        opened, closed = incident.opened, incident.closed
        if incident.withdrawn:
            return "withdrawn: late lines show that it did not happen"
        if closed is None:
            return (
                f"since {moment(opened)} UTC" if opened is not None else "since before"
            )
        if opened is None:
            return f"until {moment(closed)} UTC"
        course = span(opened, closed, self.glyphs.arrow)
        return f"{course} UTC ({duration(closed - opened)})"

    def _why(self, change: Transition | None) -> str:
        return "" if change is None else f": {self.text(change.reason)}"

    def _more(self, total: int) -> str:
        return f"and {total - LISTED} more, older"


def by_class(stats: Stats) -> dict[str, int]:
    """Return the counts of all classes of status, the usual ones first."""
    rest = sorted(set(stats.statuses) - set(CLASSES))
    return {name: stats.statuses.get(name, 0) for name in (*CLASSES, *rest)}


def first_line(report: ConsumerReport) -> str:
    """Return the first line of a report, which is still foreign text."""
    return _reported(report)[0]


def _reported(report: ConsumerReport) -> list[str]:
    said = report.text or encode(report.data or {})
    return said.split("\n", _REPORT_LINES)[:_REPORT_LINES]


def _marks(*, amended: bool, partial: bool) -> str:
    marks = ["amended by late lines"] * amended + ["partial"] * partial
    return f"  ({', '.join(marks)})" if marks else ""
