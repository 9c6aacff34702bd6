"""Patterns of paths, as `pathlib` knows them."""

from __future__ import annotations

import fnmatch
import os
import re

# `typing` takes longer to import than a pack to open; type checkers know this name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from rangepack.paths import PackPath


def glob(top: PackPath, pattern: str) -> Iterator[PackPath]:
    """What the pattern matches below `top`: only directories that can hold matches are read."""
    pattern = os.fsdecode(pattern)
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    if not parts:
        raise ValueError(f"unacceptable pattern: {pattern!r}")
    if pattern.startswith("/") or ".." in parts:
        raise NotImplementedError(f"patterns lead down, and this one does not: {pattern!r}")
    only_directories = pattern.endswith("/") or parts[-1] == "**"
    seen: set[str] | None = set() if parts.count("**") > 1 else None
    for path in _below(top, parts):
        if seen is not None:
            if path.at in seen:
                continue
            seen.add(path.at)
        if not only_directories or path.is_dir():
            yield path


def _below(top: PackPath, parts: list[str]) -> Iterator[PackPath]:
    if not parts:
        yield top
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _below(top, rest)
        for entry in top.pack.scandir(top.at):
            if entry.is_dir():
                yield from _below(top / entry.name, parts)
    elif not re.search(r"[*?[]", part):
        path = top / part
        if path.is_dir() if rest else path.exists():
            yield from _below(path, rest)
    else:
        matches = re.compile(fnmatch.translate(part)).match
        for entry in top.pack.scandir(top.at):
            if matches(entry.name):
                path = top / entry.name
                if not rest or path.is_dir():
                    yield from _below(path, rest)
