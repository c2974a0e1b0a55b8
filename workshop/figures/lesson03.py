"""Lesson 3: the network as a drawing, what it sees and guesses, and what is lost without its parts."""

import copy
from types import ModuleType
from typing import Any

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.noising import predict_x0_from_velocity, q_sample
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.sampler import denoise, sample
from cdm_tutor.unet import SelfAttention, SimpleUNet, timestep_embedding
from workshop.drawing import chart, mistaken, picture, side_by_side, wide

SHIPPED = load_weights(shipped_weights("mnist"))
MODEL, SCHEDULE = SHIPPED.network, SHIPPED.schedule
X0 = load_sample("mnist").x0
TEN = X0[3::1000]  # one of each digit
DIGIT = X0[3005:3006]  # a three
STEPS = [20, 200, 400, 550, 700, 850, 999]
COLUMNS = [f"t = {t}" for t in STEPS]


def noised(x0: Tensor, t: int, seed: int = 0) -> Tensor:
    """x_t, with the same noise whatever t is."""
    return q_sample(x0, torch.full((len(x0),), t), draw_like(x0, seeded(seed)), SCHEDULE)


def guessed(network: SimpleUNet, x_t: Tensor, t: int) -> Tensor:
    """pred_x0 of a network with the shipped weights."""
    return denoise(network, x_t, t, SCHEDULE, SHIPPED.card.prediction).pred_x0


def over_time(network: SimpleUNet) -> Tensor:
    """The guesses at the digit, one for each of the steps."""
    return torch.cat([guessed(network, noised(DIGIT, t), t) for t in STEPS])


def with_shipped_weights(module: ModuleType) -> SimpleUNet:
    """The network of a module, mistaken perhaps, with the weights that the right one was trained to."""
    network = module.SimpleUNet().to(memory_format=torch.channels_last)
    network.load_state_dict(MODEL.state_dict())
    return network


# --- drawings and charts


def network_drawing() -> Figure:
    figure, (axes,) = side_by_side(1, 5.6, low=6.2)
    axes.set(xlim=(-0.2, 14.2), ylim=(-1.0, 10.9 if wide() else 13.5))
    axes.axis("off")
    left, right, half = (2.3, 11.7, 1.9) if wide() else (2.9, 11.1, 3.0)
    folding, block, plain, attends = "C4", "C0", "C2", "C3"
    box(axes, left, 10, "x_t", "1 x 28 x 28", folding, half)
    box(axes, left, 8.2, "fold, conv_in", "32 x 14 x 14", plain, half)
    box(axes, left, 6.6, "block", "32 x 14 x 14", block, half)
    box(axes, left, 4.6, "conv, stride 2", "64 x 7 x 7", plain, half)
    box(axes, left, 3.0, "block", "64 x 7 x 7", block, half)
    box(axes, left, 1.4, "block", "64 x 7 x 7", block, half)
    box(axes, right, 1.4, "block", "128 → 64 x 7 x 7", block, half)
    box(axes, right, 3.0, "block", "128 → 64 x 7 x 7", block, half)
    box(axes, right, 4.6, "upsample", "64 x 14 x 14", plain, half)
    box(axes, right, 6.6, "block", "96 → 32 x 14 x 14", block, half)
    box(axes, right, 8.2, "conv_out, unfold", "4 x 14 x 14", plain, half)
    box(axes, right, 10, "prediction", "1 x 28 x 28", folding, half)
    apart, small = (3.1, 1.2) if wide() else (4.8, 2.0)
    for place, name, colour in [(-1, "block", block), (0, "attention", attends), (1, "block", block)]:
        box(axes, 7 + place * apart, -0.4, name, "64 x 7 x 7", colour, small)
    for above, below in [(10, 8.2), (8.2, 6.6), (6.6, 4.6), (4.6, 3.0), (3.0, 1.4)]:
        arrow(axes, (left, above - 0.5), (left, below + 0.5))
        arrow(axes, (right, below + 0.5), (right, above - 0.5))
    arrow(axes, (left, 0.9), (7 - apart - small / 2, 0.1))
    arrow(axes, (7 - apart + small, -0.4), (7 - small, -0.4))
    arrow(axes, (7 + small, -0.4), (7 + apart - small, -0.4))
    arrow(axes, (7 + apart + small / 2, 0.1), (right, 0.9))
    for y, channels in [(6.6, 32), (3.0, 64), (1.4, 64)]:
        arrow(axes, (left + half, y), (right - half, y), "C1", "--")
        text = f"skip, {channels} channels" if wide() else f"skip\n{channels}"
        axes.text(7, y + 0.12, text, ha="center", va="bottom", color="C1")
    top = 10.0 if wide() else 13.1
    axes.text(7, top, "t", ha="center", va="center", fontsize=13)
    axes.text(7, top - 1.1, "128 cosines and sines\nMLP: 128 numbers", ha="center", va="center")
    within = "scale and shift\nin every block" if wide() else "scale and shift in every block"
    axes.text(7, top - (2.25 if wide() else 2.0), within, ha="center", va="center", color=block)
    arrow(axes, (7, top - 0.25), (7, top - 0.6))
    if wide():
        arrow(axes, (7, 8.45), (7, 8.17))
    return figure


