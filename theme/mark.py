"""The T mark: rounded squares forming a lower-case t, drawn for this project, and the icons made of it.

Its grid has three columns and four rows. The stem is the middle column; the bar's left end stands apart from it,
and the foot turns right and ends in a folded corner.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from theme.tokens import MARK

SIZE: Final = 48.0
_CELL: Final = 9.6
_GAP: Final = 1.7
_APART: Final = 4.4
_ROUND: Final = 2.4
_TURN: Final = 5.2
_FOLD: Final = 4.4
_LEFT: Final = (SIZE - (3 * _CELL + _GAP + _APART)) / 2
_TOP: Final = (SIZE - (4 * _CELL + 3 * _GAP)) / 2
_STEM: Final = _LEFT + _CELL + _APART


@dataclass(frozen=True, slots=True)
class Square:
    """One rounded square of the mark, in units of a 48 by 48 drawing."""

    left: float
    top: float

    @property
    def centre(self) -> tuple[float, float]:
        """Where its colour is certain."""
        return self.left + _CELL / 2, self.top + _CELL / 2


def squares() -> tuple[Square, ...]:
    """Top of the stem, the bar from left to right, and the square below the stem's middle."""
    return (
        Square(_STEM, _row(0)),
        Square(_LEFT, _row(1)),
        Square(_STEM, _row(1)),
        Square(_STEM + _CELL + _GAP, _row(1)),
        Square(_STEM, _row(2)),
    )


def foot_points() -> tuple[tuple[float, float], tuple[float, float]]:
    """A point inside the foot and one inside its fold."""
    right = _STEM + 2 * _CELL + _GAP
    return (_STEM + _CELL, _row(3) + _CELL / 2), (right - _FOLD * 0.62, _row(3) + _FOLD * 0.62)


def mark_svg(*, ground: bool = False, scale: float = 1.0, corner: float = 0.0) -> str:
    """The mark as an SVG document.

    Args:
        ground: draw it on a white square, as favicons need.
        scale: size of the mark within the drawing; icons that a system may crop keep it small.
        corner: radius of the white square, in units of the 48 by 48 drawing.
    """
    edge = f'<rect width="{SIZE:g}" height="{SIZE:g}" rx="{corner:g}" fill="{MARK["ground"]}"/>' if ground else ""
    shift = SIZE * (1 - scale) / 2
    move = f' transform="translate({shift:g} {shift:g}) scale({scale:g})"' if scale != 1 else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE:g} {SIZE:g}">{edge}'
        f'<g fill="{MARK["violet"]}"{move}>{"".join(_shapes())}</g></svg>'
    )


def favicon_svg() -> str:
    """The mark as large as it fits on a white square with soft corners."""
    return mark_svg(ground=True, scale=0.94, corner=9)


def _row(index: int) -> float:
    return _TOP + index * (_CELL + _GAP)


def _shapes() -> Iterator[str]:
    for square in squares():
        yield f'<rect x="{square.left:g}" y="{square.top:g}" width="{_CELL:g}" height="{_CELL:g}" rx="{_ROUND:g}"/>'
    x, y, r, turn, fold = _STEM, _row(3), _ROUND, _TURN, _FOLD
    right, bottom = x + 2 * _CELL + _GAP, y + _CELL
    yield (
        f'<path d="M{x + r:g} {y:g}H{right - fold:g}L{right:g} {y + fold:g}V{bottom - r:g}'
        f"a{r:g} {r:g} 0 0 1 {-r:g} {r:g}H{x + turn:g}a{turn:g} {turn:g} 0 0 1 {-turn:g} {-turn:g}V{y + r:g}"
        f'a{r:g} {r:g} 0 0 1 {r:g} {-r:g}z"/>'
    )
    soft = fold * 0.34
    yield (
        f'<path fill="{MARK["fold"]}" d="M{right:g} {y + fold:g}h{-(fold - soft):g}a{soft:g} {soft:g} 0 0 1 '
        f'{-soft:g} {-soft:g}v{-(fold - soft):g}z"/>'
    )
