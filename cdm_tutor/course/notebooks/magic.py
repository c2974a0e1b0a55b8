"""What a notebook can say after `%load_ext cdm_tutor`: `%%exercise NAME`, `%exercise NAME` and `%check NAME`.

Nothing of the learner's is checked in the notebook's own process. Checks and pictures are made by the commands that one
would type, each in a process of its own: it may hang or end, and the notebook goes on.
"""

import ast
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class
from IPython.display import Image, display

from cdm_tutor.course import commands
from cdm_tutor.course.learner import learner_source, load
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.notebooks.cell import line_of, put, taken
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.stubs import stub
from cdm_tutor.course.summary import DOES_NOT_LOAD
from cdm_tutor.course.syntax import NO_PYTHON, unwritten
from cdm_tutor.writing import whole

WIDE = "100"  # columns of what is printed
ENDING = 5.0  # seconds that a process is given to end, once it was told to


@magics_class
class Course(Magics):
    """The magics."""

    @line_cell_magic
    def exercise(self, line: str, cell: str | None = None) -> None:
        """`%%exercise NAME`: take the function below into the learner's file, check it, and show what it does.

        `%exercise NAME` puts what stands in the learner's file into this cell.
        """
        lesson, exercise = find(line)
        if not exercise:
            names = ", ".join(each.name for each in lesson.exercises)
            raise UsageError(f"which exercise of lesson {lesson.number}: {names}?")
        root = home()
        if cell is None:
            assert self.shell
            self.shell.set_next_input(f"%%exercise {exercise.name}\n{written(root, lesson, exercise)}", replace=True)
            return
        try:
            print(write(root, lesson, exercise, cell), end="")
        except (ValueError, DoesNotLoad) as error:
            print(f"{exercise.name}: {error}\nNothing was taken into {commands.file_of(lesson).as_posix()}.")
            return
        self.look(root, lesson, exercise, cell)

    @line_magic
    def check(self, line: str) -> None:
        """`%check NAME`: check what stands in the learner's file, and show what it does; `%check 03`: of a lesson.

        `--time-limit SECONDS` behind it is for slow machines.
        """
        name, longer, seconds = line.partition("--time-limit")
        self.look(home(), *find(name), options=[longer, seconds.strip(" =")] if longer else [])

    def look(
        self, root: Path, lesson: Lesson, exercise: Exercise | None, cell: str = "", options: Sequence[str] = ()
    ) -> None:
        """Check an exercise or a lesson, draw it, and make what is written known to the other cells."""
        only = ["--exercise", exercise.name] if exercise else []
        said = ""
        for text in run(root, "pytest", "-q", "--color=no", f"lessons/{lesson.number}", *only, *options):
            said += text
            print(in_cell(text, root, lesson, exercise, cell), end="")
        names = [exercise] if exercise else list(lesson.exercises)
        if not (there := [each for each in names if is_written(root, lesson, each)]):
            return
        picture = root / "out" / "show" / f"{lesson.number}.png"
        picture.unlink(missing_ok=True)
        show = ["cdm_tutor", "show", lesson.number, *([exercise.name] if exercise else [])]
        print("\n" + "".join(run(root, *show)), end="")
        if picture.exists():
            display(Image(picture.read_bytes(), width=720))
        if DOES_NOT_LOAD not in said:
            self.make_known(root, lesson, there)

    def make_known(self, root: Path, lesson: Lesson, exercises: list[Exercise]) -> None:
        """Let other cells call what is written, as the learner's file has it now."""
        assert self.shell
        with suppress(DoesNotLoad):
            module = load(*_module(root, lesson))
            names = {each.name.split(".")[0] for each in exercises}
            self.shell.push({name: getattr(module, name) for name in names if hasattr(module, name)})


def register(shell: InteractiveShell) -> None:
    """Make the magics known to a notebook."""
    shell.register_magics(Course)


def find(line: str) -> tuple[Lesson, Exercise | None]:
    """The exercise of that name, "q_sample" or "02 q_sample" or the last part of its name; or the lesson of a number.

    Raises:
        UsageError: if there is none, or more than one.
    """
    words = line.split()
    try:
        if len(words) == 2:
            lesson = find_lesson(words[0])
            return lesson, commands.find_exercise(lesson, words[1])
        if words and words[0].isdigit():
            return find_lesson(words[0]), None
    except ValueError as error:
        raise UsageError(str(error)) from None
    every, name = [(lesson, each) for lesson in LESSONS for each in lesson.exercises], line.strip()
    found = [pair for pair in every if pair[1].name == name]
    found = found or [pair for pair in every if pair[1].name.split(".")[-1] == name]
    if len(found) > 1:
        both = " or ".join(f"{lesson.number} {exercise.name}" for lesson, exercise in found)
        raise UsageError(f"which of them: {both}?")
    if not found:
        raise UsageError(f"no exercise is called {name!r}: cdm-tutor status lists them; or a lesson's number")
    return found[0]


