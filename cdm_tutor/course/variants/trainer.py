"""Correct solutions of lesson 06, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS: list[Variant] = []
