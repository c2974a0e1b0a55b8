"""Checks lesson 02. Images are mixed by hand, pixel by pixel, with Python's own floats, not by the reference."""

import math
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

import pytest
import torch
from hypothesis import strategies as st
from torch import Tensor

from cdm_tutor.course.checks import expect, given, numbers, refused, same, unchanged
from cdm_tutor.schedule import NoiseSchedule

HALF = NoiseSchedule.from_betas(torch.tensor([0.36], dtype=torch.float64))  # alpha_bar .64: .8 image and .6 noise
FIRST = torch.tensor([0])

four_betas = st.lists(st.floats(0.05, 0.5), min_size=4, max_size=4)
x0_pixels = st.lists(st.floats(-1, 1, width=32), min_size=4, max_size=4)
noise_pixels = st.lists(st.floats(-3, 3, width=32), min_size=4, max_size=4)
# up to three images of 2 x 2 pixels, each with its t and its noise; two of them are as many as they are wide
batches = st.lists(st.tuples(st.integers(0, 3), x0_pixels, noise_pixels), min_size=1, max_size=3)


@dataclass
class Mixed:
    """Images, noise, and what is made of them by hand."""

    schedule: NoiseSchedule
    t: Tensor
    x0: Tensor
    noise: Tensor
    x_t: Tensor
    v: Tensor
    case: str


def mix(betas, batch):
    """x0 and noise are two directions; x_t is the first turned towards the second, v a quarter turn further."""
    left = list(accumulate((1 - beta for beta in betas), mul))  # alpha_bar
    angles = [math.acos(math.sqrt(left[t])) for t, _, _ in batch]
    steps, x0, noise = ([each[place] for each in batch] for place in range(3))
    case = f"betas = {numbers(betas)}, t = {numbers(steps)}, x0 = {rows(x0)}, noise = {rows(noise)}"
    x_t, v = turned(x0, noise, angles), turned(x0, noise, [angle + math.pi / 2 for angle in angles])
    schedule = NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))
    tensors = (torch.tensor(each).view(-1, 1, 2, 2) for each in (x0, noise, x_t, v))
    return Mixed(schedule, torch.tensor(steps), *tensors, case)


def turned(x0, noise, angles):
    return [
        [math.cos(angle) * pixel + math.sin(angle) * grain for pixel, grain in zip(*image, strict=True)]
        for *image, angle in zip(x0, noise, angles, strict=True)
    ]


def rows(images):
    return " and ".join(numbers(pixels) for pixels in images)


def pixel(*values):
    """As many images as there are values, each of a single pixel."""
    return torch.tensor(values).view(-1, 1, 1, 1)


@pytest.mark.exercise("gather")
def test_gather_by_hand(lesson):
    """t = (3, 0) picks the last entry for the first image and the first for the second."""
    found = lesson.gather(torch.tensor([0.9, 0.7, 0.4, 0.2]), torch.tensor([3, 0]), torch.zeros(2, 1, 28, 28))
    same(found, pixel(0.2, 0.9), "table = (0.9, 0.7, 0.4, 0.2), t = (3, 0), like of shape (2, 1, 28, 28)")


@pytest.mark.exercise("gather")
@given(
    table=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
    t=st.lists(st.integers(0, 3), min_size=1, max_size=4),
    rest=st.sampled_from([(1, 2, 4), (3, 4, 2), (1, 1, 1)]),
)
def test_gather_fits_any_batch(lesson, table, t, rest):
    entries, steps, like = torch.tensor(table), torch.tensor(t), torch.zeros(len(t), *rest)
    case = f"table = {numbers(table)}, t = {numbers(t)}, like of shape {tuple(like.shape)}"
    with unchanged(case, table=entries, t=steps, like=like):
        found = lesson.gather(entries, steps, like)
    same(found, torch.tensor([table[step] for step in t]).view(-1, 1, 1, 1), case)


@pytest.mark.exercise("gather")
@pytest.mark.parametrize("t", [[1], [1, 0], [1, 0, 1, 0]], ids=["one", "too-few", "too-many"])
def test_gather_refuses_unless_each_image_has_a_t(lesson, t):
    with refused(f"t = {numbers(t)} for 3 images"):
        lesson.gather(torch.tensor([0.9, 0.7]), torch.tensor(t), torch.zeros(3, 1, 2, 2))


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param(name, other, marks=pytest.mark.exercise(name), id=name)
        for name, other in [
            ("q_sample", "noise"),
            ("predict_x0", "noise"),
            ("predict_noise", "x0"),
            ("velocity", "noise"),
            ("predict_x0_from_velocity", "v"),
        ]
    ],
)
def test_shapes_that_disagree_are_refused(lesson, name, other):
    """One noise for two images would fit by stretching, and nobody would notice."""
    function, two = getattr(lesson, name), pixel(1.0, 0.5)
    function(two, torch.tensor([0, 0]), two, HALF)
    with refused(f"two images, but only one in {other}"):
        function(two, torch.tensor([0, 0]), two[:1], HALF)


