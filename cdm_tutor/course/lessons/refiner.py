"""Lesson 05: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

LESSON = Lesson(
    number="05",
    title="The refiner",
    module="refiner",
    exercises=(
        Exercise("ImprovedRefinementNetwork.__init__"),
        Exercise("renoise"),
        Exercise("refiner_loss"),
        Exercise("refine"),
    ),
)
