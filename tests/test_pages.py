"""The course's pages on the learner's machine: unpacked, found, opened; and the addresses that lead there."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdm_tutor import export, hyperlinks, pages
from cdm_tutor.course.explain import recognised
from cdm_tutor.course.mistakes import find_mistake

Tutor = Callable[..., tuple[int, str, str]]
PLACE = "clinic/01.html#cosine-not-squared"
SAID = "  on the site:  "


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a clone whose site is built, nor a wheel, nor a published site; nor a browser."""
    monkeypatch.setattr(pages, "CLONE", tmp_path / "clone")
    monkeypatch.setattr(pages, "ARCHIVE", tmp_path / "package" / "site.tar.xz")
    monkeypatch.setattr(pages, "published", lambda: "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache of mine"))
    for name in ("SSH_CONNECTION", "SSH_TTY", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """One whose site is built."""
    (tmp_path / "clone" / "site" / "clinic").mkdir(parents=True)
    for page in ("index.html", "clinic/01.html"):
        (tmp_path / "clone" / "site" / page).write_text(page)
    return tmp_path / "clone"


@pytest.fixture
def wheel(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archive of an installed wheel, with one network in the place of all."""
    (clone / "site" / "live").mkdir()
    archive = shutil.make_archive(str(pages.ARCHIVE).removesuffix(".tar.xz"), "xztar", clone, "site")
    shutil.rmtree(clone)
    monkeypatch.setattr(export, "weights_scripts", lambda: iter([("mnist", "// a network")]))
    return Path(archive)


def folder_of(address: str) -> str:
    return address.removeprefix("file://").removesuffix("/index.html").replace("%20", " ")


def test_without_a_site_an_address_is_a_place_on_it() -> None:
    _, mistake = find_mistake("cosine-not-squared")
    assert recognised(mistake).endswith(f"\n{SAID}{PLACE}")


def test_address_in_a_clone(clone: Path) -> None:
    _, mistake = find_mistake("cosine-not-squared")
    assert pages.address(PLACE) == f"{(clone / 'site').as_uri()}/{PLACE}"
    assert recognised(mistake).endswith(f"\n{SAID}{(clone / 'site').as_uri()}/{PLACE}")


@pytest.mark.parametrize("site", ["https://example.org/course/", "https://example.org/course"])
def test_address_where_it_is_published(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "published", lambda: site)
    assert pages.address(PLACE) == f"https://example.org/course/{PLACE}"


def test_what_is_published_is_in_the_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = tmp_path / "cdm_tutor-0.dist-info"
    found.mkdir()
    text = "Metadata-Version: 2.1\nName: cdm-tutor\nVersion: 0\n"
    (found / "METADATA").write_text(
        f"{text}Project-URL: Changes, https://a.org/\nProject-URL: Documentation, https://b.org/\n"
    )
    code = "from cdm_tutor.pages import published; print(published())"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "https://b.org/\n"


def test_a_wheel_is_unpacked_once(wheel: Path, tutor: Tutor) -> None:
    assert pages.address(PLACE) == f"cdm-tutor site {PLACE}"
    code, said, _ = tutor("site", "--print")
    folder = Path(folder_of(said.strip()))
    assert (code, (folder / "index.html").read_text()) == (0, "index.html")
    assert (folder / "live" / "mnist.js").read_text() == "// a network"
    (folder / "index.html").write_text("read")
    assert tutor("site", "--print")[1] == said
    assert (folder / "index.html").read_text() == "read"
    assert pages.address(PLACE) == f"{folder.as_uri()}/{PLACE}"
    assert tutor("site", PLACE, "--print")[1] == f"{folder.as_uri()}/{PLACE}\n"


def test_another_version_takes_the_place_of_the_last(wheel: Path, tutor: Tutor) -> None:
    first = Path(folder_of(tutor("site", "--print")[1].strip()))
    wheel.write_bytes(wheel.read_bytes() + b"\0" * 4)  # padding: the same files
    second = Path(folder_of(tutor("site", "--print")[1].strip()))
    assert list(first.parent.iterdir()) == [second]


def test_unpacking_that_fails_leaves_nothing(wheel: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError("no space left")

    monkeypatch.setattr(export, "weights_scripts", full)
    assert tutor("site")[::2] == (2, "cdm-tutor: no space left\n")
    assert not list(pages.unpacked().parent.iterdir())


def test_what_is_missing_is_said_in_a_line(tmp_path: Path, tutor: Tutor) -> None:
    assert tutor("site") == (
        2,
        "",
        "cdm-tutor: the site is not built: in a clone, make dist builds a package that holds it, into dist/\n",
    )
    (tmp_path / "clone").mkdir()
    (tmp_path / "clone" / "mkdocs.yml").touch()
    assert tutor("site") == (2, "", "cdm-tutor: the site is not built: make docs\n")


def test_a_page_that_is_none(clone: Path, tutor: Tutor) -> None:
    code, _, error = tutor("site", "clinic/1.html")
    assert (code, error.count("\n")) == (2, 1)
    assert "the site has no page clinic/1.html" in error


def test_it_is_opened_where_there_is_a_browser(clone: Path, tutor: Tutor, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[str] = []

    def launch(place: str) -> int:
        launched.append(place)
        return 0

    monkeypatch.setattr("typer.launch", launch)
    address = f"{(clone / 'site').as_uri()}/index.html"
    monkeypatch.setattr(sys, "platform", "linux")
    assert tutor("site")[:2] == (0, f"There is no browser here: open {address} yourself\n")
    monkeypatch.setenv("DISPLAY", ":0")
    assert tutor("site")[:2] == (0, f"Opened {address}\n")
    monkeypatch.setenv("SSH_CONNECTION", "here there")
    assert tutor("site")[:2] == (0, f"There is no browser here: open {address} yourself\n")
    assert launched == [address]


def test_doctor_says_where_the_pages_are(clone: Path, tutor: Tutor) -> None:
    assert f"ok  pages          {(clone / 'site').as_uri()}/index.html" in tutor("doctor")[1]
    shutil.rmtree(clone / "site")
    assert "make docs   (then cdm-tutor site opens them)" in tutor("doctor")[1]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_links_only_where_they_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    text = "See file:///a%20b/clinic.html#noise. Or https://example.org/x, or clinic.html#noise"
    terminal, file = Terminal(), io.StringIO()
    hyperlinks.say(text, terminal)
    hyperlinks.say(text, file)
    assert file.getvalue() == f"{text}\n"
    link = "\033]8;;{0}\033\\{0}\033]8;;\033\\".format
    assert terminal.getvalue() == (
        f"See {link('file:///a%20b/clinic.html#noise')}. Or {link('https://example.org/x')}, or clinic.html#noise\n"
    )
    monkeypatch.setenv("TERM", "dumb")
    dumb = Terminal()
    hyperlinks.say(text, dumb)
    assert dumb.getvalue() == file.getvalue()
