"""Tables of what is in packs, as programs see them that know no packs."""

import gzip
import hashlib
from pathlib import Path
from typing import Any

import duckdb
import pytest

import rangepack


def rows(table: Path, query: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(query.replace("TABLE", f"read_parquet('{table}')")).fetchall()


def test_payloads_lie_where_the_table_says(tree: Path, location: Path, tmp_path: Path) -> None:
    table = tmp_path / "x.parquet"
    written = rangepack.table(location, table)
    pack = rangepack.open(location)
    entries = list(pack.walk())
    assert written.rows == len(entries) and written.length == table.stat().st_size
    assert rows(table, "SELECT count(*) FROM TABLE") == [(len(entries),)]
    # In the order of the pack.
    assert [path for (path,) in rows(table, "SELECT path FROM TABLE WHERE path_hex IS NULL")] == [
        entry.path for entry in entries if entry.path.isprintable() and "\udcff" not in entry.path
    ]
    assert rows(table, "SELECT path_hex, name FROM TABLE WHERE path_hex IS NOT NULL") == [
        (b"\xff.bin".hex(), "\ufffd.bin")
    ]
    assert rows(table, "SELECT path, link_target, size FROM TABLE WHERE kind = 'symlink'") == [
        ("link", "a/001.txt", None)
    ]
    assert rows(table, "SELECT size, codec FROM TABLE WHERE path = 'a/b'") == [(3, None)]
    files = rows(
        table,
        'SELECT path, directory, name, volume, "offset", stored_size, codec, size, sha256, original_sha256, '
        "mode, epoch_ns(mtime) FROM TABLE WHERE kind = 'file' AND path_hex IS NULL",
    )
    assert len(files) == 302
    for path, directory, name, volume, offset, stored, codec, size, digest, original, mode, mtime in files:
        assert path == (f"{directory}/{name}" if directory else name)
        with open(location.parent / volume, "rb") as file:
            file.seek(offset)
            payload = file.read(stored)
        assert hashlib.sha256(payload).hexdigest() == digest
        content = gzip.decompress(payload) if codec == "gzip" else payload
        assert content == (tree / path).read_bytes() and len(content) == size
        assert original in (None, hashlib.sha256(content).hexdigest())
        found = (tree / path).stat()
        assert (mode, mtime) == (found.st_mode & 0o7777, found.st_mtime_ns)


def test_tables_name_the_parts_of_merged_packs(tree: Path, location: Path, tmp_path: Path) -> None:
    rangepack.pack(tree, tmp_path / "a.pack")
    rangepack.pack_files({"z/1": b"one"}, tmp_path / "b.pack")
    rangepack.merge([tmp_path / "a.pack", tmp_path / "b.pack"], tmp_path / "all.pack")
    rangepack.table(tmp_path / "all.pack", tmp_path / "all.parquet")
    found = rows(tmp_path / "all.parquet", "SELECT DISTINCT volume FROM TABLE WHERE stored_size > 0 ORDER BY volume")
    assert found == [("a.pack",), ("b.pack",)]


def test_what_is_there_stays(location: Path, tmp_path: Path) -> None:
    table = tmp_path / "x.parquet"
    table.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        rangepack.table(location, table)
    assert table.read_bytes() == b"mine"
    rangepack.table(location, table, overwrite=True)
    assert table.read_bytes()[:4] == b"PAR1" and [path.name for path in tmp_path.iterdir()] == ["x.parquet"]
    before = location.read_bytes()
    with pytest.raises((ValueError, OSError, rangepack.PackError)):
        rangepack.table(location, location, overwrite=True)
    assert location.read_bytes() == before
