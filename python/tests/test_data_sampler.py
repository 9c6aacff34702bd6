"""Epochs shared by ranks, and going on elsewhere."""

import json
import pickle
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rangepack.data import Sampler

SHUFFLES: Any = st.sampled_from(["global", "block", None])


def ranks(length: Any, world: int, **how: Any) -> list[Sampler]:
    return [Sampler(length, rank=rank, world_size=world, **how) for rank in range(world)]


@given(st.integers(0, 500), st.integers(1, 9), SHUFFLES, st.sampled_from(["pad", "drop", "keep"]))
def test_every_sample_comes_once_an_epoch(length: int, world: int, shuffle: Any, uneven: Any) -> None:
    samplers = ranks(length, world, shuffle=shuffle, uneven=uneven, block=5, window=3)
    for _ in range(2):
        promised = [len(sampler) for sampler in samplers]
        drawn = [list(sampler) for sampler in samplers]
        assert [len(numbers) for numbers in drawn] == promised
        counts = Counter(number for numbers in drawn for number in numbers)
        if uneven == "keep":
            assert counts == Counter(range(length))
            assert max(promised) - min(promised) <= 1
        elif uneven == "drop":
            assert max(counts.values(), default=1) == 1 and length - len(counts) < world
            assert len(set(promised)) == 1
        else:
            assert set(counts) == set(range(length)) and len(set(promised)) == 1
            assert sum(counts.values()) - length < world


@given(st.integers(1, 400), st.data(), SHUFFLES, st.integers(0, 3))
def test_other_ranks_go_on_where_the_first_ones_stopped(
    length: int, data: st.DataObject, shuffle: Any, epoch: int
) -> None:
    how = {"shuffle": shuffle, "uneven": "keep", "block": 7, "window": 3, "seed": 11}
    seen: list[int] = []
    state: dict[str, Any] | None = None
    for _ in range(data.draw(st.integers(1, 4), "stops")):
        world = data.draw(st.integers(1, 5), "world")
        samplers = ranks(length, world, **how)
        for sampler in samplers:
            sampler.set_epoch(epoch)
            if state is not None:
                sampler.load_state_dict(json.loads(json.dumps(state)))
            sampler.set_epoch(epoch)
        most = min(len(sampler) for sampler in samplers)
        steps = data.draw(st.integers(0, most), "steps")
        if steps == len(samplers[0]):
            # All of them came to the end.
            break
        iterators = [iter(sampler) for sampler in samplers]
        seen += [next(iterator) for _ in range(steps) for iterator in iterators]
        states = [sampler.state_dict() for sampler in samplers]
        state = states[0]
        assert states == [state] * world
        assert state == samplers[0].state_dict(consumed=steps)
    last = Sampler(length, **how)
    last.set_epoch(epoch)
    if state is not None:
        last.load_state_dict(state)
    whole = Sampler(length, **how)
    whole.set_epoch(epoch)
    assert seen + list(last) == list(whole)
    assert last.state_dict()["epoch"] == epoch + 1 and last.state_dict()["position"] == 0
    # And the next epoch is that of one who never stopped.
    assert list(last) == list(whole)


def test_an_iteration_that_is_broken_off_begins_again() -> None:
    sampler = Sampler(100, seed=1)
    first = [number for number, _ in zip(sampler, range(10), strict=False)]
    assert sampler.state_dict()["position"] == 11, "zip draws one more"
    assert sampler.state_dict(consumed=10)["position"] == 10
    assert list(sampler)[:10] == first
    assert sampler.epoch == 1


def test_who_draws_ahead_says_what_was_used() -> None:
    sampler = Sampler(100, rank=1, world_size=4)
    drawn = list(sampler)
    state = sampler.state_dict(consumed=8)
    assert (state["epoch"], state["position"]) == (0, 32)
    sampler.load_state_dict(state)
    assert list(sampler) == drawn[8:]
    assert sampler.state_dict(consumed=17)["epoch"] == 1
    for consumed in [-1, 26]:
        with pytest.raises(ValueError, match="cannot have been used"):
            sampler.state_dict(consumed)


