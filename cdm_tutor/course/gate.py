"""Runs a lesson's tests on code of any kind, many times in one process: for those who test the tests.

The tests are collected once. What a learner's `pytest lessons/NN` says is said here, too, by the same Examination, only
without pytest around it.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

from cdm_tutor.course.collection import collected
from cdm_tutor.course.examination import Examination, Judge, Verdict
from cdm_tutor.course.handle import Subject
from cdm_tutor.course.learner import Implementation, alone, reference_source
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.stubs import ROOT


@dataclass(frozen=True)
class Planted(Implementation):
    """Some source in the place of one lesson's file; the other lessons are the reference's."""

    kind: str = "planted"
    lesson: Lesson | None = None
    text: str = ""

    def source(self, lesson: Lesson, folder: Path) -> tuple[str, str]:
        """The source of a lesson's module, and the name of its file."""
        text = self.text if lesson == self.lesson else reference_source(lesson)
        return text, f"<{self.kind} {lesson.module}>"


class Gate:
    """The tests of a lesson.

    Args:
        lesson: which.
        seconds: processor time that a test may take.
        apart: whether the code runs in a process of its own, for code that may end it; that takes twice as long.
    """

    def __init__(self, lesson: Lesson, seconds: float = 8.0, apart: bool = False) -> None:
        self.lesson, self.seconds, self.apart = lesson, seconds, apart
        self.folder = ROOT / "lessons" / lesson.number
        self.tests = collected(self.folder)
        self.judge = Judge(apart)
        self.known: dict[str, dict[str, Verdict]] = {}

    def examine(self, text: str, exercise: str | None = None, *, first: bool = False) -> dict[str, Verdict]:
        """What becomes of each test on that source.

        An exercise that is written as it was in a source before, in a file that is otherwise the same, has the verdicts
        that it had then: it is judged by itself.

        Args:
            text: the source.
            exercise: only the tests about this one; None for all.
            first: stop at the first that does not pass.
        """
        subject = Subject(self.lesson, Planted(lesson=self.lesson, text=text), self.folder)
        examination = Examination(subject, self.tests, self.judge, self.seconds, apart=self.apart)
        verdicts: dict[str, Verdict] = {}
        try:
            for about in dict.fromkeys(about for about, _ in self.tests.values()):
                if exercise in (None, about):
                    verdicts |= self._about(examination, text, about, first)
                if first and any(verdict.outcome != "passed" for verdict in verdicts.values()):
                    break
        finally:
            examination.close()
        return verdicts

    def _about(self, examination: Examination, text: str, about: str | None, first: bool) -> dict[str, Verdict]:
        """The verdicts of the tests about one exercise."""
        key = f"{about} {ast.dump(alone(text, self.lesson, [about]))}" if about else ""
        if key in self.known:
            found = self.known[key]
            examination.passed[about] = all(verdict.outcome == "passed" for verdict in found.values())
            return found
        found = {}
        for name, (its, _) in self.tests.items():
            if its == about:
                found[name] = examination.verdict(name, about)
                if first and found[name].outcome != "passed":
                    return found
        if about:
            self.known[key] = found
        return found
