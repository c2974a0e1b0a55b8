"""The table of lessons. What each asks is in the file of its name in `course/lessons`."""

from importlib import import_module

from cdm_tutor.course.lesson import Lesson

MODULES = (
    "schedule",
    "noising",
    "unet",
    "sampler",
    "refiner",
    "trainer",
    "guidance",
    "consistency",
)
LESSONS: tuple[Lesson, ...] = tuple(import_module(f"cdm_tutor.course.lessons.{module}").LESSON for module in MODULES)


def find_lesson(name: str) -> Lesson:
    """The lesson of that number ("03", "3") or module ("unet").

    Raises:
        ValueError: if there is none.
    """
    for lesson in LESSONS:
        if name in (lesson.number, lesson.number.lstrip("0"), lesson.module):
            return lesson
    raise ValueError(f"no lesson {name!r}: expected one of {', '.join(lesson.number for lesson in LESSONS)}")