def test_the_present_epoch_can_be_set_without_losing_the_position() -> None:
    sampler = Sampler(10)
    sampler.load_state_dict(sampler.state_dict() | {"epoch": 3, "position": 4})
    sampler.set_epoch(3)
    assert len(sampler) == 6
    sampler.set_epoch(4)
    assert len(sampler) == 10


def test_states_of_other_orders_are_refused() -> None:
    state = Sampler(10).state_dict()
    for other in [Sampler(11), Sampler(10, shuffle=None), Sampler([5, 5]), Sampler(10, shuffle="block")]:
        with pytest.raises(ValueError, match="another order"):
            other.load_state_dict(state)
    taken = Sampler(10, seed=7)
    taken.load_state_dict(state)
    assert list(taken) == list(Sampler(10))


def test_a_sampler_travels() -> None:
    sampler = Sampler(100, seed=4, shuffle="block", block=3, window=4)
    iterator = iter(sampler)
    drawn = [next(iterator) for _ in range(5)]
    other = pickle.loads(pickle.dumps(sampler))
    other.load_state_dict(other.state_dict())
    assert drawn + list(other) == list(sampler)


@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0, 10)), min_size=1, max_size=4).filter(
        lambda sources: sum(weight for _, weight in sources) > 0.01
    ),
    st.integers(0, 300),
    SHUFFLES,
)
def test_weights_are_kept_and_no_sample_comes_twice_before_all_came(
    sources: list[tuple[int, float]], length: int, shuffle: Any
) -> None:
    lengths, weights = [length for length, _ in sources], [weight for _, weight in sources]
    sampler = Sampler(lengths, weights=weights, length=length, shuffle=shuffle, block=4, window=3)
    starts = [sum(lengths[:source]) for source in range(len(lengths))]
    counts: list[Counter[int]] = [Counter() for _ in lengths]
    for _ in range(3):
        epoch: Counter[int] = Counter()
        for number in sampler:
            source = max(source for source, start in enumerate(starts) if start <= number)
            counts[source][number - starts[source]] += 1
            epoch[source] += 1
        assert sum(epoch.values()) == length
        for source, weight in enumerate(weights):
            assert abs(epoch[source] - length * weight / sum(weights)) <= 1
    for there, count in zip(lengths, counts, strict=True):
        drawn = [count[number] for number in range(there)]
        assert max(drawn) - min(drawn) <= 1


def test_mixed_sources_come_mixed() -> None:
    sampler = Sampler([1000, 9000], weights=[1, 1], seed=2)
    drawn = list(sampler)
    assert sampler.counts == [5000, 5000]
    for start in range(0, 10_000, 1000):
        assert 400 < sum(number < 1000 for number in drawn[start : start + 1000]) < 600


@pytest.mark.parametrize(
    "arguments",
    [
        {"rank": 1},
        {"rank": -1},
        {"world_size": 0},
        {"shuffle": "some"},
        {"uneven": "often"},
        {"block": 0},
        {"window": 0},
        {"weights": [1, 2]},
        {"weights": [-1]},
        {"weights": [0]},
        {"weights": [float("nan")]},
        {"length": 5},
        {"weights": [1], "length": -1},
    ],
)
def test_what_makes_no_sense_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Sampler(10, **arguments)
    with pytest.raises(ValueError):
        Sampler(-1)
    with pytest.raises(ValueError, match="empty source"):
        Sampler([0, 5], weights=[1, 1])


def test_no_order_is_stored() -> None:
    sampler = Sampler(10**15, shuffle="block")
    drawn = iter(sampler)
    assert len({next(drawn) for _ in range(5000)}) == 5000
    assert sampler.take(10**15 - 3, 10**15 + 9) == sampler.take(10**15 - 3, 10**15)
