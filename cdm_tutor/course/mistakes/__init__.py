"""Mistakes that people really make: one file a lesson, with its MISTAKES."""

from importlib import import_module

from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.scenes import Scene


def mistakes_of(lesson: Lesson) -> list[Mistake]:
    """The known mistakes in a lesson."""
    return import_module(f"{__name__}.{lesson.module}").MISTAKES


def all_mistakes() -> dict[str, tuple[Lesson, Mistake]]:
    """Every known mistake and its lesson, by the mistake's name, in the order of the lessons."""
    return {mistake.name: (lesson, mistake) for lesson in LESSONS for mistake in mistakes_of(lesson)}


def find_mistake(name: str) -> tuple[Lesson, Mistake]:
    """The known mistake of that name, and its lesson.

    Raises:
        ValueError: if there is none.
    """
    mistakes = all_mistakes()
    if name not in mistakes:
        raise ValueError(f"no mistake is called {name!r}")
    return mistakes[name]


def scenes_of(mistake: Mistake) -> tuple[Scene, ...]:
    """The scenes that show a mistake: its own, or else its exercise's."""
    lesson, _ = find_mistake(mistake.name)
    return mistake.scenes or lesson.exercise(mistake.exercise).scenes


def place_of(name: str) -> str:
    """Where on the site the mistake of that name is: its page, and its place there.

    Raises:
        ValueError: if there is none.
    """
    lesson, _ = find_mistake(name)
    return f"clinic/{lesson.number}.html#{name}"
