"""What no linter holds: the size of things, their names, and what start-up loads."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "tocsin"
CLOCK = PACKAGE / "runners" / "clock.py"
HEAVY = {
    "duckdb", "minijinja", "polars", "pydantic", "rich", "sqlglot", "textual", "yaml",
}  # fmt: skip
"""What `--help` must not wait for."""

MAX_FILE = 400
MAX_FUNCTION = 50
VAGUE = (
    "Base", "Handler", "Helper", "Impl", "Manager", "Processor", "Util", "Utils",
    "Wrapper",
)  # fmt: skip
ONLY_IN_RUNNERS = {"random", "secrets"}

# The brackets keep this file from finding itself.
ELSEWHERE = re.compile(
    r"(?<![\w.])/(?:wor[k]|roo[t]|opt/pyp[i])/"
    r"|(?<![\w.])/tm[p]/(?!access\.log)"
    r"|pypi\.or[g]|pythonhosted\.or[g]|npmjs\.or[g]|deb\.debian\.or[g]"
)
"""Paths of one machine and hosts of package registries."""


def files(folder: Path) -> Iterator[Path]:
    """Every file of the project below a folder, but not what tools made."""
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            hidden = path.name.startswith(".") and path.name != ".ci"
            if not hidden and path.name not in {"__pycache__", "dist"}:
                yield from files(path)
        elif path.suffix != ".pyc":
            yield path


SOURCES = [path for path in files(ROOT) if path.suffix == ".py"]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    assert function.end_lineno is not None
    lines = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    doc = function.body[0]
    assert doc.end_lineno is not None
    return lines - (doc.end_lineno - doc.lineno + 1)


def test_the_house_is_not_empty() -> None:
    assert PACKAGE / "__init__.py" in TREES
    assert Path(__file__) in TREES


def test_a_file_is_read_in_one_sitting() -> None:
    sizes = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in TREES}
    assert {name(path): n for path, n in sizes.items() if n > MAX_FILE} == {}


def test_a_function_fits_on_a_screen() -> None:
    long = {
        f"{name(path)}:{node.lineno} {node.name}": length(node)
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and length(node) > MAX_FUNCTION
    }
    assert long == {}


def test_a_class_is_named_for_what_it_is() -> None:
    vague = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name.endswith(VAGUE)
    ]
    assert vague == []


def test_every_room_and_module_says_what_it_is_for() -> None:
    rooms = [path for path in PACKAGE.iterdir() if any(path.glob("*.py"))]
    assert [name(room) for room in rooms if not (room / "__init__.py").is_file()] == []
    silent = [
        name(path)
        for path, tree in TREES.items()
        if path.is_relative_to(PACKAGE) and not ast.get_docstring(tree)
    ]
    assert silent == []


def imported(node: ast.AST) -> set[str]:
    """The top-level modules that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.split(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module.split(".")[0]}
    return set()


def reads_a_clock(node: ast.AST) -> bool:
    """Whether a node imports `time`, or names `datetime.now` and its like."""
    if "time" in imported(node):
        return True
    if not isinstance(node, ast.Attribute):
        return False
    owner = ast.unparse(node.value).split(".")[-1]
    return owner in {"datetime", "date"} and node.attr in {"now", "utcnow", "today"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import time", True),
        ("from time import monotonic", True),
        ("datetime.now(UTC)", True),
        ("datetime.datetime.utcnow()", True),
        ("from datetime import time", False),
        ("clock.now()", False),
    ],
)
def test_a_clock_is_known_when_seen(code: str, *, expected: bool) -> None:
    assert any(map(reads_a_clock, ast.walk(ast.parse(code)))) is expected


def test_only_one_module_reads_the_clock() -> None:
    readers = [
        f"{name(path)}:{node.lineno}"
        for path, tree in TREES.items()
        if path.is_relative_to(PACKAGE) and path != CLOCK
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt | ast.expr) and reads_a_clock(node)
    ]
    assert readers == []


def test_only_runners_draw_random_numbers() -> None:
    drawers = [
        f"{name(path)}:{node.lineno}"
        for path, tree in TREES.items()
        if path.is_relative_to(PACKAGE) and not path.is_relative_to(PACKAGE / "runners")
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and imported(node) & ONLY_IN_RUNNERS
    ]
    assert drawers == []


def test_nothing_names_the_machine_it_was_made_on() -> None:
    found = [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in files(ROOT)
        for number, line in enumerate(
            path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1
        )
        if ELSEWHERE.search(line)
    ]
    assert found == []


def loaded_by(code: str) -> set[str]:
    """The heavy libraries that a fresh Python has loaded after running `code`."""
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    modules = re.findall(r"^import time:.*\|\s*(\w+)", result.stderr, re.MULTILINE)
    assert "tocsin" in modules
    return HEAVY & set(modules)


def command(*args: str) -> str:
    """Python that runs `tocsin` with these arguments and passes over its exit."""
    return (
        "import sys, contextlib\n"
        "from tocsin.views.cli import main\n"
        f"sys.argv = {['tocsin', *args]!r}\n"
        "with contextlib.suppress(SystemExit): main()"
    )


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("import tocsin.views.cli", id="importing the command line"),
        pytest.param(command("--help"), id="tocsin --help"),
        pytest.param(command("--version"), id="tocsin --version"),
        pytest.param(command("watch", "--help"), id="tocsin watch --help"),
    ],
)
def test_help_waits_for_no_heavy_library(code: str) -> None:
    assert loaded_by(code) == set()


@pytest.mark.parametrize("room", ["config", "formats", "views"])
def test_importing_a_room_does_not_load_polars(room: str) -> None:
    assert "polars" not in loaded_by(f"import tocsin.{room}")


def test_check_does_not_load_polars(tmp_path: Path) -> None:
    config = tmp_path / "tocsin.json"
    config.write_text('{"metrics": [{"name": "hits", "period": "PT1M"}]}')
    assert not loaded_by(command("check", "-c", str(config))) & {"polars", "rich"}


def test_what_is_loaded_is_not_looked_through_for_garbage_at_the_end() -> None:
    code = (
        "import gc, sys, contextlib\n"
        "from tocsin.__main__ import main\n"
        "sys.argv = ['tocsin', '--version']\n"
        "with contextlib.suppress(SystemExit): main()\n"
        "assert gc.get_freeze_count() > 100 * len(gc.get_objects()), gc.get_freeze_count()"
    )
    assert loaded_by(code) == set()
