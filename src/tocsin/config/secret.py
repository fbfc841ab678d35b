"""Texts that are not shown: secrets, and what came from the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tocsin.model.secret import Secret

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Secret", "Substituted", "read_secret"]

_MAX_SECRET = 65_536


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
