"""Stage 8, consistency: from noise to an image in one jump, in the place of twenty steps.

On its way the sampler asks for the image again and again, and each guess is another one. A network is consistent if all
guesses along a path are the same: then the first is as good as the last, and no path is needed. The network that we
have is not, and can be tuned to be: what it says at one step is held to what it says a little earlier.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from cdm_tutor.noising import Model, Prediction
from cdm_tutor.randomness import draw_like
from cdm_tutor.refiner import renoise
from cdm_tutor.sampler import OnStep, ddim_step, denoise, spaced_timesteps, walk
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.trainer import Loss, Step, Training, fit

HUBER = 0.03  # distances well below this one count by their square, those well above it as they are
HALVINGS = 6.0  # how often the way to the clean image is halved at the end of the tuning


def mix_at(t: Tensor, like: Tensor, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """How much image and how much noise is in x_t, shaped to multiply `like`; 1 and 0 at t = -1, the clean image."""
    clean = (t < 0).reshape(-1, 1, 1, 1)
    signal, sigma = (
        table[t.clamp(min=0)].reshape(-1, 1, 1, 1).to(like.dtype)
        for table in (schedule.sqrt_alphas_cumprod, schedule.sqrt_one_minus_alphas_cumprod)
    )
    return signal.masked_fill(clean, 1.0), sigma.masked_fill(clean, 0.0)


def jump(model: Model, x_t: Tensor, t: Tensor, schedule: NoiseSchedule) -> Tensor:
    """From each image to where its path ends, in one evaluation: the consistency function, (B, C, H, W).

    It is the image that x_t is made of, if the model's answer is the velocity; nothing is cut off. At t = -1 there is
    no noise: what comes back is what came in, whatever the model says. (It is asked about step 0, for it knows of no
    other.) By hand: with alpha_bar_t = 0.64, x_t = 1.4 and the answer 0.2 give 1; at t = -1 they give 1.4.

    Song et al. 2023, section 3, in the form of Lu and Song 2024 (TrigFlow).

    model: predicts v. x_t: (B, C, H, W), each image at its own step. t: (B,) int64 in [-1, T).
    """
    # as predict_x0_from_velocity, with the mix of each image's step
    signal, sigma = mix_at(t, x_t, schedule)
    return signal * x_t - sigma * model(x_t, t.clamp(min=0))


def path(model: Model, x_T: Tensor, schedule: NoiseSchedule, steps: int = 20) -> list[tuple[int, Tensor]]:
    """Where DDIM comes by on its way from x_T, without fresh noise: each (t, x_t), the last one at -1, where it ends.

    model: predicts v. The other arguments as in sample.
    """
    ask, visits = partial(denoise, model, schedule=schedule, prediction="v"), spaced_timesteps(len(schedule), steps)
    steps_taken = walk(ddim_step, ask, x_T, visits, schedule, torch.Generator(), eta=0.0)
    return [(visits[0][0], x_T), *((prev_t, x) for (_, prev_t), (_, x) in zip(visits, steps_taken, strict=True))]


@torch.no_grad()
def drift(model: Model, points: list[tuple[int, Tensor]], schedule: NoiseSchedule) -> Tensor:
    """How far the model's jump from each point of a path is from where the path ends: (len(points), B).

    How far is the root of the mean square over an image's pixels. By hand: a path of one-pixel images comes by 1.4,
    where alpha_bar_t = 0.64, and ends at 0.5. A model that answers 0.2 jumps from there to 1: its drift is 0.5 and 0.
    A consistent model has none, along the whole path. Daras et al. 2023, section 3; Song et al. 2023, section 3.

    points: as from path, (t, x_t) with x_t (B, C, H, W). model: predicts v; it may be another one than the path's.
    """
    _, end = points[-1]
    jumps = [jump(model, x_t, torch.full(x_t.shape[:1], t, device=x_t.device), schedule) for t, x_t in points]
    return torch.stack([(image - end).square().flatten(1).mean(dim=1).sqrt() for image in jumps])


def earlier(t: Tensor, halvings: float) -> Tensor:
    """For each step t an earlier step r, with half as far to go from t to r for each halving.

    Without halvings the way from t leads to the clean image, at -1: it is t + 1 steps long. Halved so many times, and
    rounded up, it is t - r, so r is never t itself. By hand: t = 9 and halvings 0, 1, 2 and 5 give -1, 4, 6 and 8.

    Geng et al. 2024, section 3. t: (B,) int64 in [0, T). halvings: any number from 0.
    """
    return t - ((t + 1).double() * 2.0**-halvings).ceil().long()


def robust_distance(a: Tensor, b: Tensor) -> Tensor:
    """How far images are from each other, (B,): a large distance counts as it is, and only a small one by its square.

    Where m is the mean square of the difference over an image's pixels: sqrt(m + HUBER**2) - HUBER. By hand, HUBER =
    0.03: a difference of 0.04 in all pixels gives 0.02, and one of 0.4 gives 0.371.

    Song and Dhariwal 2023, section 3.3 (pseudo-Huber). a and b: (B, C, H, W).
    """
    square = (a - b).square().flatten(1).mean(dim=1)
    return (square + HUBER**2).sqrt() - HUBER


def consistency_loss(
    model: Model,
    x0: Tensor,
    t: Tensor,
    noise: Tensor,
    schedule: NoiseSchedule,
    prediction: Prediction = "v",
    halvings: float = HALVINGS,
) -> Tensor:
    """How far the model's jump from t is from its jump from the earlier step, for each image, (B,).

    Both are about the same image under the same noise. The jump from t learns. The other one is what it is held to: it
    is clipped to [-1, 1], and nothing is learned through it. Their robust_distance is divided by the share of the way
    to the clean image that lies between the two, (t - r) / (t + 1): near steps differ little, and would hardly count.
    Without halvings the model is held to x0 itself. Song et al. 2023, algorithm 3; Geng et al. 2024, algorithm 1.

    ValueError if the model predicts noise. The other arguments as in denoising_loss; halvings as in earlier.
    """
    if prediction != "v":
        raise ValueError(f"expected a model that predicts v, got one that predicts {prediction}")
    r = earlier(t, halvings)
    signal, sigma = mix_at(t, x0, schedule)
    signal_r, sigma_r = mix_at(r, x0, schedule)
    with torch.no_grad():
        target = jump(model, signal_r * x0 + sigma_r * noise, r, schedule).clamp(-1, 1)
    learns = jump(model, signal * x0 + sigma * noise, t, schedule)
    return robust_distance(learns, target) * (t + 1) / (t - r)


def tune(training: Training, images: Tensor, most: float = HALVINGS) -> Iterator[Step]:
    """Train as fit does, but by the consistency loss, with steps that come nearer to each other as it goes on.

    The halvings of a step are `most` times the progress that was made before it: none at the start, where the loss is
    that of a model that learns to guess x0. They go by the progress alone, so a training that stopped goes on as if it
    had not. Arguments, what is yielded, and errors as in fit.
    """

    def loss_at(progress: float) -> Loss:
        """The loss of a step before which so much was done."""
        return partial(consistency_loss, halvings=most * progress)

    training.loss = loss_at(training.settings.progress(training.step, training.seconds))
    for step in fit(training, images):
        training.loss = loss_at(step.progress)
        yield step


def sample_by_jumps(
    model: Model,
    x_T: Tensor,
    schedule: NoiseSchedule,
    *,
    generator: torch.Generator,
    steps: int = 1,
    on_step: OnStep | None = None,
) -> Tensor:
    """Draw images in so many jumps: jump to an image, noise it anew to the next step, jump again.

    The steps are those of spaced_timesteps: the first jump is from x_T, at T - 1. The noise is fresh each time, and the
    last jump's image is the result: images in [-1, 1]. Two jumps mend what one got wrong, as the refiner does. Song et
    al. 2023, algorithm 1.

    x_T: (B, C, H, W) standard normal. model: predicts v. on_step: is told each guess and the x it led to. The other
    arguments, and errors, as in sample.
    """
    x = x_T
    for t, prev_t in spaced_timesteps(len(schedule), steps):
        guess = denoise(model, x, t, schedule, "v")
        x = guess.pred_x0 if prev_t < 0 else renoise(guess.pred_x0, prev_t, schedule, draw_like(x, generator))
        if on_step:
            on_step(guess, x)
    return x
