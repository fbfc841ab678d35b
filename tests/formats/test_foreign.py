"""A format of others cannot break what is not its own: its lines are refused, and say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from msgspec.structs import replace

from tocsin import formats
from tocsin.formats.explaining import Explained, explain
from tocsin.model.batch import TIME, EventBatch, Tally
from tocsin.model.errors import UsageError
from tocsin.model.message import Field, FieldType, MessageType

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tocsin.formats.options import FormatOptions

BLOCK = b"1|ann\n2|bob\n\nsoon|cy\n"
FIELDS = {"user": None}


class Bars:
    """A format of `seconds|user`."""

    name = format = "bars"
    about = "seconds|user"
    samples: Mapping[bytes, Any] = {}
    message = MessageType("bars", (Field("time", FieldType.TIME), Field("user")))

    def open(self, head: bytes) -> Any:  # noqa: ANN401, ARG002
        return self

    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401, ARG002
        rows = [line.split("|") for line in block.decode().split("\n")[:-1]]
        good = [
            {"time": int(row[0]) * 1_000_000, "user": row[1]}
            for row in rows
            if row[0].isdigit()
        ]
        frame = pl.DataFrame(good, schema={"time": pl.Int64, "user": pl.String})
        frame = frame.with_columns(pl.col("time").cast(TIME))
        blank = sum(row == [""] for row in rows)
        bad = len(rows) - len(good) - blank
        return EventBatch(frame, Tally(len(rows), len(good), 0, blank, bad))


class Told(Bars):
    """It wants the options."""

    def __init__(self, options: FormatOptions) -> None:
        self.about = options.timezone


class Raises(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401, ARG002
        raise RuntimeError(f"no more\n  of {len(block)}")


class Leaves(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401, ARG002
        raise SystemExit(3)


class Lists(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401
        return [block, fields]


class Forgets(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401
        made = super().parse(block, fields)
        return replace(made, frame=made.frame.drop("user"))


class Writes(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401
        made = super().parse(block, fields)
        return replace(made, frame=made.frame.with_columns(pl.col("time").cast(str)))


class Timeless(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401
        made = super().parse(block, fields)
        return replace(made, frame=made.frame.with_columns(time=pl.lit(None, TIME)))


class Miscounts(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401
        made = super().parse(block, fields)
        return replace(made, tally=replace(made.tally, lines=9))


class Swells(Bars):
    def parse(self, block: bytes, fields: Mapping[str, Any]) -> Any:  # noqa: ANN401
        made = super().parse(block, fields)
        return replace(made, tally=replace(made.tally, events=9))


class Empties(Bars):
    def open(self, head: bytes) -> Any:  # noqa: ANN401, ARG002
        return None


class Shuts(Bars):
    def open(self, head: bytes) -> Any:  # noqa: ANN401
        raise ValueError(head.decode())


def got(kind: str, **options: Any) -> Any:  # noqa: ANN401
    return formats.get(f"{__name__}.{kind}", **options)


@pytest.mark.parametrize("kind", ["Bars", "Told"])
def test_a_format_that_is_right_reads_its_lines(kind: str) -> None:
    made = got(kind, timezone="Europe/Paris")
    assert made.about == ("seconds|user" if kind == "Bars" else "Europe/Paris")
    batch = made.open(b"").parse(BLOCK, FIELDS)
    assert batch.frame["user"].to_list() == ["ann", "bob"]
    assert batch.tally == Tally(4, 2, 0, 1, 1)


def test_texts_are_read_as_the_types_that_are_asked_for() -> None:
    block = b"1|7\n2|many\n"
    batch = got("Bars").open(b"").parse(block, {"user": FieldType.INT})
    assert batch.frame["user"].to_list() == [7, None]


def test_a_field_that_its_lines_never_have_is_null() -> None:
    batch = (
        got("Bars").open(b"").parse(BLOCK, {"section": None, "status": FieldType.INT})
    )
    assert batch.frame["section"].to_list() == [None, None]
    assert batch.frame["status"].dtype == pl.Int64


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Raises", "parse: RuntimeError: no more of 21 (test_foreign.py, line "),
        ("Leaves", "parse: SystemExit: 3 (test_foreign.py, line "),
        ("Lists", "parse: TypeError: it returned a list, not an EventBatch"),
        ("Forgets", "its frame has no column 'user', which was asked for"),
        ("Writes", "the column 'time' is String, not Datetime"),
        ("Timeless", "2 of its events have no time"),
        ("Miscounts", "it accounts for 4 of 9 lines, of a block of 4"),
        ("Swells", "its frame has 2 rows for 9 events"),
        ("Empties", "open: it returned a NoneType, which has no 'format'"),
        ("Shuts", "open: ValueError: 1|ann (test_foreign.py, line "),
    ],
)
def test_what_it_does_wrong_costs_its_lines_and_is_named(kind: str, said: str) -> None:
    batch = got(kind).open(b"1|ann").parse(BLOCK, FIELDS)
    assert batch.tally == Tally(4, 0, 0, 1, 3)
    assert batch.frame.columns == ["time", "user"]
    reason = batch.rejected[0].reason
    assert reason.startswith(f"the format '{__name__}.{kind}' failed: ")
    assert said in reason


class Halved:
    """It has no `open`."""

    name = about = "halved"
    samples: Mapping[bytes, Any] = {}


class Broken(Bars):
    def __init__(self) -> None:
        raise ValueError("not today")


class Worded(Bars):
    message = "user"  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("Halved", "has no 'open'.*a format has name, about, samples, open"),
        ("Broken", r"cannot be made: ValueError: not today \(test_foreign.py, line"),
        ("Worded", "cannot be made: TypeError: message is a str, not a MessageType"),
        ("Nobody", "cannot be loaded: module .* has no attribute 'Nobody'"),
    ],
)
def test_one_that_cannot_be_made_is_a_letter(kind: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"(?s){said}"):
        got(kind)


def test_a_line_is_explained_though_nothing_is_said_of_why() -> None:
    codec = got("Bars").open(b"")
    assert explain(codec, b"soon|cy") == Explained(
        "refused", reason="bars does not say why"
    )
    assert explain(codec, b"") == Explained("skipped")
