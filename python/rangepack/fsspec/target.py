"""Where the pack of a `rangepack://` address lies: at a place that the library reads, or in a file system of fsspec."""

from __future__ import annotations

from typing import Any

from fsspec.config import conf
from fsspec.core import OpenFile, split_protocol, url_to_fs
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import filesystem
from fsspec.spec import AbstractFileSystem
from fsspec.utils import stringify_path

from rangepack._source import open_file
from rangepack.reading import Pack

#: What the library calls the schemes that it reads itself.
_NATIVE = {"http": "http", "https": "https", "s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az"}


def open_target(fo: Any, protocol: str | None, options: dict[str, Any], how: dict[str, Any]) -> Pack:
    """Open the pack that `fo` names.

    Args:
        fo: An address, a path, what `fsspec.open` gives, an open file, or a `Pack`.
        protocol: The scheme of `fo`, when that does not tell.
        options: For the file system in which it lies. The library knows nothing of them, so only a local pack is read
            without that file system when there are some.
        how: What `Pack` is to know.
    """
    if isinstance(fo, Pack):
        return fo
    if isinstance(fo, OpenFile):
        if fo.compression is not None:
            raise ValueError(f"{fo.path}: a pack is read here and there, which compressed files do not allow")
        return _inside(fo.fs, fo.path, how)
    address = stringify_path(fo)
    if not isinstance(address, str):
        return open_file(fo, **how)
    location = _location(address, protocol, options)
    if location is not None:
        return Pack(location, **how)
    if protocol is None:
        fs, path = url_to_fs(address, **options)
    else:
        fs = filesystem(protocol, **options)
        path = fs._strip_protocol(address)
    return _inside(fs, path, how)


def _location(address: str, protocol: str | None, options: dict[str, Any]) -> str | None:
    """What the library opens; `None` when fsspec has to read it."""
    if protocol is None and "::" in address:
        return None
    written, rest = split_protocol(address)
    scheme = protocol or written or "file"
    if scheme in ("file", "local"):
        return str(LocalFileSystem._strip_protocol(address))
    if scheme not in _NATIVE or options or conf.get(scheme):
        return None
    return f"{_NATIVE[scheme]}://{rest if written else address}"


def _inside(fs: AbstractFileSystem, path: str, how: dict[str, Any]) -> Pack:
    if isinstance(fs, LocalFileSystem):
        return Pack(fs._strip_protocol(path), **how)
    source = _FileSystem(fs, path)
    return Pack(source.name, source=source, **how)


class _FileSystem:
    """Files of a file system of fsspec, as sources of packs."""

    def __init__(self, fs: AbstractFileSystem, path: str) -> None:
        protocol = fs.protocol if isinstance(fs.protocol, str) else fs.protocol[0]
        self._fs = fs
        # Without what may be secret: that is with the file system.
        inside = str(fs._strip_protocol(path))
        # Some file systems take nothing away.
        self._prefix = "" if "://" in inside else f"{protocol}://"
        self.name = self._prefix + inside

    def open(self, url: str, /) -> _File:
        """The pack, or what lies beside it."""
        path = url.removeprefix(self._prefix)
        info = self._fs.info(path)
        if info.get("type") == "directory":
            raise IsADirectoryError(path)
        if info.get("size") is None:
            raise ValueError(f"{url}: nobody knows how long it is")
        return _File(self._fs, path, int(info["size"]))


class _File:
    def __init__(self, fs: AbstractFileSystem, path: str, size: int) -> None:
        self._fs = fs
        self._path = path
        self.size = size

    def read(self, offset: int, length: int, /) -> bytes:
        [read] = self._fs.cat_ranges([self._path], [offset], [offset + length], on_error="raise")
        if isinstance(read, BaseException):
            raise read
        return read if isinstance(read, bytes) else bytes(memoryview(read))
