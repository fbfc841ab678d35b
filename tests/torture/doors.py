# ruff: noqa: ANN401 - what ctypes hands over has no type
"""Doors to the disk, below our program: each change of a file is told before it happens.

SQLite writes through a table of functions (its VFS), which is taken over here with
ctypes; what Python writes goes through `os`. Nothing of Tocsin is replaced. Only for
processes of their own, which a test starts.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, Final, NamedTuple, TypeAlias

Pointer: TypeAlias = "ctypes.c_void_p"
_CREATE: Final = 0x4
_NEW_NAMES: Final = 0x800 | 0x80000
"""Journals and logs: syncing a new one makes SQLite sync its folder too."""


class Step(NamedTuple):
    """One change of the disk: `write`, `truncate`, `sync`, `make`, `unlink`, `rename`.

    `at` is an offset or a size; `to` the new name, or "folder" where a `sync` or
    `unlink` is followed by a sync of the folder.
    """

    what: str
    path: str
    at: int = 0
    data: bytes = b""
    to: str = ""


Watch: TypeAlias = Callable[[Step], None]


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`: a version, then functions."""

    _fields_ = (
        ("version", ctypes.c_int),
        *((f"x{n}", ctypes.c_void_p) for n in range(18)),
    )


class _File(ctypes.Structure):
    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("delete", ctypes.c_void_p),
    )


_int, _void, _text = ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p
_file = ctypes.POINTER(_File)
_WRITE = ctypes.CFUNCTYPE(_int, _file, _void, _int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(_int, _file, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(_int, _file, _int)
# Names stay pointers: SQLite keeps them, and looks at what stands behind them.
_OPEN = ctypes.CFUNCTYPE(_int, _void, _void, _file, _int, _void)
_DELETE = ctypes.CFUNCTYPE(_int, _void, _void, _int)
_X_WRITE, _X_TRUNCATE, _X_SYNC = "x2", "x3", "x4"


class SqliteDoor:
    """Takes over the default VFS of this process's SQLite."""

    def __init__(self, watch: Watch) -> None:
        """Begin to watch. Raises AttributeError where SQLite cannot be reached."""
        library = ctypes.CDLL(_sqlite3.__file__)
        find = library.sqlite3_vfs_find
        find.restype, find.argtypes = ctypes.POINTER(_Vfs), (_text,)
        self._watch = watch
        self._vfs = find(None).contents
        self._open = _OPEN(self._vfs.open)
        self._delete = _DELETE(self._vfs.delete)
        self._kept: list[Any] = [_OPEN(self._opened), _DELETE(self._deleted)]
        self._vfs.open = ctypes.cast(self._kept[0], _void)
        self._vfs.delete = ctypes.cast(self._kept[1], _void)
        self._paths: dict[int, tuple[str, bool]] = {}
        self._tables: dict[int, _Methods] = {}

    def _opened(
        self, vfs: int, name: int | None, file: Any, flags: int, out: int
    ) -> int:
        path = _name(name)
        made = bool(flags & _CREATE) and not os.path.exists(path)  # noqa: PTH110
        if path and made:
            self._watch(Step("make", path))
        done = int(self._open(vfs, name, file, flags, out))
        if done == 0 and path and file.contents.methods:
            at = ctypes.addressof(file.contents)
            self._paths[at] = path, made and bool(flags & _NEW_NAMES)
            file.contents.methods = ctypes.pointer(self._table(file.contents.methods))
        return done

    def _deleted(self, vfs: int, name: int, folder: int) -> int:
        path = _name(name)
        if os.path.exists(path):  # noqa: PTH110
            self._watch(Step("unlink", path, to="folder" if folder else ""))
        return int(self._delete(vfs, name, folder))

    def _table(self, methods: Any) -> _Methods:
        """Return the functions of a file with ours before the three that change it."""
        at = ctypes.addressof(methods.contents)
        if at not in self._tables:
            ours = _Methods.from_buffer_copy(methods.contents)
            write = _WRITE(getattr(ours, _X_WRITE))
            truncate = _TRUNCATE(getattr(ours, _X_TRUNCATE))
            sync = _SYNC(getattr(ours, _X_SYNC))
            new = {
                _X_WRITE: _WRITE(partial(self._wrote, write)),
                _X_TRUNCATE: _TRUNCATE(partial(self._truncated, truncate)),
                _X_SYNC: _SYNC(partial(self._synced, sync)),
            }
            for name, function in new.items():
                self._kept.append(function)
                setattr(ours, name, ctypes.cast(function, _void))
            self._tables[at] = ours
        return self._tables[at]

    def _path(self, file: Any) -> tuple[str, bool]:
        return self._paths[ctypes.addressof(file.contents)]

    def _wrote(self, then: Any, file: Any, data: int, size: int, at: int) -> int:
        path, _ = self._path(file)
        self._watch(Step("write", path, at, ctypes.string_at(data, size)))
        return int(then(file, data, size, at))

    def _truncated(self, then: Any, file: Any, size: int) -> int:
        path, _ = self._path(file)
        self._watch(Step("truncate", path, size))
        return int(then(file, size))

    def _synced(self, then: Any, file: Any, flags: int) -> int:
        path, new = self._path(file)
        self._watch(Step("sync", path, to="folder" if new else ""))
        self._paths[ctypes.addressof(file.contents)] = path, False
        return int(then(file, flags))


def _name(at: int | None) -> str:
    return os.fsdecode(ctypes.string_at(at)) if at else ""


class PythonDoor:
    """Stands before the functions of `os` that change files.

    What is written at the end of a file, and to pipes, has 0 for its place.
    """

    def __init__(self, watch: Watch) -> None:
        """Begin to watch."""
        self._watch = watch
        self._paths: dict[int, str] = {}
        self._before("write", lambda fd, data: Step("write", self._of(fd), 0, data))
        self._before("pwrite", lambda f, d, at: Step("write", self._of(f), at, d))
        self._before("fsync", lambda fd: Step("sync", self._of(fd)))
        self._before("ftruncate", lambda fd, n: Step("truncate", self._of(fd), n))
        self._before("unlink", lambda path, **_: Step("unlink", str(path)))
        self._before("link", lambda a, b, **_: Step("link", str(a), to=str(b)))
        self._before("rename", lambda a, b: Step("rename", str(a), to=str(b)))
        self._before("replace", lambda a, b: Step("rename", str(a), to=str(b)))
        self._open()

    def _of(self, fd: int) -> str:
        return self._paths.get(fd, f"<{fd}>")

    def _before(self, name: str, told: Callable[..., Step]) -> None:
        real = getattr(os, name)

        @wraps(real)
        def function(*args: Any, **kwargs: Any) -> Any:
            self._watch(told(*args, **kwargs))
            return real(*args, **kwargs)

        setattr(os, name, function)

    def _open(self) -> None:
        real = os.open

        @wraps(real)
        def function(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            name = os.fsdecode(path)
            if flags & os.O_CREAT and not os.path.exists(name):  # noqa: PTH110
                self._watch(Step("make", name))
            if flags & os.O_TRUNC and os.path.exists(name):  # noqa: PTH110
                self._watch(Step("truncate", name, 0))
            fd = real(path, flags, *args, **kwargs)
            self._paths[fd] = name
            return fd

        os.open = function


def watch_all(watch: Watch) -> tuple[SqliteDoor, PythonDoor]:
    """Watch both; what is returned must be kept for as long as the process lives."""
    return SqliteDoor(watch), PythonDoor(watch)
