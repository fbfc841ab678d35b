"""Formats that a user writes: field patterns, pasted log formats, regexes, grok."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats import surgery
from tocsin.formats.options import FormatError, FormatOptions
from tocsin.formats.plan import Capture, Plan, message_of, planned, with_haste

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tocsin.model.message import MessageType
    from tocsin.model.protocols import Codec


class _Written(Struct, frozen=True):
    """A format whose plan is made of the text that a user wrote.

    Raises:
        FormatError: The text cannot be compiled; with the place in it.
    """

    options: FormatOptions = field(default_factory=FormatOptions)
    name: ClassVar[str] = ""
    about: ClassVar[str] = ""
    samples: ClassVar[Mapping[bytes, Mapping[str, Any] | None]] = {}

    def compiled(self) -> Plan:
        """Return the plan of the text."""
        raise NotImplementedError

    def plan(self) -> Plan:
        """Return how lines are read."""
        if not self.options.text:
            raise FormatError(f"'{self.name}' is empty", key=self.name)
        try:
            plan = self.compiled()
        except FormatError as error:
            error.key = self.name
            raise
        return replace(plan, joins=self.options.joins)

    def message(self) -> MessageType:
        """Return the message type that the text declares."""
        return message_of(self.name, self.plan())

    def open(self, head: bytes) -> Codec:
        """Return the codec; the head tells the year of stamps that name none."""
        from tocsin.formats.extracting import codec  # noqa: PLC0415 (loads Polars)

        plan = self.plan()
        return codec(self.name, plan, message_of(self.name, plan), self.options, head)


class Pattern(_Written, frozen=True):
    """`{remote_addr} [{time:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status:int}`."""

    name = "pattern"
    about = "a field pattern such as '{time:iso} {level} {message}'"

    def compiled(self) -> Plan:
        """Return the plan of the field pattern."""
        from tocsin.formats.template import parse, plan_of  # noqa: PLC0415

        return plan_of(parse(self.options.text), self.options)


class LogFormat(_Written, frozen=True):
    """The `log_format` of nginx or the `LogFormat` of Apache, pasted as it is."""

    name = "log_format"
    about = "a log_format of nginx or a LogFormat of Apache, pasted as it is"

    def compiled(self) -> Plan:
        """Return the plan of the log format."""
        from tocsin.formats.pasted import parse  # noqa: PLC0415
        from tocsin.formats.template import plan_of  # noqa: PLC0415

        return plan_of(parse(self.options.text), self.options)


class Regex(_Written, frozen=True):
    """A regular expression whose named groups are the fields."""

    name = "regex"
    about = "a regular expression with named groups, in linear time"

    def compiled(self) -> Plan:
        """Return the plan of the regex."""
        text = self.options.text
        found = surgery.groups(text)
        if not found:
            hint = "name the groups that are fields: (?P<status>[0-9]+)"
            raise FormatError("there is no named group in it", hint=hint)
        check(text)
        return planned(with_haste(text), map(Capture, found), self.options)


class Grok(_Written, frozen=True):
    """`%{IPORHOST:client} %{HTTPDATE:time} %{NUMBER:status:int}`."""

    name = "grok"
    about = "a grok pattern such as '%{SYSLOGTIMESTAMP:time} %{GREEDYDATA:message}'"

    def compiled(self) -> Plan:
        """Return the plan of the grok pattern."""
        from tocsin.formats.grok import expand  # noqa: PLC0415

        regexes, captures, names = expand(self.options.text)
        check(regexes[-1])
        if "verb" in names.values():  # there, the request is its target alone
            captures = [replace(c, name=_target(c.name)) for c in captures]
            names = {group: _target(name) for group, name in names.items()}
        unique = tuple({c.name: c for c in captures}.values())
        plan = planned(_hastened(regexes), unique, self.options)
        ours = {group: plan.names.get(name, name) for group, name in names.items()}
        return replace(plan, names={**plan.names, **ours})


def _hastened(regexes: tuple[str, ...]) -> Iterator[str]:
    """Yield the variants of regexes of which each is stricter than the next."""
    *strict, whole = regexes
    yield from (surgery.hastened(one) for one in strict)
    yield from with_haste(whole)


def _target(name: str) -> str:
    return "path" if name == "request" else name


_BEYOND = re.compile(r"(?<!\\)(?:\\\\)*\((\?<?[=!])|(?<!\\)(?:\\\\)*\\([1-9])")


def check(regex: str) -> None:
    """Refuse a regex that cannot be matched in linear time, or is none.

    Raises:
        FormatError: With the place in it, where that is known.
    """
    found = _BEYOND.search(regex)
    if found:
        what = "look-around" if found[1] else "a back-reference"
        hint = "patterns match in linear time"
        raise FormatError(f"{what} is not possible", hint=hint, at=found.start())
    try:
        re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", regex))
    except re.error as error:
        if _is_ours(regex):
            return
        raise FormatError(
            f"it is no regular expression: {error.msg}", at=error.pos
        ) from None


def _is_ours(regex: str) -> bool:
    """Whether the engine takes a regex that Python does not."""
    import polars as pl  # noqa: PLC0415 - slow to load, and seldom needed

    try:
        pl.Series([""]).str.contains(regex)
    except pl.exceptions.ComputeError:
        return False
    return True
