"""What pyproject.toml cannot say: a wheel also holds the lessons' tests, which `cdm-tutor init` writes for those who
have no clone; the lessons' pages, of which `cdm-tutor notebook` makes notebooks; and the course's pages as they are
read, which `cdm-tutor site` opens. In the repository all of this lies in lessons/ and docs/ only. A wheel does not hold
the workshop, which makes the repository. And the addresses that its page in an index shows are those of mkdocs.yml.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

PAGES = os.environ.get("PAGES", "")  # "yes": no wheel without the site; "no": none with it; else where it can be built


class WithLessons(build_py):
    """Pack the lessons' tests and pages into cdm_tutor/course/packed, and the site; leave out the workshop."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if not self.editable_mode:
            self.packages = [name for name in self.packages if name.split(".")[0] != "workshop"]

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # runs from the repository, which has them
            return
        for file in [Path("conftest.py"), *sorted(Path("lessons").glob("*/test_*.py")), *pages()]:
            packed = Path(self.build_lib, "cdm_tutor", "course", "packed", file)
            packed.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(file), str(packed))
        if PAGES != "no":
            pack_site(Path(self.build_lib, "cdm_tutor", "site.tar.xz"))


def pack_site(archive: Path) -> None:
    """Build the site with what is installed here: it runs the package, so that torch is needed, too.

    The bare environment in which pip builds has neither; then `cdm-tutor site` says how to get the pages.

    Raises:
        SetupError: if it cannot be built; if only something is missing, where it must be there.
    """
    missing = [name for name in ("mkdocs", "torch") if find_spec(name) is None]
    if not Path("mkdocs.yml").is_file():
        missing.insert(0, "mkdocs.yml")
    if missing:
        text = f"without the course's pages: to build them {' and '.join(missing)} is missing. In a clone: make dist"
        if PAGES == "yes":
            raise SetupError(f"No wheel {text}")
        print(f"A wheel {text}", file=sys.stderr)
        return
    if subprocess.run([sys.executable, "-m", "workshop.packing", str(archive.resolve())], check=False).returncode:
        raise SetupError("The course's pages could not be built: see above. For a wheel without them, set PAGES=no")


def addresses() -> dict[str, str]:
    """Where the course is published: what is set in the environment, or else in mkdocs.yml; nothing if neither is."""
    settings, found = Path("mkdocs.yml"), {}
    text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
    for name, key in (("Documentation", "site_url"), ("Repository", "repo_url")):
        line = re.search(rf'^{key}:.*"(.*)"', text, re.MULTILINE)
        found[name] = os.environ.get(key.upper()) or (line[1] if line else "")
    if found["Repository"]:
        found["Issues"] = f"{found['Repository'].rstrip('/')}/issues"
    return {name: address for name, address in found.items() if address}


def pages() -> Iterator[Path]:
    """The lessons' pages, the figures that they include, and the pictures of these."""
    for page in sorted(Path("docs/lessons").glob("*.md")):
        yield page
        for figure in named(page, r'--8<-- "(docs/parts/figures/.+?\.md)"'):
            yield figure
            yield from named(figure, r"\]\(\.\./(pictures/[^)\s]+)[)\s]", Path("docs"))


def named(file: Path, pattern: str, folder: Path = Path()) -> Iterator[Path]:
    """The files that a file names."""
    return (folder / name for name in re.findall(pattern, file.read_text(encoding="utf-8")))


setup(cmdclass={"build_py": WithLessons}, project_urls=addresses())
