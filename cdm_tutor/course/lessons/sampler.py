"""Lesson 04: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

LESSON = Lesson(
    number="04",
    title="The sampler",
    module="sampler",
    exercises=(
        Exercise("denoise"),
        Exercise("spaced_timesteps"),
        Exercise("posterior"),
        Exercise("p_sample"),
        Exercise("ddim_step"),
        Exercise("dpm_step"),
        Exercise("sample"),
    ),
)
