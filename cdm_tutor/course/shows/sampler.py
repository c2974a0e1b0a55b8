"""What there is to see of lesson 04: the way from noise to digits, as a filmstrip."""

from functools import partial
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor import sampler
from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_like, seeded

FRAMES = 10
NOISED = torch.tensor([50, 200, 350, 500, 600, 700, 800, 950])
TO_STEP = tuple(f"t = {t}" for t in NOISED.tolist())
ON_THE_WAY = tuple(f"t = {prev_t}" for _, prev_t in sampler.spaced_timesteps(1000, FRAMES))


def ask(m: ModuleType, x: Tensor, t: int) -> sampler.Guess:
    """The module's guess of what is under the noise."""
    return m.denoise(network().network, x, t, SCHEDULE, network().card.prediction)


def guessed(m: ModuleType, part: str) -> Tensor:
    """Digits under more and more noise: what is guessed to be under it, or to be the noise."""
    x_t = q_sample(digits(), NOISED, draw(8, 1, 28, 28), SCHEDULE)
    return torch.cat([getattr(ask(m, x[None], t), part) for x, t in zip(x_t, NOISED.tolist(), strict=True)])


def visited(m: ModuleType) -> Tensor:
    """The timesteps that ten steps visit."""
    return torch.tensor([t for t, _ in m.spaced_timesteps(1000, FRAMES)]).double()


def drawn_along(m: ModuleType) -> Tensor:
    """Digits, by the package's own DDIM, along the module's visits."""
    visits = m.spaced_timesteps(1000, FRAMES)
    steps = sampler.walk(sampler.ddim_step, partial(ask, sampler), draw(8, 1, 28, 28), visits, SCHEDULE, seeded(9), 0.0)
    return [x for _, x in steps][-1]


def one_way(m: ModuleType, step: str, **eta: float) -> Tensor:
    """One digit on its way, after each of ten steps."""
    generator, x, last, frames = seeded(7), draw(1, 1, 28, 28, seed=2), None, []
    for t, prev_t in sampler.spaced_timesteps(1000, FRAMES):
        guess = ask(m, x, t)
        given = (x, guess, last, prev_t) if step == "dpm_step" else (x, guess, prev_t)
        x = getattr(m, step)(*given, SCHEDULE, draw_like(x, generator), **eta)
        frames.append(x)
        last = guess
    return torch.cat(frames)


def by_the_posterior(m: ModuleType) -> Tensor:
    """One digit on its way, drawn with the module's mean and variance."""
    generator, x, frames = seeded(7), draw(1, 1, 28, 28, seed=2), []
    for t, prev_t in sampler.spaced_timesteps(1000, FRAMES):
        mean, variance = m.posterior(x, ask(m, x, t), prev_t, SCHEDULE)
        x = mean + variance**0.5 * draw_like(x, generator)
        frames.append(x)
    return torch.cat(frames)


def walked(m: ModuleType) -> Tensor:
    """One digit on its way with the solver that corrects itself."""
    visits, x_T = sampler.spaced_timesteps(1000, FRAMES), draw(1, 1, 28, 28, seed=2)
    return torch.cat([x for _, x in m.dpm_walk(partial(ask, m), x_T, visits, SCHEDULE, seeded(7), 1.0)])


def sampled(m: ModuleType) -> Tensor:
    """The same noise, by each solver: ddpm, ddim, dpm."""
    model, prediction, rows = network().network, network().card.prediction, []
    for solver in ("ddpm", "ddim", "dpm"):
        given = {"solver": solver, "steps": FRAMES, "prediction": prediction, "generator": seeded(8)}
        rows.append(m.sample(model, draw(8, 1, 28, 28), SCHEDULE, **given))
    return torch.cat(rows)


SHOWS = (
    Show("what is guessed to be under the noise", ("denoise",), partial(guessed, part="pred_x0"), TO_STEP),
    Show("what is guessed to be the noise", ("denoise",), partial(guessed, part="pred_noise"), TO_STEP),
    Show("the timesteps that ten steps visit", ("spaced_timesteps",), visited, ("step", "t")),
    Show("digits drawn along these timesteps", ("spaced_timesteps",), drawn_along),
    Show("ten draws from the posterior, one after the other", ("posterior",), by_the_posterior, ON_THE_WAY),
    Show("ten steps of DDPM", ("p_sample",), partial(one_way, step="p_sample"), ON_THE_WAY),
    Show("the same with eta = 0.5", ("p_sample",), partial(one_way, step="p_sample", eta=0.5), ON_THE_WAY),
    Show("ten steps of DDIM", ("ddim_step",), partial(one_way, step="ddim_step"), ON_THE_WAY),
    Show("the same with eta = 0.5", ("ddim_step",), partial(one_way, step="ddim_step", eta=0.5), ON_THE_WAY),
    Show("ten steps of DPM-Solver++", ("dpm_step",), partial(one_way, step="dpm_step"), ON_THE_WAY),
    Show("ten steps that are corrected", ("dpm_walk",), walked, ON_THE_WAY),
    Show("digits, by each solver in ten steps", ("sample",), sampled, columns=8),
)
