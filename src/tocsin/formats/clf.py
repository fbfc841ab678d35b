"""Common and combined access logs in columns.

The grammar is one regular expression, `common` or `combined`; it is the exact path.
The fast path cuts a piece at every `"` and takes the fields by their place. It only
keeps rows of which it can prove that the grammar reads them the same way; all others
take the exact path and are put back in their places, so the two always agree.
"""

import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from tocsin.formats import lines, requests, typed
from tocsin.formats.access import REQUEST_PARTS
from tocsin.formats.instants import Clock
from tocsin.formats.parts import Part, batch, leftover
from tocsin.model.batch import EventBatch
from tocsin.model.message import FieldType, MessageType

_WHO = r'(?P<remote_addr>[^ "]+) (?P<ident>[^ "]+) (?P<remote_user>[^ "\[](?:[^"\[]*[^ "\[])?)'
_LEAD = rf"^{_WHO} \[$"
_TEXT = r'[^"\\]*(?:\\.[^"\\]*)*'
_NUMBERS = r"(?P<status>[0-9]{1,9}) (?P<bytes>[0-9]{1,18}|-)"
_REST = r"(?: (?P<rest>.*))?$"
COMMON = rf'^{_WHO} \[(?P<time>[^\]"]*)\] "(?P<request>{_TEXT})" {_NUMBERS}'
COMBINED = COMMON + rf' "(?P<referer>{_TEXT})" "(?P<user_agent>{_TEXT})"'

# What the fast path takes for sure: the exact grammar allows more.
_PLAIN = r"^ [1-9][0-9]{2} (?:[0-9]{1,18}|-) $"
_PLAIN_REST = r"^ [1-9][0-9]{2} (?P<bytes>[0-9]{1,18}|-)(?: (?P<rest>.*))?$"
_STAMP = 26
_NOBODY = " - - ["
_COMMON_QUOTES = 2
_COMBINED_QUOTES = 6


