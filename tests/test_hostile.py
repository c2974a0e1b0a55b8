"""Hostile and broken files: none passes, none hangs, none costs another exercise its verdict. See tests/hostile/."""

import runpy
import time
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from cdm_tutor.course import commands
from cdm_tutor.course.child import KEPT
from cdm_tutor.course.gate import Gate
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.summary import Result

FOUND = runpy.run_path(str(Path(__file__).parent / "hostile" / "files.py"))
BY_PYTEST = (
    "skip",
    "warnings",
    "exit-pytest",
    "keyboard-interrupt",
    "exit-0",
    "prints-much",
)  # these in a function, too
IN_A_FUNCTION, THE_WHOLE_FILE = (
    [
        pytest.param(lesson, hostile, id=f"{lesson.number}-{hostile.where}-{hostile.name}")
        for lesson, hostile in FOUND["CASES"]
        if (hostile.where in ("body", "wrong") and hostile.name not in BY_PYTEST) == in_a_function
    ]
    for in_a_function in (True, False)
)


class Listener:
    """A pytest plugin: what became of each test, and what was said."""

    def __init__(self) -> None:
        self.results: list[Result] = []
        self.said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if result := Result.of(report):
            self.results.append(result)
            self.said += report.longreprtext


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    commands.init(folder)
    return folder


gate_of = cache(partial(Gate, seconds=2, apart=True))


@pytest.mark.long(but_each=3)
@pytest.mark.parametrize(("lesson", "hostile"), IN_A_FUNCTION)
def test_hostile_function_gets_a_verdict_and_costs_no_other_its_own(lesson: Lesson, hostile: Any) -> None:
    """By the examination alone: its parent is this process."""
    gate, start = gate_of(lesson), time.monotonic()
    verdicts = gate.examine(FOUND["with_it"](lesson, hostile))
    assert time.monotonic() - start < 60
    spoiled = lesson.exercises[1].name
    outcomes: dict[str | None, set[str]] = {}
    for name, verdict in verdicts.items():
        outcomes.setdefault(gate.tests[name][0], set()).add(verdict.outcome)
    assert "wrong" in outcomes[spoiled]
    assert all(outcomes[each.name] == {"passed"} for each in lesson.exercises if each.name != spoiled)
    assert hostile.says in "".join(verdict.text for verdict in verdicts.values())
    assert all(len(verdict.printed) < 2 * KEPT + 100 for verdict in verdicts.values())


@pytest.mark.long(but_each=3)
@pytest.mark.parametrize(("lesson", "hostile"), THE_WHOLE_FILE)
def test_hostile_file_gets_a_verdict(
    course: Path, lesson: Lesson, hostile: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = course / commands.file_of(lesson)
    file.write_text(FOUND["with_it"](lesson, hostile))
    listener, start = Listener(), time.monotonic()
    without = [part for name in ("cacheprovider", "unraisableexception") for part in ("-p", f"no:{name}")]
    code = pytest.main([str(file.parent), "-q", "--time-limit", "2", *without], plugins=[listener])
    assert code == 1
    assert time.monotonic() - start < 60
    outcomes = {
        exercise.name: {result.outcome for result in listener.results if result.exercise == exercise.name}
        for exercise in lesson.exercises
    }
    spoiled = {lesson.exercises[1].name} if hostile.where in ("body", "wrong", "answer") else set(outcomes)
    for name, found in outcomes.items():
        if name in spoiled:
            assert found & {"wrong", "calls the answer"}, f"{name}: {found}"
        else:
            assert found == {"passed"}, f"{name}: {found}"
    assert hostile.says in listener.said
    assert len(capsys.readouterr().out) < 20_000
