"""Packs as trees."""

import io
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rangepack
from rangepack import _rangepack


def files_of(tree: Path) -> dict[str, bytes]:
    found = {}
    for directory, _, names in os.walk(tree):
        for name in names:
            path = Path(directory, name)
            if not path.is_symlink():
                found[os.path.relpath(path, tree)] = path.read_bytes()
    return found


def test_every_file_is_there_by_path_and_by_number(pack: rangepack.Pack, tree: Path) -> None:
    files = files_of(tree)
    assert len(pack) == len(files)
    assert list(pack) == sorted(
        files,
        key=lambda path: os.fsencode(path).rpartition(b"/")[::2] and tuple(os.fsencode(path).rpartition(b"/")[::2]),
    )
    for number, path in enumerate(pack):
        assert pack[path] == pack[number] == files[path]
        assert pack.read(path) == files[path]
        assert pack.number(path) == number
        assert pack[number - len(pack)] == files[path]
        entry = pack.entry(number)
        assert (entry.path, entry.size, entry.kind) == (path, len(files[path]), "file")
    assert [bytes(view) for view in pack.read_many(list(pack))] == [files[path] for path in pack]
    assert [bytes(view) for view in pack.read_many(range(len(pack)), threads=7)] == [files[path] for path in pack]
    assert pack.read_many([]) == []


def test_views_are_read_only_and_outlive_the_pack(location: Path) -> None:
    pack = rangepack.open(location)
    view = pack["a/200.txt"]
    assert view.readonly and view.format == "B" and view.nbytes == 200
    part = view[10:20]
    pack.close()
    del pack, view
    assert part == b"\xc8" * 10
    with pytest.raises(TypeError):
        part[0] = 1
    with pytest.raises(TypeError):
        io.BytesIO(b"").readinto(part)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("nope", FileNotFoundError),
        ("a/nope", FileNotFoundError),
        ("a", IsADirectoryError),
        ("", IsADirectoryError),
        (1000, IndexError),
        (-1000, IndexError),
        (2**70, (IndexError, OverflowError)),
        (1.5, TypeError),
        (None, TypeError),
    ],
)
def test_what_is_not_there_is_an_error(pack: rangepack.Pack, key: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        pack[key]  # type: ignore[index]
    with pytest.raises(error):
        pack.read_many([0, key])  # type: ignore[list-item]
    with pytest.raises(error):
        pack.open(key)  # type: ignore[arg-type]


def test_a_pack_is_asked_like_a_dict(pack: rangepack.Pack, tree: Path) -> None:
    files = files_of(tree)
    assert {path: bytes(content) for path, content in pack.items()} == files
    assert list(pack.keys()) == list(pack) and list(pack.values()) == [files[path] for path in pack]
    assert dict(pack) == dict(pack.items())
    assert bytes(pack.get("a/003.txt", b"")) == b"\3\3\3" and pack.get(0) == pack[0] and pack.get("nope") is None
    assert pack.get("nope", b"") == b"" and pack.get(1000, 5) == 5
    with pytest.raises(IsADirectoryError):
        pack.get("a")


def test_everything_is_read_in_parts_that_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rangepack.reading._BYTES", 100)
    monkeypatch.setattr("rangepack.reading._FILES", 7)
    contents = {f"{number:02}": bytes([number]) * (number * 13 % 150) for number in range(40)}
    rangepack.pack_files(contents, tmp_path / "x.pack")
    assert {path: bytes(data) for path, data in rangepack.open(tmp_path / "x.pack").items()} == contents


def test_entries_travel(pack: rangepack.Pack, tree: Path, tmp_path: Path) -> None:
    packs = [pack]
    rangepack.create(tree, tmp_path / "o.container", finalize=True, owner=True)
    packs.append(rangepack.open(tmp_path / "o.container"))
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "blocks").write_bytes(os.urandom(3 << 20))
    os.link(tmp_path / "big" / "blocks", tmp_path / "big" / "again")
    rangepack.pack(tmp_path / "big", tmp_path / "big.pack")
    packs.append(rangepack.open(tmp_path / "big.pack"))
    for entries in packs:
        there = list(entries.walk())
        again = pickle.loads(pickle.dumps(there))
        assert again == there and [repr(entry) for entry in again] == [repr(entry) for entry in there]
        assert [entry.sha256 for entry in again] == [entry.sha256 for entry in there]
    assert pickle.loads(pickle.dumps(pack.entry("link", follow_symlinks=False))).target == "a/001.txt"


