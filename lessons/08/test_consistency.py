"""Checks lesson 08. Expected values come from closed forms: Gaussian data, data of one picture, Python's own floats.

A path of the data N(mu, s ** 2) that ends at mu + s * z comes by at signal * mu + root(signal ** 2 * s ** 2 + sigma **
2) * z. So where it ends is a formula of where it comes by: that is the consistency function.
"""

import copy
import math
from itertools import combinations, islice, pairwise
from unittest.mock import patch

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from cdm_tutor import trainer
from cdm_tutor.course.checks import (
    expect,
    given,
    keeps,
    layouts,
    looks_normal,
    on_other_device,
    own_memory,
    refused,
    same,
    show,
    unchanged,
    unrelated,
)
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.settings import TrainSettings

T = 1000
COSINE, SHORT = make_schedule("cosine", T), make_schedule("cosine", 20)
WHICH = {"cosine schedule of 1000 steps": COSINE, "cosine schedule of 20 steps": SHORT}
HALVINGS = [0, 0.25, 0.5, 1, 1.3, 2.0, 2.7, 3, 4.6, 6.0, 7.5, 20]
LAYOUTS = st.sampled_from(list(layouts(torch.zeros(1, 1, 1, 1))))
SHAPES = st.sampled_from([(1, 1, 2, 2), (2, 3, 4, 6), (3, 2, 5, 3), (5, 1, 3, 4)])
SEEDS = st.integers(0, 999)
STEPS = st.lists(st.sampled_from([-1, 0, 1, 500, T - 1]) | st.integers(-1, T - 1), min_size=5, max_size=5)
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # what torch loads for its first optimiser takes seconds


def schedule_of(*signals):
    """The schedule in which so much of the image is in x_0, x_1, ..."""
    kept = [1.0, *(signal**2 for signal in signals)]
    betas = [1 - after / before for before, after in pairwise(kept)]
    return NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))


BY_HAND = schedule_of(0.96, 0.8, 0.6, 0.28)  # beside them, noise: 0.28, 0.6, 0.8, 0.96


def mix(schedule, t):
    """How much image and how much noise is in x_t; at -1 all is image."""
    left = schedule.alphas_cumprod[t].double().item() if t >= 0 else 1.0
    return math.sqrt(left), math.sqrt(1 - left)


def mixes(schedule, t):
    """The same for each image's step, shaped to multiply images."""
    return tuple(column(numbers) for numbers in zip(*(mix(schedule, int(step)) for step in t), strict=True))


def chance(seed):
    return torch.Generator().manual_seed(seed)


def images(seed, *shape):
    """Images between -1 and 1."""
    return torch.rand(shape, generator=chance(seed)) * 2 - 1


def normal(seed, *shape):
    """Standard normal numbers."""
    return torch.randn(shape, generator=chance(seed))


def column(numbers):
    """One float64 number an image, shaped to multiply images."""
    return torch.as_tensor(numbers, dtype=torch.float64).reshape(-1, 1, 1, 1)


def there(move, schedule=COSINE):
    """The schedule on the device that move leads to."""
    return schedule.to(move(torch.zeros(1)).device)


@pytest.fixture(autouse=True)
def fixed_chance():
    """torch's own random numbers are the same in each run, so that what is right is right each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271828)
        yield


def draws_from_nowhere_else(call, case):
    """Raise Wrong if torch's own random numbers have a part in what the call gives, or go on by it."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.random.get_rng_state()
        found.append(call())
        expect(torch.equal(torch.random.get_rng_state(), before), f"{case}: it draws from torch's global generator")
    same(found[1], found[0], f"{case}, twice the same, with another state of torch's global generator")


def wavy(x_t, t):
    """Another answer for each image and step, with images beyond [-1, 1]."""
    return 2 * (2 * x_t + t.view(-1, 1, 1, 1) / 70).sin()


class Asked:
    """A model that remembers what it was asked; answers as another does."""

    def __init__(self, answer=wavy):
        self.answer, self.asked = answer, []

    def __call__(self, x_t, t):
        self.asked += [(int(step), x.detach().clone()) for step, x in zip(t, x_t, strict=True)]
        same(t.dtype, torch.int64, "dtype of the steps that the model is told")
        return self.answer(x_t, t)

    def check(self, expected, case):
        """Raise Wrong unless it was asked about these (t, image) and nothing else; about t = 0 in the place of -1."""
        some = sum(t >= 0 for t, _ in expected)
        expect(len(self.asked) >= some, f"{case}: the model is asked about {len(self.asked)} images, expected {some}")
        for t, x in expected:
            those = [seen for step, seen in self.asked if step == max(t, 0)]
            words = f"t = {max(t, 0)}" if t >= 0 else "t = 0, in the place of -1"
            known = any(x.shape == seen.shape and torch.allclose(x, seen, atol=1e-4) for seen in those)
            expect(known or t < 0, f"{case}: the model is never asked about the image at {words}")
        expect(
            len(self.asked) <= len(expected),
            f"{case}: the model is asked about {len(self.asked)} images, expected {len(expected)}",
        )
        steps = {max(t, 0) for t, _ in expected}
        for step, _ in self.asked:
            expect(step in steps, f"{case}: the model is asked about t = {step}, expected {sorted(steps)}")


class Ideal:
    """Answers the velocity that leads in one jump to where a path of the data N(mean, spread ** 2) ends.

    `mean` may be a picture, and with spread = 0 it is the only one that there is.
    """

    def __init__(self, schedule, mean, spread=0.0):
        self.schedule, self.mean, self.spread = schedule, mean, spread

    def end(self, x, signal, sigma):
        """Where the path ends that comes by at x."""
        return self.mean + self.spread * (x - signal * self.mean) / (signal**2 * self.spread**2 + sigma**2) ** 0.5

    def __call__(self, x_t, t):
        signal, sigma = mixes(self.schedule, t)
        return ((signal * x_t - self.end(x_t.double(), signal, sigma)) / sigma).to(x_t.dtype)


def jump_in_numbers(model, x_t, t, schedule):
    """Where jump leads, in float64."""
    signal, sigma = mixes(schedule, t)
    return signal * x_t.double() - sigma * model(x_t.double(), t.clamp(min=0))


# --- jump ------------------------------------------------------------------------------------------------------------


