"""SQLite's own file access with a recorder in between: every write, truncation, sync and deletion, in order.

A power cut may take back whatever was written after a file's last sync; with the record, each moment of such a cut can
be made again. Plain ctypes, in a process of its own: the product's code opens its database as ever.
"""

import _sqlite3
import ctypes
import os
import struct
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, sizeof, string_at
from pathlib import Path
from typing import Any

WRITE, TRUNCATE, SYNC, DELETE, ACKNOWLEDGED = range(5)
HEAD = struct.Struct("<BBqI")  # what, which file, where or how long or which number, length of the data
FILES = ("toru.db", "toru.db-wal")


class IoMethods(Structure):
    """sqlite3_io_methods, version 3."""

    _fields_ = [
        ("version", c_int),
        *(
            (name, c_void_p)
            for name in (
                *("close", "read", "write", "truncate", "sync", "file_size", "lock", "unlock", "check_reserved_lock"),
                *("file_control", "sector_size", "device_characteristics"),
                *("shm_map", "shm_lock", "shm_barrier", "shm_unmap", "fetch", "unfetch"),
            )
        ),
    ]


class Vfs(Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = [
        ("version", c_int),
        ("file_size", c_int),
        ("longest_path", c_int),
        ("next", c_void_p),
        ("name", c_char_p),
        ("data", c_void_p),
        *(
            (name, c_void_p)
            for name in (
                *("open", "delete", "access", "full_path", "dl_open", "dl_error", "dl_sym", "dl_close"),
                *("randomness", "sleep", "time", "last_error", "time64", "set_call", "get_call", "next_call"),
            )
        ),
    ]


OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
REMOVE = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
PUT = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
CUT = CFUNCTYPE(c_int, c_void_p, c_int64)
FLUSH = CFUNCTYPE(c_int, c_void_p, c_int)


def can_record() -> bool:
    """Whether this Python's SQLite can be reached from outside of it."""
    try:
        return bool(_library().sqlite3_vfs_find)
    except (AttributeError, OSError):
        return False


def _library() -> Any:
    return ctypes.CDLL(getattr(_sqlite3, "__file__", None))


class Recorder:
    """Stands between SQLite and the disk from its making on, for every database that is opened after it."""

    def __init__(self, record: Path) -> None:
        self._record = os.open(record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kept: list[Any] = []  # what SQLite holds pointers to
        library = _library()
        library.sqlite3_vfs_find.restype = POINTER(Vfs)
        plain = library.sqlite3_vfs_find(None).contents
        ours = Vfs.from_buffer_copy(plain)
        self._open, self._delete = OPEN(plain.open), REMOVE(plain.delete)
        ours.name = b"recorded"
        ours.open, ours.delete = self._pointer(OPEN(self._opened)), self._pointer(REMOVE(self._deleted))
        self._kept.append(ours)
        if library.sqlite3_vfs_register(ctypes.byref(ours), 1) != 0:
            raise OSError("SQLite does not take another way to its files")

    def acknowledged(self, number: int) -> None:
        """Notes that a write was answered as durable."""
        self._note(ACKNOWLEDGED, 0, number)

    def _note(self, what: int, file: int, number: int, data: bytes = b"") -> None:
        os.write(self._record, HEAD.pack(what, file, number, len(data)) + data)

    def _pointer(self, function: Any) -> int:
        self._kept.append(function)
        address: int = ctypes.cast(function, c_void_p).value or 0
        return address

    def _opened(self, vfs: int, name: int, file: int, flags: int, out: int) -> int:
        code: int = self._open(vfs, name, file, flags, out)
        named = os.path.basename(string_at(name)).decode() if name else ""
        if code == 0 and named in FILES:
            self._come_between(file, FILES.index(named))
        return code

    def _come_between(self, file: int, number: int) -> None:
        methods = c_void_p.from_address(file)
        plain = IoMethods.from_address(methods.value or 0)
        ours = IoMethods()
        ctypes.memmove(ctypes.byref(ours), ctypes.byref(plain), sizeof(IoMethods))
        put, cut, flush = PUT(plain.write), CUT(plain.truncate), FLUSH(plain.sync)

        def write(handle: int, data: int, length: int, offset: int) -> int:
            self._note(WRITE, number, offset, string_at(data, length))
            return int(put(handle, data, length, offset))

        def truncate(handle: int, size: int) -> int:
            self._note(TRUNCATE, number, size)
            return int(cut(handle, size))

        def sync(handle: int, how: int) -> int:
            code = int(flush(handle, how))
            self._note(SYNC, number, how)
            return code

        ours.write = self._pointer(PUT(write))
        ours.truncate = self._pointer(CUT(truncate))
        ours.sync = self._pointer(FLUSH(sync))
        self._kept.append(ours)
        methods.value = ctypes.addressof(ours)

    def _deleted(self, vfs: int, name: bytes, sync: int) -> int:
        named = os.path.basename(name).decode()
        if named in FILES:
            self._note(DELETE, FILES.index(named), 0)
        return int(self._delete(vfs, name, sync))
