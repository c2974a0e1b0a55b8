"""Checks lesson 01. Expected values come from Python's own floats, entry by entry, not from the reference."""

import math
from itertools import accumulate, pairwise
from operator import mul

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course.checks import expect, given, keeps, numbers, refused, same, show, unchanged

many_betas = st.lists(st.floats(0.001, 0.9), min_size=1, max_size=6)
ONE = [0.36]
EXACT = 1e-9  # float64 keeps 15 digits; what went through float32 has 7
ENDS = [4.1e-5, 0.5, 0.99, 0.999, 0.9995]  # the last alpha_bar is 2.5e-9, as small as the cosine schedule's
TINY = [1e-9 * (1 + t % 7) for t in range(1200)]  # more than the usual 1000, and hardly any noise


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def kept(betas):
    """alpha_bar, by multiplying up."""
    return list(accumulate((1 - beta for beta in betas), mul))


@pytest.mark.exercise("linear_betas")
def test_linear_betas_by_hand(lesson):
    """T = 50 takes a twentieth of 1000 steps, so each must do twenty times as much: from 0.002 to 0.4."""
    betas = lesson.linear_betas(50)
    same(betas if betas is None else tuple(betas.shape), (50,), "T = 50, shape")
    same(betas[[0, -1]], double([0.002, 0.4]), "T = 50, first and last beta", rtol=EXACT)
    expect(not betas.requires_grad, "T = 50: betas require a gradient, but there is nothing in them to train")


def straight(T):
    """The formula of linear_betas, for T of 2 and more."""
    first, last = 1e-4 * 1000 / T, 0.02 * 1000 / T
    return double([min(first + (last - first) * t / (T - 1), 0.999) for t in range(T)])


@pytest.mark.exercise("linear_betas")
@given(T=st.integers(2, 2000))
def test_linear_betas_follow_the_formula(lesson, T):
    same(lesson.linear_betas(T), straight(T), f"T = {T}", atol=1e-12)


@pytest.mark.exercise("linear_betas")
def test_linear_betas_of_few_and_of_many_steps(lesson):
    """With 20 steps and fewer the last betas reach 1 and more: only these are cut. Of one step, either end will do."""
    for T in [*range(2, 22), 20_000]:
        same(lesson.linear_betas(T), straight(T), f"T = {T}", atol=1e-12)
    betas = lesson.linear_betas(1)
    same(betas if betas is None else tuple(betas.shape), (1,), "T = 1, shape")
    beta = betas.item()
    expect(min(abs(beta - 0.1), abs(beta - 0.999)) < 1e-6, f"T = 1: yours is {beta:.4g}, expected 0.1, the first beta")


@pytest.mark.exercise("linear_betas")
@pytest.mark.parametrize("T", [0, -1, -1000])
def test_linear_betas_refuse_no_steps(lesson, T):
    with refused(f"T = {T}"):
        lesson.linear_betas(T)


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_by_hand(lesson):
    """With offset 0, f is 1, then cos(45 degrees) ** 2 = 0.5, then 0: half is lost, then all, which is cut to 0.999."""
    betas = lesson.cosine_betas(2, offset=0.0)
    same(betas, double([0.5, 0.999]), "T = 2, offset = 0", rtol=EXACT)
    expect(not betas.requires_grad, "T = 2: betas require a gradient, but there is nothing in them to train")


@pytest.mark.exercise("cosine_betas")
@given(T=st.integers(1, 2000), offset=st.sampled_from([0.008, 0.0, 0.05, 0.013, 0.3]))
def test_cosine_betas_follow_the_formula(lesson, T, offset):
    same(lesson.cosine_betas(T, offset), falling(T, offset), f"T = {T}, offset = {offset}", atol=1e-12)


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_of_few_and_of_many_steps(lesson):
    for T, offset in [(1, 0.008), (1, 0.2), (2, 0.2), (3, 0.2), (3, 0.0), (1000, 0.008), (1000, 0.011), (4000, 0.001)]:
        same(lesson.cosine_betas(T, offset), falling(T, offset), f"T = {T}, offset = {offset}", atol=1e-12)


