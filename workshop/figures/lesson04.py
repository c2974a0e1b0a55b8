"""Lesson 4: from pure noise to an image, step by step; three solvers, and what goes wrong when a step is wrong."""

import math
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor import sampler
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import BATCH, SampleSettings, generate
from cdm_tutor.noising import Model, velocity
from cdm_tutor.sampler import Guess, levels, posterior, sample, spaced_timesteps
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from workshop.drawing import chart, mistaken, picture, side_by_side

SEED = 4
CENTRES, SPREAD = (-0.6, 0.6), 0.05  # of the pixels that Mixture knows


class Mixture:
    """The ideal network, in closed form, for images of one pixel that is near -.6 or near .6; it predicts v."""

    def __init__(self, schedule: NoiseSchedule) -> None:
        self.schedule = schedule

    def guess(self, x_t: Tensor, t: int) -> Tensor:
        """The mean of all x0 that x_t may have come from."""
        signal, sigma = levels(self.schedule, t)
        variance = (signal * SPREAD) ** 2 + sigma**2
        centres = torch.tensor(CENTRES)
        off = x_t[..., None] - signal * centres
        share = torch.softmax(-off.square() / (2 * variance), dim=-1)
        return (share * (centres + signal * SPREAD**2 / variance * off)).sum(dim=-1)

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The velocity."""
        signal, sigma = levels(self.schedule, int(t[0]))
        x0 = self.guess(x_t, int(t[0]))
        return velocity(x0, t, (x_t - signal * x0) / sigma, self.schedule)


def seeded(seed: int) -> torch.Generator:
    """A generator that starts at that seed."""
    return torch.Generator().manual_seed(seed)


def pure_noise(n: int) -> Tensor:
    """The same x_T for all pictures of n images."""
    return torch.randn(n, 1, 28, 28, generator=seeded(SEED))


def block(images: Tensor) -> Tensor:
    """Nine images as one, three by three."""
    return images.reshape(3, 3, 28, 28).transpose(1, 2).reshape(1, 1, 84, 84)


def results() -> None:
    """What the finished lesson draws: the first images of `cdm-tutor sample`, of digits and of clothes."""
    rows = []
    for name in CLASS_NAMES:
        rows.append(generate(load_weights(shipped_weights(name)), SampleSettings(n=BATCH))[:8])
    picture(
        "04-result",
        "Digits and clothes, drawn in 20 steps.",
        "Eight digits and eight pieces of clothing on black, all drawn out of pure noise in 20 steps.",
        torch.cat(rows),
        columns=8,
        row_labels=["digits", "clothes"],
    )


def one_step(model: Model, schedule: NoiseSchedule) -> None:
    """The guess from pure noise is the mean of all images."""
    guesses = sample(model, pure_noise(7), schedule, generator=seeded(SEED), steps=1, prediction="v")
    mean = load_sample("mnist").x0.mean(dim=0, keepdim=True)
    picture(
        "04-one-step",
        "Seven guesses from pure noise, and the mean of 10,000 digits.",
        "Seven guesses from seven pure noises: all the same grey smudge in the middle, no digit. Beside them the mean "
        "of 10,000 digits, which is that smudge.",
        torch.cat([guesses, mean]),
        columns=8,
        labels=[*[f"guess {i}" for i in range(1, 8)], "mean"],
    )


def walk(model: Model, schedule: NoiseSchedule) -> None:
    """x_t and pred_x0 on the way from noise to a digit."""
    x_T, path = pure_noise(1), []
    on_the_way = [x_T]

    def keep(guess: Guess, x_prev: Tensor) -> None:
        path.append((guess.t, guess.pred_x0))
        on_the_way.append(x_prev)

    sample(model, x_T, schedule, generator=seeded(SEED), solver="ddpm", steps=100, prediction="v", on_step=keep)
    moments = range(0, 100, 10)
    picture(
        "04-walk",
        "A walk from noise to an image.",
        "Two rows from left to right, from t = 999 to the clean image. Above, x_t: pure noise in which a digit appears "
        "late. Below, pred_x0: a grey smudge that turns into a blurred digit early and then sharpens. At the end both "
        "are the same image.",
        torch.cat([on_the_way[i] for i in moments] + on_the_way[-1:] + [path[i][1] for i in moments] + [path[-1][1]]),
        columns=11,
        scale=2,
        labels=[*[f"t = {path[i][0]}" for i in moments], "clean"],
        row_labels=["x_t", "pred_x0"],
    )


def solvers(model: Model, schedule: NoiseSchedule) -> None:
    """Three solvers, with few steps and with many."""
    few_to_many, tiles = (5, 10, 20, 50), []
    for solver in sampler.SOLVERS:
        for steps in few_to_many:
            x = sample(
                model,
                pure_noise(9),
                schedule,
                generator=seeded(SEED),
                solver=solver,
                steps=steps,
                prediction="v",
            )
            tiles.append(block(x))
    picture(
        "04-solvers",
        "Nine digits by each solver, with more and more steps, from the same noise.",
        "Nine digits by each of three solvers with 5, 10, 20 and 50 steps, from the same noise. With 5 steps those of "
        "ddim are faint and frayed, those of the other two a little. From 10 steps on the digits along ddim's row stay "
        "the same; along the other two they change.",
        torch.cat(tiles),
        columns=4,
        scale=2,
        least=126,  # nine digits
        labels=[f"{steps} steps" for steps in few_to_many],
        row_labels=list(sampler.SOLVERS),
    )


def bell(x: Tensor, mean: float, variance: float) -> Tensor:
    """The density of a Gaussian."""
    return torch.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def draw_posterior() -> Figure:
    """Two bells and their product, with the numbers of the lesson's example."""
    schedule = NoiseSchedule.from_betas(torch.tensor([0.36, 0.75]))
    x_t, x0 = torch.ones(1, 1, 1, 1), torch.full((1, 1, 1, 1), 0.5)
    mean, variance = posterior(x_t, Guess(1, x0, x_t), 0, schedule)
    (signal_t, _), (signal_prev, sigma_prev) = levels(schedule, 1), levels(schedule, 0)
    alpha = (signal_t / signal_prev) ** 2
    x = torch.linspace(-2.5, 5, 150)
    figure, axes = plt.subplots()
    axes.plot(x, bell(x, signal_prev * 0.5, sigma_prev**2), "--", label="what x0 = 0.5 says")
    axes.plot(x, bell(x, 1 / math.sqrt(alpha), (1 - alpha) / alpha), ":", label="what x_t = 1 says")
    axes.plot(x, bell(x, mean.item(), variance), "-", label="both together: the posterior")
    axes.set(xlabel="x_prev", ylabel="density", ylim=(0, None))
    axes.legend()
    return figure