@pytest.mark.exercise("jump")
def test_jump_by_hand(lesson):
    """.8 * 1.4 - .6 * .2 = 1 at t = 1; at t = -1 what came in; .96 * 1.4 - .28 * .2 = 1.288 at t = 0."""
    x_t = torch.full((3, 1, 2, 2), 1.4)
    case = "signal (0.96, 0.8, 0.6, 0.28), x_t = 1.4, a model that answers 0.2, t = (1, -1, 0)"
    found = lesson.jump(lambda x_t, t: torch.full_like(x_t, 0.2), x_t, torch.tensor([1, -1, 0]), BY_HAND)
    same(found, torch.tensor([1.0, 1.4, 1.288]).view(3, 1, 1, 1).expand(3, 1, 2, 2), case)
    keeps(found, case, lambda: lesson.jump(lambda x_t, t: x_t, -x_t, torch.tensor([0, 1, 2]), BY_HAND))


@pytest.mark.exercise("jump")
@given(steps=STEPS, shape=SHAPES, layout=LAYOUTS, seed=SEEDS)
def test_jump_reads_the_answer_as_velocity(lesson, steps, shape, layout, seed):
    """Each image at its own step, and nothing is cut off."""
    for words, schedule in WHICH.items():
        x_t = layouts(2 * normal(seed, *shape))[layout]
        t = torch.tensor([min(step, len(schedule) - 1) for step in steps[: shape[0]]])
        case, model = f"{words}, t = {tuple(t.tolist())}, x_t of shape {shape}, in memory {layout}", Asked()
        with unchanged(case, x_t=x_t, t=t):
            found = lesson.jump(model, x_t, t, schedule)
        same(found, jump_in_numbers(wavy, x_t, t, schedule).float(), case, atol=1e-4)
        model.check(list(zip(t.tolist(), x_t, strict=True)), case)
        if t.max() >= 0:
            own_memory(found, case, x_t=x_t)


@pytest.mark.exercise("jump")
@given(examples=15, seed=SEEDS, mean=st.floats(-1, 1), spread=st.sampled_from([0.0, 0.1, 0.5]), steps=STEPS)
def test_jump_leads_to_where_the_path_ends(lesson, seed, mean, spread, steps):
    model, z, t = Ideal(COSINE, mean, spread), normal(seed, 5, 1, 4, 4).double(), torch.tensor(steps)
    signal, sigma = mixes(COSINE, t)
    x_t = (signal * mean + (signal**2 * spread**2 + sigma**2).sqrt() * z).float()
    found = lesson.jump(model, x_t, t, COSINE)
    case = f"data N({mean:.3g}, {spread:g} ** 2), t = {tuple(steps)}"
    same(found, (mean + spread * z).float(), case, atol=1e-3)


@pytest.mark.exercise("jump")
def test_jump_lets_the_gradient_through(lesson):
    """To the answer it is -sigma, to the image signal: 0 and 1 at t = -1. The answer is a number of its own a step."""
    x_t, answers, t = normal(1, 4, 2, 3, 3).requires_grad_(), normal(2, 4).requires_grad_(), torch.tensor([1, 3, -1, 0])
    model, case = lambda x, step: answers[step].view(-1, 1, 1, 1).expand(x.shape), "t = (1, 3, -1, 0)"
    found, pull = lesson.jump(model, x_t, t, BY_HAND), normal(3, 4, 2, 3, 3)
    expect(found.requires_grad, f"{case}: no gradient goes from the jump to the model's answer, so nothing is learned")
    slopes = torch.autograd.grad((found * pull).sum(), [answers, x_t], allow_unused=True)
    signal, sigma = (each.float() for each in mixes(BY_HAND, t))
    to_answers = torch.zeros(4).index_add(0, t.clamp(min=0), (-sigma * pull).sum(dim=(1, 2, 3)))
    for slope, expected, what in zip(slopes, (to_answers, signal * pull), ("the answers", "x_t"), strict=True):
        expect(slope is not None, f"{case}: no gradient reaches {what}")
        same(slope, expected, f"{case}, gradient of {what}", atol=1e-5)


@pytest.mark.exercise("jump")
def test_jump_works_where_the_images_are(lesson):
    x_t, t = normal(1, 4, 2, 3, 5), torch.tensor([5, 300, -1, 999])
    call = lambda move: lesson.jump(lambda x, t: x.sin(), move(x_t), move(t), there(move))  # noqa: E731
    on_other_device(call, "jump", looks_up=True)
    draws_from_nowhere_else(lambda: call(lambda tensor: tensor), "jump")
    found = lesson.jump(wavy, x_t.double(), t, COSINE)
    same(found.dtype, torch.float64, "images and answers of float64, dtype of the jump")


# --- drift -----------------------------------------------------------------------------------------------------------


@pytest.mark.exercise("drift")
def test_drift_by_hand(lesson):
    """The jump from 1.4 leads to 1, .5 from the end; that from the end is the end. With 0.5 and 2: root(.25 + 4)."""
    model = lambda x_t, t: torch.full_like(x_t, 0.2)  # noqa: E731
    points = [(1, torch.full((1, 1, 1, 1), 1.4)), (-1, torch.full((1, 1, 1, 1), 0.5))]
    case = "a path that comes by 1.4, where alpha_bar_t = 0.64, and ends at 0.5, a model that answers 0.2"
    found = lesson.drift(model, list(points), BY_HAND)
    same(found, torch.tensor([[0.5], [0.0]]), case)
    keeps(found, case, lambda: lesson.drift(model, [(1, torch.full((1, 1, 1, 1), 2.0)), points[1]], BY_HAND))
    points = [(1, torch.full((1, 1, 1, 2), 1.4)), (-1, torch.tensor([0.5, 3.0]).view(1, 1, 1, 2))]
    expected = torch.tensor([[math.sqrt((0.5**2 + 2**2) / 2)], [0.0]])
    same(lesson.drift(model, points, BY_HAND), expected, f"{case} in one pixel and at 3 in another")


@pytest.mark.exercise("drift")
@given(
    examples=15,
    steps=st.lists(st.integers(0, T - 1), min_size=0, max_size=4, unique=True),
    shape=SHAPES,
    layout=LAYOUTS,
    seed=SEEDS,
)
def test_drift_is_how_far_each_jump_is_from_the_end(lesson, steps, shape, layout, seed):
    for words, schedule in WHICH.items():
        visited = [*sorted({step % len(schedule) for step in steps}, reverse=True), -1]
        points = [(t, layouts(2 * normal(seed + t + 1, *shape))[layout]) for t in visited]
        case, model = f"{words}, points at {visited}, of shape {shape}, in memory {layout}", Asked()
        given_points = list(points)
        with unchanged(case, **{f"the image at t = {t}": x for t, x in points}):
            found = lesson.drift(model, given_points, schedule)
        same(len(given_points), len(points), f"{case}: number of points after the call")
        rows = []
        for t, x in points:
            ends = jump_in_numbers(wavy, x, torch.full((shape[0],), t), schedule)
            rows.append(torch.stack([(a - b).norm() / a.numel() ** 0.5 for a, b in zip(ends, points[-1][1].double())]))  # noqa: B905
        same(found, torch.stack(rows).float(), case, atol=1e-4)
        model.check([(t, image) for t, x in points for image in x], case)


