"""Expressions over columns: DuckDB as a second opinion, and the law that rows stand alone."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.config import expression
from tocsin.config.functions import FUNCTIONS
from tocsin.model.batch import TIME
from tocsin.model.errors import ConfigError
from tocsin.model.expression import Call, Column, Expression, Literal
from tocsin.model.message import Field, FieldType, MessageType
from tocsin.pipeline.expressions import to_polars
from tocsin.pipeline.functions import TRANSLATIONS

MESSAGE = MessageType(
    "test",
    (
        Field("time", FieldType.TIME),
        Field("n", FieldType.INT),
        Field("m", FieldType.INT),
        Field("x", FieldType.FLOAT),
        Field("y", FieldType.FLOAT),
        Field("s", FieldType.STRING),
        Field("t", FieldType.STRING),
        Field("ok", FieldType.BOOL),
    ),
)
NAN = float("nan")
ROWS: list[tuple[Any, ...]] = [
    ("2024-05-05T00:00:01.5", 200, 1, 1.5, 2.0, "/api/users?id=1", "/api", True),
    ("2023-12-31T23:59:59", 404, 0, -7.5, 0.5, "héllo wörld", "l", False),
    ("1970-01-01T00:00:00", -3, 7, 0.0, 3.0, "", "", None),
    ("2000-02-29T12:30:00", None, 2, None, 1.0, None, "x", True),
    ("2024-01-01T09:00:00", 500, None, 2.5, None, "  padded xx", None, False),
    ("2024-07-14T17:00:00.000001", 12345678, 12345677, 3.5, -2.5, "a%b_c", "b_", None),
    ("1969-12-31T23:59:58", 0, 0, NAN, NAN, "12", "1", True),
    ("2024-02-28T06:00:00", 12, 5, 1e300, 1e-300, "line\nbreak", "break", False),
]
COLUMNS = ("time", "n", "m", "x", "y", "s", "t", "ok")
DTYPES = (
    TIME, pl.Int64, pl.Int64, pl.Float64, pl.Float64, pl.String, pl.String, pl.Boolean,
)  # fmt: skip
FRAME = pl.DataFrame(
    [(datetime.fromisoformat(f"{row[0]}Z"), *row[1:]) for row in ROWS],
    schema=dict(zip(COLUMNS, DTYPES, strict=True)),
    orient="row",
)

LINES = Path(__file__).with_name("agreed_with_duckdb.sql").read_text(encoding="utf-8")
AGREED = LINES.splitlines()[1:]


def evaluated(text: str, frame: pl.DataFrame = FRAME) -> list[Any]:
    made = to_polars(expression(text, MESSAGE, want=None))
    return frame.with_columns(made.alias("answer"))["answer"].to_list()


def same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float | int):
        theirs = float(theirs)
        if math.isnan(ours) or math.isnan(theirs):
            return math.isnan(ours) and math.isnan(theirs)
        return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12)
    return ours == theirs and type(ours) is type(theirs)


@pytest.fixture(scope="module")
def duck() -> Any:  # noqa: ANN401
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is the second opinion")
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE events (time TIMESTAMP, n BIGINT, m BIGINT, x DOUBLE, y DOUBLE, "
        "s VARCHAR, t VARCHAR, ok BOOLEAN)"
    )
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", ROWS)
    yield connection
    connection.close()


@pytest.mark.parametrize("text", AGREED)
def test_agrees_with_duckdb(duck: Any, text: str) -> None:  # noqa: ANN401
    theirs = [row[0] for row in duck.sql(f"FROM events SELECT {text}").fetchall()]

    ours = evaluated(text)

    pairs = zip(ours, theirs, strict=True)
    assert all(same(*pair) for pair in pairs), (ours, theirs)


NO: Any = None
OURS = {
    "division by zero is null": ("n / 0", [NO] * 8),
    "a rest of zero is null": ("n % (m - m)", [NO] * 8),
    "whole numbers divide as doubles": ("7 / 2 = 3.5", [True] * 8),
    "a negative number has no root": (
        "sqrt(-1.0 * abs(y))",
        [NO, NO, NO, NO, NO, NO, NAN, NO],
    ),
    "zero has no logarithm": ("ln(x - x)", [NO, NO, NO, NO, NO, NO, NAN, NO]),
    "a logarithm to the base 1 is null": ("log(1, 5)", [NO] * 8),
    "zero to a negative power is null": ("power(0, -1)", [NO] * 8),
    "an odd root of a negative is null": ("power(-8, 1.0 / 3)", [NO] * 8),
    "text that is no number casts to null": (
        "cast(t as double)",
        [NO, NO, NO, NO, NO, NO, 1.0, NO],
    ),
    "a double that is whole is written so": ("cast(2.0 * 3 as varchar)", ["6"] * 8),
    "NaN casts to no whole number": (
        "cast(x as int) is null",
        [False, False, False, True, False, False, True, False],
    ),
    "a time is written as ISO 8601": ("cast(time as varchar) like '%Z'", [True] * 8),
    "NULL alone is a condition": ("null", [NO] * 8),
    "a text of digits beside a number is one": (
        "n = '200'",
        [True, False, False, NO, False, False, False, False],
    ),
}


@pytest.mark.parametrize(("text", "expected"), OURS.values(), ids=OURS)
def test_our_own_answers(text: str, expected: list[Any]) -> None:
    answers = evaluated(text)

    assert all(map(same, answers, expected)), answers


def test_whole_numbers_beyond_doubles_are_compared_exactly() -> None:
    big = 2**53
    frame = pl.DataFrame({"n": [big, big + 1], "m": [big + 1, big + 1]})

    assert evaluated(f"n = {big + 1}", frame) == [False, True]
    assert evaluated("n = m", frame) == [False, True]
    assert evaluated(f"n in (1, {big})", frame) == [True, False]
    assert evaluated("cast(n as varchar)", frame)[1] == str(big + 1)


def test_both_tables_of_functions_name_the_same() -> None:
    assert set(TRANSLATIONS) == set(FUNCTIONS)


def test_every_function_is_put_to_the_test() -> None:
    texts = [*AGREED, *(text for text, _ in OURS.values())]
    used = {
        name
        for text in texts
        for name in called(expression(text, MESSAGE, want=None).root)
    }

    # A filter makes this one; it is tested below.
    assert used == set(FUNCTIONS) - {"matches_whole"}


def called(node: Any) -> set[str]:  # noqa: ANN401
    if not isinstance(node, Call):
        return set()
    return {node.function}.union(*map(called, node.args))


WHOLE = {
    "the whole text": ("l+o", "llo", True),
    "not a part of it": ("l+o", "hello", False),
    "alternatives are kept together": ("a|bc", "ac", False),
    "an alternative that is a part is not enough": ("a|ab", "ab", True),
    "flags may be given": ("(?i)GET .*", "get /x", True),
    "a line end is not any character": ("a.*", "a\nb", False),
    "a dollar is the end of the text, not of a line": ("a$", "a\n", False),
    "a null stays unknown": (".*", None, None),
}


@pytest.mark.parametrize(("pattern", "text", "expected"), WHOLE.values(), ids=WHOLE)
def test_matches_whole(pattern: str, text: str | None, expected: bool | None) -> None:  # noqa: FBT001
    root = Call("matches_whole", (Column("s", FieldType.STRING), Literal(pattern)))
    frame = pl.DataFrame({"s": [text]}, schema={"s": pl.String})

    answer = frame.select(to_polars(Expression(root, FieldType.BOOL, pattern)))

    assert answer.item() is expected


def test_a_pattern_beyond_the_engine_is_refused() -> None:
    pattern = "(a{900}){900}"
    root = Call("matches", (Column("s", FieldType.STRING), Literal(pattern)))

    with pytest.raises(ConfigError, match="regular expression"):
        to_polars(Expression(root, FieldType.BOOL, pattern))


def test_columns_without_a_type_are_read_as_they_are_used() -> None:
    frame = pl.DataFrame(
        {"status": ["200", "404", "-", None], "ok": ["true", "FALSE", "?", None]}
    )

    numbers = frame.select(to_polars(expression("status >= 400")))
    flags = frame.select(to_polars(expression("not ok")))

    assert numbers.to_series().to_list() == [False, True, None, None]
    assert flags.to_series().to_list() == [False, True, None, None]


def test_columns_may_have_other_names_in_the_frame() -> None:
    frame = pl.DataFrame({"remote_addr": ["::1", "10.0.0.1"]})
    made = to_polars(expression("remotehost = '::1'"), {"remotehost": "remote_addr"})

    assert frame.select(made).to_series().to_list() == [True, False]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(AGREED), st.data())
def test_a_cut_of_the_frame_cuts_the_answer(text: str, data: st.DataObject) -> None:
    rows = data.draw(st.permutations(range(len(ROWS))))
    cut = data.draw(st.integers(0, len(ROWS)))
    shuffled = FRAME[rows]
    whole = evaluated(text, shuffled)

    pieces = evaluated(text, shuffled[:cut]) + evaluated(text, shuffled[cut:])

    assert all(map(same, pieces, whole))


ROUNDED = ("x / 5", "x / y", "1 / x", "n / 7", "x % 0.1", "power(x, 3)", "power(x, y)",
           "log(3, x)", "extract(epoch from time)")  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    text=st.sampled_from(ROUNDED),
    numbers=st.lists(st.decimals(0, 1000, places=1).map(float), min_size=2, max_size=9),
    other=st.sampled_from([0.3, 0.5, 2.0, 3.0, 7.0, 9.0, 60.0]),
)
def test_an_answer_is_rounded_alike_alone_and_among_others(
    text: str, numbers: list[float], other: float
) -> None:
    frame = pl.DataFrame({"x": numbers}).with_columns(
        y=pl.lit(other),
        n=(pl.col("x") * 10).cast(pl.Int64),
        time=(pl.col("x") * 10 + 0.3).cast(pl.Int64).cast(TIME),
    )
    whole = evaluated(text, frame)
    assert whole == [evaluated(text, frame[i : i + 1])[0] for i in range(len(numbers))]
    assert whole == evaluated(
        text, frame.with_columns(y=pl.Series([other] * len(frame)))
    )


def test_a_quotient_is_the_nearest_number() -> None:
    frame = pl.DataFrame({"x": [3.0, 3.0], "y": [5.0, 7.0]})
    assert evaluated("x / 5", frame) == [0.6, 0.6]
    assert evaluated("x / y", frame) == [0.6, 3 / 7]


@settings(deadline=None, max_examples=150)
@given(
    st.text(alphabet="ab%_\\\n", max_size=6),
    st.text(alphabet="ab%_\\\n", max_size=6),
)
def test_like_agrees_with_its_definition(text: str, pattern: str) -> None:
    quoted = pattern.replace("'", "''")
    made = to_polars(expression(f"s LIKE '{quoted}'", MESSAGE))

    answer = pl.DataFrame({"s": [text]}).select(made).item()

    assert answer is like(text, pattern)


def like(text: str, pattern: str) -> bool:
    """Match by the definition: `%` is any text, `_` any character."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    if head == "%":
        return any(like(text[i:], rest) for i in range(len(text) + 1))
    return bool(text) and head in ("_", text[0]) and like(text[1:], rest)