def home() -> Path:
    """The course's folder; made where the notebook is, if there is none.

    Raises:
        UsageError: if there is none, and files are in the way.
    """
    try:
        return commands.course_folder(Path.cwd())
    except FileNotFoundError:
        try:
            commands.init(Path.cwd())
            print(f"Made the course in {Path.cwd()}: what you write here is written there, in lessons/\n")
        except ValueError as error:
            raise UsageError(str(error)) from None
        return Path.cwd()


def written(root: Path, lesson: Lesson, exercise: Exercise) -> str:
    """An exercise as the learner's file has it; as at the start, if it has it not."""
    try:
        return taken(learner_source(root / commands.file_of(lesson))[0], exercise.name)
    except (DoesNotLoad, *NO_PYTHON, KeyError):
        return taken(stub(lesson), exercise.name)


def is_written(root: Path, lesson: Lesson, exercise: Exercise) -> bool:
    """Whether there is more in the learner's file than at the start."""
    try:
        return exercise.name not in unwritten(learner_source(root / commands.file_of(lesson))[0], lesson)
    except (DoesNotLoad, *NO_PYTHON):
        return False


def write(root: Path, lesson: Lesson, exercise: Exercise, cell: str) -> str:
    """Take a cell into the learner's file, and say what the learner must know of it.

    A file whose lines get lost by that is copied first. A cell that is not written yet replaces nothing.

    Raises:
        ValueError, DoesNotLoad: if the cell or the file is not as it must be; then nothing is written.
    """
    file = root / commands.file_of(lesson)
    shown = commands.file_of(lesson).as_posix()
    source, _ = learner_source(file)
    for text, where in ((f"\n{cell}", "this cell"), (source, shown)):  # the magic's line counts as the cell's first
        try:
            ast.parse(text)
        except SyntaxError as error:
            raise ValueError(
                f"{error.msg}, in {where}, line {error.lineno}\n    {(error.text or '').strip()}"
            ) from None
        except (RecursionError, MemoryError):
            raise ValueError(f"nested too deeply for Python, in {where}") from None
    new = put(source, lesson, exercise, cell)
    if exercise.name in unwritten(new, lesson) and exercise.name not in unwritten(source, lesson):
        load_it = f"%exercise {exercise.name}"
        return f"This cell is not written, {shown} is: it is left alone, and checked. {load_it} puts it here.\n\n"
    if new == source:
        return ""
    lost, said = Counter(source.split("\n")) - Counter(new.split("\n")) - Counter(stub(lesson).split("\n")), ""
    if lost:
        folder = file.parent / "replaced"
        folder.mkdir(exist_ok=True)
        kept = commands.back_up(file, folder)
        said = f"{shown} is changed; as it was before, it is kept in {kept.relative_to(root).as_posix()}\n\n"
    ends = "\r\n" if b"\r\n" in file.read_bytes() else "\n"
    with whole(file) as part:
        part.write_text(new, encoding="utf-8", newline=ends)
    return said


def in_cell(text: str, root: Path, lesson: Lesson, exercise: Exercise | None, cell: str) -> str:
    """What was said, with the cell's line beside each line of the file that is named."""
    if not exercise or not cell:
        return text
    shown = commands.file_of(lesson).as_posix()
    with suppress(DoesNotLoad, *NO_PYTHON, KeyError):
        first, last = line_of(learner_source(root / shown)[0], exercise.name)
        first_here, _ = line_of(cell, exercise.name.split(".")[-1])

        def both(found: re.Match[str]) -> str:
            line = int(found[1])
            return f"{found[0]} (line {line - first + first_here + 1} here)" if first <= line <= last else found[0]

        return re.sub(rf"{re.escape(shown)}:(\d+)", both, text)
    return text


def run(root: Path, *module: str) -> Iterator[str]:
    """What `python -m MODULE ...` says in the course's folder, line by line, as it comes.

    Its signals are its own: when the notebook is interrupted, it is told to end and waited for.
    """
    environment = {**os.environ, "COLUMNS": WIDE, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"}
    process = subprocess.Popen(
        [sys.executable, "-m", *module],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    assert process.stdout
    try:
        yield from process.stdout
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT if os.name == "posix" else signal.SIGTERM)
            try:
                process.wait(ENDING)
            except subprocess.TimeoutExpired:
                process.kill()
        process.stdout.close()
        process.wait()


def _module(root: Path, lesson: Lesson) -> tuple[str, str, str]:
    source, file = learner_source(root / commands.file_of(lesson))
    return source, lesson.module, file
