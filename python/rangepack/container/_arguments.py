"""The options of the old programs, and of the library where it can do more."""

from __future__ import annotations

import argparse
import re

#: So far from the end the index of an old container is looked for, in bytes.
_LOOKBACK = 128 << 20


def parser() -> argparse.ArgumentParser:
    """`create` and `extract`."""
    top = argparse.ArgumentParser("python -m rangepack.container", description="Containers that can be continued.")
    commands = top.add_subparsers(dest="command", required=True, metavar="create|extract")
    _create(commands.add_parser("create", help="make a container, or continue one: the same command goes on"))
    _extract(commands.add_parser("extract", help="extract a container; what is there is replaced"))
    return top


def _create(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    add("--src", metavar="DIR", help="the directory whose content is packed")
    add("--container", metavar="FILE", required=True, help="the container to make or continue")
    add("--index", metavar="FILE", help="the index beside it [CONTAINER.idx]")
    add("--compress", metavar="LEVEL", nargs="?", type=int, choices=range(1, 10), const=6, help="gzip each file")
    add("--finalize", action="store_true", help="put the index into the container when everything is packed")
    add("--finalize-only", action="store_true", help="pack nothing, only put the index into the container")
    add("--remove-index-on-finalize", action="store_true", help="then remove the index beside the container")
    add("--dry-run", action="store_true", help="read everything, write nothing")
    add("--fsync-every", metavar="N", type=_positive, default=1, help="wait for the disk after so many files [1]")
    add("--index-batch", metavar="N", type=_positive, help="write the index after so many entries [as --fsync-every]")
    add("--chunk-size", metavar="BYTES", type=_chunk, default=1 << 20, help="accepted; pieces have a size that suits")
    add("--count", action="store_true", help="count the files first, for progress")
    add("--scan-sizes", action="store_true", help="sum up the sizes first, too")
    add("--print-each", action="store_true", help="print each path as it is packed, to standard error")
    _shown(options)
    more = options.add_argument_group("what the old program did not have").add_argument
    more("--include", metavar="GLOB", action="append", default=[], help="pack only what matches (repeatable)")
    more("--exclude", metavar="GLOB", action="append", default=[], help="leave out what matches (repeatable)")
    more("--ext", metavar="EXT,…", default="", help="pack only files with these extensions")
    more("--no-hidden", action="store_true", help="leave out names that begin with a dot")
    more("--gitignore", action="store_true", help="leave out what .gitignore files name")
    more("--follow-links", action="store_true", help="pack what symbolic links lead to, rather than the links")
    more("--strict", action="store_true", help="stop at the first file that cannot be packed")
    more("--reopen", action="store_true", help="add to a container that is finished")
    more("--tail", choices=["keep", "cut"], help="what to do with bytes that no line names [refuse to go on]")
    more("--index-format", choices=["both", "paged", "ndjson"], default="both", help="which indexes it gets [both]")
    more("--ndjson-dirs", choices=["auto", "always", "never"], default="auto", help="lines for directories [auto]")
    more("-j", "--threads", metavar="N", type=_positive, help="threads that read, hash and compress")


def _extract(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    add("paths", metavar="PATH", nargs="*", help="what to extract: paths or globs [everything]")
    add("--container", metavar="FILE", required=True, help="the container or pack: a path or an address")
    add("--outdir", metavar="DIR", required=True, help="the directory to extract into")
    add("--index", metavar="FILE", help="the index, when it lies elsewhere than beside the container")
    add("--skip-existing", action="store_true", help="leave files alone that are there with the right size")
    add("--verify-existing", action="store_true", help="leave files alone that are there with the right content")
    add(
        "--lookback",
        metavar="BYTES",
        type=_size,
        default=_LOOKBACK,
        help="look for the index in the last so many bytes",
    )
    add("--chunk-size", metavar="BYTES", type=_chunk, default=1 << 20, help="write longer files in pieces")
    add("--dry-run", action="store_true", help="check every file, write none")
    _shown(options)
    more = options.add_argument_group("what the old program did not have").add_argument
    more("--root", metavar="DIGEST", help="accept only the pack with this root digest")
    more("--fail-fast", action="store_true", help="stop at the first file that cannot be extracted")
    more("-j", "--threads", metavar="N", type=_positive, help="threads that check, decompress and write")


def _shown(options: argparse.ArgumentParser) -> None:
    add = options.add_argument
    add("--tqdm", action="store_true", help="show a bar")
    add("--status-file", metavar="FILE", help="keep a file up to date that says how far the run has come")
    add("--status-format", choices=["kv", "json"], default="kv", help="how it is written [kv]")
    add("-v", "--verbose", action="count", default=0, help="print more")
    add("-q", "--quiet", action="store_true", help="print warnings and errors only")


def _size(text: str) -> int:
    """A number of bytes: `4096`, `4k`, `1M`; each letter is a power of 1024."""
    match = re.fullmatch(r"(\d+)\s*([kmgt]?)(i?b)?", text.strip().lower())
    if match is None:
        raise argparse.ArgumentTypeError("a number of bytes is meant, like 4096, 4k or 1M")
    return int(match[1]) << 10 * " kmgt".index(match[2] or " ")


def _chunk(text: str) -> int:
    size = _size(text)
    if size < 1024:
        raise argparse.ArgumentTypeError("it is at least 1024")
    return size


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError("a number from 1 on is meant")
    return int(text)
