"""Lesson 5: why pairs blur, what re-noising drowns, what two steps mend and lose, and what known mistakes do."""

from itertools import pairwise
from types import ModuleType

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor import refiner
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_another, draw_like, seeded
from cdm_tutor.sampler import ddim_step, denoise, levels, sample
from cdm_tutor.schedule import make_schedule
from workshop.drawing import chart, mistaken, picture, side_by_side

COSINE = make_schedule("cosine")
STARTS = (50, 100, 200, 300, 450, 600, 800)  # the t_r of the pictures
NAMES = [f"t_r = {t_r}" for t_r in STARTS]
GIVEN = (2003, 4100, 5001, 8004)  # places of the digits whose neighbours are averaged
ROW, COLUMN = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")


def scratched(x0: Tensor) -> Tensor:
    """A thin grey line across the image."""
    line = (ROW - 0.6 * COLUMN - 4).abs() < 0.6
    return torch.where(line, x0.clamp(min=0.2), x0)


def specked(x0: Tensor) -> Tensor:
    """25 lone grey pixels."""
    specks = torch.zeros(28 * 28, dtype=torch.bool)
    specks[torch.randperm(28 * 28, generator=seeded(9))[:25]] = True
    return torch.where(specks.view(28, 28), 0.0, x0)


def holed(x0: Tensor) -> Tensor:
    """One in seven pixels of ink gone."""
    holes = torch.rand(28, 28, generator=seeded(3)) < 0.15
    return torch.where(holes & (x0 > 0.5), -0.6, x0)


def softened(x0: Tensor) -> Tensor:
    """A patch in the middle out of focus: each of its pixels is the mean of 3 x 3."""
    patch = (ROW >= 6) & (ROW < 22) & (COLUMN >= 8) & (COLUMN < 20)
    return torch.where(patch, F.avg_pool2d(x0, 3, stride=1, padding=1), x0)


def cut(x0: Tensor) -> Tensor:
    """A dark line, two pixels wide, through the strokes."""
    return torch.where((ROW + 0.6 * COLUMN - 22).abs() < 1.2, -1.0, x0)


def refined(x: Tensor, t_r: int, module: ModuleType = refiner, sigmoid: bool = False) -> Tensor:
    """By the network of the first stage, which stands in for a refiner. The same noise whatever t_r is."""
    shipped = load_weights(shipped_weights("mnist"))
    model = InRange(shipped.network) if sigmoid else shipped.network
    return module.refine(model, x, COSINE, seeded(5), t_r, shipped.card.prediction)


def step_by_step(x: Tensor, t_r: int) -> list[Tensor]:
    """What refine sees on its way: re-noised, first guess, at a third of t_r, result."""
    shipped = load_weights(shipped_weights("mnist"))
    (_, middle), _ = refiner.refiner_steps(t_r, len(COSINE))
    start = refiner.renoise(x, t_r, COSINE, draw_like(x, seeded(5)))
    guess = denoise(shipped.network, start, t_r, COSINE, shipped.card.prediction)
    between = ddim_step(start, guess, middle, COSINE, torch.zeros_like(x))
    second = denoise(shipped.network, between, middle, COSINE, shipped.card.prediction)
    return [start, guess.pred_x0, between, second.pred_x0]


def faulty() -> Tensor:
    """Eight samples drawn in only six DDIM steps, so that there is something to mend."""
    shipped = load_weights(shipped_weights("mnist"))
    generator = seeded(11)
    x_T = torch.randn(8, 1, 28, 28, generator=generator)
    prediction = shipped.card.prediction
    return sample(shipped.network, x_T, COSINE, generator=generator, solver="ddim", steps=6, prediction=prediction)


def neighbours(x0: Tensor, given: Tensor) -> Tensor:
    """A row of the picture: the image, three of the 20 nearest to it, the mean of the 20, the mean of all."""
    order = (x0 - given).flatten(1).norm(dim=1).argsort()
    nearest = x0[order[1:21]]  # the first is the image itself
    return torch.cat([given[None], nearest[[0, 9, 19]], nearest.mean(0, keepdim=True), x0.mean(0, keepdim=True)])


