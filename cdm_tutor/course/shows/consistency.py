"""What there is to see of lesson 08: jumps, how far guesses drift, what the tuning compares, digits in a few jumps."""

from functools import cache
from types import ModuleType

import torch
from torch import Tensor, nn

from cdm_tutor import consistency
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.data import load_sample
from cdm_tutor.noising import Model, q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Training

LAST = len(SCHEDULE) - 1
NOISED = (-1, 100, 300, 450, 600, 750, 900, LAST)  # steps from which a digit is jumped to
HALVINGS = (0, 1, 2, 4)
JUMPS = (1, 2, 4)
TRAINED = 24  # steps of the tiny training


@cache
def consistent() -> Trained:
    """The consistency network that comes with the package."""
    return load_weights(shipped_weights("mnist", "consistency"))


@torch.no_grad()
def from_noise(m: ModuleType) -> Tensor:
    """The same noise in one jump, by the network that was trained to denoise and by the one that is consistent."""
    x_T, t = draw(8, 1, 28, 28), torch.full((8,), LAST)
    return torch.cat([m.jump(each.network, x_T.clone(), t, SCHEDULE) for each in (network(), consistent())])


@torch.no_grad()
def from_every_step(m: ModuleType) -> Tensor:
    """A digit under more and more of the same noise, and where the jump from each leads."""
    t, x0 = torch.tensor(NOISED), digits()[2:3].repeat(8, 1, 1, 1)
    noised = q_sample(x0, t.clamp(min=0), draw(1, 1, 28, 28).repeat(8, 1, 1, 1), SCHEDULE)
    x_t = torch.where((t < 0)[:, None, None, None], x0, noised)
    return torch.cat([x_t, m.jump(consistent().network, x_t.clone(), t.clone(), SCHEDULE)])


@torch.no_grad()
def drifts(m: ModuleType) -> Tensor:
    """Along four paths of the plain network, how far its own jumps are from the end, then the consistent network's."""
    points = consistency.path(network().network, draw(4, 1, 28, 28), SCHEDULE, 10)
    return torch.cat([m.drift(each.network, points, SCHEDULE).mean(dim=1) for each in (network(), consistent())])


def earlier_steps(m: ModuleType) -> Tensor:
    """For every tenth step the earlier one, by the number of halvings."""
    return torch.cat([m.earlier(torch.arange(9, 1000, 10), halvings).float() for halvings in HALVINGS])


def distances(m: ModuleType) -> Tensor:
    """Of images that differ by 0 to 0.1 in each pixel: robust distance, then the parabola that it begins as."""
    apart = torch.linspace(0, 0.1, 101)
    images = apart[:, None, None, None].expand(101, 1, 4, 4)
    return torch.cat([m.robust_distance(images, torch.zeros_like(images)), apart**2 / (2 * consistency.HUBER)])


@torch.no_grad()
def losses(m: ModuleType) -> Tensor:
    """Of a digit at every 25th step, with three halvings: the loss of the plain network, then of the consistent one."""
    t = torch.arange(24, 1000, 25)
    x0, noise = (each.repeat(len(t), 1, 1, 1) for each in (digits()[2:3], draw(1, 1, 28, 28)))
    both: tuple[Model, ...] = (network().network, consistent().network)
    return torch.cat([m.consistency_loss(each, x0, t, noise.clone(), SCHEDULE, "v", 3.0) for each in both])


class Asked(nn.Module):
    """A network of one weight, which remembers what steps it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.asked: list[float] = []

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        self.asked.append(t.double().mean().item())
        return self.weight * x_t


def how_far_apart(m: ModuleType) -> Tensor:
    """At each step of a tiny training, how much of the way lies between the two steps that are compared."""
    model, shares = Asked(), []
    training = Training(model, SCHEDULE, TrainSettings(steps=TRAINED, batch=8, prediction="v"))
    for _ in m.tune(training, load_sample("mnist").x0[::50, :, :4, :4].clone()):
        shares.append(1 - min(model.asked) / max(model.asked))
        model.asked.clear()
    return torch.tensor(shares)


@torch.no_grad()
def in_jumps(m: ModuleType) -> Tensor:
    """The same noise in one jump, in two and in four."""
    model = consistent().network
    rows = [m.sample_by_jumps(model, draw(8, 1, 28, 28), SCHEDULE, generator=seeded(5), steps=n) for n in JUMPS]
    return torch.cat(rows)


SHOWS = (
    Show(
        "noise in one jump: the network of lesson 03, above, and the package's consistency network, below",
        ("jump",),
        from_noise,
        columns=8,
    ),
    Show(
        "a digit under more and more noise, and one jump from each",
        ("jump",),
        from_every_step,
        ("clean", *(f"t = {t}" for t in NOISED[1:])),
        columns=8,
    ),
    Show(
        "drift from noise to the end of the path: the network of lesson 03, then the consistency network",
        ("drift",),
        drifts,
        ("points, 11 of each network", "drift"),
    ),
    Show(
        f"the earlier step, with {', '.join(map(str, HALVINGS[:-1]))} and {HALVINGS[-1]} halvings",
        ("earlier",),
        earlier_steps,
        ("t / 10, from 0 again with each number of halvings", "r"),
    ),
    Show(
        "images that differ by 0 to 0.1: their robust distance; then the square of it, over 2 HUBER",
        ("robust_distance",),
        distances,
        ("1000 times the difference, and again", "distance"),
    ),
    Show(
        "loss of a digit with three halvings: the network of lesson 03, then the consistency network",
        ("consistency_loss",),
        losses,
        ("t / 25, and again", "loss"),
    ),
    Show(
        "a tiny training: how much of the way lies between the steps that are compared",
        ("tune",),
        how_far_apart,
        ("training step", "share of the way"),
    ),
    Show(
        "the same noise in one jump, in two and in four",
        ("sample_by_jumps",),
        in_jumps,
        columns=8,
    ),
)
