import math
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cdm_tutor.noising import Prediction, predict_noise, q_sample, velocity
from cdm_tutor.sampler import (
    SOLVERS,
    Guess,
    ddim_step,
    denoise,
    dpm_step,
    p_sample,
    posterior,
    sample,
    spaced_timesteps,
)
from cdm_tutor.schedule import NoiseSchedule, cosine_betas, make_schedule

COSINE, LINEAR = make_schedule("cosine"), make_schedule("linear")
solvers = pytest.mark.parametrize("solver", sorted(SOLVERS))


class Gaussian:
    """The ideal network for data N(mu, s^2), known in closed form: E[x0 | x_t] is linear in x_t."""

    def __init__(self, mu: float, s: float, schedule: NoiseSchedule, prediction: Prediction = "noise") -> None:
        self.mu, self.s, self.schedule, self.prediction = mu, s, schedule, prediction

    def __call__(self, x_t: Tensor, t: Tensor) -> Tensor:
        signal = self.schedule.sqrt_alphas_cumprod[t[0]].item()
        sigma = self.schedule.sqrt_one_minus_alphas_cumprod[t[0]].item()
        gain = signal * self.s**2 / (signal**2 * self.s**2 + sigma**2)
        x0 = self.mu + gain * (x_t - signal * self.mu)
        noise = (x_t - signal * x0) / sigma
        return noise if self.prediction == "noise" else signal * noise - sigma * x0


def run(solver: str, model: Gaussian, steps: int, **options: Any) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    x_T = torch.randn(100, 1, 20, 20, generator=generator)
    x_T = (x_T - x_T.mean()) / x_T.std()
    return sample(
        model,
        x_T,
        model.schedule,
        generator=generator,
        solver=solver,
        steps=steps,
        prediction=model.prediction,
        **options,
    )


@solvers
@pytest.mark.parametrize("schedule", [COSINE, LINEAR], ids=["cosine", "linear"])
@pytest.mark.parametrize("prediction", ["noise", "v"])
def test_gaussian_data_come_back_at_T_steps(solver: str, schedule: NoiseSchedule, prediction: Prediction) -> None:
    """Over 40,000 pixels chance moves mean and standard deviation by .0005; 2% of .1 is four times that.

    DDPM's variance leaves out what is unknown about x0, so it is a little too narrow at any finite T; the corrector
    of "dpm" takes one guess for a whole step, so it is a little too wide.
    """
    x = run(solver, Gaussian(0.2, 0.1, schedule, prediction), steps=1000)
    assert x.mean().item() == pytest.approx(0.2, abs=0.002)
    assert x.std().item() == pytest.approx(0.1, rel=0.02 if solver == "ddim" else 0.05)


@solvers
def test_the_error_falls_as_steps_grow(solver: str) -> None:
    errors = [abs(run(solver, Gaussian(0.2, 0.1, COSINE), steps).std().item() - 0.1) for steps in (5, 20, 80)]
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


@solvers
@given(st.floats(-1, 1), st.integers(1, 40))
def test_a_point_mass_comes_back_exactly(solver: str, value: float, steps: int) -> None:
    x = run(solver, Gaussian(value, 0.0, COSINE, "v"), steps)
    assert (x - value).abs().max().item() < 1e-6


@solvers
def test_nothing_explodes_on_the_way(solver: str) -> None:
    deviations = []
    generator = torch.Generator().manual_seed(0)
    x_T = torch.randn(50, 1, 8, 8, generator=generator)
    model = Gaussian(0.0, 0.4, COSINE)
    told = lambda _, x: deviations.append(x.std())  # noqa: E731
    sample(model, x_T, COSINE, on_step=told, generator=generator, solver=solver, steps=50)
    assert len(deviations) == 50
    assert max(deviations) < 1.1


def guess_of(t: int, seed: int = 0) -> tuple[Tensor, Guess, Tensor]:
    """An x_t, the perfect guess at what it is made of, and the model's output (its noise)."""
    generator = torch.Generator().manual_seed(seed)
    x0 = torch.rand(2, 1, 4, 4, generator=generator) * 2 - 1
    noise = torch.randn(x0.shape, generator=generator)
    x_t = q_sample(x0, torch.full((2,), t), noise, COSINE)
    return x_t, Guess(t, x0, noise), noise


@given(st.integers(0, 998))
def test_one_ddpm_step_equals_diffusers(t: int) -> None:
    reference = DDPMScheduler(1000, beta_schedule="squaredcos_cap_v2", clip_sample=True)
    alpha_bar = torch.cumprod(1 - cosine_betas(1000), 0)  # its own, in single precision, differ in the sixth digit
    reference.alphas_cumprod = alpha_bar
    x_t, guess, noise = guess_of(t)
    fresh = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(7))
    theirs = reference.step(noise, t, x_t, generator=torch.Generator().manual_seed(7)).prev_sample
    if t == 0:
        fresh = torch.zeros_like(fresh)
    ours = p_sample(x_t, guess, t - 1, COSINE, fresh)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@given(st.integers(1, 49), st.floats(0, 1))
