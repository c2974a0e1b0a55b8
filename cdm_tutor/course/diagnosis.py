"""Which known mistake does this code behave like? And does it behave like the reference?

The learner's module and each mistake's make the same fixed calls. Their answers are plain data, so that they can be had
in one process and compared in another. A mistake is named only if all its answers equal the learner's, and some differ
from the reference's. Calls that the reference refuses may be left out of this: whoever writes a formula in his own way
often leaves out the check that a helper of the lesson would have made.
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

SECONDS = 5.0  # of processor time, for a call
ROUNDING = 1e-4  # answers as near as this are equal: rounding differs from one way of writing to the next
ROUGHLY = 3e-2  # as near as this, an answer is no other one
RAISED = "raised"  # an answer with this key is an error: its kind and its text


def calls_about(lesson: Lesson, exercise: str | None) -> list[Call]:
    """The calls about one exercise, or about all."""
    return [call for call in calls_of(lesson) if exercise in (None, call.exercise)]


def answers(module: ModuleType, calls: list[Call]) -> list[Any]:
    """What the calls return, as plain data.

    Raises:
        StillRunning: if one takes too long.
    """
    return [answer(module, call) for call in calls]


def answer(module: ModuleType, call: Call) -> Any:
    """What a call returns, as plain data: numbers, strings, tensors, lists, tuples and dicts.

    Raises:
        StillRunning: if it takes too long.
    """
    with time_limit(SECONDS), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        try:
            return plain(call.make(module))
        except StillRunning:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            text = re.sub(r"\d+", "0", str(error))  # modules made from source have numbers of their own
            return {RAISED: type(error).__name__, "text": text}


def plain(value: Any) -> Any:
    """A value as data that can go from one process to another; of what is no data only the kind is kept."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True).contiguous() if value.device.type != "meta" else "a meta tensor"
    if isinstance(value, bool | str | None):
        return value
    for kind in (int, float):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(plain, value)]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if is_dataclass(value):
        parts = {field.name: plain(getattr(value, field.name, None)) for field in fields(value)}
        return {"kind": type(value).__name__, **parts}
    return {"kind": type(value).__name__}


def diagnose(yours: list[Any], lesson: Lesson, exercise: str | None = None, *, strict: bool = False) -> Mistake | None:
    """The known mistake that gives the same answers to the calls about one exercise, or about all.

    None if they are the reference's, or no known mistake's. Of several mistakes it is the one about that exercise.
    Strictly, for what was not refused, it is one that takes what the reference refuses: others say nothing of that.
    """
    calls = calls_about(lesson, exercise)
    if len(yours) != len(calls):
        return None
    mine = dict(zip(calls, yours, strict=True))
    mistakes = sorted(mistakes_of(lesson), key=lambda mistake: mistake.exercise != exercise)
    if strict:
        mistakes = [mistake for mistake in mistakes if _takes_more(lesson, mistake, calls)]
    accepted = [call for call in calls if not _is_error(_known(lesson, None, call))]
    for some in [calls] if strict else [calls, accepted]:
        for each in (None, *mistakes):
            if some and all(agree(mine[call], _known(lesson, each, call)) for call in some):
                return each if each and _same_errors(lesson, each, some, mine) else None
    return None


def _takes_more(lesson: Lesson, mistake: Mistake, calls: list[Call]) -> bool:
    """Whether a mistake takes something that the reference refuses."""
    answers = ((_known(lesson, None, call), _known(lesson, mistake, call)) for call in calls)
    return any(_is_error(right) and not agree(right, wrong) for right, wrong in answers)


def _same_errors(lesson: Lesson, mistake: Mistake, calls: list[Call], mine: dict[Call, Any]) -> bool:
    """Where all that tells the mistake from the reference are errors: whether the learner's say the same."""
    telling = [call for call in calls if not agree(_known(lesson, mistake, call), _known(lesson, None, call))]
    errors = [(mine[call], _known(lesson, mistake, call)) for call in telling]
    return not all(_is_error(yours) for yours, _ in errors) or all(yours == theirs for yours, theirs in errors)


def is_right(yours: list[Any], lesson: Lesson, exercise: str) -> bool:
    """Whether these are, roughly, the reference's answers to the calls about an exercise that it accepts."""
    theirs = [_known(lesson, None, call) for call in calls_about(lesson, exercise)]
    if len(yours) != len(theirs):
        return False
    pairs = zip(yours, theirs, strict=True)
    return all(agree(one, other, ROUGHLY) for one, other in pairs if not _is_error(other))


def unlike_reference(yours: list[Any], lesson: Lesson) -> str | None:
    """The first exercise of which the answers, to all calls of the lesson, are not the reference's; None if all are."""
    calls = calls_about(lesson, None)
    if len(yours) != len(calls):
        return lesson.exercises[0].name
    for call, mine in zip(calls, yours, strict=True):
        if not agree(mine, _known(lesson, None, call)):
            return call.exercise
    return None


@cache
def _known(lesson: Lesson, mistake: Mistake | None, call: Call) -> Any:
    """What a mistake, or for None the reference, answers."""
    try:
        return answer(_made(lesson, mistake), call)
    except StillRunning:  # like no answer of the learner's
        return {RAISED: "StillRunning", "text": ""}


@cache
def _made(lesson: Lesson, mistake: Mistake | None) -> ModuleType:
    """The reference with that mistake in it."""
    source = patched(reference_source(lesson), mistake.patch if mistake else ())
    return load(source, lesson.module, f"<{mistake.name if mistake else 'reference'}>")


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and RAISED in value


def agree(a: Any, b: Any, relative: float = ROUNDING) -> bool:
    """Whether two answers, as plain data, are equal: same kind and shape, and numbers that differ by rounding only."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        a, b = a.double(), b.double()
        scale = b[b.isfinite()].abs().max().item() if b.isfinite().any() else 0.0
        return torch.allclose(a, b, rtol=relative, atol=1e-2 * relative * scale, equal_nan=True)
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return math.isclose(a, b, rel_tol=relative, abs_tol=1e-2 * relative) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list):
        return len(a) == len(b) and all(agree(one, other, relative) for one, other in zip(a, b, strict=True))
    if _is_error(a) and _is_error(b):
        return bool(a[RAISED] == b[RAISED])
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(agree(a[key], b[key], relative) for key in a)
    return bool(a == b)
