"""What one must know to use a set of weights: a network's card, and how the network is built."""

import json
import reprlib
from dataclasses import dataclass, field, fields, replace
from math import log
from typing import Any, cast, get_args

import torch
from torch import nn

from cdm_tutor.choices import Squares, Stage
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.guidance import CLASSES, ConditionalUNet
from cdm_tutor.noising import Prediction
from cdm_tutor.refiner import ImprovedRefinementNetwork
from cdm_tutor.schedule import BETAS, NoiseSchedule, make_schedule
from cdm_tutor.unet import SimpleUNet

MOST_NOISING_STEPS = 100_000  # the largest T that a card may name
MOST_FACTS = 20_000  # characters that a card may say about the training
MOST_SIDE = 512  # pixels
LARGE = {1: 64, 3: 32}  # sides of grey images and of those in colours, from which on larger squares are folded
MOST_CLASSES = 1000
MOST_SHIFT = 20.0  # of the log-SNR
KNOWN: dict[str, tuple[str, ...]] = {
    "prediction": get_args(Prediction),
    "schedule": tuple(BETAS),
    "stage": get_args(Stage),
    "squares": get_args(Squares),
}  # what a card may name


def shifted(schedule: NoiseSchedule, shift: float) -> NoiseSchedule:
    """A schedule of more noise: `shift` is taken from the log-SNR of each step. Hoogeboom et al. 2023, equation 4."""
    if not shift:
        return schedule
    alpha_bar = torch.sigmoid(schedule.log_snr.double() - shift)
    before = torch.cat([torch.ones(1, dtype=torch.float64), alpha_bar[:-1]])
    return NoiseSchedule.from_betas(1 - alpha_bar / before)


def usual_shift(side: int, channels: int) -> float:
    """What is taken from the log-SNR, so that images are at each step as hard to make out as grey ones of 28 x 28.

    The mean of n numbers that are nearly alike, as those of neighbouring pixels and of the three colours, holds 1 / n
    of their noise's variance: log n is taken away. Of pixels alone, Hoogeboom et al. 2023 (arXiv 2301.11093).
    """
    return max(0.0, log(channels * side**2 / 28**2))


def _whole(value: object, low: int, high: int) -> bool:
    """Whether it is a whole number between two; True is an int of another type."""
    return type(value) is int and low <= value <= high


def _printable(text: object, most: int) -> bool:
    """Whether it is a text of at least one printable character, and not too many."""
    return isinstance(text, str) and 1 <= len(text) <= most and text.isprintable()


def _frozen(value: object) -> object:
    """JSON has no tuples: a list becomes one."""
    return tuple(value) if isinstance(value, list) else value


