"""The gates: the lessons' tests accept what is right, reject what is wrong, and name the mistake.

They run the very files that learners run, in this process, on a copy of the course in a folder of its own.
"""

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch

import cdm_tutor.schedule
from cdm_tutor.course import commands, stubs
from cdm_tutor.course.checks import show
from cdm_tutor.course.diagnosis import answers, calls_about, diagnose
from cdm_tutor.course.gate import Gate
from cdm_tutor.course.handle import Chain, Subject
from cdm_tutor.course.learner import Implementation, load, patched, reference_source
from cdm_tutor.course.lesson import Exercise, Lesson, Mistake, Variant
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outcomes import StillRunning
from cdm_tutor.course.outline import LESSONS, MODULES, find_lesson
from cdm_tutor.course.summary import Result
from cdm_tutor.course.timelimit import time_limit, watchdog
from cdm_tutor.course.variants import variants_of
from cdm_tutor.schedule import NoiseSchedule, make_schedule

ROOT = Path(__file__).parent.parent
READY = [lesson for lesson in LESSONS if (ROOT / "lessons" / lesson.number / f"test_{lesson.module}.py").exists()]
MISTAKES, VARIANTS = (
    [pytest.param(lesson, each, id=f"{lesson.number}-{each.name}") for lesson in READY for each in all_of(lesson)]
    for all_of in (mistakes_of, variants_of)
)

each_lesson = pytest.mark.parametrize("lesson", READY, ids=lambda lesson: lesson.number)


@dataclass(eq=False)  # pytest keeps its plugins in a set
class Run:
    """What became of one run of a lesson's tests: a pytest plugin that listens."""

    code: int = -1
    results: list[Result] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if result := Result.of(report):
            self.results.append(result)
            self.messages.append(report.longreprtext)
        elif report.failed:
            self.errors.append(report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(report.longreprtext)

    def outcomes(self, exercise: str | None = None) -> set[str]:
        return {result.outcome for result in self.results if exercise in (None, result.exercise)}


def run(folder: Path, *options: str) -> Run:
    """Run the tests of a lesson's folder, without those of pytest's own plugins that take time and tell us nothing."""
    listener = Run()
    without = [
        part for name in ("cacheprovider", "unraisableexception", "threadexception") for part in ("-p", f"no:{name}")
    ]
    listener.code = pytest.main([str(folder), "-q", *without, *options], plugins=[listener])
    return listener


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A learner's folder, with the reference's solution in each lesson."""
    folder = tmp_path_factory.mktemp("my course")
    commands.init(folder)
    for lesson in LESSONS:
        (folder / commands.file_of(lesson)).write_text(reference_source(lesson))
    return folder


@cache
def gate_of(lesson: Lesson) -> Gate:
    """A lesson's tests, collected once."""
    return Gate(lesson)


def named(module: ModuleType, lesson: Lesson, exercise: str, **options: bool) -> Mistake | None:
    """The known mistake that a module's answers are like."""
    return diagnose(answers(module, calls_about(lesson, exercise)), lesson, exercise, **options)


def check(course: Path, lesson: Lesson, source: str, *options: str) -> Run:
    """Run a lesson's tests on a learner's file with that source."""
    home = course / "lessons" / lesson.number
    file = home / f"{lesson.module}.py"
    file.write_text(source)
    try:
        return run(home, *options)
    finally:
        file.write_text(reference_source(lesson))


@each_lesson
def test_reference_passes(lesson: Lesson) -> None:
    done = run(ROOT / "lessons" / lesson.number, "--impl", "reference")
    assert (done.code, done.outcomes(), done.errors) == (0, {"passed"}, [])
    about = [result.exercise for result in done.results]
    assert all(about.count(exercise.name) >= 2 for exercise in lesson.exercises), "an example and a property each"
    assert "" in about, "and one of all together"


@pytest.mark.long(but_each=3)
@each_lesson
def test_finished_lesson_passes_in_a_learners_folder(course: Path, lesson: Lesson) -> None:
    done = run(course / "lessons" / lesson.number)
    assert (done.code, done.outcomes(), done.errors) == (0, {"passed"}, [])


@each_lesson
def test_untouched_lesson_is_not_written(course: Path, lesson: Lesson) -> None:
    done = check(course, lesson, stubs.stub(lesson))
    assert (done.code, done.outcomes(), done.errors) == (1, {"not written"}, [])
    assert all(message.startswith("not written yet: ") and "\n" not in message for message in done.messages)


EXERCISES = [(lesson, exercise) for lesson in READY for exercise in lesson.exercises]


@pytest.mark.long(but_each=4)
@pytest.mark.parametrize(("lesson", "exercise"), EXERCISES, ids=[f"{le.number}-{ex.name}" for le, ex in EXERCISES])
def test_one_emptied_exercise_fails_its_tests(lesson: Lesson, exercise: Exercise) -> None:
    gate = gate_of(lesson)
    verdicts = gate.examine(stubs.emptied(reference_source(lesson), lesson, (exercise,)))
    for name, verdict in verdicts.items():
        its_own = gate.tests[name][0] in (exercise.name, None)
        assert verdict.outcome == ("not written" if its_own else "passed"), name
        assert verdict.text == (exercise.name if its_own else "")


@each_lesson
def test_broken_syntax_turns_the_run_red(course: Path, lesson: Lesson) -> None:
    source = reference_source(lesson)
    done = check(course, lesson, source + "\ndef broken(:\n")
    assert (done.code, done.outcomes(), done.errors) == (1, {"wrong"}, [])
    assert f"{lesson.module}.py:{source.count(chr(10)) + 2}: invalid syntax" in done.messages[0]


@pytest.mark.long(but_each=3)
@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES)
def test_mistake_is_caught_and_named(lesson: Lesson, mistake: Mistake) -> None:
    """By the tests of its own exercise; those of all others pass, for each is judged by itself."""
    gate = gate_of(lesson)
    verdicts = gate.examine(patched(reference_source(lesson), mistake.patch))
    wrong = {name: verdict for name, verdict in verdicts.items() if verdict.outcome not in ("passed", "skipped")}
    assert wrong
    assert {gate.tests[name][0] for name in wrong} == {mistake.exercise}
    assert {verdict.outcome for verdict in wrong.values()} == {"wrong"}
    assert {verdict.mistake for verdict in wrong.values()} == {mistake}


