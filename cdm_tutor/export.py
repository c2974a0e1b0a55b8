"""A network for a web page: its weights as a script, and a folder with a page that draws with them.

A page that is opened from the disk may not read files, but it may load scripts: so weights are written as scripts, in
base64. What computes with them is the JavaScript in cdm_tutor/web/live.
"""

import base64
import json
from pathlib import Path

import torch
from torch import Tensor

from cdm_tutor.checkpoint import ModelCard
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.unet import SimpleUNet

WEB = Path(__file__).parent / "web" / "live"
TABLES = ("sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod", "log_snr")  # what the samplers look up
Network = tuple[SimpleUNet, ModelCard]


def weights_script(name: str, network: SimpleUNet, card: ModelCard, schedule: NoiseSchedule, side: int = 28) -> str:
    """A network as a script, for cdm_tutor/web/live/network.js to unpack; weights in half precision.

    Args:
        name: what the page calls it by.
        network: of any channels, blocks and fold, with or without attention.
        card: says what it predicts.
        schedule: the one it was trained with.
        side: height and width of its images.

    Raises:
        ValueError: if a weight is too large for half precision, or not a number.
    """
    halves = {key: value.detach().cpu().half() for key, value in network.state_dict().items()}
    for key, value in halves.items():
        if not value.isfinite().all():
            raise ValueError(f"{key} holds weights that half precision cannot: too large, or not numbers")
    file = {
        "prediction": card.prediction,
        "side": side,
        "fold": network.fold,
        "schedule": {table: encoded(getattr(schedule, table)) for table in TABLES},
        "shapes": [[key, list(value.shape)] for key, value in halves.items()],
        "weights": encoded(torch.cat([value.flatten() for value in halves.values()])),
    }
    lines = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in file.items())
    return f"// Made by cdm-tutor.\n(globalThis.NETWORKS ??= {{}})[{json.dumps(name)}] = {{\n{lines}\n}};\n"


def encoded(numbers: Tensor) -> str:
    """The bytes of the numbers, in base64."""
    return base64.b64encode(numbers.contiguous().numpy().tobytes()).decode()
