"""A lesson's page as the Markdown of a notebook: what it includes is put in, folds and pictures as Jupyter shows them.

What only a site has is left out: the way through the lessons, what moves, addresses of other pages.
"""

import html
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.notebooks.picture import address
from cdm_tutor.course.page import mistake_part

INCLUDE = re.compile(r'^( *)--8<-- "docs/(parts/.+)\.md"$', re.MULTILINE)
EXERCISE = re.compile(r"^@@ (.+)$", re.MULTILINE)  # a line that stands for the cells of an exercise
IMAGE = re.compile(r'!\[([^\]]*)\]\((\S+?)(?: "([^"]*)")?\)(?:\{[^}\n]*\})?\n?')
LINK = re.compile(r"(?<!!)\[([^\[\]]+)\]\((?!https?:|data:)([^)\s]*)\)")
NOT_WORDS = re.compile(r"(^ *```.*?^ *```$|\$\$.*?\$\$|\$[^$\n]+\$)", re.MULTILINE | re.DOTALL)
FOLD = re.compile(r'^[?!]{3}\+? \w+(?: "(.*)")?$')
FOR_THE_SITE = (
    r"\A---\n.*?\n---\n",  # what search engines read
    r"(?:^[^\n]+\n)+^\{ \.with-scripts \}$",
    r"^ *<(?:script|/?div)\b[^>]*>(?:</(?:script|div)>)?\n",
    r"^ *<!--.*?-->\n",
)


def lesson_text(lesson: Lesson, docs: Path, site: str = "") -> str:
    """A lesson's page in Markdown, with a line `@@ NAME` in the place of each exercise.

    Args:
        lesson: which lesson.
        docs: the folder of the pages and what they include.
        site: the address of the site, for links to its other pages; without one only their words stay.
    """
    text = (docs / "lessons" / f"{lesson.page}.md").read_text(encoding="utf-8")
    text = INCLUDE.sub(lambda found: included(lesson, docs, *found.groups()), text)
    for what in FOR_THE_SITE:
        text = re.sub(what, "", text, flags=re.MULTILINE | re.DOTALL)
    text = "\n".join(unfolded(text.split("\n")))
    text = outside_blocks(text, lambda words: linked(words, site))
    text = re.sub(r"^(#+ .*?) \{[^}]*\}$", r"\1", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def included(lesson: Lesson, docs: Path, indent: str, name: str) -> str:
    """What a page includes: a figure, a mistake, an exercise. All else is made for the site alone."""
    folder, _, part = name.removeprefix("parts/").partition("/")
    if folder == "figures":
        text = (docs / f"{name}.md").read_text(encoding="utf-8").rstrip("\n")
    elif part.startswith("mistake-"):
        text = mistake_part(find_mistake(part.removeprefix("mistake-"))[1])
    elif part in [exercise.name for exercise in lesson.exercises]:
        text = f"@@ {part}"
    else:
        return ""
    return "\n".join(f"{indent}{line}".rstrip() for line in text.split("\n"))


def unfolded(lines: list[str]) -> Iterator[str]:
    """Lines with each `??? kind "title"`, and what is indented below, as <details>, which Jupyter folds."""
    lines = list(lines)
    while lines:
        line = lines.pop(0)
        if not (fold := FOLD.match(line)):
            yield line
            continue
        inside = []
        while lines and (not lines[0].strip() or lines[0].startswith("    ")):
            inside.append(lines.pop(0).removeprefix("    "))
        yield from ("<details>", f"<summary>{title(fold[1] or 'More')}</summary>", "")
        yield from unfolded("\n".join(inside).strip("\n").split("\n"))
        yield from ("", "</details>", "")


def title(markdown: str) -> str:
    """A fold's title in HTML, where no Markdown is read."""
    plain = html.unescape(re.sub(r"\\([^\w\s])", r"\1", markdown))
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(plain, quote=False))


def outside_blocks(text: str, change: Callable[[str], str]) -> str:
    """The text with what is neither a block of code nor a formula changed."""
    parts = NOT_WORDS.split(text)
    return "".join(part if place % 2 else change(part) for place, part in enumerate(parts))


def linked(words: str, site: str) -> str:
    """Words with the addresses of other pages of the site, or without."""

    def link(found: re.Match[str]) -> str:
        page, _, anchor = found[2].partition("#")
        if not site or not page:
            return found[1]
        place = posixpath.normpath(posixpath.join("lessons", page)).removesuffix(".md")
        return f"[{found[1]}]({site.rstrip('/')}/{place}.html{anchor and '#' + anchor})"

    return LINK.sub(link, words)


def with_pictures(text: str, docs: Path) -> str:
    """A cell's Markdown with its pictures in it. Their long addresses stand at the end of the cell."""
    addresses = {}

    def picture(found: re.Match[str]) -> str:
        alt, path, caption = found.groups()
        name = Path(path).name
        addresses[name] = address(docs / "lessons" / path)
        return f"![{alt}][{name}]\n" + (f"\n*{caption}*\n" if caption else "")

    text = IMAGE.sub(picture, text)
    return "\n".join([text, *(f"\n[{name}]: {where}" for name, where in addresses.items())])
