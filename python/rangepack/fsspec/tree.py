"""What is in a pack, as fsspec asks."""

# pyright: reportIncompatibleMethodOverride=false, reportAssignmentType=false
# fsspec has no types, and those of its defaults are no promises.

from __future__ import annotations

import abc
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from typing import Any

from fsspec.asyn import AsyncFileSystem

from rangepack._rangepack import Entry
from rangepack.reading import Pack


class Tree(AsyncFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files and directories of a pack, with what is known of them."""

    @property
    @abc.abstractmethod
    def pack(self) -> Pack:
        """The pack."""

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        stripped = super()._strip_protocol(path)
        return stripped if isinstance(stripped, list) else stripped.lstrip("/")

    # What is asked of a path.

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """What the pack knows of a path.

        Returns:
            `name`, `size` in bytes, `type` (`"file"`, `"directory"`, or `"link"` for one that leads nowhere); where
            they are known, `mtime` in seconds since 1970, `mode`, and the `sha256` of the content; `islink` and
            `destination` of links.
        """
        path = self._strip_protocol(path)
        if not path:
            return {"name": "", "size": 0, "type": "directory"}
        return self._describe(path, self.pack.entry(path, follow_symlinks=False))

    def _describe(self, name: str, entry: Entry) -> dict[str, Any]:
        link = {"islink": True, "destination": entry.target} if entry.is_symlink() else {}
        kind = entry.kind
        if link:
            try:
                kind = self.pack.kind(name) or "link"
                entry = self.pack.entry(name) if kind == "file" else entry
            except OSError:
                kind = "link"
        known = {"mtime": entry.mtime, "mode": entry.mode, "sha256": entry.sha256}
        known = {key: value for key, value in known.items() if value is not None}
        return {"name": name, "size": entry.size, "type": kind, **known, **link}

    def exists(self, path: str, **_: Any) -> bool:
        """Whether there is a file or directory at `path`."""
        return self.pack.exists(self._strip_protocol(path))

    def isfile(self, path: str) -> bool:
        """Whether there is a file at `path`."""
        return self.pack.is_file(self._strip_protocol(path))

    def isdir(self, path: str) -> bool:
        """Whether there is a directory at `path`."""
        return self.pack.is_dir(self._strip_protocol(path))

    def modified(self, path: str) -> datetime:
        """The time of the last change."""
        seconds = self.info(path).get("mtime")
        if seconds is None:
            raise ValueError(f"{path}: the pack does not know its time")
        return datetime.fromtimestamp(seconds, timezone.utc)

    def ukey(self, path: str) -> str:
        """SHA-256 of the content, where the pack knows it: it is another when the content is."""
        info = self.info(path)
        return info.get("sha256") or f"{self.pack.root} {info['name']} {info['size']} {info.get('mtime')}"

    # Lists.

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a directory, in the order of names; of a file itself."""
        path = self._strip_protocol(path)
        if self.pack.kind(path) == "file":
            infos: Iterable[dict[str, Any]] = [self.info(path)]
        else:
            infos = self._children(path)
        return list(infos) if detail else [info["name"] for info in infos]

    def _children(self, path: str) -> Iterator[dict[str, Any]]:
        above = f"{path}/" if path else ""
        for entry in self.pack.scandir(path):
            yield self._describe(above + entry.name, entry)

    def walk(
        self,
        path: str,
        maxdepth: int | None = None,
        topdown: bool = True,
        on_error: str | Callable[[OSError], object] = "omit",
        detail: bool = False,
        **_: Any,
    ) -> Iterator[tuple[str, Any, Any]]:
        """Each directory below `path`, with the directories and files in it, as `fsspec` and `os.walk` have it."""
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = self._strip_protocol(path)
        directories: dict[str, Any] = {}
        files: dict[str, Any] = {}
        try:
            for info in self._children(path):
                kind = directories if info["type"] == "directory" else files
                kind[info["name"].rpartition("/")[2]] = info
        except OSError as error:
            if on_error == "raise":
                raise
            if callable(on_error):
                on_error(error)
        links = {name for name, info in directories.items() if info.get("islink")}
        step = (path, directories, files) if detail else (path, list(directories), list(files))
        if topdown:
            yield step
        if maxdepth is None or maxdepth > 1:
            for name in step[1]:
                if name not in links:
                    below = f"{path}/{name}" if path else name
                    depth = None if maxdepth is None else maxdepth - 1
                    yield from self.walk(below, depth, topdown, on_error, detail)
        if not topdown:
            yield step

    def find(
        self, path: str, maxdepth: int | None = None, withdirs: bool = False, detail: bool = False, **_: Any
    ) -> Any:
        """All files below `path`, with `withdirs` directories as well.

        Returns a sorted list of paths, or with `detail` a dict of what is known. It is read in the order of the pack, a
        part of the index at a time.
        """
        if maxdepth is not None and maxdepth < 1:
            raise ValueError("maxdepth must be at least 1")
        path = self._strip_protocol(path)
        found = {info["name"]: info for info in self._below(path, maxdepth, withdirs)}
        return {name: found[name] for name in sorted(found)} if detail else sorted(found)

    def _below(self, path: str, maxdepth: int | None, withdirs: bool) -> Iterator[dict[str, Any]]:
        kind = self.pack.kind(path)
        if kind == "file" or (kind is not None and withdirs and path):
            yield self.info(path)
        if kind != "directory":
            return
        # Entries say where they are, whatever links lead there.
        top = self.pack.path(path).resolve().at
        above = f"{path}/" if path else ""
        for entry in self.pack.walk(path):
            below = entry.path[len(top) :].lstrip("/")
            if maxdepth is not None and below.count("/") >= maxdepth:
                continue
            info = self._describe(above + below, entry)
            if withdirs or info["type"] != "directory":
                yield info
