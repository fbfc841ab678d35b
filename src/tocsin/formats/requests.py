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

_IN_METHOD = r"!#$%&'*+.^_`|~0-9A-Za-z-"
_METHOD = rf"[{_IN_METHOD}]+"
_END = r"(?: (?P<protocol>HTTP/[0-9]+(?:\.[0-9]+)?))?$"
REQUEST = rf"^(?P<method>{_METHOD}) (?P<path>[^ ].*?){_END}"
_USUAL = rf"^(?P<method>{_METHOD}) (?P<path>[^ ]+){_END}"
"""The same but for paths with spaces, and so without a choice, which is much faster."""
SECTION = r"^/[^/?]*"
_TOP = r"/[^/? ]*"
_BEGINNING = rf"^(?P<method>{_METHOD}) (?P<section>{_TOP})"
_WHOLE = r"(?: HTTP/[0-9]+(?:\.[0-9]+)?)?$"
_NO_METHOD = rf"[{_IN_METHOD}]*(?:[^ {_IN_METHOD}]|$)"
# Without groups, as it is here, the search is twice as fast.
_UP_TO_IT = rf"^(?:{_METHOD} {_TOP}(?:[/?]|{_WHOLE})|{_NO_METHOD})"


def split(request: pl.Series, wanted: Collection[str]) -> pl.DataFrame:
    """Return the `wanted` of method, path, section and protocol, as columns."""
    if {"method", "section"}.issuperset(wanted):
        return _begun(request).select(wanted)
    return per_value(request, lambda r: _parts(r, wanted))


def sections(path: pl.Series) -> pl.Series:
    """Return the section of every path."""
    found = per_value(path, lambda p: p.str.extract(SECTION, 0).to_frame())
    return found.to_series().alias("section")


def _parts(request: pl.Series, wanted: Collection[str]) -> pl.DataFrame:
    parts = request.str.extract_groups(_USUAL).struct.unnest()
    odd = parts["method"].is_null().arg_true()
    if odd.len():
        exact = request.gather(odd).str.extract_groups(REQUEST).struct.unnest()
        parts = _with_rows(parts, odd, exact)
    section = pl.col("path").str.extract(SECTION, 0).alias("section")
    return parts.with_columns(section).select(list(wanted))


def _with_rows(
    frame: pl.DataFrame, rows: pl.Series, values: pl.DataFrame
) -> pl.DataFrame:
    return frame.with_columns(
        column.scatter(rows, values[column.name]) for column in frame.get_columns()
    )


def _begun(request: pl.Series) -> pl.DataFrame:
    """Return method and section by the beginning of each request: up to its second `/`.

    Many requests begin alike; what cannot be one, as TLS to a plain port, has neither.
    What begins in another way is read by the grammar.
    """
    beginning = request.str.extract(_UP_TO_IT, 0)
    found = per_value(
        beginning, lambda b: b.str.extract_groups(_BEGINNING).struct.unnest()
    )
    odd = beginning.is_null().arg_true()
    if odd.is_empty():
        return found
    exact = per_value(request.gather(odd), lambda r: _parts(r, found.columns))
    return _with_rows(found, odd, exact)
