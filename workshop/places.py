"""Where things are in the repository."""

from pathlib import Path

from cdm_tutor.course.lesson import Lesson

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PARTS = DOCS / "parts"  # what pages include
PICTURES = DOCS / "pictures"
ASSETS = ROOT / "cdm_tutor" / "assets"
RESULTS = ROOT / "benchmarks" / "results"


def page_of(lesson: Lesson) -> str:
    """The name of a lesson's page."""
    return f"{lesson.page}.md"
