"""Every format proves itself by its samples, and the page prints the same lines."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tocsin import formats
from tocsin.formats import page
from tocsin.formats.options import FormatOptions
from tocsin.model.errors import UsageError
from tocsin.model.message import Field, FieldType, MessageType

ROOT = Path(__file__).parents[2]
SAMPLES = [
    pytest.param(name, sample, fields, id=f"{name} {number}")
    for name in formats.names()
    for number, (sample, fields) in enumerate(formats.get(name).samples.items())
]


def parsed(value: object) -> object:
    """Read an expected time as the samples write it."""
    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)
    return value


@pytest.mark.parametrize(("name", "sample", "fields"), SAMPLES)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"], ids=["open", "newline", "CR"])
def test_a_sample_comes_to_what_it_says(
    name: str, sample: bytes, fields: Mapping[str, Any] | None, end: bytes
) -> None:
    batch = (
        formats.get(name, reference=page.REFERENCE)
        .open(sample)
        .parse(sample + end, dict.fromkeys(fields or {}))
    )
    assert batch.tally.lines == batch.tally.skipped + 1
    if fields is None:
        assert batch.tally.parse_errors == 1
        assert batch.rejected[0].reason
        assert batch.rejected[0].text == sample.split(b"\n")[-1].decode()
    else:
        [row] = batch.frame.to_dicts()
        assert {key: row[key] for key in fields} == {
            key: parsed(value) for key, value in fields.items()
        }


@pytest.mark.parametrize("name", formats.names())
def test_every_format_has_samples_of_both_kinds(name: str) -> None:
    made = formats.get(name)
    assert made.name == name
    assert made.about
    assert None in made.samples.values()
    assert any(made.samples.values())


@pytest.mark.parametrize("name", formats.names())
def test_a_message_type_always_has_a_time(name: str) -> None:
    time = formats.message_type(name).find("time")
    assert time is not None
    assert time.type is FieldType.TIME


def test_names_and_message_types_load_no_columns() -> None:
    code = (
        "import sys; from tocsin import formats;"
        "[formats.message_type(name) for name in formats.names()];"
        "sys.exit('polars' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "src")


def test_the_page_prints_the_samples() -> None:
    written = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    assert written == page.page(), (
        "run: python -m tocsin.formats.page > docs/formats.md"
    )
    for name in formats.names():
        for sample in formats.get(name).samples:
            assert sample.decode() in written


@pytest.mark.parametrize(
    ("options", "words"),
    [
        pytest.param({"timezone": "Mars/Olympus"}, "time zone", id="no such zone"),
        pytest.param({"timezone": "../etc/passwd"}, "time zone", id="a path as a zone"),
        pytest.param({"timezone": ""}, "time zone", id="an empty zone"),
        pytest.param({"delimiter": "::"}, "delimiter", id="two delimiters"),
        pytest.param({"delimiter": '"'}, "delimiter", id="a quote as delimiter"),
        pytest.param({"columns": ("a", "a")}, "same name", id="a name twice"),
    ],
)
def test_an_option_that_cannot_work_is_refused(
    options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        formats.get("csv", **options)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"no format 'nope'.*combined.*csv"):
        formats.get("nope")


class Shouted:
    """A format of somebody else: the first word of a line, loudly; all at one time."""

    def __init__(self, options: FormatOptions) -> None:
        self.options = options
        self.name = "shouted"


def test_a_format_is_found_by_dotted_path() -> None:
    for path in ("tocsin.formats.common:Common", "tocsin.formats.common.Common"):
        assert formats.get(path, timezone="UTC").name == "common"
    for path in ("tocsin.formats.common:Nope", "no.such.module:X", "tocsin.formats."):
        with pytest.raises(UsageError, match="cannot be loaded"):
            formats.get(path)


def test_a_format_that_says_nothing_of_its_fields_is_open() -> None:
    made: Any = Shouted(FormatOptions())
    expected = MessageType("shouted", (Field("time", FieldType.TIME),), open=True)
    assert formats.message_of(made) == expected


def test_a_format_of_another_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loud.py").write_text(
        "class Loud:\n    name, about, samples = 'loud', 'words', {}\n"
        "    def __init__(self, options): pass\n    def open(self, head): pass\n"
    )
    dist = tmp_path / "loud-1.dist-info"
    dist.mkdir()
    (dist / "METADATA").write_text("Metadata-Version: 2.1\nName: loud\nVersion: 1\n")
    (dist / "entry_points.txt").write_text("[tocsin.formats]\nloud = loud:Loud\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert formats.get("loud").name == "loud"


def test_a_field_can_be_had_as_another_type() -> None:
    line = (
        b'{"time":1549573861,"n":"12","x":"1.5","b":"True","s":7,"when":1549573861}\n'
    )
    wanted = {
        "n": FieldType.INT,
        "x": FieldType.FLOAT,
        "b": FieldType.BOOL,
        "s": FieldType.STRING,
        "when": FieldType.TIME,
        "time": FieldType.TIME,
        "line": None,
        "absent": FieldType.BYTES,
    }
    batch = formats.get("json").open(line).parse(line, wanted)
    moment = datetime(2019, 2, 7, 21, 11, 1, tzinfo=UTC)
    assert batch.frame.to_dicts() == [
        {
            "time": moment, "n": 12, "x": 1.5, "b": True, "s": "7", "when": moment,
            "line": line.decode().rstrip(), "absent": None,
        }
    ]  # fmt: skip
    assert batch.frame.schema["absent"] == pl.Int64
