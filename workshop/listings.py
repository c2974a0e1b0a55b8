"""Lines of code that are longer than a phone is wide go on in the next line, indented as the line is and a little more.

A Markdown extension (mkdocs.yml names it). It only says how far each long line is indented; reading.css does the rest.
"""

import re

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor

from workshop.narrow import text_of

COLUMNS = 30  # shorter lines fit even in a fold in a fold, on a phone
CODE = re.compile(r"(<pre[^>]*>(?:<span></span>)?<code[^>]*>)(.*?)(</code></pre>)", re.DOTALL)
DONE = '<span class="line"'


def hanging(line: str) -> str:
    """A line of highlighted code, told how far what does not fit is to be indented."""
    text = text_of(line)
    if len(text) <= COLUMNS or line.startswith(DONE):
        return line
    indented = len(text) - len(text.lstrip(" "))
    return f'{DONE} style="--indent: {indented}">{line}</span>'


class Lines(Postprocessor):
    """Goes through all code of a page."""

    def run(self, text: str) -> str:
        """Called by Markdown for each page, and for each docstring in one."""
        return CODE.sub(lambda code: code[1] + "\n".join(map(hanging, code[2].split("\n"))) + code[3], text)


class Listings(Extension):
    """The Markdown extension."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called once for each Markdown; 0: when the highlighted code has been put in its places, at 30."""
        md.postprocessors.register(Lines(md), "listings", 0)


def makeExtension(**options: object) -> Listings:
    """What Markdown calls to load the extension of this module."""
    return Listings(**options)
