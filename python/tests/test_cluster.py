"""What docs/cluster.md shows of Dask and Spark, where these are; the tests of Ray run what it shows of that."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import block, blocks, photos, shown

import rangepack


def test_all_blocks_were_found() -> None:
    assert shown("cluster.md") == 3 and [block[0] for block in blocks("cluster.md")] == ["Ray", "Dask", "Spark"]


@pytest.mark.parametrize(("title", "package"), [("Dask", "dask"), ("Spark", "pyspark")])
def test_a_block_prints_what_it_says(tmp_path: Path, title: str, package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    if title == "Spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not installed")
    script, printed = block(tmp_path, "cluster.md", title)
    photos(tmp_path)
    rangepack.pack(tmp_path / "photos", tmp_path / "photos.pack")
    command = [sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed
