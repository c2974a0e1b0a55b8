"""What was seen of each mistake, in numbers and in words."""

from functools import cache
from statistics import pstdev
from typing import Any

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.looks import MEASURES
from cdm_tutor.course.symptoms import groups_of
from workshop.clinic.make import read_seen

STANDS_OUT = 0.5  # a measure that is off by more, in standard deviations over the whole clinic, is worth telling
A_LITTLE = 0.1  # one that is off by more can be seen, if one looks for it
ALIKE = 0.01  # samples that differ by less, in grey, are told to look right
KINDS = {  # what there is in the pictures of a group, in fewer words than its title
    "noise": "Noise",
    "grain": "Digits under grain",
    "shreds": "Shreds among specks",
    "bold": "Fat knots of strokes",
    "grey": "A grey ground",
    "blotches": "Pale blotches",
    "alike": "One image again and again",
    "empty": "Empty images",
    "scribbles": "Strokes without digits",
    "plain": "Clean samples",
    "few-steps": "Samples of few steps",
    "refining": "Refined samples",
    "other-class": "Digits of any class",
    "seam": "Completed digits",
    "unlike-sketch": "Digits drawn from scrawls",
    "same-seed": "Samples of one seed",
}
MORE, LESS = (  # what the eye sees where a measure is too large, or too small
    {
        "black": "greyer where it should be black",
        "white": "whiter",
        "mean": "brighter",
        "spread": "richer in contrast",
        "fine": "grainier",
        "grain": "grainier",
        "variety": "more mixed",
        "nearest": "less like real digits",
    },
    {
        "black": "blacker",
        "white": "dimmer",
        "mean": "darker",
        "spread": "flatter",
        "fine": "smoother",
        "grain": "cleaner",
        "variety": "more alike",
        "twin": "more alike",
        "confidence": "harder to read",
        "nearest": "more like real digits",
    },
)


@cache
def seen() -> dict[str, Any]:
    """What was seen of each mistake."""
    return read_seen()


def first_drawn(mistake: Mistake) -> dict[str, Any] | None:
    """The first scene of a mistake that gave samples."""
    return next((scene for scene in seen()[mistake.name]["scenes"] if scene["rows"]), None)


def looks_right(scene: dict[str, Any]) -> bool:
    """Whether the mistaken samples cannot be told from the right ones."""
    return scene.get("differs") == "" or ("differs" in scene and scene["differs"] != "nan" and scene["differs"] < ALIKE)


@cache
def spreads() -> dict[str, float]:
    """Of each measure, its standard deviation over all that was seen."""
    all_looks = [scene["looks"] for facts in seen().values() for scene in facts["scenes"] if scene.get("looks")]
    return {name: pstdev(looks[name] for looks in all_looks) for name in MEASURES}


def stands_out(scene: dict[str, Any], least: float = STANDS_OUT) -> dict[str, float]:
    """The measures that are off by more: by how much, the most so first."""
    if not (scene.get("looks") and scene.get("right looks")):
        return {}
    off = {name: (scene["looks"][name] - scene["right looks"][name]) / spreads()[name] for name in MEASURES}
    return {name: off[name] for name in sorted(off, key=lambda name: -abs(off[name])) if abs(off[name]) > least}


def verdict(scene: dict[str, Any]) -> str:
    """How the mistaken samples differ from the right ones, in numbers."""
    if "differs" in scene and not scene["differs"]:
        return "The samples are the very same, but for rounding."
    if looks_right(scene):
        return f"The samples look right: a pixel differs by {scene['differs']:.1%} of black to white on average."
    if not (scene.get("looks") and scene.get("right looks")):
        return ""
    both = [
        (name, scene["looks"][name] + 0.0, scene["right looks"][name] + 0.0) for name in list(stands_out(scene))[:2]
    ]
    if not both:
        return "Of what is measured nothing stands out."
    told = "; ".join(f"{MEASURES[name]} {mistaken:.2f}, not {right:.2f}" for name, mistaken, right in both)
    return f"Measured: {told}."


def in_words(mistake: Mistake, scene: dict[str, Any]) -> str:
    """What the mistaken samples look like, for those who do not see them."""
    kind = next((KINDS[group.name] for group in groups_of(mistake) if group.name in KINDS), "Samples")
    if scene.get("broken"):
        return f"{kind}, red where a pixel is no number"
    if "differs" in scene and not scene["differs"]:
        return f"{kind}, the very same as the right ones"
    if looks_right(scene):
        return f"{kind}, hardly other than the right ones"
    off = stands_out(scene) or stands_out(scene, A_LITTLE)
    words = [word for name, by in off.items() if (word := (MORE if by > 0 else LESS).get(name))]
    little = "a little " if words and not stands_out(scene) else ""
    said = " and ".join([*dict.fromkeys(words)][:2]) or "other"
    return f"{kind}, {little}{said} than the right ones" if "differs" in scene else kind
