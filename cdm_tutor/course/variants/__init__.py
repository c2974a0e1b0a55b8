"""Correct solutions, written differently, which the tests must accept: one file a lesson, with its VARIANTS."""

from importlib import import_module

from cdm_tutor.course.lesson import Lesson, Variant


def variants_of(lesson: Lesson) -> list[Variant]:
    """The variants of a lesson's solution."""
    return import_module(f"{__name__}.{lesson.module}").VARIANTS
