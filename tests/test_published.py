"""What follows from the two addresses in mkdocs.yml; and that all does without them."""

import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mkdocs.utils.yaml import yaml_load

from workshop import heads, published

ROOT = Path(__file__).parent.parent
SITE, REPOSITORY = "https://course.example/sub/", "https://github.com/someone/a-course"
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with both addresses."""
    folder = tmp_path_factory.mktemp("published") / "sub"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "SITE_URL": SITE, "REPO_URL": REPOSITORY}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITE_URL", SITE)
    monkeypatch.setenv("REPO_URL", f"{REPOSITORY}/")


@pytest.fixture
def no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SITE_URL", "REPO_URL"):
        monkeypatch.delenv(name, raising=False)


def pages(site: Path) -> dict[str, str]:
    found = {path.relative_to(site).as_posix(): path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    return {name: html for name, html in found.items() if name != "404.html"}


def test_sitemap_has_every_page(site: Path) -> None:
    listed = re.findall(r"<loc>(.*)</loc>", (site / "sitemap.xml").read_text(encoding="utf-8"))
    assert sorted(listed) == sorted(SITE + name for name in pages(site))


def test_shared_links_show_a_card(site: Path) -> None:
    assert (site / "site" / "social.png").is_file()
    for name, html in pages(site).items():
        assert f'<meta property="og:image" content="{SITE}site/social.png">' in html, name
        assert f'<meta property="og:url" content="{SITE}{name}">' in html or name == "index.html", name


def test_every_page_can_be_edited(site: Path) -> None:
    """Each links to a file that the repository has: those that are made, to what they are made from."""
    for name, html in pages(site).items():
        link = re.search(rf'href="{REPOSITORY}/edit/main/([^"]*)"[^>]*rel="edit"', html)
        assert link, name
        ignored = subprocess.run(["git", "check-ignore", "-q", link[1]], cwd=ROOT, check=False).returncode == 0
        assert (ROOT / link[1]).is_file(), link[1]
        assert not ignored, f"{name}: {link[1]} is made, and is not in the repository"


def test_repository_is_named_where_it_is_needed(site: Path) -> None:
    found = pages(site)
    assert all(f'href="{REPOSITORY}"' in html for html in found.values())
    assert f"git clone {REPOSITORY}" in re.sub(r"<[^>]+>", "", found["index.html"])
    assert f'href="{REPOSITORY}/issues"' in found["about.html"]
    assert f"{{{REPOSITORY}}}" in re.sub(r"<[^>]+>", "", found["about.html"])


def test_a_page_that_is_not_there_is_in_the_sites_style(site: Path) -> None:
    """Wherever under the sub-path it was asked for."""
    links = re.findall(r'<(?:link|script|img)[^>]* (?:href|src)="([^"]*)"', (site / "404.html").read_text())
    own = [link for link in links if not link.startswith(("data:", SITE))]
    assert any(link.endswith(".css") for link in own)
    assert [link for link in own if not (link.startswith("/sub/") and (site.parent / link[1:]).exists())] == []


@pytest.mark.browser
def test_published_site_asks_no_other_host(site: Path) -> None:
    """Nor does the link to the repository, which the theme lets count who likes it."""
    from playwright.sync_api import sync_playwright

    class AsAForgeDoes(SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            found = super().translate_path(path)
            return found if Path(found).exists() else str(site / "404.html")

        def log_message(self, *_: object) -> None:
            pass

    foreign: list[str] = []
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), partial(AsAForgeDoes, directory=str(site.parent))) as server,
        sync_playwright() as playwright,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{server.server_port}/"
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page()
        tab.on("request", lambda request: foreign.append(request.url) if here not in request.url else None)
        for name in ("index.html", "lessons/01-noise-schedule.html"):
            tab.goto(f"{here}sub/{name}", wait_until="networkidle")
            assert tab.locator(".md-header .md-source").is_visible()
        tab.goto(f"{here}sub/lessons/is/not/there", wait_until="networkidle")
        assert tab.locator("h1").inner_text() == "404 - Not found"
        assert tab.locator(".md-header").evaluate("each => getComputedStyle(each).position") == "sticky"
        server.shutdown()
    assert [url for url in foreign if not url.startswith(("data:", "blob:"))] == []


@pytest.mark.usefixtures("addresses")
def test_addresses_reach_what_is_made() -> None:
    assert published.clone() == f"```sh\ngit clone {REPOSITORY}\ncd a-course\n```"
    assert yaml_load(published.citation())["repository-code"] == REPOSITORY
    assert yaml_load(published.citation())["url"] == SITE.rstrip("/")


@pytest.mark.usefixtures("no_addresses")
def test_without_addresses_there_are_words() -> None:
    assert "Clone the repository with git" in published.clone()
    assert not re.search(r"https?:|None", "".join(published.parts().values()))
    assert not {"repository-code", "url"} & yaml_load(published.citation()).keys()


@pytest.mark.parametrize("repository", ["", REPOSITORY])
def test_the_index_of_packages_shows_the_same_addresses(repository: str, tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    environment = {**os.environ, "SITE_URL": "", "REPO_URL": repository}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    facts = next(tmp_path.glob("*/PKG-INFO")).read_text(encoding="utf-8")
    shown = dict(re.findall(r"^Project-URL: (\w+), (.*)$", facts, re.MULTILINE))
    assert shown == ({"Repository": REPOSITORY, "Issues": f"{REPOSITORY}/issues"} if repository else {})


def test_changelog_knows_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", published.released())
    monkeypatch.setattr(published, "__version__", "999.0.0")
    with pytest.raises(ValueError, match=r"no heading .## 999\.0\.0"):
        published.released()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_issue_templates_have_what_a_form_needs(path: Path) -> None:
    form = yaml_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        assert form.keys() == {"blank_issues_enabled"}
        return
    assert {"name", "description", "body"} <= form.keys()
    fields = form["body"]
    assert {each["type"] for each in fields} <= {"input", "textarea"}
    assert all(each["attributes"]["label"] for each in fields)
    assert len({each["id"] for each in fields}) == len(fields)


def test_a_head_is_put_in_the_place_of_another() -> None:
    page = heads.head("A: one", 'says "this"', "a/file.py") + "# A\n\n---\n\nbelow a line\n"
    assert yaml_load(page.split("---")[1]) == {"title": "A: one", "description": 'says "this"', "source": "a/file.py"}
    assert heads.below(page) == "# A\n\n---\n\nbelow a line\n"
    assert heads.below(heads.below(page)) == heads.below(page)
