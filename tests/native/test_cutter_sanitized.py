"""The compiled cutter under sanitizers: hostile lines lead it nowhere out of bounds.

`sanitized_cutter.c` has the cutter in it, and says what is held of each line.
"""

import random
from pathlib import Path

import pytest
from tests.native.sanitizers import built, run

SEEDS = range(6)
LINES = 2_000

GOOD = [
    b'10.0.0.1 - - [07/Feb/2019:21:11:01 +0000] "GET /a/b HTTP/1.1" 200 5 "-" "x"',
    b'::1 - ann [29/Feb/2020:23:59:59 -1130] "POST /a?b=c" 404 - "http://x/" "y z" 0.1 z',
    b'h i u [31/Dec/9998:00:00:00 +2359] "M-SEARCH /\xc3\xa9 HTTP/2" 999 123456789012345678',
    b'h i u [01/Jan/0002:00:00:00 +0000] "\\"\\\\\\"" 100 0 "\\\\" "\\"" rest',
]
TOKENS = [
    b'"', b" ", b"\\", b'\\"', b'" "', b"\n", b"\n\n", b"\r", b"\0", b"\t", b"[", b"]", b"/",
    b"?", b".", b":", b"-", b"+", b"9" * 18, b"9" * 19, b"\xff", b"\xc3\xa9", b"\xef\xbb\xbf",
    b" HTTP/", b" HTTP/1.", b"GET ", b"\\" * 50, b'\\"' * 50, b'"' * 50, b" " * 50, b"x" * 300,
    b"07/Feb/2019:21:11:01 +0000", b"00/Feb", b"32/Dec", b"30/Feb", b"0000", b"9999", b":60",
]  # fmt: skip


def mutated(chance: random.Random) -> bytes:
    """Return a good line with a few things put in, cut out, overwritten or cut off."""
    line = bytearray(chance.choice(GOOD))
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(line) + 1)
        end = at + chance.choice([0, 0, 1, 1, 2, 5, len(line)])
        new = chance.choice([*TOKENS, b"", bytes([chance.randrange(256)])])
        line[at:end] = new
    return bytes(line)


def hostile(seed: int, lines: int) -> bytes:
    chance = random.Random(seed)  # noqa: S311 - seeded, no secrets
    return b"".join(mutated(chance) + b"\n" for _ in range(lines))


BLOCKS = {
    "nothing": b"",
    "an empty line": b"\n",
    "empty lines": b"\n" * 1_000,
    "every beginning of good lines": b"".join(
        line[:size] + b"\n" for line in GOOD for size in range(len(line) + 1)
    ),
    "every end of good lines": b"".join(
        line[size:] + b"\n" for line in GOOD for size in range(len(line) + 1)
    ),
    "many different texts": b"".join(
        b'%d %d %d [07/Feb/2019:21:11:01 +0000] "%d /%d" 200 5\n' % ((n,) * 5)
        for n in range(700)
    ),
} | {f"hostile lines of seed {seed}": hostile(seed, LINES) for seed in SEEDS}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cutter with sanitizers."""
    return built("sanitized_cutter.c", tmp_path_factory.mktemp("sanitized"))


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_lines_lead_the_cutter_nowhere_out_of_bounds(
    block: bytes, program: Path, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(block)
    assert run(program, log) == ""
