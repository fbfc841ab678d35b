"""The typed schema that a format produces: what fields an event has, and of what type."""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct, field


class FieldType(StrEnum):
    """What a field holds, and the column type that carries it."""

    STRING = "string"
    """Text: `pl.String`."""
    INT = "int"
    """A whole number: `pl.Int64`."""
    FLOAT = "float"
    """A number: `pl.Float64`."""
    BOOL = "bool"
    """True or false: `pl.Boolean`."""
    TIME = "time"
    """An instant: `pl.Datetime("us", "UTC")`."""
    DURATION = "duration"
    """Seconds, as a number: `pl.Float64`."""
    BYTES = "bytes"
    """A size in bytes: `pl.Int64`."""
    IP = "ip"
    """An address, as text: `pl.String`."""


class Field(Struct, frozen=True):
    """One field of a message type."""

    name: str
    type: FieldType = FieldType.STRING
    about: str = ""


class MessageType(Struct, frozen=True):
    """The fields of one kind of event, and the other names they are known by.

    Every message type has a field `time`, never null in a batch. `aliases` maps a
    name as its origin writes it (`remotehost`) to ours (`remote_addr`). An `open`
    message type (JSON lines) may hold fields that are not declared; a dotted name
    is a path into nested objects.
    """

    name: str
    fields: tuple[Field, ...]
    aliases: dict[str, str] = field(default_factory=dict)
    open: bool = False

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def canonical(self, name: str) -> str:
        """Return our own name of a field that may be given by an alias."""
        return self.aliases.get(name, name)

    def find(self, name: str) -> Field | None:
        """Return the field of that name or alias; None when it is not declared.

        `line`, the raw text without its newline, is a field of every message type.
        """
        wanted = self.canonical(name)
        if wanted == "line":
            return Field("line", FieldType.STRING, "the raw line")
        return next((f for f in self.fields if f.name == wanted), None)
