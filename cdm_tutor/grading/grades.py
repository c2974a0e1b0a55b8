"""How a submission stands: a state for each exercise, its points, and what a teacher may want to look at."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.summary import BORROWS, DOES_NOT_LOAD, NOT_TRIED, TOGETHER
from cdm_tutor.grading.points import Points

PASSED, WRONG, NOT_WRITTEN, SKIPPED = "passed", "wrong", "not written", "skipped"
NO_VERDICT = "no verdict"  # it ended its process, had to be stopped, or changed what is compared with
MISSING = "no file"
STATES = (PASSED, WRONG, NOT_WRITTEN, BORROWS, NO_VERDICT, SKIPPED, MISSING)


@dataclass(frozen=True)
class Said:
    """What became of one test, as it comes from the process that examined it.

    Attributes:
        about: the exercise; "" for all together.
        outcome, text, detail, spoiled: as of a Verdict.
        mistake: the name of the known mistake that it looks like, or "".
    """

    about: str
    outcome: str
    text: str = ""
    detail: str = ""
    spoiled: str = ""
    mistake: str = ""


@dataclass
class Grade:
    """How one exercise stands.

    Attributes:
        lesson: its number.
        exercise: its name, or "all together".
        state: one of STATES.
        points, of: what it gives, and what it could.
        text: what was wrong, as its writer would read it.
        mistake: the name of a known mistake that it behaves like, or "".
        marks: what to look at; they change no points.
    """

    lesson: str
    exercise: str
    state: str
    points: float = 0.0
    of: float = 0.0
    text: str = ""
    mistake: str = ""
    marks: list[str] = field(default_factory=list)


@dataclass
class Graded:
    """How a submission stands.

    Attributes:
        name: whose.
        problem: why it was not graded, in a line; "" if it was.
        grades: of each exercise of each lesson.
        marks: what to look at in a file as a whole.
        seconds: how long it took.
    """

    name: str
    problem: str = ""
    grades: list[Grade] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """What it has."""
        return sum(grade.points for grade in self.grades)

    @property
    def of(self) -> float:
        """What it could have."""
        return sum(grade.of for grade in self.grades)

    @property
    def passed(self) -> int:
        """How many exercises passed."""
        return sum(grade.state == PASSED for grade in self.grades if grade.exercise != TOGETHER)


def grade(lesson: Lesson, said: Sequence[Said] | None, points: Points) -> list[Grade]:
    """The grades of a lesson, from what became of its tests; None where there is no file."""
    grades = []
    for name in (*(exercise.name for exercise in lesson.exercises), TOGETHER):
        of = points.get((lesson.number, name), 0.0 if name == TOGETHER else 1.0)
        about = "" if name == TOGETHER else name
        found = Grade(lesson.number, name, MISSING, of=of)
        if said is not None:
            its = [each for each in said if each.about == about]
            unloaded = [each for each in said if each.detail == DOES_NOT_LOAD]
            found.state, found.text, found.mistake = _state(its, unloaded)
        found.points = of if found.state == PASSED else 0.0
        grades.append(found)
    return grades


def _state(its: list[Said], unloaded: list[Said]) -> tuple[str, str, str]:
    """The state of an exercise, its first words, and a known mistake.

    It has passed if there are tests and all of them did. What did something to its examination has no verdict, whatever
    else it did.
    """
    told = [each for each in its if each.detail != NOT_TRIED] or unloaded or its
    if its and all(each.outcome == PASSED for each in its):
        return PASSED, "", ""
    for each in told:
        if each.spoiled or each.outcome == "no time":
            return NO_VERDICT, each.text, ""
    for state in (WRONG, NOT_WRITTEN, BORROWS, SKIPPED):
        those = [each for each in told if each.outcome == state]
        if those:
            mistake = next((each.mistake for each in those if each.mistake), "")
            return state, "" if state == NOT_WRITTEN else those[0].text, mistake
    return NO_VERDICT, "no test of it was run", ""


def unfinished(graded: Sequence[Graded]) -> list[tuple[tuple[str, str], int]]:
    """How many have each exercise not done, the commonest first: (lesson, exercise) and number."""
    counts = Counter(
        (grade.lesson, grade.exercise)
        for one in graded
        for grade in one.grades
        if grade.state != PASSED and grade.exercise != TOGETHER
    )
    return counts.most_common()


def mistakes(graded: Sequence[Graded]) -> list[tuple[str, int]]:
    """How many made each known mistake, the commonest first."""
    made = [{grade.mistake for grade in one.grades if grade.mistake} for one in graded]
    return Counter(name for names in made for name in sorted(names)).most_common()
