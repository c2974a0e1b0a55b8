"""A table that is too wide for a phone becomes a row of cards there, one for each of its rows.

A Markdown extension (mkdocs.yml names it). It marks such tables, and writes to each cell the name of its column;
reading.css does the rest.
"""

import html
import re
from itertools import zip_longest

from markdown import Extension, Markdown
from markdown.postprocessors import Postprocessor

from workshop.narrow import text_of

PHONE = 40  # characters beside each other in a table on a phone of 360 pixels
GAP = 2  # between two columns, in characters
TABLE = re.compile(r"<table>.*?</table>", re.DOTALL)
ROW = re.compile(r"<tr[ >].*?</tr>", re.DOTALL)
CELL = re.compile(r"<(t[hd])([^>]*)>(.*?)</\1>", re.DOTALL)


def rows(table: str) -> list[list[str]]:
    """What stands in the cells of a table."""
    return [[text_of(cell[3]).strip() for cell in CELL.finditer(row)] for row in ROW.findall(table)]


def width(cells: list[list[str]]) -> int:
    """How narrow a table can be without a word broken in it, in characters."""
    columns = zip_longest(*cells, fillvalue="")
    return sum(GAP + max(len(word) for cell in column for word in cell.split() or [""]) for column in columns)


def as_cards(table: str) -> str:
    """A table, with what cards need where it is too wide."""
    cells = rows(table)
    if width(cells) <= PHONE:
        return table

    def labelled(row: str) -> str:
        names = iter(cells[0])
        return CELL.sub(lambda cell: with_label(cell, next(names)), row)

    return ROW.sub(lambda row: labelled(row[0]), table).replace("<table>", "<table data-cards>", 1)


def with_label(cell: re.Match[str], name: str) -> str:
    """A cell that knows the name of its column; what is in it stays together, beside that."""
    kind, attributes, inside = cell.groups()
    if kind == "th":
        return cell[0]
    return f'<td{attributes} data-label="{html.escape(name)}"><div>{inside.strip()}</div></td>'


class Cards(Postprocessor):
    """Goes through all tables of a page."""

    def run(self, text: str) -> str:
        """Called by Markdown for each page, and for each docstring in one."""
        return TABLE.sub(lambda table: as_cards(table[0]), text)


class CardsExtension(Extension):
    """The Markdown extension."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called once for each Markdown; 0: when formulas and the like have been put in their places, at 30."""
        md.postprocessors.register(Cards(md), "cards", 0)


def makeExtension(**options: object) -> CardsExtension:
    """What Markdown calls to load the extension of this module."""
    return CardsExtension(**options)
