"""Write the data of the schedule explorer: python -m workshop.explorer [--check]

docs/site/explorer/data.js    some images of the embedded samples, and the noise that all of them are noised with

With --check nothing is written, and the exit code is 1 where the file is not what the package says.
"""

import argparse
import json
import sys

import torch
from torch import Tensor

from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.export import encoded
from cdm_tutor.randomness import seeded
from workshop.places import DOCS

DATA = DOCS / "site" / "explorer" / "data.js"
PLACES = {"mnist": (5003, 3005, 4006, 4), "fashion": (9000, 2583, 1002, 8001)}
NOISE_UNIT = 4096  # noise is stored in whole 4096ths: processors differ in the last digits of what they draw


def explorer_data() -> str:
    """The file: pixels as bytes from 0 to 255, noise as 16 bit numbers, both in base64."""
    images = []
    for data, places in PLACES.items():
        sample = load_sample(data)
        for place in places:
            pixels = ((sample.x0[place] + 1) * 127.5).round().byte()
            name = CLASS_NAMES[data][int(sample.labels[place])]
            images.append({"data": data, "place": place, "name": name, "pixels": encoded(pixels)})
    noise = (fixed_noise() * NOISE_UNIT).round().short()
    content = {"images": images, "noise": encoded(noise), "noiseUnit": NOISE_UNIT}
    return f"// Made by workshop/explorer.py.\nconst EXPLORER = {json.dumps(content, indent=1)};\n"


def fixed_noise() -> Tensor:
    """(1, 28, 28) standard normal: the noise of lesson 2's pictures."""
    return torch.randn(1, 28, 28, generator=seeded(2))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    made = explorer_data()
    if DATA.exists() and DATA.read_text() == made:
        return 0
    print(f"{DATA.name}: {'stale' if check else 'written'}")
    if not check:
        DATA.write_text(made)
    return int(check)


if __name__ == "__main__":
    sys.exit(main())
