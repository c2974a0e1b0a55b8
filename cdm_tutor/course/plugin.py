"""The pytest plugin that checks lessons: whose code, how a test can end, and what is said about it.

It minds only the lessons' own tests, `NN/test_MODULE.py`. Of those, each is about an exercise (`@pytest.mark.exercise`)
or about all of them together (`@pytest.mark.chain`), and ends as passed, wrong, not written yet, or skipped.
"""

import faulthandler
import os
import re
import tempfile
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest

from cdm_tutor.course.explain import explain, recognised
from cdm_tutor.course.handle import Chain, Handle
from cdm_tutor.course.learner import Implementation
from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.outcomes import DoesNotLoad, NotRefused, NotWritten, StillDoesNotLoad
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.record import Record, digest
from cdm_tutor.course.summary import DOES_NOT_LOAD, STILL, Result, Results, standing
from cdm_tutor.course.timelimit import time_limit

GRACE = 30.0  # seconds after the time limit at which even code that cannot be interrupted is ended

IMPLEMENTATION = pytest.StashKey[Implementation]()
HANDLES = pytest.StashKey[dict[Path, Handle]]()
DIAGNOSED = pytest.StashKey[dict[tuple[Path, str, bool], Mistake | None]]()
TESTS = pytest.StashKey[Counter[tuple[Path, str | None]]]()
RESULTS = pytest.StashKey[Results]()
STDERR = pytest.StashKey[int]()


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
    group.addoption("--time-limit", type=float, default=20.0, metavar="SECONDS", help="for each test; default: 20")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Set up what the hooks below share."""
    config.addinivalue_line("markers", "exercise(name): what the test is about")
    config.addinivalue_line("markers", "chain: the test is about all exercises of the lesson together")
    try:
        config.stash[IMPLEMENTATION] = Implementation.parse(config.option.impl)
    except ValueError as error:
        raise pytest.UsageError(f"--impl: {error}") from None
    config.stash[HANDLES] = {}
    config.stash[DIAGNOSED] = {}
    config.stash[TESTS] = Counter()
    config.stash[RESULTS] = Results(config.stash[IMPLEMENTATION].kind == "learner", config.rootpath)
    config.pluginmanager.register(config.stash[RESULTS])
    config.stash[STDERR] = os.dup(2)  # the real one: output is being captured later
    if _checks_lessons(config):
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = str(Path(tempfile.gettempdir(), "cdm-tutor-hypothesis"))
        os.environ["MPLBACKEND"] = "Agg"  # a learner's plt.show() must not wait for a window to be closed
        if config.option.reportchars == "fE":  # pytest's default
            config.option.reportchars = "E"  # which tests failed is in our own summary


def pytest_unconfigure(config: pytest.Config) -> None:
    """Give back what was taken."""
    if STDERR in config.stash:
        os.close(config.stash[STDERR])


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
                raise pytest.UsageError(f"{item.nodeid} is not marked with one of the exercises, {', '.join(names)}")
            item.add_marker(pytest.mark.filterwarnings("default"))
            if not some:  # else there are more tests than these
                config.stash[TESTS][item.path, about(item)] += 1
    if wanted := config.option.exercise:
        chosen = [item for item in items if wanted in (about(item), (about(item) or "").split(".")[-1])]
        if not chosen:
            known = dict.fromkeys(name for item in items if (name := about(item)))
            raise pytest.UsageError(f"--exercise: no test is about {wanted!r}: try {', '.join(known)}")
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen


@pytest.fixture(scope="module")
def lesson(request: pytest.FixtureRequest) -> Handle:
    """The module under test."""
    return _handle(request.config, request.path)


@pytest.fixture(scope="module")
def chain(request: pytest.FixtureRequest) -> Chain:
    """The modules of this lesson and all before, of whoever's code is checked, each built on the ones before."""
    handle = _handle(request.config, request.path)
    return Chain(handle._lesson, handle._implementation, handle._folder)


def _handle(config: pytest.Config, path: Path) -> Handle:
    found = lesson_of(path)
    if not found:
        raise pytest.UsageError(f"{path} is not the test of a lesson")
    handles = config.stash[HANDLES]
    if path not in handles:
        handles[path] = Handle(found, config.stash[IMPLEMENTATION], path.parent)
    return handles[path]


