"""Checks lesson 02. Images are mixed by hand, image by image, with Python's own floats, not by the reference."""

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from cdm_tutor.course.checks import (
    expect,
    given,
    keeps,
    layouts,
    numbers,
    on_other_device,
    own_memory,
    refused,
    same,
    unchanged,
)
from cdm_tutor.schedule import NoiseSchedule

HALF = NoiseSchedule.from_betas(torch.tensor([0.36], dtype=torch.float64))  # alpha_bar .64: .8 image and .6 noise
PARTS = {  # what is handed over beside t, and what should come back
    "q_sample": ("x0", "noise", "x_t"),
    "predict_x0": ("x_t", "noise", "x0"),
    "predict_noise": ("x_t", "x0", "noise"),
    "velocity": ("x0", "noise", "v"),
    "predict_x0_from_velocity": ("x_t", "v", "x0"),
}
SLOPES = {  # how the result changes with the one and with the other
    "q_sample": lambda signal, sigma: (signal, sigma),
    "predict_x0": lambda signal, sigma: (1 / signal, -sigma / signal),
    "predict_noise": lambda signal, sigma: (1 / sigma, -signal / sigma),
    "velocity": lambda signal, sigma: (-sigma, signal),
    "predict_x0_from_velocity": lambda signal, sigma: (signal, -sigma),
}
LONG = [0.0005 + 0.003 * t / 1199 for t in range(1200)]  # more betas than the usual 1000
STEPS = (1100, 20, 700, 300)  # of these
ENDS = [4.1e-5, 0.9, 0.9999, 0.99976]  # the last alpha_bar is 2.4e-9, as the cosine schedule's; sigma begins at 0.0064

four_betas = st.lists(st.floats(0.05, 0.5), min_size=4, max_size=4)
x0_pixels = st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4)
noise_pixels = st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4)
# up to three images of four pixels, each with its t and its noise; two of 2 x 2 pixels are as many as they are wide
batches = st.lists(st.tuples(st.integers(0, 3), x0_pixels, noise_pixels), min_size=1, max_size=3)
shapes = st.sampled_from([(1, 2, 2), (2, 1, 2), (4, 1, 1), (1, 4, 1)])


@dataclass
class Mixed:
    """Images, noise, and what is made of them by hand; alpha_bar and t are lists, for nobody to change."""

    schedule: NoiseSchedule
    t: list[int]
    alpha_bar: list[float]
    x0: Tensor
    noise: Tensor
    x_t: Tensor
    v: Tensor


def mix(betas, t, x0, noise):
    """x0 and noise are two directions; x_t is the first turned towards the second, v a quarter turn further."""
    left = list(accumulate((1 - beta for beta in betas), mul))
    alpha_bar = [left[step] for step in t]
    angles = [math.acos(math.sqrt(bar)) for bar in alpha_bar]
    x_t, v = turned(x0, noise, angles), turned(x0, noise, [angle + math.pi / 2 for angle in angles])
    schedule = NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))
    return Mixed(schedule, list(t), alpha_bar, x0, noise, x_t, v)


def turned(x0, noise, angles):
    both = zip(x0.double(), noise.double(), angles, strict=True)
    return torch.stack([math.cos(angle) * image + math.sin(angle) * grain for image, grain, angle in both]).float()


def drawn(betas, batch, shape):
    """What hypothesis has drawn, mixed."""
    t, x0, noise = zip(*batch, strict=True)
    return mix(betas, t, torch.tensor(x0).view(-1, *shape), torch.tensor(noise).view(-1, *shape))