def on_the_way(z, mean, spread, visited):
    """Where a path of the data N(mean, spread ** 2) comes by."""
    levels = [mix(COSINE, t) for t in visited]
    return [
        (t, (signal * mean + math.hypot(signal * spread, sigma) * z).float())
        for t, (signal, sigma) in zip(visited, levels, strict=True)
    ]


@pytest.mark.exercise("drift")
@pytest.mark.parametrize(("mean", "spread"), [(0.2, 0.3), (-0.5, 0.05), (0.7, 0.0)])
def test_consistent_models_do_not_drift(lesson, mean, spread):
    """And the ideal denoiser does, the more the farther it is from the end: its guess is a formula as well."""
    z, visited = normal(1, 3, 1, 6, 6).double(), [999, 749, 499, 249, 99, -1]
    points, case = on_the_way(z, mean, spread, visited), f"data N({mean}, {spread} ** 2), points at {visited}"
    found = lesson.drift(Ideal(COSINE, mean, spread), points, COSINE)
    same(found, torch.zeros(6, 3), f"{case}, a consistent model", atol=1e-3)

    def denoiser(x_t, t):
        signal, sigma = (each.float() for each in mixes(COSINE, t))
        guess = mean + signal * spread**2 * (x_t - signal * mean) / (signal**2 * spread**2 + sigma**2)
        return (signal * x_t - guess) / sigma

    levels = [mix(COSINE, t) for t in visited]
    less = [1 - (a * spread / math.hypot(a * spread, b) if spread else 1.0) for a, b in levels]
    size = z.square().flatten(1).mean(dim=1).sqrt()
    expected = torch.stack([spread * each * size for each in less]).float()
    same(lesson.drift(denoiser, points, COSINE), expected, f"{case}, the ideal denoiser", atol=1e-3)


@pytest.mark.exercise("drift")
def test_drift_keeps_no_graph_and_works_where_the_images_are(lesson):
    weight, shape = torch.tensor(0.5, requires_grad=True), (2, 2, 3, 5)
    points = [(t, normal(t + 2, *shape)) for t in (900, 300, -1)]
    found = lesson.drift(lambda x_t, t: weight * x_t, points, COSINE)
    expect(not found.requires_grad, "a model with weights: what comes back hangs on the graph of them, expected none")
    expect(torch.is_grad_enabled(), "after it, gradients are switched off for everybody")

    def call(move):
        return lesson.drift(lambda x_t, t: x_t.sin(), [(t, move(x)) for t, x in points], there(move))

    on_other_device(call, "drift", looks_up=True)
    draws_from_nowhere_else(lambda: call(lambda tensor: tensor), "drift")
    found = lesson.drift(wavy, [(t, x.double()) for t, x in points], COSINE)
    same(found.dtype, torch.float64, "images and answers of float64, dtype of drift")


# --- earlier ---------------------------------------------------------------------------------------------------------


def clear(t, halvings):
    """Whether rounding up is no question of the last digits: exact powers of two, or far from a whole number."""
    way = (t + 1) * 2.0**-halvings
    return float(halvings).is_integer() or abs(way - round(way)) > 1e-3


def earlier_in_numbers(t, halvings):
    return t - math.ceil((t + 1) * 2.0**-halvings)


@pytest.mark.exercise("earlier")
def test_earlier_by_hand(lesson):
    """From 9 it is 10 steps to the clean image; halved 5, 2.5, ..., which is rounded up."""
    for halvings, expected in [(0, -1), (1, 4), (2, 6), (5, 8)]:
        found = lesson.earlier(torch.tensor([9]), halvings)
        same(found, torch.tensor([expected]), f"t = 9, halvings = {halvings}")


@pytest.mark.exercise("earlier")
@given(steps=st.lists(st.integers(0, T - 1), min_size=1, max_size=6), halvings=st.sampled_from(HALVINGS))
def test_earlier_halves_the_way_to_the_clean_image(lesson, steps, halvings):
    steps = [t for t in steps if clear(t, halvings)] or [9, 700]
    t, case = torch.tensor(steps), f"t = {tuple(steps)}, halvings = {halvings}"
    with unchanged(case, t=t):
        found = lesson.earlier(t, halvings)
    same(found, torch.tensor([earlier_in_numbers(t, halvings) for t in steps]), case)
    own_memory(found, case, t=t)


@pytest.mark.exercise("earlier")
@pytest.mark.parametrize("halvings", [0.0, 1.0, 2.0, 3, 6.0, 9.0, 10, 11.5, 30.0])
def test_earlier_is_never_t_itself(lesson, halvings):
    """All steps of a schedule at once, and of a longer one."""
    for count in (1000, 4096):
        steps = [t for t in range(count) if clear(t, halvings)]
        found, case = lesson.earlier(torch.tensor(steps), halvings), f"t = 0 to {count - 1}, halvings = {halvings:g}"
        same(found, torch.tensor([earlier_in_numbers(t, halvings) for t in steps]), case)
        expect(bool((found < torch.tensor(steps)).all()), f"{case}: there are steps that are not earlier than t")


@pytest.mark.exercise("earlier")
def test_earlier_works_where_the_steps_are(lesson):
    t = torch.tensor([5, 300, 999])
    on_other_device(lambda move: lesson.earlier(move(t), 2.7), "earlier", looks_up=True)
    first = lesson.earlier(t, 2.7)
    keeps(first, "t = (5, 300, 999), halvings = 2.7", lambda: lesson.earlier(t.flip(0), 1.0))
    draws_from_nowhere_else(lambda: lesson.earlier(t, 2.7), "earlier")


# --- robust_distance -------------------------------------------------------------------------------------------------


