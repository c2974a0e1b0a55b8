"""Stage 6, the trainer: show the network noised images until it can name the noise.

The loop is a generator: `fit` takes one step each time it is asked and yields what happened, so that progress bars,
previews and checkpoints live with the caller. All that is random is derived from the seed, the step and an image's
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
    """It rises in a straight line over the warm-up, and falls along half a cosine as progress goes from 0 to 1.

    Rise and fall are two factors of settings.lr, each at most 1. Both count at every step, so that the rate does not
    jump where the warm-up ends. A warm-up of 0 steps is none. Loshchilov and Hutter 2017, equation 5.

    By hand, lr = 0.8, a warm-up of 4 steps: at progress 0 the rates of steps 0, 1 and 3 are 0.2, 0.4 and 0.8. At step
    50, a third of the way, the cosine has lost a quarter: 0.6.
    """
    # 1. the rise: a share of 1 that grows with each step of the warm-up, then stays; mind a warm-up of 0
    # 2. the fall: math.cos goes from 1 to -1 in half a turn, flat at both ends. How does it go from 1 to 0?
    # 3. return the highest rate times both
    raise NotImplementedError("lesson 06: learning_rate")


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights a little towards the network's, in place; the network stays as it is.

    A share d of the average stays, and the rest comes from the network. That share is at most decay, and at most
    (1 + step) / (10 + step): a young average forgets fast, or it would keep the random start.

    By hand: average 1, weight 2, decay 0.999. At step 0 a tenth stays, which gives 1.9; at step 8 a half, 1.5.
    """
    # 1. how much of the old average stays: two bounds stand above
    # 2. each parameter of ema, in place: that much of itself, and the rest of the network's parameter
    raise NotImplementedError("lesson 06: update_ema")


@lru_cache(maxsize=1)
def order_of_epoch(n: int, seed: int, epoch: int) -> Tensor:
    """The order in which an epoch shows n images, (n,) int64: a new one for each epoch, the same in every process."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed + epoch))


def draw_batch(
    images: Tensor, step: int, T: int, settings: TrainSettings, rank: int = 0, world: int = 1
) -> tuple[Tensor, Tensor, Tensor]:
    """The batch of a step, from (N, C, H, W) images: x0 (b, C, H, W), t (b,) in [0, T) and noise like x0.

    Each image comes once an epoch, in a new order each time; at its end those are left out that are too few for a
    batch. The seed, the step and the place in the batch decide everything: asked twice, the same comes.

    Several processes share a batch: rank, from 0, takes every world-th place from the rank-th on. What is at a place
    does not depend on who takes it. One process alone is rank 0 of 1.

        10 images, batch 4, step 3: two batches to an epoch, so this is the second of epoch 1, places 4 to 7 of its
        order. Rank 1 of 2 takes the second and the fourth of these, with the timesteps and noise that are theirs.
    """
    # 1. which epoch this step is in, and which of the epoch's batches it is
    # 2. order_of_epoch gives the order of all images in that epoch: which of them are in this batch?
    # 3. a generator from the seed and the step: seeded(settings.seed, 1, step)
    # 4. from it the timesteps, 0 up to T, T excluded; if settings.timesteps is "focused", ask _to_the_middle
    # 5. and after them the noise, like the batch's images (draw_like)
    # 6. for several processes: of images, timesteps and noise take the places rank, rank + world, ...
    # 7. return the three, on the images' device
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
        """Go on from what state_dict returned, as if the training had never stopped."""
        # 1. what state_dict put in comes out again, all of it: three parts know how to load their own state
        raise NotImplementedError("lesson 06: Training.load_state_dict")


def train_step(
    training: Training, x0: Tensor, t: Tensor, noise: Tensor, T: int
) -> tuple[float, tuple[float | None, ...]]:
    """One step downhill: loss, gradient, clip, update, on this process's share of the batch.

    The share is taken in parts, to save memory. backward adds to the gradient that is there; training.network adds up
    those of all processes. In the end there must be the gradient of the mean loss over the whole batch, of
    settings.batch images, and nothing of the step before. Losses 2 and 6 with gradients 1 and 3: mean 4, gradient 2.

    Returns:
        the mean loss of the whole batch before the step, and that of each third of the timesteps below T.

    Raises:
        Diverged: if loss or gradient are not finite, and no step is taken; if the weights are not, after the step.
    """
    # 1. forget the gradients of the step before. Once a step, or once a part?
    # 2. for each part of the share (_parts): training.loss of training.network on it, a number an image
    # 3.     (Loss, at the top of the file, says in which order; the prediction is in training.settings)
    # 4. go backward: from what, so that all parts leave the gradient wanted together? Keep losses, detached
    # 5. the mean loss and that of each third of timesteps: _summary(all losses, the third of each: 0 to 2)
    # 6. check_finite of the mean, before any weight has changed
    # 7. nn.utils.clip_grad_norm_ cuts the gradient to settings.grad_clip and returns its length from before: check it
    # 8. let the optimiser step; check the length of all weights, nn.utils.get_total_norm; return mean, thirds
    raise NotImplementedError("lesson 06: train_step")


def _parts(training: Training, x0: Tensor) -> Iterator[Tensor]:
    """The places of a share's images, a part at a time; only with the last are gradients exchanged."""
    parts = torch.arange(len(x0)).chunk(training.settings.accumulate)
    bf16 = torch.autocast(x0.device.type, torch.bfloat16, enabled=training.settings.bf16)
    for number, part in enumerate(parts, start=1):
        with distributed.exchanging(training.network, now=number == len(parts)), bf16:
            yield part


def _summary(losses: Tensor, third: Tensor) -> tuple[float, tuple[float | None, ...]]:
    """The mean over all images of all processes, and that of each third (0, 1 or 2)."""
    member = torch.nn.functional.one_hot(third, 3).to(losses.dtype)
    sums, counts = distributed.total(torch.stack([losses @ member, member.sum(dim=0)])).tolist()
    return sum(sums) / sum(counts), tuple(s / n if n else None for s, n in zip(sums, counts, strict=True))


def check_finite(what: str, number: float | Tensor, step: int) -> None:
    """Raise Diverged if a number is infinite or NaN. It is the same in all processes, so that they stop together."""
    if not torch.as_tensor(number).isfinite():
        raise Diverged(f"the {what} became infinite or NaN at step {step + 1}: try a lower learning rate")


def fit(training: Training, images: Tensor) -> Iterator[Step]:
    """Train on (N, C, H, W) images in [-1, 1], a step for each item asked for, until steps or minutes are up.

    Rate, batch and average of a step go by how many steps were taken before it. Only `training` counts: it may come
    from a checkpoint, and goes on from there. What the caller does between two steps takes none of its time.

    Raises:
        ValueError: if there are fewer images than a batch, or fewer in a batch than processes.
        Diverged: if loss, gradient or weights are no longer finite.
    """
    # 1. for several processes: distributed.rank() and distributed.world_size(); with one they are 0 and 1
    # 2. settings.check_enough(number of images, world) refuses too few
    # 3. timesteps are below settings.t_below, or if that is None below the schedule's length
    # 4. as long as settings.progress of training.step and training.seconds is below 1:
    # 5.     note time.perf_counter(), and put the learning rate into training.optimizer.param_groups[0]
    # 6.     draw_batch, train_step, update_ema, all with training.step as it is before the step
    # 7.     only then count: training.step, and in training.seconds the time that the step took
    # 8.     (for several processes, hand that time through distributed.same; with one it stays as it is)
    # 9.     yield a Step: its number from 1, loss, thirds, rate, the progress now, the seconds so far
    raise NotImplementedError("lesson 06: fit")
