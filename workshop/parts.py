"""The parts of pages that the code itself says, and the pages that are nothing else."""

import ast
from collections.abc import Callable
from functools import partial

import typer
from typer.core import TyperCommand

from cdm_tutor.cli import app
from cdm_tutor.course import stubs
from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.page import escaped, fence, function, help_with, mistake_part
from workshop import published
from workshop.clinic import pages as clinic
from workshop.clinic.gallery import gallery_part
from workshop.heads import head, lesson_page
from workshop.minutes import lengths_part, minutes, time_part
from workshop.places import page_of
from workshop.tables import table


def pipeline(here: Lesson) -> str:
    """The stages in a row, this one lit; a list, so that it is read out as one and wraps on a phone."""
    lines = []
    for lesson in LESSONS:
        lit = "{ .here aria-current=step }" if lesson == here else ""
        lines.append(f"{int(lesson.number)}. [{lesson.title}]({page_of(lesson)}){lit}")
    return '<div class="pipeline" markdown>\n\n' + "\n".join(lines) + "\n\n</div>\n"


def lessons_part() -> str:
    """The lessons, each with its time and what it is about."""
    return "".join(
        f"{int(each.number)}. [{each.title}](lessons/{page_of(each)}), {minutes(each)} minutes. {each.about}\n"
        for each in LESSONS
    )


def times_part() -> str:
    """A table of how long each lesson takes, and all together."""
    rows = [[f"[{each.heading}](lessons/{page_of(each)})", f"{minutes(each)} minutes"] for each in LESSONS]
    hours, rest = divmod(sum(map(minutes, LESSONS)), 60)
    rows += [
        ["all lessons", f"{hours} h {rest} min"],
        ["[Your own model](your-own-model.md)", "as long as you like"],
    ]
    return table(["lesson", "time"], rows) + "\n"


def clinic_links_part() -> str:
    """Where each lesson's mistakes are."""
    return ", ".join(f"[{int(each.number)}](clinic/{each.number}.md)" for each in LESSONS) + ".\n"


def notebook_part(lesson: Lesson) -> str:
    """Where the lesson can be had as a notebook."""
    name = f"{lesson.page}.ipynb"
    return f"**As a notebook** [{name}](../notebooks/{name}){{ download }}, [how to use it](../how.md#in-a-notebook).\n"


def exercise_part(lesson: Lesson, exercise: Exercise) -> str:
    """What to write, how to check it, three hints one inside the other, and the solution."""
    check = (
        f"pytest lessons/{lesson.number} --exercise {exercise.name}\n"
        f"cdm-tutor show {lesson.number} {exercise.name}    # a picture of what it does"
    )
    return (
        f"{fence('python', function(stubs.emptied(reference_source(lesson), lesson, (exercise,)), exercise))}\n"
        f"{fence('sh', check)}\n{help_with(lesson, exercise)}"
    )


def clinic_page(lesson: Lesson) -> str:
    """All known mistakes of a lesson."""
    title = lesson.title[0].lower() + lesson.title[1:] if lesson.title.startswith("The ") else lesson.title.lower()
    about = f"Mistakes in lesson {int(lesson.number)}, {title}"
    says = (
        f"The {len(mistakes_of(lesson))} known mistakes in {', '.join(each.name for each in lesson.exercises)}: "
        "what each does to the images, and the idea that was missed."
    )
    return (
        f"{head(about, says, f'cdm_tutor/course/mistakes/{lesson.module}.py')}# {about}\n\n"
        f"Every known mistake of [lesson {int(lesson.number)}](../lessons/{page_of(lesson)}), by the function that it "
        "is made in. Each was put into the\npackage's own code and run; [the clinic](../clinic.md) says how, and lists "
        f"all by what you see.\n\n{clinic.lesson_part(lesson)}"
    )


def reference_page(lesson: Lesson) -> str:
    """Where mkdocstrings writes down a stage."""
    options = "    options:\n      show_root_heading: false\n      heading_level: 2\n"
    name = f"cdm_tutor.{lesson.module}"
    what = f"The functions of lesson {int(lesson.number)} in the package, {name}: {purpose(lesson)}."
    return f"{head(f'Reference: {name}', what, f'cdm_tutor/{lesson.module}.py')}# `{name}`\n\n::: {name}\n{options}"


