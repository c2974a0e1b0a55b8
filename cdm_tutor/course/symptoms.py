"""All known mistakes by what one sees. A mistake may be in several groups; of those that images show it is in one.

The groups were made by looking at what workshop/clinic/make.py had drawn. A mistake's record names its own.
"""

from dataclasses import dataclass

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import all_mistakes

HEALTHY, EMPTY, SCRIBBLES = "looks-healthy", "empty", "scribbles"


@dataclass(frozen=True)
class Group:
    """A symptom.

    Attributes:
        name: short; also its place on the site, clinic.html#name.
        title: what one sees, in a few words.
        look: how to tell it from the others.
        typical: the name of the mistake that shows it best; it stands first.
        in_images: whether a set of images is enough to tell.
    """

    name: str
    title: str
    look: str
    typical: str
    in_images: bool = False


def find_group(name: str) -> Group:
    """The group of that name."""
    return next(group for group in GROUPS if group.name == name)


def groups_of(mistake: Mistake) -> list[Group]:
    """The groups that a mistake is in."""
    return [group for group in GROUPS if group.name in mistake.symptoms]


def mistakes_with(group: Group) -> list[Mistake]:
    """The mistakes in a group: the typical one first, then in the order of the lessons."""
    members = [mistake for _, mistake in all_mistakes().values() if group.name in mistake.symptoms]
    return sorted(members, key=lambda mistake: mistake.name != group.typical)


GROUPS: tuple[Group, ...] = (
    Group(
        "noise",
        "Nothing but noise",
        "Grain, specks or a fine pattern, and no stroke anywhere. Is the loss fine? Then look at the averaged "
        "weights, and at what the sampler takes the answer for.",
        typical="ema-without-warm-up",
        in_images=True,
    ),
    Group(
        "grain",
        "Digits under grain",
        "The digits are there, and readable, but specks lie over them and over the ground.",
        typical="variance-of-the-stride",
        in_images=True,
    ),
    Group(
        "shreds",
        "Torn to shreds and specks",
        "Pieces of strokes among specks; a digit can be guessed at best.",
        typical="prediction-ignored",
        in_images=True,
    ),
    Group(
        "bold",
        "Bold and tangled",
        "Clean white strokes, but too many and too fat: knots and filled loops.",
        typical="spacing-leads",
        in_images=True,
    ),
    Group(
        "grey",
        "Grey: fog, or a ground that is not black",
        "What should be black is grey, all over, with or without flecks in it.",
        typical="clipped-at-black-grey",
        in_images=True,
    ),
    Group(
        "blotches",
        "White or pale blotches",
        "Large bright patches instead of strokes, or nothing but white.",
        typical="always-predicts-noise",
        in_images=True,
    ),
    Group(
        "alike",
        "All alike",
        "One image for every noise, or hardly anything but ones and nines.",
        typical="no-fresh-noise",
        in_images=True,
    ),
    Group(
        "empty",
        "Empty, or NaN",
        "Flat images of a single grey, nearly black ones, or numbers that are none: then the pictures are black.",
        typical="nan-into-the-weights",
        in_images=True,
    ),
    Group(
        "scribbles",
        "Strokes, but no digits",
        "Clean strokes that do not make digits. First of all: was it trained for long enough? Ten minutes "
        "make digits. If it was, or if the weights are the package's, something keeps the parts from finding "
        "together.",
        typical="unet-middle-skipped",
        in_images=True,
    ),
    Group(
        "looks-healthy",
        "Nothing wrong to see",
        "Digits like real ones, all different, on black. A mistake may still be there: of these here nothing "
        "shows, neither in the samples nor in the loss, but the tests see it.",
        typical="linear-in-float32",
        in_images=True,
    ),
    Group(
        "plain",
        "Clean, but not what they should be",
        "By themselves the samples look fine. Beside right ones from the same noise they are plainer, "
        "thinner, harder, coarser, or other digits.",
        typical="variance-as-spread",
    ),
    Group(
        "few-steps",
        "Slightly worse with few steps",
        "Coarser or less clean than so few steps can give, or a grain too fine to see; nothing wrong with many.",
        typical="never-corrected",
    ),
    Group(
        "refining",
        "Refined, and no better",
        "The first network's faults are still there after refining, or the images are softer, or a veil lies "
        "over them.",
        typical="refined-never-used",
    ),
    Group(
        "other-class",
        "Not the class that was asked for",
        "The digits may be fine, but they are of any class, or of another than was asked for.",
        typical="class-ignored",
    ),
    Group(
        "seam",
        "Completed, and it does not fit",
        "The drawn part and the known part of a picture are two pictures, or what was known comes back changed.",
        typical="complete-known-only-at-the-end",
    ),
    Group(
        "unlike-sketch",
        "From a sketch, and not like it",
        "What is drawn from a sketch has nothing to do with it, or is no better than it.",
        typical="sketch-ignored",
    ),
    Group(
        "elsewhere",
        "Fine from nothing, wrong with other weights",
        "A network trained with the mistake is as good as any. One with weights trained without it, the "
        "package's for instance, is not.",
        typical="embedding-sines-first",
    ),
    Group(
        "same-seed",
        "The same seed, other images",
        "What should come out the same a second time does not.",
        typical="generator-not-used",
    ),
    Group(
        "error",
        "It stops with an error",
        "The error is in the entry, word for word.",
        typical="zeroed-gives-nothing",
    ),
    Group(
        "loss-stays",
        "The loss stays high",
        "It never falls, or stops falling early and ends above where it should.",
        typical="optimizer-never-steps",
    ),
    Group(
        "loss-jumps",
        "The loss jumps, or is far too large",
        "Spikes, leaps from step to step, waves, NaN, or a number in the hundreds.",
        typical="one-t-for-all",
    ),
    Group(
        "loss-low",
        "The loss is lower than it should be",
        "Lower than a right training ever gets, and the samples do not follow.",
        typical="same-noise-every-step",
    ),
    Group(
        "slow",
        "Right, but slow, or without an end",
        "The pictures are right, but it takes longer or more memory than it should.",
        typical="step-not-counted",
    ),
    Group(
        "processes",
        "Fine on one process, wrong on two",
        "Try one process: if that is right, look here.",
        typical="bare-network-called",
    ),
    Group(
        "stopped",
        "Fine until it was stopped and resumed",
        "A training that was never stopped is right.",
        typical="optimizer-not-restored",
    ),
)
