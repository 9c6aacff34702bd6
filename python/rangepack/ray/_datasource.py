"""A pack as a source of Ray Data."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from rangepack import _rangepack
from rangepack.ray._packing import needs_ray
from rangepack.reading import Pack

if TYPE_CHECKING:
    from rangepack._rangepack import Entry
    from rangepack._types import Globs, StrPath

#: So many files, and bytes of content, are read together.
_FILES, _BYTES = 1024, 16 << 20
#: What a row weighs beside its bytes when tasks get their shares: so much time it takes.
_EACH = 4096
#: Offsets of Arrow's usual columns of bytes have 31 bits, and a block may hold more than the largest file.
_LARGE = 1 << 30


def _text(path: str) -> str:
    """A path as text that is Unicode."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode("utf-8", "backslashreplace")
    return path


#: Types of columns in Arrow's words, and what is in them. `bytes` is the content.
_COLUMNS: dict[str, tuple[str, Callable[[Entry], object]]] = {
    "path": ("string", lambda entry: _text(entry.path)),
    "raw_path": ("binary", bytes),
    "name": ("string", lambda entry: _text(entry.name)),
    "bytes": ("binary", lambda entry: None),
    "size": ("int64", lambda entry: entry.size),
    "stored_size": ("int64", lambda entry: entry.stored_size),
    "mtime": ("float64", lambda entry: entry.mtime),
    "mtime_ns": ("int64", lambda entry: entry.mtime_ns),
    "mode": ("int64", lambda entry: entry.mode),
    "sha256": ("string", lambda entry: entry.sha256),
}
#: How long what has no fixed length is, beside paths and contents.
_DIGEST = 64


def _base() -> Any:
    """What it stands on. Where there is no Ray, who makes one is told."""
    try:
        from ray.data import Datasource
    except ImportError:
        return object
    return Datasource


_Datasource: Any = _base()


class _Range(NamedTuple):
    """Neighbours among the entries of a pack."""

    start: int
    stop: int
    files: int
    #: Bytes of contents, those of the longest, and of paths.
    content: int
    longest: int
    paths: int


def _sum(ranges: Iterable[_Range]) -> _Range:
    """Neighbours as one range."""
    starts, stops, files, content, longest, paths = zip(*ranges, strict=True)
    return _Range(starts[0], stops[-1], sum(files), sum(content), max(longest), sum(paths))


