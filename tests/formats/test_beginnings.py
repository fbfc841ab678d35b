"""A block may begin with any line, those that look like compressed data among them."""

from collections.abc import Mapping
from typing import Any

import pytest

from tocsin import formats
from tocsin.formats import page
from tocsin.model.batch import EventBatch

SAMPLES = [
    pytest.param(name, sample, fields, id=f"{name} {number}")
    for name in formats.names()
    for number, (sample, fields) in enumerate(formats.get(name).samples.items())
]
BEGINNINGS = [b"x^", b"x\x01", b"x\x9c", b"x\xda", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]


def read(name: str, head: bytes, block: bytes, fields: list[str]) -> EventBatch:
    made = formats.get(name, reference=page.REFERENCE).open(head)
    return made.parse(block, dict.fromkeys(fields))


@pytest.mark.parametrize(("name", "sample", "fields"), SAMPLES)
@pytest.mark.parametrize("beginning", BEGINNINGS, ids=ascii)
def test_a_block_begins_like_compressed_data(
    name: str, sample: bytes, fields: Mapping[str, Any] | None, beginning: bytes
) -> None:
    """Its first line is read as it is, and so are the others."""
    asked = list(fields or {})
    first = beginning + sample.split(b"\n")[-1]
    found = read(name, sample, first + b"\n" + sample + b"\n", asked)
    middle = read(name, sample, sample + b"\n" + first + b"\n", asked)
    count = sample.count(b"\n") + 2
    assert found.tally.lines == middle.tally.lines == count
    assert found.tally.parse_errors <= count
    whole = read(name, sample, b"\n" + first + b"\n" + sample + b"\n", asked)
    assert found.frame.rows() == whole.frame.rows()
    assert found.tally.events == whole.tally.events
    assert found.tally.parse_errors == whole.tally.parse_errors