def falling(T, offset):
    """The formula of cosine_betas."""
    f = [math.cos((t / T + offset) / (1 + offset) * math.pi / 2) ** 2 for t in range(T + 1)]
    return double([min(1 - f[t + 1] / f[t], 0.999) for t in range(T)])


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_have_a_small_offset_unless_told(lesson):
    same(lesson.cosine_betas(10), falling(10, 0.008), "T = 10, no offset given, so 0.008")


@pytest.mark.exercise("cosine_betas")
@pytest.mark.parametrize("T", [0, -1, -1000])
def test_cosine_betas_refuse_no_steps(lesson, T):
    with refused(f"T = {T}"):
        lesson.cosine_betas(T)


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_are_a_new_table_each_time(lesson):
    keeps(lesson.cosine_betas(6, 0.008), "T = 6, offset 0.008 and then 0.3", lambda: lesson.cosine_betas(6, 0.3))


def made(lesson, betas, case):
    """The learner's schedule, if it is one."""
    with unchanged(case, betas=betas):
        schedule = lesson.NoiseSchedule.from_betas(betas)
    expect(schedule is not None, f"{case}: yours is None: is the return missing?")
    expect(isinstance(schedule, lesson.NoiseSchedule), f"{case}: yours is no NoiseSchedule but {show(schedule)}")
    for name in tables([0.1]):
        grows = getattr(getattr(schedule, name), "requires_grad", False)
        expect(not grows, f"{case}, {name}: it requires a gradient, but there is nothing in it to train")
    return schedule


def tables(betas):
    """What the tables must hold, by name."""
    alpha_bar = kept(betas)
    before = [1.0, *alpha_bar[:-1]]
    return {
        "betas": betas,
        "alphas_cumprod": alpha_bar,
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": [math.sqrt(bar) for bar in alpha_bar],
        "sqrt_one_minus_alphas_cumprod": [math.sqrt(1 - bar) for bar in alpha_bar],
        "posterior_variance": [
            beta * (1 - prev) / (1 - bar) for beta, prev, bar in zip(betas, before, alpha_bar, strict=True)
        ],
        "log_snr": [math.log(bar / (1 - bar)) for bar in alpha_bar],
    }


@pytest.mark.exercise("NoiseSchedule.from_betas")
def test_schedule_by_hand(lesson):
    """betas .1 and .2 leave .9 and .9 * .8 = .72. At t = 1, x_t and x_0 together leave 1 / (.8 / .2 + 1 / .1)."""
    case = "T = 2, betas = (0.1, 0.2)"
    schedule = made(lesson, double([0.1, 0.2]), case)
    same(schedule.alphas_cumprod, torch.tensor([0.9, 0.72]), f"{case}, alphas_cumprod")
    same(schedule.alphas_cumprod_prev, torch.tensor([1.0, 0.9]), f"{case}, alphas_cumprod_prev")
    same(schedule.posterior_variance, torch.tensor([0.0, 1 / 14]), f"{case}, posterior_variance", atol=0.0)
    same(schedule.log_snr, torch.tensor([math.log(0.9 / 0.1), math.log(0.72 / 0.28)]), f"{case}, log_snr")


@pytest.mark.exercise("NoiseSchedule.from_betas")
@given(betas=many_betas)
def test_schedule_has_every_table(lesson, betas):
    case = f"T = {len(betas)}, betas = {numbers(betas)}"
    schedule = made(lesson, double(betas), case)
    for name, values in tables(betas).items():
        same(getattr(schedule, name), torch.tensor(values), f"{case}, {name}", rtol=1e-5)


