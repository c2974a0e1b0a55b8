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
        # 1. let SimpleUNet build itself, with these channels
        # 2. one block at each of the two sizes, no pixels folded, no attention
        raise NotImplementedError("lesson 05: ImprovedRefinementNetwork.__init__")


def renoise(x: Tensor, t: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Noise finished images, (B, C, H, W) in [-1, 1], all to the same step t in [0, T); shapes as in q_sample."""
    # 1. q_sample wants one step an image: t, as many times as there are images
    # 2. noise the images to it
    raise NotImplementedError("lesson 05: renoise")


def perturb(noise: Tensor) -> Tensor:
    """The noise, (B, C, H, W), and a little of another on top: noise + 0.1 * other noise.

    The other noise is standard normal too, independent of the noise, each image's own and new for each batch. Here an
    image's own noise with its pixels shuffled serves.
    """
    # 1. another noise of the same shape: drawn, or made out of the noise itself
    # 2. a little of it, PERTURBATION, on top; leave the noise that came as it is
    raise NotImplementedError("lesson 05: perturb")


def refiner_loss(
    model: Model, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "v"
) -> Tensor:
    """The denoising loss on inputs that are a little noisier than the target knows.

        x_t = q_sample(x0, t, perturb(noise));  the target is made from noise alone

    In use the refiner meets samples, which are off in ways that the noise level does not tell; the extra noise teaches
    it not to trust its input to the last digit. Ning et al. 2023, algorithm 1 (input perturbation). Arguments and
    result as in denoising_loss.
    """
    # 1. x_t: the images noised to t, with the perturbed noise
    # 2. the target: what training_target makes of the noise as it came
    # 3. for each image, the mean square of what the model is off by
    raise NotImplementedError("lesson 05: refiner_loss")


def refiner_steps(t_start: int, T: int) -> list[tuple[int, int]]:
    """The two steps to take, as pairs (t, prev_t): to a third of t_start, rounded down, and to the clean image.

    t_start = 300: [(300, 100), (100, -1)].

    Raises:
        ValueError: if t_start is not between 1 and T - 1.
    """
    # 1. refuse a t_start from which there is nothing to do, or which is no step
    # 2. the step in the middle: a third of t_start, rounded down
    # 3. from the start to the middle, and from the middle to the clean image
    raise NotImplementedError("lesson 05: refiner_steps")


def refine(
    model: Model, x: Tensor, schedule: NoiseSchedule, generator: torch.Generator, t_start: int, prediction: Prediction
) -> Tensor:
    """Noise samples to t_start, then denoise them in two DDIM steps, without fresh noise.

    Going further back mends larger faults and changes more. x: (B, C, H, W) samples in [-1, 1]; generator: draws the
    noise; model, schedule and prediction as in denoise; t_start and errors as in refiner_steps.
    """
    # 1. the steps to take; they also refuse a bad t_start
    # 2. noise the samples to t_start, with noise drawn by the generator: draw_like does it
    # 3. at each step: guess image and noise, then go on to prev_t by ddim_step, with no fresh noise
    # 4. the images that come out of the last step
    raise NotImplementedError("lesson 05: refine")
