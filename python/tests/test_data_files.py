"""Files as samples."""

import multiprocessing
import pickle
from pathlib import Path
from typing import Any

import pytest

import rangepack
from rangepack import Entry
from rangepack.data import Concat, Files, Source


def named(content: memoryview, entry: Entry) -> tuple[str, int]:
    return entry.path, len(content)


def test_a_sample_is_the_content_of_a_file(location: Path, pack: rangepack.Pack) -> None:
    for files in [Files(location), Files(str(location)), Files(pack)]:
        assert len(files) == len(pack)
        assert list(files) == [pack.read(number) for number in range(len(pack))]
        assert files.__getitems__([5, -1, 0]) == [files[5], files[len(files) - 1], files[0]]
        assert files.__getitems__([]) == []
        assert type(files[0]) is bytes
        assert files.sizes([5, -1]) == [len(files[5]), len(files[-1])]
        assert files.entry(3).path == pack.entry(3).path


def test_a_transform_gets_the_content_and_the_entry(location: Path) -> None:
    files = Files(location, named, select="/a/*.txt")
    assert len(files) == 300
    assert files[7] == ("a/007.txt", 7)
    assert files.__getitems__(range(5)) == [(f"a/{number:03}.txt", number) for number in range(5)]
    assert list(Files(location, lambda content, _: content.readonly, select="*.jpg")) == [True]


def test_globs_choose(location: Path) -> None:
    assert len(Files(location, select="**/*.jpg")) == len(Files(location, select="*.jpg")) == 1
    assert len(Files(location, select=["*.jpg", "/größe.txt"])) == 2
    assert len(Files(location, select="nothing")) == 0 and list(Files(location, select="nothing")) == []
    with pytest.raises(ValueError, match="pattern"):
        len(Files(location, select="["))
    with pytest.raises(FileNotFoundError):
        Files(location.with_name("none.pack"))


@pytest.mark.parametrize("number", [304, -305, 2**40])
def test_numbers_out_of_range_are_errors(location: Path, number: int) -> None:
    sources: list[Source[Any]] = [Files(location), Files(location, named), Concat([Files(location)])]
    for source in sources:
        if number == 304 and len(source) > 304:
            continue
        with pytest.raises(IndexError):
            source[number]
        with pytest.raises(IndexError):
            source.__getitems__([0, number])


def test_numbers_of_numpy_are_numbers(location: Path) -> None:
    numpy = pytest.importorskip("numpy")
    files = Files(location, named)
    assert files[numpy.int64(3)] == files[3]
    assert files.__getitems__(numpy.array([1, 2])) == [files[1], files[2]]


def test_it_says_what_it_is_and_not_where(location: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere.pack"
    copy.write_bytes(location.read_bytes())
    files = Files(location, named, select="*.txt")
    assert repr(files) == repr(Files(copy, select="*.txt")) == repr(pickle.loads(pickle.dumps(files)))
    assert repr(files) != repr(Files(location))


def reads(files: Any, numbers: list[int]) -> Any:
    return files.__getitems__(numbers)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_other_processes_have_the_same_samples(location: Path, method: str) -> None:
    files = Files(location, named, select="*.txt")
    expected = reads(files, [0, 5, 299])
    # What is numbered does not travel, the location does.
    assert len(pickle.dumps(files)) < 1000
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(reads, [(files, [0, 5, 299])] * 4) == [expected] * 4


def test_several_packs_are_one(location: Path) -> None:
    texts, pictures = Files(location, named, select="*.txt"), Files(location, named, select="*.jpg")
    both = Concat([texts, pictures, texts])
    assert len(both) == 2 * len(texts) + 1
    assert list(both) == [*texts, *pictures, *texts]
    assert both[len(texts)] == ("a/b/x.jpg", 3)
    numbers = [len(texts), 0, len(both) - 1, len(texts) + 1, 4]
    assert both.__getitems__(numbers) == [both[number] for number in numbers]
    assert both.sizes(numbers) == [size for _, size in both.__getitems__(numbers)]
    assert len(Concat([])) == 0
    assert pickle.loads(pickle.dumps(both))[3] == both[3]


def test_a_replaced_pack_is_noticed_where_it_arrives(location: Path, tmp_path: Path) -> None:
    copy = tmp_path / "c.pack"
    copy.write_bytes(location.read_bytes())
    travelling = pickle.dumps(Files(copy))
    (tmp_path / "t").mkdir()
    rangepack.pack(tmp_path / "t", copy, overwrite=True)
    with pytest.raises(rangepack.WrongPackError):
        pickle.loads(travelling)[0]
