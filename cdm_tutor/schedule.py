"""Stage 1, the noise schedule: how much of the image is left after each noising step.

A schedule is a list of T small variances, the betas. Step t multiplies the image by sqrt(1 - beta_t), and adds noise of
variance beta_t. All else follows; above all alpha_bar_t, the share of the image's variance left after steps 0 to t.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

MAX_BETA = 0.999  # a beta of 1 would leave nothing of the image, and nothing to divide by


def linear_betas(T: int) -> Tensor:
    """Betas that grow evenly, for T = 1000 from 1e-4 to 0.02.

    With any other T, as little of the image must be left after the last step. So the betas of all steps must add up to
    about the same: with T = 50, a twentieth of the steps, they grow from 0.002 to 0.4. None is larger than MAX_BETA.

    Ho et al. 2020, section 4; other T: Nichol and Dhariwal 2021, published code.

    Args:
        T: the number of noising steps.

    Returns:
        (T,) float64 in (0, 0.999].

    Raises:
        ValueError: if T is less than 1.
    """
    _check_steps(T)
    scale = 1000 / T
    return torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64).clamp(max=MAX_BETA)


def cosine_betas(T: int, offset: float = 0.008) -> Tensor:
    """Betas for which alpha_bar falls along a squared cosine: slowly at both ends, steadily between.

        f(u) = cos((u + offset) / (1 + offset) * pi / 2) ** 2

    u is the share of the steps that are done. After each step, alpha_bar must be f(u) / f(0); but no beta is larger
    than MAX_BETA. With T = 2 and offset 0, f is 1, then 0.5, then 0, and the betas are 0.5 and 0.999.

    Nichol and Dhariwal 2021, equation 17. T, result and errors as in linear_betas.

    Args:
        T: the number of noising steps.
        offset: keeps the first betas from being vanishingly small.
    """
    _check_steps(T)
    u = torch.arange(T + 1, dtype=torch.float64) / T
    f = torch.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2  # one more than there are betas
    return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)


@dataclass(frozen=True)
class NoiseSchedule:
    """The tables that follow from the betas: each (T,) float32, computed in float64.

    Entry t belongs to x_t, and t = 0 is the first noising step, not the clean image.

    Attributes:
        betas: variance of the noise that step t adds.
        alphas_cumprod: alpha_bar_t, the share of the image's variance that is left after step t.
        alphas_cumprod_prev: the same one step earlier; at t = 0 that is the clean image.
        sqrt_alphas_cumprod: the factor on the image in x_t.
        sqrt_one_minus_alphas_cumprod: the factor on the noise in x_t.
        posterior_variance: variance of x_{t-1} when x_t and x_0 are known. Of the two, x_t alone would leave it at
            beta_t / (1 - beta_t), and x_0 alone at that of the noise in x_{t-1}; one over the variance adds up. Ho et
            al. 2020, equation 7.
        log_snr: log of the signal-to-noise ratio, the image's variance in x_t over the noise's. Kingma et al. 2021.
    """

    betas: Tensor
    alphas_cumprod: Tensor
    alphas_cumprod_prev: Tensor
    sqrt_alphas_cumprod: Tensor
    sqrt_one_minus_alphas_cumprod: Tensor
    posterior_variance: Tensor
    log_snr: Tensor

    @classmethod
    def from_betas(cls, betas: Tensor) -> "NoiseSchedule":
        """Build all tables from (T,) betas, for images and noise of variance 1.

        For betas 0.1 and 0.2: at t = 1 the image's variance is 0.72, the noise's 0.28, and posterior_variance is
        1 / 14, for 0.8 / 0.2 + 1 / 0.1 = 14. At t = 0 it is 0: x_{t-1} is x_0 then, and that is known.

        Raises:
            ValueError: if betas is not one row of numbers between 0 and 1.
        """
        _check_betas(betas)
        betas = betas.double()
        alpha_bar = torch.cumprod(1 - betas, dim=0)
        alpha_bar_prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])
        tables = {
            "betas": betas,
            "alphas_cumprod": alpha_bar,
            "alphas_cumprod_prev": alpha_bar_prev,
            "sqrt_alphas_cumprod": alpha_bar.sqrt(),
            "sqrt_one_minus_alphas_cumprod": (1 - alpha_bar).sqrt(),
            "posterior_variance": betas * (1 - alpha_bar_prev) / (1 - alpha_bar),
            "log_snr": torch.log(alpha_bar) - torch.log1p(-alpha_bar),
        }
        return cls(**{name: table.float() for name, table in tables.items()})

    def to(self, device: torch.device | str) -> "NoiseSchedule":
        """The same schedule with its tables on another device."""
        return NoiseSchedule(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})

    def __len__(self) -> int:
        """T, the number of noising steps."""
        return len(self.betas)


def make_schedule(name: str, T: int = 1000) -> NoiseSchedule:
    """The schedule called "linear" or "cosine", of T steps.

    Raises:
        ValueError: if there is no schedule of that name.
    """
    if name not in BETAS:
        raise ValueError(f"unknown schedule {name!r}: expected one of {', '.join(BETAS)}")
    return NoiseSchedule.from_betas(BETAS[name](T))


BETAS = {"linear": linear_betas, "cosine": cosine_betas}


def _check_steps(T: int) -> None:
    if T < 1:
        raise ValueError(f"expected at least 1 noising step, got T = {T}")


def _check_betas(betas: Tensor) -> None:
    if betas.ndim != 1 or len(betas) == 0:
        raise ValueError(f"expected betas of shape (T,), got {tuple(betas.shape)}")
    if not bool(((betas > 0) & (betas < 1)).all()):
        raise ValueError(f"expected betas between 0 and 1, got {betas.min():g} to {betas.max():g}")
