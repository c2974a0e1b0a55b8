"""What can be told of images of your own, which no classifier of ours knows: range, ink, noise, and variety."""

import torch
from torch import Tensor

from cdm_tutor.course.looks import FLAT, MEASURES, fine_detail, grain
from cdm_tutor.course.symptoms import EMPTY
from cdm_tutor.pages import address
from cdm_tutor.wording import counted

OWN_MEASURES = {  # what needs neither a classifier nor real images
    "outside": "share of numbers far outside [-1, 1]",
    "dark": "the darkest hundredth of an image",
    "bright": "its brightest hundredth",
    "spread": MEASURES["spread"],
    "fine": MEASURES["fine"],
    "grain": MEASURES["grain"],
    "variety": MEASURES["variety"],
    "twin": MEASURES["twin"],
}
FAR = 1.1  # a network that draws in one jump goes a little beyond 1
OUTSIDE = 0.05  # a larger share outside is out of range
DARK, BRIGHT = 0.2, 0.8  # nothing drawn is brighter, or darker
NOISE = 0.5  # a larger share of fine detail; white noise has 0.7, pictures have 0.1
GRAINY = 0.05  # more grain; pictures of 28 x 28 have 0.01
LEAST_FOR_GRAIN = 24  # the smallest side at which a square of four by four may be flat
ALIKE = 0.25  # of the deviation of greys within an image: images that are as near to each other hardly differ
ALL = (
    "Of images of your own this is all that can be told: whether they are in range, whether anything is drawn, whether "
    "noise is left, and whether they are alike. Whether they show what they should, see for yourself. How near they "
    "come to real ones, cdm-tutor evaluate measures."
)


def report_own(x0: Tensor, instead: str = "") -> str:
    """What there is to say of (N, C, S, S) images of your own, in a table and a few lines.

    Args:
        x0: the images.
        instead: words in the place of what is wrong.
    """
    looks = measure_own(x0) if x0.isfinite().all() else {}
    lines = [f"{'of ' + counted(len(x0), 'image'):38} {'yours':>7}"] if looks else []
    lines += [f"{OWN_MEASURES[name]:38} {value:7.3f}" for name, value in looks.items()]
    found = [f"{said} See {address(f'clinic.html#{group}')}" for group, said in judge_own(looks, x0.shape[-1])]
    found = [instead] if instead else found or ["Nothing wrong to see."]
    return "\n".join([*lines, "", *found, ALL])


def measure_own(x0: Tensor) -> dict[str, float]:
    """Measure (N, C, S, S) images of finite numbers; a single one has no variety and no twin."""
    clipped = x0.clamp(-1, 1)
    levels = (clipped + 1) / 2
    dark, bright, spread, flattest = torch.stack([_measure_each(level) for level in levels]).mean(dim=0)
    numbers = [(x0.abs() > FAR).float().mean(), dark, bright, spread, fine_detail(clipped), flattest]
    if len(x0) > 1:
        apart = torch.cdist(levels.flatten(1), levels.flatten(1)) / levels[0].numel() ** 0.5
        numbers += [levels.std(dim=0).mean(), apart.fill_diagonal_(torch.inf).amin(dim=1).median()]
    return {name: number.item() for name, number in zip(OWN_MEASURES, numbers, strict=False)}


def _measure_each(level: Tensor) -> Tensor:
    """Of one image, (C, S, S) in [0, 1]: dark, bright, spread within a channel, and grain."""
    hundredths = level.quantile(torch.tensor([0.01, 0.99]))
    return torch.stack([*hundredths, level.flatten(1).std(dim=1).mean(), grain(2 * level[None] - 1)])


def judge_own(looks: dict[str, float], side: int) -> list[tuple[str, str]]:
    """What is wrong with images of your own: the names of symptoms of the clinic, each with words for it.

    Args:
        looks: what measure_own says; nothing where the images are not finite numbers.
        side: of the images.
    """
    if not looks:
        return [(EMPTY, "Nothing can be drawn: some of their numbers are not finite.")]
    found = []
    if looks["outside"] > OUTSIDE:
        found.append(("blotches", f"Out of range: {looks['outside']:.0%} of their numbers lie far outside [-1, 1]."))
    if looks["spread"] < FLAT:
        return [*found, (EMPTY, "Nothing is drawn: each is of a single colour.")]
    if looks["bright"] < DARK:
        found.append((EMPTY, "Hardly anything is drawn: they are nearly black."))
    if looks["dark"] > BRIGHT:
        found.append(("blotches", "Hardly anything is drawn: they are nearly white."))
    if looks["fine"] > NOISE:
        found.append(("noise", "Nothing but noise: nearly all that is drawn is fine detail."))
    elif looks["grain"] > GRAINY and side >= LEAST_FOR_GRAIN:
        found.append(("grain", "Noise is left where they should be flat, unless yours are rough there, too."))
    near = ALIKE * looks["spread"]
    if looks.get("variety", near) < near:
        found.append(("alike", "All alike: one image for every noise."))
    elif looks.get("twin", near) < near:
        found.append(("alike", "Most have a twin: a few images, again and again. It may know them by heart."))
    return found
