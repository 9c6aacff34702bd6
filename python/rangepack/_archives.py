"""Tar and zip archives: read where they lie, by an index; and made of packs."""

from __future__ import annotations

import os

from rangepack import _rangepack
from rangepack._rangepack import Entry
from rangepack._reports import Exported, Indexed
from rangepack._writing import Telling, incomplete_error
from rangepack.paths import PackPath
from rangepack.reading import Pack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from rangepack._types import ArchiveFormat, Inside, OnConflict, Progress, StrPath


def index(
    archives: StrPath | Iterable[StrPath],
    out: StrPath | None = None,
    *,
    on_conflict: OnConflict = "error",
    volumes: StrPath | None = None,
    overwrite: bool = False,
    incomplete: bool = False,
    progress: Progress = False,
) -> Indexed:
    """Make an index of a tar or zip archive, which stays as it is and is read like a pack from then on: by its own name
    when the index lies beside it, or by that of the index.

    >>> import io, pathlib, tarfile, tempfile, rangepack
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> with tarfile.open(home / "photos.tar", "w") as tar:
    ...     member = tarfile.TarInfo("cats/1.jpg")
    ...     member.size = 5
    ...     tar.addfile(member, io.BytesIO(b"a cat"))
    >>> rangepack.index(home / "photos.tar").files
    1
    >>> rangepack.open(home / "photos.tar").read("cats/1.jpg")
    b'a cat'

    The archive is read once, from its beginning to its end, and hashed. Several become one index, as shards of a data
    set do.

    Args:
        archives: An archive, or several: paths or URLs. Those that are compressed as a whole, as `.tar.gz` are, cannot
            be read in place; `pack` takes them.
        out: Where the index goes; of a single archive on disk `ARCHIVE.rpx` without it.
        on_conflict: Of a path that two archives have with different content, which counts: that of the archive that is
            named `"first"` or `"last"`; with `"error"` it raises.
        volumes: The directory, or the beginning of the URLs, below which the archives lie, if not below that of `out`.
            Who opens the index says the same.
        overwrite: Replace an index that is there.
        incomplete: Members that are not in the index, or cannot be read where they lie, are no exception; look at
            `failed` and `unreadable`.
        progress: As for `pack`.

    Raises:
        FileExistsError: The index is there, and `overwrite` is not given.
        NotAPackError: It is no archive, or one that is compressed as a whole.
        CorruptError: The archive is damaged. Then there is no index.
        IncompleteError: Members are not in the index, or cannot be read where they lie. The index is there with all
            others, and `report` tells.
        ValueError: It is not said where the index of an archive at a URL goes, or of several.
    """
    given = [archives] if isinstance(archives, str | bytes | os.PathLike) else list(archives)
    if not given:
        raise ValueError("archives is empty: there is nothing to index")
    if out is None:
        only = os.fsdecode(given[0])
        if len(given) > 1 or "://" in only:
            raise ValueError("out says where the index of several archives goes, or of one at a URL")
        out = only + ".rpx"
    with Telling(progress, "indexing") as told:
        indexed = Indexed(
            _rangepack.index(given, out, on_conflict=on_conflict, volumes=volumes, overwrite=overwrite, progress=told)
        )
    if (indexed.failed or indexed.unreadable) and not incomplete:
        lacks = [f"{indexed.failed} members are not as they should be"] if indexed.failed else []
        lacks += [f"{indexed.unreadable} cannot be read where they lie"] if indexed.unreadable else []
        raise incomplete_error(indexed, out, ", ".join(lacks), indexed.problems)
    return indexed


def export(
    pack: Pack | StrPath,
    out: StrPath,
    paths: Inside | Iterable[Inside] | None = None,
    *,
    format: ArchiveFormat | None = None,  # noqa: A002
    deflate: int | None = None,
    overwrite: bool = False,
    fsync: bool = False,
    incomplete: bool = False,
    progress: Progress = False,
) -> Exported:
    """Write a pack, or a part of it, as a tar or zip archive, which appears when it is complete, or not at all. Each
    file is verified on the way, and the same pack gives the same bytes.

    >>> import pathlib, tempfile, zipfile, rangepack
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> _ = rangepack.pack_files({"cats/1.jpg": b"a cat", "notes.txt": b"of cats"}, home / "photos.pack")
    >>> rangepack.export(home / "photos.pack", home / "photos.tar").files
    2
    >>> _ = rangepack.export(home / "photos.pack", home / "cats.zip", "*.jpg")
    >>> zipfile.ZipFile(home / "cats.zip").read("cats/1.jpg")
    b'a cat'

    Tar keeps modes, times to the nanosecond, hard and symbolic links, owners and extended attributes; zip keeps modes,
    symbolic links and whole seconds.

    Args:
        pack: A `Pack`, or where one lies.
        out: The archive.
        paths: Which paths, and globs of them; a directory brings all that is in it. `None` is everything.
        format: `"tar"`, `"tar.gz"`, `"tar.zst"` or `"zip"`; without it the end of the name of `out` says it.
        deflate: Deflate also those files of a zip archive that are stored as they are in the pack, at a level from 1
            to 9.
        overwrite: Replace what is there.
        fsync: Wait until the archive is on disk.
        incomplete: Paths that match nothing are no exception; look at `unmatched`.
        progress: As for `pack`.

    Raises:
        FileExistsError: The archive is there, and `overwrite` is not given.
        CorruptError: A file is damaged. Then there is no archive.
        IncompleteError: Something of `paths` matches nothing. The archive has the rest, and `report` tells.
        ValueError: The name of `out` does not say what archive it is; `deflate` is given for another than zip; `paths`
            is empty: without it everything is exported.
    """
    if isinstance(paths, str | bytes | os.PathLike | Entry | PackPath):
        paths = [paths]
    wanted = None if paths is None else list(paths)
    if wanted == []:
        raise ValueError("paths is empty; without it everything is exported")
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with Telling(progress, "exporting") as told:
        known = _rangepack.export(
            opened,
            out,
            wanted,
            format=format,
            deflate=deflate,
            overwrite=overwrite,
            fsync=fsync,
            progress=told,
        )
    exported = Exported(known)
    if exported.unmatched and not incomplete:
        lacks = [f"nothing in the pack matches {pattern!r}" for pattern in exported.unmatched[:3]]
        raise incomplete_error(exported, out, "not everything was exported: " + ", ".join(lacks), [])
    return exported
