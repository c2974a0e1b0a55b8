import copy
import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cdm_tutor.data import load_sample
from cdm_tutor.noising import Model
from cdm_tutor.randomness import seeded
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Diverged, Training, draw_batch, fit, learning_rate, update_ema
from cdm_tutor.unet import SimpleUNet

COSINE = make_schedule("cosine")
IMAGES = torch.linspace(-1, 1, 100)[:, None, None, None].expand(100, 1, 8, 8)


class Tiny(nn.Module):
    """Predicts a constant and a multiple of what it sees: two parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(0.5))

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return self.scale * x + self.shift


def training(**settings: Any) -> Training:
    return Training(Tiny(), COSINE, TrainSettings(**{"steps": 50, "batch": 10, "warmup": 5, **settings}))


def numbers(network: nn.Module) -> list[float]:
    """Its scale and its shift."""
    return [parameter.item() for parameter in network.parameters()]


def test_a_network_learns_on_real_images() -> None:
    torch.manual_seed(0)
    tr = Training(SimpleUNet(channels=(8, 16)), COSINE, TrainSettings(steps=120, batch=32, warmup=20))
    losses = [step.loss for step in fit(tr, load_sample("mnist").x0)]
    assert losses[0] == pytest.approx(1.0, abs=0.1)  # it starts by answering zero
    assert sum(losses[-20:]) / 20 < 0.35


def test_steps_tell_what_happened_and_end_on_time() -> None:
    steps = list(fit(training(), IMAGES))
    assert [s.step for s in steps] == list(range(1, 51))
    assert steps[-1].progress == 1
    assert all(b.seconds > a.seconds for a, b in pairwise(steps))


def test_minutes_end_a_run_too() -> None:
    *_, last = fit(training(steps=None, minutes=0.005), IMAGES)
    assert 0.3 <= last.seconds < 1.5


def test_stopped_and_gone_on_is_the_same_as_never_stopped() -> None:
    whole = training()
    for _ in fit(whole, IMAGES):
        pass
    first = training()
    for step in fit(first, IMAGES):
        if step.step == 23:
            break
    second = training()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for _ in fit(second, IMAGES):
        pass
    for a, b in zip(whole.state_dict()["ema"].values(), second.state_dict()["ema"].values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(whole.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_nan_stops_before_it_reaches_the_weights() -> None:
    tr = training()
    images = IMAGES.clone()
    images[:] = torch.nan
    with pytest.raises(Diverged, match="the loss became infinite or NaN at step 1"):
        list(fit(tr, images))
    assert all(p.isfinite().all() for p in tr.model.parameters())


@given(st.integers(2, 60), st.integers(60, 200), st.integers(0, 5))
def test_an_epoch_shows_each_image_once_in_a_new_order(batch: int, n: int, seed: int) -> None:
    images = torch.arange(n)[:, None, None, None].float()
    settings = TrainSettings(steps=1, batch=batch, seed=seed)
    length = n // batch
    epochs = [
        torch.cat([draw_batch(images, e * length + i, 1000, settings)[0].flatten() for i in range(length)])
        for e in range(2)
    ]
    for epoch in epochs:
        assert len(epoch.unique()) == length * batch
    assert not torch.equal(*epochs)


def test_timesteps_are_uniform_over_all_of_T_and_differ_within_a_batch() -> None:
    """64,000 draws from 8 steps: each count is 8,000 +- 84; 500 off is six sigma."""
    settings = TrainSettings(steps=1, batch=64)
    images = torch.zeros(64, 1, 1, 1)
    t = torch.cat([draw_batch(images, step, 8, settings)[1] for step in range(1000)])
    assert t.dtype == torch.int64
    assert (torch.bincount(t, minlength=8) - 8000).abs().max() < 500


def test_focused_timesteps_are_denser_in_the_middle_and_still_all_there() -> None:
    """Between 250 and 750: half of the uniform quarter, and of the others what is within log(3) of the middle, 73%."""
    settings = TrainSettings(steps=1, batch=64, timesteps="focused")
    images = torch.zeros(64, 1, 1, 1)
    t = torch.cat([draw_batch(images, step, 1000, settings)[1] for step in range(1000)])
    assert 0 <= t.min() < 20
    assert 980 < t.max() < 1000
    middle = ((t >= 250) & (t < 750)).float().mean().item()
    assert middle == pytest.approx(0.125 + 0.75 * math.erf(math.log(3) / math.sqrt(2)), abs=0.01)


def test_noise_is_standard_normal_and_new_each_step() -> None:
    settings = TrainSettings(steps=1, batch=64)
    images = torch.zeros(64, 1, 28, 28)
    (x0, _, a), (_, _, b) = (draw_batch(images, step, 1000, settings) for step in (0, 1))
    assert a.shape == x0.shape
    assert a.mean().abs() < 0.03
    assert a.std().item() == pytest.approx(1, abs=0.03)
    assert (a * b).mean().abs() < 0.03


def test_seeded_generators_are_unrelated() -> None:
    def first(*numbers: int) -> float:
        return torch.rand(1, generator=seeded(*numbers)).item()

    rows = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    assert len({first(*row) for row in rows}) == 4
    assert first(1, 2, 3) == first(1, 2, 3)


@given(st.floats(0.5, 0.9999), st.integers(1, 60))
def test_ema_follows_its_closed_form(decay: float, steps: int) -> None:
    model, ema = Tiny(), Tiny()
    expected = 0.5
    for step in range(steps):
        with torch.no_grad():
            model.scale.fill_(step)
        update_ema(ema, model, step, decay)
        d = min(decay, (1 + step) / (10 + step))
        expected = d * expected + (1 - d) * step
    assert ema.scale.item() == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_ema_forgets_the_start_and_trails_the_weights() -> None:
    tr = training()
    for _ in fit(tr, IMAGES):
        pass
    average, scale = numbers(tr.ema)[0], numbers(tr.model)[0]
    assert average != scale
    assert abs(average - scale) < 0.05
    assert not any(parameter.requires_grad for parameter in tr.ema.parameters())


def test_learning_rate_rises_then_falls_to_zero() -> None:
    settings = TrainSettings(steps=1000, warmup=100, lr=1.0)
    rates = [learning_rate(step, step / 1000, settings) for step in range(1001)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == pytest.approx(rates[99], rel=0.01)
    assert rates[550] == pytest.approx((1 + math.cos(0.55 * math.pi)) / 2)
    assert rates[1000] == pytest.approx(0)


def test_gradients_are_clipped() -> None:
    tr = training(grad_clip=1e-3)
    next(fit(tr, IMAGES * 100))
    length = torch.stack([p.grad.norm() for p in tr.model.parameters() if p.grad is not None]).norm()
    assert length.item() == pytest.approx(1e-3, rel=1e-3)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one batch of 64 images, got 10"):
        next(fit(training(batch=64), IMAGES[:10]))


def infinite_slope(model: Model, x0: torch.Tensor, t: torch.Tensor, *others: object) -> torch.Tensor:
    """A loss of 0 whose gradient is infinite: a root at 0."""
    assert isinstance(model, nn.Module)
    root = torch.relu(model.get_parameter("scale") - 0.5).sqrt()
    return (model(x0, t) - 0.5 - 0.5 * x0).square().sum(dim=(1, 2, 3)).sqrt() + root


@pytest.mark.parametrize("accumulate", [1, 3])
def test_an_infinite_gradient_stops_before_it_reaches_the_weights(accumulate: int) -> None:
    tr = training(accumulate=accumulate)
    tr.loss = infinite_slope
    with pytest.raises(Diverged, match="the length of the gradient became infinite or NaN at step 1: try a lower"):
        list(fit(tr, IMAGES))
    assert (numbers(tr.model), tr.step) == ([0.5, 0.5], 0)
    assert not tr.optimizer.state


@pytest.mark.parametrize("lr", [1e25, 1e30])
def test_a_step_into_nowhere_reaches_neither_average_nor_caller(lr: float) -> None:
    tr = training(lr=lr, warmup=0, steps=1)
    with pytest.raises(Diverged, match="the length of the weights became infinite or NaN at step 1"):
        next(fit(tr, IMAGES))
    assert (numbers(tr.ema), tr.step) == ([0.5, 0.5], 0)


def test_infinity_is_not_called_nan() -> None:
    tr = training()
    tr.loss = lambda model, x0, *others: model(x0, None).flatten(1).sum(dim=1) * torch.inf
    with pytest.raises(Diverged, match="the loss became infinite or NaN at step 1"):
        next(fit(tr, IMAGES))
