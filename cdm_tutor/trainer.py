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
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    return settings.lr * rise * (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def update_ema(ema: nn.Module, model: nn.Module, step: int, decay: float) -> None:
    """Move the averaged weights a little towards the network's: ema = d * ema + (1 - d) * weights.

    d = min(decay, (1 + step) / (10 + step)): a young average forgets fast, or it would keep the random start.
    """
    d = min(decay, (1 + step) / (10 + step))
    torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - d)


@lru_cache(maxsize=1)
def share_of_epoch(n: int, seed: int, epoch: int, rank: int, world: int) -> Tensor:
    """Which of n images fall to a process in an epoch, in order: (m,) int64, every world-th of all from the rank-th on.

    All are shuffled anew each epoch. The seed and the epoch decide the order, the same for every process.
    """
    sampler: DistributedSampler[Any] = DistributedSampler(TensorDataset(torch.arange(n)), world, rank, seed=seed)
    sampler.set_epoch(epoch)
    return torch.tensor(list(sampler))


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
    # which batch of which epoch is it?
    epoch, number = divmod(step, len(images) // settings.batch)
    # which of my images are in it, and where in the batch?
    order = share_of_epoch(len(images), settings.seed, epoch, rank, world)
    place = rank + world * torch.arange(len(order)) - number * settings.batch
    mine = (place >= 0) & (place < settings.batch)
    x0, place = images[order[mine].to(images.device)], place[mine]
    # every process draws for the whole batch, and takes what belongs to its images
    generator = seeded(settings.seed, 1, step)
    t = torch.randint(0, T, (settings.batch,), generator=generator)
    if settings.timesteps == "focused":
        t = _to_the_middle(t, T, generator)
    noise = draw_like(images[: settings.batch], generator)[place.to(images.device)]
    return x0, t[place].to(x0.device), noise


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
        for name in ("model", "ema", "optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.seconds = state["step"], state["seconds"]


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
    settings = training.settings
    training.optimizer.zero_grad()
    losses = []
    for part in _parts(training, x0):
        loss = training.loss(training.network, x0[part], t[part], noise[part], training.schedule, settings.prediction)
        (loss.sum() / settings.batch).backward()
        losses.append(loss.detach())
    mean, thirds = _summary(torch.cat(losses), t * 3 // T)
    check_finite("loss", mean, training.step)
    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)
    check_finite("length of the gradient", length, training.step)
    training.optimizer.step()
    check_finite("length of the weights", nn.utils.get_total_norm(training.model.parameters()), training.step)
    return mean, thirds


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
    settings, rank, world = training.settings, distributed.rank(), distributed.world_size()
    settings.check_enough(len(images), world)
    T = settings.t_below or len(training.schedule)
    while (progress := settings.progress(training.step, training.seconds)) < 1:
        start = time.perf_counter()
        lr = learning_rate(training.step, progress, settings)
        training.optimizer.param_groups[0]["lr"] = lr
        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)
        loss, thirds = train_step(training, x0, t, noise, T)
        update_ema(training.ema, training.model, training.step, settings.ema_decay)
        training.step += 1
        training.seconds += distributed.same(time.perf_counter() - start)
        progress = settings.progress(training.step, training.seconds)
        yield Step(training.step, loss, thirds, lr, progress, training.seconds)
