"""Packing, extracting and verifying, with progress."""

from __future__ import annotations

import os

from rangepack import _rangepack
from rangepack._rangepack import Entry, IncompleteError
from rangepack._reports import (
    Created,
    Exported,
    Extracted,
    Finalized,
    Grown,
    Indexed,
    Packed,
    PackedParts,
    Split,
    Surveyed,
    Table,
    Verified,
)
from rangepack.paths import PackPath
from rangepack.reading import Pack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from typing import Any

    from typing_extensions import Unpack

    from rangepack._types import (
        ContainerOptions,
        Content,
        IndexFormat,
        Inside,
        Lines,
        PackOptions,
        Present,
        Progress,
        StrPath,
        SurveyOptions,
        Tail,
        TargetOptions,
    )


class Telling:
    """A function that hears of files and bytes: the caller's, or one that moves a bar of tqdm when that is there."""

    def __init__(self, progress: Progress, what: str) -> None:
        self._progress, self._what = progress, what
        self._bar: Any = None

    def __enter__(self) -> Callable[[int, int], object] | None:
        if not isinstance(self._progress, bool):
            if not callable(self._progress):
                raise TypeError(f"progress is True, False or a function, not {self._progress!r}")
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


def pack(
    source: StrPath,
    target: StrPath,
    *,
    files_from: StrPath | Iterable[StrPath] | None = None,
    progress: Progress = False,
    **options: Unpack[PackOptions],
) -> Packed:
    """Pack the tree below `source` into `target`, which appears when it is complete, or not at all.

    Args:
        source: A directory; or a tar or zip archive, tar in gzip or Zstandard too: then what is in it is packed,
            without being unpacked first. Of several members with one path the last counts. `files_from`, `gitignore`
            and `follow_links` are for directories.
        target: The pack.
        files_from: Pack exactly these paths, which are relative to `source`: an iterable of them, or a file in which
            each ends with a NUL byte, as `split` writes it. A directory comes without what is in it, and those above a
            path come by themselves.
        progress: `True` for a bar (by tqdm, when it is there), or a function that is called with the number of files
            and of bytes.
        compress: `"gzip"` or `"zstd"` compresses each file, where that makes it shorter; zstd is faster, and the old
            programs cannot read it.
        level: How much work that is, of gzip from 1 to 9 (6), of zstd from 1 to 22 (3).
        dictionaries: With zstd, learn beforehand what small files have in common.
        include, exclude: Globs as in a .gitignore, one or several: what alone is packed, and what is left out.
        extensions: Files with these alone are packed.
        hidden: `False` leaves out names that start with a dot.
        gitignore: Honour .gitignore files.
        follow_links: Pack what symbolic links lead to, instead of the links.
        overwrite: Replace what is at the target.
        strict: Stop at the first file that cannot be read, with its exception, and make no pack.
        incomplete: Files that cannot be read are no exception; look at `failed`. With `overwrite`, a pack may be
            replaced by one that lacks them.
        fsync: Wait until the pack is on disk.
        threads: How many threads read, hash and compress.
        metadata: What is to be said of the pack, texts by keys.

    Raises:
        FileExistsError: The target is there, and `overwrite` is not given.
        ValueError: A path of `files_from` is absolute or holds `..`; its last one does not end with a NUL byte.
        IncompleteError: Files could not be read. The pack has the others, and `report` tells; what was at the target
            before is not replaced.
        NotADirectoryError: `source` is a file, and no archive.
        NotAPackError: It is an archive of a kind that is not read.
        CorruptError: The archive is damaged. Then there is no pack.
    """
    with Telling(progress, "packing") as told:
        packed = Packed(_rangepack.pack(source, target, files_from=files_from, progress=told, **options))
    return _whole(packed, target, options.get("incomplete", False))


def pack_files(
    files: Mapping[str, Content] | Iterable[tuple[Inside, Content]],
    target: StrPath,
    *,
    progress: Progress = False,
    **options: Unpack[TargetOptions],
) -> Packed:
    """Pack files from anywhere, and contents from memory.

    >>> import pathlib, tempfile, rangepack
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (home / "1.jpg").write_bytes(b"a cat")
    >>> packed = rangepack.pack_files({"cats/1.jpg": home / "1.jpg", "notes.txt": b"of cats"}, home / "x.pack")
    >>> {path: bytes(content) for path, content in rangepack.open(home / "x.pack").items()}
    {'notes.txt': b'of cats', 'cats/1.jpg': b'a cat'}

    Args:
        files: Paths in the pack, and what is there: `bytes` and other buffers are contents; texts and paths are those
            of files and directories on disk, which are packed with their times and modes. A dict, or pairs in any
            order: each is taken once, so they can come from a generator. Contents wait on disk beside the target until
            they are packed; their time is the beginning of 1970, so that the same contents make the same pack.
        target: The pack.
        progress: As for `pack`.
        options: `compress`, `level`, `dictionaries`, `overwrite`, `strict`, `incomplete`,
            `fsync`, `threads` and `metadata` of `pack`.

    Raises:
        As `pack`, and ValueError for a path that no pack can have.
    """
    pairs: Any = getattr(files, "items", lambda: files)()
    with Telling(progress, "packing") as told, Contents(target) as contents:
        packed = Packed(_rangepack.pack_files(contents.on_disk(pairs), target, progress=told, **options))
    packed.problems = [(contents.named(path), problem) for path, problem in packed.problems]
    return _whole(packed, target, options.get("incomplete", False))


