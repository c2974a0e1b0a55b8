"""Formulas are typeset when the site is built: readers need no script for them, and screen readers get MathML.

A Markdown extension (mkdocs.yml names it). pymdownx.arithmatex finds the formulas, KaTeX typesets them.
"""

import html
from functools import cache
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor
from py_mini_racer import JSEvalException, MiniRacer

from workshop.places import DOCS

SETTINGS = {"throwOnError": True, "strict": "error"}  # strict: what KaTeX would only warn of is an error, too
DRAWN = '<span class="katex-html" aria-hidden="true">'


@cache
def katex() -> MiniRacer:
    """A JavaScript engine that has KaTeX; the packages that bring one need no Node."""
    engine = MiniRacer()
    engine.eval((DOCS / "vendor" / "katex" / "katex.min.js").read_text(encoding="utf-8"))
    return engine


@cache
def typeset(formula: str, display: bool) -> str:
    """A formula in TeX as HTML; `display`: on a line of its own.

    Raises:
        ValueError: if KaTeX does not understand it.
    """
    try:
        made = str(katex().call("katex.renderToString", formula, SETTINGS | {"displayMode": display}))
    except JSEvalException as error:
        reason = str(error).strip().splitlines()[0].rpartition("ParseError: ")[2]
        raise ValueError(f"KaTeX cannot typeset the formula {formula.strip()!r}: {reason}") from None
    return found_once(made)


def found_once(made: str) -> str:
    """A typeset formula of which the search reads the TeX only: the symbols stand in it three times.

    The search leaves out an element with data-search-exclude, if none of the same kind is in it.
    """
    before, _, drawn = made.partition(DRAWN)
    before = before.replace("<semantics>", "<semantics><mpadded data-search-exclude>")
    before = before.replace("<annotation", "</mpadded><annotation")
    closing = "</span>" * (2 if before.startswith('<span class="katex-display">') else 1)
    drawn = drawn.removesuffix(f"</span>{closing}")
    return f'{before}<bdi class="katex-html" aria-hidden="true" data-search-exclude>{drawn}</bdi>{closing}'


class Typesetter(Treeprocessor):
    """Puts the typeset formula where arithmatex has left one."""

    def run(self, root: Element) -> None:
        """Called by Markdown for each page."""
        for place in root.iter():
            if place.get("class") == "arithmatex" and place.text:
                formula = html.unescape(place.text)[2:-2]  # without the brackets around it
                place.text = self.md.htmlStash.store(typeset(formula, place.tag == "div"))


class Formulas(Extension):
    """The Markdown extension."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called once for each Markdown; 15: when formulas in a line have been found, at 20."""
        md.treeprocessors.register(Typesetter(md), "formulas", 15)


def makeExtension(**options: object) -> Formulas:
    """What Markdown calls to load the extension of this module."""
    return Formulas(**options)
