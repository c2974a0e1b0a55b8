"""How good are samples of your own images? Distances in the feature space of a small network trained on the spot.

Half of the images teach that network: to name their classes or, where there are none, to redraw an image from 64
numbers. The other half it has never seen, as it has never seen a sample. Of this half, one part is what samples are
measured against; the other part, measured in the same way, says what real images get: the floor. Such figures compare
networks that were trained on the same images, and compare with nothing outside.
"""

import hashlib
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from cdm_tutor.checkpoint import fill, read_safetensors
from cdm_tutor.data import Images
from cdm_tutor.metrics import FEW, agreement, frechet, nearest_distances, precision_and_recall
from cdm_tutor.writing import whole

FILE = "yardstick.safetensors"  # beside the weights that are measured
FEATURES = 64
FEWEST = 16  # images to measure with
REDRAWN = 16  # the side of an image redrawn
COMPARED = 32  # the largest side at which images are compared pixel by pixel
BATCH = 64
EPOCHS, LEAST_STEPS, MOST_STEPS = 30, 200, 2000  # of training, whatever the machine
LEAST_VARIANCE = 0.03  # of the largest: in directions in which features vary less, they are not stretched to vary alike
MEDIAN_OF = 1000  # images: more take their time, and say no more
SPLITS = 5  # of the unseen images into two parts: figures are means, for a few images differ by chance
MANY_COPIES = 0.1  # of the samples, more than of real images
ROUGH = 200  # images; with fewer, chance is seen
SHOWN = 10  # classes to a line

OnStep = Callable[[int, int], None]  # is told how many steps are done, and of how many


class Features(nn.Module):
    """Turns images of any side into 64 numbers, and these into what it was taught with.

    Args:
        channels: of the images.
        side: of the images; the first convolution makes about 14 x 14 of it, whatever it is.
        outputs: how many: scores, one a class, or the numbers of an image redrawn.
    """

    def __init__(self, channels: int, side: int, outputs: int) -> None:
        super().__init__()
        stride = max(1, round(side / 14))
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, stride + 2, stride, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(4),
            nn.Flatten(), nn.Linear(64 * 4 * 4, FEATURES),
        )  # fmt: skip
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.3), nn.Linear(FEATURES, outputs))

    def forward(self, x0: Tensor) -> Tensor:
        """(B, C, S, S) images in [-1, 1] to (B, 64) features."""
        return self.body(x0)


def has_classes(images: Images) -> bool:
    """Whether there is anything to tell apart."""
    return len(images.names) > 1


def make_network(images: Images) -> Features:
    """An untrained network for such images."""
    channels, side = images.x0.shape[1:3]
    outputs = len(images.names) if has_classes(images) else 2 * channels * REDRAWN**2
    return Features(channels, side, outputs).to(memory_format=torch.channels_last)


