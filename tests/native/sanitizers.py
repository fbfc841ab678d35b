"""Programs in C with the library in them, built with sanitizers: they end at the first fault."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
NATIVE = HERE.parents[1] / "src" / "tocsin" / "native"
FLAGS = (
    "-std=c99", "-g", "-O1",
    "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
)  # fmt: skip
PATIENCE = 120.0


def built(source: str, folder: Path) -> Path:
    """Build a program of this folder; skips the test where the compiler has no sanitizers."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return missing("there is no C compiler (Debian: gcc)")
    empty, made = folder / "empty.c", folder / "sanitized"
    empty.write_text("int main(void) { return 0; }\n", encoding="utf-8")
    if run(compiler, *FLAGS, "-o", made, empty) or run(made):
        return missing("the C compiler has no sanitizers (Debian: libasan, libubsan)")
    assert run(compiler, *FLAGS, f"-I{NATIVE}", "-o", made, HERE / source) == ""
    return made


def missing(reason: str) -> Path:
    """Skip the test; but not where all must run."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def run(*command: str | Path) -> str:
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
