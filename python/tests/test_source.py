"""Packs that Python reads: what goes wrong there is raised as it is."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rangepack
from rangepack._source import open_file


class Trouble(Exception):
    """Something that nobody else raises."""


class Opened:
    """A pack in memory, which fails when it is told to."""

    def __init__(self, content: bytes) -> None:
        self.content, self.size = content, len(content)
        self.fail: BaseException | None = None

    def open(self, url: str, /) -> "Opened":
        if url != "x://pack":
            raise FileNotFoundError(url)
        if self.fail is not None:
            raise self.fail
        return self

    def read(self, offset: int, length: int, /) -> bytes:
        if self.fail is not None:
            raise self.fail
        return self.content[offset : offset + length]


ASKED: dict[str, Callable[[rangepack.Pack, Path], Any]] = {
    "item": lambda pack, _: pack["big/0"],
    "read": lambda pack, _: pack.read("big/0", 5, 5),
    "read_many": lambda pack, _: pack.read_many(["big/0", "big/1"]),
    "file": lambda pack, _: pack.open("big/0").read(),
    "files": lambda pack, _: pack.files()[0],
    "verify": lambda pack, _: vars(rangepack.verify(pack)),
    "extract": lambda pack, out: vars(rangepack.extract(pack, out / "out")),
    "open": lambda pack, _: rangepack.open("x://pack", source=pack._options["source"]),
}


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize(
    "error", [Trouble("broken", 7), PermissionError(13, "no", "x"), TimeoutError("late"), KeyError(1)]
)
def test_what_a_source_raises_is_raised(tmp_path: Path, what: str, error: Exception) -> None:
    rangepack.pack_files({f"big/{number}": bytes([number]) * 200_000 for number in range(3)}, tmp_path / "x.pack")
    source = Opened((tmp_path / "x.pack").read_bytes())
    pack = rangepack.open("x://pack", source=source)
    assert len(pack.files()) == 3
    source.fail = error
    with pytest.raises(type(error)) as raised:
        ASKED[what](pack, tmp_path)
    assert raised.value is error
    source.fail = None
    assert len(ASKED[what](pack, tmp_path)) > 0


def test_what_a_file_object_raises_is_raised(location: Path) -> None:
    class Broken(io.BytesIO):
        def getbuffer(self) -> memoryview:
            raise Trouble("no buffer")

    file = Broken(location.read_bytes())
    with pytest.raises(Trouble, match="no buffer"):
        open_file(file)


def test_paths_in_packs_of_open_files_are_apart(location: Path) -> None:
    one, other = (open_file(io.BytesIO(location.read_bytes())) for _ in range(2))
    assert one.path("a") == one.path("a") != other.path("a") and one.path("a").samefile(other.path("a"))
