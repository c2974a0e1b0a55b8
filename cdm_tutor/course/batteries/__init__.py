"""Fixed calls on generic inputs, by which one wrong solution is told from another: one file a lesson, with its CALLS.

Generic: no zeros, no ones, no equal numbers, for there wrong formulas give right answers. Whether
the answers are right is looked at in a process that the file never meets.
"""

from importlib import import_module

from cdm_tutor.course.lesson import Call, Lesson


def calls_of(lesson: Lesson) -> list[Call]:
    """The calls of a lesson."""
    return import_module(f"{__name__}.{lesson.module}").CALLS
