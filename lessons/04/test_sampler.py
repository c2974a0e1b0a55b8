"""Checks lesson 04. Expected values come from Python's own floats and closed forms, not from the reference.

Where chance has a part, a test says how often right code would fail it by bad luck. Its draws are the same each time:
what passes once always passes.
"""

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course.checks import expect, given, numbers, refused, same, show, unchanged
from cdm_tutor.schedule import NoiseSchedule, make_schedule

BETAS = [0.05 + 0.05 * t for t in range(12)]  # leave little of the image after 12 steps
SOLVERS = ["ddpm", "ddim", "dpm"]
many_betas = st.lists(st.floats(0.05, 0.6), min_size=1, max_size=5)
two_images = st.lists(st.floats(-1, 1), min_size=2, max_size=2)
two_noises = st.lists(st.floats(-3, 3), min_size=2, max_size=2)
place = st.integers(0, 99)
each_solver = pytest.mark.parametrize("solver", SOLVERS)


def schedule_of(betas):
    return NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))


def images(values):
    """Two images, of one or two pixels each."""
    return torch.tensor(values).reshape(2, 1, 1, -1)


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


def stride(betas, far, near):
    """A t, and a prev_t below it, from any two numbers."""
    t = far % len(betas)
    return t, near % (t + 1) - 1


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
@given(betas=many_betas, far=place, x_t=two_noises, answer=two_noises, prediction=st.sampled_from(["noise", "v"]))
def test_denoise_gives_image_and_noise_that_make_x_t(lesson, betas, far, x_t, answer, prediction):
    t = far % len(betas)
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
    ],
    ids=["some", "all", "one"],
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
@pytest.mark.parametrize("steps", [0, -3, 11])
def test_spacing_refuses_what_cannot_be(lesson, steps):
    with refused(f"T = 10, steps = {steps}"):
        lesson.spaced_timesteps(10, steps)


@pytest.mark.exercise("posterior")
def test_posterior_by_hand(lesson):
    """betas .36 and .75 leave .64 and .16, so alpha = .25. The mean: (.8 * .75 * x0 + .5 * .36 * x_t) / .84."""
    x0, x_t = images([0.7, 0.7, 0.7, 0.7]), images([-0.7, -0.7, -0.7, -0.7])
    guess = lesson.Guess(1, x0, (x_t - 0.4 * x0) / math.sqrt(0.84))
    mean, variance = lesson.posterior(x_t, guess, 0, schedule_of([0.36, 0.75]))
    case = "betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .7, x_t = -.7"
    same(mean, images([0.35] * 4), f"{case}, mean")
    same(number(variance, f"{case}, variance"), 0.27 / 0.84, f"{case}, variance", rtol=1e-4)


@pytest.mark.exercise("posterior")
@given(betas=many_betas, far=place, near=place, x0=two_images, noise=two_noises)
def test_posterior_is_two_gaussians_multiplied(lesson, betas, far, near, x0, noise):
    t, prev_t = stride(betas, far, near)
    x_t = noised(betas, t, x0, noise)
    means, expected = between(betas, t, prev_t, x0, x_t)
    case = in_words(betas, t, prev_t, f"x0 = {numbers(x0)}, x_t = {numbers(x_t)}")
    inputs = {"x_t": images(x_t), "pred_x0": images(x0), "pred_noise": images(noise)}
    with unchanged(case, **inputs):
        guess = lesson.Guess(t, inputs["pred_x0"], inputs["pred_noise"])
        mean, variance = lesson.posterior(inputs["x_t"], guess, prev_t, schedule_of(betas))
    same(mean, images(means), f"{case}, mean", atol=5e-5)
    same(number(variance, f"{case}, variance"), expected, f"{case}, variance", rtol=1e-4, atol=1e-5)


def check_step(lesson, step, betas, t, prev_t, x0, noise, fresh, expected, case, *eta, last=None):
    """Take a step from what the guess makes of x_t, and compare."""
    x_t = images(noised(betas, t, x0, noise))
    guess = lesson.Guess(t, images(x0), images(noise))
    fresh = images(fresh)
    with unchanged(case, x_t=x_t, pred_x0=guess.pred_x0, pred_noise=guess.pred_noise, noise=fresh):
        x_prev = getattr(lesson, step)(x_t, guess, last, prev_t, schedule_of(betas), fresh, *eta)
    same(x_prev, images(expected), case, atol=1e-4)


