"""After stage 5, what makes a refiner sharp: a critic that learns to tell its images from real ones.

Denoising answers with the mean of all images that fit what is left under the noise, so a refiner that has learned
nothing else ends a little soft. The critic looks at finished images, and the refiner learns from what gives it away.
What images are made of the critic need not learn: it looks through the eyes of the first network, whose encoder stays
as it is, and learns to judge only. Projected GANs, Sauer et al. 2021, arXiv 2111.01007, with the denoiser's own
features as in Sauer et al. 2024, arXiv 2403.12015.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import unwrap
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from cdm_tutor.checkpoint import Trained, load_weights
from cdm_tutor.generate import SampleSettings, check_settings, generate
from cdm_tutor.noising import Prediction, q_sample
from cdm_tutor.randomness import draw_like, seeded
from cdm_tutor.refiner import refine, refiner_loss, refiner_steps, renoise
from cdm_tutor.sampler import ddim_step, denoise
from cdm_tutor.schedule import NoiseSchedule
from cdm_tutor.trainer import check_finite, update_ema
from cdm_tutor.unet import timestep_embedding

LOOKS_BELOW = 100  # the critic sees images noised to a step below this one: it is not to judge single pixels
LEARNED_FROM = (("ddim", 10), ("ddim", 20), ("dpm", 10), ("dpm", 20))  # the refiner meets samples of all these


@dataclass(frozen=True)
class AdversarialSettings:
    """How to train against a critic.

    Attributes:
        minutes: how long, on the clock.
        batch: images that the network makes, and real images, in a step.
        lr: the network's learning rate.
        critic_lr: the critic's.
        weight: how much the critic's word counts beside the network's own loss; at 0 there is no critic.
        alone: for so many steps only the critic learns.
        ema_decay: how slowly the averaged weights follow.
        seed: of the critic's weights, the order of images and samples, and the noise.
    """

    minutes: float = 20.0
    batch: int = 64
    lr: float = 3e-4
    critic_lr: float = 5e-4
    weight: float = 0.05
    alone: int = 100
    ema_decay: float = 0.998
    seed: int = 0


@dataclass(frozen=True)
class SharpenSettings(AdversarialSettings):
    """How to sharpen a refiner.

    Attributes:
        samples: how many samples of the first network to learn from.
        t_start: from which step the refiner starts.
    """

    samples: int = 10_000
    t_start: int = 200


class Critic(nn.Module):
    """Tells real images, (B, 1, 28, 28) in [-1, 1], from made ones: (B,) scores, above 0 for what it takes for real.

    Spectral normalisation keeps it from being surer than it can know: Miyato et al. 2018, arXiv 1802.05957.

    Args:
        first: the first network; it is not changed.
        width: channels of the judge.
    """

    def __init__(self, first: Trained, width: int = 64) -> None:
        super().__init__()
        eyes = self.eyes = first.network.requires_grad_(False)
        self.schedule = first.schedule
        fine, coarse = eyes.conv_in.out_channels, eyes.middle2.conv2.out_channels
        self.fine = nn.Sequential(
            nn.GroupNorm(8, fine), spectral_norm(nn.Conv2d(fine, width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)
        )
        self.coarse = nn.GroupNorm(8, coarse)
        self.judge = nn.Sequential(
            spectral_norm(nn.Conv2d(width + coarse, 2 * width, 3, stride=2, padding=1)), nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * width, 2 * width, 3, padding=1)), nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(2 * width, 1, 1)),
        )  # fmt: skip

    def forward(self, x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        """Judge images, each noised to its step in t, (B,), with the noise, (B, 1, 28, 28)."""
        eyes = self.eyes
        time_ = eyes.time_mlp(timestep_embedding(t, eyes.time_dim))
        h = F.pixel_unshuffle(q_sample(x0, t, noise, self.schedule), eyes.fold)
        h, skips = eyes.encode(eyes.conv_in(h), time_)
        bottom = eyes.middle2(eyes.attention(eyes.middle1(h, time_)), time_)
        # contiguous: up to 2.8, torch crashes in the backward pass of a GroupNorm over channels_last without a gradient
        seen = torch.cat([self.fine(skips[0].contiguous()), self.coarse(bottom.contiguous())], dim=1)
        return 10 * self.judge(seen).flatten(1).mean(dim=1)


def critic_loss(real: Tensor, made: Tensor) -> Tensor:
    """The hinge: 0 once all real images score above 1 and all made ones below -1. Lim and Ye 2017, arXiv 1705.02894."""
    return F.relu(1 - real).mean() + F.relu(1 + made).mean()


def refine_to_learn(
    model: nn.Module, x: Tensor, schedule: NoiseSchedule, noise: Tensor, t_start: int, prediction: Prediction
) -> Tensor:
    """What refine does, but so that the network can be trained through both steps; the noise is given."""
    x = renoise(x, t_start, schedule, noise)
    for t, prev_t in refiner_steps(t_start, len(schedule)):
        guess = unwrap(denoise)(model, x, t, schedule, prediction)  # without its no_grad
        x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))
    return x


@dataclass(frozen=True)
class Round:
    """What one step was like: the refiner's own loss, the share of images that the critic judged right, time."""

    step: int
    loss: float
    judged_right: float
    progress: float
    seconds: float


