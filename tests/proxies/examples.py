"""The examples of docs/proxies.md, cut out of its text."""

import re
from pathlib import Path

from dotenv import dotenv_values

from tests.support.server import ROOT

GUIDE = ROOT / "docs" / "proxies.md"
HOST = "toru.example.com"


def section(heading: str) -> str:
    """The text below a heading, up to the next one of its level."""
    found = re.search(rf"(?ms)^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", GUIDE.read_text())
    assert found is not None, f"docs/proxies.md has no section {heading}"
    return found[1]


def blocks(heading: str, language: str) -> list[str]:
    """The code of one language in a section."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", section(heading))


def env_lines(heading: str) -> list[str]:
    """What a section has one write into `.env`, a text a block."""
    return [block for block in blocks(heading, "sh") if block.startswith("# .env")]


def env_values(heading: str, folder: Path) -> dict[str, str]:
    """The same as values."""
    file = folder / "guide.env"
    file.write_text("\n".join(env_lines(heading)))
    return {name: value for name, value in dotenv_values(file, interpolate=False).items() if value is not None}


def replaced(text: str, changes: dict[str, str]) -> str:
    """The text with each of `changes` made; fails where one has nothing to change."""
    for old, new in changes.items():
        assert old in text, f"docs/proxies.md no longer says {old!r}"
        text = text.replace(old, new)
    return text