def levels_of_both() -> Figure:
    t = torch.linspace(0, 999, 150).long()
    figure, axes = plt.subplots()
    axes.plot(t, COSINE.sqrt_alphas_cumprod[t])
    axes.plot(t, COSINE.sqrt_one_minus_alphas_cumprod[t])
    axes.axvspan(0, 500, color="C4", alpha=0.15, linewidth=0)
    axes.axvline(200, color="C2", linestyle="--")
    axes.axvline(66, color="C2", linestyle=":")
    axes.annotate("trained on", (490, 0.03), color="C4", ha="right")
    axes.annotate("t_r = 200", (210, 0.13), color="C2")
    axes.annotate("66", (76, 0.62), color="C2")
    axes.annotate("image", (420, 0.86), color="C0")
    axes.annotate("noise", (800, 0.86), color="C1")
    axes.set(xlabel="t", ylabel="share in x_t", xlim=(0, 999), ylim=(0, 1.02))
    return figure


def directions(x0: Tensor) -> Figure:
    """How much of a deviation survives, direction by direction, and which directions digits and faults lie in."""
    flat = x0.flatten(1).double()
    variances, basis = torch.linalg.eigh(torch.cov(flat.T))
    variances, basis = variances.flip(0).clamp(min=0), basis.flip(1)
    rank = torch.logspace(0, 2.894, 80).long().unique()
    figure, (left, right) = side_by_side(2, 3.2)
    for colour, t_r in enumerate((50, 200, 500, 800)):
        signal, sigma = levels(COSINE, t_r)
        strength = signal**2 / sigma**2 * variances
        left.plot(rank, (strength / (1 + strength))[rank - 1], color=f"C{colour}", label=f"t_r = {t_r}")
    left.set(xlabel="direction, by standard deviation", ylabel="kept of a deviation", xscale="log", ylim=(0, 1.02))
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    some = x0[::25]
    faults = {"cut": cut, "holes": holed, "scratch": scratched, "specks": specked}
    deviations = {"digits": some - x0.mean(0), **{name: damage(some) - some for name, damage in faults.items()}}
    for name, deviation in deviations.items():
        energy = (deviation.flatten(1).double() @ basis).square().sum(0).cumsum(0)
        right.plot(rank, (energy / energy[-1])[rank - 1], label=name)
    right.set(xlabel="direction, by standard deviation", ylabel="share of it up to there", xscale="log", ylim=(0, 1.02))
    right.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return figure


def gain(visited: tuple[int, ...], s: float) -> float:
    """What the way from the first step visited to the clean image multiplies a deviation by, if all data are N(0, s^2).

    The network is ideal: it guesses the conditional mean.
    """
    gain = 1.0
    for t, prev_t in pairwise((*visited, -1)):
        (signal, sigma), (signal_prev, sigma_prev) = levels(COSINE, t), levels(COSINE, prev_t)
        share = signal * s**2 / (signal**2 * s**2 + sigma**2)
        gain *= signal_prev * share + sigma_prev * (1 - signal * share) / sigma
    return gain


