"""The page for the teacher: who stands where, what is commonest, what to look at. One file, which asks no host."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.summary import BORROWS
from cdm_tutor.grading.grades import (
    MISSING,
    NO_VERDICT,
    NOT_WRITTEN,
    PASSED,
    SKIPPED,
    WRONG,
    mistakes,
    unfinished,
)
from cdm_tutor.grading.reports import Report, to_look_at

SIGNS = {PASSED: "✓", WRONG: "✗", NOT_WRITTEN: "○", BORROWS: "!", NO_VERDICT: "?", SKIPPED: "-", MISSING: ""}
SHOWN = 10  # rows of what is commonest


def page(report: Report) -> str:
    """The page, as HTML."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    graded = [one for one in report.graded if not one.problem]
    return environment.get_template("class.html").render(
        report=report,
        graded=graded,
        problems=[one for one in report.graded if one.problem],
        signs=SIGNS,
        unfinished=unfinished(graded)[:SHOWN],
        mistakes=[(find_mistake(name), count) for name, count in mistakes(graded)[:SHOWN]],
        to_look_at=to_look_at,
        looked_at=[one for one in graded if to_look_at(one)],
    )
