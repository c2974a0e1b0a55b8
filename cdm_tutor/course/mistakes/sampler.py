"""Known mistakes in lesson 04."""

from cdm_tutor.course.lesson import Mistake

MISTAKES: list[Mistake] = []
