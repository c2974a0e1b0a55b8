"""Checks lesson 04. Expected values come from Python's own floats and closed forms, not from the reference.

Where chance has a part, a test says how often right code would fail it by bad luck. Its draws are the same each time:
what passes once always passes.
"""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course.checks import (
    expect,
    given,
    layouts,
    numbers,
    on_other_device,
    own_memory,
    refused,
    same,
    show,
    unchanged,
)
from cdm_tutor.schedule import NoiseSchedule, make_schedule

BETAS = [0.05 + 0.05 * t for t in range(12)]  # leave little of the image after 12 steps


def away_from_zero(largest):
    """Hundredths whose size is between .1 and the largest: near zero wrong formulas give right answers."""
    whole = st.integers(10 - 100 * largest, 100 * largest - 10)
    return whole.map(lambda number: (number + math.copysign(10, number)) / 100)


many_betas = st.lists(st.floats(0.05, 0.6), min_size=5, max_size=5)
two_images = st.lists(away_from_zero(1), min_size=2, max_size=2, unique=True)
two_noises = st.lists(away_from_zero(6), min_size=2, max_size=2, unique=True)
strides = st.sampled_from([(4, 1), (3, 2), (4, 0), (2, 0), (3, -1)])  # t and prev_t
etas = st.floats(0.15, 0.9)
OF_SOLVER = {"ddpm": "sample", "ddim": "sample", "dpm": "dpm_walk"}  # which exercise a walk of that solver is about
each_solver = pytest.mark.parametrize(
    "solver", [pytest.param(solver, marks=pytest.mark.exercise(about)) for solver, about in OF_SOLVER.items()]
)


def schedule_of(betas):
    return NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))


def images(values):
    """Two images, of one or two pixels each."""
    return torch.tensor(values).reshape(2, 1, 1, -1)


def draw(seed, *shape):
    """Fixed normal numbers: two images of three channels, unless another shape is given."""
    return torch.randn(shape or (2, 3, 2, 4), generator=seeded(seed))


def left(betas, t):
    """alpha_bar_t, by multiplying up; 1 at t = -1."""
    return math.prod(1 - beta for beta in betas[: t + 1])


def mix(betas, t):
    """How much image and how much noise is in x_t."""
    return math.sqrt(left(betas, t)), math.sqrt(1 - left(betas, t))


def noised(betas, t, x0, noise):
    """x_t, pixel by pixel."""
    signal, sigma = mix(betas, t)
    return [signal * image + sigma * grain for image, grain in zip(x0, noise, strict=True)]


def between(betas, t, prev_t, x0, x_t):
    """Means and variance of x_prev: what x_t says of it times what x0 says, precisions (1 / variance) added up."""
    if prev_t < 0:
        return x0, 0.0
    alpha, before = left(betas, t) / left(betas, prev_t), left(betas, prev_t)
    precision = alpha / (1 - alpha) + 1 / (1 - before)
    pairs = zip(x0, x_t, strict=True)
    weighed = [math.sqrt(alpha) / (1 - alpha) * b + math.sqrt(before) / (1 - before) * a for a, b in pairs]
    return [mean / precision for mean in weighed], 1 / precision


def half_log_snr(betas, t):
    return math.log(left(betas, t) / (1 - left(betas, t))) / 2


def in_words(betas, t, prev_t, *rest):
    return ", ".join([f"betas = {numbers(betas)}, t = {t}, prev_t = {prev_t}", *rest])


def number(value, case):
    """A variance: a number, or a tensor that holds one."""
    one = isinstance(value, float | int) or (isinstance(value, torch.Tensor) and value.numel() == 1)
    expect(one, f"{case}: yours is {show(value)}, expected one number")
    return float(value)


