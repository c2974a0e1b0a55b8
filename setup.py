"""What pyproject.toml cannot say: a wheel also holds the lessons' tests, which `cdm-tutor init` writes for those who
have no clone, and the course's pages, which `cdm-tutor site` opens. In the repository the tests lie in lessons/ only,
and the pages are made from docs/. It does not hold the workshop, which makes the repository. And the addresses that its
page in an index shows are those of mkdocs.yml.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

WITHOUT = "WITHOUT_SITE"  # of the environment: makes a wheel in a second, whose site command opens nothing


class WithLessons(build_py):
    """Pack conftest.py and lessons/*/test_*.py into cdm_tutor/course/packed, and the site; leave out the workshop."""

    def finalize_options(self) -> None:
        super().finalize_options()
        if not self.editable_mode:
            self.packages = [name for name in self.packages if name.split(".")[0] != "workshop"]

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # runs from the repository, which has them
            return
        for file in [Path("conftest.py"), *sorted(Path("lessons").glob("*/test_*.py"))]:
            packed = Path(self.build_lib, "cdm_tutor", "course", "packed", file)
            packed.parent.mkdir(parents=True, exist_ok=True)
            self.copy_file(str(file), str(packed))
        if WITHOUT not in os.environ:
            pack_site(Path(self.build_lib, "cdm_tutor", "site.tar.xz"))


def pack_site(archive: Path) -> None:
    """Build the site with what is installed here: it runs the package, so that torch is needed, too.

    Raises:
        SetupError: if something is missing, or the site cannot be built.
    """
    missing = [name for name in ("mkdocs", "torch") if find_spec(name) is None]
    if not Path("mkdocs.yml").is_file():
        missing.insert(0, "mkdocs.yml")
    if missing:
        raise SetupError(
            f"A wheel holds the course's pages, and to build them {' and '.join(missing)} is missing here. In a clone: "
            f"make dist. For one without pages, set {WITHOUT}=1; to work in the clone, pip install -e ."
        )
    done = subprocess.run([sys.executable, "-m", "workshop.packing", str(archive.resolve())], check=False)
    if done.returncode:
        raise SetupError(f"The course's pages could not be built: see above. Without them: {WITHOUT}=1")


def addresses() -> dict[str, str]:
    """Where the course is published: what is set in the environment, or else in mkdocs.yml; nothing if neither is."""
    text, found = Path("mkdocs.yml").read_text(encoding="utf-8"), {}
    for name, key in (("Course", "site_url"), ("Repository", "repo_url")):
        line = re.search(rf'^{key}:.*"(.*)"', text, re.MULTILINE)
        found[name] = os.environ.get(key.upper()) or (line[1] if line else "")
    if found["Repository"]:
        found["Issues"] = f"{found['Repository'].rstrip('/')}/issues"
    return {name: address for name, address in found.items() if address}


setup(cmdclass={"build_py": WithLessons}, project_urls=addresses())
