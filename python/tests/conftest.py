"""Trees and packs that the tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from ranges import RangeServer, serving

import rangepack

# Who starts tests in the background has Ctrl-C ignored, in them and in what they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines that test are busy.
settings.register_profile("rangepack", deadline=None)
settings.load_profile("rangepack")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ray comes last: it leaves threads, which no process that is forked later would have, and a handler of signals."""
    items.sort(key=lambda item: item.path.name == "test_ray.py")


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 files of `a/`, one deeper, an empty one, a link, and names that are no Unicode."""
    top = tmp_path_factory.mktemp("tree") / "s"
    (top / "a" / "b").mkdir(parents=True)
    (top / "empty").mkdir()
    for number in range(300):
        (top / "a" / f"{number:03}.txt").write_bytes(bytes([number % 256]) * number)
    (top / "a" / "b" / "x.jpg").write_text("pic")
    (top / "größe.txt").write_text("äöü\r\nline two\n", encoding="utf-8", newline="")
    (top / "link").symlink_to("a/001.txt")
    with open(os.fsencode(top) + b"/\xff.bin", "wb") as file:
        file.write(b"no unicode")
    return top


@pytest.fixture(scope="session", params=[None, "gzip"], ids=["stored", "gzip"])
def location(request: pytest.FixtureRequest, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of the tree."""
    target = tmp_path_factory.mktemp("packs") / "s.pack"
    rangepack.pack(tree, target, compress=request.param)
    return target


@pytest.fixture
def pack(location: Path) -> rangepack.Pack:
    """The same, open."""
    return rangepack.open(location)


@pytest.fixture(scope="session")
def server() -> Iterator[RangeServer]:
    """A server of byte ranges; it has no files yet."""
    with serving({}) as server:
        yield server
