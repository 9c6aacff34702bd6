"""Archives, in and out, as the standard library writes and reads them."""

import os
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

import rangepack


@pytest.fixture
def tar(tree: Path, tmp_path: Path) -> Path:
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w") as out:
        out.add(tree, ".")
    return archive


def contents(pack: Any) -> dict[str, bytes]:
    return {path: bytes(content) for path, content in pack.items()}


def test_archives_are_read_where_they_lie(tar: Path, location: Path) -> None:
    before = tar.read_bytes()
    with pytest.raises(rangepack.NotAPackError):
        rangepack.open(tar)
    calls: list[tuple[int, int]] = []
    indexed = rangepack.index(tar, progress=lambda *told: calls.append(told))
    pack = rangepack.open(location)
    assert indexed.files == len(pack) and indexed.failed == indexed.unreadable == 0
    assert indexed.file_length == Path(f"{tar}.rpx").stat().st_size and calls[-1][0] >= indexed.files
    assert tar.read_bytes() == before
    for opened in (rangepack.open(tar), rangepack.open(f"{tar}.rpx")):
        assert contents(opened) == contents(pack)
        assert rangepack.verify(opened).is_sound
    with pytest.raises(FileExistsError):
        rangepack.index(tar)
    assert rangepack.index(os.fsencode(tar), overwrite=True).root == indexed.root


def test_several_become_one(tmp_path: Path) -> None:
    for shard, name in enumerate(("a", "b")):
        with zipfile.ZipFile(tmp_path / f"{shard}.zip", "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr(f"{name}.txt", name * 1000)
            out.writestr("both.txt", name)
    shards = sorted(tmp_path.glob("?.zip"))
    with pytest.raises(ValueError, match="out says where"):
        rangepack.index(shards)
    with pytest.raises(rangepack.PackError, match=r"both\.txt"):
        rangepack.index(shards, tmp_path / "all.rpx")
    indexed = rangepack.index(iter(shards), tmp_path / "all.rpx", on_conflict="last")
    assert indexed.files == 3
    assert contents(rangepack.open(tmp_path / "all.rpx")) == {
        "a.txt": b"a" * 1000,
        "b.txt": b"b" * 1000,
        "both.txt": b"b",
    }
    (tmp_path / "below").mkdir()
    rangepack.index(shards[:1], tmp_path / "below" / "one.rpx", volumes=tmp_path)
    assert len(rangepack.open(tmp_path / "below" / "one.rpx", volumes=tmp_path)) == 2
    with pytest.raises(ValueError, match="empty"):
        rangepack.index([], tmp_path / "none.rpx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.zip", "1.zip", "all.rpx", "below"]


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as out:
        out.writestr("lzma.txt", "text " * 100)
        out.writestr("plain.txt", "text", zipfile.ZIP_STORED)
    with pytest.raises(rangepack.IncompleteError, match=r"1 cannot be read where they lie.*lzma\.txt") as raised:
        rangepack.index(archive)
    assert isinstance(raised.value.report, rangepack.Indexed) and raised.value.report.unreadable == 1
    assert rangepack.open(archive).read("plain.txt") == b"text"
    assert rangepack.index(archive, overwrite=True, incomplete=True).files == 2
    with pytest.raises(rangepack.UnsupportedError):
        rangepack.open(archive).read("lzma.txt")
    with pytest.raises(rangepack.IncompleteError):
        rangepack.pack(archive, tmp_path / "x.pack")
    assert rangepack.pack(archive, tmp_path / "y.pack", incomplete=True).failed == 1


def test_archives_are_packed(tree: Path, tar: Path, location: Path, tmp_path: Path) -> None:
    expected = contents(rangepack.open(location))
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as out:
        out.add(tree, ".")
    for archive in (tar, tmp_path / "x.tar.gz"):
        packed = rangepack.pack(archive, tmp_path / "x.pack", overwrite=True, compress="zstd")
        assert packed.files == len(expected)
        assert contents(rangepack.open(tmp_path / "x.pack")) == expected
    rangepack.pack(tar, tmp_path / "part.pack", include="a")
    assert set(rangepack.open(tmp_path / "part.pack")) == {path for path in expected if path.startswith("a/")}
    for options in ({"gitignore": True}, {"follow_links": True}, {"files_from": ["a"]}):
        with pytest.raises(ValueError, match="is for directories"):
            rangepack.pack(tar, tmp_path / "no.pack", **options)
    tar.write_bytes(tar.read_bytes()[:2000])
    with pytest.raises(rangepack.CorruptError, match="cut short") as raised:
        rangepack.pack(tar, tmp_path / "no.pack")
    assert raised.value.location == str(tar) and raised.value.offset == 2000
    with pytest.raises(NotADirectoryError):
        rangepack.pack(tree / "a" / "001.txt", tmp_path / "no.pack")
    with pytest.raises(rangepack.NotAPackError, match="whose members cannot be read where they lie"):
        rangepack.index(tmp_path / "x.tar.gz")
    assert not (tmp_path / "no.pack").exists() and not (tmp_path / "x.tar.gz.rpx").exists()


def test_packs_become_archives(location: Path, tmp_path: Path) -> None:
    pack = rangepack.open(location)
    expected = contents(pack)
    exported = rangepack.export(pack, tmp_path / "x.tar.gz")
    assert exported.files == len(expected) and exported.length == (tmp_path / "x.tar.gz").stat().st_size
    with tarfile.open(tmp_path / "x.tar.gz") as archive:
        for path, content in expected.items():
            member = archive.extractfile(path)
            assert member is not None and member.read() == content
    exported = rangepack.export(location, tmp_path / "x.zip", "a", deflate=9)
    with zipfile.ZipFile(tmp_path / "x.zip") as zipped:
        names = {name for name in zipped.namelist() if not name.endswith("/")}
        assert names == {path for path in expected if path.startswith("a/")}
        assert exported.files == len(names)
        assert all(zipped.read(name) == expected[name] for name in names)
    rangepack.export(location, tmp_path / "odd.name", format="tar")
    assert tarfile.is_tarfile(tmp_path / "odd.name")
    with pytest.raises(FileExistsError):
        rangepack.export(location, tmp_path / "odd.name", format="tar")
    with pytest.raises(ValueError, match="does not say what archive"):
        rangepack.export(location, tmp_path / "x.rar")
    with pytest.raises(ValueError, match="deflate is for zip"):
        rangepack.export(location, tmp_path / "y.tar", deflate=6)
    with pytest.raises(ValueError, match="levels from 1 to 9"):
        rangepack.export(location, tmp_path / "y.zip", deflate=10)
    with pytest.raises(ValueError, match="paths is empty"):
        rangepack.export(location, tmp_path / "y.tar", [])
    with pytest.raises(ValueError, match="format is "):
        rangepack.export(location, tmp_path / "y.tar", format="rar")  # type: ignore[arg-type]
    assert not (tmp_path / "y.tar").exists()
    with pytest.raises(rangepack.IncompleteError, match="nothing in the pack matches 'nowhere'") as raised:
        rangepack.export(location, tmp_path / "y.tar", ["a", "nowhere"])
    assert isinstance(raised.value.report, rangepack.Exported) and raised.value.report.unmatched == ["nowhere"]
    assert (tmp_path / "y.tar").exists()
