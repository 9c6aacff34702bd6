"""Packing, extracting and verifying, with progress."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rangepack import _rangepack
from rangepack.reading import Pack

if TYPE_CHECKING:
    from rangepack._rangepack import StrPath

    Progress = bool | Callable[[int, int], object]


@contextlib.contextmanager
def telling(progress: Progress, what: str) -> Iterator[Callable[[int, int], object] | None]:
    """A function that hears of files and bytes: the caller's, or one that moves a bar of tqdm when that is there."""
    if not isinstance(progress, bool):
        yield progress
        return
    try:
        from tqdm.auto import tqdm
    except ImportError:
        yield None
        return
    with tqdm(desc=what, unit=" files", disable=not progress) as bar:
        yield (lambda files, _: bar.update(files - bar.n)) if progress else None


def pack(source: StrPath, target: StrPath, *, progress: Progress = False, **options: Any) -> dict[str, int]:
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
        the content of another), `special` (pipes and devices, left out) and `failed` (files that could not be read).

    Raises:
        FileExistsError: The target is there, and `overwrite` is not given.
    """
    with telling(progress, "packing") as told:
        return _rangepack.pack(source, target, progress=told, **options)


def extract(
    pack: Pack | StrPath,
    target: StrPath,
    paths: list[StrPath] | None = None,
    *,
    progress: Progress = False,
    **options: Any,
) -> dict[str, Any]:
    """Extract a pack, or the paths and globs of `paths`, below `target`. Each file is verified before it gets its name.

    `overwrite=True` replaces files that differ; else they are left alone and count as failed. Returns `files`,
    `directories`, `links`, `bytes`, `skipped`, `failed`, `refused` (names that may not be extracted), `unmatched` (of
    `paths`) and `problems`: pairs of path and reason.
    """
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with telling(progress, "extracting") as told:
        return _rangepack.extract(opened, target, paths or [], progress=told, **options)


def verify(pack: Pack | StrPath, *, progress: Progress = False, **options: Any) -> dict[str, Any]:
    """Verify every page of the index and, unless `payloads=False`, every payload.

    Returns `is_sound`, `files`, `bytes`, `bad` (entries), `unverifiable` and `problems`: pairs of path (`None` for the
    pack itself) and reason.
    """
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with telling(progress, "verifying") as told:
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
    with telling(progress, "packing") as told:
        return _rangepack.create(source, container, progress=told, **options)


def finalize(container: StrPath, *, progress: Progress = False, **options: Any) -> dict[str, Any]:
    """Put the index that lies beside a container into it. Options as for `create`.

    Returns `entries`, `file_length` in bytes, `root`, `cut` (bytes that no line named) and `replaced` (entries of which
    a later one took the place).
    """
    with telling(progress, "finalizing") as told:
        return _rangepack.finalize(container, progress=told, **options)
