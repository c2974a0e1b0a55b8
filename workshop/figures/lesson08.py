"""Lesson 8: guesses along a path, how far they drift, pairs of steps, a distance, digits in a jump and in a few."""

from collections.abc import Callable
from functools import cache

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor import consistency
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.noising import Model, q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import levels, sample
from cdm_tutor.schedule import make_schedule
from workshop.drawing import chart, mistaken, picture, side_by_side

COSINE = make_schedule("cosine")
LAST = len(COSINE) - 1
DATA = {"mnist": "digits", "fashion": "clothes"}
STEPS = 50  # of a path
SEEN = (0, 2, 5, 10, 15, 20, 30, 40, 50)  # the points of it that are shown
MEAN, SPREAD = 0.1, 0.25  # of the Gaussian pixels
HELD = 500  # the step whose pairs are shown
PLACES = {"mnist": 5003, "fashion": 9011}  # of the real images that are noised
JUMPS = (1, 2, 4, 8)


@cache
def plain(name: str) -> Trained:
    """The network of lesson 3 that comes with the package."""
    return load_weights(shipped_weights(name))


@cache
def consistent(name: str) -> Trained:
    """The consistency network that comes with the package."""
    return load_weights(shipped_weights(name, "consistency"))


def normal(n: int, seed: int) -> Tensor:
    """What n images start from."""
    return torch.randn(n, 1, 28, 28, generator=seeded(seed))


def jumped(model: Model, x_t: Tensor, t: int) -> Tensor:
    """The jump of images that are all at one step."""
    return consistency.jump(model, x_t, torch.full((len(x_t),), t), COSINE)


def walked(name: str, x_T: Tensor) -> Tensor:
    """Where the path of the network of lesson 3 leads from this noise, in 20 steps."""
    model = plain(name).network
    return sample(model, x_T, COSINE, generator=seeded(5), solver="ddim", prediction="v")


def in_jumps(name: str, x_T: Tensor, jumps: int) -> Tensor:
    """Samples of the consistency network."""
    return consistency.sample_by_jumps(consistent(name).network, x_T, COSINE, generator=seeded(6), steps=jumps)


def between(first: Tensor, last: Tensor, n: int) -> Tensor:
    """Noise on the way from one to another, on a circle: straight on, it would be too little noise half-way."""
    angles = torch.linspace(0, torch.pi / 2, n)[:, None, None, None]
    return angles.cos() * first + angles.sin() * last


# --- the charts ------------------------------------------------------------------------------------------------------


def ideal(x_t: Tensor, t: Tensor) -> Tensor:
    """The velocity that a denoiser answers on average, for Gaussian pixels."""
    signal, sigma = levels(COSINE, int(t[0]))
    guess = MEAN + signal * SPREAD**2 * (x_t - signal * MEAN) / (signal**2 * SPREAD**2 + sigma**2)
    return (signal * x_t - guess) / sigma


def along(x_t: Tensor, t: Tensor) -> Tensor:
    """The velocity that the consistency function of Gaussian pixels answers."""
    signal, sigma = levels(COSINE, int(t[0]))
    image = MEAN + SPREAD * (x_t - signal * MEAN) / (signal**2 * SPREAD**2 + sigma**2) ** 0.5
    return (signal * x_t - image) / sigma


def gaussian() -> Figure:
    """Paths of Gaussian pixels, and what a denoiser and a consistency function say along them."""
    x_T = torch.tensor([-1.6, -0.8, 0.0, 0.8, 1.6])[:, None, None, None]
    points = consistency.path(ideal, x_T, COSINE, 200)
    steps = [t for t, _ in points]
    rows = {
        "a pixel's path": [x_t for _, x_t in points],
        "a denoiser's guesses": [jumped(ideal, x_t, t) for t, x_t in points],
        "a consistency function's": [jumped(along, x_t, t) for t, x_t in points],
    }
    figure, axes = side_by_side(3, 2.8, sharex=True)
    for each, (title, row) in zip(axes, rows.items(), strict=True):
        each.plot(steps, torch.stack(row).flatten(1))
        each.set_title(title, loc="left")
        each.set(xlabel="t", xlim=(LAST, -1))
    for each in axes[1:]:
        each.set_ylim(-0.5, 0.7)
    return figure