@pytest.mark.exercise("robust_distance")
def test_robust_distance_by_hand(lesson):
    """root(.04 ** 2 + .03 ** 2) - .03 = .02; of .4 hardly anything goes; none is none; .4 is .8 in one pixel of 4."""
    off = torch.tensor([[0.04] * 4, [0.4] * 4, [0.0] * 4, [0.8, 0.0, 0.0, 0.0]]).view(4, 1, 2, 2)
    a, case = images(1, 4, 1, 2, 2), "off by .04 in all pixels, by .4 in all, by nothing, by .8 in one pixel of four"
    expected = torch.tensor([0.02, math.sqrt(0.1609) - 0.03, 0.0, math.sqrt(0.1609) - 0.03])
    found = lesson.robust_distance(a, a + off)
    same(found, expected, case, atol=1e-6)
    same(lesson.robust_distance(a + off, a), expected, f"{case}, the other way round", atol=1e-6)
    keeps(found, case, lambda: lesson.robust_distance(a, -a))


@pytest.mark.exercise("robust_distance")
@given(seed=SEEDS, scale=st.sampled_from([0.001, 0.01, 0.03, 0.1, 1.0, 30.0]), shape=SHAPES, layout=LAYOUTS)
def test_robust_distance_is_of_each_image(lesson, seed, scale, shape, layout):
    sizes = torch.tensor([0.3, 1.0, 2.0, 0.1, 5.0])[: shape[0]].view(-1, 1, 1, 1)
    a = images(seed, *shape)
    a, b = layouts(a)[layout], layouts(a + scale * sizes * normal(seed + 1, *shape))[layout]
    case = f"images of shape {shape}, in memory {layout}, off by about {scale:g}"
    with unchanged(case, a=a, b=b):
        found = lesson.robust_distance(a, b)
    rows = [[x - y for x, y in zip(*(each.flatten().tolist() for each in pair), strict=True)] for pair in zip(a, b)]  # noqa: B905
    expected = [math.hypot(math.sqrt(sum(d * d for d in row) / len(row)), 0.03) - 0.03 for row in rows]
    same(found, torch.tensor(expected), case, rtol=1e-3, atol=1e-7)


@pytest.mark.exercise("robust_distance")
@pytest.mark.parametrize("scale", [0.01, 0.3])
def test_robust_distance_pulls_evenly(lesson, scale):
    """The gradient is off / pixels / root(d ** 2 + .03 ** 2): never too large, and 0 where the images are the same."""
    off = scale * normal(2, 3, 2, 3, 4)
    off[1] = 0
    b = images(1, 3, 2, 3, 4)
    a, b = (b + off).requires_grad_(), b.requires_grad_()
    found, case = lesson.robust_distance(a, b), f"three images, off by about {scale}, the second by nothing"
    expect(found.requires_grad, f"{case}: no gradient goes from the distance to the images")
    slopes = torch.autograd.grad(found.sum(), [a, b], allow_unused=True)
    d = off.double().square().flatten(1).mean(dim=1).view(-1, 1, 1, 1)
    expected = (off / 24 / (d + 0.0009).sqrt()).float()
    for slope, right, what in zip(slopes, (expected, -expected), "ab", strict=True):
        expect(slope is not None, f"{case}: no gradient reaches {what}")
        same(slope, right, f"{case}, gradient of {what}", rtol=1e-3, atol=1e-6)


@pytest.mark.exercise("robust_distance")
def test_robust_distance_works_where_the_images_are(lesson):
    a, b = images(1, 3, 2, 3, 4), images(2, 3, 2, 3, 4)
    on_other_device(lambda move: lesson.robust_distance(move(a), move(b)), "robust_distance")
    draws_from_nowhere_else(lambda: lesson.robust_distance(a, b), "robust_distance")
    found = lesson.robust_distance(a.double(), b.double())
    same(found.dtype, torch.float64, "images of float64, dtype of robust_distance")


# --- consistency_loss ------------------------------------------------------------------------------------------------


def loss_in_numbers(model, x0, t, noise, schedule, halvings):
    """The loss, in float64; nothing is learned through the target."""
    x0, noise, steps = x0.double(), noise.double(), t.tolist()
    r = torch.tensor([earlier_in_numbers(step, halvings) for step in steps])
    ends = []
    for step in (t, r):
        signal, sigma = mixes(schedule, step)
        ends.append(signal * (x := signal * x0 + sigma * noise) - sigma * model(x, step.clamp(min=0)))
    off = (ends[0] - ends[1].detach().clamp(-1, 1)).flatten(1)
    weights = torch.tensor([(step + 1) / (step - back) for step, back in zip(steps, r.tolist(), strict=True)])
    return ((off.square().mean(dim=1) + 0.0009).sqrt() - 0.03) * weights


def batch(seed, t, *shape):
    """Images, their steps and noise for them."""
    return images(seed, len(t), *shape), torch.tensor(t), normal(seed + 1, len(t), *shape)


