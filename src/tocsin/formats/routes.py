"""Route templates of paths: `/user/42` is `/user/{id}`, whoever asks for which user."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Sequence

_UUID = r"^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"
_HASH = r"^[0-9A-Fa-f]{8,}$"
_TOKEN = r"^[0-9A-Za-z]{20,}$"  # noqa: S105 - a pattern, no secret
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_NAMED = re.compile(r"\{[^{}]*\}")


def routes(paths: pl.Series, templates: Sequence[str] = ()) -> pl.Series:
    """Return the route of each path; null for what is no path from the root.

    The first of `templates` that fits a whole path is its route: `{name}` stands for one
    part, `*` at the end for anything. Else numbers, UUIDs, dates, hashes (8 hexadecimal
    digits or more) and tokens (20 letters and digits or more) become names in braces.
    """
    plain = _before(_before(pl.col("path"), "?"), "#")
    own = pl.lit(None, dtype=pl.String)
    for template in reversed(templates):
        fits = plain.str.contains(_pattern(template))
        own = pl.when(fits).then(pl.lit(template)).otherwise(own)
    frame = paths.to_frame("path").select(plain=plain, own=own).with_row_index("row")
    found = pl.when(pl.col("plain").str.starts_with("/"))
    parts = frame.select("row", part=pl.col("plain").str.split("/")).explode("part")
    names = parts.select("part").unique().with_columns(name=_named(pl.col("part")))
    parts = (
        parts.join(names, on="part", how="left", maintain_order="left")
        .group_by("row", maintain_order=True).agg(part=pl.col("name").str.join("/"))
    )  # fmt: skip
    joined = frame.with_columns(parts.get_column("part"))
    route = found.then(pl.coalesce("own", "part")).alias("route")
    return joined.select(route).get_column("route")


def _before(text: pl.Expr, mark: str) -> pl.Expr:
    return text.str.splitn(mark, 2).struct.field("field_0")


def _named(part: pl.Expr) -> pl.Expr:
    """Return a part of a path, or the name of what it is; an ending stays."""
    halves = part.str.splitn(".", 2).struct
    stem, rest = halves.field("field_0"), halves.field("field_1")
    ends = rest.is_null() | rest.str.contains("^[A-Za-z][A-Za-z0-9]*$")
    ending = pl.concat_str(pl.lit("."), rest).fill_null("")
    mixed = stem.str.contains("[0-9]") & stem.str.contains("[A-Za-z]")
    name = (
        pl.when(stem.str.contains("^[0-9]+$")).then(pl.lit("{id}"))
        .when(stem.str.contains(_UUID)).then(pl.lit("{uuid}"))
        .when(stem.str.contains(_DATE)).then(pl.lit("{date}"))
        .when(mixed & stem.str.contains(_HASH)).then(pl.lit("{hash}"))
        .when(mixed & stem.str.contains(_TOKEN)).then(pl.lit("{token}"))
    )  # fmt: skip
    return pl.when(ends & name.is_not_null()).then(name + ending).otherwise(part)


def _pattern(template: str) -> str:
    """Return the regular expression of a template."""
    rest = template.removesuffix("*")
    fixed = [re.escape(text) for text in _NAMED.split(rest)]
    return f"^{'[^/]+'.join(fixed)}{'' if rest == template else '.*'}$"
