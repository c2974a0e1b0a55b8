"""Stage 6, the trainer: show the network noised images until it can name the noise.

The loop is a generator: `fit` takes one step each time it is asked and yields what happened, so that progress bars,
previews and checkpoints live with whoever asks. All that is random is derived from the seed, the step and an image's
place in the batch: a run that stops and goes on, or is shared by several processes, draws what it would have drawn.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils.data import DistributedSampler, TensorDataset

from cdm_tutor import distributed
from cdm_tutor.noising import Model, Prediction, denoising_loss
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.schedule import NoiseSchedule

# (model, x0, t, noise, schedule, prediction) -> a number for each image
Loss = Callable[[Model, Tensor, Tensor, Tensor, NoiseSchedule, Prediction], Tensor]


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


@dataclass(frozen=True)
class Step:
    """What one training step was like: its number from 1, loss, learning rate, progress, time so far.

    thirds: the mean loss of the images noised little, halfway and much; None where there were none.
    """

    step: int
    loss: float
    thirds: tuple[float | None, ...]
    lr: float
    progress: float
    seconds: float


class Diverged(ValueError):
    """The loss is no longer a number; the weights are those from before the step that broke."""


class Training:
    """A network in training: its weights, their average, the optimiser, and how far it has come.

    `model` holds the weights, `network` is what to call: over several processes it adds up their gradients.
    """

    def __init__(
        self, model: nn.Module, schedule: NoiseSchedule, settings: TrainSettings, loss: Loss = denoising_loss
    ) -> None:
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False)
        if settings.compile:
            model.compile()
        self.network = distributed.wrap(model)
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
        raise NotImplementedError("lesson 06: Training.load_state_dict")


def fit(training: Training, images: Tensor) -> Iterator[Step]:
    """Train on (N, C, H, W) images in [-1, 1], a step for each item asked for, until steps or minutes are up.

    Raises:
        ValueError: if there are fewer images than a batch, or fewer in a batch than processes.
        Diverged: if the loss is no longer a finite number.
    """
    raise NotImplementedError("lesson 06: fit")


def train_step(
    training: Training, x0: Tensor, t: Tensor, noise: Tensor, T: int
) -> tuple[float, tuple[float | None, ...]]:
    """One step downhill: loss, gradient, clip, update, on this process's share of the batch.

    The gradient wanted is that of the mean over the whole batch. The network adds up the gradients of all processes, so
    each divides the sum of its images' losses by the size of the whole batch, however many of them it has.

    Returns:
        the mean loss of the whole batch before the step, and that of each third of the timesteps below T.

    Raises:
        Diverged: if the loss is no longer a finite number; no step is taken.
    """
    raise NotImplementedError("lesson 06: train_step")


def _summary(losses: Tensor, third: Tensor) -> tuple[float, tuple[float | None, ...]]:
    """The mean over all processes, and that of each third."""
    member = torch.nn.functional.one_hot(third, 3).to(losses.dtype)
    sums, counts = distributed.total(torch.stack([losses @ member, member.sum(dim=0)])).tolist()
    return sum(sums) / sum(counts), tuple(s / n if n else None for s, n in zip(sums, counts, strict=True))


def learning_rate(step: int, progress: float, settings: TrainSettings) -> float:
    """Rise in a straight line over the warm-up, fall along half a cosine. Loshchilov and Hutter 2017, eq. 5."""
    raise NotImplementedError("lesson 06: learning_rate")


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights a little towards the network's: ema = d * ema + (1 - d) * weights.

    d = min(decay, (1 + step) / (10 + step)): a young average forgets fast, or it would keep the random start.
    """
    raise NotImplementedError("lesson 06: update_ema")


def draw_batch(
    images: Tensor, step: int, T: int, settings: TrainSettings, rank: int = 0, world: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """One process's share of a step's batch: images, timesteps and noise.

    From (N, C, H, W) images, x0 (b, C, H, W), t (b,) in [0, T) and noise like x0. Over the processes the shares make up
    the batch: each image once an epoch, in a new order each time. The seed, the step and an image's place in the batch
    decide everything; which process it falls to changes nothing. Timesteps near the middle, where there is most to
    learn, are logit-normal: Esser et al. 2024, section 3.1.
    """
    raise NotImplementedError("lesson 06: draw_batch")


@lru_cache(maxsize=1)
def share_of_epoch(n: int, seed: int, epoch: int, rank: int, world: int) -> Tensor:
    """Which of n images fall to a process in an epoch, in order: every world-th of all, shuffled anew each epoch."""
    sampler: DistributedSampler[Any] = DistributedSampler(TensorDataset(torch.arange(n)), world, rank, seed=seed)
    sampler.set_epoch(epoch)
    return torch.tensor(list(sampler))
