"""The calls by which mistakes in lesson 04 are told apart.

Right solutions may draw their noise in any order, so whatever was drawn is answered only roughly.
"""

import math
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.course.lesson import Call
from cdm_tutor.schedule import NoiseSchedule, make_schedule

SCHEDULE = NoiseSchedule.from_betas(torch.tensor([0.05 + 0.04 * t for t in range(12)], dtype=torch.float64))
NOISE = torch.tensor([0.7, -1.3, 0.4, 1.9]).reshape(2, 1, 1, 2)
OLD_NOISE = torch.tensor([-0.6, 1.2, 0.9, -1.7]).reshape(2, 1, 1, 2)
LAST_GUESS = torch.tensor([0.15, -0.5, 1.6, -0.75]).reshape(
    2, 1, 1, 2
)  # how that step's guesses differ from this one's
IMAGE = torch.tensor([0.8, -0.35, -0.9, 0.25]).reshape(2, 1, 1, 2)
X_T = torch.tensor([-2.3, 0.4, 1.1, 2.9]).reshape(2, 1, 1, 2)


def mix(t: int) -> tuple[float, float]:
    """How much image and how much noise is in x_t."""
    bar = math.prod(1 - beta for beta in SCHEDULE.betas[: t + 1].tolist())
    return math.sqrt(bar), math.sqrt(1 - bar)


