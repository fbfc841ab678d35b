r"""Regular expressions that match in linear time: what may be written, and what not.

The engine is Rust's. Its syntax is Python's less look-around and back-references, plus
a few things such as `\p{Greek}`. A pattern is checked by its structure, and by compiling
its likeness in Python; what only the engine can know (its size once compiled, the name
of a Unicode class) is asked of the engine, which is loaded for such patterns alone.
"""

import re
from functools import lru_cache

LONGEST = 4_000

_LINEAR = "patterns match in linear time: no look-around, no back-references"
_TOKEN = re.compile(
    r"""
      (?P<escape> \\ (?:
          [pP]\{\^?[A-Za-z][^}]*\} | [pP][LMNPSZC] | [xuU]\{[^}]*\}
        | b\{(?:start|end)(?:-half)?\} | . ) )
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
_RUST_ESCAPE = re.compile(r"\\(?:[pP](?:\{[^}]*\}|[A-Za-z])|[xuU]\{[0-9A-Fa-f]+\})")
_NESTED = re.compile(r"(\\.)|\[:\^?\w+:\]|^\^|\[\^?|\]|&&|--|~~", re.DOTALL)
_UNSURE = re.compile(r"\{|\\[pP]")
_REASON = re.compile(r"error: ([^\n]+)")
_TOO_LARGE = "size limit"
_STAND_INS = {"\\z": "\\Z", "\\<": "\\b", "\\>": "\\b"}


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
    try:
        re.compile(_in_python(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise RegexError(f"a regular expression ({error})") from None
    if _UNSURE.search(pattern):
        _ask_the_engine(pattern)


def _ask_the_engine(pattern: str) -> None:
    """Compile a pattern for real, alone and as it is matched against a whole field."""
    import polars as pl  # noqa: PLC0415 - slow to load, and seldom needed

    for shape in (pattern, f"^(?:{pattern})$"):
        try:
            pl.Series([""]).str.contains(shape)
        except pl.exceptions.ComputeError as error:
            reason = [*_REASON.findall(str(error)), "beyond the engine"][-2:][0]
            if shape == pattern or _TOO_LARGE in reason:
                hint = "repeat less often" if _TOO_LARGE in reason else ""
                raise RegexError(f"a regular expression ({reason})", hint) from None


def _in_python(pattern: str) -> str:
    """Return a pattern that Python takes if, but for its size, Rust takes this one.

    Only that it compiles is of use: Rust's own constructs are stood in for.
    """
    parts: list[str] = []
    depth, at = 0, 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None:
            raise RegexError("a regular expression (a lone '\\' at its end)")
        start, name = at, str(match.lastgroup)
        at = _class_end(pattern, match.end()) if name == "class" else match.end()
        part = pattern[start:at]
        _check_part(name, part, start)
        parts.append(_stand_in(name, part))
        depth += (name == "open" and not part.endswith(")")) - (name == "close")
        if depth < 0:
            raise RegexError(f"a regular expression (')' without '(' at {start})")
    if depth:
        raise RegexError("a regular expression (missing ')')")
    return "".join(parts)


def _stand_in(name: str, part: str) -> str:
    if name == "escape":
        if part.startswith("\\b{"):
            return "\\b"
        return _STAND_INS.get(part) or _RUST_ESCAPE.sub("a", part)
    if name == "class":
        # Nested classes and set operations become one class of all that they name.
        inner = _NESTED.sub(lambda m: m[1] or " ", part[1:-1])
        return f"[ {_RUST_ESCAPE.sub('a', inner)} ]"
    if name == "open" and part != "(":
        # `(?i)` cannot be repeated, and neither can what `|` leaves empty.
        named = re.sub(r"\?<", "?P<", part)
        return "|" if part.endswith(")") else named if "<" in part else "(?:"
    return part


def _check_part(name: str, part: str, at: int) -> None:
    if name == "escape" and (part[1] in "0123456789kgZGRXN" or not part.isascii()):
        hint = f"{_LINEAR}; the end of text is \\z" if part[1] == "Z" else _LINEAR
        raise RegexError(f"a regular expression without {part} (at {at})", hint)
    if name == "class" and re.search(r"(?<!\\)(?:\\\\)*\\[bBAz<>]", part):
        raise RegexError(f"a regular expression without anchors in {part!r} (at {at})")
    if name == "class" and re.search(r"(?<!\\)(?:\\\\)*\\[0-9kgZGRXN]", part):
        raise RegexError(
            f"a regular expression without such escapes in {part!r} (at {at})"
        )
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
