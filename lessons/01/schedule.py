"""Stage 1, the noise schedule: how much of the image is left after each noising step.

A schedule is a list of T small variances, the betas. Step t keeps sqrt(1 - beta_t) of the image and adds noise of
variance beta_t. All else follows; above all alpha_bar_t, the share of the image's variance left after steps 0 to t.
"""

import math
from dataclasses import dataclass, fields

import torch
from torch import Tensor

MAX_BETA = 0.999  # a beta of 1 would leave nothing of the image, and nothing to divide by


def linear_betas(T: int) -> Tensor:
    """Betas that grow evenly, for T = 1000 from 1e-4 to 0.02.

        beta_t = beta_first + (beta_last - beta_first) * t / (T - 1)

    With fewer steps each must do more: both ends are scaled by 1000 / T, so that alpha_bar ends near 0 whatever T is.
    Ho et al. 2020, section 4; the scaling: Nichol and Dhariwal 2021, published code.

    Args:
        T: the number of noising steps.

    Returns:
        (T,) float64 in (0, 0.999].

    Raises:
        ValueError: if T is less than 1.
    """
    # 1. refuse a T below 1: _check_steps does it
    # 2. how much more must each step do than with T = 1000?
    # 3. T numbers, evenly spaced from the scaled first to the scaled last beta, in float64
    # 4. cut them at MAX_BETA
    raise NotImplementedError("lesson 01: linear_betas")


def cosine_betas(T: int, offset: float = 0.008) -> Tensor:
    """Betas for which alpha_bar falls along a squared cosine: slowly at both ends, steadily between.

        f(u) = cos((u + offset) / (1 + offset) * pi / 2) ** 2
        beta_t = 1 - f((t + 1) / T) / f(t / T)

    Nichol and Dhariwal 2021, equation 17. T, result and errors as in linear_betas.

    Args:
        T: the number of noising steps.
        offset: keeps the first betas from being vanishingly small.
    """
    # 1. refuse a T below 1
    # 2. the T + 1 places u = 0, 1 / T, ..., 1, in float64
    # 3. f at all of them
    # 4. each beta from two neighbours of f, cut at MAX_BETA
    raise NotImplementedError("lesson 01: cosine_betas")


def posterior_variance(betas: Tensor, alpha_bar: Tensor, alpha_bar_prev: Tensor) -> Tensor:
    """Variance of q(x_{t-1} | x_t, x_0), what is still open when both ends are known.

        beta_t * (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t)

    Ho et al. 2020, equation 7; all of one shape. At t = 0 it is 0: the step before is x_0 itself, which is known.
    """
    # 1. the formula above, on whole tables at once
    raise NotImplementedError("lesson 01: posterior_variance")


def log_snr(alpha_bar: Tensor) -> Tensor:
    """Log of the signal-to-noise ratio, log(alpha_bar / (1 - alpha_bar)). Kingma et al. 2021."""
    # 1. the formula above, on the whole table
    # 2. to think about: log1p(-a) is log(1 - a), exact for small a
    raise NotImplementedError("lesson 01: log_snr")


@dataclass(frozen=True)
class NoiseSchedule:
    """The tables that follow from the betas: each (T,) float32, computed in float64.

    Entry t belongs to x_t, and t = 0 is the first noising step, not the clean image.

    Attributes:
        betas: variance of the noise that step t adds.
        alphas_cumprod: alpha_bar_t, the product of 1 - beta over steps 0 to t.
        alphas_cumprod_prev: the same one step earlier; 1 at t = 0, where nothing was noised yet.
        sqrt_alphas_cumprod: how much of the image is in x_t.
        sqrt_one_minus_alphas_cumprod: how much noise is in x_t.
        posterior_variance: variance of x_{t-1} when x_t and x_0 are known; 0 at t = 0.
        log_snr: log of signal over noise, log(alpha_bar_t / (1 - alpha_bar_t)); falls with t.
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
        """Build all tables from (T,) betas.

        Raises:
            ValueError: if betas is not one row of numbers between 0 and 1.
        """
        # 1. refuse bad betas: _check_betas does it
        # 2. go to float64: a product of 1000 numbers near 1 loses its last digits in float32
        # 3. alpha_bar: the product, up to each step, of what each step keeps
        # 4. alpha_bar_prev: the same one step earlier, beginning with 1
        # 5. every table by its name (see Attributes), the last two from the functions above
        # 6. a schedule made of them, each turned to float32
        raise NotImplementedError("lesson 01: NoiseSchedule.from_betas")

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