@pytest.mark.exercise("p_sample")
def test_p_sample_by_hand(lesson):
    """The case above: mean .35 and variance .27 / .84 = 9 / 28, so noise 2 adds two times 3 / sqrt(28)."""
    noise = [(-0.7 - 0.4 * 0.7) / math.sqrt(0.84)] * 4
    case = "betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .7, x_t = -.7, noise = 2"
    expected = [0.35 + 6 / math.sqrt(28)] * 4
    check_step(lesson, "p_sample", [0.36, 0.75], 1, 0, [0.7] * 4, noise, [2.0] * 4, expected, case)


@pytest.mark.exercise("p_sample")
@given(betas=many_betas, far=place, near=place, x0=two_images, noise=two_noises, fresh=two_noises, eta=st.floats(0, 1))
def test_p_sample_draws_from_the_posterior(lesson, betas, far, near, x0, noise, fresh, eta):
    t, prev_t = stride(betas, far, near)
    means, variance = between(betas, t, prev_t, x0, noised(betas, t, x0, noise))
    expected = [mean + eta * math.sqrt(variance) * grain for mean, grain in zip(means, fresh, strict=True)]
    case = in_words(betas, t, prev_t, f"x0 = {numbers(x0)}, noise = {numbers(fresh)}, eta = {eta:g}")
    check_step(lesson, "p_sample", betas, t, prev_t, x0, noise, fresh, expected, case, eta)


@pytest.mark.exercise("p_sample")
def test_p_sample_adds_no_noise_at_the_last_step(lesson):
    x0, case = [0.5, -1.0, 1.0, 0.0], "the last step, from t = 3 to prev_t = -1: x_prev must be the guessed image"
    check_step(lesson, "p_sample", BETAS, 3, -1, x0, [0.3, 1.2, -0.8, 2.0], [1.0, -2.0, 0.5, 3.0], x0, case)


@pytest.mark.exercise("ddim_step")
def test_ddim_step_by_hand(lesson):
    """From alpha_bar = .16 to .64, where an image is .8 * x0 + .6 * noise: .8 * .5 - .6 * 1 = -.2."""
    case = "betas = (0.36, 0.75), t = 1, prev_t = 0, x0 = .5, guessed noise = -1, no eta given"
    check_step(lesson, "ddim_step", [0.36, 0.75], 1, 0, [0.5] * 4, [-1.0] * 4, [2.0] * 4, [-0.2] * 4, case)


@pytest.mark.exercise("ddim_step")
@given(betas=many_betas, far=place, near=place, x0=two_images, noise=two_noises, fresh=two_noises, eta=st.floats(0, 1))
def test_ddim_step_mixes_anew(lesson, betas, far, near, x0, noise, fresh, eta):
    """Old and fresh noise together have the variance that belongs to prev_t, whatever eta is."""
    t, prev_t = stride(betas, far, near)
    signal, sigma = mix(betas, prev_t)
    spread = eta * math.sqrt(between(betas, t, prev_t, x0, x0)[1])
    old = math.sqrt(max(sigma**2 - spread**2, 0.0))
    parts = zip(x0, noise, fresh, strict=True)
    expected = [signal * image + old * grain + spread * new for image, grain, new in parts]
    case = in_words(
        betas,
        t,
        prev_t,
        f"x0 = {numbers(x0)}, guessed noise = {numbers(noise)}, noise = {numbers(fresh)}, eta = {eta:g}",
    )
    check_step(lesson, "ddim_step", betas, t, prev_t, x0, noise, fresh, expected, case, eta)


