"""Access logs for tests: lines that are nearly right, and both ways to cut them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from tocsin.formats import compiled
from tocsin.formats.lines import Piece

WAYS = ("compiled", "columns")


@contextmanager
def cutting(way: str) -> Iterator[None]:
    """Cut access logs in one of the `WAYS`; skips the test where the library is missing."""
    with pytest.MonkeyPatch.context() as patch:
        if way == "columns":
            patch.setenv("TOCSIN_PURE", "1")
        else:
            patch.delenv("TOCSIN_PURE", raising=False)
            need_library()
        yield


def need_library() -> None:
    """Skip the test where the library was not built; but not where all must run."""
    if compiled.cut(Piece(b""), (), agents=False) is not None:
        return
    reason = "the compiled library was not built (a C compiler, then: pip install -e .)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


TOKENS = st.sampled_from([
    " ", '"', '\\"', "\\", "\r", "-", "[", "]", "/", "a", "b c", "9", "+5", "0", "200", "é", "\0",
    '" "', '" ', " - - [", "07/Feb/2019:21:11:01 +0000", "\u2028", "\ufeff", "\t", ",",
    "29/Feb/2019:00:00:00 +0000", "31/Dec/9999:23:59:60 -0001", '"x"', "007", "1" * 19,
])  # fmt: skip
PIECES = ["10.0.0.1", " ", "-", " ", "-", " [", "07/Feb/2019:21:11:01 +0000", '] "',
          "GET /a/b?c=1 HTTP/1.1", '" ', "200", " ", "5", ' "', "http://x/", '" "',
          "Mozilla (x; y)", '"', ""]  # fmt: skip


def mutated(changes: list[tuple[int, str, bool]]) -> str:
    """Put tokens before some pieces of a line, or in the place of them."""
    made = list(PIECES)
    for place, token, instead in changes:
        made[place] = token if instead else token + made[place]
    return "".join(made)


CHANGE = st.tuples(st.integers(0, len(PIECES) - 1), TOKENS, st.booleans())
LINES = st.lists(CHANGE, max_size=3).map(mutated)
