"""Where random numbers come from. Nothing in the package draws without being handed a generator."""

import numpy as np
import torch
from torch import Tensor


def seeded(*numbers: int) -> torch.Generator:
    """A generator of its own for each row of numbers, unrelated to that of any other row."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


def draw_like(x: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of x's shape, drawn where the generator is and moved to x's device."""
    return torch.randn(x.shape, generator=generator, device=generator.device, dtype=x.dtype).to(x.device)


def draw_another(noise: Tensor) -> Tensor:
    """Standard normal noise beside (B, ...) noise, of its shape and independent of it; the same beside the same.

    Each image's comes from a generator of its own, seeded with the image's first number of the noise: which images it
    comes with changes nothing.
    """
    seeds = noise.flatten(1)[:, 0].double().abs().view(torch.int64)
    return torch.stack([draw_like(each, seeded(int(seed))) for each, seed in zip(noise, seeds, strict=True)])
