"""What pyproject.toml cannot say: a wheel also holds the lessons' tests, which `cdm-tutor init` writes for those who
have no clone, and the lessons' pages, of which `cdm-tutor notebook` makes notebooks. In the repository they lie in
lessons/ and docs/ only. It does not hold the workshop, which makes the repository.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class WithLessons(build_py):
    """Pack the lessons' tests and pages into cdm_tutor/course/packed; leave out the workshop."""

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


def pages() -> Iterator[Path]:
    """The lessons' pages, the figures that they include, and the pictures of these; those for dark pages are not."""
    for page in sorted(Path("docs/lessons").glob("*.md")):
        yield page
        for figure in named(page, r'--8<-- "(docs/parts/figures/.+?\.md)"'):
            yield figure
            yield from named(figure, r"\]\(\.\./(pictures/[^)\s#]+)(?!#only-dark)[)\s#]", Path("docs"))


def named(file: Path, pattern: str, folder: Path = Path()) -> Iterator[Path]:
    """The files that a file names."""
    return (folder / name for name in re.findall(pattern, file.read_text(encoding="utf-8")))


setup(cmdclass={"build_py": WithLessons})
