"""What there is to see of lesson 01: how a digit drowns, and what is sampled by one's own tables."""

from functools import partial
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import denoise, posterior, sample

COLUMNS = 10
LAST = 60  # steps, walked one by one


def shown(T: int) -> Tensor:
    """The steps that are shown of T, the first and the last among them."""
    return torch.linspace(0, T - 1, COLUMNS).long()


def labels(T: int) -> tuple[str, ...]:
    """What stands above them."""
    return tuple(f"t = {t}" for t in shown(T).tolist())


def drowned(m: ModuleType, betas: str, T: int) -> Tensor:
    """A digit under more and more noise."""
    schedule = m.NoiseSchedule.from_betas(getattr(m, betas)(T))
    noise = draw(1, 28, 28).expand(COLUMNS, 1, 28, 28)
    return q_sample(digits()[3].expand_as(noise), shown(T), noise, schedule)


def left(m: ModuleType, betas: str) -> Tensor:
    """How much of the image's variance is left after each of 1000 steps."""
    return (1 - getattr(m, betas)(1000)).cumprod(0)


def noise_levels(m: ModuleType) -> Tensor:
    """log-SNR of the cosine schedule."""
    return m.make_schedule("cosine").log_snr.double()


def walked_back(m: ModuleType) -> Tensor:
    """Digits noised a little, and walked back one step after the other, with fresh noise of that variance."""
    generator, trained = seeded(3), network()
    variance = m.make_schedule("cosine").posterior_variance.tolist()
    x = q_sample(digits(), torch.full((8,), LAST), draw(8, 1, 28, 28), SCHEDULE)
    for t in range(LAST, -1, -1):
        guess = denoise(trained.network, x, t, SCHEDULE, trained.card.prediction)
        mean, _ = posterior(x, guess, t - 1, SCHEDULE)
        x = mean + variance[t] ** 0.5 * torch.randn(x.shape, generator=generator)
    return x


def sampled(m: ModuleType) -> Tensor:
    """Digits, drawn by the trained network that comes with the package."""
    schedule, prediction = m.make_schedule("cosine"), network().card.prediction
    return sample(
        network().network, draw(8, 1, 28, 28), schedule, generator=seeded(10), steps=20, prediction=prediction
    )


LINEAR, COSINE, TABLES = ("linear_betas",), ("cosine_betas",), ("NoiseSchedule.from_betas",)
SHOWS = (
    Show("linear, 1000 steps: a digit drowns", LINEAR, partial(drowned, betas=LINEAR[0], T=1000), labels(1000)),
    Show("linear, 50 steps: it drowns as well", LINEAR, partial(drowned, betas=LINEAR[0], T=50), labels(50)),
    Show("cosine, 1000 steps: the same digit drowns", COSINE, partial(drowned, betas=COSINE[0], T=1000), labels(1000)),
    Show("cosine: how much of the image is left", COSINE, partial(left, betas=COSINE[0]), ("t", "share of variance")),
    Show("log_snr of the cosine schedule", TABLES, noise_levels, ("t", "log-SNR")),
    Show("the last 60 steps, walked back with your posterior_variance", TABLES, walked_back),
    Show("digits, drawn from nothing but noise on your tables", TABLES, sampled),
)
