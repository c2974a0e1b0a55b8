"""Frames around the figures of a page: the picture for its width, and below it a number and a caption.

In Markdown a figure is an image with a title, alone in its paragraph: `![alt](source "caption")`. A second image in it
shares the caption. `data-narrow="330x260"` says that there is another file for phones, and its size. Numbers are given
when the site is built: in lesson 3 they are 3.1, 3.2, ...
"""

import re
from itertools import count
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element, SubElement

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

PHONE = "(max-width: 700px)"
ALIVE = ("before-after", "schedule-explorer", "live-sampler")  # scripts make something else of the picture in these


class Frames(Treeprocessor):
    """Makes a frame of each paragraph that is a figure."""

    def run(self, root: Element) -> None:
        """Number and frame all figures of a page."""
        parents = {child: parent for parent in root.iter() for child in parent}
        heading = root.find("h1")
        lesson = re.match(r"Lesson (\d+)", "".join(heading.itertext())) if heading is not None else None
        numbers = (f"{lesson[1]}.{number}" if lesson else str(number) for number in count(1))
        for paragraph in [each for each in root.iter("p") if captions(each)]:
            content = paragraph
            if parents[paragraph].get("class") in ALIVE:
                content = parents[paragraph]
            frame(content, parents[content], paragraph, next(numbers))


def captions(paragraph: Element) -> list[str]:
    """The captions of a paragraph that is nothing but images; else none."""
    if any(each.tag != "img" or (each.tail or "").strip() for each in paragraph) or (paragraph.text or "").strip():
        return []
    return [title for image in paragraph if (title := image.get("title"))]


def frame(content: Element, parent: Element, paragraph: Element, number: str) -> None:
    """Put a frame in the place of some content, and the content into it."""
    (caption,) = captions(paragraph)
    figure = Element("figure", {"class": "frame", "id": f"figure-{number.replace('.', '-')}"})
    parent[list(parent).index(content)] = figure
    figure.tail, content.tail = content.tail, ""
    for each in [paragraph] if content is paragraph else content.findall("p"):
        for place, image in enumerate(each):
            if image.tag == "img":
                each[place] = for_its_width(image)
    figure.append(content)
    words = SubElement(figure, "figcaption")
    told = SubElement(words, "b")
    told.text, told.tail = f"Figure {number}.", f" {caption}"


def for_its_width(image: Element) -> Element:
    """An image that browsers take for wide pages only, if there is another one for phones."""
    image.attrib.pop("title", "")
    narrow, image.tail = image.attrib.pop("data-narrow", ""), ""
    if not narrow:
        return image
    source = PurePosixPath(image.attrib["src"])
    width, height = narrow.split("x")
    file = str(source.with_name(f"{source.stem}-narrow{source.suffix}"))
    chosen = Element("picture")
    SubElement(chosen, "source", {"media": PHONE, "srcset": file, "width": width, "height": height})
    chosen.append(image)
    return chosen


class Framed(Extension):
    """The Markdown extension."""

    def extendMarkdown(self, md: Markdown) -> None:
        """After the attributes of images are read, and before mkdocs follows their addresses."""
        md.treeprocessors.register(Frames(md), "frames", 5)


def makeExtension(**options: object) -> Framed:
    """What Markdown calls to load the extension of this module."""
    return Framed(**options)
