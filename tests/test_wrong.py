"""Wrong solutions without a name: the tests of their exercise reject each.

They are data, in tests/wrong/, one file a lesson: a patch on the reference each, as known mistakes are.
"""

import runpy
from pathlib import Path

import pytest

from cdm_tutor.course import commands
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson, Patch
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.summary import Result

BODIES = [
    pytest.param(lesson, exercise, patch, id=f"{lesson.number}-{what}")
    for lesson in LESSONS
    for what, (exercise, patch) in runpy.run_path(str(Path(__file__).parent / "wrong" / f"{lesson.module}.py"))[
        "WRONG"
    ].items()
]


class Outcomes:
    """A pytest plugin that listens: what became of each test."""

    def __init__(self) -> None:
        self.all: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if result := Result.of(report):
            self.all.add(result.outcome)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner's folder, with the reference's solution in each lesson."""
    folder = tmp_path_factory.mktemp("wrong")
    commands.init(folder)
    for lesson in LESSONS:
        (folder / commands.file_of(lesson)).write_text(reference_source(lesson))
    return folder


@pytest.mark.parametrize(("lesson", "exercise", "patch"), BODIES)
def test_wrong_body_is_rejected(course: Path, lesson: Lesson, exercise: str, patch: Patch) -> None:
    file, source = course / commands.file_of(lesson), reference_source(lesson)
    file.write_text(patched(source, patch))
    outcomes = Outcomes()
    without = [part for name in ("cacheprovider", "unraisableexception") for part in ("-p", f"no:{name}")]
    try:
        code = pytest.main([str(file.parent), "-q", "-x", "--exercise", exercise, *without], plugins=[outcomes])
    finally:
        file.write_text(source)
    assert code == 1
    assert "wrong" in outcomes.all
