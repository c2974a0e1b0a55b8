"""Stage 2, forward noising: spoil an image by any number of steps in one jump, and undo it on paper.

x_t is a mix of the clean image x0 and noise. Of the three any two give the third; the velocity v is a fourth view of
the same mix. A network is trained to name what it cannot see.
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor

from cdm_tutor.schedule import NoiseSchedule

Model = Callable[[Tensor, Tensor], Tensor]  # (x_t, t) -> a prediction of x_t's shape
Prediction = Literal["noise", "v"]  # what the model predicts


def gather(table: Tensor, t: Tensor, like: Tensor) -> Tensor:
    """Pick table[t] for each image, shaped so that it multiplies whole images.

    For t = [3, 0] and a batch `like` of shape (2, 1, 28, 28): [table[3], table[0]], as (2, 1, 1, 1).

    Args:
        table: (T,) one entry a noising step.
        t: (B,) int64 in [0, T).
        like: (B, C, H, W) the batch that the result, (B, 1, 1, 1), will be multiplied with.

    Raises:
        ValueError: if there is not one t for each image.
    """
    if t.shape != like.shape[:1]:
        raise ValueError(f"expected one t an image, {tuple(like.shape[:1])}, got {tuple(t.shape)}")
    return table[t].reshape(-1, 1, 1, 1)


def q_sample(x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Noise clean images to step t in one jump: draw x_t, (B, C, H, W), from q(x_t | x_0).

        x_t = sqrt(alpha_bar_t) * x0 + sqrt(1 - alpha_bar_t) * noise

    Ho et al. 2020, equation 4.

    Args:
        x0: (B, C, H, W) clean images in [-1, 1].
        t: (B,) int64 in [0, T); 0 is the first noising step.
        noise: (B, C, H, W) standard normal.
        schedule: the noise schedule, of length T.

    Raises:
        ValueError: if the shapes disagree.
    """
    signal, sigma = _mix(t, x0, noise, schedule)
    return signal * x0 + sigma * noise


def predict_x0(x_t: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The clean image, if `noise` is what was added: q_sample solved for x0.

        x0 = (x_t - sqrt(1 - alpha_bar_t) * noise) / sqrt(alpha_bar_t)

    Ho et al. 2020, equation 15. Shapes and errors as in q_sample.
    """
    signal, sigma = _mix(t, x_t, noise, schedule)
    return (x_t - sigma * noise) / signal


def predict_noise(x_t: Tensor, t: Tensor, x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The noise that was added, if x0 is the clean image: q_sample solved for the noise.

        noise = (x_t - sqrt(alpha_bar_t) * x0) / sqrt(1 - alpha_bar_t)

    Shapes and errors as in q_sample.
    """
    signal, sigma = _mix(t, x_t, x0, schedule)
    return (x_t - signal * x0) / sigma


def velocity(x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The velocity v: nearly the noise where x_t is nearly clean, nearly -x0 where it is nearly noise.

        v = sqrt(alpha_bar_t) * noise - sqrt(1 - alpha_bar_t) * x0

    Salimans and Ho 2022, appendix D. Shapes and errors as in q_sample.
    """
    signal, sigma = _mix(t, x0, noise, schedule)
    return signal * noise - sigma * x0


def predict_x0_from_velocity(x_t: Tensor, t: Tensor, v: Tensor, schedule: NoiseSchedule) -> Tensor:
    """The clean image, if v is the velocity: x0 = sqrt(alpha_bar_t) * x_t - sqrt(1 - alpha_bar_t) * v.

    (x_t, v) is (x0, noise) turned by an angle; this turns it back. Shapes and errors as in q_sample.
    """
    signal, sigma = _mix(t, x_t, v, schedule)
    return signal * x_t - sigma * v


def training_target(x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction) -> Tensor:
    """What the model should answer: the noise, or for "v" the velocity. Shapes and errors as in q_sample."""
    return noise if prediction == "noise" else velocity(x0, t, noise, schedule)


def denoising_loss(
    model: Model, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "noise"
) -> Tensor:
    """How far the model is from naming what was added: for each image, (B,), the mean squared error over its pixels.

        mean((model(x_t, t) - noise) ** 2)        or, for "v", against the velocity

    Ho et al. 2020, equation 14.

    x0, t, noise and schedule as in q_sample.

    Args:
        model: maps (x_t, t) to a prediction of x_t's shape.
        prediction: what the model predicts, "noise" or "v".
    """
    target = training_target(x0, t, noise, schedule, prediction)
    return (model(q_sample(x0, t, noise, schedule), t) - target).square().flatten(1).mean(dim=1)


def _mix(t: Tensor, a: Tensor, b: Tensor, schedule: NoiseSchedule) -> tuple[Tensor, Tensor]:
    """How much of the image and how much noise is in x_t, shaped to multiply the batches a and b."""
    if a.shape != b.shape:
        raise ValueError(f"expected two batches of the same shape, got {tuple(a.shape)} and {tuple(b.shape)}")
    return gather(schedule.sqrt_alphas_cumprod, t, a), gather(schedule.sqrt_one_minus_alphas_cumprod, t, a)
