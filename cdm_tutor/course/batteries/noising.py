"""The calls by which mistakes in lesson 02 are told apart."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.course.lesson import Call
from cdm_tutor.schedule import NoiseSchedule


def inputs() -> tuple[Tensor, Tensor, Tensor, NoiseSchedule]:
    """Three images three pixels wide, so that a coefficient can go astray without an error; their t, noise, a schedule.

    The first image's t is neither 0 nor the last, the pixels go beyond [-1, 1], and no channel can stand for the other.
    """
    generator = torch.Generator().manual_seed(2)
    x0, noise = torch.randn(2, 3, 2, 4, 3, generator=generator)
    schedule = NoiseSchedule.from_betas(torch.tensor([0.1, 0.25, 0.4, 0.3, 0.2], dtype=torch.float64))
    return x0, torch.tensor([2, 0, 4]), noise, schedule


def mixed(function: Any, second: int = 3, times: int = 3) -> list[Tensor]:
    """What a function makes of two batches, and the batches after it."""
    a, t, b, schedule = inputs()
    return [function(a, t[:times], b[:second], schedule), a, b]


def picked(m: ModuleType) -> Tensor:
    """What gather picks for three images with three t."""
    return m.gather(torch.tensor([0.9, 0.7, 0.4, 0.2]), torch.tensor([1, 0, 3]), torch.zeros(3, 1, 4, 3))


def scored(m: ModuleType, *prediction: str) -> list[Tensor]:
    """The loss of a model that answers with half of what it sees, what it saw last, and the inputs afterwards."""
    x0, t, noise, schedule = inputs()
    seen: list[Tensor] = []

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        seen[:] = [x_t.clone(), t.clone()]
        return x_t / 2

    return [m.denoising_loss(model, x0, t, noise, schedule, *prediction), *seen, x0, t, noise]


def slope(m: ModuleType) -> Tensor | None:
    """How the loss changes with the model's only weight; None if it does not know."""
    x0, t, noise, schedule = inputs()
    weight = torch.tensor(0.5, requires_grad=True)
    loss = m.denoising_loss(lambda x_t, t: weight * x_t, x0, t, noise, schedule).sum()
    return torch.autograd.grad(loss, [weight], allow_unused=True)[0] if loss.requires_grad else None


def way_back(function: Any) -> list[Tensor | None]:
    """How what a function predicts changes with the two batches that it is given; None where it does not know."""
    a, t, b, schedule = inputs()
    result = function(a.requires_grad_(), t, b.requires_grad_(), schedule).sum()
    return list(torch.autograd.grad(result, [a, b], allow_unused=True)) if result.requires_grad else [None, None]


CALLS = [
    Call("gather", picked),
    Call("gather", lambda m: m.gather(torch.tensor([0.9, 0.7]), torch.tensor([1]), torch.zeros(3, 1, 2, 2))),
    Call("q_sample", lambda m: mixed(m.q_sample)),
    Call("q_sample", lambda m: mixed(m.q_sample, times=1)),
    Call("q_sample", lambda m: mixed(m.q_sample, second=1)),
    Call("predict_x0", lambda m: mixed(m.predict_x0)),
    Call("predict_x0", lambda m: mixed(m.predict_x0, times=1)),
    Call("predict_x0", lambda m: way_back(m.predict_x0)),
    Call("predict_noise", lambda m: mixed(m.predict_noise)),
    Call("predict_noise", lambda m: mixed(m.predict_noise, times=1)),
    Call("predict_noise", lambda m: way_back(m.predict_noise)),
    Call("velocity", lambda m: mixed(m.velocity)),
    Call("velocity", lambda m: mixed(m.velocity, times=1)),
    Call("predict_x0_from_velocity", lambda m: mixed(m.predict_x0_from_velocity)),
    Call("predict_x0_from_velocity", lambda m: mixed(m.predict_x0_from_velocity, times=1)),
    Call("predict_x0_from_velocity", lambda m: way_back(m.predict_x0_from_velocity)),
    Call("denoising_loss", lambda m: scored(m)),
    Call("denoising_loss", lambda m: scored(m, "v")),
    Call("denoising_loss", slope),
]
