"""What somebody stumbled over who had never seen the package."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import rangepack
from rangepack.data import Cache, Files, Loader, Sampler


def go_on(batches: Iterator[object], said: multiprocessing.SimpleQueue[str]) -> None:
    try:
        next(batches)
    except RuntimeError as error:
        said.put(str(error))


def test_an_iteration_belongs_to_its_process(location: Path) -> None:
    files = Files(location)
    batches = iter(Loader(files, range(len(files)), batch_size=8))
    next(batches)
    context = multiprocessing.get_context("fork")
    said = context.SimpleQueue()
    child = context.Process(target=go_on, args=(batches, said))
    child.start()
    assert "begin another" in said.get()
    child.join()
    assert child.exitcode == 0 and next(batches)


def test_what_was_left_out_is_named(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "there").write_text("there")
    (tmp_path / "tree" / "broken").symlink_to("nowhere")
    with pytest.raises(rangepack.IncompleteError, match="broken") as raised:
        rangepack.pack(tmp_path / "tree", tmp_path / "x.pack", follow_links=True)
    assert list(rangepack.open(tmp_path / "x.pack")) == ["there"]
    (tmp_path / "x.pack").unlink()
    packed = rangepack.pack(tmp_path / "tree", tmp_path / "x.pack", follow_links=True, incomplete=True)
    assert raised.value.report == packed and pickle.loads(pickle.dumps(raised.value)).report == packed
    [(path, reason)] = packed.problems
    assert packed.failed == 1 and path == str(tmp_path / "tree" / "broken") and reason


def test_a_pack_that_was_cut_warns_and_says_why(tree: Path, tmp_path: Path) -> None:
    rangepack.pack(tree, tmp_path / "whole.pack")
    (tmp_path / "cut.pack").write_bytes((tmp_path / "whole.pack").read_bytes()[:-1])
    with pytest.warns(rangepack.PackWarning, match=r"cut\.pack: .* behind its index"):
        pack = rangepack.open(tmp_path / "cut.pack")
    found = rangepack.verify(pack)
    assert not found.is_sound and found.is_partial
    assert any("cut or changed" in reason for _, reason in found.problems)


def test_a_directory_brings_what_it_holds_wherever_globs_are(pack: rangepack.Pack, tree: Path, tmp_path: Path) -> None:
    inside = len([path for path in pack if path.startswith("a/")])
    assert len(pack.files("a")) == len(pack.files("a/")) == len(pack.files(("a",))) == inside
    assert rangepack.extract(pack, tmp_path / "out", ["a"]).files == inside
    assert rangepack.pack(tree, tmp_path / "a.pack", include="a").files == inside
    with pytest.raises(ValueError, match="empty"):
        rangepack.extract(pack, tmp_path / "none", [])
    assert not (tmp_path / "none").exists()


def test_globs_pass_files_where_directories_would_be(tmp_path: Path) -> None:
    (tmp_path / "tree" / "a" / "data").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "data" / "1.txt").touch()
    (tmp_path / "tree" / "b").mkdir()
    (tmp_path / "tree" / "b" / "data").touch()
    rangepack.pack(tmp_path / "tree", tmp_path / "t.pack")
    pack = rangepack.open(tmp_path / "t.pack")
    assert list(pack.glob("*/data/*")) == ["a/data/1.txt"]
    assert [path.at for path in pack.path().rglob("data/*")] == ["a/data/1.txt"]


def test_a_relative_place_is_that_of_when_it_was_opened(
    location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(location.parent)
    pack = rangepack.open(location.name)
    later = rangepack.open(location.name, later=True)
    monkeypatch.chdir(tmp_path)
    assert pickle.loads(pickle.dumps(pack)).root == pack.root == later.root


def test_paths_may_be_bytes(location: Path, tree: Path, tmp_path: Path) -> None:
    assert len(rangepack.open(os.fsencode(location))) == len(Files(os.fsencode(location)))
    assert rangepack.pack(os.fsencode(tree), os.fsencode(tmp_path / "b.pack")).files > 300


def test_times_have_their_fractions(pack: rangepack.Pack, tree: Path) -> None:
    there, here = (tree / "a" / "003.txt").stat(), pack.stat("a/003.txt")
    assert here.st_mtime_ns == there.st_mtime_ns and here.st_mtime == pytest.approx(there.st_mtime)
    assert pack.stat("").st_mtime_ns == 0


def test_numbers_beyond_all_machines_are_out_of_range(pack: rangepack.Pack) -> None:
    for number in [10**30, -(10**30)]:
        with pytest.raises(IndexError):
            pack[number]
        with pytest.raises(IndexError):
            pack.files()[number]


def test_globs_are_no_transform(location: Path) -> None:
    with pytest.raises(TypeError, match="select"):
        Files(location, "*.png")  # type: ignore[call-overload]


def test_parts_are_there_without_being_imported() -> None:
    assert rangepack.data.Files is Files
    with pytest.raises(AttributeError, match="no attribute"):
        rangepack.datum  # noqa: B018


def test_one_key_is_not_several(pack: rangepack.Pack) -> None:
    with pytest.raises(TypeError, match="several"):
        pack.read_many("link")


@pytest.mark.parametrize(
    "wrong", [{"position": "a"}, {"position": 99}, {"position": -1}, {"epoch": -1}, {"seed": None}]
)
def test_no_state_is_taken_that_is_none(wrong: dict[str, object]) -> None:
    sampler = Sampler(10, seed=3)
    with pytest.raises((TypeError, ValueError)):
        sampler.load_state_dict(sampler.state_dict() | wrong)
    with pytest.raises(ValueError, match="no state"):
        sampler.load_state_dict({})
    assert sorted(sampler) == list(range(10))


def test_a_cache_that_goes_away_does_not_end_reading(location: Path, tmp_path: Path) -> None:
    files = Files(location, cache=Cache(tmp_path / "cache"))
    shutil.rmtree(tmp_path / "cache")
    with pytest.warns(rangepack.PackWarning, match="nothing is kept"):
        assert files[5] == bytes(rangepack.open(location).files()[5])
    with pytest.raises(TypeError, match="Cache"):
        Files(location, cache=str(tmp_path))  # type: ignore[call-overload]
