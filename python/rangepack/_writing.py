"""Packing, extracting and verifying, with progress."""

from __future__ import annotations

import os

from rangepack import _rangepack
from rangepack.reading import Pack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from rangepack._rangepack import StrPath

    Progress = bool | Callable[[int, int], object]


class Telling:
    """A function that hears of files and bytes: the caller's, or one that moves a bar of tqdm when that is there."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, int], object] | None:
        if not isinstance(self._progress, bool):
            return self._progress
        if not self._progress:
            return None
        try:
            from tqdm.auto import tqdm
        except ImportError:
            return None
        self._bar = tqdm(desc=self._what, unit=" files")
        return self._move

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _move(self, files: int, _: int) -> None:
        self._bar.update(files - self._bar.n)


def _lists(options: dict[str, Any]) -> dict[str, Any]:
    """The same, with a list where one text was given for several."""
    several = ("include", "exclude", "extensions")
    return {name: [value] if name in several and isinstance(value, str) else value for name, value in options.items()}


def pack(source: StrPath, target: StrPath, *, progress: Progress = False, **options: Any) -> dict[str, Any]:
    """Pack the tree below `source` into `target`, which appears when it is complete, or not at all.

    Args:
        source: A directory.
        target: The pack.
        progress: `True` for a bar (by tqdm, when it is there), or a function that is called with the number of files
            and of bytes.
        **options: `compress="gzip"` with a `level` from 1 to 9; `include`, `exclude`: lists of globs as in a
            .gitignore; `extensions`; `hidden=False` leaves out names that start with a dot; `gitignore=True` honours
            such files; `follow_links`; `overwrite`: replace what is there; `strict`: stop at what cannot be read;
            `fsync`; `threads`; `metadata`: what is to be said of the pack, texts by keys.

    Returns:
        What was packed: `files`, `directories`, `links`, `bytes` of content, `stored_bytes`, `duplicates` (files with
        the content of another), `special` (pipes and devices, left out), `failed` (files that could not be read) and
        `problems`: pairs of the path of a file that was left out and the reason, the first 1000.

    Raises:
        FileExistsError: The target is there, and `overwrite` is not given.
    """
    with Telling(progress, "packing") as told:
        return _rangepack.pack(os.fsdecode(source), os.fsdecode(target), progress=told, **_lists(options))


def extract(
    pack: Pack | StrPath,
    target: StrPath,
    paths: StrPath | Sequence[StrPath] | None = None,
    *,
    progress: Progress = False,
    **options: Any,
) -> dict[str, Any]:
    """Extract a pack, or the paths and globs of `paths`, below `target`. Each file is verified before it gets its name.

    `overwrite=True` replaces files that differ; else they are left alone and count as failed. What fails does not stop
    the rest, and is no exception: look at `is_complete`. Returns `is_complete`, `files`, `directories`, `links`,
    `bytes`, `skipped` (there already), `replaced`, `failed`, `refused` (names that may not be extracted), `unmatched`
    (how many of `paths`), `stopped` (why it ended early, or `None`) and `problems`: pairs of path and reason.

    Raises:
        ValueError: `paths` is empty: without it everything is extracted.
    """
    if isinstance(paths, str | bytes | os.PathLike):
        paths = [paths]
    if paths is not None and not paths:
        raise ValueError("paths is empty; without it everything is extracted")
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with Telling(progress, "extracting") as told:
        return _rangepack.extract(opened, os.fsdecode(target), list(paths or []), progress=told, **options)


def verify(pack: Pack | StrPath, *, progress: Progress = False, **options: Any) -> dict[str, Any]:
    """Verify every page of the index and, unless `payloads=False`, every payload.

    Returns `is_sound`, `files`, `bytes`, `bad` (entries), `unverifiable`, of an old container `left_out` (entries that
    no pack may hold) and `is_partial` (its index is not whole, or not its own), and `problems`: pairs of path (`None`
    for the pack itself) and reason.
    """
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with Telling(progress, "verifying") as told:
        return _rangepack.verify(opened, progress=told, **options)


def create(source: StrPath, container: StrPath, *, progress: Progress = False, **options: Any) -> dict[str, Any]:
    """Make a container that can be continued after any interruption, or continue one: the same call goes on.

    Payloads are appended, and durable before the index beside the container (`CONTAINER.idx`) names them.

    Args:
        source: A directory.
        container: The container.
        progress: As for `pack`.
        **options: `finalize`: put the index into the container at the end, and with `remove_index` remove the one
            beside it; `index`: where that lies; `reopen`: add to a container that is finished; `tail`: what becomes of
            bytes that nothing names, `"keep"` or `"cut"`; `fsync_every`: wait for the disk after so many files;
            `index_batch`: write the index after so many entries; `index_format`: `"both"`, `"paged"` or `"ndjson"`;
            `dry_run`: write nothing. `compress`, `level`, `include`, `exclude`, `extensions`, `hidden`, `gitignore`,
            `follow_links`, `strict` and `threads` are those of `pack`; `dedup`, `align` in bytes, `owner` and `xattrs`
            those of the command.

    Returns:
        As `pack`, and `unchanged` and `changed` entries of earlier runs, `resumed_entries` (how many were there; `None`
        in a new container), `cut` bytes that no line named, `is_finalized`, and of a finished one `entries`,
        `file_length` in bytes and `root`.

    Raises:
        ContainerError: It cannot be gone on with as asked: the index is missing or belongs to another, somebody else
            writes, it is finished.
    """
    with Telling(progress, "packing") as told:
        return _rangepack.create(os.fsdecode(source), os.fsdecode(container), progress=told, **_lists(options))


def finalize(container: StrPath, *, progress: Progress = False, **options: Any) -> dict[str, Any]:
    """Put the index that lies beside a container into it. Options as for `create`.

    Returns `entries`, `file_length` in bytes, `root`, `cut` (bytes that no line named) and `replaced` (entries of which
    a later one took the place).
    """
    with Telling(progress, "finalizing") as told:
        return _rangepack.finalize(os.fsdecode(container), progress=told, **options)
