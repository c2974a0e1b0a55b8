"""What a training run is asked for; its defaults are what the course trains with."""

import reprlib
from dataclasses import dataclass, fields
from typing import get_args

from cdm_tutor.choices import Timesteps
from cdm_tutor.noising import Prediction

LARGEST = 10**9  # that a number may be, but for the seed
ENOUGH = 50_000  # images seen in training: after half of them a right network still draws strokes, and no digits
TUNING_RATE = 3e-4  # the learning rate of a consistency network: its target moves with it, and larger steps lose it
LARGEST_RATE = 1e30  # with larger ones a step of Adam is more than float32 holds


@dataclass(frozen=True)
class TrainSettings:
    """How to train; right, or not made.

    Attributes:
        steps: how many steps to take; None to train for `minutes`.
        minutes: how long to train, on the clock; None to take `steps`.
        batch: images in a step, of all processes together.
        accumulate: in how many parts a process takes its share, one after the other, to save memory.
        lr: the learning rate after warm-up; it falls to 0 along a cosine.
        warmup: steps over which the learning rate rises from 0.
        ema_decay: how slowly the averaged weights follow.
        grad_clip: the largest allowed length of the gradient.
        seed: of the weights at the start, the order of the images, the timesteps and the noise.
        prediction: what the network learns to predict, "noise" or "v"; in a run what its model card says.
        timesteps: "uniform", each as likely as the next, or "focused": three in four near the middle.
        t_below: train only on timesteps below this one, as for a refiner; None for all.
        bf16: compute in bfloat16 where that is safe; faster on GPUs that know it.
        compile: let torch.compile make a faster program of the network; pays on GPUs.

    Raises:
        ValueError: if one of these is of another kind, unknown or out of range.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 64
    accumulate: int = 1
    lr: float = 3e-3
    warmup: int = 200
    ema_decay: float = 0.999
    grad_clip: float = 1.0
    seed: int = 0
    prediction: Prediction = "noise"
    timesteps: Timesteps = "uniform"
    t_below: int | None = None
    bf16: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "t_below"):
            self._whole(name, 1, optional=True)
        for name, least in {"batch": 1, "accumulate": 1, "warmup": 0}.items():
            self._whole(name, least)
        self._whole("seed", 0, 2**63 - 1)
        minutes = self.minutes is None or (_number(self.minutes) and 0 < self.minutes <= LARGEST)
        self._check("minutes", minutes, f"a number above 0 and at most {LARGEST}, or None")
        rate = _number(self.lr) and 0 < self.lr <= LARGEST_RATE
        self._check("lr", rate, f"a learning rate above 0 and at most {LARGEST_RATE:g}")
        self._check("ema_decay", _number(self.ema_decay) and 0 <= self.ema_decay <= 1, "a number from 0 to 1")
        clip = _number(self.grad_clip) and 0 < self.grad_clip <= LARGEST
        self._check("grad_clip", clip, f"a number above 0 and at most {LARGEST}")
        for name, known in {"prediction": get_args(Prediction), "timesteps": get_args(Timesteps)}.items():
            self._check(name, getattr(self, name) in known, " or ".join(map(repr, known)))
        for name in ("bf16", "compile"):
            self._check(name, isinstance(getattr(self, name), bool), "true or false")

    def _whole(self, name: str, least: int, largest: int = LARGEST, optional: bool = False) -> None:
        value = getattr(self, name)
        right = (type(value) is int and least <= value <= largest) or (optional and value is None)
        self._check(name, right, f"a whole number from {least} to {largest}{', or None' * optional}")

    def _check(self, name: str, right: bool, expected: str) -> None:
        if not right:
            raise ValueError(f"{name}: expected {expected}, got {reprlib.repr(getattr(self, name))}")

    @classmethod
    def parse(cls, described: object) -> "TrainSettings":
        """The settings that were read from a file, as JSON gives them; what it leaves out is as by default.

        Raises:
            ValueError: if it is no object, has a field that no settings have, or no end; and as the settings.
        """
        if not isinstance(described, dict):
            raise ValueError(f"expected settings that are an object, got {reprlib.repr(described)}")
        if unknown := described.keys() - {one.name for one in fields(cls)}:
            raise ValueError(f"expected settings of other fields, got {reprlib.repr(sorted(map(str, unknown)))}")
        settings = cls(**described)
        if settings.steps is None and settings.minutes is None:
            raise ValueError("expected steps or minutes, got neither: the training would never end")
        return settings

    def check_enough(self, images: int, processes: int) -> None:
        """Raise ValueError if there are fewer images than a batch, or fewer in a batch than processes."""
        if images < self.batch:
            raise ValueError(f"expected at least one batch of {self.batch} images, got {images}")
        if self.batch < processes:
            raise ValueError(
                f"expected a batch of at least one image for each of {processes} processes, got {self.batch}"
            )

    def progress(self, step: int, seconds: float) -> float:
        """How much of the training is done, from 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))


def too_brief(images: int) -> bool:
    """Whether a training that saw so many images was too short to judge by what its network draws."""
    return images < ENOUGH


def _number(value: object) -> bool:
    """Whether it is a number; True is none, though Python counts it as 1."""
    return isinstance(value, int | float) and not isinstance(value, bool)
