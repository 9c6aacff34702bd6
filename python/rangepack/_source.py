"""Files that are no paths and lie at no URL that the library reads: open file objects."""

from __future__ import annotations

import errno
import io
import os
import threading
from pathlib import Path
from typing import IO, Any, Protocol

from rangepack.reading import Pack


class ByteRanges(Protocol):
    """A file that is read by ranges, from several threads at once."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read(self, offset: int, length: int, /) -> bytes:
        """These bytes, all of which lie in the file."""
        ...


class Opener(Protocol):
    """Opens a pack, and what may lie beside it: `Pack(url, source=opener)`."""

    def open(self, url: str, /) -> ByteRanges:
        """The file at a URL, or `FileNotFoundError`."""
        ...


class FileObject:
    """A file object that can seek, as the source of a pack. One thread reads at a time, and only in this process."""

    def __init__(self, file: IO[bytes]) -> None:
        # Which of those that are called the same: paths in packs are equal by where their packs lie.
        self.name = f"<{file_name(file) or type(file).__name__} at {id(file):#x}>"
        self._file = file
        self._lock = threading.Lock()
        self._process = os.getpid()
        try:
            self.size = file.seek(0, os.SEEK_END)
        except (AttributeError, io.UnsupportedOperation) as error:
            raise ValueError(f"a binary file that can seek is needed, not {file!r}") from error

    def open(self, url: str, /) -> FileObject:
        """The file itself; nothing lies beside it."""
        if url != self.name:
            raise FileNotFoundError(errno.ENOENT, "nothing lies beside an open file", url)
        return self

    def read(self, offset: int, length: int, /) -> bytes:
        """These bytes."""
        if isinstance(self._file, io.BytesIO):
            return bytes(self._file.getbuffer()[offset : offset + length])
        if self._process != os.getpid():
            # Where it reads next is one number for both processes.
            raise OSError("a pack in an open file stays in its process")
        with self._lock:
            self._file.seek(offset)
            pieces = []
            while length > 0 and (piece := self._file.read(length)):
                if not isinstance(piece, bytes):
                    raise TypeError(f"the file has to be open for bytes, and gives {type(piece).__name__}")
                pieces.append(piece)
                length -= len(piece)
            return b"".join(pieces)

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a pack in an open file stays in its process; one that is opened by its path travels")


def file_name(file: IO[bytes]) -> str | None:
    """What a file object is called, if it says so."""
    name = getattr(file, "name", None)
    return os.fsdecode(name) if isinstance(name, str | bytes) else None


def open_file(file: IO[bytes], **options: Any) -> Pack:
    """Open a pack by a binary file object: by its path where it has one, else by seeking and reading.

    The file object has to stay open, and is used by nobody else meanwhile.

    Raises:
        ValueError: It cannot seek, or is closed.
    """
    path = file_name(file)
    if path is not None:
        try:
            if os.path.samestat(os.fstat(file.fileno()), Path(path).stat()):
                return Pack(os.path.abspath(path), **options)  # noqa: PTH100
        except OSError:
            # It is no file of the system, or was renamed.
            pass
    source = FileObject(file)
    return Pack(source.name, source=source, **options)
