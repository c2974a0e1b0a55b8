"""Checks lesson 01. Expected values come from Python's own floats, entry by entry, not from the reference."""

import math
from itertools import accumulate
from operator import mul

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course.checks import expect, given, numbers, refused, same, unchanged

many_betas = st.lists(st.floats(0.001, 0.9), min_size=1, max_size=6)


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def kept(betas):
    """alpha_bar, by multiplying up."""
    return list(accumulate((1 - beta for beta in betas), mul))


@pytest.mark.exercise("linear_betas")
def test_linear_betas_by_hand(lesson):
    """T = 50 takes a twentieth of 1000 steps, so each must do twenty times as much: from 0.002 to 0.4."""
    betas = lesson.linear_betas(50)
    same(betas.shape, torch.Size([50]), "T = 50, shape")
    same(betas[[0, -1]], double([0.002, 0.4]), "T = 50, first and last beta")


@pytest.mark.exercise("linear_betas")
@given(T=st.integers(2, 2000))
def test_linear_betas_follow_the_formula(lesson, T):
    first, last = 1e-4 * 1000 / T, 0.02 * 1000 / T
    expected = [min(first + (last - first) * t / (T - 1), 0.999) for t in range(T)]
    same(lesson.linear_betas(T), double(expected), f"T = {T}")


@pytest.mark.exercise("linear_betas")
def test_linear_betas_refuse_no_steps(lesson):
    with refused("T = 0"):
        lesson.linear_betas(0)


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_by_hand(lesson):
    """With offset 0, f is 1, then cos(45 degrees) ** 2 = 0.5, then 0: half is lost, then all, which is cut to 0.999."""
    same(lesson.cosine_betas(2, offset=0.0), double([0.5, 0.999]), "T = 2, offset = 0")


@pytest.mark.exercise("cosine_betas")
@given(T=st.integers(1, 2000), offset=st.sampled_from([0.008, 0.0, 0.05]))
def test_cosine_betas_follow_the_formula(lesson, T, offset):
    f = [math.cos((t / T + offset) / (1 + offset) * math.pi / 2) ** 2 for t in range(T + 1)]
    expected = [min(1 - f[t + 1] / f[t], 0.999) for t in range(T)]
    same(lesson.cosine_betas(T, offset), double(expected), f"T = {T}, offset = {offset}")


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_have_a_small_offset_unless_told(lesson):
    same(lesson.cosine_betas(10), lesson.cosine_betas(10, 0.008), "T = 10, no offset given")


@pytest.mark.exercise("cosine_betas")
def test_cosine_betas_refuse_no_steps(lesson):
    with refused("T = 0"):
        lesson.cosine_betas(0)


@pytest.mark.exercise("posterior_variance")
def test_posterior_variance_by_hand(lesson):
    """betas .1 and .2 leave .9 and .72: 0 at the first step, then .2 * (1 - .9) / (1 - .72) = 1 / 14."""
    variance = lesson.posterior_variance(double([0.1, 0.2]), double([0.9, 0.72]), double([1.0, 0.9]))
    same(variance, double([0.0, 1 / 14]), "betas = (0.1, 0.2), alpha_bar = (0.9, 0.72)")


@pytest.mark.exercise("posterior_variance")
@given(betas=many_betas)
def test_posterior_variance_is_that_of_two_gaussians_multiplied(lesson, betas):
    """What x_t says of x_{t-1}, and what x_0 says: their precisions (one over the variance) add up."""
    alpha_bar = kept(betas)
    before = [1.0, *alpha_bar[:-1]]
    later = [1 / ((1 - beta) / beta + 1 / (1 - bar)) for beta, bar in zip(betas[1:], before[1:], strict=True)]
    inputs = {"betas": double(betas), "alpha_bar": double(alpha_bar), "alpha_bar_prev": double(before)}
    case = f"T = {len(betas)}, betas = {numbers(betas)}"
    with unchanged(case, **inputs):
        variance = lesson.posterior_variance(*inputs.values())
    same(variance, double([0.0, *later]), case)


@pytest.mark.exercise("log_snr")
def test_log_snr_by_hand(lesson):
    """.9 image to .1 noise is 9 to 1; half and half is 1 to 1, of which the log is 0."""
    same(lesson.log_snr(double([0.9, 0.5])), double([math.log(9), 0.0]), "alpha_bar = (0.9, 0.5)")


