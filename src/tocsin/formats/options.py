"""What a user may say about a format beside its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from tocsin.model.errors import UsageError
from tocsin.model.message import FieldType

_NO_ZONES = {"localtime", "posixrules", "Factory"}
"""Names that a machine may know, and that mean no certain zone."""

_NO_DELIMITERS = {'"', "\n", "\r"}


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The options of every format; each format reads those that mean something to it.

    `timezone` is the IANA zone of stamps that carry no offset. `columns` names the
    columns of a CSV without a header line; `header` says whether there is one (None:
    look at the first line). `delimiter` is one character. `time_field` names the
    field that holds the event's time, `time_format` how it is written: `epoch` (by
    magnitude), `s`, `ms`, `us`, `ns`, `iso`, `clf`, or a strptime pattern; empty
    means any of the known ways. `fields` declares types.
    """

    timezone: str = "UTC"
    columns: tuple[str, ...] = ()
    header: bool | None = None
    delimiter: str = ""
    time_field: str = ""
    time_format: str = ""
    fields: Mapping[str, FieldType] = field(default_factory=dict)

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
