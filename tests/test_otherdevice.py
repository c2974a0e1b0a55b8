"""The device that is not there: right code runs on it however it is written, and what is made on the CPU is told."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cdm_tutor.course.checks import on_other_device
from cdm_tutor.course.outcomes import Wrong
from cdm_tutor.noising import denoising_loss, gather, q_sample
from cdm_tutor.randomness import draw_like
from cdm_tutor.refiner import refine
from cdm_tutor.sampler import sample
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.unet import SimpleUNet, timestep_embedding

X, T, TABLE = torch.linspace(-1, 1, 24).reshape(2, 3, 2, 2), torch.tensor([3, 7]), torch.linspace(0.1, 0.9, 10)
SCHEDULE = make_schedule("cosine", 10)
Move = Callable[[Any], Any]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


RIGHT: dict[str, Callable[[Move], object]] = {
    "gather": lambda move: gather(move(TABLE), move(T), move(X)),
    "q_sample": lambda move: q_sample(move(X), move(T), move(X), SCHEDULE.to(move(X).device)),
    "loss": lambda move: denoising_loss(lambda x, t: x / 2, move(X), move(T), move(X), SCHEDULE.to(move(X).device)),
    "embedding": lambda move: timestep_embedding(move(T), 8),
    "network": lambda move: move(SimpleUNet(3, (8, 16), (1, 1), fold=1))(move(X), move(T)),
    "sample": lambda move: sample(
        lambda x, t: x / 2, move(X), SCHEDULE.to(move(X).device), generator=seeded(), steps=4
    ),
    "refine": lambda move: refine(lambda x, t: x / 2, move(X), SCHEDULE.to(move(X).device), seeded(), 5, "v"),
    "drawn here, moved there": lambda move: move(X) + draw_like(move(X), seeded()),
    "like": lambda move: torch.zeros_like(move(X)) + move(X),
    "new": lambda move: move(X).new_ones(2, 3, 2, 2) * move(X),
    "device given": lambda move: torch.arange(10, device=move(TABLE).device) * move(TABLE),
    "full": lambda move: torch.full((10,), 0.5, device=move(TABLE).device) * move(TABLE),
    "a number": lambda move: move(X) * torch.tensor(2.0),
    "by tolist": lambda move: torch.tensor(move(TABLE).tolist()),
    "by numpy": lambda move: torch.from_numpy(move(TABLE).cpu().numpy() * 2),
    "by item": lambda move: torch.stack([torch.tensor(each.item()) for each in move(TABLE)]),
    "there and back": lambda move: (move(TABLE).cpu() * 2).to(move(TABLE).device) * move(TABLE),
    "with an if": lambda move: move(X) if move(TABLE)[0] > 0 else -move(X),
    "index on the CPU": lambda move: move(TABLE)[torch.tensor([1, 2])],
    "written": lambda move: torch.empty_like(move(X)).copy_(X),
    "einsum": lambda move: torch.einsum("bchw,bchw->b", move(X), move(X)),
    "max": lambda move: move(X).max(dim=1),
    "in place": lambda move: move(X).mul_(2).add_(move(X)),
}
WRONG: dict[str, Callable[[Move], object]] = {
    "made here": lambda move: torch.ones(10),
    "made here, and mixed": lambda move: torch.ones(10) * move(TABLE),
    "range": lambda move: torch.arange(10) * move(TABLE),
    "joined": lambda move: torch.cat([move(TABLE), torch.ones(1)]),
    "table here": lambda move: TABLE[move(T)],
    "chosen": lambda move: torch.where(move(TABLE) > 0.5, move(TABLE), torch.zeros(10)),
    "drawn": lambda move: move(X) + torch.randn(X.shape),
    "drawn there, from here": lambda move: torch.randn(X.shape, generator=seeded(), device=move(X).device),
    "weight here": lambda move: nn.functional.conv2d(move(X), torch.ones(1, 3, 1, 1)),
    "time here": lambda move: move(SimpleUNet(3, (8, 16), (1, 1), fold=1))(move(X), T),
    "product": lambda move: torch.ones(10, 10) @ move(TABLE),
    "stacked": lambda move: torch.stack([move(TABLE), torch.ones(10)]),
    "looked at, and drawn here": lambda move: move(X) * move(TABLE)[0].item() + torch.randn(X.shape),
    "brought here, and mixed": lambda move: move(TABLE).cpu() * move(TABLE),
    "schedule here": lambda move: q_sample(move(X), move(T), move(X), SCHEDULE),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_runs_there(name: str) -> None:
    on_other_device(RIGHT[name], name)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_made_on_the_cpu_is_told(name: str) -> None:
    with pytest.raises(Wrong, match="a tensor was made on the CPU: make it where they are"):
        on_other_device(WRONG[name], name)


def test_numbers_and_gradients_are_real() -> None:
    def squared(move: Move) -> Tensor:
        x = move(X).requires_grad_()
        (x * x).sum().backward()
        assert x.grad is not None
        assert torch.equal(x.grad.cpu(), 2 * X)
        return x.grad

    on_other_device(squared, "the slope of a square")


def test_betas_are_checked_where_they_are() -> None:
    on_other_device(lambda move: NoiseSchedule.from_betas(move(TABLE)).betas, "from_betas")


def test_looking_up_a_number_is_no_reason_where_all_do() -> None:
    def made(move: Move) -> Tensor:
        return torch.ones(10) * move(TABLE)[3].item()

    on_other_device(made, "by item")
    with pytest.raises(Wrong, match="The result is on the CPU"):
        on_other_device(made, "by item", looks_up=True)
    on_other_device(lambda move: torch.tensor(move(TABLE).tolist()), "by tolist", looks_up=True)
