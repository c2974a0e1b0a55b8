"""`cdm-tutor show`: what the learner's code does above what it should do, right, wrong, broken or not there."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from cdm_tutor import trainer
from cdm_tutor.course import commands
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.shows import shows_of
from cdm_tutor.course.stubs import emptied

Tutor = Callable[..., tuple[int, str, str]]
SECOND = find_lesson("02")


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder, and we are in it."""
    commands.init(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(course: Path, lesson: Lesson, source: str) -> None:
    (course / commands.file_of(lesson)).write_text(source)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_right_code_looks_as_it_should(course: Path, lesson: Lesson, tutor: Tutor) -> None:
    """And every exercise has something to show."""
    write(course, lesson, reference_source(lesson))
    code, said, _ = tutor("show", lesson.number)
    assert code == 0
    assert said.count(": as it should be\n") == len(shows_of(lesson))
    assert {name for each in shows_of(lesson) for name in each.exercises} == {each.name for each in lesson.exercises}
    with Image.open(course / "out" / "show" / f"{lesson.number}.png") as picture:
        assert picture.width == 1080
        assert len(picture.convert("L").getcolors() or range(300)) > 50


@pytest.mark.parametrize(
    "name",
    [
        "cosine-not-squared",
        "noising-noise-without-root",
        "block-shift-first",
        "ddim-without-root",
        "refined-each-step-from-the-start",
    ],
)
def test_a_known_mistake_is_seen(course: Path, name: str, tutor: Tutor) -> None:
    lesson, mistake = find_mistake(name)
    write(course, lesson, patched(reference_source(lesson), mistake.patch))
    code, said, _ = tutor("show", lesson.number, mistake.exercise)
    assert code == 0
    assert "differs, first at " in said


def test_what_is_not_written_is_the_references(course: Path, tutor: Tutor) -> None:
    write(course, SECOND, emptied(reference_source(SECOND), SECOND, SECOND.exercises[2:]))
    code, said, _ = tutor("show", "02", "q_sample")
    assert (code, said.count("as it should be\n")) == (0, 1)
    assert tutor("show", "2")[1].count(": as it should be\n") == 2
    code, _, error = tutor("show", "02", "velocity")
    assert (code, error.count("\n")) == (2, 1)
    assert "velocity is not written yet: lessons/02/noising.py:" in error


BROKEN = {
    "raises": ("    return signal * x0 + sigma * noise\n", "    return x0 @ 3\n", "TypeError: "),
    "nothing": ("    return signal * x0 + sigma * noise\n", "    pass\n", "expected a tensor, got NoneType"),
    "shape": ("    return signal * x0 + sigma * noise\n", "    return x0[:1]\n", "yours has shape (1, 1, 28, 28)"),
    "loop": ("    return signal * x0 + sigma * noise\n", "    while True: pass\n", "still running after"),
    "end": (
        "    return signal * x0 + sigma * noise\n",
        "    import os; os._exit(0)\n",
        "ended Python, with exit code 0",
    ),
    "NaN": ("    return signal * x0 + sigma * noise\n", "    return x0 * float('nan')\n", "differs, first at t = 0"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_code_is_shown_with_what_is_wrong(case: str, course: Path, tutor: Tutor) -> None:
    find, replace, says = BROKEN[case]
    write(course, SECOND, patched(reference_source(SECOND), ((find, replace),)))
    code, said, _ = tutor("show", "02", "q_sample")
    assert code == 0
    assert says in said
    assert "--time-limit" not in said  # an option of pytest only
    assert (course / "out" / "show" / "02.png").exists()


def test_a_file_that_is_no_python_gets_its_line(course: Path, tutor: Tutor) -> None:
    write(course, SECOND, reference_source(SECOND) + "\ndef broken(:\n")
    code, _, error = tutor("show", "02")
    assert code == 2
    assert "lessons/02/noising.py:" in error
    assert "invalid syntax" in error
    (course / commands.file_of(SECOND)).unlink()
    code, _, error = tutor("show", "02")
    assert (code, error.count("\n")) == (2, 1)
    assert "is not there" in error


def test_one_mistake_is_explained_once(course: Path, tutor: Tutor) -> None:
    write(course, SECOND, patched(reference_source(SECOND), (("table[t].reshape(-1, 1, 1, 1)", "tabel[t]"),)))
    _, said, _ = tutor("show", "02", "gather")
    assert said.count("name 'tabel' is not defined") == 1
    write(course, SECOND, reference_source(SECOND) + "\nraise RuntimeError('at the end')\n")
    _, said, _ = tutor("show", "02")
    assert said.count("at the end") <= 2  # the error, and its line
    assert said.count(": the same") == len(shows_of(SECOND)) - 1


def test_it_is_quick() -> None:
    """The lesson with most to compute, in seconds of the processor."""
    begun = time.process_time()
    for each in shows_of(find_lesson("06")):
        each.make(trainer)
    assert time.process_time() - begun < 6


def test_watch_shows_too(course: Path) -> None:
    write(course, SECOND, reference_source(SECOND))
    command = [sys.executable, "-m", "cdm_tutor", "watch", "02", "--show"]
    with subprocess.Popen(command, cwd=course, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines: list[str] = []
        while "Watching" not in "".join(lines):
            lines.append(process.stdout.readline())
        process.terminate()
    assert "Wrote out/show/02.png" in "".join(lines)
