"""After stage 8, another way to one jump: learn by heart where each noise leads, and please a critic.

A path without fresh noise is a function: from one noise it always ends at the same image. So the first network draws
pairs, a noise and its image, and another learns to jump from the one to the other; there is nothing to take a mean of.
Luhman and Luhman 2021, arXiv 2101.02388. What is still soft the critic sees, as it saw it of refiners: Sauer et al.
2024, arXiv 2403.12015.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from cdm_tutor.checkpoint import Trained, load_weights
from cdm_tutor.consistency import jump, robust_distance
from cdm_tutor.critic import AdversarialSettings, AdversarialTraining, check_same_noise
from cdm_tutor.generate import BATCH, SampleSettings, beginning_of_batch, check_settings, generate
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_like


@dataclass(frozen=True)
class DistillSettings(AdversarialSettings):
    """How to distill.

    Attributes:
        pairs: how many pairs to learn from.
        steps: in how many steps of DPM-Solver++, without fresh noise, the first network draws them.
        jumps: the share of a batch that jumps from a pair's noise; the rest jumps from real images, noised to any step,
            so that a second jump mends what the first got wrong.
    """

    lr: float = 1e-3
    weight: float = 0.01
    ema_decay: float = 0.999
    pairs: int = 12_000
    steps: int = 14
    jumps: float = 0.6


class Distilling(AdversarialTraining):
    """A consistency network that learns pairs by heart, against a critic."""

    settings: DistillSettings
    done = "distilled"

    @classmethod
    def load(cls, start: Path, first: Path, settings: DistillSettings, device: str) -> "Distilling":
        """Begin with the weights of a consistency network, or of a first network that predicts v.

        Raises:
            FileNotFoundError: if one is not there.
            ValueError: if one is damaged or of another kind, or they do not fit.
        """
        begin, network = load_weights(start), load_weights(first)
        if begin.card.stage == "refiner" or begin.card.classes:
            raise ValueError(
                f"expected a consistency network, or a first network that is told no classes, to begin with: {start}"
            )
        check_same_noise(start, begin, network)
        check_settings(SampleSettings(steps=settings.steps), network)
        begin = Trained(begin.network, replace(begin.card, stage="consistency"))
        return cls(begin.to(device), network.to(device), settings)

    def draw_samples(self, on_batch: Callable[[int], None] | None = None) -> Tensor:
        """The pairs, (N, 2, 28, 28): a noise, and the image that it leads to."""
        seed = self.settings.seed + 1_000_000  # none that one measures
        way = SampleSettings(n=self.settings.pairs, steps=self.settings.steps, eta=0.0, seed=seed)
        x_T = torch.cat([beginning_of_batch(way, first)[1] for first in range(0, way.n, BATCH)])
        return torch.cat([x_T, generate(self.first, way, on_batch=on_batch)], dim=1)

    def play(self, real: Tensor, samples: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One jump each, from the noise of a pair or from a noised real image; and how far it is from the image."""
        x_T, image = samples.split(1, dim=1)
        of_pair = torch.arange(len(real), device=real.device) < self.settings.jumps * len(real)
        last = len(self.schedule) - 1
        t = torch.randint(last + 1, (len(real),), generator=generator).to(real.device).where(~of_pair, last)
        of_pair = of_pair[:, None, None, None]
        image, noise = image.where(of_pair, real), x_T.where(of_pair, draw_like(real, generator))
        made = jump(self.network, q_sample(image, t, noise, self.schedule), t, self.schedule)
        return made, robust_distance(made, image).mean()

    def preview(self, samples: Tensor) -> Tensor:
        """The images of pairs, above where one jump from their noise leads."""
        x_T, image = samples.split(1, dim=1)
        last = torch.full((len(x_T),), len(self.schedule) - 1, device=x_T.device)
        return torch.cat([image, jump(self.ema, x_T, last, self.schedule)])