def test_links_to_directories_are_followed_to_what_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "tree" / "a" / "b").mkdir(parents=True)
    (tmp_path / "tree" / "a" / "b" / "x").touch()
    (tmp_path / "tree" / "a" / "y").symlink_to("b/x")
    (tmp_path / "tree" / "link").symlink_to("a")
    (tmp_path / "tree" / "astray").symlink_to("nowhere")
    rangepack.pack(tmp_path / "tree", tmp_path / "t.pack")
    pack = rangepack.open(tmp_path / "t.pack")
    for path, real, kind in [
        ("link/b/x", "a/b/x", "file"),
        ("link/y", "a/y", "link"),
        ("link", "link", "link"),
        ("a/../link", "link", "link"),
        ("./a//y/", "a/y", "link"),
    ]:
        entry = pack.entry(path, follow_symlinks=False)
        assert (entry.path, entry.kind) == (real, kind)
    for path in ["link/none", "astray/x", "a/b/x/y", "none/x"]:
        with pytest.raises(FileNotFoundError) as raised:
            pack.entry(path, follow_symlinks=False)
        assert raised.value.filename == path
    with pytest.raises(IsADirectoryError):
        pack.entry("", follow_symlinks=False)
    assert pack.stat("", follow_symlinks=False) == pack.stat("")


def test_a_link_has_the_number_of_its_file(pack: rangepack.Pack) -> None:
    assert pack.number("link") == pack.number("a/001.txt") == pack.number(pack.entry("link"))


def test_objects_say_what_they_are(pack: rangepack.Pack, location: Path) -> None:
    assert repr(pack.files()) == f"<rangepack.Files of {str(location)!r}: {len(pack)}>"
    assert repr(pack.raw("a/007.txt")) == "<rangepack.RawFile 7 bytes>"
    assert repr(pack.open("a/007.txt", "rb", 0)) == "<rangepack file 'a/007.txt'>"


def test_a_tree_answers_like_the_file_system(pack: rangepack.Pack, tree: Path) -> None:
    for directory in ["", "a", "a/b", "empty"]:
        assert pack.listdir(directory) == sorted(os.listdir(tree / directory), key=os.fsencode)
        assert pack.is_dir(directory) and pack.exists(directory) and not pack.is_file(directory)
    with pytest.raises(NotADirectoryError):
        pack.listdir("a/001.txt")
    with pytest.raises(FileNotFoundError):
        pack.listdir("nowhere")
    assert bytes(pack["link"]) == b"\x01" and pack.is_file("link")
    assert pack.entry("link", follow_symlinks=False).target == "a/001.txt"
    stat = os.stat(tree / "a" / "b" / "x.jpg")
    assert pack.stat("a/b/x.jpg").st_size == 3 and pack.stat("a/b/x.jpg").st_mode == stat.st_mode
    assert [entry.path for entry in pack.walk("a/b")] == ["a/b/x.jpg"]
    assert b"a/b" in pack and Path("a/b/x.jpg") in pack and "nope" not in pack


def test_globs_are_those_of_pathlib(pack: rangepack.Pack, tree: Path) -> None:
    patterns = ["*", "*/*", "**/*.jpg", "a/**/*.txt", "**", "a/0[0-4]?.txt", "**/b/**/*", "größe*", "link"]
    for pattern in patterns:
        found = sorted(pack.glob(pattern))
        expected = sorted(os.path.relpath(path, tree).replace(".", "", path == tree) for path in tree.glob(pattern))
        assert found == [path for path in expected if path != "." or pattern == "**"], pattern
    top = pack.path()
    assert (top / "a" / "b" / "x.jpg").read_bytes() == b"pic"
    assert (top / "größe.txt").read_text("utf-8") == "äöü\nline two\n"
    assert sorted(path.name for path in top.iterdir()) == sorted(os.listdir(tree))


