"""Images being noised, the circle of image and noise, how errors grow, what the losses weigh, and what mistakes do."""

from types import ModuleType

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor import noising
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.course.learner import load, reference_source, standing_in
from cdm_tutor.course.outline import find_lesson
from cdm_tutor.data import load_sample
from cdm_tutor.noising import predict_x0, predict_x0_from_velocity, q_sample, velocity
from cdm_tutor.randomness import seeded
from cdm_tutor.schedule import BETAS, make_schedule
from workshop.drawing import chart, mistaken, picture, side_by_side

COSINE = make_schedule("cosine")
POINTS = torch.linspace(0, 999, 200).round().long()  # of a curve over t
DIGIT, SHOE, PULLOVER = 5003, 9000, 2583  # where a five, a boot and a grey pullover lie in the samples


def main() -> None:
    mnist, fashion = load_sample("mnist").x0, load_sample("fashion").x0
    digit = mnist[DIGIT]
    draw_noising(digit, fashion[SHOE])
    draw_targets(digit)
    chart("02-circle", "Image, noise, x_t and v as arrows; and how the angle grows over t.", CIRCLE, circle)
    chart(
        "02-blow-up", "How many times as large an error gets on the way from one answer to another.", BLOW_UP, blow_up
    )
    draw_wrong_noise(digit)
    chart("02-x0-weights", "What each loss cares for: the weight of an error in x0.", X0_WEIGHTS, x0_weights)
    chart(
        "02-bound-weights",
        "The weight of an error in the noise, in the bound and in the simple loss.",
        BOUND_WEIGHTS,
        bound_weights,
    )
    draw_stripes(mnist)
    draw_mistaken(digit, fashion[PULLOVER])
    draw_overwritten(digit)
    draw_samples()


def draw_noising(digit: Tensor, shoe: Tensor) -> None:
    steps = [0, 100, 250, 500, 750, 999]
    rows = [torch.cat([image[None], noised(image, steps)]) for image in (digit, shoe)]
    picture(
        "02-noising",
        "A five and a boot, noised to six steps.",
        "A five and a boot, each clean and then at t = 0, 100, 250, 500, 750 and 999. At t = 0 no noise is to be seen, "
        "at 500 the shape can just be told, at 999 there is only noise.",
        torch.cat(rows),
        columns=7,
        labels=["clean", *(f"t = {t}" for t in steps)],
    )


def draw_targets(digit: Tensor) -> None:
    steps = [0, 250, 500, 750, 999]
    x0, t, noise = batch(digit, steps)
    rows = [q_sample(x0, t, noise, COSINE), noise, velocity(x0, t, noise, COSINE)]
    picture(
        "02-targets",
        "What a network is shown, and two things that it may be asked for.",
        "Three rows for t = 0 to 999. x_t goes from a clean five to noise. The noise is the same throughout. v goes "
        "from noise to the five's negative, so at both ends it shows what x_t does not.",
        torch.cat(rows),
        columns=len(steps),
        labels=[f"t = {t}" for t in steps],
        row_labels=["x_t", "noise", "v"],
    )


CIRCLE = (
    "On a circle of radius 1, x0 points right and noise points up; x_t lies between them at the angle phi, and v "
    "is a quarter turn further. And phi grows from 0 to 90 degrees over t, along a straight line for cosine, a bent "
    "one for linear."
)


def circle() -> Figure:
    figure, (left, right) = side_by_side(2, 3.2)
    phi = torch.deg2rad(torch.tensor(35.0))
    turn = torch.linspace(0, torch.pi, 80)
    left.plot(turn.cos(), turn.sin(), color="C4", linewidth=1)
    arrows = {"x0": (0.0, "C0"), "noise": (torch.pi / 2, "C1"), "x_t": (phi, "C2"), "v": (phi + torch.pi / 2, "C3")}
    for name, (angle, colour) in arrows.items():
        x, y = (float(f(torch.as_tensor(angle))) for f in (torch.cos, torch.sin))
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": 2, "shrinkA": 0, "shrinkB": 0}
        left.annotate("", (x, y), (0, 0), arrowprops=arrow)
        left.text(1.18 * x, 1.13 * y, name, color=colour, ha="center", va="center", fontsize=11)
    x, y = float(phi.cos()), float(phi.sin())
    left.plot([x, x], [0, y], "--", color="C1", linewidth=1)
    left.plot([0, x], [y, y], "--", color="C0", linewidth=1)
    left.text(x / 2, y + 0.05, "signal", color="C0", ha="center")
    left.text(x - 0.08, y / 2 - 0.03, "sigma", color="C1", ha="center", va="center", rotation=90)
    arc = torch.linspace(0, float(phi), 20)
    left.plot(0.3 * arc.cos(), 0.3 * arc.sin(), "-", color="C2", linewidth=1)
    left.text(0.37, 0.1, "φ", color="C2", ha="center", va="center", fontsize=11)
    left.set(xlim=(-1.15, 1.35), ylim=(-0.12, 1.3), aspect="equal", xlabel="share of x0", ylabel="share of noise")
    left.set(xticks=[-1, 0, 1], yticks=[0, 1])
    for name, style in zip(BETAS, ("--", "-"), strict=True):
        schedule = make_schedule(name)
        angle = torch.rad2deg(torch.atan2(schedule.sqrt_one_minus_alphas_cumprod, schedule.sqrt_alphas_cumprod))
        right.plot(POINTS, angle[POINTS], style, color="C2", label=name)
    right.set(xlabel="t", ylabel="φ in degrees", yticks=[0, 30, 60, 90])
    right.legend()
    return figure


