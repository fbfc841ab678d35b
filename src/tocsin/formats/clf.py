"""Common and combined access logs in columns: the codec of both formats.

The grammar is one regular expression; it is the exact path. Pieces go through `cut`,
which is faster; rows it is not sure of take the exact path and are put back in their
places, so that the two always agree.
"""

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from tocsin.formats import compiled, cut, lines, requests, typed
from tocsin.formats.access import REQUEST_PARTS
from tocsin.formats.cut import Cut
from tocsin.formats.instants import Clock
from tocsin.formats.parts import Part, batch, leftover, others
from tocsin.model.batch import EventBatch
from tocsin.model.message import FieldType, MessageType
from tocsin.native.library import library

_TEXT = r'[^"\\]*(?:\\.[^"\\]*)*'
_NUMBERS = r"(?P<status>[0-9]{1,9}) (?P<bytes>[0-9]{1,18}|-)"
_REST = r"(?: (?P<rest>.*))?$"
_AGENTS = rf'"(?P<referer>{_TEXT})" "(?P<user_agent>{_TEXT})"'
COMMON = rf'^{cut.WHO} \[(?P<time>[^\]"]*)\] "(?P<request>{_TEXT})" {_NUMBERS}'
COMBINED = COMMON + rf' (?:{_AGENTS}{_REST}|(?P<left>".*)$)'
"""A hit counts even if its referer or agent is cut off or badly quoted: see `left`."""

_AT_ONCE = 20_000
"""Lines that the grammar reads at once."""


