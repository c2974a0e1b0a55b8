"""The head of a page: the title and the description that a browser, a search engine and a shared link show.

Of most pages it is written with them. The heads of the lessons' pages say what the outline says.
"""

import json
import re
from pathlib import Path

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from workshop.places import DOCS, page_of
from workshop.product import Product

HEAD = re.compile(r"\A---\n.*?\n---\n\n", re.DOTALL)


def head(title: str, description: str, source: str = "") -> str:
    """The head of a page; `source`: the file to edit, where that is not the page itself."""
    says = {"title": title, "description": description} | ({"source": source} if source else {})
    lines = "".join(f"{key}: {json.dumps(text, ensure_ascii=False)}\n" for key, text in says.items())
    return f"---\n{lines}---\n\n"


def below(text: str) -> str:
    """A page without its head."""
    return HEAD.sub("", text)


def lesson_page(lesson: Lesson) -> Path:
    """Where a lesson's page is."""
    return DOCS / "lessons" / page_of(lesson)


def lesson_head(lesson: Lesson) -> str:
    """The head of a lesson's page."""
    return head(f"Lesson {int(lesson.number)}: {lesson.title}", lesson.about.replace("`", ""))


def product() -> Product:
    """The heads of the lessons' pages."""
    return Product("heads", write, part_is_other=is_other)


def write() -> list[Path]:
    """Write them."""
    for lesson in LESSONS:
        path = lesson_page(lesson)
        path.write_text(lesson_head(lesson) + below(path.read_text(encoding="utf-8")), encoding="utf-8")
    return [lesson_page(lesson) for lesson in LESSONS]


def is_other() -> bool:
    """Whether one of them is not what the outline says."""
    return any(not lesson_page(each).read_text(encoding="utf-8").startswith(lesson_head(each)) for each in LESSONS)
