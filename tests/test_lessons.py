"""The pages of the lessons: short enough, an exercise right after its idea, no term before it is explained."""

import pytest

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from workshop import minutes, terms

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)


@each_lesson
def test_a_lesson_is_done_more_than_read(lesson: Lesson) -> None:
    assert minutes.read(minutes.main_path(minutes.page(lesson))).words <= minutes.MOST_WORDS
    assert minutes.minutes(lesson) <= minutes.MOST_MINUTES
    before = {name: step.words for name, step in minutes.steps(lesson).items()}
    assert {name: words for name, words in before.items() if words > minutes.MOST_WORDS_BEFORE} == {}
    assert sum(each.typed for each in lesson.exercises) <= minutes.MOST_TYPED * len(lesson.exercises)


def test_the_course_is_short_enough() -> None:
    assert sum(map(minutes.minutes, LESSONS)) <= minutes.ALL_MINUTES
    assert minutes.first_picture(LESSONS[0]) <= 10


@each_lesson
def test_no_term_is_used_before_it_is_explained(lesson: Lesson) -> None:
    assert terms.too_early(lesson) == []


def test_what_is_folded_is_not_on_the_main_path() -> None:
    page = (
        '## 1. One\n\nfour words are here\n\n??? note "folded"\n\n    not these\n\n    $$\n    x\n    $$\n\nand two\n'
    )
    page += "$$\na = b\n$$\n```pycon\n>>> 1\n1\n```\n\n## Common mistakes\n\nnor these\n"
    assert minutes.read(minutes.main_path(page)) == minutes.Reading(words=8, formulas=1, lines=2, pictures=0)
