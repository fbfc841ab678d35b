"""`${NAME}` and `${NAME:-default}` in string values, and secrets kept in files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.problems import Problems

_REFERENCE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
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


def substitute(
    data: Any,  # noqa: ANN401
    environ: Mapping[str, str],
    problems: Problems,
) -> Any:  # noqa: ANN401
    """Return the data with every `${NAME}` in a string value replaced.

    `$${NAME}` stands for itself; keys and `x-` sections are left alone. A name that is
    not set and has no default is a problem.
    """
    return _Substitution(environ, problems).value(data, ())


class _Substitution:
    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self.environ = environ
        self.problems = problems

    def value(self, data: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401
        if isinstance(data, dict):
            return {k: self._member(k, v, path) for k, v in data.items()}
        if isinstance(data, list):
            return [self.value(v, (*path, i)) for i, v in enumerate(data)]
        return self._text(data, path) if isinstance(data, str) else data

    def _member(self, key: str, value: Any, path: tuple[str | int, ...]) -> Any:  # noqa: ANN401
        apart = not path and key.startswith("x-")
        return value if apart else self.value(value, (*path, key))

    def _text(self, text: str, path: tuple[str | int, ...]) -> str:
        if "${" not in text:
            return text

        def replaced(match: re.Match[str]) -> str:
            return self._reference(match, path)

        found = _REFERENCE.sub(replaced, text)
        return found if found == text else Substituted.of(found, text)

    def _reference(self, match: re.Match[str], path: tuple[str | int, ...]) -> str:
        escape, name, default = match.groups()
        if escape:
            return match[0][1:]
        value = self.environ.get(name)
        if value is None and default is None:
            self.problems.add(
                path,
                f"the environment variable {name} is not set",
                f'set it, or give a default: "${{{name}:-value}}"',
            )
        # As in the shell, `:-` also stands in for a variable that is empty.
        return (value or default or "") if default is not None else (value or "")


def read_secret(written: str, base: Any) -> Secret:  # noqa: ANN401
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
