"""The collage: images side by side, as one image.

Images that are to be compared are best seen in one look. A frame around each keeps them apart.
"""

import torch
from torch import Tensor

WHITE = 1.0


def framed(images: Tensor, width: int) -> Tensor:
    """Put a white frame of that width around each image.

    Args:
        images: (B, C, H, W) in [-1, 1].
        width: of the frame, in pixels; 0 or more.

    Returns:
        (B, C, H + 2 * width, W + 2 * width).
    """
    return torch.nn.functional.pad(images, (width, width, width, width), value=WHITE)


def side_by_side(images: Tensor) -> Tensor:
    """Lay images, (B, C, H, W), in a row, the first at the left.

    Returns:
        (C, H, B * W), one image.
    """
    return images.permute(1, 2, 0, 3).flatten(2)
