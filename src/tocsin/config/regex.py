r"""Regular expressions that match in linear time: what may be written, and what not.

The engine is Rust's. Its syntax is Python's less look-around and back-references, plus
a few things such as `\p{Greek}`. A pattern of the common part is checked by compiling
it; one with Rust's own constructs is checked by its structure only, and compiled when
the plan is made (`tocsin.pipeline.expressions`).
"""

import re
from functools import lru_cache

LONGEST = 4_000

_LINEAR = "patterns match in linear time: no look-around, no back-references"
_TOKEN = re.compile(
    r"""
      (?P<escape> \\ (?: [pP]\{[^}]*\} | [xuU]\{[^}]*\} | b\{[^}]*\} | . ) )
    | (?P<open> \( (?: \? (?: P?<(?![=!])[^>]*> | [a-zA-Z-]*: | [a-zA-Z-]+\)? | . .? ) )? )
    | (?P<close> \) )
    | (?P<class> \[ )
    | (?P<count> \{ (?: [0-9]+ (?: ,[0-9]* )? \} )? )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_GROUP = re.compile(
    r"\((\?(P?<[A-Za-z_]\w*>|[imsU]*(-[imsU]+)?:|[imsU]+(-[imsU]+)?\)|-[imsU]+\)))?"
)
_RUST_ONLY = re.compile(
    r"\\[pPzKh<>]|\\[xuU]\{|\\b\{|\[\[|&&|--|~~|\(\?[a-zA-Z]*[-U]|\(\?[a-z]+\)"
)


class RegexError(ValueError):
    """The pattern cannot be used; `hint` says what to do."""

    def __init__(self, message: str, hint: str = "") -> None:
        self.hint = hint
        super().__init__(message)


@lru_cache(maxsize=256)
def check_regex(pattern: str) -> None:
    """Return if the pattern can be used.

    Raises:
        RegexError: It is malformed, too long, or could not match in linear time.
    """
    if len(pattern) > LONGEST:
        raise RegexError(f"a pattern of at most {LONGEST} characters")
    _check_structure(pattern)
    if not _RUST_ONLY.search(pattern):
        _compile(pattern)


def _compile(pattern: str) -> None:
    python = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    try:
        re.compile(python)
    except (re.error, RecursionError, OverflowError) as error:
        raise RegexError(f"a regular expression ({error})") from None


def _check_structure(pattern: str) -> None:
    depth, at = 0, 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise RegexError("a regular expression (a lone '\\' at its end)")
        at, name = match.end(), match.lastgroup
        if name == "class":
            at = _class_end(pattern, at)
        elif name in ("escape", "open", "count"):
            _check_part(name, match[0], match.start())
        depth += (name == "open" and not match[0].endswith(")")) - (name == "close")
        if depth < 0:
            raise RegexError(
                f"a regular expression (')' without '(' at {match.start()})"
            )
    if depth:
        raise RegexError("a regular expression (missing ')')")


def _check_part(name: str, part: str, at: int) -> None:
    if name == "escape" and part[1] in "0123456789kgZGRXN":
        hint = f"{_LINEAR}; the end of text is \\z" if part[1] == "Z" else _LINEAR
        raise RegexError(f"a regular expression without {part} (at {at})", hint)
    if name == "open" and not _GROUP.fullmatch(part):
        raise RegexError(f"a regular expression without '{part}' (at {at})", _LINEAR)
    if name == "count" and part == "{":
        raise RegexError(
            f"a regular expression ('{{' at {at} is no count)", "write \\{ for a brace"
        )


def _class_end(pattern: str, at: int) -> int:
    """Return the offset behind the `]` that closes a class opened just before `at`."""
    start = at - 1
    at += pattern.startswith("^", at)
    at += pattern.startswith("]", at)
    depth = 1
    while depth:
        if at >= len(pattern):
            raise RegexError(f"a regular expression (missing ']' for '[' at {start})")
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character in "[]":
            depth += 1 if character == "[" else -1
        at += 1
    return at


def groups_in(pattern: str) -> int:
    """Return the number of groups of a sound pattern that capture."""
    count, at = 0, 0
    while match := _TOKEN.match(pattern, at):
        at = match.end()
        if match.lastgroup == "class":
            at = _class_end(pattern, at)
        captures = match[0] == "(" or match[0].startswith(("(?P<", "(?<"))
        count += match.lastgroup == "open" and captures
    return count
