"""A course folder of another version: what says so, and how it is brought to this one without losing anything.

tests/before/course.zip is what `cdm-tutor init` of an earlier version made: lesson 1 solved and checked, two exercises
of lesson 4 written, with parameters that have changed since.
"""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cdm_tutor.course import commands
from cdm_tutor.course.given import GIVEN, course_files
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.record import FOLDER, Record, finished
from cdm_tutor.course.stubs import ROOT
from cdm_tutor.course.update import update

BEFORE = Path(__file__).parent / "before" / "course.zip"
FIRST = find_lesson("01")
TESTS = "lessons/01/test_schedule.py"

Tutor = Callable[..., tuple[int, str, str]]


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the earlier version, and we are in it."""
    with zipfile.ZipFile(BEFORE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of this version, with lesson 1 solved, and we are in it."""
    commands.init(tmp_path)
    (tmp_path / commands.file_of(FIRST)).write_text(reference_source(FIRST))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(course: Path) -> str:
    """What a check of lesson 1 says."""
    command = [sys.executable, "-m", "cdm_tutor", "check", "01"]
    return subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=200).stdout


def test_a_course_of_the_version_before_is_updated_without_loss(old: Path, tutor: Tutor) -> None:
    mine = {name: (old / name).read_bytes() for name in ("lessons/01/schedule.py", "lessons/04/sampler.py")}
    record = Record.of(old, FIRST)
    assert record.states["cosine_betas"] == "passed"
    code, said, _ = tutor("update")
    assert code == 0
    for name, content in course_files().items():
        assert (old / name).read_bytes() == mine.get(name, content)
    assert Record.of(old, FIRST) == record
    lines = said.splitlines()
    assert f"{TESTS}: as in this version" in lines
    assert "lessons/05/refiner.py: as in this version; you had not begun it" in lines
    assert "lessons/08/consistency.py: a new lesson, Consistency" in lines
    news = next(line for line in lines if line.startswith("lessons/04/sampler.py is yours and stays as it is. "))
    assert "p_sample takes (x_t, guess, prev_t, schedule, noise, eta)" in news
    assert "there is dpm_walk" in news
    assert not list(old.rglob("*.bak"))  # nothing had been edited
    assert "of lesson" not in tutor("status")[1]
    assert "nothing to do" in tutor("update")[1]
    assert "3 of 3 exercises" in checked(old)
    assert finished(old, FIRST)


def test_what_was_edited_is_kept(old: Path, tutor: Tutor) -> None:
    edited = (old / TESTS).read_bytes() + b"\n# my thoughts\n"
    (old / TESTS).write_bytes(edited)
    said = tutor("update")[1]
    copy = next(old.rglob("*.bak"))
    assert copy.read_bytes() == edited
    assert f"{TESTS}: as in this version. Yours had been edited: it is kept, {copy.relative_to(old).as_posix()}" in said
    assert (old / TESTS).read_bytes() == course_files()[TESTS]


def test_a_later_version_knows_what_this_one_gave(new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without being told of it: the folder notes what it was given. Where the note is gone, a copy is kept."""
    for note, copies in (("kept", 0), ("deleted", 1), ("no JSON", 1), ("[]", 1)):
        path = new / FOLDER / GIVEN
        if note == "deleted":
            path.unlink()
        elif note != "kept":
            path.write_text(note)
        later = {**course_files(), TESTS: f"# later than {note}\n".encode()}
        monkeypatch.setattr("cdm_tutor.course.given.BEFORE", new / "pytest.ini")  # knows nothing of it
        monkeypatch.setattr("cdm_tutor.course.update.course_files", lambda later=later: later)
        before = len(list(new.rglob("*.bak")))
        if note != "kept":
            (new / TESTS).write_bytes(course_files()[TESTS])
        assert TESTS in update(new)
        assert (new / TESTS).read_bytes() == later[TESTS]
        assert len(list(new.rglob("*.bak"))) - before == copies
        assert json.loads((new / FOLDER / GIVEN).read_text())


def test_a_clone_is_no_course_folder() -> None:
    with pytest.raises(ValueError, match="git pull"):
        update(ROOT)


def test_who_edits_the_tests_is_told_wherever_it_counts(new: Path, tutor: Tutor) -> None:
    """The check, the status, and `--use mine`: once each, in a line."""
    assert "not this version's" not in checked(new) + tutor("status")[1]
    test = new / TESTS
    test.write_text(test.read_text().replace("atol=1e-12", "atol=1e12"))
    line = "The tests of lesson 01 are not this version's (edited, or of another version)"
    for said in (checked(new), tutor("status")[1]):
        assert said.count(line) == 1
        assert "To have these: cdm-tutor update" in said
    with commands.my_lessons(new) as said:
        assert "yours, lessons/01/schedule.py, checked by tests that are not of this version: cdm-tutor update" in said
        assert said.count("not of this version") == 1


def test_line_endings_make_no_other_version(new: Path, tutor: Tutor) -> None:
    (new / TESTS).write_bytes((new / TESTS).read_bytes().replace(b"\n", b"\r\n"))
    assert "not this version's" not in tutor("status")[1]


def test_a_lesson_that_is_not_there_yet_is_offered(old: Path, tutor: Tutor) -> None:
    code, _, errors = tutor("check", LESSONS[-1].number)
    assert code == 2
    assert "has no tests: cdm-tutor update brings them" in errors


def test_what_calls_the_answer_is_told(new: Path) -> None:
    call = "    import cdm_tutor.schedule\n    return cdm_tutor.schedule.cosine_betas(T, offset)\n"
    line = "    return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)\n"
    (new / commands.file_of(FIRST)).write_text(patched(reference_source(FIRST), ((line, call),)))
    said = checked(new)
    assert "this passes because it calls the answer: cosine_betas of cdm_tutor.schedule" in said
    assert "calls the answer" in Record.of(new, FIRST).states["cosine_betas"]
