"""The pytest plugin that checks lessons: whose code, how a test can end, and what is said about it.

It minds only the lessons' own tests, `NN/test_MODULE.py`. Of those, each is about an exercise (`@pytest.mark.exercise`)
or about all of them together (`@pytest.mark.chain`). How each ends is for `examination.py` to say.
"""

import os
import re
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from cdm_tutor.course.examination import Examination, Judge, Verdict
from cdm_tutor.course.explain import recognised
from cdm_tutor.course.given import other_tests
from cdm_tutor.course.handle import Chain, Handle, Subject
from cdm_tutor.course.learner import Implementation
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.record import Record, digest
from cdm_tutor.course.summary import (
    BORROWS,
    DOES_NOT_LOAD,
    NOT_RUN,
    NOT_TRIED,
    Result,
    Results,
    next_step,
    standing,
    tell,
)
from cdm_tutor.hyperlinks import linked

PRINTED = 2_000  # characters of what a test printed that are shown, of the beginning and of the end

IMPLEMENTATION = pytest.StashKey[Implementation]()
EXAMINATIONS = pytest.StashKey[dict[Path, Examination]]()
JUDGE = pytest.StashKey[Judge]()
TESTS = pytest.StashKey[Counter[tuple[Path, str | None]]]()
RESULTS = pytest.StashKey[Results]()
VERDICT = pytest.StashKey[Verdict]()
TOLD = pytest.StashKey[set[tuple[str, ...]]]()  # errors and where they were raised, and what was printed at length


def lesson_of(path: Path) -> Lesson | None:
    """The lesson that a test file belongs to."""
    for lesson in LESSONS:
        if (path.parent.name, path.name) == (lesson.number, f"test_{lesson.module}.py"):
            return lesson
    return None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Whose code, and for how long."""
    group = parser.getgroup("cdm-tutor")
    group.addoption("--impl", default="learner", help="learner (default), reference, mistake:NAME or variant:NAME")
    group.addoption("--exercise", metavar="NAME", help="only the tests of that exercise, as in --exercise q_sample")
    group.addoption(
        "--time-limit", type=float, default=8.0, metavar="SECONDS", help="processor time for each test; default: 8"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set up what the hooks below share."""
    config.addinivalue_line("markers", "exercise(name): what the test is about")
    config.addinivalue_line("markers", "chain: the test is about all exercises of the lesson together")
    try:
        config.stash[IMPLEMENTATION] = Implementation.parse(config.option.impl)
    except ValueError as error:
        raise pytest.UsageError(f"--impl: {error}") from None
    config.stash[EXAMINATIONS] = {}
    config.stash[JUDGE] = Judge()
    config.stash[TESTS] = Counter()
    config.stash[TOLD] = set()
    config.stash[RESULTS] = Results(config.stash[IMPLEMENTATION].kind == "learner", config.rootpath)
    config.pluginmanager.register(config.stash[RESULTS])
    if _checks_lessons(config):
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(tempfile.gettempdir(), "cdm-tutor-hypothesis"))
        os.environ["MPLBACKEND"] = "Agg"  # a learner's plt.show() must not wait for a window to be closed
        if config.option.reportchars == "fE":  # pytest's default
            config.option.reportchars = "E"  # which tests failed is in our own summary


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the processes that are still there."""
    for examination in config.stash.get(EXAMINATIONS, {}).values():
        examination.close()
    if JUDGE in config.stash:
        config.stash[JUDGE].close()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say whose code is checked, when lessons are."""
    if not _checks_lessons(config):
        return None
    return f"checking: {config.stash[IMPLEMENTATION]}"


def _checks_lessons(config: pytest.Config) -> bool:
    """Whether one of the paths that pytest was given is in a lessons folder, or has one."""
    paths = [_path(config, argument) for argument in config.args]
    return any("lessons" in path.resolve().parts or (path / "lessons").is_dir() for path in paths)


def _path(config: pytest.Config, argument: str) -> Path:
    """Which file or folder an argument of pytest means."""
    return Path(config.invocation_params.dir, argument.split("::")[0])


