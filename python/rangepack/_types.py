"""Types of arguments, which only type checkers import."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, SupportsIndex, TypeAlias, TypedDict

from rangepack._rangepack import Entry
from rangepack.data.cache import Cache
from rangepack.paths import PackPath

#: A path on disk.
StrPath: TypeAlias = str | bytes | os.PathLike[str]
#: A path in a pack.
Inside: TypeAlias = StrPath | Entry | PackPath
#: What names a file of a pack.
Key: TypeAlias = Inside | SupportsIndex
#: Globs as in a .gitignore.
Globs: TypeAlias = str | Iterable[str]
#: Whether a bar is shown, or who hears of files and bytes.
Progress: TypeAlias = bool | Callable[[int, int], object]
#: The same for the extension; and who hears what happens to each path: what, path, bytes, problem.
Told: TypeAlias = Callable[[int, int], object] | None
Events: TypeAlias = Callable[[list[tuple[str, str, int, str]]], object] | None
#: What `pack_files` packs: contents, or paths on disk.
Content: TypeAlias = bytes | bytearray | memoryview | str | os.PathLike[str]

Verify: TypeAlias = Literal["index", "payloads"]
Present: TypeAlias = Literal["auto", "none", "size", "time", "content"]
OnConflict: TypeAlias = Literal["error", "first", "last"]
ArchiveFormat: TypeAlias = Literal["tar", "tar.gz", "tar.zst", "zip"]
Tail: TypeAlias = Literal["keep", "cut"]
IndexFormat: TypeAlias = Literal["both", "paged", "ndjson"]
Lines: TypeAlias = Literal["auto", "always", "never"]


class TreeOptions(TypedDict, total=False):
    """Which files of a tree are packed."""

    include: Globs
    exclude: Globs
    extensions: Globs
    hidden: bool
    gitignore: bool
    follow_links: bool


class PackingOptions(TypedDict, total=False):
    """How they are packed."""

    compress: Literal["gzip", "zstd"] | None
    level: int | None
    dictionaries: bool
    strict: bool
    threads: int | None


class TargetOptions(PackingOptions, total=False):
    """And what is made of them."""

    overwrite: bool
    incomplete: bool
    fsync: bool
    metadata: Mapping[str, str] | None


class PackOptions(TreeOptions, TargetOptions, total=False):
    """How a tree is packed."""


class GrowOptions(TypedDict, total=False):
    """How a pack grows."""

    incomplete: bool
    dry_run: bool
    metadata: Mapping[str, str] | None


class AddOptions(PackingOptions, GrowOptions, total=False):
    """How files are added to a pack."""


class SyncOptions(TreeOptions, AddOptions, total=False):
    """How a pack becomes equal to a tree."""

    checksum: bool


class PartOptions(TreeOptions, PackingOptions, total=False):
    """How each part of a tree is packed."""


class MergeOptions(TypedDict, total=False):
    """How packs are merged."""

    on_conflict: OnConflict
    volumes: StrPath | None
    overwrite: bool
    fsync: bool


class IndexOptions(TypedDict, total=False):
    """How archives are indexed."""

    on_conflict: OnConflict
    volumes: StrPath | None
    overwrite: bool


class ExportOptions(TypedDict, total=False):
    """How a pack becomes an archive."""

    format: ArchiveFormat | None
    deflate: int | None
    overwrite: bool
    fsync: bool


class FinishOptions(TypedDict, total=False):
    """How a container is finished."""

    index: StrPath | None
    remove_index: bool
    tail: Tail | None
    index_format: IndexFormat
    ndjson_dirs: Lines


class ContainerOptions(TreeOptions, PackingOptions, FinishOptions, total=False):
    """How a container is made or gone on with."""

    finalize: bool
    dry_run: bool
    reopen: bool
    fsync_every: int
    index_batch: int | None
    dedup: bool
    align: int
    owner: bool
    xattrs: bool


class ExtractOptions(TypedDict, total=False):
    """How a pack is extracted."""

    overwrite: bool
    present: Present
    dry_run: bool
    fail_fast: bool
    chunk_size: int
    threads: int | None


class VerifyOptions(TypedDict, total=False):
    """How a pack is verified."""

    payloads: bool
    threads: int | None


class ReadOptions(TypedDict, total=False):
    """How data sets choose and read files."""

    exclude: Globs | None
    cache: Cache | None
    threads: int
    verify: Verify | None


class SurveyOptions(TreeOptions, total=False):
    """What is counted of a tree."""

    container: StrPath | None
    index: StrPath | None
    sizes: bool
