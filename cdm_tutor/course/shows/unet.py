"""What there is to see of lesson 03: one's own network draws, with weights that somebody trained; and it learns."""

from types import ModuleType

import torch
from torch import Tensor

from cdm_tutor.course.shows import Show, digits, draw, network
from cdm_tutor.noising import denoising_loss
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample
from cdm_tutor.schedule import make_schedule

ALL = ("ResidualBlock.forward", "SelfAttention.forward", "SimpleUNet.encode", "SimpleUNet.decode", "SimpleUNet.forward")


def embedded(m: ModuleType) -> Tensor:
    """The rows of numbers for timesteps 0 to 99, as an image."""
    rows = m.timestep_embedding(torch.arange(100), 128)
    return rows.reshape(1, 1, 100, 128)


def drawn(m: ModuleType) -> Tensor:
    """Digits from the module's network with the weights that come with the package."""
    model = m.SimpleUNet().eval()
    model.load_state_dict(network().network.state_dict())
    schedule, prediction = make_schedule("cosine"), network().card.prediction
    return sample(
        model, draw(8, 1, 28, 28), schedule, generator=seeded(5), solver="ddim", steps=8, prediction=prediction
    )


def learned(m: ModuleType) -> Tensor:
    """The loss over 30 steps of training from nothing, always on the same eight digits."""
    torch.default_generator.manual_seed(0)
    model = m.SimpleUNet(channels=(16, 32), blocks=(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)
    generator, losses = seeded(6), []
    for _ in range(30):
        t = torch.randint(0, 1000, (8,), generator=generator)
        noise = torch.randn(8, 1, 28, 28, generator=generator)
        loss = denoising_loss(model, digits(), t, noise, make_schedule("cosine")).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.detach())
    return torch.stack(losses)


SHOWS = (
    Show("each row is a timestep, 0 to 99", ("timestep_embedding",), embedded),
    Show("your network, with the weights that come with the package, draws digits", ALL, drawn),
    Show("your network learns from nothing", ("zeroed", *ALL), learned, ("step", "loss")),
)
