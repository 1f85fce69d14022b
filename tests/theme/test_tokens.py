"""Colours have one home, both modes have every one of them, and text can be read on every surface."""

import re
from pathlib import Path

import pytest

from theme.tokens import DARK, LIGHT, css_variables

ROOT = Path(__file__).resolve().parents[2]
LITERAL = re.compile(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|rgba|hsl|hsla|oklch)\([^)]*\d")
NAMED = re.compile(r"(?:color|background|border|fill|stroke)[\w-]*\s*:\s*(?:white|black|red|green|blue|gray|grey)\b")
SURFACES = ("bg", "surface", "surface-2", "raised", "accent-soft", "track", "neutral-soft")


def sources() -> list[Path]:
    everything = [path for part in ("ui", "theme") for path in (ROOT / part).rglob("*")]
    files = [path for path in everything if path.suffix in (".py", ".js", ".css")]
    assert len(files) > 20
    return [path for path in files if path.name != "tokens.py"]


def test_no_other_file_holds_a_colour() -> None:
    found = []
    for path in sources():
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if (match := LITERAL.search(line) or NAMED.search(line)) and not _is_an_icon(line, match.group()):
                found.append(f"{path.relative_to(ROOT)}:{number} {match.group()}")
    assert not found, "Add a token to theme/tokens.py and use var(--…) or import it:\n" + "\n".join(found)


def _is_an_icon(line: str, text: str) -> bool:
    """`icons.svg#face` is an address, not a colour; so is `href="#add"`."""
    return f"'{text}" in line or f"svg{text}" in line


def test_a_colour_would_be_found() -> None:
    assert LITERAL.search("color: #493FAA;")
    assert LITERAL.search("box-shadow: 0 0 3px rgba(0, 0, 0, .4)")
    assert NAMED.search("background: white")
    assert not LITERAL.search("color-mix(in srgb, var(--ok-dot) 22%, transparent)")


def test_dark_has_every_token_that_light_has() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_style_sheets_use_only_tokens_that_exist() -> None:
    sheets = {path: path.read_text() for path in (ROOT / "theme" / "css").glob("*.css")}
    everything = css_variables() + "".join(sheets.values())
    defined = set(re.findall(r"(--[\w-]+)\s*:", everything))
    scripts = {path: path.read_text() for path in (ROOT / "ui").rglob("*.js")}
    used = {
        f"{path.name}: {name}"
        for path, text in {**sheets, **scripts}.items()
        for name in re.findall(r"var\((--[\w-]+)\)", text)
        if name not in defined and not name.startswith(("--q-", "--nicegui"))
    }
    assert not used


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3", "accent", "ok", "warn", "bad"])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_can_be_read_on_every_surface(mode: str, ink: str, surface: str) -> None:
    tokens = LIGHT if mode == "light" else DARK
    assert contrast(tokens[ink], tokens[surface]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_what_lies_on_colour_can_be_read(mode: str) -> None:
    tokens = LIGHT if mode == "light" else DARK
    pairs = [("on-primary", ground) for ground in ("primary", "primary-deep", "danger", "danger-hover")]
    pairs += [(tone, f"{tone}-soft") for tone in ("ok", "warn", "bad")]
    pairs += [(ink, ground) for ink in ("nav-ink", "nav-ink-2") for ground in ("nav-top", "nav-middle", "nav-bottom")]
    assert [pair for pair in pairs if contrast(tokens[pair[0]], tokens[pair[1]]) < 4.5] == []
    assert contrast(tokens["line-strong"], tokens["surface"]) >= 3, "the border of a field must be seen"


def test_the_brand_is_torus() -> None:
    assert (LIGHT["primary"], LIGHT["primary-hover"], LIGHT["bg"], LIGHT["surface"]) == (
        "#493FAA", "#7E64E7", "#F9F9F9", "#FFFFFF",
    )  # fmt: skip
    assert (LIGHT["ink"], LIGHT["ink-2"]) == ("#191919", "#494949")
    assert (LIGHT["accent-bright"], LIGHT["accent-pale"]) == ("#8E7EF7", "#A294FF")


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2."""
    bright, dim = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
