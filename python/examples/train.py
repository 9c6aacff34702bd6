"""Trains a small network on images in a pack, stops in the middle of an epoch, and goes on as if it had not.

    python train.py --stop-after 120   # makes the images, packs them, trains for 120 batches
    python train.py                    # goes on where that stopped, to the end
    python train.py --fresh            # the same without a stop: the weights are the same

It needs PyTorch and Pillow, and no graphics card.
"""

# PyTorch is too long a download for where types are checked.
# pyright: reportMissingImports=false
from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import torch
from PIL import Image, ImageDraw
from torch import nn
from torch.utils.data import DataLoader, Dataset

import rangepack
from rangepack.data import ImageFolder, Sampler

SHAPES = ["circle", "cross", "square", "triangle"]
SIZE = 32


def draw(shape: str, chance: random.Random) -> Image.Image:
    """A shape of some size, place and colour, in noise."""
    image = Image.new("RGB", (SIZE, SIZE))
    pen = ImageDraw.Draw(image)
    radius = chance.randrange(5, 11)
    x, y = (chance.randrange(radius, SIZE - radius) for _ in "xy")
    colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    elif shape == "triangle":
        pen.polygon([(x, box[1]), (box[2], box[3]), (box[0], box[3])], fill=colour)
    else:
        pen.line(box, fill=colour, width=3)
        pen.line((box[0], box[3], box[2], box[1]), fill=colour, width=3)
    noise = Image.frombytes("RGB", (SIZE, SIZE), chance.randbytes(SIZE * SIZE * 3))
    return Image.blend(image, noise, 0.6)


def make_pack(target: Path, images: int) -> None:
    """A pack of `train/SHAPE/NUMBER.png` and `test/SHAPE/NUMBER.png`."""
    with tempfile.TemporaryDirectory() as home:
        for shape in SHAPES:
            for number in range(images):
                part = "test" if number % 5 == 0 else "train"
                path = Path(home, part, shape, f"{number:05}.png")
                path.parent.mkdir(parents=True, exist_ok=True)
                draw(shape, random.Random(f"{shape} {number}")).save(path)
        rangepack.pack(home, target)


def to_tensor(image: Image.Image) -> torch.Tensor:
    """An image as floats from 0 to 1 of shape (3, SIZE, SIZE)."""
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.reshape(SIZE, SIZE, 3).permute(2, 0, 1).float() / 255


def make_model() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(32, len(SHAPES)),
    )


class Training:
    """A model, and where its training has come to."""

    def __init__(self, pack: Path, checkpoint: Path, workers: int) -> None:
        self.images = ImageFolder(pack, to_tensor, root="train")
        self.unseen = ImageFolder(pack, to_tensor, root="test")
        self.sampler = Sampler(self.images, seed=1)
        self.checkpoint, self.workers = checkpoint, workers
        self.model = make_model()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.002)
        if checkpoint.exists():
            saved = torch.load(checkpoint)
            self.model.load_state_dict(saved["model"])
            self.optimizer.load_state_dict(saved["optimizer"])
            self.sampler.load_state_dict(saved["sampler"])
            print(f"going on in epoch {self.sampler.epoch} behind {self.sampler.position} images")

    def save(self, consumed: int) -> None:
        # The loader has drawn ahead for its workers: the sampler is told how far the model is.
        sampler = self.sampler.state_dict(consumed)
        saved = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict(), "sampler": sampler}
        torch.save(saved, self.checkpoint)

    def epoch(self) -> Iterator[int]:
        """Trains what is left of an epoch, and yields behind each batch how many images were used."""
        # A data set for PyTorch is what has a length and items; only its type hints want a subclass.
        images = cast("Dataset[Any]", self.images)
        loader = DataLoader(images, batch_size=32, sampler=self.sampler, num_workers=self.workers)
        consumed, total = 0, 0.0
        for images, targets in loader:
            self.optimizer.zero_grad()
            loss = nn.functional.cross_entropy(self.model(images), targets)
            loss.backward()
            self.optimizer.step()
            consumed += len(images)
            total += float(loss.detach()) * len(images)
            yield consumed
        print(f"  {consumed} images, loss {total / consumed:.3f}, {self.accuracy():.1%} of unseen ones are right")

    def accuracy(self) -> float:
        right = 0
        with torch.no_grad():
            for images, targets in DataLoader(cast("Dataset[Any]", self.unseen), batch_size=200):
                right += int((self.model(images).argmax(1) == targets).sum())
        return right / len(self.unseen)

    def weights(self) -> str:
        digest = hashlib.sha256()
        for weights in self.model.state_dict().values():
            digest.update(weights.numpy().tobytes())
        return digest.hexdigest()[:16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=Path("shapes"), help="where the pack and the checkpoint are")
    parser.add_argument("--images", type=int, default=500, help="how many of each shape are made")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--stop-after", type=int, help="stop after so many batches")
    parser.add_argument("--fresh", action="store_true", help="forget the checkpoint")
    options = parser.parse_args()
    if options.fresh:
        shutil.rmtree(options.home / "checkpoint", ignore_errors=True)
    (options.home / "checkpoint").mkdir(parents=True, exist_ok=True)
    pack = options.home / "shapes.pack"
    if not pack.exists():
        make_pack(pack, options.images)
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    training = Training(pack, options.home / "checkpoint" / "last.pt", options.workers)
    print(f"{len(training.images)} images of {', '.join(training.images.classes)}; {len(training.unseen)} unseen ones")
    batches = 0
    while training.sampler.epoch < options.epochs:
        print(f"epoch {training.sampler.epoch}")
        for consumed in training.epoch():
            batches += 1
            if batches == options.stop_after:
                training.save(consumed)
                print(f"stopped after {batches} batches")
                return
    print(f"weights {training.weights()}")


if __name__ == "__main__":
    main()
