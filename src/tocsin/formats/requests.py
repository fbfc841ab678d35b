"""The request line of an access log, taken apart.

`method` is an HTTP token, `protocol` a last word such as HTTP/1.1 (old requests have
none), `path` all between them, query included, as it was written. `section` is what
stands before the second `/` of the path, without its query: `/pages/create` and
`/pages?x=1` are in `/pages`, `/` and `/?x=1` in `/`. A target without a leading `/`
(`*`, an absolute URI, `host:443`) has a path but no section; a request that does not
look like one (TLS to a plain port, `-`) has none of the four. Missing parts are null.
"""

from collections.abc import Collection

import polars as pl

from tocsin.formats.distinct import per_value

REQUEST = (
    r"^(?P<method>[!#$%&'*+.^_`|~0-9A-Za-z-]+) (?P<path>[^ ].*?)"
    r"(?: (?P<protocol>HTTP/[0-9]+(?:\.[0-9]+)?))?$"
)
SECTION = r"^(/[^/?]*)"


_METHOD = r"^([!#$%&'*+.^_`|~0-9A-Za-z-]+) $"
_PROTOCOL = r"^[0-9]+(?:\.[0-9]+)?$"
_SPACED = " HTTP"


def split(request: pl.Series, wanted: Collection[str]) -> pl.DataFrame:
    """Return the `wanted` of method, path, section and protocol, as columns."""
    if {"method", "section"}.issuperset(wanted):
        return _at_slashes(request).select(wanted)
    return per_value(request, lambda r: _parts(r, wanted))


def sections(path: pl.Series) -> pl.Series:
    """Return the section of every path."""
    found = per_value(path, lambda p: p.str.extract(SECTION).to_frame())
    return found.to_series().alias("section")


def _parts(request: pl.Series, wanted: Collection[str]) -> pl.DataFrame:
    parts = request.str.extract_groups(REQUEST).struct.unnest()
    section = pl.col("path").str.extract(SECTION).alias("section")
    return parts.with_columns(section).select(list(wanted))


def _at_slashes(request: pl.Series) -> pl.DataFrame:
    """Return method and section, which are what stands before the second `/`.

    Requests of whose target the first `/` is not the first character are read by the
    grammar.
    """
    before, after, rest = request.str.splitn("/", 3).struct.unnest().get_columns()
    found = pl.DataFrame({"method": _method(before), "section": _section(after, rest)})
    odd = (found["method"].is_null() | after.is_null()).arg_true()
    if odd.is_empty():
        return found
    exact = per_value(request.gather(odd), lambda r: _parts(r, found.columns))
    return found.with_columns(
        column.scatter(odd, exact[column.name]) for column in found.get_columns()
    )


def _method(before: pl.Series) -> pl.Series:
    """Return the method, null if what stands before the `/` is not it and a space."""
    return per_value(before, lambda b: b.str.extract(_METHOD).to_frame()).to_series()


def _section(after: pl.Series, rest: pl.Series) -> pl.Series:
    """Return the section by what stands after the first `/` and after the second.

    In `GET /a HTTP/1.1` the second belongs to the protocol.
    """
    short = (after.str.ends_with(_SPACED) & rest.str.contains(_PROTOCOL)).arg_true()
    after = after.scatter(short, after.gather(short).str.strip_suffix(_SPACED))
    name = pl.lit("/") + pl.col(after.name).str.extract(r"^([^?]*)")
    return per_value(after, lambda a: a.to_frame().select(name)).to_series()
