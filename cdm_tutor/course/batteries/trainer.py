"""The calls by which mistakes in lesson 06 are told apart."""

from cdm_tutor.course.lesson import Call

CALLS: list[Call] = []
