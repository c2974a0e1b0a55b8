"""What the site's Markdown extensions make of formulas, code and tables."""

import html
import re

import pytest
from markdown import Markdown

from workshop.cards import PHONE, as_cards, rows, width

EXTENSIONS = [
    "tables", "pymdownx.arithmatex", "pymdownx.superfences", "pymdownx.highlight",
    "workshop.formulas", "workshop.listings", "workshop.cards",
]  # fmt: skip


@pytest.fixture
def page() -> Markdown:
    return Markdown(extensions=EXTENSIONS, extension_configs={"pymdownx.arithmatex": {"generic": True}})


def seen(made: str) -> str:
    return html.unescape(re.sub("<[^>]*>", "", made))


def test_a_formula_is_drawn_for_the_eye_and_written_for_the_ear(page: Markdown) -> None:
    made = page.convert(
        "So $x_t < 1$ is\n\n$$\na & b \\\\\n$$\n".replace("a & b", r"\begin{aligned} a &< b \end{aligned}")
    )
    assert made.count("<math") == made.count('class="katex-html"') == 2
    assert '<annotation encoding="application/x-tex">x_t &lt; 1</annotation>' in made
    assert made.count('<span class="katex-display">') == 1
    assert [made.count(f"<{tag}") - made.count(f"</{tag}>") for tag in ("span", "bdi", "math", "mpadded")] == [0] * 4


@pytest.mark.parametrize("wrong", [r"\frac{1}{", r"\no x", "ä"])
def test_a_wrong_formula_stops_the_build(page: Markdown, wrong: str) -> None:
    with pytest.raises(ValueError, match="cannot typeset the formula") as error:
        page.convert(f"See ${wrong}$.")
    assert repr(wrong) in str(error.value)


def test_the_search_reads_the_tex_of_a_formula_once(page: Markdown) -> None:
    from material.plugins.search.plugin import Parser

    parser = Parser()
    parser.feed(page.convert(r"Then $\sqrt{\beta_t} + \frac{a}{b}$ is left."))
    parser.close()
    assert "".join(parser.data[0].text).strip() == r"<p>Then \sqrt{\beta_t} + \frac{a}{b} is left.</p>"


def test_a_long_line_knows_how_far_it_is_indented_and_its_text_stays(page: Markdown) -> None:
    code = 'def f():\n    """Two\n    lines."""\n'
    code += '        return "a <long> line, which no phone has room for" & 1\n\n    x = 1\n'
    made = page.convert(f"```python\n{code}```\n")
    assert seen(made).strip() == code.strip()
    assert re.findall(r'<span class="line" style="--indent: (\d+)">', made) == ["8"]
    assert all(line.count("<span") == line.count("</span>") for line in made.splitlines()[1:-1])


NARROW = "| a | b |\n|---|---|\n| 1 | 2 |\n"
WIDE = "| name | what it is | else |\n|---|---|---|\n| `lessons/01/test_schedule.py` | $x_0$ & it | |\n| b | c | d |\n"


def test_only_wide_tables_become_cards(page: Markdown) -> None:
    narrow, wide = page.convert(NARROW), page.convert(WIDE)
    assert "data-" not in narrow
    assert wide.startswith("<table data-cards>")
    assert re.findall('<td data-label="([^"]*)">', wide) == ["name", "what it is", "else"] * 2
    plain = Markdown(extensions=EXTENSIONS[:-1], extension_configs={"pymdownx.arithmatex": {"generic": True}})
    assert seen(wide).split() == seen(plain.convert(WIDE)).split()


def test_a_table_is_as_wide_as_its_longest_words() -> None:
    table = "<table><tr><th>one two</th><th>x</th></tr><tr><td>a &amp; b</td><td>{}</td></tr></table>"
    assert rows(table.format("<b>no</b>")) == [["one two", "x"], ["a & b", "no"]]
    assert width(rows(table.format("no"))) == 2 + 3 + 2 + 2
    fits = "m" * (PHONE - 7)
    assert as_cards(table.format(fits)) == table.format(fits)
    assert as_cards(table.format(fits + "m")) != table.format(fits + "m")
