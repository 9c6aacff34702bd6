"""Files and samples by slices, held to lists."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rangepack
from rangepack.data import Concat, Files, Loader, Sampler, Subset

_FILES: list[tuple[Any, list[bytes]]] = []


def numbered() -> tuple[Any, list[bytes]]:
    if not _FILES:
        import tempfile

        home = Path(tempfile.mkdtemp())
        rangepack.pack_files(((f"{number:02}", bytes([number])) for number in range(20)), home / "x.pack")
        _FILES.append((rangepack.open(home / "x.pack").files("1*"), [bytes([number]) for number in range(10, 20)]))
    return _FILES[0]


@given(first=st.slices(12), second=st.slices(12), number=st.integers(-12, 12))
def test_slices_are_those_of_lists(first: slice, second: slice, number: int) -> None:
    files, contents = numbered()
    files, contents = files[first][second], contents[first][second]
    assert len(files) == len(contents) and list(files) == contents
    assert files.read_many(range(len(files))) == contents
    assert [entry.name for entry in files.entries(range(len(files)))] == [f"{content[0]}" for content in contents]
    try:
        expected = contents[number]
    except IndexError:
        with pytest.raises(IndexError):
            files[number]
    else:
        assert files[number] == expected and files.entry(number).name == f"{expected[0]}"


def test_a_slice_reads_nothing_and_says_how_many_it_has(location: Path) -> None:
    files = rangepack.open(location).files()[10:20]
    assert repr(files) == f"<rangepack.Files of {str(location)!r}: 10>"
    with pytest.raises(ValueError, match="slice"):
        files.groups()
    with pytest.raises(ValueError, match="step"):
        files[::0]
    for step in [2**62, -(2**62), 2**70]:
        assert [bytes(content) for content in files[::step][::step]] == [bytes(files[0 if step > 0 else -1])]


SOURCES: list[Callable[[Path], Any]] = [
    Files,
    lambda at: Files(at, lambda content, entry: (entry.path, len(content))),
    lambda at: Concat([Files(at), Files(at, select="*.jpg")]),
]


@pytest.mark.parametrize("make", SOURCES, ids=["bytes", "transform", "concat"])
def test_slices_of_samples_are_sources(location: Path, make: Callable[[Path], Any]) -> None:
    source = make(location)
    samples = list(source)
    for part in [slice(10, 20), slice(None, None, -7), slice(5, 5), slice(-3, None)]:
        some = source[part]
        assert isinstance(some, Subset) and list(some) == samples[part] and len(some) == len(samples[part])
        assert list(some[::-2]) == samples[part][::-2]
        assert some.__getitems__(range(len(some))) == samples[part] and some.sizes([]) == []
        assert [sample for batch in Loader(some, range(len(some)), 4) for sample in batch] == samples[part]
        assert sorted(Sampler(some)) == list(range(len(some)))
        with pytest.raises(IndexError):
            some[len(some)]
    assert repr(source[10:20]) == repr(make(location)[10:20]) != repr(source[10:21])
    chosen = Subset(source, [3, 1, 3])
    assert list(chosen) == [samples[3], samples[1], samples[3]] and chosen[-1] == samples[3]


def test_slices_travel(location: Path) -> None:
    some = Files(location)[10:20]
    assert list(pickle.loads(pickle.dumps(some))) == list(some)


def test_what_is_excluded_is_not_there(location: Path, pack: rangepack.Pack) -> None:
    assert len(pack.files(exclude="a")) == len([path for path in pack if not path.startswith("a/")])
    assert len(pack.files("*.txt", exclude=["/a/1*", "größe.txt"])) == 200
    files = Files(location, select="*.txt", exclude=("0*", "1*"), verify="payloads")
    assert (
        len(files) == 101
        and "exclude=['0*', '1*']" in repr(files)
        and repr(files) != repr(Files(location, select="*.txt"))
    )
    assert len(pickle.loads(pickle.dumps(files))) == 101
