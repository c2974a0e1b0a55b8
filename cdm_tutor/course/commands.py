"""What the course's commands do. Most give back a text to print; none needs torch but `my_lessons`."""

import ast
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from difflib import unified_diff
from itertools import count
from pathlib import Path

from cdm_tutor.course.given import course_files, has_other_tests, other_tests, remember
from cdm_tutor.course.learner import learner_source, load, reference_source, standing_in
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.record import Record, finished, forgets
from cdm_tutor.course.stubs import stub
from cdm_tutor.course.summary import next_step
from cdm_tutor.course.syntax import NO_PYTHON, find_function, unwritten
from cdm_tutor.shell import typed


def course_folder(start: Path) -> Path:
    """The folder that has the lessons folder: this one, or one above it.

    Raises:
        FileNotFoundError: if there is none.
    """
    for folder in (start, *start.parents):
        if any((folder / "lessons" / lesson.number).is_dir() for lesson in LESSONS):
            return folder
    raise FileNotFoundError(
        "no lessons folder here: go to your clone of the repository, or make one with: cdm-tutor init DIR"
    )


def file_of(lesson: Lesson) -> Path:
    """The learner's file, as seen from the course's folder."""
    return Path("lessons", lesson.number, f"{lesson.module}.py")


def find_exercise(lesson: Lesson, name: str) -> Exercise:
    """The exercise of that name, or of that last part of a name ("from_betas") if no other ends so.

    Raises:
        ValueError: if there is none, or more than one.
    """
    names = {exercise.name: exercise for exercise in lesson.exercises}
    found = [names[name]] if name in names else [names[full] for full in names if full.split(".")[-1] == name]
    if len(found) != 1:
        raise ValueError(f"lesson {lesson.number} has no exercise {name!r}: expected one of {', '.join(names)}")
    return found[0]


def status(root: Path) -> str:
    """How far the learner is: a bar for each lesson, the exercises of those begun, and what to do next."""
    lines, course = [], ""
    width = max(len(lesson.exercises) for lesson in LESSONS)
    here = first_unfinished(root)
    for lesson in LESSONS:
        record = Record.of(root, lesson)
        rows, stale = record.rows(lesson), record.stale(root, lesson)
        names = [exercise.name for exercise in lesson.exercises]
        bar = "".join("." if rows[name] != "passed" else "~" if name in stale else "#" for name in names)
        course += bar
        lines.append(f"{lesson.number} {lesson.title:24} [{bar}]{'':{width - len(bar)}} {_passed(bar)}")
        if not finished(root, lesson) and (record.states or lesson == here):
            lines += [f"     {name:32} {state}{' (stale)' * (name in stale)}" for name, state in rows.items()]
    lines += ["", f"The course [{course}] {_passed(course)} exercises"]
    if "~" in course:
        lines.append("~ and (stale): as it was before you last changed the file")
    if forgotten := [lesson for lesson in LESSONS if _forgotten(root, lesson)]:
        checks = "; ".join(f"cdm-tutor check {lesson.number}" for lesson in forgotten)
        lines.append(f"Written, and no check is remembered (a copy or a clone brings none along): {checks}")
    lines += [line for line in (other_tests(root), forgets(root)) if line]
    return "\n".join([*lines, "", what_next(root, here)])


def _forgotten(root: Path, lesson: Lesson) -> bool:
    """Whether something is written in a lesson's file, and nothing is known of it."""
    try:
        source, _ = learner_source(root / file_of(lesson))
        return not Record.of(root, lesson).states and len(unwritten(source, lesson)) < len(lesson.exercises)
    except (DoesNotLoad, OSError, *NO_PYTHON):
        return False


def _passed(bar: str) -> str:
    return f"{bar.count('#')} of {len(bar)}"


def first_unfinished(root: Path) -> Lesson | None:
    """The lesson that the learner is at; None once all are finished."""
    return next((lesson for lesson in LESSONS if not finished(root, lesson)), None)


def what_next(root: Path, lesson: Lesson | None) -> str:
    """What to do next, in a line, in the first lesson that is not finished."""
    if not lesson:
        return "All lessons are finished: the library is yours. Try it: cdm-tutor demo --use mine"
    record = Record.of(root, lesson)
    if not record.states:
        first = lesson.exercises[0].name
        return f"Next: read {file_of(lesson).as_posix()}, write {first} in it, then: pytest lessons/{lesson.number}"
    if record.stale(root, lesson):
        return f"Next: {file_of(lesson).as_posix()} has changed since it was checked: cdm-tutor check {lesson.number}"
    return next_step(lesson, record.rows(lesson))


