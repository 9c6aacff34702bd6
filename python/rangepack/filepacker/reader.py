"""`FilePackReader`: the files of a pack by the paths that they had on disk."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

from rangepack import _rangepack
from rangepack._rangepack import Entry
from rangepack._source import open_file
from rangepack.reading import Pack

#: What the base path is called in the metadata of packs.
BASE_PATH = "base_path"
#: Where an `.fpack` has it: offset and length in bytes.
_BASE_PATH_FIELD = (9, 256)
#: What `cv2.imread` takes for "as it is".
IMREAD_UNCHANGED = -1


class FilePackReader:
    """The files of a pack or an `.fpack` file.

    Every path that is given begins with the base path (that of the directory which was packed) unless
    `exclude_base_path=True` says that it does not. Any number of threads may read at once, and the reader travels to
    other processes by pickle.

    Args:
        file: A path or address, as `rangepack.open` takes it, or a binary file object that can seek.
        base_path: Counts instead of the one that the pack holds.
        verbose: Accepted; there is nothing to wait for.
        multiprocess_lock: Accepted; no lock is needed.

    Raises:
        FileNotFoundError: There is no such file.
        rangepack.NotAPackError: It is something else.
    """

    def __init__(
        self,
        file: str | os.PathLike[str] | IO[bytes],
        base_path: str = "",
        verbose: bool = False,
        multiprocess_lock: bool = True,
    ) -> None:
        self._pack = Pack(file) if isinstance(file, str | os.PathLike) else open_file(file)
        held = ""
        if self._pack.format == "fpack":
            held = _rangepack.bytes_at(self._pack, *_BASE_PATH_FIELD).decode("utf-8").rstrip(" ")
            if lost := _rangepack.notes(self._pack)["lost_names"]:
                text = f"{lost} of its names were cut off when it was made, and their files are lost"
                warnings.warn(f"{self._pack.location}: {text}", stacklevel=2)
        else:
            held = self._pack.metadata.get(BASE_PATH, "")
        #: What paths begin with.
        self.base_path = base_path or held

    def __len__(self) -> int:
        """The number of files."""
        return len(self._pack)

    def __repr__(self) -> str:
        """The pack, and what paths begin with."""
        return f"FilePackReader({self._pack.location!r}, {self.base_path!r})"

    def __enter__(self) -> FilePackReader:
        """The reader itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of the pack."""
        self.close()

    def close(self) -> None:
        """Let go of the pack."""
        self._pack.close()

    def open(self, filepath: str, mode: str, exclude_base_path: bool = False) -> io.BytesIO | io.StringIO:
        """The content of a file: `"rb"` for a `BytesIO`, `"r"` for a `StringIO` of its UTF-8 text.

        Raises:
            io.UnsupportedOperation: Another mode.
            IOError: There is no such file.
        """
        if mode not in ("rb", "r"):
            raise io.UnsupportedOperation(f'packs are read-only: the mode is "rb" or "r", not {mode!r}')
        content = self.read_bytes(filepath, exclude_base_path)
        return io.BytesIO(content) if mode == "rb" else io.StringIO(content.decode("utf-8"))

    def read_bytes(self, filepath: str, exclude_base_path: bool) -> bytes:
        """The content of a file.

        Raises:
            IOError: There is no such file, or it is a directory.
        """
        inside, _ = self._find(filepath, exclude_base_path)
        return self._pack.read(inside)

    def exists(self, path: str, exclude_base_path: bool = False) -> bool:
        """Whether there is a file or directory."""
        return self._kind(self._inside(path, exclude_base_path)) is not None

    def isdir(self, path: str, exclude_base_path: bool = False) -> bool:
        """Whether it is a directory. `IOError` when nothing is there."""
        return self._find(path, exclude_base_path)[1] == "directory"

    def isfile(self, path: str, exclude_base_path: bool = False) -> bool:
        """Whether it is a file. `IOError` when nothing is there."""
        return self._find(path, exclude_base_path)[1] == "file"

    def listdir(self, dirpath: str, exclude_base_dir: bool = False) -> list[str]:
        """The sorted names in a directory.

        Raises:
            IOError: Nothing is there.
            AssertionError: It is no directory.
        """
        inside, kind = self._find(dirpath, exclude_base_dir)
        if kind != "directory":
            raise AssertionError(f"{dirpath} is not a directory")
        return sorted(self._pack.listdir(inside))

    def walk(
        self, exclude_base_path: bool = False, sort_entries: bool = False
    ) -> Iterator[tuple[str, list[str], list[str]]]:
        """Each directory from the top down, with the names of the directories and of the files in it.

        They come in the order of the pack, or sorted.
        """
        yield from self._walk("", "" if exclude_base_path else self.base_path, sort_entries)

    def walk_below(
        self, path: str, exclude_base_path: bool = False, sort_entries: bool = False
    ) -> Iterator[tuple[str, list[str], list[str]]]:
        """The same for a directory and all that is in it."""
        inside, _ = self._find(path, exclude_base_path)
        shown = "/".join(part for part in ("" if exclude_base_path else self.base_path, inside) if part)
        yield from self._walk(inside, shown, sort_entries)

    def _walk(self, inside: str, shown: str, sort_entries: bool) -> Iterator[tuple[str, list[str], list[str]]]:
        below, files = self._children(inside)
        if sort_entries:
            below.sort()
            files.sort()
        yield shown, list(below), files
        for name in below:
            path = f"{inside}/{name}" if inside else name
            yield from self._walk(path, f"{shown.rstrip('/')}/{name}" if shown else name, sort_entries)

    def _children(self, inside: str) -> tuple[list[str], list[str]]:
        directories: list[str] = []
        files: list[str] = []
        for entry in self._pack.scandir(inside):
            kind = _kind_of(self._pack, entry)
            if kind is not None:
                (directories if kind == "directory" else files).append(entry.name)
        return directories, files

    def cv2_imread(self, filepath: str, flags: int = IMREAD_UNCHANGED, exclude_base_path: bool = False) -> Any:
        """The picture in a file, as `cv2.imdecode` gives it: an array of shape (height, width[, channels]), or `None`.

        Raises:
            IOError: There is no such file, or OpenCV or NumPy is not installed.
        """
        try:
            cv2, numpy = import_module("cv2"), import_module("numpy")
        except ImportError as error:
            raise OSError("OpenCV and NumPy are needed to read pictures as arrays") from error
        content = self.read_bytes(filepath, exclude_base_path)
        return cv2.imdecode(numpy.frombuffer(content, numpy.uint8), flags) if content else None

    def print_directory_structure(
        self, ignore_base_path: bool = False, directories_only: bool = False, indentation: int = 3
    ) -> None:
        """Print the tree: `- name: (children)` for directories, `- name` for files, each level indented further."""
        level = 0
        if self.base_path and not ignore_base_path:
            _print(f"- {self.base_path}: ({len(self._pack.listdir())})")
            level = 1
        self._print("", level, directories_only, indentation)

    def _print(self, inside: str, level: int, directories_only: bool, indentation: int) -> None:
        indent = " " * (indentation * level)
        directories, files = self._children(inside)
        names = dict.fromkeys(directories, True) | ({} if directories_only else dict.fromkeys(files, False))
        for name in sorted(names):
            if not names[name]:
                _print(f"{indent}- {name}")
                continue
            path = f"{inside}/{name}" if inside else name
            _print(f"{indent}- {name}: ({len(self._pack.listdir(path))})")
            self._print(path, level + 1, directories_only, indentation)

    def _inside(self, path: str, exclude_base_path: bool) -> str:
        """The path in the pack."""
        path = os.fspath(path)
        if not exclude_base_path:
            if not path.startswith(self.base_path):
                raise OSError(f"The path {path!r} does not begin with the base path {self.base_path!r}")
            path = path[len(self.base_path) :]
        return "/".join(part for part in path.split("/") if part)

    def _kind(self, inside: str) -> str | None:
        # No name in a pack is "." or "..", and none of the old ones was taken for a way.
        return None if {".", ".."} & set(inside.split("/")) else self._pack.kind(inside)

    def _find(self, path: str, exclude_base_path: bool) -> tuple[str, str]:
        inside = self._inside(path, exclude_base_path)
        kind = self._kind(inside)
        if kind is None:
            raise FileNotFoundError(f"No file/directory named {path}")
        return inside, kind


def _kind_of(pack: Pack, entry: Entry) -> str | None:
    """What an entry is, or what a link leads to."""
    return pack.kind(entry.path) if entry.is_symlink() else entry.kind


def _print(line: str) -> None:
    """Print a line, of which a name that is not Unicode cannot be shown as it is."""
    encoding = sys.stdout.encoding or "utf-8"
    print(line.encode(encoding, "backslashreplace").decode(encoding))
