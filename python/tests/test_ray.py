"""Ray: packing by tasks, whose workers may die, and packs as data sets of Ray Data."""

import doctest
import os
import pickle
import re
import runpy
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pages import block, photos
from ranges import RangeServer

import rangepack

ray: Any = pytest.importorskip("ray", reason="Ray is not installed; for a new Python there may be none yet")
pytest.importorskip("ray.data")

import rangepack.ray  # noqa: E402
from rangepack.ray import PackDatasource, PartError  # noqa: E402

#: Tells workers where it stands what they die of.
DEATHS = "RANGEPACK_TEST_DEATHS"


def die_once(what: str) -> None:
    """Ends this process at once, unless that was done: a marker says so."""
    try:
        os.unlink(Path(os.environ[DEATHS]) / what)
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def mortal() -> None:
    """What each worker calls first: from then on it dies where markers say so."""
    pack = rangepack.pack

    def packs(source: Any, target: Any, **how: Any) -> Any:
        part = os.path.basename(target)[: len("part-000")]
        die_once(f"{part}-before")
        packed = pack(source, target, progress=lambda *_: die_once(f"{part}-during"), **how)
        die_once(f"{part}-after")
        return packed

    rangepack.pack = packs


def start(home: str) -> None:
    """Starts Ray, which gives up after half a minute: on a machine with more to do that is tried again."""
    for attempt in range(10):
        try:
            ray.init(
                num_cpus=2,
                include_dashboard=False,
                log_to_driver=False,
                logging_level="ERROR",
                object_store_memory=200 << 20,
                runtime_env={"worker_process_setup_hook": mortal},
                _temp_dir=home,
            )
            return
        except Exception as error:
            ray.shutdown()
            if attempt == 9 or "startup" not in str(error):
                raise


