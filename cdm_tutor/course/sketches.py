"""Scrawls of digits and clothes, drawn by a few lines: pictures to begin from."""

from itertools import pairwise

import torch
from torch import Tensor

SIDE = 28
ROW, COLUMN = torch.meshgrid(torch.arange(float(SIDE)), torch.arange(float(SIDE)), indexing="ij")
Point = tuple[float, float]  # row and column

# of each digit and piece of clothing, the corners of its strokes
DIGITS: dict[str, tuple[tuple[Point, ...], ...]] = {
    "0": (((5, 14), (9, 8), (18, 8), (23, 14), (18, 20), (9, 20), (5, 14)),),
    "2": (((8, 8), (5, 14), (9, 19), (22, 8), (22, 20)),),
    "3": (((6, 9), (6, 18), (13, 12), (17, 19), (22, 14), (22, 8)),),
    "4": (((5, 11), (14, 8), (14, 20)), ((6, 18), (23, 16))),
    "5": (((6, 19), (6, 10), (12, 10), (15, 19), (22, 15), (22, 8)),),
    "7": (((6, 8), (6, 20), (23, 12)),),
    "8": (((6, 14), (10, 9), (18, 19), (23, 14), (18, 9), (10, 19), (6, 14)),),
    "9": (((13, 19), (6, 16), (8, 9), (13, 10), (13, 19), (23, 17)),),
}
CLOTHES: dict[str, tuple[Point, ...]] = {  # and their grey
    "shirt": ((4, 8), (4, 20), (13, 26), (16, 23), (12, 20), (24, 20), (24, 8), (12, 8), (16, 5), (13, 2)),
    "trousers": ((2, 9), (2, 19), (26, 20), (26, 16), (9, 14), (26, 12), (26, 8)),
    "dress": ((2, 11), (2, 17), (12, 16), (26, 20), (26, 8), (12, 12)),
    "boot": ((4, 14), (4, 23), (23, 24), (23, 3), (18, 3), (15, 12)),
}
CLOTH = 0.4  # the grey of all clothes


def sketched(*strokes: tuple[Point, ...], width: float = 1.5) -> Tensor:
    """White strokes on black, (1, 28, 28) in [-1, 1]; each goes straight from corner to corner."""
    far = torch.full((SIDE, SIDE), float(SIDE))
    for stroke in strokes:
        for (y, x), (to_y, to_x) in pairwise(stroke):
            dy, dx = to_y - y, to_x - x
            along = (((ROW - y) * dy + (COLUMN - x) * dx) / (dy**2 + dx**2)).clamp(0, 1)
            far = torch.minimum(far, torch.hypot(ROW - y - along * dy, COLUMN - x - along * dx))
    return ((width + 0.5 - far).clamp(0, 1) * 2 - 1)[None]


def filled(corners: tuple[Point, ...], grey: float = CLOTH) -> Tensor:
    """A flat shape of one grey on black, (1, 28, 28) in [-1, 1]."""
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    for (y, x), (to_y, to_x) in pairwise((*corners, corners[0])):
        if y != to_y:  # a pixel is inside if to its left there is an odd number of edges
            edge = x + (to_x - x) * (ROW - y) / (to_y - y)
            inside ^= (ROW.lt(y) != ROW.lt(to_y)) & COLUMN.gt(edge)
    return torch.where(inside, grey, -1.0)[None]


def digits() -> Tensor:
    """(8, 1, 28, 28), one scrawl for each of DIGITS."""
    return torch.stack([sketched(*strokes) for strokes in DIGITS.values()])


def clothes() -> Tensor:
    """(4, 1, 28, 28), one flat shape for each of CLOTHES."""
    return torch.stack([filled(corners) for corners in CLOTHES.values()])
