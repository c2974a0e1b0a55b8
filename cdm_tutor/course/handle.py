"""What the tests hold in their hands: a lesson's module, or all modules up to it, loaded when first asked for.

Loading inside the test makes a file that does not load a failure with its line, not an error in the collection.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cdm_tutor.course.explain import where
from cdm_tutor.course.learner import Implementation, load, standing_in
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outcomes import DoesNotLoad, Missing, NotWritten, StillDoesNotLoad
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.stubs import find_function, unwritten


class Handle:
    """A lesson's module under test: `handle.q_sample` is the function of whoever's code is checked."""

    def __init__(self, lesson: Lesson, implementation: Implementation, folder: Path) -> None:
        self._lesson = lesson
        self._implementation = implementation
        self._folder = folder
        self._error: BaseException | None = None
        self._module: ModuleType | None = None
        self._source = self._file = ""

    def _load(self) -> ModuleType:
        """The module; made once, and failing again at once if it failed.

        Raises:
            DoesNotLoad: if it cannot be made.
        """
        if self._error:
            raise StillDoesNotLoad(f"{self._lesson.module}.py does not load: see the first failure") from None
        if not self._module:
            try:
                self._source, self._file = self._implementation.source(self._lesson, self._folder)
                self._module = load(self._source, self._lesson.module, self._file)
            except BaseException as error:
                self._error = error
                raise
        return self._module

    def _check_written(self, exercise: str | None) -> None:
        """Raise NotWritten if that exercise, or for None any, is still a stub; DoesNotLoad if it does not load."""
        self._load()
        for name in unwritten(self._source, self._lesson):
            if exercise in (None, name):
                raise NotWritten(name)

    def _place(self, exercise: str | None) -> str:
        """Where that exercise is, for editors to open; "" if it is not there."""
        try:
            function = find_function(ast.parse(self._source), exercise or "")
        except (SyntaxError, KeyError):
            return ""
        return f"{where(self._file, function.lineno)}: {exercise}"

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self._load(), name)
        except AttributeError:
            raise Missing(f"{self._lesson.module}.py has no {name}: was it renamed or removed?") from None

    def __repr__(self) -> str:
        return f"<{self._lesson.module}>"


class Chain:
    """The modules of all lessons up to one, each built on the ones before: `chain.schedule`, `chain.noising`, ...

    The learner's chain is skipped until the earlier lessons work.
    """

    def __init__(self, lesson: Lesson, implementation: Implementation, folder: Path) -> None:
        self._lesson = lesson
        self._implementation = implementation
        self._root = folder.parent
        self._modules: Mapping[str, ModuleType] = {}

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("__"):
            raise AttributeError(name)
        if not self._modules:
            self._modules = self._build()
        return self._modules[name]

    def _build(self) -> dict[str, ModuleType]:
        modules: dict[str, ModuleType] = {}
        for lesson in LESSONS[: LESSONS.index(self._lesson) + 1]:
            try:
                source, file = self._implementation.source(lesson, self._root / lesson.number)
                with standing_in(modules):
                    modules[lesson.module] = load(source, lesson.module, file)
            except DoesNotLoad:
                if lesson == self._lesson:
                    raise
                pytest.skip(f"lesson {lesson.number} does not load yet")
            if lesson != self._lesson and self._implementation.kind == "learner":
                from cdm_tutor.course.diagnosis import unlike_reference

                missing = unwritten(source, lesson)
                if todo := missing[0] if missing else unlike_reference(modules[lesson.module], lesson):
                    pytest.skip(f"needs lesson {lesson.number}, where {todo} is not done yet")
        return modules

    def __repr__(self) -> str:
        return f"<lessons 01 to {self._lesson.number}>"
