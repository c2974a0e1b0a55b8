"""What stands in for the live sampler where scripts are off: a network's insides, and a walk with a refiner."""

import torch
import torch.nn.functional as F
from torch import Tensor

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.refiner import refiner_steps, renoise
from cdm_tutor.sampler import Guess, ddim_step, denoise, sample
from workshop.drawing import picture

LAYERS = ("conv_in", "down.0", "down.3", "attention", "up.3")
MAPS = 8  # of each layer, the first
STEP = 400
REFINE_FROM = 200


def insides() -> Tensor:
    """The first maps of some layers, each from its smallest number to its largest; a layer a row."""
    shipped = load_weights(shipped_weights("mnist"))
    seen: dict[str, Tensor] = {}
    for name in LAYERS:
        layer = shipped.network.get_submodule(name)
        layer.register_forward_hook(lambda _, inputs, out, name=name: seen.update({name: out[0, :MAPS, None]}))
    x0 = load_sample("mnist").x0[3005:3006]
    t = torch.tensor([STEP])
    with torch.no_grad():
        shipped.network(q_sample(x0, t, draw_like(x0, seeded(0)), shipped.schedule), t)
    rows = []
    for maps in (seen[name] for name in LAYERS):
        low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
        rows.append(F.interpolate(2 * (maps - low) / (high - low) - 1, size=28))
    return torch.cat(rows)


def walk() -> tuple[list[str], Tensor]:
    """Some steps of the sampler and both of the refiner: above x_t, below pred_x0."""
    first, refiner = load_weights(shipped_weights("fashion")), load_weights(shipped_weights("fashion", "refiner"))
    schedule, generator = first.schedule, seeded(15)
    x = torch.randn(1, 1, 28, 28, generator=generator)
    seen: list[tuple[int, Tensor, Tensor]] = []
    came_from = x

    def listen(guess: Guess, x_prev: Tensor) -> None:
        nonlocal came_from
        seen.append((guess.t, came_from, guess.pred_x0))
        came_from = x_prev

    x = sample(first.network, x, schedule, generator=generator, prediction=first.card.prediction, on_step=listen)
    chosen = [seen[i] for i in (0, 4, 8, 12, 16, 19)]
    x = renoise(x, REFINE_FROM, schedule, draw_like(x, generator))
    for t, prev_t in refiner_steps(REFINE_FROM, len(schedule)):
        guess = denoise(refiner.network, x, t, schedule, refiner.card.prediction)
        chosen.append((t, x, guess.pred_x0))
        x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))
    steps, x_t, pred_x0 = zip(*chosen, strict=True)
    return [f"t = {t}" for t in steps], torch.cat([*x_t, *pred_x0])


def main() -> None:
    picture(
        "03-insides",
        "What comes out of the network's layers.",
        "Eight channels of five layers, for a three noised to t = 400. After conv_in and down.0 most show the three "
        "among noise, light on dark or dark on light. At 7 x 7 they are patches with no shape to be read. After up.3 "
        "some show the strokes, the others nothing but noise.",
        insides(),
        columns=MAPS,
        row_labels=list(LAYERS),
    )
    labels, images = walk()
    picture(
        "05-live",
        "A walk, and the two steps of the refiner after it.",
        "Two rows from left to right: x_t and pred_x0 at six steps of the sampler; a bag appears, rough in the end. "
        "Then at t = 200 and t = 66 of the refiner: the bag is smooth.",
        images,
        columns=len(labels),
        labels=labels,
        row_labels=["x_t", "pred_x0"],
    )
