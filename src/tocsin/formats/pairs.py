"""`key=value` pairs in columns: the codec of `logfmt`.

The grammar of a line is one regular expression. Where no quoted value holds a `=`, a
key is wherever its text stands after a blank; of other lines the pairs before it are
read one by one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl
from msgspec import Struct

from tocsin.formats import lines, requests, typed
from tocsin.formats.access import REQUEST_PARTS
from tocsin.formats.instants import Clock
from tocsin.formats.parts import Part, batch, leftover, others
from tocsin.formats.paths import candidates
from tocsin.model.batch import TIME

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from tocsin.formats.options import FormatOptions
    from tocsin.model.batch import EventBatch
    from tocsin.model.message import FieldType, MessageType

_QUOTED = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_KEY = r'[^= "]+'
_PAIR = rf'{_KEY}(?:=(?:{_QUOTED}|[^ "]*))?'
LINE = rf"^ *{_PAIR}(?: +{_PAIR})* *$"
"""The grammar."""

_SIMPLE_QUOTED = r'"[^"\\=]*(?:\\[^=][^"\\=]*)*"'
_SIMPLE = LINE.replace(_QUOTED, _SIMPLE_QUOTED)
_VALUE = rf'({_QUOTED}|[^ "]*)(?: |$)'
_PLAIN_LINE = rf"{_KEY}=[^ ].*$"
_SEEN = 100
_MOST = 60
"""Keys of a line that are read in one go."""


def codec(
    name: str, message: MessageType, head: bytes, options: FormatOptions
) -> PairsCodec:
    """Return the codec of a stream that begins with `head`."""
    clock = Clock(options.time_format, options.timezone)
    texts = head.decode(errors="replace").split("\n")[:_SEEN]
    found = re.compile(rf"(?:^| )({_KEY})=")
    seen = dict.fromkeys(key for text in texts for key in found.findall(text))
    return PairsCodec(name, message, clock, tuple(seen), options, _shape(texts))


class PairsCodec(Struct, frozen=True):
    """Lines of pairs to events; `seen` are the keys of the first lines.

    `shape` are those of the first line, in its order: lines alike are read faster.
    """

    format: str
    message: MessageType
    clock: Clock
    seen: tuple[str, ...]
    options: FormatOptions
    shape: tuple[str, ...] = ()

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        kinds = typed.wanted(self.message, fields)
        pieces = list(lines.pieces(lines.clean(block))) or [b""]
        return batch(block, [self._piece(p, kinds) for p in pieces], self.explain)

    def explain(self, line: str) -> str:
        """Return why a line is no event, for people."""
        pairs = pl.Series([line]).str.extract(rf"^( *(?:{_PAIR} +)*)")[0] or ""
        if not pl.Series([line]).str.contains(LINE)[0]:
            return f"expected key=value at column {len(pairs) + 1}"
        names = ", ".join(candidates("time", self.options)[:5])
        return f"no field holds a time (looked for {names})"

    def _piece(self, piece: bytes, kinds: Mapping[str, FieldType]) -> Part:
        text = lines.column(piece)
        names = self._read({self.message.canonical(name) for name in kinds})
        keys = {key for name in ("time", *names) for key in self._keys(name)}
        whole = _Lines(text, self.shape, keys)
        time = (
            self._time(whole) if whole.good.any() else text.clear(text.len()).cast(TIME)
        )
        good = whole.good & time.is_not_null()
        columns = {name: self._first(whole, name) for name in names}
        cells = pl.DataFrame({**columns, "time": time, "line": text})
        cells = cells if good.all() else cells.filter(good)
        frame, misfits = self._project(cells, kinds)
        refused = others(good.arg_true(), text.len())
        skipped, bad = leftover(text.gather(refused), refused)
        return Part(frame, text.len(), skipped, bad, misfits)

    def _time(self, whole: _Lines) -> pl.Series:
        """Return the instant of each line: of the first of its fields that is a time."""
        names = self._keys("time")
        found = self.clock.read(whole.value(names[0]))
        for name in names[1:]:
            if not found.has_nulls():
                break
            found = found.zip_with(
                found.is_not_null(), self.clock.read(whole.value(name))
            )
        return found

    def _read(self, wanted: Collection[str]) -> list[str]:
        """Return the fields to be read for those that are wanted."""
        names = set(wanted) - {"time", "line"}
        if names & set(REQUEST_PARTS):
            names |= {"request", "path"} if self._has("request") else {"path"}
        return sorted(names)

    def _keys(self, name: str) -> tuple[str, ...]:
        """Return the keys under which lines may hold a field, best first."""
        names = candidates(name, self.options)
        return tuple(n for n in names if n in self.seen) or names

    def _has(self, name: str) -> bool:
        return any(n in self.seen for n in candidates(name, self.options))

    def _first(self, whole: _Lines, name: str) -> pl.Series:
        """Return the texts of a field, under whichever of its names a line has it."""
        names = self._keys(name)
        found = whole.value(names[0])
        for other in names[1:]:
            if not found.has_nulls():
                break
            found = found.zip_with(found.is_not_null(), whole.value(other))
        return found.alias(name)

    def _project(
        self, cells: pl.DataFrame, kinds: Mapping[str, FieldType]
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        names = {name: self.message.canonical(name) for name in kinds}
        parts = [p for p in REQUEST_PARTS if p in names.values()]
        if parts and "request" in cells.columns:
            made = requests.split(cells["request"], [*dict.fromkeys([*parts, "path"])])
            cells = _completed(cells, made)
        if "section" in parts and "path" in cells.columns:
            cells = _completed(cells, requests.sections(cells["path"]).to_frame())
        frame = typed.project(cells, names, kinds, self.clock)
        return frame, typed.misfits(cells, names, frame)


def _completed(cells: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Fill what a line does not say itself with what was made of other fields."""
    found = [
        cells[c.name].zip_with(cells[c.name].is_not_null(), c)
        if c.name in cells.columns
        else c
        for c in made.get_columns()
    ]
    return cells.with_columns(found)


