"""Every way to get a configuration wrong, and the letter that answers it."""

from pathlib import Path

import pytest

from tocsin.config import FormatConfig, parse
from tocsin.model.errors import ConfigError
from tocsin.model.message import Field, FieldType, MessageType
from tocsin.views.check import message_of

BAD = Path(__file__).parent / "bad"
CASES = sorted(p for p in BAD.iterdir() if p.suffix != ".txt")
ACCESS = (
    Field("time", FieldType.TIME),
    Field("remote_addr", FieldType.IP),
    Field("method"),
    Field("path"),
    Field("section"),
    Field("status", FieldType.INT),
    Field("bytes", FieldType.BYTES),
)
TYPES = {
    "combined": MessageType("combined", ACCESS, {"remotehost": "remote_addr"}),
    "csv": MessageType("csv", (Field("time", FieldType.TIME),), open=True),
    "json": MessageType("json", (Field("time", FieldType.TIME),), open=True),
}


REAL = ("pattern", "log_format", "regex", "grok", "python", "syslog", "apache")
"""Formats whose fields, or errors, come from their compiler."""


def message_types(found: FormatConfig) -> MessageType | None:
    return message_of(found) if found.type in REAL else TYPES[found.type]


def problems(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(
            path.read_text(encoding="utf-8"),
            path.name,
            path.suffix[1:],
            message_types=message_types,
            environ={"PASSWORD": "hunter2"},
        )
    return f"{caught.value}\n"


@pytest.mark.parametrize("path", CASES, ids=[path.name for path in CASES])
def test_the_problems_of(path: Path) -> None:
    expected = path.with_name(f"{path.name}.txt")

    assert problems(path) == expected.read_text(encoding="utf-8")
