"""After stage 8, another way to one jump: learn by heart where each path leads, and please a critic.

A path without fresh noise is a function: from one noise it always ends at the same image. So the first network walks
some paths, and another learns to jump from any of their points to the end; there is nothing to take a mean of. Luhman
and Luhman 2021, arXiv 2101.02388. What is still soft the critic sees, as it saw it of refiners: Sauer et al. 2024,
arXiv 2403.12015.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from cdm_tutor.checkpoint import Trained, load_weights
from cdm_tutor.consistency import jump, robust_distance
from cdm_tutor.critic import AdversarialSettings, AdversarialTraining, check_same_noise
from cdm_tutor.generate import BATCH, SampleSettings, beginning_of_batch, check_settings, from_noise
from cdm_tutor.noising import q_sample
from cdm_tutor.randomness import draw_like
from cdm_tutor.sampler import Guess, spaced_timesteps

RECOGNISED = 0.6  # of T: in an image that is noised to a later step hardly anything can be seen


@dataclass(frozen=True)
class DistillSettings(AdversarialSettings):
    """How to distill.

    Attributes:
        paths: how many paths to learn from.
        steps: in how many steps of DPM-Solver++, without fresh noise, the first network walks them.
        from_noise: the share of a batch that jumps from where a path begins.
        from_real: the share that jumps from real images, noised to a step at which they can still be recognised, so
            that a second jump mends what the first got wrong. The rest jumps from any point of a path, so that all its
            points agree.
    """

    lr: float = 1e-3
    weight: float = 0.01
    ema_decay: float = 0.999
    paths: int = 12_000
    steps: int = 14
    from_noise: float = 0.4
    from_real: float = 0.2


class Distilling(AdversarialTraining):
    """A consistency network that learns paths by heart, against a critic."""

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

    @property
    def visits(self) -> list[int]:
        """The steps at which the points of a path are, without its end."""
        return [t for t, _ in spaced_timesteps(len(self.schedule), self.settings.steps)]

    @torch.no_grad()
    def draw_samples(self, on_batch: Callable[[int], None] | None = None) -> Tensor:
        """The paths, (N, steps + 1, C, H, W): where each begins, comes by, and ends. In half precision."""
        seed = self.settings.seed + 1_000_000  # none that one measures
        way = SampleSettings(n=self.settings.paths, steps=self.settings.steps, eta=0.0, seed=seed)
        paths = []
        for first in range(0, way.n, BATCH):
            generator, x_T = beginning_of_batch(way, first, self.first.card.built.shape)
            points = [x_T.to(self.start.device)]

            def keep(_: Guess, x: Tensor, points: list[Tensor] = points) -> None:
                points.append(x)

            from_noise(self.first.network, points[0], self.first, way, generator, keep)
            paths.append(torch.stack(points, dim=1).half())
            if on_batch:
                on_batch(len(x_T))
        return torch.cat(paths)

    def play(self, real: Tensor, samples: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """One jump each, from a point of a path or from a noised real image; and how far it is from the image."""
        n, device = len(real), real.device
        place = torch.randint(self.settings.steps, (n,), generator=generator).to(device)
        share = torch.arange(n, device=device) / n
        place = place.where(share >= self.settings.from_noise, 0)
        x_t, image = samples[torch.arange(n, device=device), place].float(), samples[:, -1].float()
        t = torch.tensor(self.visits, device=device)[place]
        of_real = share >= 1 - self.settings.from_real
        t_real = torch.randint(int(RECOGNISED * len(self.schedule)), (n,), generator=generator).to(device)
        noised = q_sample(real, t_real, draw_like(real, generator), self.schedule)
        t, of_real = t_real.where(of_real, t), of_real[:, None, None, None]
        x_t, image = noised.where(of_real, x_t), real.where(of_real, image)
        made = jump(self.network, x_t, t, self.schedule)
        return made, robust_distance(made, image).mean()

    def preview(self, samples: Tensor) -> Tensor:
        """Where paths end, above where one jump from their noise leads."""
        last = torch.full((len(samples),), len(self.schedule) - 1, device=samples.device)
        return torch.cat([samples[:, -1].float(), jump(self.ema, samples[:, 0].float(), last, self.schedule)])
