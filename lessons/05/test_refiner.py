"""Checks lesson 05. Expected values come from closed forms: data of one picture, Gaussian data, Python's own floats."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course.checks import expect, given, refused, same, unchanged
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.unet import ResidualBlock, SelfAttention

NETWORK = "ImprovedRefinementNetwork.__init__"
T = 1000
COSINE = make_schedule("cosine", T)


def schedule_of(*signals):
    """The schedule in which so much of the image is in x_0, x_1, ..."""
    kept = [1.0, *(signal**2 for signal in signals)]
    betas = [1 - after / before for before, after in pairwise(kept)]
    return NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))


BY_HAND = schedule_of(0.96, 0.8, 0.6, 0.28)  # beside them, noise: 0.28, 0.6, 0.8, 0.96


def mix(t):
    """How much image and how much noise is in x_t of the cosine schedule, by its formula."""
    f = [math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2 for u in (0, (t + 1) / T)]
    return math.sqrt(f[1] / f[0]), math.sqrt(1 - f[1] / f[0])


def chance(seed):
    return torch.Generator().manual_seed(seed)


def images(seed, *shape):
    """Images between -1 and 1."""
    return torch.rand(shape, generator=chance(seed)) * 2 - 1


@pytest.fixture(autouse=True)
def fixed_chance():
    """torch's own random numbers are the same in each run, so that what is right is right each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271828)
        yield


def looks_normal(other, beside, case):
    """Wrong unless `other` is standard normal, independent of the batch `beside`, and each image's own.

    Averages over all pixels are held to six standard errors: each is off by chance once in 500 million.
    """

    def average(values, expected, what, spread=1.0):
        found, pixels = values.double().mean().item(), values.numel()
        allowed = 6 * spread / math.sqrt(pixels)
        expect(abs(found - expected) < allowed, f"{case}: {what} is {found:.3g}, expected {expected} (+-{allowed:.2g})")

    same(other.shape, beside.shape, f"{case}, shape")
    average(other, 0, "its mean")
    average(other**2, 1, "its variance", math.sqrt(2))
    average(other * beside, 0, "its covariance with the batch it is added to")
    average(other**4, 3, "the mean of its fourth powers", math.sqrt(96))
    for step, dim in [(1, -1), (-1, -1), (1, -2), (-1, -2)]:
        average(other * beside.roll(step, dim), 0, "its covariance with neighbouring pixels")
    if len(other) > 1:
        average(other * other.roll(1, 0), 0, "the covariance of two images' noises", math.sqrt(2))
        for step in (1, -1):
            average(other * beside.roll(step, 0), 0, "its covariance with other images of the batch")


@pytest.mark.exercise(NETWORK)
def test_network_by_hand(lesson):
    """Sizes of 16 and 32 channels: a block each on the way down and up, and two at the bottom."""
    network, case = lesson.ImprovedRefinementNetwork(), "ImprovedRefinementNetwork()"
    same(network.fold, 1, f"{case}, fold")
    attends = any(isinstance(part, SelfAttention) for part in network.modules())
    expect(not attends, f"{case}: it has SelfAttention, expected none")
    widths = [part.conv1.out_channels for part in network.modules() if isinstance(part, ResidualBlock)]
    same(sorted(widths), [16, 16, 32, 32, 32, 32], f"{case}, channels of its blocks, sorted")


