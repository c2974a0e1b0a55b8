"""Wrong solutions without a name: the tests of their exercise reject each.

They are data, in tests/wrong/, at most one file a lesson: a patch on the reference each, as known mistakes are.
"""

import runpy
from functools import cache
from pathlib import Path

import pytest

from cdm_tutor.course.gate import Gate
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson, Patch
from cdm_tutor.course.outline import LESSONS

gate_of = cache(Gate)
FILES = {lesson: Path(__file__).parent / "wrong" / f"{lesson.module}.py" for lesson in LESSONS}
BODIES = [
    pytest.param(lesson, exercise, patch, id=f"{lesson.number}-{what}")
    for lesson, file in FILES.items()
    if file.exists()
    for what, (exercise, patch) in runpy.run_path(str(file))["WRONG"].items()
]


@pytest.mark.long(but_each=5)
@pytest.mark.parametrize(("lesson", "exercise", "patch"), BODIES)
def test_wrong_body_is_rejected(lesson: Lesson, exercise: str, patch: Patch) -> None:
    verdicts = gate_of(lesson).examine(patched(reference_source(lesson), patch), exercise, first=True)
    assert "wrong" in {verdict.outcome for verdict in verdicts.values()}
