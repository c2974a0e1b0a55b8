"""Correct solutions of lesson 05, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS: list[Variant] = []
