"""Make the sheets of real images that come with the package: the first 1,000 of each class.

    python -m workshop.sheets DATA_DIR

DATA_DIR holds the full sets in torchvision's layout. Each sheet is 100 x 100 images, row after row,
class after class.
"""

import sys

import torch
from PIL import Image

from cdm_tutor.data import ASSETS, CLASS_NAMES, SAMPLES_PER_CLASS, load_full

for name in CLASS_NAMES:
    full = load_full(name, sys.argv[1])
    chosen = torch.cat([(full.labels == c).nonzero()[:SAMPLES_PER_CLASS, 0] for c in range(10)])
    pixels = ((full.x0[chosen, 0] + 1) * 127.5).round().byte()
    sheet = pixels.unflatten(0, (100, 100)).transpose(1, 2).reshape(2800, 2800)
    path = ASSETS / f"{name}.png"
    Image.fromarray(sheet.numpy()).save(path, optimize=True)
    print(f"{path}: {len(chosen)} images, {path.stat().st_size / 1e6:.2f} MB")