@torch.no_grad()
def drifts() -> Figure:
    """How far the jumps of both networks are from where the path ends, step by step, for digits and for clothes."""
    figure, axes = side_by_side(2, 2.8, sharey=True)
    for each, name in zip(axes, DATA, strict=True):
        points = consistency.path(plain(name).network, normal(32, 61), COSINE, 25)
        for network, label in ((plain(name), "trained to denoise"), (consistent(name), "tuned to be consistent")):
            far = consistency.drift(network.network, points, COSINE).mean(dim=1)
            each.plot([t for t, _ in points], far, label=label)
        each.set(title=DATA[name], xlabel="t", xlim=(LAST, -1), ylim=(0, None))
    figure.supylabel("drift")
    axes[1].legend()
    return figure


def distances() -> Figure:
    """Three distances over the difference in each pixel."""
    figure, axes = plt.subplots()
    apart = torch.linspace(0, 0.2, 201)
    images = apart[:, None, None, None]
    robust = consistency.robust_distance(images, torch.zeros_like(images))
    axes.plot(apart, robust, color="C1", label="robust distance")
    axes.plot(apart, apart**2 / (2 * consistency.HUBER), color="C0", label="its square, over 2 HUBER")
    axes.plot(apart, apart, label="the difference itself")
    axes.axvline(consistency.HUBER, color="C4", linestyle=":", linewidth=1)
    axes.annotate("HUBER", (consistency.HUBER + 0.002, 0.18), color="C4")
    axes.set(xlabel="difference in each pixel", xlim=(0, 0.2), ylim=(0, 0.2))
    axes.legend(loc="lower right")
    return figure


# --- the pictures ----------------------------------------------------------------------------------------------------


@torch.no_grad()
def main() -> None:
    result()
    guesses()
    charts()
    pairs()
    jumps()
    mistakes()


def result() -> None:
    rows: list[Tensor] = []
    kinds: tuple[Callable[[str, Tensor], Tensor], ...] = (
        walked,
        lambda name, x_T: jumped(plain(name).network, x_T, LAST),
        lambda name, x_T: in_jumps(name, x_T, 1),
    )
    for name, seed in zip(DATA, (31, 32), strict=True):
        rows += [make(name, normal(10, seed)) for make in kinds]
    for name, seed in zip(DATA, (33, 34), strict=True):
        first, last = normal(2, seed).split(1)
        rows.append(in_jumps(name, between(first, last, 10), 1))
    picture(
        "08-result",
        "Digits and clothes in 20 steps, in one step, and in one jump of the tuned network.",
        "Eight rows of ten. Digits from ten noises in 20 steps; from the same noise in one step of the same network: "
        "ten times nearly the same grey blot; and in one jump of the consistency network: digits. Three rows of "
        "clothes, likewise. Last, digits and clothes in one jump each, from noise that goes over from one to another: "
        "they turn into each other.",
        torch.cat(rows),
        columns=10,
        row_labels=[*["20 steps", "one step", "one jump"] * 2, "in between", "in between"],
    )


