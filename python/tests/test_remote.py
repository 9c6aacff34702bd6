"""Packs on servers: good ones, lying ones, silent ones."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ranges import RangeServer, serving

import rangepack


@pytest.fixture(scope="session")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack of 3000 files that do not compress: opening it does not bring it as a whole."""
    home = tmp_path_factory.mktemp("big")
    for number in range(3000):
        path = home / "tree" / f"{number % 7}" / f"{number:05}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(number.to_bytes(2, "big") * 300)
    rangepack.pack(home / "tree", home / "big.pack")
    return home / "big.pack"


@pytest.fixture
def server(big: Path) -> Iterator[RangeServer]:
    with serving({"big.pack": big.read_bytes()}) as server:
        yield server


def sums(pack: rangepack.Pack, numbers: range) -> list[int]:
    return [sum(pack[number]) for number in numbers]


def test_a_remote_pack_answers_like_a_local_one(server: RangeServer, big: Path) -> None:
    local, remote = rangepack.open(big), rangepack.open(server.url("big.pack"))
    assert remote.is_remote and len(remote) == 3000 and remote.root == local.root
    assert remote.listdir() == local.listdir() and list(remote.walk("3")) == list(local.walk("3"))
    path = "3/00003.bin"
    assert remote[path] == local[path] and remote.read(path, 5, 7) == local.read(path, 5, 7)
    requests = len(server.requests)
    numbers = list(range(500, 900))
    assert remote.read_many(numbers) == local.read_many(numbers)
    # Neighbours come together; the map of numbers takes the index once.
    assert len(server.requests) - requests < 20
    with remote.open(path) as file:
        assert file.read() == bytes(local[path])


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_make_connections_of_their_own(server: RangeServer, big: Path, method: str) -> None:
    pack = rangepack.open(server.url("big.pack"))
    files = pack.files("*.bin")
    expected = sums(rangepack.open(big), range(0, 60))
    # Threads and connections exist before the fork.
    assert sums(pack, range(0, 60)) == expected and len(files[0]) == 600
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(sums, [(pack, range(0, 60))] * 4) == [expected] * 4
    if method == "fork":
        child = os.fork()
        if child == 0:
            # What the parent opened: files of the pack, not only the pack.
            os._exit(0 if bytes(files[2999]) == bytes(rangepack.open(big)[2999]) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert sums(pack, range(0, 60)) == expected


def test_a_pack_that_is_replaced_is_not_taken_for_the_one_before_a_fork(server: RangeServer, tmp_path: Path) -> None:
    pack = rangepack.open(server.url("big.pack"))
    (tmp_path / "tree").mkdir()
    for number in range(3000):
        (tmp_path / "tree" / f"{number}").write_bytes(number.to_bytes(2, "little") * 300)
    rangepack.pack(tmp_path / "tree", tmp_path / "other.pack")
    server.files["big.pack"] = (tmp_path / "other.pack").read_bytes()
    child = os.fork()
    if child == 0:
        try:
            pack[0]
        except rangepack.WrongPackError:
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_what_a_server_says_is_an_exception_of_python(server: RangeServer) -> None:
    with pytest.raises(FileNotFoundError):
        rangepack.open(server.url("nothing.pack"))
    server.status = 403
    with pytest.raises(PermissionError):
        rangepack.open(server.url("big.pack"))
    server.status = 500
    with pytest.raises(rangepack.RemoteError, match="500"):
        rangepack.open(server.url("big.pack"), retries=0)


def test_a_server_without_ranges_says_so(server: RangeServer) -> None:
    server.ranges = False
    server.files["long.pack"] = bytes(32 << 20)
    with pytest.raises(rangepack.RemoteError, match="does not send parts"):
        rangepack.open(server.url("long.pack"))


def test_lies_are_noticed(server: RangeServer, big: Path) -> None:
    pack = rangepack.open(server.url("big.pack"))
    damaged = bytearray(big.read_bytes())
    start = damaged.index((1500).to_bytes(2, "big") * 300)
    damaged[start] ^= 1
    server.files["big.pack"] = bytes(damaged)
    path = f"{1500 % 7}/01500.bin"
    with pytest.raises(rangepack.CorruptError) as raised:
        pack[path]
    assert raised.value.path == path and raised.value.location == server.url("big.pack")
    server.files["big.pack"] = big.read_bytes()[:-1000]
    with pytest.raises((rangepack.RemoteError, rangepack.CorruptError)):
        pack["0/00007.bin"]


def test_a_pack_travels_by_its_address(server: RangeServer) -> None:
    pack = rangepack.open(server.url("big.pack"), timeout=7.5)
    again = pickle.loads(pickle.dumps(pack))
    assert again.location == pack.location and again.root == pack.root
    assert again._options == pack._options and again[1] == pack[1]


@pytest.mark.parametrize("work", ["read", "open", "verify", "extract"])
def test_ctrl_c_ends_waiting(server: RangeServer, tmp_path: Path, work: str) -> None:
    """The server presses Ctrl-C once it is asked, and then says nothing more."""
    pack = rangepack.open(server.url("big.pack"))
    done = threading.Event()

    def press(number: int) -> None:
        if number == 1:
            os.kill(os.getpid(), signal.SIGINT)
        done.wait()

    server.requests.clear()
    server.before = press
    works: dict[str, Callable[[], object]] = {
        "read": lambda: pack["5/00005.bin"],
        "open": lambda: rangepack.open(pack.location),
        "verify": lambda: rangepack.verify(pack),
        "extract": lambda: rangepack.extract(pack, tmp_path / "out"),
    }
    try:
        with pytest.raises(KeyboardInterrupt):
            works[work]()
    finally:
        done.set()


def test_silence_is_an_error(server: RangeServer) -> None:
    done = threading.Event()

    def wait(_: int) -> None:
        done.wait()

    server.before = wait
    try:
        with pytest.raises(rangepack.RemoteError):
            rangepack.open(server.url("big.pack"), timeout=0.2, retries=0)
    finally:
        done.set()
