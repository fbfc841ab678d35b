"""Texts that are not shown: secrets, and what came from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_MAX_SECRET = 65_536


class Secret:
    """Text that is never shown: `reveal` is the only way to it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, for the one place that must send it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('***')"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class Substituted(str):
    """Text with the environment in it; `written` is what the user wrote.

    Problems show what was written, so that a password in the wrong place stays hidden.
    """

    __slots__ = ("written",)
    written: str

    @classmethod
    def of(cls, text: str, written: str) -> Substituted:
        """Return `text`, remembering how it was written."""
        found = cls(text)
        found.written = written
        return found


def read_secret(written: str, base: Path) -> Secret:
    """Return the secret of a `file:` value: the file's text without its last newline.

    Relative paths start from `base`, the folder of the configuration. Raises OSError
    when it cannot be read, ValueError when it is not short text.
    """
    path = base / written.removeprefix("file:").removeprefix("//")
    with path.open("rb") as file:
        raw = file.read(_MAX_SECRET + 1)
    if len(raw) > _MAX_SECRET:
        message = f"longer than {_MAX_SECRET} bytes"
        raise ValueError(message)
    return Secret(raw.decode().removesuffix("\n").removesuffix("\r"))