BLOW_UP = (
    "How many times as large an error gets, over t, logarithmic. From a wrong noise to x0: below a hundredth at "
    "first, 1 halfway, above a hundred at the end. From a wrong x0 to the noise: the other way round. From a wrong v "
    "to either: never above 1."
)


def blow_up() -> Figure:
    figure, axes = plt.subplots()
    signal, sigma = COSINE.sqrt_alphas_cumprod[POINTS], COSINE.sqrt_one_minus_alphas_cumprod[POINTS]
    axes.plot(POINTS, sigma / signal, color="C1", label="noise → x0")
    axes.plot(POINTS, signal / sigma, color="C0", label="x0 → noise")
    axes.plot(POINTS, sigma, color="C3", label="v → x0")
    axes.plot(POINTS, signal, color="C3", label="v → noise")
    axes.set(xlabel="t", ylabel="error out / error in", yscale="log", ylim=(2e-3, 5e4))
    axes.legend(ncols=2, loc="upper center")
    return figure


def draw_wrong_noise(digit: Tensor) -> None:
    """The same small error in what a model would answer, once as noise and once as v."""
    steps = [50, 250, 500, 750, 900, 980]
    x0, t, noise = batch(digit, steps)
    error = 0.1 * torch.randn(noise[:1].shape, generator=seeded(2, 1))
    x_t, v = q_sample(x0, t, noise, COSINE), velocity(x0, t, noise, COSINE)
    rows = [
        x_t,
        predict_x0(x_t, t, noise + error, COSINE),
        predict_x0_from_velocity(x_t, t, v + error, COSINE),
    ]
    picture(
        "02-wrong-noise",
        "x0 from an answer with the same small error: once as noise, once as v.",
        "A five at t = 50 to 980, and x0 computed from a slightly wrong noise or a slightly wrong v. From the noise it "
        "is clean at small t, grainy at 750, and drowned at 980. From v it stays a clear five with a little grain.",
        torch.cat(rows),
        columns=len(steps),
        labels=[f"t = {each}" for each in steps],
        row_labels=["x_t", "from noise", "from v"],
    )


X0_WEIGHTS = (
    "The weight of a squared error in x0 over t, logarithmic. The noise loss falls from twenty thousand to below a "
    "millionth. The v loss follows it at first and then stays at 1. The loss on x0 itself is 1 throughout."
)


def x0_weights() -> Figure:
    figure, axes = plt.subplots()
    snr = COSINE.log_snr[POINTS].double().exp()
    axes.plot(POINTS, snr + 1, color="C3", label="v: SNR + 1")
    axes.plot(POINTS, snr, color="C1", label="noise: SNR")
    axes.plot(POINTS, torch.ones(len(POINTS)), color="C0", label="x0: 1")
    axes.set(xlabel="t", ylabel="weight of the error in x0", yscale="log", ylim=(1e-6, 1e5))
    axes.legend()
    return figure


BOUND_WEIGHTS = (
    "The weight of the noise error in the variational bound over t, logarithmic. For linear it falls from above a half "
    "to a hundredth and stays near it. For cosine it falls likewise, then rises steeply over the last steps. The "
    "simple loss is 1 throughout."
)


def bound_weights() -> Figure:
    figure, axes = plt.subplots()
    ends = torch.arange(1, 30), torch.arange(970, 1000)
    points = torch.cat([ends[0], torch.linspace(30, 969, 120).long(), ends[1]])
    for name in BETAS:
        schedule = make_schedule(name)
        betas, before = schedule.betas.double(), schedule.alphas_cumprod_prev.double()
        weight = betas[points] / (2 * (1 - betas[points]) * (1 - before[points]))
        axes.plot(points, weight, label=f"bound, {name}")
    axes.plot([1, 999], [1, 1], color="C4", label="simple loss")
    axes.set(xlabel="t", ylabel="weight of the noise error", yscale="log")
    axes.legend(loc="upper center")
    return figure


