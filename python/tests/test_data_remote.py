"""Packs on a server, and contents kept on this machine."""

import hashlib
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ranges import RangeServer, serving

import rangepack
from rangepack.data import Cache, Files, ImageFolder, Loader, Sampler, Samples

COUNT = 2000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("many")
    for number in range(COUNT):
        path = home / "tree" / f"{number // 500}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(hashlib.sha256(str(number).encode()).digest() * 100)
    rangepack.pack(home / "tree", home / "many.pack", fsync=False)
    return home / "many.pack"


@pytest.fixture
def server(many: Path) -> Iterator[RangeServer]:
    with serving({"many.pack": many.read_bytes()}) as server:
        yield server


def test_remote_samples_are_the_local_ones(server: RangeServer, many: Path) -> None:
    local, remote = Files(many), Files(server.url("many.pack"))
    assert len(remote) == COUNT and remote[7] == local[7]
    assert remote.__getitems__([1, 1999, 700]) == local.__getitems__([1, 1999, 700])
    assert remote.sizes([1, 2]) == [3200, 3200] and repr(remote) == repr(local)
    assert list(ImageFolder(server.url("many.pack"), loader=bytes).targets) == [
        number // 500 for number in range(COUNT)
    ]
    assert Samples(server.url("many.pack"))[3] == Samples(many)[3]


@pytest.mark.parametrize(("shuffle", "most"), [("block", 120), (None, 20)])
def test_blocks_come_with_few_requests(server: RangeServer, many: Path, shuffle: Any, most: int) -> None:
    remote, local = Files(server.url("many.pack")), Files(many)
    sampler = Sampler(remote, seed=1, shuffle=shuffle, block=50, window=10)
    len(remote)
    before = len(server.requests)
    batches = list(Loader(remote, sampler, 100, budget=4 << 20))
    assert len(server.requests) - before < most
    # No more than the first batch comes twice, with what lies between its samples.
    ranges = [asked.removeprefix("bytes=").split("-") for asked in server.requests[before:]]
    assert sum(int(last) + 1 - int(first) for first, last in ranges) < 1.3 * COUNT * 3200
    assert [sample for batch in batches for sample in batch] == [
        local[number] for number in Sampler(local, seed=1, shuffle=shuffle, block=50, window=10)
    ]


def reads(files: Any, numbers: list[int]) -> Any:
    return files.__getitems__(numbers)


def test_blocks_have_half_a_mebibyte(many: Path) -> None:
    files = Files(many)
    assert Sampler(files, shuffle="block").block == (512 << 10) // 3200
    assert Sampler([files, files], shuffle="block").block == (512 << 10) // 3200
    assert Sampler(len(files), shuffle="block").block == 32
    assert Sampler(Files(many, select="nothing"), shuffle="block").block == 32


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_have_connections_of_their_own(server: RangeServer, many: Path, method: str) -> None:
    files = Files(server.url("many.pack"), select="*.jpg")
    expected = Files(many).__getitems__(range(0, 2000, 99))
    assert reads(files, list(range(0, 2000, 99))) == expected
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(reads, [(files, list(range(0, 2000, 99)))] * 4) == [expected] * 4


def forked(files: Any, numbers: list[int], answers: Any) -> None:
    answers.put(files.__getitems__(numbers))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("select", [None, "*.jpg"])
def test_a_forked_worker_inherits_numbers_and_opens_anew(server: RangeServer, many: Path, select: str | None) -> None:
    files = Files(server.url("many.pack"), select=select)
    expected = files.__getitems__([3, 1500])
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=forked, args=(files, [3, 1500], answers))
    process.start()
    assert answers.get() == expected
    process.join()
    assert process.exitcode == 0
    assert files[4] == Files(many)[4]