class Contents:
    """Contents that wait on disk."""

    def __init__(self, target: StrPath) -> None:
        self._beside = os.path.dirname(os.path.abspath(os.fsdecode(target)))  # noqa: PTH100, PTH120
        self._directory: Any = None

    def __enter__(self) -> Contents:
        return self

    def __exit__(self, *_: object) -> None:
        if self._directory is not None:
            self._directory.cleanup()

    def on_disk(self, pairs: Iterable[tuple[Inside, Content]]) -> Iterator[tuple[Inside, StrPath]]:
        for number, (path, content) in enumerate(pairs):
            if isinstance(content, str | os.PathLike):
                yield path, content
            else:
                yield path, self._write(f"{number}", content)

    def named(self, path: str) -> str:
        """What a path on disk is called: of a content, where it stood among the files."""
        directory, name = os.path.split(path)
        return f"<content {name}>" if self._directory is not None and directory == self._directory.name else path

    def _write(self, name: str, content: bytes | bytearray | memoryview) -> str:
        if self._directory is None:
            import tempfile

            self._directory = tempfile.TemporaryDirectory(prefix=".rangepack-", dir=self._beside)
        path = os.path.join(self._directory.name, name)  # noqa: PTH118
        with open(path, "wb") as file:  # noqa: PTH123
            file.write(content)
        os.utime(path, (0, 0))
        return path


def _whole(packed: Packed, target: StrPath, incomplete: bool) -> Packed:
    """The same, when it lacks nothing or may lack something."""
    if packed.failed and not incomplete:
        raise incomplete_error(
            packed, target, f"{packed.failed} of what was to be packed could not be read", packed.problems
        )
    return packed


def incomplete_error(
    report: Packed | PackedParts | Split | Extracted | Exported | Grown | Indexed | None,
    place: StrPath,
    what: str,
    problems: list[tuple[str, str]],
) -> IncompleteError:
    """The exception for what was not done."""
    first = f", first {problems[0][0]!r}: {problems[0][1]}" if problems else ""
    error = IncompleteError(f"{os.fsdecode(place)}: {what}{first}")
    error.location, error.path, error.offset, error.report = os.fsdecode(place), None, None, report
    return error


def extract(
    pack: Pack | StrPath,
    target: StrPath,
    paths: Inside | Iterable[Inside] | None = None,
    *,
    overwrite: bool = False,
    present: Present = "auto",
    dry_run: bool = False,
    fail_fast: bool = False,
    incomplete: bool = False,
    threads: int | None = None,
    progress: Progress = False,
) -> Extracted:
    """Extract a pack below `target`. Each file is verified before it gets its name.

    Args:
        pack: A `Pack`, or where one lies.
        target: A directory, which is made if need be.
        paths: Which paths, and globs of them; a directory brings all that is in it. `None` is everything.
        overwrite: Replace files that are there; else those that differ are left alone, and count as failed.
        present: Which files are there already, and skipped: those that agree in `"content"`, `"size"` or `"time"`;
            `"none"`; `"auto"`: by content, or none with `overwrite`.
        dry_run: Read and verify everything, write nothing.
        fail_fast: Stop at the first file that fails.
        incomplete: What fails is no exception; look at `is_complete`.
        threads: How many threads extract.
        progress: As for `pack`.

    Raises:
        IncompleteError: Something was not extracted. The rest was, and `report` tells.
        ValueError: `paths` is empty: without it everything is extracted.
    """
    if isinstance(paths, str | bytes | os.PathLike | Entry | PackPath):
        paths = [paths]
    wanted = None if paths is None else list(paths)
    if wanted == []:
        raise ValueError("paths is empty; without it everything is extracted")
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with Telling(progress, "extracting") as told:
        known = _rangepack.extract(
            opened,
            target,
            wanted,
            overwrite=overwrite,
            present=present,
            dry_run=dry_run,
            fail_fast=fail_fast,
            threads=threads,
            progress=told,
        )
    extracted = Extracted(known)
    if not extracted.is_complete and not incomplete:
        lacks = [f"{count} {what}" for what in ("failed", "refused") if (count := known[what])]
        lacks += [f"nothing in the pack matches {pattern!r}" for pattern in extracted.unmatched[:3]]
        lacks += [extracted.stopped] if extracted.stopped else []
        what = "not everything was extracted: " + (", ".join(lacks) or "nothing is left of its names")
        raise incomplete_error(extracted, target, what, extracted.problems)
    return extracted


