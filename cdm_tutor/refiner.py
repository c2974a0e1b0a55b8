"""Stage 5, the refiner: a second, smaller network that mends what the first one left.

It only learns the last stretch, from a little noise to none, at full resolution where the first network folds pixels.
A sample has no true image to be compared with, so nothing is learned from pairs: the sample is noised a little, which
drowns its faults but not its shapes, and denoised in two steps by a network that knows what real images look like.
"""

import torch
from torch import Tensor

from cdm_tutor.noising import Model, Prediction, q_sample, training_target
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.sampler import ddim_step, denoise
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.unet import SimpleUNet

PERTURBATION = 0.1  # how much more noise the refiner meets in training than it is told of


class ImprovedRefinementNetwork(SimpleUNet):
    """A U-Net for the last stretch: few channels, full resolution, skip connections, no attention.

    It names the noise as SimpleUNet does; see there for the arguments.
    """

    def __init__(self, in_channels: int = 1, channels: tuple[int, ...] = (16, 32)) -> None:
        super().__init__(in_channels, channels, blocks=(1, 1), fold=1, attention=False)


def renoise(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Noise finished images, (B, C, H, W) in [-1, 1], all to the same step t in [0, T); shapes as in q_sample."""
    return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)


def refiner_loss(
    model: Model, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "v"
) -> Tensor:
    """The denoising loss on inputs that are a little noisier than the target knows.

        x_t = q_sample(x0, t, noise + 0.1 * other noise);  the target is made from noise alone

    In use the refiner meets samples, which are off in ways that the noise level does not tell; the extra noise teaches
    it not to trust its input to the last digit. Ning et al. 2023, algorithm 1 (input perturbation). The image's own
    noise with its pixels shuffled serves as the other noise. Arguments and result as in denoising_loss.
    """
    shuffled = torch.randperm(noise[0].numel(), generator=seeded(0)).to(noise.device)
    other = noise.flatten(1)[:, shuffled].view_as(noise)
    x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule)
    target = training_target(x0, t, noise, schedule, prediction)
    return (model(x_t, t) - target).square().flatten(1).mean(dim=1)


def refine(
    model: Model, x: Tensor, schedule: NoiseSchedule, generator: torch.Generator, t_start: int, prediction: Prediction
) -> Tensor:
    """Noise samples to t_start, then denoise them in two steps: to a third of the way, and to the end.

    x: (B, C, H, W) samples in [-1, 1]; model, schedule and prediction as in denoise.

    Args:
        generator: draws the noise.
        t_start: how far to go back; more mends larger faults and changes more.

    Raises:
        ValueError: if t_start is not between 1 and T - 1.
    """
    if not 1 <= t_start < len(schedule):
        raise ValueError(f"expected to refine from a step between 1 and {len(schedule) - 1}, got {t_start}")
    x = renoise(x, t_start, schedule, draw_like(x, generator))
    for t, prev_t in [(t_start, t_start // 3), (t_start // 3, -1)]:
        guess = denoise(model, x, t, schedule, prediction)
        x = ddim_step(x, guess, None, prev_t, schedule, torch.zeros_like(x))
    return x
