"""Millions of files in one file, and any of them at once.

>>> import pathlib, tempfile, rangepack
>>> home = pathlib.Path(tempfile.mkdtemp())
>>> (home / "photos" / "cats").mkdir(parents=True)
>>> _ = (home / "photos" / "cats" / "1.txt").write_text("a cat")
>>> packed = rangepack.pack(home / "photos", home / "photos.pack")
>>> packed.files, packed.bytes
(1, 5)
>>> pack = rangepack.open(home / "photos.pack")
>>> len(pack), list(pack), "cats" in pack
(1, ['cats/1.txt'], True)
>>> bytes(pack["cats/1.txt"]), bytes(pack[0]), pack.read(0, offset=2, length=3)
(b'a cat', b'a cat', b'cat')
>>> with pack.open("cats/1.txt", "rt", encoding="utf-8") as file:
...     file.read()
'a cat'
"""

from __future__ import annotations

import os

from rangepack._archives import export, index
from rangepack._growing import add, compact, generations, remove, sync
from rangepack._merging import merge, split
from rangepack._rangepack import (
    ContainerError,
    CorruptError,
    Entry,
    IncompleteError,
    LimitError,
    NotAPackError,
    PackError,
    PackWarning,
    RemoteError,
    UnsupportedError,
    VolumeError,
    WrongPackError,
    __version__,
    after_fork,
)
from rangepack._reports import (
    Compacted,
    Created,
    Exported,
    Extracted,
    Finalized,
    Generation,
    Grown,
    Indexed,
    Merged,
    Packed,
    Share,
    Split,
    Table,
    Verified,
)
from rangepack._writing import create, extract, finalize, pack, pack_files, table, verify
from rangepack.paths import PackPath
from rangepack.reading import Pack

#: Opens a pack: `rangepack.open("train.pack")`. See `Pack` for what can be said about how.
open = Pack  # noqa: A001

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)

__all__ = [
    "Compacted",
    "ContainerError",
    "CorruptError",
    "Created",
    "Entry",
    "Exported",
    "Extracted",
    "Finalized",
    "Generation",
    "Grown",
    "IncompleteError",
    "Indexed",
    "LimitError",
    "Merged",
    "NotAPackError",
    "Pack",
    "PackError",
    "PackPath",
    "PackWarning",
    "Packed",
    "RemoteError",
    "Share",
    "Split",
    "Table",
    "UnsupportedError",
    "Verified",
    "VolumeError",
    "WrongPackError",
    "__version__",
    "add",
    "compact",
    "create",
    "export",
    "extract",
    "finalize",
    "generations",
    "index",
    "merge",
    "open",
    "pack",
    "pack_files",
    "remove",
    "split",
    "sync",
    "table",
    "verify",
]


def __getattr__(name: str) -> object:
    """Its parts are there without being imported by name."""
    if name in ("container", "data", "filepacker", "fsspec", "ray"):
        import importlib

        return importlib.import_module(f"rangepack.{name}")
    raise AttributeError(f"module 'rangepack' has no attribute {name!r}")
