import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.critic import (
    Critic,
    Sharpening,
    SharpenSettings,
    critic_loss,
    refine_to_learn,
    samples_to_learn_from,
)
from cdm_tutor.data import load_sample
from cdm_tutor.refiner import ImprovedRefinementNetwork, refine
from cdm_tutor.schedule import make_schedule
from cdm_tutor.trainer import Diverged

COSINE = make_schedule("cosine")
FEW = SharpenSettings(minutes=1, batch=8, alone=2)
REAL = load_sample("mnist").x0[::200]


def sharpening(settings: SharpenSettings = FEW) -> Sharpening:
    torch.manual_seed(0)
    start = Trained(ImprovedRefinementNetwork(), ModelCard("mnist", "v", stage="refiner"))
    return Sharpening(start, load_weights(shipped_weights("mnist")), settings)


def test_refining_to_learn_is_refining(generator: torch.Generator) -> None:
    shipped = load_weights(shipped_weights("mnist"))
    noise = torch.randn(REAL[:2].shape, generator=torch.Generator().manual_seed(3))
    learned = refine_to_learn(shipped.network, REAL[:2], COSINE, noise, 200, shipped.card.prediction)
    assert learned.requires_grad
    generator = torch.Generator().manual_seed(3)
    expected = refine(shipped.network, REAL[:2], COSINE, generator, 200, shipped.card.prediction)
    assert not expected.requires_grad
    torch.testing.assert_close(learned.detach(), expected, rtol=0, atol=1e-5)


def test_the_hinge_by_hand() -> None:
    """Real ones at 2 and 0.5 miss by 0 and 0.5, made ones at -2 and 0.5 by 0 and 1.5."""
    found = critic_loss(torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5]))
    assert found.item() == pytest.approx(0.25 + 0.75)


def test_critic_learns_to_tell_soft_images_from_real_ones() -> None:
    soft = torch.nn.functional.avg_pool2d(REAL, 3, stride=1, padding=1)
    judged = sharpening(replace(FEW, batch=16, alone=1000))
    right = [judged.round(step, 0.0, REAL, soft)[1] for step in range(30)]
    assert sum(right[-10:]) / 10 > 0.9


def test_first_the_critic_learns_alone_and_its_eyes_never_change() -> None:
    judged = sharpening()
    eyes, refiner, ema = (copy.deepcopy(net.state_dict()) for net in (judged.critic.eyes, judged.network, judged.ema))
    for step in range(2):
        judged.round(step, 0.0, REAL, REAL)
    assert all(torch.equal(refiner[name], value) for name, value in judged.network.state_dict().items())
    judged.round(2, 0.0, REAL, REAL)
    assert not all(torch.equal(refiner[name], value) for name, value in judged.network.state_dict().items())
    assert not all(torch.equal(ema[name], value) for name, value in judged.ema.state_dict().items())
    assert all(torch.equal(eyes[name], value) for name, value in judged.critic.eyes.state_dict().items())


def test_without_a_word_there_is_no_critic() -> None:
    judged = sharpening(replace(FEW, weight=0.0))
    critic, refiner = (copy.deepcopy(net.state_dict()) for net in (judged.critic, judged.network))
    judged.round(0, 0.0, REAL, REAL)
    assert all(torch.equal(critic[name], value) for name, value in judged.critic.state_dict().items())
    assert not all(torch.equal(refiner[name], value) for name, value in judged.network.state_dict().items())


def test_refiner_learns_what_the_critic_likes(generator: torch.Generator) -> None:
    """With nothing but the critic's word, scores of what the refiner makes go up."""
    judged = sharpening(replace(FEW, alone=0, weight=100.0, critic_lr=0.0))
    noise = torch.randn(REAL[:8].shape, generator=generator)
    t = torch.zeros(8, dtype=torch.int64)

    def score() -> float:
        made = refine_to_learn(judged.network, REAL[:8], COSINE, noise, 200, "v")
        return judged.critic.eval()(made, t, noise).mean().item()

    before = score()
    for step in range(5):
        judged.round(step, 0.0, REAL[:8], REAL[:8])
    assert score() > before


def test_scores_one_for_each_image() -> None:
    t = torch.zeros(3, dtype=torch.int64)
    critic = Critic(load_weights(shipped_weights("mnist")))
    assert critic(REAL[:3], t, torch.zeros_like(REAL[:3])).shape == (3,)


def test_learns_from_no_samples_that_are_measured() -> None:
    ways = samples_to_learn_from(replace(FEW, samples=10))
    assert sum(way.n for way in ways) >= 10
    assert min(way.seed for way in ways) > 1000
    assert {way.solver for way in ways} == {"ddim", "dpm"}


def test_same_seed_same_rounds() -> None:
    one, two = ([judged.round(step, 0.0, REAL, REAL) for step in range(4)] for judged in (sharpening(), sharpening()))
    assert one == two


@pytest.mark.parametrize("who", ["critic", "network"])
@pytest.mark.parametrize("what", ["loss", "gradient", "weights"])
def test_what_is_not_finite_stops_before_the_average(who: str, what: str) -> None:
    rate: dict[str, Any] = {"critic_lr" if who == "critic" else "lr": 1e30 if what == "weights" else 1e-3}
    judged = sharpening(replace(FEW, alone=0, **rate))
    parameter = next(p for p in getattr(judged, who).parameters() if p.requires_grad)
    if what == "loss":
        parameter.data.fill_(torch.inf)
    if what == "gradient":
        parameter.register_hook(lambda gradient: gradient + torch.inf)
    ema = copy.deepcopy(judged.ema.state_dict())
    with pytest.raises(Diverged, match=f"{what} became infinite or NaN at step 1"):
        judged.round(0, 0.0, REAL, REAL)
    assert all(torch.equal(ema[name], value) for name, value in judged.ema.state_dict().items())
