"""Values that saved states are known by: their text stays what it was."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class Known(Struct, frozen=True, kw_only=True):
    """A value whose repr saved states are known by, whatever is added to it later.

    The fields that are `later` are shown only where they are given, those `aside` never.
    """

    later: ClassVar[frozenset[str]] = frozenset()
    aside: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        more = dict(self.given(self.later))
        shown = [
            f"{name}={getattr(self, name)!r}"
            for name in self.__struct_fields__
            if name not in self.aside and (name not in self.later or name in more)
        ]
        return f"{type(self).__qualname__}({', '.join(shown)})"

    def given(self, names: frozenset[str]) -> tuple[tuple[str, object], ...]:
        """Return those of some fields that are not what they are by default."""
        last, defaults = self.__struct_fields__, self.__struct_defaults__
        plain = dict(zip(last[-len(defaults) :], defaults, strict=True))
        return tuple(
            (name, getattr(self, name))
            for name in last
            if name in names and getattr(self, name) != plain[name]
        )
