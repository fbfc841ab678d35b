r"""The fast path of access logs: a piece cut at every `"`, fields taken by their place.

    host - - [stamp] "request" 200 5 "referer" "agent" rest
    0                 1       2     3         4 5     6

Nothing here decides what a line means: it says of which rows it is *sure*, and those
the grammar (`clf`) reads in the same way. Of all other rows it says nothing.
"""

from collections.abc import Callable, Collection, Mapping

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats.distinct import per_value
from tocsin.formats.instants import Clock
from tocsin.formats.lines import Piece, as_text
from tocsin.model.batch import Coded

_USER = r'(?P<ident>[^ "]+) (?P<remote_user>[^ "\[](?:[^"\[]*[^ "\[])?)'
WHO = rf'(?P<remote_addr>[^ "]+) {_USER}'
_AGENTS = {"referer", "user_agent"}
_AFTER_HOST = rf'^ {_USER} \[(?P<time>[^\]"]*)\] $'
_USUAL = r'^ (?P<ident>[^ "]+) (?P<remote_user>[^ "\[]+) \[(?P<time>[^\]"]*)\] $'
"""The same but for users with spaces, and so without a choice, which is much faster."""


class Cut(Struct, frozen=True):
    """The fields of a piece, one row a line, and which rows are surely right (None: all).

    `lines` returns some of the lines, by their numbers; `coded` are those of its columns
    whose codes are known.
    """

    cells: pl.DataFrame
    lines: Callable[[pl.Series], pl.Series]
    sure: pl.Series | None = None
    coded: Mapping[str, Coded] = field(default_factory=dict)


def size(text: pl.Expr) -> pl.Expr:
    """Return sizes; `-`, which is how Apache writes none, is 0."""
    return text.cast(pl.Int64, strict=False).fill_null(0).alias("bytes")


def _digit(place: int) -> pl.Expr:
    """Return the digit at a place of the column of numbers, if there is one."""
    byte = pl.col("2").cast(pl.Binary).bin.get(place, null_on_oob=True)
    return byte.cast(pl.Int64) - ord("0")


_START, _NUMBER = pl.col("0"), pl.col("2")
_HOST_END = _START.str.find(" ", literal=True)
_BYTES = _START.cast(pl.Binary)
_AFTER = _BYTES.bin.slice(_HOST_END).cast(pl.String)
_LEAD = {
    "remote_addr": _BYTES.bin.head(_HOST_END).cast(pl.String),
    "request": pl.col("1"),
    "status": _digit(1) * 100 + _digit(2) * 10 + _digit(3),
}


def _unescaped(*columns: str) -> pl.Expr:
    """Return whether a quote that ends one of these was a quote indeed."""
    return ~pl.any_horizontal(pl.col(columns).str.ends_with("\\"))


class _Shape(Struct, frozen=True):
    """How lines are cut for some of their fields.

    `plain` says which rows are as the grammar wants them, and of those `open` which
    only if they have exactly `quotes` quotes: those cut off, or more than the columns
    hold, are not to be seen in the columns.
    """

    columns: int
    quotes: int
    fields: Mapping[str, pl.Expr]
    plain: pl.Expr
    open: pl.Expr | None = None


