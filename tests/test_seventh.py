"""A lesson is its own files and one line in the outline: a made-up one is put into a copy of the repository.

Its files lie in tests/seventh/ as they are copied. All else is then done by the commands of docs/contributing.md.
"""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from cdm_tutor.course.outline import LESSONS, MODULES

ROOT = Path(__file__).parent.parent
FILES = ROOT / "tests" / "seventh"
NUMBER = f"{len(LESSONS) + 1:02}"  # the made-up lesson comes last, however many there are
MISTAKES = re.findall('name="(.*)"', (FILES / "cdm_tutor/course/mistakes/collage.py").read_text(encoding="utf-8"))
TEST = f"lessons/{NUMBER}/test_collage.py"
MADE = {  # what the commands change, beside the outline
    "README.md", "mkdocs.yml", "workshop/clinic/seen.json", "workshop/made.json",
}  # fmt: skip
COUNTED = r"\b(six|seven|eight|nine|ten|[6-9]|\d\d) (lessons|stages)\b"

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="git lists what is copied, and this is no clone")


@cache
def listed() -> list[str]:
    """The files of the repository, those that are not committed yet as well."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if (ROOT / name).is_file()]


def run(folder: Path, *command: str, code: int = 0, source: Path | None = None) -> str:
    """What `python -m COMMAND` says in a folder, with the code of the copy, or of `source`."""
    environment = {**os.environ, "PYTHONPATH": str(source or folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode != code:
        pytest.fail(f"python {' '.join(command)} ended with {done.returncode}, not {code}:\n{said}", pytrace=False)
    return said


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository with the made-up lesson: its files, the line in the outline, and its stub."""
    folder = tmp_path_factory.mktemp("seventh") / "repository"
    for name in listed():
        put(folder / name, (ROOT / name).read_bytes())
    for path in (path for path in FILES.rglob("*.*") if path.suffix in (".py", ".md")):
        name = path.relative_to(FILES).as_posix().replace("07", NUMBER)
        assert not (folder / name).exists(), name
        put(folder / name, path.read_bytes().replace(b"07", NUMBER.encode()))
    outline, last = folder / "cdm_tutor" / "course" / "outline.py", f'    "{MODULES[-1]}",\n'
    text = outline.read_text(encoding="utf-8")
    assert text.count(last) == 1
    outline.write_text(text.replace(last, f'{last}    "collage",\n'), encoding="utf-8")
    run(folder, "-m", "cdm_tutor.course.stubs", NUMBER)
    return folder


@pytest.fixture(scope="module")
def made(copy: Path) -> Path:
    """The copy, with all that the workshop makes for the lesson."""
    clinic = [f"clinic/{name}" for name in MISTAKES]
    run(copy, "-m", "workshop", "make", *clinic, "navigation", "heads", "tables/README.md")
    return copy


def test_stub_is_not_written(copy: Path) -> None:
    said = run(copy, "-m", "pytest", f"lessons/{NUMBER}", code=1)
    assert f"lesson {NUMBER}, The collage: 0 of 2 exercises" in said
    assert f"Next: write framed in lessons/{NUMBER}/collage.py" in said
    assert "5 not written" in said


def test_reference_passes(copy: Path) -> None:
    assert "5 passed" in run(copy, "-m", "pytest", f"lessons/{NUMBER}", "--impl", "reference")


def test_mistake_is_named(copy: Path) -> None:
    said = run(copy, "-m", "pytest", f"lessons/{NUMBER}", "--impl", "mistake:row-reshaped", code=1)
    assert "It behaves like a known mistake: the numbers are read on" in said
    assert f"clinic/{NUMBER}.html#row-reshaped" in said


def test_gates_hold(made: Path) -> None:
    gates = [f"tests/test_{name}.py" for name in ("course", "clinic", "site", "wrong")]
    said = run(made, "-m", "pytest", "-q", *gates, "-k", f"{NUMBER} or outline or stubs or what_was_seen")
    assert int(re.findall(r"(\d+) passed", said)[0]) > 25, said


@pytest.mark.long
def test_site_has_its_pages(made: Path, tmp_path: Path) -> None:
    run(made, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path))
    names = (f"lessons/{NUMBER}-collage.html", f"clinic/{NUMBER}.html", "reference/collage.html")
    pages = {name: tmp_path / name for name in names}
    assert [name for name, page in pages.items() if not page.exists()] == []
    home = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert [name for name in pages if f'href="{name}" class="md-nav__link"' not in home] == []
    assert "Images side by side, to be compared in one look." in home
    clinic = pages[f"clinic/{NUMBER}.html"].read_text(encoding="utf-8")
    assert [name for name in MISTAKES if f'id="{name}"' not in clinic] == []
    assert "pictures/clinic/" not in clinic


def test_learner_is_led_to_it(copy: Path) -> None:
    assert f"{NUMBER} The collage" in run(copy, "-m", "cdm_tutor", "status")
    said = run(copy, "-m", "cdm_tutor", "hint", NUMBER)
    assert f"framed, in lessons/{NUMBER}/collage.py" in said


def test_wheel_holds_it_and_not_the_workshop(copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is packed, put where no repository is around it, makes a learner's folder with the lesson."""
    pytest.importorskip("setuptools")
    monkeypatch.setenv("PAGES", "no")
    packed = tmp_path / "packed"
    script = ["setup.py", "-q", "egg_info", "--egg-base", str(tmp_path), "build_py", "--build-lib", str(packed)]
    run(copy, *script)
    assert [path.name for path in packed.iterdir()] == ["cdm_tutor"]
    for source, folder in ((packed, "from the wheel"), (copy, "from the clone")):
        run(tmp_path, "-m", "cdm_tutor", "init", folder, source=source)
        assert (tmp_path / folder / TEST).read_bytes() == (copy / TEST).read_bytes()
        assert "NotImplementedError" in (tmp_path / folder / "lessons" / NUMBER / "collage.py").read_text()


def test_nothing_else_was_edited(made: Path) -> None:
    other = {name for name in listed() if (made / name).read_bytes() != (ROOT / name).read_bytes()}
    assert other == {"cdm_tutor/course/outline.py", *MADE}


def test_lessons_are_counted_nowhere() -> None:
    """Where six were counted; a part of something may well have three stages."""
    for name in listed():
        if name.endswith((".py", ".md", ".html", ".toml", ".yml", ".css")):
            text = (ROOT / name).read_text(encoding="utf-8")
            assert not (found := re.search(COUNTED, text, re.IGNORECASE)), f"{name}: {found[0]}"
