"""Pictures from outside: a PNG of any size becomes an image such as a network knows, in [-1, 1]."""

from pathlib import Path
from typing import get_args

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from cdm_tutor.choices import Keep
from cdm_tutor.data import from_pixels

MOST_PIXELS = 50_000_000


def read_picture(path: Path, shape: tuple[int, int, int] = (1, 28, 28), bright_on_black: bool = True) -> Tensor:
    """Read a picture, in colours or grey, of any size, as an image of that shape, (1, C, H, W).

    It is made to fit, with its proportions kept and the rest filled with its background. Digits and clothes are bright
    on black; for them a picture whose border is bright, like ink on paper, is turned round.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no picture, or far too large.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no picture at {path}")
    try:
        with Image.open(path) as file:
            if file.width * file.height > MOST_PIXELS:
                raise ValueError(
                    f"expected a picture of at most {MOST_PIXELS:,} pixels, got {file.width * file.height:,}"
                )
            opaque = Image.new("RGBA", file.size, "white")
            opaque.alpha_composite(file.convert("RGBA"))
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ValueError(f"{path} is no picture that can be read: {error}") from error
    channels, side, _ = shape
    image = opaque.convert("L" if channels == 1 else "RGB")
    if bright_on_black and np.mean(border(image)) > 127:
        image = ImageOps.invert(image)
    fitted = ImageOps.pad(image, (side, side), Image.Resampling.LANCZOS, color=border(image))
    pixels = torch.from_numpy(np.array(fitted)).view(side, side, channels).permute(2, 0, 1)
    return from_pixels(pixels).transpose(0, 1)


def border(image: Image.Image) -> int | tuple[int, ...]:
    """The median of the outermost pixels, in the image's own colours."""
    pixels = np.asarray(image)
    middle = np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]), axis=0).round()
    return int(middle) if middle.ndim == 0 else tuple(int(value) for value in middle)


def half(keep: Keep, side: int = 28) -> Tensor:
    """Which pixels are kept, (1, 1, side, side) bool: those of one half of the picture.

    Raises:
        ValueError: if there is no such half.
    """
    if keep not in get_args(Keep):
        raise ValueError(f"expected to keep {', '.join(get_args(Keep))}, got {keep!r}")
    place = torch.arange(side) < side // 2
    first = place if keep in ("left", "top") else ~place
    return (first if keep in ("left", "right") else first[:, None]).expand(1, 1, side, side).clone()
