import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cdm_tutor.noising import denoising_loss, velocity
from cdm_tutor.refiner import PERTURBATION, refine, refiner_loss, renoise
from cdm_tutor.schedule import make_schedule

COSINE = make_schedule("cosine")


def test_renoising_is_forward_noising_to_one_step(generator: torch.Generator) -> None:
    x = torch.full((2, 1, 200, 200), 0.5)
    found = renoise(x, 300, COSINE, torch.randn(x.shape, generator=generator))
    kept = COSINE.alphas_cumprod[300].item()
    assert found.mean().item() == pytest.approx(0.5 * kept**0.5, abs=0.01)
    assert found.var().item() == pytest.approx(1 - kept, rel=0.03)


@given(st.integers(1, 999), st.floats(-1, 1))
def test_an_ideal_refiner_moves_any_sample_to_the_data(t_start: int, value: float) -> None:
    """All data are one grey: the ideal denoiser knows it, whatever it is handed."""

    def oracle(x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        signal, sigma = COSINE.sqrt_alphas_cumprod[t[0]], COSINE.sqrt_one_minus_alphas_cumprod[t[0]]
        return (signal * x_t - value) / sigma  # the velocity that leads to the value

    generator = torch.Generator().manual_seed(0)
    x = torch.rand(2, 1, 4, 4, generator=generator) * 2 - 1
    found = refine(oracle, x, COSINE, generator=generator, t_start=t_start, prediction="v")
    assert (found - value).abs().max().item() < 1e-4


def test_loss_meets_more_noise_than_it_is_told_of(generator: torch.Generator) -> None:
    x0 = torch.rand(2, 1, 200, 200, generator=generator) * 2 - 1
    t, noise = torch.tensor([100, 400]), torch.randn(x0.shape, generator=generator)
    seen: list[torch.Tensor] = []

    def model(x_t: torch.Tensor, steps: torch.Tensor) -> torch.Tensor:
        seen.append(x_t)
        return velocity(x0, t, noise, COSINE)

    assert refiner_loss(model, x0, t, noise, COSINE).tolist() == [0, 0]
    denoising_loss(model, x0, t, noise, COSINE)
    extra = (seen[0] - seen[1]).std(dim=(1, 2, 3))
    torch.testing.assert_close(extra, PERTURBATION * COSINE.sqrt_one_minus_alphas_cumprod[t], rtol=0.02, atol=0)


@pytest.mark.parametrize("t_start", [0, 1000, -1])
def test_impossible_starts_are_refused(t_start: int, generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match=f"between 1 and 999, got {t_start}"):
        refine(lambda x, t: x, torch.zeros(1, 1, 4, 4), COSINE, generator=generator, t_start=t_start, prediction="v")
