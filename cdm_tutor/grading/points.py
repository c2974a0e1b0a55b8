"""How many points each exercise gives: one, if a small TOML file says nothing else."""

import math
import tomllib
from difflib import get_close_matches
from pathlib import Path

from cdm_tutor.course.outline import find_lesson
from cdm_tutor.course.summary import TOGETHER

Points = dict[tuple[str, str], float]  # by the number of the lesson and the name of the exercise


def read_points(path: Path) -> Points:
    """The points that a file names: a table for each lesson, in it the exercises' names.

        [01]
        linear_betas = 2
        "NoiseSchedule.from_betas" = 3
        "all together" = 1

    Raises:
        ValueError: if it is no TOML, or names what there is not.
        OSError: if it cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no TOML: {error}") from None
    points: Points = {}
    for name, table in tables.items():
        try:
            lesson = find_lesson(name)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
        known = [*(exercise.name for exercise in lesson.exercises), TOGETHER]
        if not isinstance(table, dict):
            raise ValueError(f"{path}: expected a table [{name}] of exercises, got {table!r}")
        for exercise, value in table.items():
            if exercise not in known:
                near = get_close_matches(exercise, known) or known
                raise ValueError(f"{path}: lesson {name} has no exercise {exercise!r}: try {', '.join(near)}")
            points[lesson.number, exercise] = _number(path, exercise, value)
    return points


def _number(path: Path, exercise: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{path}: {exercise}: expected points of 0 or more, got {value!r}")
    return float(value)
