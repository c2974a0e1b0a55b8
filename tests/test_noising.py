import pytest
import torch
from diffusers import DDPMScheduler
from hypothesis import given
from hypothesis import strategies as st

from cdm_tutor.noising import (
    Prediction,
    denoising_loss,
    gather,
    predict_noise,
    predict_x0,
    predict_x0_from_velocity,
    q_sample,
    velocity,
)
from cdm_tutor.schedule import NoiseSchedule, make_schedule

COSINE = make_schedule("cosine")
batches = st.lists(st.integers(0, 998), min_size=1, max_size=5)


def draw(steps: list[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(len(steps))
    x0 = torch.rand(len(steps), 1, 4, 4, generator=generator) * 2 - 1
    return x0, torch.tensor(steps), torch.randn(x0.shape, generator=generator)


@given(batches)
def test_noising_and_velocity_equal_diffusers(steps: list[int]) -> None:
    x0, t, noise = draw(steps)
    reference = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2")
    torch.testing.assert_close(q_sample(x0, t, noise, COSINE), reference.add_noise(x0, noise, t), rtol=0, atol=1e-5)
    theirs = reference.get_velocity(x0, noise, t)
    torch.testing.assert_close(velocity(x0, t, noise, COSINE), theirs, rtol=0, atol=1e-5)


@given(batches)
def test_any_two_give_the_third(steps: list[int]) -> None:
    x0, t, noise = draw(steps)
    x_t, v = q_sample(x0, t, noise, COSINE), velocity(x0, t, noise, COSINE)
    blur = 1e-6 / gather(COSINE.sqrt_alphas_cumprod, t, x0)  # rounding, blown up where little image is left
    assert ((predict_x0(x_t, t, noise, COSINE) - x0).abs() <= 4 * blur).all()
    blur = 1e-6 / gather(COSINE.sqrt_one_minus_alphas_cumprod, t, x0)
    assert ((predict_noise(x_t, t, x0, COSINE) - noise).abs() <= 4 * blur).all()
    torch.testing.assert_close(predict_x0_from_velocity(x_t, t, v, COSINE), x0, rtol=0, atol=2e-6)


@given(batches)
def test_an_image_does_not_depend_on_its_batch_mates(steps: list[int]) -> None:
    x0, t, noise = draw(steps)
    alone = [q_sample(x0[i : i + 1], t[i : i + 1], noise[i : i + 1], COSINE) for i in range(len(steps))]
    assert torch.equal(q_sample(x0, t, noise, COSINE), torch.cat(alone))


def test_by_hand() -> None:
    """With alpha_bar .64, a white pixel and noise 1: .8 * 1 + .6 * 1 = 1.4; velocity .8 - .6 = .2."""
    schedule = NoiseSchedule.from_betas(torch.tensor([0.36]))
    one, t = torch.ones(1, 1, 1, 1), torch.tensor([0])
    assert q_sample(one, t, one, schedule).item() == pytest.approx(1.4)
    assert velocity(one, t, one, schedule).item() == pytest.approx(0.2)
    assert predict_x0(1.4 * one, t, one, schedule).item() == pytest.approx(1.0)


@pytest.mark.parametrize("t", [0, 300, 700, 999])
def test_variance_is_that_of_the_mix(t: int, generator: torch.Generator) -> None:
    """Var x_t = alpha_bar Var x0 + 1 - alpha_bar; over 400,000 pixels wrong by 2% once in a million runs."""
    x0 = torch.rand(4, 1, 316, 316, generator=generator) * 2 - 1
    noise = torch.randn(x0.shape, generator=generator)
    kept = COSINE.alphas_cumprod[t].item()
    found = q_sample(x0, torch.full((4,), t), noise, COSINE).var().item()
    assert found == pytest.approx(kept / 3 + 1 - kept, rel=0.02)


@pytest.mark.parametrize("prediction", ["noise", "v"])
def test_loss_is_the_mean_square_of_each_image_and_zero_for_the_oracle(prediction: Prediction) -> None:
    x0, t, noise = draw([1, 500, 900])
    target = noise if prediction == "noise" else velocity(x0, t, noise, COSINE)
    assert denoising_loss(lambda x, s: target, x0, t, noise, COSINE, prediction).tolist() == [0, 0, 0]
    off = torch.tensor([0.0, 1.0, 2.0])[:, None, None, None]
    found = denoising_loss(lambda x, s: target - off, x0, t, noise, COSINE, prediction)
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0, 4.0]))


def test_model_sees_the_noised_image_and_its_step() -> None:
    x0, t, noise = draw([1, 500, 900])
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []

    def model(x_t: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        seen.append((x_t, steps))
        return x_t

    denoising_loss(model, x0, t, noise, COSINE)
    ((x_t, steps),) = seen
    assert torch.equal(x_t, q_sample(x0, t, noise, COSINE))
    assert torch.equal(steps, t)


def test_shapes_that_would_broadcast_are_refused() -> None:
    x0, t, noise = draw([1, 2, 3])
    with pytest.raises(ValueError, match=r"same shape, got \(3, 1, 4, 4\) and \(1, 1, 4, 4\)"):
        q_sample(x0, t, noise[:1], COSINE)
    with pytest.raises(ValueError, match=r"one t an image, \(3,\), got \(1,\)"):
        q_sample(x0, t[:1], noise, COSINE)
