"""The sprite has the icons that the product uses, and no others."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from theme.icons import ACTION_ICONS, ICONS, PAGE_ICONS, sprite
from ui.components.icon import icon_source

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE = "{http://www.w3.org/2000/svg}"


def test_every_icon_is_a_symbol_that_takes_the_colour_of_its_text() -> None:
    symbols = ET.fromstring(sprite()).findall(f"{NAMESPACE}symbol")
    assert {symbol.get("id") for symbol in symbols} == ICONS
    assert all(symbol.get("stroke") == "currentColor" and len(symbol) > 0 for symbol in symbols)


def test_an_icon_that_lucide_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        sprite(["no-such-icon"])


def test_a_page_cannot_draw_an_icon_that_is_not_in_the_sprite() -> None:
    assert icon_source("cpu").startswith("svguse:/static/icons.svg?v=")
    with pytest.raises(KeyError, match="add it there"):
        icon_source("skateboard")


def test_no_icon_is_carried_for_nothing() -> None:
    files = [path for path in (ROOT / "ui").rglob("*") if path.suffix in (".py", ".js")]
    words = set(re.findall(r"[\"'#]([a-z0-9-]+)[\"'?|]", "\n".join(path.read_text() for path in files)))
    unused = set(PAGE_ICONS) - set(ACTION_ICONS) - words
    assert not unused, "Take them out of PAGE_ICONS in theme/icons.py."
