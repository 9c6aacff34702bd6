"""What FilePacker's users call, on old files and on packs."""

import doctest
import hashlib
import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import rangepack
import rangepack.filepacker
from rangepack.filepacker import FilePackReader, FilePackWriter, pack_directory_contents, utils
from rangepack.filepacker.__main__ import main

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "seed-formats"
GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree that the old program packed."""
    top = tmp_path_factory.mktemp("filepacker") / "src"
    rangepack.extract(FIXTURES / "plain.fpack", top)
    (top / "nothing").mkdir()
    return top


@pytest.fixture(scope="module")
def pack(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a pack."""
    target = tmp_path_factory.mktemp("packed") / "src.pack"
    pack_directory_contents(str(tree), str(target))
    return target


@pytest.fixture(params=["fpack", "fpack object", "pack", "pack object", "file"])
def reader(request: pytest.FixtureRequest, pack: Path) -> FilePackReader:
    """The tree, as `src`."""
    old = FIXTURES / "plain.fpack"
    if request.param == "fpack":
        return FilePackReader(str(old))
    if request.param == "fpack object":
        return FilePackReader(io.BytesIO(old.read_bytes()), verbose=True, multiprocess_lock=False)
    if request.param == "pack":
        return FilePackReader(pack, "src")
    if request.param == "pack object":
        return FilePackReader(io.BytesIO(pack.read_bytes()), base_path="src")
    return FilePackReader(old.open("rb"))


def test_the_old_program_s_file_reads_byte_for_byte(reader: FilePackReader) -> None:
    assert len(reader) == len(EXPECTED) and reader.base_path == "src"
    for path, known in EXPECTED.items():
        content = reader.read_bytes(path, True)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (known["size"], known["sha256"])
        assert reader.read_bytes(f"src/{path}", False) == content
        opened = reader.open(f"src/{path}", "rb")
        assert isinstance(opened, io.BytesIO) and opened.read() == content
        assert reader.exists(f"src/{path}") and reader.isfile(path, exclude_base_path=True)
    walked = [f"{directory}/{name}" for directory, _, names in reader.walk() for name in names]
    assert sorted(walked) == sorted(f"src/{path}" for path in EXPECTED)


def test_answers_are_those_of_the_old_program(reader: FilePackReader) -> None:
    assert (
        reader.listdir("src")
        == reader.listdir("src/")
        == reader.listdir("", True)
        == sorted({path.partition("/")[0] for path in EXPECTED})
    )
    assert reader.listdir("src//images///deep/") == ["er"] and reader.listdir("images", exclude_base_dir=True)
    assert reader.isdir("src") and reader.isdir("src/images") and not reader.isfile("src/images")
    assert not reader.isdir("src/empty.bin") and reader.isfile("src/empty.bin")
    assert reader.read_bytes("empty.bin", True) == b"" and not reader.exists("src/none")
    text = reader.open("src/json/data.json", "r")
    assert isinstance(text, io.StringIO) and json.load(text)
    tops = [directory for directory, _, _ in reader.walk(exclude_base_path=True)]
    assert tops[0] == "" and "images/deep/er" in tops
    sorted_steps = list(reader.walk(sort_entries=True))
    assert sorted_steps[0][0] == "src" and all(names == sorted(names) for _, _, names in sorted_steps)
    for directory, below, names in sorted_steps:
        assert reader.listdir(directory) == sorted(below + names)


def test_what_is_not_there_is_an_error(reader: FilePackReader) -> None:
    asks: list[Callable[[str], object]] = [reader.isdir, reader.isfile, reader.listdir]
    asks.append(lambda path: reader.read_bytes(path, False))
    for ask in asks:
        with pytest.raises(IOError, match="No file/directory named src/none"):
            ask("src/none")
        with pytest.raises(IOError, match=r"'images'.*'src'"):
            ask("images")
    with pytest.raises(IOError, match=r"'elsewhere/a'.*'src'"):
        reader.exists("elsewhere/a")
    with pytest.raises(AssertionError):
        reader.listdir("src/empty.bin")
    with pytest.raises(IsADirectoryError):
        reader.open("src/images", "rb")
    for mode in ["w", "wb", "a", "r+", "rt", ""]:
        with pytest.raises(OSError, match="read-only"):
            reader.open("src/empty.bin", mode)
    for path in ["src/../src/empty.bin", "src/./empty.bin"]:
        assert not reader.exists(path)
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.listdir("src")


