"""The extension module: what touches bytes."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from typing_extensions import Self

from rangepack._source import Opener

StrPath: TypeAlias = str | bytes | os.PathLike[str]
Key: TypeAlias = StrPath | int

__version__: str

class PackError(Exception):
    """Something is wrong with a pack, or with how it was asked for."""

    location: str
    path: str | None
    offset: int | None

class CorruptError(PackError): ...
class NotAPackError(PackError): ...
class UnsupportedError(PackError): ...
class WrongPackError(PackError): ...
class LimitError(PackError): ...
class ContainerError(PackError): ...
class PackWarning(UserWarning): ...
class RemoteError(OSError): ...

class Entry:
    """A file, directory or symbolic link of a pack."""

    @property
    def path(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def stored_size(self) -> int: ...
    @property
    def mtime(self) -> float | None: ...
    @property
    def mtime_ns(self) -> int | None: ...
    @property
    def mode(self) -> int | None: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def target(self) -> str | None: ...
    def is_file(self) -> bool: ...
    def is_dir(self) -> bool: ...
    def is_symlink(self) -> bool: ...
    def __fspath__(self) -> str: ...
    def __bytes__(self) -> bytes: ...

class RawFile:
    """Reads a file of a pack, without a buffer."""

    @property
    def size(self) -> int: ...
    def read_at(self, offset: int, length: int) -> bytes: ...

class Files:
    """Files of a pack with numbers from 0 on, in the order of the pack."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> memoryview: ...
    def read_many(self, numbers: Iterable[int], *, threads: int = 2) -> list[memoryview]: ...
    def entry(self, number: int) -> Entry: ...
    def entries(self, numbers: Iterable[int]) -> list[Entry]: ...
    def groups(self) -> Groups: ...
    def runs(self, depth: int) -> list[tuple[str, int]]: ...

class Groups:
    """Files of a pack in groups: those in one directory whose names agree up to the first dot."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> tuple[int, int]: ...
    @property
    def files(self) -> Files: ...

class Order:
    """The numbers below `length`, each once, in a pseudo-random order that takes no memory."""

    def __new__(cls, length: int, key: bytes, *, block: int | None = None, window: int = 1) -> Order: ...
    def __len__(self) -> int: ...
    def __getitem__(self, position: int, /) -> int: ...
    def take(self, start: int, stop: int, step: int = 1) -> list[int]: ...

class Pack:
    """Many files in one file, and any of them at once."""

    def __new__(
        cls,
        location: StrPath,
        *,
        root: str | None = None,
        verify: str = "index",
        index: StrPath | None = None,
        alone: bool = False,
        timeout: float = 30.0,
        retries: int = 4,
        lookback: int | None = None,
        source: Opener | None = None,
        later: bool = False,
    ) -> Self: ...
    def __getitem__(self, key: Key, /) -> memoryview: ...
    def read(self, key: Key, offset: int = 0, length: int | None = None) -> bytes: ...
    def read_many(self, keys: Iterable[Key], *, threads: int = 2) -> list[memoryview]: ...
    def raw(self, key: Key) -> RawFile: ...
    def entry(self, key: Key, *, follow_symlinks: bool = True) -> Entry: ...
    def kind(self, at: StrPath) -> str | None: ...
    def scandir(self, directory: StrPath | None = None) -> Iterator[Entry]: ...
    def listdir(self, directory: StrPath | None = None) -> list[str]: ...
    def walk(self, directory: StrPath | None = None) -> Iterator[Entry]: ...
    def files(self, select: str | Sequence[str] | None = None) -> Files: ...
    def number(self, at: StrPath) -> int: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __contains__(self, at: StrPath, /) -> bool: ...
    @property
    def location(self) -> str: ...
    @property
    def root(self) -> str | None: ...
    @property
    def format(self) -> str: ...
    @property
    def metadata(self) -> dict[str, str]: ...
    @property
    def is_remote(self) -> bool: ...
    @property
    def traffic(self) -> tuple[int, int]: ...
    @property
    def nbytes(self) -> int: ...
    def intact(self) -> None: ...
    def close(self) -> None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def _options(self) -> dict[str, Any]: ...

Told: TypeAlias = Callable[[int, int], object] | None
Events: TypeAlias = Callable[[list[tuple[str, str, int, str]]], object] | None

def pack(
    source: StrPath,
    target: StrPath,
    *,
    compress: str | None = None,
    level: int = 6,
    include: list[str] = ...,
    exclude: list[str] = ...,
    extensions: list[str] = ...,
    hidden: bool = True,
    gitignore: bool = False,
    follow_links: bool = False,
    overwrite: bool = False,
    strict: bool = False,
    fsync: bool = False,
    threads: int | None = None,
    metadata: dict[str, str] = ...,
    progress: Told = None,
) -> dict[str, Any]: ...
def pack_files(
    files: Iterable[tuple[StrPath, StrPath]],
    target: StrPath,
    *,
    compress: str | None = None,
    level: int = 6,
    overwrite: bool = False,
    strict: bool = True,
    fsync: bool = False,
    threads: int | None = None,
    metadata: dict[str, str] = ...,
    progress: Told = None,
) -> dict[str, Any]: ...
def create(
    source: StrPath,
    container: StrPath,
    *,
    index: StrPath | None = None,
    finalize: bool = False,
    remove_index: bool = False,
    dry_run: bool = False,
    reopen: bool = False,
    tail: str | None = None,
    fsync_every: int = 1,
    index_batch: int | None = None,
    index_format: str = "both",
    ndjson_dirs: str = "auto",
    compress: str | None = None,
    level: int = 6,
    dedup: bool = True,
    align: int = 1,
    owner: bool = False,
    xattrs: bool = False,
    include: list[str] = ...,
    exclude: list[str] = ...,
    extensions: list[str] = ...,
    hidden: bool = True,
    gitignore: bool = False,
    follow_links: bool = False,
    strict: bool = False,
    threads: int | None = None,
    progress: Told = None,
    events: Events = None,
) -> dict[str, Any]: ...
def finalize(
    container: StrPath,
    *,
    index: StrPath | None = None,
    remove_index: bool = False,
    tail: str | None = None,
    index_format: str = "both",
    ndjson_dirs: str = "auto",
    progress: Told = None,
) -> dict[str, Any]: ...
def survey(
    source: StrPath,
    *,
    container: StrPath | None = None,
    index: StrPath | None = None,
    sizes: bool = True,
    include: list[str] = ...,
    exclude: list[str] = ...,
    extensions: list[str] = ...,
    hidden: bool = True,
    gitignore: bool = False,
    follow_links: bool = False,
) -> dict[str, Any]: ...
def extract(
    pack: Pack,
    target: StrPath,
    paths: list[StrPath] = ...,
    *,
    overwrite: bool = False,
    present: str = "auto",
    dry_run: bool = False,
    fail_fast: bool = False,
    chunk_size: int = ...,
    threads: int | None = None,
    progress: Told = None,
    events: Events = None,
) -> dict[str, Any]: ...
def verify(
    pack: Pack, *, payloads: bool = True, threads: int | None = None, progress: Told = None
) -> dict[str, Any]: ...
def notes(pack: Pack) -> dict[str, Any]: ...
def totals(pack: Pack) -> dict[str, Any]: ...
def bytes_at(pack: Pack, offset: int, length: int) -> bytes: ...
def after_fork() -> None: ...
