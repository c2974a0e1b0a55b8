"""Lesson 1: the two schedules, what they do to real images, and what known mistakes do to them."""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.sampler import denoise, posterior, sample
from cdm_tutor.schedule import BETAS, NoiseSchedule, linear_betas, make_schedule
from workshop.drawing import chart, mistaken, picture, side_by_side

STEPS = torch.linspace(0, 999, 200).long()  # enough points for a line
SHOWN = [0, 124, 249, 374, 499, 624, 749, 874, 999]  # the t of the noised images
COLUMNS = ["clean", *(f"t = {t}" for t in SHOWN)]
LINEAR, COSINE = make_schedule("linear"), make_schedule("cosine")
DIGIT, OTHER, SHOE = 3005, 8004, 9001  # places in the samples: a three, an eight, a boot


def alpha_bar() -> Figure:
    figure, axes = plt.subplots()
    for name in BETAS:
        axes.plot(STEPS, make_schedule(name).alphas_cumprod[STEPS])
    axes.axhline(0.5, color="C4", linewidth=1, linestyle=":")
    axes.annotate("half", (995, 0.52), color="C4", ha="right")
    axes.annotate("linear", (330, 0.22), color="C0", ha="right")
    axes.annotate("cosine", (560, 0.44), color="C1")
    axes.set(xlabel="t", ylabel="alpha_bar_t", xlim=(0, 1002), ylim=(0, 1.02))
    return figure


def betas() -> Figure:
    figure, axes = plt.subplots()
    for name in BETAS:
        axes.plot(STEPS, make_schedule(name).betas[STEPS])
    axes.annotate("linear", (250, 0.0075), color="C0", ha="right")
    axes.annotate("cosine", (300, 0.0006), color="C1")
    axes.annotate("cut at 0.999", (985, 0.6), color="C1", ha="right")
    axes.set(xlabel="t", ylabel="beta_t", yscale="log", xlim=(0, 1002))
    return figure


def log_snr() -> Figure:
    figure, axes = plt.subplots()
    for name in BETAS:
        axes.plot(STEPS, make_schedule(name).log_snr[STEPS])
    axes.axhline(0, color="C4", linewidth=1, linestyle=":")
    axes.annotate("as much image as noise", (995, 0.7), color="C4", ha="right")
    axes.annotate("linear", (380, -4), color="C0", ha="right")
    axes.annotate("cosine", (150, 4.6), color="C1")
    axes.set(xlabel="t", ylabel="log-SNR", xlim=(0, 1002))
    return figure


def variance() -> Figure:
    """Pixels of variance 1, noised with and without being shrunk."""
    added = linear_betas(1000).cumsum(0)
    figure, axes = plt.subplots()
    axes.plot(STEPS, 1 + added[STEPS])
    axes.plot(STEPS, torch.ones(len(STEPS)))
    axes.annotate("noise added,\nnothing shrunk", (680, 6.4), color="C0", ha="right")
    axes.annotate("first shrunk\nby sqrt(1 - beta)", (990, 1.5), color="C1", ha="right")
    axes.set(xlabel="t", ylabel="variance of x_t", xlim=(0, 1002), ylim=(0, 11.5))
    return figure


def rescaling() -> Figure:
    figure, panels = side_by_side(2, sharey=True)
    wrong = mistaken("linear-not-rescaled")
    styles = {1000: "-", 200: "--", 50: ":"}
    for axes, make, title in zip(
        panels, (wrong.linear_betas, linear_betas), ("1e-4 to 0.02", "times 1000 / T"), strict=True
    ):
        for i, (T, style) in enumerate(styles.items()):
            points = torch.linspace(0, T - 1, min(T, 100)).long()
            axes.plot((points + 1) / T, (1 - make(T)).cumprod(0)[points], style, color=f"C{i}", label=f"T = {T}")
        axes.set(xlabel="(t + 1) / T", title=title, xlim=(0, 1), ylim=(0, 1.02))
    figure.supylabel("alpha_bar_t")
    panels[1].legend()
    return figure


