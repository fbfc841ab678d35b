"""Filters: what each means, with and without a message type."""

from typing import Any

import pytest

from tocsin.config import FormatConfig, MetricConfig, expression, from_data
from tocsin.model.expression import Call, Column, Expression, Literal, Node
from tocsin.model.message import Field, FieldType, MessageType

ACCESS = MessageType(
    "combined",
    (
        Field("time", FieldType.TIME),
        Field("remote_addr", FieldType.IP),
        Field("path"),
        Field("status", FieldType.INT),
        Field("took", FieldType.FLOAT),
        Field("cached", FieldType.BOOL),
    ),
    {"remotehost": "remote_addr"},
)


def message_types(_: FormatConfig) -> MessageType:
    return ACCESS


def metric(filters: object, *, known: bool = True, **more: Any) -> MetricConfig:  # noqa: ANN401
    source = {"name": "web", "format": "combined" if known else "auto"}
    row = {"name": "m", "type": "COUNT", "period": "1m", "filters": filters, **more}
    config = from_data(
        {"sources": [source], "metrics": [row]}, message_types=message_types
    )
    return config.metrics[0]


def where(filters: object, *, known: bool = True, **more: Any) -> Expression:  # noqa: ANN401
    found = metric(filters, known=known, **more).where
    assert found is not None
    return found


def show(node: Node) -> str:
    if isinstance(node, Column):
        return f"{node.name}:{node.type}"
    if isinstance(node, Literal):
        return repr(node.value)
    return f"{node.function}({', '.join(map(show, node.args))})"


def one(operand: str, operator: str, value: object) -> list[dict[str, object]]:
    return [{"operand": operand, "operator": operator, "value": value}]


KNOWN = {
    "equality": (one("status", "==", 200), "eq(status:int, 200)"),
    "equality with one sign": (one("status", "=", 200), "eq(status:int, 200)"),
    "a number in quotes": (one("status", ">=", "500"), "ge(status:int, 500)"),
    "a fraction": (one("took", "<", 0.5), "lt(took:float, 0.5)"),
    "text": (one("path", "!=", "/"), "ne(path:string, '/')"),
    "text that is written as a number": (one("path", "==", 5), "eq(path:string, '5')"),
    "an alias": (one("remotehost", "==", "::1"), "eq(remote_addr:ip, '::1')"),
    "a condition": (one("cached", "==", value=True), "eq(cached:bool, True)"),
    "a condition in quotes": (one("cached", "!=", "false"), "ne(cached:bool, False)"),
    "a time": (
        one("time", "<", "1970-01-01T00:00:01Z"),
        "lt(time:time, instant(1000000))",
    ),
    "the raw line": (one("line", "=~", "x.*"), "matches_whole(line:string, 'x.*')"),
    "a pattern for a number": (
        one("status", "=~", "5.."),
        "matches_whole(cast_string(status:int), '5..')",
    ),
    "a pattern that must not match": (
        one("path", "!~", "/api.*"),
        "not(matches_whole(path:string, '/api.*'))",
    ),
    "nothing": (one("path", "==", None), "is_null(path:string)"),
    "something": (one("path", "!=", None), "not(is_null(path:string))"),
    "a number beyond 64 bits": (one("status", "<", 10**30), "lt(status:int, 1e+30)"),
    "a list is joined by and": (
        [*one("status", ">", 1), *one("status", "<", 3)],
        "and(gt(status:int, 1), lt(status:int, 3))",
    ),
    "a filter without a list": (one("status", ">", 1)[0], "gt(status:int, 1)"),
    "any": (
        [{"any": [*one("status", "==", 1), *one("status", "==", 2)]}],
        "or(eq(status:int, 1), eq(status:int, 2))",
    ),
    "or, and, not, nested": (
        {
            "or": [
                {"and": [*one("status", "==", 1), *one("cached", "==", value=True)]},
                {"not": {"all": one("status", "==", 2)}},
                {"not": [*one("status", "==", 3), *one("status", "==", 4)]},
            ]
        },
        (
            "or(and(eq(status:int, 1), eq(cached:bool, True)), "
            "not(eq(status:int, 2)), not(and(eq(status:int, 3), eq(status:int, 4))))"
        ),
    ),
}
UNKNOWN = {
    "a number makes a number": (one("a", ">", 5), "gt(a:float, 5)"),
    "text makes text": (one("a", "==", "5"), "eq(a:string, '5')"),
    "digits that are ordered make a number": (one("a", "<", "5"), "lt(a:float, 5)"),
    "text that is ordered stays text": (one("a", "<", "b"), "lt(a:string, 'b')"),
    "true makes a condition": (one("a", "==", value=True), "eq(a:bool, True)"),
    "a pattern makes text": (one("a", "=~", "b"), "matches_whole(a:string, 'b')"),
    "the time is known everywhere": (
        one("time", ">", "1970-01-01"),
        "gt(time:time, instant(0))",
    ),
    "a path into nested objects": (one("a.b", "==", 1), "eq(a.b:float, 1)"),
}


