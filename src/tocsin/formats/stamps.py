"""What stamps look like that are written as a strptime pattern says."""

from __future__ import annotations

import re

from tocsin.formats.options import FormatError

_ZONE = r"(?:[+-][0-9]{2}:?[0-9]{2}|Z)"
_SHAPES = {
    "Y": "[0-9]{4}", "y": "[0-9]{2}", "m": "[0-9]{1,2}", "d": "[0-9]{1,2}",
    "e": "(?: [0-9]|[0-9]{1,2})", "H": "[0-9]{1,2}", "I": "[0-9]{1,2}",
    "k": "(?: [0-9]|[0-9]{1,2})", "M": "[0-9]{2}", "S": "[0-9]{2}", "j": "[0-9]{1,3}",
    "b": "[A-Za-z]{3}", "h": "[A-Za-z]{3}", "B": "[A-Za-z]+", "a": "[A-Za-z]{3}",
    "A": "[A-Za-z]+", "p": "[AaPp][Mm]", "P": "[AaPp][Mm]", "f": "[0-9]{1,9}",
    "3f": "[0-9]{3}", "6f": "[0-9]{6}", "9f": "[0-9]{9}", ".f": r"(?:\.[0-9]{1,9})?",
    "z": _ZONE, ":z": _ZONE, "#z": r"(?:[+-][0-9]{2}(?::?[0-9]{2})?|Z)", "%": "%",
    "T": "[0-9]{2}:[0-9]{2}:[0-9]{2}", "R": "[0-9]{2}:[0-9]{2}",
    "F": "[0-9]{4}-[0-9]{2}-[0-9]{2}", "D": "[0-9]{2}/[0-9]{2}/[0-9]{2}",
    "s": r"[0-9]+",
}  # fmt: skip
_ISO = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r" ?(?:[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_KNOWN = {"iso": _ISO, "clf": r"[^\]\"]*"} | dict.fromkeys(
    ("epoch", "s", "ms", "us", "ns"), _NUMBER
)
_PART = re.compile(r"%([369.]?f|[:#]?z|.?)|[^%]+", re.DOTALL)
_DAYS = ("d", "e", "j", "D", "F", "s")
_CLOCKS = ("H", "k", "I", "T", "R", "s")


def shape_of(form: str, at: int = 0) -> str:
    """Return the regular expression of stamps in a form, without its anchors.

    Raises:
        FormatError: A directive is not known, or no date can come of them.
    """
    if form in _KNOWN:
        return _KNOWN[form]
    parts, seen = [], set()
    for found in _PART.finditer(form):
        code = found[1]
        if code is None:
            parts.append(re.escape(found[0]).replace("\\ ", " "))
            continue
        if code not in _SHAPES:
            known = "%Y %m %d %b %e %H %M %S %f %z %p %j and the like"
            message = f"'%{code}' is no part of a time"
            raise FormatError(
                message, key="pattern", hint=f"there are {known}", at=at + found.start()
            )
        seen.add(code)
        parts.append(_SHAPES[code])
    if not seen.intersection(_DAYS) or not seen.intersection(_CLOCKS):
        raise FormatError(
            "a time needs a day and an hour",
            key="pattern",
            hint="such as %Y-%m-%d %H:%M:%S",
            at=at,
        )
    return "".join(parts)
