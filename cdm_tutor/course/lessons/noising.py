"""Lesson 02: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

LESSON = Lesson(
    number="02",
    title="Forward noising",
    module="noising",
    exercises=(
        Exercise("gather"),
        Exercise("q_sample"),
        Exercise("predict_x0"),
        Exercise("predict_noise"),
        Exercise("velocity"),
        Exercise("predict_x0_from_velocity"),
        Exercise("denoising_loss"),
    ),
)
