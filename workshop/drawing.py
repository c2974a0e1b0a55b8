"""How the site's figures are drawn: charts once for light pages and once for dark, pictures as small lossless files."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from cdm_tutor.course.learner import load, patched, reference_source
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.plots import to_pixels
from workshop.places import PARTS, PICTURES

COMMON = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "cdm-tutor",  # the same file each time
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "savefig.transparent": True,
    "legend.frameon": False,
    "lines.linewidth": 2,
}
COLOURS = {  # ink and the colour cycle: told apart by the colour-blind, too
    "light": ("#333842", ("#1f5fa8", "#c4501b", "#2e7d4f", "#8a4fa3", "#6b6f76")),
    "dark": ("#d5d9e0", ("#6fb1ff", "#ff9d66", "#6fd49b", "#d29bea", "#a8adb7")),
}
BACKGROUND, INK = "#14161b", "#d5d9e0"  # of pictures with labels, on any page

written: list[Path] = []  # the files of all figures since it was cleared last


def chart(name: str, alt: str, draw: Callable[[], Figure], pictures: str = "../pictures") -> None:
    """Draw a figure for light and for dark pages: docs/pictures/NAME-light.svg and NAME-dark.svg.

    Args:
        name: of the files.
        alt: what is seen, and what it means.
        draw: makes the figure.
        pictures: where the pictures are, as seen from the page.
    """
    lines = []
    for theme, (ink, cycle) in COLOURS.items():
        inked = dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), ink)
        with plt.rc_context(matplotlib.RcParams({**COMMON, **inked, "axes.prop_cycle": cycler(color=cycle)})):
            figure = draw()
            written.append(PICTURES / f"{name}-{theme}.svg")
            figure.savefig(written[-1], metadata={"Date": None})
            width, height = (round(96 * side) for side in figure.get_size_inches())
            plt.close(figure)
        size = f'width="{width}" height="{height}" loading=lazy'
        lines.append(f"![{alt}]({pictures}/{name}-{theme}.svg#only-{theme}){{ {size} }}\n")
    part(name, "".join(lines))


def picture(
    name: str,
    alt: str,
    images: Tensor,
    *,
    columns: int,
    scale: int = 3,
    labels: list[str] | None = None,
    row_labels: list[str] | None = None,
    pictures: str = "../pictures",
) -> None:
    """Write (B, C, H, W) images in [-1, 1], row by row, as docs/pictures/NAME.webp."""
    pixels = to_pixels(images).movedim(1, -1).squeeze(-1).cpu().numpy()
    side, gap = images.shape[-1] * scale, 4
    left = 12 + max((_width(text) for text in row_labels), default=0) if row_labels else gap
    top = 24 if labels else gap
    rows = -(-len(pixels) // columns)
    sheet = Image.new("RGB", (left + columns * (side + gap), top + rows * (side + gap)), BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    for place, array in enumerate(pixels):
        row, column = divmod(place, columns)
        tile = Image.fromarray(array).resize((side, side), Image.Resampling.NEAREST)
        sheet.paste(tile, (left + column * (side + gap), top + row * (side + gap)))
    for column, text in enumerate(labels or []):
        pen.text((left + column * (side + gap) + side / 2, top / 2), text, INK, _font(), anchor="mm")
    for row, text in enumerate(row_labels or []):
        pen.text((left - 6, top + row * (side + gap) + side / 2), text, INK, _font(), anchor="rm")
    written.append(PICTURES / f"{name}.webp")
    sheet.save(written[-1], lossless=True)
    size = f'width="{sheet.width}" height="{sheet.height}" loading=lazy'
    part(name, f"![{alt}]({pictures}/{name}.webp){{ {size} }}\n")


def mistaken(name: str) -> ModuleType:
    """The reference module of a lesson with the known mistake of that name in it."""
    lesson, mistake = find_mistake(name)
    return load(patched(reference_source(lesson), mistake.patch), lesson.module, f"<mistake {name}>")


def part(name: str, text: str) -> None:
    """Write docs/parts/figures/NAME.md, which pages include."""
    path = PARTS / "figures" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    written.append(path)


def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf", 13)


def _width(text: str) -> int:
    return round(_font().getlength(text))
