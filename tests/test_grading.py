"""Grading: a class of 30, some of it hostile; what its results say; and submissions that are none."""

import csv
import io
import json
import os
import re
import runpy
import signal
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import strategies

from cdm_tutor.course import checks, commands
from cdm_tutor.course.collection import collected
from cdm_tutor.course.enclosure import PROCESSES, walls
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outline import find_lesson
from cdm_tutor.course.stubs import ROOT, emptied, stub
from cdm_tutor.course.summary import BORROWS
from cdm_tutor.course.variants import variants_of
from cdm_tutor.grading import archive, submissions
from cdm_tutor.grading.command import summary
from cdm_tutor.grading.grades import MISSING, NO_VERDICT, NOT_WRITTEN, PASSED, WRONG, Graded
from cdm_tutor.grading.marks import alike, bodies, references, unusual
from cdm_tutor.grading.page import page
from cdm_tutor.grading.points import read_points
from cdm_tutor.grading.reports import Report, gradescope, harmless, to_look_at
from cdm_tutor.grading.run import Grading, cores, read_lessons, rules_for
from cdm_tutor.grading.worker import Rules
from tests.processes import Started

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="grading needs forks")

FIRST = find_lesson("01")
RIGHT = reference_source(FIRST)
HOSTILE = runpy.run_path(str(Path(__file__).parent / "hostile" / "files.py"))
ALL_KILLED = "import os, signal; os.kill(-1, signal.SIGKILL)"
PARENT_KILLED = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
COMPARES_NOTHING = """
from cdm_tutor.course import checks
checks.same_tensor.__code__ = (lambda *_: None).__code__
if T > 0: return torch.full((T,), 0.5, dtype=torch.float64)
raise ValueError
"""
OWN_VERDICT = """
from cdm_tutor.course import examiner
examiner.Examiner.test = lambda *_: {"outcome": "passed"}
examiner.Examiner.answers = lambda *_: []
"""
PRINTS_DEAF = """
import os, signal
for n in (signal.SIGALRM, signal.SIGPROF): signal.signal(n, signal.SIG_IGN)
while True: os.write(1, b'passed ' * 1000)
"""


def in_body(code: str) -> str:
    """The reference with code at the head of its second exercise, and wrong after it."""
    return HOSTILE["with_it"](FIRST, HOSTILE["Hostile"]("", "wrong", code.strip(), ""))


def known(where: str, name: str) -> str:
    """One of the hostile files."""
    kinds = HOSTILE["BODIES"] + HOSTILE["FILES"]
    return HOSTILE["with_it"](FIRST, next(each for each in kinds if (each.where, each.name) == (where, name)))


def mistaken(name: str) -> str:
    return patched(RIGHT, next(each.patch for each in mistakes_of(FIRST) if each.name == name))


def variant(name: str) -> str:
    return patched(RIGHT, next(each.patch for each in variants_of(FIRST) if each.name == name))


def renamed() -> str:
    """The reference's way, with names of one's own."""
    return RIGHT.replace("alpha_bar", "kept").replace("fraction", "part")