class PackDatasource(_Datasource):
    """The files of a pack as a `Datasource` of Ray Data: `ray.data.read_datasource(PackDatasource("train.pack"))`.

    Sizes are known before anything is read: what all takes in memory, and rows and bytes of each task. The index is
    read once, where the tasks are made; each of these opens the pack anew and reads a range of entries.

    Args:
        location, columns, select, exclude: As for `rangepack.ray.read`.
    """

    def __init__(
        self,
        location: Pack | StrPath,
        columns: Iterable[str] = ("path", "bytes"),
        *,
        select: Globs | None = None,
        exclude: Globs | None = None,
    ) -> None:
        try:
            import ray.data  # noqa: F401
        except ImportError as error:
            raise needs_ray(error) from error
        super().__init__()
        if isinstance(columns, str):
            raise TypeError(f"columns are several names, not {columns!r}")
        self._columns = list(dict.fromkeys(columns))
        for column in self._columns:
            if column not in _COLUMNS:
                raise ValueError(f"there is no column {column!r}: they are {', '.join(_COLUMNS)}")
        if not self._columns:
            raise ValueError(f"columns is empty: they are {', '.join(_COLUMNS)}")
        self._pack = location if isinstance(location, Pack) else Pack(location)
        self._select, self._exclude = (
            globs if globs is None or isinstance(globs, str) else list(globs) for globs in (select, exclude)
        )
        self._ranges: list[_Range] | None = None

    def _measured(self) -> list[_Range]:
        """Small ranges that hold all files. The first use reads the index from one end to the other."""
        if self._ranges is None:
            self._ranges = [_Range(*one) for one in _rangepack.ranges(self._pack, self._select, self._exclude)]
        return self._ranges

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ranges": None}

    def _in_memory(self, part: _Range) -> int:
        """How many bytes its rows take."""
        total = 0
        for column in self._columns:
            if _COLUMNS[column][0] in ("int64", "float64"):
                total += 8 * part.files
                continue
            # The end of each, and what they are.
            total += 4 * part.files
            total += {"bytes": part.content, "sha256": _DIGEST * part.files}.get(column, part.paths)
        return total

    def _schema(self) -> Any:
        import pyarrow as pa

        longest = max((one.longest for one in self._measured()), default=0)
        kinds = {column: _COLUMNS[column][0] for column in self._columns}
        if longest > _LARGE and "bytes" in kinds:
            kinds["bytes"] = "large_binary"
        return pa.schema([(column, getattr(pa, kind)()) for column, kind in kinds.items()])

    def estimate_inmemory_data_size(self) -> int:
        """How many bytes all rows take in memory."""
        return sum(map(self._in_memory, self._measured()))

    def get_read_tasks(
        self, parallelism: int, per_task_row_limit: int | None = None, data_context: Any = None
    ) -> list[Any]:
        """Tasks that take about the same time, `parallelism` at most."""
        from ray.data import ReadTask
        from ray.data.block import BlockMetadata

        schema = self._schema()
        weights = [self._in_memory(one) + _EACH * one.files for one in self._measured()]
        total, ends = sum(weights), itertools.accumulate(weights)
        # The share of a task is where the middle of a range lies.
        numbers = [(2 * end - weight) * parallelism // (2 * total) for end, weight in zip(ends, weights, strict=True)]
        tasks = []
        for _, group in itertools.groupby(zip(numbers, self._measured(), strict=True), lambda pair: pair[0]):
            part = _sum(one for _, one in group)
            about = BlockMetadata(
                num_rows=part.files, size_bytes=self._in_memory(part), exec_stats=None, input_files=None
            )
            read = _reader(self._pack, part, self._select, self._exclude, schema)
            tasks.append(ReadTask(read, about, schema=schema, per_task_row_limit=per_task_row_limit))
        return tasks

    def get_name(self) -> str:
        """What Ray calls it."""
        return "Rangepack"


def _reader(pack: Pack, part: _Range, select: Any, exclude: Any, schema: Any) -> Callable[[], Iterator[Any]]:
    """What a task calls. Nothing travels with it but what it needs."""

    def read_range() -> Iterator[Any]:
        return _tables(_rangepack.files_within(pack, part.start, part.stop, select, exclude), pack, schema)

    return read_range


def _tables(files: _rangepack.Files, pack: Pack, schema: Any) -> Iterator[Any]:
    """A row for each of the files, some rows at a time."""
    import pyarrow as pa

    wants_bytes = "bytes" in schema.names
    first = 0
    while first < len(files):
        entries = files.entries(range(first, min(first + _FILES, len(files))))
        if wants_bytes:
            ends = itertools.accumulate(entry.size for entry in entries)
            entries = entries[: max(1, sum(end <= _BYTES for end in ends))]
        arrays = []
        for field in schema:
            if field.name == "bytes":
                contents = files.read_many(range(first, first + len(entries)))
                arrays.append(_binary(contents, field.type))
                # Of a file that was cut short meanwhile views show zeros.
                pack.intact()
            else:
                _, of = _COLUMNS[field.name]
                arrays.append(pa.array([of(entry) for entry in entries], field.type))
        yield pa.Table.from_arrays(arrays, schema=schema)
        first += len(entries)


def _binary(contents: list[memoryview], kind: Any) -> Any:
    """Contents as a column: copied once."""
    import numpy as np
    import pyarrow as pa

    offsets = np.zeros(len(contents) + 1, np.int64 if pa.types.is_large_binary(kind) else np.int32)
    np.cumsum([len(content) for content in contents], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(contents))]
    return pa.Array.from_buffers(kind, len(contents), buffers)