@pytest.mark.exercise("dpm_step")
def test_dpm_step_by_hand(lesson):
    """alpha_bar = 1/17, 1/5, 4/5: image to noise is 1 to 16, 1 to 4, 4 to 1. In half logs, the stride to come is twice
    the last: log 4 to log 2, so h / (2 * h_last) = 1. The guess went from .1 to .3, so ahead is .5. A quarter of x_t
    is kept, and sqrt(alpha_bar) doubles: x_prev = 2 * x_t / 4 + sqrt(.8) * .75 * .5."""
    betas, x_t = [0.2, 0.75, 12 / 17], 0.4
    noise = [(x_t - math.sqrt(0.2) * 0.3) / math.sqrt(0.8)] * 4
    last = lesson.Taken(images([1.0] * 4), lesson.Guess(2, images([0.1] * 4), images([1.0] * 4)), images([1.0] * 4))
    case = "alpha_bar = (4/5, 1/5, 1/17), t = 1, prev_t = 0, x_t = .4, pred_x0 = .3, was .1 at t = 2, eta = 0"
    expected = [0.2 + math.sqrt(0.8) * 0.375] * 4
    check_step(lesson, "dpm_step", betas, 1, 0, [0.3] * 4, noise, [2.0] * 4, expected, case, 0.0, last=last)


@pytest.mark.exercise("dpm_step")
@given(
    betas=st.lists(st.floats(0.05, 0.6), min_size=5, max_size=5),
    visits=st.sets(st.integers(-1, 4), min_size=3, max_size=3),
    x0=two_images,
    before=two_images,
    eta=st.floats(0, 1),
    first=st.booleans(),
)
def test_dpm_step_leans_ahead(lesson, betas, visits, x0, before, eta, first):
    """Lu et al. 2022 in noise levels; the exercise's text has it in signal levels."""
    last_t, t, prev_t = sorted(visits, reverse=True)
    noise, fresh, ones = [0.8, -1.3], [1.1, 0.4], images([1.0] * 2)
    guess = lesson.Guess(last_t, images(before), ones)
    last = None if first else lesson.Taken(ones, guess, ones)
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
    case = in_words(betas, t, prev_t, f"pred_x0 = {numbers(x0)}, noise = {numbers(fresh)}, eta = {eta:g}")
    case += ", no last step" if first else f", was {numbers(before)} at t = {last_t}"
    check_step(lesson, "dpm_step", betas, t, prev_t, x0, noise, fresh, expected, case, eta, last=last)


@pytest.mark.exercise("sample")
def test_sample_by_hand(lesson):
    """A network that always finds x0 = .5, x_T = 1, alpha_bar = .16 and .64. At t = 1 the noise is then
    (1 - .4 * .5) / sqrt(.84) = .8729; DDIM's first step gives .8 * .5 + .6 * .8729 = .9237, its last .5."""
    schedule, path = schedule_of([0.36, 0.75]), []
    x = lesson.sample(
        Ideal(0.5, 0.0, schedule),
        torch.ones(2, 1, 1, 2),
        schedule,
        generator=seeded(0),
        solver="ddim",
        steps=2,
        prediction="v",
        on_step=lambda guess, x_prev: path.append((guess.t, x_prev.clone())),
    )
    case = "alpha_bar = (.64, .16), x_T = 1, the guess is always .5, ddim with 2 steps"
    same([t for t, _ in path], [1, 0], f"{case}, t of each guess that on_step is told")
    same(path[0][1], images([0.4 + 0.6 * 0.8 / math.sqrt(0.84)] * 4), f"{case}, the first x_prev that on_step is told")
    same(path[1][1], images([0.5] * 4), f"{case}, the second x_prev that on_step is told")
    same(x, images([0.5] * 4), f"{case}, result")


