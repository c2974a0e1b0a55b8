"""What a training run is asked for; its defaults are what the course trains with."""

from dataclasses import dataclass
from typing import Literal

from cdm_tutor.noising import Prediction


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

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
        prediction: what the network learns to predict, "noise" or "v".
        timesteps: "uniform", each as likely as the next, or "focused": three in four near the middle.
        t_below: train only on timesteps below this one, as for a refiner; None for all.
        bf16: compute in bfloat16 where that is safe; faster on GPUs that know it.
        compile: let torch.compile make a faster program of the network; pays on GPUs.
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
    timesteps: Literal["uniform", "focused"] = "uniform"
    t_below: int | None = None
    bf16: bool = False
    compile: bool = False

    def progress(self, step: int, seconds: float) -> float:
        """How much of the training is done, from 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))
