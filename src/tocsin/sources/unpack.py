"""Compressed bytes, expanded piece by piece in bounded memory: gzip, bzip2, xz, zstd."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from tocsin.model.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKED: Final = (".gz", ".bz2", ".xz", ".zst")
"""How the names of files end that are compressed in a way we know."""
_GZIP: Final = 31
"""What zlib calls a window of 32 KiB inside a gzip member."""
_MOST_MEMORY: Final = 192 << 20
"""What an `.xz` may ask for to be expanded: `xz -9` asks for 65 MiB."""


class DamagedError(Exception):
    """The bytes are no compressed bytes, or not whole."""


class Unpacker(Protocol):
    """Expands one member of an archive: there may be more of them behind it."""

    @property
    def ended(self) -> bool:
        """Whether the member's end was reached."""
        ...

    def expand(self, packed: bytes, most: int) -> tuple[bytes, bytes]:
        """Return at most `most` bytes, and what of `packed` it did not take in.

        Raises:
            DamagedError: These bytes cannot be expanded.
        """
        ...


class _Gzip:
    def __init__(self) -> None:
        self._made = zlib.decompressobj(_GZIP)

    @property
    def ended(self) -> bool:
        return self._made.eof

    def expand(self, packed: bytes, most: int) -> tuple[bytes, bytes]:
        try:
            piece = self._made.decompress(packed, most)
        except zlib.error as error:
            raise DamagedError(str(error)) from error
        return piece, self._made.unconsumed_tail or self._made.unused_data


class _Standard:
    """What bzip2, xz and zstd have in common: one shape of decompressor."""

    def __init__(self, made: Any, errors: tuple[type[Exception], ...]) -> None:  # noqa: ANN401
        self._made = made
        self._errors = errors

    @property
    def ended(self) -> bool:
        return bool(self._made.eof)

    def expand(self, packed: bytes, most: int) -> tuple[bytes, bytes]:
        wants = self._made.needs_input
        if wants and not packed:
            return b"", b""
        try:  # what it is given before it asks, it would hold in memory
            piece = self._made.decompress(packed if wants else b"", most)
        except self._errors as error:
            raise DamagedError(str(error)) from error
        rest = self._made.unused_data if self._made.eof else b""
        return piece, rest if wants else rest + packed


def _bzip2() -> Unpacker:
    return _Standard(bz2.BZ2Decompressor(), (OSError,))


def _xz() -> Unpacker:
    made = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_MEMORY)
    return _Standard(made, (lzma.LZMAError,))


def _zstd() -> Unpacker:
    # Its own default bounds the memory: windows of up to 128 MiB.
    module = zstd_module()
    return _Standard(module.ZstdDecompressor(), (module.ZstdError,))


def zstd_module() -> Any:  # noqa: ANN401 - one of two modules with one shape
    """Return what reads zstd: the standard library from Python 3.14 on.

    Raises:
        SourceError: It is not installed.
    """
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd  # noqa: PLC0415 - a rare need
        else:
            from backports import zstd  # noqa: PLC0415
    except ImportError as error:
        text = "to read .zst files, install backports.zstd (pip install backports.zstd)"
        raise SourceError(text) from error
    return zstd


_KINDS: Final[dict[str, Callable[[], Unpacker]]] = {
    ".gz": _Gzip,
    ".bz2": _bzip2,
    ".xz": _xz,
    ".zst": _zstd,
}


def kind_of(name: str) -> str:
    """Return how a file is compressed, by the end of its name; "" if it is not."""
    return next((kind for kind in PACKED if name.endswith(kind)), "")


def unpacked(name: str) -> str:
    """Return the name that a file had before it was compressed."""
    kind = kind_of(name)
    return name.removesuffix(kind) if kind and name != kind else name


def unpacker(kind: str) -> Unpacker:
    """Return what expands one member of an archive of some kind.

    Raises:
        SourceError: Nothing is installed that could.
    """
    return _KINDS[kind]()
