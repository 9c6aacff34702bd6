"""What docs/cluster.md shows of Dask and Spark, where these are; the tests of Ray run what it shows of that."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_page import BLOCKS, PAGE, block, photos

import rangepack


def test_all_blocks_were_found() -> None:
    if not PAGE.exists():
        pytest.skip("the documentation is not here")
    assert list(BLOCKS) == ["Ray", "Dask", "Spark"]
    assert len(BLOCKS) == PAGE.read_text("utf-8").count("```python")


@pytest.mark.parametrize(("title", "package"), [("Dask", "dask"), ("Spark", "pyspark")])
def test_a_block_prints_what_it_says(tmp_path: Path, title: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    if title == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    script, printed = block(tmp_path, title)
    photos(tmp_path)
    rangepack.pack(tmp_path / "photos", tmp_path / "photos.pack")
    command = [sys.executable, script]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