class ClfCodec(Struct, frozen=True):
    """Lines of an access log to events.

    `agents` says whether referer and user agent must be there (combined).
    """

    format: str
    message: MessageType
    clock: Clock
    agents: bool
    keeps_lines = True

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        kinds = typed.wanted(self.message, fields)
        clean, returns = lines.cleaned(block)
        # The library hardly needs more memory for more lines; columns do.
        pieces = [clean] if self.sparing else list(lines.pieces(clean)) or [b""]
        parts = [self._piece(lines.Piece(piece, returns), kinds) for piece in pieces]
        return batch(block, parts, self.explain)

    def explain(self, line: str) -> str:
        """Return why the grammar refuses a line, for people."""
        return _explain(line, agents=self.agents)

    @property
    def pattern(self) -> str:
        """The grammar of a line, as a regular expression with named groups."""
        return COMBINED if self.agents else COMMON + _REST

    @property
    def sparing(self) -> bool:
        """Whether the library reads these lines: it knows one way to write time."""
        return self.clock.form == "clf" and library() is not None

    def _piece(self, piece: lines.Piece, kinds: Mapping[str, FieldType]) -> Part:
        names = {self.message.canonical(name) for name in kinds}
        found = self._cut(piece, names)
        if found.sure is not None:
            return self._merged(piece, found, kinds)
        cells = found.cells
        if "line" in names:
            cells = cells.with_columns(piece.lines.alias("line"))
        frame = self._project(cells, kinds)
        known = {n: found.coded.get(self.message.canonical(n)) for n in kinds}
        coded = {
            name: codes
            for name, codes in known.items()
            if codes is not None and codes.values.dtype == frame[name].dtype
        }
        return Part(frame, cells.height, kept=found.lines, coded=coded)

    def _cut(self, piece: lines.Piece, names: set[str]) -> Cut:
        """Cut a piece the fast way: which rows that is sure of, goes along."""
        parts = names.intersection(REQUEST_PARTS)
        raw = names - parts | {"request"} if parts else names
        found = None
        if self.sparing:
            few = compiled.PARTS.issuperset(parts)
            found = compiled.cut(piece, names if few else raw, agents=self.agents)
        if found is None:
            found = cut.cut(piece, raw, self.clock, agents=self.agents)
        return replace(found, cells=_with_parts(found.cells, parts))

    def _merged(
        self, piece: lines.Piece, fast: Cut, kinds: Mapping[str, FieldType]
    ) -> Part:
        """Read the other lines by the grammar, and put them in their places."""
        assert fast.sure is not None
        cells, total = fast.cells, fast.cells.height
        odd = (~fast.sure).arg_true()
        exact, good, left = self._exact(fast, odd)
        found, refused = odd.filter(good), odd.filter(~good)
        cells = exact.select(
            cells[column.name].scatter(found, column) for column in exact.get_columns()
        )
        skipped, bad = leftover(left, refused)
        if "line" in map(self.message.canonical, kinds):
            cells = cells.with_columns(piece.lines.alias("line"))
        if refused.is_empty():
            return Part(
                self._project(cells, kinds), total, skipped, bad, kept=fast.lines
            )
        rows = others(refused, total)
        frame = self._project(cells.select(pl.all().gather(rows)), kinds)
        kept = partial(_of_rows, fast.lines, rows)
        return Part(frame, total, skipped, bad, kept=kept)

    def _exact(
        self, fast: Cut, odd: pl.Series
    ) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
        """Return the events among odd lines, which of them they are, and the others.

        They are read in turns, so that many take no more memory than few.
        """
        frames, goods, left = [], [], []
        for at in range(0, odd.len(), _AT_ONCE):
            text = fast.lines(odd.slice(at, _AT_ONCE))
            frame, good = self._matched(text)
            frame = _with_parts(frame, fast.cells.columns)
            columns = [name for name in frame.columns if name in fast.cells.columns]
            frames.append(frame.select(columns))
            goods.append(good)
            left.append(text.filter(~good))
        return pl.concat(frames), pl.concat(goods), pl.concat(left)

    def _matched(self, text: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Return the events among lines, and which of the lines they are."""
        groups = text.str.extract_groups(self.pattern).struct.unnest()
        groups = groups.with_columns(
            self.clock.read(groups["time"]),
            pl.col("status").cast(pl.Int64),
            cut.size(pl.col("bytes")),
        )
        if self.agents:
            groups = groups.with_columns(pl.coalesce("rest", "left").alias("rest"))
        good = groups["time"].is_not_null()
        return groups.filter(good), good

    def _project(
        self, cells: pl.DataFrame, kinds: Mapping[str, FieldType]
    ) -> pl.DataFrame:
        names = {name: self.message.canonical(name) for name in kinds}
        return typed.project(cells, names, kinds, self.clock)


def _of_rows(
    lines: Callable[[pl.Series], pl.Series], events: pl.Series, rows: pl.Series
) -> pl.Series:
    """Return lines by the numbers of their events."""
    return lines(events.gather(rows))


def _with_parts(cells: pl.DataFrame, parts: Collection[str]) -> pl.DataFrame:
    """Return cells with those parts of the request that they do not have yet."""
    missing = [p for p in REQUEST_PARTS if p in parts and p not in cells.columns]
    if not missing:
        return cells
    return cells.hstack(requests.split(cells["request"], missing))


_STEPS = (
    (rf"{cut.WHO} \[", "expected 'host ident user [time]'"),
    (rf'{cut.WHO} \[[^\]"]*\] ', "the [time] does not end"),
    (rf'{cut.WHO} \[[^\]"]*\] "', "expected a quoted request after the [time]"),
    (rf'{cut.WHO} \[[^\]"]*\] "{_TEXT}" ', "the quoted request does not end"),
    (
        rf'{cut.WHO} \[[^\]"]*\] "{_TEXT}" [0-9]{{1,9}} ',
        "the status is not a whole number",
    ),
    (COMMON[1:] + "(?: |$)", "the size is neither a whole number nor '-'"),
)
"""Each is the one before it, and one thing more: it begins where that one ended."""
_AGENTS_TOO = (COMMON[1:] + ' "', "expected a quoted referer and a quoted user agent")
_EXPLAINED = 4096
"""A longer line is explained by its beginning."""


def _explain(line: str, *, agents: bool) -> str:
    short, reached = line[:_EXPLAINED], 0
    for pattern, reason in (*_STEPS, *([_AGENTS_TOO] if agents else ())):
        found = re.match(pattern, short)
        if not found:
            return f"{reason} at column {reached + 1}"
        reached = found.end()
    stamp = re.match(COMMON, short)
    if not stamp:
        return "it does not match"
    return f"'{stamp['time']}' is not a time at column {stamp.start('time') + 1}"
