"""Containers that can be continued, and the command lines of the old programs."""

import doctest
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import rangepack
from rangepack import container
from rangepack.container.__main__ import main

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "seed-formats"
EXPECTED = json.loads((FIXTURES / "expected.json").read_text())


def content_of(top: Path) -> dict[str, bytes]:
    paths = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    top = tmp_path / "source"
    (top / "d" / "empty").mkdir(parents=True)
    for number in range(20):
        (top / "d" / f"{number}.txt").write_bytes(b"%d" % number * 100 * number)
    (top / "a.bin").write_bytes(os.urandom(300_000))
    return top


def run(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    "name",
    ["plain.container", "gzip.container", "json-array.container", "json-object.container", "trailing-bytes.container",
     "unfinalized.container", "plain.fpack"],
)  # fmt: skip
def test_old_containers_are_extracted(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("extract", "--container", FIXTURES / name, "--outdir", tmp_path / "out") == 0
    got = content_of(tmp_path / "out")
    expected = dict(EXPECTED)
    if not name.endswith(".fpack"):
        # The old packer turned backslashes into slashes.
        expected = {path.replace("\\", "/"): known for path, known in expected.items()}
    assert set(got) == set(expected)
    for path, content in got.items():
        assert hashlib.sha256(content).hexdigest() == expected[path]["sha256"]
    said = capsys.readouterr().err
    assert f"extracted {len(expected)} files" in said
    assert ("not finalized" in said) == name.startswith("unfinalized")


def test_what_is_created_is_extracted_and_goes_on(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made" / "s.container"
    create = ["create", "--src", source, "--container", made, "--compress"]
    assert run(*create, "--fsync-every", 4, "--index-batch", 8, "--chunk-size", "64k") == 0
    assert made.with_name("s.container.idx").exists()
    assert "the container is open" in capsys.readouterr().err
    (source / "later.txt").write_text("later")
    assert run(*create, "--finalize", "--remove-index-on-finalize", "--print-each") == 0
    said = capsys.readouterr().err
    assert "went on from 23 entries" in said and "packed 1 files" in said and "23 unchanged" in said
    assert "finalized 24 entries" in said and "later.txt" in said.splitlines() and "a.bin" not in said.splitlines()
    assert not made.with_name("s.container.idx").exists()
    assert run("extract", "--container", made, "--outdir", tmp_path / "out") == 0
    assert content_of(tmp_path / "out") == content_of(source)
    assert rangepack.verify(made).is_sound
    # A finished container is left alone when there is something to add.
    assert run(*create) == 0
    (source / "latest.txt").write_text("latest")
    assert run(*create) == 2 and "finished" in capsys.readouterr().err
    assert run(*create, "--reopen", "--finalize") == 0
    assert bytes(rangepack.open(made)["latest.txt"]) == b"latest"


def test_an_interrupted_run_goes_on(source: Path, tmp_path: Path) -> None:
    made = tmp_path / "s.container"
    told: list[tuple[int, int]] = []

    def enough(files: int, size: int) -> None:
        told.append((files, size))
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        rangepack.create(source, made, progress=enough)
    assert told
    # How far it came nobody knows; it goes on from there.
    rangepack.create(source, made)
    with made.open("ab") as file:
        file.write(b"half a payload")
    with pytest.raises(rangepack.ContainerError) as raised:
        rangepack.create(source, made)
    assert raised.value.location == str(made)
    created = rangepack.create(source, made, tail="cut", finalize=True)
    assert created.is_finalized and created.cut == 14 and created.resumed_entries == created.unchanged
    assert created.root == rangepack.open(made).root
    assert {path: bytes(rangepack.open(made)[path]) for path in rangepack.open(made)} == content_of(source)


def test_functions_tell_what_was_done(source: Path, tmp_path: Path) -> None:
    made = tmp_path / "s.container"
    told: list[tuple[int, int]] = []
    size = sum(map(len, content_of(source).values()))
    options: dict[str, Any] = {"exclude": ["/d/*[0-8].txt"], "compress": "gzip", "level": 9, "fsync_every": 100}
    assert container.survey(source).files == 21 and container.survey(source).bytes == size
    assert vars(container.survey(source, sizes=False, extensions=["bin"])) | {"bytes": 0} == {
        "files": 1, "directories": 0, "links": 0, "special": 0, "failed": 0, "bytes": 0
    }  # fmt: skip
    dry = rangepack.create(source, made, dry_run=True, finalize=True)
    assert dry.files == 21 and dry.bytes == size and not dry.is_finalized and not made.exists()
    created = rangepack.create(source, made, progress=lambda *so_far: told.append(so_far), **options)
    assert created.files == 3 and created.resumed_entries is None and created.root is None
    assert told[-1] == (created.files, created.bytes)
    finished = rangepack.finalize(made, index_format="ndjson")
    assert finished.root is None and finished.entries == 5 and finished.file_length == made.stat().st_size
    assert rangepack.open(made).format == "ctnrv1"
    refused: list[tuple[dict[str, Any], str]] = [
        ({"compress": "zip"}, "compress is None"),
        ({"level": 10, "compress": "gzip"}, "level"),
        ({"tail": "bite"}, "keep.*cut"),
        ({"index_format": "x"}, "both"),
        ({"include": ["["]}, "pattern|glob|\\["),
    ]
    for bad, said in refused:
        with pytest.raises(ValueError, match=said):
            rangepack.create(source, made, **bad)
    with pytest.raises(TypeError):
        rangepack.create(source, made, nonsense=1)  # type: ignore[call-arg]
    with pytest.raises(FileNotFoundError):
        rangepack.create(tmp_path / "none", tmp_path / "x.container")
    with pytest.raises(FileNotFoundError):
        rangepack.finalize(tmp_path / "none")


def test_what_is_there_already(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = tmp_path / "s.pack", tmp_path / "out"
    rangepack.pack(source, made)
    extract = ["extract", "--container", made, "--outdir", out]
    assert run(*extract, "--dry-run") == 0 and "checked 21 files" in capsys.readouterr().err and not out.exists()
    assert run(*extract) == 0
    (out / "d" / "1.txt").write_bytes(b"x" * 100)
    (out / "d" / "2.txt").write_bytes(b"longer")
    capsys.readouterr()
    assert run(*extract, "--skip-existing") == 0 and "20 skipped" in capsys.readouterr().err
    assert (out / "d" / "1.txt").read_bytes() == b"x" * 100 and (out / "d" / "2.txt").stat().st_size == 200
    assert run(*extract, "--verify-existing") == 0 and "20 skipped" in capsys.readouterr().err
    assert content_of(out) == content_of(source)
    (out / "d" / "1.txt").write_bytes(b"x" * 100)
    assert run(*extract, "-v", "-q") == 0
    said = capsys.readouterr().err.splitlines()
    assert "d/1.txt" in said and not any("extracted" in line for line in said) and content_of(out) == content_of(source)
    assert run(*extract, "*.bin", "d/3.txt") == 0 and "extracted 2 files" in capsys.readouterr().err
    assert run(*extract, "none") == 1 and "nothing in the pack matches none" in capsys.readouterr().err


def lines(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def test_status_files(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, status = tmp_path / "s.container", tmp_path / "status"
    size = sum(map(len, content_of(source).values()))
    create = ["create", "--src", source, "--container", made, "--finalize"]
    assert run(*create, "--status-file", status, "--scan-sizes", "--tqdm") == 0
    kept = lines(status)
    assert list(kept) == [
        "start_time", "total_files", "total_bytes", "processed_files", "bytes_written", "current_file",
        "current_file_bytes", "speed_bps", "eta_seconds", "status", "finished_time",
    ]  # fmt: skip
    assert (kept["status"], kept["processed_files"], kept["bytes_written"]) == ("finished", "21", str(size))
    assert (kept["total_files"], kept["total_bytes"], kept["eta_seconds"]) == ("21", str(size), "0")
    extract = ["extract", "--container", made, "--outdir", tmp_path / "out", "--status-file", status]
    assert run(*extract, "--status-format", "json") == 0
    told = json.loads(status.read_text())
    assert told["status"] == "finished" and told["bytes_extracted"] == size and told["total_files"] == 21
    damaged = bytearray(made.read_bytes())
    damaged[10] ^= 1
    made.write_bytes(damaged)
    assert run(*extract) == 1 and lines(status)["status"] == "failed"
    assert "warning: a.bin: " in capsys.readouterr().err
    assert run("create", "--src", tmp_path / "none", "--container", tmp_path / "x", "--status-file", status) == 2
    assert lines(status)["status"] == "failed" and sorted(os.listdir(tmp_path)) == [
        "out",
        "s.container",
        "s.container.idx",
        "source",
        "status",
    ]
    thesis = tmp_path / "thesis"
    thesis.write_text("dear reader")
    assert run(*extract, "--status-file", thesis) == 2 and thesis.read_text() == "dear reader"


def test_control_characters_stay_off_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a\x1b[2J\nstatus=finished").touch()
    with open(os.fsencode(tmp_path / "s") + b"/\xff", "wb"):
        pass
    assert run("create", "--src", tmp_path / "s", "--container", tmp_path / "c", "--print-each") == 0
    said = capsys.readouterr().err
    assert "a\\x1b[2J\\nstatus=finished" in said and "\\udcff" in said and "\x1b" not in said


@pytest.mark.parametrize(
    "line",
    [
        "create --container c",
        "create --src s --container c --fsync-every 0",
        "create --src s --container c --fsync-every 10 --index-batch 9",
        "create --src s --container c --chunk-size 1023",
        "create --src s --container c --compress 10",
        "create --src s --container c --remove-index-on-finalize",
        "create --src s --container c --status-file c.idx",
        "extract --container c",
        "extract --outdir o",
        "extract --container c --outdir o --status-file c",
        "extract --container c --outdir o --lookback many",
        "",
    ],
)
def test_what_does_not_go_together(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2 and "usage:" in capsys.readouterr().err


def test_bad_input_has_its_exit_code(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text"
    text.write_text("no container\n" * 9)
    assert run("extract", "--container", text, "--outdir", tmp_path / "out") == 1
    assert run("extract", "--container", tmp_path / "none", "--outdir", tmp_path / "out") == 2
    assert run("create", "--finalize-only", "--container", tmp_path / "none") == 2
    assert run("create", "--src", source, "--container", text) == 2 and "is missing" in capsys.readouterr().err
    assert text.read_text().startswith("no container")
    assert run("create", "--finalize-only", "--container", tmp_path / "none", "--dry-run") == 0
    shutil.copy(FIXTURES / "unfinalized.container", tmp_path / "u")
    shutil.copy(FIXTURES / "unfinalized.container.idx", tmp_path / "index")
    assert run("create", "--finalize-only", "--container", tmp_path / "u", "--index", tmp_path / "index") == 0
    assert len(rangepack.open(tmp_path / "u")) == len(EXPECTED)
    assert run("extract", "--container", tmp_path / "u", "--outdir", tmp_path / "out", "--root", "0" * 64) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_a_run_that_can_go_on(number: signal.Signals, tmp_path: Path) -> None:
    source = tmp_path / "s"
    source.mkdir()
    for file in range(3000):
        (source / f"{file}").write_bytes(b"%d" % file * 50)
    made, status = tmp_path / "s.container", tmp_path / "status"
    line = [sys.executable, "-m", "rangepack.container", "create", "--src", str(source), "--container", str(made)]
    line += ["--print-each", "--fsync-every", "100"]
    with subprocess.Popen([*line, "--status-file", str(status)], stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline()
            process.send_signal(number)
            said = process.stderr.read()
            code = process.wait(60)
        finally:
            # The end of `with` waits for it, however long.
            process.kill()
    # It may have been through already.
    assert (code, lines(status)["status"]) in [(130, "interrupted"), (0, "finished")], said
    subprocess.run([*line, "--finalize"], check=True, capture_output=True)
    assert len(rangepack.open(made)) == 3000 and rangepack.verify(made).is_sound


def test_the_examples_in_the_documentation_run() -> None:
    assert doctest.testmod(container).failed == 0
