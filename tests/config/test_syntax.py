"""Documents with places: what is read is right, and every key is where it says."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.config.document import Document, Path
from tocsin.config.reading import guess, parse, read
from tocsin.model.errors import ConfigError

SCALARS = st.one_of(
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"]), max_size=8
    ),
    st.sampled_from(
        ['"', "'", "#", "[a]", "a = 1", "'''", '"""', "\\", "no", "\n", "{"]
    ),
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(
            lambda v: {f"k{i}": x for i, x in enumerate(v)}
        ),
    ),
    max_leaves=12,
)
NAMED = st.lists(TREES, max_size=5).map(lambda v: {f"k{i}": x for i, x in enumerate(v)})


def numbered(tree: Any, names: Any = None) -> Any:  # noqa: ANN401
    """Give every key a name of its own, so that a line can be told by its key."""
    names = names or iter(range(10_000))
    if isinstance(tree, dict):
        return {f"key{next(names):04}": numbered(v, names) for v in tree.values()}
    return [numbered(v, names) for v in tree] if isinstance(tree, list) else tree


def keys(tree: Any, path: Path = ()) -> list[Path]:  # noqa: ANN401
    """Return the path of every key."""
    if isinstance(tree, dict):
        inner = [p for k, v in tree.items() for p in keys(v, (*path, k))]
        return [(*path, k) for k in tree] + inner
    if isinstance(tree, list):
        return [p for i, v in enumerate(tree) for p in keys(v, (*path, i))]
    return []


def check_places(text: str, document: Document, tree: Any) -> None:  # noqa: ANN401
    lines = text.split("\n")
    for path in keys(tree):
        line = int(document.place(path).rpartition(":")[2])
        assert str(path[-1]) in lines[line - 1], (path, line)


@given(NAMED.map(numbered), st.sampled_from([None, 1, 4]), st.booleans())
def test_json_is_read_as_json_reads_it(
    tree: Any,  # noqa: ANN401
    indent: int | None,
    ascii_: bool,  # noqa: FBT001
) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_)

    document = read(text, "x", "json")

    assert document.data == json.loads(text)
    check_places(text, document, tree)


@given(NAMED.map(numbered))
def test_json_is_yaml_too(tree: Any) -> None:  # noqa: ANN401
    text = json.dumps(tree, indent=2, ensure_ascii=False)

    document = read(text, "x", "yaml")

    assert document.data == tree
    check_places(text, document, tree)


def block(tree: Any, depth: int = 0) -> str:  # noqa: ANN401
    """Write block YAML, strings in double quotes."""
    pad = "  " * depth
    if isinstance(tree, dict) and tree:
        rows = (f"{pad}{k}:{inner(v, depth)}" for k, v in tree.items())
        return "\n".join(rows)
    if isinstance(tree, list) and tree:
        return "\n".join(f"{pad}-{inner(v, depth)}" for v in tree)
    return pad + quoted(tree)


def quoted(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, ensure_ascii=False)


def inner(value: Any, depth: int) -> str:  # noqa: ANN401
    nested = isinstance(value, dict | list) and value
    return "\n" + block(value, depth + 1) if nested else " " + quoted(value)


@given(NAMED.map(numbered))
def test_block_yaml_keeps_its_places(tree: Any) -> None:  # noqa: ANN401
    text = f"# a comment\n\n{block(tree)}\n"

    document = read(text, "x", "yaml")

    assert document.data == tree
    check_places(text, document, tree)


def toml(tree: dict[str, Any], draw: Any, path: str = "") -> str:  # noqa: ANN401
    """Write TOML in one of its many ways: tables, arrays of tables, inline, dotted."""
    plain, tables = [], []
    for key, value in tree.items():
        shown = draw(st.sampled_from([key, f'"{key}"', f"'{key}'"]))
        rows = (
            isinstance(value, list)
            and value
            and all(isinstance(v, dict) for v in value)
        )
        if isinstance(value, dict) and draw(st.booleans()):
            tables.append(
                f"[{path}{shown}]  # [x]\n{toml(value, draw, f'{path}{key}.')}"
            )
        elif rows and draw(st.booleans()):
            parts = (
                f"[[ {path}{key} ]]\n{toml(v, draw, f'{path}{key}.')}" for v in value
            )
            tables.append("".join(parts))
        else:
            plain.append(f"{shown} = {value_text(value, draw)} # {{\n")
    return "".join(plain + tables)


def value_text(value: Any, draw: Any) -> str:  # noqa: ANN401
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{k} = {value_text(v, draw)}" for k, v in value.items())
            + "}"
        )
    if isinstance(value, list):
        gap = str(draw(st.sampled_from([", ", ",\n  # ],\n", " ,\n"])))
        return "[" + gap.join(value_text(v, draw) for v in value) + "]"
    if isinstance(value, str):
        return string_text(value, draw)
    return quoted(value)


