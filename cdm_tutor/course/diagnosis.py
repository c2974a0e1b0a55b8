"""Which known mistake does this code behave like?

The learner's module and each mistake's make the same fixed calls. A mistake is named only if all its answers equal the
learner's, and some differ from the reference's.
"""

import math
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from io import StringIO
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.course.batteries import calls_of
from cdm_tutor.course.learner import load, patched, reference_source
from cdm_tutor.course.lesson import Call, Lesson, Mistake
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outcomes import StillRunning
from cdm_tutor.course.timelimit import time_limit

SECONDS = 5.0  # for the calls of one module
RELATIVE = 1e-4  # answers as near as this are equal: rounding differs from one way of writing to the next


class Raised:
    """The answer of a call that raised an error of some kind."""

    def __init__(self, error: BaseException) -> None:
        self.kind = type(error).__name__


def diagnose(module: ModuleType, lesson: Lesson, exercise: str | None = None) -> Mistake | None:
    """The known mistake that the module behaves like, in the calls about one exercise, or in all.

    None if it behaves like the reference, or like no known mistake. Of several it is the one about that exercise.
    """
    calls = [call for call in calls_of(lesson) if exercise in (None, call.exercise)]
    source = reference_source(lesson)
    right = answers(load(source, lesson.module, f"<reference {lesson.module}>"), calls)
    yours = answers(module, calls)
    if yours is None or right is None or agree(yours, right):
        return None
    for mistake in sorted(mistakes_of(lesson), key=lambda mistake: mistake.exercise != exercise):
        wrong = answers(load(patched(source, mistake.patch), lesson.module, f"<mistake {mistake.name}>"), calls)
        if wrong is not None and agree(yours, wrong) and not agree(wrong, right):
            return mistake
    return None


def unlike_reference(module: ModuleType, lesson: Lesson) -> str | None:
    """The first exercise in which the module does not behave like the reference; None if it does throughout."""
    reference = load(reference_source(lesson), lesson.module, f"<reference {lesson.module}>")
    for exercise in lesson.exercises:
        calls = [call for call in calls_of(lesson) if call.exercise == exercise.name]
        if not agree(answers(module, calls), answers(reference, calls)):
            return exercise.name
    return None


def answers(module: ModuleType, calls: list[Call]) -> list[Any] | None:
    """What the calls return or raise; None if they take too long."""
    results: list[Any] = []
    try:
        with time_limit(SECONDS), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            for call in calls:
                try:
                    results.append(call.make(module))
                except (Exception, SystemExit) as error:
                    results.append(Raised(error))
    except StillRunning:
        return None
    return results


def agree(a: Any, b: Any) -> bool:
    """Whether two answers are equal: same kind and shape, and numbers that differ by rounding only."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        a, b = a.detach().double(), b.detach().double()
        scale = b[b.isfinite()].abs().max().item() if b.isfinite().any() else 0.0
        return torch.allclose(a, b, rtol=RELATIVE, atol=1e-2 * RELATIVE * scale, equal_nan=True)
    if type(a).__name__ != type(b).__name__:
        return False
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=RELATIVE, abs_tol=1e-2 * RELATIVE) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(agree, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(agree(a[key], b[key]) for key in a)
    if isinstance(a, Raised):
        return a.kind == b.kind
    if is_dataclass(a):  # of the same name in two modules, so never equal by ==
        names = [field.name for field in fields(a)]
        return all(hasattr(b, name) and agree(getattr(a, name), getattr(b, name)) for name in names)
    return isinstance(a, int | str | None) and a == b
