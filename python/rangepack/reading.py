"""Packs as trees: `open`, `listdir`, `walk` and `glob`, as Python's users know them."""

from __future__ import annotations

import io
import os
import stat as modes

from rangepack import _rangepack
from rangepack.paths import PackPath

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

    from typing_extensions import TypeIs

    from rangepack._types import Inside, Key

_BUFFER = 1 << 16
#: So many files, and bytes of content, are read together by those who want all.
_FILES, _BYTES = 256, 16 << 20


def _text(path: Inside) -> str:
    """A path of a pack as `str`."""
    return os.fsdecode(path if isinstance(path, str | bytes | os.PathLike) else path.__bytes__())


def _is_path(key: Key) -> TypeIs[Inside]:
    """Whether it is one, and no number."""
    return not hasattr(key, "__index__")


class _File(io.RawIOBase):
    """Reads a file of a pack: what a buffer is put around."""

    def __init__(self, raw: _rangepack.RawFile, name: str | int) -> None:
        self._raw = raw
        self._position = 0
        self.name = name
        self.mode = "rb"

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        self._check()
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._check()
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._raw.size}.get(whence)
        if base is None:
            raise ValueError(f"whence is 0, 1 or 2, not {whence}")
        if base + offset < 0:
            raise ValueError(f"the position {base + offset} is before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        self._check()
        view = memoryview(buffer).cast("B")
        read = self._raw.read_at(self._position, len(view))
        view[: len(read)] = read
        self._position += len(read)
        return len(read)

    def readall(self) -> bytes:
        self._check()
        read = self._raw.read_at(self._position, max(0, self._raw.size - self._position))
        self._position += len(read)
        return read

    def __repr__(self) -> str:
        return f"<rangepack file {self.name!r}{' closed' if self.closed else ''}>"

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class Pack(_rangepack.Pack):
    """A pack, as a tree of files on disk.

    `pack[key]` is the content of a file as a read-only `memoryview`; a `key` is a path or a number. Numbers count
    files only, in the order of the pack, which is the same for every process. Links are followed. Nothing is read
    before it is asked for, and any number of threads and processes may ask at once. As a dict it has the paths and
    contents of its files; `in` is true for directories, too.

    Args:
        location: A path, or a URL: `http(s)://`, `s3://`, `gs://`, `az://`.
        root: Accept only the pack whose root page has this SHA-256 (64 hexadecimal digits).
        verify: `"payloads"` also checks the content of files of a local pack when it is read; `"index"` believes the
            disk. Remote packs are always checked.
        index: The index of an old container, when it does not lie beside it.
        alone: Refuse packs whose payloads lie in other files, as a stranger's pack may.
        volumes: The directory (or URL) below which the parts of a merged pack lie, if not below its own.
        timeout: How many seconds to wait for a server.
        retries: How often a request is tried again.
        later: Open it when it is first asked something, which then raises what opening raises.
        lookback: Look for the index of an old container in its last so many bytes, 128 MiB if nothing is said.
        source: Who opens the pack and what lies beside it: an object with `open(url)`, which gives one with `size` and
            `read(offset, length)`.

    Raises:
        FileNotFoundError: There is no such file.
        NotAPackError: It is something else.
        CorruptError: It is damaged; each part is checked when it is first touched.
        WrongPackError: It has another root.
    """

    def open(
        self,
        key: Key,
        mode: str = "rb",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open a file for reading, as the built-in `open` does: `"rb"` for bytes, `"r"` or `"rt"` for text."""
        if not isinstance(mode, str):
            raise TypeError(f'mode is a text such as "rb", not {mode!r}')
        kinds = set(mode)
        if kinds & set("wax+"):
            raise io.UnsupportedOperation(f"a pack is read-only, and the mode is {mode!r}")
        if len(mode) != len(kinds) or not kinds <= set("rbt") or "r" not in kinds or {"b", "t"} <= kinds:
            raise ValueError(f"invalid mode: {mode!r}")
        is_binary = "b" in kinds
        if is_binary and (encoding is not None or errors is not None or newline is not None):
            raise ValueError("binary mode takes no encoding, errors or newline")
        if buffering == 0 and not is_binary:
            raise ValueError("text has to be buffered")
        raw = self.raw(key)
        file = _File(raw, _text(key) if _is_path(key) else key.__index__())
        if buffering == 0:
            return file  # type: ignore[return-value]
        buffered = io.BufferedReader(file, min(_BUFFER, max(1, raw.size)) if buffering < 2 else buffering)
        if is_binary:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)

    def exists(self, path: Inside) -> bool:
        """Whether there is a file or directory at `path`."""
        return self.kind(path) is not None

    def is_file(self, path: Inside) -> bool:
        """Whether there is a file at `path`."""
        return self.kind(path) == "file"

    def is_dir(self, path: Inside) -> bool:
        """Whether there is a directory at `path`; the empty path is the top one."""
        return self.kind(path) == "directory"

    def stat(self, key: Key, *, follow_symlinks: bool = True) -> os.stat_result:
        """What the pack knows of a path, as `os.stat` says it. What it does not know is 0."""
        try:
            entry = self.entry(key, follow_symlinks=follow_symlinks)
        except IsADirectoryError:
            # The top.
            nothing = {f"st_{what}time_ns": 0 for what in "amc"}
            return os.stat_result((modes.S_IFDIR | 0o755, 0, 0, 1, 0, 0, 0, 0, 0, 0), nothing)
        kind = {"file": modes.S_IFREG, "directory": modes.S_IFDIR, "link": modes.S_IFLNK}[entry.kind]
        mode = entry.mode if entry.mode is not None else (0o755 if entry.is_dir() else 0o644)
        time = entry.mtime_ns or 0
        seconds = time // 10**9
        fine = {f"st_{what}time": time / 1e9 for what in "amc"} | {f"st_{what}time_ns": time for what in "amc"}
        return os.stat_result((kind | mode, 0, 0, 1, 0, 0, entry.size, seconds, seconds, seconds), fine)

    def glob(self, pattern: str) -> Iterator[str]:
        """Paths of files and directories that a pattern matches as `pathlib.Path.glob` does: `**/*.jpg`."""
        for path in self.path().glob(pattern):
            yield path.at

    def path(self, at: Inside = "") -> PackPath:
        """A path of the pack, to be used like a `pathlib.Path`."""
        return PackPath(self, _text(at))

    def keys(self) -> Iterator[str]:
        """The paths of all files, in the order of their numbers; as `iter(pack)`."""
        return iter(self)

    def values(self) -> Iterator[memoryview]:
        """The contents of all files, in the same order. Many are read at a time, in threads and with few requests."""
        return (content for _, content in self.items())

    def items(self) -> Iterator[tuple[str, memoryview]]:
        """Paths and contents of all files, in the same order."""
        files, start = self.files(), 0
        while start < len(files):
            entries = files.entries(range(start, min(start + _FILES, len(files))))
            count = size = 0
            for entry in entries:
                size += entry.size
                if count and size > _BYTES:
                    break
                count += 1
            contents = files.read_many(range(start, start + count))
            yield from zip((entry.path for entry in entries[:count]), contents, strict=True)
            start += count

    def __enter__(self) -> Pack:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Where it lies and how it is opened travels to other processes; no handle does."""
        return _reopen, (type(self), self.location, self._options)


def _reopen(cls: type[Pack], location: str, options: dict[str, Any]) -> Pack:
    # A pack that is not there, or is another one, is told where it is used: a pool of processes would never end if a
    # task could not be read.
    return cls(location, later=True, **options)
