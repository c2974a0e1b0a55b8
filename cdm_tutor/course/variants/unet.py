"""Correct solutions of lesson 03, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS: list[Variant] = []
