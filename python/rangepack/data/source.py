"""What all data sets of packs have in common, and several of them as one."""

from __future__ import annotations

import abc
import bisect
import itertools
import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, SupportsIndex, TypeVar, overload

T = TypeVar("T")


class Source(abc.ABC, Generic[T]):
    """Samples with numbers from 0 on: a map-style data set of PyTorch, a `RandomAccessDataSource` of Grain, a sequence.

    Who writes another one says how many there are, what they take, how contents are read (in one call for many samples,
    while the interpreter is free) and how a sample is made of them (in the interpreter). A `Loader` does the two in
    different threads, and reads in two of them.
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many samples there are."""

    @abc.abstractmethod
    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """How many bytes the contents of each of these samples take in memory."""

    @abc.abstractmethod
    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        """Read what these samples are made of, in the order of `numbers`, neighbours of a remote pack with one
        request."""

    @abc.abstractmethod
    def finish(self, fetched: Any) -> T:
        """Make a sample of what was read for it."""

    @overload
    def __getitem__(self, number: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, number: slice) -> Source[T]: ...
    def __getitem__(self, number: SupportsIndex | slice) -> T | Source[T]:
        """One sample, or a slice of them as another source, which reads nothing yet.

        Negative numbers count from the end; what is no number of a sample raises `IndexError`.
        """
        if isinstance(number, slice):
            return Subset(self, range(len(self))[number])
        return self._sample(operator.index(number))

    def _sample(self, number: int) -> T:
        return self.finish(self.fetch([number])[0])

    def __getitems__(self, numbers: Iterable[int]) -> list[T]:
        """Many samples, in the order of `numbers`: PyTorch and Grain call this with a batch."""
        return [self.finish(fetched) for fetched in self.fetch(numbers)]

    def __iter__(self) -> Iterator[T]:
        """All samples in order."""
        return map(self._sample, range(len(self)))


def place(number: int, length: int) -> int:
    """A number below `length`, counted from the end when it is negative."""
    place = operator.index(number)
    if place < 0:
        place += length
    if not 0 <= place < length:
        raise IndexError(f"number {number} is out of range: there are {length} samples")
    return place


class Subset(Source[T]):
    """Some samples of a source, by their numbers: `source[10:20]` is `Subset(source, range(10, 20))`."""

    def __init__(self, source: Source[T], numbers: Sequence[int]) -> None:
        self.source, self.numbers = source, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    def _inside(self, numbers: Iterable[int]) -> list[int]:
        return [self.numbers[place(number, len(self))] for number in numbers]

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """See `Source`."""
        return self.source.sizes(self._inside(numbers))

    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        """See `Source`."""
        return self.source.fetch(self._inside(numbers))

    def finish(self, fetched: Any) -> T:
        """See `Source`."""
        return self.source.finish(fetched)

    def __repr__(self) -> str:
        return f"rangepack.data.Subset({self.source!r}, {self.numbers!r})"


class Concat(Source[T]):
    """Several sources as one: the samples of the first, then those of the second, and so on. See `weights` of
    `Sampler`."""

    def __init__(self, sources: Iterable[Source[T]]) -> None:
        self.sources: Sequence[Source[T]] = list(sources)
        self._ends = list(itertools.accumulate(map(len, self.sources)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _spot(self, number: int) -> tuple[int, int]:
        number = place(number, len(self))
        source = bisect.bisect_right(self._ends, number)
        return source, number - (self._ends[source - 1] if source else 0)

    def _gather(self, numbers: Iterable[int], what: str) -> list[Any]:
        """What a method of the sources answers, each asked once, in the order of `numbers`."""
        spots = [self._spot(number) for number in numbers]
        asked: dict[int, list[int]] = {}
        for source, inside in spots:
            asked.setdefault(source, []).append(inside)
        answers = {source: iter(getattr(self.sources[source], what)(inside)) for source, inside in asked.items()}
        return [(source, next(answers[source])) for source, _ in spots]

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """See `Source`."""
        return [size for _, size in self._gather(numbers, "sizes")]

    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        """See `Source`: one read for each of the sources."""
        return self._gather(numbers, "fetch")

    def finish(self, fetched: Any) -> T:
        """See `Source`."""
        number, inside = fetched
        source: Source[T] = self.sources[number]
        return source.finish(inside)

    def __repr__(self) -> str:
        return f"rangepack.data.Concat({list(self.sources)!r})"