@pytest.mark.exercise("consistency_loss")
@pytest.mark.parametrize(("halvings", "ends"), [(0, (0.5, -1.0)), (1, (0.68, -0.644))])
def test_consistency_loss_by_hand(lesson, halvings, ends):
    """From t = 3 there are 4 steps to the clean image, or 2 to r = 1: then the distance counts twice.

    At t = 3 the images are .28 * .5 + .96 * 1 and .28 * -1 + .96 * 1. A jump from x leads to .28 * x - .96 * .2.
    At r = 1 they are .8 * .5 + .6 * 1 and .8 * -1 + .6 * 1; a jump leads to .8 * x - .6 * .2, or to .68 and -.28.
    """
    x0 = torch.tensor([0.5, -1.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    noise, t, model = torch.ones(2, 1, 4, 4), torch.tensor([3, 3]), lambda x_t, t: torch.full_like(x_t, 0.2)
    starts = [0.28 * x + 0.96 for x in (0.5, -1.0)]
    ends = (0.5, -1.0) if halvings == 0 else (0.68, 0.8 * (-0.2) - 0.12)
    expected = [
        (math.hypot(0.28 * start - 0.192 - end, 0.03) - 0.03) * (2 if halvings else 1)
        for start, end in zip(starts, ends, strict=True)
    ]
    case = f"x0 = (0.5, -1), noise = 1, t = 3, halvings = {halvings}, a model that answers 0.2"
    found = lesson.consistency_loss(model, x0, t, noise, BY_HAND, "v", halvings)
    same(found, torch.tensor(expected), case, atol=1e-5)
    keeps(found, case, lambda: lesson.consistency_loss(model, -x0, t, noise, BY_HAND, "v", 2.0))


@pytest.mark.exercise("consistency_loss")
@given(
    steps=st.lists(st.integers(0, T - 1), min_size=5, max_size=5),
    halvings=st.sampled_from([*HALVINGS, None]),
    shape=SHAPES,
    layout=LAYOUTS,
    seed=SEEDS,
)
def test_consistency_loss_compares_two_jumps(lesson, steps, halvings, shape, layout, seed):
    """Of the same image and noise. The one from t is not cut off, the other is; both reach beyond [-1, 1] here."""
    for words, schedule in WHICH.items():
        number = 6.0 if halvings is None else halvings
        steps_here = [each % len(schedule) for each in steps[: shape[0]]]
        steps_here = [each if clear(each, number) else 9 for each in steps_here]
        x0, noise = (layouts(each)[layout] for each in (images(seed, *shape), normal(seed + 1, *shape)))
        t, model, options = torch.tensor(steps_here), Asked(), [] if halvings is None else ["v", halvings]
        case = f"{words}, t = {tuple(steps_here)}, {f'halvings = {halvings}' if options else 'no halvings given'}, "
        case += f"images of shape {shape}, in memory {layout}"
        with unchanged(case, x0=x0, t=t, noise=noise):
            found = lesson.consistency_loss(model, x0, t, noise, schedule, *options)
        expected = loss_in_numbers(wavy, x0, t, noise, schedule, number)
        same(found, expected.float(), case, rtol=1e-3, atol=1e-4)
        meets = []
        for step, image, its_noise in zip(steps_here, x0, noise, strict=True):
            for each in (step, earlier_in_numbers(step, number)):
                signal, sigma = mix(schedule, each)
                meets.append((each, signal * image + sigma * its_noise))
        model.check(meets, case)


@pytest.mark.exercise("consistency_loss")
@given(examples=10, seed=SEEDS, halvings=st.sampled_from([0.5, 1.3, 2.7, 6.0]), spread=st.sampled_from([0.0, 0.1]))
def test_consistency_loss_of_a_consistent_model(lesson, seed, halvings, spread):
    """Of one picture there is nothing to learn. Of more, the two are on neighbouring paths: how far is a formula."""
    x0, t, noise = batch(seed, [999, 700, 402, 33], 1, 3, 4)
    model = Ideal(COSINE, 0.2, spread)
    x0 = 0.2 + spread * x0
    found = lesson.consistency_loss(model, x0, t, noise, COSINE, "v", halvings)
    r = [earlier_in_numbers(step, halvings) for step in t.tolist()]
    ends = [
        model.end(signal * x0 + sigma * noise, signal, sigma).clamp(-1, 1)
        for signal, sigma in (mixes(COSINE, t), mixes(COSINE, r))
    ]
    weights = [(step + 1) / (step - back) for step, back in zip(t.tolist(), r, strict=True)]
    off = (ends[0] - ends[1]).square().flatten(1).mean(dim=1)
    expected = (((off + 0.0009).sqrt() - 0.03) * torch.tensor(weights)).float()
    case = f"data N(0.2, {spread} ** 2), t = {tuple(t.tolist())}, halvings = {halvings}"
    same(found, expected, case, rtol=1e-2, atol=2e-5)


@pytest.mark.exercise("consistency_loss")
@given(
    examples=10, seed=SEEDS, halvings=st.sampled_from([0.0, 1, 2.7, 6.0]), answer=st.sampled_from(["wavy", "straight"])
)
def test_consistency_loss_learns_by_the_jump_from_t(lesson, seed, halvings, answer):
    """And not by the target: that is a number like any other, though the same weights made it."""
    x0, t, noise = batch(seed, [999, 700, 402, 33, 0], 2, 3, 4)
    slopes = []
    for call, kind in [
        (lambda model: lesson.consistency_loss(model, x0, t, noise, COSINE, "v", halvings), torch.float32),
        (lambda model: loss_in_numbers(model, x0, t, noise, COSINE, halvings), torch.float64),
    ]:
        weights = torch.tensor([0.7, -0.4], dtype=kind, requires_grad=True)

        def model(x_t, t, weights=weights):
            if answer == "wavy":
                return 2 * (weights[0] * x_t + t.view(-1, 1, 1, 1) / 70).sin() + weights[1]
            return weights[0] * x_t + weights[1]

        loss = call(model)
        expect(loss.requires_grad, "no gradient goes from the loss to the model's weights, so nothing is learned")
        slopes.append([torch.autograd.grad(each, weights, retain_graph=True)[0].double() for each in loss])
    for place, (mine, theirs) in enumerate(zip(*slopes, strict=True)):
        case = f"t = {int(t[place])}, halvings = {halvings}, gradient of the model's two weights"
        same(mine, theirs, case, rtol=1e-2, atol=1e-3 * max(1.0, theirs.abs().max().item()))


@pytest.mark.exercise("consistency_loss")
def test_consistency_loss_is_of_velocity(lesson):
    x0, t, noise = batch(1, [999, 700, 402], 1, 3, 4)
    first = lesson.consistency_loss(wavy, x0, t, noise, COSINE)
    same(lesson.consistency_loss(wavy, x0, t, noise, COSINE, "v"), first, 'prediction "v", and none given')
    for options in (["noise"], ["noise", 0.0]):
        with refused(f"a model that predicts noise, {options}"):
            lesson.consistency_loss(wavy, x0, t, noise, COSINE, *options)
    expect(torch.is_grad_enabled(), "after it, gradients are switched off for everybody")


@pytest.mark.exercise("consistency_loss")
def test_consistency_loss_works_where_the_images_are(lesson):
    x0, t, noise = batch(1, [999, 700, 402, 0], 2, 3, 5)

    def call(move):
        return lesson.consistency_loss(lambda x, t: x.sin(), move(x0), move(t), move(noise), there(move), "v", 2.7)

    on_other_device(call, "consistency_loss", looks_up=True)
    draws_from_nowhere_else(lambda: call(lambda tensor: tensor), "consistency_loss")
    found = lesson.consistency_loss(wavy, x0.double(), t, noise.double(), COSINE)
    same(found.dtype, torch.float64, "images and answers of float64, dtype of the loss")


# --- tune ------------------------------------------------------------------------------------------------------------


class Net(nn.Module):
    """Two weights; it remembers the steps that it is asked about."""

    def __init__(self):
        super().__init__()
        self.weights, self.asked = nn.Parameter(torch.tensor([0.7, -0.4], dtype=torch.float64)), []

    def forward(self, x_t, t):
        self.asked += t.tolist()
        return 2 * (self.weights[0] * x_t + t.view(-1, 1, 1, 1) / 150).sin() + self.weights[1]


# (7, 2, 3, 4), and in memory not in that order
PICTURES = torch.linspace(-1, 1, 7 * 24, dtype=torch.float64).sin().reshape(7, 4, 3, 2).transpose(1, 3)


def in_training(**settings):
    """A training of Net, from the package."""
    settings = {"steps": 6, "batch": 4, "prediction": "v", "warmup": 0, "lr": 0.02, "seed": 3, **settings}
    return trainer.Training(Net(), COSINE, TrainSettings(**settings))


def take(lesson, training, count, *most, pictures=PICTURES):
    """The first steps of tune, no more than asked for."""
    steps = lesson.tune(training, pictures, *most)
    expect(
        hasattr(steps, "__iter__"), f"tune: yours gives {show(steps)}, expected something that yields a Step at a time"
    )
    taken = list(islice(steps, count))
    for step in taken:
        expect(isinstance(step, trainer.Step), f"tune: yours yields {show(step)}, expected a Step, as fit does")
    return taken


def by_fit(training, halvings):
    """The steps of fit by a loss in float64, with so many halvings at each."""
    left = list(halvings)
    training.loss = lambda model, x0, t, noise, schedule, prediction: loss_in_numbers(
        model, x0, t, noise, schedule, left[0]
    )
    for step in islice(trainer.fit(training, PICTURES), len(halvings)):
        left.pop(0)
        yield step


def compare(mine, theirs, training, right, case):
    """Raise Wrong unless steps and weights are the same."""
    same([step.step for step in mine], [step.step for step in theirs], f"{case}: the numbers of the steps")
    for name in ("loss", "lr", "progress"):
        for step, other in zip(mine, theirs, strict=True):
            same(getattr(step, name), getattr(other, name), f"{case}: {name} of step {other.step}", rtol=1e-4)
    for name in ("model", "ema"):
        weights, expected = (getattr(each, name).weights.detach() for each in (training, right))
        same(weights, expected, f"{case}: the weights of {name} after {len(theirs)} steps", rtol=1e-3)
    same(training.step, right.step, f"{case}: training.step")


@pytest.mark.exercise("tune")
def test_tune_by_hand(lesson):
    """Four steps, most = 4: none, 1, 2 and 3 halvings. A model that is asked about t is asked about r as well."""
    training = in_training(steps=4, batch=1)
    for number in range(4):
        (_, t, _) = trainer.draw_batch(PICTURES, number, T, training.settings)
        t, training.model.asked[:] = int(t), []
        take(lesson, training, 1, 4.0)
        r = max(0, earlier_in_numbers(t, number))
        case = f"most = 4, step {number + 1} of 4, an image at t = {t}"
        asked = sorted(set(training.model.asked))
        expect(
            asked in ([r, t], [t]) and (number == 0 or r in asked),
            f"{case}: the network is asked about t = {asked}, expected {t}, and {r} for the target",
        )


@pytest.mark.exercise("tune")
@pytest.mark.parametrize(
    ("settings", "done", "most"),
    [({}, 0, 4.4), ({"accumulate": 2}, 2, 3.1), ({"steps": 8, "t_below": 300}, 5, 7.3), ({"steps": 3}, 0, 0.0)],
)
def test_tune_halves_by_the_progress_before_each_step(lesson, settings, done, most):
    """Compared with fit, told of so many halvings at each step: none at the start, and never quite the most."""
    training, right = (in_training(**settings) for _ in range(2))
    training.step = right.step = done
    steps = training.settings.steps
    halvings = [most * number / steps for number in range(done, steps)]
    mine, theirs = take(lesson, training, 20, most), list(by_fit(right, halvings))
    compare(mine, theirs, training, right, f"{settings}, {steps} steps, of which {done} are done, most = {most}")


@pytest.mark.exercise("tune")
def test_tune_goes_to_the_usual_halvings_if_nothing_is_said(lesson):
    training, right = in_training(steps=3), in_training(steps=3)
    mine, theirs = take(lesson, training, 9), list(by_fit(right, [0.0, 2.0, 4.0]))
    compare(mine, theirs, training, right, "3 steps, most not given, which is HALVINGS = 6")


class Clock:
    """In the place of time: each look at it comes so many seconds after the last."""

    def __init__(self, seconds):
        self.now, self.seconds = 0.0, seconds

    def perf_counter(self):
        self.now += self.seconds
        return self.now


@pytest.mark.exercise("tune")
@pytest.mark.parametrize(
    ("settings", "seconds", "steps"),
    [({"steps": None}, 0.0, 6), ({"steps": None}, 6.0, 3), ({"steps": 10}, 0.0, 6), ({"steps": 4}, 1.0, 4)],
)
def test_tune_goes_by_the_clock_as_well(lesson, settings, seconds, steps):
    """12 seconds, of which each step takes 2.3; or so many steps, whichever is up first."""
    by_steps = settings["steps"] or math.inf
    progress = [max((seconds + 2.3 * number) / 12, number / by_steps) for number in range(steps)]
    found = []
    for kind in ("mine", "theirs"):
        training = in_training(minutes=0.2, **settings)
        training.seconds = seconds
        with patch.object(trainer, "time", Clock(2.3)):
            taken = take(lesson, training, 9, 5.3) if kind == "mine" else by_fit(training, [5.3 * p for p in progress])
            found += [list(taken), training]
    case = f"{settings} and 12 s, of which {seconds:g} are over, 2.3 s a step, most = 5.3"
    compare(found[0], found[2], found[1], found[3], case)
    same([step.seconds for step in found[0]], [step.seconds for step in found[2]], f"{case}: seconds")


@pytest.mark.exercise("tune")
@given(examples=4, stop=st.integers(0, 5), anew=st.booleans())
def test_tune_that_stopped_goes_on_as_if_it_had_not(lesson, stop, anew):
    whole, first, second = (in_training() for _ in range(3))
    theirs = take(lesson, whole, 9, 4.4)
    mine = take(lesson, first, stop, 4.4)
    if anew:
        second.load_state_dict(copy.deepcopy(first.state_dict()))
    else:
        second = first
    mine += take(lesson, second, 9, 4.4)
    where = "in a new Training, from its state_dict" if anew else "in the same Training"
    compare(mine, theirs, second, whole, f"6 steps, stopped after {stop}, gone on {where}")


@pytest.mark.exercise("tune")
def test_tune_takes_a_step_when_it_is_asked_for_one(lesson):
    training = in_training()
    steps = iter(lesson.tune(training, PICTURES, 4.4))
    same(training.step, 0, "tune, before anything is asked of it: steps taken")
    for number in (1, 2, 3):
        step = next(steps)
        same((step.step, training.step), (number, number), f"{number} steps asked for: its number, and training.step")
    over = in_training()
    over.step = 6
    same(len(take(lesson, over, 3, 4.4)), 0, "6 steps, of which 6 are done: steps taken")
    expect(torch.is_grad_enabled(), "after it, gradients are switched off for everybody")


@pytest.mark.exercise("tune")
def test_tune_refuses_what_cannot_be(lesson):
    take(lesson, in_training(batch=7), 1)  # this is fine
    with refused("a batch of 8, but 7 images"):
        take(lesson, in_training(batch=8), 1)
    with refused("a training of a network that predicts noise"):
        take(lesson, in_training(prediction="noise"), 1)


# --- sample_by_jumps -------------------------------------------------------------------------------------------------


def visits_of(T, steps):
    """The steps to visit, in pairs, as spaced_timesteps has them in lesson 04."""
    visited = [round(T - i * T / steps) - 1 for i in range(steps)]
    return list(zip(visited, [*visited[1:], -1], strict=True))


def drawn(lesson, model, x_T, schedule, *, seed=1, **options):
    return lesson.sample_by_jumps(model, x_T, schedule, generator=chance(seed), **options)


@pytest.mark.exercise("sample_by_jumps")
def test_sample_by_jumps_by_hand(lesson):
    """Two jumps: from t = 3 to .5, which is noised to .8 * .5 + .6 * noise at t = 1; from there to -.77, the end."""
    asked = []

    def model(x_t, t):
        asked.append((t, x_t.clone()))
        guess, signal, sigma = (0.5, 0.28, 0.96) if len(asked) == 1 else (-0.77, 0.8, 0.6)
        return (signal * x_t - guess) / sigma

    x_T, case = normal(2, 2, 1, 80, 80), "signal (0.96, 0.8, 0.6, 0.28), 2 steps"
    with unchanged(case, x_T=x_T):
        found = drawn(lesson, model, x_T, BY_HAND, steps=2)
    same(len(asked), 2, f"{case}, how often the model is asked")
    for (t, _), step in zip(asked, (3, 1), strict=True):
        same(t, torch.tensor([step, step]), f"{case}, the steps that the model is told")
    same(asked[0][1], x_T, f"{case}, what the model is asked about first")
    looks_normal((asked[1][1] - 0.8 * 0.5) / 0.6, x_T, f"{case}, the noise in x_1, made of a guess of 0.5")
    same(found, torch.full_like(x_T, -0.77), f"{case}, a last guess of -0.77", atol=1e-4)


@pytest.mark.exercise("sample_by_jumps")
@given(value=st.floats(-1, 1), steps=st.integers(1, 6), shape=SHAPES, layout=LAYOUTS, seed=SEEDS)
def test_sample_by_jumps_finds_the_only_picture_there_is(lesson, value, steps, shape, layout, seed):
    picture = (value + images(seed + 1, *shape)) / 2
    for words, schedule in WHICH.items():
        x_T, case = layouts(normal(seed, *shape))[layout], f"{words}, {steps} steps, one picture for each image, "
        case += f"x_T of shape {shape}, in memory {layout}"
        with unchanged(case, x_T=x_T):
            found = drawn(lesson, Ideal(schedule, picture), x_T, schedule, steps=steps)
        same(found, picture, case, atol=1e-4)
        own_memory(found, case, x_T=x_T)


@pytest.mark.exercise("sample_by_jumps")
@pytest.mark.parametrize("steps", [1, 4])
def test_sample_by_jumps_draws_the_data(lesson, steps):
    """Data N(.1, .2 ** 2), a consistent model. 40,000 pixels: six standard errors, off once in 500 million."""
    x_T, case = normal(1, 4, 1, 100, 100), f"data N(.1, .2 ** 2), {steps} steps"
    model = Ideal(COSINE, 0.1, 0.2)
    found = drawn(lesson, model, x_T, COSINE, steps=steps)
    same(found.mean().item(), 0.1, f"{case}, mean", rtol=0.0, atol=6 * 0.2 / 200)
    same(found.std().item(), 0.2, f"{case}, standard deviation", rtol=6 / math.sqrt(80000))
    if steps == 1:
        same(found, model.end(x_T.double(), *mix(COSINE, 999)).clamp(-1, 1).float(), case, atol=1e-4)


@pytest.mark.exercise("sample_by_jumps")
@pytest.mark.parametrize(("T", "steps"), [(1000, 1), (1000, 4), (4, 4)])
def test_sample_by_jumps_noises_anew_between_two_jumps(lesson, T, steps):
    """By the formulas: guesses are clipped, and what is left of the next x is fresh noise, each time another."""
    schedule, shape, visits = {1000: COSINE, 4: BY_HAND}[T], (2, 2, 40, 30), visits_of(T, steps)
    every = []
    for seed in (1, 2):
        x_T, model, told = normal(3, *shape), Asked(), []
        case = f"T = {T}, {steps} steps"
        note = lambda guess, x, told=told: told.append((guess, x))  # noqa: E731
        found = drawn(lesson, model, x_T, schedule, seed=seed, steps=steps, on_step=note)
        same([step for step, _ in model.asked[:: shape[0]]], [t for t, _ in visits], f"{case}, the steps asked about")
        met = [torch.stack([x for _, x in model.asked[at : at + 2]]) for at in range(0, 2 * steps, 2)]
        same(met[0], x_T, f"{case}, what the model is asked about first")
        same(len(told), steps, f"{case}, how often on_step is told")
        for number, ((t, prev_t), x, (guess, after)) in enumerate(zip(visits, met, told, strict=True)):
            its = f"{case}, jump {number + 1}, from {t}"
            image = jump_in_numbers(wavy, x, torch.full((2,), t), schedule).clamp(-1, 1).float()
            (signal, sigma), (signal_prev, sigma_prev) = mix(schedule, t), mix(schedule, prev_t)
            expect(hasattr(guess, "pred_x0"), f"{its}: on_step is told {show(guess)}, expected a Guess")
            same(guess.t, t, f"{its}: t of the guess that on_step is told")
            same(guess.pred_x0, image, f"{its}: pred_x0 of the guess that on_step is told", atol=2e-4)
            rest = (x - signal * guess.pred_x0) / sigma
            same(guess.pred_noise, rest, f"{its}: pred_noise of the guess that on_step is told", atol=1e-3 / sigma)
            expected = found if prev_t < 0 else met[number + 1]
            same(after, expected, f"{its}: the x that on_step is told, compared with what comes next")
            if prev_t < 0:
                same(found, image, f"{its}: the result", atol=2e-4)
            else:
                every.append((after - signal_prev * image) / sigma_prev)
                looks_normal(every[-1], x_T, f"{its}: the noise of what it leads to, at {prev_t}")
                rest = (rest - rest.mean()) / rest.std()
                unrelated(every[-1], rest, f"{its}: the covariance of that noise with the noise that was guessed")
    for one, another in combinations(every, 2):
        unrelated(one, another, f"{case}, two jumps, or two seeds: the covariance of their noises")


@pytest.mark.exercise("sample_by_jumps")
def test_sample_by_jumps_jumps_once_if_nothing_is_said(lesson):
    x_T, model = normal(1, 2, 3, 4, 6), Asked()
    found, case = drawn(lesson, model, x_T, COSINE), "T = 1000, no steps given"
    model.check([(999, x) for x in x_T], case)
    same(found, jump_in_numbers(wavy, x_T, torch.tensor([999, 999]), COSINE).clamp(-1, 1).float(), case, atol=1e-4)


@pytest.mark.exercise("sample_by_jumps")
@pytest.mark.parametrize("steps", [0, -1, 5, 1000])
def test_sample_by_jumps_refuses_what_cannot_be(lesson, steps):
    x_T, model = normal(1, 1, 1, 2, 2), Ideal(BY_HAND, 0.5)
    drawn(lesson, model, x_T, BY_HAND, steps=4)  # this is fine
    with refused(f"T = 4, steps = {steps}"):
        drawn(lesson, model, x_T, BY_HAND, steps=steps)


@pytest.mark.exercise("sample_by_jumps")
@pytest.mark.parametrize("steps", [1, 3])
def test_sample_by_jumps_keeps_no_graph_and_draws_from_the_generator(lesson, steps):
    """It goes on from where it is, and no other chance has a part."""
    weight, x_T, generator = torch.tensor(0.5, requires_grad=True), normal(1, 2, 1, 4, 4), chance(5)

    def images_by(generator, x_T=x_T):
        return lesson.sample_by_jumps(lambda x, t: weight * x, x_T, COSINE, generator=generator, steps=steps)

    first, case = images_by(generator), f"{steps} steps"
    expect(not first.requires_grad, f"{case}: what comes back hangs on the graph of the model's weights, expected none")
    expect(torch.is_grad_enabled(), f"{case}: after it, gradients are switched off for everybody")
    keeps(first, f"{case}, two calls", lambda: images_by(generator, -x_T))
    same(images_by(chance(5)), first, f"{case}, twice with a generator of the same seed")
    if steps > 1:
        other = images_by(generator)
        expect(not torch.equal(other, first), f"{case}, one generator, two calls: its numbers should go on")
    draws_from_nowhere_else(lambda: images_by(chance(5)), f"{case}, sample_by_jumps")


@pytest.mark.exercise("sample_by_jumps")
def test_sample_by_jumps_works_where_and_however_x_T_lies(lesson):
    x_T = normal(1, 2, 3, 4, 6)
    for layout, lying in layouts(x_T).items():
        found = drawn(lesson, wavy, lying, COSINE, steps=3)
        same(found, drawn(lesson, wavy, x_T, COSINE, steps=3), f"x_T in memory {layout}, against the same as usual")
    call = lambda move: drawn(lesson, lambda x, t: x.sin(), move(x_T), there(move), steps=3)  # noqa: E731
    on_other_device(call, "sample_by_jumps", looks_up=True)
    found = drawn(lesson, wavy, x_T.double(), COSINE, steps=3)
    same(found.dtype, torch.float64, "x_T and answers of float64, dtype of the images")


@pytest.mark.exercise("sample_by_jumps")
@pytest.mark.parametrize(("T", "steps"), [(1000, 2), (1000, 7), (20, 20), (20, 1), (4, 3)])
def test_sample_by_jumps_visits_steps_that_are_spread_evenly(lesson, T, steps):
    schedule, model = {1000: COSINE, 20: SHORT, 4: BY_HAND}[T], Asked()
    drawn(lesson, model, normal(1, 1, 1, 2, 2), schedule, steps=steps)
    case = f"T = {T}, {steps} steps: the steps that the model is asked about"
    same([step for step, _ in model.asked], [t for t, _ in visits_of(T, steps)], case)


# --- all together ----------------------------------------------------------------------------------------------------


@pytest.mark.chain
def test_your_network_learns_to_jump(chain):
    """All that you wrote so far: a small network is tuned on one picture, and then draws it in one jump or two."""
    consistency, schedule = chain.consistency, chain.schedule.make_schedule("cosine", 50)
    picture = torch.tensor([-0.8, 0.8]).repeat_interleave(4)[:, None].expand(1, 1, 8, 8)
    torch.manual_seed(0)
    network, generator = chain.unet.SimpleUNet(channels=(16,), blocks=(1,)), chance(7)
    settings = chain.trainer.TrainSettings(steps=30, batch=8, lr=0.01, warmup=5, prediction="v", ema_decay=0.8)
    training = chain.trainer.Training(network, schedule, settings)
    same(len(list(consistency.tune(training, picture.expand(8, 1, 8, 8), 4.0))), 30, "30 steps: how many came")
    tuned, x_T = training.ema.eval(), torch.randn(16, 1, 8, 8, generator=generator)
    for steps, most in [(1, 0.35), (2, 0.5)]:
        drawn = consistency.sample_by_jumps(tuned, x_T, schedule, generator=generator, steps=steps)
        off = (drawn - picture).square().mean().item()
        case = f"one picture, 30 steps of your tune, drawn by your sample_by_jumps, {steps} steps"
        expect(off < most, f"{case}: squared error {off:.2g}, expected less than {most}; grey has .64")
    points = consistency.path(tuned, x_T, schedule, steps=5)
    mine, before = (consistency.drift(each, points, schedule).mean(dim=1) for each in (tuned, lambda x, t: 0 * x))
    case = "the drift along a path of your sampler, at its start"
    expect(mine[0] < before[0], f"{case}: {mine[0]:.2g}, expected less than with the answer 0, {before[0]:.2g}")
    same(mine[-1].item(), 0.0, "the drift where the path ends", atol=1e-6)
