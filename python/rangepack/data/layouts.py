"""The usual layouts of data sets: a directory for each class, and samples of several files with one stem."""

from __future__ import annotations

import bisect
import io
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

from rangepack.data.files import Selection
from rangepack.data.source import Source, place

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rangepack import _rangepack
    from rangepack._types import Globs, ReadOptions, StrPath
    from rangepack.reading import Pack

T = TypeVar("T")

#: So many entries are looked for at a time.
_AT_ONCE = 256

_ENDINGS = ["jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp"]

#: The files that torchvision takes for images, whatever the case of their endings.
IMAGES = ["*." + "".join(f"[{letter}{letter.upper()}]" for letter in ending) for ending in _ENDINGS]


def load_image(content: memoryview) -> Any:
    """A `PIL.Image.Image` in RGB, as torchvision's `default_loader` makes of a file."""
    from PIL import Image

    return Image.open(io.BytesIO(content)).convert("RGB")


class ImageFolder(Source[tuple[Any, int]]):
    """Images whose class is the directory that they are in, with the answers of torchvision's `ImageFolder`.

    A sample is `(image, target)`, of the files in `root/CLASS/`, at any depth: the classes in the order of their names,
    and the files of each in the order of their directories and names. Links to files, which torchvision follows, are
    not taken.

    Args:
        pack: A `Pack`, or where one lies.
        transform: What is made of an image.
        target_transform: What is made of a target.
        loader: What makes an image of a content (a read-only `memoryview`): by default Pillow's, in RGB. `bytes` leaves
            it as it is.
        root: The directory of the pack that has the directories of the classes.
        select: Globs of the files that are taken. By default those that torchvision takes for images.
        allow_empty: Whether classes may have no files.
        exclude, cache, threads, verify: As for `Files`.

    Attributes:
        classes: The names of the classes, sorted.
        class_to_idx: The target of each class.

    Raises:
        FileNotFoundError: There are no classes, or one has no files.

    The memory it takes is one bit for each entry of the pack, and 20 bytes for each run of files of one class, of which
    there are little more than classes.
    """

    def __init__(
        self,
        pack: Pack | StrPath,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[int], Any] | None = None,
        loader: Callable[[memoryview], Any] = load_image,
        *,
        root: str = "",
        select: Globs | None = IMAGES,
        allow_empty: bool = False,
        **how: Unpack[ReadOptions],
    ) -> None:
        self._selection = Selection(pack, select, **how)
        self.transform = transform
        self.target_transform = target_transform
        self.loader = loader
        self.root = "/".join(part for part in root.split("/") if part not in ("", "."))
        self.classes = sorted(entry.name for entry in self.pack.scandir(self.root) if entry.is_dir())
        if not self.classes:
            raise FileNotFoundError(f"there is no directory of a class in {self.root or 'the pack'!r}")
        self.class_to_idx = {name: target for target, name in enumerate(self.classes)}
        # Of each run: the number of its first file, its target, and the number of the sample behind its last.
        self._firsts, self._targets, self._ends = array("Q"), array("I"), array("Q")
        self._find_runs()
        empty = set(range(len(self.classes))).difference(self._targets)
        if empty and not allow_empty:
            names = ", ".join(self.classes[target] for target in sorted(empty))
            raise FileNotFoundError(f"there is no file that is selected for: {names}")

    def _find_runs(self) -> None:
        """Put the runs of files of one class into the order of the classes."""
        files = self._selection.files
        above = self.root + "/" if self.root else ""
        runs = files.runs(above.count("/") + 1)
        bounds = [first for _, first in runs] + [len(files)]
        found = [
            (self.class_to_idx[top.removeprefix(above)], first, end)
            for (top, first), end in zip(runs, bounds[1:], strict=True)
            if top.startswith(above) and top.removeprefix(above) in self.class_to_idx
        ]
        end = 0
        for target, first, behind in sorted(found):
            end += behind - first
            self._firsts.append(first)
            self._targets.append(target)
            self._ends.append(end)

    @property
    def pack(self) -> Pack:
        """The pack that they are in."""
        return self._selection.pack

    @property
    def samples(self) -> Sequence[tuple[str, int]]:
        """Paths in the pack and targets of all samples: a view, which looks for what it is asked for."""
        return _PathsAndTargets(self)

    @property
    def imgs(self) -> Sequence[tuple[str, int]]:
        """The same, as torchvision also calls them."""
        return self.samples

    @property
    def targets(self) -> array[int]:
        """The targets of all samples, in order: an array of 4 bytes for each, made anew at each call."""
        targets, start = array("I"), 0
        for target, end in zip(self._targets, self._ends, strict=True):
            targets.extend(array("I", [target]) * (end - start))
            start = end
        return targets

    def path(self, number: int) -> str:
        """The path in the pack of a sample's file."""
        return self._selection.files.entry(self._spot(number)[0]).path

    def _spot(self, number: int) -> tuple[int, int]:
        """The number of a sample's file, and its target."""
        number = place(number, len(self))
        run = bisect.bisect_right(self._ends, number)
        start = self._ends[run - 1] if run else 0
        return self._firsts[run] + number - start, self._targets[run]

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """See `Source`."""
        return self._selection.sizes(self._spot(number)[0] for number in numbers)

    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        """See `Source`."""
        spots = [self._spot(number) for number in numbers]
        contents = self._selection.read([number for number, _ in spots])
        return [(content, target) for content, (_, target) in zip(contents, spots, strict=True)]

    def finish(self, fetched: Any) -> tuple[Any, int]:
        """See `Source`."""
        content, target = fetched
        image = self.loader(content)
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return image, target

    def __repr__(self) -> str:
        return self._selection.identity("ImageFolder")[:-1] + f", root={self.root!r})"


