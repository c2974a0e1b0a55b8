"""What a set of images looks like, in numbers: range, grain, variety, and what a classifier thinks of it."""

import math
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from cdm_tutor.data import load_sample
from cdm_tutor.metrics import Classifier, load_classifier, nearest_distance

SIDE = 28
MOST_IMAGES = 10_000  # to measure together: each is compared with each
MOST_PIXELS = 50_000_000  # of a picture
EIGHT_BITS = ("1", "L", "LA", "P", "RGB", "RGBA")  # the kinds of PNG that hold bytes
MEASURES = {  # in this order everywhere; grey levels from 0, black, to 1, white
    "black": "the darkest tenth of an image",
    "white": "its brightest hundredth",
    "mean": "its mean grey",
    "spread": "the standard deviation of its greys",
    "fine": "share of fine detail",
    "grain": "grain where it should be flat",
    "variety": "how much the images differ",
    "twin": "distance to the most alike",
    "confidence": "how sure a classifier is",
    "balance": "how evenly it names the classes",
    "nearest": "distance to the nearest real image",
}
FLAT = 0.02  # a smaller standard deviation of greys, and there is no picture
SETS = 32  # of real images, at most, to see what chance does to the measures
TRACES = {"fine": 0.02, "grain": 0.005}  # of these, little is seen already: they count by their logarithm, from here


def comparable(looks: dict[str, float]) -> list[float]:
    """The measures as they are compared, in their order."""
    return [math.log10(looks[name] + TRACES[name]) if name in TRACES else looks[name] for name in MEASURES]


