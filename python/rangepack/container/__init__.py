"""Containers that can be continued after any interruption: `python -m rangepack.container create|extract`.

The options are those of the old programs, `create_container.py` and `extract_container.py`; the work is the library's.

>>> import pathlib, tempfile
>>> from rangepack.container import create, finalize
>>> home = pathlib.Path(tempfile.mkdtemp())
>>> (home / "photos").mkdir()
>>> _ = (home / "photos" / "1.txt").write_text("a cat")
>>> create(home / "photos", home / "photos.container").files
1
>>> _ = (home / "photos" / "2.txt").write_text("a dog")
>>> again = create(home / "photos", home / "photos.container", finalize=True)
>>> again.files, again.unchanged, again.is_finalized
(1, 1, True)
"""

from rangepack._writing import create, finalize, survey

__all__ = ["create", "finalize", "survey"]
