"""A tree packed in parts by tasks of Ray, which are merged."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import json
import os
import re
import shutil
import tempfile

import rangepack
from rangepack import PackError, _rangepack
from rangepack._reports import PackedParts
from rangepack._writing import Telling, incomplete_error

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from typing_extensions import Unpack

    from rangepack._reports import Share
    from rangepack._types import PartOptions, Progress, StrPath

#: What the metadata of a part say it was made of: see `_stamp`.
_OF = "rangepack.part"
#: Options that choose files, which the lists hold already.
_TREE = ("include", "exclude", "extensions", "hidden", "gitignore")
#: Options that say how what is in the lists is packed.
_PACKING = ("compress", "level", "dictionaries", "follow_links", "strict", "threads")
#: Parts, and what a task leaves that is killed where files without a name cannot be.
_OWN = re.compile(r"part-\d+-[0-9a-f]{16}(-\d+)?\.pack|\.rangepack-.*")
#: How often somebody looks which tasks are done, in seconds.
_TICK = 0.5
#: So many problems are told.
_PROBLEMS = 1000


class PartError(PackError):
    """A part was not packed. `part` is its number, from 0 on; `__cause__` is what Ray says of it."""

    part: int


def needs_ray(error: ImportError) -> ImportError:
    """What is said where there is no Ray."""
    return ImportError(f"rangepack.ray needs Ray: pip install 'rangepack[ray]' ({error})")


def pack(
    source: StrPath,
    target: StrPath,
    *,
    parts: int,
    overwrite: bool = False,
    incomplete: bool = False,
    fsync: bool = False,
    progress: Progress = False,
    ray_remote_args: Mapping[str, Any] | None = None,
    **options: Unpack[PartOptions],
) -> PackedParts:
    """Pack the tree below `source` by tasks of Ray, each a part of it, and merge the parts.

    The parts lie in the folder `TARGET.parts` beside the target, which is the index of them all, and are moved with it.
    All machines find source and target under the same paths.

    Whatever ends it, the same call goes on: a part that is there, whole, and made of the same list, of files with the
    same sizes and times and with the same options, is not made again. (Its index is verified, and its contents are not;
    `verify` of the target does both.) No part is ever written to once it is there: so what was at the target before can
    be read until the new pack takes its place, and its parts are removed after that. One call at a time packs into a
    folder.

    Args:
        source: A directory.
        target: The pack, which lies outside of it.
        parts: How many parts: some for each processor that packs, so that none waits for the last one long.
        overwrite: Replace what is at the target.
        incomplete: Files that cannot be read are no exception; look at `failed`. With `overwrite`, a pack may be
            replaced by one that lacks them. They are tried again by the next call.
        fsync: Wait until the merged pack is on disk. Parts always are.
        progress: As for `pack`; it hears of each part that is done.
        ray_remote_args: Options of the tasks: `num_cpus` (1), `max_retries` of a task whose worker dies (3),
            `scheduling_strategy` (`"SPREAD"`), `retry_exceptions`, and whatever else Ray takes.
        compress, level, dictionaries, include, exclude, extensions, hidden, gitignore, follow_links, strict, threads:
            As for `pack`.

    Raises:
        ImportError: Ray is not installed.
        PartError: A task failed, or its workers died too often. What was packed is there, and the same call goes on.
        FileExistsError: The target is there, and `overwrite` is not given.
        IncompleteError: Files could not be read. The pack has the others, and `report` tells; what was at the target
            before is not replaced.
        ValueError: The target lies in the source.
        PackError: Another call packs into this folder.
    """
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise needs_ray(error) from error
    given: dict[str, Any] = {**options}
    how: Any = {name: given[name] for name in _PACKING if name in given}
    which: Any = {name: given[name] for name in (*_TREE, "follow_links") if name in given}
    for name in given.keys() - how.keys() - which.keys():
        raise TypeError(f"pack() got an unexpected keyword argument {name!r}")
    top = os.path.abspath(os.fsdecode(source))  # noqa: PTH100
    out = os.path.realpath(os.fsdecode(target))
    folder = out + ".parts"
    os.scandir(top).close()
    if not overwrite and os.path.lexists(out):
        raise FileExistsError(errno.EEXIST, "it exists already", out)
    if _lies_in(folder, top):
        raise ValueError(f"target {out!r} lies in the source, which would hold its own parts: choose a place outside")
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    with (
        _alone(folder),
        tempfile.TemporaryDirectory(prefix="lists-", dir=folder) as lists,
        Telling(progress, "packing") as told,
    ):
        cut = rangepack.split(top, parts, lists, incomplete=not given.get("strict", False), **which)
        # Of a tree with fewer entries than parts some are empty.
        shares = [share for share in cut.shares if os.path.getsize(share.list)] or cut.shares[:1]  # noqa: PTH202
        asked = {"num_cpus": 1, "scheduling_strategy": "SPREAD", **(ray_remote_args or {})}
        task, waiting = ray.remote(_part), {}
        for number, share in enumerate(shares):
            called = task.options(**{"name": f"rangepack.ray.pack {number}", **asked})
            waiting[called.remote(top, folder, share, how)] = number
        done: dict[int, tuple[str, bool, int, list[tuple[str, str]]]] = {}
        try:
            while waiting:
                ready, _ = ray.wait(list(waiting), num_returns=len(waiting), timeout=_TICK)
                for one in ready:
                    number = waiting.pop(one)
                    try:
                        done[number] = ray.get(one)
                    except ray.exceptions.RayError as error:
                        raise _failed(error, number, len(shares), out) from error
                if told is not None and ready:
                    packed = [shares[number] for number in done]
                    told(sum(share.files for share in packed), sum(share.bytes for share in packed))
        finally:
            for one in waiting:
                ray.cancel(one)
        names, made, failed, problems = zip(*(done[number] for number in range(len(shares))), strict=True)
        lacking = cut.failed + sum(failed)
        first = [*cut.problems, *itertools.chain(*problems)][:_PROBLEMS]
        if lacking and not incomplete and os.path.lexists(out):
            what = f"it is not replaced, for {lacking} of what is to be packed could not be read"
            raise incomplete_error(None, out, what, first)
        paths = [os.path.join(folder, name) for name in names]  # noqa: PTH118
        merged = rangepack.merge(paths, out, overwrite=overwrite, fsync=fsync)
        _clear(folder, {*names, os.path.basename(lists)})  # noqa: PTH119
    of_merged = {name: getattr(merged, name) for name in ("entries", "files", "directories", "links", "bytes", "root")}
    of_parts = {"parts": len(names), "made": sum(made), "folder": folder}
    report = PackedParts({**of_parts, **of_merged, "failed": lacking, "problems": first})
    if lacking and not incomplete:
        raise incomplete_error(report, out, f"{lacking} of what was to be packed could not be read", first)
    return report


def _part(top: str, folder: str, share: Share, how: dict[str, Any]) -> tuple[str, bool, int, list[tuple[str, str]]]:
    """What a task does: its part is there afterwards. Returns its name, whether it was made now, and what it lacks."""
    stamp = _stamp(top, share.list, how)
    stem, _ = os.path.splitext(os.path.basename(share.list))  # noqa: PTH119, PTH122
    for attempt in itertools.count():
        # What is there may be read: a part that is not as it should be stays until it is not needed.
        name = f"{stem}-{stamp[:16]}{f'-{attempt}' if attempt else ''}.pack"
        path = os.path.join(folder, name)  # noqa: PTH118
        if os.path.lexists(path):
            if _is_whole(path, stamp, share.files):
                return name, False, 0, []
            continue
        try:
            # On disk before it has its name: whoever finds it later does not read its contents.
            packed = rangepack.pack(
                top, path, files_from=share.list, metadata={_OF: stamp}, incomplete=True, fsync=True, **how
            )
        except FileExistsError:
            # A task that was taken for dead has finished.
            if not os.path.lexists(path):
                raise
            continue
        return name, True, packed.failed, packed.problems
    raise AssertionError("unreachable")


def _stamp(top: str, listed: str, how: dict[str, Any]) -> str:
    """SHA-256 of a list, of what the system says of everything in it, and of how it is packed. Taken before packing:
    what changes later has another one."""
    follow = bool(how.get("follow_links", False))
    given = {name: value for name, value in how.items() if name not in ("threads", "strict") and value is not None}
    digest = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
    above = os.fsencode(top)
    for path in _paths(listed):
        try:
            known = os.stat(os.path.join(above, path), follow_symlinks=follow)  # noqa: PTH116, PTH118
        except OSError as error:
            told = f"{error.errno}"
        else:
            told = f"{known.st_mode} {known.st_mtime_ns}"
            # Those of a directory speak of what is in it.
            if known.st_mode & 0o170000 != 0o040000:
                told += f" {known.st_size} {known.st_ctime_ns}"
        digest.update(b"%b\0%b\0" % (path, told.encode()))
    return digest.hexdigest()


def _paths(listed: str) -> Iterator[bytes]:
    """The paths in a list."""
    rest = b""
    with open(listed, "rb") as file:  # noqa: PTH123
        while block := file.read(1 << 20):
            *paths, rest = (rest + block).split(b"\0")
            yield from paths


def _is_whole(path: str, stamp: str, files: int) -> bool:
    """Whether a part is what it should be, as its index tells."""
    try:
        with rangepack.open(path, alone=True) as pack:
            totals = _rangepack.totals(pack)
            return (
                pack.metadata.get(_OF) == stamp
                and totals["files"] + totals["links"] == files
                and rangepack.verify(pack, payloads=False).is_sound
            )
    except (PackError, OSError, ValueError):
        return False


def _failed(error: Exception, number: int, parts: int, out: str) -> PartError:
    told = str(getattr(error, "cause", None) or error).strip().splitlines() or [type(error).__name__]
    raised = PartError(f"{out}: part {number} of {parts} (counted from 0) was not packed: {told[-1]}")
    raised.location, raised.path, raised.offset, raised.part = out, None, None, number
    return raised


def _lies_in(path: str, top: str) -> bool:
    above = os.path.realpath(top)
    try:
        return os.path.commonpath([above, path]) == above
    except ValueError:
        # Other drives.
        return False


@contextlib.contextmanager
def _alone(folder: str) -> Iterator[None]:
    """Fails while another process is here, where the system can tell."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(os.path.join(folder, ".lock"), "ab") as file:  # noqa: PTH118, PTH123
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raised = PackError(f"{folder}: another call packs into this folder")
            raised.location, raised.path, raised.offset = folder, None, None
            raise raised from None
        except OSError:
            # Not every network file system has locks.
            pass
        yield


def _clear(folder: str, needed: set[str]) -> None:
    """Removes parts of packs that were replaced, and what interrupted calls have left."""
    for name in os.listdir(folder):  # noqa: PTH208
        path = os.path.join(folder, name)  # noqa: PTH118
        if name in needed:
            continue
        if name.startswith("lists-"):
            shutil.rmtree(path, ignore_errors=True)
        elif _OWN.fullmatch(name):
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108
