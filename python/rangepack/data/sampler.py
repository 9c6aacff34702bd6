"""In which order samples are drawn: shuffled, shared by ranks, and where one has come to."""

from __future__ import annotations

import bisect
import functools
import hashlib
import itertools
import operator
from collections.abc import Iterator, Sequence, Sized
from typing import Any, Literal

from rangepack._rangepack import Order
from rangepack.data.source import Source

Shuffle = Literal["global", "block"] | None
Uneven = Literal["pad", "drop", "keep"]

# So many numbers are drawn at once.
_AT_ONCE = 1024

# How many bytes a block has by default, and how many samples when their sizes are not known.
_BLOCK_BYTES = 512 << 10
_BLOCK = 32


class Sampler:
    """Numbers of samples in the order of an epoch, of which each rank draws its share.

    Every sample comes exactly once an epoch, over all ranks; each epoch has another order, which depends on `seed` and
    the epoch alone: not on ranks, workers or batches. No order is stored: any place of it is computed, so memory does
    not grow with the number of samples.

    Iterating draws what is left of the epoch for this rank. It begins where `load_state_dict` said, else at the start
    of the epoch, also after an iteration that was broken off; one that was not leads to the next epoch.

    Args:
        sources: The data set, or how many samples it has. A list or tuple of such is several data sets, whose numbers
            follow each other as in `Concat`.
        seed: Another seed, other orders.
        rank: Which of the processes this is that share the epoch: from 0 up to, and without, `world_size`.
        world_size: How many there are. Rank r draws every `world_size`-th sample, from the r-th on.
        shuffle: `"global"`: as if each epoch were drawn at random. `"block"`: neighbours stay close, so that they can
            be read together: see below. `None`: in order.
        block: How many neighbours stay together with `"block"`. By default as many as have half a mebibyte, by the
            sizes of some samples of the sources; 32 when only lengths are known.
        window: How many blocks are mixed with each other with `"block"`: not fewer than a batch has samples, and so
            many that their samples fit into half of the budget of a `Loader`.
        weights: What share of the epoch each of the sources has, as any numbers that are not negative. Sources are then
            drawn from as often as their share demands, each sample of a source once before any comes again, also across
            epochs.
        length: How many samples an epoch has, with weights: by default as many as all sources together.
        uneven: What happens when the samples do not divide among the ranks: `"pad"`: the first of the epoch come again,
            to fewer than `world_size` ranks, as in PyTorch's `DistributedSampler`; `"drop"`: the last of the epoch,
            fewer than `world_size`, are left out this time; `"keep"`: some ranks draw one more, and every sample comes
            exactly once. With one rank all are the same.

    Raises:
        ValueError: Something is out of range.

    How uniform `"block"` is: `window` blocks, any of them as likely as any other, are mixed evenly. With the worst
    data, sorted by class and with classes much longer than a block, the counts of classes in a batch of b samples vary
    as if drawn at random, times `1 + (b - 1) / window` (their variance; `"global"` is 1, and what is sorted and not
    shuffled is b).
    """

    def __init__(
        self,
        sources: int | Sized | Sequence[int | Sized],
        *,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        shuffle: Shuffle = "global",
        block: int | None = None,
        window: int = 256,
        weights: Sequence[float] | None = None,
        length: int | None = None,
        uneven: Uneven = "pad",
    ) -> None:
        several = sources if isinstance(sources, (list, tuple)) else [sources]
        self.lengths = [len(source) if isinstance(source, Sized) else operator.index(source) for source in several]
        if min(self.lengths, default=0) < 0:
            raise ValueError(f"lengths are not negative: {self.lengths}")
        if not 0 <= rank < world_size:
            raise ValueError(f"a rank is at least 0 and below the world size of {world_size}, not {rank}")
        if shuffle not in ("global", "block", None):
            raise ValueError(f"shuffle is 'global', 'block' or None, not {shuffle!r}")
        if uneven not in ("pad", "drop", "keep"):
            raise ValueError(f"uneven is 'pad', 'drop' or 'keep', not {uneven!r}")
        if block is None:
            block = _block_of(several) if shuffle == "block" else _BLOCK
        if block < 1 or window < 1:
            raise ValueError(f"blocks and windows have at least one element: {block}, {window}")
        if length is not None and (weights is None or length < 0):
            raise ValueError("a length goes with weights, and is not negative")
        self.seed, self.rank, self.world_size, self.uneven = operator.index(seed), rank, world_size, uneven
        self.shuffle, self.block, self.window = shuffle, block, window
        self.weights = None if weights is None else [float(weight) for weight in weights]
        #: How many samples of each source an epoch has.
        self.counts = self._share(sum(self.lengths) if length is None else length)
        #: How many samples an epoch has, over all ranks.
        self.length = sum(self.counts)
        #: The epoch that the next iteration draws from, and how many of its samples were drawn before, over all ranks.
        self.epoch, self.position = 0, 0
        # Where the last iteration began, and how many samples of this rank it has given.
        self._begun, self._drawn = (0, 0), 0
        self._iteration: object = None

    def _share(self, length: int) -> list[int]:
        """How the samples of an epoch divide among the sources: by the largest remainders."""
        if self.weights is None:
            return list(self.lengths)
        if len(self.weights) != len(self.lengths):
            raise ValueError(f"there are {len(self.weights)} weights for {len(self.lengths)} sources")
        total = sum(self.weights)
        if min(self.weights, default=0) < 0 or not 0 < total < float("inf"):
            raise ValueError(f"weights are not negative, and their sum is positive: {self.weights}")
        shares = [length * weight / total for weight in self.weights]
        counts = [int(share) for share in shares]
        by_remainder = sorted(range(len(shares)), key=lambda source: counts[source] - shares[source])
        for source in itertools.islice(itertools.cycle(by_remainder), max(0, length - sum(counts))):
            counts[source] += 1
        if any(count and not there for count, there in zip(counts, self.lengths, strict=True)):
            raise ValueError(f"an empty source has a weight: {self.lengths}, {self.weights}")
        return counts

    def __len__(self) -> int:
        """How many samples this rank draws in the next iteration."""
        return self._count(self.position)

    def _count(self, position: int) -> int:
        left = max(0, self.length - position)
        if self.uneven == "drop":
            return left // self.world_size
        missing = self.rank if self.uneven == "keep" else 0
        return max(0, -((missing - left) // self.world_size))

    def __iter__(self) -> Iterator[int]:
        """Draw what is left of the epoch for this rank."""
        self._begun, self._drawn = (self.epoch, self.position), 0
        self._iteration = object()
        return self._draw(self._iteration, self.epoch, self.position)

    def _draw(self, iteration: object, epoch: int, position: int) -> Iterator[int]:
        count, step = self._count(position), self.world_size
        start = position + self.rank
        for first in range(0, count, _AT_ONCE):
            positions = range(start + first * step, start + min(count, first + _AT_ONCE) * step, step)
            for number in self._numbers(epoch, positions):
                if iteration is self._iteration:
                    self._drawn += 1
                yield number
        if iteration is self._iteration:
            self.epoch, self.position = epoch + 1, 0

    def windows(self) -> Iterator[int] | None:
        """How many samples the last iteration draws from each window of blocks, one after the other: they lie close
        together, and what is read at once should be all of a window. `None` when the order has no windows."""
        if self.shuffle != "block" or self.weights is not None:
            return None
        epoch, position = self._begun
        return self._windows(self._order(self.length, f"epoch {epoch}"), position)

    def _windows(self, order: Order, position: int) -> Iterator[int]:
        count, step, drawn = self._count(position), self.world_size, 0
        while drawn < count:
            end = order.window_end(position + self.rank + drawn * step)
            # The padding of the epoch belongs to its last window.
            until = count if end >= self.length else -((position + self.rank - end) // step)
            yield until - drawn
            drawn = until

    def take(self, start: int, stop: int, step: int = 1) -> list[int]:
        """The numbers at the positions `range(start, stop, step)` of this epoch, as they count over all ranks."""
        if start < 0 or step < 1:
            raise ValueError(f"positions are counted upwards from 0: {start}, {step}")
        return self._numbers(self.epoch, range(start, min(stop, self.length), step))

    def _numbers(self, epoch: int, positions: range) -> list[int]:
        # What is behind the end comes from the start again: the padding.
        inside = positions[: max(0, -((positions.start - self.length) // positions.step))]
        slots: list[int] = list(inside)
        if self.shuffle is not None:
            slots = self._order(self.length, f"epoch {epoch}").take(inside.start, inside.stop, inside.step)
        if self.weights is not None:
            slots = [self._drawn_from(epoch, slot) for slot in slots]
        behind = [position % self.length for position in positions[len(inside) :]]
        return slots + [self._numbers(epoch, range(at, at + 1))[0] for at in behind]

    def _drawn_from(self, epoch: int, slot: int) -> int:
        """The number for a slot of a weighted epoch: each source has as many slots as its share."""
        source = bisect.bisect_right(self._ends, slot)
        before = self._ends[source - 1] if source else 0
        lap, inside = divmod(epoch * self.counts[source] + slot - before, self.lengths[source])
        if self.shuffle is not None:
            inside = self._order(self.lengths[source], f"source {source} lap {lap}")[inside]
        return self._offsets[source] + inside

    @functools.cached_property
    def _ends(self) -> list[int]:
        return list(itertools.accumulate(self.counts))

    @functools.cached_property
    def _offsets(self) -> list[int]:
        return list(itertools.accumulate(self.lengths, initial=0))

    def _order(self, length: int, what: str) -> Order:
        return _order(length, f"{self.seed} {what}", self.block if self.shuffle == "block" else None, self.window)

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch. Nothing happens when it is the present one: what was loaded stays."""
        if operator.index(epoch) < 0:
            raise ValueError(f"epochs are counted from 0: {epoch}")
        if epoch != self.epoch:
            self.epoch, self.position = epoch, 0
            self._begun, self._drawn, self._iteration = (epoch, 0), 0, None

    def state_dict(self, consumed: int | None = None) -> dict[str, Any]:
        """Where the epoch has come to, for `load_state_dict` of any rank of any number of ranks: plain numbers and
        texts.

        Args:
            consumed: How many samples of this rank were used since the last iteration began. By default, all that it
                gave; but a `DataLoader` draws ahead, and then only the loop knows. All ranks are taken to have used as
                many.
        """
        epoch, position = self._begun
        drawn = self._drawn if consumed is None else consumed
        count = self._count(position)
        if not 0 <= drawn <= count:
            raise ValueError(f"{drawn} samples cannot have been used of {count}")
        position += drawn * self.world_size
        is_over = drawn > 0 and (position >= self.length or (self.uneven == "drop" and drawn == count))
        # With "keep", a rank may have come to its end while others have a sample left.
        if is_over or (consumed is None and self.epoch != epoch):
            epoch, position = epoch + 1, 0
        return {"seed": self.seed, "epoch": epoch, "position": position, **self._kind()}

    def _kind(self) -> dict[str, Any]:
        """What has to be the same for a position to mean the same."""
        blocks = [self.block, self.window] if self.shuffle == "block" else None
        weights = None if self.weights is None else list(self.weights)
        return {
            "lengths": list(self.lengths),
            "shuffle": self.shuffle,
            "blocks": blocks,
            "weights": weights,
            "length": self.length,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there, with the seed of then. Ranks may be others, and more or fewer.

        Raises:
            ValueError: It is the state of another order: of other lengths, weights, or another way of shuffling; or no
                state of a sampler.
        """
        kind = self._kind()
        missing = sorted({"seed", "epoch", "position", *kind} - state.keys())
        if missing:
            raise ValueError(f"no state of a sampler: it has no {', '.join(missing)}")
        for name, here in kind.items():
            if state[name] != here:
                raise ValueError(f"the state is of another order: {name} was {state[name]!r} and is {here!r}")
        seed, epoch, position = (operator.index(state[name]) for name in ("seed", "epoch", "position"))
        if epoch < 0 or not 0 <= position <= self.length:
            raise ValueError(f"no place in an order of {self.length} samples: epoch {epoch}, position {position}")
        self.seed, self.epoch, self.position = seed, epoch, position
        self._begun, self._drawn, self._iteration = (self.epoch, self.position), 0, None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_iteration": None}

    def __repr__(self) -> str:
        where = f"epoch={self.epoch}, position={self.position}"
        return (
            f"rangepack.data.Sampler({self.lengths}, seed={self.seed}, rank={self.rank}, "
            f"world_size={self.world_size}, shuffle={self.shuffle!r}, {where})"
        )


def _block_of(sources: Sequence[int | Sized]) -> int:
    """How many samples a block has by default: the same in every process."""
    count = size = 0
    for source in sources:
        if isinstance(source, Source) and len(source):
            numbers = range(0, len(source), -(-len(source) // 64))
            count += len(numbers)
            size += sum(source.sizes(numbers))
    return max(1, _BLOCK_BYTES * count // max(size, count)) if count else _BLOCK


@functools.lru_cache(64)
def _order(length: int, name: str, block: int | None, window: int) -> Order:
    key = hashlib.blake2b(name.encode(), digest_size=32, person=b"rangepack").digest()
    return Order(length, key, block=block, window=window)