@pytest.mark.exercise("q_sample")
def test_q_sample_by_hand(lesson):
    """alpha_bar .64: a white pixel with noise 1 becomes .8 + .6, black with 1 becomes -.8 + .6, grey with -2 -1.2."""
    x_t = lesson.q_sample(pixel(1.0, -1.0, 0.0), FIRST.expand(3), pixel(1.0, 1.0, -2.0), HALF)
    same(x_t, pixel(1.4, -0.2, -1.2), "alpha_bar = 0.64, x0 = (1, -1, 0), noise = (1, 1, -2)")


@pytest.mark.exercise("q_sample")
@given(betas=four_betas, batch=batches)
def test_q_sample_mixes_image_and_noise(lesson, betas, batch):
    its = mix(betas, batch)
    with unchanged(its.case, x0=its.x0, t=its.t, noise=its.noise):
        x_t = lesson.q_sample(its.x0, its.t, its.noise, its.schedule)
    same(x_t, its.x_t, its.case, atol=1e-5)


@pytest.mark.exercise("predict_x0")
def test_predict_x0_by_hand(lesson):
    """alpha_bar .64: (1.4 - .6) / .8 = 1. A bad guess of the noise, -1, gives (1.4 + .6) / .8 = 2.5: off the scale."""
    x0 = lesson.predict_x0(pixel(1.4, 1.4), FIRST.expand(2), pixel(1.0, -1.0), HALF)
    same(x0, pixel(1.0, 2.5), "alpha_bar = 0.64, x_t = (1.4, 1.4), noise = (1, -1)")


@pytest.mark.exercise("predict_x0")
@given(betas=four_betas, batch=batches)
def test_predict_x0_undoes_the_noising(lesson, betas, batch):
    its = mix(betas, batch)
    with unchanged(its.case, x_t=its.x_t, t=its.t, noise=its.noise):
        x0 = lesson.predict_x0(its.x_t, its.t, its.noise, its.schedule)
    same(x0, its.x0, f"x_t from {its.case}", atol=3e-5)


@pytest.mark.exercise("predict_noise")
def test_predict_noise_by_hand(lesson):
    """alpha_bar .64: (1.4 - .8) / .6 = 1; had the pixel been black, (1.4 + .8) / .6 = 3.67."""
    noise = lesson.predict_noise(pixel(1.4, 1.4), FIRST.expand(2), pixel(1.0, -1.0), HALF)
    same(noise, pixel(1.0, 2.2 / 0.6), "alpha_bar = 0.64, x_t = (1.4, 1.4), x0 = (1, -1)")


@pytest.mark.exercise("predict_noise")
@given(betas=four_betas, batch=batches)
def test_predict_noise_finds_what_was_added(lesson, betas, batch):
    its = mix(betas, batch)
    with unchanged(its.case, x_t=its.x_t, t=its.t, x0=its.x0):
        noise = lesson.predict_noise(its.x_t, its.t, its.x0, its.schedule)
    same(noise, its.noise, f"x_t from {its.case}", atol=3e-5)


@pytest.mark.exercise("velocity")
def test_velocity_by_hand(lesson):
    """alpha_bar .64: white with noise 1 gives .8 - .6; grey with 1 only the noise's .8; white without noise -.6."""
    v = lesson.velocity(pixel(1.0, 0.0, 1.0), FIRST.expand(3), pixel(1.0, 1.0, 0.0), HALF)
    same(v, pixel(0.2, 0.8, -0.6), "alpha_bar = 0.64, x0 = (1, 0, 1), noise = (1, 1, 0)")


@pytest.mark.exercise("velocity")
@given(betas=four_betas, batch=batches)
def test_velocity_is_a_quarter_turn_from_x_t(lesson, betas, batch):
    its = mix(betas, batch)
    with unchanged(its.case, x0=its.x0, t=its.t, noise=its.noise):
        v = lesson.velocity(its.x0, its.t, its.noise, its.schedule)
    same(v, its.v, its.case, atol=1e-5)


