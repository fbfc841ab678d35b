"""Grok patterns: `%{NAME:field:type}`, expanded to one regular expression."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct, field

from tocsin.formats import surgery
from tocsin.formats.grok_names import PATTERNS, QUICK, TIMES
from tocsin.formats.options import FormatError
from tocsin.formats.plan import Capture
from tocsin.formats.template import near
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_USE = re.compile(r"%\{(?:([0-9A-Za-z_]+)(?::([^:}]*))?(?::([^}]*))?)?\}?")
_TYPES = {
    "": FieldType.STRING, "string": FieldType.STRING, "int": FieldType.INT,
    "long": FieldType.INT, "float": FieldType.FLOAT, "double": FieldType.FLOAT,
    "boolean": FieldType.BOOL, "bool": FieldType.BOOL, "bytes": FieldType.BYTES,
    "duration": FieldType.DURATION, "ip": FieldType.IP, "time": FieldType.TIME,
}  # fmt: skip


class Expansion(Struct, frozen=True):
    """A grok pattern while it is expanded: the fields so far, and each group's field."""

    table: Mapping[str, str] = field(default_factory=lambda: PATTERNS)
    captures: list[Capture] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    def of(self, text: str) -> str:
        """Return the regex of a text.

        Raises:
            FormatError: There is no such pattern or type; with the place.
        """
        return "".join(self._parts(text))

    def _parts(self, text: str) -> Iterator[str]:
        last = 0
        for found in _USE.finditer(text):
            yield text[last : found.start()]
            last = found.end()
            yield self._used(found)
        yield text[last:]

    def _used(self, found: re.Match[str]) -> str:
        """Return the regex of one use of a pattern; note the fields it brings."""
        name, label = _checked(found)
        body = self.of(self.table[name])
        if label:
            kind = _TYPES[(found[3] or "").lower()]
            return self._named(body, label, name, kind)
        repeated = found.string[found.end() : found.end() + 1] in tuple("?*+{")
        return f"(?:{body})" if repeated or surgery.is_choice(body) else body

    def _named(self, body: str, label: str, pattern: str, kind: FieldType) -> str:
        # [client][ip] is how newer patterns write client.ip.
        name = ".".join(re.findall(r"[^\[\]]+", label))
        group = re.sub(r"_{2,}|[^0-9A-Za-z]", "_", name).lstrip("0123456789") or "f"
        if group in self.names:
            group = f"{group}__{len(self.names) + 1}"
        self.names[group] = name
        form = TIMES.get(pattern, "") if kind is FieldType.STRING else ""
        self.captures.append(Capture(name, FieldType.TIME if form else kind, form))
        return f"(?P<{group}>{body})"


def _checked(found: re.Match[str]) -> tuple[str, str]:
    name, label, kind = found[1], found[2] or "", found[3] or ""
    if not name or not found[0].endswith("}"):
        hint = "write %{NAME:field}"
        raise FormatError("an unfinished %{...}", hint=hint, at=found.start())
    if name not in PATTERNS:
        hint = near(name, sorted(PATTERNS), "patterns")
        message = f"there is no pattern '{name}'"
        raise FormatError(message, hint=hint, at=found.start() + 2)
    if kind.lower() not in _TYPES:
        message = f"expected a type of field, got '{kind}'"
        hint = near(kind, sorted(_TYPES), "types")
        raise FormatError(message, hint=hint, at=found.start(3))
    return name, label


def expand(text: str) -> tuple[tuple[str, ...], list[Capture], dict[str, str]]:
    """Return the regexes of a grok pattern, its fields, and the field of each group.

    Raises:
        FormatError: A pattern has no such name, or a field no such type; with the place.
    """
    whole = Expansion()
    regex = whole.of(text)
    for group in surgery.groups(regex):
        if group not in whole.names:
            whole.captures.append(Capture(group))
    if not whole.captures:
        hint = "name what is a field: %{NUMBER:status:int}"
        raise FormatError("there is no field in it", hint=hint)
    quick = Expansion({**PATTERNS, **QUICK}).of(text)
    regexes = (quick, regex) if quick != regex else (regex,)
    return regexes, whole.captures, whole.names
