"""Reads a configuration from a file, a text or plain data."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from tocsin.config.build import build
from tocsin.config.document import MAX_CHARACTERS, Document, Spot
from tocsin.config.folder import SUFFIXES, files_of, joined
from tocsin.model.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tocsin.config.build_sources import MessageTypes
    from tocsin.config.values import Config

_SYNTAX = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".toml": "toml"}
_NOISE = re.compile(r"(?:\s+|#[^\n]*)*")
_TOML = re.compile(r"\[\[?[\w.\"' -]+\]\]?[ \t]*(#|$)|[\w.\"'-]+[ \t]*=", re.MULTILINE)


def load(
    path: Path,
    *,
    message_types: MessageTypes | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Return the configuration in a file: YAML, JSON or TOML by its suffix.

    A folder is one configuration: its files are read in order of their names.

    `message_types` finds the fields of a format; without it the names of fields are
    not checked. `environ` is what `${NAME}` looks in (default: the environment).

    Raises:
        ConfigError: It cannot be read, or with every problem in it.
    """
    if path.is_dir():
        document, base = _folder(path), path
    else:
        document, base = _file(path), path.parent
    return _build(document, base, message_types, environ)


def _file(path: Path) -> Document:
    try:
        raw = path.read_bytes()
    except OSError as error:
        said = f"cannot be read: {error.strerror or error}"
        raise ConfigError([Problem(str(path), "", said)]) from None
    syntax = _SYNTAX.get(path.suffix.lower())
    return read(_decoded(raw, str(path)), str(path), syntax)


def _folder(path: Path) -> Document:
    """Return the documents of a folder as one. Raises ConfigError."""
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        files = files_of(path)
    except OSError as error:
        said = f"cannot be read: {error.strerror or error}"
        raise ConfigError([Problem(str(path), "", said)]) from None
    for file in files:
        try:
            documents.append(_file(file))
        except ConfigError as error:
            problems += error.problems
    if not files:
        said = f"there is no configuration in this folder: {', '.join(SUFFIXES)}"
        problems.append(Problem(str(path), "", said))
    if problems:
        raise ConfigError(problems)
    return joined(str(path), documents)


def parse(
    text: str,
    name: str = "configuration",
    syntax: str | None = None,
    *,
    message_types: MessageTypes | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """Return the configuration in a text; `syntax` is yaml, json, toml or None (guess).

    Raises:
        ConfigError: With every problem in it; `name` stands for the file.
    """
    document = read(text, name, syntax)
    return _build(document, None, message_types, environ)


def from_data(
    data: Mapping[str, Any],
    name: str = "configuration",
    *,
    message_types: MessageTypes | None = None,
) -> Config:
    """Return the configuration in plain data, as a document would hold it.

    The environment is not looked at. Raises ConfigError; its places are `name`.
    """
    document = Document(name, dict(data), Spot(0, 0))
    return _build(document, None, message_types, {})


def read(text: str, name: str, syntax: str | None = None) -> Document:
    """Return the document in a text. Raises ConfigError if it is not one."""
    if len(text) > MAX_CHARACTERS:
        said = f"longer than {MAX_CHARACTERS} characters"
        raise ConfigError([Problem(name, "", said)])
    text = text.removeprefix("\ufeff")
    syntax = syntax or guess(text)
    if syntax == "json":
        from tocsin.config.json_syntax import read as reader  # noqa: PLC0415
    elif syntax == "toml":
        from tocsin.config.toml_syntax import read as reader  # noqa: PLC0415
    else:
        from tocsin.config.yaml_syntax import read as reader  # noqa: PLC0415
    return reader(text, name)


def guess(text: str) -> str:
    """Return the syntax that a text seems to be written in: yaml, json or toml."""
    start = _NOISE.match(text)
    body = text[start.end() :] if start else text
    if re.match(r'\{\s*["}]', body):
        return "json"
    return "toml" if _TOML.match(body) else "yaml"


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        place = f"{name}:{line}"
        raise ConfigError(
            [Problem(place, "", "not UTF-8 text", "save it as UTF-8")]
        ) from None


def _build(
    document: Document,
    base: Path | None,
    message_types: MessageTypes | None,
    environ: Mapping[str, str] | None,
) -> Config:
    environ = os.environ if environ is None else environ
    return build(document, base=base, message_types=message_types, environ=environ)
