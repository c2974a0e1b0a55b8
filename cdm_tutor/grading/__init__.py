"""Grades what a class turned in: finds the lessons' files, has them examined, and writes who stands where."""
