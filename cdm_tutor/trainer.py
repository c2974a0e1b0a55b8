"""Stage 6, the trainer: show the network noised images until it can name the noise.

The loop is a generator: `fit` takes one step each time it is asked and yields what happened, so that progress bars,
previews and checkpoints live with whoever asks. All that is random is derived from the seed and the step alone: a run
that stops and goes on draws what it would have drawn.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from cdm_tutor.noising import Model, Prediction, denoising_loss
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.schedule import NoiseSchedule

# (model, x0, t, noise, schedule, prediction) -> a single number
Loss = Callable[[Model, Tensor, Tensor, Tensor, NoiseSchedule, Prediction], Tensor]


@dataclass(frozen=True)
class TrainSettings:
    """How to train.

    Attributes:
        steps: how many steps to take; None to train for `minutes`.
        minutes: how long to train, on the clock; None to take `steps`.
        batch: images in a step.
        lr: the learning rate after warm-up; it falls to 0 along a cosine.
        warmup: steps over which the learning rate rises from 0.
        ema_decay: how slowly the averaged weights follow.
        grad_clip: the largest allowed length of the gradient.
        seed: of the weights at the start, the order of the images, the timesteps and the noise.
        prediction: what the network learns to predict, "noise" or "v".
        t_below: train only on timesteps below this one, as for a refiner; None for all.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 64
    lr: float = 3e-3
    warmup: int = 200
    ema_decay: float = 0.999
    grad_clip: float = 1.0
    seed: int = 0
    prediction: Prediction = "noise"
    t_below: int | None = None

    def progress(self, step: int, seconds: float) -> float:
        """How much of the training is done, from 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(by_steps, by_time))


@dataclass(frozen=True)
class Step:
    """What one training step was like: its number from 1, loss, learning rate, progress, time so far."""

    step: int
    loss: float
    lr: float
    progress: float
    seconds: float


class Diverged(ValueError):
    """The loss is no longer a number; the weights are those from before the step that broke."""


class Training:
    """A network in training: its weights, their average, the optimiser, and how far it has come."""

    def __init__(
        self, model: nn.Module, schedule: NoiseSchedule, settings: TrainSettings, loss: Loss = denoising_loss
    ) -> None:
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False)
        self.schedule = schedule
        self.settings = settings
        self.loss = loss
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=settings.lr, betas=(0.9, 0.99))
        self.step = 0
        self.seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        """All that it takes to go on from here."""
        parts = {name: getattr(self, name).state_dict() for name in ("model", "ema", "optimizer")}
        return {**parts, "step": self.step, "seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what state_dict returned."""
        for name in ("model", "ema", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds = state["step"], state["seconds"]


def fit(training: Training, images: Tensor) -> Iterator[Step]:
    """Train on (N, C, H, W) images in [-1, 1], a step for each item asked for, until steps or minutes are up.

    Raises:
        ValueError: if there are fewer images than a batch.
        Diverged: if the loss is no longer a finite number.
    """
    settings = training.settings
    if len(images) < settings.batch:
        raise ValueError(f"expected at least one batch of {settings.batch} images, got {len(images)}")
    while (progress := settings.progress(training.step, training.seconds)) < 1:
        start = time.perf_counter()
        lr = learning_rate(training.step, progress, settings)
        training.optimizer.param_groups[0]["lr"] = lr
        x0, t, noise = draw_batch(images, training.step, settings.t_below or len(training.schedule), settings)
        loss = train_step(training, x0, t, noise)
        update_ema(training.ema, training.model, training.step, settings.ema_decay)
        training.step += 1
        training.seconds += time.perf_counter() - start
        yield Step(training.step, loss, lr, settings.progress(training.step, training.seconds), training.seconds)


def train_step(training: Training, x0: Tensor, t: Tensor, noise: Tensor) -> float:
    """One step downhill: loss, gradient, clip, update. Returns the loss before the step.

    Raises:
        Diverged: if the loss is no longer a finite number; no step is taken.
    """
    loss = training.loss(training.model, x0, t, noise, training.schedule, training.settings.prediction)
    if not math.isfinite(loss.item()):
        raise Diverged(f"the loss became {loss.item()} at step {training.step + 1}: try a lower learning rate")
    training.optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(training.model.parameters(), training.settings.grad_clip)
    training.optimizer.step()
    return loss.item()


def learning_rate(step: int, progress: float, settings: TrainSettings) -> float:
    """Rise in a straight line over the warm-up, fall along half a cosine. Loshchilov and Hutter 2017, eq. 5."""
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.lr * rise * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights a little towards the network's: ema = d * ema + (1 - d) * weights.

    d = min(decay, (1 + step) / (10 + step)): a young average forgets fast, or it would keep the random start.
    """
    d = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - d)


def draw_batch(images: Tensor, step: int, T: int, settings: TrainSettings) -> tuple[Tensor, Tensor, Tensor]:
    """The images, timesteps and noise of a step: each image once an epoch, in a new order each time.

    From (N, C, H, W) images, x0 (B, C, H, W), t (B,) in [0, T), each as likely as the next, and noise like x0. The
    step, from 0, and the settings' seed decide everything.
    """
    epoch, place = divmod(step, len(images) // settings.batch)
    order = torch.randperm(len(images), generator=seeded(settings.seed, 0, epoch))
    x0 = images[order[place * settings.batch :][: settings.batch]]
    generator = seeded(settings.seed, 1, step)
    t = torch.randint(0, T, (len(x0),), generator=generator).to(x0.device)
    return x0, t, draw_like(x0, generator)
