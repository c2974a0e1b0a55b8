"""The home page: digits and clothes that turn into each other, each picture one jump of the consistency network."""

import torch
from PIL import Image
from torch import Tensor

from cdm_tutor.consistency import sample_by_jumps
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.plots import to_pixels
from cdm_tutor.randomness import seeded
from workshop.drawing import part, written
from workshop.figures.lesson08 import COSINE, consistent, normal
from workshop.places import PICTURES

FRAMES = 64  # of a walk; the last is followed by the first
WALKS = 6  # of each data set
SEED = 3
ALT = "Six digits and six pieces of clothing, which turn into others"


def walks(name: str, seed: int) -> Tensor:
    """(WALKS, FRAMES, H, W): around circles in the space of noise; on each there is as much noise as in any x_T."""
    first, other = normal(2 * WALKS, seed).chunk(2)
    angles = torch.linspace(0, 2 * torch.pi, FRAMES + 1)[:FRAMES, None, None]
    x_T = (angles.cos() * first + angles.sin() * other).flatten(0, 1)[:, None]
    images = sample_by_jumps(consistent(name).network, x_T, COSINE, generator=seeded(0), steps=1)
    return images.unflatten(0, (WALKS, FRAMES)).squeeze(2)


def main() -> None:
    rows = torch.cat([walks(name, SEED) for name in CLASS_NAMES])  # a walk a row, a frame a column
    sheet = Image.fromarray(to_pixels(rows.transpose(1, 2).flatten(0, 1).flatten(1)).numpy())
    written.append(PICTURES / "morph.webp")
    sheet.save(written[-1], quality=80, method=6)
    tiles = "".join(f'<span style="--row: {row}"></span>' for row in range(len(rows)))
    style = f"--frames: {FRAMES}; --rows: {len(rows)}"
    part(
        "morph",
        f'<div class="morph" style="{style}"><div role="img" aria-label="{ALT}">{tiles}</div>'
        '<label><input type="checkbox"> hold still</label></div>\n',
    )