class _Lines:
    """Lines and their values: `good` says which lines are pairs throughout.

    Lines with the keys of `shape`, in that order, are read in one go: their values of
    `keys`. The others are read key by key.
    """

    def __init__(self, text: pl.Series, shape: Sequence[str], keys: set[str]) -> None:
        read = [key for key in shape if key in keys] or list(shape[:1])
        groups = {key: f"g{number}" for number, key in enumerate(read)}
        self._columns: dict[str, pl.Series] = {}
        if groups:
            found = text.str.extract_groups(_shaped(shape, groups)).struct.unnest()
            self._columns = dict(zip(groups, found.get_columns(), strict=True))
        first = next(iter(self._columns.values()), None)
        rows = pl.arange(text.len(), eager=True, dtype=pl.UInt32)
        self._odd = rows if first is None else first.is_null().arg_true()
        self._rest = text.gather(self._odd)
        self._sound = self._rest.str.contains(LINE)
        self._simple = self._rest.str.contains(_SIMPLE)
        shaped = pl.repeat(True, text.len(), dtype=pl.Boolean, eager=True)
        self.good = shaped.scatter(self._odd, self._sound)

    def value(self, key: str) -> pl.Series:
        """Return the values of a key, null where a line has none."""
        found = self._columns.get(key)
        if found is None:
            found = pl.repeat(None, self.good.len(), dtype=pl.String, eager=True)
        if self._odd.len():
            found = found.scatter(self._odd, self._one_by_one(key))
        quoted = found.str.starts_with('"').fill_null(value=False)
        if not quoted.any():
            return found
        rows = quoted.arg_true()
        inner = found.gather(rows).str.slice(1).str.head(-1)
        return found.scatter(rows, _unescaped(inner))

    def _one_by_one(self, key: str) -> pl.Series:
        own = re.escape(key)
        found = self._rest.str.extract(rf"(?:^| ){own}={_VALUE}")
        unsure = (~self._simple).arg_true()
        if unsure.len():
            exact = rf"^ *(?:{_PAIR} +)*?{own}={_VALUE}"
            texts = self._rest.gather(unsure)
            found = found.scatter(unsure, texts.str.extract(exact))
        return found


def _shaped(shape: Sequence[str], groups: Mapping[str, str]) -> str:
    """Return the regex of lines with these keys in this order."""
    value = rf'{_QUOTED}|[^ "]*'
    parts = (
        f"{re.escape(key)}="
        + (f"(?P<{groups[key]}>" if key in groups else "(?:")
        + f"{value})"
        for key in shape
    )
    return f"^{' '.join(parts)}$"


def _shape(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of the first line that is pairs throughout, none of them twice."""
    for text in texts:
        if re.match(_PLAIN_LINE, text):
            keys = tuple(re.findall(rf"(?:^| )({_KEY})=", re.sub(_QUOTED, '""', text)))
            return keys if len(set(keys)) == len(keys) <= _MOST else ()
    return ()


def _unescaped(texts: pl.Series) -> pl.Series:
    r"""Return the text that quoted text stands for: `\"`, `\\`, `\n` and `\t`."""
    odd = texts.str.contains("\\", literal=True)
    if not odd.any():
        return texts
    rows = odd.arg_true()
    # A backslash of its own must not be taken for the beginning of another escape.
    found = texts.gather(rows).str.replace_all("\\\\", "\0", literal=True)
    for escape, sign in (('\\"', '"'), ("\\n", "\n"), ("\\t", "\t"), ("\0", "\\")):
        found = found.str.replace_all(escape, sign, literal=True)
    return texts.scatter(rows, found)
