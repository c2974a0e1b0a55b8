"""Lessons as notebooks: what is in them, what their cells do when they are run, and that it is one work with the files.

All notebooks are read, and that of the first lesson is executed; with --all, all are.
"""

import base64
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from PIL import Image

from cdm_tutor.course import commands
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.notebooks import magic
from cdm_tutor.course.notebooks.cell import put, taken
from cdm_tutor.course.notebooks.make import make
from cdm_tutor.course.notebooks.text import linked, unfolded
from cdm_tutor.course.outline import LESSONS, find_lesson
from cdm_tutor.course.stubs import ROOT, stub

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

Tutor = Callable[..., tuple[int, str, str]]
FIRST = find_lesson("01")
COSINE = FIRST.exercise("cosine_betas")
MOST = 1e6  # bytes of a notebook
DEEP = "x = " + "-" * 50_000 + "1"  # more than Python's parser follows
LEFT_OVER = r"--8<--|^ *[?!]{3} |docs/parts|^ *</?div|<script|only-dark|\{ *(?:width|\.|#)|\]\((?!https?:)|^@@"
CHROMIUM = shutil.which("chromium")

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)


@pytest.fixture
def course(anywhere: Path) -> Path:
    """A fresh course, and we are in it."""
    commands.init(anywhere)
    return anywhere


def solved(folder: Path, lesson: Lesson) -> None:
    """Do a lesson, and all before it."""
    for each in LESSONS[: LESSONS.index(lesson) + 1]:
        (folder / commands.file_of(each)).write_text(reference_source(each), encoding="utf-8")


def read(text: str) -> Any:
    return nbformat.reads(text, as_version=4)


# --- what is in a notebook -------------------------------------------------------------------------------------------


@cache
def pristine(lesson: Lesson) -> str:
    """A notebook as at the start."""
    return make(lesson)


@each_lesson
def test_notebook_is_sound_and_light(lesson: Lesson) -> None:
    nbformat.validate(read(pristine(lesson)))
    assert len(pristine(lesson).encode()) < MOST
    assert make(lesson) == pristine(lesson)


@each_lesson
def test_notebook_has_each_exercise_and_after_it_its_check(lesson: Lesson) -> None:
    cells = [cell for cell in read(pristine(lesson)).cells if cell.cell_type == "code"]
    assert cells[0].source.endswith("\n%load_ext cdm_tutor")
    assert cells[-1].source == f"%check {lesson.number}"
    wanted = []
    for exercise in lesson.exercises:
        wanted += [f"%%exercise {exercise.name}\n{taken(stub(lesson), exercise.name)}", f"%check {exercise.name}"]
    assert [cell.source for cell in cells[1:-1]] == wanted


