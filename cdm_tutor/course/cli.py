"""The course's part of the command line."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cdm_tutor import choices, options

if TYPE_CHECKING:
    from cdm_tutor.course.lesson import Lesson

PANEL = "The course"  # of the help

app = typer.Typer()


@app.command(rich_help_panel=PANEL)
def status() -> None:
    """Show how far you are in the course, and what to do next."""
    from cdm_tutor.course import commands

    print(commands.status(here()))


@app.command(rich_help_panel=PANEL)
def check(lesson: options.Lesson) -> None:
    """Check what you wrote in a lesson: the same as pytest lessons/03."""
    from cdm_tutor.course import commands

    raise typer.Exit(commands.check(here(), the_lesson(lesson)))


@app.command(rich_help_panel=PANEL)
def show(lesson: options.Lesson, exercise: options.ShownExercise = None, out: options.Shown = None) -> None:
    """Draw what your code does above what it should do, also while it is wrong."""
    from cdm_tutor.course import commands

    print(commands.show(here(), the_lesson(lesson), exercise, out))


@app.command(rich_help_panel=PANEL)
def watch(lesson: options.Lesson, show: options.ShowToo = False) -> None:
    """Check a lesson each time you save a file. Ctrl-C ends it."""
    from cdm_tutor.course import commands

    commands.watch(here(), the_lesson(lesson), show)


@app.command(rich_help_panel=PANEL)
def hint(lesson: options.Lesson, exercise: options.HintedExercise = None, more: options.More = False) -> None:
    """Help with an exercise, in three steps: a question, a push, and nearly there."""
    from cdm_tutor.course import commands

    print(commands.hint(here(), the_lesson(lesson), exercise, more))


@app.command(rich_help_panel=PANEL)
def solution(lesson: options.Lesson, exercise: options.Exercise, yes: options.Yes = False) -> None:
    """Show how the reference solves an exercise, and how yours differs."""
    from cdm_tutor.course import commands

    root, its_lesson = here(), the_lesson(lesson)
    its_exercise = commands.find_exercise(its_lesson, exercise)
    sure(f"Show the solution of {its_exercise.name}?", yes)
    print(commands.solution(root, its_lesson, its_exercise))


@app.command(rich_help_panel=PANEL)
def reset(lesson: options.Lesson, yes: options.Yes = False) -> None:
    """Begin a lesson anew. Your file is kept under another name."""
    from cdm_tutor.course import commands

    root, its_lesson = here(), the_lesson(lesson)
    sure(f"Put {commands.file_of(its_lesson)} back to its start (keeping a copy of yours)?", yes)
    print(commands.reset(root, its_lesson))


@app.command(rich_help_panel=PANEL)
def init(folder: options.NewFolder) -> None:
    """Make a folder with the lessons, for those who have no clone of the repository."""
    from cdm_tutor.course import commands

    print(commands.init(folder))


@app.command(rich_help_panel=PANEL)
def update() -> None:
    """Bring the folder of your course to this version. What you wrote is not touched."""
    from cdm_tutor.course.update import update as bring

    print(bring(here()))


@app.command(rich_help_panel=PANEL)
def grade(
    submissions: options.Submissions,
    lessons: options.Lessons = None,
    out: options.GradesFolder = Path("out/grades"),
    seed: options.ExamplesSeed = None,
    points: options.PointsFile = None,
) -> None:
    """Grade a class: a folder of course folders, zips or single files. Ends with a page for the teacher."""
    from cdm_tutor.grading import command

    command.grade(submissions, lessons, out, seed, points)


@app.command(rich_help_panel=PANEL)
def notebook(lesson: options.LessonOrAll, folder: options.NotebookFolder = Path()) -> None:
    """Write a lesson as a Jupyter notebook, with what you have written so far. It is the same work, in both directions.

    It needs nbformat and resvg-py.
    """
    from cdm_tutor.course.outline import LESSONS

    lessons = LESSONS if lesson == "all" else (the_lesson(lesson),)
    try:
        from cdm_tutor.course.notebooks import make
    except ModuleNotFoundError as error:
        raise ValueError(f"{error.name} is not installed: pip install 'cdm-tutor[notebook]'") from None
    for each in lessons:
        print(make.write(each, folder), flush=True)


def here() -> Path:
    """The folder of the course we are in."""
    from cdm_tutor.course.commands import course_folder

    return course_folder(Path.cwd())


def the_lesson(name: str) -> "Lesson":
    """The lesson of that number."""
    from cdm_tutor.course.outline import find_lesson

    return find_lesson(name)


def sure(question: str, yes: bool) -> None:
    """Ask, unless told not to; end if the answer is no."""
    if not yes and not typer.confirm(question):
        raise typer.Exit(1)


def told_of(use: choices.Whose) -> tuple[str, str]:
    """What the demo's page says of the course: whose code it ran on, and what is next."""
    from cdm_tutor.course import commands

    by = "the package's own code"
    try:
        root = here()
    except FileNotFoundError:
        return by, "Begin with lesson 1. A folder with the lessons: cdm-tutor init my-course"
    at = commands.first_unfinished(root)
    if use == "mine":
        by = commands.whose_code(root)
        if not at:
            return by, "All lessons are finished: the library is yours. On your own images: cdm-tutor train FOLDER"
    return by, commands.what_next(root, at)


def stand_in(context: typer.Context, use: choices.Whose) -> None:
    """With --use mine, run the rest of a command on the learner's finished lessons. Say which these are.

    Comes before anything is imported that leans on them.
    """
    if use == "mine":
        from cdm_tutor.course.commands import my_lessons

        print(context.with_resource(my_lessons(here())))
