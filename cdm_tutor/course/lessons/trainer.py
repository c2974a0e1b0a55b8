"""Lesson 06: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

LESSON = Lesson(
    number="06",
    title="The trainer",
    module="trainer",
    exercises=(
        Exercise("learning_rate"),
        Exercise("update_ema"),
        Exercise("draw_batch"),
        Exercise("train_step"),
        Exercise("fit"),
        Exercise("Training.load_state_dict"),
    ),
)
