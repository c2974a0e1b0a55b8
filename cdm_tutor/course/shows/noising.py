"""What there is to see of lesson 02: a digit noised, and what a trained network guesses was under the noise."""

from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.noising import q_sample

STEPS = torch.tensor([0, 100, 200, 300, 400, 500, 600, 700, 800, 950])
FINE = torch.arange(0, 1000, 25)
LABELS = tuple(f"t = {t}" for t in STEPS.tolist())


def mixed() -> tuple[Tensor, Tensor, Tensor]:
    """One digit, as often as there are steps; the noise; the digit under that noise."""
    noise = draw(1, 28, 28).expand(len(STEPS), 1, 28, 28)
    x0 = digits()[5].expand_as(noise)
    return x0, noise, q_sample(x0, STEPS, noise, SCHEDULE)


def answers() -> tuple[Tensor, Tensor]:
    """What the trained network that comes with the package says of the noised digits: the velocity, and the noise."""
    _, _, x_t = mixed()
    with torch.no_grad():
        v = network().network(x_t, STEPS)
    signal, sigma = (
        table[STEPS].reshape(-1, 1, 1, 1)
        for table in (SCHEDULE.sqrt_alphas_cumprod, SCHEDULE.sqrt_one_minus_alphas_cumprod)
    )
    return v, sigma * x_t + signal * v


def gathered(m: ModuleType) -> Tensor:
    """A digit as often as it has columns, so that stripes can be seen: each dimmed as at a later step."""
    x0 = digits()[5].expand(28, 1, 28, 28)
    return m.gather(SCHEDULE.sqrt_alphas_cumprod, torch.linspace(0, 999, 28).long(), x0) * x0


def noised(m: ModuleType) -> Tensor:
    """The digit under more and more noise."""
    x0, noise, _ = mixed()
    return m.q_sample(x0, STEPS, noise, SCHEDULE)


def guessed(m: ModuleType) -> Tensor:
    """The digit that the network's answer for the noise stands for."""
    _, _, x_t = mixed()
    return m.predict_x0(x_t, STEPS, answers()[1], SCHEDULE)


def guessed_from_v(m: ModuleType) -> Tensor:
    """The digit that the network's answer for the velocity stands for."""
    _, _, x_t = mixed()
    return m.predict_x0_from_velocity(x_t, STEPS, answers()[0], SCHEDULE)


def the_noise(m: ModuleType) -> Tensor:
    """The noise that was added."""
    x0, _, x_t = mixed()
    return m.predict_noise(x_t, STEPS, x0, SCHEDULE)


def the_velocity(m: ModuleType) -> Tensor:
    """The velocity."""
    x0, noise, _ = mixed()
    return m.velocity(x0, STEPS, noise, SCHEDULE)


def losses(m: ModuleType) -> Tensor:
    """How far the network is off at steps from the first to the last."""
    x0, noise = (each.expand(len(FINE), 1, 28, 28) for each in (digits()[5], draw(1, 28, 28)))
    with torch.no_grad():
        return m.denoising_loss(network().network, x0, FINE, noise, SCHEDULE, network().card.prediction)


SHOWS = (
    Show("28 times a digit, each dimmed by an entry of its own", ("gather",), gathered, columns=14),
    Show("a digit, noised", ("q_sample",), noised, LABELS),
    Show("the digit, from the noise that a trained network names", ("predict_x0",), guessed, LABELS),
    Show("the noise, found again", ("predict_noise",), the_noise, LABELS),
    Show("the velocity: what x_t does not show", ("velocity",), the_velocity, LABELS),
    Show("the digit, from the velocity that it names", ("predict_x0_from_velocity",), guessed_from_v, LABELS),
    Show("loss of a trained network on one digit", ("denoising_loss",), losses, ("t / 25", "loss")),
)