@dataclass(frozen=True, slots=True)
class ClfCodec:
    """Lines of an access log to events.

    `agents` says whether referer and user agent must be there (combined). `quotes`
    is how many `"` most lines have: it decides on the speed, never on the outcome.
    """

    format: str
    message: MessageType
    clock: Clock
    agents: bool
    quotes: int

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        kinds = typed.wanted(self.message, fields)
        parts = [self._piece(p, kinds) for p in lines.pieces(lines.clean(block))]
        return batch(block, parts or [self._nothing(kinds)], self.explain)

    def explain(self, line: str) -> str:
        """Return why the grammar refuses a line, for people."""
        return _explain(line, agents=self.agents)

    @property
    def pattern(self) -> str:
        """The grammar of a line, as a regular expression with named groups."""
        return (COMBINED if self.agents else COMMON) + _REST

    def _nothing(self, kinds: Mapping[str, FieldType]) -> Part:
        none = pl.Series([], dtype=pl.String)
        return Part(self._project(self._exact(none)[0], kinds), 0)

    def _piece(self, piece: bytes, kinds: Mapping[str, FieldType]) -> Part:
        need = _raw(self.message.canonical(name) for name in kinds)
        grid = _grid(piece, self.quotes)
        if grid is not None:
            cells, sure = self._cells(grid, need)
            if sure.all():
                if "line" in need:
                    cells = cells.with_columns(lines.column(piece).alias("line"))
                return Part(self._project(cells, kinds), cells.height)
        text = lines.column(piece)
        if grid is None:
            sure = _regular(text, self.quotes)
            cells, proven = self._regular_cells(text.filter(sure), need)
            sure = sure.scatter(sure.arg_true(), proven)
        else:
            cells = cells.filter(sure)
        return self._merge(text, sure, cells, kinds)

    def _regular_cells(
        self, text: pl.Series, need: Collection[str]
    ) -> tuple[pl.DataFrame, pl.Series]:
        grid = None if text.is_empty() else _grid(lines.joined(text), self.quotes)
        if grid is None:
            cells, _ = self._exact(text.clear())
            return cells, pl.repeat(False, text.len(), dtype=pl.Boolean, eager=True)
        cells, sure = self._cells(grid, need)
        return cells.filter(sure), sure

    def _merge(
        self,
        text: pl.Series,
        sure: pl.Series,
        cells: pl.DataFrame,
        kinds: Mapping[str, FieldType],
    ) -> Part:
        odd = (~sure).arg_true()
        exact, good = self._exact(text.gather(odd))
        both = [
            cells.with_columns(sure.arg_true().alias("row")),
            exact.select(*cells.columns).with_columns(odd.filter(good).alias("row")),
        ]
        merged = pl.concat(both).sort("row")
        merged = merged.with_columns(text.gather(merged["row"]).alias("line"))
        refused = odd.filter(~good)
        skipped, bad = leftover(text.gather(refused), refused)
        return Part(self._project(merged, kinds), text.len(), skipped, bad)

    def _cells(
        self, grid: pl.DataFrame, need: Collection[str]
    ) -> tuple[pl.DataFrame, pl.Series]:
        """Return the fields of rows cut at quotes, and which rows are surely right."""
        who, sure = _who(grid["0"], self.clock)
        numbers, plain = _numbers(grid["2"], last=not self.agents)
        columns = [*who, *numbers, grid["1"].alias("request")]
        sure &= plain
        if self.agents:
            rest = grid["6"]
            sure &= (grid["4"] == " ") & ((rest == "") | rest.str.starts_with(" "))
            columns += [grid["3"].alias("referer"), grid["5"].alias("user_agent")]
            if "rest" in need:
                columns.append(_after_space(rest))
        cells = pl.DataFrame(columns)
        simple = _COMBINED_QUOTES if self.agents else _COMMON_QUOTES
        if "rest" in need and self.quotes != simple:
            # What follows was itself cut at quotes: only the exact path has it whole.
            sure = sure & False
        return cells, sure

    def _exact(self, text: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Return the events among lines, and which of the lines they are."""
        groups = text.str.extract_groups(self.pattern).struct.unnest()
        groups = groups.with_columns(
            self.clock.read(groups["time"]),
            pl.col("status").cast(pl.Int64),
            _size(groups["bytes"]),
        )
        good = groups["time"].is_not_null()
        return groups.filter(good), good

    def _project(self, cells: pl.DataFrame, kinds: Mapping[str, FieldType]) -> pl.DataFrame:
        names = {name: self.message.canonical(name) for name in kinds}
        parts = [p for p in REQUEST_PARTS if p in names.values()]
        if parts:
            cells = cells.hstack(requests.split(cells["request"], parts))
        return typed.project(cells, names, kinds, self.clock)


def quotes_of(head: bytes, agents: bool) -> int:  # noqa: FBT001
    """Return how many `"` most lines of a head have, at least what the format needs."""
    least = _COMBINED_QUOTES if agents else _COMMON_QUOTES
    counts = sorted(line.count(b'"') for line in head.splitlines()[:99] if line.strip())
    usual = counts[len(counts) // 2] if counts else least
    return max(usual, least)


def _raw(names: Collection[str]) -> set[str]:
    wanted = set(names)
    return wanted | {"request"} if wanted & set(REQUEST_PARTS) else wanted


def _grid(piece: bytes, quotes: int) -> pl.DataFrame | None:
    r"""Cut lines at every quote; None unless each has exactly `quotes`, none escaped.

    The reader refuses a line with more cuts, but fills a shorter one up in silence;
    so the bytes are counted: they only add up when no line had fewer.
    """
    if b"\\" in piece and b'\\"' in piece:  # one byte is found much faster than two
        return None
    try:
        grid = pl.read_csv(
            io.BytesIO(piece),
            has_header=False,
            separator='"',
            quote_char=None,
            schema={str(n): pl.String for n in range(quotes + 1)},
            extra_columns="raise",
            missing_columns="insert",
            empty_string_is_null=False,
        )
    except pl.exceptions.PolarsError:
        return None
    sizes = grid.select(pl.sum_horizontal(pl.all().str.len_bytes().cast(pl.Int64).sum()))
    whole = sizes.item() + grid.height * (quotes + 1) == len(piece)
    return grid if whole else None


def _regular(text: pl.Series, quotes: int) -> pl.Series:
    count = text.str.count_matches('"', literal=True)
    return (count == quotes) & ~text.str.contains('\\"', literal=True)


def _who(cell: pl.Series, clock: Clock) -> tuple[list[pl.Series], pl.Series]:
    """Take `host ident user [stamp] ` apart, and say where that surely succeeded."""
    lead, tail = cell.str.head(-_STAMP - 2), cell.str.tail(_STAMP + 2)
    time = clock.read(tail.str.head(_STAMP)).alias("time")
    sure = time.is_not_null() & tail.str.ends_with("] ")
    addr = lead.str.head(-len(_NOBODY)).alias("remote_addr")
    nobody = (
        lead.str.ends_with(_NOBODY) & (addr != "") & ~addr.str.contains(" ", literal=True)
    )
    if nobody.all():
        dash = pl.repeat("-", cell.len(), dtype=pl.String, eager=True)
        return [time, addr, dash.alias("ident"), dash.alias("remote_user")], sure
    who = lead.str.extract_groups(_LEAD).struct.unnest()
    return [time, *who.get_columns()], sure & who["remote_addr"].is_not_null()


def _numbers(cell: pl.Series, *, last: bool) -> tuple[list[pl.Series], pl.Series]:
    """Take ` status bytes ` apart; where it is the last known part, more may follow."""
    status = cell.str.slice(1, 3).cast(pl.Int64, strict=False).alias("status")
    if not last:
        size = cell.str.slice(5).str.strip_suffix(" ")
        return [status, _size(size)], cell.str.contains(_PLAIN)
    groups = cell.str.extract_groups(_PLAIN_REST).struct.unnest()
    columns = [status, _size(groups["bytes"]), groups["rest"]]
    return columns, groups["bytes"].is_not_null()


def _size(text: pl.Series) -> pl.Series:
    """Return sizes; `-`, which is how Apache writes none, is 0."""
    return text.cast(pl.Int64, strict=False).fill_null(0).alias("bytes")


def _after_space(cell: pl.Series) -> pl.Series:
    return cell.set(cell == "", None).str.slice(1).alias("rest")


_STEPS = (
    (rf"{_WHO} \[", "expected 'host ident user [time]' at its start"),
    (rf'{_WHO} \[[^\]"]*\] "', "expected a quoted request after the [time]"),
    (rf'{_WHO} \[[^\]"]*\] "{_TEXT}" ', "the quoted request does not end"),
    (rf'{_WHO} \[[^\]"]*\] "{_TEXT}" [0-9]{{1,9}} ', "the status is not a whole number"),
    (COMMON + "(?: |$)", "the size is neither a whole number nor '-'"),
)


def _explain(line: str, *, agents: bool) -> str:
    short = line[:4096]  # longer lines are explained by their beginning
    for pattern, reason in _STEPS:
        if not re.match(pattern, short):
            return reason
    if agents and not re.match(COMBINED + "(?: |$)", short):
        return "expected a quoted referer and a quoted user agent after the size"
    stamp = re.match(COMMON, short)
    return f"'{stamp['time']}' is not a time" if stamp else "it does not match"
