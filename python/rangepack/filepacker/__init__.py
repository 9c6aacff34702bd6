"""What FilePacker's users call, on packs and on `.fpack` files: change the import, and nothing else.

>>> import pathlib, tempfile
>>> from rangepack.filepacker import FilePackReader, pack_directory_contents
>>> home = pathlib.Path(tempfile.mkdtemp())
>>> (home / "photos" / "cats").mkdir(parents=True)
>>> _ = (home / "photos" / "cats" / "1.txt").write_text("a cat")
>>> pack_directory_contents(str(home / "photos"), str(home / "photos.pack"))
>>> reader = FilePackReader(str(home / "photos.pack"))
>>> len(reader), reader.listdir(f"{home}/photos/cats"), reader.read_bytes("cats/1.txt", True)
(1, ['1.txt'], b'a cat')
>>> with reader.open("cats/1.txt", "r", exclude_base_path=True) as file:
...     file.read()
'a cat'

Both kinds of files are read; packs are written.
"""

from rangepack.filepacker import utils
from rangepack.filepacker.reader import FilePackReader
from rangepack.filepacker.writer import FilePackWriter, pack_directory_contents

__all__ = ["FilePackReader", "FilePackWriter", "pack_directory_contents", "utils"]
