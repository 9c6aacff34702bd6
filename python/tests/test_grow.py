"""Packs that grow by generations."""

import os
import pickle
import shutil
from pathlib import Path

import pytest

import rangepack


def contents(location: Path, root: str | None = None) -> dict[str, bytes]:
    return {path: bytes(content) for path, content in rangepack.open(location, root=root).items()}


def test_packs_grow_and_remember(tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pack"
    rangepack.pack(tree, path, metadata={"name": "first"})
    before, first = contents(path), rangepack.open(path).root
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "1.txt").write_bytes(b"one")
    heard: list[tuple[int, int]] = []
    news: dict[str, Path | bytes] = {"more": tmp_path / "more", "größe.txt": b"no more", "two/2.txt": b"two"}
    grown = rangepack.add(
        path,
        news,
        metadata={"name": "second"},
        progress=lambda *numbers: heard.append(numbers),
    )
    assert (grown.added, grown.changed, grown.removed, grown.previous) == (4, 1, 0, first)
    assert heard and grown.payload_bytes >= len(b"oneno moretwo") and grown.index_bytes > 0
    assert contents(path) == {**before, "more/1.txt": b"one", "größe.txt": b"no more", "two/2.txt": b"two"}
    assert contents(path, root=grown.previous) == before
    assert rangepack.open(path).metadata == {"name": "second"} and rangepack.open(path).root == grown.root
    assert pickle.loads(pickle.dumps(grown)) == grown

    gone = rangepack.remove(path, ["more", "a/*"])
    assert gone.removed > 2 and gone.root == rangepack.open(path).root
    assert not [name for name in rangepack.open(path) if name.startswith(("more", "a/"))]
    states = rangepack.generations(path)
    assert [state.root for state in states] == [gone.root, grown.root, first]
    assert states == rangepack.generations(rangepack.open(path)) and states[0].end == path.stat().st_size
    assert sum(state.own_length for state in states) == states[0].end
    assert rangepack.verify(path).is_sound

    left, length = contents(path), path.stat().st_size
    compacted = rangepack.compact(path)
    assert compacted.length_before == length > compacted.file_length == path.stat().st_size
    assert contents(path) == left and len(rangepack.generations(path)) == 1


def test_a_pack_follows_a_tree_and_another_pack(tree: Path, tmp_path: Path) -> None:
    tree = shutil.copytree(tree, tmp_path / "tree", symlinks=True)
    path, other = tmp_path / "x.pack", tmp_path / "y.pack"
    assert rangepack.sync(tree, path).previous is None
    assert rangepack.sync(tree, path).root is None
    (tree / "größe.txt").write_bytes(b"no more")
    (tree / "new.txt").write_bytes(b"new")
    assert rangepack.sync(tree, path, dry_run=True).root is None
    grown = rangepack.sync(tree, path)
    # The directory has another time, and nothing else.
    assert (grown.added, grown.changed) == (1, 1)
    rangepack.pack(tree, other)
    assert contents(path) == contents(other)
    (tree / "new.txt").unlink()
    rangepack.sync(tree, path, compress="zstd")
    for source in (rangepack.open(path), path):
        rangepack.sync(source, other)
        assert contents(other) == contents(path) and "new.txt" not in rangepack.open(other)
    rangepack.sync(path, tmp_path / "z.pack")
    assert contents(tmp_path / "z.pack") == contents(path)


def test_nothing_is_lost_by_what_cannot_be_done(tree: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.pack"
    rangepack.pack(tree, path)
    before = path.read_bytes()
    with pytest.raises(FileNotFoundError):
        rangepack.remove(path, "none")
    with pytest.raises(FileNotFoundError):
        rangepack.add(tmp_path / "none.pack", {"a": b""})
    with pytest.raises(ValueError, match=r"\.\."):
        rangepack.add(path, {"../a": b""})
    with pytest.raises(rangepack.PackError, match="directory"):
        rangepack.add(path, {"a/001.txt/a": b"below a file"})
    with pytest.raises(TypeError):
        rangepack.add(path, {"a": b""}, overwrite=True)  # type: ignore[call-arg]
    with pytest.raises(FileNotFoundError):
        rangepack.sync(tmp_path / "none", path)
    with pytest.raises(TypeError, match="include"):
        rangepack.sync(path, tmp_path / "y.pack", include="*.txt")
    assert rangepack.remove(path, "empty", dry_run=True).removed == 1
    assert path.read_bytes() == before and os.listdir(tmp_path).count("x.pack.grow") == 0

    lacking: dict[str, Path | bytes] = {"gone": tmp_path / "gone", "a.bin": b"here"}
    grown = rangepack.add(path, lacking, incomplete=True)
    assert grown.failed == 1 and grown.added == 1
    with pytest.raises(rangepack.IncompleteError) as caught:
        rangepack.add(path, {"gone": tmp_path / "gone"})
    assert isinstance(caught.value.report, rangepack.Grown) and caught.value.report.failed == 1
    assert "a.bin" in rangepack.open(path)
