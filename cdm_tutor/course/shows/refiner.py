"""What there is to see of lesson 05: a fault under more and more noise, and samples before and after."""

from functools import cache
from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor import refiner
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.noising import velocity
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.sampler import ddim_step, denoise, sample

T_START = 200
STARTS = (0, 50, 100, 200, 300, 450, 600, 800)
LEVELS = range(20, 500, 60)  # at which the refiner is trained
ALONG = "number of the level, t = 20 to 440"


@cache
def trained() -> Trained:
    """The refiner that comes with the package."""
    return load_weights(shipped_weights("mnist", "refiner"))


@cache
def hasty() -> Tensor:
    """Digits, sampled in six steps, with the faults of haste."""
    prediction = network().card.prediction
    return sample(network().network, draw(8, 1, 28, 28), SCHEDULE, generator=seeded(9), steps=6, prediction=prediction)


@cache
def scratched() -> Tensor:
    """A digit with a grey line across it."""
    row, column = torch.meshgrid(torch.arange(28), torch.arange(28), indexing="ij")
    return torch.where((row - 0.6 * column - 4).abs() < 0.6, digits()[3:4].clamp(min=0.2), digits()[3:4])


def drowned(m: ModuleType) -> Tensor:
    """The scratched digit, noised to more and more."""
    noise = draw(1, 1, 28, 28)
    return torch.cat([m.renoise(scratched(), t, SCHEDULE, noise) for t in STARTS])


def walked(m: ModuleType) -> Tensor:
    """Three hasty digits, noised, and where each of the two steps leads them."""
    model, prediction = trained().network, trained().card.prediction
    steps = m.refiner_steps(T_START, len(SCHEDULE))
    x = refiner.renoise(hasty()[:3], steps[0][0], SCHEDULE, draw_like(hasty()[:3], seeded(10)))
    seen = [x]
    for t, prev_t in steps:
        x = ddim_step(x, denoise(model, x, t, SCHEDULE, prediction), prev_t, SCHEDULE, torch.zeros_like(x))
        seen.append(x)
    return torch.stack(seen, dim=1).flatten(0, 1)


def before_and_after(m: ModuleType) -> Tensor:
    """Hasty digits, the same refined, and three times the difference."""
    after = m.refine(trained().network, hasty(), SCHEDULE, seeded(10), T_START, trained().card.prediction)
    return torch.cat([hasty(), after, 3 * (after - hasty())])


def by_its_network(m: ModuleType) -> Tensor:
    """Hasty digits, refined by the module's own network with the weights that come with the package."""
    model = m.ImprovedRefinementNetwork().eval()
    model.load_state_dict(trained().network.state_dict())
    return refiner.refine(model, hasty(), SCHEDULE, seeded(10), T_START, trained().card.prediction)


def untold(m: ModuleType) -> Tensor:
    """At each level, the standard deviation of the noise in the model's input that nobody told it of."""
    noise, t, seen = draw(len(LEVELS), 1, 140, 140), torch.tensor(LEVELS), []

    def note(x_t: Tensor, steps: Tensor) -> Tensor:
        seen.append(x_t)
        return x_t

    told = SCHEDULE.sqrt_one_minus_alphas_cumprod[t].view(-1, 1, 1, 1) * noise
    m.refiner_loss(note, torch.zeros_like(noise), t, noise.clone(), SCHEDULE)
    return (seen[0] - told).std(dim=(1, 2, 3))


def losses(m: ModuleType) -> Tensor:
    """At each level, the loss of a model that answers half of what it should."""
    t, noise = torch.tensor(LEVELS), draw(len(LEVELS), 1, 28, 28)
    half = velocity(digits(), t, noise, SCHEDULE) / 2
    return m.refiner_loss(lambda x_t, steps: half, digits(), t, noise.clone(), SCHEDULE)


SHOWS = (
    Show("a scratch, noised to t", ("renoise",), drowned, tuple(f"t = {t}" for t in STARTS), columns=8),
    Show(
        "three samples on their way: noised, after the first step, after the second",
        ("refiner_steps",),
        walked,
        ("noised", "first", "second") * 3,
        columns=9,
    ),
    Show("samples drawn in haste, mended, and three times the difference", ("refine",), before_and_after, columns=8),
    Show(
        "samples drawn in haste, mended by your network with the package's weights",
        ("ImprovedRefinementNetwork.__init__",),
        by_its_network,
    ),
    Show("how much noise the model is not told of", ("refiner_loss",), untold, (ALONG, "noise")),
    Show("loss of a model that answers half of v", ("refiner_loss",), losses, (ALONG, "loss")),
)
