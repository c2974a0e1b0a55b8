"""Lesson 03: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

LESSON = Lesson(
    number="03",
    title="The U-Net",
    module="unet",
    exercises=(
        Exercise("timestep_embedding"),
        Exercise("ResidualBlock.forward"),
        Exercise("SelfAttention.forward"),
        Exercise("SimpleUNet.forward"),
    ),
)
