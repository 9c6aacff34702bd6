"""Packs for training: data sets, an order that resumes, and reading ahead. Nothing here needs PyTorch, or any other
package.

>>> import pathlib, tempfile, rangepack
>>> from rangepack.data import Files, Loader, Sampler
>>> home = pathlib.Path(tempfile.mkdtemp())
>>> for name in ["cats/1.txt", "cats/2.txt", "dogs/1.txt"]:
...     (home / "pets" / name).parent.mkdir(parents=True, exist_ok=True)
...     _ = (home / "pets" / name).write_text(f"this is {name}")
>>> packed = rangepack.pack(home / "pets", home / "pets.pack")
>>> pets = Files(home / "pets.pack")
>>> len(pets), pets[0], pets.__getitems__([2, 0])
(3, b'this is cats/1.txt', [b'this is dogs/1.txt', b'this is cats/1.txt'])

Slices read nothing yet:

>>> list(pets[::-2])
[b'this is dogs/1.txt', b'this is cats/1.txt']

A transform makes samples of contents:

>>> lengths = Files(home / "pets.pack", lambda content, entry: (entry.path, len(content)), select="cats/*")
>>> list(lengths)
[('cats/1.txt', 18), ('cats/2.txt', 18)]

A sampler says in which order, and can go on elsewhere, with another number of ranks:

>>> sampler = Sampler(pets, seed=1)
>>> sorted(sampler), sampler.state_dict()["epoch"]
([0, 1, 2], 1)

A loader reads batches ahead of the loop, within a budget of memory:

>>> for batch in Loader(pets, sampler, batch_size=2):
...     print(len(batch))
2
1
"""

from __future__ import annotations

from rangepack.data.cache import Cache
from rangepack.data.files import Files
from rangepack.data.layouts import ImageFolder, Samples
from rangepack.data.loading import Loader
from rangepack.data.sampler import Sampler
from rangepack.data.source import Concat, Source, Subset

__all__ = ["Cache", "Concat", "Files", "ImageFolder", "Loader", "Sampler", "Samples", "Source", "Subset"]
