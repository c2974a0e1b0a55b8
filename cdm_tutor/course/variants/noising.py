"""Correct solutions of lesson 02, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS: list[Variant] = []
