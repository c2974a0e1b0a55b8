"""The calls by which mistakes in lesson 08 are told apart.

Right solutions may draw their noise in any order, so of what is drawn only rounded averages are compared; and they may
ask the model in one call or in several.
"""

from collections.abc import Sequence
from itertools import islice
from types import ModuleType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from cdm_tutor import trainer
from cdm_tutor.course.batteries.guidance import averages
from cdm_tutor.course.batteries.refiner import with_fixed_chance
from cdm_tutor.course.batteries.unet import draw
from cdm_tutor.course.lesson import Call
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings

COSINE = make_schedule("cosine")
SHAPE = (5, 2, 3, 4)
LARGE = (2, 1, 64, 64)
STEPS = [200, 5, 401, 640, 998]


def mix(t: int) -> tuple[float, float]:
    """How much image and how much noise is in x_t; at -1 all is image."""
    left = COSINE.alphas_cumprod[t].double().item() if t >= 0 else 1.0
    return left**0.5, (1 - left) ** 0.5


class Wavy:
    """Another answer for each image and step, made with one weight; knows whether it was asked about no step."""

    def __init__(self) -> None:
        self.weight, self.astray = torch.tensor(1.7, requires_grad=True), False

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        self.astray = self.astray or bool((t < 0).any())
        return self.weight * (2 * x_t + t.view(-1, 1, 1, 1) / 70).sin()

    def slopes(self, answer: Tensor) -> Any:
        """How each image's part of an answer changes with the weight."""
        if not answer.requires_grad:
            return "no gradient"
        parts = [part.sum() for part in answer]
        return [torch.autograd.grad(part, self.weight, retain_graph=True)[0] for part in parts]


def jumped(m: ModuleType, steps: Sequence[int]) -> list[Any]:
    """Where the jumps lead, and what is learned through them."""
    model = Wavy()
    found = m.jump(model, 1.5 * draw(*SHAPE), torch.tensor(steps), COSINE)
    return [found, model.slopes(found), model.astray]


def drifted(m: ModuleType, steps: Sequence[int]) -> list[Any]:
    """The drift along a made-up path, and whether it hangs on the model's graph."""
    model = Wavy()
    found = m.drift(model, [(t, draw(*SHAPE, seed=t + 3).tanh()) for t in steps], COSINE)
    return [found, found.requires_grad, model.astray]


def distances(m: ModuleType, scale: float) -> list[Any]:
    """Distances of images that are off by about so much, and their slope; one is not off at all."""
    b = draw(*SHAPE).tanh()
    off = scale * draw(*SHAPE, seed=2)
    off[3] = 0
    a = (b + off).requires_grad_()
    found = m.robust_distance(a, b)
    return [found, torch.autograd.grad(found.sum(), a)[0]]


def losses(m: ModuleType, *options: Any, scale: float = 1.0) -> list[Any]:
    """The losses, and what is learned from each."""
    model, x0, noise = Wavy(), scale * draw(*SHAPE, seed=4).tanh(), draw(*SHAPE, seed=5)
    found = m.consistency_loss(model, x0, torch.tensor(STEPS), noise, COSINE, *options)
    return [found, model.slopes(found) if found.ndim else "of the batch", model.astray]


class Net(nn.Module):
    """Two weights, from which images and steps get their answers."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor([0.7, -0.4], dtype=torch.float64))

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """The answer."""
        return 2 * (self.weights[0] * x_t + t.view(-1, 1, 1, 1) / 150).sin() + self.weights[1]


class Clock:
    """In the place of time: each look at it comes a second after the last."""

    now = 0.0

    def perf_counter(self) -> float:
        """The seconds."""
        self.now += 1.0
        return self.now


def tuned(
    m: ModuleType, *most: float, done: int = 0, seconds: float = 0.0, stop: int = 9, size: int = 4, **settings: Any
) -> list[Any]:
    """The steps of a tuning, which may have begun before or be stopped and gone on with, and its weights."""
    settings = {"steps": 5, "batch": size, "prediction": "v", "warmup": 0, "lr": 0.02, "seed": 3, **settings}
    training = trainer.Training(Net(), COSINE, TrainSettings(**settings))
    training.step, training.seconds = done, seconds
    images = draw(7, 1, 3, 4, seed=6).tanh().double()
    with patch.dict(getattr(m, "fit", trainer.fit).__globals__, time=Clock()):  # of whosever trainer it tunes with
        told = [[step.step, step.loss, training.step] for step in islice(m.tune(training, images, *most), stop)]
        if stop < 9:
            told += [[step.step, step.loss, training.step] for step in islice(m.tune(training, images, *most), 9)]
    return [told, training.model.get_parameter("weights").detach(), training.ema.get_parameter("weights")]


class Scripted:
    """Finds another image each time it is asked, whatever it is shown; predicts v. Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, Tensor]] = []

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        signal, sigma = mix(int(t[0]))
        self.asked.append((int(t[0]), x_t.clone()))
        return (signal * x_t - self.image(len(self.asked) - 1)) / sigma

    def image(self, count: int) -> Tensor:
        """What it finds."""
        return 0.3 * (1 - count / 2.5) + 0.6 * draw(*LARGE, seed=20 + count).sign()


