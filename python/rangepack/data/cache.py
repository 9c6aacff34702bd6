"""Contents on the disk of this machine, by their digests."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rangepack._rangepack import PackWarning

if TYPE_CHECKING:
    from rangepack._types import StrPath

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        # Waits ten seconds at a time.
        while True:
            file.seek(0)
            with contextlib.suppress(OSError):
                msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
                return
else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX)


_TEMPORARY = ".new-"
# So much is left when something has to go, so that it need not be done for every file.
_KEPT = 7 / 8


class Cache:
    """A directory of contents, named by their SHA-256, which all processes of a machine share.

    Contents appear by a rename, complete or not at all, and are compared with their digest whenever they are read: what
    was damaged is thrown away, and read from the pack again. Together they take at most `limit` bytes (of content: a
    file system needs a little more); those that nobody read for the longest time go first. The same content of two
    packs is kept once. It travels to other processes by the name of the directory.

    Args:
        directory: Where; it is made if need be, and should hold nothing else.
        limit: Bytes of content, at most. Contents longer than an eighth of it are not kept.

    Raises:
        OSError: The directory cannot be made, or not be written to. A full disk is no error: less is kept.
    """

    def __init__(self, directory: StrPath, limit: int = 16 << 30) -> None:
        if limit < 0:
            raise ValueError(f"the limit is a number of bytes, not {limit}")
        self.directory = Path(os.path.abspath(os.fsdecode(directory)))  # noqa: PTH100
        self.limit = limit
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._locked():
            pass

    def __repr__(self) -> str:
        return f"Cache({str(self.directory)!r}, limit={self.limit})"

    @property
    def used(self) -> int:
        """How many bytes of content are there."""
        with self._locked():
            return sum(size for _, size, _ in self._survey())

    def get(self, digest: str) -> bytes | None:
        """The content with this SHA-256 (64 hexadecimal digits), if it is there and sound."""
        path = self._path(digest)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        if hashlib.sha256(content).hexdigest() != digest:
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return content

    def put(self, contents: Iterable[tuple[str | None, memoryview | bytes]]) -> None:
        """Keep contents; what has no digest is passed over. The caller vouches that digests are right.

        A cache is a help: when it cannot be written, a `PackWarning` says so, and nothing is kept. A full disk is no
        reason for one.
        """
        try:
            self._put(contents)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                warnings.warn(f"nothing is kept in {self.directory}: {error}", PackWarning, stacklevel=2)

    def _put(self, contents: Iterable[tuple[str | None, memoryview | bytes]]) -> None:
        new = {
            self._path(digest): content
            for digest, content in contents
            if digest is not None and len(content) <= self.limit // 8
        }
        with self._locked() as state:
            new = {path: content for path, content in new.items() if not path.exists()}
            for path, content in new.items():
                self._make_room(state, len(content))
                _write(path, content)

    def _path(self, digest: str) -> Path:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"not a digest: {digest!r}")
        return self.directory / digest[:2] / digest[2:]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """Alone with the directory, and with the file that says how much is there."""
        # A new file each time: locks belong to open files, and a forked process must not share one.
        with open(self.directory / "used", "a+b", buffering=0) as state:  # noqa: PTH123
            _lock(state)
            yield state

    def _make_room(self, state: IO[bytes], size: int) -> None:
        """Count `size` bytes more, after others went if need be."""
        state.seek(0)
        text = state.read()
        used = int(text) if text.isdigit() else self._evict(size)
        if used + size > self.limit:
            used = self._evict(size)
        # A process that dies behind this has counted too much, never too little: the next eviction counts anew.
        state.truncate(0)
        state.write(str(used + size).encode())

    def _evict(self, size: int) -> int:
        """Count what is there, and throw the oldest away if `size` bytes more are too many. Returns what is left."""
        there = list(self._survey(clean=True))
        used = sum(size for _, size, _ in there)
        if used + size <= self.limit:
            return used
        for _, length, path in sorted(there):
            if used + size <= self.limit * _KEPT:
                break
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108
                used -= length
        return used

    def _survey(self, clean: bool = False) -> Iterator[tuple[int, int, str]]:
        """All contents: when each was last read, its length, its path."""
        for shard in os.scandir(self.directory):
            if not shard.is_dir():
                continue
            for entry in os.scandir(shard.path):
                with contextlib.suppress(FileNotFoundError):
                    if not entry.name.startswith(_TEMPORARY):
                        stat = entry.stat()
                        yield stat.st_mtime_ns, stat.st_size, entry.path
                    elif clean:
                        # Who wrote it has died: nobody writes without the lock.
                        os.unlink(entry.path)  # noqa: PTH108


def _write(path: Path, content: memoryview | bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)  # noqa: PTH108
        raise
