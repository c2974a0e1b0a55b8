"""Known mistakes in lesson 03."""

from cdm_tutor.course.lesson import Mistake

MISTAKES: list[Mistake] = []
