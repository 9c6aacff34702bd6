"""PyTorch and Grain, where they are installed."""

from pathlib import Path
from typing import Any

import pytest

import rangepack
from rangepack.data import Files, ImageFolder, Loader, Sampler


def number_of(content: memoryview, entry: rangepack.Entry) -> int:
    return int(entry.name[:3])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_loader_of_torch_goes_on_with_other_workers_and_ranks(location: Path, context: str) -> None:
    data = pytest.importorskip("torch.utils.data")
    files = Files(location, number_of, select="/a/*.txt")
    whole = list(Sampler(files, seed=9))
    sampler = Sampler(files, seed=9)
    seen: list[int] = []
    state: dict[str, Any] = {}
    loader = data.DataLoader(files, batch_size=10, sampler=sampler, num_workers=2, multiprocessing_context=context)
    for step, batch in enumerate(loader, 1):
        seen += batch.tolist()
        if step == 7:
            state = sampler.state_dict(consumed=step * 10)
            break
    assert seen == whole[:70]
    for rank in range(2):
        sampler = Sampler(files, seed=9, rank=rank, world_size=2)
        sampler.load_state_dict(state)
        rest = [number for batch in data.DataLoader(files, batch_size=8, sampler=sampler) for number in batch.tolist()]
        assert rest == whole[70 + rank :: 2]
    assert state["position"] == 70


def test_torch_reads_batches_at_once(location: Path) -> None:
    data = pytest.importorskip("torch.utils.data")

    class Watched(Files[Any]):
        calls = 0

        def __getitems__(self, numbers: Any) -> list[Any]:
            self.calls += 1
            return super().__getitems__(numbers)

    files = Watched(location, number_of, select="/a/*.txt")
    assert sum(len(batch) for batch in data.DataLoader(files, batch_size=50)) == 300
    assert files.calls == 6


def test_torch_makes_tensors_of_contents(location: Path) -> None:
    torch = pytest.importorskip("torch")
    files = Files(
        location, lambda content, _: torch.frombuffer(bytearray(content), dtype=torch.uint8), select="/a/2??.txt"
    )
    assert files[0].tolist() == [200] * 200
    batches = Loader(files, range(3), 3, torch.nn.utils.rnn.pad_sequence)
    assert next(iter(batches)).shape == (202, 3)


def test_torchvision_takes_an_image_folder(tmp_path: Path) -> None:
    data = pytest.importorskip("torch.utils.data")
    transforms = pytest.importorskip("torchvision.transforms")
    image = pytest.importorskip("PIL.Image")
    for name in "ab":
        (tmp_path / "tree" / name).mkdir(parents=True)
        image.new("RGB", (4, 4), (ord(name), 0, 0)).save(tmp_path / "tree" / name / "1.png")
    rangepack.pack(tmp_path / "tree", tmp_path / "images.pack")
    images = ImageFolder(tmp_path / "images.pack", transforms.ToTensor())
    ((batch, targets),) = data.DataLoader(images, batch_size=2)
    assert batch.shape == (2, 3, 4, 4) and targets.tolist() == [0, 1]


def test_grain_reads_and_goes_on_from_a_checkpoint(location: Path) -> None:
    grain = pytest.importorskip("grain")
    files = Files(location, number_of, select="/a/*.txt")
    assert isinstance(files, grain.sources.RandomAccessDataSource)

    def loader() -> Any:
        sampler = grain.samplers.IndexSampler(num_records=len(files), shuffle=True, seed=1, num_epochs=1)
        return grain.DataLoader(data_source=Files(location, number_of, select="/a/*.txt"), sampler=sampler)

    iterator = iter(loader())
    whole = list(loader())
    assert sorted(whole) == list(range(300))
    assert [next(iterator) for _ in range(20)] == whole[:20]
    state = iterator.get_state()
    other = iter(loader())
    other.set_state(state)
    assert list(other) == whole[20:]


def test_grain_draws_in_the_order_of_a_sampler(location: Path) -> None:
    grain = pytest.importorskip("grain")
    files = Files(location, number_of, select="/a/*.txt")
    order = Sampler(files, seed=2).take(0, len(files))
    dataset = grain.MapDataset.source(files).shuffle(seed=4).batch(batch_size=50)
    assert sorted(int(number) for batch in dataset for number in batch) == list(range(300))
    drawn = grain.MapDataset.source(order).map(files.__getitem__)
    assert list(drawn) == list(Sampler(files, seed=2))
