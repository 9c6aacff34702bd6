"""Directories of classes, and samples of several files."""

import itertools
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rangepack
from rangepack.data import Files, ImageFolder, Samples

PICTURES = [
    "cats/1.jpg",
    "cats/10.JPG",
    "cats/2.png",
    "cats/notes.txt",
    "cats/small/3.jpeg",
    "cats-wild/4.webp",
    "cats-wild/a/b/5.bmp",
    "Dogs/6.tiff",
    "äpfel/7.ppm",
    "loose.jpg",
]


def tree(top: Path, paths: list[str]) -> Path:
    for path in paths:
        (top / path).parent.mkdir(parents=True, exist_ok=True)
        (top / path).write_bytes(path.encode())
    return top


def packed(tmp_path: Path, paths: list[str]) -> Path:
    tmp_path.mkdir(exist_ok=True)
    rangepack.pack(tree(tmp_path / "tree", paths), tmp_path / "some.pack")
    return tmp_path / "some.pack"


def test_the_directory_is_the_class(tmp_path: Path) -> None:
    images = ImageFolder(packed(tmp_path, PICTURES), loader=bytes)
    assert images.classes == ["Dogs", "cats", "cats-wild", "äpfel"]
    assert images.class_to_idx == {"Dogs": 0, "cats": 1, "cats-wild": 2, "äpfel": 3}
    assert list(images.targets) == [0, 1, 1, 1, 1, 2, 2, 3]
    assert images[1] == (b"cats/1.jpg", 1) and images[-1] == ("äpfel/7.ppm".encode(), 3)
    assert [images.path(number) for number in range(len(images))] == [content.decode() for content, _ in images]
    assert [images.path(number) for number in [4, 5]] == ["cats/small/3.jpeg", "cats-wild/4.webp"]
    assert images.sizes([0, 4]) == [11, 17]
    pairs = [(images.path(number), target) for number, target in enumerate(images.targets)]
    assert list(images.samples) == list(images.imgs) == pairs and len(images.samples) == 8
    assert list(images.samples[::-3]) == pairs[::-3] and images.samples[-1] == pairs[-1] and pairs[2] in images.samples
    assert list(images[2:5]) == list(images)[2:5]
    other = pickle.loads(pickle.dumps(images))
    assert list(other) == list(images) and repr(other) == repr(images)
    with pytest.raises(IndexError):
        images[8]


