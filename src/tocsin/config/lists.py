"""Lists of values: written in place, or one on each line of a file."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Annotated, Any

from tocsin.config.part import TEXTS
from tocsin.config.types import Checked

if TYPE_CHECKING:
    from tocsin.config.document import Path
    from tocsin.config.problems import Problems

FILE = "file:"
_MOST = 1_000_000


def _as_it_is(value: Any) -> Any:  # noqa: ANN401
    return value


List = Annotated[Any, Checked(_as_it_is, TEXTS)]
"""A list that `read_list` reads."""


def read_list(
    written: Any,  # noqa: ANN401
    path: Path,
    problems: Problems,
    base: FilePath | None,
) -> tuple[Any, ...]:
    """Return the values of a list; `file:` leads to one of lines.

    Of a file, blank lines and those that begin with # are left out. Relative paths
    start from `base`, the folder of the configuration.
    """
    if isinstance(written, str) and written.startswith(FILE):
        return _of_file(written, path, problems, base)
    many = written if isinstance(written, list) else [written]
    for i, value in enumerate(many):
        if not isinstance(value, str | int | float | bool):
            hint = "or file: and the path of a file with one on each line"
            problems.expected((*path, i), "a text or a number", value, hint)
            return ()
    if not many:
        problems.add(path, "the list is empty", "it would say nothing of any line")
    return tuple(str(v) if isinstance(v, str) else v for v in many)


def _of_file(
    written: str, path: Path, problems: Problems, base: FilePath | None
) -> tuple[str, ...]:
    file = (base or FilePath()) / written.removeprefix(FILE).removeprefix("//")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "it is not UTF-8 text"
        hint = "one value on each line; paths start from the configuration's folder"
        problems.expected(path, f"a file that can be read ({said})", written, hint)
        return ()
    found = [line.strip() for line in lines]
    found = [line for line in found if line and not line.startswith("#")]
    if not found or len(found) > _MOST:
        wanted = f"a file of 1 to {_MOST} values"
        problems.expected(path, wanted, f"{len(found)} in {written}")
    return tuple(dict.fromkeys(found))
