"""Make the sheets of real images that come with the package: the first 1,000 of each class.

    python -m workshop.sheets DATA_DIR

DATA_DIR holds the full sets in torchvision's layout. Each sheet is 100 x 100 images, row after row,
class after class.
"""

import sys
from pathlib import Path

import torch
from PIL import Image

from cdm_tutor.data import CLASS_NAMES, SAMPLES_PER_CLASS, load_full
from workshop.places import ASSETS


def make(name: str, data_dir: Path) -> Path:
    """Write the sheet of one data set."""
    full = load_full(name, data_dir)
    chosen = torch.cat([(full.labels == c).nonzero()[:SAMPLES_PER_CLASS, 0] for c in range(10)])
    pixels = ((full.x0[chosen, 0] + 1) * 127.5).round().byte()
    sheet = pixels.unflatten(0, (100, 100)).transpose(1, 2).reshape(2800, 2800)
    path = ASSETS / f"{name}.png"
    Image.fromarray(sheet.numpy()).save(path, optimize=True)
    return path


if __name__ == "__main__":
    for each in CLASS_NAMES:
        print(make(each, Path(sys.argv[1])))
