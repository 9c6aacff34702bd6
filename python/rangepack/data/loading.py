"""Reading ahead of a loop."""

from __future__ import annotations

import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, overload

from rangepack.data.sampler import Sampler
from rangepack.data.source import Source

S = TypeVar("S")
B = TypeVar("B")


class Loader(Generic[B]):
    """Batches of samples, whose contents another thread reads while the loop works.

    It reads as many batches at once as fit into half of the budget, while the loop has the other half; the first alone,
    so that the loop can begin. Neighbours among them come from a server with one request, so a `Sampler` with
    `shuffle="block"` makes few requests. Transforms run in the loop's thread. It makes no processes: a `DataLoader` of
    PyTorch with workers does its own reading ahead, of `prefetch_factor` batches a worker.

    Args:
        source: `Files` or another `Source`.
        sampler: A `Sampler`, or any numbers that can be iterated over.
        batch_size: How many samples a batch has; the last may have fewer.
        collate: What makes a batch of a list of samples, such as `torch.utils.data.default_collate`. By default it is
            the list.
        budget: How many bytes of content may be read and not yet be handed to the loop. A single batch may be longer.
        drop_last: Leave out a last batch that is not full.

    What a read raises is raised in the loop, in place of the batch; Ctrl-C ends the loop.
    """

    @overload
    def __init__(
        self: Loader[list[S]],
        source: Source[S],
        sampler: Iterable[int],
        batch_size: int,
        collate: None = None,
        *,
        budget: int = 256 << 20,
        drop_last: bool = False,
    ) -> None: ...
    @overload
    def __init__(
        self,
        source: Source[S],
        sampler: Iterable[int],
        batch_size: int,
        collate: Callable[[list[S]], B],
        *,
        budget: int = 256 << 20,
        drop_last: bool = False,
    ) -> None: ...
    def __init__(
        self,
        source: Source[Any],
        sampler: Iterable[int],
        batch_size: int,
        collate: Callable[[list[Any]], Any] | None = None,
        *,
        budget: int = 256 << 20,
        drop_last: bool = False,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"a batch has at least one sample, not {batch_size}")
        self.source, self.sampler, self.batch_size = source, sampler, batch_size
        self.collate, self.budget, self.drop_last = collate, budget, drop_last
        self._handed: int | None = None

    def __len__(self) -> int:
        """How many batches the next iteration has; for samplers that have a length."""
        samples = len(self.sampler)  # type: ignore[arg-type]
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)

    def __iter__(self) -> Iterator[B]:
        numbers = iter(self.sampler)
        self._handed = 0
        return self._batches(numbers)

    def _batches(self, numbers: Iterator[int]) -> Iterator[B]:
        batches = iter(lambda: list(itertools.islice(numbers, self.batch_size)), [])
        if self.drop_last:
            batches = itertools.takewhile(lambda batch: len(batch) == self.batch_size, batches)
        reader = _Reader(self.source, batches, self.budget)
        is_complete = False
        try:
            for fetched in reader:
                samples = [self.source.finish(one) for one in fetched]
                self._handed = (self._handed or 0) + len(fetched)
                del fetched
                yield samples if self.collate is None else self.collate(samples)  # type: ignore[misc]
            is_complete = True
            # Also of what a batch that is not full would have had.
            self._handed = None
        finally:
            reader.stop()
            if not is_complete and isinstance(self.sampler, Sampler):
                # It was drawn from further than the loop came, perhaps to the end of the epoch.
                state = self.sampler.state_dict(0)
                self.sampler.load_state_dict(state)

    def __repr__(self) -> str:
        return f"rangepack.data.Loader({self.source!r}, {self.sampler!r}, batch_size={self.batch_size})"

    def state_dict(self) -> dict[str, Any]:
        """The state of the sampler behind the batches that were handed to the loop: see `Sampler.state_dict`."""
        if not isinstance(self.sampler, Sampler):
            raise TypeError("only a Sampler has a state")
        return self.sampler.state_dict(self._handed)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Let the next iteration go on from there."""
        if not isinstance(self.sampler, Sampler):
            raise TypeError("only a Sampler has a state")
        self.sampler.load_state_dict(state)
        self._handed = None


class _Reader:
    """A thread that reads batches, and the batches that it has read."""

    def __init__(self, source: Source[Any], batches: Iterator[list[int]], budget: int) -> None:
        self.source, self.budget = source, budget
        self._process = os.getpid()
        self._groups = self._grouped(batches)
        self._read: deque[tuple[list[Any], int] | BaseException | None] = deque()
        self._used = 0
        self._is_stopped = False
        self._changed = threading.Condition()
        # Nobody waits for it: Ctrl-C and the end of the interpreter come before an answer of a server.
        self._thread = threading.Thread(target=self._work, name="rangepack loader", daemon=True)
        self._thread.start()

    def _grouped(self, batches: Iterator[list[int]]) -> Iterator[list[tuple[list[int], int]]]:
        """Batches and their sizes in bytes, as many together as are to be read at once."""
        group: list[tuple[list[int], int]] = []
        size, most = 0, 1
        for batch in batches:
            cost = sum(self.source.sizes(batch))
            if group and (len(group) == most or size + cost > self.budget // 2):
                yield group
                group, size, most = [], 0, most * 8
            group.append((batch, cost))
            size += cost
        if group:
            yield group

    def _work(self) -> None:
        try:
            for group in self._groups:
                if not self._reserve(sum(cost for _, cost in group)):
                    return
                fetched = iter(self.source.fetch([number for batch, _ in group for number in batch]))
                for batch, cost in group:
                    self._put((list(itertools.islice(fetched, len(batch))), cost))
            self._put(None)
        except BaseException as error:
            self._put(error)

    def _reserve(self, cost: int) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or not self._used or self._used + cost <= self.budget)
            self._used += cost
            return not self._is_stopped

    def _put(self, what: tuple[list[Any], int] | BaseException | None) -> None:
        with self._changed:
            self._read.append(what)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[list[Any]]:
        while True:
            if os.getpid() != self._process:
                raise RuntimeError("this iteration belongs to the process that began it; begin another one here")
            with self._changed:
                self._changed.wait_for(lambda: self._read)
                what = self._read.popleft()
                if isinstance(what, tuple):
                    self._used -= what[1]
                    self._changed.notify_all()
            if what is None:
                return
            if isinstance(what, BaseException):
                raise what
            fetched = what[0]
            del what
            yield fetched

    def stop(self) -> None:
        """Let the thread end; what it is reading is left alone."""
        if os.getpid() != self._process:
            return
        with self._changed:
            self._is_stopped = True
            self._read.clear()
            self._changed.notify_all()
