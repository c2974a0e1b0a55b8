"""How mistakes are shown, as data: each scene is run without a mistake and with it, from the same seed.

workshop/clinic/scenes.py runs them; nothing here does.
"""

import math
from dataclasses import dataclass
from typing import Literal

from cdm_tutor.choices import Keep

SAMPLES = 64  # of each run; the first few are shown


@dataclass(frozen=True)
class Scene:
    """One way to get samples; its fields say how."""


# --- from the weights that come with the package ---------------------------------------------------------------------


@dataclass(frozen=True)
class Sampled(Scene):
    """Samples from the shipped network.

    Attributes:
        solver, steps, eta, n: as of the sampler.
        noise: whether the network is made to predict noise; else it predicts v, as it was trained to.
        schedule, T: of the noise. Another than the network's own is matched to it by noise level.
        again: run it twice from the same x_T, with the "same" noise or "other".
    """

    solver: str = "dpm"
    steps: int = 20
    eta: float | None = None
    n: int = SAMPLES
    noise: bool = False
    schedule: str = "cosine"
    T: int = 1000
    again: str = ""


@dataclass(frozen=True)
class ByTheTable(Sampled):
    """A DDPM sampler that visits every step, and reads its variance in the schedule's own table."""

    solver: str = "ddpm"
    T: int = 50
    steps: int = 50


@dataclass(frozen=True)
class Refined(Scene):
    """Hasty samples, refined by the shipped refiner.

    Attributes:
        t_start: as of the refiner.
        again: refine them twice, with the "same" noise.
    """

    t_start: int = 200
    again: str = ""


@dataclass(frozen=True)
class Told(Scene):
    """Samples of the shipped network that is told classes, guided.

    Attributes:
        labels: what it is told, one after the other and again from the first.
        guidance_scale, limits: as of guided.
        steps, n: as of the sampler.
    """

    labels: tuple[int, ...] = tuple(range(8))
    guidance_scale: float = 2.0
    limits: tuple[float, float] = (0, math.inf)
    steps: int = 10
    n: int = SAMPLES


@dataclass(frozen=True)
class Completed(Scene):
    """Real digits, of which one half is kept, completed by the shipped network.

    Attributes:
        kept: which half.
        steps, times: as of complete.
        n: how many.
    """

    kept: Keep = "left"
    steps: int = 10
    times: int = 5
    n: int = SAMPLES


@dataclass(frozen=True)
class FromSketch(Scene):
    """Digits that the shipped network makes of scrawls.

    Attributes:
        t_start, steps: as of from_sketch.
        n: how many.
    """

    t_start: int = 500
    steps: int = 10
    n: int = SAMPLES


@dataclass(frozen=True)
class Guessed(Scene):
    """What the shipped consistency network makes of real digits that are noised to one step each, by jump.

    Attributes:
        steps: how noised the digits are, one after the other and again from the first; -1 is clean.
        n: how many.
    """

    steps: tuple[int, ...] = (-1, 50, 200, 350, 500, 650, 800, 950)
    n: int = SAMPLES


@dataclass(frozen=True)
class Jumped(Scene):
    """Samples of the shipped consistency network.

    Attributes:
        steps: how many jumps.
        n: how many samples.
    """

    steps: int = 1
    n: int = SAMPLES


# --- from a short training -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trained(Scene):
    """A small network trained from nothing for a few seconds, and samples from its averaged weights.

    Attributes:
        steps, batch, lr, accumulate, prediction, timesteps, ema_decay, warmup, grad_clip: as in TrainSettings.
        minutes: train by the clock instead, which ticks thirty times a second.
        stopped: after so many steps, stop and go on in a new Training.
        whole: go on with the same Training instead.
        broken: at that step the loss is no number, as after an overflow.
        processes: how many.
    """

    steps: int = 320
    batch: int = 16
    lr: float = 7e-3
    accumulate: int = 1
    prediction: Literal["noise", "v"] = "v"
    timesteps: Literal["uniform", "focused"] = "focused"
    ema_decay: float = 0.999
    warmup: int = 40
    grad_clip: float = 1.0
    minutes: float | None = None
    stopped: int = 0
    whole: bool = False
    broken: int = 0
    processes: int = 1


@dataclass(frozen=True)
class TrainedRefiner(Trained):
    """A refiner trained from nothing for a few seconds, and what it makes of hasty samples.

    Attributes:
        t_start: as of the refiner.
    """

    steps: int = 150
    lr: float = 4e-3
    timesteps: Literal["uniform", "focused"] = "uniform"
    warmup: int = 50
    t_start: int = 200


@dataclass(frozen=True)
class TrainedTold(Trained):
    """The shipped network that is told classes, its rows for them learned anew in a few seconds, and samples of it.

    Attributes:
        labels, guidance_scale: as of Told.
    """

    steps: int = 100
    lr: float = 8e-3
    ema_decay: float = 0.95
    warmup: int = 5
    labels: tuple[int, ...] = tuple(range(8))
    guidance_scale: float = 3.0


@dataclass(frozen=True)
class TrainedConsistent(Trained):
    """The shipped network, tuned for a few seconds to agree with itself, and samples of it in a few jumps.

    Attributes:
        jumps: how many. So short a tuning does not make digits in one; in several it shows what it has spoiled.
    """

    steps: int = 100
    batch: int = 32
    lr: float = 5e-4
    ema_decay: float = 0.95
    warmup: int = 5
    jumps: int = 4