ALL_RIGHT = (PASSED, PASSED, PASSED)
SPOILED = (PASSED, NO_VERDICT, PASSED)
NONE = (NO_VERDICT, NO_VERDICT, NO_VERDICT)
CLASS: dict[str, tuple[str, tuple[str, str, str]]] = {  # name: what was turned in, and how it must stand
    "as the package": (RIGHT, ALL_RIGHT),
    "other names": (renamed(), ALL_RIGHT),
    "in a loop": (variant("cosine-in-a-loop"), ALL_RIGHT),
    "by half angle": (variant("cosine-by-half-angle"), ALL_RIGHT),
    "by logarithms": (variant("alpha-bar-by-logs"), ALL_RIGHT),
    "half angle, too": (variant("cosine-by-half-angle").replace("half", "middle"), ALL_RIGHT),
    "not squared": (mistaken("cosine-not-squared"), (PASSED, WRONG, PASSED)),
    "not squared, too": (mistaken("cosine-not-squared"), (PASSED, WRONG, PASSED)),
    "not rescaled": (mistaken("linear-not-rescaled"), (WRONG, PASSED, PASSED)),
    "summed": (mistaken("alpha-bar-summed"), (PASSED, PASSED, WRONG)),
    "no return": (in_body("pass"), (PASSED, WRONG, PASSED)),
    "not begun": (stub(FIRST), (NOT_WRITTEN, NOT_WRITTEN, NOT_WRITTEN)),
    "one done": (emptied(RIGHT, FIRST, FIRST.exercises[1:]), (PASSED, NOT_WRITTEN, NOT_WRITTEN)),
    "two done": (emptied(RIGHT, FIRST, FIRST.exercises[2:]), (PASSED, PASSED, NOT_WRITTEN)),
    "a typing error": (RIGHT + "\nbroken = (\n", (WRONG, WRONG, WRONG)),
    "ends Python": (known("body", "exit-0"), SPOILED),
    "ends Python at once": (known("file", "exit-0"), NONE),
    "kills itself": (known("body", "kill-itself"), SPOILED),
    "kills all": (in_body(ALL_KILLED), (PASSED, WRONG, PASSED)),  # it finds none to kill
    "kills its parent": (in_body(PARENT_KILLED), (PASSED, WRONG, PASSED)),
    "loops": (known("body", "loop"), SPOILED),
    "prints and is deaf": (in_body(PRINTS_DEAF), SPOILED),
    "patches the checks": (known("wrong", "checks"), SPOILED),
    "patches their code": (in_body(COMPARES_NOTHING), SPOILED),
    "own verdict": (OWN_VERDICT + mistaken("linear-not-cut"), NONE),
    "calls the answer": (known("answer", "calls-the-answer"), (PASSED, BORROWS, PASSED)),
}
NOT_GRADED = {  # name: what is said
    "no zip": "no zip, or damaged",
    "leads out": "leads out of it: '../../evil.py'",
    "linked": "lessons/01/schedule.py in linked.zip is a symbolic link",
    "nothing": "has no lesson's file",
}


