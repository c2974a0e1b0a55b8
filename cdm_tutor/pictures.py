"""Pictures from outside: a PNG of any size becomes an image such as the networks know, 28 x 28 in [-1, 1]."""

from pathlib import Path
from typing import get_args

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from cdm_tutor.choices import Keep
from cdm_tutor.data import from_pixels

SIDE = 28
MOST_PIXELS = 50_000_000


def read_picture(path: Path) -> Tensor:
    """Read a picture, in colours or grey, of any size: (1, 1, 28, 28).

    It is made to fit, with its proportions kept and the rest filled with its background. Digits and clothes are bright
    on black; a picture whose border is bright, like ink on paper, is turned round.

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
    grey = opaque.convert("L")
    if border(np.array(grey)) > 127:
        grey = ImageOps.invert(grey)
    background = round(border(np.array(grey)))
    fitted = ImageOps.pad(grey, (SIDE, SIDE), Image.Resampling.LANCZOS, color=background)
    return from_pixels(torch.from_numpy(np.array(fitted))[None])


def border(pixels: np.ndarray) -> float:
    """The median of the outermost pixels."""
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))


def half(keep: Keep) -> Tensor:
    """Which pixels are kept, (1, 1, 28, 28) bool: those of one half of the picture.

    Raises:
        ValueError: if there is no such half.
    """
    if keep not in get_args(Keep):
        raise ValueError(f"expected to keep {', '.join(get_args(Keep))}, got {keep!r}")
    place = torch.arange(SIDE) < SIDE // 2
    first = place if keep in ("left", "top") else ~place
    return (first if keep in ("left", "right") else first[:, None]).expand(1, 1, SIDE, SIDE).clone()
