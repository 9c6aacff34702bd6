"""What the documentation shows in Python, and what that prints."""

import re
from pathlib import Path

import pytest

SHOWN = re.compile(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```\n```text\n(.*?)^```\n", re.M | re.S)


def blocks(page: str) -> list[tuple[str, str, str]]:
    """The programs of a page of `docs`, each the only one below its title: title, program, and what it prints. There
    are none where the documentation is not."""
    path = Path(__file__).parents[2] / "docs" / page
    return SHOWN.findall(path.read_text("utf-8")) if path.exists() else []


def shown(page: str) -> int:
    """How many programs a page shows; a package alone has no pages."""
    path = Path(__file__).parents[2] / "docs" / page
    if not path.exists():
        pytest.skip("the documentation is not here")
    return path.read_text("utf-8").count("```python")


def block(home: Path, page: str, title: str) -> tuple[Path, str]:
    """A program of a page that works in `home` instead of `/data`, and what it prints."""
    shown(page)
    ((code, printed),) = (block[1:] for block in blocks(page) if block[0] == title)
    script = home / "block.py"
    script.write_text(code.replace("/data/", home.as_posix() + "/"), "utf-8")
    return script, printed


def photos(home: Path) -> None:
    """The tree that docs/cluster.md calls `/data/photos`."""
    for number in range(36):
        path = home / "photos" / f"{number % 3}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 20)
    for number in range(4):
        (home / "photos" / f"{number}.txt").write_text(f"note {number}\n")
