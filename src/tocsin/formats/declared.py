"""A built-in format as a declaration: its codec is generated, never written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from tocsin.formats.options import FormatOptions, Joins
from tocsin.formats.plan import TIME, Capture, Plan, message_of
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.model.message import MessageType
    from tocsin.model.protocols import Codec


class Declaration(Struct, frozen=True):
    """What a format is: the regular expressions of its lines, and their fields.

    `regexes` are tried in order; each has a group `time`, written as `form` says (empty:
    in any of the known ways). `fields` declares all other groups. `joins` says which
    lines belong to the one before. Call it with options to have the format.
    """

    name: str
    about: str
    regexes: tuple[str, ...]
    fields: tuple[Capture, ...]
    samples: Mapping[bytes, Mapping[str, Any] | None]
    form: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    joins: Joins | None = None
    blank: str = ""

    def plan(self) -> Plan:
        """Return what the declaration comes to."""
        captures = (Capture(TIME, FieldType.TIME, self.form), *self.fields)
        return Plan(
            self.regexes,
            captures,
            form=self.form,
            names=self.names,
            joins=self.joins,
            blank=self.blank,
        )

    def __call__(self, options: FormatOptions) -> Declared:
        """Return the format with a user's options."""
        return Declared(self, options)


class Declared(Struct, frozen=True):
    """A declared format with the options of a source."""

    declaration: Declaration
    options: FormatOptions = field(default_factory=FormatOptions)

    @property
    def name(self) -> str:
        """The name it is asked for by."""
        return self.declaration.name

    @property
    def about(self) -> str:
        """One line that says what it reads."""
        return self.declaration.about

    @property
    def samples(self) -> Mapping[bytes, Mapping[str, Any] | None]:
        """Sample lines, with what is expected of each."""
        return self.declaration.samples

    def plan(self) -> Plan:
        """Return how its lines are read, with the types that the user declares."""
        plan = self.declaration.plan()
        kinds = self.options.fields
        captures = tuple(
            replace(c, type=kinds.get(c.name, c.type), form=c.form)
            for c in plan.captures
        )
        joins = self.options.joins or plan.joins
        return replace(plan, captures=captures, joins=joins)

    def message(self) -> MessageType:
        """Return the message type, the same for every stream."""
        return message_of(self.name, self.plan())

    def open(self, head: bytes) -> Codec:
        """Return the codec; the head tells the year of stamps that name none."""
        from tocsin.formats.extracting import codec  # noqa: PLC0415 (loads Polars)

        return codec(self.name, self.plan(), self.message(), self.options, head)
