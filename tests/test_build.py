"""What an installation gets with a C compiler, and without: real wheels are built."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = (".gitignore", "LICENSE", "README.md", "hatch_build.py", "pyproject.toml")
LIBRARY = "src/tocsin/native/_native.so"
SOURCE = "src/tocsin/native/cutter.c"
PATIENCE = 120.0
EDITABLE = "import sys, hatchling.build; hatchling.build.build_editable(sys.argv[1])"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the build reads; a library of another time lies in it."""
    copy = tmp_path / "tree"
    made = shutil.ignore_patterns("__pycache__", "_native.so*")
    shutil.copytree(ROOT / "src", copy / "src", ignore=made)
    for name in NEEDED:
        shutil.copy(ROOT / name, copy / name)
    (copy / LIBRARY).write_bytes(b"of another time")
    return copy


@pytest.fixture
def compiler() -> None:
    """Skip the test where there is no compiler; but not where all must run."""
    named = os.environ.get("CC")
    if named or any(map(shutil.which, ("cc", "gcc", "clang"))):
        return
    reason = "there is no C compiler (Debian: gcc)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def python(tree: Path, *arguments: str | Path, **more: str) -> str:
    """Run Python in a folder; return all that it said."""
    unset = {"PYTHONPATH", "TOCSIN_PURE"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env=kept | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"} | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert result.returncode == 0, result.stdout[-2_000:]
    return result.stdout


def wheel(tree: Path, **more: str) -> tuple[Path, str]:
    """Build a wheel as `pip install .` does; return it and what was said."""
    out = tree.parent / "wheels"
    options = ["-v", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), "."]
    said = python(tree, "-m", "pip", "wheel", *options, **more)
    (made,) = out.iterdir()
    return made, said


def installed(made: Path) -> Path:
    """Install a wheel, and nothing else, into a folder of its own."""
    site = made.parent.parent / "site"
    options = ["--quiet", "--no-deps", "--target", str(site), str(made)]
    python(made.parent, "-m", "pip", "install", *options)
    shown = python(site, "-c", "import tocsin; print(tocsin.__file__)")
    assert Path(shown.strip()) == site / "tocsin" / "__init__.py"
    return site


def inside(made: Path) -> set[str]:
    with zipfile.ZipFile(made) as archive:
        return set(archive.namelist())


def metadata(made: Path) -> str:
    """What the wheel says of itself."""
    with zipfile.ZipFile(made) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/WHEEL")]
        return archive.read(name).decode()


def traces(tree: Path) -> list[str]:
    """What the build left beside the source."""
    return [path.name for path in (tree / SOURCE).parent.glob("_native*")]


@pytest.mark.usefixtures("compiler")
def test_with_a_compiler_the_wheel_has_the_library_and_is_of_this_platform(
    tree: Path,
) -> None:
    made, _ = wheel(tree)

    tags = re.fullmatch(r"tocsin-[^-]+-(py3-none-\w+)\.whl", made.name)
    assert tags is not None, made.name
    assert not tags[1].endswith("-any")
    assert "linux_" not in tags[1].replace("-linux_", ""), (
        "it is promised for here only"
    )
    assert "tocsin/native/_native.so" in inside(made)
    assert "Root-Is-Purelib: false" in metadata(made)
    assert traces(tree) == ["_native.so"]
    ctypes.CDLL(str(installed(made) / "tocsin" / "native" / "_native.so"))


def no_compiler(tree: Path) -> dict[str, str]:
    """A PATH of one empty folder."""
    (tree / "empty").mkdir()
    return {"PATH": str(tree / "empty"), "CC": ""}


def no_such_compiler(_: Path) -> dict[str, str]:
    return {"CC": "no-such-compiler -m32"}


def not_for_here(tree: Path) -> dict[str, str]:
    """A compiler that ends well, and what it made cannot be loaded."""
    compiler = tree / "cross-cc"
    compiler.write_text("#!/bin/sh\necho no library >_native.so\n")
    compiler.chmod(0o755)
    return {"CC": str(compiler)}


def goes_without(tree: Path, **more: str) -> tuple[Path, str]:
    """Build a wheel without the library; return it and what was said of that."""
    made, said = wheel(tree, **more)

    assert re.fullmatch(r"tocsin-[^-]+-py3-none-any\.whl", made.name), made.name
    assert "tocsin/formats/cut.py" in inside(made)
    assert not [name for name in inside(made) if "_native" in name]
    assert traces(tree) == [], "what another source gave is gone"
    before, found, reason = said.partition("Without the compiled library: ")
    assert found
    assert "Traceback" not in before + reason
    return made, reason


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (no_compiler, "there is no C compiler\n"),
        (no_such_compiler, "'no-such-compiler'\n"),
        (not_for_here, "_native.so"),
    ],
)
def test_without_a_compiler_the_wheel_is_for_everyone_and_one_line_says_why(
    world: Callable[[Path], dict[str, str]], reason: str, tree: Path
) -> None:
    _, said = goes_without(tree, **world(tree))
    (line, *_) = said.splitlines(keepends=True)
    assert reason in line


def test_a_wheel_that_is_wanted_without_the_library_is_installed_like_any_other(
    tree: Path,
) -> None:
    made, said = goes_without(tree, TOCSIN_PURE="1")
    assert said.startswith("TOCSIN_PURE is set\n")
    assert not [*installed(made).rglob("_native*")]


@pytest.mark.usefixtures("compiler")
def test_a_source_that_does_not_compile_is_gone_without_and_the_compiler_says_why(
    tree: Path,
) -> None:
    (tree / SOURCE).write_text('#error "moonlight on the river"\n')
    _, said = goes_without(tree)
    assert "moonlight on the river" in said


@pytest.mark.usefixtures("compiler")
def test_an_editable_build_leaves_the_library_beside_its_source(tree: Path) -> None:
    python(tree, "-c", EDITABLE, tree.parent)
    ctypes.CDLL(str(tree / LIBRARY))
    assert traces(tree) == ["_native.so"]

    python(tree, "-c", EDITABLE, tree.parent, TOCSIN_PURE="1")
    assert traces(tree) == []


def test_the_source_distribution_has_what_compiles_and_nothing_compiled(
    tree: Path,
) -> None:
    python(tree, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tree.parent))
    (made,) = tree.parent.glob("*.tar.gz")
    with tarfile.open(made) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"hatch_build.py", "pyproject.toml", SOURCE} <= names
    assert LIBRARY not in names