def test_readers_travel(pack: Path) -> None:
    for path in [FIXTURES / "plain.fpack", pack]:
        reader = FilePackReader(path, base_path="data")
        other = pickle.loads(pickle.dumps(reader))
        assert other.base_path == "data" and other.read_bytes("data/readme.txt", False) == reader.read_bytes(
            "readme.txt", True
        )


def test_bad_files_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FilePackReader(str(tmp_path / "none.fpack"))
    (tmp_path / "text").write_text("no pack\n" * 9)
    with pytest.raises(rangepack.NotAPackError):
        FilePackReader(str(tmp_path / "text"))
    cut = (FIXTURES / "plain.fpack").read_bytes()[:-1]
    with pytest.raises(rangepack.PackError):
        FilePackReader(io.BytesIO(cut))
    with pytest.warns(UserWarning, match="1 of its names"):
        FilePackReader(GOLDEN / "fpack-lost-name.fpack")


def test_the_structure_is_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "s" / "a" / "b").mkdir(parents=True)
    (tmp_path / "s" / "a" / "x.txt").touch()
    (tmp_path / "s" / "y.txt").touch()
    rangepack.pack(tmp_path / "s", tmp_path / "s.pack")
    reader = FilePackReader(tmp_path / "s.pack", "top")
    reader.print_directory_structure()
    lines = ["- top: (2)", "   - a: (2)", "      - b: (0)", "      - x.txt", "   - y.txt"]
    assert capsys.readouterr().out.splitlines() == lines
    reader.print_directory_structure(ignore_base_path=True, directories_only=True, indentation=1)
    assert capsys.readouterr().out.splitlines() == ["- a: (2)", " - b: (0)"]


def test_helpers_ask_the_disk_or_the_pack(tree: Path, pack: Path) -> None:
    reader = FilePackReader(str(pack))
    top = str(tree)
    assert reader.base_path == top
    for path in [f"{top}/readme.txt", f"{top}/images", top]:
        assert utils.exists(path) == utils.exists(path, reader) is True
        assert utils.isdir(path) == utils.isdir(path, reader) and utils.isfile(path) == utils.isfile(path, reader)
    assert utils.listdir(f"{top}/many") == utils.listdir(f"{top}/many", reader)
    below = list(utils.walk(f"{top}/images", sort_entries=True))
    assert below == list(utils.walk(f"{top}/images", reader, sort_entries=True))
    assert list(utils.walk("", reader, exclude_base_path=True)) == list(reader.walk(exclude_base_path=True))
    with utils.open(f"{top}/readme.txt", "r") as disk, utils.open(f"{top}/readme.txt", "r", reader) as packed:
        assert disk.read() == packed.read()


def test_pictures_come_as_from_disk(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "s").mkdir()
    image.new("RGB", (3, 2), (10, 20, 30)).save(tmp_path / "s" / "a.png")
    (tmp_path / "s" / "empty.png").touch()
    pack_directory_contents(str(tmp_path / "s"), str(tmp_path / "s.pack"))
    reader, path = FilePackReader(str(tmp_path / "s.pack")), str(tmp_path / "s" / "a.png")
    assert utils.PIL_imread(path, reader).getpixel((2, 1)) == utils.PIL_imread(path).getpixel((2, 1)) == (10, 20, 30)
    pytest.importorskip("cv2")
    array = utils.cv2_imread(path, reader)
    assert array.shape == (2, 3, 3) and (array == utils.cv2_imread(path)).all() and array[0, 0].tolist() == [30, 20, 10]
    assert reader.cv2_imread("a.png", 0, exclude_base_path=True).shape == (2, 3)
    assert reader.cv2_imread("empty.png", exclude_base_path=True) is None


def hidden_tree(home: Path) -> Path:
    top = home / "t"
    for path in ["a.jpg", "b.txt", ".c.jpg", ".git/config", ".git/hooks/x.jpg", "d/e.jpg", "d/none", "d/.f"]:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_text(path)
    (top / "link.jpg").symlink_to("a.jpg")
    (top / "linked").symlink_to("d")
    (top / "d" / "up").symlink_to("..")
    return top


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"follow_links": False}, ["a.jpg", "b.txt", ".git/hooks/x.jpg", "d/e.jpg", "d/none"]),
        ({"permitted_exts": ["jpg"], "follow_links": False}, ["a.jpg", ".git/hooks/x.jpg", "d/e.jpg"]),
        ({"excluded_exts": ("jpg",), "follow_links": False}, ["b.txt", "d/none"]),
        (
            {"skip_hidden": False, "follow_links": False},
            ["a.jpg", "b.txt", ".c.jpg", ".git/config", ".git/hooks/x.jpg", "d/e.jpg", "d/none", "d/.f"],
        ),
        (
            {"excluded_exts": ["txt"]},
            ["a.jpg", ".git/hooks/x.jpg", "d/e.jpg", "d/none", "link.jpg", "linked/e.jpg", "linked/none"],
        ),
    ],
)
def test_what_is_packed(tmp_path: Path, options: dict[str, object], expected: list[str]) -> None:
    top = hidden_tree(tmp_path)
    pack_directory_contents(str(top), str(tmp_path / "t.pack"), **options)  # type: ignore[arg-type]
    pack = rangepack.open(tmp_path / "t.pack")
    assert sorted(pack) == sorted(expected)
    for path in expected:
        assert pack[path] == (top / path).read_bytes()
    assert pack.metadata == {"base_path": str(top)}
    # What is there is replaced.
    pack_directory_contents(str(top), str(tmp_path / "t.pack"), **options)  # type: ignore[arg-type]


