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
        super().__init__(in_channels, channels, blocks)
        self.classes = nn.Embedding(CLASSES + 1, self.time_dim)
        nn.init.zeros_(self.classes.weight)

    def forward(self, x_t: Tensor, t: Tensor, labels: Tensor | None = None) -> Tensor:
        """Predict as SimpleUNet does, in images x_t at steps t, of classes that are known: labels, (B,) int64.

        A label is a class, from 0, or NOT_TOLD. Without labels no image's class is told. By hand: where the timestep's
        row begins with 0.5 and the row of class 7 with 0.25, the blocks get a row for a seven that begins with 0.75.
        ValueError as SimpleUNet, and as checked_labels.
        """
        labels = checked_labels(labels, t, len(self.classes.weight) - 1)
        if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:
            raise ValueError(f"expected height and width divisible by {self.divisor}, got {tuple(x_t.shape[2:])}")
        # the timestep's row and the class's row, added; the rest is SimpleUNet's
        time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype)) + self.classes(labels + 1)
        h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)
        h = self.middle2(self.attention(self.middle1(h, time)), time)
        h = self.decode(h, skips, time)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)


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
    return torch.where(chance < DROPPED, NOT_TOLD, labels)


def conditional_loss(
    model: ToldModel, x0: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction = "noise"
) -> Tensor:
    """The denoising loss of a model that is told the classes, but for those that drop_labels drops.

    The last channel of x0 is no part of the image: it holds the label, as with_labels puts it there. The last channel
    of the noise spoils nothing: chances makes of it what decides whose label is dropped.

    model: maps (x_t, t, labels) to a prediction of x_t's shape. x0 and noise: (B, C + 1, H, W). The other arguments,
    and the result, (B,), as in denoising_loss.
    """
    labels = drop_labels(x0[:, -1, 0, 0].long(), chances(noise))

    def told(x_t: Tensor, t: Tensor) -> Tensor:
        """The model, as denoising_loss asks it."""
        return model(x_t, t, labels)

    return denoising_loss(told, x0[:, :-1], t, noise[:, :-1], schedule, prediction)


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
    # untold + scale * (told - untold)
    told = model(x_t, t, labels)
    untold = model(x_t, t, torch.full_like(labels, NOT_TOLD))
    inside = (limits[0] <= t) & (t < limits[1])
    scale = torch.where(inside, guidance_scale, 1.0).to(told.dtype)
    return torch.lerp(untold, told, scale[:, None, None, None])


def keep_known(x: Tensor, picture: Tensor, known: Tensor, t: int, noise: Tensor, schedule: NoiseSchedule) -> Tensor:
    """Put what is known of a picture into images that are being drawn, x, which are at step t.

    Where known is true, a pixel of the picture takes the place of the pixel of x; it has to be as noisy as x is. At
    t = -1, the clean image, it goes in as it is. By hand: at alpha_bar_t = 0.64, a known pixel of 0.5 with noise 1
    gives 1, and an unknown pixel stays. Lugmayr et al. 2022, equation 8.

    x, picture and noise: (B, C, H, W), and stay as they are; what the picture holds where it is not known does not
    matter. known: the same shape, bool. t: one number in [0, T), or -1.
    """
    then = picture if t < 0 else renoise(picture, t, schedule, noise)
    return torch.where(known, then, x)


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
    x = x_T
    for t, prev_t in spaced_timesteps(len(schedule), steps):
        for time in range(times):
            noise = draw_like(x, generator)
            x_prev = p_sample(x, denoise(model, x, t, schedule, prediction), prev_t, schedule, noise)
            x_prev = keep_known(x_prev, picture, known, prev_t, noise, schedule)
            if prev_t < 0 or time == times - 1:
                break
            x = noise_further(x_prev, prev_t, t, schedule, draw_like(x, generator))
        x = x_prev
    return x


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
    if not 0 <= t_start < len(schedule):
        raise ValueError(f"expected to start from a step between 0 and {len(schedule) - 1}, got {t_start}")
    x = renoise(sketch, t_start, schedule, draw_like(sketch, generator))
    ask = partial(denoise, model, schedule=schedule, prediction=prediction)
    for _, x_prev in dpm_walk(ask, x, spaced_timesteps(t_start + 1, steps), schedule, generator, 1.0):
        x = x_prev
    return x