def trade(s: float) -> Figure:
    starts = torch.linspace(5, 700, 70).long().tolist()
    figure, panels = side_by_side(3, 3.2, sharey=True)
    ways: dict[str, list[tuple[int, ...]]] = {
        "in 1 step": [(t,) for t in starts],
        "in 2 steps": [(t, t // 3) for t in starts],
        "in 50 steps": [tuple(torch.linspace(t, 0, min(t, 50)).long().unique().flip(0).tolist()) for t in starts],
    }
    for axes, (title, visited) in zip(panels, ways.items(), strict=True):
        fault, detail = [], []
        for t, way in zip(starts, visited, strict=True):
            (signal, sigma), g = levels(COSINE, t), gain(way, s)
            fault.append(g * signal)
            detail.append(g * (signal**2 * s**2 + sigma**2) ** 0.5 / s)
        axes.plot(starts, fault, label="fault")
        axes.plot(starts, detail, label="detail")
        axes.set(xlabel="t_r", title=title, xlim=(0, 700), ylim=(0, 1.02))
    figure.supylabel("left of it")
    panels[0].legend()
    return figure


class InRange(torch.nn.Module):
    """A network whose answers are cut to what a sigmoid can give."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        return self.model(x_t, t).clamp(0, 1)


def before_and_after(name: str, n: int = 10) -> tuple[Tensor, Tensor]:
    """Samples drawn in ten DDIM steps, and the same refined by the refiner that comes with the package."""
    base, second = load_weights(shipped_weights(name)), load_weights(shipped_weights(name, "refiner"))
    settings = SampleSettings(n=n, solver="ddim", steps=10, seed=21)
    before = generate(base, settings)
    after = refiner.refine(second.network, before, COSINE, seeded(5), settings.t_start, second.card.prediction)
    return before, after


def main() -> None:
    digits = load_sample("mnist").x0
    kinds = (scratched, scratched, specked, specked, softened, softened, holed, holed)
    places = (3005, 8004, 7010, 5001, 8004, 4100, 7010, 3005)
    damaged = torch.stack([damage(digits[i]) for damage, i in zip(kinds, places, strict=True)])
    result(damaged)
    before_after()
    pairs(digits)
    renoised()
    charts(digits)
    repair(digits)
    on_the_way(damaged[1:2])
    perturbed(digits[5001])
    mistakes(damaged)


def result(damaged: Tensor) -> None:
    picture(
        "05-result",
        "Damaged digits, and what the code of this lesson made of them.",
        "Upper row: eight digits, two each with a thin scratch, with grey specks, with a soft patch and with holes in "
        "the stroke. Lower row: the same, noised to t_r = 300 and denoised in two steps; of most damage nothing is "
        "left to see.",
        torch.cat([damaged, refined(damaged, 300)]),
        columns=len(damaged),
        row_labels=["damaged", "refined"],
    )


def before_after() -> None:
    before, after = (torch.cat(both) for both in zip(*map(before_and_after, ("mnist", "fashion")), strict=True))
    picture(
        "05-before",
        "Twenty samples, before the refiner and after it.",
        "Before: ten digits and ten pieces of clothing, drawn in ten steps.",
        before,
        columns=10,
    )
    picture(
        "05-after",
        "",
        "After: the same, refined. The faint grid in the background is gone; strokes are as white in the middle as "
        "real ones; clothes have firmer folds and clean outlines. What is no digit stays none.",
        after,
        columns=10,
    )


def pairs(digits: Tensor) -> None:
    picture(
        "05-pairs",
        "Four digits, some of the real images that are nearest to each, and averages.",
        "Four rows. Each shows a digit, three of the 20 real images nearest to it, which are sharp, the average of the "
        "20, which is soft at every edge, and the average of all 10,000 images, a grey blob.",
        torch.cat([neighbours(digits, digits[i]) for i in GIVEN]),
        columns=6,
        labels=["given", "nearest", "10th", "20th", "mean of 20", "mean of all"],
    )


def renoised() -> None:
    samples = faulty()
    chosen = samples[[0, 2, 6]]
    noise = torch.randn(1, 1, 28, 28, generator=seeded(5)).expand_as(chosen)
    rows = torch.stack([chosen, *(refiner.renoise(chosen, t_r, COSINE, noise) for t_r in STARTS)], dim=1)
    picture(
        "05-renoised",
        "Three samples, noised to seven t_r.",
        "Three samples, clean at the left and noised further to the right. Faint grain is lost from sight at "
        "t_r = 100, single specks at about 300; the digits can be read to about t_r = 450; at t_r = 800 nothing can.",
        rows.flatten(0, 1),
        columns=len(STARTS) + 1,
        labels=["sample", *NAMES],
    )


def charts(digits: Tensor) -> None:
    chart(
        "05-levels",
        "How much image and how much noise is in x_t.",
        "How much image and how much noise is in x_t, over t. At t_r = 200 there is 0.95 of the image and 0.32 of "
        "noise; the refiner is trained on the shaded half below t = 500.",
        levels_of_both,
    )
    chart(
        "05-directions",
        "How much of a deviation is kept, direction by direction; and where digits and faults lie.",
        "Two panels over the 784 directions, those in which real digits differ most first. First: the first ten "
        "are kept nearly whole at t_r = 200, those after the hundredth are largely lost. Then: digits lie mostly in "
        "the first hundred directions; a cut, holes, a scratch and specks, in this order, lie ever further on.",
        lambda: directions(digits),
    )
    chart(
        "05-trade",
        "What is left of a fault and of detail, in 1, 2 and 50 steps.",
        "What is left of a fault and of the data's own detail over t_r, in 1, 2 and 50 steps. The fault falls sooner "
        "than the detail in all three. At t_r = 200 one step leaves three tenths of the detail, two leave six tenths, "
        "50 nearly all of it.",
        lambda: trade(0.1),
    )


def repair(digits: Tensor) -> None:
    cases = {
        "specks": specked(digits[7010]),
        "scratch": scratched(digits[3005]),
        "soft": softened(digits[8004]),
        "holes": holed(digits[7010]),
        "cut (8)": cut(digits[8004]),
        "cut (3)": cut(digits[3005]),
    }
    worse = torch.stack(list(cases.values()))
    picture(
        "05-repair",
        "Six damaged digits, refined from seven t_r.",
        "Six damaged digits, each refined from seven t_r. Specks are gone at t_r = 200, the soft patch and the holes "
        "at 300, the scratch at 450; the cuts through the strokes are never mended cleanly. At t_r = 800 most rows "
        "show another digit, the eight a nine, or none.",
        torch.stack([worse, *(refined(worse, t_r) for t_r in STARTS)], dim=1).flatten(0, 1),
        columns=len(STARTS) + 1,
        labels=["damaged", *NAMES],
        row_labels=list(cases),
    )


def on_the_way(one: Tensor) -> None:
    ways = [step_by_step(one, t_r) for t_r in STARTS]
    picture(
        "05-steps",
        "One digit on its way through both steps, from seven t_r.",
        "One scratched digit on its way, a column for each t_r: re-noised, the first guess, noised again to a third, "
        "and the result. The first guess gets softer with t_r; the result is sharper. From t_r = 300 on the scratch is "
        "gone.",
        torch.cat([stage for row in zip(*ways, strict=True) for stage in row]),
        columns=len(STARTS),
        labels=NAMES,
        row_labels=["re-noised", "first guess", "at a third", "result"],
    )


def perturbed(digit: Tensor) -> None:
    steps = torch.tensor(STARTS)
    clean = digit.expand(len(STARTS), 1, 28, 28)
    noise = torch.randn(1, 1, 28, 28, generator=seeded(6)).expand_as(clean)
    other = draw_another(noise)
    plain, changed, twice = (
        q_sample(clean, steps, noise + share * other, COSINE) for share in (0.0, refiner.PERTURBATION, 1.0)
    )
    picture(
        "05-perturbed",
        "One digit with plain noise, with perturbed noise, and their difference.",
        "One digit at seven t. With plain and with perturbed noise the eye sees no difference; five times their "
        "difference is a faint grain that grows with t. With the other noise at full strength the grain is plain.",
        torch.cat([plain, changed, 5 * (changed - plain), twice]),
        columns=len(STARTS),
        labels=[f"t = {t}" for t in STARTS],
        row_labels=["plain", "perturbed", "difference x 5", "not scaled"],
    )


def mistakes(damaged: Tensor) -> None:
    wrong = {
        "not noised": "refined-without-noising",
        "not shrunk": "renoise-without-shrinking",
        "from the start": "refined-each-step-from-the-start",
        "one step": "refiner-in-one-step",
    }
    wrongly = [refined(damaged, 300, mistaken(name)) for name in wrong.values()]
    picture(
        "05-mistakes",
        "Damaged digits, refined rightly and with mistakes.",
        "Eight damaged digits, refined rightly and with known mistakes, row by row. Not noised: clean, but every "
        "stroke smooth. Not shrunk: a little bolder. Each step from the start: noise left all over. One step: soft. "
        "With a sigmoid's range: grey grain where black should be, and the scratches still there.",
        torch.cat([damaged, refined(damaged, 300), *wrongly, refined(damaged, 300, sigmoid=True)]),
        columns=len(damaged),
        row_labels=["damaged", "right", *wrong, "sigmoid"],
    )
