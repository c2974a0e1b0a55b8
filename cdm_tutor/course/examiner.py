"""Runs a lesson's tests on somebody's code, in a process of its own, and says how each ended.

What it says is data: the parent is the judge, and this process is within reach of the code that is examined.
"""

import functools
import inspect
import re
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from mmap import mmap
from types import ModuleType
from typing import Any

import pytest
import torch

from cdm_tutor.course.diagnosis import answers, calls_about
from cdm_tutor.course.explain import explain, other_parameters
from cdm_tutor.course.handle import Chain, Handle, Subject
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outcomes import DoesNotLoad, NoTime, NotRefused, Replaced, StillRunning
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.surroundings import kept, replace_in, watched
from cdm_tutor.course.syntax import unwritten
from cdm_tutor.course.timelimit import time_limit

NOTE = 80  # bytes of the name of the exercise that was called last
SEED = 271828  # of PyTorch's own generator, for each test: what is right is right each time
STANDS_FOR = {"lesson": Handle, "chain": Chain}  # what a test can ask for, beside its own parameters


@dataclass(frozen=True)
class Finding:
    """How a test ended.

    Attributes:
        outcome: "passed", "wrong", "not written", "no time".
        text: what the learner reads; for "not written" the name of the exercise.
        hung: whether it had to be stopped.
        loads: whether the file could be loaded.
        refusal: whether something was taken that should have been refused.
        replaced: whether functions were replaced that all code shares.
        trace: Python's own traceback.
        borrowed: the package's own exercises that the learner's code has called so far.
    """

    outcome: str
    text: str = ""
    hung: bool = False
    loads: bool = True
    refusal: bool = False
    replaced: bool = False
    trace: str = ""
    borrowed: tuple[str, ...] = ()


