"""What pyproject.toml cannot say: a wheel also holds the lessons' tests, which `cdm-tutor init` writes for those who
have no clone. In the repository they lie in lessons/ only. It does not hold the workshop, which makes the repository.
And the addresses that its page in an index shows are those of mkdocs.yml.
"""

import os
import re
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithLessons(build_py):
    """Pack conftest.py and lessons/*/test_*.py into cdm_tutor/course/packed; leave out the workshop."""

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