class Network:
    """Stands in for a trained network: gives the answer it was told to give, and remembers what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, x_t, t):
        self.asked.append((x_t, t))
        return self.answer


class Ideal:
    """The ideal network for data N(mu, s^2), known in closed form: the most likely image is linear in x_t."""

    def __init__(self, mu, s, schedule, prediction="v"):
        self.mu, self.s, self.prediction, self.asked = mu, s, prediction, []
        self.bar = schedule.alphas_cumprod.double().tolist()

    def __call__(self, x_t, t):
        self.asked.append(int(t[0]))
        signal, sigma = math.sqrt(self.bar[t[0]]), math.sqrt(1 - self.bar[t[0]])
        x0 = ideal_image(x_t, signal, sigma, self.mu, self.s)
        noise = (x_t - signal * x0) / sigma
        return noise if self.prediction == "noise" else signal * noise - sigma * x0


def ideal_image(x_t, signal, sigma, mu, s):
    return mu + signal * s**2 / (signal**2 * s**2 + sigma**2) * (x_t - signal * mu)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.mark.exercise("denoise")
def test_denoise_by_hand(lesson):
    """alpha_bar = .64: x_t = .8 * x0 + .6 * noise. 1 = .8 * .875 + .6 * .5. And 2 would be .8 * 2.125 + .6 * .5, but no
    image is brighter than 1; with x0 = 1 the noise must be 2."""
    x_t, answer = images([1.0, 2.0, 1.0, 2.0]), images([0.5, 0.5, 0.5, 0.5])
    guess = lesson.denoise(Network(answer), x_t, 0, schedule_of([0.36, 0.75]))
    case = "alpha_bar = .64, x_t = (1, 2, 1, 2), and the model says the noise is .5 everywhere"
    expect(isinstance(guess, lesson.Guess), f"{case}: yours is {show(guess)}, expected a Guess")
    same(guess.t, 0, f"{case}, t of the Guess")
    same(guess.pred_x0, images([0.875, 1.0, 0.875, 1.0]), f"{case}, pred_x0")
    same(guess.pred_noise, images([0.5, 2.0, 0.5, 2.0]), f"{case}, pred_noise")


@pytest.mark.exercise("denoise")
@given(
    betas=many_betas,
    t=st.integers(0, 4),
    x_t=two_noises,
    answer=two_noises,
    prediction=st.sampled_from(["noise", "v"]),
)
def test_denoise_gives_image_and_noise_that_make_x_t(lesson, betas, t, x_t, answer, prediction):
    signal, sigma = mix(betas, t)
    pairs = list(zip(x_t, answer, strict=True))
    if prediction == "noise":
        x0 = [(x - sigma * noise) / signal for x, noise in pairs]
    else:
        x0 = [signal * x - sigma * v for x, v in pairs]
    x0 = [min(max(image, -1.0), 1.0) for image in x0]
    case = f"betas = {numbers(betas)}, t = {t}, x_t = {numbers(x_t)}, the model predicts {prediction} {numbers(answer)}"
    inputs = {"x_t": images(x_t), "answer": images(answer)}
    with unchanged(case, **inputs):
        guess = lesson.denoise(Network(inputs["answer"]), inputs["x_t"], t, schedule_of(betas), prediction)
    same(guess.pred_x0, images(x0), f"{case}, pred_x0", atol=1e-4)
    noise = [(x - signal * image) / sigma for x, image in zip(x_t, x0, strict=True)]
    same(guess.pred_noise, images(noise), f"{case}, pred_noise", atol=1e-3)


@pytest.mark.exercise("denoise")
def test_denoise_asks_as_training_did(lesson):
    """Once, about x_t itself, with the number of the step for each image."""
    x_t = torch.linspace(-2, 2, 12).reshape(3, 1, 2, 2)
    network = Network(torch.zeros_like(x_t))
    lesson.denoise(network, x_t, 4, schedule_of(BETAS))
    case = "3 images at t = 4"
    same(len(network.asked), 1, f"{case}, how often the model is asked")
    asked_x, asked_t = network.asked[0]
    same(asked_x, x_t, f"{case}, the x_t that the model is given")
    same(asked_t, torch.tensor([4, 4, 4]), f"{case}, the t that the model is given")


@pytest.mark.exercise("denoise")
@pytest.mark.parametrize("prediction", ["noise", "v"])
def test_denoise_takes_each_pixel_by_itself(lesson, prediction):
    """Images of three channels, twice as wide as high, in any order of memory and on any device."""
    schedule, x_t, answer = schedule_of(BETAS), 2 * draw(1), draw(2)
    case = f"2 images of 3 channels with 2 x 4 pixels, t = 4, the model predicts {prediction}"

    def guessed(x_t, answer, schedule=schedule):
        guess = lesson.denoise(lambda *_: answer, x_t, 4, schedule, prediction)
        return [guess.pred_x0, guess.pred_noise]

    alone = [guessed(x, grain) for x, grain in zip(pixels(x_t), pixels(answer), strict=True)]
    for place, name in enumerate(["pred_x0", "pred_noise"]):
        expected = torch.cat([each[place].flatten() for each in alone]).reshape(x_t.shape)
        for layout, tensor in layouts(x_t).items():
            what = f"{case}, {name}, against each pixel alone, x_t in memory as {layout}"
            same(guessed(tensor, answer)[place], expected, what)

    def elsewhere(move):
        asked = []

        def model(x, t):
            asked.append(t)
            return move(answer)

        guess = lesson.denoise(model, move(x_t), 4, schedule.to(move(x_t).device), prediction)
        return [guess.pred_x0, guess.pred_noise, *asked]

    on_other_device(elsewhere, case)


def pixels(batch):
    """Each number of a batch as an image of its own."""
    return list(batch.reshape(-1, 1, 1, 1, 1))


@pytest.mark.exercise("denoise")
def test_denoise_keeps_no_gradients(lesson):
    x_t, weight = torch.ones(1, 1, 2, 2), torch.ones(1, requires_grad=True)
    guess = lesson.denoise(lambda x, t: 0.1 * weight * x, x_t, 4, schedule_of(BETAS))
    kept = guess.pred_x0.requires_grad or guess.pred_noise.requires_grad
    expect(not kept, "a network with weights: the guess still needs gradients, and so holds on to all that led to it")


@pytest.mark.exercise("spaced_timesteps")
@pytest.mark.parametrize(
    ("T", "steps", "expected"),
    [
        (1000, 4, [(999, 749), (749, 499), (499, 249), (249, -1)]),
        (3, 3, [(2, 1), (1, 0), (0, -1)]),
        (50, 1, [(49, -1)]),
        (1, 1, [(0, -1)]),
        (2, 2, [(1, 0), (0, -1)]),
    ],
    ids=["some", "all", "one", "of one", "of two"],
)
def test_spacing_by_hand(lesson, T, steps, expected):
    same(lesson.spaced_timesteps(T, steps), expected, f"T = {T}, steps = {steps}")


@pytest.mark.exercise("spaced_timesteps")
@given(T=st.integers(1, 1000), share=st.integers(0, 999))
def test_spacing_is_even_from_all_noise_to_clean(lesson, T, share):
    steps = 1 + share % T
    case = f"T = {T}, steps = {steps}"
    pairs = lesson.spaced_timesteps(T, steps)
    fine = isinstance(pairs, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs)
    expect(fine, f"{case}: yours is {show(pairs)}, expected a list of pairs (t, prev_t)")
    same(len(pairs), steps, f"{case}, how many pairs")
    visited = [t for t, _ in pairs]
    same(visited[0], T - 1, f"{case}, the first t")
    same([prev_t for _, prev_t in pairs], [*visited[1:], -1], f"{case}, prev_t of each pair, the t of the next")
    for count, (t, prev_t) in enumerate(pairs):
        even = T - 1 - Fraction(count * T, steps)
        fine = isinstance(t, int) and abs(t - even) < 1
        expect(fine, f"{case}: pair {count} begins at t = {t!r}, evenly spaced it is {float(even):g}, rounded")
        expect(t > prev_t, f"{case}: pair {count} goes from {t} to {prev_t}, which is not down")


@pytest.mark.exercise("spaced_timesteps")
@pytest.mark.parametrize(("T", "steps"), [(10, 0), (10, -3), (10, 11), (1, 0), (1, 2), (1000, 1001)])
def test_spacing_refuses_what_cannot_be(lesson, T, steps):
    with refused(f"T = {T}, steps = {steps}"):
        lesson.spaced_timesteps(T, steps)


def mean_and_variance(found, case):
    """The two results of posterior."""
    expect(found is not None, f"{case}: yours is None: is the return missing?")
    pair = isinstance(found, tuple | list) and len(found) == 2
    expect(pair, f"{case}: yours is {show(found)}, expected two things: the mean and the variance")
    expect(isinstance(found[0], torch.Tensor), f"{case}: the mean of yours is {show(found[0])}, expected images")
    return found


@pytest.mark.exercise("denoise")
def test_denoise_cuts_nothing_but_the_image(lesson):
    """What an untrained network says may be of any size, and so may x_t: six images of one pixel, far off the scale."""
    values, (signal, sigma) = [-40.0, -7.0, -0.5, 0.5, 7.0, 40.0], mix(BETAS, 0)
    x_t = torch.tensor(values).reshape(6, 1, 1, 1)
    network, case = Network(torch.zeros_like(x_t)), f"t = 0, x_t = {numbers(values)}, the model answers 0"
    with unchanged(case, x_t=x_t):
        guess = lesson.denoise(network, x_t, 0, schedule_of(BETAS))
    same(network.asked[0][0], x_t, f"{case}, the x_t that the model is given")
    x0 = [min(max(value / signal, -1), 1) for value in values]
    noise = [(value - signal * image) / sigma for value, image in zip(values, x0, strict=True)]
    same(guess.pred_x0, torch.tensor(x0).reshape(6, 1, 1, 1), f"{case}, pred_x0", atol=1e-5)
    same(guess.pred_noise, torch.tensor(noise).reshape(6, 1, 1, 1), f"{case}, pred_noise", atol=1e-4)


@pytest.mark.exercise("posterior")
def test_posterior_by_hand(lesson):
    """betas .36 and .75 leave .64 and .16, so alpha = .25. The mean: (.8 * .75 * x0 + .5 * .36 * x_t) / .84."""
    x0, x_t = images([0.7, 0.7, 0.7, 0.7]), images([-0.7, -0.7, -0.7, -0.7])
    guess = lesson.Guess(1, x0, (x_t - 0.4 * x0) / math.sqrt(0.84))
    case = "betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .7, x_t = -.7"
    mean, variance = mean_and_variance(lesson.posterior(x_t, guess, 0, schedule_of([0.36, 0.75])), case)
    same(mean, images([0.35] * 4), f"{case}, mean")
    same(number(variance, f"{case}, variance"), 0.27 / 0.84, f"{case}, variance", rtol=1e-4)


@pytest.mark.exercise("posterior")
@given(betas=many_betas, visit=strides, x0=two_images, noise=two_noises)
def test_posterior_is_two_gaussians_multiplied(lesson, betas, visit, x0, noise):
    t, prev_t = visit
    x_t = noised(betas, t, x0, noise)
    means, expected = between(betas, t, prev_t, x0, x_t)
    case = in_words(betas, t, prev_t, f"x0 = {numbers(x0)}, x_t = {numbers(x_t)}")
    inputs = {"x_t": images(x_t), "pred_x0": images(x0), "pred_noise": images(noise)}
    with unchanged(case, **inputs):
        guess = lesson.Guess(t, inputs["pred_x0"], inputs["pred_noise"])
        found = lesson.posterior(inputs["x_t"], guess, prev_t, schedule_of(betas))
    mean, variance = mean_and_variance(found, case)
    same(mean, images(means), f"{case}, mean", atol=5e-5)
    same(number(variance, f"{case}, variance"), expected, f"{case}, variance", rtol=1e-4, atol=1e-5)


@pytest.mark.exercise("posterior")
@pytest.mark.parametrize("t", [3, 0])
def test_posterior_at_the_last_step(lesson, t):
    """Of x_prev all is known once the image is: it is the image, with variance 0."""
    x0, noise = [0.5, -1.0, 0.9, 0.1], [0.3, 1.2, -0.8, 2.0]
    x_t, guess = images(noised(BETAS, t, x0, noise)), lesson.Guess(t, images(x0), images(noise))
    case = f"the last step, from t = {t} to prev_t = -1, x0 = (.5, -1, .9, .1)"
    mean, variance = mean_and_variance(lesson.posterior(x_t, guess, -1, schedule_of(BETAS)), case)
    same(mean, images(x0), f"{case}, mean", atol=1e-5)
    same(number(variance, f"{case}, variance"), 0.0, f"{case}, variance", atol=1e-6)


@pytest.mark.exercise("posterior")
def test_posterior_cuts_nothing(lesson):
    """x_t is where it is, however far off the scale."""
    x0, x_t = [1.0, -1.0, 0.5, -0.5], [60.0, -60.0, -90.0, 90.0]
    guess = lesson.Guess(4, images(x0), (images(x_t) - mix(BETAS, 4)[0] * images(x0)) / mix(BETAS, 4)[1])
    case = f"t = 4, prev_t = 1, x0 = {numbers(x0)}, x_t = {numbers(x_t)}"
    mean, _ = mean_and_variance(lesson.posterior(images(x_t), guess, 1, schedule_of(BETAS)), case)
    same(mean, images(between(BETAS, 4, 1, x0, x_t)[0]), f"{case}, mean", atol=1e-3)


@pytest.mark.exercise("posterior")
@pytest.mark.parametrize("prev_t", [2, -1])
def test_posterior_takes_each_pixel_by_itself(lesson, prev_t):
    """Images of three channels, twice as wide as high, in any order of memory and on any device."""
    schedule, x_t, x0, noise = schedule_of(BETAS), 2 * draw(1), draw(2).clamp(-1, 1), draw(3)
    case = f"2 images of 3 channels with 2 x 4 pixels, t = 4, prev_t = {prev_t}"

    def mean(x_t, x0, noise, schedule=schedule):
        return mean_and_variance(lesson.posterior(x_t, lesson.Guess(4, x0, noise), prev_t, schedule), case)[0]

    each_pixel_by_itself(mean, {"x_t": x_t, "pred_x0": x0, "pred_noise": noise}, f"{case}, mean", schedule)


def each_pixel_by_itself(call, inputs, case, schedule):
    """What comes of a batch is what comes of each of its pixels alone; wherever and however the batch lies."""
    alone = [call(*rows) for rows in zip(*map(pixels, inputs.values()), strict=True)]
    shape = next(iter(inputs.values())).shape
    expected = torch.cat([pixel.flatten() for pixel in alone]).reshape(shape)
    for name in inputs:
        for layout in layouts(inputs[name]):
            changed = {other: layouts(batch)[layout] if other == name else batch for other, batch in inputs.items()}
            same(call(*changed.values()), expected, f"{case}, against each pixel alone, {name} in memory as {layout}")

    def elsewhere(move):
        moved = [move(batch) for batch in inputs.values()]
        return call(*moved, schedule=schedule.to(moved[0].device))

    on_other_device(elsewhere, case, looks_up=True)


def check_step(lesson, step, betas, t, prev_t, x0, noise, fresh, expected, case, *eta, last=None):
    """Take a step from what the guess makes of x_t, and compare."""
    x_t = images(noised(betas, t, x0, noise))
    guess = lesson.Guess(t, images(x0), images(noise))
    fresh = images(fresh)
    inputs = {"x_t": x_t, "pred_x0": guess.pred_x0, "pred_noise": guess.pred_noise, "noise": fresh}
    with unchanged(case, **inputs, **({"last.pred_x0": last.pred_x0} if last else {})):
        x_prev = stepper(lesson, step, last)(x_t, guess, prev_t, schedule_of(betas), fresh, *eta)
    same(x_prev, images(expected), case, atol=1e-4)
    own_memory(x_prev, case, x_t=x_t, noise=fresh)


def stepper(lesson, step, last):
    """The function of that name; dpm_step is told the guess of the step before."""
    if step != "dpm_step":
        return getattr(lesson, step)
    return lambda x_t, guess, *rest: lesson.dpm_step(x_t, guess, last, *rest)


def guess_before(lesson, t, before):
    """What was guessed in a step from that t; its noise is unlike anything that a step is given."""
    return lesson.Guess(t, images(before), images([0.55 - 0.2 * place for place in range(len(before))]))


def check_each_pixel(lesson, step, prev_t):
    """The same for one of the steps, with fresh noise, and for dpm after another step."""
    schedule = schedule_of(BETAS)
    inputs = {"x_t": 2 * draw(1), "pred_x0": draw(2).clamp(-1, 1), "pred_noise": draw(3), "noise": draw(4)}
    if step == "dpm_step":
        inputs |= {"last.pred_x0": draw(5).clamp(-1, 1), "last.pred_noise": draw(6)}

    def stepped(x_t, x0, pred_noise, noise, *last, schedule=schedule):
        last = lesson.Guess(7, *last) if last else None
        return stepper(lesson, step, last)(x_t, lesson.Guess(4, x0, pred_noise), prev_t, schedule, noise, 0.6)

    case = f"2 images of 3 channels with 2 x 4 pixels, t = 4, prev_t = {prev_t}, eta = .6"
    each_pixel_by_itself(stepped, inputs, case, schedule)


@pytest.mark.exercise("p_sample")
def test_p_sample_by_hand(lesson):
    """The case above: mean .35 and variance .27 / .84 = 9 / 28, so noise 2 adds two times 3 / sqrt(28)."""
    noise = [(-0.7 - 0.4 * 0.7) / math.sqrt(0.84)] * 4
    case = "betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .7, x_t = -.7, noise = 2"
    expected = [0.35 + 6 / math.sqrt(28)] * 4
    check_step(lesson, "p_sample", [0.36, 0.75], 1, 0, [0.7] * 4, noise, [2.0] * 4, expected, case)


@pytest.mark.exercise("p_sample")
@given(betas=many_betas, visit=strides, x0=two_images, noise=two_noises, fresh=two_noises, eta=etas)
def test_p_sample_draws_from_the_posterior(lesson, betas, visit, x0, noise, fresh, eta):
    t, prev_t = visit
    means, variance = between(betas, t, prev_t, x0, noised(betas, t, x0, noise))
    expected = [mean + eta * math.sqrt(variance) * grain for mean, grain in zip(means, fresh, strict=True)]
    x_t = numbers(noised(betas, t, x0, noise))
    case = in_words(betas, t, prev_t, f"x0 = {numbers(x0)}, x_t = {x_t}, noise = {numbers(fresh)}, eta = {eta:g}")
    check_step(lesson, "p_sample", betas, t, prev_t, x0, noise, fresh, expected, case, eta)


@pytest.mark.exercise("p_sample")
@pytest.mark.parametrize("prev_t", [2, -1])
def test_p_sample_takes_each_pixel_by_itself(lesson, prev_t):
    check_each_pixel(lesson, "p_sample", prev_t)


@pytest.mark.exercise("p_sample")
@pytest.mark.parametrize("eta", [0.0, 1.0, None], ids=["no noise", "all", "not given"])
def test_p_sample_at_the_ends_of_eta(lesson, eta):
    """The case by hand, with none of the noise, all of it, and as usual, which is all of it."""
    x0, x_t = 0.7, -0.7
    noise, options = [(x_t - 0.4 * x0) / math.sqrt(0.84)] * 4, () if eta is None else (eta,)
    case = f"betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .7, x_t = -.7, noise = -1, eta = {show(eta)}"
    expected = [0.35 - (1.0 if eta is None else eta) * 3 / math.sqrt(28)] * 4
    check_step(lesson, "p_sample", [0.36, 0.75], 1, 0, [x0] * 4, noise, [-1.0] * 4, expected, case, *options)


def check_last_step(lesson, step, t):
    """Whatever eta is and, for dpm, whatever came before, what is left is the guessed image."""
    x0, before = [0.5, -1.0, 1.0, 0.2], guess_before(lesson, t + 1, [0.1, 0.7, -0.4, -0.9])
    befores = [(None, "no step before")] + [(before, "after another step")] * (step == "dpm_step")
    for last, how in befores:
        for eta in (0.0, 0.4, 1.0):
            case = f"the last step, from t = {t} to prev_t = -1, eta = {eta:g}, {how}: x_prev must be the guessed image"
            noises = [0.3, 1.2, -0.8, 2.0], [1.0, -2.0, 0.5, 3.0]
            check_step(lesson, step, BETAS, t, -1, x0, *noises, x0, case, eta, last=last)


@pytest.mark.exercise("p_sample")
@pytest.mark.parametrize("t", [3, 0])
def test_p_sample_adds_no_noise_at_the_last_step(lesson, t):
    check_last_step(lesson, "p_sample", t)


@pytest.mark.exercise("ddim_step")
def test_ddim_step_by_hand(lesson):
    """From alpha_bar = .16 to .64, where an image is .8 * x0 + .6 * noise: .8 * .5 - .6 * 1 = -.2."""
    case = "betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .5, guessed noise = -1, no eta given"
    check_step(lesson, "ddim_step", [0.36, 0.75], 1, 0, [0.5] * 4, [-1.0] * 4, [2.0] * 4, [-0.2] * 4, case)


@pytest.mark.exercise("ddim_step")
@given(betas=many_betas, visit=strides, x0=two_images, noise=two_noises, fresh=two_noises, eta=etas)
def test_ddim_step_mixes_anew(lesson, betas, visit, x0, noise, fresh, eta):
    """Old and fresh noise together have the variance that belongs to prev_t, whatever eta is."""
    t, prev_t = visit
    signal, sigma = mix(betas, prev_t)
    drawn = eta * math.sqrt(between(betas, t, prev_t, x0, x0)[1])
    old = math.sqrt(max(sigma**2 - drawn**2, 0.0))
    parts = zip(x0, noise, fresh, strict=True)
    expected = [signal * image + old * grain + drawn * new for image, grain, new in parts]
    case = in_words(
        betas,
        t,
        prev_t,
        f"x0 = {numbers(x0)}, guessed noise = {numbers(noise)}, noise = {numbers(fresh)}, eta = {eta:g}",
    )
    check_step(lesson, "ddim_step", betas, t, prev_t, x0, noise, fresh, expected, case, eta)


@pytest.mark.exercise("ddim_step")
@pytest.mark.parametrize("t", [3, 0])
def test_ddim_step_ends_at_the_image(lesson, t):
    check_last_step(lesson, "ddim_step", t)


@pytest.mark.exercise("ddim_step")
@pytest.mark.parametrize("prev_t", [2, -1])
def test_ddim_step_takes_each_pixel_by_itself(lesson, prev_t):
    check_each_pixel(lesson, "ddim_step", prev_t)


@pytest.mark.exercise("ddim_step")
@pytest.mark.parametrize("eta", [0.0, 1.0], ids=["no noise", "all"])
def test_ddim_step_at_the_ends_of_eta(lesson, eta):
    """With eta = 0 as by hand. With 1 as much fresh noise as DDPM, 9 / 28 of variance; of .36 then .0386 are left."""
    case = f"betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .5, guessed noise = -1, noise = 2, eta = {eta:g}"
    expected = [0.4 - math.sqrt(0.36 - eta * 9 / 28) + eta * 6 / math.sqrt(28)] * 4
    check_step(lesson, "ddim_step", [0.36, 0.75], 1, 0, [0.5] * 4, [-1.0] * 4, [2.0] * 4, expected, case, eta)


@pytest.mark.exercise("ddim_step")
@pytest.mark.parametrize("steps", [3, 5])
def test_ddim_step_with_much_noise_and_few_steps(lesson, steps):
    """With eta = 1 the first step of few leaves nothing of the old noise: next to 0 is under the root, or below it."""
    schedule, t, prev_t = make_schedule("cosine"), 999, round(1000 - 1000 / steps) - 1
    guess = lesson.Guess(t, images([0.5, -0.2]), images([-1.0, 0.4]))
    signal = math.sqrt(schedule.alphas_cumprod[prev_t].item())
    x_prev = lesson.ddim_step(images([-1.0, 0.4]), guess, prev_t, schedule, images([2.0, -0.6]), 1.0)
    sigma = math.sqrt(1 - signal**2)
    case = f'make_schedule("cosine"), t = {t}, prev_t = {prev_t}, x0 = (.5, -.2), noise = (2, -.6), eta = 1'
    same(x_prev, images([signal * 0.5 + sigma * 2, -signal * 0.2 - sigma * 0.6]), case, atol=2e-3)


@pytest.mark.exercise("dpm_step")
def test_dpm_step_by_hand(lesson):
    """alpha_bar = 1/17, 1/5, 4/5: image to noise is 1 to 16, 1 to 4, 4 to 1. In half logs, the stride to come is twice
    the last: log 4 to log 2, so h / (2 * h_last) = 1. The guess went from .1 to .3, so ahead is .5. A quarter of x_t
    is kept, and sqrt(alpha_bar) doubles: x_prev = 2 * x_t / 4 + sqrt(.8) * .75 * .5."""
    betas, x_t = [0.2, 0.75, 12 / 17], 0.4
    noise = [(x_t - math.sqrt(0.2) * 0.3) / math.sqrt(0.8)] * 4
    last = guess_before(lesson, 2, [0.1] * 4)
    case = "alpha_bar = (4/5, 1/5, 1/17), t = 1, prev_t = 0, x_t = .4, pred_x0 = .3, was .1 at t = 2, eta = 0"
    expected = [0.2 + math.sqrt(0.8) * 0.375] * 4
    check_step(lesson, "dpm_step", betas, 1, 0, [0.3] * 4, noise, [2.0] * 4, expected, case, 0.0, last=last)


@pytest.mark.exercise("dpm_step")
@given(
    betas=many_betas,
    visits=st.sampled_from([(4, 3, 1), (4, 2, 0), (3, 2, 1), (4, 3, 0), (4, 1, 0), (3, 1, -1)]),
    x0=two_images,
    before=two_images,
    noise=two_noises,
    fresh=two_noises,
    eta=etas,
    first=st.sampled_from([False, False, False, True]),
)
def test_dpm_step_leans_ahead(lesson, betas, visits, x0, before, noise, fresh, eta, first):
    """Lu et al. 2022 in noise levels; the exercise's text has it in signal levels."""
    last_t, t, prev_t = visits
    last = None if first else guess_before(lesson, last_t, before)
    expected = x0
    if prev_t >= 0:
        h = half_log_snr(betas, prev_t) - half_log_snr(betas, t)
        h_last = half_log_snr(betas, t) - half_log_snr(betas, last_t)
        lean = 0.0 if first else h / h_last / 2
        (_, sigma), (signal_prev, sigma_prev) = mix(betas, t), mix(betas, prev_t)
        kept = sigma_prev / sigma * math.exp(-eta * h)
        drawn = sigma_prev * math.sqrt(1 - math.exp(-2 * eta * h))
        pulled = signal_prev * (1 - math.exp(-(1 + eta) * h))
        parts = zip(noised(betas, t, x0, noise), x0, before, fresh, strict=True)
        expected = [kept * x + pulled * (now + lean * (now - was)) + drawn * new for x, now, was, new in parts]
    x_t = numbers(noised(betas, t, x0, noise))
    case = in_words(betas, t, prev_t, f"x_t = {x_t}, pred_x0 = {numbers(x0)}, noise = {numbers(fresh)}, eta = {eta:g}")
    case += ", no last step" if first else f", was {numbers(before)} at t = {last_t}"
    check_step(lesson, "dpm_step", betas, t, prev_t, x0, noise, fresh, expected, case, eta, last=last)