def drawn(m: ModuleType, steps: int) -> list[Any]:
    """What the model is asked, the result, what on_step is told, and what is left of each x without the image."""
    model, x_T, chance = Scripted(), draw(*LARGE), torch.Generator().manual_seed(9)
    told: list[Any] = []

    def note(guess: Any, x: Tensor) -> None:
        told.append([guess.t, round(20 * guess.pred_x0.mean().item()), round(7 * x.std().item())])

    result = m.sample_by_jumps(model, x_T, COSINE, generator=chance, steps=steps, on_step=note)
    found: list[Any] = [[t for t, _ in model.asked], torch.equal(model.asked[0][1], x_T), told]
    found += [round(20 * result.mean().item()), round(8 * result.std().item())]
    before = [x_T.flatten()]
    for count in range(len(model.asked) - 1):
        (t, x), (prev_t, after) = model.asked[count : count + 2]
        (signal, sigma), (signal_prev, sigma_prev) = mix(t), mix(prev_t)
        image = model.image(count)
        noise = ((after - signal_prev * image) / (sigma_prev + 1e-6)).flatten()
        rest = ((x - signal * image) / sigma).flatten()
        found += [averages(noise, [*before, rest, image.flatten(), model.image(count - 1).flatten()])]
        found += [[torch.equal(*x[:2]), round(3 * torch.corrcoef(noise.view(2, -1))[0, 1].nan_to_num().item())]]
        before = [*before, noise]
    return found


def one_jump(m: ModuleType, *steps: int) -> list[Any]:
    """The images of a single jump, in which no chance has a part, and whether they hang on the model's graph."""
    chance, options = torch.Generator().manual_seed(9), dict(zip(("steps",), steps, strict=False))
    found = m.sample_by_jumps(Wavy(), draw(*SHAPE), COSINE, generator=chance, **options)
    return [found, found.requires_grad]


def beyond(m: ModuleType) -> list[Any]:
    """How far the images of two jumps reach, where the guesses are far beyond [-1, 1]; what the second jump meets."""
    asked: list[Tensor] = []

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        asked.append(x_t.clone())
        return torch.full_like(x_t, -4.0)

    chance = torch.Generator().manual_seed(9)
    found = m.sample_by_jumps(model, draw(*LARGE), COSINE, generator=chance, steps=2)
    return [round(4 * found.max().item()), *(round(4 * x.mean().item()) for x in asked)]


def twice(m: ModuleType, seed: int, again: bool = False) -> list[Any]:
    """Whether a second call, with a generator of that seed or the same again, gives what one of seed 1 gave."""
    found: list[Tensor] = []
    chance = torch.Generator().manual_seed(1)
    for each in (1, seed):
        chance = chance if again else torch.Generator().manual_seed(each)
        found.append(m.sample_by_jumps(lambda x, t: x / 2, draw(*SHAPE), COSINE, generator=chance, steps=3))
    return [torch.equal(*found)]


CALLS = [
    Call("jump", lambda m: jumped(m, STEPS)),
    Call("jump", lambda m: jumped(m, [3, -1, 300, -1, 999])),
    Call("drift", lambda m: drifted(m, [900, 301, 20, -1])),
    Call("drift", lambda m: drifted(m, [700, -1])),
    Call("earlier", lambda m: m.earlier(torch.tensor([9, 0, 300, 999]), 0.0)),
    Call("earlier", lambda m: m.earlier(torch.tensor([9, 0, 300, 998, 123]), 1)),
    Call("earlier", lambda m: m.earlier(torch.tensor([9, 0, 300, 998, 123]), 2.7)),
    Call("earlier", lambda m: m.earlier(torch.tensor([9, 0, 300, 998, 123]), 5.9)),
    Call("earlier", lambda m: m.earlier(torch.tensor([9, 0, 300, 998, 123]), 14)),
    Call("robust_distance", lambda m: distances(m, 0.02)),
    Call("robust_distance", lambda m: distances(m, 0.5)),
    Call("consistency_loss", with_fixed_chance(losses)),
    Call("consistency_loss", with_fixed_chance(lambda m: losses(m, "v", 0.0))),
    Call("consistency_loss", with_fixed_chance(lambda m: losses(m, "v", 1.3))),
    Call("consistency_loss", with_fixed_chance(lambda m: losses(m, "v", 4.6, scale=0.3))),
    Call("consistency_loss", with_fixed_chance(lambda m: losses(m, "noise"))),
    Call("tune", lambda m: tuned(m, 4.3)),
    Call("tune", tuned),
    Call("tune", lambda m: tuned(m, 4.3, done=2)),
    Call("tune", lambda m: tuned(m, 4.3, stop=2)),
    Call("tune", lambda m: tuned(m, 5.3, steps=None, minutes=0.08)),
    Call("tune", lambda m: tuned(m, 5.3, steps=9, minutes=0.08, seconds=1.3)),
    Call("tune", lambda m: tuned(m, 4.3, prediction="noise")),
    Call("tune", lambda m: tuned(m, 4.3, size=8)),
    Call("sample_by_jumps", with_fixed_chance(lambda m: drawn(m, 1))),
    Call("sample_by_jumps", with_fixed_chance(lambda m: drawn(m, 3))),
    Call("sample_by_jumps", with_fixed_chance(one_jump)),
    Call("sample_by_jumps", with_fixed_chance(lambda m: one_jump(m, 1))),
    Call("sample_by_jumps", with_fixed_chance(beyond)),
    Call("sample_by_jumps", with_fixed_chance(lambda m: drawn(m, 0))),
    Call("sample_by_jumps", with_fixed_chance(lambda m: twice(m, 1))),
    Call("sample_by_jumps", with_fixed_chance(lambda m: twice(m, 2))),
    Call("sample_by_jumps", with_fixed_chance(lambda m: twice(m, 1, again=True))),
]