def box(axes: Axes, x: float, y: float, name: str, shape: str, colour: str, half: float) -> None:
    """A rounded box around (x, y), with a name and a shape in it."""
    for face, alpha in ((colour, 0.18), ("none", 1.0)):
        edge = colour if face == "none" else "none"
        style: dict[str, Any] = {"facecolor": face, "edgecolor": edge, "alpha": alpha, "linewidth": 1.5}
        rounded = "round,pad=0,rounding_size=0.2"
        axes.add_patch(FancyBboxPatch((x - half, y - 0.5), 2 * half, 1.0, boxstyle=rounded, **style))
    axes.text(x, y + 0.2, name, ha="center", va="center", weight="bold", fontsize=9.5)
    axes.text(x, y - 0.23, shape, ha="center", va="center", fontsize=9.5)


Point = tuple[float, float]


def arrow(axes: Axes, start: Point, end: Point, colour: str = "C4", line: str = "-") -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.3, "linestyle": line, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style)


def embedding() -> Figure:
    figure, (heat, lines) = side_by_side(2, 3.4)
    rows = timestep_embedding(torch.arange(100), 128)
    shown = heat.imshow(
        rows.T, cmap=plt.get_cmap("PuOr", 21), vmin=-1, vmax=1, aspect="auto", interpolation="none", origin="upper"
    )
    heat.set(xlabel="t", ylabel="number in the row")
    heat.set_yticks([0, 32, 64, 96, 127], ["cos, 0", "32", "sin, 64", "96", "127"])
    figure.colorbar(shown, ax=heat, ticks=[-1, 0, 1], pad=0.02)
    t = torch.linspace(0, 999, 200)
    for place, i in enumerate((32, 48, 63)):
        lines.plot(t, timestep_embedding(t, 128)[:, i], color=f"C{place}")
    lines.annotate("i = 32", (325, -1.03), color="C0", ha="left", va="top")
    lines.annotate("i = 48", (990, 0.36), color="C1", ha="right", va="top")
    lines.annotate("i = 63", (990, 1.02), color="C2", ha="right", va="bottom")
    lines.set(xlabel="t", ylabel="cos(angle_i)", ylim=(-1.45, 1.25), xlim=(0, 999))
    return figure


def similarity() -> Figure:
    figure, panels = side_by_side(3, 2.7)
    t = torch.arange(0, 1000, 10)
    for axes, scaled, title in [(panels[0], t, "t as it is"), (panels[1], t / 1000, "t / 1000")]:
        rows = F.normalize(timestep_embedding(scaled, 128), dim=1)
        shown = axes.imshow(
            rows @ rows.T, cmap=plt.get_cmap("viridis", 24), vmin=0, vmax=1,
            extent=(0, 1000, 1000, 0), interpolation="none",
        )  # fmt: skip
        axes.set(xlabel="t", ylabel="t" if scaled is t else "", title=title, xticks=[0, 500, 1000])
        axes.set_yticks([0, 500, 1000], ["0", "500", "1000"] if scaled is t else ["", "", ""])
    figure.colorbar(shown, ax=panels[1], ticks=[0, 0.5, 1], pad=0.03)
    away = torch.arange(0, 1000, 5)
    for scaled, colour in [(away, "C0"), (away / 1000, "C1")]:
        rows = F.normalize(timestep_embedding(scaled, 128), dim=1)
        panels[2].plot(away, rows @ rows[0], color=colour, linewidth=1)
    panels[2].annotate("t / 1000", (990, 0.9), color="C1", ha="right", va="top")
    panels[2].annotate("t as it is", (500, 0.42), color="C0")
    panels[2].set(xlabel="steps apart", ylabel="cosine similarity", ylim=(0, 1.05), xlim=(0, 999))
    return figure