@pytest.mark.exercise("dpm_step")
@pytest.mark.parametrize("t", [3, 0])
def test_dpm_step_ends_at_the_image(lesson, t):
    check_last_step(lesson, "dpm_step", t)


@pytest.mark.exercise("dpm_step")
@pytest.mark.parametrize("prev_t", [2, -1])
def test_dpm_step_takes_each_pixel_by_itself(lesson, prev_t):
    check_each_pixel(lesson, "dpm_step", prev_t)


@pytest.mark.exercise("dpm_step")
@pytest.mark.parametrize("eta", [0.0, 1.0, None], ids=["no noise", "all", "not given"])
def test_dpm_step_at_the_ends_of_eta(lesson, eta):
    """As by hand. With eta = 1, the usual, a sixteenth of x_t is kept: x_prev = 2 * x_t / 16 + sqrt(.8) * 15 / 16 * .5
    and noise with variance .2 * 15 / 16."""
    betas, x_t = [0.2, 0.75, 12 / 17], 0.4
    noise, options = [(x_t - math.sqrt(0.2) * 0.3) / math.sqrt(0.8)] * 4, () if eta is None else (eta,)
    case = "alpha_bar = (4/5, 1/5, 1/17), t = 1, prev_t = 0, x_t = .4, pred_x0 = .3, was .1 at t = 2, noise = 2"
    expected = 0.2 + math.sqrt(0.8) * 0.375
    if eta != 0:
        expected = 0.05 + math.sqrt(0.8) * 15 / 32 + 2 * math.sqrt(0.2 * 15 / 16)
    last = guess_before(lesson, 2, [0.1] * 4)
    case += f", eta = {show(eta)}"
    check_step(lesson, "dpm_step", betas, 1, 0, [0.3] * 4, noise, [2.0] * 4, [expected] * 4, case, *options, last=last)


