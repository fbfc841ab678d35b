"""Formats of others: found by name, made, and held to what a format owes.

What a plugin does wrong costs the lines that it was given, and nothing else: they are
parse errors, and the reason names the plugin.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tocsin.model.discovery import FAILURES, FORMATS, blamed, find
from tocsin.model.errors import UsageError
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.formats.options import FormatOptions
    from tocsin.model.batch import EventBatch
    from tocsin.model.protocols import Codec, Format

_OFFERS = ("name", "about", "samples", "open")
_CODEC = ("format", "message", "parse")
_MORE = ("patience", "headed", "first_event", "keeps_lines", "sparing")
"""What codecs may say beyond what they must."""


def foreign(name: str, options: FormatOptions) -> Format:
    """Return the format of a package, or at a dotted path of a local configuration.

    A class, or a function, is called with the options if it takes any.

    Raises:
        UsageError: Nothing can be imported by that name, or it cannot be made.
    """
    found = find(FORMATS, name)
    try:
        made = _made(found, options)
        message = _message(made)
    except FAILURES as error:
        text = f"the format {name!r} cannot be made: {blamed(error, found)}"
        raise UsageError(text) from error
    lacks = [offer for offer in _OFFERS if not hasattr(made, offer)]
    if lacks:
        text = f"the format {name!r} has no {lacks[0]!r}"
        raise UsageError(f"{text}\n  hint: a format has {', '.join(_OFFERS)}")
    return Foreign(made, name, message)


def _made(found: Any, options: FormatOptions) -> Any:  # noqa: ANN401
    if hasattr(found, "open") and not isinstance(found, type):
        return found
    try:
        inspect.signature(found).bind(options)
    except TypeError:
        return found()
    return found(options)


def _message(made: Any) -> MessageType:  # noqa: ANN401
    """Return what a format says of its fields; of one that says nothing, anything goes."""
    said = getattr(made, "message", None)
    found = said() if callable(said) else said
    if found is None:
        return MessageType(made.name, (Field("time", FieldType.TIME),), open=True)
    if not isinstance(found, MessageType):
        text = f"message is a {type(found).__name__}, not a MessageType"
        raise TypeError(text)
    return found


class Foreign(Struct, frozen=True):
    """A format of others, whose codecs cannot break what is not theirs."""

    made: Format
    called: str
    known: MessageType

    @property
    def name(self) -> str:
        """The name it gives itself."""
        return self.made.name

    @property
    def about(self) -> str:
        """One line that says what it reads."""
        return self.made.about

    @property
    def samples(self) -> Mapping[bytes, Mapping[str, Any] | None]:
        """Its sample lines."""
        return self.made.samples

    def message(self) -> MessageType:
        """Return what is known of its fields before a stream is opened."""
        return self.known

    def open(self, head: bytes) -> Codec:
        """Return its codec; one that refuses all lines if it has none to give."""
        try:
            codec = self.made.open(head)
            lacks = [offer for offer in _CODEC if not hasattr(codec, offer)]
        except FAILURES as error:
            return Refusing(self._blame("open", blamed(error, self.made)), self.known)
        if lacks:
            said = f"it returned a {type(codec).__name__}, which has no {lacks[0]!r}"
            return Refusing(self._blame("open", said), self.known)
        return Watched(codec, self.called)

    def _blame(self, method: str, said: str) -> str:
        return f"the format {self.called!r} failed: {method}: {said}"


class Refusing(Struct, frozen=True):
    """The codec of a stream whose format could not open it: it refuses every line."""

    why: str
    message: MessageType

    @property
    def format(self) -> str:
        """The name of the format."""
        return self.message.name

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return no events; blank lines are skipped, all others refused."""
        return _refused(block, self.message, fields, self.why)


class Watched:
    """A codec of others: lines over which it fails are refused, and say so."""

    def __init__(self, codec: Codec, called: str) -> None:
        self.codec = codec
        self.called = called
        self.format = codec.format
        self.message = codec.message

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """Return what the codec says beyond what it must."""
        if name in _MORE:
            return getattr(self.codec, name)
        raise AttributeError(name)

    def parse(self, block: bytes, fields: Mapping[str, FieldType | None]) -> EventBatch:
        """Return its batch, if it is one."""
        import polars as pl  # noqa: PLC0415 - loaded when there are lines to read

        from tocsin.formats.owed import checked  # noqa: PLC0415

        try:
            batch = self.codec.parse(block, fields)
            return checked(batch, block, self.message, fields)
        except (*FAILURES, pl.exceptions.PanicException) as error:
            said = blamed(error, self.codec)
        why = f"the format {self.called!r} failed: parse: {said}"
        return _refused(block, self.message, fields, why)


def _refused(
    block: bytes,
    message: MessageType,
    fields: Mapping[str, FieldType | None],
    why: str,
) -> EventBatch:
    from tocsin.formats import parts, typed  # noqa: PLC0415 (loads Polars)

    return parts.all_refused(block, typed.wanted(message, fields), lambda _: why)
