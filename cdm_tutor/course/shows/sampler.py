"""What there is to see of lesson 04: the way from noise to digits, as a filmstrip."""

from functools import partial
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor import sampler
from cdm_tutor.course.shows import Show, digits, draw, network
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.schedule import make_schedule

SCHEDULE = make_schedule("cosine")
FRAMES = 10
NOISED = torch.tensor([50, 200, 350, 500, 600, 700, 800, 950])


def ask(m: ModuleType, x: Tensor, t: int) -> sampler.Guess:
    """The module's guess of what is under the noise."""
    return m.denoise(network().network, x, t, SCHEDULE, network().card.prediction)


def guessed(m: ModuleType) -> Tensor:
    """Digits under more and more noise: what is guessed to be under it."""
    x_t = q_sample(digits(), NOISED, draw(8, 1, 28, 28), SCHEDULE)
    return torch.cat([ask(m, x[None], t).pred_x0 for x, t in zip(x_t, NOISED.tolist(), strict=True)])


def visited(m: ModuleType) -> Tensor:
    """The timesteps that ten steps visit."""
    return torch.tensor([t for t, _ in m.spaced_timesteps(1000, FRAMES)]).double()


def one_way(m: ModuleType, step: str) -> Tensor:
    """One digit on its way, after each of ten steps."""
    generator, x, last, frames = seeded(7), draw(1, 1, 28, 28, seed=2), None, []
    for t, prev_t in sampler.spaced_timesteps(1000, FRAMES):
        guess = ask(m, x, t)
        given = (x, guess, last, prev_t) if step == "dpm_step" else (x, guess, prev_t)
        x = getattr(m, step)(*given, SCHEDULE, draw_like(x, generator))
        frames.append(x)
        last = guess
    return torch.cat(frames)


def means(m: ModuleType) -> Tensor:
    """One digit on its way, by the posterior's mean alone."""
    x, frames = draw(1, 1, 28, 28, seed=2), []
    for t, prev_t in sampler.spaced_timesteps(1000, FRAMES):
        x, _ = m.posterior(x, ask(m, x, t), prev_t, SCHEDULE)
        frames.append(x)
    return torch.cat(frames)


def walked(m: ModuleType) -> Tensor:
    """One digit on its way with the solver that corrects itself."""
    visits, x_T = sampler.spaced_timesteps(1000, FRAMES), draw(1, 1, 28, 28, seed=2)
    return torch.cat([x for _, x in m.dpm_walk(partial(ask, m), x_T, visits, SCHEDULE, seeded(7), 1.0)])


def sampled(m: ModuleType) -> Tensor:
    """Digits."""
    given = {"generator": seeded(8), "steps": FRAMES, "prediction": network().card.prediction}
    return m.sample(network().network, draw(8, 1, 28, 28), SCHEDULE, **given)


SHOWS = (
    Show("guesses", ("denoise",), guessed, tuple(f"t = {t}" for t in NOISED.tolist())),
    Show("the steps that are visited", ("spaced_timesteps",), visited, ("step", "t")),
    Show("ten steps by the posterior's mean", ("posterior",), means),
    Show("ten steps of DDPM", ("p_sample",), partial(one_way, step="p_sample")),
    Show("ten steps of DDIM", ("ddim_step",), partial(one_way, step="ddim_step")),
    Show("ten steps of DPM-Solver++", ("dpm_step",), partial(one_way, step="dpm_step")),
    Show("ten steps that are corrected", ("dpm_walk",), walked),
    Show("digits", ("sample",), sampled),
)
