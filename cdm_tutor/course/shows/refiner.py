"""What there is to see of lesson 05: samples before and after, and how they are noised in between."""

from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor import refiner
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.course.shows import Show, digits, draw, network
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample
from cdm_tutor.schedule import make_schedule

SCHEDULE = make_schedule("cosine")
T_START = 200


@cache
def trained() -> Trained:
    """The refiner that comes with the package."""
    return load_weights(shipped_weights("mnist", "refiner"))


@cache
def hasty() -> Tensor:
    """Digits, sampled in six steps, with the faults of haste."""
    prediction = network().card.prediction
    return sample(network().network, draw(8, 1, 28, 28), SCHEDULE, generator=seeded(9), steps=6, prediction=prediction)


def mended(m: ModuleType) -> Tensor:
    """Hasty digits, refined."""
    return m.refine(trained().network, hasty(), SCHEDULE, seeded(10), T_START, trained().card.prediction)


def by_its_network(m: ModuleType) -> Tensor:
    """The same, by the module's own network with the weights that come with the package."""
    model = m.ImprovedRefinementNetwork().eval()
    model.load_state_dict(trained().network.state_dict())
    return refiner.refine(model, hasty(), SCHEDULE, seeded(10), T_START, trained().card.prediction)


def changed(m: ModuleType) -> Tensor:
    """After minus before."""
    return mended(m) - hasty()


def noised_again(m: ModuleType) -> Tensor:
    """Hasty digits, noised."""
    return m.renoise(hasty(), T_START, SCHEDULE, draw(8, 1, 28, 28))


def perturbed(m: ModuleType) -> Tensor:
    """What is on top of the noise, made visible."""
    noise = draw(8, 1, 28, 28)
    return (m.perturb(noise) - noise) * 5


def losses(m: ModuleType) -> Tensor:
    """How far the refiner is off on eight digits noised more and more."""
    t, noise = torch.arange(0, T_START, T_START // 8), draw(8, 1, 28, 28)
    with torch.no_grad():
        return m.refiner_loss(trained().network, digits(), t, noise, SCHEDULE, trained().card.prediction)


def visited(m: ModuleType) -> Tensor:
    """Where the two steps lead."""
    return torch.tensor([t for pair in m.refiner_steps(T_START, 1000) for t in pair]).double()


SHOWS = (
    Show("samples drawn in haste, mended by your network", ("ImprovedRefinementNetwork.__init__",), by_its_network),
    Show("samples, noised again", ("renoise",), noised_again),
    Show("what was added to the noise, five times as strong", ("perturb",), perturbed),
    Show("loss of a trained refiner", ("refiner_loss",), losses, ("digit", "loss")),
    Show("from where to where the two steps lead", ("refiner_steps",), visited, ("end", "t")),
    Show("samples drawn in haste, mended", ("refine",), mended),
    Show("what that changed", ("refine",), changed),
)
