"""JSON lines in columns: the codec of the `json` format.

A line is accepted when Polars' reader takes it as an object. The reader gives up a
whole block for one bad line, so the bad ones are found first: by a second parser that
judges row by row. The two were compared on a large number of mutilated lines; where
they differ (surrogates, depth, numbers of very many digits) lines are set aside, and
judged in one way on every path.
"""

import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import polars as pl
from msgspec import Struct

from tocsin.formats import lines, requests, typed
from tocsin.formats.access import REQUEST_PARTS
from tocsin.formats.instants import Clock
from tocsin.formats.options import FormatOptions
from tocsin.formats.parts import Part, all_refused, batch, leftover, marked, others
from tocsin.formats.paths import Path, candidates
from tocsin.model.batch import EventBatch
from tocsin.model.message import FieldType, MessageType

Tree: TypeAlias = dict[str, Any]
"""Keys to None for a value that is wanted, or to the tree of an object."""

_SURROGATE = r"\\u[dD][89abAB]|\\u[dD][c-fC-F]"
_STRINGS = r'"[^"\\]*(?:\\.[^"\\]*)*"'
_HUGE = "[0-9]{20}"
_NEVER = r"(?:^|[\[:,\s])(?:-?[0-9]{40,}|[4-9][0-9]{38}|-[2-9][0-9]{38})(?:[\s,\]}]|$)"
"""Whole numbers beyond 128 bits, which the reader refuses. Strings are taken out first."""

_LONG = 256
_BRACKETS = 100


def codec(
    name: str, message: MessageType, seen: Sequence[Path], options: FormatOptions
) -> "JsonCodec":
    """Return the codec of a stream whose first lines hold the paths `seen`."""
    clock = Clock(options.time_format, options.timezone)
    return JsonCodec(name, message, clock, tuple(seen), options)