def string_text(value: str, draw: Any) -> str:  # noqa: ANN401
    text = quoted(value)
    ways = [text, f'""{text}""', f'""{text[0]}\\\n  {text[1:]}""']
    if "'" not in value and "\n" not in value:
        ways += [f"'{value}'", f"'''{value}'''", f"'''\n{value}'''"]
    return str(draw(st.sampled_from(ways)))


@given(NAMED.map(numbered), st.data())
def test_toml_keeps_its_places(tree: Any, data: st.DataObject) -> None:  # noqa: ANN401
    text = toml(tree, data.draw)

    document = read(text, "x", "toml")

    assert document.data == tomllib.loads(text)
    check_places(text, document, document.data)


def test_toml_dotted_keys_and_tables_below_arrays() -> None:
    text = """\
a.b.c = 1
a.b.d = 2
[[rows]]
x = 1
[rows.deep]
y = 2
[[rows]]
[rows.deep]
y = 3
[[rows.more]]
z = 4
[[rows.more]]
"z.z" = 5
"""
    document = read(text, "f", "toml")

    places = {
        ("a", "b", "d"): "f:2",
        ("rows", 0, "deep", "y"): "f:6",
        ("rows", 1, "deep"): "f:8",
        ("rows", 1, "deep", "y"): "f:9",
        ("rows", 1, "more", 0, "z"): "f:11",
        ("rows", 1, "more", 1): "f:12",
        ("rows", 1, "more", 1, "z.z"): "f:13",
        ("rows", 1, "nowhere"): "f:7",
    }
    assert {path: document.place(path) for path in places} == places


YAML_SCALARS = {
    "no stays text": ("no", "no"),
    "on stays text": ("on", "on"),
    "underscores stay text": ("1_000", "1_000"),
    "leading zeros stay text": ("012", "012"),
    "sexagesimals stay text": ("1:30", "1:30"),
    "dates stay text": ("2024-05-01", "2024-05-01"),
    "hexadecimals stay text": ("0x1F", "0x1F"),
    "true is true": ("true", True),
    "a word in quotes is text": ("'true'", "true"),
    "a number in quotes is text": ('"5"', "5"),
    "a tag makes text": ("!!str 5", "5"),
    "null is nothing": ("~", None),
    "an empty value is nothing": ("", None),
    "a float may lack its fraction": ("10.", 10.0),
    "an exponent makes a float": ("1e3", 1000.0),
    "signs are numbers": ("-5", -5),
}


@pytest.mark.parametrize(("text", "value"), YAML_SCALARS.values(), ids=YAML_SCALARS)
def test_yaml_scalars(text: str, value: object) -> None:
    found = read(f"a: {text}\n", "x", "yaml").data["a"]

    assert (found, type(found)) == (value, type(value))


def test_yaml_merges_mappings_and_keeps_their_places() -> None:
    text = """\
x-one: &one {a: 1, b: 1}
x-two: &two
  b: 2
  c: 2
all:
  <<: [*one, *two]
  a: 0
"""
    document = read(text, "f", "yaml")

    assert document.data["all"] == {"a": 0, "b": 1, "c": 2}
    assert document.place(("all", "a")) == "f:7"
    assert document.place(("all", "c")) == "f:4"


def test_a_long_chain_of_aliases_cannot_nest_without_end() -> None:
    rows = [f"x{i}: &x{i} [[[[*x{i - 1}]]]]" for i in range(1, 40)]
    text = "\n".join(["x0: &x0 []", *rows])

    with pytest.raises(ConfigError, match="levels of nesting"):
        read(text, "f", "yaml")


GUESSES = {
    "JSON": ('\n {"metrics": []}', "json"),
    "empty JSON": ("{}", "json"),
    "YAML": ("# x\nmetrics:\n- a", "yaml"),
    "YAML in flow style": ("{metrics: []}", "yaml"),
    "a YAML list": ("[a, b]", "yaml"),
    "TOML with a table": ("# x\n[report]\nevery = '10s'", "toml"),
    "TOML with an array of tables": ("[[metrics]]", "toml"),
    "TOML with a key": ("version = 1", "toml"),
    "nothing": ("", "yaml"),
}


@pytest.mark.parametrize(("text", "syntax"), GUESSES.values(), ids=GUESSES)
def test_guess(text: str, syntax: str) -> None:
    assert guess(text) == syntax


@pytest.mark.parametrize("text", ["", "\ufeff{}", "# nothing\n", "---\n"])
def test_an_empty_document_is_a_configuration(text: str) -> None:
    assert parse(text) == parse("{}")


@given(st.text(max_size=80), st.sampled_from(["yaml", "json", "toml"]))
def test_any_text_is_a_configuration_or_a_letter(text: str, syntax: str) -> None:
    said = letter(text, syntax)

    assert said == "" or said.startswith("f")


def letter(text: str, syntax: str) -> str:
    try:
        parse(text, "f", syntax, environ={})
    except ConfigError as error:
        return str(error)
    return ""