def some(images, *shape):
    """So many images of that shape, off the scale here and there, with t and noise, no two alike."""
    generator = torch.Generator().manual_seed(images)
    x0, noise = torch.rand(2, images, *shape, generator=generator) * 2 - 1
    return mix(LONG, [STEPS[image % 4] - image // 4 for image in range(images)], 2.5 * x0, 5 * noise)


def pixel(*values):
    """As many images as there are values, each of a single pixel."""
    return torch.tensor(values).view(-1, 1, 1, 1)


def asked(lesson, name, a, t, b, schedule, case):
    """What the function called `name` makes of a, t and b, which it must leave as they are."""
    first, second, _ = PARTS[name]
    a, t, b = a.clone(), torch.tensor(t), b.clone()
    with unchanged(case, **{first: a, "t": t, second: b}):
        return getattr(lesson, name)(a, t, b, schedule)


def agrees(lesson, name, its, *, atol=3e-5):
    """Ask about all images; if a pixel is wrong, the case is that pixel alone, for it can be worked out by hand."""
    first, second, _ = PARTS[name]
    a, b, expected = (getattr(its, each) for each in PARTS[name])
    images, *shape = expected.shape
    case = f"{count(images)} of shape {tuple(shape)}, t = {numbers(its.t[:4])}"
    yours = asked(lesson, name, a, its.t, b, its.schedule, case)
    if isinstance(yours, Tensor) and (yours.shape, yours.dtype) == (expected.shape, expected.dtype):
        off = ~torch.isclose(yours.detach(), expected, rtol=1e-4, atol=atol)
        for place in map(tuple, off.nonzero()[:1].tolist()):
            image = f"image {place[0]} of {images}, pixel {list(place[1:])}, {of_image(its, place[0])}"
            its_values = f"{first} = {a[place]:.6g}, {second} = {b[place]:.6g}"
            same(yours[place], expected[place], f"{image}: {its_values}", atol=atol)
    same(yours, expected, case, atol=atol)


def of_image(its, image):
    return f"t = {its.t[image]}, alpha_bar = {its.alpha_bar[image]:.6g}"


def count(images):
    return "one image" if images == 1 else f"{images} images"


@pytest.mark.exercise("gather")
def test_gather_by_hand(lesson):
    """t = (3, 0) picks the last entry for the first image and the first for the second."""
    table, t, case = (
        torch.tensor([0.9, 0.7, 0.4, 0.2]),
        torch.tensor([3, 0]),
        "table = (0.9, 0.7, 0.4, 0.2), t = (3, 0)",
    )
    with unchanged(case, table=table, t=t):
        found = lesson.gather(table, t, torch.zeros(2, 1, 28, 28))
    same(found, pixel(0.2, 0.9), f"{case}, like of shape (2, 1, 28, 28)")


@pytest.mark.exercise("gather")
@given(
    table=st.lists(st.floats(-12, 12, width=32), min_size=4, max_size=4),
    t=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    rest=st.sampled_from([(1, 2, 4), (3, 4, 2), (1, 1, 1)]),
)
def test_gather_fits_any_batch(lesson, table, t, rest):
    entries, steps, like = torch.tensor(table), torch.tensor(t), torch.zeros(len(t), *rest)
    case = f"table = {numbers(table)}, t = {numbers(t)}, like of shape {tuple(like.shape)}"
    with unchanged(case, table=entries, t=steps, like=like):
        found = lesson.gather(entries, steps, like)
    same(found, torch.tensor([table[step] for step in t]).view(-1, 1, 1, 1), case, rtol=1e-6)
    own_memory(found, case, table=entries)


@pytest.mark.exercise("gather")
def test_gather_gives_new_numbers_each_time(lesson):
    table, like = torch.tensor([0.9, 0.7, 0.4]), torch.zeros(2, 1, 2, 2)
    found = lesson.gather(table, torch.tensor([0, 1]), like)
    keeps(found, "t = (0, 1) and then (2, 0)", lambda: lesson.gather(table, torch.tensor([2, 0]), like))


@pytest.mark.exercise("gather")
def test_gather_finds_the_smallest_entries_of_a_long_table(lesson):
    """A table of 1200 steps, its entries from 1 down to 2.4e-9; and on whatever device it is."""
    table = [2.4e-9 ** (step / 1199) for step in range(1200)]
    t, case = (1199, 1001, 0, 999), "1200 entries, from 1 down to 2.4e-9, t = (1199, 1001, 0, 999)"
    found = lesson.gather(torch.tensor(table), torch.tensor(t), torch.zeros(4, 2, 3, 5))
    same(found, pixel(*(table[step] for step in t)), case, rtol=1e-6, atol=0)
    on_other_device(
        lambda move: lesson.gather(move(torch.tensor(table)), move(torch.tensor(t)), move(torch.zeros(4, 1, 2, 2))),
        case,
    )


@pytest.mark.exercise("gather")
@pytest.mark.parametrize("t", [[], [1], [1, 0], [1, 0, 1, 0]], ids=["none", "one", "too-few", "too-many"])
def test_gather_refuses_unless_each_image_has_a_t(lesson, t):
    with refused(f"t = {numbers(t)} for 3 images"):
        lesson.gather(torch.tensor([0.9, 0.7]), torch.tensor(t, dtype=torch.int64), torch.zeros(3, 1, 2, 2))


@pytest.mark.exercise("q_sample")
def test_q_sample_by_hand(lesson):
    """alpha_bar .64: a white pixel with noise 1 becomes .8 + .6, black with 1 becomes -.8 + .6, grey with -2 -1.2."""
    case = "alpha_bar = 0.64, x0 = (1, -1, 0), noise = (1, 1, -2)"
    x_t = asked(lesson, "q_sample", pixel(1.0, -1.0, 0.0), [0, 0, 0], pixel(1.0, 1.0, -2.0), HALF, case)
    same(x_t, pixel(1.4, -0.2, -1.2), case)


@pytest.mark.exercise("q_sample")
@given(betas=four_betas, batch=batches, shape=shapes)
def test_q_sample_mixes_image_and_noise(lesson, betas, batch, shape):
    agrees(lesson, "q_sample", drawn(betas, batch, shape))


@pytest.mark.exercise("predict_x0")
def test_predict_x0_by_hand(lesson):
    """alpha_bar .64: (1.4 - .6) / .8 = 1. A bad guess of the noise, -1, gives (1.4 + .6) / .8 = 2.5: off the scale."""
    case = "alpha_bar = 0.64, x_t = (1.4, 1.4), noise = (1, -1)"
    x0 = asked(lesson, "predict_x0", pixel(1.4, 1.4), [0, 0], pixel(1.0, -1.0), HALF, case)
    same(x0, pixel(1.0, 2.5), case)


@pytest.mark.exercise("predict_x0")
@given(betas=four_betas, batch=batches, shape=shapes)
def test_predict_x0_undoes_the_noising(lesson, betas, batch, shape):
    agrees(lesson, "predict_x0", drawn(betas, batch, shape))


@pytest.mark.exercise("predict_noise")
def test_predict_noise_by_hand(lesson):
    """alpha_bar .64: (1.4 - .8) / .6 = 1; had the pixel been black, (1.4 + .8) / .6 = 3.67."""
    case = "alpha_bar = 0.64, x_t = (1.4, 1.4), x0 = (1, -1)"
    noise = asked(lesson, "predict_noise", pixel(1.4, 1.4), [0, 0], pixel(1.0, -1.0), HALF, case)
    same(noise, pixel(1.0, 2.2 / 0.6), case)


@pytest.mark.exercise("predict_noise")
@given(betas=four_betas, batch=batches, shape=shapes)
def test_predict_noise_finds_what_was_added(lesson, betas, batch, shape):
    agrees(lesson, "predict_noise", drawn(betas, batch, shape))


@pytest.mark.exercise("velocity")
def test_velocity_by_hand(lesson):
    """alpha_bar .64: white with noise 1 gives .8 - .6; grey with 1 only the noise's .8; white without noise -.6."""
    case = "alpha_bar = 0.64, x0 = (1, 0, 1), noise = (1, 1, 0)"
    v = asked(lesson, "velocity", pixel(1.0, 0.0, 1.0), [0, 0, 0], pixel(1.0, 1.0, 0.0), HALF, case)
    same(v, pixel(0.2, 0.8, -0.6), case)


@pytest.mark.exercise("velocity")
@given(betas=four_betas, batch=batches, shape=shapes)
def test_velocity_is_a_quarter_turn_from_x_t(lesson, betas, batch, shape):
    agrees(lesson, "velocity", drawn(betas, batch, shape))


@pytest.mark.exercise("predict_x0_from_velocity")
def test_predict_x0_from_velocity_by_hand(lesson):
    """alpha_bar .64: .8 * 1.4 - .6 * .2 = 1, the white pixel whose velocity was .2; from (1, 2) comes .8 - 1.2."""
    case = "alpha_bar = 0.64, x_t = (1.4, 1), v = (0.2, 2)"
    x0 = asked(lesson, "predict_x0_from_velocity", pixel(1.4, 1.0), [0, 0], pixel(0.2, 2.0), HALF, case)
    same(x0, pixel(1.0, -0.4), case)


@pytest.mark.exercise("predict_x0_from_velocity")
@given(betas=four_betas, batch=batches, shape=shapes)
def test_predict_x0_from_velocity_turns_back(lesson, betas, batch, shape):
    agrees(lesson, "predict_x0_from_velocity", drawn(betas, batch, shape))


def each_of(*names):
    """One test for each of these exercises."""
    marked = [pytest.param(name, marks=pytest.mark.exercise(name), id=name) for name in names]
    return pytest.mark.parametrize("name", marked)


@each_of(*PARTS)
def test_images_of_any_kind(lesson, name):
    """One image or many, of any shape and however they lie in memory, off the scale, and at any of 1200 steps."""
    for images, *shape in [(1, 1, 5, 3), (2, 3, 2, 4), (3, 2, 4, 3), (70, 1, 2, 2)]:
        agrees(lesson, name, some(images, *shape))
    its, (first, second, _) = some(3, 2, 4, 3), PARTS[name]
    a, b, expected = (getattr(its, each) for each in PARTS[name])
    earlier = getattr(lesson, name)(a, torch.tensor(its.t), b, its.schedule)
    later = getattr(lesson, name)(-a, torch.tensor(its.t), -b, its.schedule)
    own_memory(later, "asked a second time", **{"what came back the first time": earlier})
    for how, lies in layouts(a).items():
        yours = getattr(lesson, name)(lies, torch.tensor(its.t), layouts(b)[how], its.schedule)
        same(yours, expected, f"3 images of shape (2, 4, 3), {first} and {second} in memory as {how}", atol=3e-5)
    case = "3 images of shape (2, 4, 3)"
    on_other_device(
        lambda move: getattr(lesson, name)(
            move(a), move(torch.tensor(its.t)), move(b), its.schedule.to(move(a).device)
        ),
        case,
    )


@each_of(*PARTS)
def test_far_off_the_scale(lesson, name):
    """What an untrained network says may be of any size: nothing is cut here. More pixels than an image of MNIST."""
    its = some(2, 3, 18, 16)
    large = mix(LONG, its.t, 300 * its.x0, 300 * its.noise)
    agrees(lesson, name, large, atol=1e-2)


@each_of(*PARTS)
def test_first_and_last_step(lesson, name):
    """alpha_bar is 0.999959 at t = 0, 1e-5 at t = 2 and 2.4e-9 at t = 3: little is left of one, but never nothing."""
    first, second, _ = PARTS[name]
    left = list(accumulate((1 - beta for beta in ENDS), mul))
    schedule = NoiseSchedule.from_betas(torch.tensor(ENDS, dtype=torch.float64))
    for t in (0, 2, 3):
        signal, sigma = math.sqrt(left[t]), math.sqrt(1 - left[t])
        by_a, by_b = SLOPES[name](signal, sigma)
        for a, b in [(4.0, 0.0), (0.0, 5.0), (2.0, -3.0)]:
            case = f"alpha_bar = {left[t]:.6g}, {first} = {a:g}, {second} = {b:g}"
            yours = asked(lesson, name, pixel(a), [t], pixel(b), schedule, case)
            known = 5e-3 if t == 0 else 1e-4  # there float32 knows three digits of 1 - alpha_bar
            blur = 1e-6 / (signal * sigma)  # rounding, blown up where one goes another way
            same(yours, pixel(by_a * a + by_b * b), case, rtol=known, atol=blur)


@each_of(*PARTS)
def test_shapes_that_disagree_are_refused(lesson, name):
    """One noise for two images, or one for three channels, would fit by stretching, and nobody would notice."""
    function, (first, second, _) = getattr(lesson, name), PARTS[name]
    a, two = torch.ones(2, 3, 4, 5), torch.tensor([0, 0])
    function(a, two, a.clone(), HALF)
    for shape in [(1, 3, 4, 5), (2, 1, 4, 5), (2, 3, 1, 5), (2, 3, 4, 1), (2, 3, 5, 4), (3, 4, 5)]:
        with refused(f"{first} of shape (2, 3, 4, 5), {second} of shape {shape}"):
            function(a, two, torch.ones(shape), HALF)
    for t in ([0], [0, 0, 0]):
        with refused(f"t = {numbers(t)} for 2 images"):
            function(a, torch.tensor(t), a.clone(), HALF)


@each_of("predict_x0", "predict_noise", "predict_x0_from_velocity")
def test_gradients_go_through(lesson, name):
    """Who trains on what is predicted needs to know how it changes with x_t, and with what the network said."""
    its, parts = some(3, 2, 4, 3), PARTS[name][:2]
    inputs = [getattr(its, part).clone().requires_grad_() for part in parts]
    result = getattr(lesson, name)(inputs[0], torch.tensor(its.t), inputs[1], its.schedule)
    case = f"3 images of shape (2, 4, 3), t = {numbers(its.t)}"
    same(result, getattr(its, PARTS[name][2]), case, atol=3e-5)
    expect(result.requires_grad, f"{case}: no gradient leads from the result back to {parts[0]} and {parts[1]}")
    found = torch.autograd.grad(result.sum(), inputs, allow_unused=True)
    slopes = [SLOPES[name](math.sqrt(bar), math.sqrt(1 - bar)) for bar in its.alpha_bar]
    for place, (part, yours) in enumerate(zip(parts, found, strict=True)):
        expect(yours is not None, f"{case}: no gradient leads from the result back to {part}")
        for image, slope in enumerate(slopes):
            here = f"image {image} of 3, {of_image(its, image)}, how the result changes with {part}"
            same(yours[image, 0, 0, 0].item(), slope[place], here, rtol=1e-3)


@pytest.mark.exercise("denoising_loss")
def test_denoising_loss_by_hand(lesson):
    """A model that says 0 is off by all the noise: (1 + 9) / 2 for the first image, (0 + 4) / 2 for the second."""
    x0, noise = torch.ones(2, 1, 1, 2), torch.tensor([[1.0, 3.0], [0.0, -2.0]]).view(2, 1, 1, 2)
    t, case = torch.tensor([0, 0]), "noise = (1, 3) and (0, -2), a model that answers 0"
    with unchanged(case, x0=x0, t=t, noise=noise):
        loss = lesson.denoising_loss(lambda x_t, t: torch.zeros_like(x_t), x0, t, noise, HALF)
    same(loss, torch.tensor([5.0, 2.0]), case)


@pytest.mark.exercise("denoising_loss")
def test_denoising_loss_for_v_by_hand(lesson):
    """White with noise 1 has velocity .2, white without has -.6; a model that says 0 is off by as much: .04 and .36."""
    x0, t, noise = pixel(1.0, 1.0), torch.tensor([0, 0]), pixel(1.0, 0.0)
    loss = lesson.denoising_loss(lambda x_t, t: torch.zeros_like(x_t), x0, t, noise, HALF, "v")
    same(loss, torch.tensor([0.04, 0.36]), 'prediction = "v", v = (0.2, -0.6), a model that answers 0', atol=1e-5)


def scores(lesson, its, prediction):
    """Ask for the loss of a model that answers half of what it sees, and t / T on top."""
    images, *shape = its.x0.shape
    case = f'{count(images)} of shape {tuple(shape)}, t = {numbers(its.t[:4])}, prediction = "{prediction}"'
    target = its.noise if prediction == "noise" else its.v
    answer = its.x_t / 2 + torch.tensor(its.t).view(-1, 1, 1, 1) / len(its.schedule)
    given_back = answer.clone()

    def model(x_t, t):
        same(x_t, its.x_t, f"{case}, what the model sees as x_t", atol=3e-5)
        same(t, torch.tensor(its.t), f"{case}, what the model gets as t")
        return given_back

    x0, t, noise = its.x0.clone(), torch.tensor(its.t), its.noise.clone()
    with unchanged(case, x0=x0, t=t, noise=noise, **{"what the model answered": given_back}):
        yours = lesson.denoising_loss(model, x0, t, noise, its.schedule, prediction)
    off = [
        [a - b for a, b in zip(flat(one), flat(other), strict=True)] for one, other in zip(answer, target, strict=True)
    ]
    expected = torch.tensor([sum(each * each for each in image) / len(image) for image in off])
    if isinstance(yours, Tensor) and (yours.shape, yours.dtype) == (expected.shape, expected.dtype):
        for image in range(images):
            few = f", which is off by {numbers(off[image])}" if len(off[image]) <= 6 else ""
            here = f"image {image} of {case}, a model that answers x_t / 2 + t / T{few}"
            same(yours[image], expected[image], here, atol=1e-5)
    same(yours, expected, f"{case}, a model that answers x_t / 2 + t / T", atol=1e-5)


def flat(image):
    return image.flatten().tolist()


@pytest.mark.exercise("denoising_loss")
@given(betas=four_betas, batch=batches, shape=shapes, prediction=st.sampled_from(["noise", "v"]))
def test_denoising_loss_is_the_mean_square_of_each_image(lesson, betas, batch, shape, prediction):
    scores(lesson, drawn(betas, batch, shape), prediction)


@pytest.mark.exercise("denoising_loss")
@pytest.mark.parametrize("prediction", ["noise", "v"])
def test_denoising_loss_of_images_of_any_kind(lesson, prediction):
    """One image or many, of any shape and however they lie in memory, off the scale, and at any of 1200 steps."""
    for images, *shape in [(1, 1, 5, 3), (2, 3, 2, 4), (3, 2, 4, 3), (70, 1, 2, 2)]:
        scores(lesson, some(images, *shape), prediction)
    large = some(2, 3, 18, 16)
    scores(lesson, mix(LONG, large.t, 300 * large.x0, 300 * large.noise), prediction)
    its, case = some(3, 2, 4, 3), "3 images of shape (2, 4, 3), a model that answers 0"
    target = its.noise if prediction == "noise" else its.v
    for how, x0 in layouts(its.x0).items():
        t, noise = torch.tensor(its.t), layouts(its.noise)[how]
        loss = lesson.denoising_loss(lambda x_t, t: torch.zeros_like(x_t), x0, t, noise, its.schedule, prediction)
        same(loss, target.square().sum(dim=(1, 2, 3)) / 24, f"{case}, x0 and noise in memory as {how}")
    on_other_device(
        lambda move: lesson.denoising_loss(
            lambda x_t, t: x_t,
            move(its.x0),
            move(torch.tensor(its.t)),
            move(its.noise),
            its.schedule.to(move(its.x0).device),
            prediction,
        ),
        case,
    )


@pytest.mark.exercise("denoising_loss")
@pytest.mark.parametrize("training", [True, False], ids=["training", "not-training"])
def test_denoising_loss_leaves_the_model_as_it_is(lesson, training):
    model = Asked().train(training)
    lesson.denoising_loss(model, pixel(1.0), torch.tensor([0]), pixel(1.0), HALF)
    case = f"a model whose training is {training}"
    expect(set(model.trained) == {training}, f"{case}: when it is asked it is {model.trained}")
    expect(model.training == training, f"{case}: afterwards it is {model.training}, but that is the caller's to change")


class Asked(nn.Module):
    """A model that answers 0, and remembers whether it was training when asked."""

    def __init__(self):
        super().__init__()
        self.trained = []

    def forward(self, x_t, t):
        self.trained.append(self.training)
        return torch.zeros_like(x_t)


@pytest.mark.exercise("denoising_loss")
def test_denoising_loss_reaches_the_weights(lesson):
    """A model with one weight w, now 0: (w * 1.4 - 1) ** 2 has slope 2 * 1.4 * (0 - 1) = -2.8."""
    weight = torch.zeros((), requires_grad=True)
    t = torch.tensor([0])
    loss = lesson.denoising_loss(lambda x_t, t: weight * x_t, pixel(1.0), t, pixel(1.0), HALF)
    case = "x0 = 1, noise = 1, alpha_bar = 0.64, a model that answers w * x_t with w = 0"
    same(loss, torch.ones(1), case)
    expect(loss.requires_grad, f"{case}: no gradient leads from the loss to w")
    (slope,) = torch.autograd.grad(loss.sum(), [weight], allow_unused=True)
    expect(slope is not None, f"{case}: no gradient leads from the loss to w")
    same(slope, torch.tensor(-2.8), f"{case}: how the loss changes with w")


@pytest.mark.exercise("denoising_loss")
@pytest.mark.parametrize("prediction", ["noise", "v"])
def test_denoising_loss_of_each_image_reaches_the_weights(lesson, prediction):
    """A weight for each image, so that each must have its slope: the mean of 2 * x_t * (w * x_t - target)."""
    its = some(3, 2, 4, 3)
    target = its.noise if prediction == "noise" else its.v
    weights = torch.tensor([0.5, -1.0, 2.0], requires_grad=True)
    t, case = torch.tensor(its.t), f'prediction = "{prediction}", a model that answers w * x_t, w = (0.5, -1, 2)'
    loss = lesson.denoising_loss(
        lambda x_t, t: weights.view(-1, 1, 1, 1) * x_t, its.x0, t, its.noise, its.schedule, prediction
    )
    expect(loss is not None, f"{case}: yours is None: is the return missing?")
    expect(isinstance(loss, Tensor) and loss.requires_grad, f"{case}: no gradient leads from the loss to w")
    (slopes,) = torch.autograd.grad(loss.sum(), [weights], allow_unused=True)
    expect(slopes is not None, f"{case}: no gradient leads from the loss to w")
    for image, (w, seen, aim) in enumerate(zip(weights.tolist(), its.x_t, target, strict=True)):
        each = [2 * x * (w * x - y) for x, y in zip(flat(seen), flat(aim), strict=True)]
        here = f"{case}: how the loss of image {image} changes with its w"
        same(slopes[image].item(), sum(each) / len(each), here, rtol=1e-3)


@pytest.mark.chain
def test_your_noise_takes_over_your_images(chain):
    """Your schedule, your noising: strokes on black, whose variance turns into that of noise just as promised.

    Each image comes twice, with some noise and with its negative, so that nothing is left to chance: the mean is that
    of the dimmed images, and the variance alpha_bar * Var x0 + (1 - alpha_bar) * Var noise, to the last digits.
    """
    generator = torch.Generator().manual_seed(0)
    strokes = torch.full((8, 1, 28, 28), -1.0)
    for image in range(8):
        strokes[image, 0, 4:24, 6 + 2 * image] = 1.0  # upright, and further right from image to image
        strokes[image, 0, 3 + 2 * image, 6:22] = 0.5
    grain = torch.randn(strokes.shape, generator=generator)
    x0, noise = strokes.repeat(2, 1, 1, 1), torch.cat([grain, -grain])
    schedule, at = chain.schedule.make_schedule("cosine", 1000), chain.noising
    start = math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    for step in (20, 250, 500, 750, 998):
        left = math.cos(((step + 1) / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 / start  # alpha_bar
        case, t = f"cosine schedule, t = {step} of 1000", torch.full((16,), step)
        x_t, v = at.q_sample(x0, t, noise, schedule), at.velocity(x0, t, noise, schedule)
        same(x_t.mean().item(), math.sqrt(left) * x0.mean().item(), f"{case}, mean of x_t", rtol=1e-3, atol=1e-4)
        promised = left * x0.var().item() + (1 - left) * noise.var().item()
        same(x_t.var().item(), promised, f"{case}, variance of x_t", rtol=1e-3)
        blur = 1e-5 / math.sqrt(left * (1 - left))  # rounding, blown up where little is left of either
        same(at.predict_x0(x_t, t, noise, schedule), x0, f"{case}, predict_x0", atol=blur)
        same(at.predict_noise(x_t, t, x0, schedule), noise, f"{case}, predict_noise", atol=blur)
        same(at.predict_x0_from_velocity(x_t, t, v, schedule), x0, f"{case}, predict_x0_from_velocity", atol=blur)
        for prediction, answer in (("noise", noise), ("v", v)):
            loss = at.denoising_loss(lambda x_t, t, answer=answer: answer, x0, t, noise, schedule, prediction)
            same(loss, torch.zeros(16), f'{case}, loss of a model that is always right, prediction = "{prediction}"')
