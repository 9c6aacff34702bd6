"""Paths inside packs, held to those of `pathlib`."""

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

import pytest

import rangepack
from rangepack import PackPath

NAMES = ["a", "a/b", "a/b/x.jpg", "a/b.c/x.tar.gz", ".hidden", "a/.hidden.txt", "a.", "größe.txt"]
ASKED: dict[str, Callable[[Any], Any]] = {
    "parts": lambda path: path.parts,
    "name": lambda path: path.name,
    "stem": lambda path: path.stem,
    "suffixes": lambda path: path.suffixes,
    "parent": lambda path: str(path.parent).replace(".", "", str(path.parent) == "."),
    "parents": lambda path: [str(above).replace(".", "", str(above) == ".") for above in path.parents],
    "with_name": lambda path: str(path.with_name("other")),
    "with_stem": lambda path: str(path.with_stem("other")),
    "with_suffix": lambda path: str(path.with_suffix(".png")),
    "without": lambda path: str(path.with_suffix("")),
    "relative_to": lambda path: str(path.relative_to("a")),
    "is_relative_to": lambda path: path.is_relative_to("a/b"),
    "match": lambda path: [path.match(pattern) for pattern in ["*.txt", "b/*", "a/*/*", "x.*"]],
    "joined": lambda path: str(path / "c" / "d.e"),
}


def answer(ask: Callable[[Any], Any], path: object) -> object:
    try:
        return ask(path)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("what", ASKED)
def test_names_are_those_of_pathlib(pack: rangepack.Pack, what: str) -> None:
    for name in NAMES:
        assert answer(ASKED[what], pack.path(name)) == answer(ASKED[what], PurePath(name)), name


@pytest.mark.parametrize("top_down", [True, False])
def test_walks_are_those_of_os_walk(pack: rangepack.Pack, tree: Path, top_down: bool) -> None:
    expected = {
        os.path.relpath(at, tree).replace(".", "", at == str(tree)): (sorted(below), sorted(names))
        for at, below, names in os.walk(tree, topdown=top_down)
    }
    steps = list(pack.path().walk(top_down))
    assert {str(at): (sorted(below), sorted(names)) for at, below, names in steps} == expected
    assert [str(at) for at, _, _ in steps][0 if top_down else -1] == ""
    errors: list[OSError] = []
    assert list(pack.path("nope").walk(on_error=errors.append)) == [] == list(pack.path("nope").walk())
    assert isinstance(errors[0], FileNotFoundError)


def test_walks_follow_links_when_they_are_to(tmp_path: Path) -> None:
    (tmp_path / "tree" / "a").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "x").touch()
    (tmp_path / "tree" / "link").symlink_to("a")
    rangepack.pack(tmp_path / "tree", tmp_path / "t.pack")
    top = rangepack.open(tmp_path / "t.pack").path()
    assert [(str(at), below, names) for at, below, names in top.walk()] == [("", ["a"], ["link"]), ("a", [], ["x"])]
    assert [str(at) for at, _, _ in top.walk(follow_symlinks=True)] == ["", "a", "link"]
    link = top / "link"
    assert link.is_symlink() and link.is_dir() and not (top / "a").is_symlink() and not top.is_symlink()
    assert link.resolve() == top / "a" != link and link.samefile(top / "a") and not link.samefile(top)
    assert link.stat().st_mode != link.stat(follow_symlinks=False).st_mode
    with pytest.raises(FileNotFoundError):
        (top / "nope").resolve()
    assert not (top / "nope").is_symlink()


def test_paths_are_equal_by_where_they_lead(location: Path, pack: rangepack.Pack, tmp_path: Path) -> None:
    again = rangepack.open(location)
    path = pack.path("a/001.txt")
    assert path == again.path("a//./001.txt") == pickle.loads(pickle.dumps(path)) and path != pack.path("a/002.txt")
    assert len({path, again.path("a/001.txt")}) == 1 and path != "a/001.txt"
    copy = rangepack.open(shutil.copy(location, tmp_path))
    assert path != copy.path("a/001.txt") and path.samefile(copy.path("link")) and path.samefile(again.path("link"))
    with pytest.raises(ValueError, match="another pack"):
        path.relative_to(copy.path("a"))
    assert path.relative_to(again.path("a")) == PurePath("001.txt")
    assert not path.is_relative_to(pack.path("a/b")) and sorted([pack.path("b"), pack.path("a/b")])[0].at == "a/b"


def test_paths_name_files_in_packs_and_nowhere_else(pack: rangepack.Pack) -> None:
    path, entry = pack.path("a/007.txt"), pack.entry("a/007.txt")
    keys: list[PackPath | rangepack.Entry] = [path, entry]
    for key in keys:
        assert pack[key] == b"\x07" * 7 == pack.read(key) and key in pack and pack.number(key) == pack.number(path.at)
        assert pack.exists(key) and pack.stat(key).st_size == 7 and pack.path(key) == path
        with pack.open(key) as file:
            assert file.name == "a/007.txt"
        # It would be a file of the working directory.
        with pytest.raises(TypeError, match=r"os\.PathLike object, not"):
            os.fspath(key)  # type: ignore[call-overload]
    assert pack.listdir(pack.path("a/b")) == ["x.jpg"] and bytes(path) == b"a/007.txt"
    assert pack.stat(pack.path()).st_mode == pack.stat("").st_mode


def test_it_is_what_importlib_takes_for_resources(pack: rangepack.Pack) -> None:
    abc = pytest.importorskip("importlib.resources.abc")
    assert isinstance(pack.path(), abc.Traversable)
    assert isinstance(PackPath(pack, "a") / "b", PackPath)
