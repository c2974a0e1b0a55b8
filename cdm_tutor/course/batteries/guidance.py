"""The calls by which mistakes in lesson 07 are told apart.

Right solutions may draw their noise in any order, so of what is drawn only rounded averages are compared.
"""

import math
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.course.batteries.refiner import with_fixed_chance
from cdm_tutor.course.batteries.unet import awake, draw, loosely
from cdm_tutor.course.lesson import Call
from cdm_tutor.noising import Prediction
from cdm_tutor.schedule import NoiseSchedule, make_schedule

COSINE = make_schedule("cosine")
SCHEDULE = NoiseSchedule.from_betas(torch.tensor([0.05 + 0.04 * t for t in range(12)], dtype=torch.float64))
VISITS = [(11, 8), (8, 5), (5, 2), (2, -1)]  # 4 of its 12 steps
T = torch.tensor([200, 5, 400, 600, 999])
LABELS = torch.tensor([7, -1, 0, 9, 3])
SHAPE = (5, 2, 4, 6)
LARGE = (2, 1, 64, 64)


def mix(t: int) -> tuple[float, float]:
    """How much image and how much noise is in x_t of the short schedule; at -1 all is image."""
    bar = math.prod(1 - beta for beta in SCHEDULE.betas[: t + 1].tolist())
    return math.sqrt(bar), math.sqrt(1 - bar)


def two_sizes(m: ModuleType) -> Any:
    """A network with a learned row for each class, all different."""
    return awake(m.ConditionalUNet(in_channels=2, channels=(8, 16), blocks=(1, 1)))


def built(m: ModuleType) -> list[Any]:
    """What there is to be learned, how it starts, and which rows learn."""
    network: Any = m.ConditionalUNet(in_channels=2, channels=(8, 16), blocks=(2, 1))
    found: list[Any] = [[name, list(weight.shape)] for name, weight in network.named_parameters()]
    found += [weight.requires_grad for weight in network.parameters()]
    found += [bool(weight.any()) for weight in network.parameters()]
    rows = network.classes.weight
    found += ["zero" if not rows.any() else round(math.log2(rows.std().nan_to_num().item() + 1e-3))]
    found += [round(10 * rows.mean().item())]
    awoken: Any = awake(network)
    loss = (awoken.classes(torch.tensor([0, 3, 10])) * torch.tensor([[1.0], [2.0], [3.0]])).sum()
    return [*found, torch.autograd.grad(loss, rows)[0] if loss.requires_grad else "no gradient"]


def unlike_the_usual(m: ModuleType) -> list[Any]:
    """What comes out of a network that was not built as usual."""
    network = awake(m.ConditionalUNet(in_channels=2, channels=(8, 16), blocks=(2, 1)))
    return [loosely(network(draw(*SHAPE).detach()[..., :4], T, LABELS))]


def told(m: ModuleType, labels: Tensor | None, zero: bool = False) -> Any:
    """What the network answers, with all rows at zero or not."""
    network = two_sizes(m)
    if zero:
        torch.nn.init.zeros_(network.classes.weight)
    return loosely(network(draw(*SHAPE)[..., :4], T[: None if labels is None else len(LABELS)], labels))


def refuses_sizes(m: ModuleType) -> Any:
    """Images that cannot be halved."""
    return loosely(two_sizes(m)(draw(5, 2, 6, 8), T, LABELS))


def dropped(m: ModuleType, labels: list[int], *chance: float) -> list[Any]:
    """What is left of the labels, and whether those that were handed over stay."""
    before = torch.tensor(labels)
    given = before.clone()
    return [m.drop_labels(given, torch.tensor(chance)), torch.equal(given, before)]


