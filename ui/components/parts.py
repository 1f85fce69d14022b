"""The small parts in JavaScript that components share, and that trees of plugins are drawn with."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
PARTS: Final = (FOLDER / "toru_figures.js", FOLDER / "toru_parts.js")
"""Figures as people read them; picture, chip, bar, sparkline, tile."""

LIVE: Final = (*PARTS, FOLDER / "toru_machine.js")
"""What every component that follows the machine imports."""

END_FOLLOWING: Final = FOLDER / "end_following.js"
"""A box of lines that stays at its end."""
