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
    # 1. which function of lesson 02 takes an image to any step at once? It wants a step for each image
    # 2. return the noised images
    raise NotImplementedError("lesson 05: renoise")


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
    # 1. raise a ValueError for a t_start that cannot be: which are too small, which too large?
    # 2. return a list of two pairs: where do the steps begin, and which number is the clean image?
    raise NotImplementedError("lesson 05: refiner_steps")


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
    # 1. which steps to take; they also refuse a bad t_start
    # 2. noise the samples to t_start, with noise from the generator: draw_like draws it
    # 3. at each step: guess image and noise, go on to prev_t. What does the next step begin with?
    # 4.     (ddim_step asks for noise as well, and takes none of it here: zeros will do)
    # 5. return what comes out of the last step
    raise NotImplementedError("lesson 05: refine")


class ImprovedRefinementNetwork(SimpleUNet):
    """A U-Net for the last stretch. What it predicts, and what its arguments mean, is as in SimpleUNet."""

    def __init__(self, in_channels: int = 1, channels: tuple[int, ...] = (16, 32)) -> None:
        """Build a SimpleUNet that is a specialist for fine detail.

        Every pixel is a position of its own, so that what is learned of an edge holds wherever the edge lies. No
        position looks at all others: where things are is settled. And the task is easy: at each of the two sizes one
        residual block on the way down and one on the way up are enough.

        By hand: the widths of its residual blocks are 16, 32, then 32, 32 at the bottom, then 32, 16.
        """
        # 1. let SimpleUNet build itself, with arguments that say what stands above; hand in_channels on
        # 2. look its arguments up in lessons/03/unet.py: what you do not hand on stays as in the first network
        raise NotImplementedError("lesson 05: ImprovedRefinementNetwork.__init__")


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
    # 1. the extra noise: draw_another(noise) is standard normal, so how much of it?
    # 2. x_t: the images noised to t. With which noise? Leave the tensor that came as it is
    # 3. the target: training_target makes it. Of which noise?
    # 4. for each image, the mean square of what the model is off by
    raise NotImplementedError("lesson 05: refiner_loss")
