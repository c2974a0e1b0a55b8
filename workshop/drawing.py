"""How the site's figures are drawn: each twice, for the width of a page and for that of a phone.

A chart is one SVG for light pages, dark pages and paper: it asks the browser which colours are wanted.
"""

import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, NullFormatter
from torch import Tensor

from cdm_tutor.course.learner import load, patched, reference_source
from cdm_tutor.course.mistakes import find_mistake
from workshop.grid import DENSITY, LEAST, PHONE, grid, lay_out
from workshop.places import PARTS, PICTURES

ROOMS = {"": 672, "-narrow": 328}  # how a file's name ends, and how many pixels of the page it may be wide
INCH = 96  # pixels of the page
LEGEND, LINE = 36, 0.19  # letters in a line on a phone, and how high it is in a legend, in inches
INK, CYCLE = "#333842", ("#1f5fa8", "#c4501b", "#2e7d4f", "#8a4fa3", "#6b6f76")  # told apart by the colour-blind, too
DARK = ("#d5d9e0", "#6fb1ff", "#ff9d66", "#6fd49b", "#d29bea", "#a8adb7")  # and what they are on dark pages
DASHES = ("-", "--", ":", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5)))  # and by those who see no colours
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "cdm-tutor",  # the same file each time
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 10,
    "figure.labelsize": 10,
    "legend.fontsize": 9.5,  # no letter is smaller: 11 pixels on the narrowest phone
    "legend.handlelength": 2.6,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": cycler(color=CYCLE) + cycler(linestyle=DASHES),
    "figure.constrained_layout.use": True,
    "savefig.transparent": True,
    "lines.linewidth": 2,
    "hatch.color": INK,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}

written: list[Path] = []  # the files of all figures since it was cleared last


def chart(name: str, caption: str, alt: str, draw: Callable[[], Figure], pictures: str = "../pictures") -> None:
    """Draw a figure as docs/pictures/NAME.svg and NAME-narrow.svg.

    Args:
        name: of the files.
        caption: what is drawn, in a line; for all readers.
        alt: what is seen, and what it means; for those who do not see it.
        draw: makes the figure, in the room that matplotlib's "figure.figsize" says; see `side_by_side`.
        pictures: where the pictures are, as seen from the page.
    """
    sizes = []
    for ending, room in ROOMS.items():
        size = {"figure.figsize": (room / INCH, 3 if room > PHONE else 2.7)}
        with plt.rc_context(matplotlib.RcParams({**STYLE, **size})):
            figure = draw()
            for axes in figure.axes:
                _plain_numbers(axes)
            if not wide():
                _break_lines(figure)
                _legends_outside(figure)
            written.append(PICTURES / f"{name}{ending}.svg")
            figure.savefig(written[-1], metadata={"Date": None})
            width, height = figure.get_size_inches()
            sizes.append((round(INCH * width), round(INCH * height)))
            plt.close(figure)
        written[-1].write_text(in_both_schemes(written[-1].read_text(encoding="utf-8")), encoding="utf-8")
    figure_part(name, f"{pictures}/{name}.svg", caption, alt, sizes)


def wide() -> bool:
    """Whether the chart that is being drawn has the room of a page, not of a phone."""
    return bool(plt.rcParams["figure.figsize"][0] > PHONE / INCH)


def side_by_side(
    count: int, height: float = 3, *, columns: int = 0, on_phones: int = 1, low: float = 2.3, **how: Any
) -> tuple[Figure, list[Axes]]:
    """Panels in rows.

    Args:
        count: how many.
        height: of the figure, in inches.
        columns: how many are in a row; all of them if 0.
        on_phones: how many there.
        low: how high a panel is there, in inches.
        how: what matplotlib's `subplots` is told else.
    """
    columns = (columns or count) if wide() else on_phones
    rows = -(-count // columns)
    size = plt.rcParams["figure.figsize"][0], height if wide() else rows * low
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **how)
    return figure, list(axes.flat)


def picture(
    name: str,
    caption: str,
    alt: str,
    images: Tensor,
    *,
    columns: int,
    scale: int = 3,
    least: int = LEAST,
    labels: list[str] | None = None,
    row_labels: list[str] | None = None,
    pictures: str = "../pictures",
) -> None:
    """Write (B, C, H, W) images in [-1, 1], row by row, as docs/pictures/NAME.webp, and for phones NAME-narrow.webp.

    Args:
        name: of the files.
        caption: what is shown, in a line; "" if the picture before it in the same frame has one.
        alt: what is seen, and what it means.
        images: all of them.
        columns: how many are beside each other, where there is room.
        scale: how many pixels of the page a pixel of an image is wide at most.
        least: how wide an image is at least.
        labels: above the columns.
        row_labels: beside the rows.
        pictures: where the pictures are, as seen from the page.
    """
    sizes: list[tuple[int, int]] = []
    for ending, room in ROOMS.items():
        if sizes and sizes[0][0] <= room:
            continue
        layout = lay_out(room, columns, images.shape[-1], scale, least, labels or [], row_labels or [])
        sheet = grid(images, columns, layout, labels or [])
        written.append(PICTURES / f"{name}{ending}.webp")
        sheet.save(written[-1], lossless=True)
        sizes.append((sheet.width // DENSITY, sheet.height // DENSITY))
    figure_part(name, f"{pictures}/{name}.webp", caption, alt, sizes)


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


def figure_part(name: str, source: str, caption: str, alt: str, sizes: list[tuple[int, int]]) -> None:
    """The part that shows a figure: an image of which workshop/frames.py makes more."""
    (width, height), *narrow = sizes
    size = f'width="{width}" height="{height}" loading=lazy'
    size += "".join(f' data-narrow="{width}x{height}"' for width, height in narrow)
    title = f' "{caption}"' if caption else ""
    part(name, f"![{alt}]({source}{title}){{ {size} }}\n")


def in_both_schemes(svg: str) -> str:
    """A chart whose colours are those of the page that it stands on: browsers hand the page's scheme on to images."""
    colours = dict(zip((INK, *CYCLE), DARK, strict=True))
    names = {colour: f"--c{number}" for number, colour in enumerate(colours)}
    for colour, name in names.items():
        svg = svg.replace(colour, f"var({name})")
    light, dark = (
        "".join(f"{names[colour]}: {shown};" for colour, shown in pairs)
        for pairs in (((each, each) for each in colours), colours.items())
    )
    style = f":root {{{light}}} @media (prefers-color-scheme: dark) {{:root {{{dark}}}}}"
    return svg.replace('<style type="text/css">', f'<style type="text/css">{style} ', 1)


def _legends_outside(figure: Figure) -> None:
    """Legends above what they explain: inside there is no room for them."""
    explained = [(axes, legend) for axes in figure.axes if (legend := axes.get_legend())]
    for axes, legend in explained:
        handles, labels = axes.get_legend_handles_labels()
        legend.remove()
        labels = [textwrap.fill(label, LEGEND) for label in labels]
        if len(explained) == 1:
            figure.legend(handles, labels, loc="outside upper left")
        else:
            axes.legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1))
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + LINE * sum(label.count("\n") + 1 for label in labels))


def _break_lines(figure: Figure) -> None:
    """Titles and names of axes that are too long for a phone, on several lines."""
    for axes in figure.axes:
        axes.set_title(textwrap.fill(axes.get_title(), LEGEND))
        axes.set_xlabel(textwrap.fill(axes.get_xlabel(), LEGEND))


def _plain_numbers(axes: Axes) -> None:
    """Logarithmic axes with numbers that have no exponents above them, which are too small on a phone."""
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), LogFormatter):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
