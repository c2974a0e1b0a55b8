"""Write what the pages include, from the code itself: python docs/make_parts.py [--check]

docs/parts/NN/pipeline.md       the six stages, one of them lit
docs/parts/NN/EXERCISE.md       an exercise: its stub, hints and solution
docs/parts/NN/mistake-NAME.md   a known mistake that the page shows
docs/parts/clinic/NN.md         all of a lesson's, for the clinic
docs/parts/clinic/index.md      all of them by what one sees
docs/parts/help/COMMAND.md      what cdm-tutor COMMAND --help says

With --check nothing is written, and the exit code is 1 where a file is not what the code says.
"""

import argparse
import ast
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import clinic_parts as clinic
from clinic_parts import escaped, fence

from cdm_tutor.course import stubs
from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Exercise, Lesson, Mistake
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.syntax import find_function

DOCS = Path(__file__).parent
PARTS = DOCS / "parts"
HINTS = ("A hint", "Another", "Nearly there")


def page_of(lesson: Lesson) -> str:
    """The name of a lesson's page."""
    return f"{lesson.number}-{lesson.title.lower().removeprefix('the ').replace(' ', '-')}.md"


def pipeline(here: Lesson) -> str:
    """The stages in a row, this one lit; a list, so that it is read out as one and wraps on a phone."""
    lines = []
    for lesson in LESSONS:
        lit = "{ .here aria-current=step }" if lesson == here else ""
        lines.append(f"{int(lesson.number)}. [{lesson.title}]({page_of(lesson)}){lit}")
    return '<div class="pipeline" markdown>\n\n' + "\n".join(lines) + "\n\n</div>\n"


def exercise_part(lesson: Lesson, exercise: Exercise) -> str:
    """What to write, how to check it, three hints one inside the other, and the solution."""
    source = reference_source(lesson)
    hints = ""
    for depth, (title, text) in enumerate(zip(HINTS, exercise.hints, strict=True)):
        hints += textwrap.indent(f'??? question "{title}"\n\n    {escaped(text)}\n\n', "    " * depth)
    check = f"pytest lessons/{lesson.number} --exercise {exercise.name}"
    return (
        f"{code(function(stubs.emptied(source, lesson, (exercise,)), exercise))}\n"
        f"{fence('sh', check)}\n{hints}"
        f'??? example "The solution"\n\n{textwrap.indent(code(function(source, exercise, docstring=False)), "    ")}'
    )


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
        f'??? failure "{escaped(clinic.sentence(mistake.title))}"\n\n'
        f"    **What you see.** {escaped(mistake.symptom)}\n\n    **The idea.** {escaped(mistake.concept)}\n\n"
        f"    In `{mistake.exercise}`; the tests call it `{mistake.name}`.\n"
    )


def help_parts() -> dict[str, str]:
    """What the command line says of itself."""
    parts = {}
    for command in commands():
        environment = {**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80", "NO_COLOR": "1", "TERM": "dumb"}
        shown = subprocess.run(
            [sys.executable, "-m", "cdm_tutor", command, "--help"],
            env=environment, capture_output=True, encoding="utf-8", check=True,
        ).stdout  # fmt: skip
        parts[f"help/{command}.md"] = fence("text", "\n".join(line.rstrip() for line in shown.strip().splitlines()))
    return parts


def commands() -> list[str]:
    """The names of all commands, in the order of the help."""
    import typer

    from cdm_tutor.cli import app

    return list(typer.main.get_command(app).commands)


def code(text: str) -> str:
    return fence("python", text)


def parts() -> dict[str, str]:
    """Every file, by its path in docs/parts."""
    made = help_parts() | {"clinic/index.md": clinic.index_part()}
    for lesson in LESSONS:
        made[f"{lesson.number}/pipeline.md"] = pipeline(lesson)
        made[f"clinic/{lesson.number}.md"] = clinic.lesson_part(lesson)
        made |= {f"{lesson.number}/{each.name}.md": exercise_part(lesson, each) for each in lesson.exercises}
        page = (DOCS / "lessons" / page_of(lesson)).read_text(encoding="utf-8")
        shown = [each for each in mistakes_of(lesson) if f"/mistake-{each.name}.md" in page]
        made |= {f"{lesson.number}/mistake-{each.name}.md": mistake_part(each) for each in shown}
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    made = {PARTS / name: text for name, text in parts().items()}
    there = {path for path in PARTS.rglob("*.md") if path.parent.name != "figures"}
    stale = sorted(path for path in there | made.keys() if path not in there or path.read_text() != made.get(path))
    for path in stale:
        print(f"{path.relative_to(PARTS)}: {'stale' if check else 'written' if path in made else 'deleted'}")
        if not check and path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path])
        elif not check:
            path.unlink()
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
