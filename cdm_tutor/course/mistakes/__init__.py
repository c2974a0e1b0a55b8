"""Mistakes that people really make: one file a lesson, with its MISTAKES."""

from importlib import import_module

from cdm_tutor.course.lesson import Lesson, Mistake


def mistakes_of(lesson: Lesson) -> list[Mistake]:
    """The known mistakes in a lesson."""
    return import_module(f"{__name__}.{lesson.module}").MISTAKES