def guesses() -> None:
    rows, steps = list[Tensor](), list[int]()
    for name, seed in zip(DATA, (41, 43), strict=True):
        points = [consistency.path(plain(name).network, normal(1, seed), COSINE, STEPS)[i] for i in SEEN]
        steps = [t for t, _ in points]
        rows.append(torch.cat([x_t for _, x_t in points]))
        rows += [torch.cat([jumped(each(name).network, x_t, t) for t, x_t in points]) for each in (plain, consistent)]
    picture(
        "08-guesses",
        "Two paths, and what two networks guess along them.",
        "A path from noise to a digit, in nine points; below it what the network that was trained to denoise guesses "
        "at each, first a blot, then a soft shape, at last the digit; and below that what the consistency network "
        "says: from the first point on nearly the same, but for a frayed one at t = 959. Then the same of a piece of "
        "clothing.",
        torch.cat(rows),
        columns=len(SEEN),
        labels=[f"t = {t}" for t in steps[:-1]] + ["the end"],
        row_labels=["the path", "denoiser", "consistent"] * 2,
    )


def charts() -> None:
    chart(
        "08-gaussian",
        "Five pixels: their paths, a denoiser's guesses, and a consistency function's.",
        "Three charts over t, from noise to image, of five pixels. Their paths bend. A denoiser's guesses begin at one "
        "value for all and spread. A consistency function's stay what they are: five level lines.",
        gaussian,
    )
    chart(
        "08-drift",
        "The drift of both networks along the same paths.",
        "How far a guess is from where the path ends, over t, for digits and for clothes, by both networks. The line "
        "of the one that was trained to denoise begins high and falls to 0 at the end of the path.",
        drifts,
    )
    chart(
        "08-distance",
        "Three distances, over the difference in each pixel.",
        "Distance over the difference in each pixel. The robust distance begins as a parabola, with the square, and "
        "above HUBER it goes on beside the straight line, where the square rises steeply.",
        distances,
    )


def pairs() -> None:
    t, halvings = torch.tensor([HELD]), range(7)
    rows, r = list[Tensor](), [consistency.earlier(t, n) for n in halvings]
    for name, place in PLACES.items():
        x0, noise = load_sample(name).x0[place : place + 1], normal(1, 51)
        rows += [q_sample(x0, t, noise, COSINE).repeat(len(r), 1, 1, 1)]
        rows += [x0 if each < 0 else q_sample(x0, each, noise, COSINE) for each in r]
    picture(
        "08-pairs",
        "One image at two steps, the second nearer to the first with each halving.",
        f"A digit under the noise of step {HELD}, seven times; below each the same digit under the same noise at the "
        "earlier step: without halvings it is clean, with six it can hardly be told from the one above. Then the same "
        "of a piece of clothing.",
        torch.cat(rows),
        columns=len(r),
        labels=[f"r = {int(each)}" if each >= 0 else "clean" for each in r],
        row_labels=["x_t", "x_r"] * 2,
    )


def jumps() -> None:
    picture(
        "08-jumps",
        "Digits and clothes in 1, 2, 4 and 8 jumps.",
        "Ten digits from ten noises, in one jump, in two, in four and in eight of the consistency network, row by row, "
        "and so ten pieces of clothing.",
        torch.cat([in_jumps(name, normal(10, 71), n) for name in DATA for n in JUMPS]),
        columns=10,
        row_labels=[f"{n} jump{'s' * (n > 1)}" for n in JUMPS] * 2,
    )


def mistakes() -> None:
    x_T, model = normal(10, 71), consistent("mnist").network
    wrong = {
        "not noised": "jumps-without-noise",
        "back to t": "jumps-back-to-where-they-were",
        "x noised": "jumps-noise-what-is-noisy",
    }
    rows = [in_jumps("mnist", x_T, 4)]
    for name in wrong.values():
        rows.append(mistaken(name).sample_by_jumps(model, x_T, COSINE, generator=seeded(6), steps=4))
    picture(
        "08-mistakes",
        "Digits in four jumps, rightly and with mistakes.",
        "Ten digits in four jumps, rightly and with known mistakes, row by row: with a guess that is not noised "
        "before the next jump: bold; with one that is noised too much: shreds; with noise on x in the place of the "
        "guess: noise.",
        torch.cat(rows),
        columns=10,
        row_labels=["right", *wrong],
    )