def two_gaussians() -> Figure:
    """What x_t and x0 say of x_{t-1}, for betas 0.1 and 0.2: variances 1/4, 1/10 and, of both together, 1/14."""
    x0, x_t = 0.8, 0.2
    means = x_t / math.sqrt(0.8), math.sqrt(0.9) * x0
    both = (4 * means[0] + 10 * means[1]) / 14
    place = torch.linspace(-1.5, 2.5, 200)
    figure, axes = plt.subplots()
    for mean, precision, text, where in (
        (means[0], 4, "x_t alone:\nvariance\n1/4", (-0.4, 0.5)),
        (means[1], 10, "x0 alone:\nvariance\n1/10", (1.25, 0.75)),
        (both, 14, "both:\nvariance\n1/14", (0.25, 1.1)),
    ):
        density = math.sqrt(precision / (2 * math.pi)) * torch.exp(-precision * (place - mean) ** 2 / 2)
        (line,) = axes.plot(place, density)
        axes.annotate(text, where, color=line.get_color(), ha="left" if where[0] > 1 else "right")
    axes.set(xlabel="x_{t-1}, one pixel", ylabel="density", xlim=(-1.5, 2.5), ylim=(0, 1.6))
    return figure


def drowning(x0: Tensor, schedule: NoiseSchedule) -> Tensor:
    """One image, clean and at the t of SHOWN, always under the same noise."""
    clean = x0.expand(len(SHOWN), 1, 28, 28)
    noise = torch.randn(1, 1, 28, 28, generator=seeded(1)).expand_as(clean)
    return torch.cat([x0[None], q_sample(clean, torch.tensor(SHOWN), noise, schedule)])


def drawn(schedule: NoiseSchedule) -> Tensor:
    """Eight digits from the trained network, which knows the right cosine schedule, sampled with this one."""
    shipped = load_weights(shipped_weights("mnist"))
    generator = seeded(3)
    x_T = torch.randn(8, 1, 28, 28, generator=generator)
    return sample(shipped.network, x_T, schedule, generator=generator, prediction=shipped.card.prediction)


def drawn_step_by_step(*schedules: NoiseSchedule) -> Tensor:
    """Eight digits for each schedule, in 1000 DDPM steps whose fresh noise has the posterior variance of its table."""
    shipped = load_weights(shipped_weights("mnist"))
    right, generator, many = shipped.schedule, seeded(5), (len(schedules), 1, 1, 1)
    x = torch.randn(8, 1, 28, 28, generator=generator).repeat(many)
    for t in reversed(range(len(right))):
        spreads = torch.stack([schedule.posterior_variance[t].sqrt() for schedule in schedules])
        mean, _ = posterior(x, denoise(shipped.network, x, t, right, shipped.card.prediction), t - 1, right)
        x = mean + spreads.repeat_interleave(8).reshape(-1, 1, 1, 1) * draw_like(x[:8], generator).repeat(many)
    return x


def main() -> None:
    digits = load_sample("mnist").x0
    result(digits, load_sample("fashion").x0)
    both_schedules(digits)
    charts()
    not_rescaled(digits)
    flat, weak, half = (
        mistaken(name).make_schedule("cosine")
        for name in ("cosine-not-squared", "sigma-without-root", "snr-of-amplitudes")
    )
    noised(
        "01-not-squared",
        "A digit at the same t, with the square and without.",
        "A digit noised to the same t with the cosine squared and not squared. Not squared, it has less "
        "noise at every t, and can still be made out at t = 749.",
        digits[DIGIT],
        flat,
        "not squared",
    )
    noised(
        "01-without-root",
        "A digit at the same t, with the root and without.",
        "A digit noised to the same t with the root and without it. Without the root there is too little noise at "
        "small t: at t = 124 and t = 249 the digit is far too clean.",
        digits[DIGIT],
        weak,
        "no root",
    )
    sampled(
        "01-not-squared-sampled",
        "Samples with the square and without.",
        "Eight digits sampled with the right schedule, and eight from the same noise without the square: digits as "
        "well, but thinner, some of them others, and on a ground that is not quite black.",
        flat,
        "not squared",
    )
    sampled(
        "01-without-root-sampled",
        "Samples with the root and without.",
        "The same eight digits sampled with the right schedule and without the root: the same digits, "
        "washed out, with grain all over the ground.",
        weak,
        "no root",
    )
    sampled(
        "01-half-log-snr",
        "Samples with the right log-SNR and with half of it.",
        "Eight digits sampled with the right log-SNR, and with half of it: torn into blots and specks, hardly one to "
        "be read.",
        half,
        "half of it",
    )
    posterior_is_spread()


def result(digits: Tensor, clothes: Tensor) -> None:
    picture(
        "01-result",
        "A three, an eight and a boot, noised further from column to column.",
        "A three, an eight and a boot, each clean at the left and noised further from column to column with the cosine "
        "schedule: still there at t = 499, pure noise at t = 999.",
        torch.cat([drowning(image, COSINE) for image in (digits[DIGIT], digits[OTHER], clothes[SHOE])]),
        columns=len(COLUMNS),
        scale=2,
        labels=COLUMNS,
    )


