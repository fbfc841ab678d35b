"""Expressions over columns: DuckDB as a second opinion, and the law that rows stand alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime
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
    (datetime(2024, 5, 5, 0, 0, 1, 500000), 200, 1, 1.5, 2.0, "/api/users?id=1", "/api", True),
    (datetime(2023, 12, 31, 23, 59, 59), 404, 0, -7.5, 0.5, "héllo wörld", "l", False),
    (datetime(1970, 1, 1), -3, 7, 0.0, 3.0, "", "", None),
    (datetime(2000, 2, 29, 12, 30), None, 2, None, 1.0, None, "x", True),
    (datetime(2024, 1, 1, 9), 500, None, 2.5, None, "  padded xx", None, False),
    (datetime(2024, 7, 14, 17, 0, 0, 1), 12345678, 12345677, 3.5, -2.5, "a%b_c", "b_", None),
    (datetime(1969, 12, 31, 23, 59, 58), 0, 0, NAN, NAN, "12", "1", True),
    (datetime(2024, 2, 28, 6), 12, 5, 1e300, 1e-300, "line\nbreak", "break", False),
]  # fmt: skip
COLUMNS = ("time", "n", "m", "x", "y", "s", "t", "ok")
DTYPES = (TIME, pl.Int64, pl.Int64, pl.Float64, pl.Float64, pl.String, pl.String, pl.Boolean)  # fmt: skip
FRAME = pl.DataFrame(
    [(row[0].replace(tzinfo=UTC), *row[1:]) for row in ROWS],
    schema=dict(zip(COLUMNS, DTYPES, strict=True)),
    orient="row",
)

AGREED = """
n >= 200
n = m
n < m
n != 404
n <> 404 and m = 0
x > y
x = x
x > 1e308
x <= 2.5
s = t
s < t
s != ''
ok = true
ok = (n > 100)
time > '2024-01-01'
time between '2023-01-01' and '2024-02-01T00:00:00'
n in (200, 404)
n not in (200, 404)
n in (200, null)
x in (1.5, 2, -7.5)
x in (n, m, y)
s in ('12', '', 'x')
s not in ('12', null)
n between 0 and 300
n not between m and 300
ok and n > 100
ok or n > 100
not ok
not (ok and n > 100) or x > 1
ok and null
ok or null
n is null
n is not null
ok is true
ok is not true
ok is false
ok is not false
(x > 1) is null
n is distinct from m
n is not distinct from 200
s is distinct from null
x is not distinct from y
n + m
n - m
x * y
-n
-x
x + n * 2 - -1
n / 8
m / 3.0
abs(n)
abs(x)
floor(x)
ceil(x)
round(x)
round(x, 1)
round(n / 7, 2)
sqrt(abs(m))
ln(abs(y) + 1)
log(m + 1)
log2(abs(y) + 1)
log(3, m + 1)
power(m, 2)
power(2, 0.5)
m ^ 2
mod(n, 7)
n % 7
-n % 7
n % -7
upper(t)
lower(upper(t))
trim(s)
ltrim(s)
rtrim(s, 'x')
trim(s, ' x')
length(s)
length(s) = 11
substr(s, 2)
substr(s, 2, 3)
substr(s, 0, 3)
substr(s, -3)
substr(s, -3, 2)
substr(s, -8, 6)
substr(s, -20, 3)
substr(s, m, 2)
substr(s, strpos(s, '/') + 1, 3)
substring(s from 2 for 2)
s || t
s || '-' || t
concat(s, t)
concat(s, null, '!')
s || t = 'l'
replace(s, 'l', 'L')
replace(s, '/api', t)
replace(s, 'l', '$1')
split_part(s, '/', 2)
split_part(s, '/', -1)
split_part(s, '/', 9)
split_part(s, 'l', 1)
starts_with(s, '/api')
starts_with(s, t)
ends_with(s, t)
contains(s, t)
contains(s, 'ö')
strpos(s, 'ö')
strpos(s, t)
position('l' in s)
regexp_matches(s, 'l+o')
regexp_matches(s, '^[0-9]+$')
regexp_matches(s, 'e.b')
regexp_matches(s, '(?i)HÉL')
regexp_extract(s, '^(/[^/?]*)', 1)
regexp_extract(s, 'l+')
regexp_extract(s, '(x)?a', 1)
s like '/api%'
s like '%ld'
s like '%e%b%'
s like 'h_llo%'
s like '%'
s like ''
s like '12'
s like 'a!%b!_c' escape '!'
s like 'a$%%' escape '$'
s not like '%l%'
s ilike '%API%'
s not ilike 'HÉLLO%'
s ilike 'h_LLO wörld'
case when n > 300 then 'bad' when n > 100 then 'good' else 'odd' end
case when n > 300 then x end
case n when 200 then 1 when 404 then 2 else m end
case when ok then null else 1 end
case when x > y then n else x end
if(ok, 1, 2)
coalesce(n, m)
coalesce(x, n, 5)
coalesce(s, t, 'none')
ifnull(ok, n > 10)
nullif(n, 200)
nullif(s, '')
nullif(x, x)
greatest(x, y)
greatest(n, m, 5)
greatest(s, t)
least(x, y)
least(n, null, 3)
least(s, t)
cast(n as double)
try_cast(s as double)
try_cast(t as int)
try_cast('12.7' as int)
cast(cast(2.5 as double) as int)
cast(cast(-3.5 as double) as bigint)
cast(m as boolean)
cast(n as varchar)
cast(ok as varchar)
try_cast('TRUE' as boolean)
extract(year from time)
extract(quarter from time)
extract(month from time)
extract(week from time)
extract(day from time)
extract(doy from time)
extract(dow from time)
extract(isodow from time)
extract(hour from time)
extract(minute from time)
extract(second from time)
extract(epoch from time)
hour(time) between 9 and 17
cast('2024-05-05T00:00:01.5' as timestamp) = time
cast('2024-01-01 09:00:00' as timestamp) = time
cast('2000-02-29' as timestamp) < time
100.0 * n / nullif(m, 0)
"""


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


@pytest.mark.parametrize("text", AGREED.strip().splitlines())
def test_agrees_with_duckdb(duck: Any, text: str) -> None:  # noqa: ANN401
    theirs = [row[0] for row in duck.execute(f"SELECT {text} FROM events").fetchall()]

    ours = evaluated(text)

    pairs = zip(ours, theirs, strict=True)
    assert all(same(*pair) for pair in pairs), (ours, theirs)


OURS = {
    "division by zero is null": ("n / 0", [None] * 8),
    "a rest of zero is null": ("n % (m - m)", [None] * 8),
    "whole numbers divide as doubles": ("7 / 2 = 3.5", [True] * 8),
    "a negative number has no root": ("sqrt(-1.0 * abs(y))", [None, None, None, None, None, None, NAN, None]),
    "zero has no logarithm": ("ln(x - x)", [None, None, None, None, None, None, NAN, None]),
    "a logarithm to the base 1 is null": ("log(1, 5)", [None] * 8),
    "zero to a negative power is null": ("power(0, -1)", [None] * 8),
    "an odd root of a negative is null": ("power(-8, 1.0 / 3)", [None] * 8),
    "text that is no number casts to null": ("cast(t as double)", [None, None, None, None, None, None, 1.0, None]),
    "a double that is whole is written without its fraction": ("cast(2.0 * 3 as varchar)", ["6"] * 8),
    "NaN casts to no whole number": ("cast(x as int) is null", [False, False, False, True, False, False, True, False]),
    "a time is written as ISO 8601": ("cast(time as varchar) like '%Z'", [True] * 8),
    "NULL alone is a condition": ("null", [None] * 8),
    "a text of digits beside a number is one": ("n = '200'", [True, False, False, None, False, False, False, False]),
}  # fmt: skip


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
    texts = [*AGREED.strip().splitlines(), *(text for text, _ in OURS.values())]
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
@given(st.sampled_from(AGREED.strip().splitlines()), st.data())
def test_a_cut_of_the_frame_cuts_the_answer(text: str, data: st.DataObject) -> None:
    rows = data.draw(st.permutations(range(len(ROWS))))
    cut = data.draw(st.integers(0, len(ROWS)))
    shuffled = FRAME[rows]
    whole = evaluated(text, shuffled)

    pieces = evaluated(text, shuffled[:cut]) + evaluated(text, shuffled[cut:])

    assert all(map(same, pieces, whole))


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
