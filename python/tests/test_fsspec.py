"""Packs as file systems of fsspec."""

import asyncio
import doctest
import hashlib
import io
import json
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ranges import RangeServer

import rangepack

fsspec = pytest.importorskip("fsspec")

from fsspec.tests import abstract  # noqa: E402

import rangepack.fsspec  # noqa: E402
from rangepack.fsspec import PackFileSystem  # noqa: E402

CONTENT = {f"t/{name}": bytes(range(256)) * size for name, size in [("a.bin", 1), ("b.bin", 40), ("c/d.bin", 5000)]}


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of three files, of which the last has blocks, and of links."""
    home = tmp_path_factory.mktemp("fs")
    for path, content in CONTENT.items():
        (home / "s" / path).parent.mkdir(parents=True, exist_ok=True)
        (home / "s" / path).write_bytes(content)
    (home / "s" / "empty").mkdir()
    (home / "s" / "link").symlink_to("t/c")
    (home / "s" / "astray").symlink_to("nowhere")
    rangepack.pack(home / "s", home / "s.pack")
    return home / "s.pack"


@pytest.fixture(params=["path", "memory", "http", "http by fsspec", "file", "object", "pack", "nested"])
def fs(request: pytest.FixtureRequest, at: Path, server: RangeServer, tmp_path: Path) -> Iterator[PackFileSystem]:
    """The pack in all places where it can lie."""
    where = request.param
    if where == "path":
        yield fsspec.filesystem("rangepack", fo=at)
    elif where == "memory":
        fsspec.filesystem("memory").pipe("/d/s.pack", at.read_bytes())
        yield fsspec.filesystem("rangepack", fo="memory://d/s.pack")
    elif where.startswith("http"):
        server.files["s.pack"] = at.read_bytes()
        if where == "http":
            yield fsspec.filesystem("rangepack", fo=server.url("s.pack"))
        else:
            pytest.importorskip("aiohttp")
            options = {"headers": {"X-Reader": "fsspec"}}
            yield fsspec.filesystem("rangepack", fo=server.url("s.pack"), target_options=options)
    elif where == "file":
        with at.open("rb") as file:
            yield fsspec.filesystem("rangepack", fo=file)
    elif where == "object":
        yield fsspec.filesystem("rangepack", fo=io.BytesIO(at.read_bytes()))
    elif where == "pack":
        yield fsspec.filesystem("rangepack", fo=rangepack.open(at))
    else:
        (tmp_path / "outer").mkdir()
        shutil.copy(at, tmp_path / "outer" / "s.pack")
        rangepack.pack(tmp_path / "outer", tmp_path / "outer.pack")
        outer = {"fo": str(tmp_path / "outer.pack")}
        yield fsspec.filesystem("rangepack", fo="s.pack", target_protocol="rangepack", target_options=outer)


def test_questions_have_the_answers_of_other_file_systems(fs: PackFileSystem) -> None:
    assert fs.ls("", detail=False) == ["astray", "empty", "link", "t"]
    assert fs.ls("rangepack://t/", detail=False) == ["t/a.bin", "t/b.bin", "t/c"]
    assert [(info["size"], info["type"]) for info in fs.ls("t")] == [(256, "file"), (10240, "file"), (0, "directory")]
    assert fs.ls("t/a.bin", detail=False) == ["t/a.bin"] and fs.ls("empty") == []
    assert fs.find("") == ["astray", *CONTENT] and fs.find("t/c") == ["t/c/d.bin"]
    assert fs.find("link") == ["link/d.bin"] and fs.find("t/a.bin") == ["t/a.bin"] and fs.find("none") == []
    assert fs.find("", maxdepth=2, withdirs=True) == ["astray", "empty", "link", "t", "t/a.bin", "t/b.bin", "t/c"]
    assert fs.find("t", withdirs=True, detail=True)["t/c"]["type"] == "directory"
    assert fs.glob("**/*.bin") == list(CONTENT) and fs.glob("t/*/") == ["t/c"] and fs.glob("link/*") == ["link/d.bin"]
    assert fs.du("t") == sum(map(len, CONTENT.values())) and fs.size("t/b.bin") == 10240
    assert fs.exists("t/c") and not fs.exists("t/e") and fs.isdir("") and fs.isdir("link") and fs.isfile("link/d.bin")
    assert not fs.isdir("t/a.bin") and not fs.isfile("t") and not fs.isfile("none")
    info = fs.info("link")
    assert (info["type"], info["islink"], info["destination"]) == ("directory", True, "t/c")
    assert fs.info("astray")["type"] == "link" and fs.info("")["type"] == "directory"
    assert fs.ukey("t/a.bin") == hashlib.sha256(CONTENT["t/a.bin"]).hexdigest()
    assert fs.modified("t/a.bin").tzinfo is not None
    for path in ["none", "t/none/deeper"]:
        for ask in [fs.info, fs.ls, fs.cat_file, fs.open, fs.size]:
            with pytest.raises(FileNotFoundError):
                ask(path)
    with pytest.raises(IsADirectoryError):
        fs.cat_file("t")


def test_walks_are_those_of_os_walk(fs: PackFileSystem) -> None:
    steps = list(fs.walk(""))
    assert steps == [
        ("", ["empty", "link", "t"], ["astray"]),
        ("empty", [], []),
        ("t", ["c"], ["a.bin", "b.bin"]),
        ("t/c", [], ["d.bin"]),
    ]
    assert list(fs.walk("", topdown=False)) == [steps[1], steps[3], steps[2], steps[0]]
    assert list(fs.walk("", maxdepth=1)) == steps[:1]
    pruned = []
    for path, directories, _ in fs.walk(""):
        pruned.append(path)
        directories[:] = [name for name in directories if name != "t"]
    assert pruned == ["", "empty"]
    assert list(fs.walk("none")) == [("none", [], [])]
    with pytest.raises(FileNotFoundError):
        list(fs.walk("none", on_error="raise"))
    with pytest.raises(ValueError, match="maxdepth"):
        list(fs.walk("", maxdepth=0))


def test_contents_come_whole_and_in_slices(fs: PackFileSystem) -> None:
    assert fs.cat("t", recursive=True) == CONTENT
    for path, content in CONTENT.items():
        for start, end in [(None, None), (0, 10), (5, None), (-7, None), (None, -7), (-9, -3), (3, 2), (10**9, None)]:
            assert fs.cat_file(path, start, end) == content[start:end], (path, start, end)
        with fs.open(path) as file:
            assert file.size == len(content) and file.read(3) == content[:3]
            assert file.seek(-5, os.SEEK_END) == len(content) - 5 and file.read() == content[-5:]
        with fs.open(path, "r", encoding="latin-1", newline="") as file:
            assert file.read() == content.decode("latin-1")
    paths = [*CONTENT, *CONTENT, "none", "t"]
    starts: list[int | None] = [0, 1, -1000, 2, None, 1_000_000, 0, 0]
    ends: list[int | None] = [5, None, None, 2, None, 1_000_001, 1, 1]
    *good, none, directory = fs.cat_ranges(paths, starts, ends)
    assert good == [CONTENT[path][start:end] for path, start, end in zip(paths[:6], starts, ends, strict=False)]
    assert isinstance(none, FileNotFoundError) and isinstance(directory, IsADirectoryError)
    assert fs.cat_ranges(list(CONTENT), 1, 3) == [b"\1\2"] * 3
    with pytest.raises(FileNotFoundError):
        fs.cat_ranges(paths, starts, ends, on_error="raise")
    with pytest.raises(ValueError, match="3 paths"):
        fs.cat_ranges(list(CONTENT), [1], [2])


def test_everything_can_be_awaited(fs: PackFileSystem) -> None:
    async def ask() -> None:
        assert (await fs._info("t/a.bin"))["size"] == 256 and await fs._exists("t") and await fs._isdir("t")
        assert await fs._ls("t", detail=False) == fs.ls("t", detail=False)
        assert [step async for step in fs._walk("")] == list(fs.walk(""))
        assert await fs._find("t") == list(CONTENT) and await fs._glob("t/*.bin") == ["t/a.bin", "t/b.bin"]
        assert await asyncio.gather(*map(fs._cat_file, CONTENT)) == list(CONTENT.values())
        assert await fs._cat_ranges(list(CONTENT), 0, 2) == [b"\0\1"] * 3
        with pytest.raises(OSError, match="read-only"):
            await fs._pipe_file("x", b"")

    asyncio.run(ask())


def test_packs_are_read_only(fs: PackFileSystem) -> None:
    writes: list[Callable[[], Any]] = [
        lambda: fs.open("x", "wb"),
        lambda: fs.open("t/a.bin", "ab"),
        lambda: fs.pipe("x", b""),
        lambda: fs.rm("t", recursive=True),
        lambda: fs.mkdir("x"),
        lambda: fs.makedirs("x"),
        lambda: fs.touch("x"),
        lambda: fs.put_file(__file__, "x"),
        lambda: fs.cp_file("t/a.bin", "x"),
    ]
    for write in writes:
        with pytest.raises(OSError, match="read-only"):
            write()


def test_addresses_are_chained(at: Path, server: RangeServer, tmp_path: Path) -> None:
    server.files["chained.pack"] = at.read_bytes()
    fsspec.filesystem("memory").pipe("/chained.pack", at.read_bytes())
    (tmp_path / "z").mkdir()
    shutil.make_archive(str(tmp_path / "z"), "zip", at.parent, at.name)
    for target in [
        str(at),
        f"file://{at}",
        server.url("chained.pack"),
        "memory://chained.pack",
        f"zip://{at.name}::file://{tmp_path}/z.zip",
        f"simplecache::file://{at}",
    ]:
        with fsspec.open(f"rangepack://t/b.bin::{target}") as file:
            assert file.read() == CONTENT["t/b.bin"], target
    for target in [str(at), f"file://{at}", server.url("chained.pack"), "memory://chained.pack"]:
        files = fsspec.open_files(f"rangepack://**/*.bin::{target}", "rb")
        assert [file.path for file in files] == list(CONTENT)
        with files[2] as file:
            assert file.read() == CONTENT["t/c/d.bin"]
    fs = fsspec.filesystem("rangepack", fo="chained.pack", target_protocol="memory", target_options={})
    assert fs.cat("t/a.bin") == CONTENT["t/a.bin"]


def test_little_comes_over_the_network(at: Path, server: RangeServer) -> None:
    server.files["asked.pack"] = at.read_bytes()
    server.requests.clear()
    fs = fsspec.filesystem("rangepack", fo=server.url("asked.pack"))
    assert server.requests == []
    fs.ls("t")
    fs.cat_file("t/c/d.bin", 300_000, 300_010)
    requests, nbytes = fs.pack.traffic
    assert requests == len(server.requests) <= 3 and nbytes < at.stat().st_size / 2
    assert fs.cat_ranges(["t/a.bin", "t/b.bin"], 0, 3) == [b"\0\1\2"] * 2
    assert len(server.requests) == requests + 1


def test_other_processes_open_the_same_pack(at: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pack"
    shutil.copy(at, copy)
    fs = fsspec.filesystem("rangepack", fo=str(copy))
    with fs.open("t/b.bin") as file:
        file.seek(300)
        travelling = pickle.dumps((fs, file))
        other, there = pickle.loads(travelling)
        assert there.read() == file.read() and other.cat_file("t/a.bin") == CONTENT["t/a.bin"]
    assert fsspec.AbstractFileSystem.from_json(fs.to_json()).ls("t") == fs.ls("t")
    for method in ["fork", "spawn"]:
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(in_a_process, (fs,)) == CONTENT
    if hasattr(os, "fork"):
        context = multiprocessing.get_context("fork")
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=lambda: sender.send(in_a_process(fs) == CONTENT))
        child.start()
        assert receiver.recv()
        child.join()
    rangepack.pack(Path(__file__).parent, copy, overwrite=True, include=["conftest.py"])
    with pytest.raises(rangepack.WrongPackError):
        pickle.loads(travelling)[0].ls("")
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(fsspec.filesystem("rangepack", fo=io.BytesIO(at.read_bytes())).pack)


def in_a_process(fs: PackFileSystem) -> Any:
    return fs.cat("t", recursive=True)


def test_what_is_wrong_with_a_pack_is_said_when_it_is_used(at: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="which pack"):
        fsspec.filesystem("rangepack")
    (tmp_path / "text").write_text("no pack at all\n" * 10)
    memory = fsspec.filesystem("memory")
    memory.pipe("/text", b"no pack at all\n" * 10)
    damaged = bytearray(at.read_bytes())
    damaged[200] ^= 1
    memory.pipe("/damaged", bytes(damaged))
    memory.makedirs("/folder", exist_ok=True)
    for fo, error in [
        (tmp_path / "none", FileNotFoundError),
        (tmp_path / "text", rangepack.NotAPackError),
        ("memory://none", FileNotFoundError),
        ("memory://text", rangepack.NotAPackError),
        ("memory://folder", IsADirectoryError),
    ]:
        with pytest.raises(error):
            fsspec.filesystem("rangepack", fo=fo).ls("")
    with pytest.raises(rangepack.CorruptError):
        fsspec.filesystem("rangepack", fo="memory://damaged").cat_file("t/a.bin")
    with pytest.raises(rangepack.WrongPackError):
        fsspec.filesystem("rangepack", fo=at, root="0" * 64).ls("")
    with pytest.raises(ValueError, match="seek"):
        fsspec.filesystem("rangepack", fo=Unseekable()).ls("")
    fs = fsspec.filesystem("rangepack", fo=at)
    fs.close()
    with pytest.raises(ValueError, match="closed"):
        fs.ls("")
    file = io.BytesIO(at.read_bytes())
    fs = fsspec.filesystem("rangepack", fo=file)
    fs.ls("")
    file.close()
    with pytest.raises(ValueError, match="closed file"):
        fs.cat_file("t/c/d.bin")


class Unseekable(io.BytesIO):
    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation("seek")


def test_what_a_file_system_says_is_checked(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/lies.pack", at.read_bytes())
    fs = fsspec.filesystem("rangepack", fo="memory://lies.pack")
    fs.ls("")
    whole = type(memory).cat_file
    answers: list[tuple[Any, type[Exception], str]] = [
        (lambda *given, **named: whole(*given, **named)[:-1], rangepack.RemoteError, "broke off"),
        (lambda *_, **__: b"x" * 9_999_999, rangepack.RemoteError, "more than was asked for"),
        # What it raises itself is raised here.
        (lambda *_, **__: 7, TypeError, "not 'int'"),
        (lambda *_, **__: (_ for _ in ()).throw(TimeoutError("too slow")), TimeoutError, "too slow"),
    ]
    for answer, error, said in answers:
        monkeypatch.setattr(type(memory), "cat_file", answer)
        with pytest.raises(error, match=said):
            fs.cat_file("t/c/d.bin")
    monkeypatch.undo()
    assert fs.cat_file("t/c/d.bin") == CONTENT["t/c/d.bin"]


def test_unknown_options_are_refused(at: Path) -> None:
    refused: list[dict[str, Any]] = [{"verfy": "payloads"}, {"mode": "rb"}, {"later": True}]
    for options in refused:
        with pytest.raises(TypeError, match=f"no option '{next(iter(options))}'"):
            fsspec.filesystem("rangepack", fo=at, **options)
    own: dict[str, Any] = {
        "asynchronous": False,
        "skip_instance_cache": True,
        "use_listings_cache": False,
        "batch_size": 3,
    }
    assert fsspec.filesystem("rangepack", fo=at, verify="payloads", **own).ls("t")
    with pytest.raises(ValueError, match="verify is"):
        fsspec.filesystem("rangepack", fo=at, verify="all").ls("")


def test_links_to_directories_are_listed_and_not_followed(fs: PackFileSystem) -> None:
    assert fs.glob("**/d.bin") == ["t/c/d.bin"] and "link" in fs.glob("*")
    assert [path for path, _, _ in fs.walk("")] == ["", "empty", "t", "t/c"]
    assert list(fs.walk("link")) == [("link", [], ["d.bin"])]
    assert fs.find("", withdirs=True) == ["astray", "empty", "link", "t", "t/a.bin", "t/b.bin", "t/c", "t/c/d.bin"]
    assert fs.find("link", withdirs=True) == ["link", "link/d.bin"] and fs.cat("link/d.bin") == CONTENT["t/c/d.bin"]
    assert fs.du("link") == len(CONTENT["t/c/d.bin"])


def test_a_link_to_the_top_is_a_directory(tmp_path: Path) -> None:
    (tmp_path / "tree" / "d").mkdir(parents=True)
    (tmp_path / "tree" / "x").touch()
    (tmp_path / "tree" / "d" / "up").symlink_to("..")
    rangepack.pack(tmp_path / "tree", tmp_path / "t.pack")
    fs = fsspec.filesystem("rangepack", fo=tmp_path / "t.pack")
    assert fs.find("d/up") == ["d/up/x"] and fs.isdir("d/up") and fs.ls("d/up", detail=False) == ["d/up/d", "d/up/x"]
    assert fs.find("") == ["x"] and list(fs.walk("d/up")) == [("d/up", ["d"], ["x"]), ("d/up/d", ["up"], [])]
    path = fs.pack.path("d/up")
    assert path.resolve() == fs.pack.path() and path.samefile(fs.pack.path("")) and path.stat() == fs.pack.stat("")
    # As with the links of a system, there is an end.
    assert sum(1 for _ in fs.pack.path().walk(follow_symlinks=True)) < 1000


def test_objects_say_what_they_are(at: Path) -> None:
    fs = fsspec.filesystem("rangepack", fo=at)
    assert repr(fs) == "<rangepack.fsspec.PackFileSystem not open yet>"
    assert repr(fs.open("t/a.bin")) == "<rangepack.fsspec.PackFile 'rangepack://t/a.bin', 256 bytes>"
    assert str(at) in repr(fs)


class Made(PackFileSystem):
    """For tests that make what is packed already."""

    def mkdir(self, path: str, **_: Any) -> None:  # type: ignore[override]
        assert self.isdir(path)

    def touch(self, path: str, **_: Any) -> None:  # type: ignore[override]
        assert self.isfile(path)


class Packed(abstract.AbstractFixtures):  # type: ignore[misc]
    """What fsspec's tests write is packed, and read out of the pack."""

    @pytest.fixture
    def packed(self, tmp_path: Path) -> Path:
        return tmp_path / "packed"

    @pytest.fixture
    def fs(self, packed: Path) -> PackFileSystem:
        made = abstract.LocalFileSystem(auto_mkdir=True)
        top = str(packed)
        made.mkdir(top)
        for number, make in enumerate(
            [
                self._bulk_operations_scenario_0,
                self._glob_edge_cases_files,
                self._dir_and_file_with_same_name_prefix,
                self._10_files_with_hashed_names,
            ]
        ):
            make(made, os.path.join, f"{top}/{number}")
        (packed / "4" / "src").mkdir(parents=True)
        (packed / "4" / "src" / "file").touch()
        rangepack.pack(packed, packed.with_suffix(".pack"))
        return Made(packed.with_suffix(".pack"))

    @pytest.fixture
    def fs_path(self) -> str:
        return "4"

    @pytest.fixture
    def fs_bulk_operations_scenario_0(self) -> str:
        return "0/source"

    @pytest.fixture
    def fs_glob_edge_cases_files(self) -> str:
        return "1/source"

    @pytest.fixture
    def fs_dir_and_file_with_same_name_prefix(self) -> str:
        return "2/source"

    @pytest.fixture
    def fs_10_files_with_hashed_names(self) -> str:
        return "3/source"


