"""From the reference to the learner's file: the bodies of the exercises go, all else stays, byte for byte.

`python -m cdm_tutor.course.stubs` writes `lessons/NN/MODULE.py`; `--check` only says which are out of step; `03` after
it means only that lesson. A file that is not, byte for byte (line endings aside), a stub that was once shipped holds
somebody's work and is never overwritten; the files in `shipped_stubs` have the digests of all stubs that ever were.
"""

import ast
import hashlib
import sys
from pathlib import Path

from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.syntax import Function, find_function, not_written, statements

ROOT = Path(__file__).parents[2]
PACKED = Path(__file__).with_name("packed")  # where a wheel has what in the repository is at its root
HOME = PACKED if PACKED.is_dir() else ROOT  # of the lessons' tests
SHIPPED = Path(__file__).with_name("shipped_stubs")


def stub(lesson: Lesson) -> str:
    """The learner's file at the start of a lesson."""
    return emptied(reference_source(lesson), lesson, lesson.exercises)


def emptied(source: str, lesson: Lesson, exercises: tuple[Exercise, ...]) -> str:
    """A module's source with the bodies of some exercises replaced by their steps in words and a raise."""
    lines = source.split("\n")
    tree = ast.parse(source)
    places = [(find_function(tree, exercise.name), exercise) for exercise in exercises]
    for function, exercise in sorted(places, key=lambda place: place[0].lineno, reverse=True):
        start, end = _body(function)
        indent = " " * function.body[0].col_offset
        steps = [f"{indent}# {number}. {step}" for number, step in enumerate(exercise.steps, start=1)]
        lines[start:end] = [*steps, f'{indent}raise NotImplementedError("{not_written(lesson, exercise.name)}")']
    return "\n".join(lines)


def _body(function: Function) -> tuple[int, int]:
    """The lines, counted from 0, that hold what a function does; comments above its first statement included."""
    body = statements(function)
    if not body:
        raise ValueError(f"{function.name} has nothing to leave out")
    start = body[0].lineno - 1
    if len(body) < len(function.body):
        start = function.body[0].end_lineno or start
    return start, function.end_lineno or start


def digest(content: bytes) -> str:
    """The fingerprint of a file, whatever its line endings."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


def shipped(lesson: Lesson) -> list[str]:
    """The digests of all stubs ever shipped for a lesson."""
    path = SHIPPED / f"{lesson.module}.txt"
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def write(lesson: Lesson, path: Path) -> bool:
    """Write a lesson's stub, and record it as shipped; False if somebody worked in that file, which is left alone."""
    content = stub(lesson).encode()
    known = shipped(lesson)
    if digest(content) not in known:
        known.append(digest(content))
        (SHIPPED / f"{lesson.module}.txt").write_text("\n".join(known) + "\n", encoding="utf-8", newline="\n")
    if path.exists() and digest(path.read_bytes()) not in known:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def in_step(lesson: Lesson, path: Path) -> bool:
    """Whether a file is the stub of today, and recorded as shipped."""
    wanted = digest(stub(lesson).encode())
    return wanted in shipped(lesson) and path.exists() and digest(path.read_bytes()) == wanted


def main(arguments: list[str]) -> int:
    """Write the stubs of the lessons named, or of all, or with --check compare them; 1 if a file is out of step."""
    check = "--check" in arguments
    names = [argument for argument in arguments if argument != "--check"]
    status = 0
    for lesson in [find_lesson(name) for name in names] or LESSONS:
        path = ROOT / "lessons" / lesson.number / f"{lesson.module}.py"
        if check and not in_step(lesson, path):
            print(f"{path.relative_to(ROOT)} is not what the reference makes: python -m cdm_tutor.course.stubs")
            status = 1
        if not check and not write(lesson, path):
            print(f"{path.relative_to(ROOT)} has been edited: left alone")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