@pytest.mark.exercise("dpm_walk")
def test_dpm_walk_by_hand(lesson):
    """The strides of dpm_step's example, from x_T = .4 * sqrt(alpha_bar), in units of sqrt(alpha_bar). Half of .4 is
    kept: .2 + .1 / 2 = .25, and .2 + .3 / 2 = .35 once the guess there is known. Of that a quarter is kept, and ahead
    is .3 + (.3 - .1) = .5: .35 / 4 + .75 * .5 = .4625."""
    schedule, image, asked = schedule_of([0.2, 0.75, 12 / 17]), {2: 0.1, 1: 0.3, 0: 0.6}, []

    def ask(x_t, t):
        asked.append((t, x_t.clone()))
        return lesson.Guess(t, torch.full_like(x_t, image[t]), torch.zeros_like(x_t))

    case = "alpha_bar = (4/5, 1/5, 1/17), x_T = .4 / sqrt(17), pred_x0 is .1 at t = 2, .3 at 1, .6 at 0, eta = 0"
    x_T = images([0.4 / math.sqrt(17)] * 4)
    with unchanged(case, x_T=x_T):
        path = lesson.dpm_walk(ask, x_T, [(2, 1), (1, 0), (0, -1)], schedule, seeded(0), 0.0)
        expect(hasattr(path, "__iter__"), f"{case}: yours is {show(path)}, expected a generator: is the yield missing?")
        path = list(path)
    same(len(path), 3, f"{case}, how many steps")
    expected = [math.sqrt(0.2) * 0.25, math.sqrt(0.8) * 0.4625, 0.6]
    for t, (guess, x_prev), value in zip((2, 1, 0), path, expected, strict=True):
        same(guess.t, t, f"{case}, t of a guess")
        same(x_prev, images([value] * 4), f"{case}, x_prev of the step from {t}", atol=1e-5)
    same([t for t, _ in asked], [2, 1, 0], f"{case}, the t that ask is called with")
    for (t, x_t), before in zip(asked, [x_T, *(x_prev for _, x_prev in path)], strict=False):
        same(x_t, before, f"{case}, the x_t that ask is called with at t = {t}")