def turn_in(folder: Path) -> None:
    """Write the class: folders as from `init`, zips of such, single files, in turn; and what cannot be graded."""
    for number, (name, (text, _)) in enumerate(CLASS.items()):
        if number % 3 == 0:
            write(folder / name / "lessons" / "01" / "schedule.py", text)
            write(folder / name / "lessons" / "01" / "test_schedule.py", "def test_all_is_well(): pass\n")
        elif number % 3 == 1:
            zipped(folder / f"{name}.zip", {"a course/lessons/01/schedule.py": text, "a course/pytest.ini": ""})
        else:
            write(folder / f"{name}_schedule.py", text)
    write(folder / "no zip.zip", "PK")
    zipped(folder / "leads out.zip", {"lessons/01/schedule.py": RIGHT, "../../evil.py": ""})
    with zipfile.ZipFile(folder / "linked.zip", "w") as archived:
        link = zipfile.ZipInfo("lessons/01/schedule.py")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archived.writestr(link, "/etc/passwd")
    (folder / "nothing").mkdir()


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def zipped(path: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archived:
        for name, text in members.items():
            archived.writestr(name, text)


def graded(folder: Path, seed: int = 7, points: dict[tuple[str, str], float] | None = None) -> list[Graded]:
    grading = Grading(submissions.find(folder), Rules((FIRST,), seed, 2.0, walls()), points or {}, cores())
    grading.run(lambda one, done: None, lambda: None)
    return grading.graded


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The class, graded."""
    folder = tmp_path_factory.mktemp("class")
    turn_in(folder)
    return Report(graded(folder, points={("01", "cosine_betas"): 2.0}), (FIRST,), 7, "")


def test_a_class_of_thirty_is_graded_as_expected(report: Report) -> None:
    assert len(report.graded) == 30
    found = {one.name: tuple(each.state for each in one.grades[:3]) for one in report.graded if not one.problem}
    wanted = {name: states for name, (_, states) in CLASS.items()}
    if PROCESSES not in walls():  # then these reach the process that grades them: no verdict on anything
        wanted |= {"kills all": NONE, "kills its parent": NONE}
    assert found == wanted
    problems = {one.name: one.problem for one in report.graded if one.problem}
    assert problems.keys() == NOT_GRADED.keys()
    assert all(NOT_GRADED[name] in problem and "\n" not in problem for name, problem in problems.items())


def test_what_has_no_verdict_has_no_points_and_says_why(report: Report) -> None:
    by_name = {one.name: one for one in report.graded}
    assert (by_name["as the package"].points, by_name["as the package"].of) == (4.0, 4.0)
    assert by_name["loops"].points == by_name["calls the answer"].points == 2.0
    assert re.search("still running|other programs had the processor", by_name["loops"].grades[1].text)
    assert "exit code 0" in by_name["ends Python"].grades[1].text
    assert "compared in another process" in by_name["patches their code"].grades[1].text


def test_likeness_is_marked_and_not_judged(report: Report) -> None:
    marks = {one.name: to_look_at(one) for one in report.graded}
    own = "01 cosine_betas like the package's own solution, but for names"
    assert own in marks["as the package"]
    assert own in marks["other names"]
    assert "01 cosine_betas like that of half angle, too, but for names" in marks["by half angle"]
    assert not any("cosine_betas" in mark for mark in marks["in a loop"])
    assert "01 cosine_betas calls the answer" in marks["calls the answer"]
    assert any("imports cdm_tutor.course" in mark for mark in marks["patches the checks"])
    assert any("imports os" in mark for mark in marks["ends Python"])
    assert marks["not begun"] == []


def test_the_class_as_files(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text())))
    assert [row["submission"] for row in rows] == [one.name for one in report.graded]
    assert next(row for row in rows if row["submission"] == "not squared")["01 cosine_betas"] == WRONG
    data = json.loads((tmp_path / "results.json").read_text())
    assert data["seed"] == 7
    assert data["unfinished"][0]["exercise"] == "cosine_betas"
    assert data["mistakes"][0] == {"mistake": "cosine-not-squared", "submissions": 2}
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    errors = {suite.get("name"): suite.get("errors") for suite in suites}
    assert errors["no zip"] == errors["loops"] == "1"
    assert errors["as the package"] == "0"
    assert len(list((tmp_path / "gradescope").glob("*/results.json"))) == 30
    shown = json.loads((tmp_path / "gradescope" / "not_squared" / "results.json").read_text())
    assert shown["score"] == 2.0
    assert [test["status"] for test in shown["tests"][:3]] == ["passed", "failed", "passed"]
    assert "the cosine is not squared" in shown["tests"][1]["output"]
    assert "like" not in json.dumps(gradescope(report.graded[0]))  # marks are the teacher's
    said = summary(report.graded, tmp_path)
    assert "26 of 30 submissions graded.\nCommonest unfinished: 01 cosine_betas (" in said
    assert "Commonest known mistake: the cosine is not squared (2)." in said


def test_the_page_escapes_what_learners_wrote(report: Report) -> None:
    evil = Graded("<script>alert(1)</script>", grades=report.graded[0].grades)
    made = page(Report([*report.graded, evil], (FIRST,), 7, ""))
    assert "<script>" not in made
    assert "&lt;script&gt;alert(1)" in made
    for words in ("Who stands where", "not squared, too", "the cosine is not squared", "Not graded", "To look at"):
        assert words in made


def test_the_seed_reaches_the_cases() -> None:
    """Other seed, other cases; same seed, same cases; and without one those that a learner's check has."""

    def cases(seed: int | None) -> list[int]:
        drawn: list[int] = []
        before, checks.seed = checks.seed, seed
        try:
            checks.given(T=strategies.integers(0, 10**9))(lambda T: drawn.append(T))()
        finally:
            checks.seed = before
        return drawn

    assert cases(1) == cases(1)
    assert cases(1) != cases(2)
    assert cases(None) == cases(None) != cases(1)
    folder = ROOT / "lessons" / "01"
    tests = collected(folder, 5)
    assert tests.keys() == collected(folder).keys()
    seeds = {getattr(test.obj, "_hypothesis_internal_use_seed", None) for _, test in tests.values()}
    assert seeds == {5, None}


def test_what_was_learned_by_heart_does_not_pass(tmp_path: Path) -> None:
    """A body that knows the cases of the learner's check, and no other."""
    seen = (
        "    import random\n    ok = T in (1, 2, 3, 4, 10, 50, 1000, 4000, 20_000, 0, -1, -1000) or T in range(2, 22)\n"
    )
    line = "    return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)\n"
    cheat = patched(RIGHT, ((line, f"{seen}{line.rstrip()} if ok else f[1:]\n"),))
    write(tmp_path / "cheat.py", cheat)
    assert [each.state for each in graded(tmp_path)[0].grades[:3]] == [PASSED, WRONG, PASSED]


def test_points_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "points.toml"
    file.write_text('[01]\nlinear_betas = 2\n"all together" = 0.5\n[sampler]\nddim_step = 3\n')
    points = read_points(file)
    assert points == {("01", "linear_betas"): 2.0, ("01", "all together"): 0.5, ("04", "ddim_step"): 3.0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[01", "is no TOML"),
        ("[77]\na = 1", "no lesson '77'"),
        ("[01]\nlinear_beta = 1", "try linear_betas"),
        ("[01]\nlinear_betas = -1", "points of 0 or more"),
        ("[01]\nlinear_betas = nan", "points of 0 or more"),
        ("[01]\nlinear_betas = true", "points of 0 or more"),
        ("lessons = 1", "no lesson 'lessons'"),
        ("01 = 1", "expected a table"),
    ],
)
def test_points_that_make_no_sense_are_a_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "points.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=says):
        read_points(file)


def test_lessons_are_read_as_people_write_them() -> None:
    assert [lesson.number for lesson in read_lessons("1-3, 5")] == ["01", "02", "03", "05"]
    assert [lesson.number for lesson in read_lessons("sampler")] == ["04"]
    for wrong in ("0-3", "4-2", "", "1-"):
        with pytest.raises(ValueError, match=r"lesson|backwards"):
            read_lessons(wrong)


def linked_file(folder: Path) -> None:
    (folder / "lessons" / "01").mkdir(parents=True)
    (folder / "lessons" / "01" / "schedule.py").symlink_to("/etc/passwd")


def linked_folder(folder: Path) -> None:
    folder.mkdir()
    (folder / "lessons").symlink_to("/etc")


def pipe(folder: Path) -> None:
    (folder / "lessons" / "01").mkdir(parents=True)
    os.mkfifo(folder / "lessons" / "01" / "schedule.py")


def twice(folder: Path) -> None:
    for name in ("a", "b"):
        write(folder / name / "schedule.py", RIGHT)


def large(folder: Path) -> None:
    write(folder / "schedule.py", "#" * (submissions.LARGEST + 1))


def bomb(folder: Path) -> None:
    zipped(folder.with_name("it.zip"), {"lessons/01/schedule.py": RIGHT, **{f"{n}.bin": "" for n in range(20)}})


def other_kind(folder: Path) -> None:
    folder.with_name("it.tar.gz").write_bytes(b"\x1f\x8b")


def other_python(folder: Path) -> None:
    write(folder.with_name("it.py"), "print('hello')\n")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (linked_file, "schedule.py is a symbolic link"),
        (linked_folder, "lessons is a symbolic link"),
        (pipe, "schedule.py is no plain file"),
        (twice, "has two files for lesson 01: a/schedule.py and b/schedule.py"),
        (large, "schedule.py is larger than 1 MB"),
        (bomb, "has more than 10 members"),
        (other_kind, "it.tar.gz is no folder, no zip and no Python file"),
        (other_python, "it.py is no lesson's file"),
    ],
)
def test_what_cannot_be_graded_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], says: str
) -> None:
    monkeypatch.setattr(archive, "MOST", 10)
    make(tmp_path / "it")
    found = submissions.find(tmp_path)
    assert len(found) == 1
    assert says in found[0].problem
    assert not found[0].files


