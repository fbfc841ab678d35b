"""The build hook: compiles the library in C where there is a C compiler, else does without."""

import ctypes
import os
import shlex
import shutil
import subprocess
import tempfile
import zlib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.builders.wheel import WheelBuilderConfig
from packaging.tags import platform_tags

FOLDER = "src/tocsin/native"
LIBRARY = "_native.so"
COMPILERS = ("cc", "gcc", "clang")
FLAGS = (
    "-O2", "-std=c99", "-shared", "-fPIC", "-fstack-protector-strong", "-Wall", "-Wextra",
)  # fmt: skip
PATIENCE = 120.0
"""Seconds after which a compiler counts as hanging."""


class NotCompiledError(Exception):
    """The library was not compiled, and why."""


class NativeBuildHook(BuildHookInterface[WheelBuilderConfig]):
    """Puts the compiled library beside its sources and into the wheel, if it can."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Compile, and tag the wheel for this platform; or leave it pure Python."""
        try:
            compile_in(Path(self.root, FOLDER))
        except NotCompiledError as reason:
            self.clean([])  # one of another source would not be noticed
            self.app.display_warning(f"Without the compiled library: {reason}")
            return
        build_data["artifacts"].append(f"/{FOLDER}/{LIBRARY}")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform_tag()}"  # an editable one has `any`

    def clean(self, versions: list[str]) -> None:  # noqa: ARG002
        """Remove the compiled library."""
        Path(self.root, FOLDER, LIBRARY).unlink(missing_ok=True)


def compile_in(folder: Path) -> None:
    """Compile the library in its folder, which has a whole library or the one before."""
    if os.environ.get("TOCSIN_PURE", "0") not in {"", "0"}:
        raise NotCompiledError("TOCSIN_PURE is set")
    try:
        compiler = found_compiler()
        with tempfile.TemporaryDirectory(prefix=f"{LIBRARY}.", dir=folder) as beside:
            checksum = f"-DTOCSIN_SOURCE={checksum_of(folder)}u"
            sources = [f"../{path.name}" for path in sorted(folder.glob("*.c"))]
            command = [*compiler, *FLAGS, checksum, "-o", LIBRARY, *sources]
            run(command, cwd=beside)
            made = Path(beside, LIBRARY)
            ctypes.CDLL(str(made))  # a cross compiler's would be of no use here
            made.replace(folder / LIBRARY)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NotCompiledError(str(error)) from error


def checksum_of(folder: Path) -> int:
    """Return the checksum of the sources: the library is used only with those."""
    found = 0
    for source in sorted(folder.glob("*.[ch]")):
        found = zlib.crc32(source.read_bytes(), found)
    return found


def found_compiler() -> list[str]:
    """Return the command of $CC, or else of a compiler on the PATH."""
    if named := shlex.split(os.environ.get("CC", "")):
        return named
    for name in COMPILERS:
        if path := shutil.which(name):
            return [path]
    raise NotCompiledError("there is no C compiler")


def run(command: list[str], *, cwd: str) -> None:
    """Run the compiler; what it said is the reason when it fails."""
    result = subprocess.run(  # noqa: S603 - the user's own compiler
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=PATIENCE,
        check=False,
    )
    if result.returncode:
        raise NotCompiledError(f"{shlex.join(command)} failed\n{result.stdout}")


def platform_tag() -> str:
    """Return the platform's tag, of what runs here and is not promised elsewhere."""
    return next(
        tag for tag in platform_tags() if not tag.startswith(("manylinux", "musllinux"))
    )
