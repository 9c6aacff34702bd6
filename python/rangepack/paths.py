"""Paths inside packs."""

from __future__ import annotations

import os

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import PurePosixPath
    from typing import IO, Any

    from rangepack.reading import Pack


class PackPath:
    """A path inside a pack, which is used like a `pathlib.Path` (and is an `importlib.resources.abc.Traversable`).

    It is no `os.PathLike`, for no function of the system finds a file by it: who asks for one of these takes the open
    file, `numpy.load(path.open("rb"))`, or the content, `path.read_bytes()`. Two are equal when they are the same path
    of packs at the same place; see `samefile`.
    """

    __slots__ = ("at", "pack")

    def __init__(self, pack: Pack, at: str = "") -> None:
        self.pack = pack
        self.at = "/".join(part for part in at.split("/") if part not in ("", "."))

    @property
    def _pure(self) -> PurePosixPath:
        from pathlib import PurePosixPath

        return PurePosixPath(self.at)

    @property
    def name(self) -> str:
        """The last component."""
        return self.at.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        stem, dot, ending = self.name.rpartition(".")
        return dot + ending if stem and ending else ""

    @property
    def suffixes(self) -> list[str]:
        """All endings of the name."""
        return self._pure.suffixes

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.removesuffix(self.suffix)

    @property
    def parent(self) -> PackPath:
        """The directory that it is in; the top is its own."""
        return PackPath(self.pack, self.at.rpartition("/")[0])

    @property
    def parents(self) -> Sequence[PackPath]:
        """The directories that it is in, from the nearest to the top."""
        return [PackPath(self.pack, str(above)) for above in self._pure.parents]

    @property
    def parts(self) -> tuple[str, ...]:
        """All components."""
        return tuple(self.at.split("/")) if self.at else ()

    def __truediv__(self, other: str | os.PathLike[str]) -> PackPath:
        return self.joinpath(other)

    def joinpath(self, *others: str | os.PathLike[str]) -> PackPath:
        """The path with others behind it."""
        return PackPath(self.pack, "/".join([self.at, *(os.fspath(other) for other in others)]))

    def with_name(self, name: str) -> PackPath:
        """The path with another last component."""
        return PackPath(self.pack, str(self._pure.with_name(name)))

    def with_stem(self, stem: str) -> PackPath:
        """The path with another name before the ending."""
        return PackPath(self.pack, str(self._pure.with_stem(stem)))

    def with_suffix(self, suffix: str) -> PackPath:
        """The path with another ending, or with none for the empty one."""
        return PackPath(self.pack, str(self._pure.with_suffix(suffix)))

    def relative_to(self, other: PackPath | str) -> PurePosixPath:
        """What leads from `other` to it, which can be joined to a path on disk: `out / path.relative_to(top)`.

        Raises:
            ValueError: It is not below `other`.
        """
        return self._pure.relative_to(_inside(self, other))

    def is_relative_to(self, other: PackPath | str) -> bool:
        """Whether it is `other`, or below it."""
        return self._pure.is_relative_to(_inside(self, other))

    def match(self, pattern: str) -> bool:
        """Whether its last components match a pattern, as those of a `pathlib.PurePath`."""
        return self._pure.match(pattern)

    def iterdir(self) -> Iterator[PackPath]:
        """What is in the directory."""
        for name in self.pack.listdir(self.at):
            yield self / name

    def walk(
        self,
        top_down: bool = True,
        on_error: Callable[[OSError], object] | None = None,
        follow_symlinks: bool = False,
    ) -> Iterator[tuple[PackPath, list[str], list[str]]]:
        """Each directory from here on, with the names of the directories and of everything else in it, as
        `pathlib.Path.walk` has it. `Pack.walk` is faster, and gives entries."""
        directories: list[str] = []
        files: list[str] = []
        try:
            for entry in self.pack.scandir(self.at):
                is_dir = entry.is_dir() or (follow_symlinks and entry.is_symlink() and (self / entry.name).is_dir())
                (directories if is_dir else files).append(entry.name)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            return
        if top_down:
            yield self, directories, files
        for name in directories:
            yield from (self / name).walk(top_down, on_error, follow_symlinks)
        if not top_down:
            yield self, directories, files

    def exists(self) -> bool:
        """Whether there is anything."""
        return self.pack.exists(self.at)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.pack.is_file(self.at)

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.pack.is_dir(self.at)

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link, wherever that leads."""
        try:
            return bool(self.at) and self.pack.entry(self.at, follow_symlinks=False).is_symlink()
        except OSError:
            return False

    def resolve(self) -> PackPath:
        """The path that it is when links are followed.

        Raises:
            FileNotFoundError: There is nothing.
        """
        try:
            return PackPath(self.pack, self.pack.entry(self.at).path)
        except IsADirectoryError:
            # The top.
            return PackPath(self.pack)

    def samefile(self, other: PackPath) -> bool:
        """Whether both are the same file or directory of the same pack, whatever links lead there, and wherever that
        lies."""
        packs = [path.pack.root or path.pack.location for path in (self, other)]
        return packs[0] == packs[1] and self.resolve().at == other.resolve().at

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """What the pack knows of it."""
        return self.pack.stat(self.at, follow_symlinks=follow_symlinks)

    def open(
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open it for reading: text by default, as `pathlib` does."""
        return self.pack.open(self.at, mode, buffering, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        """The whole content."""
        return self.pack.read(self.at)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """The whole content as text."""
        with self.open("r", encoding=encoding, errors=errors) as file:
            text: str = file.read()
            return text

    def glob(self, pattern: str) -> Iterator[PackPath]:
        """What a pattern matches below: `*`, `?`, `[…]` within a component, `**` for any number of directories."""
        from rangepack import _glob

        return _glob.glob(self, pattern)

    def rglob(self, pattern: str) -> Iterator[PackPath]:
        """The same at any depth."""
        return self.glob(f"**/{pattern}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackPath) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, str]:
        return self.at, self.pack.location

    def __lt__(self, other: PackPath) -> bool:
        return self.parts < other.parts

    def __bytes__(self) -> bytes:
        return os.fsencode(self.at)

    def __str__(self) -> str:
        return self.at

    def __repr__(self) -> str:
        return f"PackPath({self.pack.location!r}, {self.at!r})"


def _inside(path: PackPath, other: PackPath | str) -> str:
    """The path of another, which is one of the same pack."""
    if isinstance(other, str):
        return PackPath(path.pack, other).at
    if other.pack.location != path.pack.location:
        raise ValueError(f"{other!r} is a path of another pack than {path!r}")
    return other.at
