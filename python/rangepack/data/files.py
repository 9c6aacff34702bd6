"""The files of a pack as samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, overload

from rangepack.data.source import Source
from rangepack.reading import Pack

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rangepack import _rangepack
    from rangepack._rangepack import Entry
    from rangepack._types import Globs, ReadOptions, StrPath, Verify
    from rangepack.data.cache import Cache

T = TypeVar("T")


class Selection:
    """Files of a pack, read through a cache if there is one. It travels by location; the numbers are made where it
    arrives."""

    def __init__(
        self,
        pack: Pack | StrPath,
        select: Globs | None,
        *,
        exclude: Globs | None = None,
        cache: Cache | None = None,
        threads: int = 2,
        verify: Verify | None = None,
    ) -> None:
        if cache is not None and not hasattr(cache, "get"):
            raise TypeError(f"cache is a rangepack.data.Cache, not {cache!r}")
        if not isinstance(pack, Pack):
            pack = Pack(pack, verify=verify or "index")
        elif verify is not None:
            raise ValueError("verify is said where the pack is opened: rangepack.open(location, verify=...)")
        self.pack = pack
        self.select, self.exclude = (
            globs if globs is None or isinstance(globs, str) else list(globs) for globs in (select, exclude)
        )
        self.cache = cache
        self.threads = threads
        self._files: _rangepack.Files | None = None

    @property
    def files(self) -> _rangepack.Files:
        """The numbered files. The first use reads the index from one end to the other."""
        if self._files is None:
            self._files = self.pack.files(self.select, exclude=self.exclude)
        return self._files

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": None}

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """Lengths of contents in bytes."""
        return self.files.sizes(list(numbers))

    def entries(self, numbers: list[int]) -> list[Entry]:
        """What the pack knows of files."""
        return self.files.entries(numbers)

    def read(self, numbers: list[int], entries: list[Entry] | None = None) -> list[memoryview]:
        """Contents of files, in the order of `numbers`; `entries` spares looking for them."""
        if self.cache is None:
            return self.files.read_many(numbers, threads=self.threads)
        digests = [entry.sha256 for entry in entries or self.files.entries(numbers)]
        kept = [None if digest is None else self.cache.get(digest) for digest in digests]
        found = [None if content is None else memoryview(content) for content in kept]
        missing = [place for place, content in enumerate(found) if content is None]
        if missing:
            read = self.files.read_many([numbers[place] for place in missing], threads=self.threads)
            self.cache.put((digests[place], content) for place, content in zip(missing, read, strict=True))
            for place, content in zip(missing, read, strict=True):
                found[place] = content
        return [content for content in found if content is not None]

    def identity(self, what: str) -> str:
        """The same text for the same samples, wherever the pack lies."""
        name = f"root={self.pack.root!r}" if self.pack.root else f"location={self.pack.location!r}"
        exclude = "" if self.exclude is None else f", exclude={self.exclude!r}"
        return f"rangepack.data.{what}({name}, select={self.select!r}{exclude})"


class Files(Source[T]):
    """The files of a pack as a map-style data set, in the order of the pack.

    It works as a `torch.utils.data.Dataset` and as a `RandomAccessDataSource` of Grain without either of them, and
    travels to other processes by the location of its pack. Sample `i` is file `i` of those that `select` chooses.

    Args:
        pack: A `Pack`, or where one lies: a path or a URL.
        transform: Called as `transform(content, entry)`, with the content of the file as a read-only `memoryview`, and
            with its `Entry` (`path`, `name`, `size`, `mtime`, `sha256`, …). What it returns is the sample. Without one,
            a sample is the content as `bytes`, which travels between processes.
        select: Globs as in a .gitignore: `"*.jpg"` or `"**/*.jpg"` for all pictures, `["train", "extra/**/*.jpg"]`; a
            directory that matches brings what it holds. `None` is every file; links are none.
        exclude: Globs of files that are left out of these.
        cache: Contents that were read once are kept there; for remote packs.
        threads: How many threads read a batch from a disk.
        verify: How a pack is opened of which the place is given: see `rangepack.Pack`.

    Raises:
        FileNotFoundError, PackError: As for opening a pack.
        ValueError: A glob is malformed; or `verify` is given for a pack that is open.

    A number that no sample has raises `IndexError`. The memory it takes is one bit for each entry of the pack.
    """

    @overload
    def __init__(
        self: Files[bytes],
        pack: Pack | StrPath,
        transform: None = None,
        select: Globs | None = None,
        **how: Unpack[ReadOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        pack: Pack | StrPath,
        transform: Callable[[memoryview, Entry], T],
        select: Globs | None = None,
        **how: Unpack[ReadOptions],
    ) -> None: ...
    def __init__(
        self,
        pack: Pack | StrPath,
        transform: Callable[[memoryview, Entry], Any] | None = None,
        select: Globs | None = None,
        **how: Unpack[ReadOptions],
    ) -> None:
        if transform is not None and not callable(transform):
            raise TypeError(
                f"transform is called with content and entry, and {transform!r} cannot be; globs are `select`"
            )
        self._selection = Selection(pack, select, **how)
        self.transform = transform

    @property
    def pack(self) -> Pack:
        """The pack that they are in."""
        return self._selection.pack

    def entry(self, number: int) -> Entry:
        """What the pack knows of a sample's file."""
        return self._selection.files.entry(number)

    def __len__(self) -> int:
        return len(self._selection.files)

    def _sample(self, number: int) -> T:
        if self.transform is None and self._selection.cache is None:
            return bytes(self._selection.files[number])  # type: ignore[return-value]
        return super()._sample(number)

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """See `Source`."""
        return self._selection.sizes(numbers)

    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        """See `Source`."""
        numbers = list(numbers)
        if self.transform is None:
            return self._selection.read(numbers)
        entries = self._selection.entries(numbers)
        return list(zip(self._selection.read(numbers, entries), entries, strict=True))

    def finish(self, fetched: Any) -> T:
        """See `Source`."""
        if self.transform is None:
            return bytes(fetched)  # type: ignore[return-value]
        sample: T = self.transform(*fetched)
        return sample

    def __repr__(self) -> str:
        """The same for the same samples: what Grain compares when it goes on from a checkpoint."""
        return self._selection.identity("Files")
