"""Lesson 7: one addition, what guidance does to two Gaussians and to digits, halves completed, pictures of scrawls."""

from functools import partial
from types import ModuleType

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor import guidance
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.choices import Keep
from cdm_tutor.course import sketches
from cdm_tutor.data import load_sample
from cdm_tutor.noising import Model
from cdm_tutor.pictures import half
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import levels, sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.unet import timestep_embedding
from workshop.drawing import chart, mistaken, picture, side_by_side

COSINE = make_schedule("cosine")
DATA = ("mnist", "fashion")
WHOLE = (0.0, 1000.0)  # guidance at every step
MIDDLE = (200.0, 700.0)  # and between two
HARD = 35  # of a dozen seeds that whose noise leaves most digits in doubt at scale 1
SHOWN = 32  # of the numbers in a row
MEANS, SPREAD = (-0.25, 0.25), 0.2  # of the two Gaussians
STARTS = (100, 300, 400, 500, 600, 700, 800, 900)  # from which scrawls are made pictures
PLACES = (2003, 3005, 4100, 5001, 8004)  # of the digits that are completed
CLOTHES = (1012, 3020, 7015, 8002, 9011)  # and of the clothes


def told(name: str) -> Trained:
    """The network that comes with the package and is told classes."""
    return load_weights(shipped_weights(name, classes=True))


def drawn(
    name: str, labels: Tensor, scale: float, x_T: Tensor, limits: tuple[float, float] = WHOLE, eta: float = 1.0
) -> Tensor:
    """Samples of these classes, from this noise."""
    model = partial(guidance.guided, told(name).network, labels=labels, guidance_scale=scale, limits=limits)
    return walked(model, x_T, eta)


def walked(model: Model, x_T: Tensor, eta: float = 1.0) -> Tensor:
    """Samples of a model that predicts v, as all do that come with the package."""
    return sample(model, x_T, COSINE, generator=seeded(5), steps=20, eta=eta, prediction="v")


def normal(n: int, seed: int) -> Tensor:
    """What n images start from."""
    return torch.randn(n, 1, 28, 28, generator=seeded(seed))


def same_noise(n: int, seed: int) -> Tensor:
    """The same noise for n images."""
    return normal(1, seed).expand(n, 1, 28, 28)


# --- the pictures ----------------------------------------------------------------------------------------------------


def completed(name: str, pictures: Tensor, keep: Keep, times: int, module: ModuleType = guidance) -> Tensor:
    """Pictures of which one half is known, by the network that is told no class."""
    known, trained = half(keep).expand_as(pictures), load_weights(shipped_weights(name))
    return module.complete(
        trained.network,
        normal(len(pictures), 12),
        pictures,
        known,
        COSINE,
        generator=seeded(6),
        times=times,
        prediction=trained.card.prediction,
    )


def from_scrawls(name: str, scrawls: Tensor, t_start: int, module: ModuleType = guidance) -> Tensor:
    """Pictures made of scrawls, by the network that is told no class."""
    trained = load_weights(shipped_weights(name))
    return module.from_sketch(
        trained.network,
        scrawls,
        COSINE,
        generator=seeded(7),
        t_start=t_start,
        steps=20,
        prediction=trained.card.prediction,
    )


def chosen(name: str) -> Tensor:
    """The real images that are completed."""
    return load_sample(name).x0[list(PLACES if name == "mnist" else CLOTHES)]


def known_part(pictures: Tensor, keep: Keep) -> Tensor:
    """What is known of them, on grey."""
    return pictures.where(half(keep), torch.zeros(()))


# --- the charts ------------------------------------------------------------------------------------------------------


@torch.no_grad()
def addition() -> Figure:
    """The row of a timestep, the row of a class, and what the blocks get."""
    network = told("mnist").network
    assert isinstance(network, guidance.ConditionalUNet)
    time = network.time_mlp(timestep_embedding(torch.tensor([500]), network.time_dim))[0, :SHOWN]
    seven = network.classes(torch.tensor([8]))[0, :SHOWN]
    figure, axes = side_by_side(3, 3.6, columns=1, low=1.3, sharex=True, sharey=True)
    rows = {"timestep 500": time, "+ class 7": seven, "= what each block gets": time + seven}
    for number, (each, (title, row)) in enumerate(zip(axes, rows.items(), strict=True)):
        each.bar(range(SHOWN), row, color=f"C{number}")
        each.set_title(title, loc="left")
        each.axhline(0, color="C4", linewidth=0.8)
        each.set(xticks=[])
    axes[2].set_xlabel(f"the first {SHOWN} of {network.time_dim} numbers")
    return figure