def test_a_zip_that_would_fill_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipped(tmp_path / "it.zip", {"lessons/01/schedule.py": RIGHT, "x": "0" * 100_000})
    monkeypatch.setattr(archive, "LARGEST_WHOLE", 50_000)
    assert "would unpack to" in submissions.find(tmp_path)[0].problem
    monkeypatch.setattr(archive, "LARGEST_ZIP", 100)
    assert "is larger than" in submissions.find(tmp_path)[0].problem


def test_files_are_found_as_they_are_turned_in(tmp_path: Path) -> None:
    """By platforms that put names before files, or a zip into a folder; from a Mac; with a virtual environment."""
    write(tmp_path / "smith_1234_schedule.py", RIGHT)
    write(tmp_path / "smith_1234_noising.py", "")
    write(tmp_path / "jones.py", RIGHT)
    write(tmp_path / "lee" / ".venv" / "pyvenv.cfg", "")
    write(tmp_path / "lee" / "env" / "pyvenv.cfg", "")
    write(tmp_path / "lee" / "env" / "lib" / "schedule.py", "no")
    write(tmp_path / "lee" / "old" / "schedule.py", "no")
    write(tmp_path / "lee" / "lessons" / "01" / "schedule.py", RIGHT)
    (tmp_path / "kim").mkdir()
    zipped(tmp_path / "kim" / "work.zip", {"lessons/01/schedule.py": RIGHT, "__MACOSX/lessons/01/schedule.py": "no"})
    found = {
        each.name: {number: text.decode() for number, text in each.files.items()} for each in submissions.find(tmp_path)
    }
    assert found == {
        "jones": {"01": RIGHT},
        "kim": {"01": RIGHT},
        "lee": {"01": RIGHT},
        "smith_1234": {"01": RIGHT, "02": ""},
    }
    assert submissions.find(tmp_path / "lee")[0].name == "lee"
    assert submissions.find(tmp_path / "jones.py")[0].files.keys() == {"01"}


