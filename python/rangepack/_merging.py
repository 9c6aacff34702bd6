"""A tree cut into lists, for many who pack it together, and many packs as one."""

from __future__ import annotations

import os

from rangepack import _rangepack
from rangepack._reports import Merged, Share, Split
from rangepack._writing import Telling, incomplete_error

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from typing_extensions import Unpack

    from rangepack._types import Inside, OnConflict, Progress, StrPath, TreeOptions


def split(
    source: StrPath,
    parts: int,
    out: StrPath,
    *,
    incomplete: bool = False,
    progress: Progress = False,
    **options: Unpack[TreeOptions],
) -> Split:
    """Cut a tree into lists of about the same weight, to be packed by many processes or machines: `pack` takes them as
    `files_from`, and `merge` makes one pack of the parts.

    A list weighs what its files have in bytes, and 16 KiB for each. The same tree gives the same lists, and no names
    are kept in memory.

    >>> import pathlib, tempfile, rangepack
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> (home / "photos").mkdir()
    >>> for number in range(6):
    ...     _ = (home / "photos" / f"{number}.jpg").write_bytes(bytes(1000))
    >>> shares = rangepack.split(home / "photos", 2, home / "lists").shares
    >>> [(pathlib.Path(share.list).name, share.files) for share in shares]
    [('part-000.list', 3), ('part-001.list', 3)]
    >>> pathlib.Path(shares[1].list).read_bytes()
    b'3.jpg\\x004.jpg\\x005.jpg\\x00'
    >>> for number, share in enumerate(shares):
    ...     packed = rangepack.pack(home / "photos", home / f"part-{number}.pack", files_from=share.list)
    >>> merged = rangepack.merge(sorted(home.glob("part-*.pack")), home / "photos.pack")
    >>> merged.files, merged.volumes
    (6, 2)

    Args:
        source: A directory.
        parts: How many lists.
        out: The directory for the lists, which is made if need be: `part-000.list` and so on.
        incomplete: Directories that cannot be read are no exception; look at `failed`.
        progress: As for `pack`.
        include, exclude, extensions, hidden, gitignore, follow_links: As for `pack`. Who packs a list says none of them
            again but `follow_links`.

    Raises:
        FileExistsError: There is such a list already.
        IncompleteError: Directories could not be read. What is in them is in no list; the lists are there, and `report`
            tells.
    """
    with Telling(progress, "splitting") as told:
        known = _rangepack.split(source, parts, out, progress=told, **options)
    done = Split({**known, "shares": [Share(share) for share in known["shares"]]})
    if done.failed and not incomplete:
        raise incomplete_error(done, out, f"{done.failed} directories could not be read", done.problems)
    return done


def merge(
    inputs: Iterable[StrPath],
    out: StrPath,
    *,
    prefixes: Mapping[StrPath, Inside] | None = None,
    on_conflict: OnConflict = "error",
    volumes: StrPath | None = None,
    overwrite: bool = False,
    fsync: bool = False,
    progress: Progress = False,
) -> Merged:
    """Make one pack of many, of their indexes alone: what is in them stays where it is.

    The merged pack finds its parts by their names, beside it or below its directory, and knows each by its length and
    root digest. What needs a part that is missing raises `VolumeError`, and everything else is read.

    >>> import pathlib, tempfile, rangepack
    >>> home = pathlib.Path(tempfile.mkdtemp())
    >>> _ = rangepack.pack_files({"1.jpg": b"a cat"}, home / "train.pack")
    >>> _ = rangepack.pack_files({"1.jpg": b"a dog"}, home / "test.pack")
    >>> parts = [home / "train.pack", home / "test.pack"]
    >>> merged = rangepack.merge(parts, home / "all.pack", prefixes={home / "test.pack": "test"})
    >>> {path: bytes(content) for path, content in rangepack.open(home / "all.pack").items()}
    {'1.jpg': b'a cat', 'test/1.jpg': b'a dog'}
    >>> (home / "test.pack").unlink()
    >>> rangepack.open(home / "all.pack").read("test/1.jpg")
    Traceback (most recent call last):
    ...
    rangepack.VolumeError: ...the file with the payloads is not there: test.pack, looked for at ...

    Args:
        inputs: The parts, paths or URLs: packs, merged packs, CTNRv1 containers, `.fpack` files.
        out: The merged pack.
        prefixes: The directory below which what is in a part appears, by the part as it stands in `inputs`.
        on_conflict: Of a path that two parts have with different content, which counts: that of the part that is named
            `"first"` or `"last"`; with `"error"` it raises.
        volumes: The directory, or the beginning of the URLs, below which the parts lie, if not below that of `out`.
            Who opens the merged pack says the same.
        overwrite: Replace what is at `out`.
        fsync: Wait until the pack is on disk.
        progress: As for `pack`, of entries and no bytes.

    Raises:
        FileExistsError: Something is at `out`, and `overwrite` is not given.
        FileNotFoundError: One of the parts is not there.
        PackError: A path has different content in two parts, or is a directory in one of them; `path` names it.
        ValueError: A part does not lie where it would be looked for; `out` is one of the parts; a prefix is of none.
    """
    if isinstance(inputs, str | bytes | os.PathLike):
        raise TypeError(f"inputs are several packs, not {inputs!r}")
    parts = list(inputs)
    if not parts:
        raise ValueError("inputs is empty: there is nothing to merge")
    below = {os.fsencode(part): directory for part, directory in (prefixes or {}).items()}
    pairs = [(part, below.get(os.fsencode(part))) for part in parts]
    for part in prefixes or {}:
        if os.fsencode(part) not in {os.fsencode(one) for one in parts}:
            raise ValueError(f"prefixes: {os.fsdecode(part)!r} is none of the inputs")
    with Telling(progress, "merging") as told:
        known = _rangepack.merge(
            pairs, out, on_conflict=on_conflict, volumes=volumes, overwrite=overwrite, fsync=fsync, progress=told
        )
    return Merged(known)