@each_lesson
def test_notebook_has_the_page(lesson: Lesson) -> None:
    """Its words, formulas, examples and pictures, and nothing that only a site understands."""
    page = (ROOT / "docs" / "lessons" / f"{lesson.page}.md").read_text(encoding="utf-8")
    text = "\n\n".join(cell.source for cell in read(pristine(lesson)).cells if cell.cell_type == "markdown")
    text = re.sub(r"^\[.+\]: data:.*$", "", text, flags=re.MULTILINE)
    words = re.sub(r"^```.*?^```|`[^`\n]+`|\$\$.*?\$\$|\$[^$]+\$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert [line for line in words.split("\n") if re.search(LEFT_OVER, line)] == []
    for what in (r"^#+ .*", r"^ *\$\$", r"^ *>>> .*"):
        mine, theirs = (re.findall(what, each, flags=re.MULTILINE) for each in (text, page))
        assert [each.strip() for each in mine] == [each.strip() for each in theirs]
    assert text.count("<details>") == text.count("</details>") == text.count("<summary>")
    folds = len(re.findall(r"^ *\?\?\? ", page, flags=re.MULTILINE)) + page.count("/mistake-")
    assert text.count("<details>") == folds + sum(len(each.hints) + 1 for each in lesson.exercises)


@each_lesson
def test_notebook_holds_its_pictures(lesson: Lesson) -> None:
    """Each cell by itself, in a form that is shown on Colab, too."""
    page = (ROOT / "docs" / "lessons" / f"{lesson.page}.md").read_text(encoding="utf-8")
    shown = 0
    for cell in read(pristine(lesson)).cells:
        used = re.findall(r"!\[.+?\]\[(.+?)\]", cell.source, flags=re.DOTALL)
        there = dict(re.findall(r"^\[(.+)\]: data:image/(?:png|webp);base64,(.+)$", cell.source, flags=re.MULTILINE))
        assert set(used) == set(there)
        for content in there.values():
            with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
                assert min(picture.size) > 20
                assert len(picture.convert("RGB").getcolors(1 << 20) or []) > 1
        shown += len(used)
    assert shown == page.count("docs/parts/figures/")


def test_links_lead_to_the_site_where_one_is_known() -> None:
    words = "[how](../how.md#look), [next](02-forward-noising.md), [`here`](#top), [paper](https://arxiv.org/abs/1)"
    assert linked(words, "") == "how, next, `here`, [paper](https://arxiv.org/abs/1)"
    assert linked(words, "https://a.org/b/") == (
        "[how](https://a.org/b/how.html#look), [next](https://a.org/b/lessons/02-forward-noising.html), `here`, "
        "[paper](https://arxiv.org/abs/1)"
    )


def test_folds_in_folds() -> None:
    lines = ["a", '??? note "`x` \\[1\\] < 2"', "", "    b", "", '    ??? note "In"', "", "        c", "", "d"]
    html = "\n".join(unfolded(lines))
    assert "<summary><code>x</code> [1] &lt; 2</summary>\n\nb\n" in html
    assert re.sub(r"\s+", " ", html).endswith("<summary>In</summary> c </details> </details> d")


# --- cells and files -------------------------------------------------------------------------------------------------


@each_lesson
def test_cells_make_the_file_and_the_file_the_cells(lesson: Lesson) -> None:
    """Byte for byte, in both directions."""
    source, reference = stub(lesson), reference_source(lesson)
    for exercise in lesson.exercises:
        text = taken(reference, exercise.name)
        source = put(source, lesson, exercise, text)
        assert taken(source, exercise.name) == text
        assert put(source, lesson, exercise, text) == source
    assert source == reference


def test_a_method_may_stand_in_its_class() -> None:
    exercise = FIRST.exercise("NoiseSchedule.from_betas")
    text = taken(reference_source(FIRST), exercise.name)
    in_class = "class NoiseSchedule:\n" + "\n".join(f"    {line}".rstrip() for line in text.split("\n"))
    assert put(stub(FIRST), FIRST, exercise, in_class) == put(stub(FIRST), FIRST, exercise, text)


def test_what_stands_beside_it_comes_along() -> None:
    """Once, however often the cell is run; and what replaces it takes its place."""
    cell = "import itertools\nfrom torch import nn, Tensor\n\nHALF = 2\n"
    cell += "\ndef half(x):\n    # a half\n    return x / HALF\n"
    cell += "\n# my own\ndef cosine_betas(T, offset=0.008):\n    return half(T)\n    # the end\n"
    source = put(put(stub(FIRST), FIRST, COSINE, cell), FIRST, COSINE, cell)
    for line in cell.split("\n"):
        assert not line or line in stub(FIRST) or source.count(line) == 1, line
    assert source.index("def half") < source.index("# my own\ndef cosine_betas")
    other = put(source, FIRST, COSINE, cell.replace("x / HALF", "x // HALF").replace("# a half", "# another"))
    assert other == source.replace("x / HALF", "x // HALF").replace("# a half", "# another")


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("def cosine(T):\n    return T", "there is no def cosine_betas in this cell"),
        ("def cosine_betas(T):\n    return T\nprint(cosine_betas(3))", r"line 4 here, print.* is no part of"),
        ("def linear_betas(T):\n    pass\ndef cosine_betas(T):\n    return T", "linear_betas is an exercise"),
        ("class NoiseSchedule:\n    x = 1\ndef cosine_betas(T):\n    return T", "from_betas is an exercise"),
    ],
)
def test_cells_that_are_not_taken(cell: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        put(stub(FIRST), FIRST, COSINE, cell)


def test_what_is_written_is_never_lost(course: Path) -> None:
    file, right = course / "lessons" / "01" / "schedule.py", taken(reference_source(FIRST), COSINE.name)
    file.write_bytes(reference_source(FIRST).replace("\n", "\r\n").encode())
    says = magic.write(course, FIRST, COSINE, taken(stub(FIRST), COSINE.name))
    assert "left alone" in says
    assert magic.write(course, FIRST, COSINE, right) == ""
    assert file.read_bytes() == reference_source(FIRST).replace("\n", "\r\n").encode()
    assert "is kept in lessons/01/replaced/" in magic.write(course, FIRST, COSINE, right.replace("** 2  #", "** 3  #"))
    [kept] = (course / "lessons" / "01" / "replaced").iterdir()
    assert kept.read_bytes() == reference_source(FIRST).replace("\n", "\r\n").encode()
    assert file.read_bytes() == kept.read_bytes().replace(b"** 2  # one", b"** 3  # one")


@pytest.mark.parametrize(
    ("file", "cell", "says"),
    [
        (stub(FIRST), "x = 1\ndef cosine_betas(:", "in this cell, line 3\n    def cosine_betas\\(:"),
        ("def (", "def cosine_betas(T): return 1", "in lessons/01/schedule.py, line 1"),
        (DEEP, "def cosine_betas(T): return 1", "nested too deeply for Python, in lessons/01/schedule.py"),
    ],
    ids=["the cell", "the file", "too deep"],
)
def test_what_is_no_python_changes_nothing(course: Path, file: str, cell: str, says: str) -> None:
    (course / "lessons" / "01" / "schedule.py").write_text(file)
    with pytest.raises(ValueError, match=says):
        magic.write(course, FIRST, COSINE, cell)
    assert (course / "lessons" / "01" / "schedule.py").read_text() == file


def test_the_cell_s_line_stands_beside_the_file_s(course: Path) -> None:
    cell = f"import math\n\n{taken(reference_source(FIRST), COSINE.name)}"
    magic.write(course, FIRST, COSINE, cell)
    number = (course / "lessons/01/schedule.py").read_text().split("\n").index("    _check_steps(T)") + 1
    here = cell.split("\n").index("    _check_steps(T)") + 2
    said = magic.in_cell(f"lessons/01/schedule.py:{number}: in, lessons/01/schedule.py:1", course, FIRST, COSINE, cell)
    assert said == f"lessons/01/schedule.py:{number} (line {here} here): in, lessons/01/schedule.py:1"


@pytest.mark.parametrize(
    ("line", "found"),
    [("cosine_betas", "01 cosine_betas"), ("from_betas", "01 NoiseSchedule.from_betas"), ("3", "03 None"),
     ("07 forward", "07 ConditionalUNet.forward")],
)  # fmt: skip
def test_exercises_are_found(line: str, found: str) -> None:
    lesson, exercise = magic.find(line)
    assert f"{lesson.number} {exercise and exercise.name}" == found


@pytest.mark.parametrize("line", ["", "nothing", "forward", "99", "01 nothing"])
def test_exercises_that_are_not_there(line: str) -> None:
    with pytest.raises(UsageError, match=r"expected one of|which of|no exercise|no lesson"):
        magic.find(line)


def test_a_file_s_work_comes_into_a_cell(course: Path, shell: InteractiveShell) -> None:
    solved(course, FIRST)
    shell.run_cell("%exercise from_betas")
    text = taken(reference_source(FIRST), "NoiseSchedule.from_betas")
    assert shell.rl_next_input == f"%%exercise NoiseSchedule.from_betas\n{text}"


def test_a_check_gives_the_time_that_its_message_names(
    course: Path, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    file = course / commands.file_of(FIRST)
    endless = "def cosine_betas(T, s=0.008):\n    while True:\n        pass\n"
    file.write_text(put(file.read_text(), FIRST, COSINE, endless))
    shell.run_cell("%check cosine_betas --time-limit 1")
    assert "still running after 1 s: an endless loop? (Or a slow machine: --time-limit 3)" in capsys.readouterr().out


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance(history_length=0)
    shell.run_line_magic("load_ext", "cdm_tutor")
    yield shell
    InteractiveShell.clear_instance()


def test_files_in_the_way_of_a_course_are_left_alone(anywhere: Path) -> None:
    (anywhere / "pytest.ini").write_text("mine")
    with pytest.raises(UsageError, match=r"pytest\.ini is there already"):
        magic.home()
    assert [path.name for path in anywhere.iterdir()] == ["pytest.ini"]


# --- the command -----------------------------------------------------------------------------------------------------


def test_a_notebook_takes_what_is_written(course: Path, tutor: Tutor) -> None:
    solved(course, FIRST)
    assert tutor("notebook", "1") == (0, "Wrote 01-noise-schedule.ipynb\n", "")
    path = course / "01-noise-schedule.ipynb"
    text = path.read_text()
    assert taken(reference_source(FIRST), "cosine_betas") in "\n".join(cell.source for cell in read(text).cells)
    assert "nothing to do" in tutor("notebook", "1")[1]
    path.write_text("what I wrote in it")
    assert "the one that was there is kept as 01-noise-schedule.ipynb.2" in tutor("notebook", "1")[1]
    [kept] = course.glob("*.bak")
    assert (kept.read_text(), path.read_text()) == ("what I wrote in it", text)


@pytest.mark.parametrize("file", ["def (", DEEP], ids=["broken", "too deep"])
def test_a_notebook_of_a_file_that_is_no_python_is_as_at_the_start(file: str, course: Path, tutor: Tutor) -> None:
    (course / commands.file_of(FIRST)).write_text(file)
    assert tutor("notebook", "schedule", "new/folder")[0] == 0
    assert (course / "new" / "folder" / "01-noise-schedule.ipynb").read_text() == make(FIRST)


def test_without_nbformat_one_line_says_what_to_do(
    anywhere: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("cdm_tutor.course.notebooks.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("cdm_tutor.course.notebooks.make")
    monkeypatch.setitem(sys.modules, "nbformat", None)
    code, _, said = tutor("notebook", "1")
    assert (code, said) == (2, "cdm-tutor: nbformat is not installed: pip install 'cdm-tutor[notebook]'\n")


# --- notebooks that are run ------------------------------------------------------------------------------------------


def executed(text: str, folder: Path, leave_out: str = "never") -> dict[str, str]:
    """Run a notebook in a folder; what each code cell said, by its id, with <image> for a picture."""
    notebook = read(text)
    notebook.cells = [cell for cell in notebook.cells if not re.match(leave_out, cell.id)]
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    said = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert not [each for each in cell.outputs if each.output_type == "error"], cell.source
            said[cell.id] = "".join(
                each.text if each.output_type == "stream" else "<image>" * ("image/png" in each.get("data", {}))
                for each in cell.outputs
            )
    return said


def id_of(name: str) -> str:
    return re.sub(r"\W", "-", name)


@pytest.mark.long(but_each=len(LESSONS))
@each_lesson
def test_pristine_notebook_says_not_written(lesson: Lesson, anywhere: Path) -> None:
    said = executed(make(lesson), anywhere, "never" if lesson == FIRST else "exercise")
    for exercise in lesson.exercises:
        for cell in ("exercise", "check") if lesson == FIRST else ("check",):
            assert re.search(rf"{exercise.name} +not written yet", said[f"{cell}-{id_of(exercise.name)}"])
    assert f"0 of {len(lesson.exercises)} exercises" in said["check-all"]
    assert "<image>" not in "".join(said.values())
    assert (anywhere / commands.file_of(lesson)).read_text() == stub(lesson)


@pytest.mark.long(but_each=len(LESSONS))
@each_lesson
def test_solved_notebook_passes_and_writes_the_file(
    lesson: Lesson, course: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """From a file to a notebook, and from the notebook to a file elsewhere, where there is no course yet."""
    solved(course, lesson)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    said = executed(make(lesson, course), elsewhere, "never" if lesson == FIRST else "check-(?!all)")
    for name, text in said.items():
        assert name == "setup" or text.endswith("<image>"), name
    for exercise in lesson.exercises:
        assert re.search(rf"{exercise.name} +passed\n", said[f"exercise-{id_of(exercise.name)}"])
    count = len(lesson.exercises)
    assert f"{count} of {count} exercises" in said["check-all"]
    assert (elsewhere / commands.file_of(lesson)).read_text() == reference_source(lesson)
    assert make(lesson, elsewhere) == make(lesson, course)


# --- in JupyterLab ---------------------------------------------------------------------------------------------------


@pytest.fixture
def jupyterlab(course: Path) -> Iterator[str]:
    """JupyterLab, started in a course that has the first notebook; its address."""
    if not find_spec("jupyterlab"):
        pytest.skip("JupyterLab is not installed: make jupyterlab")
    (course / "01-noise-schedule.ipynb").write_text(make(FIRST), encoding="utf-8")
    settings = course / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')  # all cells are there
    environment = {**os.environ, "JUPYTERLAB_SETTINGS_DIR": str(course / "settings"), "HOME": str(course)}
    options = ["--no-browser", "--allow-root", "--ServerApp.port=0", "--IdentityProvider.token=", "--LabApp.news_url="]
    quiet = "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate"
    log = course / "jupyterlab.log"
    with log.open("w") as out:
        command = [sys.executable, "-m", "jupyterlab", *options, quiet]
        server = subprocess.Popen(command, cwd=course, env=environment, stdout=out, stderr=out)
    deadline = time.monotonic() + 300
    while not (found := re.search(r"http://127\.0\.0\.1:\d+/lab", log.read_text())):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    yield found[0]
    server.terminate()
    server.wait(60)


def write_and_run(tab: "Page", cell: "Locator", text: str) -> None:
    cell.locator(".cm-content").click()
    tab.keyboard.press("Control+A")
    tab.keyboard.insert_text(text)
    tab.keyboard.press("Shift+Enter")


@pytest.mark.browser
def test_an_exercise_in_jupyterlab(jupyterlab: str, course: Path) -> None:
    """Written wrong, checked, mended, checked, and its picture seen; then it is in the file."""
    from playwright.sync_api import sync_playwright

    right = taken(reference_source(FIRST), COSINE.name)
    mistaken = taken(patched(reference_source(FIRST), find_mistake("cosine-not-squared")[1].patch), COSINE.name)
    with sync_playwright() as playwright, playwright.chromium.launch(executable_path=CHROMIUM) as browser:
        tab = browser.new_page(viewport={"width": 1280, "height": 1400})
        tab.set_default_timeout(180_000)
        tab.goto(f"{jupyterlab}/tree/01-noise-schedule.ipynb")
        tab.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()  # the kernel is there
        setup = tab.locator(".jp-CodeCell").first
        for _ in range(40):  # while the page is built, what is typed goes nowhere
            if setup.get_by_text(re.compile(r"\[\d+\]:")).count():
                break
            setup.locator(".cm-content").click()
            tab.keyboard.press("Shift+Enter")
            tab.wait_for_timeout(3_000)
        cell = tab.locator(".jp-CodeCell", has_text="%%exercise cosine_betas")
        write_and_run(tab, cell, f"%%exercise cosine_betas\n{mistaken}")
        output = cell.locator(".jp-OutputArea")
        output.get_by_text("It behaves like a known mistake: the cosine is not squared").wait_for()
        output.get_by_text("differs, first at t = 0").wait_for()
        write_and_run(tab, cell, f"%%exercise cosine_betas\n{right}")
        output.get_by_text(re.compile("cosine_betas +passed")).wait_for()
        picture = output.locator("img")
        picture.wait_for()
        tab.wait_for_function("image => image.naturalWidth > 500", arg=picture.element_handle())
        pictures = "[...document.querySelectorAll('.jp-MarkdownOutput img')]"
        assert tab.evaluate(f"{pictures}.length") > 10
        assert tab.evaluate(f"{pictures}.filter(each => !each.naturalWidth).map(each => each.alt)") == []
        assert tab.locator(".jp-MarkdownOutput details").count() > 10
        assert tab.locator(".jp-MarkdownOutput mjx-container, .jp-MarkdownOutput .MathJax").count() > 20
    assert taken((course / commands.file_of(FIRST)).read_text(), COSINE.name) == right
