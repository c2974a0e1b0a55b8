"""Stage 7, guidance: tell the network what to draw, and hand it half a picture, or a scrawl, to begin from.

The stages before it draw what they like. A network that is told the class of each image, most of the time, learns to
draw with a class and without one; between its two answers lies what the class changes, and guidance goes further that
way. A picture that is partly known needs no training at all: only the sampler has to be reminded of it at every step.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cdm_tutor.noising import Model, Prediction, denoising_loss
from cdm_tutor.randomness import draw_another, draw_like
from cdm_tutor.refiner import renoise
from cdm_tutor.sampler import denoise, dpm_walk, levels, p_sample, spaced_timesteps
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.unet import SimpleUNet, timestep_embedding

CLASSES = 10  # of digits, and of clothes
NOT_TOLD = -1  # the label of an image whose class the network is not told
DROPPED = 0.1  # the share of images in training whose class it is not told

ToldModel = Callable[[Tensor, Tensor, Tensor], Tensor]  # (x_t, t, labels) -> a prediction of x_t's shape


class ConditionalUNet(SimpleUNet):
    """A SimpleUNet that is told, for each image, which class it is of, or nothing.

    The class comes where the timestep comes: a learned row for each class is added to the timestep's, and so reaches
    every residual block. Nichol and Dhariwal 2021, section 6.
    """

    def __init__(
        self, in_channels: int = 1, channels: tuple[int, ...] = (32, 64), blocks: tuple[int, ...] = (1, 2)
    ) -> None:
        """Build a SimpleUNet of these arguments, and beside it `classes`, an embedding with rows of time_dim numbers.

        Its row 0 is for "not told", row 1 for class 0, and so on to class CLASSES - 1. All rows start at zero: then
        whatever the network is told, it answers as the SimpleUNet whose weights it was given, and training begins
        where that one ended.
        """
        # 1. let SimpleUNet build itself, with the three arguments
        # 2. self.classes: an nn.Embedding, one row for each class and one more; which rows does it begin with?
        raise NotImplementedError("lesson 07: ConditionalUNet.__init__")

    def forward(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Predict as SimpleUNet does, in images x_t at steps t, of classes that are known: labels, (B,) int64.

        A label is a class, from 0, or NOT_TOLD. Without labels no image's class is told. By hand: where the timestep's
        row begins with 0.5 and the row of class 7 with 0.25, the blocks get a row for a seven that begins with 0.75.
        ValueError as SimpleUNet, and as checked_labels.
        """
        # 1. labels = checked_labels(labels, t, classes); refuse images that self.divisor does not divide
        # 2. the timestep's row, as in SimpleUNet's forward; and to it, the class's row: which row is whose?
        # 3. all else as in SimpleUNet's forward, which you wrote in lesson 03
        raise NotImplementedError("lesson 07: ConditionalUNet.forward")


def checked_labels(labels: Tensor | None, t: Tensor, classes: int = CLASSES) -> Tensor:
    """The labels, or NOT_TOLD for each t where there are none; ValueError if they do not fit."""
    if labels is None:
        return torch.full_like(t, NOT_TOLD)
    if labels.shape != t.shape:
        raise ValueError(f"expected one label an image, {tuple(t.shape)}, got {tuple(labels.shape)}")
    if ((labels < NOT_TOLD) | (labels >= classes)).any():
        raise ValueError(f"expected labels from 0 to {classes - 1}, or {NOT_TOLD} for not told, got {labels.tolist()}")
    return labels


def with_labels(images: Tensor, labels: Tensor) -> Tensor:
    """(B, C, H, W) images with one channel more, in which each pixel is the image's label: (B, C + 1, H, W).

    So a trainer that knows only of images carries the labels along.
    """
    return torch.cat([images, labels.to(images.dtype)[:, None, None, None].expand_as(images[:, :1])], dim=1)


def chances(noise: Tensor) -> Tensor:
    """For each image of (B, ...) noise a number from 0 to 1, (B,), any as likely as the next; the same for the same."""
    return torch.special.ndtr(draw_another(noise[:, -1:, :1, :1])).flatten()


def drop_labels(labels: Tensor, chance: Tensor) -> Tensor:
    """Which labels a batch is told in training: most as they are, the others NOT_TOLD.

    It is decided for each image by itself: a label is dropped where the image's chance is below DROPPED. So one network
    learns to draw with a class and without. By hand, DROPPED = 0.1: labels (7, 7, 3) and chances (0.05, 0.5, 0.1) give
    (-1, 7, 3). Ho and Salimans 2022, algorithm 1.

    labels: (B,) int64; they stay as they are. chance: (B,) numbers from 0 to 1, any as likely as the next.
    """
    # 1. for each image by itself: is its chance below DROPPED?
    # 2. a new tensor: there NOT_TOLD, elsewhere the label
    raise NotImplementedError("lesson 07: drop_labels")


def conditional_loss(
    model: ToldModel, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "noise"
) -> Tensor:
    """The denoising loss of a model that is told the classes, but for those that drop_labels drops.

    The last channel of x0 is no part of the image: it holds the label, as with_labels puts it there. The last channel
    of the noise spoils nothing: chances makes of it what decides whose label is dropped.

    model: maps (x_t, t, labels) to a prediction of x_t's shape. x0 and noise: (B, C + 1, H, W). The other arguments,
    and the result, (B,), as in denoising_loss.
    """
    # 1. take the labels out of the last channel of x0, as whole numbers; drop some, by chances of the noise
    # 2. a model of x_t and t alone, as denoising_loss wants it: it tells yours the labels
    # 3. the denoising loss of the images. What must be left away from x0, and from the noise?
    raise NotImplementedError("lesson 07: conditional_loss")


