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
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DistributedSampler, TensorDataset

from cdm_tutor import distributed
from cdm_tutor.noising import Model, Prediction, denoising_loss
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.settings import TrainSettings

# (model, x0, t, noise, schedule, prediction) -> a number for each image
Loss = Callable[[Model, Tensor, Tensor, Tensor, NoiseSchedule, Prediction], Tensor]


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
    """The loss, the gradient or the weights are no longer finite; the average is that from before this step."""


def learning_rate(step: int, progress: float, settings: TrainSettings) -> float:
    """Rise in a straight line over the warm-up, if any; fall along half a cosine as progress goes from 0 to 1.

    lr * min(1, (step + 1) / warmup) * (1 + cos(pi * progress)) / 2        Loshchilov and Hutter 2017, eq. 5
    """
    # 1. the rise: a share of 1 that grows with each step of the warm-up, then stays; mind a warm-up of 0
    # 2. the fall: from 1 to 0 along half a cosine
    # 3. the highest rate times both
    raise NotImplementedError("lesson 06: learning_rate")


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights a little towards the network's: ema = d * ema + (1 - d) * weights.

    d = min(decay, (1 + step) / (10 + step)): a young average forgets fast, or it would keep the random start.
    """
    # 1. how much of the old average stays: d, from the formula above
    # 2. each parameter of ema, in place: d of itself, and the rest of the network's parameter
    raise NotImplementedError("lesson 06: update_ema")


@lru_cache(maxsize=1)
def share_of_epoch(n: int, seed: int, epoch: int, rank: int, world: int) -> Tensor:
    """Which of n images fall to a process in an epoch, in order: (m,) int64, every world-th of all from the rank-th on.

    All are shuffled anew each epoch. The seed and the epoch decide the order, the same for every process.
    """
    # 1. the numbers 0 to n - 1 in an order drawn from the seed, which is every process's seed
    # 2. and from the epoch, so that each epoch has another
    # 3. of that order, every world-th from the rank-th on, as a tensor
    raise NotImplementedError("lesson 06: share_of_epoch")


def draw_batch(
    images: Tensor, step: int, T: int, settings: TrainSettings, rank: int = 0, world: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """One process's share of a step's batch: images, timesteps and noise.

    From (N, C, H, W) images, x0 (b, C, H, W), t (b,) in [0, T) and noise like x0. Over the processes the shares make up
    the batch: each image once an epoch, in a new order each time. The seed, the step and an image's place in the batch
    decide everything; which process it falls to changes nothing.

        10 images, batch 4, step 3, rank 1 of 2: two batches to an epoch, so this is epoch 1, batch number 1.
        Its share of the epoch has the places 1, 3, 5, 7, 9 of all, the batch the places 4 to 7: it takes 5 and 7,
        and from the timesteps and the noise of the whole batch it takes rows 1 and 3.
    """
    # 1. which epoch this step is in, and which of the epoch's batches it is
    # 2. the order in which this process meets its images in this epoch: share_of_epoch
    # 3. the place of each of these in the step's batch, of all processes together; keep those in the batch
    # 4. a generator from the seed and the step: seeded(settings.seed, 1, step)
    # 5. timesteps for the whole batch, from 0 up to T, T excluded; if "focused", ask _to_the_middle
    # 6. noise for the whole batch, like its images (draw_like)
    # 7. return this process's images, and of timesteps and noise those at its places, on the images' device
    raise NotImplementedError("lesson 06: draw_batch")


def _to_the_middle(t: Tensor, T: int, generator: torch.Generator) -> Tensor:
    """Three in four timesteps drawn again, logit-normal, where there is most to learn: Esser et al. 2024, sec. 3.1."""
    middle = (T * torch.sigmoid(torch.randn(t.shape, generator=generator))).long()
    return torch.where(torch.arange(len(t)) % 4 == 0, t, middle)


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
        # 1. the weights, their average and the optimiser: each has a load_state_dict of its own
        # 2. how far it has come: step and seconds
        raise NotImplementedError("lesson 06: Training.load_state_dict")


def train_step(
    training: Training, x0: Tensor, t: Tensor, noise: Tensor, T: int
) -> tuple[float, tuple[float | None, ...]]:
    """One step downhill: loss, gradient, clip, update, on this process's share of the batch.

    The gradient wanted is that of the mean over the whole batch. The network adds up the gradients of all processes, so
    each divides the sum of its images' losses by the size of the whole batch, however many of them it has.

    Returns:
        the mean loss of the whole batch before the step, and that of each third of the timesteps below T.

    Raises:
        Diverged: if loss or gradient are not finite, and no step is taken; if the weights are not, after the step.
    """
    # 1. forget the gradients of the step before
    # 2. for each part of the share (_parts): training.loss of training.network on it, a number an image
    # 3. go backward from their sum over the size of the whole batch; keep the losses, detached
    # 4. the mean loss and that of each third (0, 1, 2) of the timesteps: _summary
    # 5. raise Diverged if the mean is infinite or NaN, before any weight has changed: check_finite does it
    # 6. cut the gradient to settings.grad_clip, all parameters taken together; check its length, from before
    # 7. let the optimiser take its step, check the length of all weights, and return mean and thirds
    raise NotImplementedError("lesson 06: train_step")


def _parts(training: Training, x0: Tensor) -> Iterator[Tensor]:
    """The places of a share's images, a part at a time; only with the last are gradients exchanged."""
    parts = torch.arange(len(x0)).chunk(training.settings.accumulate)
    bf16 = torch.autocast(x0.device.type, torch.bfloat16, enabled=training.settings.bf16)
    for number, part in enumerate(parts, start=1):
        with distributed.exchanging(training.network, now=number == len(parts)), bf16:
            yield part


def _summary(losses: Tensor, third: Tensor) -> tuple[float, tuple[float | None, ...]]:
    """The mean over all processes, and that of each third."""
    member = torch.nn.functional.one_hot(third, 3).to(losses.dtype)
    sums, counts = distributed.total(torch.stack([losses @ member, member.sum(dim=0)])).tolist()
    return sum(sums) / sum(counts), tuple(s / n if n else None for s, n in zip(sums, counts, strict=True))


def check_finite(what: str, number: float | Tensor, step: int) -> None:
    """Raise Diverged if a number is infinite or NaN. It is the same in all processes, so that they stop together."""
    if not torch.as_tensor(number).isfinite():
        raise Diverged(f"the {what} became infinite or NaN at step {step + 1}: try a lower learning rate")


def fit(training: Training, images: Tensor) -> Iterator[Step]:
    """Train on (N, C, H, W) images in [-1, 1], a step for each item asked for, until steps or minutes are up.

    Raises:
        ValueError: if there are fewer images than a batch, or fewer in a batch than processes.
        Diverged: if loss, gradient or weights are no longer finite.
    """
    # 1. which process this is, and of how many (distributed); settings.check_enough refuses too few images
    # 2. timesteps below settings.t_below, or if that is None all of the schedule's
    # 3. as long as settings.progress of training.step and training.seconds is below 1:
    # 4. the learning rate into training.optimizer.param_groups
    # 5. this process's share of the batch, a step on it, the average
    # 6. count the step, and the seconds it took on time.perf_counter (distributed.same: the first process's)
    # 7. yield a Step: its number from 1, loss, thirds, rate, the progress now, the seconds so far
    raise NotImplementedError("lesson 06: fit")
