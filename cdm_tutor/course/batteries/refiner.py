"""The calls by which mistakes in lesson 05 are told apart.

The extra noise may be made in many right ways, so of it only rounded averages are compared.
"""

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.course.lesson import Call
from cdm_tutor.noising import Prediction, q_sample, velocity
from cdm_tutor.schedule import make_schedule

COSINE = make_schedule("cosine")


def draw(seed: int, *shape: int) -> Tensor:
    """Standard normal numbers, always the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def with_fixed_chance(make: Callable[[ModuleType], Any]) -> Callable[[ModuleType], Any]:
    """The call, with torch's own random numbers always the same."""

    def made(m: ModuleType) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(271828)
            return make(m)

    return made


@torch.no_grad()
def network(m: ModuleType) -> list[Any]:
    """How many weights there are, and what comes out when they are filled with fixed numbers."""
    built = m.ImprovedRefinementNetwork(2, (8, 16))
    for weights in built.parameters():
        weights.copy_(torch.linspace(-0.2, 0.3, weights.numel()).view_as(weights))
    count = sum(weights.numel() for weights in built.parameters())
    return [count, built(draw(1, 2, 2, 8, 8), torch.tensor([3, 500]))]


def other_noise(make: Callable[[Tensor], Tensor]) -> list[Any]:
    """What is added to two batches of noise, roughly, and whether the noise itself was changed."""
    found: list[Any] = []
    others = []
    for seed in (2, 3):
        noise = draw(seed, 4, 1, 100, 100)
        given = noise.clone()
        other = (make(given) - noise) / 0.1
        beside = [noise.roll(1, 0), noise.roll(1, -1), other.roll(1, 0)]
        averages = [other, 2 * other * noise, *(other * each for each in beside)]
        found += [torch.equal(given, noise), *(round(10 * average.mean().item()) for average in averages)]
        variances = other.square().mean(dim=(1, 2, 3)).tolist()
        found += [round(math.log2(variance)) if variance > 1e-6 else "none" for variance in variances]
        others.append(other)
    return [*found, round(10 * (others[0] * others[1]).mean().item())]


def met_in_training(m: ModuleType, x0: Tensor) -> list[Any]:
    """What the model meets beyond the noise that it is told of."""
    t = torch.tensor([120, 250, 380, 490])
    sigma = COSINE.sqrt_one_minus_alphas_cumprod[t].view(-1, 1, 1, 1)

    def make(noise: Tensor) -> Tensor:
        seen: list[Tensor] = []
        before = noise.clone()

        def model(x_t: Tensor, steps: Tensor) -> Tensor:
            seen.append(x_t)
            return x0

        m.refiner_loss(model, x0, t, noise, COSINE)
        return before + (seen[0] - q_sample(x0, t, before, COSINE)) / sigma

    return other_noise(make)


def losses(m: ModuleType, prediction: Prediction) -> list[Any]:
    """The loss of a perfect answer and of another, as shares of what one is off by who knows the other noise."""
    x0, noise, t = draw(5, 2, 1, 100, 100).tanh(), draw(6, 2, 1, 100, 100), torch.tensor([150, 350])
    signal = COSINE.sqrt_alphas_cumprod[t]
    found: list[Any] = []
    for answer in (noise.clone(), velocity(x0, t, noise, COSINE)):
        loss = m.refiner_loss(lambda x_t, steps, answer=answer: answer, x0, t, noise.clone(), COSINE, prediction)
        scale = (0.1 * (signal if prediction == "v" else torch.ones(2))) ** 2
        found.append(tuple(loss.shape))
        # how large the large ones are depends on how the other noise was made
        found += [round(share) if share < 1.5 else 2 ** round(math.log2(share)) for share in (loss / scale).tolist()]
    return found


def refined(m: ModuleType, prediction: Prediction, t_start: int = 301) -> list[Any]:
    """What the model is asked, and what comes back."""
    seen: list[Any] = []

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        seen.extend([t, x_t.clone()])
        return (x_t + t.view(-1, 1, 1, 1) / 500).sin() / 2

    generator = torch.Generator().manual_seed(7)
    seen.append(m.refine(model, draw(8, 2, 1, 4, 4).tanh(), COSINE, generator, t_start, prediction))
    return seen


CALLS = [
    Call("renoise", lambda m: m.renoise(draw(9, 3, 1, 2, 2).tanh(), 321, COSINE, draw(10, 3, 1, 2, 2))),
    Call("refiner_steps", lambda m: m.refiner_steps(301, 1000)),
    Call("refiner_steps", lambda m: m.refiner_steps(0, 1000)),
    Call("refiner_steps", lambda m: m.refiner_steps(-1, 1000)),
    Call("refiner_steps", lambda m: m.refiner_steps(1000, 1000)),
    Call("refine", with_fixed_chance(lambda m: refined(m, "v"))),
    Call("refine", with_fixed_chance(lambda m: refined(m, "noise"))),
    Call("refine", with_fixed_chance(lambda m: refined(m, "v", t_start=0))),
    Call("refine", with_fixed_chance(lambda m: refined(m, "v", t_start=-1))),
    Call("refine", with_fixed_chance(lambda m: refined(m, "v", t_start=1000))),
    Call("ImprovedRefinementNetwork.__init__", with_fixed_chance(network)),
    Call("refiner_loss", with_fixed_chance(lambda m: met_in_training(m, draw(4, 4, 1, 100, 100).tanh()))),
    Call("refiner_loss", with_fixed_chance(lambda m: met_in_training(m, -torch.ones(4, 1, 100, 100)))),
    Call("refiner_loss", with_fixed_chance(lambda m: losses(m, "noise"))),
    Call("refiner_loss", with_fixed_chance(lambda m: losses(m, "v"))),
]