def path(starts: Tensor, schedule: NoiseSchedule, solver: str) -> Tensor:
    """Where each pixel is after each step of a walk."""
    visited = [starts]
    sample(
        Mixture(schedule),
        starts,
        schedule,
        generator=seeded(SEED),
        solver=solver,
        steps=100,
        prediction="v",
        on_step=lambda _, x_prev: visited.append(x_prev),
    )
    return torch.stack(visited).flatten(1)


def draw_paths() -> Figure:
    """Walks of one pixel, with fresh noise and without, from the same starts."""
    schedule = make_schedule("cosine")
    starts = torch.linspace(-1.75, 1.75, 8).reshape(8, 1, 1, 1)
    t = [t for t, _ in spaced_timesteps(len(schedule), 100)] + [-1]
    figure, panels = side_by_side(2, 3.2, sharey=True)
    for axes, solver, title in zip(panels, ("ddpm", "ddim"), ("DDPM", "DDIM"), strict=True):
        for start, line in zip(starts.flatten(), path(starts, schedule, solver).T, strict=True):
            axes.plot(t, line.numpy().round(3), "C0-" if start < 0 else "C1--", linewidth=1.2)
        axes.set(title=title, xlabel="t", xlim=(1015, -30), xticks=[999, 500, 0])
    figure.supylabel("x_t")
    return figure


def draw_lean() -> Figure:
    """The guess along a walk, and what ddim and dpm take it for during each stride."""
    schedule = make_schedule("cosine")
    model, log_snr = Mixture(schedule), schedule.log_snr / 2
    visits: list[tuple[int, float]] = []
    sample(
        model,
        torch.full((1, 1, 1, 1), 0.35),
        schedule,
        generator=seeded(SEED),
        solver="ddim",
        steps=1000,
        prediction="v",
        on_step=lambda guess, _: visits.append((guess.t, guess.pred_x0.item())),
    )
    guesses = dict(visits)
    seen = range(900, 20, -6)
    figure, axes = plt.subplots()
    axes.plot([log_snr[t] for t in seen], [guesses[t] for t in seen], label="the guess, pred_x0")
    pairs = spaced_timesteps(len(schedule), 8)
    for (last_t, _), (t, prev_t) in pairwise(pairs[:-1]):
        stride = [log_snr[t], log_snr[prev_t]]
        h, h_last = (stride[1] - stride[0]).item(), (log_snr[t] - log_snr[last_t]).item()
        ahead = guesses[t] + (guesses[t] - guesses[last_t]) * h / (2 * h_last)
        first = t == pairs[1][0]
        axes.plot(stride, [guesses[t]] * 2, "C1--", label="what DDIM aims at" if first else None)
        axes.plot(stride, [ahead] * 2, "C2:", linewidth=3, label="what dpm aims at" if first else None)
        axes.plot(stride[0], guesses[t], "C0o", markersize=5)
    axes.set(xlabel="half the log-SNR (the walk goes to the right)", ylabel="image")
    axes.legend(loc="lower right")
    return figure


