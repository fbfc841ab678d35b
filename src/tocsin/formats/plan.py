"""A format as a plan: what every declared or pasted format is compiled to, once.

A plan is a few regular expressions with named groups, tried in order, and what is made
of the groups. A line is read by the first that matches it. Everything else (which
columns, which types, why a line is refused) is generated from the plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats import access, surgery
from tocsin.formats.options import FormatError
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tocsin.formats.options import FormatOptions, Joins

TIME = "time"
_AGAIN = "__"
"""Stands between a field's name and a number, where several groups fill one field."""


class Capture(Struct, frozen=True):
    """A field that lines hold: its type, and how it is written.

    `form` is that of a time (see `instants.FORMS`), or the unit of plain numbers.
    """

    name: str
    type: FieldType = FieldType.STRING
    form: str = ""
    about: str = ""


class Plan(Struct, frozen=True):
    """How lines come to events.

    `variants` are the regular expressions; a group `x` (or `x__2`) fills the field that
    `names` has for it, else `x`. `stamp` names the fields that make the time, joined by
    a blank. `blank` matches lines that are neither events nor errors.
    `headed` says that a header in each file is what the plan was made by.
    """

    variants: tuple[str, ...]
    captures: tuple[Capture, ...]
    stamp: tuple[str, ...] = (TIME,)
    form: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    blank: str = ""
    headed: bool = False
    joins: Joins | None = None

    def field_of(self, group: str) -> str:
        """Return the field that a group fills."""
        bare = group.partition(_AGAIN)[0]
        return self.names.get(group) or self.names.get(bare, bare)

    def steps(self) -> Iterator[str]:
        """Yield what is done to lines, in words."""
        if self.joins:
            yield f"join      {self.joins}"
        if self.blank:
            yield f"skip      lines that match {self.blank}"
        for number, variant in enumerate(self.variants):
            yield f"{'match' if number == 0 else 'or match':9} {variant}"
        written = f" as {self.form}" if self.form else ""
        yield f"time      of {' and '.join(self.stamp)}{written}"
        for capture in self.captures:
            if capture.name not in self.stamp and capture.type is not FieldType.STRING:
                unit = f" in {capture.form}" if capture.form else ""
                yield f"read      {capture.name} as {capture.type.value}{unit}"
        names = {c.name for c in self.captures}
        if "request" in names:
            yield "split     request into method, path, section, protocol"
        elif "path" in names:
            yield "cut       section from path"


def message_of(name: str, plan: Plan, *, access_names: bool = True) -> MessageType:
    """Return the message type that a plan declares."""
    fields = {TIME: Field(TIME, FieldType.TIME, "when it happened")}
    for capture in plan.captures:
        if capture.name not in plan.stamp:
            fields[capture.name] = Field(capture.name, capture.type, capture.about)
    made = access.REQUEST_PARTS if "request" in fields else ()
    made = (*made, "section") if "path" in fields else made
    known = {f.name: f for f in access.FIELDS}
    for part in made:
        fields.setdefault(part, known[part])
    aliases = dict(plan.names)
    if access_names:
        aliases |= {a: b for a, b in access.ALIASES.items() if b in fields}
    aliases = {a: b for a, b in aliases.items() if a not in fields and a != b}
    return MessageType(name, tuple(fields.values()), aliases)


def planned(
    variants: Iterable[str], captures: Iterable[Capture], options: FormatOptions
) -> Plan:
    """Return the plan of a user's format: our names, known types, and its time.

    Raises:
        FormatError: No field holds the time, or two hold it.
    """
    captures = tuple(captures)
    stamp = _stamp(captures, options)
    taken: set[str] = {TIME}
    names: dict[str, str] = {}
    known = {f.name: f for f in access.FIELDS}
    found = [Capture(TIME, FieldType.TIME, stamp.form)]
    for capture in captures:
        ours = TIME if capture is stamp else _ours(capture.name, captures)
        if ours != capture.name:
            names[capture.name] = ours
        if capture is stamp or ours in taken:
            continue
        taken.add(ours)
        plain = capture.type is FieldType.STRING and ours in known
        kind = known[ours].type if plain else capture.type
        kind = options.fields.get(capture.name, options.fields.get(ours, kind))
        about = known[ours].about if ours in known else ""
        found.append(replace(capture, name=ours, type=kind, about=about))
    form = options.time_format or stamp.form
    return Plan(tuple(variants), tuple(found), form=form, names=names)


def _ours(name: str, captures: tuple[Capture, ...]) -> str:
    """Return our name of a field; its own if ours is another's already."""
    known = access.ALIASES.get(name, name)
    if known == TIME or name == "line":
        return f"{name}_text"
    taken = {c.name for c in captures if c.name != name}
    return name if known in taken else known


def _stamp(captures: tuple[Capture, ...], options: FormatOptions) -> Capture:
    """Return the capture that holds the time."""
    if options.time_field:
        held = [c for c in captures if c.name == options.time_field]
    else:
        held = [c for c in captures if c.type is FieldType.TIME and c.name == TIME]
        held = held or [c for c in captures if c.type is FieldType.TIME]
        if len({c.name for c in held}) > 1:
            names = ", ".join(dict.fromkeys(c.name for c in held))
            hint = f"say which with time_field: one of {names}"
            raise FormatError("more than one field holds a time", hint=hint)
        held = held or _known_time(captures)
    if not held:
        looked = options.time_field or "time, timestamp, date, ..."
        hint = "call one field 'time', or name it with time_field"
        raise FormatError(f"no field holds the time (looked for {looked})", hint=hint)
    return held[0]


def _known_time(captures: tuple[Capture, ...]) -> list[Capture]:
    by_name = {c.name.casefold(): c for c in reversed(captures)}
    wanted = (name.casefold() for name in access.TIME_NAMES)
    return [by_name[name] for name in wanted if name in by_name]


def with_haste(regex: str) -> tuple[str, ...]:
    """Return the variants of one regex: the hastened one first, where it differs."""
    quick = surgery.hastened(regex)
    return (quick, regex) if quick != regex else (regex,)