def listening() -> Figure:
    """Whom three positions listen to at the bottom."""
    t, places = 400, [(1, 3), (3, 3), (5, 4)]
    heard: list[Tensor] = []
    network = copy.deepcopy(MODEL)
    network.attention.register_forward_pre_hook(lambda layer, inputs: heard.append(inputs[0]))
    x_t = noised(DIGIT, t)
    guessed(network, x_t, t)
    with torch.no_grad():
        layer = network.attention
        assert isinstance(layer, SelfAttention)
        q, k, _ = layer.qkv(layer.norm(heard[0])).flatten(2).transpose(1, 2).chunk(3, dim=2)
        weights = torch.softmax(q @ k.transpose(1, 2) / q.shape[2] ** 0.5, dim=2)[0]
    figure, panels = side_by_side(4, 2.2, on_phones=2, low=1.7)
    edges: dict[str, Any] = {"extent": (0, 7, 7, 0), "interpolation": "none"}
    panels[0].imshow(x_t[0, 0], cmap="gray", vmin=-1.5, vmax=1.5, **edges)
    panels[0].set(xlabel="column", ylabel="row")
    for number, (axes, (row, column)) in enumerate(zip(panels[1:], places, strict=True)):
        shown = axes.imshow(weights[7 * row + column].reshape(7, 7), cmap="viridis", vmin=0, vmax=0.15, **edges)
        for panel in (panels[0], axes):
            panel.plot(column + 0.5, row + 0.5, marker="os^"[number], color="#ff5a36", markersize=7)
        axes.set(xlabel="column")
    for axes in panels:
        axes.set(xticks=[0, 7], yticks=[0, 7])
    figure.colorbar(shown, ax=panels, label="weight", pad=0.01, extend="max")
    return figure


# --- pictures


def windows() -> Tensor:
    """The middle of two noised digits, through windows that grow; grey where there is none."""
    rows = []
    for digit in (X0[1003:1004], X0[7:8]):  # a one, a zero
        x_t = noised(digit, 600, seed=4)
        for side in (5, 9, 15, 28):
            seen = torch.zeros_like(x_t)
            first, last = 14 - side // 2, 14 - side // 2 + side
            seen[:, :, first:last, first:last] = x_t[:, :, first:last, first:last]
            rows.append(seen)
    return torch.cat(rows)


def uncovered() -> Tensor:
    """The two digits themselves."""
    return torch.cat([X0[1003:1004], X0[7:8]])