class Network:
    """Answers with a mix of what it is shown, and keeps a record of the t that it is asked about."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def __call__(self, x_t: Tensor, t: Any) -> Tensor:
        self.asked.append([str(t.dtype), list(t.shape), t.tolist()] if isinstance(t, Tensor) else str(t))
        return 0.6 * x_t + 0.3


class Gaussian:
    """The ideal network for data N(mu, s^2); it predicts v."""

    def __init__(self, mu: float, s: float) -> None:
        self.mu, self.s = mu, s

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        signal, sigma = mix(int(t[0]))
        gain = signal * self.s**2 / (signal**2 * self.s**2 + sigma**2)
        x0 = self.mu + gain * (x_t - signal * self.mu)
        return (signal * x_t - x0) / sigma


def guess_of(m: ModuleType, t: int, shift: Tensor | float = 0.0) -> tuple[Tensor, Any]:
    """An x_t and what it is made of."""
    signal, sigma = mix(t)
    image, noise = IMAGE + shift, OLD_NOISE - 2 * shift
    return signal * image + sigma * noise, m.Guess(t, image, noise)


def spaced(m: ModuleType) -> list[int]:
    """Visits that are not a whole number of steps apart, roughly, for right solutions round them up or down."""
    pairs = m.spaced_timesteps(1000, 300)
    return [len(pairs), pairs[0][0], pairs[-1][0] // 50, pairs[-1][1]]


def denoised(m: ModuleType, t: int, *prediction: str) -> list[Any]:
    """The guess, what was asked, and whether gradients are kept."""
    network, weight = Network(), torch.ones(1, requires_grad=True)
    guess = m.denoise(lambda x_t, t: weight * network(x_t, t), X_T, t, SCHEDULE, *prediction)
    return [guess.t, guess.pred_x0, guess.pred_noise, guess.pred_x0.requires_grad, network.asked]


def the_posterior(m: ModuleType, t: int, prev_t: int) -> list[Any]:
    """Mean and variance."""
    mean, variance = m.posterior(*guess_of(m, t), prev_t, SCHEDULE)
    return [mean, float(variance)]


def stepped(m: ModuleType, step: str, t: int, prev_t: int, *eta: float) -> Tensor:
    """One step, of the kind that step names."""
    return getattr(m, step)(*guess_of(m, t), prev_t, SCHEDULE, NOISE, *eta)


def leaned(m: ModuleType, t: int, prev_t: int, *eta: float, last_t: int | None = None) -> Tensor:
    """One step of dpm, the first or after another."""
    last = guess_of(m, last_t, LAST_GUESS)[1] if last_t else None
    return m.dpm_step(*guess_of(m, t), last, prev_t, SCHEDULE, NOISE, *eta)


def walked(m: ModuleType, solver: str, steps: int) -> list[Any]:
    """All x of a walk without fresh noise, whose guesses are sometimes clipped."""
    path: list[Tensor] = []
    generator, x_T = torch.Generator().manual_seed(0), X_T.clone()
    options = {"generator": generator, "solver": solver, "steps": steps, "eta": 0.0, "prediction": "v"}
    x = m.sample(Gaussian(0.2, 0.6), x_T, SCHEDULE, on_step=lambda _, x: path.append(x.clone()), **options)
    return [x, path, x_T]


def asked(m: ModuleType, solver: str, steps: int = 4) -> list[Any]:
    """What the network is asked in a walk without fresh noise, and whether gradients are kept."""
    network, weight = Network(), torch.ones(1, requires_grad=True)
    options = {"generator": torch.Generator().manual_seed(0), "solver": solver, "steps": steps, "eta": 0.0}
    x = m.sample(lambda x_t, t: weight * network(x_t, t), X_T.clone(), SCHEDULE, **options)
    return [network.asked, x, x.requires_grad]


def asked_of_many(m: ModuleType) -> list[Any]:
    """What the network is asked if there are more than a thousand noising steps."""
    network, schedule = Network(), make_schedule("cosine", 1200)
    m.sample(network, X_T.clone(), schedule, generator=torch.Generator().manual_seed(0), steps=4, prediction="v")
    return network.asked


def wandered(m: ModuleType, solver: str, **eta: float) -> list[Any]:
    """Where walks with fresh noise are at each step, roughly, if all images are grey and the guess is always right.

    The mean in tenths; the standard deviation in steps of a tenth of itself; how alike two images are; and in thirds,
    whether the second step goes on from where the first one led.
    """
    path: list[Tensor] = []
    x_T, generator = torch.ones(2, 1, 128, 128), torch.Generator().manual_seed(0)
    options = {"generator": generator, "solver": solver, "steps": 4, "prediction": "v", **eta}
    m.sample(Gaussian(0.0, 0.0), x_T, SCHEDULE, on_step=lambda _, x: path.append(x.clone()), **options)
    answers: list[Any] = [len(path)]
    right = RIGHT[solver, eta.get("eta", 1.0)]
    for x, (mean, std) in zip(path, right, strict=True):
        found = x.std().item()
        answers.append(round((x.mean().item() - mean) / 0.1))
        answers.append("none" if found < 1e-3 else round(10 * math.log(found / std)) if std else "some")
        answers.append(round(correlation(x[0], x[1])))
    before, after = path[0], path[1]
    fresh = after - before * (right[1][0] / right[0][0])  # what the second step added
    return [*answers, round(3 * correlation(before, fresh))]


def correlation(a: Tensor, b: Tensor) -> float:
    """Between -1 and 1; 0 if one does not vary."""
    a, b = a - a.mean(), b - b.mean()
    return ((a * b).mean() / (a.square().mean() * b.square().mean()).sqrt().clamp(min=1e-9)).item()


def grey_walk(solver: str, eta: float) -> list[tuple[float, float]]:
    """Mean and standard deviation at each step of `wandered`, in plain numbers: x_prev = kept * x_t + fresh * noise."""
    mean, std, path = 1.0, 0.0, []
    for t, prev_t in [(11, 8), (8, 5), (5, 2)]:
        (signal, sigma), (signal_prev, sigma_prev) = mix(t), mix(prev_t)
        alpha = (signal / signal_prev) ** 2
        if solver == "dpm":
            h = math.log(signal_prev / sigma_prev * sigma / signal)
            kept, fresh = sigma_prev / sigma * math.exp(-eta * h), sigma_prev * math.sqrt(1 - math.exp(-2 * eta * h))
        else:
            fresh = eta * math.sqrt(1 - alpha) * sigma_prev / sigma
            kept = math.sqrt(sigma_prev**2 - fresh**2) / sigma
        if solver == "ddpm":
            kept = math.sqrt(alpha) * sigma_prev**2 / sigma**2
        mean, std = kept * mean, math.hypot(kept * std, fresh)
        path.append((mean, std))
    return [*path, (0.0, 0.0)]


RIGHT = {(solver, eta): grey_walk(solver, eta) for solver in ("ddpm", "ddim", "dpm") for eta in (1.0, 0.5)}

CALLS = [
    Call("denoise", lambda m: denoised(m, 4)),
    Call("denoise", lambda m: denoised(m, 4, "v")),
    Call("denoise", lambda m: denoised(m, 10, "v")),
    Call("spaced_timesteps", lambda m: m.spaced_timesteps(1000, 4)),
    Call("spaced_timesteps", lambda m: m.spaced_timesteps(12, 3)),
    Call("spaced_timesteps", spaced),
    Call("posterior", lambda m: the_posterior(m, 9, 4)),
    Call("posterior", lambda m: the_posterior(m, 5, 4)),
    Call("posterior", lambda m: the_posterior(m, 3, -1)),
    Call("p_sample", lambda m: stepped(m, "p_sample", 9, 4)),
    Call("p_sample", lambda m: stepped(m, "p_sample", 9, 4, 0.4)),
    Call("p_sample", lambda m: stepped(m, "p_sample", 3, -1)),
    Call("ddim_step", lambda m: stepped(m, "ddim_step", 9, 4)),
    Call("ddim_step", lambda m: stepped(m, "ddim_step", 9, 4, 0.3)),
    Call("ddim_step", lambda m: stepped(m, "ddim_step", 3, -1, 0.3)),
    Call("ddim_step", lambda m: the_posterior(m, 9, 4)),  # of which it sees only the variance
    Call("dpm_step", lambda m: leaned(m, 9, 4)),
    Call("dpm_step", lambda m: leaned(m, 7, 4, 0.0, last_t=9)),
    Call("dpm_step", lambda m: leaned(m, 7, 4, 0.6, last_t=11)),
    Call("dpm_step", lambda m: leaned(m, 4, -1, 0.6, last_t=9)),
    Call("dpm_walk", lambda m: walked(m, "dpm", 3)),
    Call("dpm_walk", lambda m: walked(m, "dpm", 6)),
    Call("dpm_walk", lambda m: asked(m, "dpm")),
    Call("dpm_walk", lambda m: wandered(m, "dpm")),
    Call("dpm_walk", lambda m: torch.equal(seeded(m, 3), seeded(m, 3))),
    Call("dpm_walk", lambda m: torch.equal(seeded(m, 3), seeded(m, 4))),
    Call("sample", lambda m: walked(m, "ddpm", 4)),
    Call("sample", lambda m: walked(m, "ddim", 4)),
    Call("sample", lambda m: walked(m, "dpm", 3)),
    Call("sample", lambda m: walked(m, "dpm", 6)),
    Call("sample", lambda m: asked(m, "ddim")),
    Call("sample", asked_of_many),
    Call("sample", lambda m: asked(m, "ddim", steps=len(SCHEDULE) + 1)),
    Call("sample", lambda m: denoised(m, 4, "v")),  # is it sample that forgets the prediction, or denoise?
    Call("sample", spaced),
    Call("sample", lambda m: wandered(m, "ddpm")),
    Call("sample", lambda m: wandered(m, "ddpm", eta=0.5)),
    Call("sample", lambda m: wandered(m, "ddim", eta=0.5)),
    Call("sample", lambda m: wandered(m, "dpm")),
    Call("sample", lambda m: torch.equal(seeded(m, 3), seeded(m, 3))),
    Call("sample", lambda m: torch.equal(seeded(m, 3), seeded(m, 4))),
]


def seeded(m: ModuleType, seed: int) -> Tensor:
    """To be called twice, with generators of the same seed or of others."""
    generator = torch.Generator().manual_seed(seed)
    return m.sample(Gaussian(0.2, 0.6), X_T.clone(), SCHEDULE, generator=generator, steps=3, prediction="v")