class Measurer:
    """Measures sets of images against one data set, "mnist" or "fashion"."""

    def __init__(self, name: str) -> None:
        self.classifier: Classifier = load_classifier(name)
        real = load_sample(name).x0
        self.real = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(0))]
        self.of_real: dict[int, list[dict[str, float]]] = {}

    @torch.no_grad()
    def measure(self, x0: Tensor, real: Tensor | None = None) -> dict[str, float]:
        """Measure (N, 1, 28, 28) images in [-1, 1]; what lies outside is clipped, as a file would.

        Args:
            x0: the images, all of finite numbers.
            real: what to look for the nearest in; all real images unless given.
        """
        x0 = x0.clamp(-1, 1)
        grey = (x0.flatten(1) + 1) / 2
        probabilities = self.classifier.logits(self.classifier(x0)).softmax(dim=1)
        share = torch.bincount(probabilities.argmax(dim=1), minlength=10) / len(x0)
        apart = torch.cdist(grey, grey) + torch.diag(torch.full((len(grey),), torch.inf))
        numbers = (
            grey.quantile(0.1, dim=1).mean(),
            grey.quantile(0.99, dim=1).mean(),
            grey.mean(),
            grey.std(dim=1).mean(),
            fine_detail(x0),
            grain(x0),
            grey.std(dim=0).mean() if len(x0) > 1 else torch.tensor(0.0),
            apart.amin(dim=1).median() / SIDE if len(x0) > 1 else torch.tensor(0.0),
            probabilities.amax(dim=1).mean(),
            -(share * share.clamp(min=1e-9).log()).sum(),
            torch.tensor(nearest_distance(x0, self.real if real is None else real) / 2),
        )
        return {name: number.item() for name, number in zip(MEASURES, numbers, strict=True)}

    def measure_real(self, n: int) -> dict[str, float]:
        """What as many real images measure, in the mean of a few sets."""
        each = self.measure_real_sets(n)
        return {name: sum(one[name] for one in each) / len(each) for name in MEASURES}

    def measure_real_sets(self, n: int) -> list[dict[str, float]]:
        """What each of a few sets of n real images measures; an image is never its own nearest."""
        if n not in self.of_real:
            sets = [self.real[k * n : (k + 1) * n] for k in range(max(1, min(SETS, 512 // n)))]
            rest = self.real[2000:] if n <= 1000 else self.real[n:]
            self.of_real[n] = [self.measure(x0, rest if len(rest) else None) for x0 in sets]
        return self.of_real[n]


def fine_detail(x0: Tensor) -> Tensor:
    """The share of the images' variance in waves shorter than four pixels."""
    x0 = x0.flatten(0, 1)
    power = torch.fft.fft2(x0 - x0.mean(dim=(1, 2), keepdim=True)).abs() ** 2
    waves = torch.fft.fftfreq(x0.shape[-1]).abs()
    short = torch.maximum(waves[:, None], waves[None]) > 0.25
    return power[:, short].sum() / power.sum().clamp(min=1e-9)


def grain(x0: Tensor) -> Tensor:
    """The standard deviation of greys within the flattest quarter of an image's squares of four by four pixels."""
    squares = F.unfold((x0.flatten(0, 1)[:, None] + 1) / 2, 4, stride=4)
    return squares.std(dim=1).quantile(0.25, dim=1).mean()


def read_images(path: Path) -> Tensor:
    """The images of a PNG, or of all PNGs in a folder: (N, 1, 28, 28) in [-1, 1].

    A PNG is one image of 28 x 28 pixels, or a grid of them, as `cdm-tutor sample` writes it or without gaps, each
    pixel drawn as a square of any whole number.

    Raises:
        FileNotFoundError: if there is no PNG.
        ValueError: if one is no picture, or no such grid, or if there are too many.
    """
    files = [file for file in (sorted(path.glob("*.png")) if path.is_dir() else [path]) if file.is_file()]
    if not files:
        raise FileNotFoundError(f"no PNG at {path}")
    grids: list[Tensor] = []
    for file in files:
        grids.append(read_grid(file))
        if sum(map(len, grids)) > MOST_IMAGES:
            raise ValueError(f"expected at most {MOST_IMAGES:,} images at {path}, got more")
    return torch.cat(grids)


def read_grid(path: Path) -> Tensor:
    """The images of one PNG, as in read_images."""
    pixels = read_pixels(path)
    for zoom in range(max(1, min(pixels.shape) // SIDE), 0, -1):
        small = pixels[::zoom, ::zoom]
        if small.shape[0] * zoom != pixels.shape[0] or small.shape[1] * zoom != pixels.shape[1]:
            continue
        if not torch.equal(small.repeat_interleave(zoom, 0).repeat_interleave(zoom, 1), pixels):
            continue
        for gap in (2, 0):
            if all(side > gap and (side - gap) % (SIDE + gap) == 0 for side in small.shape):
                return _cut(small, gap)
    raise ValueError(
        f"{path} is {pixels.shape[1]} x {pixels.shape[0]} pixels: expected images of 28 x 28, or a grid of them as "
        "cdm-tutor sample writes it"
    )


def read_pixels(path: Path) -> Tensor:
    """The greys of a PNG, (H, W) bytes; its size is looked at before its pixels.

    Raises:
        ValueError: if it is no PNG that can be read, or too large, moves, or holds more than bytes.
    """
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=["PNG"]) as file:
            if file.width * file.height > MOST_PIXELS:
                raise ValueError(f"expected at most {MOST_PIXELS:,} pixels, got {file.width} x {file.height}")
            if getattr(file, "is_animated", False):
                raise ValueError("expected one picture, got an animation")
            if file.mode not in EIGHT_BITS:
                raise ValueError(f"expected pixels of 8 bits, got mode {file.mode}")
            return torch.from_numpy(np.array(file.convert("L")))
    except Exception as error:  # Pillow raises half a dozen kinds for damaged files
        raise ValueError(f"{path} is no picture that can be read: {error}") from error


def _cut(pixels: Tensor, gap: int) -> Tensor:
    """A grid's tiles, in rows; black ones that only fill up the last row are left out."""
    tiles = pixels[gap:, gap:].unfold(0, SIDE, SIDE + gap).unfold(1, SIDE, SIDE + gap)
    columns = tiles.shape[1]
    tiles = tiles.reshape(-1, SIDE, SIDE)
    filled = tiles.flatten(1).amax(dim=1) > 0
    if filled.any():
        last = int(filled.nonzero().max())
        tiles = tiles[: max(last + 1, len(tiles) - columns + 1)]
    return tiles[:, None].float() / 127.5 - 1
