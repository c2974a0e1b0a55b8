"""The calls by which mistakes in lesson 07 are told apart."""
from cdm_tutor.course.lesson import Call
CALLS: list[Call] = []
