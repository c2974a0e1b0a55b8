"""The three networks that the benchmarks compare, each with the settings its makers usually give it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cdm_tutor.noising import Model, denoising_loss
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.unet import SimpleUNet


@dataclass(frozen=True)
class Contender:
    """A network and how it is trained.

    Attributes:
        title: what to call it in tables.
        network: the module that holds the parameters.
        predict: calls it as this package's samplers do, (x_t, t) -> prediction.
        schedule: the noise schedule it is trained with.
        settings: for our training loop.
        note: the settings in words.
    """

    title: str
    network: nn.Module
    predict: Callable[[nn.Module], Model]
    schedule: NoiseSchedule
    settings: TrainSettings
    note: str


def ours(minutes: float | None = None) -> Contender:
    return Contender(
        "cdm-tutor SimpleUNet",
        SimpleUNet().to(memory_format=torch.channels_last),
        lambda network: network,
        make_schedule("cosine"),
        TrainSettings(minutes=minutes, batch=64, lr=3e-3, prediction="v", timesteps="focused"),
        "predicts v, focused timesteps, cosine schedule, AdamW 3e-3 with warm-up and cosine decay, EMA .999, batch 64",
    )


def huggingface(minutes: float | None = None) -> Contender:
    from diffusers import UNet2DModel

    network = UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        layers_per_block=2,
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )
    return Contender(
        "diffusers UNet2DModel(32, 64, 64)",
        network,
        lambda network: lambda x_t, t: network(x_t, t).sample,
        make_schedule("cosine"),
        TrainSettings(minutes=minutes, batch=64, lr=1e-3, prediction="noise"),
        "predicts noise, cosine schedule, AdamW 1e-3 with warm-up and cosine decay, EMA .999, batch 64",
    )


def lucidrains(minutes: float | None = None) -> Contender:
    from denoising_diffusion_pytorch import GaussianDiffusion, Unet

    network = Unet(32, dim_mults=(1, 2, 4), channels=1)
    betas = GaussianDiffusion(network, image_size=28).betas  # its sigmoid schedule
    return Contender(
        "denoising_diffusion_pytorch Unet(32, (1, 2, 4))",
        network,
        lambda network: network,
        NoiseSchedule.from_betas(betas),
        TrainSettings(minutes=minutes, batch=32, lr=8e-5, ema_decay=0.995, prediction="v"),
        "predicts v, sigmoid schedule, its README's learning rate 8e-5 and batch 32, EMA .995",
    )


CONTENDERS: dict[str, Callable[[float | None], Contender]] = {
    "ours": ours,
    "huggingface": huggingface,
    "lucidrains": lucidrains,
}


def loss(contender: Contender, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
    model = contender.predict(contender.network)
    return denoising_loss(model, x0, t, noise, contender.schedule, contender.settings.prediction).mean()