@pytest.mark.exercise("sample")
def test_sample_tells_on_step_while_it_walks(lesson):
    """Not afterwards, of all steps at once."""
    schedule, heard = schedule_of(BETAS), []
    network = Network(torch.zeros(2, 1, 1, 2))

    def on_step(guess, x_prev):
        heard.append(len(network.asked))

    lesson.sample(network, images([0.5] * 4), schedule, generator=seeded(0), solver="ddim", steps=3, on_step=on_step)
    same(heard, [1, 2, 3], "ddim with 3 steps, how often the model was asked at each call of on_step")


@pytest.mark.exercise("sample")
def test_sample_by_hand(lesson):
    """A network that always finds x0 = .5, x_T = 1, alpha_bar = .16 and .64. At t = 1 the noise is then
    (1 - .4 * .5) / sqrt(.84) = .8729; DDIM's first step gives .8 * .5 + .6 * .8729 = .9237, its last .5."""
    schedule = schedule_of([0.36, 0.75])
    case = "alpha_bar = (.64, .16), x_T = 1, the guess is always .5, ddim with 2 steps"
    heard = Heard(lesson, case)
    x = lesson.sample(
        Ideal(0.5, 0.0, schedule),
        torch.ones(2, 1, 1, 2),
        schedule,
        generator=seeded(0),
        solver="ddim",
        steps=2,
        prediction="v",
        on_step=heard,
    )
    same(x, images([0.5] * 4), f"{case}, result")
    heard.check(2)
    same([t for t, _, _ in heard.copies], [1, 0], f"{case}, t of each guess that on_step is told")
    first, second = heard.path()
    same(first, images([0.4 + 0.6 * 0.8 / math.sqrt(0.84)] * 4), f"{case}, the first x_prev that on_step is told")
    same(second, images([0.5] * 4), f"{case}, the second x_prev that on_step is told")


class Heard:
    """What on_step was told: each guess and x_prev as they were then, and as they are."""

    def __init__(self, lesson, case):
        self.lesson, self.case, self.told, self.copies = lesson, f"{case}, what on_step is told", [], []

    def __call__(self, *told):
        case = self.case
        expect(len(told) == 2, f"{case}: yours is {len(told)} things, expected two: the guess and x_prev")
        guess, x_prev = told
        expect(isinstance(guess, self.lesson.Guess), f"{case} first: yours is {show(guess)}, expected the Guess")
        expect(isinstance(x_prev, torch.Tensor), f"{case} second: yours is {show(x_prev)}, expected x_prev, a tensor")
        self.told.append((guess.pred_x0, x_prev))
        self.copies.append((guess.t, guess.pred_x0.clone(), x_prev.clone()))
        return "what a callback gives back, which is nobody's business"

    def check(self, steps):
        """Told once a step, and nothing of it was written over later."""
        same(len(self.copies), steps, f"{self.case}: how often it is called")
        for count, ((x0, x_prev), (_, x0_then, x_prev_then)) in enumerate(zip(self.told, self.copies, strict=True)):
            text = "must stay as it is: a later step writes into it"
            expect(torch.equal(x0, x0_then), f"{self.case}: pred_x0 of guess {count} {text}")
            expect(torch.equal(x_prev, x_prev_then), f"{self.case}: x_prev of step {count} {text}")

    def path(self):
        """The x after each step."""
        return [x_prev for _, _, x_prev in self.copies]