_LEADS = (_HOST_END > 0) & _unescaped("1")
_SIZED = _LEADS & _NUMBER.str.contains(r"^ [1-9][0-9]{2} (?:[0-9]{1,18}|-) $")
_COMMON_FIELDS = _LEAD | {
    "bytes": size(_NUMBER.str.slice(5).str.extract(r"^[0-9-]+", 0)),
    "rest": _NUMBER.str.slice(5).str.extract(r" (.*)", 1),
}
_COMBINED_FIELDS = _LEAD | {
    "bytes": size(_NUMBER.str.slice(5).str.head(-1)),
    "referer": pl.col("3"),
    "user_agent": pl.col("5"),
    "rest": pl.when(pl.col("6") != "").then(pl.col("6").str.slice(1)),
}
_COMMON = _Shape(
    columns=4,
    quotes=2,
    fields=_COMMON_FIELDS,
    plain=_LEADS & _NUMBER.str.contains(r"^ [1-9][0-9]{2} (?:[0-9]{1,18}|-)(?: |$)"),
    open=~_NUMBER.str.slice(5).str.contains(" ", literal=True),
)
_COMMON_REST = replace(_COMMON, open=pl.lit(value=True))
_COMBINED = _Shape(
    columns=5,
    quotes=6,
    fields=_COMBINED_FIELDS,
    # Whatever follows a quote after the size, the line is a hit.
    plain=_SIZED & ((pl.col("3") != "") | (pl.col("4") != "")),
)
_COMBINED_TAIL = _Shape(
    columns=8,
    quotes=6,
    fields=_COMBINED_FIELDS,
    plain=_SIZED
    & _unescaped("3", "5")
    & (pl.col("4") == " ")
    & ((pl.col("6") == "") | pl.col("6").str.starts_with(" ")),
    open=pl.col("6") == "",
)


_COMBINED_REST = replace(_COMBINED_TAIL, open=pl.lit(value=True))


def cut(piece: Piece, need: Collection[str], clock: Clock, *, agents: bool) -> Cut:
    """Return the fields needed of a piece: those of a line, none that are made of them."""
    shape = _shape(need, agents=agents)
    found = _cut(piece.data, shape, need)
    found = found.hstack(_after_host(found["after"], need, clock))
    sure = found["plain"] & found["time"].is_not_null()
    if shape.open is not None and found["open"].any():
        sure &= ~found["open"] | (found["total"] == piece.lines.str.len_bytes())
    if piece.returns:  # the reader drops some of them
        sure &= piece.bare
    return Cut(found, piece.some, None if sure.all() else sure)


def _shape(need: Collection[str], *, agents: bool) -> _Shape:
    if "rest" in need:
        return _COMBINED_REST if agents else _COMMON_REST
    if not agents:
        return _COMMON
    return _COMBINED if _AGENTS.isdisjoint(need) else _COMBINED_TAIL


def _after_host(after: pl.Series, need: Collection[str], clock: Clock) -> pl.DataFrame:
    """Read what stands between host and request by the grammar: who, and when.

    That is nearly the same in many lines.
    """
    names = ["time", *({"ident", "remote_user"} & set(need))]

    def read(texts: pl.Series) -> pl.DataFrame:
        groups = _groups(texts)
        return groups.with_columns(clock.read(groups["time"])).select(names)

    return per_value(after, read)


def _groups(after: pl.Series) -> pl.DataFrame:
    found = after.str.extract_groups(_USUAL).struct.unnest()
    odd = found["time"].is_null().arg_true()
    if odd.is_empty():
        return found
    exact = after.gather(odd).str.extract_groups(_AFTER_HOST).struct.unnest()
    return found.with_columns(
        column.scatter(odd, exact[column.name]) for column in found.get_columns()
    )


def _cut(data: bytes, shape: _Shape, need: Collection[str]) -> pl.DataFrame:
    """Compute the columns of lines cut at quotes; what is left of a line is dropped."""
    columns = [str(number) for number in range(shape.columns)]
    fields = [m.alias(name) for name, m in shape.fields.items() if name in need]
    checks = [shape.plain.alias("plain")]
    if shape.open is not None:
        held = pl.col(columns[: shape.quotes + 1]).str.len_bytes()
        checks += [
            (pl.sum_horizontal(held) + shape.quotes).alias("total"),
            shape.open.alias("open"),
        ]
    text, before = as_text(data)
    return (
        pl.scan_csv(
            text,
            has_header=False,
            separator='"',
            quote_char=None,
            schema=dict.fromkeys(columns, pl.String),
            extra_columns="ignore",
            missing_columns="insert",
            empty_string_is_null=False,
        )
        .select(*checks, *fields, _AFTER.alias("after"))
        .collect()
        .slice(before)
        .rechunk()
    )
