"""What a lesson is made of: exercises, known mistakes, and correct solutions written differently. All of it data."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cdm_tutor.course.scenes import Scene

Patch = tuple[tuple[str, str], ...]  # (find, replace): each find occurs exactly once in the reference


@dataclass(frozen=True)
class Exercise:
    """One function or method that the learner writes.

    Attributes:
        name: its qualified name in the module, as in "NoiseSchedule.from_betas".
        steps: what to do, in words; the comments in the stub.
        hints: three, from a question to nearly there.
        minutes: how long it takes to write.
        typed: whether its formula is given, so that it only has to be written down.
        scenes: those that show its mistakes, unless a mistake names its own; none where no run shows anything.
    """

    name: str
    steps: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    minutes: int = 4
    typed: bool = False
    scenes: tuple[Scene, ...] = ()


@dataclass(frozen=True)
class Lesson:
    """One stage of the course; its module is `cdm_tutor/MODULE.py`, the learner's `lessons/NUMBER/MODULE.py`.

    Attributes:
        number: of its place in the outline, as in "03".
        title: as on its page.
        module: the name of the stage.
        about: what it is about, in a line or two of Markdown.
        exercises: in the order in which they are to be written.
    """

    number: str
    title: str
    module: str
    about: str
    exercises: tuple[Exercise, ...]

    @property
    def heading(self) -> str:
        """Its number and title, as in "3 The U-Net"."""
        return f"{int(self.number)} {self.title}"

    @property
    def page(self) -> str:
        """What its page and its notebook are called, as in "03-u-net"."""
        return f"{self.number}-{self.title.lower().removeprefix('the ').replace(' ', '-')}"

    def exercise(self, name: str) -> Exercise:
        """The exercise of that name."""
        return next(exercise for exercise in self.exercises if exercise.name == name)

    def position(self, name: str) -> int:
        """Where in the lesson that exercise comes, from 0."""
        return self.exercises.index(self.exercise(name))


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A wrong solution that people really write.

    Attributes:
        name: short, unique in the course, as in "cosine-not-squared"; also its place on the site, clinic/01.html#name.
        exercise: which exercise it spoils.
        title: what was done, in a line.
        symptom: what one sees in the images or the training.
        concept: what was missed; never the corrected line.
        patch: what turns the reference into it.
        symptoms: the names of the groups in symptoms.py that it is found under; at most one is in_images.
        scenes: those that show it, where they are not its exercise's.
        stays_after_training: of two scenes, the first shows weights that were trained without the mistake, the second
            a network that was trained with it; this says that the second has the symptom as well.
    """

    name: str
    exercise: str
    title: str
    symptom: str
    concept: str
    patch: Patch
    symptoms: tuple[str, ...]
    scenes: tuple[Scene, ...] = ()
    stays_after_training: bool = False


@dataclass(frozen=True)
class Variant:
    """A correct solution, written differently: what turns the reference into it."""

    name: str
    patch: Patch


@dataclass(frozen=True)
class Call:
    """A fixed call: what it is about, and how to make it on a module. It makes its own inputs, always equal."""

    exercise: str
    make: Callable[[ModuleType], Any]
