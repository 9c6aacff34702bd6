"""Packing and extracting: what is told, and what is raised when something is missing."""

import os
import pickle
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import rangepack


@pytest.fixture
def lacking(tmp_path: Path) -> Path:
    """A tree of which one file cannot be packed when links are followed."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "there").write_text("there")
    (tmp_path / "tree" / "astray").symlink_to("nowhere")
    return tmp_path / "tree"


def test_a_pack_that_lacks_files_is_an_exception(lacking: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.pack"
    with pytest.raises(rangepack.IncompleteError, match="astray") as raised:
        rangepack.pack(lacking, target, follow_links=True)
    packed = raised.value.report
    assert isinstance(packed, rangepack.Packed) and (packed.files, packed.failed) == (1, 1)
    assert raised.value.location == str(target) and list(rangepack.open(target)) == ["there"]
    # What is there is not replaced by a pack that lacks something.
    before = target.read_bytes()
    (lacking / "more").touch()
    with pytest.raises(rangepack.IncompleteError, match=r"not replaced.*astray") as raised:
        rangepack.pack(lacking, target, follow_links=True, overwrite=True)
    assert raised.value.report is None and target.read_bytes() == before
    assert rangepack.pack(lacking, target, follow_links=True, overwrite=True, incomplete=True).failed == 1
    assert list(rangepack.open(target)) == ["more", "there"]
    with pytest.raises(rangepack.PackError, match=r"stopped at .*astray"):
        rangepack.pack(lacking, tmp_path / "y.pack", follow_links=True, strict=True)
    assert not (tmp_path / "y.pack").exists()


def test_a_container_that_lacks_files_is_an_exception(lacking: Path, tmp_path: Path) -> None:
    with pytest.raises(rangepack.IncompleteError, match="astray") as raised:
        rangepack.create(lacking, tmp_path / "x.container", follow_links=True)
    assert isinstance(raised.value.report, rangepack.Created)
    created = rangepack.create(lacking, tmp_path / "x.container", follow_links=True, incomplete=True)
    assert (created.unchanged, created.failed) == (1, 1)


def test_what_is_not_extracted_is_an_exception(pack: rangepack.Pack, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(rangepack.IncompleteError, match=r"nothing in the pack matches 'none\*'") as raised:
        rangepack.extract(pack, out, ["*.jpg", "none*"])
    assert (out / "a" / "b" / "x.jpg").read_text() == "pic"
    extracted = raised.value.report
    assert isinstance(extracted, rangepack.Extracted) and extracted.unmatched == ["none*"] and extracted.files == 1
    assert pickle.loads(pickle.dumps(raised.value)).report == extracted
    (out / "a" / "b" / "x.jpg").write_text("mine")
    with pytest.raises(rangepack.IncompleteError, match=r"1 failed, first 'a/b/x\.jpg': what is there"):
        rangepack.extract(pack, out, pack.entry("a/b/x.jpg"))
    again = rangepack.extract(pack, out, "a/b", incomplete=True)
    assert not again.is_complete and [path for path, _ in again.problems] == ["a/b/x.jpg"]
    assert rangepack.extract(pack, out, b"a/b", overwrite=True).replaced == 1
    assert rangepack.extract(pack, out, (path for path in ["a/b"])).skipped == 1


def test_reports_have_names_as_they_are(tmp_path: Path) -> None:
    names = ["odd\udcff\n", "\\x41", "tab\t"]
    rangepack.pack_files({name: name.encode("utf-8", "surrogateescape") * 9 for name in names}, tmp_path / "x.pack")
    damaged = (tmp_path / "x.pack").read_bytes()
    for name in names:
        damaged = damaged.replace(name.encode("utf-8", "surrogateescape") * 9, b"#" * len(os.fsencode(name) * 9))
    (tmp_path / "x.pack").write_bytes(damaged)
    pack = rangepack.open(tmp_path / "x.pack", verify="payloads")
    assert {path for path, _ in rangepack.verify(pack).problems} == set(names)
    extracted = rangepack.extract(pack, tmp_path / "out", incomplete=True)
    assert {path for path, _ in extracted.problems} == set(names) and extracted.failed == 3
    for name in names:
        with pytest.raises(rangepack.CorruptError) as raised:
            pack.read(name)
        assert raised.value.path == name and "\n" not in str(raised.value)
    with pytest.raises(rangepack.IncompleteError) as incomplete:
        rangepack.extract(pack, tmp_path / "out", ["none\udcff\n*", names[0]])
    assert "\n" not in str(incomplete.value)
    report = incomplete.value.report
    assert isinstance(report, rangepack.Extracted) and report.problems[0][0] == names[0]


def test_reports_are_compared_shown_and_pickled(pack: rangepack.Pack, tmp_path: Path) -> None:
    found = rangepack.verify(pack)
    assert found == rangepack.verify(pack) == pickle.loads(pickle.dumps(found))
    assert found != rangepack.extract(pack, tmp_path, "a/b", dry_run=True)
    assert repr(found).startswith("Verified(is_sound=True, files=30") and vars(found)["problems"] == []


def test_a_pattern_that_matches_nothing_is_a_warning(tree: Path, tmp_path: Path) -> None:
    with pytest.warns(rangepack.PackWarning, match=r"nothing matches include: \*\.jgp"):
        rangepack.pack(tree, tmp_path / "x.pack", include=["*.jgp", "*.jpg"])


def contents() -> Iterator[tuple[str, bytes | memoryview]]:
    for number in range(300):
        yield f"{number % 7}/{number}.bin", memoryview(bytes([number % 256]) * number)


def test_contents_are_packed_from_memory(tmp_path: Path, tree: Path) -> None:
    packed = rangepack.pack_files(contents(), tmp_path / "x.pack", compress="gzip", metadata={"of": "numbers"})
    pack = rangepack.open(tmp_path / "x.pack")
    assert packed.files == len(pack) == 300 and pack.metadata == {"of": "numbers"}
    assert {path: bytes(content) for path, content in pack.items()} == {at: bytes(data) for at, data in contents()}
    # The same contents make the same pack.
    rangepack.pack_files(dict(contents()), tmp_path / "y.pack", compress="gzip", metadata={"of": "numbers"})
    assert (tmp_path / "x.pack").read_bytes() == (tmp_path / "y.pack").read_bytes()
    # Files, directories, contents and entries of other packs, in one.
    mixed: dict[str, Any] = {
        "f.txt": tree / "größe.txt",
        "d": str(tree / "a" / "b"),
        "e": pack["3/10.bin"],
        "empty": b"",
    }
    rangepack.pack_files(mixed, os.fsencode(tmp_path / "z.pack"))
    pack = rangepack.open(tmp_path / "z.pack")
    assert {path: len(content) for path, content in pack.items()} == {"e": 10, "empty": 0, "f.txt": 17, "d/x.jpg": 3}
    assert pack.entry("f.txt").mtime_ns == (tree / "größe.txt").stat().st_mtime_ns
    assert sorted(os.listdir(tmp_path)) == ["x.pack", "y.pack", "z.pack"]


def test_what_cannot_be_packed_from_memory_is_told(tmp_path: Path) -> None:
    target = tmp_path / "x.pack"
    with pytest.raises(rangepack.IncompleteError, match=r"<content 1>.*another"):
        rangepack.pack_files([("a", b"1"), ("a", b"2")], target)
    with pytest.raises(ValueError, match=r"\.\."):
        rangepack.pack_files({"../a": b""}, target)
    with pytest.raises(TypeError, match="bytes-like"):
        rangepack.pack_files({"a": 5}, target)  # type: ignore[arg-type]
    with pytest.raises(FileExistsError):
        rangepack.pack_files({"a": b""}, target)
    with pytest.raises(KeyError):
        rangepack.pack_files(({"a": ("a", b"")}[name] for name in "ab"), tmp_path / "y.pack")
    assert os.listdir(tmp_path) == ["x.pack"]


def test_contents_wait_where_the_pack_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "there is none"))
    assert rangepack.pack_files({"a": b"1"}, tmp_path / "x.pack").files == 1


def test_zstd_is_read_like_everything_else(tmp_path: Path) -> None:
    records = {
        f"{number:04}.json": f'{{"id": {number}, "label": "cat", "boxes": [{number * 7}, 9]}}'.encode()
        for number in range(2000)
    }
    files = records | {"large": b"a line of text\n" * 50_000}
    sizes = []
    for dictionaries in [True, False]:
        target = tmp_path / "x.pack"
        rangepack.pack_files(files, target, compress="zstd", dictionaries=dictionaries, overwrite=True)
        pack = rangepack.open(target)
        assert {path: bytes(pack[path]) for path in pack} == files
        assert [bytes(content) for content in pack.read_many(list(records))] == list(records.values())
        with pack.open("large") as file:
            file.seek(400_000)
            assert file.read(5) == files["large"][400_000:400_005]
        assert rangepack.verify(pack).is_sound
        sizes.append(sum(pack.entry(path).stored_size for path in records))
    assert sizes[0] < sizes[1]