@pytest.hookimpl(tryfirst=True)  # before -k leaves any out
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each test says what it is about; and a warning is no failure of a learner's code, whatever pytest is set to."""
    some = any("::" in argument for argument in config.args) or config.getoption("lf", False)
    for item in items:
        if its_lesson := lesson_of(item.path):
            names = [exercise.name for exercise in its_lesson.exercises]
            if not item.get_closest_marker("chain") and about(item) not in names:
                raise pytest.UsageError(
                    f"{item.path.name} checks {about(item)!r}, which is no exercise of lesson {its_lesson.number} in "
                    f"this version ({', '.join(names)}): the tests are another version's. cdm-tutor update "
                    "brings this one's, and touches nothing of yours"
                )
            item.add_marker(pytest.mark.filterwarnings("default"))
            if not some:  # else there are more tests than these
                config.stash[TESTS][item.path, about(item)] += 1
    items.sort(key=_exercise_by_exercise)
    if wanted := config.option.exercise:
        chosen = [item for item in items if wanted in (about(item), (about(item) or "").split(".")[-1])]
        if not chosen:
            known = dict.fromkeys(name for item in items if (name := about(item)))
            raise pytest.UsageError(f"--exercise: no test is about {wanted!r}: try {', '.join(known)}")
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


def _exercise_by_exercise(item: pytest.Item) -> tuple[str, int]:
    """A lesson's tests in the order of its exercises, for each has a process of its own; all others as they are."""
    its_lesson = lesson_of(item.path)
    if not its_lesson:
        return "", 0
    names, name = [exercise.name for exercise in its_lesson.exercises], about(item)
    return its_lesson.number, names.index(name) if name in names else len(names)


@pytest.fixture(scope="module")
def lesson(request: pytest.FixtureRequest) -> Handle:
    """The module under test."""
    return Handle(_subject(request.config, request.path))


@pytest.fixture(scope="module")
def chain(request: pytest.FixtureRequest) -> Chain:
    """The modules of this lesson and all before, of whoever's code is checked, each built on the ones before."""
    return Chain(_subject(request.config, request.path))


def _subject(config: pytest.Config, path: Path) -> Subject:
    found = lesson_of(path)
    if not found:
        raise pytest.UsageError(f"{path} is not the test of a lesson")
    return Subject(found, config.stash[IMPLEMENTATION], path.parent)


def about(item: pytest.Item) -> str | None:
    """The exercise that a test is about; None if about all of them."""
    mark = item.get_closest_marker("exercise")
    return mark.args[0] if mark else None


class NotPassed(Exception):
    """A test of a lesson did not pass; the verdict is in the item's stash."""


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Have a lesson's test run by its examination; all others are pytest's."""
    config = pyfuncitem.config
    if not lesson_of(pyfuncitem.path) or config.option.usepdb:
        return None
    verdict = _examination(pyfuncitem).verdict(pyfuncitem.nodeid, about(pyfuncitem))
    pyfuncitem.stash[VERDICT] = verdict
    if verdict.printed and not _loud(config):
        much = (str(about(pyfuncitem)), verdict.printed[:PRINTED])
        if len(verdict.printed) <= PRINTED or much not in config.stash[TOLD]:  # much of one kind is shown once
            pyfuncitem.add_report_section("call", "stdout", _shortened(verdict.printed))
        config.stash[TOLD].add(much)
    if verdict.outcome == "skipped":
        pytest.skip(verdict.text)
    if verdict.outcome != "passed":
        raise NotPassed(verdict.text)
    return True


def _examination(item: pytest.Function) -> Examination:
    """The examination of the lesson that a test belongs to, begun with its first test."""
    config, known = item.config, item.config.stash[EXAMINATIONS]
    if item.path not in known:
        for done in known.values():  # lessons come one after the other
            done.close()
        tests = {
            each.nodeid: (about(each), each)
            for each in item.session.items
            if each.path == item.path and isinstance(each, pytest.Function)
        }
        subject = _subject(config, item.path)
        judge, seconds = config.stash[JUDGE], config.option.time_limit
        known[item.path] = Examination(subject, tests, judge, seconds, loud=_loud(config))
    return known[item.path]


def _loud(config: pytest.Config) -> bool:
    return bool(config.option.capture == "no")


def _shortened(printed: str) -> str:
    """What was printed, if that was much only its beginning and its end."""
    cut = len(printed) - 2 * PRINTED
    return printed if cut <= 0 else f"{printed[:PRINTED]}\n... {cut:,} characters more ...\n{printed[-PRINTED:]}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the verdict into the learner's words, and into the report that the summary is made from."""
    report = yield
    lesson, verdict = lesson_of(item.path), item.stash.get(VERDICT, None)
    if not lesson or not verdict or call.when != "call":
        return report
    if verdict.outcome == "not written":
        report.longrepr = f"not written yet: {verdict.text}"
    elif report.failed and item.config.option.tbstyle != "auto" and verdict.trace:  # pytest's own is asked for
        report.longrepr = verdict.trace
    elif report.failed:
        report.longrepr = _message(item, verdict)
    detail = verdict.mistake.name if verdict.mistake else verdict.detail
    if verdict.outcome in ("not written", "skipped", BORROWS):
        detail = verdict.text
    tests = item.config.stash[TESTS][item.path, about(item)]
    checked = digest(_source(item), item.path.read_text(encoding="utf-8"))
    Result(lesson.number, about(item) or "", verdict.outcome, detail, tests, checked).attach(report)
    return report


