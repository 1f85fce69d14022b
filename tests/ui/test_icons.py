"""The icons that plugins may name are those that there are."""

import re
from pathlib import Path

from theme.icons import ICONS

GUIDE = Path(__file__).parents[2] / "plugins" / "README.md"


def test_the_guide_names_every_icon_and_no_other() -> None:
    names = GUIDE.read_text().partition("<!-- icons -->\n")[2].partition("\n\n")[0]
    assert re.findall(r"`([^`]+)`", names) == sorted(ICONS)
