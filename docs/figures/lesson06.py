"""Lesson 6: the learning rate, the average's memory, who gets which image, and a short real training."""

import copy
import math
from dataclasses import dataclass
from itertools import islice
from types import ModuleType

import matplotlib.pyplot as plt
import torch
from drawing import chart, mistaken, picture
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn

from cdm_tutor import trainer
from cdm_tutor.data import load_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.unet import SimpleUNet

USES = (
    "trainer",
    "settings",
    "schedule",
    "noising",
    "unet",
    "sampler",
    "data",
    "randomness",
    "course/mistakes/trainer",
)

SETTINGS = TrainSettings(steps=900)  # about a minute on one core, with the small network below
SCHEDULE = make_schedule("cosine")
MOMENTS = (50, 150, 400, 900)  # when to look at samples
COMPARED = 400  # when to set the raw weights beside the average
STOPPED = 400  # when to stop and go on
N, BATCH, WORLD = 12, 5, 3  # of the pictures of shares


def main() -> None:
    draw_rates()
    draw_memory()
    draw_shares()
    draw_training()


# --- the learning rate -----------------------------------------------------------------------------------------------


def rates(module: ModuleType, settings: TrainSettings, steps: range) -> list[float]:
    """The learning rates of a run, by the reference or by a mistaken module."""
    return [module.learning_rate(step, settings.progress(step, 0.0), settings) for step in steps]


def draw_rates() -> None:
    settings = TrainSettings(steps=2000)
    steps = range(0, 2001, 20)

    def right() -> Figure:
        figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
        axes.plot(steps, rates(trainer, settings, steps), "C0", label="the rate: both multiplied")
        axes.plot(steps, rates(mistaken("rate-never-falls"), settings, steps), "C1--", lw=1.2, label="the rise alone")
        axes.plot(steps, rates(mistaken("warm-up-missing"), settings, steps), "C2:", lw=1.8, label="the fall alone")
        axes.set(xlabel="step", ylabel="learning rate", ylim=(0, 0.0033))
        axes.legend(loc="upper right", bbox_to_anchor=(1.0, 1.0))
        return figure

    chart(
        "06-learning-rate",
        "Learning rate over 2,000 steps: a straight line up during the first 200, then down along half a cosine to 0. "
        "Two thin lines show its two factors: a rise that stays at its end, and a cosine.",
        right,
    )

    wrong = {
        "warm-up-never-ends": "the warm-up never ends",
        "warm-up-ends-in-a-jump": "the cosine starts late",
        "rate-comes-back": "a whole turn of the cosine",
        "rate-never-falls": "no cosine",
    }
    short = TrainSettings(steps=1000)
    ticks = range(0, 1001, 10)

    def wrongs() -> Figure:
        figure, grid = plt.subplots(2, 2, figsize=(7, 4.4), sharex=True, layout="constrained")
        for axes, (name, title) in zip(grid.flat, wrong.items(), strict=True):
            axes.plot(ticks, rates(mistaken(name), short, ticks), "C1", label="mistaken")
            axes.plot(ticks, rates(trainer, short, ticks), "C0--", lw=1.5, label="right")
            axes.set_title(title, fontsize=10)
            axes.set_ylim(0)
        for axes in grid[1]:
            axes.set_xlabel("step")
        for axes in grid[:, 0]:
            axes.set_ylabel("learning rate")
        grid[0, 0].legend()
        return figure

    chart(
        "06-rate-mistakes",
        "Four mistaken learning rates over 1,000 steps, each beside the right one: one climbs to more than twice the "
        "rate, one drops suddenly where the warm-up ends, one climbs again in the second half, one stays at the top.",
        wrongs,
    )


# --- the average's memory --------------------------------------------------------------------------------------------


