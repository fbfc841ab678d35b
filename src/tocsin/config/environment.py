"""`${NAME}` and `${NAME:-default}` in string values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tocsin.config.secret import Substituted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.problems import Problems

_HALF = re.compile("[\ud800-\udfff]")
_REFERENCE = re.compile(r"(\$?)\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def substitute(
    data: Any,  # noqa: ANN401
    environ: Mapping[str, str],
    problems: Problems,
) -> Any:  # noqa: ANN401
    """Return the data with every `${NAME}` in a string value replaced.

    `$${NAME}` stands for itself; keys and `x-` sections are left alone. A name that is
    not set and has no default is a problem.
    """
    substitution = _Substitution(environ, problems)
    found = substitution.value(data, ())
    for path in substitution.lost:
        problems.leave(path)
    return found


class _Substitution:
    def __init__(self, environ: Mapping[str, str], problems: Problems) -> None:
        self.environ = environ
        self.problems = problems
        self.lost: list[tuple[str | int, ...]] = []
        """The paths of values that are not what their writer meant."""

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
        found = self._replaced(text, path) if "${" in text else text
        if _HALF.search(found):
            # Bytes of the environment or the command line that are no UTF-8.
            self.problems.expected(path, "text in UTF-8", text)
            self.lost.append(path)
            return ""
        return found

    def _replaced(self, text: str, path: tuple[str | int, ...]) -> str:

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
            self.lost.append(path)
            self.problems.add(
                path,
                f"the environment variable {name} is not set",
                f'set it, or give a default: "${{{name}:-value}}"',
            )
        # As in the shell, `:-` also stands in for a variable that is empty.
        return (value or default or "") if default is not None else (value or "")
