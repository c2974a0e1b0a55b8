from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, save_weights, shipped_weights
from cdm_tutor.consistency import robust_distance, sample_by_jumps
from cdm_tutor.data import load_sample
from cdm_tutor.distill import Distilling, DistillSettings
from cdm_tutor.sampler import sample

FEW = DistillSettings(minutes=1, batch=8, alone=0, paths=40, steps=2)
REAL = load_sample("mnist").x0[::200]
CARD = ModelCard("mnist", "v", stage="consistency")


def distilling(settings: DistillSettings = FEW) -> Distilling:
    torch.manual_seed(0)
    return Distilling(Trained(CARD.make_network(), CARD), load_weights(shipped_weights("mnist")), settings)


def paths_to(images: torch.Tensor) -> torch.Tensor:
    """Paths from some noise, by some way, to these images."""
    return torch.cat([torch.randn(len(images), 2, 1, 28, 28), images[:, None]], dim=1)


def test_a_path_leads_from_a_noise_to_its_image() -> None:
    training = distilling()
    paths = training.draw_samples()
    assert paths.shape == (40, 3, 1, 28, 28)
    x_T, _, image = paths.float().unbind(dim=1)
    assert 0.9 < x_T.std() < 1.1
    assert len(x_T.unique(dim=0)) == 40
    first, ways = training.first, dict[str, Any](steps=2, eta=0.0, prediction="v")
    expected = sample(first.network, x_T, first.schedule, generator=torch.Generator(), **ways)
    torch.testing.assert_close(image, expected, rtol=0, atol=5e-3)


def test_what_is_made_is_held_to_the_image() -> None:
    """A fresh network answers 0, so a jump from pure noise leads to grey."""
    training = distilling(replace(FEW, from_noise=1.0, from_real=0.0))
    made, loss = training.play(REAL[:8], paths_to(REAL[8:16]), torch.Generator().manual_seed(1))
    assert made.abs().max() < 1e-3
    torch.testing.assert_close(loss, robust_distance(torch.zeros_like(made), REAL[8:16]).mean(), rtol=1e-3, atol=0)
    (slope,) = torch.autograd.grad(loss, training.network.conv_out.weight)
    assert slope.any()


def test_some_jump_from_the_way_and_some_from_real_images() -> None:
    """A fresh network answers 0, so a jump gives back what it came from, darker: where it came from can be seen."""
    training = distilling(replace(FEW, batch=400, from_noise=0.25, from_real=0.5))
    marks = torch.tensor([1.0, 2.0, 3.0])[:, None, None, None].expand(
        400, 3, 1, 28, 28
    )  # begins at 1, comes by 2, ends at 3
    made, _ = training.play(torch.zeros(400, 1, 28, 28), marks.clone(), torch.Generator().manual_seed(1))
    steps = training.schedule.sqrt_alphas_cumprod[training.visits]
    flat = made.flatten(1).std(dim=1) < 1e-5
    assert flat.tolist() == [True] * 200 + [False] * 200
    torch.testing.assert_close(made[:100, 0, 0, 0], steps[0].expand(100))
    seen = {round(value, 4) for value in made[100:200, 0, 0, 0].tolist()}
    assert seen == {round(steps[0].item(), 4), round(2 * steps[1].item(), 4)}


def test_paths_are_learned() -> None:
    training = distilling(replace(FEW, weight=0.0, from_noise=1.0, from_real=0.0))
    paths = paths_to(REAL[:8])
    losses = [training.round(step, 0.0, REAL, paths)[0] for step in range(40)]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_the_preview_shows_where_one_jump_leads() -> None:
    training = distilling()
    shown = training.preview(paths_to(REAL[:3]))
    assert torch.equal(shown[:3], REAL[:3])
    assert shown.shape == (6, 1, 28, 28)


def test_begins_with_a_first_network_and_ends_as_a_consistency_network(tmp_path: Path) -> None:
    first = shipped_weights("mnist")
    training = Distilling.load(first, first, FEW, "cpu")
    assert training.start.card.stage == "consistency"
    save_weights(tmp_path / "it.safetensors", training.start)
    again = Distilling.load(tmp_path / "it.safetensors", first, FEW, "cpu")
    x_T, generator = torch.randn(2, 1, 28, 28), torch.Generator()
    one, two = (sample_by_jumps(each.network, x_T, each.schedule, generator=generator) for each in (training, again))
    assert torch.equal(one, two)


@pytest.mark.parametrize(
    ("card", "error"),
    [
        (ModelCard("mnist", "v", stage="refiner"), "expected a consistency network"),
        (ModelCard("mnist", "v", classes=True), "told no classes"),
        (ModelCard("mnist", "noise"), "prediction is v"),
        (ModelCard("fashion", "v"), "on other data"),
        (ModelCard("mnist", "v", T=500), "another schedule"),
    ],
)
def test_what_cannot_be_distilled_is_refused(card: ModelCard, error: str, tmp_path: Path) -> None:
    path = tmp_path / "it.safetensors"
    save_weights(path, Trained(card.make_network(), card))
    with pytest.raises(ValueError, match=error):
        Distilling.load(path, shipped_weights("mnist"), FEW, "cpu")
