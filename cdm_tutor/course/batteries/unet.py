"""The calls by which mistakes in lesson 03 are told apart.

What the whole network is asked, its parts are asked again, so that a wrong part is not taken for a wrong whole.
"""

from functools import lru_cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from cdm_tutor.course.lesson import Call


def awake(module: nn.Module, seed: int = 0) -> nn.Module:
    """The module with fixed random numbers in every parameter: behind zeros, wrong code gives right answers."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            values = torch.randn(parameter.shape, generator=generator)
            matrix = parameter.ndim > 1
            parameter.copy_(1.5 * values / parameter[0].numel() ** 0.5 if matrix else 0.5 + 0.3 * values)
    return module


def draw(*shape: int, seed: int = 1) -> Tensor:
    """Fixed normal numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def loosely(answer: Tensor) -> Any:
    """The answer with a large number beside it, for how near is near goes by the largest.

    Through many layers of float32, two right ways of writing the same differ in the fifth digit.
    """
    return [list(answer.shape), torch.cat([answer.flatten(), torch.tensor([100.0])])]


def embedding(m: ModuleType) -> Any:
    """Of steps near and far, their number unlike the width."""
    return loosely(m.timestep_embedding(torch.tensor([3, 0, 117, 398]), 6))


def zeros(m: ModuleType) -> Any:
    """A convolution that was not zero, and whether it can still be trained."""
    conv = m.zeroed(awake(nn.Conv2d(2, 3, 1)))
    return [conv.weight, conv.bias, conv.weight.requires_grad]


def level(m: ModuleType) -> Any:
    """A block with as many channels out as in."""
    return loosely(awake(m.ResidualBlock(16, 16, 5))(draw(2, 16, 3, 4), draw(2, 5, seed=2)))


def narrowing(m: ModuleType) -> Any:
    """A block with fewer channels out than in."""
    return loosely(awake(m.ResidualBlock(16, 8, 5))(draw(2, 16, 3, 4), draw(2, 5, seed=2)))


def attention(m: ModuleType) -> Any:
    """Two images of unequal sides."""
    return loosely(awake(m.SelfAttention(16))(draw(2, 16, 3, 4)))


@lru_cache(maxsize=1)  # a module is asked several times in a row
def small(m: ModuleType) -> Any:
    """A network of two sizes, one block at the upper and two at the lower, that folds 2 x 2 pixels."""
    return awake(m.SimpleUNet(channels=(8, 16), blocks=(1, 2)))


@lru_cache(maxsize=1)
def flat(m: ModuleType) -> Any:
    """A network of one size, where skips in the wrong order still fit."""
    return awake(m.SimpleUNet(channels=(8,), blocks=(3,), attention=False))


def down(m: ModuleType) -> Any:
    """The way down through two sizes."""
    h, skips = small(m).encode(draw(2, 8, 4, 6), draw(2, 32, seed=2))
    return [loosely(h), *map(loosely, skips)]


def up(m: ModuleType) -> Any:
    """The way up through one size, with three skips."""
    skips = [draw(2, 8, 4, 6, seed=seed) for seed in (3, 4, 5)]
    return loosely(flat(m).decode(draw(2, 8, 4, 6), skips, draw(2, 32, seed=2)))


def up_through_sizes(m: ModuleType) -> Any:
    """The way up through two sizes."""
    skips = [draw(2, 8, 4, 6, seed=3), draw(2, 16, 2, 3, seed=4), draw(2, 16, 2, 3, seed=5)]
    return loosely(small(m).decode(draw(2, 16, 2, 3), skips, draw(2, 32, seed=2)))


def network(m: ModuleType) -> Any:
    """The whole, on images of unequal sides and noise levels."""
    return loosely(small(m)(draw(3, 1, 8, 12), torch.tensor([370, 3, 90])))


PARTS = {
    "timestep_embedding": [embedding],
    "zeroed": [zeros],
    "ResidualBlock.forward": [level, narrowing],
    "SelfAttention.forward": [attention],
    "SimpleUNet.encode": [down],
    "SimpleUNet.decode": [up, up_through_sizes],
    "SimpleUNet.forward": [network],
}
NEEDS = {  # what else is at work in it
    "SimpleUNet.encode": ["ResidualBlock.forward"],
    "SimpleUNet.decode": ["ResidualBlock.forward"],
    "SimpleUNet.forward": [part for part in PARTS if part != "SimpleUNet.forward"],
}
CALLS = [
    Call(exercise, make) for exercise in PARTS for part in (*NEEDS.get(exercise, []), exercise) for make in PARTS[part]
]
