"""The judge of a lesson: runs its tests where the learner's code cannot reach, and comes to a verdict on each.

One child process runs the learner's code, an exercise at a time. It may die, hang or lie. Another, which never meets
that code, knows the reference's answers and those of the known mistakes. An exercise has passed when its tests say so
*and* its answers to the fixed calls are the reference's.
"""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from mmap import mmap
from typing import Any

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course import checks
from cdm_tutor.course.child import CAN_FORK, Child, NoAnswer, start
from cdm_tutor.course.diagnosis import diagnose, is_right, unlike_reference
from cdm_tutor.course.enclosure import Enclosure
from cdm_tutor.course.examiner import NOTE, Examiner, Finding, asks_for_chain
from cdm_tutor.course.handle import Subject
from cdm_tutor.course.learner import differs_elsewhere
from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.summary import BORROWS, DOES_NOT_LOAD, NOT_TRIED, WAITS
from cdm_tutor.course.syntax import NO_PYTHON, unwritten

IMPATIENT = 0.3  # of the time limit, once something in the lesson had to be stopped,
ENOUGH = 2.0  # but not less than so many seconds: right code needs them on a busy machine
TO_COMPARE = 60.0  # seconds of processor time for the judge
LESSON = 50.0  # seconds by the clock after which no further test of a lesson is begun


@dataclass(frozen=True)
class Verdict:
    """What became of a test.

    Attributes:
        outcome: "passed", "wrong", "not written", "no time", "skipped", or BORROWS where the package's own function
            gave the answer.
        text: what the learner reads; for "not written" the name of the exercise.
        detail: DOES_NOT_LOAD, or NOT_TRIED where a test before said all there is to say.
        refusal: whether something was taken that should have been refused.
        mistake: the known mistake that it looks like.
        printed: what the code printed.
        trace: Python's own traceback.
        spoiled: in a few words, what the code did to its examination, so that this says little of what it computes:
            it ended the process, had to be stopped, or changed what is compared with; "" if nothing.
    """

    outcome: str
    text: str = ""
    detail: str = ""
    refusal: bool = False
    mistake: Mistake | None = None
    printed: str = ""
    trace: str = ""
    spoiled: str = ""


class Judge:
    """Compares answers in a process that never meets a learner's code, with the reference's and the known mistakes'.

    Args:
        apart: whether in a process of its own.
    """

    def __init__(self, apart: bool = CAN_FORK) -> None:
        self.apart = apart
        self.child: Child | None = None

    def is_right(self, answers: list[Any], lesson: Lesson, exercise: str) -> bool | None:
        """Whether these are the reference's answers; None if there was no time to say."""
        return self._ask(is_right, answers, lesson, exercise)

    def unlike_reference(self, answers: list[Any], lesson: Lesson) -> str | None:
        """The first exercise of which these, to all calls of a lesson, are not the reference's answers."""
        return self._ask(unlike_reference, answers, lesson)

    def named(self, answers: list[Any], lesson: Lesson, exercise: str | None, strict: bool) -> Mistake | None:
        """The known mistake that gives these answers."""
        name = self._ask(_named, answers, lesson, exercise, strict)
        return find_mistake(name)[1] if name else None

    def _ask(self, compare: Callable[..., Any], *arguments: object) -> Any:
        if not self.child or self.child.dead:
            self.child = start(lambda: lambda question: question[0](*question[1:]), self.apart)
        found = self.child.ask((compare, *arguments), TO_COMPARE)
        return None if isinstance(found, NoAnswer) else found

    def close(self) -> None:
        """End the process."""
        if self.child:
            self.child.close()


def _named(answers: list[Any], lesson: Lesson, exercise: str | None, strict: bool) -> str | None:
    found = diagnose(answers, lesson, exercise, strict=strict)
    return found.name if found else None


