"""What the first lines of delimited values say: delimiter, columns, header."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

from tocsin.formats import access
from tocsin.formats.options import FormatOptions
from tocsin.model.message import Field, FieldType, MessageType

DELIMITERS = ",;\t|"
_SEEN = 50
EXERCISE = ("remotehost", "rfc931", "authuser", "date", "request", "status", "bytes")
"""The columns of access logs as CSV: known by their shape where no header names them."""
_VALUES = (
    r".+", r".*", r".*", r"[0-9]{9,10}(?:\.[0-9]+)?|[0-9]{13}", r"\S+ \S.*", r"[1-9][0-9]{2}",
    r"[0-9]+|-",
)  # fmt: skip
MOST_COLUMNS = 500
"""A line of more values is not taken for a header."""


class Layout(Struct, frozen=True):
    """What a stream's first lines say: delimiter, names as written, the header line.

    `header` is the bytes of the header line without its line end; empty: there is none.
    """

    delimiter: str
    columns: tuple[str, ...]
    header: bytes


def look(head: bytes, options: FormatOptions) -> Layout:
    """Return the layout of a stream that begins with `head`."""
    raw = [line.rstrip(b"\r").lstrip(b"\xef\xbb\xbf") for line in head.split(b"\n")]
    texts = [line.decode(errors="replace") for line in raw[: _SEEN + 1] if line.strip()]
    first = texts[0] if texts else ""
    delimiter = options.delimiter or _delimiter(first)
    names = tuple(name.strip() for name in split(first, delimiter) or ())
    if _is_header(names, options):
        columns = options.columns or _unique(names)
        return Layout(delimiter, columns, first.encode())
    return Layout(delimiter, _columns(texts, delimiter, options), b"")


def _is_header(names: tuple[str, ...], options: FormatOptions) -> bool:
    if len(names) > MOST_COLUMNS:
        return False
    if options.header is not None:
        return options.header
    if options.columns:
        return names == options.columns
    return _time_column(names, options) is not None


def _columns(
    texts: Sequence[str], delimiter: str, options: FormatOptions
) -> tuple[str, ...]:
    """Return the columns of lines without a header: as named, or told by their shape."""
    if options.columns or options.time_field:
        return options.columns
    rows = (split(text, delimiter) or [] for text in texts)
    return EXERCISE if any(map(_is_exercise, rows)) else ()


def _is_exercise(row: Sequence[str]) -> bool:
    """Whether a row has the shape of the exercise's: an epoch before a request."""
    if len(row) != len(EXERCISE):
        return False
    pairs = zip(_VALUES, row, strict=True)
    return all(re.fullmatch(pattern, value) for pattern, value in pairs)


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    """Give empty and repeated names one of their own: `column_3`."""
    seen: set[str] = set()
    result = []
    for number, name in enumerate(names, 1):
        free = name if name and name not in seen else f"column_{number}"
        seen.add(free)
        result.append(free)
    return tuple(result)


def _delimiter(line: str) -> str:
    """Return the delimiter that stands most often outside quotes in the first line."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=bare.count)


def split(line: str, delimiter: str) -> list[str] | None:
    """Return the values of one line by the grammar; None when it does not fit."""
    other = re.escape(delimiter)
    value = rf'"(?:[^"]|"")*"|[^"{other}]*'
    if not re.fullmatch(rf"(?:{value})(?:{other}(?:{value}))*", line):
        return None
    found = re.findall(rf"(?:^|{other})({value})", line)
    return [v[1:-1].replace('""', '"') if v.startswith('"') else v for v in found]


def _time_column(names: tuple[str, ...], options: FormatOptions) -> str | None:
    """Return the column, as written, that holds the time."""
    wanted = (options.time_field,) if options.time_field else access.TIME_NAMES
    by_case = {name.casefold(): name for name in reversed(names)}
    return next(
        (by_case[w.casefold()] for w in wanted if w.casefold() in by_case), None
    )


def message_of(
    layout: Layout, options: FormatOptions, *, is_open: bool = False
) -> MessageType:
    """Return the message type of columns: types as declared or known, else text."""
    time = _time_column(layout.columns, options)
    ours = canonical(layout.columns, options)
    pairs = zip(layout.columns, ours, strict=True)
    aliases = {a: b for a, b in pairs if a != b and a not in {"time", "line"}}
    known = {f.name: f for f in access.FIELDS}
    is_access = bool(requested(ours))
    fields = {}
    for name, written in zip(ours, layout.columns, strict=True):
        kind = options.fields.get(written, options.fields.get(name))
        fixed = name in known and (is_access or name not in {"status", "bytes"})
        own = known[name].type if fixed else FieldType.STRING
        about = known[name].about if name in known else ""
        fields[name] = Field(
            name, FieldType.TIME if written == time else kind or own, about
        )
    made: tuple[str, ...] = access.REQUEST_PARTS if "request" in fields else ()
    if "path" in fields:
        made = (*made, "section")
    for part in (*made, "time"):
        fields.setdefault(part, known[part])
    return MessageType("csv", tuple(fields.values()), aliases, open=is_open)


def requested(ours: Iterable[str]) -> set[str]:
    """Return the columns that make an access log of these columns."""
    return {"request", "path"} & set(ours)


def canonical(columns: tuple[str, ...], options: FormatOptions) -> tuple[str, ...]:
    """Return our names of columns; each is given out once."""
    time = _time_column(columns, options)
    names: list[str] = []
    for written in columns:
        known = access.ALIASES.get(written.casefold(), written)
        if written == time:
            ours = "time"
        elif written in {"time", "line"}:  # these two names have a meaning already
            ours = f"{written}_text"
        elif known in {"time", *columns, *names}:
            ours = written
        else:
            ours = known
        names.append(ours)
    return tuple(names)
