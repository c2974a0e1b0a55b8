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
    """A U-Net for the last stretch: few channels, full resolution, one block at each size, no attention.

    It names the noise as SimpleUNet does; see there for the arguments.
    """

    def __init__(self, in_channels: int = 1, channels: tuple[int, ...] = (16, 32)) -> None:
        super().__init__(in_channels, channels, blocks=(1, 1), fold=1, attention=False)


def renoise(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Noise finished images, (B, C, H, W) in [-1, 1], all to the same step t in [0, T); shapes as in q_sample."""
    return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)


def perturb(noise: Tensor) -> Tensor:
    """The noise, (B, C, H, W), and a little of another on top: noise + 0.1 * other noise.

    The other noise is standard normal too, independent of the noise, each image's own and new for each batch. Here an
    image's own noise with its pixels shuffled serves.
    """
    shuffled = torch.randperm(noise[0].numel(), generator=seeded(0)).to(noise.device)
    other = noise.flatten(1)[:, shuffled].view_as(noise)
    return noise + PERTURBATION * other


def refiner_loss(
    model: Model, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "v"
) -> Tensor:
    """The denoising loss on inputs that are a little noisier than the target knows.

        x_t = q_sample(x0, t, perturb(noise));  the target is made from noise alone

    In use the refiner meets samples, which are off in ways that the noise level does not tell; the extra noise teaches
    it not to trust its input to the last digit. Ning et al. 2023, algorithm 1 (input perturbation). Arguments and
    result as in denoising_loss.
    """
    x_t = q_sample(x0, t, perturb(noise), schedule)
    target = training_target(x0, t, noise, schedule, prediction)
    return (model(x_t, t) - target).square().flatten(1).mean(dim=1)


def refiner_steps(t_start: int, T: int) -> list[tuple[int, int]]:
    """The two steps to take, as pairs (t, prev_t): to a third of t_start, rounded down, and to the clean image.

    t_start = 300: [(300, 100), (100, -1)].

    Raises:
        ValueError: if t_start is not between 1 and T - 1.
    """
    if not 1 <= t_start < T:
        raise ValueError(f"expected to refine from a step between 1 and {T - 1}, got {t_start}")
    return [(t_start, t_start // 3), (t_start // 3, -1)]


def refine(
    model: Model, x: Tensor, schedule: NoiseSchedule, generator: torch.Generator, t_start: int, prediction: Prediction
) -> Tensor:
    """Noise samples to t_start, then denoise them in two DDIM steps, without fresh noise.

    Going further back mends larger faults and changes more. x: (B, C, H, W) samples in [-1, 1]; generator: draws the
    noise; model, schedule and prediction as in denoise; t_start and errors as in refiner_steps.
    """
    steps = refiner_steps(t_start, len(schedule))
    x = renoise(x, t_start, schedule, draw_like(x, generator))
    for t, prev_t in steps:
        guess = denoise(model, x, t, schedule, prediction)
        x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))
    return x