def check(root: Path, lesson: Lesson) -> int:
    """Run the lesson's tests in a process of their own; gives back its exit code.

    Raises:
        FileNotFoundError: if they are not there.
    """
    if not (root / file_of(lesson)).with_name(f"test_{lesson.module}.py").exists():
        raise FileNotFoundError(f"lessons/{lesson.number} has no tests: cdm-tutor update brings them")
    command = [sys.executable, "-m", "pytest", f"lessons/{lesson.number}"]
    code = subprocess.run(command, cwd=root, check=False).returncode
    return code if code >= 0 else 128 - code


def show(root: Path, lesson: Lesson, name: str | None = None, out: Path | None = None) -> str:
    """Draw what the learner's code does into a PNG, and say where it differs from what it should do.

    Raises:
        ValueError: if there is no such exercise, or nothing to be shown.
    """
    from cdm_tutor.course import show

    exercise = find_exercise(lesson, name).name if name else None
    seen = show.look(lesson, root / file_of(lesson).parent, exercise)
    path = out or Path("out", "show", f"{lesson.number}.png")
    show.save(path, seen)
    return f"{show.tell(lesson, seen)}\nWrote {shown(path)}"


def watch(root: Path, lesson: Lesson, show: bool = False, pause: float = 0.5) -> None:
    """Run the lesson's tests now, and again whenever a file of a lesson was saved, until Ctrl-C; or show it, too."""
    seen = None
    while True:
        if (now := _saved(root)) != seen:
            seen = now
            check(root, lesson)
            if show:
                subprocess.run([sys.executable, "-m", "cdm_tutor", "show", lesson.number], cwd=root, check=False)
            print(f"\nWatching lessons: save to check {lesson.number} again, Ctrl-C to end.", flush=True)
        time.sleep(pause)


def _saved(root: Path) -> dict[Path, tuple[int, int]]:
    """All lessons' files: when they were last written, and how long they are."""
    found = {}
    for path in sorted((root / "lessons").glob("*/*.py")):
        try:
            found[path] = (path.stat().st_mtime_ns, path.stat().st_size)
        except FileNotFoundError:  # an editor is just replacing it
            continue
    return found


def hint(root: Path, lesson: Lesson, name: str | None = None, more: bool = False) -> str:
    """The hints of an exercise that were read so far, at least one; with `more` also the next.

    Raises:
        ValueError: if there is no such exercise.
    """
    record = Record.of(root, lesson)
    if name:
        exercise = find_exercise(lesson, name)
    else:
        left = [each for each in lesson.exercises if record.states.get(each.name) != "passed"]
        if not left:
            again = f"to read one all the same: cdm-tutor hint {lesson.number} EXERCISE"
            return f"Lesson {lesson.number} needs no hint, all its exercises passed; {again}"
        exercise = left[0]
    if not exercise.hints:
        return f"There are no hints for {exercise.name}."
    seen, of = record.hints.get(exercise.name, 0), len(exercise.hints)
    shown = min(max(seen + more, 1), of)
    record.hints[exercise.name] = shown
    if (cannot := record.keep(root, lesson)) and more:
        shown = of  # or one would never come to the last
    command = f"{lesson.number} {exercise.name}"
    lines = [f"{exercise.name}, in {file_of(lesson).as_posix()}", ""]
    for number, text in enumerate(exercise.hints[:shown], start=1):
        lines += [textwrap.fill(text, 88, initial_indent=f"  {number}. ", subsequent_indent="     "), ""]
    if shown < of:
        lines.append(f"Hint {shown} of {of}. Still stuck? cdm-tutor hint {command} --more")
    else:
        last = "There are no more hints" if seen == of and more else "This is the last hint"
        lines.append(f"{last}. The solution: cdm-tutor solution {command}")
    return "\n".join([*lines, *([cannot] if cannot else [])])


def solution(root: Path, lesson: Lesson, exercise: Exercise) -> str:
    """The reference's function, and how the learner's differs from it."""
    reference = _function(reference_source(lesson), exercise.name)
    return f"{reference}\n\n{_comparison(root, lesson, exercise.name, reference)}"


def _comparison(root: Path, lesson: Lesson, name: str, reference: str) -> str:
    file = file_of(lesson).as_posix()
    try:
        source, _ = learner_source(root / file)
        yours = _function(source, name)
    except DoesNotLoad as error:
        return str(error)
    except NO_PYTHON as error:
        return f"Yours cannot be compared with it: {file} is no Python, {str(error) or 'nested too deeply'}"
    except KeyError:
        return f"There is no {name} in {file}."
    if name in unwritten(source, lesson):
        return "Yours is not written yet."
    if yours == reference:
        return "Yours is the same."
    difference = unified_diff(yours.split("\n"), reference.split("\n"), "yours", "reference", lineterm="")
    return "\n".join(["The difference (another way of writing it may be as right):", "", *difference])