def test_the_answers_are_those_of_torchvision(tmp_path: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets")
    images = ImageFolder(packed(tmp_path, PICTURES), loader=bytes)
    theirs = datasets.ImageFolder(tmp_path / "tree", loader=lambda path: Path(path).read_bytes())
    assert images.classes == theirs.classes and images.class_to_idx == theirs.class_to_idx
    assert list(images.targets) == theirs.targets
    assert [(f"{tmp_path}/tree/{path}", target) for path, target in images.samples] == theirs.samples
    assert list(images) == [theirs[number] for number in range(len(theirs))]


def test_classes_may_lie_deeper_and_samples_are_transformed(tmp_path: Path) -> None:
    paths = [f"sets/{part}/{name}/{number}.jpg" for part in ["train", "test"] for name in "ab" for number in range(3)]
    images = ImageFolder(
        packed(tmp_path, paths), lambda image: image[-5:], lambda target: target * 10, bytes, root="sets/train/"
    )
    assert images.classes == ["a", "b"] and list(images.targets) == [0, 0, 0, 1, 1, 1]
    assert images.__getitems__([0, 5]) == [(b"0.jpg", 0), (b"2.jpg", 10)]
    assert len(ImageFolder(images.pack, root="sets/train", select="1.jpg")) == 2


def test_pictures_are_what_pillow_makes_of_them(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    (tmp_path / "tree" / "a").mkdir(parents=True)
    image.new("L", (3, 2), 7).save(tmp_path / "tree" / "a" / "1.png")
    rangepack.pack(tmp_path / "tree", tmp_path / "some.pack")
    picture, target = ImageFolder(tmp_path / "some.pack")[0]
    assert (picture.mode, picture.size, picture.getpixel((0, 0)), target) == ("RGB", (3, 2), (7, 7, 7), 0)


def test_classes_without_files_are_told(tmp_path: Path) -> None:
    location = packed(tmp_path, ["a/1.jpg", "b/1.txt"])
    with pytest.raises(FileNotFoundError, match=": b"):
        ImageFolder(location)
    assert ImageFolder(location, allow_empty=True).classes == ["a", "b"]
    with pytest.raises(FileNotFoundError):
        ImageFolder(location, root="nowhere")
    with pytest.raises(FileNotFoundError, match="no directory"):
        ImageFolder(packed(tmp_path / "flat", ["1.jpg"]))


MIXED = [
    "cats/1.jpg",
    "cats/1.json",
    "cats/1.seg.PNG",
    "cats/1-a.jpg",
    "cats/10.jpg",
    "cats/.hidden",
    "cats/no ending",
    "cats/1/x.jpg",
    "dogs/1.jpg",
    "top.cls",
    "top.jpg",
]


def test_files_of_one_stem_are_a_sample(tmp_path: Path) -> None:
    samples = Samples(packed(tmp_path, MIXED))
    assert {sample["__key__"]: sorted(sample) for sample in samples} == {
        "cats/1": ["__key__", "jpg", "json", "seg.png"],
        "cats/1-a": ["__key__", "jpg"],
        "cats/10": ["__key__", "jpg"],
        "cats/1/x": ["__key__", "jpg"],
        "dogs/1": ["__key__", "jpg"],
        "top": ["__key__", "cls", "jpg"],
    }
    keys = [sample["__key__"] for sample in samples]
    number = keys.index("cats/1")
    expected = {"__key__": "cats/1", "jpg": b"cats/1.jpg", "json": b"cats/1.json", "seg.png": b"cats/1.seg.PNG"}
    assert samples[number] == expected and samples.__getitems__([-1, number])[1] == expected
    assert samples.sizes([number]) == [35]
    other = pickle.loads(pickle.dumps(samples))
    assert list(other) == list(samples) and repr(other) == repr(samples)
    pairs = Samples(samples.pack, lambda sample: (sample["__key__"], bytes(sample["jpg"])), select=["*.jpg", "*.json"])
    assert pairs[keys.index("dogs/1")] == ("dogs/1", b"dogs/1.jpg")
    for missing in [len(samples), -len(samples) - 1]:
        with pytest.raises(IndexError):
            samples[missing]
        with pytest.raises(IndexError):
            samples.__getitems__([missing])


def test_endings_that_differ_in_case_only_are_an_error(tmp_path: Path) -> None:
    samples = Samples(packed(tmp_path, ["a/1.jpg", "a/1.JPG", "a/2.jpg"]))
    assert samples[1]["jpg"] == b"a/2.jpg"
    with pytest.raises(ValueError, match="'a/1' has two files for 'jpg'"):
        samples[0]


NAMES = st.text(st.sampled_from("ab.-"), min_size=1, max_size=5).filter(lambda name: name.strip("."))
PATHS = st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=20)


@settings(max_examples=30)
@given(paths=PATHS)
def test_groups_are_those_of_an_oracle(tmp_path_factory: pytest.TempPathFactory, paths: list[str]) -> None:
    home = tmp_path_factory.mktemp("groups")
    tops: list[str] = []
    for path in paths:
        if not any(path == top or path.startswith(top + "/") or top.startswith(path + "/") for top in tops):
            tops.append(path)
    rangepack.pack(tree(home / "tree", [*tops, "z"]), home / "some.pack", fsync=False)
    expected: dict[str, dict[str, Any]] = {}
    for path in tops:
        directory, slash, name = path.rpartition("/")
        stem, dot, ending = name.partition(".")
        if stem and dot:
            key = directory + slash + stem
            expected.setdefault(key, {"__key__": key})[ending] = path.encode()
    samples = Samples(home / "some.pack")
    assert len(samples) == len(expected)
    assert {sample["__key__"]: sample for sample in samples} == expected
    files = Files(home / "some.pack", lambda _, entry: entry.path)
    for depth in range(4):
        runs = files.pack.files().runs(depth)
        tops_of_files = ["/".join(path.split("/")[:-1][:depth]) for path in files]
        starts = list(itertools.accumulate((len(list(run)) for _, run in itertools.groupby(tops_of_files)), initial=0))
        assert runs == [(top, start) for (top, _), start in zip(itertools.groupby(tops_of_files), starts, strict=False)]