class JsonCodec(Struct, frozen=True):
    """Lines of JSON objects to events; `seen` are the paths of the first lines.

    An object that lacks a `required` field is no event.
    """

    format: str
    message: MessageType
    clock: Clock
    seen: tuple[Path, ...]
    options: FormatOptions
    required: frozenset[str] = frozenset()

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""
        kinds = typed.wanted(self.message, fields)
        if b"{" not in block:  # no object: such as where a format is looked for
            return all_refused(block, kinds, self.explain)
        plan = self._plan(
            {self.message.canonical(name) for name in kinds} | self.required
        )
        pieces = list(lines.pieces(lines.clean(block))) or [b""]
        parts = [self._piece(piece, plan, kinds) for piece in pieces]
        return batch(block, parts, self.explain)

    def explain(self, line: str) -> str:
        """Return why a line is no event, for people."""
        try:
            value = json.loads(line)
        except RecursionError:
            return "it is nested too deeply"
        except json.JSONDecodeError as error:
            return f"it is not JSON: {error.msg} at column {error.pos + 1}"
        except ValueError as error:  # a number of thousands of digits
            return f"it is not JSON: {error}"
        if not isinstance(value, dict):
            return "it is JSON, but not an object"
        for name in sorted(self.required - set(value)):
            return f"it has no field '{name}'"
        names = ", ".join(candidates("time", self.options)[:5])
        return f"no field holds a time (looked for {names})"

    def _plan(self, names: Collection[str]) -> dict[str, tuple[Path, ...]]:
        """Return, for every column to be read, the paths that may hold it."""
        wanted = {"time", *names} - {"line"}
        if "section" in wanted:
            wanted.add("path")
        seen = {".".join(path): path for path in reversed(self.seen)}
        known = {
            n for n in (*wanted, "request") if any(c in seen for c in self._names(n))
        }
        made = {part for part in REQUEST_PARTS if part in wanted and part not in known}
        if "path" in known:
            made.discard("section")
        plan = {name: self._paths(name, seen) for name in sorted(wanted - made)}
        if made:
            plan["request"] = self._paths("request", seen)
            if "request" not in known:
                plan |= {name: self._paths(name, seen) for name in sorted(made)}
        return plan

    def _names(self, name: str) -> tuple[str, ...]:
        return candidates(name, self.options)

    def _paths(self, name: str, seen: Mapping[str, Path]) -> tuple[Path, ...]:
        names = self._names(name)
        found = tuple(seen[n] for n in names if n in seen)
        # What is not in the first lines may turn up later under any of its names.
        both = (path for n in names for path in ((n,), tuple(n.split("."))))
        return found or tuple(dict.fromkeys(both))

    def _piece(
        self,
        piece: bytes,
        plan: Mapping[str, tuple[Path, ...]],
        kinds: Mapping[str, FieldType],
    ) -> Part:
        text = lines.column(piece)
        trees = _trees(path for paths in plan.values() for path in paths)
        fair = _fair(text)
        cells = _read(piece, trees) if fair is None else None
        rows = None
        if cells is None or cells.height != text.len():
            good = _objects(text) if fair is None else fair & _objects(text)
            cells, rows = _salvaged(text, good, trees)
        columns = {n: _first(cells, paths) for n, paths in plan.items() if n != "time"}
        columns["time"] = self._time(cells, plan["time"])
        if "line" in {self.message.canonical(n) for n in kinds}:
            columns["line"] = text if rows is None else text.gather(rows)
        return self._settle(text, rows, pl.DataFrame(columns), kinds)

    def _settle(
        self,
        text: pl.Series,
        rows: pl.Series | None,
        cells: pl.DataFrame,
        kinds: Mapping[str, FieldType],
    ) -> Part:
        timed = cells["time"].is_not_null()
        for name in self.required:
            timed &= cells[name].is_not_null()
        if rows is None and timed.all():
            frame, misfits = self._project(cells, kinds)
            return Part(frame, text.len(), misfits=misfits)
        rows = (
            pl.arange(text.len(), eager=True, dtype=pl.UInt32) if rows is None else rows
        )
        refused = others(rows.filter(timed), text.len())
        skipped, bad = leftover(text.gather(refused), refused)
        frame, misfits = self._project(cells.filter(timed), kinds)
        return Part(frame, text.len(), skipped, bad, misfits)

    def _time(self, cells: pl.DataFrame, paths: Sequence[Path]) -> pl.Series:
        found = None
        for path in paths:
            instants = self.clock.read(_value(cells, path))
            found = (
                instants
                if found is None
                else found.zip_with(found.is_not_null(), instants)
            )
            if not found.has_nulls():
                break
        assert found is not None  # there is always a candidate
        return found

    def _project(
        self, cells: pl.DataFrame, kinds: Mapping[str, FieldType]
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        """Return the fields asked for, and how many values did not fit their types."""
        names = {name: self.message.canonical(name) for name in kinds}
        wanted = set(names.values())
        parts = [part for part in REQUEST_PARTS if part in wanted]
        if "path" in cells.columns:
            # A section is of the path in use, which need not be that of the request.
            parts = [part for part in parts if part not in {"section", "path"}] + [
                "path"
            ]
        if parts and "request" in cells.columns:
            cells = _completed(cells, requests.split(cells["request"], parts))
        if "section" in wanted and "path" in cells.columns:
            cells = _completed(cells, requests.sections(cells["path"]).to_frame())
        frame = typed.project(cells, names, kinds, self.clock)
        return frame, typed.misfits(cells, names, frame)


def _completed(cells: pl.DataFrame, made: pl.DataFrame) -> pl.DataFrame:
    """Fill what an object does not say itself with what was made of other fields."""
    columns = []
    for column in made.get_columns():
        if column.name in cells.columns:
            own = cells[column.name]
            column = own.zip_with(own.is_not_null(), column)  # noqa: PLW2901
        columns.append(column)
    return cells.with_columns(columns)


def _trees(paths: Iterator[Path]) -> list[Tree]:
    """Return as few trees of keys as hold all paths.

    `a` as a text and `a.b` as a path cannot stand in one tree: that takes two.
    """
    trees: list[Tree] = []
    for path in dict.fromkeys(paths):
        if not any(_planted(tree, path) for tree in trees):
            trees.append({})
            _planted(trees[-1], path)
    return trees


def _planted(tree: Tree, path: Path) -> bool:
    for key in path[:-1]:
        inner: Tree | None = tree.setdefault(key, {})
        if inner is None:
            return False
        tree = inner
    return tree.setdefault(path[-1], None) is None


def _dtype(tree: Tree) -> pl.Struct:
    return pl.Struct(
        {k: pl.String() if v is None else _dtype(v) for k, v in tree.items()}
    )


def _read(piece: bytes, trees: Sequence[Tree]) -> pl.DataFrame | None:
    """Return one column of objects per tree, texts at their leaves; None if one is bad."""
    columns = []
    for number, tree in enumerate(trees):
        schema = _dtype(tree)
        if not piece:
            columns.append(pl.Series(str(number), [], dtype=schema))
            continue
        try:
            frame = pl.read_ndjson(
                io.BytesIO(piece), schema=dict(schema.to_schema()), ignore_errors=True
            )
        except (pl.exceptions.PolarsError, OSError):
            return None  # as one that begins like compressed data
        columns.append(frame.to_struct(str(number)))
    return pl.DataFrame(columns)


def _value(cells: pl.DataFrame, path: Path) -> pl.Series:
    """Return the texts at a path, null where an object has none."""
    for column in cells.get_columns():
        found = _inside(column, path)
        if found is not None:
            return found
    raise AssertionError(path)  # every path was planted


def _inside(column: pl.Series, path: Path) -> pl.Series | None:
    for key in path:
        if not isinstance(column.dtype, pl.Struct) or key not in column.struct.fields:
            return None
        column = column.struct.field(key)
    return column if column.dtype == pl.String else None


def _first(cells: pl.DataFrame, paths: Sequence[Path]) -> pl.Series:
    found = _value(cells, paths[0])
    for path in paths[1:]:
        if not found.has_nulls():
            break
        found = found.zip_with(found.is_not_null(), _value(cells, path))
    return found


def _fair(text: pl.Series) -> pl.Series | None:
    """Return which lines may be read; None: all of them may.

    Refused are lone surrogates, and what the careful parser refuses among lines of
    very many brackets (it stops at a depth of 127, the quick one at 1,023).
    """
    special = text.str.contains("\\u", literal=True)
    if special.any():
        special &= text.str.contains(_SURROGATE)
    long = (text.str.len_bytes() >= _LONG).arg_true()
    if long.len():
        rows = text.gather(long)
        brackets = rows.str.count_matches("{", literal=True)
        brackets += rows.str.count_matches("[", literal=True)
        special |= marked(long.filter(brackets > _BRACKETS), text.len())
    suspects = special.arg_true()
    if suspects.is_empty():
        return None
    judged = _objects(text.gather(suspects))
    if judged.all():
        return None
    return ~marked(suspects.filter(~judged), text.len())


def _objects(text: pl.Series) -> pl.Series:
    """Return which lines are JSON by the careful parser, judged one by one."""
    return text.str.json_path_match("$").is_not_null()


def _salvaged(
    text: pl.Series, good: pl.Series, trees: Sequence[Tree]
) -> tuple[pl.DataFrame, pl.Series]:
    """Return the objects among lines of which some are bad, and their rows."""
    rows = good.arg_true()
    kept = text.gather(rows)
    cells = _read(lines.joined(kept), trees)
    if cells is not None and cells.height == kept.len():
        return cells, rows
    bare = kept.str.replace_all(_STRINGS, '""')
    odd = bare.str.contains(_HUGE)
    never = odd & bare.str.contains(_NEVER)
    unsure = (odd & ~never).arg_true()
    bad = [row for row in unsure if not _alone(kept[row], trees)]
    never |= marked(pl.Series(bad, dtype=pl.UInt32), rows.len())
    rows = rows.filter(~never)
    cells = _read(lines.joined(text.gather(rows)), trees)
    assert cells is not None  # every other line was accepted by itself
    return cells, rows


def _alone(line: str, trees: Sequence[Tree]) -> bool:
    cells = _read(line.encode() + b"\n", trees)
    return cells is not None and cells.height == 1
