"""How fast files come, beside the file system, LMDB, ArrayRecord and WebDataset: random, warm, one process and four.

    python bench/reads.py HOME [--files 200000] [--rounds 5]

makes the files and what the peers read below HOME once, measures all in turn, round by round, and prints medians.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import rangepack

SIZE = 4096
BATCH = 256
WORKERS = 4

Read = Callable[[list[int]], int]


def name(number: int) -> str:
    return f"d{number // 1000:03}/f{number % 1000:04}.bin"


def made(home: Path, what: str, make: Callable[[Path], None]) -> Path:
    """What a name stands for, made once."""
    path, complete = home / what, home / f"{what}.complete"
    if not complete.exists():
        print(f"making {path}", file=sys.stderr)
        make(path)
        complete.touch()
    return path


def make_tree(top: Path, files: int) -> None:
    for number in range(files):
        path = top / name(number)
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(number).randbytes(SIZE))


def make_lmdb(path: Path, tree: Path, files: int) -> None:
    import lmdb

    with lmdb.open(str(path), map_size=4 << 30) as env, env.begin(write=True) as txn:
        for number in range(files):
            txn.put(name(number).encode(), (tree / name(number)).read_bytes())


def make_records(path: Path, tree: Path, files: int) -> None:
    from array_record.python import array_record_module

    writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1,uncompressed")
    for number in range(files):
        writer.write((tree / name(number)).read_bytes())
    writer.close()


def make_shards(path: Path, tree: Path, files: int) -> None:
    path.mkdir(exist_ok=True)
    for first in range(0, files, 10000):
        with tarfile.open(path / f"shard-{first // 10000:04}.tar", "w") as tar:
            for number in range(first, min(files, first + 10000)):
                tar.add(tree / name(number), name(number))


def batches(numbers: list[int]) -> Iterator[list[int]]:
    for first in range(0, len(numbers), BATCH):
        yield numbers[first : first + BATCH]


def contenders(home: Path, files: int) -> dict[str, Read]:
    """What reads the files with these numbers and adds up their lengths."""
    tree = made(home, "tree", lambda path: make_tree(path, files))
    location = made(home, "files.pack", lambda path: rangepack.pack(tree, path, overwrite=True) and None)
    pack = rangepack.open(location)
    pack[0]

    def by_number(numbers: list[int]) -> int:
        return sum(len(pack[number]) for number in numbers)

    def by_path(numbers: list[int]) -> int:
        paths = [name(number) for number in numbers]
        start = time.perf_counter()
        total = sum(len(pack.read(path)) for path in paths)
        by_path.seconds = time.perf_counter() - start  # type: ignore[attr-defined]
        return total

    def many(numbers: list[int]) -> int:
        return sum(sum(map(len, pack.read_many(batch))) for batch in batches(numbers))

    def file_system(numbers: list[int]) -> int:
        total = 0
        for number in numbers:
            with open(f"{tree}/{name(number)}", "rb", buffering=0) as file:  # noqa: PTH123
                total += len(file.read())
        return total

    found: dict[str, Read] = {
        "rangepack pack[i], memoryview": by_number,
        'rangepack pack.read("path"), bytes': by_path,
        f"rangepack read_many of {BATCH}, 2 threads": many,
        "open + read on the file system": file_system,
    }
    try:
        import lmdb
    except ImportError:
        print("LMDB is not installed: left out", file=sys.stderr)
    else:
        env = lmdb.open(
            str(made(home, "files.lmdb", lambda path: make_lmdb(path, tree, files))), readonly=True, lock=False
        )

        def from_lmdb(buffers: bool) -> Read:
            def read(numbers: list[int]) -> int:
                keys = [name(number).encode() for number in numbers]
                with env.begin(buffers=buffers) as txn:
                    return sum(len(txn.get(key)) for key in keys)

            return read

        found |= {"LMDB get, bytes": from_lmdb(False), "LMDB get, buffers": from_lmdb(True)}
    try:
        from array_record.python import array_record_module
    except ImportError:
        print("ArrayRecord is not installed: left out", file=sys.stderr)
    else:
        records = array_record_module.ArrayRecordReader(
            str(made(home, "files.array_record", lambda path: make_records(path, tree, files)))
        )
        found[f"ArrayRecord, batches of {BATCH}"] = lambda numbers: sum(
            sum(map(len, records.read(batch))) for batch in batches(numbers)
        )
    return found


def loop(location: Path, numbers: list[int]) -> int:
    """One worker's share, as a DataLoader's worker reads it."""
    pack = rangepack.open(location)
    return sum(sum(map(len, pack.read_many(batch, threads=1))) for batch in batches(numbers))


def loop_files(tree: Path, numbers: list[int]) -> int:
    return sum(len((tree / name(number)).read_bytes()) for number in numbers)


def loop_shards(folder: Path, worker: int, files: int) -> int:
    """WebDataset reads shards in order; the same is timed where it is not installed: Python's own tar."""
    shards = sorted(folder.glob("*.tar"))[worker::WORKERS]
    try:
        import webdataset
    except ImportError:
        total = 0
        for shard in shards:
            with tarfile.open(shard, "r|") as tar:
                for member in tar:
                    file = tar.extractfile(member)
                    total += len(file.read()) if file else 0
        return total
    found = webdataset.WebDataset([str(shard) for shard in shards], shardshuffle=False, empty_check=False)
    return sum(len(sample["bin"]) for sample in found)


