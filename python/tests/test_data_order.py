"""The order that samples come in, and how uniform it is."""

import itertools
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rangepack._rangepack import Order
from rangepack.data import Sampler

KEYS = st.binary(min_size=32, max_size=32)


@given(st.integers(0, 3000), KEYS)
def test_a_global_order_has_every_number_once(length: int, key: bytes) -> None:
    order = Order(length, key)
    numbers = order.take(0, length)
    assert sorted(numbers) == list(range(length)) and len(order) == length
    assert [order[position] for position in range(length)] == numbers == Order(length, key).take(0, length + 7)


@given(st.integers(0, 3000), KEYS, st.integers(1, 400), st.integers(1, 50))
def test_a_block_order_has_every_number_once_and_keeps_blocks_in_windows(
    length: int, key: bytes, block: int, window: int
) -> None:
    order = Order(length, key, block=block, window=window)
    numbers = order.take(0, length)
    assert sorted(numbers) == list(range(length))
    assert [order[position] for position in range(0, length, 7)] == order.take(0, length, 7) == numbers[::7]
    # Each window has whole blocks.
    start = 0
    while start < length:
        blocks: set[int] = set()
        end = start
        while end < length and (numbers[end] // block in blocks or len(blocks) < window):
            blocks.add(numbers[end] // block)
            end += 1
        assert end - start == sum(min(block, length - number * block) for number in blocks)
        start = end


@given(st.integers(0, 2**62), KEYS, st.data())
def test_places_of_the_longest_orders_are_computed(length: int, key: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, length))
    for order in [Order(length, key), Order(length, key, block=1000, window=64)]:
        numbers = order.take(start, start + 50)
        assert len(set(numbers)) == len(numbers) == min(50, length - start)
        assert all(0 <= number < length for number in numbers)


def test_what_is_out_of_range_is_refused() -> None:
    for arguments in [{"block": 0}, {"window": 0}]:
        with pytest.raises(ValueError, match="at least one"):
            Order(10, bytes(32), **arguments)
    with pytest.raises(ValueError, match="most"):
        Order(2**63, bytes(32))
    with pytest.raises(ValueError, match="step"):
        Order(10, bytes(32)).take(0, 10, 0)
    with pytest.raises(IndexError):
        Order(10, bytes(32))[10]
    assert Order(10, bytes(32))[-1] == Order(10, bytes(32))[9]


def keys(count: int) -> list[bytes]:
    return [random.Random(number).randbytes(32) for number in range(count)]


@pytest.mark.parametrize("length", [2, 3, 5, 8, 10])
def test_every_number_comes_to_every_place(length: int) -> None:
    """Chi-square of the table of numbers and places: its mean is (length - 1)**2, its variance twice that."""
    rounds = 4000
    seen = Counter(
        (place, number) for key in keys(rounds) for place, number in enumerate(Order(length, key).take(0, length))
    )
    expected = rounds / length
    cells = [(place, number) for place in range(length) for number in range(length)]
    statistic = sum((seen[cell] - expected) ** 2 / expected for cell in cells)
    freedom = (length - 1) ** 2
    assert statistic < freedom + 5 * (2 * freedom) ** 0.5 + 5


def test_all_orders_of_four_come_about_equally_often() -> None:
    rounds = 24_000
    seen = Counter(tuple(Order(4, key).take(0, 4)) for key in keys(rounds))
    assert len(seen) == 24
    statistic = sum((count - 1000) ** 2 / 1000 for count in seen.values())
    assert statistic < 23 + 5 * 46**0.5


def dispersion(sampler: Sampler, classes: int, batch: int) -> float:
    """How much the counts of classes in batches vary, by what they would when drawn at random: 1 is random.

    Samples are sorted by class. It is the mean of chi-square over the batches by its degrees of freedom.
    """
    length = sampler.length
    numbers = list(sampler)
    total = 0.0
    batches = [numbers[start : start + batch] for start in range(0, length - batch + 1, batch)]
    for drawn in batches:
        counts = Counter(number * classes // length for number in drawn)
        expected = batch / classes
        total += sum((counts[label] - expected) ** 2 / expected for label in range(classes))
    return total / len(batches) / (classes - 1)


def displacement(sampler: Sampler) -> float:
    """How far samples are from their places, by the number of samples: 1/3 for a random order."""
    length = sampler.length
    return sum(abs(place - number) for place, number in enumerate(sampler)) / length**2


def test_a_global_shuffle_is_as_good_as_a_random_one() -> None:
    sampler = Sampler(100_000, seed=3)
    assert abs(displacement(sampler) - 1 / 3) < 0.01
    assert abs(dispersion(sampler, classes=10, batch=256) - 1) < 0.1


@pytest.mark.parametrize(("block", "window", "batch"), [(32, 256, 256), (32, 64, 256), (8, 512, 128), (100, 100, 256)])
def test_a_block_shuffle_is_as_uniform_as_it_says(block: int, window: int, batch: int) -> None:
    def sampler() -> Sampler:
        return Sampler(200_000, seed=5, shuffle="block", block=block, window=window)

    assert abs(displacement(sampler()) - 1 / 3) < 0.02
    promised = 1 + (batch - 1) / window
    assert dispersion(sampler(), classes=10, batch=batch) < 1.15 * promised
    # What is sorted and not shuffled, and what a shuffle of blocks alone would do, are far worse.
    assert dispersion(Sampler(200_000, shuffle=None), classes=10, batch=batch) > 0.9 * batch
    alone = Sampler(200_000, seed=5, shuffle="block", block=block, window=1)
    assert dispersion(alone, classes=10, batch=batch) > 2 * promised


def test_a_block_shuffle_reads_neighbours_together() -> None:
    """A window of samples is as many runs of neighbours as it has blocks."""
    block, window = 32, 256
    drawn = sorted(Sampler(200_000, seed=1, shuffle="block", block=block, window=window).take(0, block * window))
    runs = 1 + sum(after != before + 1 for before, after in itertools.pairwise(drawn))
    assert runs <= window + 1
    drawn = sorted(Sampler(200_000, seed=1).take(0, block * window))
    assert 1 + sum(after != before + 1 for before, after in itertools.pairwise(drawn)) > 7000


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    sampler = Sampler(1000, seed=1)
    orders = [tuple(sampler) for _ in range(5)] + [tuple(Sampler(1000, seed=seed)) for seed in range(5)]
    assert len(set(orders)) == 9, "that of seed 1 and epoch 0 is there twice"
    same = sum(first == second for first, second in zip(orders[0], orders[1], strict=True))
    assert same < 10
