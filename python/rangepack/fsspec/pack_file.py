"""Open files of packs for fsspec, and what its slices mean."""

from __future__ import annotations

import io
import os
import shutil
from typing import Any, cast

from fsspec.callbacks import DEFAULT_CALLBACK

#: Longer reads of a remote file are rare, and each takes a request.
_REMOTE_BUFFER = 1 << 20
_LOCAL_BUFFER = 64 << 10


class PackFile(io.BufferedReader):
    """A file of a pack, open for reading; it can be pickled."""

    def __init__(self, fs: Any, path: str, block_size: int | None = None) -> None:
        raw = cast("io.RawIOBase", fs.pack.open(path, "rb", 0))
        self.size = raw.seek(0, os.SEEK_END)
        raw.seek(0)
        self.fs = fs
        self.path = path
        default = _REMOTE_BUFFER if fs.pack.is_remote else _LOCAL_BUFFER
        super().__init__(raw, max(1, min(block_size or default, self.size)))

    @property
    def full_name(self) -> str:
        """The path with its scheme."""
        return f"rangepack://{self.path}"

    def info(self) -> dict[str, Any]:
        """What the pack knows of it."""
        return cast("dict[str, Any]", self.fs.info(self.path))

    def __repr__(self) -> str:
        return f"<rangepack.fsspec.PackFile {self.full_name!r}, {self.size} bytes>"

    def __reduce_ex__(self, _: Any) -> Any:
        return _reopen, (self.fs, self.path, self.tell())


def _reopen(fs: Any, path: str, position: int) -> PackFile:
    file = PackFile(fs, path)
    file.seek(position)
    return file


def from_beginning(start: int | None, end: int | None, size: int) -> tuple[int, int | None]:
    """A slice of so many bytes, with nothing in it that counts from the end."""
    first = max(0, size + start) if start is not None and start < 0 else start or 0
    last = max(0, size + end) if end is not None and end < 0 else end
    return first, last


def copy(file: PackFile, target: Any, callback: Any) -> None:
    """Write the rest of the file to another, and tell the callback of fsspec how far that is."""
    callback.set_size(file.size)
    if callback is DEFAULT_CALLBACK:
        shutil.copyfileobj(file, target, _REMOTE_BUFFER)
        return
    while piece := file.read(_REMOTE_BUFFER):
        callback.relative_update(target.write(piece))