def backgrounds(module: ModuleType, many_steps: Sequence[int], model: Model, schedule: NoiseSchedule) -> list[float]:
    """The median pixel of a few digits, which is background, for more and more steps of DDIM."""
    x_T, generator = pure_noise(4), seeded(SEED)
    drawn = [
        module.sample(model, x_T, schedule, generator=generator, solver="ddim", steps=steps, prediction="v")
        for steps in many_steps
    ]
    return [x.median().item() for x in drawn]


def greyness(model: Model, schedule: NoiseSchedule) -> None:
    """What becomes of the background if the noise is not computed again."""
    many_steps = (10, 20, 50, 100, 200)
    right = backgrounds(sampler, many_steps, model, schedule)
    wrong = backgrounds(mistaken("noise-not-recomputed"), many_steps, model, schedule)

    def draw() -> Figure:
        figure, axes = plt.subplots()
        axes.plot(many_steps, right, "o-", label="noise computed again")
        axes.plot(many_steps, wrong, "s--", label="old noise kept")
        axes.set(xlabel="steps of DDIM", ylabel="background (black is -1)", xscale="log", ylim=(-1, None))
        axes.set_xticks(many_steps, [str(steps) for steps in many_steps])
        axes.minorticks_off()
        axes.legend()
        return figure

    chart(
        "04-greyness",
        "The background of digits, over the steps of DDIM.",
        "The background over the number of DDIM steps, where -1 is black. With the right sampler it stays just above "
        "-1 from 10 steps to 200; with the old noise kept it rises with every doubling of the steps.",
        draw,
    )


def beside(mistake: str, caption: str, alt: str, names: Sequence[str], solver: str, steps: int) -> None:
    """What the shipped networks draw with a mistaken sampler, below what they draw with the right one."""
    rows = []
    for name in names:
        shipped = load_weights(shipped_weights(name))
        for module in (sampler, mistaken(mistake)):
            rows.append(
                module.sample(
                    shipped.network,
                    pure_noise(8),
                    shipped.schedule,
                    generator=seeded(SEED),
                    solver=solver,
                    steps=steps,
                    prediction=shipped.card.prediction,
                )
            )
    picture(f"04-{mistake}", caption, alt, torch.cat(rows), columns=8, row_labels=["right", "wrong"] * len(names))


def main() -> None:
    """Draw them all."""
    shipped = load_weights(shipped_weights("mnist"))
    model, schedule = shipped.network, shipped.schedule
    results()
    one_step(model, schedule)
    walk(model, schedule)
    solvers(model, schedule)
    charts()
    greyness(model, schedule)
    mistakes()


def charts() -> None:
    chart(
        "04-posterior",
        "What x0 says of x_prev, what x_t says, and both together.",
        "Three bell curves over x_prev: what x0 says, a bell around 0.4; what x_t says, a very flat bell around 2; and "
        "both together, the narrowest, around 0.57, between the two and much nearer to what x0 says.",
        draw_posterior,
    )
    chart(
        "04-paths",
        "Eight walks of one pixel from the same starts, by DDPM and by DDIM.",
        "Eight walks of one pixel from t = 999 to the clean image, first with DDPM, then with DDIM, from the same "
        "starts. First they jitter and cross, and some end on the other side of zero; then they are smooth, never "
        "cross, and end at -0.6 if they began below zero, at 0.6 if above.",
        draw_paths,
    )
    chart(
        "04-lean",
        "The guess along a walk, and what DDIM and dpm aim at in each stride.",
        "The guess along a walk rises in a curve. In each stride DDIM aims at the value at the stride's beginning, so "
        "its dashed bars lie below the curve; the bars of dpm lie about half-way up the curve's rise.",
        draw_lean,
    )


def mistakes() -> None:
    beside(
        "prediction-ignored",
        "Samples with the answer read as what it is, v, and as noise.",
        "Two pairs of rows. Digits: right above, below frayed ones, with holes and fringes. Clothes: right above, "
        "below black and white blots in which no garment can be recognised.",
        ("mnist", "fashion"),
        "ddim",
        20,
    )
    beside(
        "clipped-at-black-grey",
        "Samples with the guess clipped to [-1, 1] and to [0, 1].",
        "Above eight digits on black. Below, from the same noise, grey fields with white blots and no digit.",
        ("mnist",),
        "dpm",
        20,
    )
    beside(
        "previous-is-next-door",
        "Samples with each step leading to the next that is visited, and to t - 1.",
        "Above eight digits. Below, from the same noise, nothing but noise.",
        ("mnist",),
        "ddim",
        20,
    )
    beside(
        "variance-of-the-stride",
        "Samples with the variance of the posterior, and with that of the stride.",
        "Above eight clean digits. Below the same under grain, one of them another.",
        ("mnist",),
        "ddpm",
        10,
    )
    beside(
        "no-fresh-noise",
        "Samples with fresh noise in each step, and without.",
        "Two pairs of rows. Digits: above eight different ones, below the same thin nine eight times. Clothes: above "
        "eight different pieces, below eight dark shirts without detail, one like the other.",
        ("mnist", "fashion"),
        "ddpm",
        20,
    )