def walk(x, solver, steps, mu, s):
    """Each x_prev on the walk of one pixel, without fresh noise, in plain numbers."""
    path, last = [], None
    for count in range(steps):
        t, prev_t = (11 - k * 12 // steps for k in (count, count + 1))
        image = min(max(ideal_image(x, *mix(BETAS, t), mu, s), -1.0), 1.0)
        if solver == "dpm" and last:
            x = towards(*last[:2], t, image)
        (signal, sigma), (signal_prev, sigma_prev) = mix(BETAS, t), mix(BETAS, prev_t)
        aim = image
        if solver == "dpm" and last and prev_t >= 0:
            here = half_log_snr(BETAS, t)
            aim += (image - last[2]) * (half_log_snr(BETAS, prev_t) - here) / (here - half_log_snr(BETAS, last[1])) / 2
        last = (x, t, image)
        if solver == "ddpm":
            x = between(BETAS, t, prev_t, [image], [x])[0][0]
        elif solver == "dpm":
            x = towards(x, t, prev_t, aim)
        else:
            x = signal_prev * image + sigma_prev * (x - signal * image) / sigma
        path.append(x)
    return path


def towards(x, t, prev_t, image):
    """From t to prev_t along the straight line between x and the image, each in units of the noise level."""
    (signal, sigma), (signal_prev, sigma_prev) = mix(BETAS, t), mix(BETAS, prev_t)
    return sigma_prev / sigma * (x - signal * image) + signal_prev * image


@pytest.mark.exercise("sample")
@each_solver
@given(steps=st.sampled_from([1, 2, 3, 4, 6, 12]), mu=st.floats(-0.5, 0.5), s=st.floats(0.1, 1.0), examples=12)
def test_sample_walks_the_path_of_its_solver(lesson, solver, steps, mu, s):
    """Without fresh noise every x on the way is known. Some guesses leave [-1, 1] and are clipped."""
    starts, schedule, path = [-2.3, 0.4, 1.1, 2.9], schedule_of(BETAS), []
    model = Ideal(mu, s, schedule)
    case = f"T = 12, {solver} with {steps} steps and eta = 0, data N({mu:.3g}, {s:.3g}^2), x_T = {numbers(starts)}"
    x_T = images(starts)
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
            on_step=lambda _, x_prev: path.append(x_prev.clone()),
        )
    same(model.asked, [11 - k * 12 // steps for k in range(steps)], f"{case}, the t that the model is asked about")
    expected = list(zip(*[walk(start, solver, steps, mu, s) for start in starts], strict=True))
    same(len(path), steps, f"{case}, how often on_step is told")
    for step, (mine, theirs) in enumerate(zip(path, expected, strict=True), start=1):
        same(mine, images(theirs), f"{case}, after step {step}", rtol=1e-3, atol=1e-3)
    same(x, images(expected[-1]), f"{case}, result", rtol=1e-3, atol=1e-3)


@pytest.mark.exercise("sample")
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


def errors_in_spread(sample, schedule, solver, many_steps, model):
    """How far mean and spread are from those of the data, for each number of steps; 16,384 pixels."""
    x_T = torch.randn(16, 1, 32, 32, generator=seeded(2))
    x_T = (x_T - x_T.mean()) / x_T.std()
    for steps in many_steps:
        x = sample(model, x_T, schedule, generator=seeded(3), solver=solver, steps=steps, prediction=model.prediction)
        yield x.mean().item() - model.mu, x.std().item() / model.s - 1


SPREAD_OFF = {"ddpm": 0.12, "ddim": 0.06, "dpm": 0.11}  # by as much of itself, at most, after 64 steps


@pytest.mark.exercise("sample")
@each_solver
def test_gaussian_data_come_back(lesson, solver):
    """Mean and spread of what is drawn are those of the data, the better the more steps there are.

    With 64 steps the spread is off by 9% (too narrow) for ddpm, 4% (too narrow) for ddim, 7% (too wide) for dpm. Chance
    moves it by .55% more or less, and the mean by .002. The bounds leave room for five times as much: right code, with
    draws of its own, fails once in a million.
    """
    schedule = make_schedule("cosine")
    model = Ideal(0.2, 0.25, schedule)
    found = list(errors_in_spread(lesson.sample, schedule, solver, (4, 64), model))
    case = f"T = 1000, {solver}, data N(.2, .25^2)"
    mean, spread = found[-1]
    expect(abs(mean) < 0.01, f"{case}, 64 steps: the mean of yours is {mean + 0.2:.4f}, expected .2")
    expect(
        abs(spread) < SPREAD_OFF[solver],
        f"{case}, 64 steps: the spread of yours is {0.25 * (1 + spread):.4f}, expected .25",
    )
    few = abs(found[0][1])
    expect(few > abs(spread), f"{case}: with 4 steps the spread is off by {few:.1%}, with 64 by {abs(spread):.1%}")


@pytest.mark.exercise("sample")
@pytest.mark.parametrize("eta", [None, 0.5])
def test_fresh_noise_is_fresh(lesson, eta):
    """Of a grey image, x_prev is x_t times a known number, plus fresh noise times a known number.

    So the noise of each step can be read off: normal, for each image and each step another. Over 8,192 pixels chance
    moves spreads by .008 and correlations by .011 to .016; the bounds are six times that, one false alarm in a
    hundred million.
    """
    schedule, path = schedule_of(BETAS), [torch.zeros(2, 1, 64, 64)]
    options = {} if eta is None else {"eta": eta}
    lesson.sample(
        Ideal(0.0, 0.0, schedule),
        path[0].clone(),
        schedule,
        generator=seeded(0),
        solver="ddpm",
        steps=4,
        prediction="v",
        on_step=lambda _, x_prev: path.append(x_prev.clone()),
        **options,
    )
    case = f"T = 12, ddpm with 4 steps, x_T = 0, the guess is always 0, {'no eta given' if eta is None else 'eta = .5'}"
    same(len(path), 5, f"{case}, how often on_step is told, and one")
    noises = []
    for count, (t, prev_t) in enumerate([(11, 8), (8, 5), (5, 2)]):
        (kept,), variance = between(BETAS, t, prev_t, [0.0], [1.0])
        noise = (path[count + 1] - kept * path[count]) / math.sqrt(variance)
        expected, found = 1.0 if eta is None else eta, noise.std().item()
        expect(
            abs(found / expected - 1) < 0.05,
            f"{case}: from {t} to {prev_t} the noise has spread {found:.3f}, expected {expected}",
        )
        noises.append(noise)
    alike = torch.corrcoef(torch.stack([noise[0].flatten() for noise in noises]))[0, 1].item()
    expect(abs(alike) < 0.1, f"{case}: the noises of the first two steps have correlation {alike:.2f}, expected 0")
    alike = torch.corrcoef(noises[0].flatten(1))[0, 1].item()
    expect(abs(alike) < 0.1, f"{case}: the noises of two images have correlation {alike:.2f}, expected 0")


@pytest.mark.exercise("sample")
def test_usual_share_of_fresh_noise(lesson):
    """DDIM is usually without fresh noise, the others are with it. And the same seed gives the same images."""
    schedule = schedule_of(BETAS)
    x_T = torch.randn(2, 1, 2, 2, generator=seeded(1))

    def images_with(seed, **options):
        model = Ideal(0.1, 0.5, schedule)
        return lesson.sample(model, x_T, schedule, generator=seeded(seed), steps=4, prediction="v", **options)

    for solver in SOLVERS:
        case, first = f"{solver}, the same x_T", images_with(5, solver=solver)
        same(images_with(5, solver=solver), first, f"{case}, twice with a generator of the same seed")
        if solver == "ddim":
            same(images_with(6, solver=solver), first, f"{case}, two generators, but no fresh noise is asked for")
        else:
            other = images_with(6, solver=solver)
            expect(not torch.equal(other, first), f"{case}: two generators give the same images: is there fresh noise?")
    same(images_with(5), images_with(5, solver="dpm", eta=1.0), "no solver and no eta given: dpm with eta = 1")


@pytest.mark.exercise("sample")
def test_sample_refuses_an_unknown_solver(lesson):
    schedule = schedule_of(BETAS)
    model, x_T = Ideal(0.0, 0.5, schedule), torch.zeros(1, 1, 2, 2)
    with refused('solver = "euler"'):
        lesson.sample(model, x_T, schedule, generator=seeded(0), solver="euler", steps=3)


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
@each_solver
def test_your_schedule_noising_and_sampler_work_together(chain, solver):
    """Your tables, your velocity, your walk: from pure noise to images with the mean and spread of the data.

    Bounds and false alarms as in test_gaussian_data_come_back.
    """
    schedule = chain.schedule.make_schedule("cosine", 1000)
    model = IdealOfYours(-0.3, 0.25, schedule, chain.noising)
    ((mean, spread),) = errors_in_spread(chain.sampler.sample, schedule, solver, [64], model)
    case = f'make_schedule("cosine", 1000), {solver} with 64 steps, data N(-.3, .25^2)'
    expect(abs(mean) < 0.01, f"{case}: the mean of yours is {mean - 0.3:.4f}, expected -.3")
    expect(abs(spread) < SPREAD_OFF[solver], f"{case}: the spread of yours is {0.25 * (1 + spread):.4f}, expected .25")


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
        back = chain.sampler.ddim_step(x_t, guess, None, -1, schedule, torch.ones_like(x_t))
        same(back, x0, f"{case}, one DDIM step to the clean image", atol=2e-3)
