"""Many samples from a set of weights: in batches, on any device, the same images for the same seed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from cdm_tutor import distributed
from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained
from cdm_tutor.consistency import sample_by_jumps
from cdm_tutor.guidance import complete, from_sketch, guided
from cdm_tutor.noising import Model
from cdm_tutor.randomness import seeded
from cdm_tutor.refiner import refine, refiner_steps
from cdm_tutor.sampler import SOLVERS, OnStep, sample, spaced_timesteps

BATCH = 32  # images sampled together; each batch has its own random numbers, whichever process draws it


@dataclass(frozen=True)
class SampleSettings:
    """How to sample.

    Attributes:
        n: how many images.
        solver: "dpm" (DPM-Solver++, the best at few steps), "ddim" or "ddpm"; "jumps" for a consistency network.
        steps: how many steps, or jumps; fewer are faster.
        eta: the share of fresh noise in each step; None for the solver's usual one.
        seed: decides the images.
        t_start: from which step a refiner starts.
        labels: the classes to draw, each in as many images as the next, one class after the other; none: not told.
        guidance_scale: how much the label counts; 0 not at all, 1 as in training, more beyond that.
        guidance_limits: from which share of the noising steps, and below which, guidance acts.
    """

    n: int = 64
    solver: str = "dpm"
    steps: int = 20
    eta: float | None = None
    seed: int = 0
    t_start: int = 200
    labels: tuple[int, ...] = ()
    guidance_scale: float = 1.0
    guidance_limits: tuple[float, float] = (0.0, 1.0)

    def label_of(self, images: range) -> Tensor:
        """The label of each of these images, (len(images),) int64; of the first n / len(labels) it is the first."""
        return torch.tensor([self.labels[number * len(self.labels) // self.n] for number in images])


def usual_way(card: ModelCard) -> dict[str, Any]:
    """How a network is sampled from, unless said otherwise, where that is not as the settings have it by default."""
    return {"solver": "jumps", "steps": 1} if card.stage == "consistency" else {}


@dataclass(frozen=True)
class Picture:
    """What to begin from, where it is not pure noise.

    Attributes:
        x0: (1, C, H, W) in [-1, 1], as the network knows them.
        known: of the same shape, bool: what to keep of it, the rest is drawn; None where it is only a sketch.
        t_start: the step to noise a sketch to.
    """

    x0: Tensor
    known: Tensor | None = None
    t_start: int = 500


def generate(
    trained: Trained,
    settings: SampleSettings,
    *,
    refiner: Trained | None = None,
    picture: Picture | None = None,
    on_step: OnStep | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> Tensor:
    """Sample images, and refine them if a refiner is given.

    Args:
        trained: a first network; it computes where it is.
        settings: how to sample.
        refiner: a refiner, on the same device.
        picture: what to begin from; None for pure noise. What is known of it is drawn by DDPM's steps, a sketch by
            DPM-Solver++'s, whatever the settings say of solver and eta.
        on_step: is told each step of each batch, as by the samplers.
        on_batch: is told after each batch how many images it held.

    Returns:
        (n, C, H, W) images in [-1, 1], as the card says, on the CPU. Several processes share the work, and all get all
        images.

    Raises:
        ValueError: as check_settings, before anything is drawn; or if the images are not finite numbers.
    """
    check_settings(settings, trained, refiner, picture)
    batches: dict[int, Tensor] = {}
    for first in range(distributed.rank() * BATCH, settings.n, distributed.world_size() * BATCH):
        generator, x_T = beginning_of_batch(settings, first, trained.card.built.shape)
        x_T = x_T.to(trained.device)
        model = told(trained, settings, range(first, first + len(x_T)))
        if picture:
            x = begun(model, x_T, picture, trained, settings, generator)
        else:
            x = from_noise(model, x_T, trained, settings, generator, on_step)
        if refiner:
            x = mended(x, refiner, picture, settings, generator)
        batches[first] = x.cpu()
        if not batches[first].isfinite().all():
            break  # what all processes say below
        if on_batch:
            on_batch(len(x_T))
    shares = distributed.collect(batches)
    drawn = torch.cat([batch for _, batch in sorted(item for share in shares for item in share.items())])
    if not drawn.isfinite().all():
        raise ValueError("the network draws images that are not finite numbers: its weights are of no use")
    return drawn


def beginning_of_batch(
    settings: SampleSettings, first: int, shape: tuple[int, int, int] = (1, 28, 28)
) -> tuple[torch.Generator, Tensor]:
    """What decides the batch whose first image is this one: the noise it begins from, and what draws all further."""
    generator = seeded(settings.seed, first)
    return generator, torch.randn(min(BATCH, settings.n - first), *shape, generator=generator)


def told(trained: Trained, settings: SampleSettings, images: range) -> Model:
    """The network, told the labels of these images, and guided as the settings say; without labels as it is."""
    if not settings.labels:
        return trained.network
    labels = settings.label_of(images).to(trained.device)
    if settings.guidance_scale == 1:
        return partial(trained.network, labels=labels)
    low, high = (share * trained.card.T for share in settings.guidance_limits)
    scale = settings.guidance_scale
    return partial(guided, trained.network, labels=labels, guidance_scale=scale, limits=(low, high))


def from_noise(
    model: Model,
    x_T: Tensor,
    trained: Trained,
    settings: SampleSettings,
    generator: torch.Generator,
    on_step: OnStep | None,
) -> Tensor:
    """Images out of nothing but x_T, as the settings say."""
    ways: dict[str, Any] = {"generator": generator, "steps": settings.steps, "on_step": on_step}
    if settings.solver == "jumps":
        return sample_by_jumps(model, x_T, trained.schedule, **ways)
    ways |= {"solver": settings.solver, "eta": settings.eta, "prediction": trained.card.prediction}
    return sample(model, x_T, trained.schedule, **ways)


def begun(
    model: Model, x_T: Tensor, picture: Picture, trained: Trained, settings: SampleSettings, generator: torch.Generator
) -> Tensor:
    """Images that begin from a picture, one for each of x_T."""
    x0, schedule, card = picture.x0.to(x_T.device).expand_as(x_T), trained.schedule, trained.card
    if picture.known is None:
        draw = partial(from_sketch, model, x0, schedule, t_start=picture.t_start)
    else:
        draw = partial(complete, model, x_T, x0, picture.known.to(x_T.device).expand_as(x_T), schedule)
    return draw(generator=generator, steps=settings.steps, prediction=card.prediction)


def mended(
    x: Tensor, refiner: Trained, picture: Picture | None, settings: SampleSettings, generator: torch.Generator
) -> Tensor:
    """The images refined; what is known of a picture stays as it is."""
    refined = refine(refiner.network, x, refiner.schedule, generator, settings.t_start, refiner.card.prediction)
    if picture is None or picture.known is None:
        return refined
    return torch.where(picture.known.to(x.device), picture.x0.to(x.device), refined)


def check_settings(
    settings: SampleSettings, trained: Trained, refiner: Trained | None = None, picture: Picture | None = None
) -> None:
    """Refuse what cannot be drawn, before it is tried.

    Raises:
        ValueError: if n or steps are less than 1, steps more than there are, the solver is unknown or none for such a
            network, the network is a refiner or is to be told classes and knows of none, a label is none, a sketch is
            to be noised to no step, or that which refines is of another data set or has too few noising steps to start
            where it is to.
    """
    if settings.n < 1:
        raise ValueError(f"expected at least 1 image to sample, got {settings.n}")
    known = (*SOLVERS, "jumps")
    if settings.solver not in known:
        raise ValueError(f"unknown solver {settings.solver!r}: expected one of {', '.join(known)}")
    card = trained.card
    if card.stage == "refiner":
        raise ValueError("expected the weights of a first network, got those of a refiner, which draws nothing alone")
    consistent = card.stage == "consistency"
    if consistent != (settings.solver == "jumps"):
        raise ValueError(
            f"expected {'jumps' if consistent else 'dpm, ddim or ddpm'}, the way a {card.stage} network draws, "
            f"got {settings.solver}"
        )
    if consistent and picture:
        raise ValueError("a consistency network begins from pure noise: hand pictures to a first network")
    sketched = picture is not None and picture.known is None
    if picture and sketched and not 0 <= picture.t_start < card.T:
        raise ValueError(f"expected to start from a step between 0 and {card.T - 1}, got {picture.t_start}")
    spaced_timesteps(picture.t_start + 1 if picture and sketched else card.T, settings.steps)
    check_labels(settings, trained)
    if refiner:
        refiner.card.check_mends(card)
        refiner_steps(settings.t_start, refiner.card.T)


def check_labels(settings: SampleSettings, trained: Trained) -> None:
    """Raise ValueError if the network cannot be told these labels, or not be guided so."""
    if settings.labels and not trained.card.classes:
        raise ValueError("this network was not told classes: train one with cdm-tutor train --classes")
    classes = len(trained.card.class_names)
    if not all(0 <= label < classes for label in settings.labels):
        raise ValueError(f"expected labels from 0 to {classes - 1}, got {', '.join(map(str, settings.labels))}")
    if not math.isfinite(settings.guidance_scale):
        raise ValueError(f"expected a guidance scale that is a finite number, got {settings.guidance_scale}")
    low, high = settings.guidance_limits
    if not 0 <= low <= high <= 1:
        raise ValueError(f"expected limits of guidance between 0 and 1, the lower first, got {low} and {high}")
