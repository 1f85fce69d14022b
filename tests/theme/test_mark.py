"""The icons in theme/assets are the mark: each picture has its colours where the drawing has its shapes."""

import struct
import xml.etree.ElementTree as ET
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from theme.mark import SIZE, favicon_svg, foot_points, mark_svg, squares
from theme.tokens import MARK

ASSETS = Path(__file__).resolve().parents[2] / "theme" / "assets"
# name, pixels, how large the mark is within them, whether the corners are see-through
PICTURES = [
    ("icon-192.png", 192, 0.9, True),
    ("icon-512.png", 512, 0.9, True),
    ("icon-maskable-512.png", 512, 0.66, False),
    ("apple-touch-icon.png", 180, 0.8, False),
    ("favicon.ico", 48, 0.94, True),
]


@dataclass(frozen=True)
class Picture:
    size: int
    rows: list[bytes]
    channels: int

    def at(self, x: float, y: float) -> tuple[int, ...]:
        row, start = self.rows[int(y)], int(x) * self.channels
        return tuple(row[start : start + self.channels])


@pytest.mark.parametrize(("name", "size", "scale", "open_corners"), PICTURES)
def test_a_picture_is_made_of_the_mark(name: str, size: int, scale: float, open_corners: bool) -> None:
    picture = read_png((ASSETS / name).read_bytes())
    assert picture.size == size

    def colour(point: tuple[float, float]) -> tuple[int, ...]:
        placed = [(value - SIZE / 2) * scale + SIZE / 2 for value in point]
        return picture.at(*(value * size / SIZE for value in placed))

    violet, fold, ground = (rgb(MARK[key]) for key in ("violet", "fold", "ground"))
    foot, flap = foot_points()
    assert [colour(square.centre)[:3] for square in squares()] == [violet] * 5
    assert colour(foot)[:3] == violet
    assert near(colour(flap)[:3], fold)
    left, stem = squares()[1], squares()[2]
    between = ((left.centre[0] + stem.centre[0]) / 2, stem.centre[1])
    assert colour(between)[:3] == ground, "the bar's left end stands apart from the stem"
    if open_corners:
        assert picture.at(0, 0)[3:] == (0,)
    else:
        assert picture.at(0, 0)[:3] == ground, "systems crop it as they like, so it must be filled"


def test_what_systems_may_crop_lies_in_the_safe_zone() -> None:
    """A maskable icon is sure to be seen within a circle of 80 % only."""
    corners = [(x, y) for s in squares() for x in (s.left, s.left + 9.6) for y in (s.top, s.top + 9.6)]
    corners.append((squares()[3].left + 9.6, SIZE - squares()[0].top))  # where the foot ends
    reach = max(((x - SIZE / 2) ** 2 + (y - SIZE / 2) ** 2) ** 0.5 for x, y in corners)
    [scale] = [scale for name, _, scale, _ in PICTURES if "maskable" in name]
    assert reach * scale < SIZE * 0.4


@pytest.mark.parametrize("svg", [mark_svg(), favicon_svg()])
def test_the_drawings_are_valid_and_stay_in_their_frame(svg: str) -> None:
    ET.fromstring(svg)
    assert all(0 < square.left < SIZE - 9.6 and 0 < square.top < SIZE - 9.6 for square in squares())


def test_the_squares_form_a_lower_case_t() -> None:
    top, left, middle, right, below = (square.centre for square in squares())
    assert top[0] == middle[0] == below[0], "the stem is straight"
    assert left[1] == middle[1] == right[1], "the bar is level"
    assert top[1] < middle[1] < below[1] < foot_points()[0][1]
    assert middle[0] - left[0] > right[0] - middle[0], "the left end stands apart"


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return all(abs(a - b) <= 12 for a, b in zip(one, other, strict=True))


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def read_png(data: bytes) -> Picture:
    """Enough of PNG (and of ICO around one) for pictures of eight bits a channel."""
    data = data[data.index(b"\x89PNG") :]
    at, packed, header = 8, b"", b""
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        chunk = data[at + 8 : at + 8 + length]
        header, packed = (chunk if kind == b"IHDR" else header), packed + (chunk if kind == b"IDAT" else b"")
        at += 12 + length
    width, height, depth, colour_type = struct.unpack_from(">IIBB", header)
    assert (width, depth) == (height, 8)
    channels = {2: 3, 6: 4}[colour_type]
    raw, stride = zlib.decompress(packed), width * channels
    rows = [bytes(stride)]
    for start in range(0, len(raw), stride + 1):
        rows.append(_unfiltered(raw[start], raw[start + 1 : start + 1 + stride], rows[-1], channels))
    assert all(len(a) == len(b) for a, b in pairwise(rows))
    return Picture(width, rows[1:], channels)


def _unfiltered(kind: int, line: bytes, above: bytes, step: int) -> bytes:
    out = bytearray(line)
    for i in range(len(out)):
        left = out[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        guess = (0, left, above[i], (left + above[i]) // 2, _paeth(left, above[i], corner))[kind]
        out[i] = (out[i] + guess) & 255
    return bytes(out)


def _paeth(left: int, above: int, corner: int) -> int:
    base = left + above - corner
    return min((left, above, corner), key=lambda value: abs(base - value))