def ideal(x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
    """The noise in x_t on average, for two Gaussians of one pixel; of the class that is told, or of both."""
    signal, sigma = levels(COSINE, int(t[0]))
    variance = signal**2 * SPREAD**2 + sigma**2
    off = torch.stack([x_t - signal * mean for mean in MEANS])
    of_each = (off.square() / (-2 * variance)).softmax(dim=0)  # how likely each class is, by Bayes' rule
    both = (of_each * off).sum(dim=0)
    one = torch.where((labels == 0)[:, None, None, None], off[0], off[1])
    return sigma / variance * torch.where((labels < 0)[:, None, None, None], both, one)


def two_gaussians() -> Figure:
    """Where samples land at three scales, told the right one of two classes."""
    figure, axes = plt.subplots()
    x_T, right = torch.randn(20_000, 1, 1, 1, generator=seeded(8)), torch.ones(20_000, dtype=torch.int64)
    edges = torch.linspace(-1, 1, 81)
    for number, (scale, what) in enumerate({0: "not told", 1: "told", 3: "further"}.items()):
        model = partial(guidance.guided, ideal, labels=right, guidance_scale=scale)
        landed = sample(model, x_T, COSINE, generator=seeded(9), solver="ddim", steps=100).flatten()
        density = torch.histogram(landed, edges, density=True).hist
        axes.plot((edges[1:] + edges[:-1]) / 2, density, color=f"C{number}", label=f"scale {scale}: {what}")
    axes.axvline(MEANS[0], color="C4", linestyle=":", linewidth=1)
    axes.axvline(MEANS[1], color="C4", linestyle=":", linewidth=1)
    axes.set(xlabel="pixel", ylabel="density of samples", xlim=(-1, 1), ylim=(0, None))
    axes.legend()
    return figure


def main() -> None:
    result()
    charts()
    scales()
    variety()
    halves()
    scrawled()
    mistakes()
    mistakes_in_halves()


def result() -> None:
    tens = torch.arange(10)
    asked = [drawn(name, tens, 2.0, normal(10, seed)) for name, seed in zip(DATA, (21, 22), strict=True)]
    parts = [(name, chosen(name)) for name in DATA]
    pairs = [torch.stack([known_part(x, "left"), completed(name, x, "left", 5)], dim=1) for name, x in parts]
    scrawls = {"mnist": sketches.digits()[[1, 4, 6]], "fashion": sketches.clothes()[[0, 3]]}
    made = [torch.stack([x, from_scrawls(name, x, 500)], dim=1).flatten(0, 1) for name, x in scrawls.items()]
    mixed = torch.cat([pairs[0][:3], pairs[1][:2]]).flatten(0, 1)
    picture(
        "07-result",
        "Digits and clothes as they were asked for, halves completed, and scrawls made pictures.",
        "Four rows of ten. The digits 0 to 9, and the ten kinds of clothes, each drawn as it was asked for. Three "
        "digits and two pieces of clothing of which the left half was given, each beside what was made of it. Three "
        "scrawled digits and two flat shapes, each beside the digit or the piece of clothing drawn from it.",
        torch.cat([*asked, mixed, *made]),
        columns=10,
        row_labels=["asked for", "asked for", "half given", "a scrawl"],
    )


def charts() -> None:
    chart(
        "07-addition",
        "A timestep's row, a class's row, and their sum.",
        "Three rows of bars, 32 numbers each: the row of timestep 500, the row of class 7, which is as large, and "
        "their sum, which every residual block gets.",
        addition,
    )
    chart(
        "07-two-gaussians",
        "Where samples of one pixel land, by guidance scale.",
        "The density of samples for two classes of one pixel, around -0.25 and 0.25, with the right one asked for. At "
        "scale 0 there are both hills, at scale 1 the right one as it is; at scale 3 its hill is higher, narrower, and "
        "further to the right.",
        two_gaussians,
    )


def scales() -> None:
    rows, tens = (1, 2, 4), torch.arange(10)
    picture(
        "07-scales",
        "Ten classes from one noise, by guidance scale.",
        "Six rows of ten classes, all digits from one and the same noise, at scale 1, 2 and 4, then so the clothes. "
        "The digits share their slant and their bold line. At scale 1 half of them are in doubt: the one is a nine, "
        "the eight a three. At scale 4 each is what was asked for.",
        torch.cat([drawn(name, tens, scale, same_noise(10, HARD), eta=0.0) for name in DATA for scale in rows]),
        columns=10,
        labels=[str(digit) for digit in range(10)],
        row_labels=[f"scale {scale}" for scale in rows] * 2,
    )


def variety() -> None:
    labels, x_T = torch.full((10,), 7), normal(10, 41)
    ways: dict[str, tuple[float, tuple[float, float]]] = {
        "scale 1": (1.0, WHOLE),
        "scale 4": (4.0, WHOLE),
        "scale 8": (8.0, WHOLE),
        "8, limited": (8.0, MIDDLE),
    }
    picture(
        "07-variety",
        "Ten sevens, by guidance scale.",
        "Ten sevens from ten noises, by guidance scale. At scale 1 they differ, and one is nearly a two. The larger "
        "the scale the more they are alike, all with a bold bar and a straight stem. At scale 8, but between steps 200 "
        "and 700 only, they differ again.",
        torch.cat([drawn("mnist", labels, scale, x_T, limits) for scale, limits in ways.values()]),
        columns=10,
        row_labels=list(ways),
    )


def halves() -> None:
    given = [known_part(chosen(name), "left") for name in DATA]
    rows = [torch.cat([completed(name, chosen(name), "left", times) for name in DATA]) for times in (1, 5)]
    picture(
        "07-halves",
        "Halves that were given, and completed with each step taken once, and five times.",
        "Five digits and five pieces of clothing. Above, the left half that was given; in the middle, completed with "
        "each step taken once: some strokes do not meet at the seam; below, with each step taken five times: they do.",
        torch.cat([*given, *rows]),
        columns=10,
        row_labels=["given", "times = 1", "times = 5"],
    )


def scrawled() -> None:
    kinds = {"mnist": sketches.digits()[[2, 5, 7]], "fashion": sketches.clothes()[[0, 1, 3]]}
    rows = [
        torch.stack([x, *(from_scrawls(name, x, t) for t in STARTS)], dim=1).flatten(0, 1) for name, x in kinds.items()
    ]
    picture(
        "07-sketches",
        "Six scrawls, and what is made of them from eight t_start.",
        "Three scrawled digits and three flat shapes, a column for each t_start. From 100 they stay scrawls, flat and "
        "angular; from 500 they are digits and clothes of the same shape; from 900 they are others.",
        torch.cat(rows),
        columns=len(STARTS) + 1,
        labels=["scrawl", *map(str, STARTS)],
    )


def mistakes() -> None:
    tens, x_T, network = torch.arange(10), normal(10, 21), told("mnist").network
    wrong = {"exchanged": "guided-away", "told, scaled": "guided-told-scaled-only"}
    rows = [drawn("mnist", tens, 3.0, x_T)]
    for name in wrong.values():
        rows.append(walked(partial(mistaken(name).guided, network, labels=tens, guidance_scale=3.0), x_T))
    neighbour = mistaken("class-without-plus-one").ConditionalUNet().eval()
    neighbour.load_state_dict(network.state_dict())
    rows.append(walked(partial(neighbour, labels=tens), x_T))
    picture(
        "07-mistakes",
        "The digits 0 to 9, asked for rightly and with mistakes.",
        "The digits 0 to 9, asked for rightly and with known mistakes, row by row. With told and untold exchanged "
        "each digit is another than was asked for. With the told answer scaled and added all are under specks. With "
        "the label taken for the row most are their left neighbours.",
        torch.cat(rows),
        columns=10,
        labels=[str(digit) for digit in range(10)],
        row_labels=["right", *wrong, "row = label"],
    )


def mistakes_in_halves() -> None:
    places = load_sample("mnist").x0[[*PLACES, 3, 1012, 6011, 7020, 9030]]
    wrong = {
        "at the end": "complete-known-only-at-the-end",
        "all noised": "known-noises-all",
        "back from x": "complete-goes-back-from-x",
    }
    wrongly = [completed("mnist", places, "left", 5, mistaken(name)) for name in wrong.values()]
    picture(
        "07-half-mistakes",
        "Halves, completed rightly and with mistakes.",
        "Ten digits of which the left half was given, completed rightly and with known mistakes, row by row. Put in at "
        "the end only, the halves belong to two digits. With the drawn part noised, too, the right half is in shreds. "
        "Gone back from x, it is grain.",
        torch.cat([known_part(places, "left"), completed("mnist", places, "left", 5), *wrongly]),
        columns=10,
        row_labels=["given", "right", *wrong],
    )
