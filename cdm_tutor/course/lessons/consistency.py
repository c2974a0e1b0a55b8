"""Lesson 08: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson

HINTS = ("What does the text say?", "Work the case by hand.", "Write what you did by hand.")

LESSON = Lesson(
    number="08",
    title="Consistency",
    module="consistency",
    about="`consistency_loss` and `tune`: draw an image in one jump, in the place of twenty steps.",
    exercises=tuple(
        Exercise(name, steps=("as the text says",), hints=HINTS)
        for name in (
            "jump",
            "drift",
            "earlier",
            "robust_distance",
            "consistency_loss",
            "tune",
            "sample_by_jumps",
        )
    ),
)