def both_schedules(digits: Tensor) -> None:
    picture(
        "01-digits",
        "Two digits under the same noise, by both schedules.",
        "Two digits noised to the same t under both schedules. Under the linear one they can hardly be made out at "
        "t = 499, under the cosine one they are plain there and can be made out until about t = 749.",
        torch.cat([drowning(digits[i], schedule) for i in (DIGIT, OTHER) for schedule in (LINEAR, COSINE)]),
        columns=len(COLUMNS),
        scale=2,
        labels=COLUMNS,
        row_labels=["linear", "cosine"] * 2,
    )


def charts() -> None:
    chart(
        "01-alpha-bar",
        "How the image's share falls, by both schedules.",
        "alpha_bar over t for T = 1000. The linear schedule falls below one half before t = 260 and is flat near 0 "
        "for the last third; the cosine schedule falls steadily and crosses one half near the middle.",
        alpha_bar,
    )
    chart(
        "01-betas",
        "The betas of both schedules, on a logarithmic axis.",
        "beta over t on a logarithmic axis. Linear: from 0.0001 to 0.02. Cosine: smaller until about t = 890, "
        "then larger, and at the very end steeply up to 0.999, where it is cut.",
        betas,
    )
    chart(
        "01-log-snr",
        "The log-SNR of both schedules.",
        "log-SNR over t. Both start near 10 and end far below 0. The linear schedule is below 0 before t = 260, "
        "the cosine schedule from the middle on; its last step drops to about -20.",
        log_snr,
    )
    chart(
        "01-variance",
        "The variance of a pixel, step by step.",
        "Variance of x_t over t, for pixels of variance 1. If noise is only added it climbs to 11; if the image is "
        "first shrunk by sqrt(1 - beta) it stays at 1.",
        variance,
    )
    chart(
        "01-rescaling",
        "alpha_bar_t for three lengths: with the same betas for all, and with betas rescaled.",
        "alpha_bar over the share of steps done, for T = 1000, 200 and 50. First, betas from 1e-4 to 0.02 whatever T: "
        "with 50 steps more than half is left at the end. Then, betas times 1000 / T: the three curves nearly "
        "coincide and all end at 0.",
        rescaling,
    )
    chart(
        "01-two-gaussians",
        "What is known of a pixel one step earlier.",
        "Three bell curves for one pixel: a wide one for what x_t says of the step before, a narrower one for what x0 "
        "says, and between them, narrower than both, the one that uses both.",
        two_gaussians,
    )


def not_rescaled(digits: Tensor) -> None:
    few = torch.tensor([0, 2003, 3005, 5001, 7002, 8004])
    noise = torch.randn(len(few), 1, 28, 28, generator=seeded(1))
    last = torch.full((len(few),), 99)
    short = mistaken("linear-not-rescaled").make_schedule("linear", 100)
    picture(
        "01-not-rescaled",
        "The last of 100 steps, with betas rescaled and not.",
        "Six digits at the last of 100 steps. With rescaled betas there is only noise; without, the digits still "
        "shine through.",
        torch.cat([q_sample(digits[few], last, noise, s) for s in (make_schedule("linear", 100), short)]),
        columns=len(few),
        row_labels=["right", "not rescaled"],
    )


def noised(name: str, caption: str, alt: str, digit: Tensor, wrong: NoiseSchedule, label: str) -> None:
    """A digit under the right schedule, and below it under a wrong one."""
    picture(
        name,
        caption,
        alt,
        torch.cat([drowning(digit, schedule) for schedule in (COSINE, wrong)]),
        columns=len(COLUMNS),
        scale=2,
        labels=COLUMNS,
        row_labels=["right", label],
    )


def sampled(name: str, caption: str, alt: str, wrong: NoiseSchedule, label: str) -> None:
    """Digits sampled with the right schedule, and below them with a wrong one."""
    images = torch.cat([drawn(schedule) for schedule in (COSINE, wrong)])
    picture(name, caption, alt, images, columns=8, scale=2, row_labels=["right", label])


def posterior_is_spread() -> None:
    spread = mistaken("posterior-is-spread").make_schedule("cosine")
    picture(
        "01-posterior-is-spread",
        "Samples of 1000 steps, with the variance in the table and with its root.",
        "Eight digits drawn in 1000 steps. With the variance in the table they are clean; with its root there, "
        "nothing but grain is left.",
        drawn_step_by_step(COSINE, spread),
        columns=8,
        scale=2,
        row_labels=["right", "its root"],
    )