def memory(module: ModuleType, steps: int, decay: float) -> tuple[float, Tensor]:
    """How much of the average after some steps is the start, and how much the weights of each step.

    Measured: each step's weights are an axis of their own, so that the average is the list of its shares.
    """
    ema, model = nn.Linear(steps + 1, 1, bias=False), nn.Linear(steps + 1, 1, bias=False)
    axes = torch.eye(steps + 1, dtype=torch.float64)
    ema.weight, model.weight = (nn.Parameter(axes[:1].clone(), requires_grad=False) for _ in range(2))
    for step in range(steps):
        model.weight.copy_(axes[step + 1 : step + 2])
        module.update_ema(ema, model, step, decay)
    shares = ema.weight[0]
    return shares[0].item(), shares[1:]


def draw_memory() -> None:
    ago = torch.arange(0, 3001, 30)
    cold = mistaken("ema-without-warm-up")
    steps = 1000
    with_start, with_shares = memory(trainer, steps, 0.999)
    without_start, without_shares = memory(cold, steps, 0.999)

    def draw() -> Figure:
        figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
        for number, d in enumerate((0.99, 0.997, 0.999)):
            left.plot(ago, (1 - d) * d**ago, f"C{number}", label=f"d = {d}")
            span = round(1 / (1 - d))
            left.plot([span], [(1 - d) * d**span], f"C{number}o")
        left.set(xlabel="steps ago", ylabel="share in the average", yscale="log", ylim=(1e-6, 3e-2))
        left.legend()
        every = slice(0, steps, 10)
        number = torch.arange(1, steps + 1)[every]
        right.plot(number, with_shares[every], "C0", label=f"with warm-up;\nstart: {with_start:.0%}")
        right.plot(number, without_shares[every], "C1--", label=f"without;\nstart: {without_start:.0%}")
        right.set(xlabel="step whose weights they are", ylabel="share after 1,000 steps", ylim=(0, None))
        right.legend(loc="upper left")
        return figure

    chart(
        "06-ema-memory",
        "Left: how much each past step counts in the average, on a logarithmic scale: straight lines falling, the "
        "slower the nearer the decay is to 1; a dot on each at 1 / (1 - d) steps. Right: the shares after 1,000 steps "
        f"with decay 0.999: without warm-up nearly flat, and {without_start:.0%} of the average is the random start; "
        "with warm-up they climb steeply over the last few hundred steps, and nothing of the start is left.",
        draw,
    )


# --- who gets which image --------------------------------------------------------------------------------------------