@pytest.mark.exercise("predict_x0_from_velocity")
def test_predict_x0_from_velocity_by_hand(lesson):
    """alpha_bar .64: .8 * 1.4 - .6 * .2 = 1, the white pixel whose velocity was .2; from (1, 2) comes .8 - 1.2."""
    x0 = lesson.predict_x0_from_velocity(pixel(1.4, 1.0), FIRST.expand(2), pixel(0.2, 2.0), HALF)
    same(x0, pixel(1.0, -0.4), "alpha_bar = 0.64, x_t = (1.4, 1), v = (0.2, 2)")


@pytest.mark.exercise("predict_x0_from_velocity")
@given(betas=four_betas, batch=batches)
def test_predict_x0_from_velocity_turns_back(lesson, betas, batch):
    its = mix(betas, batch)
    with unchanged(its.case, x_t=its.x_t, t=its.t, v=its.v):
        x0 = lesson.predict_x0_from_velocity(its.x_t, its.t, its.v, its.schedule)
    same(x0, its.x0, f"x_t and v from {its.case}", atol=3e-5)


@pytest.mark.exercise("denoising_loss")
def test_denoising_loss_by_hand(lesson):
    """A model that says 0 is off by all the noise: (1 + 9) / 2 for the first image, (0 + 4) / 2 for the second."""
    x0, noise = torch.ones(2, 1, 1, 2), torch.tensor([[1.0, 3.0], [0.0, -2.0]]).view(2, 1, 1, 2)
    loss = lesson.denoising_loss(lambda x_t, t: torch.zeros_like(x_t), x0, FIRST.expand(2), noise, HALF)
    same(loss, torch.tensor([5.0, 2.0]), "noise = (1, 3) and (0, -2), a model that answers 0")


@pytest.mark.exercise("denoising_loss")
def test_denoising_loss_for_v_by_hand(lesson):
    """White with noise 1 has velocity .2, white without has -.6; a model that says 0 is off by as much: .04 and .36."""
    x0, noise = pixel(1.0, 1.0), pixel(1.0, 0.0)
    loss = lesson.denoising_loss(lambda x_t, t: torch.zeros_like(x_t), x0, FIRST.expand(2), noise, HALF, "v")
    same(loss, torch.tensor([0.04, 0.36]), 'prediction = "v", v = (0.2, -0.6), a model that answers 0', atol=1e-5)


@pytest.mark.exercise("denoising_loss")
@given(betas=four_betas, batch=batches, prediction=st.sampled_from(["noise", "v"]))
def test_denoising_loss_is_the_mean_square_of_each_image(lesson, betas, batch, prediction):
    """The model answers half of what it sees, and a tenth of t on top."""
    its = mix(betas, batch)
    case = f'prediction = "{prediction}", {its.case}, a model that answers x_t / 2 + t / 10'

    def model(x_t, t):
        same(x_t, its.x_t, f"{case}, what the model sees as x_t", atol=1e-5)
        same(t, its.t, f"{case}, what the model gets as t")
        return x_t / 2 + t.view(-1, 1, 1, 1) / 10

    expected = []
    for step, seen, target in zip(its.t, its.x_t, its.noise if prediction == "noise" else its.v, strict=True):
        off = [a / 2 + step.item() / 10 - b for a, b in zip(flat(seen), flat(target), strict=True)]
        expected.append(sum(each * each for each in off) / len(off))
    with unchanged(case, x0=its.x0, t=its.t, noise=its.noise):
        loss = lesson.denoising_loss(model, its.x0, its.t, its.noise, its.schedule, prediction)
    same(loss, torch.tensor(expected), case, atol=1e-5)


def flat(image):
    return image.flatten().tolist()


@pytest.mark.exercise("denoising_loss")
def test_denoising_loss_reaches_the_weights(lesson):
    """A model with one weight w, now 0: (w * 1.4 - 1) ** 2 has slope 2 * 1.4 * (0 - 1) = -2.8."""
    weight = torch.zeros((), requires_grad=True)
    loss = lesson.denoising_loss(lambda x_t, t: weight * x_t, pixel(1.0), FIRST, pixel(1.0), HALF)
    case = "x0 = 1, noise = 1, alpha_bar = 0.64, a model that answers w * x_t with w = 0"
    same(loss, torch.ones(1), case)
    expect(loss.requires_grad, f"{case}: no gradient leads from the loss to w")
    loss.sum().backward()
    same(weight.grad, torch.tensor(-2.8), f"{case}: how the loss changes with w")


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
