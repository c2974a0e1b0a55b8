"""Grades submissions one after the other, in a process that never runs their code and is not the one that counts."""

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cdm_tutor.course.collection import collected
from cdm_tutor.course.enclosure import Enclosure
from cdm_tutor.course.examination import Examination, Judge, Verdict
from cdm_tutor.course.explain import recognised
from cdm_tutor.course.handle import Subject
from cdm_tutor.course.learner import Implementation
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import find_lesson
from cdm_tutor.course.stubs import HOME
from cdm_tutor.grading.grades import Said
from cdm_tutor.grading.marks import bodies, unusual

PATIENCE = 300.0  # seconds by the clock for a lesson: all cores are busy, and nobody waits for this one
LONGEST = 4_000  # characters of what is said of a test that are kept


@dataclass(frozen=True)
class Rules:
    """What is the same for a whole class.

    Attributes:
        lessons: which are graded.
        seed: of the random examples.
        seconds: processor time that a test may take.
        walls: what submissions are walled off from.
    """

    lessons: tuple[Lesson, ...]
    seed: int
    seconds: float
    walls: frozenset[str]

    def tests(self, lesson: Lesson) -> dict[str, Any]:
        """The package's own tests of a lesson."""
        return collected(HOME / "lessons" / lesson.number, self.seed)


class Worker:
    """Answers with what became of a submission's tests, as plain data.

    Args:
        rules: what is the same for all.
        place: a folder, for the folders that submissions live in while they are graded.
    """

    def __init__(self, rules: Rules, place: Path) -> None:
        self.rules, self.place, self.judge = rules, place, Judge()

    def serve(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Grade the files of one submission, which are given by the numbers of their lessons; or say why not."""
        try:
            return self.grade(files)
        except Exception as error:  # costs this submission its verdict, and no other
            return {"error": f"{type(error).__name__}: {error}"}

    def grade(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """What became of the tests, and what marks are made from."""
        begun = time.monotonic()
        folder = Path(tempfile.mkdtemp(dir=self.place)).resolve()
        try:
            for number, content in files.items():
                path = folder / "lessons" / number / f"{find_lesson(number).module}.py"
                path.parent.mkdir(parents=True)
                path.write_bytes(content)
            said = {
                lesson.number: [asdict(each) for each in self.lesson(lesson, folder)]
                for lesson in self.rules.lessons
                if lesson.number in files
            }
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return {"said": said, "seconds": time.monotonic() - begun, **looked_at(files, self.rules.lessons)}

    def lesson(self, lesson: Lesson, folder: Path) -> list[Said]:
        """What became of each test; where the machine had no time for some, all are tried once more."""
        said = self.examined(lesson, folder)
        return self.examined(lesson, folder) if any(each.outcome == "no time" for each in said) else said

    def examined(self, lesson: Lesson, folder: Path) -> list[Said]:
        """What became of each test."""
        tests = self.rules.tests(lesson)
        subject = Subject(lesson, Implementation(), folder / "lessons" / lesson.number)
        enclosure = Enclosure(folder, self.rules.walls)
        examination = Examination(
            subject, tests, self.judge, self.rules.seconds, enclosure=enclosure, patience=PATIENCE
        )
        try:
            return [_said(about, examination.verdict(name, about), folder) for name, (about, _) in tests.items()]
        finally:
            examination.close()


def _said(about: str | None, verdict: Verdict, folder: Path) -> Said:
    text = verdict.text.replace(f"{folder}/", "")
    if verdict.mistake:
        text += f"\n\n{recognised(verdict.mistake)}"
    name = verdict.mistake.name if verdict.mistake else ""
    return Said(about or "", verdict.outcome, text[:LONGEST], verdict.detail, verdict.spoiled, name)


def looked_at(files: Mapping[str, bytes], lessons: Sequence[Lesson]) -> dict[str, Any]:
    """What marks are made from, as plain data."""
    try:
        found = [[*key, body] for key, body in bodies(files, lessons).items()]
        return {"bodies": found, "unusual": unusual(files, lessons)}
    except (RecursionError, MemoryError):
        return {"bodies": [], "unusual": ["is nested too deeply to be looked at"]}
