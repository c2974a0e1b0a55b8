"""The home page: a wrong line of code, and the check that names it, as it prints."""

import os
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from cdm_tutor.course.commands import init
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.page import fence
from workshop.drawing import part

MISTAKE = "noising-swapped"
NARROW = "62"  # columns of its terminal


def report(lesson: Lesson, mistake: Mistake) -> str:
    """The first failure that a learner reads who made a mistake, from the case that shows it to the address."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder) / "course"
        init(course)
        file = course / "lessons" / lesson.number / f"{lesson.module}.py"
        file.write_text(patched(reference_source(lesson), mistake.patch), encoding="utf-8")
        command = [sys.executable, "-m", "pytest", f"lessons/{lesson.number}", "--exercise", mistake.exercise]
        printed = subprocess.run(
            command, cwd=course, env={**os.environ, "COLUMNS": NARROW}, capture_output=True, text=True
        ).stdout
    found = re.search(r"^_+ test_\w+ _+\n(.*?)\n(?=_{3,} )", printed, re.DOTALL | re.MULTILINE)
    if not found:
        raise ValueError(f"{mistake.name} fails no test:\n{printed}")
    return re.sub(r"\S*(clinic/)", r"\1", found[1])  # wherever this machine has the pages


def wrong_line(lesson: Lesson, mistake: Mistake) -> str:
    """The lines that the mistake changes, the wrong one lit."""
    ((right, wrong),) = mistake.patch
    lines = textwrap.dedent(wrong).splitlines()
    lit = next(number for number, line in enumerate(lines, 1) if line not in textwrap.dedent(right).splitlines())
    return fence(f'{{ .python hl_lines="{lit}" title="lessons/{lesson.number}/{lesson.module}.py" }}', "\n".join(lines))


def main() -> None:
    lesson, mistake = find_mistake(MISTAKE)
    typed = f"$ pytest lessons/{lesson.number} --exercise {mistake.exercise}\n"
    part("check", wrong_line(lesson, mistake) + "\n" + fence("console", typed + report(lesson, mistake)))