@pytest.mark.exercise(NETWORK)
@given(
    examples=4,
    in_channels=st.integers(1, 3),
    channels=st.sampled_from([(8, 8), (8, 16), (16, 24)]),
    side=st.sampled_from([6, 8, 10]),
)
def test_network_reaches_beyond_the_range_of_images(lesson, in_channels, channels, side):
    """With weights drawn at random: noise and velocity go below -1 and above 1, so what comes out must, too."""
    case = f"in_channels = {in_channels}, channels = {channels}, images of {side} x {side}"
    network = lesson.ImprovedRefinementNetwork(in_channels, channels)
    generator, x_t = chance(1), images(0, 2, in_channels, side, side)
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(generator=generator)
        out = network(x_t, torch.tensor([5, 300]))
    same(out.shape, x_t.shape, f"{case}, shape")
    expect(out.min() < -1, f"{case}: with random weights nothing below {out.min():.2g} comes out, expected below -1")
    expect(out.max() > 1, f"{case}: with random weights nothing above {out.max():.2g} comes out, expected above 1")
    blocks = [part for part in network.modules() if isinstance(part, ResidualBlock)]
    same(len(blocks), 6, f"{case}, number of blocks")
    same(sorted({block.conv1.out_channels for block in blocks}), sorted(set(channels)), f"{case}, channels of blocks")


@pytest.mark.exercise("renoise")
def test_renoise_by_hand(lesson):
    """x_1 is .8 image and .6 noise: .8 * .5 + .6 * 1 = 1, and .8 * -1 + .6 * .5 = -.5."""
    x, noise = torch.tensor([0.5, -1.0]).view(2, 1, 1, 1), torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    found = lesson.renoise(x, 1, BY_HAND, noise)
    same(found, torch.tensor([1.0, -0.5]).view(2, 1, 1, 1), "x = (0.5, -1), noise = (1, 0.5), t = 1")


@pytest.mark.exercise("renoise")
@given(t=st.integers(0, T - 2), x=st.lists(st.floats(-1, 1), min_size=1, max_size=3), noise=st.floats(-3, 3))
def test_renoise_mixes_image_and_noise(lesson, t, x, noise):
    x_, case = torch.tensor(x).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).clone(), f"x = {x}, noise = {noise:.3g}, t = {t}"
    noise_ = torch.full_like(x_, noise)
    with unchanged(case, x=x_, noise=noise_):
        found = lesson.renoise(x_, t, COSINE, noise_)
    signal, sigma = mix(t)
    expected = torch.tensor([signal * value + sigma * noise for value in x]).view(-1, 1, 1, 1).expand_as(x_)
    same(found, expected, case, atol=1e-4)


@pytest.mark.exercise("perturb")
def test_perturb_by_hand(lesson):
    """Noise of variance 1 and a tenth of another of variance 1: together 1 + .1 ** 2 = 1.01."""
    noise = torch.randn(4, 1, 100, 100, generator=chance(1))
    with unchanged("4 images of 100 x 100 pixels", noise=noise):
        found = lesson.perturb(noise)
    same(found.dtype, noise.dtype, "dtype")
    extra = (found - noise).std().item()
    expect(0.095 < extra < 0.105, f"what perturb added has a spread of {extra:.3g}, expected 0.1")
    excess = (found**2 - noise**2).mean().item()  # its standard error is 0.001
    expect(0.004 < excess < 0.016, f"perturb raised the variance by {excess:.3g}, expected 0.1 ** 2 = 0.01")


@pytest.mark.exercise("perturb")
@given(examples=6, seed=st.integers(0, 999), count=st.sampled_from([4, 1]))
def test_perturb_adds_a_tenth_of_another_noise(lesson, seed, count):
    others = []
    for each in (seed, seed + 1000):
        noise = torch.randn(count, 1, 100, 100, generator=chance(each))
        case = f"batch of {count}, other noise = (perturb(noise) - noise) / 0.1"
        with unchanged(case, noise=noise):
            found = lesson.perturb(noise)
        same(found.shape, noise.shape, f"batch of {count}, shape")
        others.append((found - noise) / 0.1)
        looks_normal(others[-1], noise, case)
    common = (others[0] * others[1]).mean().item()
    case = f"two batches of {count}, the covariance of their other noises"
    expect(abs(common) < 6 / math.sqrt(others[0].numel()), f"{case} is {common:.2g}, expected 0: new for each batch")