def order(module: ModuleType, epoch: int) -> list[tuple[int, int]]:
    """Of each place in an epoch: the rank that takes it, and the image that it is."""
    shares = [module.share_of_epoch(N, 0, epoch, rank, WORLD).tolist() for rank in range(WORLD)]
    return [(place % WORLD, shares[place % WORLD][place // WORLD]) for place in range(N)]


def cell(axes: Axes, x: int, y: int, rank: int, image: int) -> None:
    axes.add_patch(plt.Rectangle((x + 0.04, y + 0.06), 0.92, 0.88, color=f"C{rank}", alpha=0.4, lw=0))
    axes.text(x + 0.5, y + 0.5, str(image), ha="center", va="center")


def frame(axes: Axes, rows: list[str]) -> None:
    """Places from left to right, rows from top to bottom."""
    axes.set(xlim=(-0.1, N + 0.1), ylim=(len(rows) + 0.1, -0.1))
    axes.set_xticks([place + 0.5 for place in range(N)], [str(place) for place in range(N)])
    axes.set_yticks([row + 0.5 for row in range(len(rows))], rows)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_shares() -> None:
    def right() -> Figure:
        figure, both = plt.subplots(2, 1, figsize=(7, 4.2), layout="constrained", sharex=True)
        for epoch, axes in enumerate(both):
            frame(axes, [f"rank {rank}" for rank in range(WORLD)])
            for place, (rank, image) in enumerate(order(trainer, epoch)):
                cell(axes, place, rank, rank, image)
            for line in range(BATCH, N, BATCH):
                axes.axvline(line, color="C4", ls="--", lw=1.2)
            for first in range(0, N, BATCH):
                last = min(first + BATCH, N)
                step = epoch * (N // BATCH) + first // BATCH
                text = f"step {step}" if last - first == BATCH else "left out"
                axes.text((first + last) / 2, -0.25, text, ha="center", va="bottom")
            axes.set_ylabel(f"epoch {epoch}", labelpad=8)
        both[1].set_xlabel("place in the epoch (the number in a cell: which image it is)")
        return figure

    chart(
        "06-shares",
        "Two epochs of 12 images over three processes in batches of 5. In each epoch the places go round the ranks, 0, "
        "1, 2, 0, 1, 2; the images in them are in another order in the second epoch. The shares of a batch are 2, 2 "
        "and 1 images, then 2, 1 and 2, and the last two places are left out.",
        right,
    )

    def wrong() -> Figure:
        figure, both = plt.subplots(2, 1, figsize=(7, 3.4), layout="constrained", height_ratios=(2, 1))
        frame(both[0], ["epoch 0", "epoch 1"])
        for epoch in range(2):
            for place, (rank, image) in enumerate(order(mistaken("same-order-every-epoch"), epoch)):
                cell(both[0], place, epoch, rank, image)
        both[0].set_title("no set_epoch: the same order each epoch", fontsize=10)
        frame(both[1], ["epoch 0"])
        dealt = order(mistaken("each-process-its-own-order"), 0)
        for place, (rank, image) in enumerate(dealt):
            cell(both[1], place, 0, rank, image)
        images = [image for _, image in dealt]
        never = sorted(set(range(N)) - set(images))
        often = sorted({image for image in images if images.count(image) > 1})
        both[1].set_title(
            f"the seed depends on the rank: {numbers(often)} come more than once, {numbers(never)} never", fontsize=10
        )
        both[1].set_xlabel("place in the epoch (colours: rank 0, 1, 2, in turn)")
        return figure

    chart(
        "06-shares-mistakes",
        "Above: two epochs whose twelve images come in the very same order. Below: an epoch dealt out by processes "
        "that each shuffle for themselves: some images come more than once, others never.",
        wrong,
    )


def numbers(values: list[int]) -> str:
    return ", ".join(map(str, values))


# --- a short real training -------------------------------------------------------------------------------------------


@dataclass
class Story:
    """What a short training was like: every step, and samples drawn on the way."""

    log: list[trainer.Step]
    growing: list[Tensor]
    compared: list[Tensor]
    averages: list[Tensor]
    stopped: dict[str, object]


def begin(module: ModuleType) -> trainer.Training:
    """A small network, the same at each call, by the reference's or a mistaken module's trainer."""
    torch.manual_seed(SETTINGS.seed)
    network = SimpleUNet(channels=(16, 32)).to(memory_format=torch.channels_last)
    return module.Training(network, SCHEDULE, SETTINGS)


def samples(network: nn.Module) -> Tensor:
    """Eight samples, from the same noise each time."""
    x_T = torch.randn(8, 1, 28, 28, generator=seeded(6))
    return sample(network, x_T, SCHEDULE, generator=seeded(7), steps=20)


def train(images: Tensor) -> Story:
    training = begin(trainer)
    cold, without_warm_up = copy.deepcopy(training.ema), mistaken("ema-without-warm-up").update_ema
    story = Story([], [], [], [], {})
    for step in trainer.fit(training, images):
        story.log.append(step)
        without_warm_up(cold, training.model, step.step - 1, SETTINGS.ema_decay)
        if step.step in MOMENTS:
            story.growing.append(samples(training.ema))
        if step.step == COMPARED:
            story.compared = [samples(training.model), samples(training.ema)]
        if step.step == STOPPED:
            story.stopped = copy.deepcopy(training.state_dict())
    story.averages = [samples(training.ema), samples(cold)]
    return story


def smooth(values: list[float | None], window: int) -> Tensor:
    """The mean of the last few values, those that there are."""
    known = torch.tensor([math.nan if value is None else value for value in values])
    return known.unfold(0, window, 1).nanmean(dim=1)


def draw_training() -> None:
    images = load_sample("mnist").x0
    story = train(images)
    losses = [step.loss for step in story.log]
    recent = [f"step {moment}, loss {sum(losses[moment - 50 : moment]) / 50:.3f}" for moment in MOMENTS]
    print("\n".join(recent))
    picture(
        "06-growing",
        "Eight samples from the averaged weights of a small network at four moments of its training, from the same "
        "noise: blurs after 50 steps, strokes after 150, and after 900 steps mostly digits. The loss is beside each.",
        torch.cat(story.growing),
        columns=8,
        row_labels=recent,
    )
    picture(
        "06-raw-and-average",
        f"Eight samples after {COMPARED} steps, from the weights of that step and from their average, with the same "
        "noise: the strokes of the average are firmer and its background is cleaner.",
        torch.cat(story.compared),
        columns=8,
        row_labels=["raw weights", "average"],
    )
    picture(
        "06-average-without-warm-up",
        "Eight samples at the end of the training from two averages of the same weights: with warm-up digits, "
        "without it noise.",
        torch.cat(story.averages),
        columns=8,
        row_labels=["with warm-up", "without"],
    )

    window = 30
    shown = slice(0, None, 5)
    curves = {
        "little noise": [step.thirds[0] for step in story.log],
        "all images": losses,
        "halfway": [step.thirds[1] for step in story.log],
        "much noise": [step.thirds[2] for step in story.log],
    }
    for label, values in curves.items():
        print(label, [round(smooth(values, window)[i].item(), 4) for i in (0, 100, 200, 400, 600, -1)])

    def thirds() -> Figure:
        figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
        number = torch.arange(window, len(losses) + 1)
        for colour, (label, values) in zip(("C1", "C4", "C2", "C0"), curves.items(), strict=True):
            line = smooth(values, window)
            axes.plot(number[shown], line[shown], colour, ls="--" if label == "all images" else "-")
            axes.text(len(losses) + 10, line[-1].item(), label, color=colour, va="center")
        axes.set(xlabel="step", ylabel=f"loss (mean of {window} steps)", yscale="log", xlim=(0, len(losses) * 1.2))
        return figure

    chart(
        "06-thirds",
        "The loss of a short training on a logarithmic scale, of all images and by thirds of the timesteps. With "
        "little noise it is far the highest, with much noise far the lowest; the total lies between and follows the "
        "highest. All fall steeply at first and go on falling slowly.",
        thirds,
    )

    jumpy_module = mistaken("one-t-for-all")
    jumpy = [step.loss for step in islice(jumpy_module.fit(begin(jumpy_module), images), 150)]

    def one_t() -> Figure:
        figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
        axes.plot(range(1, 151), jumpy, "C1", lw=1, label="one t for the whole batch")
        axes.plot(range(1, 151), losses[:150], "C0", label="a t for each image")
        axes.set(xlabel="step", ylabel="loss", yscale="log")
        axes.legend()
        return figure

    chart(
        "06-one-t",
        "The loss of the first 150 steps. With a timestep for each image it falls as a ragged line; with one timestep "
        "for the whole batch it leaps up and down by a factor of a hundred.",
        one_t,
    )

    forgetful_module = mistaken("optimizer-not-restored")
    forgetful = begin(forgetful_module)
    forgetful.load_state_dict(story.stopped)
    after = [step.loss for step in islice(forgetful_module.fit(forgetful, images), 80)]

    def resumed() -> Figure:
        figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
        before = range(STOPPED - 59, STOPPED + 81)
        axes.plot(before, losses[STOPPED - 60 : STOPPED + 80], "C0", label="never stopped, or gone on with all")
        axes.plot(range(STOPPED + 1, STOPPED + 81), after, "C1", label="gone on without Adam's memory")
        axes.axvline(STOPPED + 0.5, color="C4", ls="--", lw=1.2)
        axes.set(xlabel="step", ylabel="loss")
        axes.legend()
        return figure

    chart(
        "06-resumed",
        f"The loss around step {STOPPED}, where a training was stopped and gone on with. With the optimiser's state "
        "it goes on as if nothing had happened; without it, it jumps up at once and takes a while to come down.",
        resumed,
    )
    print("after", [round(loss, 3) for loss in after[:12]], [round(x, 3) for x in losses[STOPPED : STOPPED + 12]])
