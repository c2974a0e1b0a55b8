"""How long a lesson takes, from its page and its exercises, by rates that are written down here and nowhere else.

The main path is what is read and done before the section "Common mistakes", without what is folded. What is folded
says in its title how long it takes: "With a pencil: one step to all of them (6 minutes)".
"""

import re
from dataclasses import dataclass

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from workshop.heads import below, lesson_page
from workshop.tables import table

WORDS = 130.0  # read in a minute, by somebody whose second language is English, of text that explains
FORMULA = 0.5  # minutes, for one on a line of its own
CODE = 0.1  # minutes, for a line of it
PICTURE = 0.3  # minutes

MOST_WORDS = 2200  # of a lesson's main path
MOST_MINUTES = 50
MOST_WORDS_BEFORE = 300  # an exercise
MOST_TYPED = 0.25  # share of the exercises that write down a given formula
ALL_MINUTES = 360  # of the course


@dataclass(frozen=True)
class Reading:
    """What there is to read in a piece of a page."""

    words: int
    formulas: int
    lines: int
    pictures: int

    @property
    def minutes(self) -> float:
        """How long it takes."""
        return self.words / WORDS + self.formulas * FORMULA + self.lines * CODE + self.pictures * PICTURE


def page(lesson: Lesson) -> str:
    """The source of a lesson's page, without its head."""
    return below(lesson_page(lesson).read_text(encoding="utf-8"))


def main_path(text: str) -> str:
    """What stands on a page before the common mistakes, without what is folded."""
    text = text.split("\n## Common mistakes")[0]
    return re.sub(r"^(?:\?\?\?)[^\n]*\n(?:(?: {4}[^\n]*)?\n)*", "", text, flags=re.MULTILINE)


def read(text: str) -> Reading:
    """Count what there is to read."""
    code = re.findall(r"^```.*?^```", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    formulas = re.findall(r"^\$\$.*?^\$\$", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^\$\$.*?^\$\$", "", text, flags=re.MULTILINE | re.DOTALL)
    pictures = re.findall(r"docs/parts/figures/", text)
    text = re.sub(r"^--8<--.*$|<[^>]+>|\{[^}]*\}|\]\([^)]*\)", " ", text, flags=re.MULTILINE)
    words = re.findall(r"\w[\w'-]*", text)
    return Reading(len(words), len(formulas), sum(block.count("\n") - 1 for block in code), len(pictures))


def steps(lesson: Lesson) -> dict[str, Reading]:
    """What there is to read before each exercise: from the one before, or for the first from "## 1. ..." on.

    Raises:
        ValueError: if an exercise is not on the page, or not in its place.
    """
    text, found = main_path(page(lesson)), {}
    text = text[text.find("\n## 1. ") :]
    for exercise in lesson.exercises:
        before, part, text = text.partition(f'--8<-- "docs/parts/{lesson.number}/{exercise.name}.md"')
        if not part:
            raise ValueError(f"the page of lesson {lesson.number} has no {exercise.name}, or not in its place")
        found[exercise.name] = read(before)
    return found


def minutes(lesson: Lesson) -> int:
    """How long a lesson's main path takes, in steps of five minutes."""
    found = read(main_path(page(lesson))).minutes + sum(each.minutes for each in lesson.exercises)
    return max(5, 5 * round(found / 5))


def first_picture(lesson: Lesson) -> float:
    """After how many minutes the first exercise is written, and can be seen."""
    first = lesson.exercises[0]
    before, _, _ = main_path(page(lesson)).partition(f'--8<-- "docs/parts/{lesson.number}/{first.name}.md"')
    return read(before).minutes + first.minutes


def time_part(lesson: Lesson) -> str:
    """How long a lesson takes, for its page."""
    return f"**Time** about {minutes(lesson)} minutes.\n"


def lengths_part() -> str:
    """A table of what the lessons ask."""
    rows, total = [], 0
    for lesson in LESSONS:
        words, typed = read(main_path(page(lesson))).words, sum(each.typed for each in lesson.exercises)
        most, count = max(step.words for step in steps(lesson).values()), len(lesson.exercises)
        rows.append([lesson.heading, str(words), str(most), str(count), str(typed), str(minutes(lesson))])
        total += minutes(lesson)
    rows.append(["all", "", "", "", "", str(total)])
    head = ["lesson", "words of the main path", "most before an exercise", "exercises", "of them typed", "minutes"]
    return table(head, rows) + "\n"
