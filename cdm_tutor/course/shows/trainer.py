"""What there is to see of lesson 06: a training as it goes, its loss and its samples."""

import copy
from itertools import islice
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.data import load_sample
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample
from cdm_tutor.settings import TrainSettings
from cdm_tutor.unet import SimpleUNet

STEPS = 16
MOMENTS = (5, 10, 20)


def settings(**given: Any) -> TrainSettings:
    """A short training."""
    return TrainSettings(**{"steps": STEPS, "batch": 8, "warmup": 5, "prediction": "v", **given})


def rates(m: ModuleType) -> Tensor:
    """The learning rate over a training."""
    return torch.tensor([m.learning_rate(step, step / 400, settings(warmup=40)) for step in range(400)]).double()


def averaged(m: ModuleType) -> Tensor:
    """One weight's average, while the weight jumps from 0 to 1 after 20 steps and back after 60."""
    weight, ema, seen = torch.nn.Linear(1, 1), torch.nn.Linear(1, 1).requires_grad_(False), []
    torch.nn.init.zeros_(ema.weight)
    for step in range(100):
        torch.nn.init.constant_(weight.weight, 20 <= step < 60)
        m.update_ema(ema, weight, step, 0.9)
        seen.append(ema.weight.item())
    return torch.tensor(seen)


def batches(m: ModuleType) -> Tensor:
    """Of two steps, the images of the batch, and below them what the network is shown."""
    images, rows = load_sample("mnist").x0[::50], []
    for step in (3, 4):
        x0, t, noise = m.draw_batch(images, step, 1000, settings())
        rows += [x0, q_sample(x0, t, noise, SCHEDULE)]
    return torch.cat(rows)


def small(m: ModuleType) -> Any:
    """A training of a small network that begins anew."""
    torch.default_generator.manual_seed(0)
    return m.Training(SimpleUNet(channels=(8, 16), blocks=(1, 1)), SCHEDULE, settings())


def losses(m: ModuleType) -> Tensor:
    """The loss over a few steps from nothing."""
    return torch.tensor([step.loss for step in islice(m.fit(small(m), load_sample("mnist").x0[::10]), STEPS)])


def steps_taken(m: ModuleType) -> Tensor:
    """The loss over steps that are all on the same digits."""
    training, t, noise = small(m), torch.arange(50, 1000, 120), draw(8, 1, 28, 28)
    return torch.tensor([m.train_step(training, digits(), t, noise, 1000)[0] for _ in range(STEPS)])


def resumed(m: ModuleType) -> Tensor:
    """The loss of a training that stops in the middle, and goes on from what was saved."""
    images, first, then = load_sample("mnist").x0[::10], small(m), small(m)
    before = [step.loss for step in islice(m.fit(first, images), STEPS // 2)]
    then.load_state_dict(copy.deepcopy(first.state_dict()))
    return torch.tensor([*before, *(step.loss for step in islice(m.fit(then, images), STEPS // 2))])


def grown(m: ModuleType) -> Tensor:
    """Samples after a few steps of a network that is trained but for its last layer, which starts from nothing."""
    model = copy.deepcopy(network().network).requires_grad_(False)
    for weights in model.conv_out.requires_grad_(True).parameters():
        torch.nn.init.zeros_(weights)
    training, seen = m.Training(model, SCHEDULE, settings(steps=MOMENTS[-1], lr=0.03, warmup=3)), []
    for count, _ in enumerate(islice(m.fit(training, load_sample("mnist").x0), MOMENTS[-1]), start=1):
        if count in MOMENTS:
            seen.append(drawn(training.ema))
    return torch.cat(seen)


def drawn(model: torch.nn.Module) -> Tensor:
    """Four digits, in a few steps."""
    return sample(model, draw(4, 1, 28, 28), SCHEDULE, generator=seeded(12), solver="ddim", steps=5, prediction="v")


SHOWS = (
    Show("the learning rate", ("learning_rate",), rates, ("step", "rate")),
    Show("average of a weight that is 1 from step 20 to 60, else 0", ("update_ema",), averaged, ("step", "average")),
    Show("two batches, and what the network is shown of them", ("draw_batch",), batches, columns=8),
    Show("stopped after half, and resumed", ("Training.load_state_dict",), resumed, ("step", "loss")),
    Show("steps on the same eight digits", ("train_step",), steps_taken, ("step", "loss")),
    Show("loss, from nothing", ("fit",), losses, ("step", "loss")),
    Show(
        "samples of a network whose last layer you train, by steps",
        ("fit",),
        grown,
        tuple(str(moment) for moment in MOMENTS for _ in range(4)),
        columns=12,
    ),
)
