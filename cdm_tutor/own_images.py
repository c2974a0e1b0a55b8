"""Your own images: a folder of pictures, a file of arrays, or a data set that torchvision knows, as numbers.

Pictures come in all sizes, colours and formats; a network wants squares of one size, grey or in colours. What cannot be
read is named and passed over.
"""

import math
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from cdm_tutor.card import ModelCard, usual_build, usual_shift
from cdm_tutor.choices import Squares
from cdm_tutor.data import CLASS_NAMES, Images
from cdm_tutor.pictures import border
from cdm_tutor.settings import TrainSettings

FORMATS = {".png", ".jpg", ".jpeg", ".webp", ".gif"}
USUAL_SIDES = (8, 16, 24, 28, 32, 48, 64)  # what fits is the largest of them that is no larger than most pictures
MOST_PIXELS = 200_000_000  # of a picture
MOST_BYTES = 4_000_000_000  # of all images as numbers
STEPS_A_MINUTE = 200  # of training, very roughly: it depends on the images and the machine
OFTEN = 100  # times that an image is seen, and more: a network of ours begins to know it by heart
COLOURED = 24  # of 255: how far the channels of a grey picture may be apart, after JPEG
FIRST_ARRAYS = ("images", "x", "x_train", "train_images", "arr_0")  # what files of arrays call their images
LABEL_ARRAYS = ("labels", "y", "y_train", "train_labels", "arr_1")
TORCHVISION: dict[str, tuple[str, dict[str, Any]]] = {  # our name: theirs, and what they want to know
    "kmnist": ("KMNIST", {"train": True}),
    "emnist": ("EMNIST", {"train": True, "split": "balanced"}),
    "cifar10": ("CIFAR10", {"train": True}),
    "cifar100": ("CIFAR100", {"train": True}),
    "svhn": ("SVHN", {"split": "train"}),
    "usps": ("USPS", {"train": True}),
}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What the images are to become.

    Attributes:
        side: height and width; None for what fits.
        colour: whether in colours; None for as they are.
        squares: how they become squares: "cut" takes the middle, "pad" fills up with the colour of the border.
    """

    side: int | None = None
    colour: bool | None = None
    squares: Squares = "cut"


@dataclass
class Found:
    """The pictures of a folder.

    Attributes:
        files: in order, class after class.
        labels: of each file.
        names: of the classes; none where the pictures lie in the folder itself.
        left: what was passed over, and why.
    """

    files: list[Path] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    names: tuple[str, ...] = ()
    left: list[str] = field(default_factory=list)


def read_own(
    place: str,
    wanted: Wanted,
    folder: Path | None = None,
    download: bool = False,
    tell: Tell = print,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Images:
    """Training images from what somebody names.

    Args:
        place: a folder of pictures, a file of arrays (.npz), or a name that torchvision knows.
        wanted: what the images are to become.
        folder: where torchvision's files are; None for data/.
        download: fetch torchvision's files first.
        tell: gets lines on what was found and passed over.
        advance: is told how many pictures are read, and of how many.

    Raises:
        ValueError, OSError: if there is nothing of that name, or no image in it.
    """
    path = Path(place).expanduser()
    if place.lower() in TORCHVISION and not path.is_dir():
        images = read_torchvision(place.lower(), folder or Path("data"), download)
    elif path.is_dir():
        return read_folder(path, wanted, tell, advance)
    elif path.suffix == ".npz" and path.is_file():
        images = read_arrays(path)
    else:
        known = ", ".join([*CLASS_NAMES, *TORCHVISION])
        raise ValueError(f"found no folder of images {place!r}, and no data set of that name: there are {known}")
    return fitted(images, wanted, tell, advance)


def read_folder(folder: Path, wanted: Wanted, tell: Tell, advance: Callable[[int, int], None]) -> Images:
    """The pictures of a folder; its sub-folders are classes.

    Raises:
        ValueError: if none can be read, there is only one, or they would fill the memory.
        OSError: if the folder cannot be read.
    """
    found = find_pictures(folder)
    sides = [min(size) for size in map(size_of, found.files) if size]
    if len(sides) < 2:
        what = "no image" if not sides else "only one image"
        reasons = f" ({found.left[0]})" if found.left else ""
        raise ValueError(f"found {what} in {folder}: expected {', '.join(sorted(FORMATS))} files{reasons}")
    side = wanted.side or side_that_fits(sides)
    check_memory(len(sides), side, 3)
    pictures, labels = [], []
    for number, (file, label) in enumerate(zip(found.files, found.labels, strict=True)):
        advance(number + 1, len(found.files))
        try:
            pictures.append(read_square(file, side, wanted.squares))
            labels.append(label)
        except Exception as error:  # Pillow raises half a dozen kinds for broken files
            found.left.append(f"{file.relative_to(folder)}: {' '.join(str(error).split())}")
    report_left(found.left, tell)
    if len(pictures) < 2:
        raise ValueError(
            f"found {len(pictures)} images in {folder} that can be read, and {len(found.left)} that cannot"
        )
    x0 = in_colours_or_grey(torch.from_numpy(np.stack(pictures)), wanted.colour)
    tell(f"Read {described(x0, found.names)} from {folder}.")
    return Images(x0, torch.tensor(labels), found.names, name_of(str(folder.resolve())))


def find_pictures(folder: Path) -> Found:
    """The pictures of a folder, or of its sub-folders, each of which is a class; links that lead round are cut."""
    own = list(pictures_below(folder, deep=False))
    below = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    classes = [(each.name, list(pictures_below(each))) for each in below]
    classes = [(name, files) for name, files in classes if files]
    found = Found()
    if not classes:
        return Found(own, [0] * len(own))
    for label, (_, files) in enumerate(classes):
        found.files += files
        found.labels += [label] * len(files)
    found.names = tuple("".join(c if c.isprintable() else "?" for c in name)[:100] for name, _ in classes)
    found.left += [f"{file.name}: it lies beside the classes' folders" for file in own]
    return found


def pictures_below(folder: Path, deep: bool = True) -> Iterator[Path]:
    """Files whose names end as those of pictures do, sorted; each folder is looked into once, none above it."""
    seen = {str(above) for above in folder.resolve().parents}
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_raise):
        real = os.path.realpath(here)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if deep and real not in seen else []
        if real not in seen:
            seen.add(real)
            pictures = (Path(here) / name for name in sorted(files) if not name.startswith("."))
            yield from (path for path in pictures if path.suffix.lower() in FORMATS)


def _raise(error: OSError) -> None:
    raise error


def size_of(file: Path) -> tuple[int, int] | None:
    """Width and height, from the first bytes of a file; None if it is no picture."""
    try:
        with quiet(), Image.open(file) as image:
            return image.size
    except Exception:  # as when it is read
        return None


def side_that_fits(sides: list[int]) -> int:
    """The usual side nearest below that of the middle picture."""
    return max((side for side in USUAL_SIDES if side <= median(sides)), default=USUAL_SIDES[0])


def check_memory(n: int, side: int, channels: int) -> None:
    """Raise ValueError if so many images would not fit."""
    needed = 4 * n * channels * side**2
    if needed > MOST_BYTES:
        smaller = max(8, 4 * math.floor((MOST_BYTES / (4 * n * channels)) ** 0.5 / 4))
        raise ValueError(f"{n} images of {side} x {side} take {needed / 1e9:.1f} GB of memory: try --size {smaller}")


def read_square(file: Path, side: int, squares: Squares) -> np.ndarray:
    """One picture as (side, side, 3) bytes."""
    with quiet(), Image.open(file) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} x {image.height} pixels are too many")
        image.draft("RGB", (2 * side, 2 * side))  # a JPEG can be read smaller than it is
        return np.asarray(to_square(ImageOps.exif_transpose(opaque(image, side)), side, squares))


def opaque(image: Image.Image, side: int) -> Image.Image:
    """A picture of any mode in red, green and blue, on white where it is transparent."""
    if image.mode.startswith(("I", "F")):  # 16 bits
        numbers = np.asarray(image)
        eight = (numbers.astype(np.float32) / 257).round().clip(0, 255).astype(np.uint8)
        return _with_exif(Image.fromarray(eight).convert("RGB"), image)
    transparent = image.has_transparency_data
    colours = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGBA" if transparent else "RGB")
    factor = max(1, min(image.size) // (4 * side))
    if factor > 1:
        colours = colours.reduce(factor)
    if transparent:
        sheet = Image.new("RGBA", colours.size, "white")
        sheet.alpha_composite(colours.convert("RGBA"))
        colours = sheet
    return _with_exif(colours.convert("RGB"), image)


def _with_exif(changed: Image.Image, image: Image.Image) -> Image.Image:
    """The same, with what the camera wrote: which side is up."""
    changed.info["exif"] = image.getexif().tobytes()
    return changed


def to_square(image: Image.Image, side: int, squares: Squares) -> Image.Image:
    """Cut or filled up to a square of that side."""
    if squares == "cut":
        return ImageOps.fit(image, (side, side), Image.Resampling.LANCZOS)
    return ImageOps.pad(image, (side, side), Image.Resampling.LANCZOS, color=border(image))


def in_colours_or_grey(pixels: Tensor, colour: bool | None) -> Tensor:
    """(N, S, S, 3) bytes to (N, C, S, S) float32 in [-1, 1]; grey if it is wanted, or if no picture has colours."""
    apart = pixels.amax(dim=3).int() - pixels.amin(dim=3)
    grey = not colour if colour is not None else bool((apart <= COLOURED).all())
    if grey and int(apart.max()) > 0:  # the weights of ITU-R 601, as Pillow's
        pixels = (pixels.float() @ torch.tensor([0.299, 0.587, 0.114])).round()[..., None]
    elif grey:
        pixels = pixels[..., :1]
    return pixels.permute(0, 3, 1, 2).float().contiguous() / 127.5 - 1


def read_arrays(path: Path) -> Images:
    """A file of numpy arrays: bytes, (N, H, W) or (N, H, W, 3), and perhaps labels; as (N, C, H, W).

    Raises:
        ValueError: if there are no such arrays in it.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            named = {name: arrays[name] for name in arrays.files}
    except Exception as error:  # numpy and zipfile raise half a dozen kinds for damaged files
        raise ValueError(f"{path} is no file of arrays that can be read: {error}") from error
    pixels = next((named[name] for name in FIRST_ARRAYS if name in named), None)
    labels = next((named[name] for name in LABEL_ARRAYS if name in named), None)
    right = pixels is not None and pixels.dtype == np.uint8 and (pixels.ndim == 3 or pixels.shape[3:] in ((1,), (3,)))
    if pixels is None or not right or len(pixels) < 2:
        raise ValueError(f"expected {path} to hold bytes, (N, H, W) or (N, H, W, 3), called {FIRST_ARRAYS[0]}")
    if labels is not None and (labels.shape != (len(pixels),) or labels.dtype.kind not in "iu" or labels.min() < 0):
        raise ValueError(f"expected {path} to hold a label from 0 for each of {len(pixels)} images")
    names = () if labels is None else tuple(map(str, range(int(labels.max()) + 1)))
    told = torch.zeros(len(pixels), dtype=torch.int64) if labels is None else torch.from_numpy(labels.astype(np.int64))
    return Images(_from_arrays(torch.from_numpy(pixels)), told, names, name_of(str(path.resolve())))


