"""Mistakes that people really make: one file a lesson, with its MISTAKES."""

from importlib import import_module

from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.outline import LESSONS


def mistakes_of(lesson: Lesson) -> list[Mistake]:
    """The known mistakes in a lesson."""
    return import_module(f"{__name__}.{lesson.module}").MISTAKES


def all_mistakes() -> dict[str, tuple[Lesson, Mistake]]:
    """Every known mistake and its lesson, by the mistake's name, in the order of the lessons."""
    return {mistake.name: (lesson, mistake) for lesson in LESSONS for mistake in mistakes_of(lesson)}


def address(name: str) -> str:
    """Where on the site the mistake of that name is.

    Raises:
        ValueError: if there is none.
    """
    found = all_mistakes().get(name)
    if not found:
        raise ValueError(f"no mistake is called {name!r}")
    return f"clinic/{found[0].number}.html#{name}"