def marked(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images of two channels with their labels, and noise for them."""
    labels = (torch.arange(count) * 7 + seed) % 10
    x0 = torch.cat([draw(count, 2, 2, 3, seed=seed).tanh(), labels[:, None, None, None].expand(-1, 1, 2, 3)], dim=1)
    return x0, draw(count, 3, 2, 3, seed=seed + 1)


def losses(m: ModuleType, *prediction: Prediction) -> list[Any]:
    """The loss, and what the model is asked; some of the images are not told."""
    asked: list[Any] = []

    def model(x_t: Tensor, t: Tensor, labels: Any) -> Tensor:
        asked.extend([x_t.clone(), t, labels])
        return 0.4 * x_t + 0.1 * torch.as_tensor(labels).view(-1, 1, 1, 1)

    x0, noise = marked(30, seed=4)
    return [m.conditional_loss(model, x0, torch.arange(30) * 30 + 5, noise, COSINE, *prediction), *asked]


def answers(x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
    """Another answer for each label, step and image."""
    label, step = labels.view(-1, 1, 1, 1), t.view(-1, 1, 1, 1)
    return 2 * (x_t + 0.7 * label + step / 150).sin() + 0.3 * label


def guided(m: ModuleType, scale: float, *limits: tuple[float, float]) -> list[Any]:
    """What is answered, and whether the model's own answers stay as they are."""
    kept: list[tuple[Tensor, Tensor]] = []

    def model(x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        answer = answers(x_t, t, labels)
        kept.append((answer, answer.clone()))
        return answer

    found = m.guided(model, draw(*SHAPE), T, LABELS, scale, *limits)
    return [found, all(torch.equal(mine, before) for mine, before in kept)]


def known_kept(m: ModuleType, t: int) -> list[Any]:
    """What is put in, and whether the images that were handed over stay."""
    x, picture, known = 2 * draw(*SHAPE), draw(*SHAPE, seed=2).tanh(), draw(*SHAPE, seed=3) > 0
    given = x.clone()
    return [m.keep_known(given, picture, known, t, draw(*SHAPE, seed=4), COSINE), torch.equal(given, x)]


class Scripted:
    """Finds another grey each time it is asked, whatever it is shown; predicts v. Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, Tensor]] = []

    def grey(self, count: int) -> float:
        """What it finds."""
        return 0.8 * math.sin(2 * count + 1)

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        signal, sigma = mix(int(t[0]))
        self.asked.append((int(t[0]), x_t.clone()))
        return (signal * x_t - self.grey(len(self.asked) - 1)) / sigma


def averages(noise: Tensor, before: list[Tensor]) -> list[Any]:
    """Mean and spread of what should be standard normal, and how it goes with what came before; all roughly."""
    spread = noise.std().item()
    found: list[Any] = [max(-9, min(9, round(3 * noise.mean().item())))]
    found += [round(4 * math.log2(spread)) if spread > 1e-2 else "none"]
    return found + [round(3 * torch.corrcoef(torch.stack([noise, each]))[0, 1].nan_to_num().item()) for each in before]


def completed(m: ModuleType, times: int) -> list[Any]:
    """What the model is asked, the result, and what is left of each x when its mean is taken away."""
    model, x_T, picture = Scripted(), draw(*LARGE), draw(*LARGE, seed=2).tanh()
    known, options = draw(*LARGE, seed=3) > 0, {"generator": torch.Generator().manual_seed(9), "prediction": "v"}
    given = x_T.clone()
    result = m.complete(model, given, picture, known, SCHEDULE, steps=4, times=times, **options)
    found: list[Any] = [[t for t, _ in model.asked], torch.equal(model.asked[0][1], x_T), torch.equal(given, x_T)]
    found += [bool((result[known] - picture[known]).abs().max() < 1e-4), round(10 * result[~known].mean().item())]
    found += [round(10 * result[~known].std().item())]
    walk = [(t, prev_t, time) for t, prev_t in VISITS for time in range(times if prev_t >= 0 else 1)]
    before: list[Tensor] = []
    for count, (t, prev_t, time) in enumerate(walk[: len(model.asked)][:-1]):
        if count + 1 >= len(model.asked):
            break
        x, after, grey = model.asked[count][1], model.asked[count + 1][1], model.grey(count)
        (signal, sigma), (signal_prev, sigma_prev) = mix(t), mix(prev_t)
        alpha = (signal / signal_prev) ** 2
        beta = sigma**2 - alpha * sigma_prev**2
        mean = (signal_prev * beta * grey + math.sqrt(alpha) * sigma_prev**2 * x) / sigma**2
        variance = torch.where(known, sigma_prev**2, torch.tensor(beta * sigma_prev**2 / sigma**2))
        mean = torch.where(known, signal_prev * picture, mean)
        if time < times - 1:
            mean, variance = math.sqrt(alpha) * mean, alpha * variance + beta
        noise = (after - mean) / variance.sqrt()
        found += [averages(noise[known], []), averages(noise[~known], [*(each[~known] for each in before), x[~known]])]
        before = [*before, noise][-2:]
    return found


def sketched(m: ModuleType, t_start: int, steps: int) -> list[Any]:
    """What the model is asked, the result, and what is left of each x when its mean is taken away."""
    model, sketch = Scripted(), draw(*LARGE).tanh()
    options = {"generator": torch.Generator().manual_seed(9), "prediction": "v"}
    result = m.from_sketch(model, sketch.clone(), SCHEDULE, t_start=t_start, steps=steps, **options)
    found: list[Any] = [[t for t, _ in model.asked], round(20 * result.mean().item()), round(8 * result.std().item())]
    signal, sigma = mix(t_start)
    x, last = model.asked[0][1], 0.0
    noise = (x - signal * sketch) / sigma
    before, ahead = [sketch.flatten(), noise.flatten()], 0.0
    found += averages(before[1], before[:1])
    for count in range(len(model.asked) - 1):
        (t, _), (prev_t, after) = model.asked[count : count + 2]
        (signal, sigma), (signal_prev, sigma_prev), grey = mix(t), mix(prev_t), model.grey(count)
        h = math.log(signal_prev / sigma_prev * sigma / signal)
        ahead = grey + ((grey - model.grey(count - 1)) * h / last / 2 if last else 0.0)
        kept = math.exp(-2 * h)
        mean = signal_prev * (kept / signal * x + (1 - kept) * ahead)
        noise = ((after - mean) / (sigma_prev * math.sqrt(abs(1 - kept)) + 1e-6)).flatten()
        found += averages(noise, before)
        before = [*before, noise]
        x, last = after + signal_prev * (1 - kept) * (model.grey(count + 1) - ahead), h
    return found


def told_by_default(m: ModuleType, which: str) -> list[Any]:
    """What the model is asked where neither steps nor prediction are given."""
    asked: list[Any] = []

    def model(x_t: Tensor, t: Tensor) -> Tensor:
        asked.append(int(t[0]))
        return torch.zeros_like(x_t)

    x, chance = draw(1, 1, 2, 2), torch.Generator().manual_seed(9)
    if which == "complete":
        m.complete(model, x, x.tanh(), x > 0, make_schedule("cosine", 40), generator=chance)
    else:
        m.from_sketch(model, x.tanh(), make_schedule("cosine", 40), generator=chance, t_start=29)
    return asked


def drawn(m: ModuleType, which: str, seed: int) -> list[Any]:
    """Whether a second call with a generator of that seed gives what one of seed 1 gave, and whose chance it was."""
    found = []
    for each in (1, seed):
        chance, x = torch.Generator().manual_seed(each), draw(*SHAPE)
        options = {"generator": chance, "steps": 3, "prediction": "v"}
        model = lambda x_t, t: x_t / 2  # noqa: E731
        if which == "complete":
            found.append(m.complete(model, x, x.tanh(), x > 0, SCHEDULE, **options))
        else:
            found.append(m.from_sketch(model, x.tanh(), SCHEDULE, t_start=8, **options))
    return [torch.equal(*found)]


INIT, FORWARD = "ConditionalUNet.__init__", "ConditionalUNet.forward"
CALLS = [
    Call(INIT, with_fixed_chance(built)),
    Call(INIT, unlike_the_usual),
    Call(FORWARD, lambda m: told(m, LABELS)),
    Call(FORWARD, lambda m: told(m, None)),
    Call(FORWARD, lambda m: told(m, LABELS, zero=True)),
    Call(FORWARD, lambda m: told(m, LABELS + 1)),
    Call(FORWARD, lambda m: told(m, LABELS - 1)),
    Call(FORWARD, lambda m: told(m, LABELS[:1])),
    Call(FORWARD, refuses_sizes),
    Call("drop_labels", with_fixed_chance(lambda m: dropped(m, [7, 0, 3, 9, 4], 0.05, 0.5, 0.1, 0.2, 0.09))),
    Call("drop_labels", with_fixed_chance(lambda m: dropped(m, [5, 2, 6], 0.6, 0.01, 0.93))),
    Call("drop_labels", with_fixed_chance(lambda m: dropped(m, [2] * 40, *(0.11 + 0.02 * i for i in range(40))))),
    Call("conditional_loss", with_fixed_chance(losses)),
    Call("conditional_loss", with_fixed_chance(lambda m: losses(m, "v"))),
    Call("guided", lambda m: guided(m, 3.0)),
    Call("guided", lambda m: guided(m, 0.0)),
    Call("guided", lambda m: guided(m, 2.5, (200, 600))),
    Call("guided", lambda m: guided(m, 2.5, (0, 400))),
    Call("guided", lambda m: guided(m, 2.5, (300, 700))),
    Call("keep_known", with_fixed_chance(lambda m: known_kept(m, 321))),
    Call("keep_known", with_fixed_chance(lambda m: known_kept(m, 0))),
    Call("keep_known", with_fixed_chance(lambda m: known_kept(m, -1))),
    Call("complete", with_fixed_chance(lambda m: completed(m, 1))),
    Call("complete", with_fixed_chance(lambda m: completed(m, 3))),
    Call("complete", with_fixed_chance(lambda m: told_by_default(m, "complete"))),
    Call("complete", with_fixed_chance(lambda m: drawn(m, "complete", 1))),
    Call("complete", with_fixed_chance(lambda m: drawn(m, "complete", 2))),
    Call("from_sketch", with_fixed_chance(lambda m: sketched(m, 8, 3))),
    Call("from_sketch", with_fixed_chance(lambda m: sketched(m, 11, 4))),
    Call("from_sketch", with_fixed_chance(lambda m: sketched(m, 0, 1))),
    Call("from_sketch", with_fixed_chance(lambda m: sketched(m, 12, 4))),
    Call("from_sketch", with_fixed_chance(lambda m: sketched(m, -1, 1))),
    Call("from_sketch", with_fixed_chance(lambda m: sketched(m, 2, 4))),
    Call("from_sketch", with_fixed_chance(lambda m: told_by_default(m, "from_sketch"))),
    Call("from_sketch", with_fixed_chance(lambda m: drawn(m, "from_sketch", 1))),
    Call("from_sketch", with_fixed_chance(lambda m: drawn(m, "from_sketch", 2))),
]
