"""Known mistakes in lesson 02."""

from cdm_tutor.course.lesson import Mistake

MISTAKES: list[Mistake] = []
