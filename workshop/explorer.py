"""The data of the schedule explorer: some images, and the noise that all of them are noised with."""

import json

import torch
from torch import Tensor

from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.export import encoded
from cdm_tutor.randomness import seeded

PLACES = {"mnist": (5003, 3005, 4006, 4), "fashion": (9000, 2583, 1002, 8001)}
NOISE_UNIT = 4096  # noise is stored in whole 4096ths: processors differ in the last digits of what they draw


def explorer_data() -> str:
    """site/explorer/data.js: pixels as bytes from 0 to 255, noise as 16 bit numbers, both in base64."""
    images = []
    for data, places in PLACES.items():
        sample = load_sample(data)
        for place in places:
            pixels = ((sample.x0[place] + 1) * 127.5).round().byte()
            name = CLASS_NAMES[data][int(sample.labels[place])]
            images.append({"data": data, "place": place, "name": name, "pixels": encoded(pixels)})
    noise = (fixed_noise() * NOISE_UNIT).round().short()
    content = {"images": images, "noise": encoded(noise), "noiseUnit": NOISE_UNIT}
    return f"const EXPLORER = {json.dumps(content, indent=1)};\n"


def fixed_noise() -> Tensor:
    """(1, 28, 28) standard normal: the noise of lesson 2's pictures."""
    return torch.randn(1, 28, 28, generator=seeded(2))