def about(item: pytest.Item) -> str | None:
    """The exercise that a test is about; None if about all of them."""
    mark = item.get_closest_marker("exercise")
    return mark.args[0] if mark else None


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run a lesson's test within its time, and not at all while its exercise is not written."""
    if not lesson_of(pyfuncitem.path):
        return (yield)
    config = pyfuncitem.config
    seconds = config.option.time_limit
    if seconds:
        faulthandler.dump_traceback_later(seconds + GRACE, exit=True, file=config.stash[STDERR])
    try:
        with time_limit(seconds):
            _handle(config, pyfuncitem.path)._check_written(about(pyfuncitem))
            return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put what happened into the learner's words, and into the report that the summary is made from."""
    report = yield
    its_lesson = lesson_of(item.path)
    if not its_lesson or call.when != "call":
        return report
    outcome, detail = str(report.outcome), ""
    if report.failed and call.excinfo:
        error = call.excinfo.value
        if detail := not_written(error, its_lesson):
            outcome, report.longrepr = "not written", f"not written yet: {detail}"
        else:
            mistake = _diagnose(item, error)
            outcome, detail = "wrong", mistake.name if mistake else ""
            if isinstance(error, DoesNotLoad):
                detail = STILL if isinstance(error, StillDoesNotLoad) else DOES_NOT_LOAD
            if item.config.option.tbstyle == "auto":  # with --tb=long and the like, pytest's own traceback is wanted
                report.longrepr = _message(item, error, mistake)
    tests = item.config.stash[TESTS][item.path, about(item)]
    checked = digest(_handle(item.config, item.path)._source, item.path.read_text(encoding="utf-8"))
    Result(its_lesson.number, about(item) or "", outcome, detail, tests, checked).attach(report)
    return report


def not_written(error: BaseException, its_lesson: Lesson) -> str:
    """The exercise that raised because it is a stub, or ""."""
    if isinstance(error, NotWritten):
        return str(error)
    if isinstance(error, NotImplementedError) and (
        found := re.fullmatch(rf"lesson {its_lesson.number}: (.*)", str(error))
    ):
        return found[1]
    return ""


def _diagnose(item: pytest.Item, error: BaseException) -> Mistake | None:
    """The known mistake that the code behaves like, looked for once for each exercise.

    What is not refused is a mistake of its own: only one that is about it may be named then.
    """
    handle, strict = _handle(item.config, item.path), isinstance(error, NotRefused)
    key = (item.path, about(item) or "", strict)
    known = item.config.stash[DIAGNOSED]
    if not handle._module or not isinstance(error, Exception):  # it did not load, or is still running
        return None
    if key not in known:
        from cdm_tutor.course.diagnosis import diagnose

        known[key] = diagnose(handle._module, handle._lesson, about(item), strict=strict)
    return known[key]


def _message(item: pytest.Item, error: BaseException, mistake: Mistake | None) -> str:
    handle = _handle(item.config, item.path)
    files = {str(item.path.parents[1] / each.number / f"{each.module}.py") for each in LESSONS} | {handle._file}
    text = explain(error, files, item.config.option.time_limit, handle._place(about(item)))
    if not mistake:
        return text
    told = any(result.detail == mistake.name for result in item.config.stash[RESULTS].all)
    return f"{text}\n\n{recognised(mistake) if not told else f'The same mistake: {mistake.title}'}"


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """How a test that is not written shows in the progress and the last line."""
    result = Result.of(report)
    if result and result.outcome == "not written":
        return "not written", "n", ("NOT WRITTEN", {"yellow": True})
    if result and result.detail == STILL:  # failures of a kind of their own, which pytest counts and does not print
        return "not loaded", "F", ("NOT LOADED", {"red": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Remember, for `cdm-tutor status`, how the learner's exercises stand; and say so if nothing was checked."""
    found = config.stash[RESULTS]
    for lesson in LESSONS:
        if not found.all and any(_path(config, each).name == f"{lesson.module}.py" for each in config.args):
            say = f"{lesson.module}.py is what you write, and has no tests in it: pytest lessons/{lesson.number}"
            terminalreporter.write_line(say)
        if found.learner and lesson.number in found.courses:
            root = found.courses[lesson.number]
            its = [result for result in found.all if result.lesson == lesson.number]
            record = Record.of(root, lesson)
            record.checked(standing(lesson, its), its[-1].digest)
            record.keep(root, lesson)
