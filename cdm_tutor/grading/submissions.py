"""What a class turned in: course folders, zips, single files. Only the lessons' own files are read, and none is run."""

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.grading.archive import NOT_THEIRS, NotGraded, contents, is_archive, read_member

LARGEST = 1 << 20  # bytes of a lesson's file
MOST = 20_000  # files in a submission that are looked at


@dataclass(frozen=True)
class Submission:
    """What one learner turned in.

    Attributes:
        name: of the folder or file, without what says its kind.
        files: the content of the lessons' files, by the lessons' numbers.
        problem: why it cannot be graded, in a line; "" if it can.
    """

    name: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    problem: str = ""


def find(place: Path, but: Path | None = None) -> list[Submission]:
    """All submissions in a folder, by name; or the one that a course folder, a zip or a file is.

    Args:
        place: the folder, or the one submission.
        but: a folder in it that is none: where results go.

    Raises:
        FileNotFoundError: if there is nothing.
    """
    if not place.exists():
        raise FileNotFoundError(f"{place} is not there: expected a folder of submissions, a zip or a lesson's file")
    if place.is_file() or (place / "lessons").is_dir():
        return [_read(place.resolve().stem, [place])]
    found = []
    for name, paths in _grouped(place, but).items():
        found.append(_read(name, paths))
    if not found:
        raise FileNotFoundError(f"no submissions in {place}: expected course folders, zips or lessons' files")
    return found


def _grouped(place: Path, but: Path | None) -> dict[str, list[Path]]:
    """What lies in a folder, by the name of the submission: alice_schedule.py and alice_noising.py are one."""
    groups: dict[str, list[Path]] = defaultdict(list)
    paths = [path for path in place.iterdir() if path.name[0] != "." and path.name not in NOT_THEIRS]
    for path in sorted(paths, key=lambda path: (path.is_file(), path.name)):
        if but and path.resolve() == but.resolve():
            continue
        if path.suffix == ".py" and path.is_file():
            lesson = _lesson_in_name(path.stem)
            name = re.sub(rf"[ _.-]*{lesson.module}[ _.-]*", "_", path.stem).strip("_") if lesson else path.stem
            groups[_clean(name or place.resolve().name)].append(path)
            continue
        name = _clean(path.stem if path.is_file() else path.name)
        groups[name if name not in groups else _clean(path.name)].append(path)
    return dict(sorted(groups.items()))


def _clean(name: str) -> str:
    """A name that can be printed."""
    name = os.fsencode(name).decode(errors="replace")
    return "".join(each if each.isprintable() else "?" for each in name) or "?"


def _read(name: str, paths: list[Path]) -> Submission:
    try:
        files: dict[str, bytes] = {}
        for path in paths:
            for number, content in _files_of(path).items():
                if number in files:
                    raise NotGraded(f"has two files for lesson {number}")
                files[number] = content
        return Submission(name, dict(sorted(files.items())))
    except NotGraded as problem:
        return Submission(name, problem=str(problem))
    except OSError as error:
        return Submission(name, problem=f"cannot be read: {error.strerror or error}")


def _files_of(path: Path) -> dict[str, bytes]:
    """The lessons' files of what was turned in, by number.

    Raises:
        NotGraded: if they cannot be had.
        OSError: if something cannot be read.
    """
    if path.is_symlink():
        raise NotGraded("is a symbolic link, which may lead anywhere: turn in the files themselves")
    if path.is_dir():
        return _files_in_folder(path)
    if path.suffix == ".py":
        content = read_plainly(path)
        lesson = _lesson_in_name(path.stem) or _lesson_of_content(content)
        if not lesson:
            files = ", ".join(f"{each.module}.py" for each in LESSONS)
            raise NotGraded(f"{path.name} is no lesson's file: none of its exercises is in it, and it is not {files}")
        return {lesson.number: content}
    if path.is_file() and is_archive(path):
        members = contents(path)
        return {number: read_member(path, members[each], LARGEST) for number, each in _choose(members).items()}
    raise NotGraded(f"{path.name} is no folder, no zip and no Python file")


def _files_in_folder(folder: Path) -> dict[str, bytes]:
    paths = {PurePosixPath(path.relative_to(folder).as_posix()): path for path in _walk(folder)}
    zips = [path for path in paths.values() if path.suffix == ".zip"]
    try:
        return {number: read_plainly(paths[each]) for number, each in _choose(paths).items()}
    except NotGraded:
        if len(zips) == 1 and not any(path.suffix == ".py" for path in paths.values()):
            return _files_of(zips[0])  # a folder for each learner, and the zip in it
        raise


def _walk(folder: Path) -> Iterator[Path]:
    """The Python files and zips in a folder and those below it; links are not followed."""
    seen = 0
    for home, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each[0] != "." and each not in NOT_THEIRS)
        if "pyvenv.cfg" in files:
            folders[:], files = [], []
        for each in folders:
            if Path(home, each).is_symlink() and (each == "lessons" or Path(home).name == "lessons"):
                raise NotGraded(f"{Path(home, each).relative_to(folder)} is a symbolic link, which may lead anywhere")
        seen += len(files)
        if seen > MOST:
            raise NotGraded(f"has more than {MOST:,} files")
        yield from (Path(home, each) for each in files if each.endswith((".py", ".zip")))


def read_plainly(path: Path) -> bytes:
    """A file's content, if it is a plain file of sensible size: no link, no pipe, no device.

    Raises:
        NotGraded: if it is not.
        OSError: if it cannot be read.
    """
    if path.is_symlink():
        raise NotGraded(f"{path.name} is a symbolic link, which may lead anywhere: turn in the file itself")
    with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise NotGraded(f"{path.name} is no plain file")
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise NotGraded(f"{path.name} is larger than {LARGEST >> 20} MB, as no lesson's file is")
    return content


def _choose(paths: Iterable[PurePosixPath]) -> dict[str, PurePosixPath]:
    """The file of each lesson: lessons/NN/MODULE.py, or else the one of that name; the nearest to the top.

    Raises:
        NotGraded: if there is none, or if it cannot be told which.
    """
    chosen, paths = {}, list(paths)
    for lesson in LESSONS:
        named = [path for path in paths if path.name == f"{lesson.module}.py" and "cdm_tutor" not in path.parts]
        at_home = [path for path in named if path.parts[-3:-1] == ("lessons", lesson.number)]
        best = sorted(at_home or named, key=lambda path: len(path.parts))
        if len(best) > 1 and len(best[0].parts) == len(best[1].parts):
            raise NotGraded(f"has two files for lesson {lesson.number}: {best[0]} and {best[1]}")
        if best:
            chosen[lesson.number] = best[0]
    if not chosen:
        first = LESSONS[0]
        raise NotGraded(f"has no lesson's file, as lessons/{first.number}/{first.module}.py")
    return chosen


def _lesson_in_name(stem: str) -> Lesson | None:
    """The lesson whose module is in a file's name, as in schedule, alice_schedule, schedule-2."""
    words = re.split(r"[\W_]+", stem.lower())
    return next((lesson for lesson in LESSONS if lesson.module in words), None)


def _lesson_of_content(content: bytes) -> Lesson | None:
    """The lesson of which a file defines most exercises, by its lines: it may be no Python."""
    lines = content.decode(errors="replace")
    defined = set(re.findall(r"^(?:def|class)\s+(\w+)", lines, re.MULTILINE))
    counts = {
        lesson.number: len({exercise.name.split(".")[0] for exercise in lesson.exercises} & defined)
        for lesson in LESSONS
    }
    best = max(LESSONS, key=lambda lesson: counts[lesson.number])
    return best if counts[best.number] else None
