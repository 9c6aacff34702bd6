"""What the project's own page shows in Python runs."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

PAGE = Path(__file__).parents[2] / "README.md"


def test_what_the_readme_shows_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not PAGE.exists():
        pytest.skip("the documentation is not here")
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    for number in range(1, 10):
        path = tmp_path / "photos" / "cats" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"cat")
    (tmp_path / "photos" / "notes.txt").write_text("of cats")
    monkeypatch.chdir(tmp_path)
    # There is no such bucket; the tests of fsspec read addresses of this kind.
    read: list[str] = []
    names: dict[str, object] = {"pandas": SimpleNamespace(read_csv=read.append), "transform": None}
    exec(compile(code, PAGE.name, "exec"), names)
    assert capsys.readouterr().out.endswith("of cats\n")
    batch = names["batch"]
    assert isinstance(batch, list) and len(batch) == 9
    assert read == ["rangepack://table.csv::s3://bucket/photos.pack"]
