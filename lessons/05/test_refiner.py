"""Checks lesson 05. Expected values come from closed forms: data of one picture, Gaussian data, Python's own floats."""

import math
from itertools import combinations, pairwise, product

import pytest
import torch
from hypothesis import strategies as st

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
    unchanged,
    unrelated,
)
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.unet import ResidualBlock, SelfAttention, SimpleUNet

NETWORK = "ImprovedRefinementNetwork.__init__"
T = 1000
COSINE, SHORT = make_schedule("cosine", T), make_schedule("cosine", 20)
SHAPES = pytest.mark.parametrize("shape", [(4, 1, 100, 100), (1, 1, 150, 130), (2, 3, 80, 60)], ids=str)
LAYOUTS = st.sampled_from(list(layouts(torch.zeros(1, 1, 1, 1))))


def schedule_of(*signals):
    """The schedule in which so much of the image is in x_0, x_1, ..."""
    kept = [1.0, *(signal**2 for signal in signals)]
    betas = [1 - after / before for before, after in pairwise(kept)]
    return NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))


BY_HAND = schedule_of(0.96, 0.8, 0.6, 0.28)  # beside them, noise: 0.28, 0.6, 0.8, 0.96


def mix(t, T=T):
    """How much image and how much noise is in x_t of the cosine schedule, by its formula."""
    f = [math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2 for u in (0, (t + 1) / T)]
    return math.sqrt(f[1] / f[0]), math.sqrt(1 - f[1] / f[0])


def chance(seed):
    return torch.Generator().manual_seed(seed)


def images(seed, *shape):
    """Images between -1 and 1."""
    return torch.rand(shape, generator=chance(seed)) * 2 - 1


def normal(seed, *shape):
    """Standard normal numbers."""
    return torch.randn(shape, generator=chance(seed))