def test_one_ddim_step_equals_diffusers(place: int, eta: float) -> None:
    reference = DDIMScheduler(1000, beta_schedule="squaredcos_cap_v2", clip_sample=False, set_alpha_to_one=True)
    reference.set_timesteps(50)
    t = place * 20 - 1
    x_t, guess, noise = guess_of(t)
    fresh = torch.randn(x_t.shape, generator=torch.Generator().manual_seed(7))
    theirs = reference.step(noise, t, x_t, eta=eta, variance_noise=fresh).prev_sample
    ours = ddim_step(x_t, guess, max(t - 20, -1), COSINE, fresh, eta)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # theirs, with NumPy 2
@pytest.mark.parametrize(("eta", "algorithm"), [(0.0, "dpmsolver++"), (1.0, "sde-dpmsolver++")])
def test_dpm_steps_equal_diffusers(eta: float, algorithm: str) -> None:
    visited = [900, 650, 400, 150]
    reference = DPMSolverMultistepScheduler(1000, beta_schedule="squaredcos_cap_v2", algorithm_type=algorithm)
    reference.set_timesteps(timesteps=visited)
    generator = torch.Generator().manual_seed(0)
    x = theirs = torch.randn(2, 1, 4, 4, generator=generator)
    model = Gaussian(0.1, 0.3, COSINE)
    last = None
    for t, prev_t in zip(visited, [*visited[1:], -1], strict=True):
        steps = torch.full((2,), t)
        fresh = torch.randn(x.shape, generator=generator)
        noise = model(theirs, steps)
        theirs = reference.step(noise, t, theirs, variance_noise=fresh).prev_sample
        guess = denoise(model, x, t, COSINE)
        x, last = dpm_step(x, guess, last, prev_t, COSINE, fresh, eta), guess
        torch.testing.assert_close(x, theirs, rtol=0, atol=1e-5)


@given(st.integers(1, 999), st.integers(1, 500))
def test_posterior_is_the_product_of_two_gaussians(t: int, stride: int) -> None:
    """q(x_prev | x_t, x_0) is proportional to q(x_t | x_prev) q(x_prev | x_0): add the precisions, weigh the means."""
    prev_t = max(t - stride, 0)
    x_t, guess, _ = guess_of(t)
    alpha_bar = torch.cumprod(1 - COSINE.betas.double(), 0)
    kept, before = alpha_bar[t].item(), alpha_bar[prev_t].item()
    alpha = kept / before
    precision = alpha / (1 - alpha) + 1 / (1 - before)
    weighed = math.sqrt(alpha) * x_t / (1 - alpha) + math.sqrt(before) * guess.pred_x0 / (1 - before)
    mean, variance = posterior(x_t, guess, prev_t, COSINE)
    assert variance == pytest.approx(1 / precision, rel=1e-2 if prev_t < 20 else 1e-3)
    torch.testing.assert_close(mean, (weighed / precision).float(), rtol=0, atol=1e-3 if prev_t < 20 else 2e-5)


def test_posterior_variance_is_the_schedules() -> None:
    x_t, guess, _ = guess_of(500)
    assert posterior(x_t, guess, 499, COSINE)[1] == pytest.approx(COSINE.posterior_variance[500].item(), rel=1e-4)


@given(st.integers(1, 1000), st.data())
def test_spacing_goes_from_all_noise_to_clean_without_repeats(T: int, data: st.DataObject) -> None:
    steps = data.draw(st.integers(1, T))
    pairs = spaced_timesteps(T, steps)
    visited = [t for t, _ in pairs]
    assert len(pairs) == steps
    assert visited[0] == T - 1
    assert [prev for _, prev in pairs] == [*visited[1:], -1]
    assert all(a > b for a, b in zip(visited, [*visited[1:], -1], strict=True))


@pytest.mark.parametrize("steps", [0, -3, 1001])
def test_impossible_numbers_of_steps_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match=f"between 1 and 1000 sampling steps, got {steps}"):
        spaced_timesteps(1000, steps)


def test_unknown_solver_is_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="unknown solver 'euler': expected one of ddpm, ddim, dpm"):
        sample(Gaussian(0, 1, COSINE), torch.zeros(1, 1, 2, 2), COSINE, generator=generator, solver="euler")


@given(st.integers(0, 999), st.sampled_from(["noise", "v"]))
def test_guess_adds_up_even_when_it_was_clipped(t: int, prediction: Prediction) -> None:
    x_t, guess, _ = guess_of(t)
    steps = torch.full((2,), t)
    x0 = 3 * guess.pred_x0  # out of range
    noise = predict_noise(x_t, steps, x0, COSINE)
    output = noise if prediction == "noise" else velocity(x0, steps, noise, COSINE)
    found = denoise(lambda x, s: output, x_t, t, COSINE, prediction)
    assert found.pred_x0.abs().max() <= 1
    again = q_sample(found.pred_x0, steps, found.pred_noise, COSINE)
    torch.testing.assert_close(again, x_t, rtol=0, atol=1e-5)


def test_same_seed_same_images_and_no_gradient_is_kept() -> None:
    model = Gaussian(0.0, 0.3, COSINE)
    first, second = run("dpm", model, 10), run("dpm", model, 10)
    assert torch.equal(first, second)
    network = torch.nn.Conv2d(1, 1, 1)
    x = torch.randn(1, 1, 4, 4)
    out = sample(lambda x, t: network(x), x, COSINE, generator=torch.Generator(), steps=2)
    assert not out.requires_grad
