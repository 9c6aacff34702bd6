"""The same call for a path on disk and for one in a pack: with a reader they ask it, without one the system."""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Iterator
from importlib import import_module
from typing import IO, Any

from rangepack.filepacker.reader import IMREAD_UNCHANGED, FilePackReader


def open(  # noqa: A001
    path: str, mode: str, file_reader: FilePackReader | None = None, exclude_base_path: bool = False
) -> IO[Any]:
    """Open a file: as the built-in `open`, or as `FilePackReader.open`."""
    if file_reader is None:
        return builtins.open(path, mode)  # noqa: PTH123
    return file_reader.open(path, mode, exclude_base_path)


def listdir(path: str, file_reader: FilePackReader | None = None, exclude_base_dir: bool = False) -> list[str]:
    """The sorted names in a directory."""
    if file_reader is None:
        return sorted(os.listdir(path))  # noqa: PTH208
    return file_reader.listdir(path, exclude_base_dir)


def walk(
    path: str,
    file_reader: FilePackReader | None = None,
    exclude_base_path: bool = False,
    sort_entries: bool = False,
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Each directory below `path` from the top down, with the names of the directories and of the files in it."""
    if file_reader is not None:
        yield from file_reader.walk_below(path, exclude_base_path, sort_entries)
        return
    for directory, directories, files in os.walk(path):
        if sort_entries:
            directories.sort()
            files.sort()
        yield directory, directories, files


def exists(path: str, file_reader: FilePackReader | None = None, exclude_base_path: bool = False) -> bool:
    """Whether there is a file or directory."""
    if file_reader is None:
        return os.path.exists(path)  # noqa: PTH110
    return file_reader.exists(path, exclude_base_path)


def isdir(path: str, file_reader: FilePackReader | None = None, exclude_base_path: bool = False) -> bool:
    """Whether it is a directory; in a pack, `IOError` when nothing is there."""
    if file_reader is None:
        return os.path.isdir(path)  # noqa: PTH112
    return file_reader.isdir(path, exclude_base_path)


def isfile(path: str, file_reader: FilePackReader | None = None, exclude_base_path: bool = False) -> bool:
    """Whether it is a file; in a pack, `IOError` when nothing is there."""
    if file_reader is None:
        return os.path.isfile(path)  # noqa: PTH113
    return file_reader.isfile(path, exclude_base_path)


def cv2_imread(
    path: str,
    file_reader: FilePackReader | None = None,
    flags: int = IMREAD_UNCHANGED,
    exclude_base_path: bool = False,
) -> Any:
    """The picture in a file as OpenCV gives it: an array of shape (height, width[, channels]), or `None`.

    Raises:
        IOError: OpenCV or NumPy is not installed; in a pack, there is no such file.
    """
    if file_reader is not None:
        return file_reader.cv2_imread(path, flags, exclude_base_path)
    try:
        cv2 = import_module("cv2")
    except ImportError as error:
        raise OSError("OpenCV is needed to read pictures as arrays") from error
    return cv2.imread(path, flags)


def PIL_imread(
    path: str, file_reader: FilePackReader | None = None, exclude_base_path: bool = False, mode: str = "r"
) -> Any:
    """The picture in a file as Pillow gives it: a `PIL.Image.Image`.

    Raises:
        IOError: Pillow is not installed, there is no such file, or it holds no picture.
    """
    try:
        image = import_module("PIL.Image")
    except ImportError as error:
        raise OSError("Pillow is needed to read pictures") from error
    if file_reader is None:
        return image.open(path, mode)
    return image.open(io.BytesIO(file_reader.read_bytes(path, exclude_base_path)), mode)
