"""Whose code is under examination, and what the tests hold of it in their hands.

A test gets a thin stand-in: `lesson.q_sample` is the function of whoever's code is checked, and the file is loaded when
that is first asked for. A file that does not load is then a failure with its line, not an error in the collection.
"""

import ast
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from cdm_tutor.course.explain import where
from cdm_tutor.course.learner import Implementation, alone, load, standing_in
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outcomes import Missing
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.surroundings import kept
from cdm_tutor.course.syntax import NO_PYTHON, find_function


class Subject:
    """A lesson's file under examination.

    Args:
        lesson: which lesson.
        implementation: whose code.
        folder: the folder of the learner's file.
    """

    def __init__(self, lesson: Lesson, implementation: Implementation, folder: Path) -> None:
        self.lesson, self.implementation, self.folder = lesson, implementation, folder
        self.only: tuple[str, ...] = ()  # the exercises that are the file's, all others the reference's; (): all are
        self.loaded: Callable[[ModuleType], None] = lambda module: None  # is told each module of this lesson
        self._module: ModuleType | None = None
        self._chain: dict[str, ModuleType] = {}

    def text(self) -> tuple[str, str]:
        """The source, and the name of its file.

        Raises:
            DoesNotLoad: if there is none.
        """
        return self.implementation.source(self.lesson, self.folder)

    def place(self, exercise: str) -> str:
        """Where that exercise is, for editors to open; "" if it is not there."""
        source, file = self.text()
        try:
            return f"{where(file, find_function(ast.parse(source), exercise).lineno)}: {exercise}"
        except (*NO_PYTHON, KeyError):
            return ""

    def module(self) -> ModuleType:
        """The module, made when it is first asked for.

        Raises:
            DoesNotLoad: if it cannot be made.
        """
        if not self._module:
            source, file = self.text()
            try:
                tree = alone(source, self.lesson, self.only) if self.only else None
            except NO_PYTHON:
                tree = None  # loading it says what is wrong
            with kept(Path(file).name, loading=True):
                self._module = load(source, self.lesson.module, file, tree)
            self.loaded(self._module)
        return self._module

    def chain(self, upto: Lesson | None = None) -> dict[str, ModuleType]:
        """The modules of all lessons up to one, or to this one, of whoever's code is checked, each built on the others.

        Raises:
            DoesNotLoad: if one of them cannot be made.
        """
        for lesson in LESSONS[: LESSONS.index(upto or self.lesson) + 1]:
            if lesson.module not in self._chain:
                source, file = self.implementation.source(lesson, self.folder.parent / lesson.number)
                with standing_in(self._chain), kept(Path(file).name, loading=True):
                    self._chain[lesson.module] = load(source, lesson.module, file)
                if lesson == self.lesson:
                    self.loaded(self._chain[lesson.module])
        return self._chain


class Handle:
    """Stands in for a lesson's module: `handle.q_sample`."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return getattr(self._subject.module(), name)
        except AttributeError:
            lesson = self._subject.lesson
            text = f"{lesson.module}.py has no {name}: was it renamed or removed?"
            if name in [exercise.name for exercise in lesson.exercises]:
                anew = f"cdm-tutor reset {lesson.number} makes a new one and keeps yours, to copy your functions from"
                text += f" Or is the file of an earlier version? {anew}"
            raise Missing(text) from None

    def __repr__(self) -> str:
        return f"<{self._subject.lesson.module}>"


class Chain:
    """Stands in for the modules of all lessons up to one: `chain.schedule`, `chain.noising`, ..."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def __getattr__(self, name: str) -> ModuleType:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._subject.chain()[name]

    def __repr__(self) -> str:
        return f"<lessons 01 to {self._subject.lesson.number}>"