@pytest.fixture(autouse=True)
def fixed_chance():
    """torch's own random numbers are the same in each run, so that what is right is right each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271828)
        yield


def there(move):
    """The cosine schedule on the device that move leads to."""
    return COSINE.to(move(torch.zeros(1)).device)


def met(lesson, x0, noise):
    """What the model meets at t = 1 of the schedule by hand, over how much noise is in it."""
    seen, t = [], torch.ones(len(x0), dtype=torch.int64)
    lesson.refiner_loss(lambda x_t, t: seen.append(x_t) or x_t, x0, t, noise, BY_HAND)
    return seen[0] / 0.6


@pytest.mark.exercise("renoise")
def test_renoise_by_hand(lesson):
    """x_1 is .8 image and .6 noise: .8 * .5 + .6 * 1 = 1, and .8 * -1 + .6 * .5 = -.5."""
    x, noise = torch.tensor([0.5, -1.0]).view(2, 1, 1, 1), torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    found = lesson.renoise(x, 1, BY_HAND, noise)
    same(found, torch.tensor([1.0, -0.5]).view(2, 1, 1, 1), "x = (0.5, -1), noise = (1, 0.5), t = 1")
    keeps(found, "x = (0.5, -1)", lambda: lesson.renoise(-x, 1, BY_HAND, noise))


@pytest.mark.exercise("renoise")
@given(
    t=st.integers(0, T - 1),
    shape=st.sampled_from([(1, 1, 2, 2), (2, 3, 4, 6), (3, 2, 5, 3)]),
    layout=LAYOUTS,
    seed=st.integers(0, 999),
)
def test_renoise_mixes_image_and_noise(lesson, t, shape, layout, seed):
    x, noise = (layouts(each)[layout] for each in (1.5 * images(seed, *shape), normal(seed + 1000, *shape)))
    for schedule, steps, step in [(COSINE, T, t), (SHORT, 20, t % 19), (COSINE, T, t % 19)]:
        case = f"x of shape {shape}, in memory {layout}, cosine schedule of {steps} steps, t = {step}"
        with unchanged(case, x=x, noise=noise):
            found = lesson.renoise(x, step, schedule, noise)
        signal, sigma = mix(step, steps)
        same(found, signal * x + sigma * noise, case, atol=1e-4)
        own_memory(found, case, x=x, noise=noise)


@pytest.mark.exercise("renoise")
def test_renoise_works_where_the_images_are(lesson):
    x, noise = images(1, 2, 1, 4, 4), normal(2, 2, 1, 4, 4)
    on_other_device(lambda move: lesson.renoise(move(x), 300, there(move), move(noise)), "renoise")


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
def test_refiner_steps_are_a_new_list_each_time(lesson):
    first, other = lesson.refiner_steps(300, 1000), lesson.refiner_steps(30, 1000)
    same(first, [(300, 100), (100, -1)], "t_start = 300, T = 1000, after another call")
    other.clear()
    same(lesson.refiner_steps(30, 1000), [(30, 10), (10, -1)], "t_start = 30, T = 1000, a list that was emptied before")


@pytest.mark.exercise("refiner_steps")
@pytest.mark.parametrize(
    ("t_start", "T"), [(0, 10), (10, 10), (11, 10), (-1, 10), (-7, 10), (25, 10), (1, 1), (0, 1), (1500, 1000)]
)
def test_refiner_steps_refuse_impossible_starts(lesson, t_start, T):
    with refused(f"t_start = {t_start}, T = {T}"):
        lesson.refiner_steps(t_start, T)


@pytest.mark.exercise("refine")
def test_refine_by_hand(lesson):
    """From t = 3 a guess of .5 leads to x_1 = .8 * .5 + .6 * the guessed noise; a guess of -.77 there is the result."""
    asked = []

    def model(x_t, t):
        asked.append((t, x_t.clone()))
        guess, signal, sigma = (0.5, 0.28, 0.96) if len(asked) == 1 else (-0.77, 0.8, 0.6)
        return (x_t - signal * guess) / sigma

    x = images(0, 2, 1, 4, 4)
    case = "signal (0.96, 0.8, 0.6, 0.28), t_start = 3"
    with unchanged(case, x=x):
        found = lesson.refine(model, x, BY_HAND, chance(1), 3, "noise")
    same(len(asked), 2, f"{case}, how often the model is asked")
    for (t, _), step in zip(asked, (3, 1), strict=True):
        same(t, torch.tensor([step, step]), f"{case}, the steps that the model is told")
    start, middle = asked[0][1], asked[1][1]
    same(start.shape, x.shape, f"{case}, shape of what the model is asked about")
    same(middle, 0.8 * 0.5 + 0.6 * (start - 0.28 * 0.5) / 0.96, f"{case}, x_1 made of a guess of 0.5", atol=1e-4)
    same(found, torch.full_like(x, -0.77), f"{case}, a last guess of -0.77", atol=1e-4)


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
@given(
    which=st.sampled_from([("cosine", T), ("cosine", 20), ("linear", 50)]),
    share=st.floats(0, 1),
    shape=st.sampled_from([(1, 1, 2, 2), (2, 3, 4, 6), (3, 2, 5, 3)]),
    layout=LAYOUTS,
    prediction=st.sampled_from(["v", "noise"]),
)
def test_refine_takes_two_clipped_steps(lesson, which, share, shape, layout, prediction):
    """From what the model meets and says, by the formulas: no guess leaves [-1, 1], the noise is what is then left."""
    schedule, (name, steps) = make_schedule(*which), which
    t_start = 1 + int(share * 0.9 * (steps - 2))
    asked, x = [], layouts(images(7, *shape))[layout]
    kept = [*schedule.alphas_cumprod.double().tolist(), 1.0]  # at -1 all of the image

    def model(x_t, t):
        asked.append(x_t.clone())
        return 2 * (5 * x_t + t.view(-1, 1, 1, 1)).sin()

    case = f"{name} schedule of {steps} steps, t_start = {t_start}, prediction = {prediction!r}, x of shape {shape}, "
    case += f"in memory {layout}"
    with unchanged(case, x=x):
        found = lesson.refine(model, x, schedule, chance(8), t_start, prediction)
    same(len(asked), 2, f"{case}, how often the model is asked")
    same(asked[0].shape, x.shape, f"{case}, shape of what the model is asked about")
    for place, (t, prev_t) in enumerate([(t_start, t_start // 3), (t_start // 3, -1)]):
        (signal, sigma), (signal_prev, sigma_prev) = ((kept[i] ** 0.5, (1 - kept[i]) ** 0.5) for i in (t, prev_t))
        x_t = asked[place].double()
        answer = model(asked[place], torch.full((shape[0],), t)).double()
        x0 = signal * x_t - sigma * answer if prediction == "v" else (x_t - sigma * answer) / signal
        x0 = x0.clamp(-1, 1)
        expected = (signal_prev * x0 + sigma_prev * (x_t - signal * x0) / sigma).float()
        words = "what comes back" if place else f"x_t of the second step, {prev_t}"
        same(found if place else asked[1], expected, f"{case}, {words}", atol=2e-4)


@pytest.mark.exercise("refine")
@SHAPES
@given(examples=2, t_start=st.integers(100, 900), seed=st.integers(0, 999))
def test_refine_starts_from_noised_samples(lesson, shape, t_start, seed):
    asked = []
    for schedule, steps, start in [(COSINE, T, t_start), (SHORT, 20, t_start // 50)]:
        x = images(seed, *shape)
        lesson.refine(lambda x_t, t: asked.append(x_t.clone()) or 0 * x_t, x, schedule, chance(seed + 1), start, "v")
        case = f"{steps} steps, t_start = {start}, samples of shape {shape}, the noise that they first get"
        expect(asked, f"{case}: the model is never asked")
        signal, sigma = mix(start, steps)
        looks_normal((asked.pop(0) - signal * x) / sigma, x, case)
        asked.clear()


@pytest.mark.exercise("refine")
def test_refine_adds_no_more_noise_than_the_model_is_told_of(lesson):
    """Two million pixels tell a variance of 1 from one of 1.01, in which the perturbation of training is."""
    asked = []
    lesson.refine(lambda x_t, t: asked.append(x_t) or x_t, torch.zeros(2, 1, 1000, 1000), BY_HAND, chance(9), 3, "v")
    found = (asked[0] / 0.96).square().mean().item()  # its standard error is 0.001
    expect(abs(found - 1) < 0.005, f"t_start = 3: the noise has a variance of {found:.4g}, expected 1 (+-0.005)")


@pytest.mark.exercise("refine")
def test_refine_keeps_no_graph_and_no_memory(lesson):
    weight = torch.tensor(0.5, requires_grad=True)
    x, case = images(1, 2, 1, 4, 4), "a model with weights"
    found = lesson.refine(lambda x_t, t: weight * x_t, x, COSINE, chance(1), 300, "v")
    expect(not found.requires_grad, f"{case}: what comes back hangs on the graph of the model's weights, expected none")
    own_memory(found, case, x=x)
    keeps(found, case, lambda: lesson.refine(lambda x_t, t: weight * x_t, x, COSINE, chance(2), 300, "v"))


@pytest.mark.exercise("refine")
def test_refine_works_where_the_images_are(lesson):
    x = images(1, 2, 1, 4, 6)
    on_other_device(
        lambda move: lesson.refine(lambda x_t, t: x_t, move(x), there(move), chance(1), 300, "v"),
        "refine",
        looks_up=True,
    )


@pytest.mark.exercise("refine")
@pytest.mark.parametrize("layout", layouts(torch.zeros(1, 1, 1, 1)))
def test_refine_takes_samples_however_they_lie(lesson, layout):
    x = images(1, 2, 2, 4, 6)
    call = lambda x: lesson.refine(lambda x_t, t: x_t / 2, x, COSINE, chance(1), 300, "v")  # noqa: E731
    same(call(layouts(x)[layout]), call(x), f"samples that lie in memory as {layout}, compared with the same as usual")


@pytest.mark.exercise("refine")
@pytest.mark.parametrize("t_start", [150, 400])
def test_refine_draws_samples_to_the_data(lesson, t_start):
    """Data of mean .2 and standard deviation .1: the ideal refiner is a formula, and so is where samples at -.3 go."""
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
    deviation = gain * sigma
    case = f"samples all {mean + off:.2g}, data of mean {mean} and standard deviation 0.1, t_start = {t_start}"
    pixels = found.numel()  # six standard errors: off by chance once in 500 million
    same(found.mean().item(), mean + gain * signal * off, f"{case}, mean", rtol=0.0, atol=6 * deviation / pixels**0.5)
    same(found.std().item(), deviation, f"{case}, standard deviation", rtol=6 / (2 * pixels) ** 0.5)


@pytest.mark.exercise("refine")
def test_refine_draws_from_the_generator(lesson):
    x = images(5, 2, 1, 4, 4)
    refine = lambda generator: lesson.refine(lambda x_t, t: x_t / 2, x, COSINE, generator, 300, "v")  # noqa: E731
    one = chance(1)
    first, more, again, other = refine(one), refine(one), refine(chance(1)), refine(chance(2))
    expect(torch.equal(first, again), "generators of the same seed: expected the same images, got others")
    expect(not torch.equal(first, other), "generators of seeds 1 and 2: expected other images, got the same")
    expect(
        not torch.equal(first, more), "the same generator twice: it must go on, so expected other images, got the same"
    )


@pytest.mark.exercise("refine")
@pytest.mark.parametrize("t_start", [0, 4, -1, 5, -3])
def test_refine_refuses_impossible_starts(lesson, t_start):
    x = images(6, 1, 1, 2, 2)
    lesson.refine(lambda x_t, t: x_t, x, BY_HAND, chance(1), 3, "v")  # this is fine
    with refused(f"t_start = {t_start}, T = 4"):
        lesson.refine(lambda x_t, t: x_t, x, BY_HAND, chance(1), t_start, "v")


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


@pytest.mark.exercise(NETWORK)
@given(
    examples=5,
    in_channels=st.integers(1, 3),
    channels=st.sampled_from([(8, 16), (16, 8), (8, 8)]),
    sides=st.sampled_from([(6, 8), (10, 4), (2, 6)]),
    seed=st.integers(0, 999),
)
def test_network_is_a_simple_unet(lesson, in_channels, channels, sides, seed):
    """With the same weights it answers as SimpleUNet does, and its weights have the same names: shipped ones fit."""
    case = f"in_channels = {in_channels}, channels = {channels}"
    network = lesson.ImprovedRefinementNetwork(in_channels, channels)
    plain = SimpleUNet(in_channels, channels, blocks=(1, 1), fold=1, attention=False)
    mine, theirs = (each.state_dict() for each in (network, plain))
    for name in theirs:
        expect(name in mine, f"{case}: there is no {name}, which SimpleUNet has")
        same(tuple(mine[name].shape), tuple(theirs[name].shape), f"{case}, shape of {name}")
    extra = [name for name in mine if name not in theirs]
    expect(not extra, f"{case}: there is {', '.join(extra[:2])}, which SimpleUNet has not")
    for name in theirs:
        zero = not theirs[name].any().item()
        expect(
            mine[name].any() != zero,
            f"{case}: {name} starts with {'zeros' if zero else 'other numbers than 0'} in SimpleUNet",
        )
    same(network.training, True, f"{case}, training")
    frozen = [name for name, weight in network.named_parameters() if not weight.requires_grad]
    expect(not frozen, f"{case}: {', '.join(frozen[:2])} cannot be trained: requires_grad is False")
    another = lesson.ImprovedRefinementNetwork(in_channels, channels).state_dict()
    for name, weight in mine.items():
        own_memory(weight, f"{case}, {name}", **{"that of another network": another[name]})
    generator, x_t, t = chance(seed), normal(seed, 3, in_channels, *sides), torch.tensor([5, 300, 999])
    with torch.no_grad():
        for weight in mine.values():
            weight.normal_(std=0.5, generator=generator)
    plain.load_state_dict(network.state_dict())
    outs = [each(x_t, t) for each in (network, plain)]
    case += f", {sides[0]} x {sides[1]} pixels"
    same(*outs, f"{case}, answer with the same weights as a SimpleUNet without folding and attention", atol=1e-4)
    wanted = f"{case}: no gradient reaches the weights"
    expect(outs[0].requires_grad, wanted)
    slopes = [
        torch.autograd.grad(out.square().mean(), list(each.parameters()), allow_unused=True)
        for out, each in zip(outs, (network, plain), strict=True)
    ]
    for (name, _), slope, expected in zip(plain.named_parameters(), *slopes, strict=True):
        expect(slope is not None, f"{wanted}: {name}")
        same(slope, expected, f"{case}, gradient of {name}", rtol=1e-2, atol=1e-2 * expected.abs().max().item() + 1e-6)
    with refused(f"{case}: images of 3 x 4 pixels, where halving leaves a rest"):
        network(normal(seed, 1, in_channels, 3, 4), torch.tensor([5]))


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
def test_refiner_loss_perturbs_by_hand(lesson):
    """Noise of variance 1 and a tenth of another of variance 1: together 1 + .1 ** 2 = 1.01."""
    noise, case = normal(1, 4, 1, 100, 100), "4 black images of 100 x 100 pixels, t = 1"
    with unchanged(case, noise=noise):
        found = met(lesson, torch.zeros_like(noise), noise)
    same(found.dtype, noise.dtype, f"{case}, dtype of x_t that the model meets")
    extra = (found - noise).std().item()
    expect(0.095 < extra < 0.105, f"{case}: the extra noise has a standard deviation of {extra:.3g}, expected 0.1")
    excess = (found**2 - noise**2).mean().item()  # its standard error is 0.001
    expect(0.004 < excess < 0.016, f"{case}: the extra noise raised the variance by {excess:.3g}, expected 0.1 ** 2")
    values = len(found.unique())
    expect(values > 30000, f"{case}: x_t has only {values} different values: digits were lost")


@pytest.mark.exercise("refiner_loss")
@given(examples=8, seed=st.integers(0, 999), t=st.lists(st.integers(0, T - 2), min_size=1, max_size=3), layout=LAYOUTS)
def test_refiner_loss_asks_for_the_noise_that_was_told(lesson, seed, t, layout):
    """Whatever the other noise is, the target is known: a model that answers it has a loss of 0."""
    shape = (len(t), 2, 4, 6)
    x0, noise, answer = (
        layouts(each)[layout] for each in (images(seed, *shape), normal(seed + 1, *shape), 3 * normal(seed + 2, *shape))
    )
    for (schedule, steps), prediction in product([(COSINE, T), (SHORT, 20)], ("v", "noise", None)):
        these = [each % (steps - 1) for each in t]
        case = f"cosine schedule of {steps} steps, t = {these}, "
        case += f'prediction = "{prediction}"' if prediction else "no prediction given"
        asked = [prediction] if prediction else []
        levels = [(0.0, 1.0) if prediction == "noise" else mix(each, steps)[::-1] for each in these]
        targets = [b * n - a * x for (a, b), n, x in zip(levels, noise.double(), x0.double(), strict=True)]
        target, told = torch.stack(targets), []
        for words, said in [("", answer), (", a model that answers the target", layouts(target.float())[layout])]:
            with unchanged(case, x0=x0, noise=noise, the_answer=said):
                model = lambda x_t, steps, told=told, said=said: told.append(steps) or said  # noqa: E731
                loss = lesson.refiner_loss(model, x0, torch.tensor(these), noise, schedule, *asked)
            same(loss, (said.double() - target).square().flatten(1).mean(1).float(), case + words, atol=1e-8)
        same(len(told), 2, f"{case}, how often the model is asked in two calls")
        same(told[-1], torch.tensor(these), f"{case}, the steps that the model is told")


@pytest.mark.exercise("refiner_loss")
@pytest.mark.parametrize("prediction", ["v", "noise"])
def test_refiner_loss_hands_the_gradient_to_the_model(lesson, prediction):
    """The mean of (answer - target) ** 2 over 24 pixels changes by 2 * (answer - target) / 24 with each."""
    shape, t = (2, 2, 3, 4), torch.tensor([1, 2])
    x0, noise, answer = images(1, *shape), normal(2, *shape), normal(3, *shape).requires_grad_()
    loss = lesson.refiner_loss(lambda x_t, t: answer * 1, x0, t, noise, BY_HAND, prediction)
    case = f'prediction = "{prediction}"'
    expect(loss.requires_grad, f"{case}: no gradient goes from the loss to the model's answer, so nothing is learned")
    signal, sigma = torch.tensor([0.8, 0.6]).view(2, 1, 1, 1), torch.tensor([0.6, 0.8]).view(2, 1, 1, 1)
    target = noise if prediction == "noise" else signal * noise - sigma * x0
    (slope,) = torch.autograd.grad(loss.sum(), answer)
    same(slope, 2 * (answer.detach() - target) / 24, f"{case}, gradient of the model's answer", atol=1e-6)
    answer = lambda number: lambda x_t, t: torch.full_like(x_t, number)  # noqa: E731
    loss = lesson.refiner_loss(answer(0.0), x0, t, noise, BY_HAND, prediction)
    keeps(loss, case, lambda: lesson.refiner_loss(answer(1.0), x0, t, noise, BY_HAND, prediction))


@pytest.mark.exercise("refiner_loss")
@SHAPES
@given(examples=1, seed=st.integers(0, 999), steps=st.sampled_from([T, 20]), share=st.floats(0.1, 0.8))
def test_refiner_meets_more_noise_than_it_is_told_of(lesson, shape, seed, steps, share):
    t = [int(steps * (share + 0.03 * image)) for image in range(shape[0])]
    schedule = COSINE if steps == T else SHORT
    signal, sigma = (torch.tensor(level).view(-1, 1, 1, 1) for level in zip(*(mix(i, steps) for i in t), strict=True))
    case = f"{shape[0]} images of {shape[1]} channels, {steps} steps, t = {t}"
    others = []
    for each in (seed, seed + 1000, seed + 2000):
        x0, noise, seen = images(each, *shape), normal(each + 1000, *shape), []
        lesson.refiner_loss(lambda x_t, t, seen=seen: seen.append(x_t) or x_t, x0, torch.tensor(t), noise, schedule)
        same(seen[0].shape, x0.shape, f"{case}, shape of x_t that the model meets")
        others.append((seen[0] - signal * x0 - sigma * noise) / (0.1 * sigma))
        looks_normal(others[-1], noise, f"{case}, the extra noise in x_t, over 0.1")
    for one, another in combinations(others, 2):
        unrelated(one, another, f"{case}, two calls: the covariance of their extra noises")


@pytest.mark.exercise("refiner_loss")
def test_refiner_loss_perturbs_images_alike_in_different_ways(lesson):
    """Digits are black in the corner: an extra noise that depends on the images alone would be the same for many."""
    black, others = -torch.ones(4, 1, 100, 100), []
    for seed in (1, 2):
        noise = normal(seed, *black.shape)
        others.append((met(lesson, black, noise) + 0.8 / 0.6 - noise) / 0.1)
        looks_normal(others[-1], noise, "4 black images, t = 1, the extra noise in x_t, over 0.1")
    unrelated(*others, "black images, two calls: the covariance of their extra noises")


@pytest.mark.exercise("refiner_loss")
@pytest.mark.parametrize("layout", layouts(torch.zeros(1, 1, 1, 1)))
def test_refiner_loss_takes_noise_however_it_lies(lesson, layout):
    noise, case = layouts(normal(1, 3, 2, 40, 60))[layout], f"noise that is in memory {layout}"
    found = met(lesson, torch.zeros_like(noise), noise)
    same(found.shape, noise.shape, f"{case}, shape of x_t that the model meets")
    extra = (found - noise).std().item()
    expect(0.09 < extra < 0.11, f"{case}: the extra noise has a standard deviation of {extra:.3g}, expected 0.1")


@pytest.mark.exercise("refiner_loss")
def test_refiner_loss_works_where_the_images_are(lesson):
    x0, t, noise = images(1, 2, 1, 4, 6), torch.tensor([3, 300]), normal(2, 2, 1, 4, 6)
    model = lambda x_t, t: x_t  # noqa: E731
    on_other_device(
        lambda move: lesson.refiner_loss(model, move(x0), move(t), move(noise), there(move)), "the loss", looks_up=True
    )


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
