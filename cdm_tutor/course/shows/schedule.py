"""What there is to see of lesson 01: how a digit drowns, and what is sampled by one's own tables."""

from dataclasses import replace
from functools import partial
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.course.shows import Show, digits, draw, network
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import denoise, posterior, sample
from cdm_tutor.schedule import NoiseSchedule, make_schedule

STEPS = torch.arange(0, 1000, 111)
LABELS = tuple(f"t = {t}" for t in STEPS.tolist())
LAST = 60  # steps, walked one by one


def drowned(m: ModuleType, betas: str) -> Tensor:
    """A digit under more and more noise."""
    schedule = m.NoiseSchedule.from_betas(getattr(m, betas)(1000))
    noise = draw(1, 28, 28).expand(len(STEPS), 1, 28, 28)
    return q_sample(digits()[3].expand_as(noise), STEPS, noise, schedule)


def walked_back(m: ModuleType) -> Tensor:
    """Digits noised a little, and walked back one step after the other, with fresh noise of that variance."""
    schedule, generator, trained = make_schedule("cosine"), seeded(3), network()
    variance = m.posterior_variance(*(table.double() for table in tables(schedule))).tolist()
    x = q_sample(digits(), torch.full((8,), LAST), draw(8, 1, 28, 28), schedule)
    for t in range(LAST, -1, -1):
        guess = denoise(trained.network, x, t, schedule, trained.card.prediction)
        mean, _ = posterior(x, guess, t - 1, schedule)
        x = mean + variance[t] ** 0.5 * torch.randn(x.shape, generator=generator)
    return x


def tables(schedule: NoiseSchedule) -> tuple[Tensor, Tensor, Tensor]:
    """What the posterior variance is made of."""
    return schedule.betas, schedule.alphas_cumprod, schedule.alphas_cumprod_prev


def noise_levels(m: ModuleType) -> Tensor:
    """log-SNR of the cosine schedule."""
    return m.log_snr(make_schedule("cosine").alphas_cumprod.double())


def sampled(m: ModuleType, solver: str, only_log_snr: bool = False) -> Tensor:
    """Digits, drawn by the trained network that comes with the package."""
    schedule = m.NoiseSchedule.from_betas(m.cosine_betas(1000))
    if only_log_snr:
        schedule = replace(make_schedule("cosine"), log_snr=noise_levels(m).float())
    return sample(
        network().network,
        draw(8, 1, 28, 28),
        schedule,
        generator=seeded(4),
        solver=solver,
        steps=10,
        prediction=network().card.prediction,
    )


SHOWS = (
    Show("linear: a digit drowns", ("linear_betas",), partial(drowned, betas="linear_betas"), LABELS),
    Show("cosine: the same digit drowns", ("cosine_betas",), partial(drowned, betas="cosine_betas"), LABELS),
    Show("the last 60 steps, walked back with your variance", ("posterior_variance",), walked_back),
    Show("log-SNR of the cosine schedule", ("log_snr",), noise_levels, ("t", "log-SNR")),
    Show("digits, ten steps by your log-SNR", ("log_snr",), partial(sampled, solver="dpm", only_log_snr=True)),
    Show("digits, sampled on your tables", ("NoiseSchedule.from_betas",), partial(sampled, solver="ddim")),
)
