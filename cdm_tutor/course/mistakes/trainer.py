"""Known mistakes in lesson 06."""

from cdm_tutor.course.lesson import Mistake

MISTAKES: list[Mistake] = []
