"""Trees that are packed in parts, and packs that become one."""

import os
import pickle
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from ranges import RangeServer

import rangepack


def split_and_packed(tree: Path, home: Path, parts: int) -> list[Path]:
    """The tree in so many packs."""
    shares = rangepack.split(tree, parts, home / "lists").shares
    assert len(shares) == parts
    packs = [home / "parts" / f"{number}.pack" for number in range(parts)]
    (home / "parts").mkdir()
    for pack, share in zip(packs, shares, strict=True):
        packed = rangepack.pack(tree, pack, files_from=share.list, compress="gzip")
        assert packed.files + packed.links == share.files and packed.bytes <= share.bytes
    return packs


def contents(location: Path | str) -> dict[str, bytes]:
    return {path: bytes(content) for path, content in rangepack.open(location).items()}


@pytest.mark.parametrize("parts", [1, 3, 400])
def test_a_tree_in_parts_is_the_tree(tree: Path, tmp_path: Path, parts: int) -> None:
    rangepack.pack(tree, tmp_path / "whole.pack")
    packs = split_and_packed(tree, tmp_path, parts)
    heard: list[tuple[int, int]] = []
    merged = rangepack.merge(packs, tmp_path / "all.pack", fsync=True, progress=lambda *numbers: heard.append(numbers))
    assert contents(tmp_path / "all.pack") == contents(tmp_path / "whole.pack")
    pack, whole = rangepack.open(tmp_path / "all.pack"), rangepack.open(tmp_path / "whole.pack")
    assert [entry.path for entry in pack.walk()] == [entry.path for entry in whole.walk()]
    assert rangepack.verify(pack).is_sound
    assert (merged.files, merged.links, merged.root) == (len(pack), 1, pack.root)
    assert merged.bytes == sum(map(len, pack.values())) and merged.file_length == pack.nbytes
    assert heard[-1] == (merged.entries, 0)
    assert pickle.loads(pickle.dumps(merged)) == merged


def test_lists_are_those_that_the_options_leave(tree: Path, tmp_path: Path) -> None:
    def named(folder: str, parts: int = 2) -> list[bytes]:
        shares = rangepack.split(tree, parts, tmp_path / folder, include="*.txt", exclude="a/00*").shares
        return b"".join(Path(share.list).read_bytes() for share in shares).split(b"\0")

    assert named("lists") == named("more lists", 5)
    assert b"a/010.txt" in named("again") and not {b"a/001.txt", b"a/b/x.jpg", b"empty"} & set(named("once more"))
    with pytest.raises(FileExistsError):
        named("lists")
    with pytest.raises(FileNotFoundError):
        rangepack.split(tmp_path / "none", 2, tmp_path / "x")
    with pytest.raises(ValueError, match="parts is 0, and takes 1 to"):
        rangepack.split(tree, 0, tmp_path / "x")
    with pytest.raises(TypeError, match="parts is a number"):
        rangepack.split(tree, "2", tmp_path / "x")  # type: ignore[arg-type]


def test_what_a_list_lacks_is_an_exception(tmp_path: Path) -> None:
    (tmp_path / "tree" / "d").mkdir(parents=True)
    (tmp_path / "tree" / "d" / "circle").symlink_to("..")
    with pytest.raises(rangepack.IncompleteError, match="circle") as raised:
        rangepack.split(tmp_path / "tree", 2, tmp_path / "lists", follow_links=True)
    assert isinstance(raised.value.report, rangepack.Split) and raised.value.report.failed == 1
    assert rangepack.split(tmp_path / "tree", 2, tmp_path / "more", follow_links=True, incomplete=True).failed == 1


