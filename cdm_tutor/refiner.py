"""Stage 5, the refiner: a second, smaller network that mends what the first one left.

It only learns the last stretch, from a little noise to none, at full resolution where the first network folds pixels.
A sample has no true image to be compared with, so nothing is learned from pairs: the sample is noised a little, which
drowns its faults but not its shapes, and denoised in two steps by a network that knows what real images look like.
"""

import torch
from torch import Tensor

from cdm_tutor.noising import Model, Prediction, q_sample, training_target
from cdm_tutor.randomness import draw_another, draw_like
from cdm_tutor.sampler import ddim_step, denoise
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.unet import SimpleUNet

PERTURBATION = 0.1  # standard deviation of the extra noise in training, where that of the noise is 1


def renoise(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Noise finished images to one step, all to the same, as if they were real ones. Meng et al. 2022 (SDEdit).

    By hand: where 0.8 of the image and 0.6 of noise are mixed at t = 1, an image of 0.5 and noise of 1 give 1.

    Args:
        x: (B, C, H, W) samples in [-1, 1].
        t: the step, one number in [0, T).
        schedule: the noise schedule.
        noise: (B, C, H, W) standard normal.

    Returns:
        (B, C, H, W) images such as the network met at that step in training.
    """
    return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)


def refiner_steps(t_start: int, T: int) -> list[tuple[int, int]]:
    """The two steps of refining, in pairs such as spaced_timesteps makes: from where, to where.

    They start at t_start and end at the clean image. The second begins at a third of t_start, rounded down.

    By hand: from 300 the first step leads to 100. Which is the smallest t_start from which it leads anywhere?

    Args:
        t_start: where to start.
        T: number of steps in the schedule.

    Raises:
        ValueError: if t_start is no step of the schedule, or so small that the first step would lead nowhere.
    """
    if not 1 <= t_start < T:
        raise ValueError(f"expected to refine from a step between 1 and {T - 1}, got {t_start}")
    return [(t_start, t_start // 3), (t_start // 3, -1)]


def refine(
    model: Model, x: Tensor, schedule: NoiseSchedule, generator: torch.Generator, t_start: int, prediction: Prediction
) -> Tensor:
    """Mend samples: noise them to t_start, then denoise them in the two steps of refiner_steps.

    The steps are DDIM's: no fresh noise. A model that knows of one picture only must give that picture back, whatever
    came in. Going further back mends larger faults and changes more.

    Args:
        model: what guesses, as in denoise.
        x: (B, C, H, W) samples in [-1, 1].
        schedule: the noise schedule.
        generator: draws the noise under which they go.
        t_start: how far to go back, as in refiner_steps, with the same errors.
        prediction: what the model predicts.

    Returns:
        (B, C, H, W) mended samples.
    """
    steps = refiner_steps(t_start, len(schedule))
    x = renoise(x, t_start, schedule, draw_like(x, generator))
    for t, prev_t in steps:
        guess = denoise(model, x, t, schedule, prediction)
        x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))
    return x


class ImprovedRefinementNetwork(SimpleUNet):
    """A U-Net for the last stretch. What it predicts, and what its arguments mean, is as in SimpleUNet."""

    def __init__(self, in_channels: int = 1, channels: tuple[int, ...] = (16, 32)) -> None:
        """Build a SimpleUNet that is a specialist for fine detail.

        Every pixel is a position of its own, so that what is learned of an edge holds wherever the edge lies. No
        position looks at all others: where things are is settled. And the task is easy: at each of the two sizes one
        residual block on the way down and one on the way up are enough.

        By hand: the widths of its residual blocks are 16, 32, then 32, 32 at the bottom, then 32, 16.
        """
        super().__init__(in_channels, channels, blocks=(1, 1), fold=1, attention=False)


def refiner_loss(
    model: Model, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "v"
) -> Tensor:
    """The denoising loss on inputs that are a little noisier than the target knows.

    In use the refiner meets samples, which are off in ways that the noise level does not tell. So in training the model
    meets extra noise: independent of the noise, its standard deviation PERTURBATION times as large. It learns not to
    trust its input to the last digit. Ning et al. 2023, algorithm 1 (input perturbation).

    By hand: x0 = 0.5, of which 0.8 is left at t, noise = 1, of which there is 0.6, and the extra noise is -0.2. The
    model meets 0.88, and is to answer v = 0.5.

    Arguments and result as in denoising_loss.
    """
    other = draw_another(noise)
    x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule)
    target = training_target(x0, t, noise, schedule, prediction)
    return (model(x_t, t) - target).square().flatten(1).mean(dim=1)