@pytest.mark.long(but_each=4)
@pytest.mark.parametrize(("lesson", "variant"), VARIANTS)
def test_variant_is_accepted_and_called_no_mistake(lesson: Lesson, variant: Variant) -> None:
    source = patched(reference_source(lesson), variant.patch)
    verdicts = gate_of(lesson).examine(source)
    assert {verdict.outcome for verdict in verdicts.values()} == {"passed"}, verdicts
    module = load(source, lesson.module, "<variant>")
    assert [named(module, lesson, exercise.name) for exercise in lesson.exercises] == [None] * len(lesson.exercises)


@pytest.mark.long(but_each=3)
@each_lesson
def test_one_is_judged_the_same_by_pytest(lesson: Lesson) -> None:
    """The gate leaves pytest out; here it is in: on a mistake of every other lesson, and on a variant of the rest."""
    kind = "mistake" if int(lesson.number) % 2 else "variant"
    one = mistakes_of(lesson)[-1] if kind == "mistake" else variants_of(lesson)[-1]
    done = run(ROOT / "lessons" / lesson.number, "--impl", f"{kind}:{one.name}")
    assert (done.code, done.errors) == (1 if kind == "mistake" else 0, [])
    assert {result.detail for result in done.results if result.outcome == "wrong"} == (
        {one.name} if kind == "mistake" else set()
    )


@each_lesson
def test_every_hint_and_step_is_there(lesson: Lesson) -> None:
    for exercise in lesson.exercises:
        assert exercise.steps, exercise.name
        assert len(exercise.hints) == 3, exercise.name
        assert all(text.strip() for text in exercise.steps + exercise.hints)
    assert max(map(len, stubs.stub(lesson).splitlines())) <= 120


@each_lesson
def test_mistakes_and_variants_are_enough_and_have_names_of_their_own(lesson: Lesson) -> None:
    mistakes = mistakes_of(lesson)
    assert len(mistakes) >= 6
    assert len(variants_of(lesson)) >= 4
    names = [mistake.name for other in LESSONS for mistake in mistakes_of(other)]
    names += [variant.name for other in LESSONS for variant in variants_of(other)]
    assert len(set(names)) == len(names)
    for mistake in mistakes:
        assert lesson.exercise(mistake.exercise)
        assert all((mistake.title, mistake.symptom, mistake.concept))
        assert all(replace not in mistake.concept for _, replace in mistake.patch if replace)