class AdversarialTraining:
    """A network in training against a critic. What it makes, and what else it learns from, say its subclasses.

    Attributes:
        done: what will have been done to the network, for its card.

    Args:
        start: the network to train; it is changed. `ema` is the average of its weights, to be used.
        first: the first network, of the same schedule, on the same device.
        settings: how to train.
    """

    done = ""

    def __init__(self, start: Trained, first: Trained, settings: AdversarialSettings) -> None:
        self.start, self.first, self.settings = start, first, settings
        self.step, self.seconds = 0, 0.0
        self.network, self.schedule, self.prediction = start.network, start.schedule, start.card.prediction
        self.ema = copy.deepcopy(self.network).requires_grad_(False)
        torch.manual_seed(settings.seed)  # PyTorch initialises weights from its global generator only
        self.critic = Critic(first).to(start.device)
        judge = [p for p in self.critic.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=settings.lr, betas=(0.5, 0.99))
        self.critic_optimizer = torch.optim.AdamW(judge, lr=settings.critic_lr, betas=(0.5, 0.99))

    def draw_samples(self, on_batch: Callable[[int], None] | None = None) -> Tensor:
        """What the network learns from, drawn by the first network; on_batch is told as by generate."""
        raise NotImplementedError

    def play(self, real: Tensor, samples: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """What the network makes in a round, to be judged, and its own loss; both with gradients."""
        raise NotImplementedError

    def preview(self, samples: Tensor) -> Tensor:
        """What the averaged network makes of a few samples."""
        raise NotImplementedError

    def rounds(self, images: Tensor, samples: Tensor) -> Iterator[Round]:
        """Train on real images, (N, 1, 28, 28), and on what draw_samples drew, until the minutes are up."""
        images, samples = images.to(self.start.device), samples.to(self.start.device)
        begin, progress = time.perf_counter(), 0.0
        while progress < 1:
            loss, right = self.round(self.step, progress, images, samples)
            self.step += 1
            self.seconds = time.perf_counter() - begin
            progress = min(1.0, self.seconds / (60 * self.settings.minutes))
            yield Round(self.step, loss, right, progress, self.seconds)

    def round(self, step: int, progress: float, images: Tensor, samples: Tensor) -> tuple[float, float]:
        """First the critic learns from real and made images, then the network from the critic."""
        settings = self.settings
        alone = settings.alone if settings.weight else 0
        generator = seeded(settings.seed, 2, step)
        slower = (1 + math.cos(math.pi * progress)) / 2
        self.optimizer.param_groups[0]["lr"] = settings.lr * slower
        self.critic_optimizer.param_groups[0]["lr"] = settings.critic_lr * slower

        def some(of: Tensor) -> Tensor:
            return of[torch.randint(len(of), (settings.batch,), generator=generator).to(of.device)]

        real = some(images)
        made, own = self.play(real, some(samples), generator)
        check_finite("loss", own, step)
        praise, right = self.criticise(real, made, generator) if settings.weight else (torch.zeros(()), 0.5)
        if step >= alone:
            _descend(self.start.card.stage, self.optimizer, own - settings.weight * praise, step, clip=1.0)
            update_ema(self.ema, self.network, step - alone, settings.ema_decay)
        return own.item(), right

    def criticise(self, real: Tensor, made: Tensor, generator: torch.Generator) -> tuple[Tensor, float]:
        """The critic learns from real and made images; its score of the made ones, and the share it judged right."""
        t = torch.randint(min(LOOKS_BELOW, len(self.schedule)), (len(made),), generator=generator).to(made.device)
        noise = draw_like(made, generator)
        scores = self.critic(real, t, noise), self.critic(made.detach(), t, noise)
        _descend("critic", self.critic_optimizer, critic_loss(*scores), self.step)
        right = ((scores[0] > 0).float().mean() + (scores[1] < 0).float().mean()).item() / 2
        return self.critic(made, t, noise).mean(), right


class Sharpening(AdversarialTraining):
    """A refiner, trained by refiner_loss before, against a critic."""

    settings: SharpenSettings
    done = "sharpened"

    @classmethod
    def load(cls, start: Path, first: Path, settings: SharpenSettings, device: str) -> "Sharpening":
        """Begin with a refiner and a first network that were saved.

        Raises:
            FileNotFoundError: if one is not there.
            ValueError: if one is damaged or of another kind, they do not fit, or cannot be sampled from as it takes.
        """
        refiner, network = load_weights(start), load_weights(first)
        check_same_noise(start, refiner, network)
        if refiner.card.stage != "refiner":
            raise ValueError(f"{start} is a first network: expected a refiner to train further")
        for way in samples_to_learn_from(settings):
            check_settings(way, network, refiner)
        return cls(refiner.to(device), network.to(device), settings)

    def draw_samples(self, on_batch: Callable[[int], None] | None = None) -> Tensor:
        """The first network's samples to learn from, (N, 1, 28, 28)."""
        ways = samples_to_learn_from(self.settings)
        return torch.cat([generate(self.first, way, on_batch=on_batch) for way in ways])

    def play(self, real: Tensor, samples: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Samples, refined; and the loss that the refiner was trained by before, on real images."""
        t_start, T = self.settings.t_start, len(self.schedule)
        noise = draw_like(samples, generator)
        made = refine_to_learn(self.network, samples, self.schedule, noise, t_start, self.prediction)
        t = torch.randint(min(t_start + 50, T), (len(real),), generator=generator).to(real.device)
        own = refiner_loss(self.network, real, t, draw_like(real, generator), self.schedule, self.prediction)
        return made, own.mean()

    def preview(self, samples: Tensor) -> Tensor:
        """Samples above what becomes of them."""
        generator, t_start = seeded(self.settings.seed), self.settings.t_start
        after = refine(self.ema, samples, self.schedule, generator, t_start, self.prediction)
        return torch.cat([samples, after])


def check_same_noise(path: Path, one: Trained, first: Trained) -> None:
    """Raise ValueError if a network was trained on other data or noise than the first network."""
    if any(getattr(one.card, name) != getattr(first.card, name) for name in ("data", "schedule", "T", "shifted_by")):
        raise ValueError(f"{path} was trained on other data, or with another schedule, than the first network")


def _descend(who: str, optimizer: torch.optim.Optimizer, loss: Tensor, step: int, clip: float = math.inf) -> None:
    """A step downhill, as train_step takes it: not where loss or gradient are no longer finite."""
    parameters = optimizer.param_groups[0]["params"]
    check_finite(f"{who}'s loss", loss, step)
    optimizer.zero_grad()
    loss.backward()
    check_finite(f"length of the {who}'s gradient", nn.utils.clip_grad_norm_(parameters, clip), step)
    optimizer.step()
    check_finite(f"length of the {who}'s weights", nn.utils.get_total_norm(parameters), step)


def samples_to_learn_from(settings: SharpenSettings) -> list[SampleSettings]:
    """How to draw samples of the first network, as many of each kind in LEARNED_FROM; with seeds of their own."""
    share = -(-settings.samples // len(LEARNED_FROM))
    seed = settings.seed + 1_000_000  # never those one measures
    return [
        SampleSettings(n=share, solver=solver, steps=steps, seed=seed, t_start=settings.t_start)
        for solver, steps in LEARNED_FROM
    ]