def train_features(images: Images, seed: int = 0, on_step: OnStep | None = None) -> Features:
    """Teach a network with half of the images: their classes or, if there are none, to redraw them.

    The number of steps depends on that of the images alone, so that a seed makes the same network on every machine.
    6,000 images of 3 x 32 x 32 take a minute on one core.

    Args:
        images: at least 16, (N, C, S, S), of any side and channels.
        seed: decides the weights to begin with, and the order of images.
        on_step: is told after each step how many are done, and of how many.

    Raises:
        ValueError: if there are fewer than 16 images.
    """
    teaching, _ = split(len(images))
    steps = min(MOST_STEPS, max(LEAST_STEPS, EPOCHS * len(teaching) // BATCH))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = make_network(images).train()
        optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
        for step in range(1, steps + 1):
            chosen = teaching[torch.randint(len(teaching), (BATCH,))]
            x0, labels = images.x0[chosen], images.labels[chosen]
            answer = network.head(network(x0))
            if has_classes(images):
                loss = F.cross_entropy(answer, labels, label_smoothing=0.05)
            else:
                loss = F.mse_loss(answer, redrawn(x0))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
            if on_step:
                on_step(step, steps)
    return network.eval()


def redrawn(x0: Tensor) -> Tensor:
    """(B, C, S, S) images and their squares, reduced to 16 x 16: (B, 512 * C). Squares tell grain from plain grey."""
    return F.adaptive_avg_pool2d(torch.cat([x0, x0**2], dim=1), REDRAWN).flatten(1)


def split(n: int) -> tuple[Tensor, Tensor]:
    """Which of n images teach the network, and which it never sees: half and half, always the same for the same n.

    Raises:
        ValueError: if n is less than 16.
    """
    if n < FEWEST:
        raise ValueError(f"expected at least {FEWEST} images to measure samples with, got {n}")
    order = _shuffled(n)
    return order[: n // 2], order[n // 2 :]


def _shuffled(n: int, seed: int = 0) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def load_or_train(images: Images, folder: Path, seed: int = 0, on_step: OnStep | None = None) -> Features:
    """The network that is kept in a folder, as yardstick.safetensors, if these images taught it; or a new one, kept.

    Warns of a damaged file, and of a folder that cannot be written to.

    Raises:
        ValueError: as train_features.
    """
    path = folder / FILE
    taught_with = digest_of([images.x0, images.labels], f"{images.names} {seed}")
    try:
        network = _load(path, images, taught_with)
    except (OSError, ValueError) as error:
        warnings.warn(f"measuring anew what images look like, for what was kept is of no use: {error}", stacklevel=2)
        network = None
    if network:
        return network
    network = train_features(images, seed, on_step)
    weights = {name: value.contiguous() for name, value in network.state_dict().items()}
    try:
        with whole(path) as part:
            save_file(weights, part, metadata={"images": taught_with, "weights": digest_of(weights.values())})
    except OSError as error:
        warnings.warn(str(error), stacklevel=2)
    return network


def _load(path: Path, images: Images, taught_with: str) -> Features | None:
    """The network in a file; None if there is no file, or other images taught it."""
    if not path.exists():
        return None
    weights, said = read_safetensors(path)
    if said.get("images") != taught_with:
        return None
    network = make_network(images)
    fill(network, weights, path)
    if said.get("weights") != digest_of(network.state_dict().values()):
        raise ValueError(f"{path} is not what was written")
    return network.eval()


def digest_of(tensors: Iterable[Tensor], remark: str = "") -> str:
    """A SHA-256 of shapes and numbers, and of a remark."""
    digest = hashlib.sha256(remark.encode())
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.contiguous().flatten().numpy().data)
    return digest.hexdigest()


@dataclass(frozen=True)
class OwnReport:
    """What the yardstick says of samples. A floor is what as many real images get, which the network never saw either.

    Attributes:
        data: what the images are called.
        n: how many samples.
        compared: of how many of them, and with how many real images, distance, precision and recall are.
        distance, distance_floor: Frechet distance to real images; less is better, down to the floor.
        precision, precision_floor: the share of samples that lie among real images.
        recall, recall_floor: the share of real images that lie among samples.
        nearest: median distance to the nearest of all training images, root mean square over pixels in [-1, 1] (those
            of large images first reduced to 32 x 32). Is the network copying? If so, this is far below its floor.
        nearest_floor: the same of real images, each to all the others.
        copies: the share of samples less than half of nearest_floor away from a training image.
        copies_floor: the share of real images that are so near to another one.
        histogram: the share of samples in each class, as the network names them; empty without classes.
        histogram_floor: that of real images.
        agreement: the share of samples named as they were asked for; None if no class was.
        agreements: the same for each class that was asked for.
        agreement_floor: the share of real images that the network names rightly.
    """

    data: str
    n: int
    compared: int
    distance: float
    distance_floor: float
    precision: float
    precision_floor: float
    recall: float
    recall_floor: float
    nearest: float
    nearest_floor: float
    copies: float
    copies_floor: float
    histogram: tuple[float, ...] = ()
    histogram_floor: tuple[float, ...] = ()
    agreement: float | None = None
    agreements: dict[int, float] = field(default_factory=dict)
    agreement_floor: float | None = None

    def lines(self, names: tuple[str, ...]) -> list[str]:
        """What to print of it; names of the classes."""
        found = [
            f"Measured in the features of a small network that half of your images taught ({self.data}).",
            "The figures compare networks trained on the same images, and compare with nothing outside.",
            f"distance    {self.distance:8.3f}   (n = {self.compared}; as many real images: {self.distance_floor:.3f})",
            f"precision   {self.precision:8.3f}   (samples among real images; real ones: {self.precision_floor:.3f})",
            f"recall      {self.recall:8.3f}   (real images among samples; among real ones: {self.recall_floor:.3f})",
            f"nearest     {self.nearest:8.3f}   (to the nearest training image; real: {self.nearest_floor:.3f})",
            f"copies      {self.copies:8.3f}   (share of less than half that way; real: {self.copies_floor:.3f})",
        ]
        if self.histogram:
            shares = zip(names, self.histogram, self.histogram_floor, strict=True)
            off = sorted(shares, key=lambda one: -abs(one[1] - one[2]))
            found += ["classes     " + _few([f"{name} {share:.1%} (real {real:.1%})" for name, share, real in off])]
        if self.agreement is not None:
            worst = sorted(self.agreements.items(), key=lambda one: one[1])
            real = f"{self.agreement_floor:.3f}"
            found += [f"agreement   {self.agreement:8.3f}   (drawn as asked for; real: {real})"]
            found += ["of each     " + _few([f"{names[label]} {share:.1%}" for label, share in worst])]
        return found + self.remarks()

    def remarks(self) -> list[str]:
        """A line if there are no classes, one if there are few images, and one if many samples are copies of them."""
        found = []
        if not self.histogram:
            found += ["Without classes it learned to redraw them, and sees less: precision may not notice what is odd."]
        if self.compared < ROUGH:
            found += [f"Of {self.compared} images these figures are rough: small differences are chance."]
        if self.copies > self.copies_floor + MANY_COPIES:
            found += [
                f"{self.copies:.0%} of the samples are copies: far nearer to a training image than real images are to "
                "each other. The network has learned images by heart: train on more images, or for less time."
            ]
        return found


def _few(words: list[str]) -> str:
    """The first words; of more it is said how many there are."""
    more = [f"and {len(words) - SHOWN} more"] if len(words) > SHOWN else []
    return ", ".join(words[:SHOWN] + more)


class OwnYardstick:
    """Measures samples against images of your own.

    Args:
        images: all that the network which drew the samples was trained on.
        network: what train_features or load_or_train made of the same images.

    Raises:
        ValueError: if there are fewer than 16 images.
    """

    def __init__(self, images: Images, network: Features) -> None:
        self.images, self.network = images, network
        teaching, unseen = split(len(images))
        self.unseen = unseen[: 2 * FEW]
        self.real = self.features(images.x0[self.unseen])
        self.stretch = evening(self.features(images.x0[teaching[: 2 * FEW]]))
        self.pixels = reduced(images.x0)
        self.apart = nearest_distances(self.pixels[self.unseen[:MEDIAN_OF]], self.pixels, nth=2)

    def report(self, samples: Tensor, labels: Tensor | None = None) -> OwnReport:
        """Measure (n, C, S, S) samples in [-1, 1]; labels, (n,) int64, are the classes that were asked for.

        Distance, precision and recall are of a quarter as many samples as there are images, and of 2,000 at most.

        Raises:
            ValueError: if there are fewer than 2 samples, if they are of another shape than the images or not finite
                numbers, or if the labels do not fit.
        """
        self._check(samples, labels)
        features = self.features(samples)
        compared = min(len(samples), len(self.real) // 2)
        made, floor = self._compare(features, compared)
        some = _shuffled(len(samples))[:MEDIAN_OF]  # samples come class after class
        away, usual = nearest_distances(reduced(samples[some]), self.pixels), self.apart.median()
        return OwnReport(
            data=self.images.name,
            n=len(samples),
            compared=compared,
            distance=made[0],
            distance_floor=floor[0],
            precision=made[1],
            precision_floor=floor[1],
            recall=made[2],
            recall_floor=floor[2],
            nearest=away.median().item(),
            nearest_floor=usual.item(),
            copies=(away < usual / 2).float().mean().item(),
            copies_floor=(self.apart < usual / 2).float().mean().item(),
            **self._classes(features, labels),
        )

    def _check(self, samples: Tensor, labels: Tensor | None) -> None:
        shape, n = tuple(self.images.x0.shape[1:]), len(samples)
        if samples.shape[1:] != shape:
            raise ValueError(f"expected samples of shape {shape}, as the images, got {tuple(samples.shape[1:])}")
        if n < 2:
            raise ValueError(f"expected at least 2 samples to evaluate, got {n}")
        if not samples.isfinite().all():
            raise ValueError("expected samples of finite numbers to evaluate, got others")
        known = len(self.images.names) if has_classes(self.images) else 0
        if labels is not None and (labels.shape != (n,) or not ((labels >= 0) & (labels < known)).all()):
            raise ValueError(f"expected for each of {n} samples a label of {known} classes, got others")

    def _compare(self, features: Tensor, n: int) -> tuple[list[float], list[float]]:
        """Distance, precision and recall of n samples beside as many real images, and those of other real images."""
        features, unseen = features @ self.stretch, self.real @ self.stretch
        found = []
        for seed in range(SPLITS):
            real, others = unseen[_shuffled(len(unseen), seed)[: 2 * n]].chunk(2)
            made = features[_shuffled(len(features), seed)[:n]]
            found.append([[frechet(one, real), *precision_and_recall(one, real)] for one in (made, others)])
        of_made, of_real = torch.tensor(found).mean(dim=0).tolist()
        return of_made, of_real

    def _classes(self, features: Tensor, labels: Tensor | None) -> dict[str, Any]:
        """What there is to say of classes, if there are any."""
        if not has_classes(self.images):
            return {}
        chosen, of_real = self.named(features), self.named(self.real)
        right = (of_real == self.images.labels[self.unseen]).float().mean().item()
        shares = {"histogram": self._shares(chosen), "histogram_floor": self._shares(of_real)}
        return shares | agreement(chosen, labels, right)

    def _shares(self, chosen: Tensor) -> tuple[float, ...]:
        return tuple((torch.bincount(chosen, minlength=len(self.images.names)) / len(chosen)).tolist())

    @torch.no_grad()
    def features(self, x0: Tensor) -> Tensor:
        """(N, C, S, S) images in [-1, 1] to (N, 64) features."""
        return torch.cat([self.network(batch) for batch in x0.split(250)])

    @torch.no_grad()
    def named(self, features: Tensor) -> Tensor:
        """(N, 64) features to (N,) labels: which class the network thinks it sees."""
        return self.network.head(features).argmax(dim=1)


def evening(features: Tensor) -> Tensor:
    """(F, F): (N, F) features times this vary alike in all directions, so that distances are not of the largest alone.

    Otherwise the brightness of the ground, say, could outweigh all else, and chance in it all that is to be measured.
    """
    variances, directions = torch.linalg.eigh(torch.cov(features.T))
    return directions / (variances + LEAST_VARIANCE * variances.max()).clamp(min=1e-9).sqrt()


def reduced(x0: Tensor) -> Tensor:
    """(N, C, S, S) images, those larger than 32 x 32 reduced to it: whether one is a copy is seen there too."""
    return F.adaptive_avg_pool2d(x0, COMPARED) if x0.shape[2] > COMPARED else x0