@pytest.mark.exercise("NoiseSchedule.from_betas")
@given(betas=many_betas)
def test_schedule_knows_what_two_gaussians_know_together(lesson, betas):
    """What x_t says of x_{t-1}, and what x_0 says: their precisions (one over the variance) add up."""
    alpha_bar = kept(betas)
    later = [1 / ((1 - beta) / beta + 1 / (1 - bar)) for beta, bar in zip(betas[1:], alpha_bar, strict=False)]
    case = f"T = {len(betas)}, betas = {numbers(betas)}"
    schedule = made(lesson, double(betas), case)
    same(schedule.posterior_variance, torch.tensor([0.0, *later]), f"{case}, posterior_variance", rtol=1e-5)


@pytest.mark.exercise("NoiseSchedule.from_betas")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("betas", [ONE, ENDS, TINY], ids=["one", "ends", "tiny"])
def test_schedule_keeps_its_digits_over_many_steps(lesson, betas, dtype):
    """Near 1 float32 keeps few digits of 1 - alpha_bar, and after a thousand tiny betas none."""
    table = double(betas).to(dtype)
    case = f"T = {len(betas)}, betas = {numbers(betas[:6])}{', ...' if betas[6:] else ''} in {dtype}"
    schedule = made(lesson, table, case)
    for name, values in tables(table.tolist()).items():
        same(getattr(schedule, name), torch.tensor(values), f"{case}, {name}", rtol=1e-5, atol=1e-15)


@pytest.mark.exercise("NoiseSchedule.from_betas")
def test_schedule_has_tables_of_its_own(lesson):
    """Who writes into one changes no other, nor the caller's betas."""
    betas = torch.tensor([0.1, 0.25, 0.4])
    case = "betas = (0.1, 0.25, 0.4) in torch.float32"
    schedule = made(lesson, betas, case)
    every = {"the betas that were given": betas, **{name: getattr(schedule, name) for name in tables([0.1])}}
    for name, table in every.items():
        others = {other: each.clone() for other, each in every.items() if other != name}
        table.add_(1)
        for other, before in others.items():
            text = f"{case}: who writes into {name} writes into {other}, too: let each have memory of its own"
            expect(torch.equal(every[other], before), text)


BAD_BETAS = {
    "empty": [],
    "table": [[0.1, 0.2]],
    "column": [[0.1], [0.2]],
    "number": 0.1,
    "zero": [0.1, 0.0],
    "one": [0.1, 1.0],
    "one-between": [0.1, 1.0, 0.2],
    "negative": [0.1, -0.1, 0.2],
    "above-one": [0.1, 1.5, 0.2],
    "nan": [float("nan")],
    "nan-between": [0.1, float("nan"), 0.2],
    "infinite": [0.1, float("inf"), 0.2],
}


@pytest.mark.exercise("NoiseSchedule.from_betas")
@pytest.mark.parametrize("kind", BAD_BETAS)
def test_schedule_refuses_bad_betas(lesson, kind):
    with refused(f"betas = {BAD_BETAS[kind]}"):
        lesson.NoiseSchedule.from_betas(double(BAD_BETAS[kind]))


@pytest.mark.chain
def test_your_schedules_go_from_image_to_noise(chain):
    """Your betas, your tables: nearly all of the image at the start, nearly nothing at the end."""
    for name, T in [("linear", 100), ("linear", 1000), ("cosine", 100), ("cosine", 1000)]:
        schedule, case = chain.schedule.make_schedule(name, T), f'make_schedule("{name}", {T})'
        same(len(schedule), T, f"{case}, length")
        left = schedule.alphas_cumprod.tolist()
        for t, (before, after) in enumerate(pairwise(left), start=1):
            text = f"alphas_cumprod must fall at each step, yours goes from {before:.7g} at t = {t - 1} to {after:.7g}"
            expect(after < before, f"{case}: {text} at t = {t}")
        first, last = left[0], left[-1]
        expect(first > 0.99, f"{case}: after one step {first:.3g} of the image is left, expected more than 0.99")
        expect(last < 1e-3, f"{case}: after the last step {last:.3g} of the image is left, expected less than 0.001")
        open_still = schedule.posterior_variance[0].item()
        text = f"posterior_variance begins with {open_still:.3g}, expected 0, for x_0 is known"
        expect(abs(open_still) < 1e-12, f"{case}: {text}")