class Examiner:
    """Examines one exercise of a lesson, or for None all of them together.

    Args:
        subject: whose code.
        exercise: what it is about.
        tests: the tests that may be asked for, by their names.
        called: where to note which exercise was called last, for those who find this process dead.
    """

    def __init__(self, subject: Subject, exercise: str | None, tests: dict[str, pytest.Function], called: mmap) -> None:
        self.subject, self.exercise, self.tests, self.called = subject, exercise, tests, called
        self.nothing = ""  # that an exercise gave back None in this test, though it should give something: in words
        self.borrowed: set[str] = set()  # the package's own exercises that the learner's code called
        self.modules: list[ModuleType] = []  # of the learner's, those that were loaded so far
        self.spies: list[Callable[..., Any]] = []
        if subject.implementation.kind == "learner":
            self.watch_reference()
        subject.loaded = self.watch

    def serve(self, question: tuple[Any, ...]) -> Any:
        """Answer one of the parent's questions: the name of a method, and its arguments."""
        method, *arguments = question
        return getattr(self, method)(*arguments)

    def test(self, name: str, seconds: float) -> dict[str, Any]:
        """Run a test. Gives back the Finding as a dict."""
        torch.default_generator.manual_seed(SEED)  # torch.manual_seed would look at GPUs too, and the stack
        self.note("")
        self.nothing = ""
        try:
            test = self.tests[name]
            with time_limit(seconds):
                self.subject.module()
                self.note(f"{self.subject.lesson.module}.py")
                with kept("something in this file"):
                    test.obj(**self.arguments(test))
                    torch.default_generator.manual_seed(SEED)  # a test may have set another
            found = Finding("passed")
        except BaseException as error:
            found = self.finding(error, seconds)
        return asdict(replace(found, borrowed=tuple(sorted(self.borrowed))))

    def answers(self) -> list[Any] | None:
        """What the file answers to the fixed calls about the exercise, or about all; None if it does not come back."""
        try:
            return answers(self.subject.module(), calls_about(self.subject.lesson, self.exercise))
        except BaseException:
            return None

    def earlier(self, number: str) -> list[Any] | str | None:
        """What the learner's file of an earlier lesson answers to all calls; or an exercise that is not written."""
        lesson = find_lesson(number)
        try:
            source, _ = self.subject.implementation.source(lesson, self.subject.folder.parent / number)
            if missing := unwritten(source, lesson):
                return missing[0]
            return answers(self.subject.chain(lesson)[lesson.module], calls_about(lesson, None))
        except BaseException:
            return None

    def arguments(self, test: pytest.Function) -> dict[str, Any]:
        """What a test is handed: its parameters, and what stands for the learner's code."""
        given = dict(test.callspec.params) if hasattr(test, "callspec") else {}
        names = [name for name in inspect.signature(test.obj).parameters if name in {*given, *STANDS_FOR}]
        return {name: given[name] if name in given else STANDS_FOR[name](self.subject) for name in names}

    def watch(self, module: ModuleType) -> None:
        """Put somebody at the doors of a module that was loaded: the functions that are examined."""
        lesson = self.subject.lesson
        self.modules.append(module)
        for name in [self.exercise] if self.exercise else [exercise.name for exercise in lesson.exercises]:
            if any(_resolve(module, name) is spy for spy in self.spies):
                self.borrowed.add(name)
            replace_in(module, name, functools.partial(watched, name=name, enter=self.note, leave=self.left))

    def left(self, name: str, result: object) -> None:
        """Remember an exercise that gave back nothing where it should."""
        if result is None:
            theirs = _resolve(import_module(f"cdm_tutor.{self.subject.lesson.module}"), name)
            if "None" not in str(inspect.signature(theirs).return_annotation):
                what = "yield" if inspect.isgeneratorfunction(inspect.unwrap(theirs)) else "return"
                self.nothing = f"{name} gives back None: is the {what} missing?"

    def watch_reference(self) -> None:
        """Have the package's own exercises of this lesson tell if the learner's code calls them."""
        lesson = self.subject.lesson

        def watch(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def spy(*args: Any, **kwargs: Any) -> Any:
                frame = inspect.currentframe()
                while frame:
                    if any(frame.f_globals is vars(module) for module in self.modules):
                        self.borrowed.add(function.__qualname__)
                    frame = frame.f_back
                return function(*args, **kwargs)

            self.spies.append(spy)
            return spy

        for exercise in lesson.exercises:
            replace_in(import_module(f"cdm_tutor.{lesson.module}"), exercise.name, watch)

    def note(self, name: str) -> None:
        """Remember which exercise was called last, or that the file was loaded, where the parent can read it."""
        self.called[:NOTE] = name.encode()[:NOTE].ljust(NOTE)

    def finding(self, error: BaseException, seconds: float) -> Finding:
        """What became of a test that raised."""
        lesson = self.subject.lesson
        if missing := _not_written(error, lesson):
            return Finding("not written", missing)
        earlier = LESSONS[: LESSONS.index(lesson) + 1]
        files = {str(self.subject.folder.parent / each.number / f"{each.module}.py") for each in earlier}
        place = ""
        if not isinstance(error, DoesNotLoad):
            files.add(self.subject.text()[1])
            place = self.subject.place(self.exercise) if self.exercise else ""
        others = {each.name for each in lesson.exercises} - {self.exercise} if self.subject.only else set()
        text = explain(error, files, seconds, place, others, limit="--time-limit")
        if not isinstance(error, NotRefused | StillRunning) and "missing?" not in text and self.nothing:
            text = f"{self.nothing}\n{text}"
        return Finding(
            outcome="no time" if isinstance(error, NoTime) else "wrong",
            text="\n".join(filter(None, [text, self.other_version(error)])),
            hung=isinstance(error, StillRunning),
            loads=bool(self.modules),
            refusal=isinstance(error, NotRefused),
            replaced=isinstance(error, Replaced),
            trace="".join(traceback.format_exception(error)),
        )

    def other_version(self, error: BaseException) -> str:
        """Where a call went wrong: that the exercise takes other parameters than it is given in this version; or ""."""
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        if not self.exercise or not isinstance(error, TypeError | AttributeError):
            return ""
        mine = _resolve(self.subject.module(), self.exercise)
        theirs = _resolve(import_module(f"cdm_tutor.{self.subject.lesson.module}"), self.exercise)
        page = f"the lesson's page, or from cdm-tutor solution {self.subject.lesson.number} {self.exercise}"
        return other_parameters(mine, theirs, page) if inspect.isroutine(mine) else ""


def asks_for_chain(test: pytest.Function) -> bool:
    """Whether a test leans on the learner's earlier lessons."""
    return "chain" in inspect.signature(test.obj).parameters


def _not_written(error: BaseException, lesson: Lesson) -> str:
    """The exercise that raised because it is a stub, or ""."""
    found = re.fullmatch(rf"lesson {lesson.number}: (.*)", str(error)) if type(error) is NotImplementedError else None
    return found[1] if found else ""


def _resolve(module: ModuleType, name: str) -> Any:
    """The function of a qualified name, inherited or not; None if there is none."""
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    return getattr(found, "__func__", found)
