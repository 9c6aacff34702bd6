"""Status files: how far a run has come, for other programs to read."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

#: How often the file is written at most, in seconds.
_INTERVAL = 1.0


@dataclass
class Steps:
    """How far a run has come."""

    #: Files, and bytes of content, that are done.
    files: int = 0
    bytes: int = 0
    #: The same in all, where that is known.
    total_files: int | None = None
    total_bytes: int | None = None
    #: The path that was done last, and its bytes.
    current: tuple[str, int] | None = None

    def seconds_left(self, elapsed: float) -> int | None:
        """How long the rest takes if it goes on like this; `None` when nobody knows."""
        done, total = self.bytes, self.total_bytes
        if total is None:
            done, total = self.files, self.total_files
        return None if total is None or done == 0 else int(elapsed * max(0, total - done) / done)


class StatusFile:
    """A status file. It is replaced as a whole, so nobody reads half of one.

    Args:
        path: Where it lies.
        as_json: One JSON object; else lines of `key=value`.
        bytes_key: What the bytes done are called.

    Raises:
        FileExistsError: Something else lies there.
    """

    def __init__(self, path: str, as_json: bool, bytes_key: str) -> None:
        self._path = Path(path)
        self._as_json = as_json
        self._bytes_key = bytes_key
        self._start_time = _now()
        self._started = time.monotonic()
        self._written: float | None = None
        if self._path.is_file():
            with self._path.open("rb") as file:
                beginning = file.read(64)
            if beginning and not beginning.startswith((b"start_time=", b'{"start_time":')):
                raise FileExistsError(f"{path} is there, and is no status file")

    def update(self, steps: Steps) -> None:
        """Write it, if a second has gone by since the last time."""
        if self._written is None or time.monotonic() - self._written >= _INTERVAL:
            self._write(steps, "running")

    def finish(self, steps: Steps, state: str) -> None:
        """Write it for the last time: `state` is `finished`, `interrupted` or `failed`."""
        self._write(steps, state)

    def _write(self, steps: Steps, state: str) -> None:
        fields = self._fields(steps, state)
        if self._as_json:
            text = json.dumps({key: "" if value is None else value for key, value in fields.items()}) + "\n"
        else:
            text = "".join(f"{key}={'' if value is None else _on_one_line(value)}\n" for key, value in fields.items())
        descriptor, temporary = tempfile.mkstemp(dir=self._path.parent, prefix=".rangepack-")
        try:
            with open(descriptor, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
                file.write(text)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(self._path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        self._written = time.monotonic()

    def _fields(self, steps: Steps, state: str) -> dict[str, str | int | None]:
        elapsed = time.monotonic() - self._started
        left = {"running": steps.seconds_left(elapsed), "finished": 0}.get(state)
        name, size = steps.current if steps.current and state == "running" else ("", None)
        fields: dict[str, str | int | None] = {
            "start_time": self._start_time,
            "total_files": steps.total_files,
            "total_bytes": steps.total_bytes,
            "processed_files": steps.files,
            self._bytes_key: steps.bytes,
            "current_file": os.fsencode(name).decode("utf-8", "replace"),
            "current_file_bytes": size,
            "speed_bps": int(steps.bytes / elapsed) if elapsed > 0 else 0,
            "eta_seconds": left,
            "status": state,
        }
        return fields if state == "running" else {**fields, "finished_time": _now()}


def printable(text: str) -> str:
    """Text in which nothing can take control of a terminal, or end a line."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def _on_one_line(value: str | int) -> str:
    return printable(value) if isinstance(value, str) else str(value)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