def purpose(lesson: Lesson) -> str:
    """What a stage does, as its own first sentence has it."""
    says = ast.get_docstring(ast.parse(reference_source(lesson))) or ""
    return " ".join(says.split("\n\n")[0].split(": ", 1)[-1].split()).rstrip(".")


def reference_index() -> str:
    """A table of the stages."""
    rows = "".join(f"| [{each.title}]({each.module}.md) | {purpose(each)} |\n" for each in LESSONS)
    what = "Every function of the package, stage by stage, with its equation, shapes and errors; and all commands."
    return (
        f"{head('Reference: the stages', what, 'workshop/parts.py')}"
        "# Reference\n\nThe stages, in the order in which they are built. Each leans only on those before it.\n\n"
        f"| stage | what it does |\n|---|---|\n{rows}\n"
        "The trainer shares its work through [several processes](distributed.md); a refiner is trained "
        "further against a [critic](critic.md). What can be typed: [commands](commands.md).\n"
    )


def commands_part() -> str:
    """What the command line says of itself, command by command: as tables, which fit a phone; its own frames do not."""
    return "".join(command_part(name, command) for name, command in commands().items())


def command_part(name: str, command: TyperCommand) -> str:
    """What `cdm-tutor NAME --help` says."""
    context = command.context_class(command, info_name=f"cdm-tutor {name}")
    records = [each.get_help_record(context) for each in command.get_params(context)]
    rows = [[f"`{what}`", escaped(" ".join(says.split()))] for what, says in filter(None, records)]
    usage = fence("sh", " ".join(command.get_usage(context).removeprefix("Usage: ").split()))
    options = table(["what to type", "what it does"], rows)
    return f"## {name}\n\n{usage}\n{escaped(command.help or '')}\n\n{options}\n\n"


def commands() -> dict[str, TyperCommand]:
    """All commands by name, in the order of the help."""
    return vars(typer.main.get_command(app))["commands"]


def pages() -> dict[str, Callable[[], str]]:
    """Pages of which nothing is written by hand, by their path in docs: how each is made."""
    made: dict[str, Callable[[], str]] = {"reference/index.md": reference_index}
    made |= {f"clinic/{lesson.number}.md": partial(clinic_page, lesson) for lesson in LESSONS}
    return made | {f"reference/{lesson.module}.md": partial(reference_page, lesson) for lesson in LESSONS}


def parts() -> dict[str, str]:
    """Every file, by its path in docs.

    parts/NN/time.md           how long the lesson takes, and where its notebook is
    parts/NN/pipeline.md       the stages, one of them lit
    parts/NN/EXERCISE.md       an exercise: its stub, hints and solution
    parts/NN/mistake-NAME.md   a known mistake that the lesson's page shows
    parts/clinic/gallery.md    all mistakes by what one sees, and the form that filters them
    parts/lessons.md           the lessons, and what they are about
    parts/times.md             how long they take
    parts/lengths.md           how much there is to read and to do in each
    parts/clinic/lessons.md    where each lesson's mistakes are
    parts/commands.md          what each cdm-tutor COMMAND --help says
    parts/published/           how to get the course, to cite it, to report; its version
    clinic/NN.md               all mistakes of a lesson
    reference/MODULE.md        a stage's functions
    reference/index.md         the stages
    """
    made = {name: write() for name, write in pages().items()}
    made |= {"parts/lessons.md": lessons_part(), "parts/times.md": times_part(), "parts/lengths.md": lengths_part()}
    made |= {"parts/clinic/lessons.md": clinic_links_part(), "parts/clinic/gallery.md": gallery_part()}
    made["parts/commands.md"] = commands_part()
    made |= {f"parts/published/{name}.md": text for name, text in published.parts().items()}
    for lesson in LESSONS:
        made[f"parts/{lesson.number}/pipeline.md"] = pipeline(lesson)
        made[f"parts/{lesson.number}/time.md"] = f"{time_part(lesson)}\n{notebook_part(lesson)}"
        made |= {f"parts/{lesson.number}/{each.name}.md": exercise_part(lesson, each) for each in lesson.exercises}
        page = lesson_page(lesson).read_text(encoding="utf-8")
        shown = [each for each in mistakes_of(lesson) if f"/mistake-{each.name}.md" in page]
        made |= {f"parts/{lesson.number}/mistake-{each.name}.md": mistake_part(each) for each in shown}
    return made
