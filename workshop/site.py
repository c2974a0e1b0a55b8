"""Makes, when the site is built, what the code can say in seconds: parts of pages, whole pages, data for scripts.

Markdown loads this as one of its extensions (mkdocs.yml names it), before any page is read: a plain `mkdocs build` has
all it needs. Nothing of it is in the repository. Only what has changed is written: `mkdocs serve` comes to rest.
"""

import logging
import re
from functools import cache
from pathlib import Path
from typing import Any

from markdown import Extension, Markdown

from cdm_tutor.course.notebooks import make
from cdm_tutor.course.outline import LESSONS
from workshop import explorer, live, parts
from workshop.places import DOCS, ROOT, page_of
from workshop.product import Product, read_made

MKDOCS = ROOT / "mkdocs.yml"
MADE = DOCS / "parts" / "made.txt"  # what was made last time


@cache
def build() -> None:
    """Write what is not as it should be, delete what should not be."""
    for name in missing():
        logging.getLogger("mkdocs").warning("%s is missing: python -m workshop makes it", name)
    wanted = files()
    before = MADE.read_text(encoding="utf-8").split("\n") if MADE.exists() else []
    for name in set(before) - wanted.keys():
        (DOCS / name).unlink(missing_ok=True)
    for name, text in wanted.items():
        path = DOCS / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    MADE.write_text("\n".join(wanted), encoding="utf-8")


def missing() -> list[str]:
    """The files of products that are not there, though they take too long to be made in passing."""
    return [name for made in read_made().values() for name in made["files"] if not (ROOT / name).exists()]


def files() -> dict[str, str]:
    """All that is made here, by its path in docs."""
    notebooks = {f"notebooks/{lesson.page}.ipynb": make.make(lesson) for lesson in LESSONS}
    return parts.parts() | live.scripts() | notebooks | {"site/explorer/data.js": explorer.explorer_data()}


def navigation() -> str:
    """mkdocs.yml, with its lists of lessons as the outline has them."""
    lists = {
        "lessons": [f"{each.heading}: lessons/{page_of(each)}" for each in LESSONS],
        "clinic": [f"{each.heading}: clinic/{each.number}.md" for each in LESSONS],
        "reference": [f"{each.heading}: reference/{each.module}.md" for each in LESSONS],
    }
    text = MKDOCS.read_text(encoding="utf-8")
    for name, lines in lists.items():
        listed = "".join(f"      - {line}\n" for line in lines)
        text = re.sub(rf"(# made: {name}\n).*?( *# end\n)", rf"\g<1>{listed}\g<2>", text, flags=re.DOTALL)
    return text


def product() -> Product:
    """The lists of lessons in mkdocs.yml: the only part of the site that must be there before it is built."""
    return Product("navigation", write_navigation, part_is_other=navigation_is_other)


def write_navigation() -> list[Path]:
    """Write the lists of lessons into mkdocs.yml."""
    text = navigation()
    MKDOCS.write_text(text, encoding="utf-8")
    return [MKDOCS]


def navigation_is_other() -> bool:
    """Whether they are not what the outline says."""
    return navigation() != MKDOCS.read_text(encoding="utf-8")


class Built(Extension):
    """The Markdown extension: it has the parts made, and changes nothing in Markdown."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called once for each Markdown; the first makes all."""
        build()


def makeExtension(**options: Any) -> Built:
    """What Markdown calls to load the extension of this module."""
    return Built(**options)
