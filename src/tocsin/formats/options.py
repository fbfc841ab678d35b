"""What a user may say about a format beside its name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tocsin.model.message import FieldType


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
