r"""The shape of a line: what it looks like when words and numbers are passed over.

Samples of bad lines are told apart by it, so that a thousand alike leave room for the
one that is different. Only what stands before the first byte that is not ASCII (or its
escape, `\x`) has a part in it: so a line has one shape, as it came and as it is shown.
"""

import re
from collections.abc import Iterable

import polars as pl

LENGTH = 150
"""Characters of a line that are looked at."""

_ASCII = r"^[\x00-\x7F]*"
_ESCAPE = r"(?s)\\x.*"
_STEPS = (
    (r"[0-9]*[A-Za-z][0-9A-Za-z]*", "a"),
    (r"[0-9]+", "0"),
    (r"a(?: a)+", "a"),
)


def shape(text: str) -> str:
    """Return the shape of a line that is shown."""
    found = re.match(_ASCII, text.lstrip("\ufeff")[:LENGTH])
    kept = re.sub(_ESCAPE, "", found[0] if found else "")
    for pattern, sign in _STEPS:
        kept = re.sub(pattern, sign, kept)
    return kept


def shapes(lines: pl.Series) -> pl.Series:
    """Return the shape of every line, as it was cleaned."""
    kept = (
        lines.str.slice(0, LENGTH).str.extract(f"({_ASCII})").str.replace(_ESCAPE, "")
    )
    for pattern, sign in _STEPS:
        kept = kept.str.replace_all(pattern, sign)
    return kept


def different(
    samples: Iterable[tuple[str, str]], most: int
) -> tuple[tuple[str, str], ...]:
    """Return the first samples (line, reason) of every shape, at most so many."""
    found: dict[str, tuple[str, str]] = {}
    for sample in samples:
        found.setdefault(shape(sample[0]), sample)
    return tuple(found.values())[:most]
