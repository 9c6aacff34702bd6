"""What docs/cluster.md shows in Python."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "cluster.md"
BLOCKS: dict[str, tuple[str, str]] = {}
if PAGE.exists():
    shown = r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```\n```text\n(.*?)^```\n"
    BLOCKS = {
        title: (code, printed) for title, code, printed in re.findall(shown, PAGE.read_text("utf-8"), re.M | re.S)
    }


def photos(home: Path) -> None:
    """The tree that the page calls `/data/photos`."""
    for number in range(36):
        path = home / "photos" / f"{number % 3}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([number]) * 20)
    for number in range(4):
        (home / "photos" / f"{number}.txt").write_text(f"note {number}\n")


def block(home: Path, title: str) -> tuple[Path, str]:
    """A program of the page, with its paths in `home`, and what it prints."""
    if not PAGE.exists():
        pytest.skip("the documentation is not here")
    code, printed = BLOCKS[title]
    script = home / "block.py"
    script.write_text(code.replace("/data/", home.as_posix() + "/"), "utf-8")
    return script, printed