def read_torchvision(name: str, folder: Path, download: bool) -> Images:
    """A data set that torchvision knows, as it lays it out.

    Raises:
        ValueError, FileNotFoundError: if it is not there or damaged.
    """
    from torchvision import datasets

    kind, asked = TORCHVISION[name]
    try:
        found = getattr(datasets, kind)(folder, download=download, **asked)
    except Exception as error:  # torchvision raises half a dozen kinds for damaged files, and as many for lost networks
        raise FileNotFoundError(f"no {name} in {folder} (--data full downloads it): {error}") from error
    pixels = torch.as_tensor(found.data)
    if name == "svhn":
        pixels = pixels.permute(0, 2, 3, 1)
    if name == "emnist":  # its files hold each letter on its side
        pixels = pixels.transpose(1, 2)
    labels = torch.as_tensor(found.labels if name == "svhn" else found.targets).long()
    names = getattr(found, "classes", None) or [str(label) for label in range(int(labels.max()) + 1)]
    return Images(_from_arrays(pixels), labels, tuple(names), name)


def _from_arrays(pixels: Tensor) -> Tensor:
    """(N, H, W) or (N, H, W, C) bytes as (N, H, W, 3)."""
    return (pixels if pixels.ndim == 4 else pixels[..., None]).expand(-1, -1, -1, 3)