def test_files_read_like_files(pack: rangepack.Pack, tree: Path) -> None:
    with pack.open("a/100.txt") as file:
        assert file.seek(50) == 50 and len(file.read()) == 50 and file.read() == b""
        assert file.seek(-1, os.SEEK_END) == 99 and file.read(5) == b"d"
    assert file.closed
    with pack.open("größe.txt", "rt", encoding="utf-8") as file:
        assert file.readlines() == ["äöü\n", "line two\n"]
    with pytest.raises(io.UnsupportedOperation):
        pack.open("link", "w")
    for mode in ["", "b", "rr", "rbt", "q"]:
        with pytest.raises(ValueError, match="mode"):
            pack.open("link", mode)


@given(data=st.data())
def test_slices_are_those_of_bytes(data: st.DataObject) -> None:
    pack = slices_of()
    content = bytes(range(256)) * 5000
    offset = data.draw(st.integers(0, len(content) + 10))
    length = data.draw(st.none() | st.integers(0, len(content) + 10))
    end = None if length is None else offset + length
    for path in ["stored", "stored2"]:
        assert pack.read(path, offset, length) == content[offset:end]


_SLICES: list[rangepack.Pack] = []


def slices_of() -> rangepack.Pack:
    if not _SLICES:
        import tempfile

        home = Path(tempfile.mkdtemp())
        (home / "s").mkdir()
        for name in ["stored", "stored2"]:
            (home / "s" / name).write_bytes(bytes(range(256)) * 5000)
        rangepack.pack(home / "s", home / "s.pack", compress="gzip")
        _SLICES.append(rangepack.open(home / "s.pack"))
    return _SLICES[0]


def test_a_pack_travels_and_a_replaced_one_is_noticed(location: Path, tmp_path: Path) -> None:
    copy = tmp_path / "c.pack"
    copy.write_bytes(location.read_bytes())
    pack = rangepack.open(copy)
    travelling = pickle.dumps(pack)
    other = pickle.loads(travelling)
    assert other.root == pack.root and other["a/003.txt"] == b"\x03" * 3
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "else").write_text("else")
    rangepack.pack(tmp_path / "t", copy, overwrite=True)
    assert pack["a/003.txt"] == b"\x03" * 3
    with pytest.raises(rangepack.WrongPackError):
        pickle.loads(travelling)[0]


def reads(pack: rangepack.Pack, numbers: list[int]) -> list[int]:
    return [len(pack[number]) for number in numbers]


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_read_the_same(pack: rangepack.Pack, method: str) -> None:
    expected = reads(pack, list(range(50)))
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(reads, [(pack, list(range(50)))] * 4) == [expected] * 4