def test_what_cannot_be_packed(tmp_path: Path) -> None:
    top = hidden_tree(tmp_path)
    with pytest.raises(ValueError, match="not both"):
        pack_directory_contents(str(top), str(tmp_path / "p"), ["a"], ["b"])
    with pytest.raises(NotADirectoryError):
        pack_directory_contents(str(top / "a.jpg"), str(tmp_path / "p"))
    (top / ("n" * 129)).touch()
    with pytest.raises(ValueError, match="129 characters"):
        pack_directory_contents(str(top), str(tmp_path / "p"))
    with pytest.raises(ValueError, match="257 characters"):
        FilePackWriter(tmp_path / "p", []).write("b" * 257)
    with pytest.raises(ValueError, match="1 names for 2 files"):
        FilePackWriter(tmp_path / "p", ["a", "b"]).write(paths_to_save=["a"])
    with pytest.raises(ValueError, match=r"\.\."):
        FilePackWriter(tmp_path / "p", [top / "a.jpg"]).write(paths_to_save=["../a"])
    with pytest.raises(FileNotFoundError):
        FilePackWriter(tmp_path / "p", [top / "not there"]).write(str(top))
    assert not (tmp_path / "p").exists()


def test_a_writer_takes_files_from_anywhere(tmp_path: Path) -> None:
    top = hidden_tree(tmp_path)
    files = [str(top / "a.jpg"), str(top / "d" / "e.jpg")]
    FilePackWriter(str(tmp_path / "p.pack"), files).write(str(top))
    reader = FilePackReader(str(tmp_path / "p.pack"))
    assert [reader.read_bytes(path, False) for path in files] == [b"a.jpg", b"d/e.jpg"]
    FilePackWriter(str(tmp_path / "p.pack"), files).write(paths_to_save=["x/1", "x/2"])
    reader = FilePackReader(str(tmp_path / "p.pack"))
    assert reader.listdir("x") == ["1", "2"] and reader.read_bytes("x/2", False) == b"d/e.jpg"


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    top, out = hidden_tree(tmp_path), tmp_path / "t.pack"
    assert main(["-i", str(top), "-o", str(out), "--ignore-links", "--permitted-exts", "jpg", "txt"]) == 0
    assert sorted(rangepack.open(out)) == [".git/hooks/x.jpg", "a.jpg", "b.txt", "d/e.jpg"]
    with pytest.raises(SystemExit) as ended:
        main(["-i", str(top), "-o", str(out)])
    assert ended.value.code == 2 and "-f replaces it" in capsys.readouterr().err
    assert main(["-i", str(top), "-o", str(out), "-f", "--include-hidden", "--excluded-exts", ".jpg", "-v"]) == 0
    assert "d/.f" in rangepack.open(out)
    capsys.readouterr()
    assert main(["-i", str(FIXTURES / "plain.fpack"), "--directories-only"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        lines[0].startswith("- src: (") and "   - many: (40)" in lines and not any("readme" in line for line in lines)
    )
    assert main(["-i", str(tmp_path / "none")]) == 2 and "none" in capsys.readouterr().err
    assert main(["-i", __file__]) == 1
    for arguments in [
        ["-i", str(top)],
        ["-o", "x"],
        ["-i", "a", "-o", "b", "--permitted-exts", "a", "--excluded-exts", "b"],
    ]:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    run = [sys.executable, "-m", "rangepack.filepacker", "-i", str(out)]
    shown = subprocess.run(run, capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert shown.stdout.decode("ascii").startswith(f"- {top}: (")


def test_the_examples_in_the_documentation_run() -> None:
    assert doctest.testmod(rangepack.filepacker).failed == 0
