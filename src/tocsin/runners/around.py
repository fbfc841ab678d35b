"""What codecs share that add fields to another's events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tocsin.model.batch import EventBatch
    from tocsin.model.message import Field, FieldType, MessageType
    from tocsin.model.protocols import Codec


class Around(ABC):
    """A codec around another, whose lines, header and patience are the other's."""

    __slots__ = ()

    codec: Codec

    @property
    def format(self) -> str:
        """The name of the format."""
        return self.codec.format

    @property
    def message(self) -> MessageType:
        """The fields of the format, and those that are added."""
        message, added = self.codec.message, tuple(self._added())
        names = {field.name for field in added}
        kept = tuple(f for f in message.fields if f.name not in names)
        aliases = {a: b for a, b in message.aliases.items() if a not in names}
        return replace(message, fields=(*kept, *added), aliases=aliases)

    @property
    def patience(self) -> int | None:
        """How long (µs) the last event is waited for; None if events have one line."""
        return getattr(self.codec, "patience", None)

    @property
    def headed(self) -> bool:
        """Whether a header in the file says what its lines hold."""
        return bool(getattr(self.codec, "headed", False))

    def first_event(self, block: bytes) -> int:
        """Return how many bytes of a block continue what was before it."""
        found = getattr(self.codec, "first_event", None)
        return int(found(block)) if found else 0

    @abstractmethod
    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return the events of the block, as the protocol says."""

    @abstractmethod
    def _added(self) -> Iterable[Field]:
        """Return the fields that are added."""
