"""Packs of directories and of lists of files, as FilePacker's users make them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from rangepack import _rangepack
from rangepack._writing import Telling
from rangepack.filepacker.reader import BASE_PATH

#: The longest name and base path, in characters.
_MAX_NAME = 128
_MAX_BASE_PATH = 256


class FilePackWriter:
    """Packs files one by one.

    Args:
        outfile: The pack, which replaces what is there when it is complete.
        file_paths: The files on disk.
    """

    def __init__(self, outfile: str | os.PathLike[str], file_paths: Sequence[str | os.PathLike[str]]) -> None:
        self.outfile = outfile
        self.file_paths = [os.fspath(path) for path in file_paths]
        self._verbose = False

    def write(self, base_path: str = "", paths_to_save: Sequence[str | os.PathLike[str]] | None = None) -> None:
        """Write the pack.

        Args:
            base_path: What paths begin with when the pack is read; it is not part of the names.
            paths_to_save: The names of the files in the pack; those on disk, without the base path, when not given.

        Raises:
            ValueError: A name of more than 128 characters or a base path of more than 256; two lists that differ in
                length; a name that no pack may hold.
            OSError: A file cannot be read, or the pack not be written.
        """
        if len(base_path) > _MAX_BASE_PATH:
            raise ValueError(f"the base path has {len(base_path)} characters, more than {_MAX_BASE_PATH}: {base_path}")
        if paths_to_save is None:
            names = [path.removeprefix(base_path).lstrip("/") for path in self.file_paths]
        else:
            names = [os.fspath(path) for path in paths_to_save]
        if len(names) != len(self.file_paths):
            raise ValueError(f"{len(names)} names for {len(self.file_paths)} files")
        names = ["/".join(part for part in name.split("/") if part) for name in names]
        for name in names:
            if len(name) > _MAX_NAME:
                raise ValueError(f"a name has {len(name)} characters, more than {_MAX_NAME}: {name}")
        files = zip(names, self.file_paths, strict=True)
        with Telling(self._verbose, "packing") as told:
            _rangepack.pack_files(
                files, self.outfile, overwrite=True, strict=True, metadata={BASE_PATH: base_path}, progress=told
            )


def pack_directory_contents(
    top_dir: str | os.PathLike[str],
    pack_file: str | os.PathLike[str],
    permitted_exts: Sequence[str] = (),
    excluded_exts: Sequence[str] = (),
    skip_hidden: bool = True,
    follow_links: bool = True,
    verbose: bool = False,
) -> None:
    """Pack the files below a directory.

    Args:
        top_dir: The directory; as it is written here, it is the base path of the pack.
        pack_file: The pack, which replaces what is there when it is complete.
        permitted_exts: Pack only files with these extensions (without the dot) ...
        excluded_exts: ... or only those without these; not both.
        skip_hidden: Leave out files that begin with a dot, and those in a directory that does.
        follow_links: Pack what symbolic links lead to; else they are left out.
        verbose: Show a bar, when tqdm is there.

    Raises:
        ValueError: Both lists are given; or as `FilePackWriter.write`.
        NotADirectoryError: `top_dir` is none.
    """
    top = os.fspath(top_dir)
    if permitted_exts and excluded_exts:
        raise ValueError("extensions are permitted or excluded, not both")
    if not os.path.isdir(top):  # noqa: PTH112
        raise NotADirectoryError(f"{top} is not a directory")
    permitted, excluded = set(permitted_exts), set(excluded_exts)
    files = []
    for path in _files(top, skip_hidden, follow_links):
        extension = os.path.splitext(path)[1][1:]  # noqa: PTH122
        if extension not in excluded and (not permitted or extension in permitted):
            files.append(path)
    writer = FilePackWriter(pack_file, files)
    writer._verbose = verbose
    writer.write(top, [os.path.relpath(path, top).replace(os.sep, "/") for path in files])


def _files(top: str, skip_hidden: bool, follow_links: bool) -> Iterator[str]:
    """The files below a directory, without those that are hidden or lie in a directory that is."""
    for directory, below, names in os.walk(top, followlinks=follow_links):
        if follow_links:
            # A link that leads to a directory above it has no end.
            above = _real_parents(top, directory)
            below[:] = [name for name in below if os.path.realpath(os.path.join(directory, name)) not in above]  # noqa: PTH118
        below.sort()
        is_hidden = directory != top and os.path.basename(directory).startswith(".")  # noqa: PTH119
        if skip_hidden and is_hidden:
            continue
        for name in sorted(names):
            path = os.path.join(directory, name)  # noqa: PTH118
            if skip_hidden and name.startswith("."):
                continue
            if os.path.isfile(path) and (follow_links or not os.path.islink(path)):  # noqa: PTH113, PTH114
                yield path


def _real_parents(top: str, directory: str) -> set[str]:
    """Where a directory and those that it was reached by really lie."""
    parents = {os.path.realpath(top)}
    while directory != top:
        parents.add(os.path.realpath(directory))
        directory = os.path.dirname(directory)  # noqa: PTH120
    return parents
