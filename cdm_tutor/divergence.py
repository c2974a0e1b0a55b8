"""When a training goes out of bounds: it ends before anything that is not finite is kept."""

import math
from typing import Any

import torch
from torch import nn


class Diverged(ValueError):
    """The loss, its gradient or the weights are no longer finite: there is nothing left to go on from."""


def must_be_finite(step: int, *numbers: float) -> None:
    """Raise Diverged unless the loss and the length of the gradient of a step, counted from 1, are finite."""
    if not all(math.isfinite(number) for number in numbers):
        raise Diverged(f"no longer finite: loss or gradient of step {step}; try a lower learning rate")


def guard(optimizer: torch.optim.Optimizer) -> None:
    """From now on each of the optimiser's steps raises Diverged if it leaves weights that are not finite."""
    optimizer.register_step_post_hook(_check_weights)


def _check_weights(optimizer: torch.optim.Optimizer, *_: Any) -> None:
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    if not nn.utils.get_total_norm(weights).isfinite():
        raise Diverged("the weights are no longer finite: try a lower learning rate")