def draw_mistaken(digit: Tensor, pullover: Tensor) -> None:
    """Mistakes in q_sample, each beside the right way, on the image and the steps that show it best."""
    for name, caption, image, steps, seen in (
        (
            "noising-without-roots",
            "A five, noised with standard deviations and with variances.",
            digit,
            [0, 250, 400, 500, 600, 999],
            "A five. At both ends the rows agree; around t = 500 the mistaken one is faint and grey.",
        ),
        (
            "noising-scaled-by-the-image",
            "A pullover under noise, and under noise times the image.",
            pullover,
            [0, 250, 500, 750, 990, 999],
            "A grey pullover. In the mistaken row it keeps its smooth grey while the rest drowns, and is still to be "
            "seen at t = 999.",
        ),
        (
            "noising-a-single-step",
            "A five after all steps up to t, and after step t alone.",
            digit,
            [0, 250, 500, 750, 990, 999],
            "A five. The mistaken row is nearly clean up to t = 750, still legible at 990, and noise at 999 only.",
        ),
    ):
        picture(
            f"02-{name}",
            caption,
            seen,
            torch.cat([noised(image, steps), noised(image, steps, mistaken(name))]),
            columns=len(steps),
            labels=[f"t = {t}" for t in steps],
            row_labels=["right", "mistaken"],
        )


def draw_stripes(mnist: Tensor) -> None:
    """As many images as one is wide, or there would be an error instead."""
    x0, t = mnist[DIGIT : DIGIT + 28], torch.linspace(0, 999, 28).round().long()
    noise = torch.randn(x0.shape, generator=seeded(2, 2))
    shown = [0, 5, 11, 16, 22, 27]
    rows = [module.q_sample(x0, t, noise, COSINE)[shown] for module in (noising, mistaken("gather-not-shaped"))]
    picture(
        "02-gather-not-shaped",
        "Six images of a batch, each with its own t.",
        "Six fives of one batch with different t. Above, each has its own amount of noise. Below, all are alike: "
        "clean columns at the left, noisy columns at the right.",
        torch.cat(rows),
        columns=len(shown),
        labels=[f"t = {t[each]}" for each in shown],
        row_labels=["right", "mistaken"],
    )


def draw_overwritten(digit: Tensor) -> None:
    """What is left of the caller's own image after it was noised to t = 300 again and again."""
    calls, rows = [0, 1, 2, 4, 8, 16], []
    for module in (noising, mistaken("noising-in-place")):
        x0, generator = digit[None].clone(), seeded(2, 3)
        for call in range(calls[-1] + 1):
            if call in calls:
                rows.append(x0.clone())
            noise = torch.randn(x0.shape, generator=generator)
            module.q_sample(x0, torch.tensor([300]), noise, COSINE)
    picture(
        "02-noising-in-place",
        "The image that was handed in, after more and more calls.",
        "The image that was handed to q_sample, after 0 to 16 calls. Above it stays a clean five; below it drowns in "
        "noise, and after 16 calls nothing of it is left.",
        torch.cat(rows),
        columns=len(calls),
        labels=["before", *(f"{call} calls" if call > 1 else "1 call" for call in calls[1:])],
        row_labels=["right", "mistaken"],
    )


def draw_samples() -> None:
    wrong = mistaken("velocity-taken-for-noise")
    rows = [sampled(module, *what) for what in (("fashion", "ddim"), ("mnist", "dpm")) for module in (noising, wrong)]
    picture(
        "02-velocity-taken-for-noise",
        "Samples with v taken for what it is, and for the noise.",
        "Seven samples a row, pairs of rows from the same weights and starting noise. Clothes by DDIM, right: shirts "
        "and shoes; mistaken: black and white blotches. Digits by DPM, right: digits; mistaken: fatter, two others.",
        torch.cat(rows),
        columns=7,
        row_labels=["DDIM", "mistaken", "DPM", "mistaken"],
    )


def sampled(module: ModuleType, data: str, solver: str) -> Tensor:
    """Images from the weights that come with the package, by a sampler that leans on this module."""
    with standing_in({"noising": module}):
        sampler = load(reference_source(find_lesson("04")), "sampler", "<sampler>")
    shipped = load_weights(shipped_weights(data))
    generator = seeded(2, 4)
    x_T = torch.randn(8, 1, 28, 28, generator=generator)
    how = {"solver": solver, "prediction": shipped.card.prediction}
    samples = sampler.sample(shipped.network, x_T, shipped.schedule, generator=generator, **how)
    return samples[1:]


def noised(image: Tensor, steps: list[int], module: ModuleType = noising) -> Tensor:
    """One image at several steps, with the same noise, by a module of lesson 2."""
    x0, t, noise = batch(image, steps)
    return module.q_sample(x0, t, noise, COSINE)


def batch(image: Tensor, steps: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """The same image and the same noise for each step: x0, t and noise as q_sample takes them."""
    x0 = image.expand(len(steps), *image.shape)
    noise = torch.randn(image.shape, generator=seeded(2)).expand_as(x0)
    return x0, torch.tensor(steps), noise


if __name__ == "__main__":
    main()
