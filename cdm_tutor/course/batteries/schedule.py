"""The calls by which mistakes in lesson 01 are told apart."""

from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.course.lesson import Call


def double(*values: float) -> Tensor:
    """A table in float64."""
    return torch.tensor(values, dtype=torch.float64)


def shuffled() -> tuple[Tensor, Tensor, Tensor]:
    """Betas, alpha_bar and alpha_bar_prev of the first, the fourth and the second step, in this order."""
    return double(0.1, 0.2, 0.3), double(0.9, 0.3024, 0.63), double(1.0, 0.378, 0.9)


def helpers(m: ModuleType) -> list[Tensor]:
    """What the functions answer that from_betas calls, so that its mistakes are not taken for theirs."""
    return [m.posterior_variance(*shuffled()), m.log_snr(double(0.97, 0.8, 0.3))]


CALLS = [
    Call("linear_betas", lambda m: m.linear_betas(7)),
    Call("linear_betas", lambda m: m.linear_betas(300)),
    Call("linear_betas", lambda m: 1 - m.linear_betas(3)),  # what is left where betas are cut
    Call("cosine_betas", lambda m: m.cosine_betas(5)),
    Call("cosine_betas", lambda m: m.cosine_betas(300, 0.02)),
    Call("cosine_betas", lambda m: 1 - m.cosine_betas(4)),
    Call("posterior_variance", lambda m: m.posterior_variance(double(0.1, 0.3), double(0.9, 0.63), double(1.0, 0.9))),
    Call("posterior_variance", lambda m: m.posterior_variance(*shuffled())),
    Call("log_snr", lambda m: m.log_snr(double(0.97, 0.8, 0.3, 0.01))),
    Call("log_snr", lambda m: m.log_snr(double(1 - 4.1e-5, 1e-5, 2.4e-9))),
    Call("NoiseSchedule.from_betas", lambda m: [m.NoiseSchedule.from_betas(double(0.1, 0.25, 0.4)), helpers(m)]),
    Call("NoiseSchedule.from_betas", lambda m: m.NoiseSchedule.from_betas(double(*[1e-5] * 1000))),
]