def fitted(images: Images, wanted: Wanted, tell: Tell, advance: Callable[[int, int], None]) -> Images:
    """Images that are still bytes, (N, H, W, 3), made squares of one size; in [-1, 1]."""
    n, height, width, _ = images.x0.shape
    side = wanted.side or side_that_fits([min(height, width)])
    check_memory(n, side, 3)
    pixels = images.x0
    if (height, width) != (side, side):
        squares = []
        for number, each in enumerate(pixels.numpy()):
            advance(number + 1, n)
            squares.append(np.asarray(to_square(Image.fromarray(each), side, wanted.squares)))
        pixels = torch.from_numpy(np.stack(squares))
    x0 = in_colours_or_grey(pixels, wanted.colour)
    tell(f"Read {described(x0, images.names)} of {images.name}.")
    return Images(x0, images.labels, images.names, images.name)


def described(x0: Tensor, names: tuple[str, ...]) -> str:
    """How many images, and of what kind."""
    n, channels, side, _ = x0.shape
    of = f" in {len(names)} classes" if names else ""
    return f"{n} {'grey' if channels == 1 else 'colour'} images of {side} x {side}{of}"


def card_of(
    images: Images,
    place: str,
    card: ModelCard,
    squares: Squares,
    classes: bool = False,
    widths: str | None = None,
    blocks: str | None = None,
    fold: int | None = None,
) -> ModelCard:
    """The card of a network for these images; it is built as the rule says, or as it is typed: "48,96", "1,2" and 4.

    Raises:
        ValueError: if no such network can be built.
    """
    if fold and card.stage == "refiner":
        raise ValueError("a refiner folds nothing: leave --fold out")
    build = usual_build(images.x0.shape[2], images.x0.shape[1], card.stage == "refiner", fold)
    if widths:
        wide = numbers(widths, "widths")
        build = replace(build, widths=wide, blocks=(*[1] * (len(wide) - 1), build.blocks[-1]))
    if blocks:
        build = replace(build, blocks=numbers(blocks, "blocks"))
    if (held := build.channels * build.fold**2) > build.widths[0]:
        print(f"Its squares hold {held} numbers, but its first size has only {build.widths[0]} channels for them:")
        print("expect grainy samples. Wider: --widths. Smaller squares: --fold 2.")
    if not images.name:
        return replace(card, classes=classes, build=build if widths or blocks or fold else None)
    source = images.name if images.name in TORCHVISION else str(Path(place).expanduser().resolve())
    shift = usual_shift(build.side, build.channels)
    card = replace(card, data=images.name, names=images.names, source=source, squares=squares)
    return replace(card, classes=classes, build=build, shift=shift)