def check_visits(asked, T, steps, case):
    """The t that the model is asked about: evenly spaced, each rounded up or down."""
    same(len(asked), steps, f"{case}, how often the model is asked")
    same(asked[0], T - 1, f"{case}, the first t that the model is asked about")
    for count, t in enumerate(asked):
        even = T - 1 - Fraction(count * T, steps)
        expect(abs(t - even) < 1, f"{case}: question {count} is about t = {t}, evenly spaced it is {float(even):g}")


def walk(x, solver, betas, visits, mu, s):
    """Each x_prev on the walk of one pixel, without fresh noise, in plain numbers."""
    path, last = [], None
    for t, prev_t in zip(visits, [*visits[1:], -1], strict=True):
        image = min(max(ideal_image(x, *mix(betas, t), mu, s), -1.0), 1.0)
        if solver == "dpm" and last:
            x = towards(betas, *last[:2], t, image)
        (signal, sigma), (signal_prev, sigma_prev) = mix(betas, t), mix(betas, prev_t)
        aim = image
        if solver == "dpm" and last and prev_t >= 0:
            here = half_log_snr(betas, t)
            aim += (image - last[2]) * (half_log_snr(betas, prev_t) - here) / (here - half_log_snr(betas, last[1])) / 2
        last = (x, t, image)
        if solver == "ddpm":
            x = between(betas, t, prev_t, [image], [x])[0][0]
        elif solver == "dpm":
            x = towards(betas, x, t, prev_t, aim)
        else:
            x = signal_prev * image + sigma_prev * (x - signal * image) / sigma
        path.append(x)
    return path


def towards(betas, x, t, prev_t, image):
    """From t to prev_t along the straight line between x and the image, each in units of the noise level."""
    (signal, sigma), (signal_prev, sigma_prev) = mix(betas, t), mix(betas, prev_t)
    return sigma_prev / sigma * (x - signal * image) + signal_prev * image


@each_solver
@given(
    T=st.sampled_from([12, 7, 16]),
    steps=st.sampled_from([3, 4, 5, 6, 7, 1]),
    mu=st.sampled_from([0.2, -0.35, 0.5]),
    s=st.floats(0.1, 1.0),
    examples=12,
)
def test_sample_walks_the_path_of_its_solver(lesson, solver, T, steps, mu, s):
    """Without fresh noise every x on the way is known. Some guesses leave [-1, 1] and are clipped."""
    betas = [0.05 + 0.55 * t / (T - 1) for t in range(T)]
    starts, schedule = [-5.3, 0.4, 1.1, 2.9], schedule_of(betas)
    model = Ideal(mu, s, schedule)
    case = f"T = {T}, {solver} with {steps} steps and eta = 0, data N({mu:.3g}, {s:.3g}^2), x_T = {numbers(starts)}"
    x_T, heard = images(starts), Heard(lesson, case)
    with unchanged(case, x_T=x_T):
        x = lesson.sample(
            model,
            x_T,
            schedule,
            generator=seeded(0),
            solver=solver,
            steps=steps,
            eta=0.0,
            prediction="v",
            on_step=heard,
        )
    check_visits(model.asked, T, steps, case)
    heard.check(steps)
    expected = list(zip(*[walk(start, solver, betas, model.asked, mu, s) for start in starts], strict=True))
    for step, (mine, theirs) in enumerate(zip(heard.path(), expected, strict=True), start=1):
        same(mine, images(theirs), f"{case}, after step {step}", rtol=1e-3, atol=1e-3)
    same(x, images(expected[-1]), f"{case}, result", rtol=1e-3, atol=1e-3)
    own_memory(x, case, x_T=x_T)


@each_solver
def test_sample_visits_every_step_if_asked_to(lesson, solver):
    model, x_T = Ideal(0.3, 0.4, schedule_of(BETAS)), draw(1)
    lesson.sample(model, x_T, schedule_of(BETAS), generator=seeded(0), solver=solver, steps=12, prediction="v")
    same(model.asked, list(range(11, -1, -1)), f"T = 12, {solver} with 12 steps, the t that the model is asked about")


@each_solver
def test_fresh_noise_has_no_pattern(lesson, solver):
    """Square images of 16 x 16 pixels: from x_T = 0 and a guess of 0 the first step leads to fresh noise only.

    Of 3072 numbers, half of them pairs, a correlation of 0.2 comes by chance once in 10^14 runs.
    """
    steps, x_T = [], torch.zeros(4, 3, 16, 16)
    options = {"solver": solver, "steps": 4, "eta": 1.0, "on_step": lambda guess, x: steps.append(x.clone())}
    lesson.sample(lambda x, t: torch.zeros_like(x), x_T, schedule_of(BETAS), generator=seeded(0), **options)
    fresh = (steps[0] / steps[0].std()).double()
    others = {
        "the image next to it": fresh.roll(1, 0),
        "the channel next to it": fresh.roll(1, 1),
        "the row below": fresh.roll(1, 2),
        "the column beside": fresh.roll(1, 3),
        "the same, rows for columns": fresh.mT,
        "the same, upside down": fresh.flip(2),
        "the same, left for right": fresh.flip(3),
    }
    for name, other in others.items():
        alike = (fresh * other).mean().item()
        text = f"the fresh noise of {solver}'s first step and {name} have a correlation of {alike:.2f}, expected 0"
        expect(abs(alike) < 0.2, f"4 images of 3 channels with 16 x 16 pixels: {text}")


@pytest.mark.exercise("sample")
def test_sample_takes_twenty_steps_unless_told(lesson):
    schedule = make_schedule("cosine", 40)
    model = Ideal(0.3, 0.4, schedule)
    lesson.sample(model, draw(1), schedule, generator=seeded(0), prediction="v")
    same(len(model.asked), 20, "T = 40, no steps given, so 20: how often the model is asked")


@pytest.mark.exercise("sample")
def test_sample_takes_schedules_of_any_length(lesson):
    for T in (1, 2, 1200):
        schedule = make_schedule("cosine", T)
        model, steps = Ideal(0.3, 0.0, schedule), min(T, 4)
        x = lesson.sample(model, draw(1), schedule, generator=seeded(0), steps=steps, prediction="v")
        case = f'make_schedule("cosine", {T}), dpm with {steps} steps, all data are .3'
        check_visits(model.asked, T, steps, case)
        same(x, torch.full((2, 3, 2, 4), 0.3), case, atol=1e-3)


@each_solver
def test_sample_takes_each_pixel_by_itself(lesson, solver):
    """Images of three channels, twice as wide as high, in any order of memory and on any device; more than are shown
    on a page. Without fresh noise, for each pixel would have another."""
    x_T, (ideal, table) = 2 * draw(1), (Ideal(0.2, 0.5, schedule_of(BETAS)), schedule_of(BETAS))
    case = f"2 images of 3 channels with 2 x 4 pixels, {solver} with 4 steps, eta = 0"

    def drawn(x_T, eta=0.0, model=ideal, schedule=table):
        options = {"solver": solver, "steps": 4, "prediction": "v", "eta": eta}
        return lesson.sample(model, x_T, schedule, generator=seeded(0), **options)

    expected = torch.cat([drawn(x).flatten() for x in pixels(x_T)]).reshape(x_T.shape)
    for layout, tensor in layouts(x_T).items():
        same(drawn(tensor), expected, f"{case}, against each pixel alone, x_T in memory as {layout}")
    many = draw(2, 70, 1, 1, 2)
    same(drawn(many)[-1:], drawn(many[-1:]), f"{solver}, the last of 70 images, among them and alone")

    def elsewhere(move):
        moved = move(x_T)
        return drawn(moved, 0.5, lambda x, t: 0.3 * x, table.to(moved.device))

    on_other_device(elsewhere, f"{case}, fresh noise from a generator on the CPU", looks_up=True)


