"""Packs that grow by generations."""

from __future__ import annotations

import os

from rangepack import _rangepack
from rangepack._rangepack import Entry
from rangepack._reports import Compacted, Generation, Grown
from rangepack._writing import Contents, Telling, incomplete_error
from rangepack.paths import PackPath
from rangepack.reading import Pack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from typing_extensions import Unpack

    from rangepack._types import AddOptions, Content, Inside, Progress, StrPath, SyncOptions


def add(
    pack: StrPath,
    files: Mapping[str, Content] | Iterable[tuple[Inside, Content]],
    *,
    progress: Progress = False,
    **options: Unpack[AddOptions],
) -> Grown:
    """Add files to a pack, in place and in one durable step: a generation that has all that the pack had, and of equal
    paths what is new. Content that it holds already is not stored again.

    Until that is done the pack is what it was, for whoever opens it, also when the process is killed meanwhile.

    >>> import pathlib, tempfile, rangepack
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "x.pack"
    >>> _ = rangepack.pack_files({"cats/1.jpg": b"a cat", "notes.txt": b"of cats"}, path)
    >>> grown = rangepack.add(path, {"cats/2.jpg": b"another", "notes.txt": b"of two"})
    >>> grown.added, grown.changed
    (1, 1)
    >>> bytes(rangepack.open(path)["notes.txt"])
    b'of two'
    >>> bytes(rangepack.open(path, root=grown.previous)["notes.txt"])
    b'of cats'
    >>> [generation.files for generation in rangepack.generations(path)]
    [3, 2]

    Args:
        pack: A pack on disk.
        files: As for `pack_files`: paths in the pack, and contents or paths on disk.
        progress, compress, level, dictionaries, strict, incomplete, threads: As for `pack`.
        dry_run: Find out what would be done, and write nothing.
        metadata: What is to be said of the pack, beside what was said of it, or in its place.

    Raises:
        PackError: It is no pack with an index of its own; a path is a directory in one of them only.
        ContainerError: Another process writes it.
        IncompleteError: Files could not be read. The pack has the others, and `report` tells.
    """
    pairs: Any = getattr(files, "items", lambda: files)()
    with Telling(progress, "adding") as told, Contents(pack) as contents:
        grown = Grown(_rangepack.add(pack, contents.on_disk(pairs), progress=told, **options))
    grown.problems = [(contents.named(path), problem) for path, problem in grown.problems]
    return _whole(grown, pack, options.get("incomplete", False))


def remove(pack: StrPath, paths: Inside | Iterable[Inside], *, dry_run: bool = False) -> Grown:
    """Make a generation of a pack without some entries. What they held stays in the file until `compact`.

    Args:
        pack: A pack on disk.
        paths: Paths, and globs of them; a directory brings what it holds.
        dry_run: Find out what would be done, and write nothing.

    Raises:
        FileNotFoundError: One of the paths matches nothing.
        PackError, ContainerError: As for `add`.
    """
    if isinstance(paths, str | bytes | os.PathLike | Entry | PackPath):
        paths = [paths]
    return Grown(_rangepack.remove(pack, list(paths), dry_run=dry_run))


def sync(source: Pack | StrPath, pack: StrPath, *, progress: Progress = False, **options: Unpack[SyncOptions]) -> Grown:
    """Make a pack equal to a directory or to another pack, by what changed. A pack that is not there is made.

    Of a directory, files with the size, time and mode that the pack has are not read. Of a pack, pages of directories
    that differ are read, or fetched, and contents that the pack lacks; directories with equal tree digests stay as
    they are, with their times.

    >>> import pathlib, tempfile, rangepack
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> _ = rangepack.pack_files({"1.txt": b"one", "2.txt": b"two"}, home / "there.pack")
    >>> rangepack.sync(home / "there.pack", home / "here.pack").added
    2
    >>> _ = rangepack.remove(home / "there.pack", "2.txt")
    >>> grown = rangepack.sync(home / "there.pack", home / "here.pack")
    >>> grown.added, grown.removed, list(rangepack.open(home / "here.pack"))
    (0, 1, ['1.txt'])

    Args:
        source: A directory; or a `Pack`, or where one lies.
        pack: A pack on disk.
        progress, compress, level, dictionaries, strict, threads, include, exclude, extensions, hidden, gitignore,
            follow_links: As for `pack`, and of directories alone.
        checksum: Read all files of the directory.
        incomplete: What cannot be read is left out, and no exception.
        dry_run, metadata: As for `add`.

    Raises:
        IncompleteError: Files could not be read, and nothing was written.
        PackError, ContainerError: As for `add`.
    """
    with Telling(progress, "comparing") as told:
        if not isinstance(source, Pack) and os.path.isdir(source):  # noqa: PTH112
            return Grown(_rangepack.sync(source, pack, progress=told, **options))
        opened = source if isinstance(source, Pack) else Pack(source)
        # What is said of files on disk is refused there.
        others: Any = options
        return Grown(_rangepack.sync_pack(opened, pack, progress=told, **others))


def generations(pack: Pack | StrPath) -> list[Generation]:
    """The states that a pack had, from the newest to the oldest; none of an old container.

    Args:
        pack: A `Pack`, or where one lies.
    """
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    return [Generation(known) for known in _rangepack.generations(opened)]


def compact(pack: StrPath, *, volumes: StrPath | None = None, progress: Progress = False) -> Compacted:
    """Rewrite a pack in its place without what its last generation does not need; a merged one becomes one file.

    Args:
        pack: A pack on disk.
        volumes: Of a merged pack, where its parts lie, as for `open`.
        progress: As for `pack`.

    Raises:
        PackError, ContainerError: As for `add`. The pack is as it was then.
    """
    with Telling(progress, "copying") as told:
        return Compacted(_rangepack.compact(pack, volumes=volumes, progress=told))


def _whole(grown: Grown, pack: StrPath, incomplete: bool) -> Grown:
    """The same, when it lacks nothing or may lack something."""
    if grown.failed and not incomplete:
        raise incomplete_error(grown, pack, f"{grown.failed} of what was to be added could not be read", grown.problems)
    return grown
