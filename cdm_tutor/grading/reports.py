"""What comes out of grading, as files that other programs read. The page for the teacher is in page.py."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from cdm_tutor import __version__
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.summary import BORROWS
from cdm_tutor.grading.grades import MISSING, NO_VERDICT, PASSED, SKIPPED, Grade, Graded, mistakes, unfinished

NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Report:
    """A class, graded.

    Attributes:
        graded: all submissions.
        lessons: which lessons were graded.
        seed: of the random examples.
        told: what submissions were kept from.
    """

    graded: Sequence[Graded]
    lessons: Sequence[Lesson]
    seed: int
    told: str

    def write(self, folder: Path) -> None:
        """Write all files but the page into a folder.

        Raises:
            OSError: if that fails.
        """
        (folder / "results.csv").write_text(self.csv(), encoding="utf-8", newline="")
        (folder / "results.json").write_text(self.json(), encoding="utf-8")
        (folder / "junit.xml").write_bytes(self.junit())
        for place, one in self.places().items():
            path = folder / "gradescope" / place / "results.json"
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(gradescope(one), indent=2) + "\n", encoding="utf-8")

    def places(self) -> dict[str, Graded]:
        """A folder's name for each submission, that every system takes and no other submission has."""
        found: dict[str, Graded] = {}
        for one in self.graded:
            name = plain = re.sub(r"[^\w.-]+", "_", one.name).strip(".") or "_"
            number = 1
            while name.lower() in {each.lower() for each in found}:
                number += 1
                name = f"{plain}-{number}"
            found[name] = one
        return found

    def json(self) -> str:
        """All there is to know."""
        data = {
            "version": __version__,
            "seed": self.seed,
            "lessons": [lesson.number for lesson in self.lessons],
            "kept_from": self.told,
            "submissions": [{**asdict(one), "points": one.points, "of": one.of} for one in self.graded],
            "unfinished": [
                {"lesson": lesson, "exercise": exercise, "submissions": count}
                for (lesson, exercise), count in unfinished(self.graded)
            ],
            "mistakes": [{"mistake": name, "submissions": count} for name, count in mistakes(self.graded)],
        }
        return json.dumps(data, indent=2) + "\n"

    def csv(self) -> str:
        """A line for each submission: its points, and the state of each exercise."""
        columns = next(
            ([f"{each.lesson} {each.exercise}" for each in one.grades] for one in self.graded if one.grades), []
        )
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["submission", "points", "of", *columns, "look at", "not graded"])
        for one in self.graded:
            states = [each.state for each in one.grades] or [""] * len(columns)
            numbers = ["", ""] if one.problem else [f"{one.points:g}", f"{one.of:g}"]
            looked_at = "; ".join(to_look_at(one))
            writer.writerow([harmless(cell) for cell in (one.name, *numbers, *states, looked_at, one.problem)])
        return out.getvalue()

    def junit(self) -> bytes:
        """A test suite for each submission, a test case for each exercise."""
        root = ElementTree.Element("testsuites", name="cdm-tutor")
        for one in self.graded:
            suite = ElementTree.SubElement(root, "testsuite", name=clean(one.name), tests=str(len(one.grades) or 1))
            suite.set("time", f"{one.seconds:.3f}")
            if one.problem:
                case = ElementTree.SubElement(suite, "testcase", classname=clean(one.name), name="submission")
                ElementTree.SubElement(case, "error", message=clean(one.problem))
            for each in one.grades:
                _add_case(suite, one, each)
            for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                suite.set(kind, str(len(suite.findall(f"testcase/{tag}"))))
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)


def _add_case(suite: ElementTree.Element, one: Graded, grade: Grade) -> None:
    names = {"classname": clean(f"{one.name}.{grade.lesson}"), "name": grade.exercise}
    case = ElementTree.SubElement(suite, "testcase", names)
    if grade.state == PASSED:
        return
    tag = {NO_VERDICT: "error", SKIPPED: "skipped", MISSING: "skipped"}.get(grade.state, "failure")
    ElementTree.SubElement(case, tag, message=grade.state).text = clean(grade.text)


def to_look_at(one: Graded) -> list[str]:
    """What is marked in a submission, in lines."""
    found = [f"{each.lesson} {each.exercise} {BORROWS}" for each in one.grades if each.state == BORROWS]
    found += [f"{each.lesson} {each.exercise} {mark}" for each in one.grades for mark in each.marks]
    return found + one.marks


def gradescope(one: Graded) -> dict[str, Any]:
    """What Gradescope shows to a learner: no marks, which are for the teacher.

    The form: https://gradescope-autograders.readthedocs.io/en/latest/specs/
    """
    if one.problem:
        return {"score": 0.0, "output": f"Not graded: {one.problem}.", "tests": []}
    tests = [
        {
            "name": f"{each.lesson} {each.exercise}",
            "score": each.points,
            "max_score": each.of,
            "status": "passed" if each.state == PASSED else "failed",
            "output": f"{each.state}\n{each.text}".strip(),
        }
        for each in one.grades
        if each.of or each.state != SKIPPED
    ]
    return {"score": one.points, "execution_time": round(one.seconds, 1), "tests": tests}


def clean(text: str) -> str:
    """Without characters that XML cannot hold."""
    return NOT_IN_XML.sub("?", text)


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and len(cell) > 1 else cell
