"""The calls by which mistakes in lesson 01 are told apart."""

from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.course.lesson import Call


def double(*values: float) -> Tensor:
    """A table in float64."""
    return torch.tensor(values, dtype=torch.float64)


def rises(m: ModuleType) -> bool:
    """Whether the cosine schedule's betas rise all the way; in float32 they go up and down."""
    return bool((m.cosine_betas(20_000).double().diff() >= 0).all())


def rounded(m: ModuleType) -> bool:
    """Whether the linear schedule's betas have no more digits than float32 keeps."""
    betas = m.linear_betas(300)
    return bool((betas.float().double() == betas.double()).all())


CALLS = [
    Call("linear_betas", lambda m: m.linear_betas(7)),
    Call("linear_betas", lambda m: m.linear_betas(300)),
    Call("linear_betas", lambda m: 1 - m.linear_betas(3)),  # what is left where betas are cut
    Call("linear_betas", rounded),
    Call("cosine_betas", lambda m: m.cosine_betas(5)),
    Call("cosine_betas", lambda m: m.cosine_betas(300, 0.02)),
    Call("cosine_betas", lambda m: 1 - m.cosine_betas(4)),
    Call("cosine_betas", rises),
    Call("NoiseSchedule.from_betas", lambda m: m.NoiseSchedule.from_betas(double(0.1, 0.25, 0.4))),
    Call("NoiseSchedule.from_betas", lambda m: m.NoiseSchedule.from_betas(double(*[1e-5] * 1000))),
    Call("NoiseSchedule.from_betas", lambda m: m.NoiseSchedule.from_betas(double(*[1e-5] * 1000).float())),
]
