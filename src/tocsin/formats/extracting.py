"""Lines to events by a plan: the codec of every declared, pasted or written format.

A line is read by the first regular expression of the plan that matches it. Each is
asked only for the groups that are needed; whether a line is an event does not depend
on that.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from tocsin.formats import lines, requests, surgery, typed
from tocsin.formats.access import REQUEST_PARTS
from tocsin.formats.instants import Clock, has_year, since_of
from tocsin.formats.joining import Joined, joined, leading
from tocsin.formats.parts import Part, batch, events_before, leftover, others

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.formats.options import FormatOptions
    from tocsin.formats.plan import Plan
    from tocsin.model.batch import EventBatch
    from tocsin.model.message import FieldType, MessageType

_EXPLAINED = 4096
"""A longer line is explained by its beginning."""
_SHOWN = 20


def codec(
    name: str, plan: Plan, message: MessageType, options: FormatOptions, head: bytes
) -> ExtractCodec:
    """Return the codec of a stream that begins with `head`."""
    clock = Clock(options.time_format or plan.form, options.timezone)
    made = ExtractCodec(name, message, clock, plan)
    if has_year(clock.form) or options.reference is None:
        return made
    texts = lines.column(lines.clean(head)) if head else pl.Series([], dtype=pl.String)
    cells, _ = made.extract(texts, frozenset(plan.stamp))
    since = since_of(made.stamps(cells).drop_nulls(), clock, options.reference)
    return ExtractCodec(name, message, Clock(clock.form, clock.zone, since), plan)


class ExtractCodec(Struct, frozen=True):
    """Lines to events by a plan."""

    format: str
    message: MessageType
    clock: Clock
    plan: Plan

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        kinds = typed.wanted(self.message, fields)
        clean = lines.clean(block)
        pieces = [clean] if self.plan.joins else list(lines.pieces(clean))
        parts = [self._piece(piece, kinds) for piece in pieces or [b""]]
        return batch(block, parts, self.explain)

    @property
    def headed(self) -> bool:
        """Whether a header in the file says what its lines hold."""
        return self.plan.headed

    def explain(self, line: str) -> str:
        """Return why a line is no event, and at which column, for people."""
        short = pl.Series([line[:_EXPLAINED]])
        reached = [_reached(short, variant) for variant in self.plan.variants]
        column, wanted = max(reached, key=lambda pair: (not pair[1], pair[0]))
        if wanted:
            found = line[column : column + _SHOWN]
            got = f"'{found}'" if found else "the end of the line"
            return f"expected {wanted} at column {column + 1}, found {got}"
        cells, _ = self.extract(short, frozenset(self.plan.stamp))
        stamp = self.stamps(cells)[0]
        if stamp and self.clock.since is None and not has_year(self.clock.form):
            return f"'{stamp}' names no year, and none is known"
        return f"'{stamp}' is not a time" if stamp else "it does not match"

    @property
    def patience(self) -> int | None:
        """How long (µs) the last event is waited for; None if events have one line."""
        return self.plan.joins.patience if self.plan.joins else None

    def first_event(self, block: bytes) -> int:
        """Return how many bytes of a block continue what was before it."""
        return leading(block, self.plan.joins)

    def extract(
        self, text: pl.Series, needed: frozenset[str]
    ) -> tuple[pl.DataFrame, pl.Series]:
        """Return the texts of the fields needed, and which rows are matched at all."""
        stamp = self.plan.stamp[0]
        cells, left = self._groups(text, self.plan.variants[0], needed), None
        for variant in self.plan.variants[1:]:
            missing = cells[stamp].is_null().arg_true() if left is None else left
            if missing.is_empty():
                break
            got = self._groups(text.gather(missing), variant, needed)
            hit = got[stamp].is_not_null()
            rows, got = missing.filter(hit), got.filter(hit)
            if rows.len():
                cells = cells.with_columns(
                    column.scatter(rows, got[column.name])
                    for column in cells.get_columns()
                )
            left = missing.filter(~hit)
        return cells, cells[stamp].is_not_null()

    def _groups(
        self, text: pl.Series, variant: str, needed: frozenset[str]
    ) -> pl.DataFrame:
        """Return the texts of the fields that a variant has, null where it has not."""
        own = surgery.groups(variant)
        wanted = [g for g in own if self.plan.field_of(g) in needed]
        regex = surgery.pruned(variant, frozenset(wanted))
        if self.plan.joins:
            regex = f"(?s){regex}"
        found = text.str.extract_groups(regex).struct.unnest()
        columns: dict[str, pl.Series] = {}
        for group in wanted:
            name = self.plan.field_of(group)
            value = found[group].alias(name)
            if name in columns:
                before = columns[name]
                value = before.zip_with(before.is_not_null(), value)
            columns[name] = value
        empty = pl.repeat(None, text.len(), dtype=pl.String, eager=True)
        return pl.DataFrame([columns.get(n, empty.alias(n)) for n in sorted(needed)])

    def stamps(self, cells: pl.DataFrame) -> pl.Series:
        """Return the texts that hold the time."""
        first, *more = self.plan.stamp
        found = cells[first]
        for name in more:
            found = found + " " + cells[name]
        return found

    def _piece(self, piece: bytes, kinds: Mapping[str, FieldType]) -> Part:
        whole = joined(lines.column(piece), self.plan.joins)
        text = whole.text
        if self.plan.blank:
            whole = whole.without(self.plan.blank)
            text = whole.text
        cells, matched = self.extract(text, self._needed(kinds))
        time = self.clock.read(self.stamps(cells)).alias("time")
        good = matched & time.is_not_null()
        cells = cells.with_columns(time)
        if "line" in self._canonical(kinds):
            cells = cells.with_columns(text.alias("line"))
        return self._settled(whole, cells, good, kinds)

    def _settled(
        self,
        whole: Joined,
        cells: pl.DataFrame,
        good: pl.Series,
        kinds: Mapping[str, FieldType],
    ) -> Part:
        if good.all():
            frame, misfits = self._project(cells, kinds)
            return Part(
                frame, whole.lines, whole.skipped, misfits=misfits, joined=whole.joined
            )
        frame, misfits = self._project(cells.filter(good), kinds)
        refused = others(good.arg_true(), good.len())
        rows, after = whole.rows.gather(refused), events_before(refused)
        skipped, bad = leftover(whole.text.gather(refused), rows, after)
        return Part(
            frame,
            whole.lines,
            whole.skipped + skipped,
            bad,
            misfits,
            joined=whole.joined,
        )

    def _canonical(self, kinds: Mapping[str, FieldType]) -> set[str]:
        return {self.message.canonical(name) for name in kinds}

    def _needed(self, kinds: Mapping[str, FieldType]) -> frozenset[str]:
        """Return the fields to be read for those asked for."""
        known = {c.name for c in self.plan.captures}
        wanted = self._canonical(kinds)
        made = wanted & set(REQUEST_PARTS) - known
        if made and "request" in known:
            wanted.add("request")
        if "section" in made and "path" in known:
            wanted.add("path")
        for capture in self.plan.captures:
            source, _ = MADE.get(capture.name, ("", 0))
            if capture.name in wanted and source:
                wanted.add(source)
        return frozenset((wanted & known) | set(self.plan.stamp))

    def _project(
        self, cells: pl.DataFrame, kinds: Mapping[str, FieldType]
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        names = {name: self.message.canonical(name) for name in kinds}
        wanted = set(names.values())
        columns = [
            typed.scaled(cells[c.name], c.type, c.form)
            for c in self.plan.captures
            if c.name in cells.columns and c.form and c.type in typed.UNITS
        ]
        cells = cells.with_columns(columns) if columns else cells
        cells = _with_priority(cells, wanted)
        parts = [p for p in REQUEST_PARTS if p in wanted and p not in cells.columns]
        if "path" in cells.columns and "section" in parts:
            parts.remove("section")
            cells = cells.hstack([requests.sections(cells["path"])])
        if parts and "request" in cells.columns:
            cells = cells.hstack(requests.split(cells["request"], parts))
        frame = typed.project(cells, names, kinds, self.clock)
        return frame, typed.misfits(cells, names, frame)


MADE = {"facility": ("priority", 8), "severity": ("priority", 0)}
"""Fields of syslog that are read off another: its eighths, or what is left of them."""


def _with_priority(cells: pl.DataFrame, wanted: set[str]) -> pl.DataFrame:
    """Add what a syslog priority says: who spoke, and how gravely."""
    if "priority" not in cells.columns:
        return cells
    number = cells["priority"].cast(pl.Int64, strict=False)
    made = {"facility": number // 8, "severity": number % 8}
    return cells.with_columns(
        column.cast(pl.String).alias(name)
        for name, column in made.items()
        if name in wanted
    )


def _reached(line: pl.Series, variant: str) -> tuple[int, str]:
    """Return how many characters a regex gets on with, and what it expects then."""
    bare = surgery.pruned(variant, frozenset())
    parts = list(surgery.atoms(bare))
    prefixes = ["".join(parts[:count]) for count in range(len(parts) + 1)]
    # Whatever a longer prefix matches, a shorter one does.
    found = bisect_left(prefixes, True, key=lambda p: _length(line, p) is None)  # noqa: FBT003
    if found == len(prefixes):
        return _length(line, prefixes[-1]) or 0, ""
    named = list(surgery.atoms(variant))[found - 1]
    return _length(line, prefixes[found - 1]) or 0, surgery.shown(named)


def _length(line: pl.Series, prefix: str) -> int | None:
    """Return how many characters are before the end of what a regex matches."""
    found = line.str.extract(
        f"(?s)^(.*?(?:{prefix}))" if prefix[:1] != "^" else f"(?s)({prefix})"
    )[0]
    return None if found is None else len(found)
