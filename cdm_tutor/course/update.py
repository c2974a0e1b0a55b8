"""Brings a course folder to this version without touching what its learner wrote."""

import ast
from pathlib import Path

from cdm_tutor import __version__
from cdm_tutor.course.commands import back_up, file_of
from cdm_tutor.course.given import course_files, given, remember
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.stubs import ROOT, digest, shipped, stub
from cdm_tutor.course.syntax import NO_PYTHON, find_function
from cdm_tutor.writing import whole


def update(root: Path) -> str:
    """Bring a course folder to this version; gives back what changed, in lines.

    What the learner wrote is not touched. What is replaced is kept as a copy, unless it is known to be as it was given.

    Raises:
        ValueError: if this is no folder that `cdm-tutor init` made.
        OSError: if something cannot be written.
    """
    if root.resolve() == ROOT.resolve():
        raise ValueError("this is a clone, not a folder that cdm-tutor init made: git pull brings what is new")
    learners = {file_of(lesson).as_posix(): lesson for lesson in LESSONS}
    known, lines, news = given(root), [], []
    for name, content in course_files().items():
        if name in learners:
            lines.append(_update_learners(root, learners[name], content))
            news.append(_news(root, learners[name]))
        else:
            lines.append(_update_ours(root, name, content, known))
    remember(root)
    changed = any(lines)
    last = f"This folder is of version {__version__} now. How you stand: cdm-tutor status"
    nothing = f"What the course gave to this folder is of this version, {__version__}: nothing to do."
    return "\n".join([*filter(None, [*lines, *news]), last if changed else nothing])


def _update_ours(root: Path, name: str, content: bytes, known: set[str]) -> str:
    """Replace what is the course's; what was done, in a line, or "" if it is as it should be."""
    file = root / name
    if not file.exists():
        _write(file, content)
        return f"{name}: new"
    before = digest(file.read_bytes())
    if before == digest(content):
        return ""
    copy = "" if before in known else back_up(file).relative_to(root).as_posix()
    _write(file, content)
    return f"{name}: as in this version" + (f". Yours had been edited: it is kept, {copy}" if copy else "")


def _update_learners(root: Path, lesson: Lesson, content: bytes) -> str:
    """Renew a file that was never touched, and no other; what was done, in a line, or "" if nothing."""
    name = file_of(lesson)
    file = root / name
    if not file.exists():
        _write(file, content)
        return f"{name.as_posix()}: a new lesson, {lesson.title}"
    before = digest(file.read_bytes())
    if before == digest(content) or before not in shipped(lesson):
        return ""
    _write(file, content)
    return f"{name.as_posix()}: as in this version; you had not begun it"


def _news(root: Path, lesson: Lesson) -> str:
    """What a lesson's file has in this version and the learner's has not, functions and their parameters, in a line."""
    name = file_of(lesson)
    try:
        mine = ast.parse((root / name).read_text(encoding="utf-8-sig"))
    except (*NO_PYTHON, OSError):
        return ""
    theirs, news = ast.parse(stub(lesson)), []
    for exercise in lesson.exercises:
        wanted = find_function(theirs, exercise.name)
        try:
            found = find_function(mine, exercise.name)
        except KeyError:
            news.append(f"there is {exercise.name}, to be written (cdm-tutor reset {lesson.number} keeps a copy)")
            continue
        names = [[each.arg for each in ast.walk(one.args) if isinstance(each, ast.arg)] for one in (found, wanted)]
        if names[0] != names[1]:
            news.append(f"{exercise.name} takes ({', '.join(names[1])})")
    return f"{name.as_posix()} is yours and stays as it is. In this version {'; '.join(news)}" if news else ""


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole(file) as part:
        part.write_bytes(content)
