"""Packs as file systems of fsspec, for pandas, pyarrow, zarr and all others: `rangepack://path::s3://bucket/train.pack`.

>>> import pathlib, tempfile, fsspec, rangepack
>>> home = pathlib.Path(tempfile.mkdtemp())
>>> (home / "photos" / "cats").mkdir(parents=True)
>>> _ = (home / "photos" / "cats" / "1.txt").write_text("a cat")
>>> _ = rangepack.pack(home / "photos", home / "photos.pack")
>>> with fsspec.open(f"rangepack://cats/1.txt::{home / 'photos.pack'}", "rt") as file:
...     file.read()
'a cat'
>>> fs = fsspec.filesystem("rangepack", fo=home / "photos.pack")
>>> fs.ls("cats", detail=False), fs.cat_file("cats/1.txt", 2, 5)
(['cats/1.txt'], b'cat')
"""

# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false
# fsspec has no types, and those of its defaults are no promises.

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, cast

from fsspec.asyn import get_loop, reset_lock
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.spec import make_instance

from rangepack.fsspec.pack_file import PackFile, copy, from_beginning
from rangepack.fsspec.target import open_target
from rangepack.fsspec.tree import Tree
from rangepack.reading import Pack

if TYPE_CHECKING:
    from rangepack._types import StrPath, Verify

#: What fsspec itself knows of every file system.
_OPTIONS = {
    "asynchronous",
    "batch_size",
    "listings_expiry_time",
    "loop",
    "max_paths",
    "skip_instance_cache",
    "use_listings_cache",
}
#: Files of remote packs up to this length, in bytes, are fetched together; parts of longer ones by themselves.
_TOGETHER = 256 << 10
#: Requests at a time.
_THREADS = 8


if hasattr(os, "register_at_fork"):
    # Older versions of fsspec keep the loop of the process before, which nobody runs in this one.
    os.register_at_fork(after_in_child=reset_lock)