def numbers(text: str, name: str) -> tuple[int, ...]:
    """Whole numbers with commas between them."""
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError:
        raise ValueError(f"expected --{name} to be whole numbers with commas between them, got {text!r}") from None


def warning_of_copies(n: int, settings: TrainSettings) -> str:
    """What to expect of few images and a long training; "" where there is nothing to fear."""
    steps = settings.steps or (settings.minutes or 0) * STEPS_A_MINUTE
    times = round(steps * settings.batch / n)
    if times < OFTEN:
        return ""
    return (
        f"These are only {n} images, and each will be seen about {times:,} times: the network learns them by heart, "
        "and draws copies. More images help, or fewer minutes; cdm-tutor evaluate says how near it comes to copying.\n"
    )


def report_left(left: list[str], tell: Tell) -> None:
    """Name what was passed over; not all of many."""
    for reason in left[:5]:
        tell(f"Passed over {reason}")
    if len(left) > 5:
        tell(f"Passed over {len(left) - 5} more.")


def name_of(place: str) -> str:
    """What images from there are called: as the data set, or as the folder; "own-" keeps it apart from ours."""
    if place in CLASS_NAMES or place.lower() in TORCHVISION:
        return place.lower()
    path = Path(place).expanduser().resolve()
    last = path.stem if path.suffix == ".npz" else path.name
    name = "".join(c if c.isprintable() and c not in "/\\" else "?" for c in last).lstrip(".")[:90]
    return f"own-{name}" if name.lower() in CLASS_NAMES or not name else name


class quiet(warnings.catch_warnings):
    """While it lasts, Pillow does not warn of large pictures: we have a limit of our own."""

    def __enter__(self) -> None:
        super().__enter__()
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
