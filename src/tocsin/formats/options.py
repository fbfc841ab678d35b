"""What a user may say about a format beside its name."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct, field

from tocsin.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.message import FieldType

_NO_ZONES = {"localtime", "posixrules", "Factory"}
"""Names that a machine may know, and that mean no certain zone."""

_NO_DELIMITERS = {'"', "\n", "\r"}


class FormatError(UsageError):
    """A format that cannot be made: `key` is the option at fault, `hint` the remedy.

    `at` is the place in the option's text, counted from 0.
    """

    def __init__(
        self, message: str, *, key: str = "text", hint: str = "", at: int | None = None
    ) -> None:
        self.key = key
        self.hint = hint
        self.at = at
        super().__init__(message if at is None else f"{message}, at character {at + 1}")


class Joins(Struct, frozen=True):
    """Which lines belong to the event of a line before them.

    Either `starts`, what every first line matches, or `continues`, what every further
    line does. Of an event at most `lines` lines and `bytes` bytes of text are kept. An
    event that is the last so far is waited for, for at most `patience` microseconds.
    """

    starts: str = ""
    continues: str = ""
    lines: int = 500
    bytes: int = 65_536
    patience: int = 1_000_000

    def __str__(self) -> str:
        rule = f"starts with {self.starts}" if self.starts else ""
        return rule or f"continues with {self.continues}"


class FormatOptions(Struct, frozen=True):
    """The options of every format; each format reads those that mean something to it.

    `timezone` is the IANA zone of stamps that carry no offset. `columns` names the
    columns of a CSV without a header line; `header` says whether there is one (None:
    look at the first line). `delimiter` is one character. `time_field` names the
    field that holds the event's time, `time_format` how it is written: `epoch` (by
    magnitude), `s`, `ms`, `us`, `ns`, `iso`, `clf`, or a strptime pattern; empty
    means any of the known ways. `fields` declares types. `text` is the pattern, regex,
    grok pattern or log format of a user's own format; `joins` which lines belong to the
    one before. `reference` is an instant (µs) before which, or soon after, a stream's
    first line was written: the year of stamps that name none comes from it.
    """

    timezone: str = "UTC"
    columns: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str = ""
    time_field: str = ""
    time_format: str = ""
    fields: Mapping[str, FieldType] = field(default_factory=dict)
    text: str = ""
    joins: Joins | None = None
    reference: int | None = None

    def check(self) -> None:
        """Refuse, with a `UsageError`, what can never work."""
        try:
            known = self.timezone not in _NO_ZONES and bool(ZoneInfo(self.timezone))
        except (KeyError, ValueError, OSError):  # unknown, malformed, a folder's name
            known = False
        if not known:
            raise UsageError(
                f"there is no time zone '{self.timezone}'; expected an IANA name such "
                "as Europe/Berlin"
            )
        one = len(self.delimiter) == 1 and self.delimiter.isascii()
        if self.delimiter and (not one or self.delimiter in _NO_DELIMITERS):
            raise UsageError(
                f"expected a delimiter of one character, got {self.delimiter!r}"
            )
        if len(set(self.columns)) < len(self.columns):
            raise UsageError("two columns have the same name")
