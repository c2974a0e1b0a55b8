"""Where to compute."""

import torch

from cdm_tutor.choices import Device
from cdm_tutor.distributed import local_device


def pick_device(device: Device) -> str:
    """The device to compute on: the one named if it is there, for auto the fastest there is.

    Raises:
        ValueError: if the one named is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return local_device(next(name for name, found in there.items() if found))
    if not there[device]:
        raise ValueError(f"no {device} device on this machine: cdm-tutor doctor says what there is")
    return local_device(device)


def knows_bf16(device: str) -> bool:
    """Whether it computes faster in bfloat16."""
    return device.startswith("cuda") and torch.cuda.is_bf16_supported()
