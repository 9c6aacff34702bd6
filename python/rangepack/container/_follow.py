"""Follows what the library does: bars, status files, printed paths and warnings."""

from __future__ import annotations

import sys
import time
from typing import Any

from rangepack.container._status import StatusFile, Steps, printable

#: How often a log gets a line when there is no bar, in seconds.
_IN_A_LOG = 5.0


class Follow:
    """Hears of everything that happens in a run.

    Args:
        verb: What is done: `packing`.
        steps: How much there is to do, as far as that is known.
        status: A status file that is to be kept.
        print_each: Whether each path is printed.
        bar: Whether a bar is shown; without tqdm it is a line now and then.
    """

    def __init__(self, verb: str, steps: Steps, status: StatusFile | None, print_each: bool, bar: bool) -> None:
        self._verb = verb
        self._steps = steps
        self._status = status
        self._print_each = print_each
        self._bar = _bar(verb, steps) if bar else None
        self._lines = bar and self._bar is None
        self._told = self._started = time.monotonic()

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    def events(self, happened: list[tuple[str, str, int, str]]) -> None:
        """Tells of single paths."""
        for what, path, size, problem in happened:
            if problem:
                self._say(f"warning: {path}: {problem}")
                continue
            self._steps.current = (path, size)
            if self._print_each and what != "present":
                self._say(path)

    def progress(self, files: int, size: int) -> None:
        """Tells how far it is."""
        self._steps.files, self._steps.bytes = files, size
        if self._bar is not None:
            self._bar.update((size if self._steps.total_bytes is not None else files) - self._bar.n)
        elif self._lines and time.monotonic() - self._told >= _IN_A_LOG:
            self._told = time.monotonic()
            self._say(f"{self._verb}: {files} files, {size} bytes")
        if self._status is not None:
            try:
                self._status.update(self._steps)
            except OSError as error:
                # The run is worth more than the file that tells of it.
                self._status = None
                self._say(f"warning: the status file cannot be written: {error}")

    def finish(self, state: str) -> None:
        """The end: `finished`, `interrupted` or `failed`."""
        if self._bar is not None:
            self._bar.close()
        if self._status is not None:
            self._status.finish(self._steps, state)

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar.write(printable(line), file=sys.stderr)
        else:
            say(line)


def say(line: str) -> None:
    """Print a line to standard error, which may tell of names that somebody else chose."""
    encoding = sys.stderr.encoding or "utf-8"
    print(printable(line).encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)


def _bar(verb: str, steps: Steps) -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    if steps.total_bytes is not None:
        return tqdm(desc=verb, total=steps.total_bytes, unit="B", unit_scale=True)
    return tqdm(desc=verb, total=steps.total_files, unit=" files")
