"""Lines as literals and fields in turn: what field patterns and log formats come to.

Fields are told apart by the literals between them. A field in double quotes holds any
escaped quote; any other ends at the first sign that may end it, or, where a line does
not fit so, as early as lets the whole line fit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from tocsin.formats.options import FormatError
from tocsin.formats.plan import Capture, Plan, planned
from tocsin.formats.stamps import shape_of
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tocsin.formats.options import FormatOptions

QUOTED = r'[^"\\]*(?:\\.[^"\\]*)*'
"""What stands between two quotes, with quotes that are escaped."""

MOST = 100
"""Fields of a pattern."""


class Slot(Struct, frozen=True):
    """A field of a line. One without a name is passed over; `at` is for error messages.

    `shape` is the regular expression of its text, where that is known.
    """

    name: str
    type: FieldType = FieldType.STRING
    form: str = ""
    at: int = 0
    shape: str = ""


Piece: TypeAlias = str | Slot


def plan_of(pieces: Sequence[Piece], options: FormatOptions) -> Plan:
    """Return the plan of a line that is made of literals and fields.

    Raises:
        FormatError: Two fields have nothing between them, or one comes twice.
    """
    slots = [piece for piece in pieces if isinstance(piece, Slot)]
    if len(slots) > MOST:
        raise FormatError(f"a pattern has at most {MOST} fields", at=slots[MOST].at)
    _check(pieces)
    ids = {id(s): f"f{n}" for n, s in enumerate(slots, 1)}
    for slot in slots:
        if re.fullmatch(r"[A-Za-z_][0-9A-Za-z_]*", slot.name) and "__" not in slot.name:
            ids[id(slot)] = slot.name
    strict = "".join(_regexes(pieces, ids, lazy=False))
    lazy = "".join(_regexes(pieces, ids, lazy=True))
    named = [Capture(s.name, s.type, s.form) for s in slots if s.name]
    plan = planned(dict.fromkeys((f"^{strict}$", f"^{lazy}$")), named, options)
    others = {ids[id(s)]: s.name for s in slots if s.name and ids[id(s)] != s.name}
    names = {g: plan.names.get(n, n) for g, n in others.items()}
    return Plan(
        plan.variants, plan.captures, form=plan.form, names={**plan.names, **names}
    )


def _check(pieces: Sequence[Piece]) -> None:
    seen: set[str] = set()
    before: Piece = "a literal"
    for piece in pieces:
        if isinstance(piece, Slot):
            if isinstance(before, Slot) and not before.shape:
                raise FormatError(
                    "nothing stands between this field and the one before it",
                    hint="put what separates them there",
                    at=piece.at,
                )
            if piece.name and piece.name in seen:
                raise FormatError(
                    f"the field '{piece.name}' is there twice", at=piece.at
                )
            seen.add(piece.name)
        before = piece
    if not seen - {""}:
        raise FormatError("there is no field in it", hint="write fields as {name}")


def _regexes(
    pieces: Sequence[Piece], ids: dict[int, str], *, lazy: bool
) -> Iterator[str]:
    for before, piece, after in zip(
        ("", *pieces[:-1]), pieces, (*pieces[1:], ""), strict=True
    ):
        if isinstance(piece, str):
            yield re.escape(piece).replace("\\ ", " ").replace("\\-", "-")
        else:
            around = before if isinstance(before, str) else ""
            end = after if isinstance(after, str) else ""
            body = piece.shape or _body(piece, around, end, lazy=lazy)
            yield f"(?P<{ids[id(piece)]}>{body})" if piece.name else f"(?:{body})"


_NUMBERS = {
    FieldType.INT, FieldType.FLOAT, FieldType.BYTES, FieldType.DURATION, FieldType.BOOL,
    FieldType.IP,
}  # fmt: skip


def _body(slot: Slot, before: str, after: str, *, lazy: bool) -> str:
    """Return what a field's text looks like between two literals."""
    if before.endswith('"') and after.startswith('"') and not lazy:
        return QUOTED
    if not after:
        return "[^ ]*" if slot.type in _NUMBERS else ".*"
    if slot.type in _NUMBERS and after[0] == " ":
        return "[^ ]*"
    return ".*?" if lazy else f"[^{_in_set(after[0])}]*"


def _in_set(sign: str) -> str:
    return f"\\{sign}" if sign in "\\]^-[&~" else sign


_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_TYPES = {kind.value: kind for kind in FieldType}
_FORMS = {"epoch", "s", "ms", "us", "ns", "iso", "clf"}


def parse(text: str) -> list[Piece]:
    """Return the pieces of a field pattern such as `{host} [{time:%H:%M}] {status:int}`.

    A field is `{name}`, `{name:type}`, `{name:type:unit}` or `{name:%Y-...}`; one with
    an empty name is passed over. Braces of the line itself are doubled.

    Raises:
        FormatError: With the place in the text.
    """
    pieces: list[Piece] = []
    last = 0
    for found in _FIELD.finditer(text):
        _add(pieces, text[last : found.start()])
        last = found.end()
        if found[0] in ("{{", "}}"):
            _add(pieces, found[0][0])
        elif found[1] is None:
            hint = f"a brace of the line itself is written {found[0] * 2}"
            raise FormatError(
                f"a lone '{found[0]}'", key="pattern", hint=hint, at=found.start()
            )
        else:
            pieces.append(_slot(found[1], found.start() + 1))
    _add(pieces, text[last:])
    return pieces


def _add(pieces: list[Piece], literal: str) -> None:
    if not literal:
        return
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] += literal
    else:
        pieces.append(literal)


def _slot(text: str, at: int) -> Slot:
    name, colon, rest = text.partition(":")
    if name != name.strip():
        raise FormatError("a name without blanks is expected", key="pattern", at=at)
    if not colon:
        return Slot(name, at=at)
    at += len(name) + 1
    if "%" in rest or rest in _FORMS - {"s"}:
        return Slot(name, FieldType.TIME, rest, at, shape_of(rest, at))
    kind, _, form = rest.partition(":")
    if kind not in _TYPES:
        raise FormatError(
            f"expected a type of field, got '{kind}'",
            key="pattern",
            hint=near(kind, [*_TYPES, *sorted(_FORMS)], "types"),
            at=at,
        )
    _check_form(_TYPES[kind], form, at + len(kind) + 1)
    shape = shape_of(form, at) if kind == "time" and form else ""
    return Slot(name, _TYPES[kind], form, at, shape)


_UNITS = {
    FieldType.DURATION: ("ns", "us", "ms", "s", "m", "h", "d"),
    FieldType.BYTES: ("b", "kb", "kib", "mb", "mib", "gb", "gib"),
}


def _check_form(kind: FieldType, form: str, at: int) -> None:
    if not form or kind is FieldType.TIME:
        return
    units = _UNITS.get(kind, ())
    if form.lower() not in units:
        message = f"'{form}' is no unit of {kind.value}"
        hint = near(form, units, "units") if units else f"{kind.value} has no units"
        raise FormatError(message, key="pattern", hint=hint, at=at)


def near(name: str, known: Sequence[str], what: str) -> str:
    """Return a hint that names the nearest of the known names, or all."""
    from difflib import get_close_matches  # noqa: PLC0415 - a rare need

    close = get_close_matches(name, known, n=1)
    return f"did you mean '{close[0]}'?" if close else f"{what}: {', '.join(known)}"
