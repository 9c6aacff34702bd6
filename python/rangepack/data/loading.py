"""Reading ahead of a loop."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar, overload

from rangepack.data.sampler import Sampler
from rangepack.data.source import Source

S = TypeVar("S")
B = TypeVar("B")


class Loader(Generic[B]):
    """Batches of samples, whose contents other threads read while the loop works.

    It reads as many batches at once as fit into half of the budget, while the loop has the other half; the first alone,
    so that the loop can begin. Neighbours among them come from a server with one request: with a `Sampler` that has
    `shuffle="block"` it reads a window at a time, whose blocks come whole and once. Transforms run in the loop's
    thread. It makes no processes: a `DataLoader` of PyTorch with workers does its own reading ahead, of
    `prefetch_factor` batches a worker.

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
        windows = self.sampler.windows() if isinstance(self.sampler, Sampler) else None
        self._handed = 0
        return self._batches(numbers, windows)

    def _batches(self, numbers: Iterator[int], windows: Iterator[int] | None) -> Iterator[B]:
        pieces = self._pieces(numbers, windows or iter(()))
        reader = _Reader(self.source, pieces, windows is not None, self.budget)
        is_complete = False
        try:
            for fetched in reader.batches(self.batch_size):
                if self.drop_last and len(fetched) < self.batch_size:
                    break
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

    def _pieces(self, numbers: Iterator[int], windows: Iterator[int]) -> Iterator[tuple[list[int], bool]]:
        """As many numbers as a batch has at a time, or as are left of a window, and whether it ends there."""
        for left in itertools.chain(windows, [sys.maxsize]):
            while left and (piece := list(itertools.islice(numbers, min(left, self.batch_size)))):
                left -= len(piece)
                yield piece, left == 0

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


@dataclasses.dataclass(eq=False)
class _Group:
    """Samples that are read at once."""

    numbers: list[int] = dataclasses.field(default_factory=list)
    #: Bytes of content.
    cost: int = 0
    #: What was read for them, or what it raised; `None` until then.
    read: list[Any] | BaseException | None = None


class _Reader:
    """Threads that read groups of samples, and the groups in their order.

    There are two: one has its requests on the way while the other checks what came.
    """

    def __init__(
        self, source: Source[Any], pieces: Iterator[tuple[list[int], bool]], windows: bool, budget: int
    ) -> None:
        self.source, self.budget = source, budget
        self._process = os.getpid()
        self._groups = self._grouped(pieces, windows)
        # Whoever holds it takes the next group, when there is room for it.
        self._taking = threading.Lock()
        self._taken: deque[_Group | None] = deque()
        self._used = 0
        self._is_stopped = False
        self._changed = threading.Condition()
        for _ in range(2):
            # Nobody waits for it: Ctrl-C and the end of the interpreter come before an answer of a server.
            threading.Thread(target=self._work, name="rangepack loader", daemon=True).start()

    def _grouped(self, pieces: Iterator[tuple[list[int], bool]], windows: bool) -> Iterator[_Group]:
        """As many pieces together as are to be read at once."""
        # Half of the samples of a window lie as far apart as all of them, and take as long to read.
        limit = self.budget if windows else self.budget // 2
        group, count, most = _Group(), 0, 1
        for numbers, is_end in pieces:
            cost = sum(self.source.sizes(numbers))
            if count and (count == most or group.cost + cost > limit):
                yield group
                group, count, most = _Group(), 0, sys.maxsize if windows else most * 8
            group.numbers += numbers
            group.cost += cost
            count += 1
            if is_end:
                yield group
                group, count = _Group(), 0
        if count:
            yield group

    def _work(self) -> None:
        while (group := self._take()) is not None:
            try:
                read: list[Any] | BaseException = list(self.source.fetch(group.numbers))
            except BaseException as error:
                read = error
            with self._changed:
                group.read = read
                self._changed.notify_all()

    def _take(self) -> _Group | None:
        """The next group, as soon as there is room for it; `None` behind the last one."""
        with self._taking:
            try:
                group = next(self._groups, None)
            except BaseException as error:
                self._put(_Group(read=error))
                return None
            if group is None or not self._reserve(group.cost):
                group = None
            self._put(group)
            return group

    def _reserve(self, cost: int) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or not self._used or self._used + cost <= self.budget)
            self._used += cost
            return not self._is_stopped

    def _release(self, cost: int) -> None:
        with self._changed:
            self._used -= cost
            self._changed.notify_all()

    def _put(self, group: _Group | None) -> None:
        with self._changed:
            self._taken.append(group)
            self._changed.notify_all()

    def batches(self, size: int) -> Iterator[list[Any]]:
        """What was read, so many samples at a time; the last may be fewer."""
        batch: list[Any] = []
        while (group := self._next()) is not None:
            read = group.read
            if isinstance(read, BaseException):
                raise read
            while read:
                some = size - len(batch)
                batch += read[:some]
                # What the loop has is its own.
                del read[:some]
                if len(batch) == size:
                    full, batch = [batch], []
                    yield full.pop()
            # Not before: neighbours that came together stay in memory together.
            self._release(group.cost)
        if batch:
            yield batch

    def _next(self) -> _Group | None:
        if os.getpid() != self._process:
            raise RuntimeError("this iteration belongs to the process that began it; begin another one here")
        with self._changed:
            self._changed.wait_for(lambda: self._taken and (self._taken[0] is None or self._taken[0].read is not None))
            return self._taken.popleft()

    def stop(self) -> None:
        """Let the threads end; what they are reading is left alone."""
        if os.getpid() != self._process:
            return
        with self._changed:
            self._is_stopped = True
            self._taken.clear()
            self._changed.notify_all()
