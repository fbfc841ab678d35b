"""Delimited values in columns: the codec of the `csv` format.

Every line is one record. A line is *plain* when each value is bare, or quoted without
a quote in it: Polars' reader takes those. A line with `""` in a value goes through the
regular expression of the whole grammar, and comes back in its place.
"""

import io
import re
from collections.abc import Mapping

import polars as pl
from msgspec import Struct

from tocsin.formats import lines, requests, typed
from tocsin.formats.access import REQUEST_PARTS
from tocsin.formats.instants import Clock
from tocsin.formats.layout import Layout, canonical, requested, split
from tocsin.formats.options import FormatOptions
from tocsin.formats.parts import (
    Part,
    all_refused,
    batch,
    events_before,
    leftover,
    others,
)
from tocsin.model.batch import EventBatch
from tocsin.model.message import FieldType, MessageType


def codec(
    name: str, layout: Layout, message: MessageType, options: FormatOptions
) -> "SeparatedCodec":
    """Return the codec of a stream with that layout."""
    clock = Clock(options.time_format, options.timezone)
    ours = canonical(layout.columns, options)
    return SeparatedCodec(name, message, clock, layout, ours)


class SeparatedCodec(Struct, frozen=True):
    """Lines of delimited values to events; `ours` are the columns by our names."""

    format: str
    message: MessageType
    clock: Clock
    layout: Layout
    ours: tuple[str, ...]

    @property
    def headed(self) -> bool:
        """Whether a header in the file says what its lines hold."""
        return bool(self.layout.header)

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        kinds = typed.wanted(self.message, fields)
        if "time" not in self.ours:
            return all_refused(block, kinds, self.explain)
        parts = [self._piece(p, kinds) for p in lines.pieces(lines.clean(block))]
        return batch(block, parts or [self._piece(b"", kinds)], self.explain)

    def explain(self, line: str) -> str:
        """Return why a line is no event, for people."""
        if "time" not in self.ours:
            return "no column holds the time: name the columns, or the time field"
        values = split(line, self.layout.delimiter)
        if values is None:
            return "a quoted value does not end, or a quote stands inside a bare one"
        if len(values) != len(self.ours):
            return f"expected {len(self.ours)} values, found {len(values)}"
        time = values[self.ours.index("time")]
        if self.clock.read(pl.Series([time])).has_nulls():
            return f"'{time[:99]}' is not a time{self._place(line, 'time')}"
        for name in self._numbers:
            value = values[self.ours.index(name)]
            if self._number(pl.Series([value]), name).has_nulls():
                return f"the {name} is not a whole number{self._place(line, name)}"
        return "it does not match"

    def _place(self, line: str, name: str) -> str:
        """Say where in a line the value of a column begins."""
        before = self.ours.index(name)
        other = re.escape(self.layout.delimiter)
        value = rf'(?:"(?:[^"]|"")*"|[^"{other}]*){other}'
        found = re.match(value * before, line)
        return f" at column {found.end() + 1}" if found else ""

    def _piece(self, piece: bytes, kinds: Mapping[str, FieldType]) -> Part:
        text = lines.column(piece)
        plain = text.str.contains(self._plain)
        if self.layout.header:
            plain &= text != self.layout.header.decode()
        plain &= ~text.str.contains(lines.BLANK)
        whole = bool(plain.all())
        cells = self._read(piece if whole else lines.joined(text.filter(plain)))
        rows = plain.arg_true()
        if not whole:
            odd = (~plain).arg_true()
            cells, rows = _woven((cells, rows), (self._exact(text.gather(odd)), odd))
        cells = cells.with_columns(text.gather(rows).alias("line"))
        return self._settle(text, rows, cells, kinds)

    def _settle(
        self,
        text: pl.Series,
        rows: pl.Series,
        cells: pl.DataFrame,
        kinds: Mapping[str, FieldType],
    ) -> Part:
        """Keep the rows that are events, and account for the lines that are not."""
        cells, good = self._checked(cells)
        if not good.all():
            cells, rows = cells.filter(good), rows.filter(good)
        frame, misfits = self._project(cells, kinds)
        if rows.len() == text.len():
            return Part(frame, text.len(), misfits=misfits)
        refused = others(rows, text.len())
        rest, after = text.gather(refused), events_before(refused)
        header = rest == self.layout.header.decode()
        if self.layout.header and header.any():
            kept = ~header
            refused, rest, after = (x.filter(kept) for x in (refused, rest, after))
        skipped, bad = leftover(rest, refused, after)
        headers = int(header.sum()) if self.layout.header else 0
        return Part(frame, text.len(), skipped + headers, bad, misfits)

    @property
    def _plain(self) -> str:
        """Lines that the reader takes as they are; it would drop a carriage return."""
        other = re.escape(self.layout.delimiter)
        value = rf'(?:"[^"\r]*"|[^"{other}\r]*)'
        return rf"^{value}(?:{other}{value}){{{len(self.ours) - 1}}}$"

    def _exact(self, text: pl.Series) -> pl.DataFrame:
        """Return the values of lines by the grammar; all null where it refuses."""
        header = text == self.layout.header.decode() if self.layout.header else None
        if header is not None and header.any():
            text = text.set(header, None)
        text = text.set(text.str.contains(lines.BLANK), None)
        other = re.escape(self.layout.delimiter)
        value = rf'("(?:[^"]|"")*"|[^"{other}]*)'
        pattern = "^" + other.join([value] * len(self.ours)) + "$"
        groups = text.str.extract_groups(pattern).struct.unnest()
        groups.columns = list(map(str, range(len(self.ours))))
        quoted = pl.all().str.starts_with('"')
        inner = pl.all().str.slice(1, pl.all().str.len_chars() - 2)
        return groups.select(
            pl.when(quoted)
            .then(inner.str.replace_all('""', '"', literal=True))
            .otherwise(pl.all())
        )

    def _read(self, piece: bytes) -> pl.DataFrame:
        schema = {str(n): pl.String for n in range(len(self.ours))}
        if not piece or not schema:
            return pl.DataFrame(schema=schema)
        text, before = lines.as_text(piece, self._nothing)
        return pl.read_csv(
            io.BytesIO(text),
            has_header=False,
            separator=self.layout.delimiter,
            schema=schema,
            empty_string_is_null=False,
        ).slice(before)

    @property
    def _nothing(self) -> bytes:
        """A row of empty values."""
        return b'""' + self.layout.delimiter.encode() * (len(self.ours) - 1) + b"\n"

    @property
    def _numbers(self) -> tuple[str, ...]:
        """Columns that must hold numbers: an access log's, unless declared otherwise."""
        fields = (self.message.find(name) for name in ("status", "bytes"))
        whole = {FieldType.INT, FieldType.BYTES}
        access = requested(self.ours)
        return tuple(f.name for f in fields if f and f.type in whole and access)

    def _checked(self, cells: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """Read what every event must have: a time, and numbers where there are some."""
        cells = cells.rename(dict(zip(cells.columns, self.ours, strict=False)))
        time = self.clock.read(cells["time"]).alias("time")
        good = time.is_not_null()
        columns = [time]
        for name in self._numbers:
            number = self._number(cells[name], name)
            good &= number.is_not_null()
            columns.append(number)
        return cells.with_columns(columns), good

    def _number(self, texts: pl.Series, name: str) -> pl.Series:
        kind = FieldType.INT if name == "status" else FieldType.BYTES
        return typed.cast(texts, kind, self.clock)

    def _project(
        self, cells: pl.DataFrame, kinds: Mapping[str, FieldType]
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        """Return the fields asked for, and how many values did not fit their types."""
        names = {name: self.message.canonical(name) for name in kinds}
        parts = [
            p for p in REQUEST_PARTS if p in names.values() and p not in cells.columns
        ]
        if parts and "request" in cells.columns:
            cells = cells.hstack(requests.split(cells["request"], parts))
        elif "section" in parts and "path" in cells.columns:
            cells = cells.hstack([requests.sections(cells["path"])])
        frame = typed.project(cells, names, kinds, self.clock)
        return frame, typed.misfits(cells, names, frame)


def _woven(
    one: tuple[pl.DataFrame, pl.Series], two: tuple[pl.DataFrame, pl.Series]
) -> tuple[pl.DataFrame, pl.Series]:
    """Put two sets of rows together, in the order of their lines."""
    both = pl.concat(
        [cells.with_columns(rows.alias("row")) for cells, rows in (one, two)]
    )
    both = both.sort("row")
    return both.drop("row"), both["row"]
