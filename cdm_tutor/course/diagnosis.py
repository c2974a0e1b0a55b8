"""Which known mistake does this code behave like?

The learner's module and each mistake's make the same fixed calls. A mistake is named only if all its answers equal the
learner's, and some differ from the reference's. Calls that the reference refuses may be left out of this: whoever
writes a formula in his own way often leaves out the check that a helper of the lesson would have made.
"""

import math
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import fields, is_dataclass
from functools import cache
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

SECONDS = 5.0  # for a call
RELATIVE = 1e-4  # answers as near as this are equal: rounding differs from one way of writing to the next


class Raised:
    """The answer of a call that raised an error of some kind."""

    def __init__(self, error: BaseException) -> None:
        self.kind = type(error).__name__
        self.text = re.sub(r"\d+", "0", str(error))  # modules made from source have numbers of their own


def diagnose(
    module: ModuleType, lesson: Lesson, exercise: str | None = None, *, strict: bool = False
) -> Mistake | None:
    """The known mistake that the module behaves like, in the calls about one exercise, or in all.

    None if it behaves like the reference, or like no known mistake, or takes too long. Of several it is the one about
    that exercise. Strictly, it must also refuse what the mistake refuses.
    """
    calls = [call for call in calls_of(lesson) if exercise in (None, call.exercise)]
    try:
        yours = {call: answer(module, call) for call in calls}
    except StillRunning:
        return None
    mistakes = sorted(mistakes_of(lesson), key=lambda mistake: mistake.exercise != exercise)
    accepted = [call for call in calls if not isinstance(_known(lesson, None, call), Raised)]
    for some in [calls] if strict else [calls, accepted]:
        for each in (None, *mistakes):
            if some and _answers_like(lesson, each, some, [yours[call] for call in some]):
                return each if each and _same_errors(lesson, each, some, yours) else None
    return None


def _same_errors(lesson: Lesson, mistake: Mistake, calls: list[Call], yours: dict[Call, Any]) -> bool:
    """Where all that tells the mistake from the reference are errors: whether the learner's say the same."""
    telling = [call for call in calls if not agree(_known(lesson, mistake, call), _known(lesson, None, call))]
    errors = [(yours[call], _known(lesson, mistake, call)) for call in telling]
    return not all(isinstance(mine, Raised) for mine, _ in errors) or all(
        mine.text == theirs.text for mine, theirs in errors
    )


def unlike_reference(module: ModuleType, lesson: Lesson) -> str | None:
    """The first exercise in which the module does not behave like the reference; None if it does throughout."""
    for exercise in lesson.exercises:
        calls = [call for call in calls_of(lesson) if call.exercise == exercise.name]
        try:
            yours = [answer(module, call) for call in calls]
        except StillRunning:
            return exercise.name
        if not _answers_like(lesson, None, calls, yours):
            return exercise.name
    return None


def answer(module: ModuleType, call: Call) -> Any:
    """What the call returns, or Raised.

    Raises:
        StillRunning: if it takes too long.
    """
    with time_limit(SECONDS), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            return call.make(module)
        except StillRunning:
            raise
        except (Exception, SystemExit) as error:
            return Raised(error)


def _answers_like(lesson: Lesson, mistake: Mistake | None, calls: list[Call], yours: list[Any]) -> bool:
    """Whether the answers are those of a mistake, or for None of the reference; asked until one is not."""
    return all(agree(mine, _known(lesson, mistake, call)) for mine, call in zip(yours, calls, strict=True))


@cache
def _known(lesson: Lesson, mistake: Mistake | None, call: Call) -> Any:
    """What a mistake, or for None the reference, answers."""
    try:
        return answer(_made(lesson, mistake), call)
    except StillRunning as error:  # like no answer of the learner's
        return Raised(error)


@cache
def _made(lesson: Lesson, mistake: Mistake | None) -> ModuleType:
    """The reference with that mistake in it."""
    source = patched(reference_source(lesson), mistake.patch if mistake else ())
    return load(source, lesson.module, f"<{mistake.name if mistake else 'reference'}>")


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
