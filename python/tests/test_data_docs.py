"""What the documentation shows, runs and prints what it says."""

import ast
import csv
import doctest
import importlib
import importlib.util
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import blocks, shown

import rangepack

#: Those of Ray are run by its tests, where a cluster is.
BLOCKS = [block for block in blocks("training.md") if block[0] != "Ray Data"]
MODULES = ["", ".cache", ".files", ".layouts", ".loading", ".sampler", ".source"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that the documentation calls `/data`."""
    image = pytest.importorskip("PIL.Image")
    home = tmp_path_factory.mktemp("data")
    top = home / "tree"
    scores, captions = io.StringIO(), []
    rows = csv.writer(scores)
    rows.writerow(["path", "score"])
    for number in range(40):
        name = ["cats", "dogs"][number // 20]
        path = top / "train" / name / f"{number % 20:04}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        image.new("RGB", (8, 8), (number, 0, 0)).save(path)
        path.with_suffix(".json").write_text(json.dumps({"score": number}))
        inside = path.relative_to(top).as_posix()
        rows.writerow([inside, number])
        captions.append(json.dumps({"path": inside, "caption": f"{name} number {number % 20}"}))
    (top / "scores.csv").write_text(scores.getvalue())
    (top / "captions.jsonl").write_text("\n".join(captions))
    rangepack.pack(top, home / "train.pack")
    return home


def needed(code: str) -> set[str]:
    """The packages that a block imports, and those that its addresses need."""
    found = {"rangepack.fsspec", "fsspec"} if "rangepack://" in code else set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(("code", "printed"), [block[1:] for block in BLOCKS], ids=[block[0] for block in BLOCKS])
def test_a_block_prints_what_it_says(home: Path, tmp_path: Path, code: str, printed: str) -> None:
    for package in needed(code):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    script = tmp_path / "block.py"
    script.write_text(code.replace("/data/", home.as_posix() + "/"), "utf-8")
    environment = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1", "TQDM_DISABLE": "1"}
    done = subprocess.run(
        [sys.executable, script], capture_output=True, encoding="utf-8", cwd=tmp_path, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


def test_all_blocks_were_found() -> None:
    assert len(BLOCKS) + 1 == shown("training.md") == 10


@pytest.mark.parametrize("module", MODULES)
def test_docstrings_say_what_is_so(module: str) -> None:
    assert doctest.testmod(importlib.import_module("rangepack.data" + module)).failed == 0


def test_the_example_ends_with_the_same_weights_with_and_without_a_stop(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("PIL")
    script = Path(__file__).parents[1] / "examples" / "train.py"

    def train(*options: str) -> str:
        arguments = [sys.executable, str(script), "--home", str(tmp_path), "--images", "20", "--epochs", "2", *options]
        done = subprocess.run(arguments, capture_output=True, encoding="utf-8", check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "stopped after 1 batches" in train("--stop-after", "1")
    resumed = train("--workers", "1")
    assert "going on in epoch 0 behind 32 images" in resumed
    assert resumed.splitlines()[-1] == train("--fresh").splitlines()[-1]