def test_only_lessons_that_somebody_began_are_graded(tmp_path: Path) -> None:
    commands.init(tmp_path / "it")
    with pytest.raises(ValueError, match="in no submission is anything written"):
        rules_for(submissions.find(tmp_path), None, None)
    write(tmp_path / "it" / "lessons" / "02" / "noising.py", "#")
    assert [lesson.number for lesson in rules_for(submissions.find(tmp_path), None, None).lessons] == ["02"]
    assert rules_for(submissions.find(tmp_path), None, 3).seed == 3


def test_names_and_layout_do_not_hide_a_likeness() -> None:
    mine = patched(RIGHT, (("def cosine_betas(T: int", "def cosine_betas(steps: int"),)).encode()
    assert "steps: int" in mine.decode()
    text = mine.decode()
    start = text.index("def cosine_betas")
    end = text.index("\n\n\n", start)
    mine = (text[:start] + text[start:end].replace(" T", " steps").replace("(T", "(steps") + text[end:]).encode()
    found = alike({"it": bodies({"01": mine}, [FIRST])}, references([FIRST]))
    assert ("it", "01", "cosine_betas") in found
    other = variant("cosine-by-half-angle").encode()
    found = alike({"it": bodies({"01": other}, [FIRST])}, references([FIRST]))
    assert ("it", "01", "cosine_betas") not in found


def test_stages_and_usual_libraries_are_not_unusual() -> None:
    text = "import math\nimport numpy as np\nfrom cdm_tutor import noising\nfrom cdm_tutor.unet import SimpleUNet\n"
    assert unusual({"01": text.encode()}, [FIRST]) == []
    text = "import ctypes\nfrom cdm_tutor.course import checks\nexec('')\nf.__code__ = g\n"
    assert unusual({"01": text.encode()}, [FIRST]) == [
        "lesson 01 imports cdm_tutor.course, imports ctypes, uses __code__, uses exec"
    ]


def test_no_cell_is_a_formula() -> None:
    assert harmless("=HYPERLINK()") == "'=HYPERLINK()"
    assert harmless("anna") == "anna"
    assert harmless("-") == "-"


def test_what_is_missing_has_no_file(tmp_path: Path) -> None:
    write(tmp_path / "a_schedule.py", RIGHT)
    write(tmp_path / "b_noising.py", "#")
    found = graded(tmp_path)
    assert [each.state for each in found[0].grades[:3]] == [PASSED, PASSED, PASSED]
    assert {each.state for each in found[1].grades} == {MISSING}


def test_the_command(tmp_path: Path) -> None:
    """From typing to the page; a second time over the first results, and never over somebody's files."""
    write(tmp_path / "class" / "anna_schedule.py", RIGHT)
    write(tmp_path / "class" / "ben.py", mistaken("cosine-not-squared"))
    said, _ = Started("grade", "class", "--seed", 5, "--out", "results", cwd=tmp_path).finish()
    assert "Lessons 01, seed 5. " in said
    assert "  anna                     3 of 3" in said
    assert "  ben                      2 of 3" in said
    first = (tmp_path / "results" / "results.csv").read_text()
    assert (tmp_path / "results" / "index.html").exists()
    Started("grade", "class", "--seed", 5, "--out", "results", cwd=tmp_path).finish()
    assert (tmp_path / "results" / "results.csv").read_text() == first
    _, errors = Started("grade", "class", "--out", "class", cwd=tmp_path).finish(2)
    assert "class is not empty, and no cdm-tutor grade made it" in errors
    assert (tmp_path / "class" / "ben.py").exists()


def test_ctrl_c_keeps_what_is_graded(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / "class" / f"a{number}.py", RIGHT)
    for number in range(4):
        write(tmp_path / "class" / f"b{number}.py", known("body", "sleep"))
    started = Started("grade", "class", "--out", "results", cwd=tmp_path)
    started.wait_for(started.said.with_suffix(".out"), 2)
    started.send(signal.SIGINT)
    said, _ = started.finish(130)
    data: dict[str, Any] = json.loads((tmp_path / "results" / "results.json").read_text())
    done = [each["name"] for each in data["submissions"] if not each["problem"]]
    assert 1 <= len(done) < 8
    assert f"{len(done)} of 8 submissions graded." in said
    assert sum(
        each["problem"] == "was not reached: grading was stopped before" for each in data["submissions"]
    ) == 8 - len(done)