@each_solver
@given(value=st.floats(-1, 1), steps=st.integers(1, 12), prediction=st.sampled_from(["noise", "v"]), examples=12)
def test_a_point_mass_comes_back_exactly(lesson, solver, value, steps, prediction):
    """If there is one image only, every walk must end at it, however few steps it has."""
    schedule = schedule_of(BETAS)
    x_T = torch.randn(2, 1, 2, 2, generator=seeded(1))
    model = Ideal(value, 0.0, schedule, prediction)
    x = lesson.sample(model, x_T, schedule, generator=seeded(0), solver=solver, steps=steps, prediction=prediction)
    case = f"T = 12, {solver} with {steps} steps, all data are {value:.3g}, the model predicts {prediction}"
    same(x, torch.full((2, 1, 2, 2), value), case, atol=1e-3)


def errors_of_samples(sample, schedule, solver, many_steps, model):
    """How far mean and standard deviation are from those of the data, for each number of steps; 16,384 pixels."""
    x_T = torch.randn(16, 1, 32, 32, generator=seeded(2))
    x_T = (x_T - x_T.mean()) / x_T.std()
    for steps in many_steps:
        x = sample(model, x_T, schedule, generator=seeded(3), solver=solver, steps=steps, prediction=model.prediction)
        yield x.mean().item() - model.mu, x.std().item() / model.s - 1


DEVIATION_OFF = {"ddpm": 0.12, "ddim": 0.06, "dpm": 0.11}  # by as much of itself, at most, after 64 steps


@each_solver
def test_gaussian_data_come_back(lesson, solver):
    """Mean and standard deviation of what is drawn are those of the data, the better the more steps there are.

    With 64 steps the standard deviation is off by 9% (too narrow) for ddpm, 4% (too narrow) for ddim, 7% (too wide)
    for dpm. Chance moves it by .55% more or less, and the mean by .002. The bounds leave room for five times as much:
    right code, with draws of its own, fails once in a million.
    """
    schedule = make_schedule("cosine")
    model = Ideal(0.2, 0.25, schedule)
    found = list(errors_of_samples(lesson.sample, schedule, solver, (4, 64), model))
    case = f"T = 1000, {solver}, data N(.2, .25^2)"
    mean, deviation = found[-1]
    expect(abs(mean) < 0.01, f"{case}, 64 steps: the mean of yours is {mean + 0.2:.4f}, expected .2")
    expect(
        abs(deviation) < DEVIATION_OFF[solver],
        f"{case}, 64 steps: the standard deviation of yours is {0.25 * (1 + deviation):.4f}, expected .25",
    )
    few, many = abs(found[0][1]), abs(deviation)
    text = f"with 4 steps the standard deviation is off by {few:.1%}, with 64 by {many:.1%}, expected less"
    expect(few > many, f"{case}: {text}")


def fresh_noises(solver, eta, heard, x_T, mu, s):
    """The fresh noise of each step but the last, read off what on_step was told.

    x_prev is a known mix of x_t, the guess and the noise. For dpm, x_t is what the step before leads to once it is
    taken again, with its own noise and the new guess.
    """
    noises, known, x, last = [], [], x_T, None
    visits = [t for t, _, _ in heard.copies]
    for (t, image, x_prev), prev_t in zip(heard.copies, visits[1:], strict=False):
        case = f"{heard.case}, at t = {t}"
        expected = ideal_image(x, *mix(BETAS, t), mu, s).clamp(-1, 1)
        same(image, expected, f"{case}, pred_x0 of the guess about the x before", rtol=1e-3, atol=1e-3)
        (signal, sigma), (signal_prev, sigma_prev) = mix(BETAS, t), mix(BETAS, prev_t)
        aim, moved = image, torch.zeros_like(x)
        if solver == "dpm":
            if last:
                moved = last[1] * (image - last[2])  # by how much the step before, taken again, leads elsewhere
                x = x + moved
                here = half_log_snr(BETAS, t)
                ratio = (half_log_snr(BETAS, prev_t) - here) / (here - half_log_snr(BETAS, last[0])) / 2
                aim = image + (image - last[3]) * ratio
            h = half_log_snr(BETAS, prev_t) - half_log_snr(BETAS, t)
            kept, pulled = sigma_prev / sigma * math.exp(-eta * h), signal_prev * (1 - math.exp(-(1 + eta) * h))
            last = (t, pulled, aim, image)
            scale, middle = sigma_prev * math.sqrt(1 - math.exp(-2 * eta * h)), kept * x + pulled * aim
        else:
            (of_image,), variance = between(BETAS, t, prev_t, [1.0], [0.0])
            (of_x,), _ = between(BETAS, t, prev_t, [0.0], [1.0])
            scale, middle = eta * math.sqrt(variance), of_image * image + of_x * x
            if solver == "ddim":
                old = math.sqrt(sigma_prev**2 - scale**2)
                middle = signal_prev * image + old * (x - signal * image) / sigma
        noises.append((x_prev - middle) / scale)
        known.append({"x_t": x, "the guess": image, "the correction of the step before": moved})
        x = x_prev
    return visits, noises, known


@pytest.mark.parametrize(
    ("solver", "eta"),
    [
        pytest.param(solver, eta, marks=pytest.mark.exercise(OF_SOLVER[solver]))
        for solver, eta in [("ddpm", None), ("ddpm", 0.5), ("ddim", 0.5), ("dpm", None), ("dpm", 0.5)]
    ],
    ids=lambda value: str(value),
)
def test_fresh_noise_is_fresh(lesson, solver, eta):
    """What a step adds to what it should lead to without noise is normal, and for each pixel and each step another.

    Over the 12,288 pixels of a step chance moves the standard deviation by .0064 and correlations by .009, of two
    channels or images by .016; the bounds are six times that, one false alarm in a hundred million. Of all 49,152
    together the mean fourth power, 3, moves by .044.
    """
    schedule, x_T = schedule_of(BETAS), draw(8, 2, 3, 32, 64)
    case = f"T = 12, {solver} with 5 steps, {'no eta given' if eta is None else f'eta = {eta:g}'}, data N(.2, .8^2)"
    heard, options = Heard(lesson, case), {} if eta is None else {"eta": eta}
    x = lesson.sample(
        Ideal(0.2, 0.8, schedule),
        x_T.clone(),
        schedule,
        generator=seeded(0),
        solver=solver,
        steps=5,
        prediction="v",
        on_step=heard,
        **options,
    )
    expect(isinstance(x, torch.Tensor) and x.shape == x_T.shape, f"{case}: yours is {show(x)}, expected images as x_T")
    heard.check(5)
    visits, noises, known = fresh_noises(solver, 1.0 if eta is None else eta, heard, x_T, 0.2, 0.8)
    for count, noise in enumerate(noises):
        step = f"{case}: the noise of the step from {visits[count]} to {visits[count + 1]}"
        deviation = noise.std().item()
        expect(abs(deviation - 1) < 0.04, f"{step} has standard deviation {deviation:.3f}, expected 1")
        expect(abs(noise.mean()) < 0.055, f"{step} has mean {noise.mean():.3f}, expected 0")
        for other in range(count):
            before = f"the step from {visits[other]} to {visits[other + 1]}"
            uncorrelated(noise, noises[other], 0.055, f"{step}, and that of {before}")
        for name, tensor in known[count].items():
            uncorrelated(noise, tensor, 0.055, f"{step}, and {name}")
        uncorrelated(noise[0], noise[1], 0.08, f"{step}, of the two images")
        for one, two in [(0, 1), (0, 2), (1, 2)]:
            uncorrelated(noise[:, one], noise[:, two], 0.1, f"{step}, of channels {one} and {two}")
        uncorrelated(noise[:, :, :-1], noise[:, :, 1:], 0.055, f"{step}, of pixels one above the other")
        uncorrelated(noise[..., :-1], noise[..., 1:], 0.055, f"{step}, of pixels side by side")
        uncorrelated(noise[..., ::2, :], noise[..., 1::2, :], 0.08, f"{step}, of rows two by two")
    fourth = torch.stack(noises).pow(4).mean().item()
    expect(abs(fourth - 3) < 0.27, f"{case}: the fourth power of the noise has mean {fourth:.2f}, of normal noise 3")


