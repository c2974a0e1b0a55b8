"""MNIST and Fashion-MNIST: a real sample that comes with the package, or the full sets.

This is the border at which pixels become numbers: files hold 0 to 255, everything inside the package
is float32 in [-1, 1], shape (N, 1, 28, 28).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cdm_tutor.choices import Source

ASSETS = Path(__file__).parent / "assets"
SAMPLES_PER_CLASS = 1000  # in the embedded sheets, class after class

FILES = tuple(f"{half}-{part}-ubyte" for half in ("train", "t10k") for part in ("images-idx3", "labels-idx1"))

MOST_BYTES = 50_000_000  # of a file; the largest has 47,040,016

CLASS_NAMES = {
    "mnist": tuple("0123456789"),
    "fashion": ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"),
}


@dataclass(frozen=True)
class Images:
    """Images and what they show.

    Attributes:
        x0: (N, 1, 28, 28) float32 in [-1, 1]; your own may be of three channels and another size.
        labels: (N,) int64, the class of each from 0; all 0 where there are no classes.
        names: of the classes of your own images.
        name: what your own images are called.
    """

    x0: Tensor
    labels: Tensor
    names: tuple[str, ...] = ()
    name: str = ""

    def __len__(self) -> int:
        return len(self.x0)


def load_images(name: str, source: Source, folder: Path | None = None) -> Images:
    """Training images: the sample, the full set, downloaded once to the folder data, or the full set from a folder.

    Raises:
        ValueError, FileNotFoundError: as load_full.
    """
    if folder:
        return load_full(name, folder)
    return load_full(name, "data", download=True) if source == "full" else load_sample(name)


def load_sample(name: str) -> Images:
    """The 10,000 training images that come with the package: the first 1,000 of each class.

    Args:
        name: "mnist" or "fashion".

    Raises:
        ValueError: if there is no data set of that name.
    """
    check_name(name)
    with Image.open(ASSETS / f"{name}.png") as sheet_file:
        sheet = torch.from_numpy(np.array(sheet_file))
    pixels = sheet.unflatten(0, (-1, 28)).unflatten(2, (-1, 28)).transpose(1, 2).reshape(-1, 28, 28)
    labels = torch.arange(len(pixels)) // SAMPLES_PER_CLASS
    return Images(from_pixels(pixels), labels)


def load_full(name: str, folder: str | Path, *, train: bool = True, download: bool = False) -> Images:
    """The full data set, 60,000 training or 10,000 test images, from torchvision's folder layout.

    Args:
        name: "mnist" or "fashion".
        folder: holds MNIST/raw or FashionMNIST/raw.
        train: the training half, or the test half.
        download: fetch what is missing from the folder first.

    Raises:
        ValueError: if there is no data set of that name, or a file is damaged.
        FileNotFoundError: if the folder does not hold all four files.
    """
    from torchvision import datasets

    check_name(name)
    kind = {"mnist": datasets.MNIST, "fashion": datasets.FashionMNIST}[name]
    raw = Path(folder) / kind.__name__ / "raw"
    missing = [file for file in FILES if not (raw / file).is_file()]
    if missing and not download:
        what = "no" if len(missing) == len(FILES) else "incomplete"
        raise FileNotFoundError(
            f"{what} {name} images in {raw}: missing {', '.join(missing)} (--data full downloads them)"
        )
    for file in sorted(set(FILES) - set(missing)):
        if (raw / file).stat().st_size > MOST_BYTES:
            raise ValueError(f"damaged {name} file in {raw}: {file} is larger than any of the set")
    try:
        found = kind(folder, train=train, download=download)
    except Exception as error:  # torchvision raises half a dozen kinds for damaged files, and as many for lost networks
        if missing:
            raise FileNotFoundError(f"could not download {name} to {raw}: {error}") from error
        raise ValueError(f"damaged {name} file in {raw}: {error} (delete the folder and use --data full)") from error
    expected = 60000 if train else 10000
    if found.data.shape != (expected, 28, 28) or found.targets.shape != (expected,):
        raise ValueError(f"damaged {name} files in {raw}: expected {expected} images, got {tuple(found.data.shape)}")
    if not 0 <= found.targets.min() <= found.targets.max() < len(CLASS_NAMES[name]):
        raise ValueError(f"damaged {name} files in {raw}: expected labels from 0 to {len(CLASS_NAMES[name]) - 1}")
    return Images(from_pixels(found.data), found.targets.long())


def check_name(name: str) -> None:
    """Raise ValueError unless `name` is a data set we know."""
    if name not in CLASS_NAMES:
        raise ValueError(f"unknown data set {name!r}: expected one of {', '.join(CLASS_NAMES)}")


def find_classes(text: str, name: str, class_names: tuple[str, ...] = ()) -> tuple[int, ...]:
    """The labels of classes that somebody names, by number or name, with commas between them; "all" for all.

    Args:
        text: what somebody typed.
        name: of the data set.
        class_names: of its classes; none for those of the package.

    Raises:
        ValueError: if one is no class of the data set.
    """
    class_names = class_names or CLASS_NAMES[name]
    names = [each.lower() for each in class_names]
    wanted = [each.strip().lower() for each in text.split(",")] if text.strip().lower() != "all" else names
    known = {each: label for label, each in enumerate(names)} | {str(label): label for label in range(len(names))}
    for each in wanted:
        if each not in known:
            all_names = ", ".join(class_names)
            numbers = f", or 0 to {len(names) - 1}" if name != "mnist" else ""
            raise ValueError(f"there is no class {each!r} in {name}: expected all, or some of {all_names}{numbers}")
    return tuple(known[each] for each in wanted)


def check_images(x0: Tensor, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless these are images of that shape, (C, H, W), with numbers in [-1, 1]."""
    if x0.shape[1:] != shape:
        raise ValueError(f"expected images of shape {shape}, got {tuple(x0.shape[1:])}")
    low, high = (round(bound.item(), 3) for bound in x0.aminmax())
    cure = ""
    if low >= 0 and high > 1:
        cure = ": pixels of 0 to 255 are divided by 127.5, then 1 is taken off"
    if low == 0 and 0 < high <= 1:
        cure = ": of numbers from 0 to 1, take twice as much and 1 off"
    if cure or not (low >= -1 and high <= 1):
        raise ValueError(f"expected images in [-1, 1], got numbers from {low:g} to {high:g}{cure}")


def from_pixels(pixels: Tensor) -> Tensor:
    """(N, 28, 28) bytes, 0 to 255, to (N, 1, 28, 28) float32 in [-1, 1]."""
    return pixels[:, None].float() / 127.5 - 1
