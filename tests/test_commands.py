"""The course's commands, in folders that `cdm-tutor init` made. Most run in this process, the rest as for a person."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest

import cdm_tutor.schedule
from cdm_tutor.course import commands
from cdm_tutor.course.given import course_files
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.record import FOLDER, Record, digest_now, finished
from cdm_tutor.course.stubs import emptied, stub
from cdm_tutor.course.summary import NOT_RUN, TOGETHER, next_step
from tests.processes import Started

ROOT = Path(__file__).parent.parent
COMMAND = [sys.executable, "-m", "cdm_tutor"]
READY = [lesson for lesson in LESSONS if (ROOT / "lessons" / lesson.number / f"test_{lesson.module}.py").exists()]
FIRST = find_lesson("01")

Tutor = Callable[..., tuple[int, str, str]]


def check(course: Path, lesson: Lesson, *options: str, test: str = "") -> int:
    """`pytest lessons/NN`, in this process."""
    without = [
        part for name in ("cacheprovider", "unraisableexception", "threadexception") for part in ("-p", f"no:{name}")
    ]
    path = str(course / "lessons" / lesson.number) + (f"/test_{lesson.module}.py::{test}" if test else "")
    return pytest.main([path, "-q", *without, *options])


def write(course: Path, lesson: Lesson, source: str) -> None:
    (course / commands.file_of(lesson)).write_text(source)


def finish(course: Path, lesson: Lesson) -> None:
    """Solve a lesson as the reference does, and have it checked."""
    if not finished(course, lesson):
        write(course, lesson, reference_source(lesson))
        assert check(course, lesson) == 0


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a learner who walks through the course."""
    folder = tmp_path_factory.mktemp("a learner") / "my course"
    commands.init(folder)
    return folder


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh folder, and we are in it."""
    commands.init(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.long(but_each=3)
@pytest.mark.parametrize("lesson", READY, ids=lambda lesson: lesson.number)
def test_walk(walked: Path, lesson: Lesson) -> None:
    """Write one exercise after the other, as the reference has it: the status follows, and all is green at the end.

    The first two and the last two are looked at.
    """
    for earlier in LESSONS[: LESSONS.index(lesson)]:
        write(walked, earlier, reference_source(earlier))
    names = [exercise.name for exercise in lesson.exercises]
    for written in (0, 1, len(names) - 1, len(names)):
        write(walked, lesson, emptied(reference_source(lesson), lesson, lesson.exercises[written:]))
        assert check(walked, lesson) == (0 if written == len(names) else 1)
        rows = Record.of(walked, lesson).rows(lesson)
        assert [name for name in names if rows[name] == "passed"] == names[:written]
        bar = "#" * written + "." * (len(names) - written)
        assert f"{lesson.number} {lesson.title:24} [{bar}]" in commands.status(walked)
        if written < len(names):
            assert commands.what_next(walked, lesson).startswith(f"Next: write {names[written]} in")
    assert rows[TOGETHER] == "passed"
    assert finished(walked, lesson)


@pytest.mark.long
def test_own_lessons_tell_the_whole_story(walked: Path) -> None:
    """The end of the walk: the demo on all lessons that were written."""
    for lesson in READY:
        finish(walked, lesson)
    arguments = ["demo", "--use", "mine", "--minutes", "0.02", "-n", "20", "--out", "story"]
    said, _ = Started(*arguments, cwd=walked).finish()
    for lesson in LESSONS:
        whose = f"yours, lessons/{lesson.number}/" if lesson in READY else "the reference; yours is not finished"
        assert f"  {lesson.number} {lesson.module:9} {whose}" in said
    assert (walked / "story" / "index.html").exists()


def test_own_code_really_runs(walked: Path) -> None:
    """In sample and in train, also when several processes share the work."""
    write(walked, FIRST, reference_source(FIRST) + '\nprint("MY SCHEDULE", __file__)\n')
    assert check(walked, FIRST) == 0
    train = ["train", "--steps", "2", "--batch", "4", "--processes", "2"]
    sample = ["sample", "-n", "2", "--steps", "2", "--weights", "runs/mnist/model.safetensors"]
    for arguments in (train, sample):
        said, _ = Started(*arguments, "--use", "mine", cwd=walked).finish()
        assert said.count("MY SCHEDULE") == said.count("Whose code:") == 1
        assert said.index("  06 trainer") < said.index("Wrote" if "sample" in arguments else "Training")


def test_what_stands_in_is_what_is_imported(course: Path) -> None:
    """Each finished lesson is built on the finished ones before it."""
    reference = cdm_tutor.schedule
    for lesson in (FIRST, find_lesson("02")):
        write(course, lesson, reference_source(lesson))
        pass_all(course, lesson)
    with commands.my_lessons(course) as said:
        from cdm_tutor import noising, schedule

        assert schedule.__file__ == str(course / "lessons" / "01" / "schedule.py")
        assert vars(noising)["NoiseSchedule"] is schedule.NoiseSchedule is not reference.NoiseSchedule
        assert "03 unet      the reference; yours is not finished" in said
    assert cdm_tutor.schedule is sys.modules["cdm_tutor.schedule"] is reference


def pass_all(course: Path, lesson: Lesson) -> None:
    """Record that all tests of a lesson passed on its file as it is now."""
    record, now = Record(), digest_now(course, lesson)
    record.checked({**dict.fromkeys((each.name for each in lesson.exercises), "passed"), TOGETHER: "skipped"}, now)
    record.keep(course, lesson)


def test_status_at_the_start_and_at_the_end(course: Path, tutor: Tutor) -> None:
    code, said, _ = tutor("status")
    assert code == 0
    assert "01 The noise schedule       [...]" in said
    assert "Next: read lessons/01/schedule.py, write linear_betas in it, then: pytest lessons/01" in said
    assert "#" not in said
    for lesson in LESSONS:
        pass_all(course, lesson)
    exercises = sum(len(lesson.exercises) for lesson in LESSONS)
    code, said, _ = tutor("status")
    assert f"[{'#' * exercises}] {exercises} of {exercises} exercises" in said
    assert "All lessons are finished" in said
    assert "linear_betas" not in said


def test_stale_results_are_marked(course: Path, tutor: Tutor) -> None:
    write(course, FIRST, reference_source(FIRST))
    pass_all(course, FIRST)
    assert "[###]" in tutor("status")[1]
    write(course, FIRST, reference_source(FIRST) + "# a thought\n")
    said = tutor("status")[1]
    assert "[~~~]" in said
    assert "0 of 3" in said
    assert f"     {'linear_betas':32} passed (stale)" in said
    assert "Next: lessons/01/schedule.py has changed since it was checked: cdm-tutor check 01" in said
    assert tutor("demo", "--use", "mine")[0] == 2
    write(course, FIRST, reference_source(FIRST).replace("\n", "\r\n"))
    assert finished(course, FIRST), "line endings do not matter"
    (course / "lessons" / "01" / "test_schedule.py").write_text("# other tests\n")
    assert not finished(course, FIRST)


def test_what_ran_only_in_part_has_not_passed(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(course, FIRST, reference_source(FIRST))

    def states() -> dict[str, str]:
        return Record.of(course, FIRST).states

    assert check(course, FIRST, test="test_linear_betas_by_hand") == 0
    assert check(course, FIRST, "-k", "linear_betas_by_hand or refuse_no_steps") == 0
    assert states() == {}
    assert "linear_betas                     passed so far, not all run" in capsys.readouterr().out
    assert check(course, FIRST, "-k", "linear_betas or cosine_betas_by") == 0
    assert states() == {"linear_betas": "passed"}
    write(course, FIRST, emptied(reference_source(FIRST), FIRST, FIRST.exercises[1:2]))
    assert check(course, FIRST, "-x") == 1
    assert states() == {"linear_betas": "passed", "cosine_betas": "not written yet (1 test)"}
    assert not finished(course, FIRST)


def test_only_the_learners_own_code_is_recorded(course: Path) -> None:
    assert check(course, FIRST, "--impl", "reference") == 0
    assert Record.of(course, FIRST) == Record()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"states": 3}',
        '{"other": {}}',
        '{"states": {"all": 3}}',
        '{"hints": {"all": ""}}',
    ],
)
def test_a_damaged_record_is_no_record(course: Path, content: str) -> None:
    (course / FOLDER).mkdir(exist_ok=True)
    (course / FOLDER / "01.json").write_text(content)
    assert Record.of(course, FIRST) == Record()
    assert "Next: read lessons/01/schedule.py" in commands.status(course)


def test_hints_come_one_by_one(course: Path, tutor: Tutor) -> None:
    hints = [" ".join(text.split()) for text in FIRST.exercises[0].hints]

    def given(*arguments: str) -> tuple[int, str]:
        said = " ".join(tutor("hint", *arguments)[1].split())
        return sum(text in said for text in hints), said

    assert given("1")[0] == 1
    assert given("01")[0] == 1
    assert given("01", "--more")[0] == 2
    assert given("schedule", "linear_betas")[0] == 2
    number, said = given("01", "linear_betas", "--more")
    assert number == 3
    assert said.endswith("This is the last hint. The solution: cdm-tutor solution 01 linear_betas")
    assert "There are no more hints." in given("01", "--more")[1]
    assert check(course, FIRST) == 1
    assert given("01")[0] == 3, "still known after a run of the tests"


def test_hints_are_for_the_first_not_yet_passed(course: Path, tutor: Tutor) -> None:
    Record(states={"linear_betas": "passed"}).keep(course, FIRST)
    assert tutor("hint", "01", "--more")[1].startswith("cosine_betas, in lessons/01/schedule.py")
    assert tutor("hint", "01", "from_betas")[1].startswith("NoiseSchedule.from_betas, ")
    pass_all(course, FIRST)
    assert "needs no hint" in tutor("hint", "01")[1]


def test_no_hints(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(FIRST, exercises=(Exercise("linear_betas"),))
    assert commands.hint(course, bare) == "There are no hints for linear_betas."


BODY = "    scale = 1000 / T\n"


def test_solution_shows_the_difference(course: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown() -> str:
        return tutor("solution", "1", "linear_betas", "--yes")[1]

    assert shown().startswith("def linear_betas(T: int) -> Tensor:")
    assert shown().rstrip().endswith("Yours is not written yet.")
    write(course, FIRST, reference_source(FIRST))
    assert shown().rstrip().endswith("Yours is the same.")
    write(course, FIRST, patched(reference_source(FIRST), ((BODY, "    scale = 7\n"),)))
    assert "\n-    scale = 7\n+    scale = 1000 / T\n" in shown()
    write(course, FIRST, "def broken(:\n")
    assert "lessons/01/schedule.py is no Python" in shown()
    write(course, FIRST, "")
    assert "There is no linear_betas in lessons/01/schedule.py" in shown()
    (course / commands.file_of(FIRST)).unlink()
    assert "is not there" in shown()
    method = tutor("solution", "1", "from_betas", "--yes")[1]
    assert method.startswith('@classmethod\ndef from_betas(cls, betas: Tensor) -> "NoiseSchedule":')


def test_solution_and_reset_ask_first(course: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch) -> None:
    write(course, FIRST, "# mine\n")
    for arguments in (["solution", "01", "cosine_betas"], ["reset", "01"]):
        monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        code, said, _ = tutor(*arguments)
        assert (code, said.count("\n")) == (1, 0)
        assert "[y/N]" in said
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert "def cosine_betas" in tutor("solution", "01", "cosine_betas")[1]
    assert (course / commands.file_of(FIRST)).read_text() == "# mine\n"


def test_reset_keeps_every_file(course: Path, tutor: Tutor) -> None:
    file = course / commands.file_of(FIRST)
    assert "nothing to do" in tutor("reset", "01", "--yes")[1]
    pass_all(course, FIRST)
    for number in range(3):
        file.write_text(f"# attempt {number}\n")
        code, said, _ = tutor("reset", "1", "--yes")
        assert code == 0
        assert file.read_text() == stub(FIRST)
    kept = sorted(file.parent.glob("*.bak"))
    assert sorted(path.read_text() for path in kept) == [f"# attempt {number}\n" for number in range(3)]
    assert Record.of(course, FIRST).states == {}
    restore = next(line for line in said.splitlines() if line.startswith("  "))
    subprocess.run(restore, shell=True, cwd=course, check=True)
    assert file.read_text() == "# attempt 2\n"
    file.unlink()
    assert tutor("reset", "01", "--yes")[0] == 0
    assert file.read_text() == stub(FIRST)


def test_init_overwrites_nothing(tmp_path: Path, tutor: Tutor) -> None:
    mine = tmp_path / "lessons" / "04" / "sampler.py"
    mine.parent.mkdir(parents=True)
    mine.write_text("# mine\n")
    code, _, error = tutor("init", str(tmp_path))
    assert (code, error.count("\n")) == (2, 1)
    assert "sampler.py is there already, and init overwrites nothing" in error
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert tutor("init", str(mine))[0] == 2
    mine.unlink()
    assert tutor("init", str(tmp_path))[0] == 0
    for lesson in LESSONS:
        assert (tmp_path / commands.file_of(lesson)).read_text() == stub(lesson)
    assert tutor("init", str(tmp_path))[0] == 2


BAD = {
    "no such lesson": (["check", "9"], "no lesson '9': expected one of 01, 02"),
    "no such lesson to watch": (["watch", "nine"], "no lesson 'nine'"),
    "no such exercise": (["hint", "1", "sigmas"], "lesson 01 has no exercise 'sigmas': expected one of linear_betas,"),
    "no such solution": (["solution", "1", "sigmas", "--yes"], "expected one of linear_betas, cosine_betas"),
    "nothing finished": (["sample", "--use", "mine"], "none of your lessons is finished yet. Next: read lessons/01"),
    "whose?": (["train", "--use", "yours"], "Invalid value for '--use'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_clear_line(case: str, course: Path, tutor: Tutor) -> None:
    arguments, expected = BAD[case]
    code, _, error = tutor(*arguments)
    assert (code, error.count("\n")) == (2, 1), error
    assert expected in error


def test_without_lessons_it_says_how_to_get_them(anywhere: Path, tutor: Tutor) -> None:
    every = (["status"], ["check", "1"], ["hint", "1"], ["reset", "1"], ["demo", "--use", "mine"])
    for arguments in every:
        code, _, error = tutor(*arguments)
        assert (code, error.count("\n")) == (2, 1), error
        assert "no lessons folder here: go to your clone of the repository, or make one with: cdm-tutor init" in error


def test_check_in_a_process(course: Path) -> None:
    """From a folder inside the course, too; its exit code is that of the tests."""
    done = subprocess.run([*COMMAND, "check", "1"], cwd=course / "lessons", capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Next: write linear_betas in lessons/01/schedule.py" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "Next: write linear_betas" in commands.status(course)


def test_watch_checks_on_save_until_ctrl_c(course: Path) -> None:
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)  # tests run in the background may be deaf to it
    try:
        pipe = subprocess.PIPE
        process = subprocess.Popen([*COMMAND, "watch", "01"], cwd=course, stdout=pipe, stderr=pipe, text=True)
    finally:
        signal.signal(signal.SIGINT, heard)
    with process:
        assert process.stdout
        assert process.stderr
        said = read_until(process.stdout, "Watching")
        assert "0 of 3 exercises" in said
        write(course, FIRST, reference_source(FIRST))
        said = read_until(process.stdout, "Watching")
        assert "3 of 3 exercises" in said
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == ""


def read_until(stream: IO[str], word: str) -> str:
    lines = []
    while line := stream.readline():
        lines.append(line)
        if word in line:
            break
    return "".join(lines)


@pytest.mark.long
def test_a_wheel_holds_the_lessons_and_the_pages(tmp_path: Path) -> None:
    """What setuptools would pack, put where no repository is around it, makes the same folder as the repository."""
    pytest.importorskip("setuptools")
    packed = tmp_path / "packed"
    script = ["setup.py", "-q", "egg_info", "--egg-base", str(tmp_path), "build_py", "--build-lib", str(packed)]
    subprocess.run([sys.executable, *script], cwd=ROOT, check=True, capture_output=True)
    elsewhere = {**os.environ, "PYTHONPATH": str(packed), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [*COMMAND, "init", "here"], cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True
    )
    assert f"Made {len(LESSONS)} lessons in here" in done.stdout
    made = {
        str(path.relative_to(tmp_path / "here").as_posix()): path.read_bytes()
        for path in (tmp_path / "here").rglob("*")
        if path.is_file() and FOLDER not in path.parts
    }
    assert made == course_files()
    assert sum("/test_" in name for name in made) == len(READY)
    assert (packed / "cdm_tutor" / "web" / "live" / "start.js").exists()
    assert (packed / "cdm_tutor" / "site.tar.xz").stat().st_size < 8e6
    command = [*COMMAND, "site", "clinic/01.html#cosine-not-squared", "--print"]
    said = subprocess.run(command, cwd=tmp_path, env=elsewhere, capture_output=True, text=True, check=True).stdout
    assert said.startswith((tmp_path / "cache").as_uri())
    assert said.endswith("/clinic/01.html#cosine-not-squared\n")
    assert len(list((tmp_path / "cache").glob("cdm-tutor/site/*/live/fashion*.js"))) == 4


@pytest.mark.parametrize("missing", ["mkdocs", "mkdocs.yml"])
def test_a_wheel_whose_pages_cannot_be_built(missing: str, tmp_path: Path) -> None:
    """As in the bare environment that pip builds in, and outside a clone: made without, unless they are asked for."""
    pytest.importorskip("setuptools")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "conftest.py", "cdm_tutor/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    if missing == "mkdocs":
        shutil.copy(ROOT / "mkdocs.yml", tmp_path)
        (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['mkdocs'] = None\n")
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", "packed"]
    for pages, code in (("", 0), ("yes", 1)):
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PAGES": pages}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert f"to build them {missing} is missing. In a clone: make dist" in done.stderr.splitlines()[-1]


def test_a_copy_without_a_memory_is_told_how_to_get_it_back(course: Path, tutor: Tutor) -> None:
    assert "no check is remembered" not in tutor("status")[1]
    write(course, FIRST, emptied(reference_source(FIRST), FIRST, FIRST.exercises[1:]))
    assert "no check is remembered (a copy or a clone brings none along): cdm-tutor check 01" in tutor("status")[1]
    check(course, FIRST)
    assert "no check is remembered" not in tutor("status")[1]


def test_where_nothing_can_be_remembered_it_is_said(course: Path, tutor: Tutor) -> None:
    shutil.rmtree(course / FOLDER)
    (course / FOLDER).write_text("in the way")
    code, said, _ = tutor("hint", "01", "--more")
    assert code == 0
    assert "This cannot be remembered: " in said
    assert all(f"  {number}. " in said for number in (1, 2, 3))
    assert "This cannot be remembered: " in tutor("status")[1]
    write(course, FIRST, reference_source(FIRST))
    done = subprocess.run([*COMMAND, "check", "01"], cwd=course, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "This cannot be remembered: " in done.stdout


@pytest.mark.parametrize("state", ["no time", "calls the answer"])
def test_what_is_next_after_a_rare_verdict(course: Path, state: str) -> None:
    write(course, FIRST, reference_source(FIRST))
    names = [exercise.name for exercise in FIRST.exercises]
    now = digest_now(course, FIRST)
    states = dict.fromkeys(names, "passed") | {names[2]: state}
    Record(states, dict.fromkeys(names, now)).keep(course, FIRST)
    line = commands.what_next(course, FIRST)
    assert line.startswith("Next: check again" if state == "no time" else f"Next: write {names[2]} yourself")
    assert not finished(course, FIRST)


def test_after_one_exercise_comes_its_picture_and_the_one_after_it() -> None:
    names = [*(exercise.name for exercise in FIRST.exercises), TOGETHER]
    rows = dict.fromkeys(names, NOT_RUN[0])
    line = next_step(FIRST, rows | {names[0]: "passed"})
    assert line.startswith(f"Next: see what it does, cdm-tutor show 01 {names[0]}; then {names[1]}.")
    assert next_step(FIRST, rows | {names[2]: "passed"}) == "Next: run all of it, pytest lessons/01"
    assert next_step(FIRST, rows | {names[0]: NOT_RUN[1]}) == "Next: run all of it, pytest lessons/01"


@pytest.mark.parametrize("kind", ["folder", "gone", "latin"])
def test_a_file_that_cannot_be_read_is_a_line(course: Path, tutor: Tutor, kind: str) -> None:
    file = course / commands.file_of(FIRST)
    file.unlink()
    if kind == "folder":
        file.mkdir()
    if kind == "latin":
        file.write_bytes(b"x = '\xe9'")
    for arguments in (["status"], ["hint", "01"], ["solution", "01", "cosine_betas"], ["check", "01"]):
        code, said, error = tutor(*arguments)
        assert code in (0, 1, 2)
        assert "Traceback" not in said + error
    assert check(course, FIRST) == 1


def test_tests_of_another_version_are_told(course: Path) -> None:
    test = course / "lessons" / "01" / "test_schedule.py"
    test.write_text(test.read_text().replace('exercise("cosine_betas")', 'exercise("curve")'))
    done = subprocess.run([*COMMAND, "check", "01"], cwd=course, capture_output=True, text=True, timeout=120)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "test_schedule.py checks 'curve', which is no exercise of lesson 01 in this version" in done.stderr
    assert "cdm-tutor update" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="other rules of quoting")
def test_the_way_back_works_whatever_the_folder_is_called(
    tmp_path: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("it's (mine)", "a b; echo $HOME", 'quoted "x"'):
        folder = tmp_path / name
        commands.init(folder)
        monkeypatch.chdir(tmp_path)
        file = folder / commands.file_of(FIRST)
        file.write_text("mine = 1\n")
        way_back = commands.reset(folder, FIRST).splitlines()[1].strip()
        subprocess.run(way_back, shell=True, cwd=tmp_path, check=True)
        assert file.read_text() == "mine = 1\n"
