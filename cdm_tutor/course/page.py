"""What pages and notebooks say of exercises and mistakes: hints, solutions, symptoms, in Markdown.

`??? kind "title"` and what is indented below it is folded.
"""

import ast
import html
import re
import textwrap

from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Exercise, Lesson, Mistake
from cdm_tutor.course.syntax import find_function

HINTS = ("A hint", "Another", "Nearly there")


def sentence(title: str) -> str:
    """With a capital letter, unless it begins with a name from the code."""
    return title if "_" in title.split()[0] else title[0].upper() + title[1:]


def escaped(text: str) -> str:
    """Plain words for a page: what Markdown would take for emphasis, code, a link or a formula stands as it is."""
    return re.sub(r"([\\`*_{}\[\]$|#])", r"\\\1", html.escape(text, quote=False))


def fence(language: str, text: str) -> str:
    """A block of code."""
    return f"```{language}\n{text}\n```\n"


def help_with(lesson: Lesson, exercise: Exercise) -> str:
    """Its hints, one inside the other, and its solution."""
    text = ""
    for depth, (title, hint) in enumerate(zip(HINTS, exercise.hints, strict=True)):
        text += textwrap.indent(f'??? question "{title}"\n\n    {escaped(hint)}\n\n', "    " * depth)
    solution = fence("python", function(reference_source(lesson), exercise, docstring=False))
    return f'{text}??? example "The solution"\n\n{textwrap.indent(solution, "    ")}'


def function(source: str, exercise: Exercise, docstring: bool = True) -> str:
    """The lines of one function of a module, comments at its end included."""
    node = find_function(ast.parse(source), exercise.name)
    lines = source.splitlines()
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)]) - 1
    text = lines[first : node.end_lineno]
    if not docstring and ast.get_docstring(node) is not None:
        begin, end = node.body[0].lineno - 1 - first, (node.body[0].end_lineno or 0) - first
        del text[begin:end]
    return textwrap.dedent("\n".join(text))


def mistake_part(mistake: Mistake) -> str:
    """A known mistake, folded."""
    return (
        f'??? failure "{escaped(sentence(mistake.title))}"\n\n'
        f"    **What you see.** {escaped(mistake.symptom)}\n\n    **The idea.** {escaped(mistake.concept)}\n\n"
        f"    In `{mistake.exercise}`; the tests call it `{mistake.name}`.\n"
    )
