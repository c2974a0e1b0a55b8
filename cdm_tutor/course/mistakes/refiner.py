"""Known mistakes in lesson 05."""

from cdm_tutor.course.lesson import Mistake

MISTAKES: list[Mistake] = []