@pytest.fixture(scope="module", autouse=True)
def deaths() -> Iterator[Path]:
    """A cluster of one machine; and the folder for what its workers die of."""
    # Sockets have short names. Nothing is written elsewhere, and nobody is told.
    home = tempfile.mkdtemp(prefix="rp")
    settings = {
        DEATHS: os.path.join(home, "deaths"),
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DATA_DISABLE_PROGRESS_BARS": "1",
    }
    (Path(home) / "deaths").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        # Workers know the tests, for what they are to call is here.
        paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        start(home)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        yield Path(home) / "deaths"
        ray.shutdown()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Six files, two for each of three parts, and a link."""
    top = tmp_path / "small"
    (top / "d").mkdir(parents=True)
    for number in range(6):
        (top / "d" / f"{number}.txt").write_bytes(b"%d" % number * 50_000)
    (top / "link").symlink_to("d/0.txt")
    return top


def contents(location: Any) -> dict[str, bytes]:
    return {path: bytes(content) for path, content in rangepack.open(location).items()}


def on_disk(top: Path) -> dict[str, bytes]:
    return {
        path.relative_to(top).as_posix(): path.read_bytes()
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def parts_of(target: Path) -> dict[str, int]:
    """The parts that are there, and when they were made."""
    return {path.name: path.stat().st_mtime_ns for path in Path(f"{target}.parts").glob("*.pack")}


def test_tasks_pack_a_tree_that_one_pack_holds(tree: Path, tmp_path: Path) -> None:
    rangepack.pack(tree, tmp_path / "whole.pack", compress="gzip")
    target, heard = tmp_path / "all.pack", []
    packed = rangepack.ray.pack(
        tree, target, parts=3, compress="gzip", progress=lambda *numbers: heard.append(numbers), fsync=True
    )
    pack, whole = rangepack.open(target), rangepack.open(tmp_path / "whole.pack")
    assert [entry.path for entry in pack.walk()] == [entry.path for entry in whole.walk()]
    assert contents(target) == contents(tmp_path / "whole.pack") and rangepack.verify(pack).is_sound
    assert (packed.parts, packed.made, packed.failed, packed.problems) == (3, 3, 0, [])
    assert (packed.files, packed.links, packed.root) == (len(pack), 1, pack.root)
    assert heard[-1] == (packed.files + packed.links, packed.bytes)
    assert pickle.loads(pickle.dumps(packed)) == packed and packed.folder == f"{target}.parts"
    # Nothing is left but the parts, and both can be moved together.
    assert len(parts_of(target)) == 3 and {*os.listdir(packed.folder)} == {*parts_of(target), ".lock"}
    (tmp_path / "elsewhere").mkdir()
    for name in ["all.pack", "all.pack.parts"]:
        (tmp_path / name).rename(tmp_path / "elsewhere" / name)
    assert contents(tmp_path / "elsewhere" / "all.pack") == contents(tmp_path / "whole.pack")


@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_a_part_whose_worker_dies_is_packed_by_another(small: Path, tmp_path: Path, deaths: Path, when: str) -> None:
    (deaths / f"part-001-{when}").touch()
    packed = rangepack.ray.pack(small, tmp_path / "all.pack", parts=3)
    assert not os.listdir(deaths), "it did die"
    # What was finished is found by the one that comes after it.
    assert packed.made == (2 if when == "after" else 3) or when == "during"
    assert contents(tmp_path / "all.pack") == on_disk(small) and len(parts_of(tmp_path / "all.pack")) == 3


def test_a_part_that_nobody_packs_is_named_and_the_next_call_goes_on(small: Path, tmp_path: Path, deaths: Path) -> None:
    target = tmp_path / "all.pack"
    (deaths / "part-002-before").touch()
    with pytest.raises(PartError, match=r"all\.pack: part 2 of 3") as raised:
        rangepack.ray.pack(small, target, parts=3, ray_remote_args={"max_retries": 0})
    assert raised.value.part == 2 and isinstance(raised.value.__cause__, ray.exceptions.WorkerCrashedError)
    assert isinstance(raised.value, rangepack.PackError) and raised.value.location == str(target)
    assert not target.exists()
    there = parts_of(target)
    packed = rangepack.ray.pack(small, target, parts=3)
    assert packed.made == 3 - len(there) and contents(target) == on_disk(small)
    assert there.items() <= parts_of(target).items()


def test_only_what_changed_is_packed_again(small: Path, tmp_path: Path, deaths: Path) -> None:
    target = tmp_path / "all.pack"

    def again(**how: Any) -> int:
        made = rangepack.ray.pack(small, target, parts=3, overwrite=True, **how).made
        assert contents(target) == on_disk(small) and len(parts_of(target)) == 3
        return made

    assert again() == 3
    before = parts_of(target)
    assert again(threads=2) == 0 and parts_of(target) == before
    with pytest.raises(FileExistsError):
        rangepack.ray.pack(small, target, parts=3)
    # The same size and time, and another content: when that was written, no program can set back.
    path = small / "d" / "0.txt"
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert again() == 1 and len(parts_of(target).items() & before.items()) == 2
    assert again(compress="gzip") == 3 and again(compress="gzip") == 0
    # What is damaged is not taken; it may be read while the other is made.
    name = min(parts_of(target))
    part = Path(f"{target}.parts") / name
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    assert again(compress="gzip") == 1 and name not in parts_of(target)
    # Until there is a new one the old pack can be read.
    old = contents(target)
    for number in range(6):
        (small / "d" / f"{number}.txt").write_bytes(b"new")
    (deaths / "part-002-after").touch()
    with pytest.raises(PartError):
        again(ray_remote_args={"max_retries": 0})
    assert contents(target) == old and rangepack.verify(target).is_sound
    assert again() <= 3
    # More parts, and then fewer than there were.
    rangepack.ray.pack(small, target, parts=5, overwrite=True)
    assert len(parts_of(target)) == 5 and again() == 3


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="such files are those of Linux")
def test_what_cannot_be_read_is_told_and_tried_again(small: Path, tmp_path: Path) -> None:
    target, link = tmp_path / "all.pack", small / "d" / "astray"
    options: dict[str, Any] = {"parts": 3, "follow_links": True, "overwrite": True}
    # The system refuses to read what is there, whoever asks.
    link.symlink_to("/proc/self/mem")
    with pytest.raises(PartError, match=r"part \d of 3.*astray") as failed:
        rangepack.ray.pack(small, target, strict=True, **options)
    assert isinstance(failed.value.__cause__, OSError) and not target.exists()
    with pytest.raises(rangepack.IncompleteError, match="astray") as raised:
        rangepack.ray.pack(small, target, **options)
    report = raised.value.report
    assert isinstance(report, rangepack.ray.PackedParts) and (report.files, report.failed) == (7, 1)
    assert [path for path, _ in report.problems] == [str(link)]
    # A pack that lacks something replaces none, unless that is wanted.
    before = target.read_bytes()
    with pytest.raises(rangepack.IncompleteError, match="not replaced") as raised:
        rangepack.ray.pack(small, target, **options)
    assert raised.value.report is None and target.read_bytes() == before and rangepack.verify(target).is_sound
    lacking = rangepack.ray.pack(small, target, incomplete=True, **options)
    assert lacking.made == 1 and len(parts_of(target)) == 3
    # What is in no list is told as well.
    link.unlink()
    link.symlink_to("nowhere")
    with pytest.raises(rangepack.IncompleteError, match=r"not replaced.*astray"):
        rangepack.ray.pack(small, target, **options)
    with pytest.raises(rangepack.IncompleteError, match="astray"):
        rangepack.ray.pack(small, tmp_path / "strict.pack", strict=True, **options)
    (small / "d" / "nowhere").write_text("somewhere")
    assert rangepack.ray.pack(small, target, **options).failed == 0
    assert rangepack.open(target).read("d/astray") == b"somewhere"


def test_what_cannot_be_packed_is_told(small: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="lies in the source"):
        rangepack.ray.pack(tmp_path, tmp_path / "all.pack", parts=2)
    with pytest.raises(FileNotFoundError):
        rangepack.ray.pack(tmp_path / "none", tmp_path / "all.pack", parts=2)
    with pytest.raises(NotADirectoryError):
        rangepack.ray.pack(small / "link", tmp_path / "all.pack", parts=2)
    with pytest.raises(TypeError, match="metadata"):
        rangepack.ray.pack(small, tmp_path / "all.pack", parts=2, metadata={"a": "b"})  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="parts is 0"):
        rangepack.ray.pack(small, tmp_path / "all.pack", parts=0)
    assert not (tmp_path / "all.pack").exists()
    fcntl = pytest.importorskip("fcntl")
    with open(tmp_path / "all.pack.parts" / ".lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(rangepack.PackError, match="another call"):
            rangepack.ray.pack(small, tmp_path / "all.pack", parts=2)


def test_there_may_be_more_parts_than_files(small: Path, tmp_path: Path) -> None:
    packed = rangepack.ray.pack(small, tmp_path / "all.pack", parts=40)
    assert packed.parts == 8 and contents(tmp_path / "all.pack") == on_disk(small)
    (tmp_path / "empty").mkdir()
    assert rangepack.ray.pack(tmp_path / "empty", tmp_path / "none.pack", parts=3).parts == 1
    assert len(rangepack.open(tmp_path / "none.pack")) == 0
    assert PackDatasource(tmp_path / "none.pack").get_read_tasks(5) == []


def test_a_part_that_is_gone_is_named(small: Path, tmp_path: Path) -> None:
    rangepack.ray.pack(small, tmp_path / "all.pack", parts=3)
    gone = Path(f"{tmp_path / 'all.pack'}.parts") / max(parts_of(tmp_path / "all.pack"))
    gone.unlink()
    pack = rangepack.open(tmp_path / "all.pack")
    assert pack.read("d/0.txt") == b"0" * 50_000
    with pytest.raises(rangepack.VolumeError, match="looked for at") as raised:
        pack.read("d/5.txt")
    assert raised.value.at == str(gone)
    # What needs no contents is there.
    assert len(rows_of(PackDatasource(pack, ["path", "size"]), 3)) == 6
    with pytest.raises(rangepack.VolumeError, match=re.escape(gone.name)):
        rows_of(PackDatasource(pack), 3)


def rows_of(source: PackDatasource, parallelism: int) -> list[dict[str, Any]]:
    """What the tasks give, each after it has travelled; and that it is what was said."""
    tasks = [pickle.loads(ray.cloudpickle.dumps(task)) for task in source.get_read_tasks(parallelism)]
    assert len(tasks) <= parallelism
    rows = []
    for task in tasks:
        tables = list(task())
        assert sum(table.num_rows for table in tables) == task.metadata.num_rows
        assert all(table.schema == task.schema for table in tables)
        taken = sum(table.nbytes for table in tables)
        assert abs(taken - task.metadata.size_bytes) <= 100 + taken // 10
        rows += [row for table in tables for row in table.to_pylist()]
    told = sum(task.metadata.size_bytes for task in tasks)
    assert source.estimate_inmemory_data_size() == told
    return rows


@pytest.mark.parametrize("parallelism", [1, 2, 7, 200, 1000])
def test_each_file_is_a_row_of_one_task(location: Path, parallelism: int) -> None:
    columns = ["path", "bytes", "size", "mtime", "mtime_ns", "mode", "name", "stored_size", "sha256", "raw_path"]
    rows = rows_of(PackDatasource(location, columns), parallelism)
    pack = rangepack.open(location)
    assert [os.fsdecode(row["raw_path"]) for row in rows] == list(pack)
    for row in rows:
        entry = pack.entry(row["raw_path"])
        assert row["bytes"] == pack.read(entry) and list(row) == columns
        known = ("size", "mtime", "mtime_ns", "mode", "stored_size", "sha256")
        assert [row[name] for name in known] == [getattr(entry, name) for name in known]
    assert [row["path"] for row in rows if not row["path"].isascii() or "\\" in row["path"]] == [
        "größe.txt",
        "\\xff.bin",
    ]


def test_rows_are_chosen_by_globs(location: Path) -> None:
    source = PackDatasource(location, ["path"], select=["a/*.txt", "*.jpg"], exclude="/a/00*")
    rows = rows_of(source, 5)
    assert [row["path"] for row in rows] == [*(f"a/{number:03}.txt" for number in range(10, 300)), "a/b/x.jpg"]
    assert rows_of(PackDatasource(location, select="*.none"), 5) == []


def test_tasks_weigh_about_the_same(tmp_path: Path) -> None:
    rangepack.pack_files({f"{number:03}": bytes(1000 * number) for number in range(100)}, tmp_path / "x.pack")
    source = PackDatasource(tmp_path / "x.pack")
    tasks = source.get_read_tasks(10)
    weights = [task.metadata.size_bytes + 4096 * task.metadata.num_rows for task in tasks]
    assert len(tasks) == 10 and max(weights) < 1.3 * min(weights)


def test_what_cannot_be_read_is_an_exception(location: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no column 'pth': they are path, "):
        rangepack.ray.read(location, ["pth"])
    with pytest.raises(TypeError, match="several"):
        rangepack.ray.read(location, "path")
    with pytest.raises(ValueError, match="empty"):
        rangepack.ray.read(location, [])
    with pytest.raises(FileNotFoundError):
        rangepack.ray.read(tmp_path / "none")
    with pytest.raises(ValueError, match="pattern"):
        rangepack.ray.read(location, select="a[")
    # A task reads the pack of which it was made, or none.
    copy = Path(shutil.copy(location, tmp_path))
    (task,) = PackDatasource(copy).get_read_tasks(1)
    task = pickle.loads(ray.cloudpickle.dumps(task))
    copy.unlink()
    rangepack.pack_files({"other": b""}, copy)
    with pytest.raises(rangepack.WrongPackError):
        list(task())


def test_remote_packs_are_read_by_ranges(server: RangeServer, tree: Path, tmp_path: Path) -> None:
    files = {f"{number:05}": b"%05d" % number * 1000 for number in range(2000)}
    rangepack.pack_files(files, tmp_path / "x.pack")
    server.files = {"x.pack": (tmp_path / "x.pack").read_bytes()}
    source = PackDatasource(server.url("x.pack"))
    tasks = source.get_read_tasks(10)
    assert len(tasks) == 10
    before = len(server.requests)
    (first, *_) = [table.to_pylist() for table in tasks[3]()]
    assert first[0]["bytes"] == files[first[0]["path"]]
    assert len(server.requests) > before
    # Without contents no byte of them comes.
    pack = rangepack.open(server.url("x.pack"))
    assert len(rows_of(PackDatasource(pack, ["path", "size"]), 4)) == 2000
    assert pack.traffic[1] < 1_000_000


def test_ray_data_reads_merged_packs_and_urls(small: Path, tmp_path: Path, server: RangeServer) -> None:
    target = tmp_path / "all.pack"
    rangepack.ray.pack(small, target, parts=2)
    server.files = {
        path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in tmp_path.rglob("*.pack") if path.is_file()
    }
    data = rangepack.ray.read(server.url("all.pack"), select="*.txt", exclude="3.txt", override_num_blocks=3)
    found = {row["path"]: row["bytes"] for row in data.take_all()}
    assert found == {path: content for path, content in on_disk(small).items() if path != "d/3.txt"}
    data = rangepack.ray.read(target).limit(4)
    lengths = data.map_batches(lambda batch: {"length": [len(content) for content in batch["bytes"]]})
    assert [row["length"] for row in lengths.take_all()] == [50_000] * 4


def test_its_documentation_says_what_is_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos(tmp_path)
    rangepack.pack_files({f"train/cats/{number:04}.jpg": b"x" * 20 for number in range(40)}, tmp_path / "train.pack")
    for page, title in [("cluster.md", "Ray"), ("training.md", "Ray Data")]:
        script, printed = block(tmp_path, page, title)
        runpy.run_path(str(script))
        assert capsys.readouterr().out == printed
    assert doctest.testmod(rangepack.ray).failed == 0


def test_without_ray_it_is_told(location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["ray", "ray.data", "ray.exceptions"]:
        monkeypatch.setitem(__import__("sys").modules, name, None)
    calls: list[Callable[[], object]] = [
        lambda: rangepack.ray.pack(tmp_path, tmp_path / "x.pack", parts=2),
        lambda: rangepack.ray.read(location),
    ]
    for call in calls:
        with pytest.raises(ImportError, match=r"pip install 'rangepack\[ray\]'"):
            call()