def uncorrelated(a, b, bound, what):
    """Raise Wrong if two pieces of noise go together."""
    alike = torch.corrcoef(torch.stack([a.flatten(), b.flatten()])).nan_to_num()[0, 1].item()
    expect(abs(alike) < bound, f"{what}: their correlation is {alike:.2f}, expected 0")


@pytest.mark.exercise("sample")
def test_usual_share_of_fresh_noise(lesson):
    """DDIM is usually without fresh noise, the others are with it. And the same seed gives the same images."""
    schedule = schedule_of(BETAS)
    x_T = torch.randn(2, 1, 2, 2, generator=seeded(1))

    def images_with(seed, **options):
        model = Ideal(0.1, 0.5, schedule)
        return lesson.sample(model, x_T, schedule, generator=seeded(seed), steps=4, prediction="v", **options)

    for solver in OF_SOLVER:
        case, first = f"{solver}, the same x_T", images_with(5, solver=solver)
        same(images_with(5, solver=solver), first, f"{case}, twice with a generator of the same seed")
        if solver == "ddim":
            same(images_with(6, solver=solver), first, f"{case}, two generators, but no fresh noise is asked for")
        else:
            other = images_with(6, solver=solver)
            expect(not torch.equal(other, first), f"{case}: two generators give the same images: is there fresh noise?")
    same(images_with(5), images_with(5, solver="dpm", eta=1.0), "no solver and no eta given: dpm with eta = 1")


@pytest.mark.exercise("dpm_walk")
def test_noise_comes_from_the_generator_alone(lesson):
    """It goes on from where it is, and no other chance has a part."""
    schedule, generator, x_T = schedule_of(BETAS), seeded(5), draw(1)

    def drawn(generator):
        return lesson.sample(Ideal(0.1, 0.5, schedule), x_T, schedule, generator=generator, steps=4, prediction="v")

    first, second = drawn(generator), drawn(generator)
    case = "one generator, two walks from the same x_T"
    expect(not torch.equal(first, second), f"{case}: the images are the same, but its numbers should go on")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(123)
        before = torch.random.get_rng_state()
        same(drawn(seeded(5)), first, "another state of the global generator, and a generator of the same seed")
        untouched = torch.equal(torch.random.get_rng_state(), before)
    expect(untouched, "a walk draws from the global generator as well, expected: from the one handed over alone")


@each_solver
def test_sample_keeps_no_gradients(lesson, solver):
    weight, heard = torch.ones(1, requires_grad=True), Heard(lesson, f"{solver}, a network with weights")
    options = {"generator": seeded(0), "solver": solver, "steps": 3, "on_step": heard}
    x = lesson.sample(lambda x, t: 0.1 * weight * x, draw(1), schedule_of(BETAS), **options)
    kept = x.requires_grad or any(x0.requires_grad or x_prev.requires_grad for x0, x_prev in heard.told)
    expect(not kept, f"{heard.case}: it still needs gradients, and so holds on to all that led to it")
    expect(torch.is_grad_enabled(), "after a walk, gradients are switched off for everybody")


@pytest.mark.exercise("sample")
@pytest.mark.parametrize("steps", [0, -1, 13])
def test_sample_refuses_a_number_of_steps_that_cannot_be(lesson, steps):
    schedule = schedule_of(BETAS)
    model, x_T = Ideal(0.0, 0.5, schedule), torch.zeros(1, 1, 2, 2)
    with refused(f"T = 12, steps = {steps}"):
        lesson.sample(model, x_T, schedule, generator=seeded(0), steps=steps, prediction="v")


@pytest.mark.exercise("sample")
@pytest.mark.parametrize("solver", ["euler", "DPM", "d", ""])
def test_sample_refuses_an_unknown_solver(lesson, solver):
    schedule = schedule_of(BETAS)
    model, x_T = Ideal(0.0, 0.5, schedule), torch.zeros(1, 1, 2, 2)
    with refused(f'solver = "{solver}"'):
        lesson.sample(model, x_T, schedule, generator=seeded(0), solver=solver, steps=3)


class IdealOfYours:
    """The ideal network for data N(mu, s^2), trained with the learner's own noising: it predicts v."""

    prediction = "v"

    def __init__(self, mu, s, schedule, noising):
        self.mu, self.s, self.schedule, self.noising = mu, s, schedule, noising

    def __call__(self, x_t, t):
        signal = self.schedule.sqrt_alphas_cumprod[t[0]].item()
        sigma = self.schedule.sqrt_one_minus_alphas_cumprod[t[0]].item()
        x0 = ideal_image(x_t, signal, sigma, self.mu, self.s)
        return self.noising.velocity(x0, t, self.noising.predict_noise(x_t, t, x0, self.schedule), self.schedule)


@pytest.mark.chain
@pytest.mark.parametrize("solver", OF_SOLVER)
def test_your_schedule_noising_and_sampler_work_together(chain, solver):
    """Your tables, your velocity, your walk: from pure noise to images with mean and deviation of the data.

    Bounds and false alarms as in test_gaussian_data_come_back.
    """
    schedule = chain.schedule.make_schedule("cosine", 1000)
    model = IdealOfYours(-0.3, 0.25, schedule, chain.noising)
    ((mean, deviation),) = errors_of_samples(chain.sampler.sample, schedule, solver, [64], model)
    case = f'make_schedule("cosine", 1000), {solver} with 64 steps, data N(-.3, .25^2)'
    expect(abs(mean) < 0.01, f"{case}: the mean of yours is {mean - 0.3:.4f}, expected -.3")
    text = f"{case}: the standard deviation of yours is {0.25 * (1 + deviation):.4f}, expected .25"
    expect(abs(deviation) < DEVIATION_OFF[solver], text)


@pytest.mark.chain
def test_your_sampler_undoes_your_noising(chain):
    """Noised by you, guessed by a network that knows the noise: the image is there again, at each t."""
    schedule = chain.schedule.make_schedule("linear", 100)
    x0, noise = images([0.8, -0.3, -1.0, 0.4]), images([1.1, -0.2, 0.6, -1.7])
    for t in range(0, 100, 11):
        x_t = chain.noising.q_sample(x0, torch.tensor([t, t]), noise, schedule)
        guess = chain.sampler.denoise(Network(noise), x_t, t, schedule)
        case = f'make_schedule("linear", 100), t = {t}, the model knows the noise'
        same(guess.pred_x0, x0, f"{case}, pred_x0", atol=2e-3)
        back = chain.sampler.ddim_step(x_t, guess, -1, schedule, torch.ones_like(x_t))
        same(back, x0, f"{case}, one DDIM step to the clean image", atol=2e-3)