@pytest.mark.exercise("refiner_loss")
@pytest.mark.parametrize(("prediction", "expected"), [("v", [0.25, 1.21]), ("noise", [1.0, 0.25])])
def test_refiner_loss_by_hand(lesson, prediction, expected):
    """x_0 = .5, noise = 1, t = 1: v = .8 * 1 - .6 * .5 = .5. And -1, .5, t = 2: v = .6 * .5 + .8 * 1 = 1.1. Squared."""
    x0 = torch.tensor([0.5, -1.0]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    noise = torch.tensor([1.0, 0.5]).view(2, 1, 1, 1).expand(2, 1, 4, 4)
    t = torch.tensor([1, 2])
    loss = lesson.refiner_loss(lambda x_t, t: torch.zeros_like(x_t), x0, t, noise.clone(), BY_HAND, prediction)
    case = f'x0 = (0.5, -1), noise = (1, 0.5), t = (1, 2), prediction = "{prediction}", a model that answers 0'
    same(loss, torch.tensor(expected), case)


@pytest.mark.exercise("refiner_loss")
@given(examples=8, seed=st.integers(0, 999), t=st.lists(st.integers(0, T - 2), min_size=1, max_size=3))
def test_refiner_loss_asks_for_the_noise_that_was_told(lesson, seed, t):
    shape = (len(t), 2, 4, 4)
    x0, noise, answer = (images(seed, *shape), *(torch.randn(shape, generator=chance(seed + i)) for i in (1, 2)))
    told = []
    for prediction in ("v", "noise", None):
        case = f"t = {t}, " + (f'prediction = "{prediction}"' if prediction else "no prediction given")
        with unchanged(case, x0=x0, noise=noise):
            asked = [prediction] if prediction else []
            model = lambda x_t, steps: told.append(steps) or answer  # noqa: E731
            loss = lesson.refiner_loss(model, x0, torch.tensor(t), noise, COSINE, *asked)
        levels = [(0.0, 1.0) if prediction == "noise" else mix(each)[::-1] for each in t]
        targets = [b * n - a * x for (a, b), n, x in zip(levels, noise.double(), x0.double(), strict=True)]
        squares = [(mine.double() - target).square().mean() for mine, target in zip(answer, targets, strict=True)]
        same(loss, torch.stack(squares).float(), case, rtol=1e-3)
        same(told[-1], torch.tensor(t), f"{case}, the steps that the model is told")


@pytest.mark.exercise("refiner_loss")
@given(examples=5, seed=st.integers(0, 999), t=st.lists(st.integers(50, 900), min_size=4, max_size=4))
def test_refiner_meets_more_noise_than_it_is_told_of(lesson, seed, t):
    x0, noise = images(seed, 4, 1, 100, 100), torch.randn(4, 1, 100, 100, generator=chance(seed + 1000))
    seen = []
    lesson.refiner_loss(lambda x_t, t: seen.append(x_t) or x_t, x0, torch.tensor(t), noise.clone(), COSINE)
    signal, sigma = (torch.tensor(level).view(4, 1, 1, 1) for level in zip(*map(mix, t), strict=True))
    case = f"t = {t}, x_t that the model meets"
    same(seen[0].shape, x0.shape, f"{case}, shape")
    extra = (seen[0] - signal * x0 - sigma * noise) / (0.1 * sigma)
    looks_normal(extra, noise, f"{case}, its noise beyond the noise, over 0.1")


@pytest.mark.exercise("refiner_steps")
def test_refiner_steps_by_hand(lesson):
    """A third of 300 is 100; of 2, rounded down, it is 0, the first noising step: the clean image is one further."""
    same(lesson.refiner_steps(300, 1000), [(300, 100), (100, -1)], "t_start = 300, T = 1000")
    same(lesson.refiner_steps(2, 3), [(2, 0), (0, -1)], "t_start = 2, T = 3")


@pytest.mark.exercise("refiner_steps")
@given(T=st.integers(2, 2000), share=st.floats(0, 1))
def test_refiner_steps_go_to_the_clean_image(lesson, T, share):
    t_start = 1 + int(share * (T - 2))
    same(
        lesson.refiner_steps(t_start, T), [(t_start, t_start // 3), (t_start // 3, -1)], f"t_start = {t_start}, T = {T}"
    )


@pytest.mark.exercise("refiner_steps")
@pytest.mark.parametrize("t_start", [0, 10, 11, -1])
def test_refiner_steps_refuse_impossible_starts(lesson, t_start):
    with refused(f"t_start = {t_start}, T = 10"):
        lesson.refiner_steps(t_start, 10)


@pytest.mark.exercise("refine")
def test_refine_by_hand(lesson):
    """From t = 3 a guess of .5 leads to x_1 = .8 * .5 + .6 * the guessed noise; a guess of -.25 there is the result."""
    asked = []

    def model(x_t, t):
        asked.append((t, x_t.clone()))
        guess, signal, sigma = (0.5, 0.28, 0.96) if len(asked) == 1 else (-0.25, 0.8, 0.6)
        return (x_t - signal * guess) / sigma

    x = images(0, 2, 1, 4, 4)
    case = "signal (0.96, 0.8, 0.6, 0.28), t_start = 3"
    with unchanged(case, x=x):
        found = lesson.refine(model, x, BY_HAND, chance(1), 3, "noise")
    same(len(asked), 2, f"{case}, how often the model is asked")
    for (t, _), step in zip(asked, (3, 1), strict=True):
        same(t, torch.tensor([step, step]), f"{case}, the steps that the model is told")
    start, middle = asked[0][1], asked[1][1]
    same(middle, 0.8 * 0.5 + 0.6 * (start - 0.28 * 0.5) / 0.96, f"{case}, x_1 made of a guess of 0.5", atol=1e-4)
    same(found, torch.full_like(x, -0.25), f"{case}, a last guess of -0.25", atol=1e-4)


@pytest.mark.exercise("refine")
@given(t_start=st.integers(1, T - 2), value=st.floats(-1, 1), prediction=st.sampled_from(["v", "noise"]))
def test_refine_finds_the_only_picture_there_is(lesson, t_start, value, prediction):
    """All data are one grey, and the ideal refiner knows it: whatever it is handed, that grey comes back."""

    def ideal(x_t, t):
        signal, sigma = mix(t[0].item())
        noise = (x_t - signal * value) / sigma
        return noise if prediction == "noise" else signal * noise - sigma * value

    found = lesson.refine(ideal, images(3, 2, 1, 4, 4), COSINE, chance(2), t_start, prediction)
    case = f'data all {value:.3g}, t_start = {t_start}, prediction = "{prediction}"'
    same(found, torch.full((2, 1, 4, 4), value), case, atol=2e-3)


@pytest.mark.exercise("refine")
@given(examples=6, t_start=st.integers(100, 900), seed=st.integers(0, 999))
def test_refine_starts_from_noised_samples(lesson, t_start, seed):
    asked = []
    x, case = images(seed, 4, 1, 100, 100), f"t_start = {t_start}, 4 images, the noise that they first get"
    lesson.refine(lambda x_t, t: asked.append(x_t.clone()) or 0 * x_t, x, COSINE, chance(seed + 1000), t_start, "v")
    expect(asked, f"t_start = {t_start}: the model is never asked")
    signal, sigma = mix(t_start)
    looks_normal((asked[0] - signal * x) / sigma, x, case)


@pytest.mark.exercise("refine")
@pytest.mark.parametrize("t_start", [150, 400])
def test_refine_draws_samples_to_the_data(lesson, t_start):
    """Data of mean .2 and spread .1; the ideal refiner is a formula, and so is what becomes of samples at -.3."""
    mean, variance, off = 0.2, 0.01, -0.5

    def share(t):
        """Of what x_t is off, what the guessed image is off by."""
        signal, sigma = mix(t)
        return signal * variance / (signal**2 * variance + sigma**2)

    def ideal(x_t, t):
        signal, sigma = mix(t[0].item())
        pred_x0 = mean + share(t[0].item()) * (x_t - signal * mean)
        return (signal * x_t - pred_x0) / sigma

    (signal, sigma), (less, little) = mix(t_start), mix(t_start // 3)
    gain = less * share(t_start) + little * (1 - signal * share(t_start)) / sigma  # of the first step
    gain *= share(t_start // 3)
    found = lesson.refine(ideal, torch.full((4, 1, 100, 100), mean + off), COSINE, chance(4), t_start, "v")
    spread, case = (
        gain * sigma,
        f"samples all {mean + off:.2g}, data of mean {mean} and spread 0.1, t_start = {t_start}",
    )
    pixels = found.numel()  # six standard errors: off by chance once in 500 million
    same(found.mean().item(), mean + gain * signal * off, f"{case}, mean", rtol=0.0, atol=6 * spread / pixels**0.5)
    same(found.std().item(), spread, f"{case}, spread", rtol=6 / (2 * pixels) ** 0.5)


@pytest.mark.exercise("refine")
def test_refine_draws_from_the_generator(lesson):
    x = images(5, 2, 1, 4, 4)
    first, again, other = (lesson.refine(lambda x_t, t: x_t / 2, x, COSINE, chance(s), 300, "v") for s in (1, 1, 2))
    expect(torch.equal(first, again), "generators of the same seed: expected the same images, got others")
    expect(not torch.equal(first, other), "generators of seeds 1 and 2: expected other images, got the same")


@pytest.mark.exercise("refine")
@pytest.mark.parametrize("t_start", [0, 4, -1])
def test_refine_refuses_impossible_starts(lesson, t_start):
    x = images(6, 1, 1, 2, 2)
    lesson.refine(lambda x_t, t: x_t, x, BY_HAND, chance(1), 3, "v")  # this is fine
    with refused(f"t_start = {t_start}, T = 4"):
        lesson.refine(lambda x_t, t: x_t, x, BY_HAND, chance(1), t_start, "v")


@pytest.mark.chain
def test_your_refiner_mends_what_your_sampler_leaves(chain):
    """Your schedule, noising, network, sampler and refiner: a small refiner learns one picture, and mends samples."""
    schedule = chain.schedule.make_schedule("cosine", 100)
    picture = torch.tensor([-0.8, 0.8]).repeat_interleave(4).expand(1, 1, 8, 8)
    generator, network = chance(7), chain.refiner.ImprovedRefinementNetwork(channels=(8, 8))
    losses = []
    for _ in range(30):
        x0, t = picture.expand(4, 1, 8, 8), torch.tensor([40, 13, 40, 13])  # the steps at which refine will ask
        noise = torch.randn(x0.shape, generator=generator)
        loss = chain.refiner.refiner_loss(network, x0, t, noise, schedule).mean()
        network.zero_grad()
        loss.backward()
        with torch.no_grad():  # by hand: the first of torch's own optimisers takes a second to load
            for parameter in network.parameters():
                if parameter.grad is not None:
                    parameter -= 0.01 * parameter.grad.sign()
        losses.append(loss.item())
    first, last = losses[0], sum(losses[-4:]) / 4
    expect(last < first / 2, f"30 training steps: the loss went from {first:.2g} to {last:.2g}, expected half")

    spoilt = picture + 0.6 * torch.randn(4, 1, 8, 8, generator=generator)

    def faulty(x_t, t):
        """A first network that leads to spoilt samples."""
        signal, sigma = schedule.sqrt_alphas_cumprod[t[0]], schedule.sqrt_one_minus_alphas_cumprod[t[0]]
        return (signal * x_t - spoilt) / sigma

    x_T = torch.randn(4, 1, 8, 8, generator=generator)
    samples = chain.sampler.sample(faulty, x_T, schedule, generator=generator, solver="ddim", steps=5, prediction="v")
    refined = chain.refiner.refine(network, samples, schedule, generator, 40, "v")
    before, after = ((each - picture).square().mean().item() for each in (samples, refined))
    case = "squared error of your samples, by a sampler that was led astray"
    expect(after < before / 1.5, f"{case}: {before:.2g}; refined: {after:.2g}, expected two thirds of it or less")
