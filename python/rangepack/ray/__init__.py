"""Packing by tasks of Ray, and packs as data sets of Ray Data. It needs Ray: `pip install 'rangepack[ray]'`.

>>> import pathlib, tempfile
>>> import rangepack.ray
>>> home = pathlib.Path(tempfile.mkdtemp())
>>> (home / "photos").mkdir()
>>> for number in range(6):
...     _ = (home / "photos" / f"{number}.jpg").write_bytes(bytes([number]) * 1000)
>>> packed = rangepack.ray.pack(home / "photos", home / "photos.pack", parts=2)
>>> packed.files, packed.parts, packed.made
(6, 2, 2)

What is done already is not done again:

>>> _ = (home / "photos" / "5.jpg").write_bytes(b"another picture")
>>> rangepack.ray.pack(home / "photos", home / "photos.pack", parts=2, overwrite=True).made
1

The pack is a data set of rows, which tasks read range by range:

>>> photos = rangepack.ray.read(home / "photos.pack", ["path", "bytes", "size"], select="*.jpg", exclude="[0-3].jpg")
>>> for row in sorted(photos.take_all(), key=lambda row: row["path"]):
...     print(row["path"], row["size"], row["bytes"][:7])
4.jpg 1000 b'\\x04\\x04\\x04\\x04\\x04\\x04\\x04'
5.jpg 15 b'another'
"""

from __future__ import annotations

from rangepack._reports import PackedParts
from rangepack.ray._packing import PartError, pack

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from ray.data import Dataset

    from rangepack._types import Globs, StrPath
    from rangepack.ray._datasource import PackDatasource
    from rangepack.reading import Pack

__all__ = ["PackDatasource", "PackedParts", "PartError", "pack", "read"]


def read(
    location: Pack | StrPath,
    columns: Iterable[str] = ("path", "bytes"),
    *,
    select: Globs | None = None,
    exclude: Globs | None = None,
    **how: Any,
) -> Dataset:
    """The files of a pack as a data set of Ray Data: a row for each.

    Each task opens the pack itself, where it lies, and reads a range of its entries: of the index what belongs to the
    range, of contents nothing unless `bytes` is among the columns. Merged packs and URLs are read like all others.

    Args:
        location: A `Pack`, or where one lies; whatever machine reads finds it there.
        columns: Of `path`, `name`, `bytes` (the content), `size`, `stored_size`, `mtime` (seconds since 1970),
            `mtime_ns`, `mode`, `sha256`, as an `Entry` has them; and `raw_path`, the path as bytes, for names that are
            no Unicode: such bytes are `\\\\xff` and so on in `path`.
        select: Globs as in a .gitignore of the files that are meant; `None` is every file. Links are none.
        exclude: Globs of files that are left out of these.
        how: What `ray.data.read_datasource` takes: `override_num_blocks`, `concurrency`, `num_cpus` and so on.

    Raises:
        ImportError: Ray is not installed.
        FileNotFoundError, PackError: As for opening a pack.
        ValueError: There is no such column, or a glob is malformed.
    """
    from rangepack.ray._datasource import PackDatasource

    source = PackDatasource(location, columns, select=select, exclude=exclude)

    import ray.data

    return ray.data.read_datasource(source, **how)


def __getattr__(name: str) -> object:
    """Ray Data takes seconds to import, and tasks that pack do without."""
    if name == "PackDatasource":
        from rangepack.ray._datasource import PackDatasource

        return PackDatasource
    raise AttributeError(f"module 'rangepack.ray' has no attribute {name!r}")