def verify(
    pack: Pack | StrPath, *, payloads: bool = True, threads: int | None = None, progress: Progress = False
) -> Verified:
    """Verify every page of the index and every payload. What is damaged is no exception: look at `is_sound`.

    Args:
        pack: A `Pack`, or where one lies.
        payloads: `False` leaves the contents of files out.
        threads: How many threads read.
        progress: As for `pack`.

    Raises:
        PackError: It does not even open.
    """
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with Telling(progress, "verifying") as told:
        return Verified(_rangepack.verify(opened, payloads=payloads, threads=threads, progress=told))


def table(pack: Pack | StrPath, target: StrPath, *, overwrite: bool = False, progress: Progress = False) -> Table:
    """Write a table of all entries as a Parquet file: DuckDB, pandas and others then know where each payload lies, and
    need no package to read it.

    Columns: `path`, `directory`, `name`, `kind` (`file`, `directory`, `symlink`), `size`, `mtime`, `mode`; of files
    `volume` (the name of the file that has the payload), `offset` and `stored_size` there, `codec` (`stored`: the
    content as it is), `sha256` of these bytes, and `original_sha256` of the content where that is another; of links
    `link_target`; and `path_hex`, the bytes of paths that are no UTF-8.

    Args:
        pack: A `Pack`, or where one lies.
        target: The table.
        overwrite: Replace what is there.
        progress: As for `pack`.

    Raises:
        FileExistsError: The target is there, and `overwrite` is not given.
    """
    opened = pack if isinstance(pack, Pack) else Pack(pack)
    with Telling(progress, "writing") as told:
        return Table(_rangepack.table(opened, target, overwrite=overwrite, progress=told))


def create(
    source: StrPath,
    container: StrPath,
    *,
    incomplete: bool = False,
    progress: Progress = False,
    **options: Unpack[ContainerOptions],
) -> Created:
    """Make a container that can be continued after any interruption, or continue one: the same call goes on.

    Payloads are appended, and durable before the index beside the container (`CONTAINER.idx`) names them.

    Args:
        source: A directory.
        container: The container.
        incomplete, progress: As for `pack`.
        finalize: Put the index into the container at the end.
        remove_index: Remove the one beside it then.
        index: Where that lies.
        reopen: Add to a container that is finished.
        tail: What becomes of bytes that nothing names: `"keep"` or `"cut"`; without it they are an error.
        fsync_every: Wait for the disk after so many files (1).
        index_batch: Write the index after so many entries.
        index_format: Which indexes it gets: `"both"`, `"paged"` or `"ndjson"`.
        ndjson_dirs: Whether directories have lines: `"auto"`, `"always"` or `"never"`.
        dry_run: Read everything, write nothing.
        dedup: Store the same content once (`True`).
        align: Payloads begin at multiples of so many bytes.
        owner, xattrs: Keep owners, and extended attributes.
        compress, level, include, exclude, extensions, hidden, gitignore, follow_links, strict, threads: As for `pack`;
            containers are compressed with gzip only.

    Raises:
        ContainerError: It cannot be gone on with as asked: the index is missing or belongs to another, somebody else
            writes, it is finished.
        IncompleteError: Files could not be read. The container has the others, and `report` tells.
    """
    with Telling(progress, "packing") as told:
        created = Created(_rangepack.create(source, container, progress=told, **options))
    _whole(created, container, incomplete)
    return created


def survey(source: StrPath, **options: Unpack[SurveyOptions]) -> Surveyed:
    """Count what would be packed of a tree, without reading it.

    Args:
        source: A directory.
        container, index: What is written, if that lies in it.
        sizes: Whether contents are measured.
        include, exclude, extensions, hidden, gitignore, follow_links: As for `pack`.
    """
    return Surveyed(_rangepack.survey(source, **options))


def finalize(
    container: StrPath,
    *,
    index: StrPath | None = None,
    remove_index: bool = False,
    tail: Tail | None = None,
    index_format: IndexFormat = "both",
    ndjson_dirs: Lines = "auto",
    progress: Progress = False,
) -> Finalized:
    """Put the index that lies beside a container into it. The arguments are those of `create`."""
    with Telling(progress, "finalizing") as told:
        known = _rangepack.finalize(
            container,
            index=index,
            remove_index=remove_index,
            tail=tail,
            index_format=index_format,
            ndjson_dirs=ndjson_dirs,
            progress=told,
        )
    return Finalized(known)
