"""The calls by which mistakes in lesson 01 are told apart."""

import torch
from torch import Tensor

from cdm_tutor.course.lesson import Call


def double(*values: float) -> Tensor:
    """A table in float64."""
    return torch.tensor(values, dtype=torch.float64)


CALLS = [
    Call("linear_betas", lambda m: m.linear_betas(7)),
    Call("linear_betas", lambda m: m.linear_betas(300)),
    Call("cosine_betas", lambda m: m.cosine_betas(5)),
    Call("cosine_betas", lambda m: m.cosine_betas(300, 0.02)),
    Call("posterior_variance", lambda m: m.posterior_variance(double(0.1, 0.3), double(0.9, 0.63), double(1.0, 0.9))),
    Call("log_snr", lambda m: m.log_snr(double(0.97, 0.8, 0.3, 0.01))),
    Call("NoiseSchedule.from_betas", lambda m: m.NoiseSchedule.from_betas(double(0.1, 0.25, 0.4))),
    Call("NoiseSchedule.from_betas", lambda m: m.NoiseSchedule.from_betas(double(*[1e-5] * 1000))),
]