class _PathsAndTargets(Sequence[tuple[str, int]]):
    """Of the images of a folder."""

    def __init__(self, images: ImageFolder, numbers: range | None = None) -> None:
        self._images = images
        self._numbers = range(len(images)) if numbers is None else numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, number: SupportsIndex) -> tuple[str, int]: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[tuple[str, int]]: ...
    def __getitem__(self, number: SupportsIndex | slice) -> Any:
        if isinstance(number, slice):
            return _PathsAndTargets(self._images, self._numbers[number])
        return self._of([self._numbers[number]])[0]

    def __iter__(self) -> Iterator[tuple[str, int]]:
        for start in range(0, len(self), _AT_ONCE):
            yield from self._of(self._numbers[start : start + _AT_ONCE])

    def _of(self, numbers: Sequence[int]) -> list[tuple[str, int]]:
        spots = [self._images._spot(number) for number in numbers]
        entries = self._images._selection.entries([number for number, _ in spots])
        return [(entry.path, target) for entry, (_, target) in zip(entries, spots, strict=True)]

    def __repr__(self) -> str:
        return f"<{len(self)} paths and targets of {self._images!r}>"


class _GroupedSelection(Selection):
    """Files of a pack that belong to groups, and these."""

    _groups: _rangepack.Groups | None = None

    @property
    def groups(self) -> _rangepack.Groups:
        """The groups, whose numbers are those of `files`."""
        if self._groups is None:
            self._groups = super().files.groups()
        return self._groups

    @property
    def files(self) -> _rangepack.Files:
        """The files that are in groups."""
        return self.groups.files

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_groups": None}


class Samples(Source[T]):
    """Samples of several files, as WebDataset groups them: those in one directory whose names agree up to the first
    dot.

    `cats/1.jpg`, `cats/1.json` and `cats/1.seg.png` are the sample
    `{"__key__": "cats/1", "jpg": b"…", "json": b"…", "seg.png": b"…"}`. Endings are in lower case. Files without a dot
    in their name, or with nothing before it, are in no sample. Nothing is written anew: the order of a pack keeps such
    files together, so all that is remembered is two bits for each entry of the pack.

    Args:
        pack: A `Pack`, or where one lies.
        transform: Called as `transform(sample)` with such a dictionary, whose contents are read-only `memoryview`s;
            what it returns is the sample. Without one, contents are `bytes`.
        select: Globs of the files that are taken; `None` for all.
        exclude, cache, threads, verify: As for `Files`.

    Raises:
        ValueError: When a sample is read: two of its endings differ in case only.
    """

    @overload
    def __init__(
        self: Samples[dict[str, Any]],
        pack: Pack | StrPath,
        transform: None = None,
        select: Globs | None = None,
        **how: Unpack[ReadOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        pack: Pack | StrPath,
        transform: Callable[[dict[str, Any]], T],
        select: Globs | None = None,
        **how: Unpack[ReadOptions],
    ) -> None: ...
    def __init__(
        self,
        pack: Pack | StrPath,
        transform: Callable[[dict[str, Any]], Any] | None = None,
        select: Globs | None = None,
        **how: Unpack[ReadOptions],
    ) -> None:
        self._selection = _GroupedSelection(pack, select, **how)
        self.transform = transform

    @property
    def pack(self) -> Pack:
        """The pack that they are in."""
        return self._selection.pack

    def __len__(self) -> int:
        return len(self._selection.groups)

    def _files(self, numbers: Iterable[int]) -> list[range]:
        """The numbers of the files of samples."""
        groups = self._selection.groups
        return [range(*groups[number]) for number in numbers]

    def sizes(self, numbers: Iterable[int]) -> list[int]:
        """See `Source`."""
        groups = self._files(numbers)
        sizes = iter(self._selection.sizes(number for group in groups for number in group))
        return [sum(next(sizes) for _ in group) for group in groups]

    def fetch(self, numbers: Iterable[int]) -> list[Any]:
        """See `Source`."""
        groups = self._files(numbers)
        files = [number for group in groups for number in group]
        entries = self._selection.entries(files)
        contents = self._selection.read(files, entries)
        pairs = zip((entry.path for entry in entries), contents, strict=True)
        return [[next(pairs) for _ in group] for group in groups]

    def finish(self, fetched: Any) -> T:
        """See `Source`."""
        sample: dict[str, Any] = {}
        for path, content in fetched:
            directory, slash, name = path.rpartition("/")
            stem, _, ending = name.partition(".")
            sample.setdefault("__key__", directory + slash + stem)
            ending = ending.lower()
            if ending in sample:
                raise ValueError(f"the sample {sample['__key__']!r} has two files for {ending!r}")
            sample[ending] = content if self.transform is not None else bytes(content)
        made: T = sample if self.transform is None else self.transform(sample)  # type: ignore[assignment]
        return made

    def __repr__(self) -> str:
        return self._selection.identity("Samples")