def test_lessons_stand_in_the_outline_by_their_numbers() -> None:
    stands = [(f"{place:02}", module) for place, module in enumerate(MODULES, start=1)]
    assert [(lesson.number, lesson.module) for lesson in LESSONS] == stands


def test_stubs_are_what_the_reference_makes(capsys: pytest.CaptureFixture[str]) -> None:
    assert stubs.main(["--check"]) == 0, capsys.readouterr().out


def test_stubs_leave_work_alone(tmp_path: Path) -> None:
    lesson = find_lesson("01")
    path = tmp_path / "lessons" / "01" / "schedule.py"
    assert stubs.write(lesson, path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert stubs.in_step(lesson, path)
    assert stubs.write(lesson, path)
    path.write_text(path.read_text() + "# my thoughts\n")
    assert not stubs.in_step(lesson, path)
    assert not stubs.write(lesson, path)
    assert path.read_text().endswith("# my thoughts\n")


@each_lesson
def test_stub_differs_only_in_the_bodies(lesson: Lesson) -> None:
    """All lines of the stub but steps and raises are lines of the reference, in the same order."""
    reference = iter(reference_source(lesson).splitlines())
    for line in stubs.stub(lesson).splitlines():
        if f'NotImplementedError("lesson {lesson.number}' not in line and not line.strip()[:3].startswith("# "):
            assert line in reference


LINEAR = "    _check_steps(T)\n    scale = 1000 / T\n"
ERRORS = {  # what replaces the beginning of linear_betas -> what the learner reads
    "None": ("    return None\n", "yours is None: is the return missing?"),
    "list": ("    return [0.1] * T\n", "yours is a list, expected a torch.float64 tensor of shape (2,)"),
    "shape": ("    return torch.ones(T, 1).double()\n", "yours has shape (2, 1), expected (2,)"),
    "dtype": ("    return torch.linspace(1e-4, 1, T)\n", "yours is torch.float32, expected torch.float64"),
    "error": (
        "    return torch.ones(3) + torch.ones(T)\n",
        "schedule.py:33: in linear_betas(T = 50)\n    return torch",
    ),
    "name": ("    return torhc.ones(T)\n", "NameError: name 'torhc' is not defined\n"),
    "exit": ("    raise SystemExit\n", "SystemExit\n"),
    "loop": (
        "    while True:\n        T += 1\n",
        "still running after 1 s: an endless loop? (Or a slow machine: --time-limit 3)\n",
    ),
    "stubborn loop": (
        "    while True:\n        try:\n            T += 1\n        except Exception:\n            pass\n",
        "still running after 1 s: an endless loop? (Or a slow machine: --time-limit 3)\n",
    ),
    "chance": ("    return torch.rand(T).double()\n", "yours"),
    "half written": ('    betas = T\n    raise NotImplementedError("lesson 01: linear_betas")\n', "not written yet: "),
    "somebody else's": ('    raise NotImplementedError("no kernel")\n', "NotImplementedError: no kernel\n"),
}


def limit(kind: str) -> list[str]:
    """Only loops are to meet the time limit: on a busy machine all else may take its time, too."""
    return ["--time-limit", "1"] if "loop" in kind else []


@pytest.mark.parametrize("kind", ERRORS)
def test_learners_errors_are_readable(course: Path, kind: str) -> None:
    lesson = find_lesson("01")
    code, message = ERRORS[kind]
    source = patched(reference_source(lesson), ((LINEAR, code + LINEAR),))
    done = check(course, lesson, source, "-k", "linear_betas", *limit(kind))
    assert (done.code, done.errors) == (1, [])
    assert any(message in text for text in done.messages), done.messages
    assert not any("Traceback" in text or "hypothesis" in text.lower() for text in done.messages)
    assert "passed" not in done.outcomes("linear_betas")


def test_one_error_is_explained_once(course: Path) -> None:
    lesson = find_lesson("02")
    wrong = (("table[t].reshape(-1, 1, 1, 1)", "table[t].reshap(-1, 1, 1, 1)"),)
    done = check(course, lesson, patched(reference_source(lesson), wrong))
    first, *others = [text for text in done.messages if "'reshap'" in text]
    assert "in gather(table = " in first
    assert len(others) > 1
    assert all(text.startswith("The same in ") and "\n" not in text for text in others)


BROKEN = {
    "import": ("import nothing_like_it\n", "schedule.py:1: in the file itself\n    import nothing_like_it"),
    "loop": (
        "while True: pass\n",
        "still running after 1 s: an endless loop? (Or a slow machine: --time-limit 3)\nschedule.py",
    ),
    "exit": ("import sys; sys.exit()\n", "SystemExit\n"),
    "indent": ("  x = 1\n", "schedule.py:1: unexpected indent\n"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_file_that_does_not_load_is_wrong(course: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(course / "lessons" / "01")
    lesson = find_lesson("01")
    code, message = BROKEN[kind]
    done = check(course, lesson, code + reference_source(lesson), *limit(kind))
    assert (done.code, done.outcomes(), done.errors) == (1, {"wrong"}, [])
    assert message in done.messages[0]
    assert "does not load: see the first failure" in done.messages[1]


def test_a_file_that_does_not_load_fails_once_to_the_eye(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(course, find_lesson("01"), "broken = (\n")
    said = capsys.readouterr().out
    assert "Next: lessons/01/schedule.py does not load" in said
    assert "does not load: see" not in said


def test_what_is_not_refused_does_not_hide_a_mistake() -> None:
    """Nor is it named after a mistake about something else."""
    lesson = find_lesson("02")
    mix = "    signal, sigma = _mix(t, x0, noise, schedule)\n    return signal * x0 + sigma * noise\n"
    own = "    kept = gather(schedule.alphas_cumprod, t, x0)\n    return kept * x0 + (1 - kept) * noise\n"
    module = load(patched(reference_source(lesson), ((mix, own),)), lesson.module, "<own words>")
    found = named(module, lesson, "q_sample")
    assert found == next(each for each in mistakes_of(lesson) if each.name == "noising-without-roots")
    assert named(module, lesson, "q_sample", strict=True) is None


def test_what_was_not_refused_is_not_named_after_something_else() -> None:
    """The other tests of the same body name what else is wrong with it."""
    lesson = find_lesson("03")
    check = "if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:"
    dropped = next(each for each in mistakes_of(lesson) if each.name == "unet-time-dropped")
    source = patched(reference_source(lesson), (*dropped.patch, (check, "if False:")))
    verdicts = gate_of(lesson).examine(source, "SimpleUNet.forward")
    wrong = [verdict for verdict in verdicts.values() if verdict.outcome == "wrong"]
    assert {verdict.mistake for verdict in wrong if verdict.refusal} == {None}
    assert {verdict.mistake for verdict in wrong if not verdict.refusal} == {dropped}


def test_a_missing_return_is_asked_about_in_every_test() -> None:
    lesson = find_lesson("04")
    patch = (("return Guess(t, pred_x0, ", "guess = Guess(t, pred_x0, "),)
    verdicts = gate_of(lesson).examine(patched(reference_source(lesson), patch), "denoise")
    wrong = [verdict.text.splitlines()[0] for verdict in verdicts.values() if verdict.outcome == "wrong"]
    assert wrong == ["denoise gives back None: is the return missing?"] * len(wrong)


def test_the_same_kind_of_error_is_not_the_same_mistake() -> None:
    """A network whose layers cannot be made raises a TypeError wherever it is used, for more than one reason."""
    lesson = find_lesson("03")
    zeros = "        nn.init.zeros_(parameter)\n"
    source = patched(reference_source(lesson), ((zeros, "        module.weight = torch.zeros(1)\n"),))
    module = load(source, lesson.module, "<own words>")
    assert [named(module, lesson, exercise.name) for exercise in lesson.exercises] == [None] * len(lesson.exercises)


def test_values_are_shown_in_a_few_words() -> None:
    assert show(torch.tensor([[0.5, -1.0]])) == "(0.5, -1) of shape (1, 2)"
    assert show([torch.zeros(9), torch.zeros(2, 9)]) == "a list with the shapes (9,), (2, 9)"
    assert show(make_schedule("cosine")) == "a NoiseSchedule"
    assert show(show) == "a function"
    assert show([(999, 749), (749, -1)]) == "[(999, 749), (749, -1)]"


def test_what_is_missing_is_no_refusal(course: Path) -> None:
    lesson = find_lesson("01")
    done = check(course, lesson, reference_source(lesson).replace("linear_betas", "straight_betas"), "-k", "refuse_no")
    assert done.messages[0].startswith("schedule.py has no linear_betas: was it renamed or removed?")


def test_warnings_and_prints_are_no_errors(course: Path) -> None:
    lesson = find_lesson("01")
    chatty = '    import warnings\n    warnings.warn("hm")\n    print("T is", T)\n'
    done = check(course, lesson, patched(reference_source(lesson), ((LINEAR, chatty + LINEAR),)))
    assert (done.code, done.outcomes()) == (0, {"passed"})


def test_a_missing_function_is_named(course: Path) -> None:
    lesson = find_lesson("01")
    source = reference_source(lesson).replace("cosine_betas", "curved_betas")
    done = check(course, lesson, source, "-k", "cosine_betas")
    assert "schedule.py has no cosine_betas: was it renamed or removed?" in done.messages[0]


def test_missing_packages_are_told_in_a_line(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(course / "lessons" / "01").code == pytest.ExitCode.USAGE_ERROR
    said = capsys.readouterr()
    assert "pip install" in said.err + said.out
    assert "Traceback" not in said.err + said.out


def test_prints_stay_out_of_the_way(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also when the code is run again to be diagnosed."""
    lesson = find_lesson("01")
    check(course, lesson, patched(reference_source(lesson), ((LINEAR, '    print("HELLO")\n    return 1\n' + LINEAR),)))
    assert "HELLO" not in capsys.readouterr().out.split("FAILURES")[0]


def test_chain_is_built_of_the_learners_own_lessons(tmp_path: Path) -> None:
    first, second = find_lesson("01"), find_lesson("02")
    files = {lesson: tmp_path / lesson.number / f"{lesson.module}.py" for lesson in (first, second)}
    for lesson, file in files.items():
        file.parent.mkdir()
        file.write_text(reference_source(lesson))
    before = sys.modules["cdm_tutor.schedule"]
    chain = Chain(Subject(second, Implementation(), files[second].parent))
    assert chain.noising.NoiseSchedule is chain.schedule.NoiseSchedule is not NoiseSchedule
    assert sys.modules["cdm_tutor.schedule"] is cdm_tutor.schedule is before


@pytest.mark.parametrize("kind", ["stub", "mistake"])
def test_all_together_waits_for_earlier_lessons(course: Path, kind: str) -> None:
    first, second = find_lesson("01"), find_lesson("02")
    file, source = course / commands.file_of(first), reference_source(first)
    file.write_text(stubs.stub(first) if kind == "stub" else patched(source, mistakes_of(first)[0].patch))
    done = run(course / "lessons" / "02")
    file.write_text(source)
    skipped = [result for result in done.results if result.outcome == "skipped"]
    assert {result.exercise for result in skipped} == {""}
    assert skipped[0].detail == "needs lesson 01, where linear_betas is not done yet"
    assert done.outcomes(second.exercises[0].name) == {"passed"}


@pytest.mark.parametrize("limit", [time_limit, watchdog], ids=["alarm", "watchdog"])
def test_time_limit_stops_a_loop(limit: Callable[[float], AbstractContextManager[None]]) -> None:
    def forever() -> None:
        with limit(0.05):
            while True:
                pass

    with limit(30):
        pass
    with pytest.raises(StillRunning):
        forever()


def test_unknown_implementations_are_refused() -> None:
    with pytest.raises(ValueError, match="try cosine-not-squared"):
        Implementation.parse("mistake:cosine-not-square")
    with pytest.raises(ValueError, match="expected learner, reference"):
        Implementation.parse("mine")


def test_fresh_clone_says_what_to_do(course: Path) -> None:
    """As a learner does it: a process of its own, started in the course's folder, whose name has a space."""
    lesson = find_lesson("01")
    file = course / "lessons" / "01" / "schedule.py"
    file.write_text(stubs.stub(lesson))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "lessons/01"], cwd=course, capture_output=True, text=True, check=False
    )
    file.write_text(reference_source(lesson))
    assert done.returncode == 1
    assert "checking: your own code" in done.stdout
    assert "lesson 01, The noise schedule: 0 of 3 exercises" in done.stdout
    assert "Next: write linear_betas in lessons/01/schedule.py." in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "Error" not in done.stdout + done.stderr
    assert not (course / ".hypothesis").exists()
