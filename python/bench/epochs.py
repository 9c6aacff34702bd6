"""How fast an epoch comes from a server that answers late, shuffled and in order, beside one plain GET of the pack.

    python bench/epochs.py HOME [--files 100000] [--late 0.05] [--megabits 1000] [--rounds 3]

makes a pack below HOME once and serves it from a process of its own, which sends no more than so many bits a second (0:
as many as it can). Prints medians of rounds in turn.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import re
import socket
import statistics
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import rangepack
from rangepack.data import Files, Loader, Sampler

SIZE = 4096
BATCH = 256
# A limited server sends so much at a time, and may be late by so many seconds before it has lost them.
PIECE = 64 << 10
SLACK = 0.03


async def serve(listener: socket.socket, path: Path, late: float, megabits: float) -> None:
    size, free = path.stat().st_size, 0.0

    async def paced(length: int) -> None:
        nonlocal free
        now = time.monotonic()
        free = max(now - SLACK, free) + length * 8 / (megabits * 1e6)
        if free - now > 0.002:
            await asyncio.sleep(free - now)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with path.open("rb", buffering=0) as file:
            while head := await reader.readuntil(b"\r\n\r\n"):
                asked = re.search(rb"range: *bytes=(\d*)-(\d*)", head, re.I)
                first, last = asked.groups() if asked else (b"0", b"")
                start = int(first) if first else max(0, size - int(last))
                end = min(size, int(last) + 1) if first and last else size
                await asyncio.sleep(late)
                status = "206 Partial Content" if asked else "200 OK"
                told = f"Content-Range: bytes {start}-{end - 1}/{size}\r\n" if asked else ""
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {end - start}\r\n{told}\r\n".encode())
                while start < end:
                    length = min(PIECE, end - start) if megabits else end - start
                    if megabits:
                        await paced(length)
                    await asyncio.get_running_loop().sendfile(writer.transport, file, start, length)
                    start += length

    async def until_gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(until_gone, sock=listener) as server:
        await server.serve_forever()


def serving(listener: socket.socket, path: Path, late: float, megabits: float) -> None:
    asyncio.run(serve(listener, path, late, megabits))


def made(home: Path, files: int) -> Path:
    path = home / f"epoch-{files}.pack"
    if not path.exists():
        tree = home / f"epoch-{files}"
        for number in range(files):
            file = tree / f"{number // 1000:03}" / f"{number:06}.bin"
            if number % 1000 == 0:
                file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(os.urandom(SIZE))
        rangepack.pack(tree, path, overwrite=True)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--late", type=float, default=0.05)
    parser.add_argument("--megabits", type=float, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.home.mkdir(parents=True, exist_ok=True)
    path = made(arguments.home.absolute(), arguments.files)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/{path.name}"
    shared = (listener, path, arguments.late, arguments.megabits)
    server = multiprocessing.get_context("fork").Process(target=serving, args=shared, daemon=True)
    server.start()

    files = Files(url)
    # Every page of the index is here behind this.
    files.sizes(range(len(files)))

    def plain() -> None:
        with urllib.request.urlopen(url) as answer:
            buffer = bytearray(1 << 20)
            while answer.readinto(buffer):
                pass

    def epoch(sampler: Sampler) -> None:
        if sum(map(len, Loader(files, sampler, BATCH))) != len(files):
            raise SystemExit("some samples are missing")

    turns: dict[str, Callable[[], None]] = {
        "one plain GET": plain,
        "in order": lambda: epoch(Sampler(files, shuffle=None)),
        'shuffle="block"': lambda: epoch(Sampler(files, seed=1, shuffle="block")),
    }
    seconds: dict[str, list[float]] = {what: [] for what in turns}
    fetched = dict.fromkeys(turns, 0)
    for _ in range(arguments.rounds):
        for what, turn in turns.items():
            before, start = files.pack.traffic[1], time.perf_counter()
            turn()
            seconds[what].append(time.perf_counter() - start)
            fetched[what] = files.pack.traffic[1] - before
    server.terminate()
    print(
        f"{len(files)} files of {SIZE} bytes, {arguments.late * 1000:.0f} ms a request, {arguments.megabits:.0f} Mbit/s"
    )
    for what, measured in seconds.items():
        rate = len(files) / statistics.median(measured) / 1000
        print(f"{what:20} {rate:6.1f} k files/s {fetched[what] / 1e6:6.0f} MB by Rangepack")


if __name__ == "__main__":
    main()
