"""What packing, merging, growing, extracting and verifying say when they are done."""

from __future__ import annotations

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Report:
    """Numbers and texts, as attributes; `vars(report)` is a dict of them."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.__dict__.update(known)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        known = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({known})"


class Packed(Report):
    """What was packed.

    Attributes:
        files: How many regular files.
        directories: How many directories.
        links: How many symbolic links.
        bytes: Length of all contents.
        stored_bytes: Length of what was written for them.
        duplicates: Files with the content of another, which is stored once.
        special: Pipes, sockets and devices, which are left out.
        failed: Files and directories that could not be read.
        problems: The first 1000 of these: paths on disk, and reasons.
    """

    files: int
    directories: int
    links: int
    bytes: int
    stored_bytes: int
    duplicates: int
    special: int
    failed: int
    problems: list[tuple[str, str]]


class Share(Report):
    """One of the lists that a tree was cut into.

    Attributes:
        list: Where it lies.
        files: How many files and links it names.
        bytes: How many bytes these have.
    """

    list: str
    files: int
    bytes: int


class Split(Report):
    """What a tree was cut into.

    Attributes:
        shares: The lists, in the order of their paths.
        failed: Directories that could not be read: what is in them is in no list.
        problems: The first 1000 of these: paths on disk, and reasons.
    """

    shares: list[Share]
    failed: int
    problems: list[tuple[str, str]]


class Merged(Report):
    """What is in a merged pack.

    Attributes:
        entries: How many entries.
        files: How many regular files.
        directories: How many directories.
        links: How many symbolic links.
        bytes: Length of all contents.
        volumes: How many files hold the contents.
        duplicates: Files and links that more than one part has.
        file_length: Length of the merged pack itself, in bytes.
        root: SHA-256 of its root page.
    """

    entries: int
    files: int
    directories: int
    links: int
    bytes: int
    volumes: int
    duplicates: int
    file_length: int
    root: str


class Grown(Report):
    """What became of a pack that grew.

    Attributes:
        added: Entries of paths that it did not have.
        changed: Entries that say something else than before.
        removed: Entries that are not there any more.
        payload_bytes: Length of what was written for contents.
        index_bytes: Length of the new index.
        root: SHA-256 of the new root page; `None` when there was nothing to write.
        previous: That of the generation before, which `open(…, root=…)` still opens; `None` when the pack is new.
        duplicates: Files with the content of another, which is stored once.
        failed: Files and directories that could not be read.
        problems: The first 1000 of these: paths on disk, and reasons.
    """

    added: int
    changed: int
    removed: int
    payload_bytes: int
    index_bytes: int
    root: str | None
    previous: str | None
    duplicates: int
    failed: int
    problems: list[tuple[str, str]]


class Generation(Report):
    """One of the states that a pack had.

    Attributes:
        root: SHA-256 of its root page: `open(…, root=…)` opens it.
        entries: How many entries.
        files: How many regular files.
        bytes: Length of all contents.
        end: Length of the file then, in bytes.
        own_length: How many bytes of the file came with it.
    """

    root: str
    entries: int
    files: int
    bytes: int
    end: int
    own_length: int


class Compacted(Report):
    """A pack that was compacted.

    Attributes:
        root: SHA-256 of the new root page.
        file_length: Length of the pack in bytes.
        length_before: The same before.
        volumes_before: How many other files held its contents. It needs none of them any more.
    """

    root: str
    file_length: int
    length_before: int
    volumes_before: int


class PackedParts(Report):
    """What was packed in parts, which were merged.

    Attributes:
        parts: How many parts there are.
        made: How many of them were packed now; the others were there, whole, and of the same files.
        folder: Where they lie.
        entries, files, directories, links, bytes, root: Of the merged pack, as for `Merged`.
        failed: Files and directories that could not be read.
        problems: The first 1000 of these: paths on disk, and reasons.
    """

    parts: int
    made: int
    folder: str
    entries: int
    files: int
    directories: int
    links: int
    bytes: int
    root: str
    failed: int
    problems: list[tuple[str, str]]


class Created(Packed):
    """What was packed into a container, and what was there.

    Attributes:
        unchanged: Entries of earlier runs that stay.
        changed: Entries of earlier runs that were packed anew.
        replaced: Entries of which a later one took the place.
        resumed_entries: How many entries were there; `None` in a new container.
        cut: Bytes that nothing named, and that were cut off.
        is_finalized: Whether the container has its index inside.
        entries, file_length, root: Of one that was finished: as for `Finalized`, else `None`.
    """

    unchanged: int
    changed: int
    replaced: int
    resumed_entries: int | None
    cut: int
    is_finalized: bool
    entries: int | None
    file_length: int | None
    root: str | None


class Finalized(Report):
    """What is in a container that was finished.

    Attributes:
        entries: How many entries.
        file_length: Length of the container in bytes.
        root: SHA-256 of the root page, if it has one.
        cut: Bytes that nothing named, and that were cut off.
        replaced: Entries of which a later one took the place.
    """

    entries: int
    file_length: int
    root: str | None
    cut: int
    replaced: int


class Surveyed(Report):
    """What would be packed of a tree.

    Attributes:
        files, directories, links, special, failed, bytes: As for `Packed`.
    """

    files: int
    directories: int
    links: int
    special: int
    failed: int
    bytes: int


class Extracted(Report):
    """What was extracted.

    Attributes:
        files: How many regular files.
        directories: How many directories, those included that were there.
        links: How many symbolic links.
        bytes: Length of all contents.
        skipped: What was there already.
        replaced: How many of the files took the place of others.
        failed: What could not be extracted.
        refused: Entries whose names may not be extracted.
        unmatched: Those of `paths` that nothing in the pack matches.
        is_complete: Whether everything is there that was asked for.
        stopped: Why it ended early (`"disk full"`, `"first failure"`), or `None`.
        problems: The first 1000 entries that failed or were refused: paths in the pack, and reasons.
    """

    files: int
    directories: int
    links: int
    bytes: int
    skipped: int
    replaced: int
    failed: int
    refused: int
    unmatched: list[str]
    is_complete: bool
    stopped: str | None
    problems: list[tuple[str, str]]


class Indexed(Report):
    """What is in an index of archives.

    Attributes:
        files: How many regular files.
        directories: How many directories.
        links: How many symbolic links.
        bytes: Length of all contents.
        failed: Members that are not in the index, or say something that no index can hold.
        unreadable: Files that are in it, and cannot be read: encrypted ones, those compressed in ways that no pack
            has, and those with holes.
        special: Pipes, sockets and devices, which are left out.
        problems: The first 1000 of these: names of members, and reasons.
        file_length: Length of the index in bytes.
        root: SHA-256 of its root page.
    """

    files: int
    directories: int
    links: int
    bytes: int
    failed: int
    unreadable: int
    special: int
    problems: list[tuple[str, str]]
    file_length: int
    root: str


class Exported(Report):
    """What was written into an archive.

    Attributes:
        files: How many regular files, other names of a file among them.
        hard_links: How many of these are other names of one that came before.
        directories: How many directories.
        links: How many symbolic links.
        bytes: Length of all contents; of other names none.
        length: Length of the archive in bytes.
        unmatched: Patterns that match nothing in the pack.
    """

    files: int
    hard_links: int
    directories: int
    links: int
    bytes: int
    length: int
    unmatched: list[str]


class Table(Report):
    """A table that was written.

    Attributes:
        rows: How many rows it has: one for each entry.
        length: Its length in bytes.
    """

    rows: int
    length: int


class Verified(Report):
    """What was found in a pack.

    Attributes:
        is_sound: Whether nothing is wrong.
        files: How many files were read.
        bytes: How many bytes of payloads.
        bad: Entries that are damaged.
        unverifiable: Entries of which no digest is known.
        left_out: Of an old container: entries that no pack may hold.
        is_partial: Of an old container: its index is not whole, or not its own.
        problems: The first 1000 of what is wrong: paths in the pack (`None` for the pack itself), and reasons.
    """

    is_sound: bool
    files: int
    bytes: int
    bad: int
    unverifiable: int
    left_out: int
    is_partial: bool
    problems: list[tuple[str | None, str]]
