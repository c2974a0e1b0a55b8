"""Mistakes that people really make: one file a lesson, with its MISTAKES."""

from importlib import import_module

from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.outline import LESSONS


def mistakes_of(lesson: Lesson) -> list[Mistake]:
    """The known mistakes in a lesson."""
    return import_module(f"{__name__}.{lesson.module}").MISTAKES


def address(name: str) -> str:
    """Where on the site the mistake of that name is.

    Raises:
        ValueError: if there is none.
    """
    for lesson in LESSONS:
        if any(mistake.name == name for mistake in mistakes_of(lesson)):
            return f"clinic/{lesson.number}.html#{name}"
    raise ValueError(f"no mistake is called {name!r}")
