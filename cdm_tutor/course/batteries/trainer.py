"""The calls by which mistakes in lesson 06 are told apart.

What is drawn is looked at from afar, how it is distributed and what it depends on, so that a mistake has its name also
where the numbers come from other generators than the reference's.
"""

import copy
from collections.abc import Sequence
from itertools import chain, islice
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from cdm_tutor import distributed
from cdm_tutor.course.lesson import Call
from cdm_tutor.schedule import NoiseSchedule, make_schedule


class Net(nn.Module):
    """Adds up an image's pixels, each times its weight."""

    def __init__(self, *weights: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """A number for each image."""
        return x.flatten(1) @ self.weights


Seen = tuple[nn.Module, int, str]


class Answer:
    """A loss that is just what the network says; it notes what it was given: network, largest t, prediction."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.sizes: list[int] = []

    def __call__(
        self, model: Any, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: str = ""
    ) -> Tensor:
        """The network's numbers."""
        self.seen.append((model, int(t.max()), prediction))
        self.sizes.append(len(x0))
        return model(x0, t)


IMAGES = torch.tensor([[1.0, -0.3], [2.0, 0.4], [0.5, 1.5], [-0.7, 2.2], [3.0, 0.2]], dtype=torch.float64)
IMAGES = IMAGES[:, None, None, :]


def training(m: ModuleType, plain: bool = True, **settings: Any) -> Any:
    """A training of two weights, without Adam's memory if plain."""
    settings = {"steps": 4, "batch": 5, "grad_clip": 1e6, **settings}
    made = m.Training(Net(0.8, -1.3), make_schedule("linear", 100), m.TrainSettings(**settings), Answer())
    if plain:
        made.optimizer = torch.optim.SGD(made.model.parameters(), lr=0.1)
    return made


def rates(m: ModuleType, warmup: int) -> list[float]:
    """Learning rates over a training."""
    settings = m.TrainSettings(lr=0.7, warmup=warmup, steps=50)
    return [m.learning_rate(step, step / 20, settings) for step in range(20)]


def nested(weight: float) -> nn.Module:
    """A network with parts, of vectors and matrices, all of whose weights are the same."""
    net = nn.Sequential(Net(weight), nn.Sequential(nn.Linear(1, 1, dtype=torch.float64)))
    net.register_parameter("own", nn.Parameter(torch.zeros(1, dtype=torch.float64)))
    for parameter in net.parameters():
        nn.init.constant_(parameter, weight)
    return net


def averaged(m: ModuleType, step: int, decay: float) -> list[Tensor]:
    """The average and the weights after two updates."""
    ema, model = nested(0.3).requires_grad_(False), nested(1.7)
    for number in (step, step + 1):
        m.update_ema(ema, model, number, decay)
    return [torch.cat([p.detach().flatten() for p in net.parameters()]) for net in (ema, model)]


def orders(found: Sequence[Sequence[Sequence[int]]]) -> list[Any]:
    """Of the shares of the processes in some epochs: how many, how many different, sorted, alike from first to second.

    Args:
        found: for each epoch and each process the numbers of its images.
    """
    return [
        [[len(share) for share in shares] for shares in found],
        [len({number for share in shares for number in share}) for shares in found],
        [[list(share) == sorted(share) for share in shares] for shares in found],
        found[0] == found[1],
    ]


def batches(m: ModuleType, step: int, world: int = 1, T: int = 10**9, n: int = 24, **settings: Any) -> list[Any]:
    """What the processes draw in a step, from images that are their own numbers."""
    images = torch.arange(n)[:, None, None, None].expand(n, 1, 2, 2).double()
    settings = m.TrainSettings(**{"steps": 1, "batch": 8, "seed": 3, **settings})
    return [m.draw_batch(images, step, T, settings, rank, world) for rank in range(world)]


def epochs(m: ModuleType, world: int) -> list[Any]:
    """The images of two epochs, of three steps each."""
    steps = [[x0[:, 0, 0, 0].tolist() for x0, _, _ in batches(m, step, world)] for step in range(6)]
    return orders([[list(chain(*column)) for column in zip(*steps[at : at + 3], strict=True)] for at in (0, 3)])


def dependence(m: ModuleType) -> list[Any]:
    """Whether processes, steps and images differ in what they get, and whether the number of processes matters."""

    def gets(step: int, world: int) -> dict[int, tuple[int, float]]:
        return {
            int(x[0, 0, 0]): (int(s), float(e.sum()))
            for x0, t, noise in batches(m, step, world)
            for x, s, e in zip(x0, t, noise, strict=True)
        }

    one, two = gets(1, 1), gets(1, 2)
    different = [len({value[k] for value in two.values()}) for k in (0, 1)]
    steps = [batches(m, step)[0] for step in (0, 1, 2, 3)]
    again = [[torch.equal(steps[0][k], step[k]) for step in steps[1:]] for k in (1, 2)]
    return [different, one == two, again]


def distribution(m: ModuleType) -> list[Any]:
    """Which timesteps come of 3; whether noise is below 0; whether there are more in the middle if focused."""
    few = torch.cat([batches(m, step, T=3)[0][1] for step in range(12)])
    many = torch.cat([batches(m, step, T=1000, n=64, batch=64, timesteps="focused")[0][1] for step in range(12)])
    middle = ((many >= 250) & (many < 750)).double().mean().item()
    return [few.unique().tolist(), bool(batches(m, 0)[0][2].min() < 0), middle > 0.59]


def loaded(m: ModuleType) -> list[Any]:
    """A training resumed after two of Adam's steps."""
    made = [training(m, plain=False, lr=0.1) for _ in range(2)]

    def walk(tr: Any, gradient: float) -> None:
        tr.model.weights.grad = torch.full_like(tr.model.weights, gradient)
        tr.optimizer.step()
        tr.ema.weights += 0.25
        tr.step += 1
        tr.seconds += 0.5

    walk(made[0], 1.0)
    walk(made[0], 3.0)
    made[1].load_state_dict(copy.deepcopy(made[0].state_dict()))
    walk(made[1], 0.5)
    return [made[1].model.weights.detach(), made[1].ema.weights, made[1].step, made[1].seconds]


def stepped(m: ModuleType, size: int = 5, times: int = 1, images: Tensor = IMAGES, **settings: Any) -> list[Any]:
    """What train_step returns, the weights it leaves behind, and the gradient that the optimiser was last given."""
    tr, given = training(m, **settings), [torch.zeros(0)]
    step = tr.optimizer.step

    def note() -> None:
        given[0] = tr.model.weights.grad.clone()
        step()

    tr.optimizer.step = note
    network = tr.network = nn.Sequential(tr.model)
    network.forward = tr.model.forward  # type: ignore[method-assign]
    t = torch.tensor([1, 8, 5, 2, 7])[:size]
    told = [m.train_step(tr, images[:size], t, torch.zeros_like(images[:size]), 9) for _ in range(times)]
    seen = [(model is network, prediction) for model, _, prediction in tr.loss.seen]
    left = tr.model.weights.grad
    cut = left is None or bool(left.norm() <= tr.settings.grad_clip * 1.001)  # what is left may be forgotten, too
    return [told, tr.model.weights.detach(), given[0], cut, seen]


class Steep(torch.autograd.Function):
    """Gives back what it is given; its slope is another."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        """The same numbers."""
        ctx.slope = slope
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """The slope, not 1."""
        return gradient * ctx.slope, None


def broken(m: ModuleType, factor: float = 1.0, slope: float = 1.0, lr: float = 0.1) -> list[Any]:
    """Whether Diverged is raised, and the weights, where a loss is multiplied by a factor, its gradient by a slope."""
    tr = training(m)
    tr.loss = lambda model, x0, *others: Steep.apply(model(x0, None), slope) * factor
    tr.optimizer = torch.optim.SGD(tr.model.parameters(), lr=lr)
    t = torch.tensor([1, 8, 5, 2, 7])
    try:
        m.train_step(tr, IMAGES, t, torch.zeros_like(IMAGES), 9)
    except m.Diverged:
        return ["Diverged", tr.model.weights.detach()]
    return ["went on", tr.model.weights.detach()]


def fitted(m: ModuleType, done: int = 0, seconds: float = 0.0, **settings: Any) -> list[Any]:
    """The steps of a training, and the weights and the average at its end."""
    tr = training(m, **{"lr": 0.3, "warmup": 3, "ema_decay": 0.6, **settings})
    tr.step, tr.seconds = done, seconds
    told = [[step.step, step.loss, step.lr] for step in islice(m.fit(tr, IMAGES), 6)]
    return [told, tr.model.weights.detach(), tr.ema.weights, tr.step]


def by_the_clock(m: ModuleType) -> list[Any]:
    """How many steps fit into no time at all, and into the rest of a minute; whether the clock goes on."""
    told = []
    for seconds in (0.0, 59.9999999):
        tr = training(m, steps=None, minutes=1e-9 if not seconds else 1.0)
        tr.seconds = seconds
        told.append([len(list(islice(m.fit(tr, IMAGES), 3))), tr.seconds > seconds])
    tr = training(m, steps=None, minutes=1000.0)
    times = [step.seconds for step in islice(m.fit(tr, IMAGES), 4)]
    return [told, times == sorted(times)]


def timesteps(m: ModuleType) -> list[int]:
    """In which quarter of the schedule the largest timestep of twelve steps is, with t_below and without."""
    largest = []
    for t_below in (1, 25, None):
        tr = training(m, t_below=t_below, steps=12)
        list(islice(m.fit(tr, IMAGES), 12))
        largest.append(max(seen for _, seen, _ in tr.loss.seen))
    return [min(largest[0], 2), largest[1] // 25, largest[2] // 25]


def sizes(m: ModuleType) -> list[int]:
    """How many of 5 images each of two processes takes."""
    found: list[int] = []
    for rank in range(2):
        tr = training(m)
        with patch.object(distributed, "rank", lambda r=rank: r), patch.object(distributed, "world_size", lambda: 2):
            list(islice(m.fit(tr, IMAGES), 1))
        found += tr.loss.sizes
    return found


CALLS = [
    Call("learning_rate", lambda m: rates(m, 6)),
    Call("learning_rate", lambda m: rates(m, 0)),
    Call("update_ema", lambda m: averaged(m, 0, 0.99)),
    Call("update_ema", lambda m: averaged(m, 40, 0.6)),
    Call("update_ema", lambda m: averaged(m, 100_000, 0.99)),
    Call("draw_batch", lambda m: epochs(m, 1)),
    Call("draw_batch", lambda m: epochs(m, 2)),
    Call("draw_batch", dependence),
    Call("draw_batch", lambda m: [len(batches(m, step, n=20)[0][0]) for step in range(4)]),
    Call("draw_batch", distribution),
    Call("Training.load_state_dict", loaded),
    Call("train_step", lambda m: stepped(m, times=2)),
    Call("train_step", lambda m: stepped(m, size=3, accumulate=2)),
    Call("train_step", lambda m: stepped(m, grad_clip=0.5)),
    Call("train_step", lambda m: stepped(m, prediction="v")),
    Call("train_step", lambda m: broken(m, factor=torch.nan)),
    Call("train_step", lambda m: broken(m, factor=torch.inf)),
    Call("train_step", lambda m: broken(m, slope=torch.inf)),
    Call("train_step", lambda m: broken(m, slope=torch.nan)),
    Call("train_step", lambda m: broken(m, lr=torch.inf)[0]),
    Call("fit", fitted),
    Call("fit", lambda m: fitted(m, done=2)),
    Call("fit", lambda m: fitted(m, grad_clip=0.5)),
    Call("fit", lambda m: fitted(m, accumulate=2)),
    Call("fit", by_the_clock),
    Call("fit", timesteps),
    Call("fit", sizes),
]
