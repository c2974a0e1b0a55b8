"""The figures: frames with numbers and captions, pictures that fit, and lines that are told apart without colours."""

import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree

import markdown
import numpy as np
import pytest
import torch

from workshop.drawing import ROOMS
from workshop.grid import GAP, LEAST, grid, lay_out
from workshop.places import PARTS, PICTURES

SVG = "{http://www.w3.org/2000/svg}"
CHARTS = sorted(PICTURES.glob("*.svg"))
SHOWN = sorted(path for path in (PARTS / "figures").glob("*.md") if path.stem not in ("morph", "check"))


def framed(text: str) -> ElementTree.Element:
    """A page as its reader's browser gets it."""
    extensions = ["attr_list", "md_in_html", "pymdownx.details", "workshop.frames"]
    return ElementTree.fromstring(f"<page>{markdown.markdown(text, extensions=extensions)}</page>")


FIGURE = '![seen](a/x.svg "What x_t is."){ width="672" height="288" data-narrow="330x250" }'
OTHER = '![as well](a/y.webp "More."){ width="200" height="100" }'


def caption_of(figure: ElementTree.Element) -> str:
    caption = figure.find("figcaption")
    assert caption is not None
    return "".join(caption.itertext())


def test_a_figure_has_a_number_a_caption_and_a_file_for_phones() -> None:
    page = framed(f"# Lesson 3: The U-Net\n\n{FIGURE}\n\n??? note\n\n    {OTHER}\n")
    first, second = page.iter("figure")
    assert [caption_of(each) for each in (first, second)] == [
        "Figure 3.1. What x_t is.",
        "Figure 3.2. More.",
    ]
    (source,) = first.iter("source")
    assert source.attrib == {"media": "(max-width: 700px)", "srcset": "a/x-narrow.svg", "width": "330", "height": "250"}
    (image,) = first.iter("img")
    assert image.attrib == {"alt": "seen", "src": "a/x.svg", "width": "672", "height": "288"}
    assert not list(second.iter("source"))


def test_what_is_no_figure_stays_as_it_is() -> None:
    page = framed(f"# How\n\n![plain](x.png)\n\nwords {FIGURE}\n")
    assert not list(page.iter("figure"))
    assert len(list(page.iter("img"))) == 2


@pytest.mark.parametrize("kind", ["before-after", "live-sampler", "schedule-explorer"])
def test_what_scripts_change_is_within_the_frame_and_the_caption_is_not_within_it(kind: str) -> None:
    page = framed(f'# How\n\n<div class="{kind}" markdown>\n\n![before](b.webp)\n{FIGURE}\n\n</div>\n\nmore\n')
    (figure,) = page.iter("figure")
    assert [each.get("class", each.tag) for each in figure] == [kind, "figcaption"]
    assert caption_of(figure) == "Figure 1. What x_t is."
    assert len(list(figure[0].iter("img"))) == 2


@pytest.mark.parametrize("part", SHOWN, ids=lambda part: part.stem)
def test_every_figure_says_what_it_shows(part: Path) -> None:
    """In words for those who do not see it, and in fewer for all; but one picture of a pair says it for both."""
    text = part.read_text(encoding="utf-8")
    found = re.fullmatch(r'!\[([^]]{20,})\]\([^ ]+?\.(?:svg|webp)(?: "([^"]+\.)")?\)\{ [^}]+ \}\n', text)
    assert found
    assert found[2] or part.stem == "05-after"


@pytest.mark.parametrize("columns", range(1, 13))
@pytest.mark.parametrize("row_labels", [[], ["right", "unfolded wrongly"]], ids=["", "labelled"])
@pytest.mark.parametrize("labels", [[], ["t = 999"]], ids=["", "titled"])
def test_tiles_are_large_enough_on_a_phone_and_none_is_left_out(
    columns: int, row_labels: list[str], labels: list[str]
) -> None:
    room = ROOMS["-narrow"]
    layout = lay_out(room, columns, 28, 3, LEAST, labels * columns, row_labels)
    sheet = grid(torch.ones(2 * columns, 1, 28, 28), columns, layout, labels * columns)
    assert layout.side >= LEAST
    assert sheet.width <= 2 * room
    white = int((np.asarray(sheet) == 255).all(axis=2).sum())
    assert white == 2 * columns * (2 * layout.side) ** 2


def test_a_tile_begins_where_the_one_above_it_does() -> None:
    layout = lay_out(328, 8, 28, 3, LEAST, [], ["above", "below"])
    images = torch.zeros(16, 1, 28, 28)
    images[5], images[13] = 1, -1
    sheet = grid(images, 8, layout, [])
    (top, left), (bottom, below) = (np.argwhere((np.asarray(sheet) == shade).all(axis=2))[0] for shade in (255, 0))
    assert left == below
    assert bottom - top == 2 * (layout.side + GAP)


def style(element: ElementTree.Element) -> dict[str, str]:
    return dict(re.findall(r"([\w-]+): ([^;]+)", element.get("style", "")))


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.stem)
def test_lines_are_told_apart_without_colours(chart: Path) -> None:
    """Lines of different colours differ in their dashes, too, or words in their colours stand beside them."""
    root = ElementTree.parse(chart).getroot()
    words = {style(text).get("fill") for text in root.iter(f"{SVG}text")}
    for axes in root.iter(f"{SVG}g"):
        if not axes.get("id", "").startswith("axes_"):
            continue
        colours = defaultdict(set)
        for line in axes.findall(f"{SVG}g"):
            for path in line.findall(f"{SVG}path") if line.get("id", "").startswith("line2d_") else []:
                if path.get("clip-path"):
                    colours[style(path).get("stroke-dasharray")].add(style(path)["stroke"])
        alike = {dashes: found for dashes, found in colours.items() if len(found - words) > 1}
        assert not alike, f"{axes.get('id')}: {alike}"


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.stem)
def test_a_chart_has_no_ink_of_one_scheme_only(chart: Path) -> None:
    """All text and all axes take their colour from the page's scheme."""
    text = chart.read_text(encoding="utf-8")
    assert "@media (prefers-color-scheme: dark)" in text
    root = ElementTree.fromstring(text)
    assert {style(each).get("fill", "").split("(")[0] for each in root.iter(f"{SVG}text")} <= {"var"}
