"""Packs as trees: `open`, `listdir`, `walk`, `glob` and paths, as Python's users know them."""

from __future__ import annotations

import io
import os
import stat as modes

from rangepack import _rangepack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import PurePosixPath
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
        if _is_path(key) and _text(key).strip("/.") == "" and self.is_dir(key):
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


class PackPath:
    """A path inside a pack, which is used like a `pathlib.Path` (and is an `importlib.resources.abc.Traversable`).

    It is no `os.PathLike`, for no function of the system finds a file by it: who asks for one of these takes the open
    file, `numpy.load(path.open("rb"))`, or the content, `path.read_bytes()`. Two are equal when they are the same path
    of packs at the same place; see `samefile`.
    """

    __slots__ = ("at", "pack")

    def __init__(self, pack: Pack, at: str = "") -> None:
        self.pack = pack
        self.at = "/".join(part for part in at.split("/") if part not in ("", "."))

    @property
    def _pure(self) -> PurePosixPath:
        from pathlib import PurePosixPath

        return PurePosixPath(self.at)

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
    def suffixes(self) -> list[str]:
        """All endings of the name."""
        return self._pure.suffixes

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.removesuffix(self.suffix)

    @property
    def parent(self) -> PackPath:
        """The directory that it is in; the top is its own."""
        return PackPath(self.pack, self.at.rpartition("/")[0])

    @property
    def parents(self) -> Sequence[PackPath]:
        """The directories that it is in, from the nearest to the top."""
        return [PackPath(self.pack, str(above)) for above in self._pure.parents]

    @property
    def parts(self) -> tuple[str, ...]:
        """All components."""
        return tuple(self.at.split("/")) if self.at else ()

    def __truediv__(self, other: str | os.PathLike[str]) -> PackPath:
        return self.joinpath(other)

    def joinpath(self, *others: str | os.PathLike[str]) -> PackPath:
        """The path with others behind it."""
        return PackPath(self.pack, "/".join([self.at, *(os.fspath(other) for other in others)]))

    def with_name(self, name: str) -> PackPath:
        """The path with another last component."""
        return PackPath(self.pack, str(self._pure.with_name(name)))

    def with_stem(self, stem: str) -> PackPath:
        """The path with another name before the ending."""
        return PackPath(self.pack, str(self._pure.with_stem(stem)))

    def with_suffix(self, suffix: str) -> PackPath:
        """The path with another ending, or with none for the empty one."""
        return PackPath(self.pack, str(self._pure.with_suffix(suffix)))

    def relative_to(self, other: PackPath | str) -> PurePosixPath:
        """What leads from `other` to it, which can be joined to a path on disk: `out / path.relative_to(top)`.

        Raises:
            ValueError: It is not below `other`.
        """
        return self._pure.relative_to(_inside(self, other))

    def is_relative_to(self, other: PackPath | str) -> bool:
        """Whether it is `other`, or below it."""
        return self._pure.is_relative_to(_inside(self, other))

    def match(self, pattern: str) -> bool:
        """Whether its last components match a pattern, as those of a `pathlib.PurePath`."""
        return self._pure.match(pattern)

    def iterdir(self) -> Iterator[PackPath]:
        """What is in the directory."""
        for name in self.pack.listdir(self.at):
            yield self / name

    def walk(
        self,
        top_down: bool = True,
        on_error: Callable[[OSError], object] | None = None,
        follow_symlinks: bool = False,
    ) -> Iterator[tuple[PackPath, list[str], list[str]]]:
        """Each directory from here on, with the names of the directories and of everything else in it, as
        `pathlib.Path.walk` has it. `Pack.walk` is faster, and gives entries."""
        directories: list[str] = []
        files: list[str] = []
        try:
            for entry in self.pack.scandir(self.at):
                is_dir = entry.is_dir() or (follow_symlinks and entry.is_symlink() and (self / entry.name).is_dir())
                (directories if is_dir else files).append(entry.name)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            return
        if top_down:
            yield self, directories, files
        for name in directories:
            yield from (self / name).walk(top_down, on_error, follow_symlinks)
        if not top_down:
            yield self, directories, files

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.pack.exists(self.at)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.pack.is_file(self.at)

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.pack.is_dir(self.at)

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link, wherever that leads."""
        try:
            return bool(self.at) and self.pack.entry(self.at, follow_symlinks=False).is_symlink()
        except OSError:
            return False

    def resolve(self) -> PackPath:
        """The path that it is when links are followed.

        Raises:
            FileNotFoundError: There is nothing.
        """
        return PackPath(self.pack, self.pack.entry(self.at).path) if self.at else self

    def samefile(self, other: PackPath) -> bool:
        """Whether both are the same file or directory of the same pack, whatever links lead there, and wherever that
        lies."""
        packs = [path.pack.root or path.pack.location for path in (self, other)]
        return packs[0] == packs[1] and self.resolve().at == other.resolve().at

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """What the pack knows of it."""
        return self.pack.stat(self.at, follow_symlinks=follow_symlinks)

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
        return isinstance(other, PackPath) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        return self.at, self.pack.location

    def __lt__(self, other: PackPath) -> bool:
        return self.parts < other.parts

    def __bytes__(self) -> bytes:
        return os.fsencode(self.at)

    def __str__(self) -> str:
        return self.at

    def __repr__(self) -> str:
        return f"PackPath({self.pack.location!r}, {self.at!r})"


def _inside(path: PackPath, other: PackPath | str) -> str:
    """The path of another, which is one of the same pack."""
    if isinstance(other, str):
        return PackPath(path.pack, other).at
    if other.pack.location != path.pack.location:
        raise ValueError(f"{other!r} is a path of another pack than {path!r}")
    return other.at
