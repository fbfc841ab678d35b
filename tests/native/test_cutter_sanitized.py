"""The compiled cutter under sanitizers: hostile lines lead it nowhere out of bounds.

`sanitized_cutter.c` has the cutter in it, and says what is held of each line.
"""

import os
import random
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("sanitized_cutter.c")
NATIVE = Path(__file__).parents[2] / "src" / "tocsin" / "native"
FLAGS = (
    "-std=c99", "-g", "-O1",
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
)  # fmt: skip
SEEDS = range(6)
LINES = 2_000
PATIENCE = 120.0

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
    """The cutter with sanitizers; skips where the compiler has none."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return missing("there is no C compiler (Debian: gcc)")
    folder = tmp_path_factory.mktemp("sanitized")
    empty, made = folder / "empty.c", folder / "sanitized"
    empty.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    if run(compiler, *FLAGS, "-o", str(made), str(empty)) or run(str(made)):
        return missing("the C compiler has no sanitizers (Debian: libasan, libubsan)")
    said = run(compiler, *FLAGS, f"-I{NATIVE}", "-o", str(made), str(SOURCE))
    assert said == ""
    return made


def missing(reason: str) -> Path:
    """Skip the test; but not where all must run."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str) -> str:
    """Run a program; return what it complained of, or of nothing the empty text."""
    result = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
        timeout=PATIENCE,
    )
    return f"{result.returncode}: {result.stdout}" if result.returncode else ""


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_lines_lead_the_cutter_nowhere_out_of_bounds(
    block: bytes, program: Path, tmp_path: Path
) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(block)
    assert run(str(program), str(log)) == ""