def _source(item: pytest.Item) -> str:
    try:
        return _subject(item.config, item.path).text()[0]
    except DoesNotLoad:
        return ""


def _message(item: pytest.Item, verdict: Verdict) -> str:
    if raised := re.match(r"(\w+Error\b.*)\n(.+:\d+): in ", verdict.text):  # whatever it was called with
        if raised.groups() in item.config.stash[TOLD]:
            return f"The same in {raised[2]}: {raised[1]}"
        item.config.stash[TOLD].add(raised.groups())
    if not verdict.mistake:
        return verdict.text
    told = any(result.detail == verdict.mistake.name for result in item.config.stash[RESULTS].all)
    more = recognised(verdict.mistake) if not told else f"The same mistake: {verdict.mistake.title}"
    return f"{verdict.text}\n\n{linked(more) if _on_terminal(item.config) else more}"


def _on_terminal(config: pytest.Config) -> bool:
    """Whether the report is read on a terminal; asked of pytest, for while a test runs nothing is printed there."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return bool(reporter and reporter.isatty) and os.environ.get("TERM") != "dumb"


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """How a test that is not written shows in the progress and the last line."""
    result = Result.of(report)
    if result and result.outcome == "not written":
        return "not written", "n", ("NOT WRITTEN", {"yellow": True})
    if result and result.detail == NOT_TRIED:  # failures of a kind of their own, which pytest counts and does not print
        return "not tried", "F", ("NOT TRIED", {"red": True})
    if result and result.outcome in ("no time", BORROWS):
        return result.outcome, "F", (result.outcome.upper(), {"red": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say how the exercises stand and, to a learner, what to do next; `cdm-tutor status` remembers it."""
    found = config.stash[RESULTS]
    for lesson in LESSONS:
        if not found.all and any(_path(config, each).name == f"{lesson.module}.py" for each in config.args):
            say = f"{lesson.module}.py is what you write, and has no tests in it: pytest lessons/{lesson.number}"
            terminalreporter.write_line(say)
        if not (its := found.of(lesson)):
            continue
        rows = standing(lesson, its)
        if not found.learner:
            tell(terminalreporter, lesson, rows, set())
            continue
        root = found.courses[lesson.number]
        record = Record.of(root, lesson)
        record.checked(rows, its[-1].digest)
        cannot = record.keep(root, lesson)
        before = {name for name, state in rows.items() if state in NOT_RUN and record.still(name, its[-1].digest)}
        rows |= {name: record.states[name] for name in before}
        tell(terminalreporter, lesson, rows, before)
        loads = not any(result.detail == DOES_NOT_LOAD for result in its)
        terminalreporter.write_line(next_step(lesson, rows, loads))
        borrowed = {result.detail: None for result in its if result.outcome == BORROWS}
        for line in (*borrowed, other_tests(root, [lesson]), cannot):
            if line:
                terminalreporter.write_line(line)