def test_what_was_read_once_is_not_asked_for_again(server: RangeServer, many: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    files = Files(server.url("many.pack"), cache=cache)
    numbers = [5, 3, 5, 1700]
    first = files.__getitems__(numbers)
    assert first == Files(many).__getitems__(numbers)
    before = len(server.requests)
    server.status = 403
    assert files.__getitems__(numbers) == first and files[3] == first[1]
    assert len(server.requests) == before and cache.used == 3 * 3200
    other = pickle.loads(pickle.dumps(cache))
    assert other.get(hashlib.sha256(first[0]).hexdigest()) == first[0]
    assert Samples(many, cache=cache, select="*/00005.jpg")[0]["jpg"] == first[0]
    with pytest.raises((OSError, rangepack.PackError)):
        files[6]


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def only_file(directory: Path) -> Path:
    found = list(directory.glob("??/*"))
    assert len(found) == 1
    return found[0]


def test_what_was_damaged_is_read_again(server: RangeServer, many: Path, tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    files = Files(server.url("many.pack"), cache=cache)
    content = files[9]
    for damage in [b"", content[:-1], content[:-1] + b"x", content + b"x"]:
        only_file(tmp_path).write_bytes(damage)
        assert files[9] == content
        assert only_file(tmp_path).read_bytes() == content
    only_file(tmp_path).write_bytes(b"x")
    assert cache.get(digest(content)) is None and cache.used == 0


def test_a_cache_is_never_larger_than_its_limit(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=10_000)
    for number in range(100):
        cache.put([(digest(bytes([number]) * 900), bytes([number]) * 900)])
        assert cache.used <= 10_000
    assert cache.used >= 7_000
    cache.put([(digest(b"x" * 2000), b"x" * 2000), (None, b"nameless")])
    assert cache.get(digest(b"x" * 2000)) is None, "it is longer than an eighth of the limit"
    # Another limit holds from the next content on.
    smaller = Cache(tmp_path, limit=5000)
    smaller.put([(digest(b"y" * 500), b"y" * 500)])
    assert smaller.used <= 5000 and smaller.get(digest(b"y" * 500)) == b"y" * 500


def test_what_was_not_read_for_the_longest_time_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=10_000)
    contents = [bytes([number]) * 1000 for number in range(11)]
    cache.put((digest(content), content) for content in contents[:10])
    for number, content in enumerate(contents[:10]):
        os.utime(cache._path(digest(content)), (number, number))
    assert cache.get(digest(contents[0])) == contents[0]
    cache.put([(digest(contents[10]), contents[10])])
    there = [number for number, content in enumerate(contents) if cache.get(digest(content)) is not None]
    assert there == [0, 4, 5, 6, 7, 8, 9, 10]


def test_what_died_while_writing_is_cleared_away(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1000)
    cache.put([(digest(b"a"), b"a")])
    (only_file(tmp_path).parent / ".new-dead").write_bytes(b"x" * 5000)
    (tmp_path / "used").write_text("no number")
    cache.put([(digest(b"b"), b"b")])
    assert not list(tmp_path.glob("??/.new-*")) and cache.used == 2
    assert (tmp_path / "used").read_text() == "2"


def test_only_digests_are_names(tmp_path: Path) -> None:
    for name in ["", "../" * 21 + "x", "A" * 64]:
        with pytest.raises(ValueError, match="digest"):
            Cache(tmp_path).get(name)
    with pytest.raises(ValueError, match="bytes"):
        Cache(tmp_path, limit=-1)
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Cache(tmp_path / "file")


def fill(cache: Cache, first: int) -> int:
    most = 0
    for number in range(first, first + 60):
        content = hashlib.sha256(str(number % 150).encode()).digest() * 20
        cache.put([(digest(content), content)])
        found = cache.get(digest(content))
        assert found is None or found == content
        most = max(most, cache.used)
    return most


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_cache(tmp_path: Path, method: str) -> None:
    cache = Cache(tmp_path, limit=20_000)
    with multiprocessing.get_context(method).Pool(3) as pool:
        assert max(pool.starmap(fill, [(cache, first) for first in range(0, 150, 25)])) <= 20_000


@pytest.mark.skipif(os.name == "nt", reason="signals are those of Unix")
def test_ctrl_c_ends_a_loop_that_waits_for_a_server(server: RangeServer) -> None:
    files = Files(server.url("many.pack"))
    len(files)
    main = threading.main_thread().ident
    assert main is not None
    was_asked, may_answer = threading.Event(), threading.Event()

    def before(_: int) -> None:
        was_asked.set()
        may_answer.wait()

    def interrupt() -> None:
        was_asked.wait()
        signal.pthread_kill(main, signal.SIGINT)

    server.before = before
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        list(Loader(files, range(10), 5))
    may_answer.set()
