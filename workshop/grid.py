"""Images in rows and columns, with words above and beside them, as one picture that fits a given room.

Where a row does not fit, its columns are divided into blocks below each other, like words into lines: nothing is left
out, and what stood above and below each other still does.
"""

import textwrap
from dataclasses import dataclass

import matplotlib
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from cdm_tutor.plots import to_pixels

DENSITY = 2  # pixels of the file for each of the page
LEAST = 42  # how wide a tile is at least
GAP, BETWEEN_BLOCKS = 4, 14
LETTERS = 12
BACKGROUND, INK = "#14161b", "#d5d9e0"  # on any page
WRAP = 9  # letters in a line beside a row, where the room is a phone's
PHONE = 400  # a room that is no wider


@dataclass(frozen=True)
class Layout:
    """Where tiles lie, in pixels of the page.

    Attributes:
        columns: of a block.
        side: of a tile.
        left: what the words beside the rows take.
        top: what the words above the columns take.
        row_labels: those words, on several lines perhaps.
    """

    columns: int
    side: int
    left: int
    top: int
    row_labels: list[str]


def lay_out(
    room: int, columns: int, size: int, zoom: int, least: int, labels: list[str], row_labels: list[str]
) -> Layout:
    """Tiles as large as fit, at most `zoom` times their size; each pixel of an image becomes a square of whole pixels.

    Args:
        room: pixels of the page.
        columns: how many there are.
        size: of an image.
        zoom: how large a pixel of an image is at most.
        least: how wide a tile is at least.
        labels: above the columns.
        row_labels: beside the rows.
    """
    if room <= PHONE:
        row_labels = [textwrap.fill(text, WRAP, break_long_words=False) for text in row_labels]
    left = 12 + max(map(_width, row_labels)) if row_labels else GAP
    least = max(least, *(_width(text) + 5 for text in labels), 0)
    fit = max(1, (room - left) // (least + GAP))
    blocks = -(-columns // fit)
    columns = -(-columns // blocks)
    whole = DENSITY * ((room - left) // columns - GAP) // size
    return Layout(
        columns, min(zoom * DENSITY, max(1, whole)) * size // DENSITY, left, 24 if labels else GAP, row_labels
    )


def grid(images: Tensor, columns: int, layout: Layout, labels: list[str]) -> Image.Image:
    """Draw (B, C, H, W) images in [-1, 1], row by row."""
    pixels = to_pixels(images).movedim(1, -1).squeeze(-1).cpu().numpy()
    step, rows = layout.side + GAP, -(-len(pixels) // columns)
    blocks = -(-columns // layout.columns)
    height = layout.top + rows * step
    size = layout.left + layout.columns * step, blocks * height + (blocks - 1) * BETWEEN_BLOCKS
    sheet = Image.new("RGB", (DENSITY * size[0], DENSITY * size[1]), BACKGROUND)
    pen = ImageDraw.Draw(sheet)

    def corner(row: int, column: int) -> tuple[int, int]:
        """Of a tile, in pixels of the page."""
        block, column = divmod(column, layout.columns)
        return layout.left + column * step, layout.top + row * step + block * (height + BETWEEN_BLOCKS)

    def write(x: float, y: float, text: str, anchor: str) -> None:
        pen.text((DENSITY * x, DENSITY * y), text, INK, _font(), anchor, align="right")

    for place, array in enumerate(pixels):
        tile = Image.fromarray(array).resize((DENSITY * layout.side,) * 2, Image.Resampling.NEAREST)
        x, y = corner(*divmod(place, columns))
        sheet.paste(tile, (DENSITY * x, DENSITY * y))
    for column, text in enumerate(labels):
        x, y = corner(0, column)
        write(x + layout.side / 2, y - layout.top / 2, text, "mm")
    for first in range(0, columns, layout.columns):
        for row, text in enumerate(layout.row_labels):
            x, y = corner(row, first)
            write(x - 6, y + layout.side / 2, text, "rm")
    return sheet


def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf", DENSITY * LETTERS)


def _width(text: str) -> int:
    """Of its longest line, in pixels of the page."""
    return max(round(_font().getlength(line) / DENSITY) for line in text.split("\n"))
