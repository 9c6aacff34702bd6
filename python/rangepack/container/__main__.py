"""The command lines of the old programs: `python -m rangepack.container create|extract`.

Exit codes: 0 when all went well; 1 when some files failed or the container is bad; 2 for wrong usage, or when the
system refuses something; 130 when it was interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from rangepack import _rangepack
from rangepack._rangepack import ContainerError, PackError
from rangepack.container._arguments import parser
from rangepack.container._follow import Follow, say
from rangepack.container._status import StatusFile, Steps
from rangepack.reading import Pack

if TYPE_CHECKING:
    from rangepack._types import FinishOptions, Present, TreeOptions

_FINE, _BAD, _TROUBLE, _INTERRUPTED = 0, 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run it. Returns the exit code."""
    options = parser()
    args = options.parse_args(arguments)
    problem = _contradiction(args)
    if problem:
        options.error(problem)
    try:
        with _stoppable():
            return _create(args) if args.command == "create" else _extract(args)
    except KeyboardInterrupt:
        say("interrupted")
        return _INTERRUPTED
    except PackError as error:
        say(f"error: {error}")
        return _TROUBLE if isinstance(error, ContainerError) else _BAD
    except (OSError, ValueError) as error:
        say(f"error: {error}")
        return _TROUBLE


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Meanwhile SIGTERM stops the run as Ctrl-C does, so that it cleans up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _contradiction(args: argparse.Namespace) -> str | None:
    """What does not go together."""
    written = [args.container]
    if args.command == "create":
        written.append(args.index or f"{args.container}.idx")
        if args.src is None and not args.finalize_only:
            return "--src is needed, or --finalize-only"
        if args.index_batch is not None and args.index_batch < args.fsync_every:
            return (
                f"--index-batch {args.index_batch} is smaller than --fsync-every {args.fsync_every}: "
                "the index would name payloads that are not on disk yet"
            )
        if args.remove_index_on_finalize and not (args.finalize or args.finalize_only):
            return "--remove-index-on-finalize without --finalize: the index can only go once it is inside"
    if args.status_file and any(_same(args.status_file, path) for path in written):
        return f"{args.status_file}: it is read and written at once"
    return None


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121
    except OSError:
        return os.path.abspath(one) == os.path.abspath(other)  # noqa: PTH100


def _create(args: argparse.Namespace) -> int:
    finishing: FinishOptions = {
        "index": args.index,
        "remove_index": args.remove_index_on_finalize,
        "tail": args.tail,
        "index_format": args.index_format,
        "ndjson_dirs": args.ndjson_dirs,
    }
    if args.finalize_only:
        if args.dry_run:
            _note(args, f"would finalize {args.container}")
            return _FINE
        done = _rangepack.finalize(args.container, **finishing)
        _note(args, _finalized(done))
        return _FINE
    tree: TreeOptions = {
        "include": args.include,
        "exclude": args.exclude,
        "extensions": [extension for extension in args.ext.split(",") if extension],
        "hidden": not args.no_hidden,
        "gitignore": args.gitignore,
        "follow_links": args.follow_links,
    }
    steps = Steps()
    if args.count or args.scan_sizes:
        found = _rangepack.survey(args.src, container=args.container, index=args.index, sizes=args.scan_sizes, **tree)
        steps.total_files = found["files"]
        steps.total_bytes = found["bytes"] if args.scan_sizes else None
    work = _Work(args, "packing", "bytes_written", steps, args.print_each or args.verbose > 1)

    def pack(**told: Any) -> dict[str, Any]:
        return _rangepack.create(
            args.src,
            args.container,
            finalize=args.finalize,
            dry_run=args.dry_run,
            reopen=args.reopen,
            fsync_every=args.fsync_every,
            index_batch=args.index_batch,
            compress=None if args.compress is None else "gzip",
            level=args.compress or 6,
            strict=args.strict,
            threads=args.threads,
            **finishing,
            **tree,
            **told,
        )

    created = work.do(pack, lambda created: not created["failed"])
    _report(args, created, work.follow.elapsed)
    return _BAD if created["failed"] else _FINE