class TestGet(Packed, abstract.AbstractGetTests):  # type: ignore[misc]
    """fsspec's own tests of copying out of a file system: those that need no writing to it."""


def tables(home: Path) -> Path:
    """A pack with a table in each format that somebody reads below."""
    (home / "tables" / "days").mkdir(parents=True)
    for day in range(3):
        rows = "".join(f"{day},{row}\n" for row in range(4))
        (home / "tables" / "days" / f"{day}.csv").write_text(f"day,row\n{rows}")
    (home / "tables" / "rows.jsonl").write_text("".join(json.dumps({"row": row}) + "\n" for row in range(5)))
    return home / "tables"


def test_pandas_reads_out_of_a_pack(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    rangepack.pack(tables(tmp_path), tmp_path / "tables.pack")
    table = pandas.read_csv(f"rangepack://days/2.csv::{tmp_path}/tables.pack")
    assert list(table.columns) == ["day", "row"] and table["day"].tolist() == [2] * 4
    options = {"fo": str(tmp_path / "tables.pack")}
    assert pandas.read_json("rangepack://rows.jsonl", lines=True, storage_options=options)["row"].sum() == 10


def test_pyarrow_reads_out_of_a_pack(tmp_path: Path, server: RangeServer) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = tables(tmp_path) / "parquet"
    folder.mkdir()
    for part in range(2):
        numbers = pyarrow.table({"number": range(part * 1000, part * 1000 + 1000)})
        parquet.write_table(numbers, folder / f"{part}.parquet", row_group_size=100)
    at = tmp_path / "tables.pack"
    rangepack.pack(folder.parent, at)
    server.files["tables.pack"] = at.read_bytes()
    for fo in [at, server.url("tables.pack")]:
        fs = fsspec.filesystem("rangepack", fo=fo)
        assert parquet.read_table("parquet/1.parquet", filesystem=fs)["number"].to_pylist()[:2] == [1000, 1001]
        assert parquet.read_table("parquet", filesystem=fs).num_rows == 2000
        found = parquet.read_table("parquet", filesystem=fs, filters=[("number", "==", 1234)])
        assert found["number"].to_pylist() == [1234]
    with fsspec.open(f"rangepack://parquet/0.parquet::{at}") as file:
        assert parquet.ParquetFile(file).metadata.num_rows == 1000


def test_zarr_reads_a_store_in_a_pack(tmp_path: Path, server: RangeServer) -> None:
    zarr = pytest.importorskip("zarr", minversion="3")
    numpy = pytest.importorskip("numpy")
    values = numpy.arange(10_000).reshape(100, 100)
    array = zarr.create_array(tmp_path / "store" / "a.zarr", shape=values.shape, chunks=(10, 100), dtype=values.dtype)
    array[:] = values
    at = tmp_path / "zarr.pack"
    rangepack.pack(tmp_path / "store", at)
    server.files["zarr.pack"] = at.read_bytes()
    for fo in [at, server.url("zarr.pack")]:
        fs = PackFileSystem(fo, asynchronous=True)
        store = zarr.storage.FsspecStore(fs, path="a.zarr", read_only=True)
        read = zarr.open_array(store, mode="r")
        assert (read[20:30, 5] == values[20:30, 5]).all() and (read[:] == values).all()
        with pytest.raises(ValueError, match="read-only"):
            zarr.open_array(store, mode="a")[0] = 1
    read = zarr.open_array(f"rangepack://a.zarr::{at}", mode="r")
    assert (read[:] == values).all()


def test_hugging_face_datasets_read_out_of_a_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    datasets = pytest.importorskip("datasets")
    rangepack.pack(tables(tmp_path), tmp_path / "tables.pack")
    options = {"fo": str(tmp_path / "tables.pack")}
    for number, (files, storage, rows) in enumerate(
        [
            ("rangepack://days/*.csv", options, 12),
            (f"rangepack://days/1.csv::{tmp_path}/tables.pack", None, 4),
            (f"rangepack://days/*.csv::{tmp_path}/tables.pack", None, 12),
            (f"rangepack://**/[12].csv::file://{tmp_path}/tables.pack", None, 8),
        ]
    ):
        cache = str(tmp_path / f"cache{number}")
        loaded = datasets.load_dataset("csv", data_files=files, storage_options=storage, split="train", cache_dir=cache)
        assert loaded.column_names == ["day", "row"] and len(loaded) == rows
    for files, storage in [
        ("rangepack://days/*.csv", options),
        (f"rangepack://**/*.csv::{tmp_path}/tables.pack", None),
    ]:
        stream = datasets.load_dataset("csv", data_files=files, storage_options=storage, split="train", streaming=True)
        assert sorted({row["day"] for row in stream}) == [0, 1, 2]


def test_the_examples_in_the_documentation_run() -> None:
    assert doctest.testmod(rangepack.fsspec).failed == 0
