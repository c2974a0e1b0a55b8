"""A lesson as a notebook: its page, and in the place of each exercise a cell to write it in and one that checks it."""

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cdm_tutor.course.commands import back_up, course_folder, file_of, shown
from cdm_tutor.course.learner import learner_source
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.notebooks.cell import taken
from cdm_tutor.course.notebooks.text import EXERCISE, lesson_text, unfolded, with_pictures
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.page import help_with
from cdm_tutor.course.stubs import HOME, stub
from cdm_tutor.course.syntax import NO_PYTHON
from cdm_tutor.pages import published
from cdm_tutor.writing import whole

SETUP = """# Is cdm_tutor not installed, as on Colab and Kaggle? Then take away the # of the next line.
# %pip install cdm-tutor
%load_ext cdm_tutor"""
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def make(lesson: Lesson, course: Path | None = None) -> str:
    """A lesson's notebook, as the text of its file.

    Args:
        lesson: which lesson.
        course: the folder of a learner's course, whose work is taken into the cells; None: all as at the start.
    """
    docs = HOME / "docs"
    source = stub(lesson) if not course else work(course, lesson)
    cells = list(_cells(lesson, docs, source))
    notebook = new_notebook(cells=cells, metadata=KERNEL)
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook))


def work(course: Path, lesson: Lesson) -> str:
    """The learner's file, if it is there and is Python; else as at the start."""
    try:
        source, _ = learner_source(course / file_of(lesson))
        compile(source, "", "exec")
    except (DoesNotLoad, *NO_PYTHON):
        return stub(lesson)
    return source


def _cells(lesson: Lesson, docs: Path, source: str) -> Iterator[nbformat.NotebookNode]:
    """All cells, in order; what each is about is its id, so that the same lesson gives the same file."""
    first, count = True, 0
    parts = EXERCISE.split(lesson_text(lesson, docs, published()))
    for place, part in enumerate(parts):
        if place % 2:
            yield from _exercise_cells(lesson, lesson.exercise(part), source)
            continue
        for section in filter(None, map(str.strip, re.split(r"^(?=#{2,3} )", part, flags=re.MULTILINE))):
            count += 1
            yield new_markdown_cell(with_pictures(section, docs), id=f"text-{count}")
            if first:
                yield new_markdown_cell(_how(lesson), id="how")
                yield new_code_cell(SETUP, id="setup")
                first = False
            if section.startswith("## What you should see"):
                yield new_code_cell(f"%check {lesson.number}", id="check-all")


def _how(lesson: Lesson) -> str:
    return (
        "**In this notebook** you write the functions in their cells. Run one, with Shift and Enter: your function is "
        f"checked, and you see what it does. It is written into `{file_of(lesson).as_posix()}` as well, and what you "
        "write there comes into a cell by `%exercise NAME`. The cell below each checks what stands in the file.\n\n"
        "Begin by running this:"
    )


def _exercise_cells(lesson: Lesson, exercise: Exercise, source: str) -> Iterator[nbformat.NotebookNode]:
    try:
        text = taken(source, exercise.name)
    except KeyError:
        text = taken(stub(lesson), exercise.name)
    name = re.sub(r"\W", "-", exercise.name)
    yield new_code_cell(f"%%exercise {exercise.name}\n{text}", id=f"exercise-{name}")
    yield new_code_cell(f"%check {exercise.name}", id=f"check-{name}")
    yield new_markdown_cell("\n".join(unfolded(help_with(lesson, exercise).split("\n"))).strip(), id=f"help-{name}")


def write(lesson: Lesson, folder: Path) -> str:
    """Write a lesson's notebook into a folder, with the work of the course that it lies in; says so in a line.

    Args:
        lesson: which lesson.
        folder: where to; it is made if need be. A notebook that is there already is kept under another name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        root: Path | None = course_folder(folder.resolve())
    except FileNotFoundError:
        root = None
    path, text = folder / f"{lesson.page}.ipynb", make(lesson, root)
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return f"{shown(path)} is as it would be written: nothing to do"
        kept = f"; the one that was there is kept as {shown(back_up(path))}"
    else:
        kept = ""
    with whole(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
    return f"Wrote {shown(path)}{kept}"
