"""How much room HTML takes on a narrow page: the text that is seen of it."""

import html
import re

UNSEEN = re.compile(r"<(bdi|mpadded)\b.*?</\1>", re.DOTALL)  # of a formula only the TeX counts
COMMAND = re.compile(r"\\[A-Za-z]+|[{}^_\\]")


def text_of(made: str) -> str:
    """The text in some HTML; a formula counts about as many characters as it is wide."""
    formulas = re.sub(
        r"<annotation[^>]*>(.*?)</annotation>",
        lambda tex: COMMAND.sub(lambda command: "x" if command[0][1:].isalpha() else "", tex[1]),
        UNSEEN.sub("", made),
        flags=re.DOTALL,
    )
    return html.unescape(re.sub(r"<[^>]+>", "", formulas))
