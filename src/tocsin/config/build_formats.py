"""Formats: built in, a plugin's, or written by the user; with lines joined, fields added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from tocsin.config.regex import RegexError, check_regex
from tocsin.config.values import FormatConfig, MultilineConfig
from tocsin.config.wording import read_part
from tocsin.model.message import FieldType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.config.document import Path
    from tocsin.config.fields import Fields
    from tocsin.config.format_models import FormatPart
    from tocsin.config.problems import Problems
    from tocsin.model.expression import Expression

BUILT_IN = (
    "alb", "apache_error", "auto", "combined", "common", "cri", "csv", "docker", "elb",
    "haproxy", "journald", "json", "log4j", "logfmt", "nginx_error", "postgres", "python",
    "syslog", "w3c",
)  # fmt: skip
"""The names that are taken. A test holds them to those of the formats."""

WRITTEN = ("pattern", "log_format", "regex", "grok")
"""The keys under which a user writes a format."""

_CSV_ONLY = ("columns", "header", "delimiter")
_ONE_LINE = (
    "json",
    "csv",
    "docker",
    "journald",
    "logfmt",
    "combined",
    "common",
    "auto",
)


def build_format(
    part: FormatPart, path: Path, name: str, problems: Problems
) -> FormatConfig | None:
    """Return the format that a part describes; None when it says none."""
    written = [key for key in WRITTEN if getattr(part, key) is not None]
    if not written and part.type is None:
        hint = f"add type: ..., or one of {', '.join(WRITTEN)}"
        problems.add(path, "'type' is missing", hint)
        return None
    for key in written[(part.type is None) :]:
        other = "type" if part.type else written[0]
        problems.add((*path, key), f"there is a '{other}' already", "remove one")
    kind = part.type or written[0]
    _check_keys(part, kind, path, problems)
    shown = {"name", "type", "fields", "derive", "multiline", *WRITTEN}
    return FormatConfig(
        name=name,
        type=kind,
        text=getattr(part, kind) or "" if kind in written else "",
        fields={field: FieldType(type_) for field, type_ in part.fields.items()},
        multiline=_multiline(part.multiline, kind, path, problems),
        **part.model_dump(exclude=shown),
    )


def _check_keys(part: FormatPart, kind: str, path: Path, problems: Problems) -> None:
    for key in _CSV_ONLY if kind in (*BUILT_IN, *WRITTEN) and kind != "csv" else ():
        if key in part.model_fields_set:
            message = f"means nothing to the format '{kind}'"
            problems.add((*path, key), message, "it is for type: csv")
    mark = part.delimiter
    if mark is not None and (len(mark) != 1 or not mark.isascii() or mark in '"\r\n'):
        wanted = "one character, such as ',' or a tab"
        problems.expected((*path, "delimiter"), wanted, mark)
    columns = part.columns or ()
    for i, column in enumerate(columns):
        if column in columns[:i]:
            problems.add((*path, "columns", i), f"'{column}' is there twice")


def _multiline(
    value: Any,  # noqa: ANN401
    kind: str,
    path: Path,
    problems: Problems,
) -> MultilineConfig | None:
    way = (*path, "multiline")
    if value is None:
        return None
    if kind in _ONE_LINE:
        hint = "its events have one line each"
        problems.add(way, f"means nothing to the format '{kind}'", hint)
        return None
    from tocsin.config.format_models import MultilinePart  # noqa: PLC0415 - if any

    part = read_part(MultilinePart, value, way, problems)
    if part is None:
        return None
    rules = [k for k in ("starts_with", "continues_with") if getattr(part, k)]
    if len(rules) != 1:
        problems.expected(way, "one of starts_with and continues_with", value)
        return None
    _check_regex(getattr(part, rules[0]), (*way, rules[0]), problems)
    values = part.model_dump(exclude={"starts_with", "continues_with"})
    return MultilineConfig(**values, **{rules[0]: getattr(part, rules[0])})


def _check_regex(text: str, path: Path, problems: Problems) -> None:
    try:
        check_regex(text)
    except RegexError as error:
        problems.expected(path, str(error), text, error.hint)


def with_derived(
    found: FormatConfig,
    fields: Fields,
    part: FormatPart,
    path: Path,
    problems: Problems,
) -> tuple[FormatConfig, Fields]:
    """Return a format with the fields that are computed, and its fields with them."""
    if found.type == "regex" and fields.message is not None:
        _check_regex(found.text, (*path, "regex"), problems)
    if not part.derive:
        return found, fields
    from tocsin.config.expressions import compile_at  # noqa: PLC0415 (the SQL parser)

    derive: dict[str, Expression] = {}
    for name, text in part.derive.items():
        way = (*path, "derive", name)
        if _is_taken(name, fields):
            problems.add(
                way, f"there is a field '{name}' already", "choose another name"
            )
            continue
        made = compile_at(text, fields, None, way, problems)
        if made is not None:
            derive[name] = made
            fields = replace(fields, derived=_and(fields.derived, name, made.type))
    return replace(found, derive=derive), fields


def _is_taken(name: str, fields: Fields) -> bool:
    if name in ("time", "line"):
        return True
    message = fields.message
    return message is not None and message.find(name) is not None and not message.open


def _and(
    derived: Mapping[str, FieldType], name: str, kind: FieldType
) -> Mapping[str, FieldType]:
    return {**derived, name: kind}
