"""Many samples from a set of weights: in batches, on any device, the same images for the same seed."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from cdm_tutor import distributed
from cdm_tutor.checkpoint import Trained
from cdm_tutor.randomness import seeded
from cdm_tutor.refiner import refine, refiner_steps
from cdm_tutor.sampler import SOLVERS, OnStep, sample, spaced_timesteps

BATCH = 32  # images sampled together; each batch has its own random numbers, whichever process draws it


@dataclass(frozen=True)
class SampleSettings:
    """How to sample.

    Attributes:
        n: how many images.
        solver: "dpm" (DPM-Solver++, the best at few steps), "ddim" or "ddpm".
        steps: how many steps; fewer are faster.
        eta: the share of fresh noise in each step; None for the solver's usual one.
        seed: decides the images.
        t_start: from which step a refiner starts.
    """

    n: int = 64
    solver: str = "dpm"
    steps: int = 20
    eta: float | None = None
    seed: int = 0
    t_start: int = 200


def generate(
    trained: Trained,
    settings: SampleSettings,
    *,
    refiner: Trained | None = None,
    on_step: OnStep | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> Tensor:
    """Sample images, and refine them if a refiner is given.

    Args:
        trained: a first network; it computes where it is.
        settings: how to sample.
        refiner: a refiner, on the same device.
        on_step: is told each step of each batch, as by the samplers.
        on_batch: is told after each batch how many images it held.

    Returns:
        (n, 1, 28, 28) images in [-1, 1], on the CPU. Several processes share the work, and all get all images.

    Raises:
        ValueError: as check_settings, before anything is drawn; or if the images are not finite numbers.
    """
    check_settings(settings, trained, refiner)
    batches: dict[int, Tensor] = {}
    for first in range(distributed.rank() * BATCH, settings.n, distributed.world_size() * BATCH):
        size = min(BATCH, settings.n - first)
        generator = seeded(settings.seed, first)
        x_T = torch.randn(size, 1, 28, 28, generator=generator).to(trained.device)
        x = sample(
            trained.network,
            x_T,
            trained.schedule,
            generator=generator,
            solver=settings.solver,
            steps=settings.steps,
            eta=settings.eta,
            prediction=trained.card.prediction,
            on_step=on_step,
        )
        if refiner:
            x = refine(refiner.network, x, refiner.schedule, generator, settings.t_start, refiner.card.prediction)
        batches[first] = x.cpu()
        if not batches[first].isfinite().all():
            break  # what all processes say below
        if on_batch:
            on_batch(size)
    shares = distributed.collect(batches)
    drawn = torch.cat([batch for _, batch in sorted(item for share in shares for item in share.items())])
    if not drawn.isfinite().all():
        raise ValueError("the network draws images that are not finite numbers: its weights are of no use")
    return drawn


def check_settings(settings: SampleSettings, trained: Trained, refiner: Trained | None = None) -> None:
    """Refuse what cannot be drawn, before it is tried.

    Raises:
        ValueError: if n or steps are less than 1, steps more than T, the solver is unknown, the network is a refiner,
            or that which refines is of another data set or has too few noising steps to start where it is to.
    """
    if settings.n < 1:
        raise ValueError(f"expected at least 1 image to sample, got {settings.n}")
    if settings.solver not in SOLVERS:
        raise ValueError(f"unknown solver {settings.solver!r}: expected one of {', '.join(SOLVERS)}")
    card = trained.card
    if card.stage != "unet":
        raise ValueError("expected the weights of a first network, got those of a refiner, which draws nothing alone")
    spaced_timesteps(card.T, settings.steps)
    if refiner:
        if refiner.card.data != card.data:
            raise ValueError(f"the refiner was trained on {refiner.card.data}, the network on {card.data}")
        refiner_steps(settings.t_start, refiner.card.T)
