"""Correct solutions of lesson 04, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS: list[Variant] = []