def _nested(value: object, levels: int) -> bool:
    """Whether lists and objects lie in each other at most so deep."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return levels >= 0 and all(_nested(one, levels - 1) for one in inside)


@dataclass(frozen=True)
class Build:
    """How a network is built, and for which images. The defaults are those of the lessons.

    Attributes:
        side: height and width of the images.
        channels: of the images: 1 for grey, 3 for colours.
        widths: channels of the network at each size, from large to small.
        blocks: residual blocks at each size.
        fold: side of the square of pixels that is folded into channels.
        attention: whether the bottom has self-attention.

    Raises:
        ValueError: if one of these is of another kind or out of range, or the network cannot halve such images.
    """

    side: int = 28
    channels: int = 1
    widths: tuple[int, ...] = (32, 64)
    blocks: tuple[int, ...] = (1, 2)
    fold: int = 2
    attention: bool = True

    def __post_init__(self) -> None:
        self._check("side", _whole(self.side, 4, MOST_SIDE), f"a whole number from 4 to {MOST_SIDE}")
        self._check("channels", self.channels in (1, 3), "1 for grey or 3 for colours")
        few = isinstance(self.widths, tuple) and 1 <= len(self.widths) <= 6
        widths = few and all(_whole(width, 8, 512) and width % 8 == 0 for width in self.widths)
        self._check("widths", widths, "at most six multiples of 8, up to 512")
        several = isinstance(self.blocks, tuple) and len(self.blocks) == len(self.widths)
        blocks = several and all(_whole(count, 1, 8) for count in self.blocks)
        self._check("blocks", blocks, "as many numbers as there are widths, each from 1 to 8")
        self._check("fold", _whole(self.fold, 1, 8), "a whole number from 1 to 8")
        self._check("attention", isinstance(self.attention, bool), "true or false")
        self._check("side", self.side % self.divisor == 0, f"divisible by {self.divisor}, as its network halves it")

    def _check(self, name: str, right: bool, expected: str) -> None:
        if not right:
            raise ValueError(f"expected a network whose {name} is {expected}, got {reprlib.repr(getattr(self, name))}")

    @property
    def divisor(self) -> int:
        """What height and width must be divisible by."""
        return int(self.fold * 2 ** (len(self.widths) - 1))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.channels, self.side, self.side

    @property
    def described(self) -> str:
        """Size and colours of an image."""
        return f"{self.side} x {self.side} in {'grey' if self.channels == 1 else 'colours'}"

    @classmethod
    def parse(cls, described: object) -> "Build":
        """What was read from a file, as JSON gives it.

        Raises:
            ValueError: if it is no object, or has other fields; and as the class.
        """
        if not isinstance(described, dict) or described.keys() - {one.name for one in fields(cls)}:
            raise ValueError(f"expected a network that is an object of known fields, got {reprlib.repr(described)}")
        said: dict[str, Any] = {name: _frozen(value) for name, value in described.items()}
        return cls(**said)


def usual_build(side: int, channels: int, refiner: bool = False, fold: int | None = None) -> Build:
    """How the network for images of that side is built unless it is said.

    A first network folds 2 x 2 pixels, and of large images 4 x 4. Then it halves until a side is 8 or less, but never
    what cannot be halved. Its first size is 32 channels wide, or 64 if a square holds more than 32 numbers: noise
    follows no pattern, so each needs a channel to come through. The others are 64 wide. A refiner folds nothing and has
    two sizes.
    """
    if refiner:
        return replace(USUAL_REFINER, side=side, channels=channels)
    fold = fold or (4 if side >= LARGE[channels] and side % 8 == 0 else 2)
    grid, sizes = side // fold, 1
    while (sizes < 2 or grid > 8) and grid % 2 == 0 and sizes < 6:
        grid, sizes = grid // 2, sizes + 1
    first = 32 if channels * fold**2 <= 32 else 64
    return Build(side, channels, (first, *[64] * (sizes - 1)), (*[1] * (sizes - 1), 2), fold)


USUAL_REFINER = Build(widths=(16, 32), blocks=(1, 1), fold=1, attention=False)


@dataclass(frozen=True)
class ModelCard:
    """What one must know to use a set of weights; kept in the header of their file. It is right or it is not made.

    Attributes:
        data: the data set they were trained on: "mnist", "fashion", or what your own images are called.
        prediction: what the network predicts, "noise" or "v".
        schedule: the schedule's name, "linear" or "cosine".
        T: the number of noising steps, from 1 to 100,000.
        stage: which network they belong to: the "unet", the "refiner", or the "consistency" network, which draws in one
            jump and predicts v.
        training: how they came to be, for people: command, date, steps, images seen.
        classes: whether the network can be told the class; only a "unet" can.
        build: how the network is built, and for which images; None for the usual one of its stage.
        names: of the classes of your own images, if they have any.
        source: where your own images came from.
        squares: how they became squares, "cut" or "pad".
        shift: what is taken from the schedule's log-SNR; None for what the first cards meant by saying nothing.

    Raises:
        ValueError: if one of these is of another kind, unknown or out of range.
    """

    data: str
    prediction: Prediction = "noise"
    schedule: str = "cosine"
    T: int = 1000
    stage: Stage = "unet"
    training: dict[str, Any] = field(default_factory=dict)
    classes: bool = False
    build: Build | None = None
    names: tuple[str, ...] = ()
    source: str = ""
    squares: Squares = "cut"
    shift: float | None = None

    def __post_init__(self) -> None:
        named = _printable(self.data, 100) and not set(self.data) & set("/\\") and self.data[0] != "."
        named = named and (self.data in CLASS_NAMES or self.data.lower() not in CLASS_NAMES)
        self._check("data", named, "the name of a data set")
        self._check("source", self.source == "" or _printable(self.source, 1000), "where images came from")
        named = isinstance(self.names, tuple) and len(self.names) <= MOST_CLASSES
        named = named and all(_printable(name, 100) for name in self.names)
        self._check("names", named, f"those of at most {MOST_CLASSES} classes")
        self._check("names", not (self.names and self.data in CLASS_NAMES), f"left out for {self.data}")
        for name, known in KNOWN.items():
            self._check(name, getattr(self, name) in known, " or ".join(map(repr, known)))
        self._check("T", _whole(self.T, 1, MOST_NOISING_STEPS), f"a whole number from 1 to {MOST_NOISING_STEPS}")
        number = type(self.shift) in (int, float) and 0 <= cast(float, self.shift) <= MOST_SHIFT
        self._check("shift", self.shift is None or number, f"a number from 0 to {MOST_SHIFT:g}")
        told = isinstance(self.classes, bool) and not (self.classes and self.stage != "unet")
        self._check("classes", told, "true or false, and true only for a unet")
        self._check("prediction", self.stage != "consistency" or self.prediction == "v", "v for a consistency network")
        facts = isinstance(self.training, dict) and _nested(self.training, 8)
        few = facts and len(json.dumps(self.training)) <= MOST_FACTS
        self._check("training", few, f"facts, in at most {MOST_FACTS} characters")
        self._check("build", self.build is None or isinstance(self.build, Build), "that of a network")
        detail = (self.built.fold, self.built.blocks, self.built.attention) == (1, (1, 1), False)
        self._check("build", self.stage != "refiner" or detail, "that of a refiner")
        plain = self.built.fold % 2 == 0 and self.built.attention
        self._check(
            "build",
            plain or not self.classes,
            "that of a network that is told classes: with attention, and an even fold",
        )
        self._check("classes", bool(self.class_names) or not self.classes, "false: no class has a name")

    @property
    def own(self) -> bool:
        """Whether it is of your own images: nothing that comes with the package knows them."""
        return self.data not in CLASS_NAMES

    @property
    def built(self) -> Build:
        """How the network is built, and for which images, said or not."""
        return self.build or (USUAL_REFINER if self.stage == "refiner" else Build())

    @property
    def shifted_by(self) -> float:
        """What is taken from the log-SNR, said or not: before cards said it, colours did not count, nor sides to 32."""
        if self.shift is not None:
            return self.shift
        return usual_shift(self.built.side, 1) if self.built.side > 32 else 0.0

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the classes of the images are called, if they have any."""
        return CLASS_NAMES.get(self.data, self.names)

    def _check(self, name: str, right: bool, expected: str) -> None:
        if not right:
            found = reprlib.repr(getattr(self, name))
            raise ValueError(f"expected a model card whose {name} is {expected}, got {found}")

    @classmethod
    def parse(cls, described: object) -> "ModelCard":
        """The card that was read from a file, as JSON gives it; what it leaves out is as in the first cards.

        Raises:
            ValueError: if it is no object, leaves out the data set, or has a field that no card has; and as the card.
        """
        if not isinstance(described, dict):
            raise ValueError(f"expected a model card that is an object, got {reprlib.repr(described)}")
        unknown = described.keys() - {one.name for one in fields(cls)}
        if unknown:
            raise ValueError(f"expected a model card of other fields, got {reprlib.repr(sorted(map(str, unknown)))}")
        if "data" not in described:
            raise ValueError("expected a model card that names its data, got one that does not")
        if described.get("build") is not None:
            described = described | {"build": Build.parse(described["build"])}
        said: dict[str, Any] = described | {"names": _frozen(described.get("names", ()))}
        return cls(**said)

    def check_mends(self, first: "ModelCard") -> None:
        """Raise ValueError if this is the card of a refiner for other images than a first network draws."""
        if self.data != first.data:
            raise ValueError(f"the refiner was trained on {self.data}, the network on {first.data}")
        if self.built.shape != first.built.shape:
            theirs, ours = self.built.described, first.built.described
            raise ValueError(f"the refiner mends images of {theirs}, the network draws images of {ours}")

    def make_network(self) -> SimpleUNet:
        """A fresh network of that stage; channels_last is the faster layout for convolutions on a CPU."""
        build = self.built
        if self.stage == "refiner":
            network: SimpleUNet = ImprovedRefinementNetwork(build.channels, build.widths)
        elif self.classes:
            # to fold 4 x 4 pixels is to fold 2 x 2 of four times as many channels
            network = ConditionalUNet(build.channels * (build.fold // 2) ** 2, build.widths, build.blocks)
            network.fold, network.divisor = build.fold, build.divisor
            if len(self.class_names) != CLASSES:
                network.classes = nn.Embedding(len(self.class_names) + 1, network.time_dim)
                nn.init.zeros_(network.classes.weight)
        else:
            network = SimpleUNet(build.channels, build.widths, build.blocks, build.fold, build.attention)
        return network.to(memory_format=torch.channels_last)

    def make_schedule(self) -> NoiseSchedule:
        """The schedule the network was trained with: for large or coloured images a shifted one."""
        return shifted(make_schedule(self.schedule, self.T), self.shifted_by)