@pytest.mark.exercise("log_snr")
@given(alpha_bar=st.lists(st.floats(1e-6, 1 - 1e-6), min_size=1, max_size=6))
def test_log_snr_is_signal_over_noise(lesson, alpha_bar):
    table, case = double(alpha_bar), f"alpha_bar = {numbers(alpha_bar)}"
    with unchanged(case, alpha_bar=table):
        result = lesson.log_snr(table)
    same(result, double([math.log(bar / (1 - bar)) for bar in alpha_bar]), case)


@pytest.mark.exercise("NoiseSchedule.from_betas")
def test_schedule_by_hand(lesson):
    """betas .1 and .2 leave .9 and .9 * .8 = .72 of the image."""
    schedule = lesson.NoiseSchedule.from_betas(double([0.1, 0.2]))
    case = "T = 2, betas = (0.1, 0.2)"
    same(schedule.alphas_cumprod, torch.tensor([0.9, 0.72]), f"{case}, alphas_cumprod")
    same(schedule.alphas_cumprod_prev, torch.tensor([1.0, 0.9]), f"{case}, alphas_cumprod_prev")


@pytest.mark.exercise("NoiseSchedule.from_betas")
@given(betas=many_betas)
def test_schedule_has_every_table(lesson, betas):
    table, alpha_bar = double(betas), kept(betas)
    before = [1.0, *alpha_bar[:-1]]
    case = f"T = {len(betas)}, betas = {numbers(betas)}"
    with unchanged(case, betas=table):
        schedule = lesson.NoiseSchedule.from_betas(table)
    expect(isinstance(schedule, lesson.NoiseSchedule), f"{case}: yours is no NoiseSchedule but {schedule!r:.80}")
    expected = {
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
    for name, values in expected.items():
        same(getattr(schedule, name), torch.tensor(values), f"{case}, {name}", rtol=1e-5)


@pytest.mark.exercise("NoiseSchedule.from_betas")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_schedule_keeps_its_digits_over_many_steps(lesson, dtype):
    """A thousand tiny betas: in float32, 1 - alpha_bar has lost its third digit after the first step."""
    betas = torch.linspace(1e-5, 2e-5, 1000).to(dtype)
    schedule = lesson.NoiseSchedule.from_betas(betas)
    expected = torch.tensor([math.sqrt(1 - bar) for bar in kept(betas.tolist())])
    case = f"T = 1000, betas from 1e-5 to 2e-5 in {dtype}, sqrt_one_minus_alphas_cumprod"
    same(schedule.sqrt_one_minus_alphas_cumprod, expected, case, rtol=1e-5)


@pytest.mark.exercise("NoiseSchedule.from_betas")
@pytest.mark.parametrize(
    "betas", [[], [[0.1, 0.2]], [0.1, 0.0], [0.1, 1.0], [float("nan")]], ids=["empty", "table", "zero", "one", "nan"]
)
def test_schedule_refuses_bad_betas(lesson, betas):
    with refused(f"betas = {betas}"):
        lesson.NoiseSchedule.from_betas(double(betas))


@pytest.mark.chain
def test_your_schedules_go_from_image_to_noise(chain):
    """Your betas, your tables: nearly all of the image at the start, nearly nothing at the end."""
    for name, T in [("linear", 100), ("linear", 1000), ("cosine", 100), ("cosine", 1000)]:
        schedule, case = chain.schedule.make_schedule(name, T), f'make_schedule("{name}", {T})'
        same(len(schedule), T, f"{case}, length")
        expect((schedule.alphas_cumprod.diff() < 0).all(), f"{case}: alphas_cumprod must fall at each step")
        first, last = schedule.alphas_cumprod[0].item(), schedule.alphas_cumprod[-1].item()
        expect(first > 0.99, f"{case}: after one step {first:.3g} of the image is left, expected more than 0.99")
        expect(last < 1e-3, f"{case}: after the last step {last:.3g} of the image is left, expected less than 0.001")
        expect(schedule.posterior_variance[0] == 0, f"{case}: posterior_variance begins with 0, for x_0 is known")
