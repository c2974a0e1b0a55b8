"""What became of the tests, and what to do next."""

from collections.abc import Set
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS

TOGETHER = "all together"
NOT_RUN = ("not run", "passed so far, not all run")
DOES_NOT_LOAD, NOT_TRIED = "does not load", "not tried"  # details of a wrong outcome
BORROWS = "calls the answer"  # an outcome: it passes, because the package's own function gave the answer
WAITS = "waits for "  # followed by an exercise
STATES = ("wrong", "not written", "no time", BORROWS, "skipped", "passed")  # what most needs saying comes first


@dataclass(frozen=True)
class Result:
    """What became of one test.

    Attributes:
        lesson: the number of its lesson.
        exercise: what it is about; "" for all exercises together.
        outcome: one of STATES.
        detail: if not written, the exercise that is missing; if skipped or BORROWS, why; if wrong, the name of the
            mistake it looks like, DOES_NOT_LOAD, NOT_TRIED where an earlier test said all there is to say, or "".
        tests: how many tests there are about that exercise, run or not; 0 if that is not known.
        digest: the fingerprint of the learner's file and the test.
    """

    lesson: str
    exercise: str
    outcome: str
    detail: str = ""
    tests: int = 0
    digest: str = ""

    def attach(self, report: pytest.TestReport) -> None:
        """Put it into a report, in plain words, which survive the way from another process."""
        report.__dict__["course"] = asdict(self)

    @classmethod
    def of(cls, report: pytest.TestReport) -> "Result | None":
        """What was put into a report, if anything was."""
        course = getattr(report, "course", None)
        return cls(**course) if course else None


class Results:
    """A part of the plugin: collects what became of the lessons' tests."""

    def __init__(self, learner: bool, rootpath: Path) -> None:
        self.learner = learner
        self.rootpath = rootpath
        self.all: list[Result] = []
        self.courses: dict[str, Path] = {}  # the number of a lesson -> the folder that has lessons/NUMBER

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the results."""
        if result := Result.of(report):
            self.all.append(result)
            self.courses[result.lesson] = (self.rootpath / report.fspath).resolve().parents[2]

    def of(self, lesson: Lesson) -> list[Result]:
        """Those of one lesson."""
        return [result for result in self.all if result.lesson == lesson.number]


def tell(terminal: pytest.TerminalReporter, lesson: Lesson, rows: dict[str, str], before: Set[str]) -> None:
    """Say how far a lesson is.

    Args:
        terminal: where to.
        lesson: which.
        rows: how each exercise stands.
        before: exercises that were not run now, and stand as they did when they were.
    """
    done = sum(state == "passed" for name, state in rows.items() if name != TOGETHER)
    title = f"lesson {lesson.number}, {lesson.title}: {done} of {len(lesson.exercises)} exercises"
    terminal.write_sep("=", title)
    for name, state in rows.items():
        words = f"{state} (checked before)" if name in before else state
        terminal.write_line(f"  {name:32} {words}", green=state == "passed", red=state == "wrong")


def standing(lesson: Lesson, results: list[Result]) -> dict[str, str]:
    """How each exercise stands: "passed" if all its tests did, else what most needs saying."""
    rows = {}
    for name in (*(exercise.name for exercise in lesson.exercises), ""):
        its = [result for result in results if result.exercise == name]
        outcomes = [result.outcome for result in its]
        state = next((each for each in STATES if each in outcomes), NOT_RUN[0])
        if state == "not written":
            missing = next(result.detail for result in its if result.outcome == state)
            count = f"{len(its)} tests" if len(its) > 1 else "1 test"
            state = f"not written yet ({count})" if missing == name else f"{WAITS}{missing}"
        elif state == "skipped" and (waits := [result.detail for result in its if result.detail.startswith(WAITS)]):
            state = waits[0]
        elif state == "passed" and len(its) != its[0].tests:
            state = NOT_RUN[1]
        rows[name or TOGETHER] = state
    return rows


def next_step(lesson: Lesson, rows: dict[str, str], loads: bool = True) -> str:
    """What to do next, in a line."""
    file = f"lessons/{lesson.number}/{lesson.module}.py"
    if not loads:
        return f"Next: {file} does not load; mend that first, so that its exercises can be checked"
    for name, state in rows.items():
        if name == TOGETHER and state == "wrong":
            return f"Next: each exercise passes by itself, not all together; mend what that shows in {file}"
        if state not in ("passed", "skipped", *NOT_RUN):
            if state == "no time":
                return f"Next: check again, the machine was busy: pytest lessons/{lesson.number}"
            what = "Next: mend" if state == "wrong" else "Next: write"
            own = " yourself" if state == BORROWS else ""
            see = f" See what it does: cdm-tutor show {lesson.number} {name}." if state == "wrong" else ""
            return f"{what} {name}{own} in {file}.{see} Stuck? cdm-tutor hint {lesson.number} {name}"
    if any(state in NOT_RUN for state in rows.values()):
        return _after_one(lesson, rows)
    if rows[TOGETHER] == "skipped":
        return f"Lesson {lesson.number} is done; once the lessons before it are, it is also tried on top of them."
    see = f"See what you made: cdm-tutor show {lesson.number}"
    if lesson == LESSONS[-1]:
        return f"{see}. This was the last lesson: the library is yours."
    following = LESSONS[LESSONS.index(lesson) + 1]
    return f"Lesson {lesson.number} is done. {see}. Next: lesson {following.number}, lessons/{following.number}"


def _after_one(lesson: Lesson, rows: dict[str, str]) -> str:
    """What to do next where what was run has passed, but was not all: look at it, and go on to the one after it."""
    everything = f"pytest lessons/{lesson.number}"
    names = [exercise.name for exercise in lesson.exercises]
    done = [name for name in names if rows[name] == "passed"]
    following = names[names.index(done[-1]) + 1 :] if done else []
    if not following or rows[following[0]] not in NOT_RUN:
        return f"Next: run all of it, {everything}"
    see = f"cdm-tutor show {lesson.number} {done[-1]}"
    return f"Next: see what it does, {see}; then {following[0]}. The whole lesson: {everything}"