def test_paths_are_packed_from_anywhere(tree: Path, tmp_path: Path) -> None:
    names: list[str | bytes | Path] = ["a/001.txt", Path("größe.txt"), b"\xff.bin", "./a//b"]
    paths = (name for name in names)
    packed = rangepack.pack(tree, tmp_path / "x.pack", files_from=paths, exclude="größe.txt")
    found = [entry.path for entry in rangepack.open(tmp_path / "x.pack").walk()]
    assert found == ["a", "\udcff.bin", "a/001.txt", "a/b"]
    assert (packed.files, packed.directories) == (2, 2)
    narrowed = rangepack.pack(tree, tmp_path / "y.pack", files_from=["a/001.txt", "a/b/x.jpg"], include="*.jpg")
    assert narrowed.files == 1 and list(rangepack.open(tmp_path / "y.pack")) == ["a/b/x.jpg"]
    assert rangepack.pack(tree, tmp_path / "z.pack", files_from=[]).files == 0
    with pytest.raises(rangepack.IncompleteError, match="none"):
        rangepack.pack(tree, tmp_path / "v.pack", files_from=["none"])


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ([str(Path(__file__).absolute())], ValueError, "relative"),
        (["a/../../x"], ValueError, r"path 1: a/\.\./\.\./x"),
        ([7], TypeError, "path"),
        (7, TypeError, "iterable"),
        (Path("no list"), FileNotFoundError, "cannot read the list"),
    ],
)
def test_lists_that_are_none_are_told(
    tree: Path, tmp_path: Path, wrong: object, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        rangepack.pack(tree, tmp_path / "x.pack", files_from=wrong)  # type: ignore[arg-type]
    assert not os.listdir(tmp_path)


def test_a_list_that_was_cut_short_is_no_list(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"a/001.txt\0a/002.t")
    with pytest.raises(ValueError, match="NUL"):
        rangepack.pack(tree, tmp_path / "x.pack", files_from=str(tmp_path / "list"))
    (tmp_path / "list").write_bytes(b"a/001.txt\na/002.txt\n")
    with pytest.raises(ValueError, match="NUL"):
        rangepack.pack(tree, tmp_path / "x.pack", files_from=tmp_path / "list")
    assert os.listdir(tmp_path) == ["list"]


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two packs that agree in one file and differ in another."""
    first, second = tmp_path / "first.pack", tmp_path / "second.pack"
    rangepack.pack_files({"same": b"same", "both": b"first", "d/1": b"1"}, first)
    rangepack.pack_files({"same": b"same", "both": b"second", "d/2": b"2"}, second)
    return first, second


def test_of_two_contents_one_counts(two: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(rangepack.PackError, match=r"both: .*first\.pack and .*second\.pack") as raised:
        rangepack.merge(two, tmp_path / "all.pack")
    assert raised.value.path == "both" and raised.value.location == str(two[1])
    assert not (tmp_path / "all.pack").exists()
    rangepack.merge(two, tmp_path / "all.pack", on_conflict="first")
    assert contents(tmp_path / "all.pack") == {"both": b"first", "same": b"same", "d/1": b"1", "d/2": b"2"}
    with pytest.raises(FileExistsError):
        rangepack.merge(two, tmp_path / "all.pack", on_conflict="last")
    merged = rangepack.merge(two, tmp_path / "all.pack", on_conflict="last", overwrite=True)
    assert contents(tmp_path / "all.pack")["both"] == b"second" and merged.duplicates == 2
    rangepack.merge(iter(two), tmp_path / "apart.pack", prefixes={two[1]: "test/2/", str(two[0]): b"train"})
    assert contents(tmp_path / "apart.pack")["test/2/both"] == b"second"
    # A merged pack is not needed for what is merged of it.
    rangepack.merge([tmp_path / "apart.pack"], tmp_path / "again.pack")
    (tmp_path / "apart.pack").unlink()
    assert contents(tmp_path / "again.pack")["train/both"] == b"first"
    rangepack.pack_files({"d": b"no directory"}, tmp_path / "file.pack")
    with pytest.raises(rangepack.PackError, match="d: a directory in one of") as raised:
        rangepack.merge([two[0], tmp_path / "file.pack"], tmp_path / "x.pack", on_conflict="first")
    assert raised.value.path == "d"


def test_what_cannot_be_merged_is_told(two: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "below" / "all.pack"
    out.parent.mkdir()
    with pytest.raises(ValueError, match="does not lie below"):
        rangepack.merge(two[:1], out)
    with pytest.raises(ValueError, match="read and written"):
        rangepack.merge(two[:1], two[0], overwrite=True)
    with pytest.raises(FileNotFoundError):
        rangepack.merge([tmp_path / "none"], out)
    with pytest.raises(TypeError, match="several"):
        rangepack.merge(two[0], out)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="empty"):
        rangepack.merge([], out)
    with pytest.raises(ValueError, match="none of the inputs"):
        rangepack.merge(two[:1], out, prefixes={two[1]: "x"})
    with pytest.raises(ValueError, match=r"prefixes: \.\./x"):
        rangepack.merge(two[:1], out, prefixes={two[0]: "../x"})
    with pytest.raises(ValueError, match='on_conflict is "error"'):
        rangepack.merge(two, out, on_conflict="ask")  # type: ignore[arg-type]
    assert os.listdir(out.parent) == []


def test_parts_lie_where_it_is_said(two: tuple[Path, Path], tmp_path: Path, server: RangeServer) -> None:
    out = tmp_path / "index" / "all.pack"
    out.parent.mkdir()
    rangepack.merge(two, out, volumes=tmp_path, on_conflict="first")
    with rangepack.open(out, volumes=tmp_path) as pack:
        assert bytes(pack["d/2"]) == b"2"
    # By URL, the parts too.
    server.files = {path.name: path.read_bytes() for path in two}
    rangepack.merge(map(server.url, server.files), out, volumes=server.url(""), on_conflict="first", overwrite=True)
    with rangepack.open(out, volumes=server.url("")) as pack:
        assert bytes(pack["d/2"]) == b"2" and pack.traffic[0] > 0
    del server.files["second.pack"]
    with rangepack.open(out, volumes=server.url("")) as pack, pytest.raises(rangepack.VolumeError) as raised:
        pack.read("d/2")
    assert raised.value.at == server.url("second.pack")


def test_a_part_that_is_missing_is_named_with_its_place(two: tuple[Path, Path], tmp_path: Path) -> None:
    rangepack.merge(two, tmp_path / "all.pack", on_conflict="first")
    (tmp_path / "gone").mkdir()
    two[1].rename(tmp_path / "gone" / "second.pack")
    pack = rangepack.open(tmp_path / "all.pack")
    assert bytes(pack["d/1"]) == b"1" and pack.listdir("d") == ["1", "2"]
    reads: list[Callable[[], object]] = [lambda: pack["d/2"], lambda: pack.read_many(["d/2"]), lambda: pack.open("d/2")]
    for read in reads:
        with pytest.raises(rangepack.VolumeError, match=r"second\.pack, looked for at .*second\.pack") as raised:
            read()
    error = pickle.loads(pickle.dumps(raised.value))
    assert isinstance(error, rangepack.VolumeError) and isinstance(error, rangepack.PackError)
    assert not isinstance(error, OSError)
    assert (error.volume, error.at) == ("second.pack", str(two[1]))
    assert error.location == str(tmp_path / "all.pack")
    found = rangepack.verify(pack)
    assert not found.is_sound and any("second.pack" in problem for _, problem in found.problems)
    # Another pack in its place.
    rangepack.pack_files({"d/2": b"3"}, two[1])
    with pytest.raises(rangepack.VolumeError, match=r"second\.pack") as raised:
        rangepack.open(tmp_path / "all.pack").read("d/2")
    with rangepack.open(tmp_path / "all.pack", volumes=tmp_path / "gone") as pack:
        assert bytes(pack["d/2"]) == b"2"


@pytest.mark.skipif(os.name == "nt", reason="signals are those of Unix")
def test_ctrl_c_ends_merging(two: tuple[Path, Path], tmp_path: Path, server: RangeServer) -> None:
    main = threading.main_thread().ident
    assert main is not None
    may_answer = threading.Event()

    def before(_: int) -> None:
        signal.pthread_kill(main, signal.SIGINT)
        may_answer.wait()

    server.files = {"first.pack": two[0].read_bytes()}
    server.before = before
    with pytest.raises(KeyboardInterrupt):
        rangepack.merge([server.url("first.pack")], tmp_path / "all.pack", volumes=server.url(""))
    server.before = lambda _: None
    may_answer.set()
    assert not (tmp_path / "all.pack").exists()
