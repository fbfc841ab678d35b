"""Which parts of a changed configuration are those of the old, whatever their names.

A metric is the same if its definition is, its source is read as before, and all that it
is calculated from is the same; an alarm, if its definition and its metric are. Where
shards come together whose time had come differently far, one cannot go on as it was:
those that lag are begun anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tocsin.pipeline.description import AlarmNote, Description, MetricNote

Cursors: TypeAlias = "Sequence[tuple[int | None, int | None]]"
"""Of each shard, the tick up to which it is judged, and up to which it is settled."""
Place: TypeAlias = tuple[int, int]
"""An alarm: the number of its shard, and its own in it."""


class Fate(Struct, frozen=True):
    """What becomes of a `metric` or an `alarm`: kept, begins or forgotten; and why."""

    what: str
    name: str
    fate: str
    why: str = ""


class Matching(Struct, frozen=True):
    """What is the same: new to old. `homes` are the old shards of each new one."""

    sources: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[int, int] = field(default_factory=dict)
    alarms: Mapping[Place, Place] = field(default_factory=dict)
    homes: Sequence[tuple[int, ...]] = ()
    fates: tuple[Fate, ...] = ()
    rules: Mapping[Place, Place] = field(default_factory=dict)
    """The same for the rules of alarms."""


def match(old: Description, new: Description, cursors: Cursors) -> Matching:
    """Say what of a new plan is in an old one, whose shards stood at `cursors`."""
    sources = _sources(old, new)
    measured = _Metrics(old, new, sources)
    homes, lag = _homes(old, new, measured.found, cursors)
    measured.drop(lag)
    measured.calculate()
    alarms = _alarms(old, new, measured.found)
    fates = (
        *_metric_fates(old, new, measured.found, lag),
        *_alarm_fates(old, new, alarms),
    )
    return Matching(sources, measured.found, alarms, homes, fates)


def _sources(old: Description, new: Description) -> dict[str, str]:
    """Match sources: by name, else by what they are if only their name is another."""
    found = {
        name: name
        for name, source in new.sources.items()
        if name in old.sources and old.sources[name].whole == source.whole
    }
    left = {n: s for n, s in old.sources.items() if n not in new.sources}
    for name, source in new.sources.items():
        if name in old.sources:
            continue
        same = next((n for n, s in left.items() if s == source), None)
        if same is not None:
            found[name] = same
            left.pop(same)
    return found


class _Metrics:
    """Matches metrics; `found` is new to old, by number."""

    def __init__(
        self, old: Description, new: Description, sources: Mapping[str, str]
    ) -> None:
        self.sources = sources
        self.old, self.new = numbered(old), numbered(new)
        self.taken: set[int] = set()
        self.reserved = self._reserved()
        self.found: dict[int, int] = {}
        self._match(n for n, note in self.new.items() if note.source)

    def calculate(self) -> None:
        """Match calculated metrics, after what they are made of."""
        self._match(n for n, note in self.new.items() if not note.source)

    def drop(self, numbers: Iterable[int]) -> None:
        """Let go of matches, by new number."""
        for number in numbers:
            self.found.pop(number, None)

    def _reserved(self) -> frozenset[int]:
        """Return what (old) is there under its own name: it is nothing else."""
        here = {(m.name, m.print, self._source(m.source)) for m in self.new.values()}
        return frozenset(
            n for n, m in self.old.items() if (m.name, m.print, m.source) in here
        )

    def _source(self, name: str) -> str:
        return self.sources.get(name, "") if name else ""

    def _match(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            note = self.new[number]
            fit = [n for n in self.old if self._same(note, n)]
            mine = [n for n in fit if self.old[n].name == note.name]
            free = [n for n in fit if n not in self.reserved]
            if mine or free:
                self.found[number] = (mine or free)[0]
                self.taken.add(self.found[number])

    def _same(self, note: MetricNote, number: int) -> bool:
        was = self.old[number]
        if number in self.taken or was.print != note.print or was.hidden != note.hidden:
            return False
        if note.source:
            return self.sources.get(note.source) == was.source
        return tuple(self.found.get(i) for i in note.inputs) == was.inputs


def _homes(
    old: Description, new: Description, found: Mapping[int, int], cursors: Cursors
) -> tuple[list[tuple[int, ...]], set[int]]:
    """Return the old shards of each new one, and the metrics of those that lag."""
    home = {n: i for i, shard in enumerate(old.shards) for n in shard.metrics}
    homes: list[tuple[int, ...]] = []
    lag: set[int] = set()
    for shard in new.shards:
        mine = {n: home[found[n]] for n in shard.metrics if n in found}
        parts = sorted(set(mine.values()))
        first = max(parts, key=lambda i: _furthest(cursors[i]), default=None)
        kept = tuple(
            i for i in parts if first is not None and cursors[i] == cursors[first]
        )
        homes.append(kept)
        lag |= {n for n, i in mine.items() if i not in kept}
    return homes, lag


def _furthest(cursor: tuple[int | None, int | None]) -> tuple[float, float]:
    judged, settled = cursor
    none = float("-inf")
    return (none if judged is None else judged, none if settled is None else settled)


def _alarms(
    old: Description, new: Description, metrics: Mapping[int, int]
) -> dict[Place, Place]:
    """Match alarms: the same definition on the same metric."""
    before = {place: (a.print, a.metric, a.name) for place, a in _placed(old)}
    after = {
        place: (a.print, metrics.get(a.metric, -1), a.name) for place, a in _placed(new)
    }
    found: dict[Place, Place] = {}
    by_all = {note: place for place, note in before.items()}
    for place, note in after.items():
        if note in by_all:
            found[place] = by_all.pop(note)
    left = {place: note for place, note in before.items() if note in by_all}
    for place, note in after.items():
        same = next((p for p, n in left.items() if n[:2] == note[:2]), None)
        if place not in found and same is not None:
            found[place] = same
            left.pop(same)
    return found


def rules(old: Description, new: Description, found: Matching) -> dict[Place, Place]:
    """Match the rules of alarms that are the same: they are in the same order."""
    before = [shard.first_rules for shard in old.shards]
    after = [shard.first_rules for shard in new.shards]
    return {
        (i, after[i][n] + k): (j, before[j][m] + k)
        for (i, n), (j, m) in found.alarms.items()
        for k in range(new.shards[i].alarms[n].rules)
    }


def _placed(plan: Description) -> Iterator[tuple[Place, AlarmNote]]:
    for i, shard in enumerate(plan.shards):
        for n, alarm in enumerate(shard.alarms):
            yield (i, n), alarm


def numbered(plan: Description) -> dict[int, MetricNote]:
    """Return all metrics of a plan by number, inputs before what is made of them."""
    return {n: m for shard in plan.shards for n, m in shard.metrics.items()}


def _metric_fates(
    old: Description, new: Description, found: Mapping[int, int], lag: set[int]
) -> Iterator[Fate]:
    before, after = numbered(old), numbered(new)
    names = {note.name: note for note in before.values()}
    for number, note in after.items():
        if note.hidden:
            continue
        if number in found:
            yield _kept("metric", note.name, before[found[number]].name)
        elif number in lag:
            why = "it is judged with others now, and its time lags behind theirs"
            yield Fate("metric", note.name, "begins", why)
        else:
            yield Fate("metric", note.name, "begins", _why(note, names))
    kept = {before[number].name for number in found.values()}
    shown = {note.name for note in after.values()} | kept
    for note in before.values():
        if not (note.hidden or note.name in shown):
            yield _gone("metric", note.name)


def _kept(what: str, name: str, was: str) -> Fate:
    return Fate(what, name, "kept", "" if was == name else f"it was called {was}")


def _gone(what: str, name: str) -> Fate:
    return Fate(what, name, "forgotten", "it is not in the configuration")


def _why(note: MetricNote, names: Mapping[str, MetricNote]) -> str:
    """Say why a metric is not one that was."""
    was = names.get(note.name)
    if was is None:
        return "it is new"
    if was.print != note.print:
        return "its definition is another: its windows are forgotten"
    what = "its source is" if note.source else "what it is calculated from is"
    return f"{what} another: its windows are forgotten"


def _alarm_fates(
    old: Description, new: Description, found: Mapping[Place, Place]
) -> Iterator[Fate]:
    before, after = dict(_placed(old)), dict(_placed(new))
    names = {alarm.name: alarm for alarm in before.values()}
    for place, alarm in after.items():
        if alarm.builtin and (place in found or alarm.name not in names):
            continue
        if place in found:
            yield _kept("alarm", alarm.name, before[found[place]].name)
        else:
            yield Fate("alarm", alarm.name, "begins", _why_alarm(alarm, names))
    kept = {before[place].name for place in found.values()}
    shown = {alarm.name for alarm in after.values()} | kept
    for alarm in before.values():
        if not (alarm.builtin or alarm.name in shown):
            yield _gone("alarm", alarm.name)


def _why_alarm(alarm: AlarmNote, names: Mapping[str, AlarmNote]) -> str:
    if alarm.name not in names:
        return "it is new"
    if names[alarm.name].print != alarm.print:
        return "its definition is another: its incidents are closed"
    return "its metric is another: its incidents are closed"
