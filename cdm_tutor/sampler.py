"""Stage 4, the sampler: start from pure noise and walk back to an image, asking the network at each step.

Three ways to step from x_t to the less noisy x_prev: DDPM draws from the posterior; DDIM keeps the guessed noise, so
that steps may be long; DPM-Solver++ looks at two guesses, so that they may be longer still. A solver takes all steps.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from cdm_tutor.noising import Model, Prediction, predict_noise, predict_x0, predict_x0_from_velocity
from cdm_tutor.randomness import draw_like
from cdm_tutor.schedule import NoiseSchedule


@dataclass(frozen=True)
class Guess:
    """What the model thinks x_t is made of: pred_x0 in [-1, 1] and pred_noise, each (B, C, H, W)."""

    t: int
    pred_x0: Tensor
    pred_noise: Tensor


Ask = Callable[[Tensor, int], Guess]  # denoise, as a function of x_t and t
Step = Callable[[Tensor, Guess, int, NoiseSchedule, Tensor, float], Tensor]  # from x_t to x_prev
Visits = list[tuple[int, int]]  # pairs (t, prev_t), as from spaced_timesteps
Walk = Iterator[tuple[Guess, Tensor]]  # each guess on the way, and the x_prev it led to
OnStep = Callable[[Guess, Tensor], None]  # is told each step of a Walk


@torch.no_grad()
def denoise(model: Model, x_t: Tensor, t: int, schedule: NoiseSchedule, prediction: Prediction = "noise") -> Guess:
    """Ask the model once: which clean image, and which noise, is x_t made of?

    No image leaves [-1, 1], so the guessed image is clipped, and the noise is computed again from what is left:
    the two must add up to x_t, or more steps make worse pictures.

    Args:
        model: maps (x_t, t) to a prediction of x_t's shape.
        x_t: (B, C, H, W) images, all noised to step t.
        t: the step, in [0, T).
        schedule: the noise schedule, of length T.
        prediction: what the model predicts, "noise" or "v".
    """
    steps = torch.full((len(x_t),), t, device=x_t.device)
    to_x0 = predict_x0 if prediction == "noise" else predict_x0_from_velocity
    pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)
    return Guess(t, pred_x0, predict_noise(x_t, steps, pred_x0, schedule))


def spaced_timesteps(T: int, steps: int) -> list[tuple[int, int]]:
    """The steps to visit, evenly spaced from T - 1 down, as pairs (t, prev_t); the last prev_t is -1.

    T = 1000, steps = 4: [(999, 749), (749, 499), (499, 249), (249, -1)]. ValueError if steps is not between 1 and T.
    """
    if not 1 <= steps <= T:
        raise ValueError(f"expected between 1 and {T} sampling steps, got {steps}")
    visited = [round(T - i * T / steps) - 1 for i in range(steps)]
    return list(zip(visited, [*visited[1:], -1], strict=True))


def levels(schedule: NoiseSchedule, t: int) -> tuple[float, float]:
    """How much image and how much noise is in x_t, as two numbers; (1, 0) at t = -1, the clean image."""
    if t < 0:
        return 1.0, 0.0
    return schedule.sqrt_alphas_cumprod[t].item(), schedule.sqrt_one_minus_alphas_cumprod[t].item()


def posterior(x_t: Tensor, guess: Guess, prev_t: int, schedule: NoiseSchedule) -> tuple[Tensor, float]:
    """Mean and variance of q(x_prev | x_t, x_0): where x_prev lies when both its neighbours are known.

    x_prev is x0 noised to prev_t; and x_t is x_prev noised by the stride, which keeps alpha_bar_t / alpha_bar_prev of
    its variance. Bayes' rule multiplies the two Gaussians. By hand: alpha_bar .16 at t and .64 at prev_t, x0 = .5 and
    x_t = 1 give the mean 4/7 and the variance 9/28. At prev_t = -1 the mean is x0 and the variance 0.

    Ho et al. 2020, equations 6 and 7, here for strides of any length. x_t: (B, C, H, W) images at step guess.t;
    guess: what they are made of, its pred_x0 stands for x0; prev_t: the step to go to, -1 for the clean image.
    """
    signal_t, sigma_t = levels(schedule, guess.t)
    signal_prev, sigma_prev = levels(schedule, prev_t)
    alpha = (signal_t / signal_prev) ** 2
    beta = sigma_t**2 - alpha * sigma_prev**2  # 1 - alpha, but exact where alpha is nearly 1
    mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2
    return mean, beta * sigma_prev**2 / sigma_t**2


def p_sample(
    x_t: Tensor, guess: Guess, prev_t: int, schedule: NoiseSchedule, noise: Tensor, eta: float = 1.0
) -> Tensor:
    """One DDPM step: draw x_prev from the posterior.

    By hand: mean .35, variance 9/28 and noise 2 give 1.484; with eta = .5, half as far from the mean, .917.
    Ho et al. 2020, algorithm 2. noise: (B, C, H, W) standard normal; eta: the share of fresh noise, 1 for DDPM; the
    other arguments as in posterior.
    """
    mean, variance = posterior(x_t, guess, prev_t, schedule)
    return mean + eta * math.sqrt(variance) * noise


def ddim_step(
    x_t: Tensor, guess: Guess, prev_t: int, schedule: NoiseSchedule, noise: Tensor, eta: float = 0.0
) -> Tensor:
    """One DDIM step: noise the guessed image again, only to prev_t, with the noise that was guessed.

    A part of it gives way to fresh noise, of eta**2 times the posterior's variance; both together have the variance
    that belongs to prev_t. (With eta = 1 rounding may bring what is left for the old noise below 0: take 0 for it.)
    By hand: alpha_bar .16 at t and .64 at prev_t, pred_x0 = .5, pred_noise = -1 and noise = 2 give -.2 for eta = 0 and
    1.337 for eta = 1. Song et al. 2021, equations 12 and 16. Arguments as in p_sample.
    """
    signal_prev, sigma_prev = levels(schedule, prev_t)
    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]
    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) * guess.pred_noise
    return kept + math.sqrt(variance) * noise


def dpm_step(
    x_t: Tensor, guess: Guess, last: Guess | None, prev_t: int, schedule: NoiseSchedule, noise: Tensor, eta: float = 1.0
) -> Tensor:
    """One step of DPM-Solver++(2M): lean on where the guess is heading, not only on where it is.

    In the stride before, the guess moved from last.pred_x0 to pred_x0. The image to aim at is where it will be half-way
    through this stride if it goes on so, with strides as stride_length measures them. At the first step there is none
    before, and the final stride, to -1, has no length: there the aim is pred_x0. By hand: the guess was .1 and is .3,
    and this stride is twice the one before; half of it is as long as that, so the aim is .5.
    eta = 0 is the plain solver, 1 the stochastic one. Lu et al. 2022, arXiv 2211.01095. last: the guess of the step
    before, None at the first; the other arguments as in p_sample.
    """
    ahead = guess.pred_x0
    if last and prev_t >= 0:
        h, h_last = stride_length(schedule, guess.t, prev_t), stride_length(schedule, last.t, guess.t)
        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))
    return first_order_step(x_t, guess.t, prev_t, ahead, schedule, noise, eta)


def first_order_step(
    x_t: Tensor, t: int, prev_t: int, pred_x0: Tensor, schedule: NoiseSchedule, noise: Tensor, eta: float
) -> Tensor:
    """Go from t to prev_t, exactly so if pred_x0 were the right image all the way.

        keep = exp(-(1 + eta) * h),  h = stride_length
        x_prev = sqrt(alpha_bar_prev) * (keep * x_t / sqrt(alpha_bar_t) + (1 - keep) * pred_x0)
                 + sqrt(1 - alpha_bar_prev) * sqrt(1 - exp(-2 * eta * h)) * noise

    At the last step x_prev is pred_x0.
    """
    if prev_t < 0:
        return pred_x0
    h = stride_length(schedule, t, prev_t)
    signal_prev, sigma_prev = levels(schedule, prev_t)
    keep = math.exp(-(1 + eta) * h)
    std = sigma_prev * math.sqrt(1 - math.exp(-2 * eta * h))
    return signal_prev * (keep / levels(schedule, t)[0] * x_t + (1 - keep) * pred_x0) + std * noise


def stride_length(schedule: NoiseSchedule, t: int, prev_t: int) -> float:
    """By how much half the log-SNR rises from t to prev_t."""
    return (schedule.log_snr[prev_t].double() - schedule.log_snr[t].double()).item() / 2


def walk(
    step: Step, ask: Ask, x: Tensor, visits: Visits, schedule: NoiseSchedule, generator: torch.Generator, eta: float
) -> Walk:
    """The solver of DDPM and of DDIM: p_sample or ddim_step, again and again, from pure noise to the clean image."""
    for t, prev_t in visits:
        guess = ask(x, t)
        x = step(x, guess, prev_t, schedule, draw_like(x, generator), eta)
        yield guess, x


def dpm_walk(
    ask: Ask, x_T: Tensor, visits: Visits, schedule: NoiseSchedule, generator: torch.Generator, eta: float
) -> Walk:
    """The solver of dpm: predict by dpm_step where a step leads, ask there, and take the step again with that guess.

    Yielded are the guess about x and the predicted x_prev; then x_prev is asked about. Again means: from the same x,
    with the same noise, by first_order_step. Where it leads is the x that the next step begins from; this function
    keeps it for itself and does not ask about it. After the step to -1 nothing is asked and nothing corrected.
    Zhao et al. 2023 (UniPC), with noise Xue et al. 2023 (SA-Solver); here in the simplest form, one guess a step.
    """
    x, guess, last = x_T, ask(x_T, visits[0][0]), None
    for t, prev_t in visits:
        noise = draw_like(x, generator)
        x_prev = dpm_step(x, guess, last, prev_t, schedule, noise, eta)
        yield guess, x_prev
        if prev_t >= 0:
            last, guess = guess, ask(x_prev, prev_t)
            x = first_order_step(x, t, prev_t, guess.pred_x0, schedule, noise, eta)


SOLVERS: dict[str, tuple[Callable[..., Walk], float]] = {  # and the share of fresh noise that each is usually given
    "ddpm": (partial(walk, p_sample), 1.0),
    "ddim": (partial(walk, ddim_step), 0.0),
    "dpm": (dpm_walk, 1.0),
}


def sample(
    model: Model,
    x_T: Tensor,
    schedule: NoiseSchedule,
    *,
    generator: torch.Generator,
    solver: str = "dpm",
    steps: int = 20,
    eta: float | None = None,
    prediction: Prediction = "noise",
    on_step: OnStep | None = None,
) -> Tensor:
    """Walk from pure noise x_T, (B, C, H, W) standard normal, to as many images in [-1, 1].

    The solver does the walking; of what it yields, the x_prev of the last step is the result. model, schedule and
    prediction as in denoise; errors as in spaced_timesteps, and if there is no such solver.

    Args:
        generator: draws the fresh noise of each step.
        solver: "ddpm", "ddim" or "dpm".
        steps: how many of the T steps to visit.
        eta: the share of fresh noise; None for what the solver is usually given.
        on_step: is told each guess, and the x_prev it led to, as soon as the step is taken.
    """
    if solver not in SOLVERS:
        raise ValueError(f"unknown solver {solver!r}: expected one of {', '.join(SOLVERS)}")
    solve, usual_eta = SOLVERS[solver]
    eta = usual_eta if eta is None else eta
    ask = partial(denoise, model, schedule=schedule, prediction=prediction)
    for guess, x in solve(ask, x_T, spaced_timesteps(len(schedule), steps), schedule, generator, eta):
        if on_step:
            on_step(guess, x)
    return x
