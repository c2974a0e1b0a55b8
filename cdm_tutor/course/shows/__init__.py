"""Pictures of what a lesson's functions do: one file a lesson, with its SHOWS."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.data import load_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.schedule import make_schedule

SCHEDULE = make_schedule("cosine")  # that the network was trained with
DIGITS = tuple(1000 * label + 7 for label in range(8))  # of the images that come with the package, one of each class


@dataclass(frozen=True)
class Show:
    """A row of images or a curve, made with a lesson's module: the learner's or the package's.

    Attributes:
        title: what is seen.
        exercises: those it shows.
        make: makes (N, 1, H, W) images, or (N,) numbers, which are drawn as a curve; always the same on one module.
        labels: one for each image; for a curve, what its two axes are.
        columns: images in a row.
    """

    title: str
    exercises: tuple[str, ...]
    make: Callable[[ModuleType], Tensor]
    labels: tuple[str, ...] = ()
    columns: int = 10


def shows_of(lesson: Lesson) -> tuple[Show, ...]:
    """What there is to see of a lesson."""
    return import_module(f"{__name__}.{lesson.module}").SHOWS


@cache
def network() -> Trained:
    """The trained network that comes with the package."""
    return load_weights(shipped_weights("mnist"))


@cache
def digits() -> Tensor:
    """(8, 1, 28, 28) real ones."""
    return load_sample("mnist").x0[torch.tensor(DIGITS)]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal noise, always the same."""
    return torch.randn(shape, generator=seeded(seed, 28))
