"""Reading ahead of a loop."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rangepack.data import Files, Loader, Sampler, Source


class Counted(Source[int]):
    """Samples of known sizes that know how many bytes are read and not handed on."""

    def __init__(self, sizes: list[int]) -> None:
        self.all_sizes = sizes
        self.lock = threading.Lock()
        self.held = self.most = 0
        self.calls: list[list[int]] = []

    def __len__(self) -> int:
        return len(self.all_sizes)

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        return [self.all_sizes[number] for number in numbers]

    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        numbers = list(numbers)
        with self.lock:
            self.calls.append(numbers)
            self.held += sum(self.sizes(numbers))
            self.most = max(self.most, self.held)
        return numbers

    def finish(self, fetched: Any) -> int:
        with self.lock:
            self.held -= self.all_sizes[fetched]
        number: int = fetched
        return number


def test_batches_come_in_the_order_of_the_sampler(location: Path) -> None:
    files = Files(location, lambda content, entry: (entry.path, bytes(content)))
    loader = Loader(files, Sampler(files, seed=3), batch_size=32, budget=20_000)
    expected = [files[number] for number in Sampler(files, seed=3)]
    assert len(loader) == -(-len(files) // 32)
    batches = list(loader)
    assert [sample for batch in batches for sample in batch] == expected
    assert [len(batch) for batch in batches[:-1]] == [32] * (len(batches) - 1)
    sums = Loader(files, range(10), 4, lambda batch: sum(len(content) for _, content in batch))
    assert list(sums) == [
        sum(len(files[number][1]) for number in part) for part in [range(4), range(4, 8), range(8, 10)]
    ]
    assert [len(batch) for batch in Loader(files, range(10), 4, drop_last=True)] == [4, 4]
    assert list(Loader(files, [], 4)) == []
    with pytest.raises(ValueError, match="at least one"):
        Loader(files, [], 0)


@given(st.lists(st.integers(0, 50), max_size=100), st.integers(1, 9), st.integers(0, 400))
def test_no_more_is_read_ahead_than_the_budget(sizes: list[int], batch_size: int, budget: int) -> None:
    source = Counted(sizes)
    handed = list(Loader(source, range(len(sizes)), batch_size, budget=budget))
    assert [number for batch in handed for number in batch] == list(range(len(sizes)))
    batches = [sum(sizes[start : start + batch_size]) for start in range(0, len(sizes), batch_size)]
    # What was just taken from the budget, and is about to be finished, counts for the loop.
    assert source.most <= max([budget, *batches], default=0) + max(batches, default=0)
    assert sorted(number for call in source.calls for number in call) == list(range(len(sizes)))


def test_reads_grow_as_far_as_half_of_the_budget() -> None:
    source = Counted([10] * 1000)
    assert len(list(Loader(source, range(1000), 10, budget=2000))) == 100
    calls = sorted(source.calls)
    assert [len(call) for call in calls][:6] == [10, 80, 100, 100, 100, 100]


def test_windows_are_read_at_once() -> None:
    source = Counted([10] * 1000)
    for rank, world_size in [(0, 1), (1, 3)]:
        sampler = Sampler(source, seed=1, shuffle="block", block=10, window=20, rank=rank, world_size=world_size)
        expected = list(sampler)
        sampler.set_epoch(0)
        source.calls.clear()
        assert [number for batch in Loader(source, sampler, 30, budget=10_000) for number in batch] == expected
        calls = sorted(source.calls, key=lambda call: expected.index(call[0]))
        assert [number for call in calls for number in call] == expected
        # One batch, that the loop can begin, the rest of its window, and then a window each.
        assert len(calls[0]) == 30 and len(calls) == 6
        assert all(abs(len(call) * world_size - 200) < world_size for call in [calls[0] + calls[1], *calls[2:]])
        # A loop that goes on somewhere in a window has the rest of it.
        sampler.load_state_dict({**sampler.state_dict(0), "epoch": 0, "position": 300})
        rest, windows = list(sampler), sampler.windows()
        assert windows is not None and sum(counts := list(windows)) == len(rest) and len(counts) == 4
    assert Sampler(source).windows() is None
    # One that does not fit into the budget is read in parts.
    sampler = Sampler(source, seed=1, shuffle="block", block=10, window=20)
    assert len(list(Loader(source, sampler, 30, budget=500))) == 34


def test_a_loader_says_where_the_loop_is_and_another_goes_on() -> None:
    source = Counted([1] * 100)
    loader = Loader(source, Sampler(source, seed=1), 8)
    whole = [number for batch in Loader(source, Sampler(source, seed=1), 8) for number in batch]
    seen: list[int] = []
    state: dict[str, Any] = {}
    for batch in loader:
        seen += batch
        state = loader.state_dict()
        if len(seen) == 40:
            break
    assert (state["epoch"], state["position"]) == (0, 40)
    halves = [Loader(source, Sampler(source, seed=1, rank=rank, world_size=2), 5) for rank in range(2)]
    for half in halves:
        half.load_state_dict(state)
    rest = [[number for batch in half for number in batch] for half in halves]
    assert [number for pair in zip(*rest, strict=True) for number in pair] == whole[40:]
    assert halves[0].state_dict() == halves[1].state_dict()
    assert (halves[0].state_dict()["epoch"], halves[0].state_dict()["position"]) == (1, 0)
    # The loop that broke off begins its epoch again, although it was read from further ahead.
    assert [number for batch in loader for number in batch] == whole
    with pytest.raises(TypeError):
        Loader(source, range(5), 2).state_dict()


def test_epochs_end_without_what_was_dropped() -> None:
    source = Counted([1] * 10)
    loader = Loader(source, Sampler(source, seed=1), 4, drop_last=True)
    assert [len(list(loader)) for _ in range(3)] == [2, 2, 2]
    assert loader.state_dict()["epoch"] == 3 and loader.state_dict()["position"] == 0


class Failing(Counted):
    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        numbers = list(numbers)
        if 50 in numbers:
            raise OSError("the disk is gone")
        return super().fetch(numbers)


def test_what_a_read_raises_is_raised_in_the_loop() -> None:
    seen: list[int] = []
    with pytest.raises(OSError, match="the disk is gone"):
        for batch in Loader(Failing([1] * 100), range(100), 5, budget=10):
            seen += batch
    assert seen == list(range(50))
    with pytest.raises(IndexError):
        list(Loader(Counted([1] * 5), range(6), 5))


def test_threads_end_with_the_loop() -> None:
    for stop in [1, 3]:
        loader = iter(Loader(Counted([1] * 100), range(100), 5, budget=5))
        for _ in range(stop):
            next(loader)
        del loader
    for thread in threading.enumerate():
        if thread.name == "rangepack loader":
            thread.join(60)
            assert not thread.is_alive()


STUCK = """
import os, threading
from rangepack.data import Files, Loader
class Stuck(Files):
    def fetch(self, numbers):
        # In one piece, where print() mixes the lines of two threads.
        os.write(1, b"reading\\n")
        threading.Event().wait()
try:
    for batch in Loader(Stuck({location!r}), range(5), 2):
        pass
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are those of Unix")
def test_ctrl_c_ends_a_loop_that_waits(location: Path) -> None:
    code = STUCK.format(location=str(location))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            # Two threads read.
            assert [process.stdout.readline() for _ in range(2)] == ["reading\n"] * 2
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "stopped\n"
            assert process.wait(60) == 0
        finally:
            # The end of `with` waits for it, however long.
            process.kill()