@pytest.mark.parametrize(("filters", "tree"), KNOWN.values(), ids=KNOWN)
def test_fields_that_are_known(filters: object, tree: str) -> None:
    assert show(where(filters).root) == tree


@pytest.mark.parametrize(("filters", "tree"), UNKNOWN.values(), ids=UNKNOWN)
def test_fields_that_the_lines_will_show(filters: object, tree: str) -> None:
    assert show(where(filters, known=False).root) == tree


def test_filters_and_where_must_both_hold() -> None:
    found = where(one("cached", "==", value=False), where="status >= 500")

    assert show(found.root) == "and(ge(status:int, 500), eq(cached:bool, False))"
    assert found.text == "status >= 500 and cached == false"


def test_no_filters_are_no_condition() -> None:
    assert metric([]).where is None


def test_filters_are_shown_as_one_line() -> None:
    tree = {"any": [*one("path", "=~", "/a.*"), {"not": one("status", "<", 5)}]}

    assert where([tree]).text == '(path =~ "/a.*" or not (status < 5))'
    assert isinstance(where([tree]).root, Call)


TYPED = {
    "a number with a text of digits": ("status = '200'", "eq(status:int, 200)"),
    "a time with a text": (
        "time >= '1970-01-01T00:00:00Z'",
        "ge(time:time, instant(0))",
    ),
    "a chain of ands is one call": (
        "cached and cached and not cached",
        "and(cached:bool, cached:bool, not(cached:bool))",
    ),
    "a negative constant": ("took > -0.5", "gt(took:float, -0.5)"),
    "between": (
        "status between 1 and 2",
        "and(ge(status:int, 1), le(status:int, 2))",
    ),
    "LIKE with its own escape": (
        "path like 'a$%_' escape '$'",
        "like(path:string, 'a\\\\%_')",
    ),
    "not like": ("path not like 'a%'", "not(like(path:string, 'a%'))"),
    "names in quotes": ('"status" = 1', "eq(status:int, 1)"),
}
UNTYPED = {
    "beside a number": ("a > 5", "gt(a:float, 5)"),
    "deep inside": (
        "coalesce(a, nullif(b, c)) > 5",
        "gt(coalesce(a:float, nullif(b:float, c:float)), 5)",
    ),
    "beside another without a type": ("a = b", "eq(a:string, b:string)"),
    "ordered beside another without a type": ("a < b", "lt(a:float, b:float)"),
    "in a function": ("lower(a) = 'x'", "eq(lower(a:string), 'x')"),
    "alone": ("a", "a:bool"),
    "in a choice": (
        "case when a then b else 1 end = 2",
        "eq(case(a:bool, b:float, 1), 2)",
    ),
    "whose type does not matter": ("a is null", "is_null(a:None)"),
}


@pytest.mark.parametrize(("text", "tree"), TYPED.values(), ids=TYPED)
def test_sql_over_known_fields(text: str, tree: str) -> None:
    assert show(expression(text, ACCESS).root) == tree


@pytest.mark.parametrize(("text", "tree"), UNTYPED.values(), ids=UNTYPED)
def test_sql_over_unknown_fields(text: str, tree: str) -> None:
    assert show(expression(text).root) == tree


def test_a_field_that_learns_its_type_late_costs_no_more_for_depth() -> None:
    deep = "coalesce(" * 30 + "a" + ", b)" * 30

    assert expression(f"{deep} > 5").columns() == {"a", "b"}
