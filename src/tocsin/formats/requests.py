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


def split(request: pl.Series, wanted: Collection[str]) -> pl.DataFrame:
    """Return the `wanted` of method, path, section and protocol, as columns."""
    return per_value(request, lambda r: _parts(r, wanted))


def sections(path: pl.Series) -> pl.Series:
    """Return the section of every path."""
    found = per_value(path, lambda p: p.str.extract(SECTION).to_frame())
    return found.to_series().alias("section")


def _parts(request: pl.Series, wanted: Collection[str]) -> pl.DataFrame:
    parts = request.str.extract_groups(REQUEST).struct.unnest()
    section = pl.col("path").str.extract(SECTION).alias("section")
    return parts.with_columns(section).select(list(wanted))
