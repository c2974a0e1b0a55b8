"""Draw 64 images as one of several processes; the first writes them. torchrun ... sample.py OUT"""

import sys

import torch

from cdm_tutor import distributed
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.generate import SampleSettings, generate

torch.set_num_threads(1)
with distributed.together():
    trained = load_weights(shipped_weights("mnist"))
    mine: list[int] = []
    images = generate(trained, SampleSettings(n=64, steps=5), on_batch=mine.append)
    assert sum(mine) == 64 // distributed.world_size()  # the work is shared
    if distributed.rank() == 0:
        torch.save(images, sys.argv[1])