def guided(
    model: ToldModel,
    x_t: Tensor,
    t: Tensor,
    labels: Tensor,
    guidance_scale: float,
    limits: tuple[float, float] = (0, math.inf),
) -> Tensor:
    """Classifier-free guidance: how the model answers if what it is told shall count guidance_scale times.

    Two answers are asked for, one told the labels and one told nothing. Their difference is what the label changes. A
    scale of 0 gives the untold answer, 1 the told one; a larger one goes on in the same direction, beyond the told. It
    is the same whether the model predicts noise or v. By hand: told 0.5 and untold 0.25 give 1 for a scale of 3.

    Guidance is wanted only between two steps: where limits[0] <= t < limits[1]. An image at any other step gets the
    told answer. Ho and Salimans 2022, equation 6 (their w is guidance_scale - 1); limits: Kynkäänniemi et al. 2024.

    model: maps (x_t, t, labels) to a prediction of x_t's shape, which is the result's; t: (B,) int64, the step of each
    image; labels: (B,) int64, what to draw.
    """
    # 1. ask the model twice: told the labels, and told NOT_TOLD for each image
    # 2. each image's scale: guidance_scale if its t is between the limits, else the one that means told
    # 3. from the untold answer, scale times the way to the told one; the scale shaped to multiply images
    raise NotImplementedError("lesson 07: guided")


def keep_known(x: Tensor, picture: Tensor, known: Tensor, t: int, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Put what is known of a picture into images that are being drawn, x, which are at step t.

    Where known is true, a pixel of the picture takes the place of the pixel of x; it has to be as noisy as x is. At
    t = -1, the clean image, it goes in as it is. By hand: at alpha_bar_t = 0.64, a known pixel of 0.5 with noise 1
    gives 1, and an unknown pixel stays. Lugmayr et al. 2022, equation 8.

    x, picture and noise: (B, C, H, W), and stay as they are; what the picture holds where it is not known does not
    matter. known: the same shape, bool. t: one number in [0, T), or -1.
    """
    # 1. the picture as it would be at step t: how noisy is x there, and how at t = -1?
    # 2. that where known is true, x elsewhere, in a new tensor
    raise NotImplementedError("lesson 07: keep_known")


def noise_further(x: Tensor, t: int, later: int, schedule: NoiseSchedule, noise: Tensor) -> Tensor:
    """Noise images at step t on to a later step, as if they had gone there on their own. Ho et al. 2020, equation 2."""
    signal, sigma = levels(schedule, t)
    signal_later, sigma_later = levels(schedule, later)
    kept = signal_later / signal
    return kept * x + max(sigma_later**2 - (kept * sigma) ** 2, 0.0) ** 0.5 * noise


def complete(
    model: Model,
    x_T: Tensor,
    picture: Tensor,
    known: Tensor,
    schedule: NoiseSchedule,
    *,
    generator: torch.Generator,
    steps: int = 20,
    times: int = 5,
    prediction: Prediction = "noise",
) -> Tensor:
    """Draw what is missing of a picture: walk back by p_sample, and after every step put in what is known.

    Put in so late, the known part and the drawn part do not fit at the seam. So each step is taken several times: after
    it, and before the next, noise_further leads from prev_t back to t, now with both parts in one image, and the step
    is taken anew. The step to -1 is taken once. Each time one noise, drawn at the step, serves both p_sample and
    keep_known: no pixel needs both. A second is drawn where it goes back. Lugmayr et al. 2022 (RePaint), algorithm 1.

    x_T: (B, C, H, W) standard normal, to start from. picture and known as in keep_known. steps: how many of the T steps
    to visit, by spaced_timesteps. times: how often each is taken. The other arguments, and the result, as in sample.
    """
    # 1. go through the pairs of spaced_timesteps; and at each, times times:
    # 2. draw noise; denoise x, p_sample to prev_t, keep_known there. Call it x_prev
    # 3. the last time, or at prev_t = -1: x_prev is the x of the next pair, and that is all
    # 4. else noise_further leads x_prev back to t, with noise drawn anew
    raise NotImplementedError("lesson 07: complete")


def from_sketch(
    model: Model,
    sketch: Tensor,
    schedule: NoiseSchedule,
    *,
    generator: torch.Generator,
    t_start: int,
    steps: int = 20,
    prediction: Prediction = "noise",
) -> Tensor:
    """Make a picture of a sketch: noise it to t_start, and walk back from there by dpm_walk.

    It is what refine does, only from further back and in more steps, with the fresh noise that dpm is usually given. A
    late t_start keeps little of the sketch, an early one keeps its faults. Meng et al. 2022 (SDEdit), algorithm 1.

    sketch: (B, C, H, W) in [-1, 1]. generator: draws the noise under which it goes, then the rest. steps: how many to
    take from t_start, spaced as if there were none after it. The other arguments, and the result, as in sample.
    ValueError if t_start is no step of the schedule, or steps is not between 1 and t_start + 1.
    """
    # 1. refuse a t_start that is no step of the schedule
    # 2. noise the sketch to t_start, with noise from the generator
    # 3. the visits: from t_start down, as spaced_timesteps makes them for a schedule that ends there
    # 4. go through dpm_walk, which asks denoise; of what it yields, the last x_prev is the result
    raise NotImplementedError("lesson 07: from_sketch")
