import math

import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st

from cdm_tutor.schedule import BETAS, NoiseSchedule, cosine_betas, linear_betas, make_schedule

names = st.sampled_from(sorted(BETAS))


@pytest.mark.parametrize(("name", "theirs"), [("linear", "linear"), ("cosine", "squaredcos_cap_v2")])
def test_schedules_equal_diffusers(name: str, theirs: str) -> None:
    reference = DDPMScheduler(1000, beta_schedule=theirs)
    ours = make_schedule(name, 1000)
    torch.testing.assert_close(ours.betas, reference.betas, rtol=0, atol=1e-5)
    torch.testing.assert_close(ours.alphas_cumprod, reference.alphas_cumprod, rtol=0, atol=1e-5)
    variance = torch.stack([reference._get_variance(t) for t in range(1, 1000)])
    torch.testing.assert_close(ours.posterior_variance[1:], variance, rtol=0, atol=1e-5)


def test_by_hand() -> None:
    """betas .1 and .2 leave .9 and .9 * .8 = .72 of the image."""
    schedule = NoiseSchedule.from_betas(torch.tensor([0.1, 0.2]))
    assert schedule.alphas_cumprod.tolist() == pytest.approx([0.9, 0.72])
    assert schedule.alphas_cumprod_prev.tolist() == pytest.approx([1.0, 0.9])
    assert schedule.posterior_variance.tolist() == pytest.approx([0.0, 0.2 * 0.1 / 0.28])
    assert schedule.log_snr.tolist() == pytest.approx([math.log(0.9 / 0.1), math.log(0.72 / 0.28)])


@given(names, st.integers(1, 3000))
def test_every_schedule_falls_from_image_to_noise(name: str, T: int) -> None:
    schedule = make_schedule(name, T)
    assert len(schedule) == T
    assert all(table.shape == (T,) and table.dtype == torch.float32 for table in vars(schedule).values())
    assert (schedule.alphas_cumprod.diff() < 0).all()
    assert (schedule.log_snr.diff() < 0).all()
    assert schedule.posterior_variance[0] == 0
    assert (schedule.posterior_variance <= schedule.betas).all()
    mixed = schedule.sqrt_alphas_cumprod**2 + schedule.sqrt_one_minus_alphas_cumprod**2
    torch.testing.assert_close(mixed, torch.ones(T))


@given(names, st.integers(100, 3000))
def test_hardly_anything_is_left_at_the_end_whatever_T_is(name: str, T: int) -> None:
    schedule = make_schedule(name, T)
    assert schedule.alphas_cumprod[-1] < 1e-3
    assert schedule.alphas_cumprod[0] > 0.99 * (1 - 2 / T)


@given(st.integers(2, 2000))
def test_cosine_follows_its_formula_before_the_clip(T: int) -> None:
    u = (torch.arange(1, T, dtype=torch.float64) / T + 0.008) / 1.008
    f0 = math.cos(0.008 / 1.008 * math.pi / 2) ** 2
    kept = torch.cumprod(1 - cosine_betas(T), 0)[:-1]
    torch.testing.assert_close(kept, torch.cos(u * math.pi / 2) ** 2 / f0)


def test_betas_are_double_and_linear_ones_are_even() -> None:
    assert linear_betas(10).dtype == cosine_betas(10).dtype == torch.float64
    steps = linear_betas(500).diff()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))
    assert linear_betas(500)[-1].item() == pytest.approx(0.04)


@pytest.mark.parametrize(
    "betas", [torch.zeros(3), torch.ones(3), torch.full((3,), torch.nan), torch.full((2, 2), 0.1), torch.empty(0)]
)
def test_bad_betas_are_refused(betas: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="expected betas"):
        NoiseSchedule.from_betas(betas)


def test_bad_names_and_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown schedule 'cosin': expected one of linear, cosine"):
        make_schedule("cosin")
    for make in BETAS.values():
        with pytest.raises(ValueError, match="got T = 0"):
            make(0)
