"""Packs as trees: `open`, `listdir`, `walk`, `glob` and paths, as Python's users know them."""

from __future__ import annotations

import io
import os
import stat as modes

from rangepack import _rangepack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO, Any

    from rangepack._rangepack import Key, StrPath

_BUFFER = 1 << 16


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

    def _check(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class Pack(_rangepack.Pack):
    """A pack, as a tree of files on disk.

    `pack[key]` is the content of a file as a read-only `memoryview`; a `key` is a path or a number. Numbers count
    files only, in the order of the pack, which is the same for every process. Links are followed. Nothing is read
    before it is asked for, and any number of threads and processes may ask at once.

    Args:
        location: A path, or a URL: `http(s)://`, `s3://`, `gs://`, `az://`.
        root: Accept only the pack whose root page has this SHA-256 (64 hexadecimal digits).
        verify: `"payloads"` also checks the content of files of a local pack when it is read; `"index"` believes the
            disk. Remote packs are always checked.
        index: The index of an old container, when it does not lie beside it.
        alone: Refuse packs whose payloads lie in other files, as a stranger's pack may.
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
        file = _File(raw, key if isinstance(key, int) else os.fsdecode(key))
        if buffering == 0:
            return file  # type: ignore[return-value]
        buffered = io.BufferedReader(file, min(_BUFFER, max(1, raw.size)) if buffering < 2 else buffering)
        if is_binary:
            return buffered
        return io.TextIOWrapper(buffered, encoding, errors, newline, line_buffering=buffering == 1)

    def exists(self, path: StrPath) -> bool:
        """Whether there is a file or directory at `path`."""
        return self.kind(path) is not None

    def is_file(self, path: StrPath) -> bool:
        """Whether there is a file at `path`."""
        return self.kind(path) == "file"

    def is_dir(self, path: StrPath) -> bool:
        """Whether there is a directory at `path`; the empty path is the top one."""
        return self.kind(path) == "directory"

    def stat(self, key: Key, *, follow_symlinks: bool = True) -> os.stat_result:
        """What the pack knows of a path, as `os.stat` says it. What it does not know is 0."""
        if not isinstance(key, int) and self.is_dir(key) and os.fsdecode(key).strip("/.") == "":
            nothing = {f"st_{what}time_ns": 0 for what in "amc"}
            return os.stat_result((modes.S_IFDIR | 0o755, 0, 0, 1, 0, 0, 0, 0, 0, 0), nothing)
        entry = self.entry(key, follow_symlinks=follow_symlinks)
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

    def path(self, at: StrPath = "") -> PackPath:
        """A path of the pack, to be used like a `pathlib.Path`."""
        return PackPath(self, os.fsdecode(at))

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


def open_pack(location: StrPath, **options: Any) -> Pack:
    """Open a pack: see `Pack` for what can be said about how."""
    return Pack(location, **options)


class PackPath:
    """A path inside a pack, which is used like a `pathlib.Path` (and is an `importlib.resources.abc.Traversable`)."""

    __slots__ = ("at", "pack")

    def __init__(self, pack: Pack, at: str = "") -> None:
        self.pack = pack
        self.at = "/".join(part for part in at.split("/") if part not in ("", "."))

    @property
    def name(self) -> str:
        """The last component."""
        return self.at.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        stem, dot, ending = self.name.rpartition(".")
        return dot + ending if stem and ending else ""

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.removesuffix(self.suffix)

    @property
    def parent(self) -> PackPath:
        """The directory that it is in; the top is its own."""
        return PackPath(self.pack, self.at.rpartition("/")[0])

    @property
    def parts(self) -> tuple[str, ...]:
        """All components."""
        return tuple(self.at.split("/")) if self.at else ()

    def __truediv__(self, other: str | os.PathLike[str]) -> PackPath:
        return self.joinpath(other)

    def joinpath(self, *others: str | os.PathLike[str]) -> PackPath:
        """The path with others behind it."""
        return PackPath(self.pack, "/".join([self.at, *(os.fspath(other) for other in others)]))

    def iterdir(self) -> Iterator[PackPath]:
        """What is in the directory."""
        for name in self.pack.listdir(self.at):
            yield self / name

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.pack.exists(self.at)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.pack.is_file(self.at)

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.pack.is_dir(self.at)

    def stat(self) -> os.stat_result:
        """What the pack knows of it."""
        return self.pack.stat(self.at)

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open it for reading: text by default, as `pathlib` does."""
        return self.pack.open(self.at, mode, buffering, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        """The whole content."""
        return self.pack.read(self.at)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """The whole content as text."""
        with self.open("r", encoding=encoding, errors=errors) as file:
            text: str = file.read()
            return text

    def glob(self, pattern: str) -> Iterator[PackPath]:
        """What a pattern matches below: `*`, `?`, `[…]` within a component, `**` for any number of directories."""
        from rangepack import _glob

        return _glob.glob(self, pattern)

    def rglob(self, pattern: str) -> Iterator[PackPath]:
        """The same at any depth."""
        return self.glob(f"**/{pattern}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackPath) and (self.pack is other.pack and self.at == other.at)

    def __hash__(self) -> int:
        return hash((id(self.pack), self.at))

    def __lt__(self, other: PackPath) -> bool:
        return self.parts < other.parts

    def __str__(self) -> str:
        return self.at

    def __repr__(self) -> str:
        return f"PackPath({self.pack.location!r}, {self.at!r})"