def startup(location: Path) -> tuple[float, float]:
    """Milliseconds and MiB that import, open and a first read take over Python's own start."""
    # What the system says of the peak of a process begins with that of the one which started it.
    code = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    first = f"import rangepack; pack = rangepack.open({str(location)!r}); pack[{name(777)!r}];"
    times: dict[str, list[float]] = {"": [], first: []}
    memory: dict[str, list[float]] = {"": [], first: []}
    for _ in range(15):
        for before in times:
            start = time.perf_counter()
            out = subprocess.run([sys.executable, "-c", before + code], capture_output=True, check=True).stdout
            times[before].append(time.perf_counter() - start)
            memory[before].append(int(out) / 1024)
    return (
        1000 * (statistics.median(times[first]) - statistics.median(times[""])),
        statistics.median(memory[first]) - statistics.median(memory[""]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--files", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    home, files = arguments.home.absolute(), arguments.files
    home.mkdir(parents=True, exist_ok=True)
    rounds = contenders(home, files)
    numbers = list(range(files))
    random.Random(1).shuffle(numbers)
    rates: dict[str, list[float]] = {what: [] for what in rounds}
    for turn in range(arguments.rounds + 1):
        for what, read in rounds.items():
            asked = numbers if "file system" not in what else numbers[: files // 4]
            start = time.perf_counter()
            if read(asked) != len(asked) * SIZE:
                raise SystemExit(f"{what}: wrong bytes")
            seconds = getattr(read, "seconds", time.perf_counter() - start)
            # The first round warms the cache.
            if turn:
                rates[what].append(len(asked) / seconds)
    print(
        f"{files} files of {SIZE} bytes, random, warm, one process, {os.cpu_count()} cores,",
        f"Python {sys.version.split()[0]}",
    )
    for what, measured in rates.items():
        print(f"{what:44} {statistics.median(measured) / 1000:8.0f} k/s")

    shards = made(home, "shards", lambda path: make_shards(path, home / "tree", files))
    shares = [numbers[worker::WORKERS] for worker in range(WORKERS)]
    loops: dict[str, tuple[Callable[..., int], list[tuple[object, ...]]]] = {
        "rangepack read_many": (loop, [(home / "files.pack", share) for share in shares]),
        "the file system": (loop_files, [(home / "tree", share) for share in shares]),
        "WebDataset, in order": (loop_shards, [(shards, worker, files) for worker in range(WORKERS)]),
    }
    rates = {what: [] for what in loops}
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        for _ in range(arguments.rounds):
            for what, (work, shared) in loops.items():
                start = time.perf_counter()
                if sum(pool.starmap(work, shared, chunksize=1)) != files * SIZE:
                    raise SystemExit(f"{what}: wrong bytes")
                rates[what].append(files / (time.perf_counter() - start))
    print(f"\n{WORKERS} worker processes")
    for what, measured in rates.items():
        print(f"{what:44} {statistics.median(measured) / 1000:8.0f} k/s")
    milliseconds, mebibytes = startup(home / "files.pack")
    print(f"\nimport, open, first read over Python's start: {milliseconds:.0f} ms, {mebibytes:.1f} MiB")


if __name__ == "__main__":
    main()