def test_a_file_that_is_cut_short_is_noticed(tree: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.pack"
    rangepack.pack(tree, cut)
    pack = rangepack.open(cut)
    path = pack.entry(250).path
    pack.intact()
    os.truncate(cut, 4096)
    assert set(pack[250]) == {0}
    with pytest.raises(rangepack.CorruptError) as raised:
        pack.intact()
    assert str(cut) in str(raised.value)
    with pytest.raises(rangepack.CorruptError):
        pack.read(path)
    with pytest.raises(rangepack.CorruptError):
        pack.read(path, 1, 100)
    with pytest.raises(rangepack.CorruptError):
        pack.read_many([250, 251])


LATE_HANDLER = """
import faulthandler, os, sys
import rangepack
before = rangepack.open(sys.argv[1])
# As Ray and others do when they start.
faulthandler.enable()
pack = rangepack.open(sys.argv[1])
os.truncate(sys.argv[1], 4096)
print(set(pack[250]), set(before[250]))
"""


@pytest.mark.skipif(os.name == "nt", reason="there a file that is mapped cannot be cut")
def test_who_handles_signals_later_has_them_until_a_pack_is_opened(tree: Path, tmp_path: Path) -> None:
    rangepack.pack(tree, tmp_path / "cut.pack")
    command = [sys.executable, "-c", LATE_HANDLER, str(tmp_path / "cut.pack")]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (0, "{0} {0}\n"), done.stderr


_INHERITED: list[rangepack.Pack] = []


def read_inherited(number: int) -> tuple[bytes, str | None]:
    pack = _INHERITED[0]
    return bytes(pack[number]), pack.root


def test_a_pack_is_replaced_under_four_workers(location: Path, tmp_path: Path) -> None:
    live = tmp_path / "live.pack"
    live.write_bytes(location.read_bytes())
    pack = rangepack.open(live)
    expected = [(bytes(pack[number]), pack.root) for number in range(100)]
    _INHERITED[:] = [pack]
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert pool.map(read_inherited, range(100)) == expected
        (tmp_path / "tree").mkdir()
        (tmp_path / "tree" / "else").write_text("else")
        rangepack.pack(tmp_path / "tree", live, overwrite=True)
        # What they have open stays; what travels by its address takes its root along, and the new file is another pack.
        assert pool.map(read_inherited, range(100)) == expected
        with pytest.raises(rangepack.WrongPackError):
            pool.starmap(reads, [(pack, [1])])


def test_bad_packs_are_told_apart(location: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        rangepack.open(tmp_path / "none.pack")
    text = tmp_path / "text.pack"
    text.write_text("some text\n" * 100)
    with pytest.raises(rangepack.NotAPackError):
        rangepack.open(text)
    damaged = bytearray(location.read_bytes())
    damaged[-700] ^= 1
    (tmp_path / "damaged.pack").write_bytes(damaged)
    with pytest.raises(rangepack.CorruptError) as raised:
        list(rangepack.open(tmp_path / "damaged.pack"))
    assert raised.value.location == str(tmp_path / "damaged.pack")
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        rangepack.open(location, root="12")
    with pytest.raises(rangepack.WrongPackError):
        rangepack.open(location, root="00" * 32)
    pack = rangepack.open(location)
    pack.close()
    assert pack.closed
    with pytest.raises(ValueError, match="closed"):
        pack[0]


def test_files_are_selected_by_globs(pack: rangepack.Pack) -> None:
    pictures = pack.files("*.jpg")
    assert len(pictures) == 1 and bytes(pictures[0]) == b"pic" and pictures.entry(-1).path == "a/b/x.jpg"
    texts = pack.files(["/a/*.txt"])
    assert len(texts) == 300 and [len(text) for text in texts.read_many([5, 7])] == [5, 7]
    with pytest.raises(IndexError):
        pictures[1]
    with pytest.raises(ValueError, match="pattern"):
        pack.files("[")


def test_writing_tells_of_progress_and_stops_when_that_raises(tree: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    packed = rangepack.pack(tree, tmp_path / "p.pack", progress=lambda *so_far: told.append(so_far))
    assert told and told[-1][0] >= packed.files
    with pytest.raises(FileExistsError):
        rangepack.pack(tree, tmp_path / "p.pack")
    assert rangepack.verify(tmp_path / "p.pack").is_sound
    out = rangepack.extract(tmp_path / "p.pack", tmp_path / "out")
    assert out.failed == 0 and files_of(tmp_path / "out") == files_of(tree)

    def stop(*_: int) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError):
        rangepack.pack(tree, tmp_path / "q.pack", progress=stop)


def test_the_version_is_that_of_the_module() -> None:
    assert rangepack.__version__ == _rangepack.__version__


def test_merged_packs_find_their_parts(tmp_path: Path) -> None:
    golden = Path(__file__).parents[2] / "tests/golden"
    with rangepack.open(golden / "merged.pack") as pack:
        assert bytes(pack["two/alone"]) == b"only in the second"
        assert len(pack["shared/large"]) == 300_000
    alone = shutil.copy(golden / "merged.pack", tmp_path)
    with rangepack.open(alone) as pack, pytest.raises(rangepack.PackError, match=r"merged\.two\.bin"):
        pack.read("two/alone")
    with rangepack.open(alone, volumes=golden) as pack:
        again = pickle.loads(pickle.dumps(pack))
        assert pack.read("two/alone") == again.read("two/alone") == b"only in the second"
