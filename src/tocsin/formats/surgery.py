r"""Cuts in regular expressions: unneeded groups pruned, lazy ones hastened, atoms found.

Only the syntax that the linear-time engine and Python share is understood; what a cut
changes is never which lines match, nor what the groups that remain hold.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_TOKEN = re.compile(
    r"""
      (?P<escape> \\(?:[pPxuU]\{[^}]*\}|[pP][A-Z]|x[0-9A-Fa-f]{2}|.) )
    | (?P<open> \((?:\?(?:P?<(?P<name>[^>=!][^>]*)>|[a-zA-Z-]*:|[a-zA-Z-]+\)))? )
    | (?P<close> \) )
    | (?P<class> \[\^?\]?(?:\\.|\[:\^?[a-z]+:\]|[^\]\\])*\] )
    | (?P<times> (?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})[?+]? )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_SIMPLE = re.compile(
    r"(?P<open>\((?:\?(?:P?<[^>=!][^>]*>|:)))?"
    r"(?P<set>\\.|\[(?:\\.|[^\\\[\]])+\]|[^\\\[\](){}*+?|^$])"
    r"(?P<times>[*+]\??|\{[0-9,]+\})?(?(open)\))(?P<again>[*+?{])?",
    re.DOTALL,
)
_LITERAL = re.compile(r"\\[^0-9A-Za-z]|[^\\\[\](){}.*+?|^$]", re.DOTALL)
_WORDS = re.compile(r"^\(\?P?<")


def groups(regex: str) -> tuple[str, ...]:
    """Return the names of the groups, in their order."""
    return tuple(t["name"] for t in _TOKEN.finditer(regex) if t["name"])


@lru_cache(maxsize=256)
def pruned(regex: str, needed: frozenset[str]) -> str:
    """Return the regex with none but the groups of these names.

    The fewer groups it holds, the faster the engine is.
    """
    return "".join(
        "(?:" if t["open"] and _is_idle(t, needed) else t[0]
        for t in _TOKEN.finditer(regex)
    )


def _is_idle(token: re.Match[str], needed: Collection[str]) -> bool:
    return token[0] == "(" or (
        token["name"] is not None and token["name"] not in needed
    )


def hastened(regex: str) -> str:
    """Return a stricter regex whose lazy groups end at the first sign that may end them.

    Where it matches, `regex` does so with the same groups; and it needs no second
    thoughts, so that it is much faster. What leaves a choice beside its lazy groups is
    only tied to the beginning of the line.
    """
    body = regex.removeprefix("^")
    if is_choice(body):
        return regex
    parts = list(atoms(body))
    ends = [*parts[1:], "$"]
    swift = [_swift(part, end) for part, end in zip(parts, ends, strict=True)]
    return "^" + (body if None in swift else "".join(map(str, swift)))


def _swift(part: str, end: str) -> str | None:
    """Return a part that can be read in one way only before `end`; None: there is none."""
    found = _SIMPLE.fullmatch(part)
    if found is None:
        return part if part == "$" else None
    times = found["times"]
    if found["again"] or not times or times[0] == "{":
        return None if found["again"] or (times and "," in times) else part
    if end == "$" and times in ("*", "+"):
        return part
    if not _LITERAL.fullmatch(end):
        return None
    if found["set"] == "." and times.endswith("?"):
        inner = f"\\{end}" if end in "-&~" else end
        return part.replace(f".{times}", f"[^{inner}]{times[0]}")
    return None if times.endswith("?") or _holds(found["set"], end) else part


def _holds(signs: str, end: str) -> bool:
    """Whether one of the signs of a set may be the literal `end`."""
    try:
        return re.match(signs, end[-1], re.DOTALL) is not None
    except re.error:
        return True


def is_choice(regex: str) -> bool:
    """Whether a regex is one of alternatives: `a|b`, and not `(a|b)`."""
    depth = 0
    for token in _TOKEN.finditer(regex):
        depth += bool(token["open"]) and not token[0].endswith(")")
        depth -= bool(token["close"])
        if token[0] == "|" and depth == 0:
            return True
    return False


def atoms(regex: str) -> Iterator[str]:
    """Yield the parts of a regex that stand one after another, with their repeats.

    A regex of alternatives is one part.
    """
    if is_choice(regex):
        yield regex
        return
    parts: list[str] = []
    depth, open_part = 0, ""
    for token in _TOKEN.finditer(regex):
        if token["times"] and depth == 0 and parts:
            parts[-1] += token[0]
            continue
        opens = bool(token["open"]) and not token[0].endswith(")")
        depth += opens - bool(token["close"])
        open_part += token[0]
        if depth <= 0:
            parts.append(open_part)
            open_part, depth = "", 0
    yield from parts


def shown(atom: str) -> str:
    """Return a part of a regex as people are told of it."""
    names = groups(atom)
    if names and _WORDS.match(atom):
        return f"the field {names[0].partition('__')[0]}"
    if re.fullmatch(r"(?:\\[^0-9A-Za-z]|[^\\\[\](){}.*+?|^$])+", atom):
        return repr(re.sub(r"\\(.)", r"\1", atom))
    return "the end of the line" if atom == "$" else f"a match of {atom}"
