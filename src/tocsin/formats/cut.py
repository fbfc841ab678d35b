r"""The fast path of access logs: a piece cut at every `"`, fields taken by their place.

    host - - [stamp] "request" 200 5 "referer" "agent" rest
    0                 1       2     3         4 5     6

Nothing here decides what a line means: it says of which rows it is *sure*, and those
the grammar (`clf`) reads in the same way. Of all other rows it says nothing.
"""

from collections.abc import Collection

import polars as pl

from tocsin.formats.instants import Clock

WHO = (
    r'(?P<remote_addr>[^ "]+) (?P<ident>[^ "]+) '
    r'(?P<remote_user>[^ "\[](?:[^"\[]*[^ "\[])?)'
)
LEAST = {False: 2, True: 6}
"""How many quotes a line has at least, without and with referer and user agent."""

_NUMBERS = r"^ [1-9][0-9]{2} (?:[0-9]{1,18}|-) $"
_NUMBERS_REST = r"^ [1-9][0-9]{2} ([0-9]{1,18}|-)(?: (.*))?$"
_STAMP = 26
_NOBODY = " - - ["


def size(text: pl.Expr) -> pl.Expr:
    """Return sizes; `-`, which is how Apache writes none, is 0."""
    return text.cast(pl.Int64, strict=False).fill_null(0).alias("bytes")


_START, _NUMBER = pl.col("0"), pl.col("2")
_HOST = _START.str.head(-_STAMP - 2 - len(_NOBODY))
_LEAD = {
    "stamp": _START.str.slice(-_STAMP - 2, _STAMP),
    "remote_addr": _HOST,
    # If the host has no space and the stamp is a stamp, this can only stand between.
    "nobody": _START.str.contains(_NOBODY, literal=True)
    & ~_START.str.starts_with(" ")
    & ~_HOST.str.contains(" ", literal=True),
    "ident": pl.lit("-"),
    "remote_user": pl.lit("-"),
    "request": pl.col("1"),
    "status": _NUMBER.str.slice(1, 3).cast(pl.Int64, strict=False),
}
_COMMON = _LEAD | {
    "bytes": size(_NUMBER.str.extract(_NUMBERS_REST, 1)),
    "rest": _NUMBER.str.extract(_NUMBERS_REST, 2),
    "plain": _START.str.ends_with("] ") & _NUMBER.str.contains(_NUMBERS_REST),
}
_COMBINED = _LEAD | {
    "bytes": size(_NUMBER.str.slice(5).str.strip_suffix(" ")),
    "referer": pl.col("3"),
    "user_agent": pl.col("5"),
    "rest": pl.when(pl.col("6") != "").then(pl.col("6").str.slice(1)),
    "plain": _START.str.ends_with("] ")
    & _NUMBER.str.contains(_NUMBERS)
    & (pl.col("4") == " ")
    & ((pl.col("6") == "") | pl.col("6").str.starts_with(" ")),
}
_ALWAYS = {"stamp", "remote_addr", "nobody", "plain"}


def cells(
    piece: bytes, need: Collection[str], clock: Clock, *, agents: bool, quotes: int
) -> tuple[pl.DataFrame, pl.Series] | None:
    """Return the fields needed, and of which rows they are surely right.

    None when not every line of the piece has that number of quotes.
    """
    makers = _COMBINED if agents else _COMMON
    wanted = [
        m.alias(name) for name, m in makers.items() if name in _ALWAYS | set(need)
    ]
    found = _cut(piece, quotes, wanted)
    if found is None:
        return None
    time = clock.read(found["stamp"]).alias("time")
    sure = found["plain"] & time.is_not_null()
    found = found.with_columns(time)
    if not found["nobody"].all():
        people = _people(piece, quotes)
        sure &= people["remote_addr"].is_not_null()
        found = found.with_columns(people)
    if "rest" in need and quotes != LEAST[agents]:
        # What follows was itself cut at quotes: only the grammar has it whole.
        sure &= False
    return found, sure


def regular(text: pl.Series, quotes: int) -> pl.Series:
    """Return which lines have that number of quotes, none of them escaped.

    Nor a carriage return: the reader drops those before a cut.
    """
    count = text.str.count_matches('"', literal=True)
    odd = text.str.contains('\\"', literal=True) | text.str.contains("\r", literal=True)
    return (count == quotes) & ~odd


def _people(piece: bytes, quotes: int) -> pl.DataFrame:
    """Return host, ident and user, null where they are not as they should be."""
    lead = _START.str.head(-_STAMP - 2).str.extract_groups(rf"^{WHO} \[$").alias("who")
    found = _cut(piece, quotes, [lead])
    assert found is not None  # it was cut before
    return found["who"].struct.unnest()


def _cut(piece: bytes, quotes: int, columns: list[pl.Expr]) -> pl.DataFrame | None:
    """Compute columns of lines that were cut at quotes; None if that cannot be done.

    The reader refuses a line of more cuts, but fills up one of fewer in silence; so
    bytes are counted: they add up only when there was no such line.
    """
    if not piece or b"\r" in piece:  # the reader drops it, and the sum would lie
        return None
    if b"\\" in piece and b'\\"' in piece:  # one byte is found faster than two
        return None
    total = pl.sum_horizontal(pl.all().str.len_bytes()).cast(pl.Int64).alias("total")
    try:
        found = (
            pl.scan_csv(
                piece,
                has_header=False,
                separator='"',
                quote_char=None,
                schema={str(n): pl.String for n in range(quotes + 1)},
                extra_columns="raise",
                missing_columns="insert",
                empty_string_is_null=False,
            )
            .select(total, *columns)
            .collect()
            .rechunk()
        )
    except pl.exceptions.PolarsError:
        return None
    whole = found["total"].sum() + found.height * (quotes + 1) == len(piece)
    return found.drop("total") if whole else None