class PackFileSystem(Tree):
    """A pack as a read-only file system.

    Nothing is read before it is asked for, and nothing is listed but the directory that is meant. Paths have no slash
    in front; the top is the empty path. Links are followed, save by `walk`, `find` and `glob`, which list those of
    directories and do not go there.

    It can be pickled and used by any number of threads, and in processes that were forked, as far as the pack lies on
    a disk or at an address that the library itself reads.

    Args:
        fo: Where the pack lies: an address that fsspec knows, a path, an open binary file that can seek, what
            `fsspec.open` gives, or a `rangepack.Pack`. The library itself reads paths and `http(s)`, `s3`, `gs` and
            `az` addresses; all others, and those with `target_options`, are read by `cat_ranges` of their file systems.
        target_protocol: The scheme of `fo`, when that does not tell.
        target_options: What the file system of `fo` is made with.
        root, verify, index, alone, timeout, retries: As for `rangepack.Pack`.

    Raises:
        ValueError: There is no `fo`.
        TypeError: An option is neither of these nor one of fsspec's own.

    What is wrong with the pack is told when it is used for the first time: see `rangepack.Pack`.
    """

    protocol = "rangepack"
    root_marker = ""
    # As with archives of all kinds: whoever replaces a pack sees the new one.
    cachable = False

    def __init__(
        self,
        fo: Any = "",
        target_protocol: str | None = None,
        target_options: dict[str, Any] | None = None,
        *,
        root: str | None = None,
        verify: Verify = "index",
        index: StrPath | None = None,
        alone: bool = False,
        timeout: float = 30.0,
        retries: int = 4,
        **options: Any,
    ) -> None:
        if unknown := options.keys() - _OPTIONS:
            raise TypeError(f"rangepack:// knows no option {', '.join(map(repr, sorted(unknown)))}")
        super().__init__(**options)
        if isinstance(fo, str) and not fo:
            raise ValueError("which pack? rangepack://path::pack is meant, or fo=pack")
        how = {"root": root, "verify": verify, "index": index, "alone": alone, "timeout": timeout, "retries": retries}
        self._open_pack: Callable[[], Pack] = lambda: open_target(fo, target_protocol, target_options or {}, how)
        self._opened: Pack | None = None

    @property
    def pack(self) -> Pack:
        """The pack, which is opened when it is used for the first time."""
        # Without a lock, which somebody could hold when a process is forked: what is opened twice does no harm.
        if self._opened is None:
            self._opened = self._open_pack()
        return self._opened

    _pid: int

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop on which methods run that are not asynchronous. A process that was forked has its own."""
        if not self.asynchronous and self._pid != (pid := os.getpid()):
            self._loop, self._pid = get_loop(), pid
        return cast("asyncio.AbstractEventLoop | None", self._loop)

    def close(self) -> None:
        """Let go of the pack; files that are open stay usable."""
        self.pack.close()

    # Contents.

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        """The content of a file, or its bytes from `start` to `end`; negative ones count from its end."""
        path = self._strip_protocol(path)
        pack = self.pack
        if not start and end is None:
            return pack.read(path)
        size = pack.entry(path).size if (start or 0) < 0 or (end or 0) < 0 else 0
        start, end = from_beginning(start, end, size)
        return pack.read(path, start, None if end is None else max(0, end - start))

    def cat_ranges(
        self,
        paths: list[str],
        starts: int | list[int | None] | None,
        ends: int | list[int | None] | None,
        max_gap: int | None = None,
        on_error: str = "return",
        **_: Any,
    ) -> list[Any]:
        """The bytes from each start to each end; small files of a remote pack come together, neighbours in one request.

        With `on_error="return"` the exception of a file that cannot be read stands in its place.
        """
        if not isinstance(paths, list):
            raise TypeError("paths is a list")
        firsts = starts if isinstance(starts, list) else [starts] * len(paths)
        lasts = ends if isinstance(ends, list) else [ends] * len(paths)
        if not len(paths) == len(firsts) == len(lasts):
            raise ValueError(f"{len(paths)} paths, {len(firsts)} starts and {len(lasts)} ends")
        paths = [self._strip_protocol(path) for path in paths]
        here = self._fetch(paths)

        def part(path: str, start: int | None, end: int | None) -> Any:
            try:
                if path not in here:
                    return self.cat_file(path, start, end)
                start, end = from_beginning(start, end, len(here[path]))
                return bytes(here[path][start:end])
            except Exception as error:
                if on_error != "return":
                    raise
                return error

        if len(here) == len(set(paths)) or not self.pack.is_remote:
            return list(map(part, paths, firsts, lasts))
        with ThreadPoolExecutor(_THREADS) as pool:
            return list(pool.map(part, paths, firsts, lasts))

    def _fetch(self, paths: list[str]) -> dict[str, memoryview]:
        """The contents of the small files among them, when the pack is remote."""
        pack = self.pack
        if not pack.is_remote or len(paths) < 2:
            return {}
        small = []
        for path in dict.fromkeys(paths):
            try:
                if pack.entry(path).size <= _TOGETHER:
                    small.append(path)
            except Exception:
                # It is told when the file itself is read.
                continue
        try:
            return dict(zip(small, pack.read_many(small), strict=True))
        except Exception:
            return {}

    def _open(self, path: str, mode: str = "rb", block_size: int | None = None, **_: Any) -> IO[bytes]:
        if mode != "rb":
            self._refuse(path)
        return cast("IO[bytes]", PackFile(self, self._strip_protocol(path), block_size))

    # The same for those who wait for nothing: the library waits in a thread.

    async def _info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self.info, path)

    async def _exists(self, path: str, **kwargs: Any) -> bool:
        return await asyncio.to_thread(self.exists, path)

    async def _isfile(self, path: str) -> bool:
        return await asyncio.to_thread(self.isfile, path)

    async def _isdir(self, path: str) -> bool:
        return await asyncio.to_thread(self.isdir, path)

    async def _ls(self, path: str, detail: bool = True, **kwargs: Any) -> list[Any]:
        return await asyncio.to_thread(self.ls, path, detail)

    async def _walk(self, path: str, *args: Any, **kwargs: Any) -> AsyncIterator[tuple[str, Any, Any]]:
        steps = self.walk(path, *args, **kwargs)
        while (step := await asyncio.to_thread(next, steps, None)) is not None:
            yield step

    async def _find(self, path: str, *args: Any, **kwargs: Any) -> Any:
        return await asyncio.to_thread(self.find, path, *args, **kwargs)

    async def _cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> bytes:
        return await asyncio.to_thread(self.cat_file, path, start, end)

    async def _cat_ranges(self, *args: Any, **kwargs: Any) -> list[Any]:
        return await asyncio.to_thread(self.cat_ranges, *args, **kwargs)

    async def _cat(self, path: Any, recursive: bool = False, on_error: str = "raise", **kwargs: Any) -> Any:
        """The content of one file, or of several by their paths; directories have none."""
        paths = await self._expand_path(path, recursive=recursive)
        if recursive:
            paths = [path for path in paths if not await self._isdir(path)]
        found = await self._cat_ranges(paths, None, None, on_error="raise" if on_error == "raise" else "return")
        if isinstance(path, str) and paths == [self._strip_protocol(path)]:
            return found[0]
        return {
            path: content
            for path, content in zip(paths, found, strict=True)
            if on_error != "omit" or not isinstance(content, Exception)
        }

    async def _get_file(self, rpath: str, lpath: str, callback: Any = DEFAULT_CALLBACK, **kwargs: Any) -> None:
        await asyncio.to_thread(self.get_file, rpath, lpath, callback)

    def get_file(self, rpath: str, lpath: Any, callback: Any = DEFAULT_CALLBACK, outfile: Any = None, **_: Any) -> None:
        """Copy a file to the local path or file object `lpath`; of a directory, make it."""
        if outfile is None and not hasattr(lpath, "write"):
            if self.isdir(rpath):
                Path(lpath).mkdir(parents=True, exist_ok=True)
                return
            with PackFile(self, self._strip_protocol(rpath)) as file:
                Path(lpath).parent.mkdir(parents=True, exist_ok=True)
                with Path(lpath).open("wb") as target:
                    copy(file, target, callback)
            return
        with PackFile(self, self._strip_protocol(rpath)) as file:
            copy(file, lpath if outfile is None else outfile, callback)

    # Packs are not written to.

    def _refuse(self, path: Any, *_: Any, **__: Any) -> NoReturn:
        raise OSError(errno.EROFS, "packs are read-only", str(path))

    async def _refuse_later(self, path: Any, *_: Any, **__: Any) -> NoReturn:
        self._refuse(path)

    _pipe_file = _put_file = _rm_file = _rm = _cp_file = _mkdir = _makedirs = _refuse_later
    mkdir = makedirs = rmdir = touch = created = _refuse

    def __repr__(self) -> str:
        where = "not open yet" if self._opened is None else repr(self._opened)
        return f"<rangepack.fsspec.PackFileSystem {where}>"

    def __reduce__(self) -> Any:
        """Another process opens the same pack: one that was replaced meanwhile is another."""
        options = self.storage_options
        if self._opened is not None and not self._opened.closed and self._opened.root is not None:
            options = {**options, "root": self._opened.root}
        return make_instance, (type(self), self.storage_args, options)
