"""Lesson 6: the learning rate, the average's memory, who gets which image, and a short real training."""

import copy
import math
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn

from cdm_tutor import trainer
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.noising import denoising_loss
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.unet import SimpleUNet
from workshop.drawing import chart, mistaken, picture, side_by_side

SETTINGS = TrainSettings(steps=750, batch=32, prediction="v")  # with the small network below, under a minute
BY_NOISE = TrainSettings(steps=450, batch=16)
SCHEDULE = make_schedule("cosine")
MOMENTS = (50, 100, 200, 750)  # when to look at samples
COMPARED = 300  # when to set the raw weights beside the average
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
        figure, axes = plt.subplots()
        axes.plot(steps, rates(mistaken("rate-never-falls"), settings, steps), "C1--", lw=1.2, label="the rise alone")
        axes.plot(steps, rates(mistaken("warm-up-missing"), settings, steps), "C2:", lw=1.8, label="the fall alone")
        axes.plot(steps, rates(trainer, settings, steps), "C0", label="the rate: both multiplied")
        axes.set(xlabel="step", ylabel="learning rate", ylim=(0, 0.0033))
        axes.legend(loc="upper right", bbox_to_anchor=(1.0, 0.88))
        return figure

    chart(
        "06-learning-rate",
        "The learning rate over 2,000 steps, and its two factors.",
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
        figure, panels = side_by_side(4, 4.4, columns=2, low=1.9)
        for axes, (name, title) in zip(panels, wrong.items(), strict=True):
            axes.plot(ticks, rates(mistaken(name), short, ticks), "C1", label="mistaken")
            axes.plot(ticks, rates(trainer, short, ticks), "C0--", lw=1.5, label="right")
            axes.set_title(title)
            axes.set_ylim(0)
        figure.supxlabel("step")
        figure.supylabel("learning rate")
        panels[1].legend()
        return figure

    chart(
        "06-rate-mistakes",
        "Four mistaken rates, each beside the right one.",
        "Four mistaken learning rates over 1,000 steps, each beside the right one: one goes on climbing long after the "
        "warm-up, one drops suddenly where it ends, one climbs again in the second half, one stays at the top.",
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
        figure, (left, right) = side_by_side(2, 3.2)
        for number, d in enumerate((0.99, 0.997, 0.999)):
            left.plot(ago, (1 - d) * d**ago, f"C{number}", label=f"d = {d}")
            span = round(1 / (1 - d))
            left.plot([span], [(1 - d) * d**span], f"C{number}o")
        left.set(xlabel="steps ago", ylabel="share in the average", yscale="log", ylim=(1e-6, 3e-2))
        left.legend()
        every = slice(0, steps, 10)
        step = torch.arange(1, steps + 1)[every]
        right.plot(step, with_shares[every], "C0", label=f"with warm-up;\nstart: {with_start:.0%}")
        right.plot(step, without_shares[every], "C1--", label=f"without;\nstart: {without_start:.0%}")
        right.set(xlabel="step whose weights they are", ylabel="share after 1,000 steps", ylim=(0, None))
        right.legend(loc="upper left")
        return figure

    chart(
        "06-ema-memory",
        "How much each step counts in the average: in the long run, and after 1,000 steps.",
        "First, how much each past step counts in the average, on a logarithmic scale: straight lines falling, the "
        "slower the nearer the decay is to 1; a dot on each at 1 / (1 - d) steps. Then, the shares after 1,000 steps "
        f"with decay 0.999: without warm-up nearly flat, and {without_start:.0%} of the average is the random start; "
        "with warm-up they climb steeply over the last few hundred steps, and nothing of the start is left.",
        draw,
    )


# --- who gets which image --------------------------------------------------------------------------------------------


def order(module: ModuleType, epoch: int) -> list[tuple[int, int]]:
    """Of each place in an epoch that is in a batch: the rank that takes it, and the image that it is."""
    numbered, settings = torch.arange(N)[:, None, None, None].float(), TrainSettings(steps=1, batch=BATCH)
    found = {}
    for number in range(N // BATCH):
        for rank in range(WORLD):
            x0, _, _ = module.draw_batch(numbered, epoch * (N // BATCH) + number, 10, settings, rank, WORLD)
            for i, image in enumerate(x0.flatten().int().tolist()):
                found[number * BATCH + rank + WORLD * i] = (rank, image)
    return [found[place] for place in sorted(found)]


def cell(axes: Axes, x: int, y: int, rank: int, image: int) -> None:
    axes.add_patch(Rectangle((x + 0.04, y + 0.06), 0.92, 0.88, color=f"C{rank}", alpha=0.4, lw=0))
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
        figure, both = side_by_side(2, 4.2, columns=1, sharex=True)
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
        "Two epochs of twelve images over three processes, in batches of five.",
        "Two epochs of 12 images over three processes in batches of 5. In each batch the places go round the ranks, 0, "
        "1, 2, 0, 1: the shares are 2, 2 and 1 images. The images are in another order in the second epoch, and the "
        "last two places of each are left out.",
        right,
    )

    def wrong() -> Figure:
        figure, both = side_by_side(2, 3.4, columns=1, low=1.9, height_ratios=(2, 1))
        frame(both[0], ["epoch 0", "epoch 1"])
        for epoch in range(2):
            for place, (rank, image) in enumerate(order(mistaken("same-order-every-epoch"), epoch)):
                cell(both[0], place, epoch, rank, image)
        both[0].set_title("the epoch is forgotten: the same order each time")
        frame(both[1], ["epoch 0"])
        dealt = order(mistaken("each-process-its-own-order"), 0)
        for place, (rank, image) in enumerate(dealt):
            cell(both[1], place, 0, rank, image)
        images = [image for _, image in dealt]
        never = sorted(set(range(N)) - set(images))
        often = sorted({image for image in images if images.count(image) > 1})
        both[1].set_title(f"the seed depends on the rank: {numbers(often)} come more than once, {numbers(never)} never")
        both[1].set_xlabel("place in the epoch (colours: rank 0, 1, 2, in turn in each batch)")
        return figure

    chart(
        "06-shares-mistakes",
        "An order that stays the same, and processes that each have an order of their own.",
        "Above: two epochs whose images come in the very same order. Below: an epoch dealt out by processes "
        "that each shuffle for themselves: some images come more than once, others never.",
        wrong,
    )


def numbers(values: list[int]) -> str:
    return ", ".join(map(str, values))


# --- a short real training -------------------------------------------------------------------------------------------


@dataclass
class Story:
    """What a short training was like: every step, and what was seen on the way."""

    log: list[trainer.Step] = field(default_factory=list)
    growing: dict[str, Tensor] = field(default_factory=dict)
    compared: list[Tensor] = field(default_factory=list)
    averages: list[Tensor] = field(default_factory=list)
    measured: list[tuple[int, float, float, float]] = field(default_factory=list)
    stopped: dict[str, Any] = field(default_factory=dict)


def begin(module: ModuleType, settings: TrainSettings) -> trainer.Training:
    """A small network, the same at each call, by the reference's or a mistaken module's trainer."""
    torch.manual_seed(settings.seed)
    network = SimpleUNet(channels=(16, 32)).to(memory_format=torch.channels_last)
    return module.Training(network, SCHEDULE, settings)


def samples(network: nn.Module) -> Tensor:
    """Eight samples, from the same noise each time."""
    x_T = torch.randn(8, 1, 28, 28, generator=seeded(6))
    return sample(network, x_T, SCHEDULE, generator=seeded(7), steps=20, prediction="v")


@torch.no_grad()
def loss_of(network: nn.Module, images: Tensor, n: int) -> float:
    """The loss on n images, timesteps and noises that are the same each time."""
    x0, t, noise = trainer.draw_batch(images, 0, 1000, TrainSettings(steps=1, batch=n, seed=66))
    return denoising_loss(network, x0, t, noise, SCHEDULE, "v").mean().item()


def train(images: Tensor) -> Story:
    training, story = begin(trainer, SETTINGS), Story()
    cold, without_warm_up = copy.deepcopy(training.ema), mistaken("ema-without-warm-up").update_ema
    for step in trainer.fit(training, images):
        story.log.append(step)
        without_warm_up(cold, training.model, step.step - 1, SETTINGS.ema_decay)
        if step.step % 20 == 0:
            raw, average, late = (loss_of(network, images, 64) for network in (training.model, training.ema, cold))
            story.measured.append((step.step, raw, average, late))
        if step.step in MOMENTS:
            label = f"step {step.step}: loss {loss_of(training.ema, images, 512):.2f}"
            story.growing[label] = samples(training.ema)
        if step.step == COMPARED:
            story.compared = [samples(training.model), samples(training.ema)]
        if step.step == STOPPED:
            story.stopped = copy.deepcopy(training.state_dict())
    story.averages = [samples(training.ema), samples(cold)]
    shipped = load_weights(shipped_weights("mnist")).network
    story.growing[f"the package's: loss {loss_of(shipped, images, 512):.2f}"] = samples(shipped)
    return story


def smooth(values: list[float | None], window: int) -> Tensor:
    """The mean of the last few values, those that there are."""
    known = torch.tensor([math.nan if value is None else value for value in values])
    return known.unfold(0, window, 1).nanmean(dim=1)


def draw_training() -> None:
    images = load_sample("mnist").x0
    story = train(images)
    losses = [step.loss for step in story.log]
    picture(
        "06-growing",
        "Samples of a small network while it is trained, and of the package's own.",
        "Eight samples from the averaged weights of a small network at four moments of its training, and from the "
        "package's weights, all from the same noise: grains, then blurred strokes, then clean scribbles, then digits. "
        "The loss beside each falls fast between the first rows and little between the last two.",
        torch.cat(list(story.growing.values())),
        columns=8,
        row_labels=list(story.growing),
    )
    picture(
        "06-raw-and-average",
        "Samples at step 300 of the same training, by raw weights and by their average.",
        f"Eight samples after {COMPARED} steps, from the weights of that step and from their average, with the same "
        "noise: very much alike.",
        torch.cat(story.compared),
        columns=8,
        row_labels=["raw weights", "average"],
    )
    picture(
        "06-average-without-warm-up",
        "Samples of two averages of the same weights.",
        "Eight samples at the end of the training from two averages of the same weights: strokes with warm-up, "
        "noise without.",
        torch.cat(story.averages),
        columns=8,
        row_labels=["with warm-up", "without"],
    )
    draw_averages(story)
    draw_thirds(story, images)
    draw_one_t(losses, images)
    draw_resumed(losses, story.stopped, images)


def draw_averages(story: Story) -> None:
    steps, raw, average, cold = zip(*story.measured, strict=True)

    def draw() -> Figure:
        figure, (left, right) = side_by_side(2, 3.2)
        for axes in (left, right):
            axes.plot(steps, cold, "C1", label="average without warm-up")
            axes.plot(steps, raw, "C4", lw=1.4, label="raw weights")
            axes.plot(steps, average, "C0", label="average")
            axes.set(xlabel="step", ylim=(0, 1.25))
        left.set_ylabel("loss on the same 64 images")
        left.legend()
        late = [loss for step, *both in zip(steps, raw, average, strict=True) if step >= 240 for loss in both]
        right.set(xlim=(240, SETTINGS.steps), ylim=(0.98 * min(late), 1.02 * max(late)))
        return figure

    chart(
        "06-averages",
        "The loss of raw weights and of averages on the same images; and its last part, enlarged.",
        "The loss on the same images of three sets of weights during one training. First, raw weights and average fall "
        "together, the average a little later; the average without warm-up falls slowly and ends far above. Right, "
        "from step 240 on and enlarged: the raw weights go down in a ragged line, the average in a smooth one, and at "
        "the end they meet.",
        draw,
    )


def draw_thirds(story: Story, images: Tensor) -> None:
    window, shown = 30, slice(0, None, 5)
    by_noise = list(trainer.fit(begin(trainer, BY_NOISE), images))
    runs = {"predicts the noise": by_noise, "predicts v": story.log}

    def draw() -> Figure:
        figure, panels = side_by_side(2, 3.4, sharey=True)
        for axes, (title, log) in zip(panels, runs.items(), strict=True):
            curves: dict[str, tuple[list[float | None], str]] = {
                "little noise": ([step.thirds[0] for step in log], "C1"),
                "halfway": ([step.thirds[1] for step in log], "C2"),
                "much noise": ([step.thirds[2] for step in log], "C0"),
                "all images": ([step.loss for step in log], "C4"),
            }
            for label, (values, style) in curves.items():
                axes.plot(range(window, len(log) + 1)[shown], smooth(values, window)[shown], style, label=label)
            axes.set_title(title)
            axes.set(xlabel="step", yscale="log")
        figure.supylabel(f"loss (mean of {window} steps)")
        panels[1].legend()
        return figure

    chart(
        "06-thirds",
        "The loss of two short trainings, by thirds of the timesteps.",
        "The loss of two short trainings on a logarithmic scale, of all images and by thirds of the timesteps. "
        "Predicting the noise, the third with little noise stays highest and that with much noise is far the lowest. "
        "Predicting v, the third halfway is the lowest and the other two stay high. All fall steeply at first, then "
        "slowly.",
        draw,
    )


def draw_one_t(losses: list[float], images: Tensor) -> None:
    module = mistaken("one-t-for-all")
    jumpy = [step.loss for step in islice(module.fit(begin(module, SETTINGS), images), 80)]

    def draw() -> Figure:
        figure, axes = plt.subplots()
        axes.plot(range(1, 81), jumpy, "C1", lw=1, label="one t for the whole batch")
        axes.plot(range(1, 81), losses[:80], "C0", label="a t for each image")
        axes.set(xlabel="step", ylabel="loss")
        axes.legend()
        return figure

    chart(
        "06-one-t",
        "The loss of 80 steps, with a t for each image and with one for all.",
        "The loss of the first 80 steps. With a timestep for each image it falls as a slightly ragged line; with one "
        "timestep for the whole batch it leaps up and down by more than it falls.",
        draw,
    )


def draw_resumed(losses: list[float], state: dict[str, Any], images: Tensor) -> None:
    module = mistaken("optimizer-not-restored")
    forgetful = begin(module, SETTINGS)
    forgetful.load_state_dict(state)
    after = [step.loss for step in islice(module.fit(forgetful, images), 40)]

    def draw() -> Figure:
        figure, axes = plt.subplots()
        axes.plot(range(STOPPED + 1, STOPPED + 41), after, "C1", label="resumed without Adam's memory")
        both = range(STOPPED - 59, STOPPED + 41)
        axes.plot(both, losses[STOPPED - 60 : STOPPED + 40], "C0", label="never stopped, or resumed with all")
        axes.axvline(STOPPED + 0.5, color="C4", ls="--", lw=1.2)
        axes.set(xlabel="step", ylabel="loss", ylim=(0.8 * min(after), 1.2 * max(after)))
        axes.legend(loc="upper left")
        return figure

    chart(
        "06-resumed",
        "The loss where a training was stopped and resumed.",
        f"The loss around step {STOPPED}, where a training was stopped and resumed. With the optimiser's state "
        "it goes on as if nothing had happened; without it, it jumps up at once and takes a while to come down.",
        draw,
    )