class Examination:
    """One lesson's tests on somebody's code, in one run.

    Args:
        subject: whose code.
        tests: all tests of the lesson that will be run, in order, by name, with what each is about.
        judge: compares answers.
        seconds: processor time that a test may take; 0 for no limit.
        loud: whether what is printed goes straight to the terminal.
        apart: whether the code runs in a process of its own; else it runs in this one, and can end it.
        enclosure: where that process lives, if not free as any other.
        patience: seconds by the clock after which no further test is begun.
    """

    def __init__(
        self,
        subject: Subject,
        tests: dict[str, tuple[str | None, pytest.Function]],
        judge: Judge,
        seconds: float,
        loud: bool = False,
        apart: bool = CAN_FORK,
        enclosure: Enclosure | None = None,
        patience: float = LESSON,
    ) -> None:
        self.subject, self.judge, self.seconds, self.loud, self.apart = subject, judge, seconds, loud, apart
        self.enclosure, self.patience = enclosure, patience
        self.tests = {name: test for name, (_, test) in tests.items()}
        self.last = {exercise: name for name, (exercise, _) in tests.items()}  # its last test, of each exercise
        self.passed: dict[str | None, bool] = {}  # so far
        self.stopped: dict[str | None, str] = {}  # exercises that hung or ended Python: in words
        self.as_it_is: set[str | None] = {None}  # exercises that are not judged by themselves: it would be unfair
        self.named: dict[tuple[str | None, bool, bool], Mistake | None] = {}  # see looks_like
        self.loads, self.spoiled_load = True, ""
        self.begun = time.monotonic()
        self.called = mmap(-1, NOTE)  # shared with the child: which exercise was called last
        self.child: Child | None = None
        self.child_is_for: tuple[str | None, bool] | None = None
        warm_up()

    def verdict(self, name: str, exercise: str | None) -> Verdict:
        """Run a test, or say why not, and judge."""
        found = self.excuse(name, exercise) or self.try_it(name, exercise)
        self.passed[exercise] = self.passed.get(exercise, True) and found.outcome == "passed"
        if exercise and self.passed[exercise] and name == self.last[exercise]:
            found = self.confirm(exercise) or found
            self.passed[exercise] = found.outcome == "passed"
        return found

    def excuse(self, name: str, exercise: str | None) -> Verdict | None:
        """What can be said without running the test."""
        lesson = self.subject.lesson
        file = f"{lesson.module}.py"
        if not self.loads:
            text = f"{file} does not load: see the first failure"
            return Verdict("wrong", text, NOT_TRIED, spoiled=self.spoiled_load)
        if self.missing and (not exercise or exercise in self.missing):
            return Verdict("not written", exercise or self.missing[0])
        if exercise in self.stopped:
            words = self.stopped[exercise]
            return Verdict("wrong", f"not tried: {words}", NOT_TRIED, spoiled=words)
        if self.seconds and time.monotonic() - self.begun > self.patience:
            return Verdict("no time", f"not tried: this lesson took {self.patience:g} s so far. Run it again")
        if not exercise:
            wrong = [each.name for each in lesson.exercises if not self.passed.get(each.name, True)]
            if wrong:
                return Verdict("skipped", f"{WAITS}{wrong[0]}")
            if self.subject.implementation.kind == "learner" and asks_for_chain(self.tests[name]):
                return self.earlier_lessons
        return None

    def try_it(self, name: str, exercise: str | None) -> Verdict:
        """Run a test in the child: of an exercise by itself or, where that is unfair, of the file as it is."""
        found = self.ask(name, exercise, alone=exercise not in self.as_it_is)
        unfair = found.outcome == "wrong" and exercise and not self.stopped and self.differs_elsewhere()
        if unfair and (again := self.ask(name, exercise, alone=False)).outcome == "passed":
            self.as_it_is.add(exercise)
            self.loads = True
            return again
        if found.outcome != "wrong" or not self.loads or exercise in self.stopped:
            return found
        return replace(found, mistake=self.looks_like(exercise, found.refusal))

    def looks_like(self, exercise: str | None, refusal: bool) -> Mistake | None:
        """The known mistake that the answers to the fixed calls are like; looked for once, not after each test."""
        key = (exercise, exercise in self.as_it_is, refusal)
        if key not in self.named:
            answers = self.answers(exercise)
            named = answers and self.judge.named(answers, self.subject.lesson, exercise, refusal)
            self.named[key] = named or None
        return self.named[key]

    def ask(self, name: str, exercise: str | None, *, alone: bool) -> Verdict:
        """Run a test in the child."""
        seconds = min(self.seconds, max(IMPATIENT * self.seconds, ENOUGH)) if self.stopped else self.seconds
        child = self.child_for(exercise, alone)
        answer = child.ask(("test", name, seconds), seconds)
        printed = child.printed()
        if isinstance(answer, NoAnswer):
            return self.died(answer, exercise, printed)
        try:
            found = Finding(**answer)
        except TypeError:
            return self.died(NoAnswer("wrote into the pipes of the process that checks it"), exercise, printed)
        if found.hung:
            self.stopped[exercise] = f"{exercise or 'all together'} had to be stopped before"
        self.loads = self.loads and found.loads
        spoiled = "had to be stopped" if found.hung else "replaces what the checks compare with" * found.replaced
        if not found.loads:
            self.spoiled_load = spoiled
        if found.outcome == "passed" and found.borrowed:
            return Verdict(BORROWS, self.borrowed(found.borrowed), printed=printed)
        detail = "" if found.loads else DOES_NOT_LOAD
        return Verdict(
            found.outcome, found.text, detail, found.refusal, printed=printed, trace=found.trace, spoiled=spoiled
        )

    def died(self, end: NoAnswer, exercise: str | None, printed: str) -> Verdict:
        """What is said of code that ended its process, or could not be interrupted."""
        called = self.called[:NOTE].decode(errors="replace").strip("\0 ")
        self.stopped[exercise] = f"{exercise or 'all together'} ended the process that checks it"
        if not called:
            self.loads, self.spoiled_load = False, end.how
            text = f"{self.subject.lesson.module}.py, while it is loaded, {end.how}"
            return Verdict("wrong", text, DOES_NOT_LOAD, printed=printed, spoiled=end.how)
        text = f"{called} {end.how}\n{self.subject.place(called)}".strip()
        return Verdict("wrong", text, printed=printed, spoiled=end.how)

    def borrowed(self, names: tuple[str, ...]) -> str:
        """What is said of code that lets the package answer."""
        module = self.subject.lesson.module
        return (
            f"this passes because it calls the answer: {', '.join(names)} of cdm_tutor.{module}, the package's own "
            "solution. Write it yourself, and it counts"
        )

    def confirm(self, exercise: str) -> Verdict | None:
        """Once the tests of an exercise have passed: whether its answers, compared elsewhere, are right as well."""
        answers = self.answers(exercise)
        right = self.judge.is_right(answers, self.subject.lesson, exercise) if answers is not None else False
        if right:
            return None
        if right is None:
            return Verdict("no time", f"{exercise}: its tests pass, and there was no time to compare once more")
        text = (
            "its tests pass, but its answers, compared in another process, are not those of a right solution. Does "
            "something in the file change what the tests compare with? If not, the tests have a hole: please tell us"
        )
        return Verdict("wrong", f"{exercise}: {text}", spoiled="other answers elsewhere than in its tests")

    def answers(self, exercise: str | None) -> list[Any] | None:
        """What the learner's code answers to the fixed calls."""
        child = self.child_for(exercise, alone=exercise not in self.as_it_is)
        answers = child.ask(("answers",), self.seconds)
        child.printed()
        return answers if isinstance(answers, list) else None

    @cached_property
    def earlier_lessons(self) -> Verdict | None:
        """Skip what leans on earlier lessons of the learner's until they are done."""
        for lesson in LESSONS[: LESSONS.index(self.subject.lesson)]:
            answers = self.child_for(None, alone=False).ask(("earlier", lesson.number), self.seconds)
            if isinstance(answers, str):
                todo: object = answers
            elif isinstance(answers, list):
                todo = self.judge.unlike_reference(answers, lesson)
            else:
                return Verdict("skipped", f"needs lesson {lesson.number}, which does not load or ends too soon")
            if todo:
                return Verdict("skipped", f"needs lesson {lesson.number}, where {todo} is not done yet")
        return None

    @cached_property
    def missing(self) -> list[str]:
        """The exercises that are not written yet."""
        try:
            return unwritten(self.subject.text()[0], self.subject.lesson)
        except (DoesNotLoad, *NO_PYTHON):
            return []  # trying it says more

    def differs_elsewhere(self) -> bool:
        """Whether the learner changed more of the file than its exercises."""
        try:
            return differs_elsewhere(self.subject.text()[0], self.subject.lesson)
        except (DoesNotLoad, *NO_PYTHON):
            return False

    def child_for(self, exercise: str | None, alone: bool) -> Child:
        """The process that runs the learner's code for an exercise, a new one where the old one is for another."""
        if self.child_is_for != (exercise, alone) or not self.child or self.child.dead:
            if self.child:
                self.child.close()
            self.child_is_for = (exercise, alone)
            subject = Subject(self.subject.lesson, self.subject.implementation, self.subject.folder)
            subject.only = (exercise,) if exercise and alone else ()
            self.called[:NOTE] = b" " * NOTE
            self.child = start(
                lambda: Examiner(subject, exercise, self.tests, self.called).serve,
                self.apart,
                loud=self.loud,
                enclosure=self.enclosure,
            )
        return self.child

    def close(self) -> None:
        """End the process."""
        if self.child:
            self.child.close()


@cache
def warm_up() -> None:
    """Have done here, once, what each child would have to do anew; and keep to one thread, as forks must."""
    torch.set_num_threads(1)
    checks.given(value=st.lists(st.floats(0, 1), min_size=1, max_size=2), examples=1)(lambda value: None)()
    gc.freeze()  # what there is now is not looked through for garbage again, here or in a child, which would copy it