def reach(convs: list[tuple[int, int]], row: int, column: int, side: int) -> Tensor:
    """Which pixels can change one position after these convolutions, (size, stride) each: the gradient is not 0 there.

    All weights are 1, nothing is normalised, so that no gradient is 0 by chance. The position itself is brighter.
    """
    x = torch.ones(1, 1, 28, 28, dtype=torch.float64, requires_grad=True)
    h = F.pixel_unshuffle(x, 2).sum(dim=1, keepdim=True)
    for size, stride in convs:
        h = F.conv2d(h, torch.full((1, 1, size, size), 0.1, dtype=torch.float64), stride=stride, padding=size // 2)
    h[0, 0, row, column].backward()
    assert x.grad is not None
    seen = torch.where(x.grad != 0, 0.2, -1.0)
    pixels = 28 // side
    seen[:, :, row * pixels : (row + 1) * pixels, column * pixels : (column + 1) * pixels] = 1.0
    return seen


def reaches() -> Tensor:
    """How far one position sees, stage by stage: one in the middle, one in the corner."""
    depths = [(1, 14, 7), (3, 14, 7), (4, 7, 3), (8, 7, 3), (10, 7, 3)]  # convolutions so far, side, the middle one
    convs = [(3, 1), (3, 1), (3, 1), (3, 2), *[(3, 1)] * 6]
    middle = [reach(convs[:depth], centre, centre, side) for depth, side, centre in depths]
    corner = [reach(convs[:depth], 0, 0, side) for depth, side, _ in depths]
    return torch.cat(middle + corner)


def pull(t: int) -> Tensor:
    """How much each pixel of x_t moves the guess at the middle pixel: mean |gradient| over 100 images, log scale."""
    x0 = X0[::100]
    steps = torch.full((len(x0),), t)
    x_t = noised(x0, t).requires_grad_()
    pred_x0 = predict_x0_from_velocity(x_t, steps, MODEL(x_t, steps), SCHEDULE)
    pred_x0[:, 0, 14, 14].sum().backward()
    assert x_t.grad is not None
    mean = x_t.grad.abs().mean(dim=0, keepdim=True)
    return 1 + (mean / mean.max()).log10().clamp(-2, 0)  # 1 is the largest, -1 a hundredth of it


def without_skips(dropped: set[int]) -> SimpleUNet:
    """The shipped network, the skips of these numbers set to zero; 0 is that at 14 x 14."""
    network = copy.deepcopy(MODEL)
    decode = network.decode

    def decode_less(h: Tensor, skips: list[Tensor], time: Tensor) -> Tensor:
        return decode(h, [0 * skip if number in dropped else skip for number, skip in enumerate(skips)], time)

    network.decode = decode_less  # type: ignore[method-assign]
    return network


def told(network: SimpleUNet, t: int) -> Tensor:
    """The guesses of a network that is told t whatever the truth is; the sums around it use the truth."""

    def misled(x_t: Tensor, steps: Tensor) -> Tensor:
        return network(x_t, torch.full_like(steps, t))

    guesses = [
        predict_x0_from_velocity(x_t, steps, misled(x_t, steps), SCHEDULE)
        for x_t, steps in ((noised(DIGIT, truth), torch.tensor([truth])) for truth in STEPS)
    ]
    return torch.cat(guesses).detach()


def drawn(network: SimpleUNet) -> Tensor:
    """Eight samples, from the same noise for each network."""
    generator = seeded(3)
    x_T = torch.randn(8, 1, 28, 28, generator=generator)
    return sample(network, x_T, SCHEDULE, generator=generator, prediction=SHIPPED.card.prediction).clamp(-1, 1)


def main() -> None:
    pictures_of_the_idea()
    pictures_of_the_reach()
    pictures_of_what_is_lost()
    charts()


def charts() -> None:
    chart(
        "03-network",
        "The network: down on the left, up on the right.",
        "The network drawn as a U. Down the left side x_t, 1 x 28 x 28, is folded to 14 x 14 and halved to 7 x 7; at "
        "the bottom lie a block, attention and a block; up the right side it returns to 1 x 28 x 28. Three dashed "
        "arrows, the skips, lead across from each block on the left to its partner on the right. The timestep is "
        "embedded and scales and shifts in every block.",
        network_drawing,
    )
    chart(
        "03-embedding",
        "The rows of 100 timesteps, each a column; and three of the slow hands over all t.",
        "First, a heat map of the embeddings of t = 0 to 99: the first rows, of cosines and of sines, flicker from "
        "step to step, further rows change more and more slowly, the last not at all. Then, three of the slow "
        "cosines over all t: number 32 turns one and a half times, 48 a sixth of a turn, 63 hardly leaves 1.",
        embedding,
    )
    chart(
        "03-similarity",
        "How alike the rows of two timesteps are: for t, for t / 1000, and both over the steps apart.",
        "Two matrices of cosine similarities between the embeddings of all timesteps. With t as it is there is a "
        "bright diagonal that fades to dark in the corners; with t divided by 1000 all is bright. Then, the same as "
        "curves over the steps apart: one falls fast and goes on falling, the other stays near 1.",
        similarity,
    )
    chart(
        "03-attention",
        "A noised digit, and how much three positions take from each of the 49.",
        "A noised three, and for three of the 49 positions at the bottom a 7 x 7 map of the weights with which it "
        "listens to all positions. The first listens mostly to one position far below it, the other two a little to "
        "many all over the image.",
        listening,
    )


def pictures_of_the_idea() -> None:
    picture(
        "03-result",
        "Ten digits, the same noised to t = 550, and what the network makes of them.",
        "Ten digits in three rows: clean; noised to t = 550, buried in grain; and the network's guesses, clear digits "
        "again, a little smoother than the originals.",
        torch.cat([TEN, noised(TEN, 550), guessed(MODEL, noised(TEN, 550), 550)]),
        columns=10,
        scale=2,
        row_labels=["x0", "x_t", "pred_x0"],
    )
    picture(
        "03-windows",
        "Two noised digits, through windows that grow.",
        "Two noised digits, each seen through a window of 5, 9, 15 and 28 pixels. In the small windows there is only "
        "noise; the whole images let one guess a digit each.",
        windows(),
        columns=4,
        scale=4,
        labels=["5 x 5", "9 x 9", "15 x 15", "28 x 28"],
        row_labels=["A", "B"],
    )
    picture(
        "03-uncovered",
        "The two digits without noise.",
        "The clean digits: A is a one, whose stroke runs through the middle; B is a zero, whose middle is empty.",
        uncovered(),
        columns=2,
        scale=4,
        labels=["A", "B"],
    )
    picture(
        "03-guesses",
        "One digit under more and more noise, and the network's guesses.",
        "A three at seven noise levels, and the network's guess below each. Up to t = 700 the guess is the three, at "
        "850 it is an upright stroke like a one, and at t = 999 a grey smudge.",
        torch.cat([*(noised(DIGIT, t) for t in STEPS), over_time(MODEL)]),
        columns=len(STEPS),
        labels=COLUMNS,
        row_labels=["x_t", "pred_x0"],
    )


def pictures_of_the_reach() -> None:
    picture(
        "03-reach",
        "What one position can see by its convolutions, stage by stage.",
        "The pixels that one position can see after five stages of the way down, as grey squares around it. In the "
        "middle the square grows from 6 pixels to the whole image; in the corner only the middle block completes it.",
        reaches(),
        columns=5,
        labels=["conv_in", "block", "halved", "2 blocks", "middle1"],
        row_labels=["middle", "corner"],
    )
    shown = [20, 200, 400, 600, 800, 950]
    picture(
        "03-pull",
        "What moves the guess at the middle pixel, at six t.",
        "How strongly each pixel of x_t moves the guess at the middle pixel. At t = 20 a small bright spot; the later "
        "t, the wider it spreads, until the whole middle of the image takes part.",
        torch.cat([pull(t) for t in shown]),
        columns=len(shown),
        labels=[f"t = {t}" for t in shown],
    )


def pictures_of_what_is_lost() -> None:
    picture(
        "03-no-skips",
        "Guesses with all skips, and with some of them set to zero.",
        "The network's guesses with all skips, without the one at 14 x 14, without the two at 7 x 7, and without any. "
        "Without the one at 14 x 14 grain stays on the digit and around it; without those at 7 x 7 little changes.",
        torch.cat([over_time(without_skips(dropped)) for dropped in (set(), {0}, {1, 2}, {0, 1, 2})]),
        columns=len(STEPS),
        labels=COLUMNS,
        row_labels=["all skips", "none at 14 x 14", "none at 7 x 7", "none"],
    )
    ignores = with_shipped_weights(mistaken("block-ignores-the-time"))
    picture(
        "03-no-time",
        "Guesses of a network that is told the right t, a wrong one, or none.",
        "The network's guesses when it is told the right t, always 0, always 999, and when it ignores t. Told 0, all "
        "noise stays; told 999, the digit comes out pale and grainy; where t is ignored, noise stays from t = 400 on.",
        torch.cat([over_time(MODEL), told(MODEL, 0), told(MODEL, 999), over_time(ignores)]),
        columns=len(STEPS),
        labels=COLUMNS,
        row_labels=["told t", "told 0", "told 999", "ignores t"],
    )
    broken = {
        "t in fractions": "embedding-of-fractions",
        "ignores t": "block-ignores-the-time",
        "norm over batch": "block-statistics-of-the-batch",
        "scrambled": "attention-scrambles-positions",
        "unfolded wrongly": "unet-unfolds-by-reshape",
    }
    picture(
        "03-mistakes",
        "Samples of the right network and of five mistaken ones, from the same noise.",
        "Eight samples of the right network, clear digits, and below them the same noise sampled with five mistakes: "
        "with t in fractions, noise; ignoring t, broken strokes in grain; with the norm over the batch, white blobs; "
        "with attention scrambled, the same digits but for two; unfolded wrongly, noise.",
        torch.cat([drawn(MODEL), *(drawn(with_shipped_weights(mistaken(name))) for name in broken.values())]),
        columns=8,
        scale=2,
        row_labels=["right", *broken],
    )


if __name__ == "__main__":
    main()
