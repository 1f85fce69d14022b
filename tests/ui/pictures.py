"""Pictures of the gallery, part by part, and how far two of them are apart.

Approved pictures lie in tests/ui/approved/, at half size and with fewer colours, so that they stay small. Two pictures
are compared in blocks, and a block may have moved by one: the edges of letters do not trip it, a colour does.
"""

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, expect

APPROVED: Final = Path(__file__).parent / "approved"
MOST_BYTES: Final = 1_500_000
"""Of all approved pictures together."""

MODES: Final[dict[str, dict[str, Any]]] = {
    "desktop-light": {"phone": False, "dark": False},
    "desktop-dark": {"phone": False, "dark": True},
    "phone-light": {"phone": True, "dark": False},
    "phone-dark": {"phone": True, "dark": True},
}

MEAN, BLOCK, REGION = 1.5, 30.0, 10.0
"""What may differ of 255: on average, in a block of 8 pixels, in a region of 32."""

STILL = """
:root { --font: Roboto !important; --mono: Roboto !important }
.t-header, .t-bottom, .t-nav, .t-skip, .q-notifications { display: none !important }
*, *::before, *::after { animation: none !important; transition: none !important; caret-color: transparent !important }
input[type=date], input[type=time] { visibility: hidden }
"""
"""One font for every machine (NiceGUI brings it), nothing that moves, nothing that the browser words itself."""

ONE_EM = """
const paper = CanvasRenderingContext2D.prototype, measure = paper.measureText;
paper.measureText = function (text) { return measure.call(this, text === "国" ? "—" : text) };
"""
"""ECharts takes the width of this letter for the height of a line: from whatever font the machine has it in."""

SMALLER = """async (picture) => {
  const image = await createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob());
  const [width, height] = [Math.floor(image.width / 2), Math.floor(image.height / 2)];
  const canvas = new OffscreenCanvas(width, height), paper = canvas.getContext("2d");
  paper.imageSmoothingQuality = "high";
  paper.drawImage(image, 0, 0, width, height);
  const pixels = paper.getImageData(0, 0, width, height);
  pixels.data.forEach((value, place) => { pixels.data[place] = Math.min(255, Math.round(value / 12) * 12); });
  paper.putImageData(pixels, 0, 0);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""

COMPARE = """async (pictures) => {
  const images = await Promise.all(pictures.map(async (picture) =>
    createImageBitmap(await (await fetch("data:image/png;base64," + picture)).blob())));
  const [one, other] = images;
  const means = (image, size, width, height) => {
    const paper = new OffscreenCanvas(width, height).getContext("2d");
    paper.drawImage(image, 0, 0, width, height);
    const { data } = paper.getImageData(0, 0, width, height);
    const [columns, rows] = [Math.ceil(width / size), Math.ceil(height / size)];
    const sums = new Float64Array(columns * rows * 4);
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
      const block = 4 * (Math.floor(y / size) * columns + Math.floor(x / size)), pixel = 4 * (y * width + x);
      for (let part = 0; part < 3; part++) sums[block + part] += data[pixel + part];
      sums[block + 3]++;
    }
    const mean = (block) => [0, 1, 2].map((part) => sums[block + part] / sums[block + 3]);
    return { columns, rows, at: (x, y) => mean(4 * (y * columns + x)) };
  };
  const apart = (left, right) => Math.max(...left.map((value, part) => Math.abs(value - right[part])));
  const judge = (from, to) => {
    const found = [];
    for (let y = 0; y < from.rows; y++) for (let x = 0; x < from.columns; x++) {
      let least = Infinity;
      for (let v = Math.max(0, y - 1); v <= Math.min(to.rows - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(to.columns - 1, x + 1); u++)
          least = Math.min(least, apart(from.at(x, y), to.at(u, v)));
      found.push(least);
    }
    return found;
  };
  const both = (size) => {
    const parts = images.map((image) => means(image, size, one.width, one.height));
    return [...judge(parts[0], parts[1]), ...judge(parts[1], parts[0])];
  };
  const [blocks, regions] = [both(4), both(16)];
  const mean = blocks.reduce((sum, value) => sum + value, 0) / blocks.length;
  return { mean, block: Math.max(...blocks), region: Math.max(...regions),
           taller: other.height / one.height - 1, wider: other.width / one.width - 1 };
}"""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far two pictures are apart: on average, where most, where most in a region, and in size (as a share)."""

    mean: float
    block: float
    region: float
    taller: float
    wider: float

    @property
    def is_seen(self) -> bool:
        """Whether somebody would see it."""
        grown = abs(self.taller) > 0.04 or abs(self.wider) > 0.01
        return grown or self.mean > MEAN or self.block > BLOCK or self.region > REGION


async def open_gallery(page: Page) -> None:
    """The gallery with everything drawn and nothing moving, some things pressed."""
    await page.add_init_script(ONE_EM)
    await page.goto("/components")
    await expect(page.locator(".p-chart canvas")).to_have_count(3)
    await expect(page.locator(".p-log-line")).to_have_count(40)
    await page.add_style_tag(content=STILL)
    await page.get_by_role("button", name="Press me to be refused").click()
    await expect(page.get_by_text("Please fill this in.")).to_be_visible()
    await page.get_by_role("button", name="Press me to wait").click()
    await page.evaluate(
        """async () => {
        document.activeElement.blur();
        await document.fonts.ready;
        dispatchEvent(new CustomEvent('toru:theme')); // charts take over the font
        await new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        document.querySelectorAll('.t-log-lines').forEach(box => { box.scrollTop = box.scrollHeight; });
        scrollTo(0, 0) }"""
    )
    # Phones take pictures of what is taller than the screen at the wrong place.
    size = await page.evaluate("[innerWidth, document.documentElement.scrollHeight]")
    await page.set_viewport_size({"width": size[0], "height": size[1]})


async def parts(page: Page) -> AsyncIterator[tuple[str, bytes]]:
    """The name and the picture of every part of an open gallery."""
    for title in await page.locator("[data-part]").evaluate_all("parts => parts.map(part => part.dataset.part)"):
        yield re.sub(r"[^a-z]+", "-", title.lower()), await part_of(page, title)


async def part_of(page: Page, title: str) -> bytes:
    """The picture of one part."""
    part = page.locator(f'[data-part="{title}"]')
    return await smaller(page, await part.screenshot(animations="disabled", scale="css"))


async def smaller(page: Page, picture: bytes) -> bytes:
    """A picture at half size."""
    return base64.b64decode(await _in_blank(page, SMALLER, _text(picture)))


async def difference(page: Page, approved: bytes, seen: bytes) -> Difference:
    """How far two pictures are apart."""
    return Difference(**await _in_blank(page, COMPARE, [_text(approved), _text(seen)]))


async def _in_blank(page: Page, script: str, argument: object) -> Any:
    """What a script says in a blank page beside this one, which is opened once and goes with the context."""
    blank = next((other for other in page.context.pages if other.url == "about:blank"), None)
    return await (blank or await page.context.new_page()).evaluate(script, argument)


def _text(picture: bytes) -> str:
    return base64.b64encode(picture).decode()
