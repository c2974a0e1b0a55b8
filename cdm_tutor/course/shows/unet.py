"""What there is to see of lesson 03: one's own network draws, with weights that somebody trained; and it learns."""

from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.noising import denoising_loss, q_sample
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample
from cdm_tutor.unet import timestep_embedding

LAYERS = (
    "ResidualBlock.forward", "SelfAttention.forward", "SimpleUNet.encode", "SimpleUNet.decode", "SimpleUNet.forward",
)  # fmt: skip
STEP = 400  # that a digit is noised to, whose channels are shown


def trained(m: ModuleType) -> Any:
    """The module's network, with the weights that come with the package."""
    model = m.SimpleUNet().eval()
    model.load_state_dict(network().network.state_dict())
    return model


def embedded(m: ModuleType) -> Tensor:
    """The rows of numbers for timesteps 0 to 39, as an image."""
    rows = m.timestep_embedding(torch.arange(40), 128)
    return rows.reshape(1, 1, 40, 128)


def inside() -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Of the package's own network, asked about a noised three: `time`, and what flows in and out of the way down."""
    model: Any = network().network
    t = torch.tensor([STEP])
    x_t = q_sample(digits()[3:4], t, draw(1, 1, 28, 28), SCHEDULE)
    time = model.time_mlp(timestep_embedding(t, 128))
    h = model.conv_in(F.pixel_unshuffle(x_t, 2))
    return time, h, *model.encode(h, time)


def channels(h: Tensor, count: int = 8) -> Tensor:
    """The first channels of a batch of one as images, 14 x 14 each, from -1, the smallest number, to 1."""
    maps = h[0, :count, None]
    maps = maps.repeat_interleave(14 // maps.shape[-1], dim=2).repeat_interleave(14 // maps.shape[-1], dim=3)
    low, high = maps.amin(dim=(1, 2, 3), keepdim=True), maps.amax(dim=(1, 2, 3), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-6) * 2 - 1


def of_a_block(m: ModuleType) -> Tensor:
    """Eight channels of what the first block gives."""
    time, h, _, _ = inside()
    return channels(trained(m).down[0](h, time))


def heard(m: ModuleType) -> Tensor:
    """Eight channels of what attention adds."""
    _, _, bottom, _ = inside()
    return channels(trained(m).attention(bottom) - bottom)


def kept(m: ModuleType) -> Tensor:
    """Three channels of each skip."""
    time, h, _, _ = inside()
    _, skips = trained(m).encode(h, time)
    return torch.cat([channels(skip, 3) for skip in skips])


def come_up(m: ModuleType) -> Tensor:
    """Eight channels of what the way up gives."""
    time, _, bottom, skips = inside()
    return channels(trained(m).decode(bottom, skips, time))


def drawn(m: ModuleType) -> Tensor:
    """Digits from the module's network with the weights that come with the package."""
    model, prediction = trained(m), network().card.prediction
    return sample(
        model, draw(8, 1, 28, 28), SCHEDULE, generator=seeded(5), solver="ddim", steps=8, prediction=prediction
    )


def learned(m: ModuleType) -> Tensor:
    """The loss over 30 steps of training from nothing, always on the same eight digits."""
    torch.default_generator.manual_seed(0)
    model = m.SimpleUNet(channels=(8, 16), blocks=(1, 1))
    weights = list(model.parameters())
    generator, losses, moves = seeded(6), [], [torch.zeros_like(each) for each in weights]
    for _ in range(30):
        t = torch.randint(0, 1000, (8,), generator=generator)
        noise = torch.randn(8, 1, 28, 28, generator=generator)
        loss = denoising_loss(model, digits(), t, noise, SCHEDULE).mean()
        gradient = torch.autograd.grad(loss, weights, allow_unused=True)
        with torch.no_grad():  # by hand: torch's optimisers take a second to import
            for each, move, downhill in zip(weights, moves, gradient, strict=True):
                if downhill is not None:
                    each -= move.mul_(0.9).add_(downhill, alpha=0.1)
        losses.append(loss.detach())
    return torch.stack(losses)


SHOWS = (
    Show("each row is a timestep, 0 to 39: cosines on the left, sines on the right", ("timestep_embedding",), embedded),
    Show("a noised three after the first block, eight channels", ("ResidualBlock.forward",), of_a_block),
    Show("what attention adds at 7 x 7, eight channels", ("SelfAttention.forward",), heard),
    Show("what the skips hold, three channels of each, the last two at 7 x 7", ("SimpleUNet.encode",), kept),
    Show("what comes out at the top of the way up, eight channels", ("SimpleUNet.decode",), come_up),
    Show(
        "your network, with the weights that come with the package, draws digits",
        ("timestep_embedding", *LAYERS),
        drawn,
    ),
    Show("your network learns from nothing", ("zeroed", *LAYERS), learned, ("step", "loss")),
)