def _report(args: argparse.Namespace, created: dict[str, Any], elapsed: float) -> None:
    if created["resumed_entries"] is not None:
        cut = f", cut off {created['cut']} bytes that no line names" if created["cut"] else ""
        _note(args, f"{'would go' if args.dry_run else 'went'} on from {created['resumed_entries']} entries{cut}")
    packed = "would pack" if args.dry_run else "packed"
    parts = [f"{packed} {created['files']} files, {created['directories']} directories"]
    parts += [
        f"{created[what]} {what}" for what in ["links", "changed", "unchanged", "special", "failed"] if created[what]
    ]
    _note(args, f"{', '.join(parts)}: {created['bytes']} bytes in {elapsed:.1f} s")
    if created["entries"] is not None:
        _note(args, _finalized(created))
    elif not (created["is_finalized"] or args.dry_run):
        _note(args, "the container is open; --finalize-only puts the index into it")


def _finalized(done: dict[str, Any]) -> str:
    root = f", root {done['root'][:12]}…" if done["root"] else ""
    return f"finalized {done['entries']} entries, {done['file_length']} bytes in all{root}"


def _extract(args: argparse.Namespace) -> int:
    pack = Pack(args.container, verify="payloads", index=args.index, lookback=args.lookback, root=args.root)
    for text in _strange(_rangepack.notes(pack)):
        say(f"warning: {args.container}: {text}")
    totals = _rangepack.totals(pack)
    steps = Steps() if args.paths else Steps(total_files=totals["files"] + totals["links"], total_bytes=totals["bytes"])
    work = _Work(args, "extracting", "bytes_extracted", steps, args.verbose > 0)
    present: Present = "content" if args.verify_existing else "size" if args.skip_existing else "none"

    def extract(**told: Any) -> dict[str, Any]:
        return _rangepack.extract(
            pack,
            args.outdir,
            args.paths,
            overwrite=True,
            present=present,
            dry_run=args.dry_run,
            fail_fast=args.fail_fast,
            chunk_size=args.chunk_size,
            threads=args.threads,
            **told,
        )

    report = work.do(extract, lambda report: bool(report["is_complete"]))
    for pattern in report["unmatched"]:
        say(f"error: nothing in the pack matches {pattern}")
    parts = [f"{'checked' if args.dry_run else 'extracted'} {report['files']} files"]
    parts += [
        f"{report[what]} {what}"
        for what in ["links", "directories", "replaced", "skipped", "failed", "refused"]
        if report[what]
    ]
    _note(args, f"{', '.join(parts)}: {report['bytes']} bytes in {work.follow.elapsed:.1f} s")
    if report["stopped"] == "disk full":
        say("error: there is no room left in the target")
        return _TROUBLE
    return _FINE if report["is_complete"] else _BAD


def _strange(notes: dict[str, int]) -> list[str]:
    texts = {
        "bad_lines": "{} lines of the index cannot be read",
        "refused": "{} entries that no pack may hold, or that a later one replaced, are left out",
        "trailing": "{} bytes behind the trailer: an index that was cut short or changed?",
        "misfit": "the index may be that of another container, which was packed into this one",
        "unfinished": "it is not finalized: its index lies beside it",
        "unnamed": "nothing names its last {} bytes",
        "lost_names": "{} names were cut off when it was made",
    }
    return [text.format(notes[what]) for what, text in texts.items() if notes[what]]


class _Work:
    """A long operation of which all is told that is wanted."""

    def __init__(self, args: argparse.Namespace, verb: str, bytes_key: str, steps: Steps, print_each: bool) -> None:
        status = None
        if args.status_file:
            status = StatusFile(args.status_file, args.status_format == "json", bytes_key)
        self.follow = Follow(verb, steps, status, print_each, args.tqdm and not args.quiet)

    def do(self, work: Callable[..., dict[str, Any]], is_complete: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        try:
            done = work(progress=self.follow.progress, events=self.follow.events)
        except KeyboardInterrupt:
            self.follow.finish("interrupted")
            raise
        except BaseException:
            self.follow.finish("failed")
            raise
        self.follow.finish("finished" if is_complete(done) else "failed")
        return done


def _note(args: argparse.Namespace, text: str) -> None:
    if not args.quiet:
        say(text)


if __name__ == "__main__":
    sys.exit(main())
