"""Wrong arguments: which one it is, and what it takes."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rangepack
from rangepack.data import Files

#: What type checkers would not pass; where they are to say so, it stands as it is.
loose: Any = rangepack
WRONG: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda pack: pack.read("link", -5), ValueError, "offset is a number from 0 on, not -5"),
    (lambda pack: pack.read("link", 0, -5), ValueError, "length is None, or a number from 0 on, not -5"),
    (lambda pack: pack.read("link", "1"), TypeError, "offset is a number from 0 on, not '1'"),
    (lambda pack: pack.read("link", 2**70), ValueError, "offset"),
    (lambda pack: pack.read_many([0], threads=-1), ValueError, "threads is a number from 0 on, not -1"),
    (lambda pack: pack.files().read_many([0], threads=-1), ValueError, "threads"),
    (lambda pack: pack.open("link", 5), TypeError, 'mode is a text such as "rb", not 5'),
    (lambda pack: pack.files(3), TypeError, "select is None, or a text or several, not 3"),
    (lambda pack: pack.files(["*", 3]), TypeError, "select"),
    (lambda pack: pack.files(exclude=3), TypeError, "exclude"),
    (lambda pack: pack.files().runs(-1), ValueError, "depth"),
    (lambda pack: pack.files()["a"], TypeError, "integer"),
    (lambda pack: loose.open(pack.location, timeout=-1), ValueError, "timeout is a number of seconds .*, not -1"),
    (lambda pack: loose.open(pack.location, retries=-1), ValueError, "retries is a number from 0 on"),
    (lambda pack: loose.open(pack.location, lookback=-1), ValueError, "lookback"),
    (lambda pack: loose.open(pack.location, verify="all"), ValueError, 'verify is "index" or "payloads", not'),
    (lambda pack: loose.open(pack.location, verify=True), TypeError, 'verify is "index" or "payloads", not True'),
    (lambda pack: loose.open(pack.location, root=5), TypeError, "root is None, or a digest"),
    (lambda pack: loose.open(pack.location, alone="no"), TypeError, "alone is True or False, not 'no'"),
    (lambda pack: rangepack.open(pack.location, verfy="index"), TypeError, "unexpected keyword argument 'verfy'"),  # type: ignore[call-arg]
    (lambda pack: loose.verify(pack, threads=-1), ValueError, "threads is None, or a number from 0 on, not -1"),
    (lambda pack: loose.verify(pack, progress=5), TypeError, "progress is True, False or a function, not 5"),
    (lambda pack: loose.extract(pack, "none", present="maybe"), ValueError, '"auto".*"time" or "content", not'),
    (lambda _: loose.pack(".", "none", compress=True), TypeError, 'compress is None, or "gzip" or "zstd", not True'),
    (lambda _: loose.pack(".", "none", compress="zip"), ValueError, 'compress is None, or "gzip" or "zstd", not'),
    (lambda _: loose.pack(".", "none", level=23), ValueError, r"a number from 1 to 22 \(of gzip: to 9\), not 23"),
    (lambda _: loose.pack(".", "none", compress="gzip", level=10), ValueError, "level: gzip has levels from 1 to 9"),
    (lambda _: rangepack.create(".", "none", compress="zstd"), ValueError, "gzip only"),
    (lambda _: rangepack.pack(".", "none", compres="gzip"), TypeError, r"pack\(\) got .* argument 'compres'"),  # type: ignore[call-arg]
    (lambda _: loose.pack(".", "none", metadata={"a": 1}), TypeError, "metadata is None, or a dict of texts"),
    (lambda _: loose.pack(".", "none", include=5), TypeError, "include is a text or several, not 5"),
    (lambda _: loose.pack(".", "none", threads=0), ValueError, "threads"),
    (lambda _: loose.finalize("none", tail="bite"), ValueError, 'tail is None, or "keep" or "cut"'),
    (lambda pack: Files(pack, verify="payloads"), ValueError, "where the pack is opened"),
    (lambda pack: Files(pack, slect="*"), TypeError, "slect"),  # type: ignore[call-overload]
]


@pytest.mark.parametrize(("call", "error", "said"), WRONG, ids=[said for _, _, said in WRONG])
def test_a_wrong_argument_is_named(
    pack: rangepack.Pack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Callable[[Any], object],
    error: type[Exception],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        call(pack)
    assert list(tmp_path.iterdir()) == []


def test_what_no_path_can_be_is_nowhere(pack: rangepack.Pack) -> None:
    lone = "\ud800"
    assert lone not in pack and not pack.exists(lone) and not pack.is_file(lone) and not pack.is_dir(lone)
    assert "\0" not in pack and "a/../b" not in pack
    with pytest.raises(TypeError, match="a path"):
        assert 5 in pack  # type: ignore[operator]


def test_errors_have_the_names_that_they_are_of(pack: rangepack.Pack) -> None:
    for name in ["nope", "odd\udcff\n\\x41", "a\tb/größe"]:
        for what in ["read", "entry", "number", "listdir", "open", "stat"]:
            with pytest.raises(FileNotFoundError) as raised:
                getattr(pack, what)(name)
            assert (raised.value.filename, raised.value.errno) == (name, 2)
    for what in ["read", "number"]:
        with pytest.raises(IsADirectoryError) as is_directory:
            getattr(pack, what)("a")
        assert is_directory.value.filename == "a"
    with pytest.raises(IsADirectoryError, match="the top of the pack"):
        pack.entry("")


def test_a_directory_is_no_pack(tmp_path: Path) -> None:
    for what in ["open", "verify"]:
        with pytest.raises(IsADirectoryError) as raised:
            getattr(rangepack, what)(tmp_path)
        assert (raised.value.filename, raised.value.errno) == (str(tmp_path), 21)


def test_signatures_can_be_seen() -> None:
    assert list(inspect.signature(rangepack.open).parameters)[:4] == ["location", "root", "verify", "index"]
    assert "payloads" in inspect.signature(rangepack.verify).parameters