def _function(source: str, name: str) -> str:
    """The text of a function, with its decorators.

    Raises:
        NO_PYTHON: if the source is no Python.
        KeyError: if there is no such function.
    """
    function = find_function(ast.parse(source), name)
    first = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    return textwrap.dedent("\n".join(source.split("\n")[first - 1 : function.end_lineno]))


def reset(root: Path, lesson: Lesson) -> str:
    """Begin a lesson anew: keep the learner's file under another name, write the stub, forget the results."""
    file, new = root / file_of(lesson), stub(lesson).encode()
    lines = []
    if file.exists():
        if file.read_bytes() == new:
            return f"{shown(file)} is as it was at the start: nothing to do."
        kept = back_up(file)
        back = typed("move" if os.name == "nt" else "mv", near(kept), near(file))
        lines = [f"Your file is kept as {shown(kept)}. To have it back:", f"  {back}"]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(new)
    Record(hints=Record.of(root, lesson).hints).keep(root, lesson)
    return "\n".join([*lines, f"{shown(file)} is as at the start."])


def back_up(file: Path, folder: Path | None = None) -> Path:
    """Copy a file to a new one beside it or in a folder, named after the time; never one that is there already."""
    content, now = file.read_bytes(), f"{datetime.now():%Y%m%d-%H%M%S}"
    for number in count(1):
        copy = (folder or file.parent) / f"{file.name}.{now}{f'-{number}' if number > 1 else ''}.bak"
        try:
            with copy.open("xb") as out:
                out.write(content)
        except FileExistsError:
            continue
        return copy
    raise AssertionError


def shown(path: Path) -> str:
    """A path as one would type it here."""
    return typed(near(path))


def near(path: Path) -> Path:
    """A path as seen from here, if it is below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def init(folder: Path) -> str:
    """Make a folder with all that a learner needs: the stubs, the tests, and what tells pytest how to run them.

    Raises:
        ValueError: if one of the files is there already; then nothing is written.
    """
    files = course_files()
    if there := [name for name in files if (folder / name).exists()]:
        raise ValueError(f"{folder / there[0]} is there already, and init overwrites nothing: name another folder")
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("xb") as file:
            file.write(content)
    remember(folder)
    made = f"Made {len(LESSONS)} lessons in {shown(folder)}."
    return f"{made} Go there, and: cdm-tutor status\nThe pages to read: cdm-tutor site"


@contextmanager
def my_lessons(root: Path) -> Iterator[str]:
    """While it lasts, the finished lessons stand in for the reference's modules; yields which is which, to print.

    Each is built on the ones before it. What leans on them must not have been imported yet: it would keep the
    reference's.

    Raises:
        ValueError: if no lesson is finished.
    """
    mine = [lesson for lesson in LESSONS if finished(root, lesson)]
    if not mine:
        raise ValueError(f"none of your lessons is finished yet. {what_next(root, LESSONS[0])}")
    lines = ["Whose code:"]
    with ExitStack() as stack:
        for lesson in LESSONS:
            if lesson in mine:
                source, file = learner_source(root / file_of(lesson))
                stack.enter_context(standing_in({lesson.module: load(source, lesson.module, file)}))
            lines.append(f"  {lesson.number} {lesson.module:9} {_whose(root, lesson)}")
        yield "\n".join(lines)


def whose_code(root: Path) -> str:
    """Whose code runs while my_lessons lasts, in a few words."""
    mine = [lesson.number for lesson in LESSONS if finished(root, lesson)]
    if len(mine) == len(LESSONS):
        return "your own code"
    return f"your own code of lesson{'s' if len(mine) > 1 else ''} {', '.join(mine)} and the package's for the rest"


def _whose(root: Path, lesson: Lesson) -> str:
    file = file_of(lesson).as_posix()
    if finished(root, lesson):
        other = has_other_tests(root, lesson)
        return f"yours, {file}{', checked by tests that are not of this version: cdm-tutor update' * other}"
    record = Record.of(root, lesson)
    if record.states and record.stale(root, lesson):
        why = f"yours has changed since it was checked: cdm-tutor check {lesson.number}"
    else:
        why = "yours is not finished"
    return f"the reference; {why}"
