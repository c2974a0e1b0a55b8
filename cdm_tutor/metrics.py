"""How good are the samples? Distances in the feature space of a small classifier of ours.

The classifier was trained on the full training sets (workshop/classifier.py). Its distances
compare models of this course with each other; they are not the published FIDs of Inception's features.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import poly_mmd

from cdm_tutor.checkpoint import fill, read_safetensors
from cdm_tutor.data import ASSETS, check_name

FEATURES = 128
UNSURE = 0.5  # a probability of the class picked below which the classifier is called unsure
FEW = 2000  # images whose neighbours are looked for
NEIGHBOURS = 3  # how far away the so-many-th nearest image is says how large an image's surroundings are


class Classifier(nn.Module):
    """Names the class of an image; the 128 numbers before its last layer are the feature space."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(64 * 7 * 7, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(FEATURES, 10)

    def forward(self, x0: Tensor) -> Tensor:
        """(B, 1, 28, 28) images in [-1, 1] to (B, 128) features."""
        return self.body(x0)

    def logits(self, features: Tensor) -> Tensor:
        """(B, 128) features to (B, 10) scores, one a class."""
        return self.head(self.dropout(features))


def load_classifier(name: str) -> Classifier:
    """The shipped classifier of a data set, ready to use."""
    check_name(name)
    path = ASSETS / f"{name}-classifier.safetensors"
    classifier = Classifier()
    fill(classifier, read_safetensors(path)[0], path)
    return classifier.eval().to(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Report:
    """What the yardstick says of a set of samples.

    Attributes:
        n: how many samples.
        fid: Frechet distance to the full training set; less is better.
        fid_floor: that of n real images: no set of n samples can be expected to get below it.
        kid: kernel distance to n of the embedded real images, times 1,000; 0 is best, whatever n is.
        histogram: the share of samples that the classifier puts in each class.
        confidence: mean probability that it gives the class it picks.
        unsure: the share of samples whose class it gives a probability below 0.5.
        unsure_floor: that of the 10,000 real test images, which it has never seen.
        precision: the share of samples that lie among real images; of 2,000 samples at most.
        recall: the share of real images that lie among samples: little, where some kinds are never drawn.
        precision_floor: both shares, of as many other real images.
        nearest: median distance to the nearest real image, root mean square over pixels in [-1, 1].
        nearest_floor: that of real images to the others. Far below it, the model is memorising.
        agreement: the share of samples that the classifier puts in the class that was asked for; None if none was.
        agreements: the same for each class that was asked for.
        agreement_floor: that of the 10,000 real test images with their labels.
    """

    n: int
    fid: float
    fid_floor: float
    kid: float
    histogram: tuple[float, ...]
    confidence: float
    unsure: float
    unsure_floor: float
    precision: float
    recall: float
    precision_floor: float
    nearest: float
    nearest_floor: float
    agreement: float | None = None
    agreements: dict[int, float] = field(default_factory=dict)
    agreement_floor: float | None = None

    def lines(self, names: tuple[str, ...]) -> list[str]:
        """What to print of it; names of the classes."""
        n = self.n
        found = [
            f"FID         {self.fid:8.3f}   (n = {n}; {n} real images: {self.fid_floor:.3f})",
            f"KID x 1000  {self.kid:8.3f}   (0 is best)",
            f"precision   {self.precision:8.3f}   (samples among real images; real ones: {self.precision_floor:.3f})",
            f"recall      {self.recall:8.3f}   (real images among samples)",
            f"confidence  {self.confidence:8.3f}   (mean probability of the class the classifier picks)",
            f"unsure      {self.unsure:8.3f}   (share of it below 0.5; of real test images: {self.unsure_floor:.3f})",
            f"nearest     {self.nearest:8.3f}   (to the nearest training image; real: {self.nearest_floor:.3f})",
            "classes     " + ", ".join(f"{c} {h:.1%}" for c, h in zip(names, self.histogram, strict=True)),
        ]
        if self.agreement is not None:
            shares = (f"{names[c]} {share:.1%}" for c, share in sorted(self.agreements.items()))
            real = f"{self.agreement_floor:.3f}"
            found += [f"agreement   {self.agreement:8.3f}   (drawn as asked for; real: {real})"]
            found += ["of each     " + ", ".join(shares)]
        return found


class Yardstick:
    """Measures samples against one data set.

    Args:
        name: "mnist" or "fashion".
        real: (N, 1, 28, 28) real training images to compare with one by one.
    """

    def __init__(self, name: str, real: Tensor) -> None:
        self.classifier = load_classifier(name)
        self.training_set, _ = read_safetensors(ASSETS / f"{name}-features.safetensors")
        self.real = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(0))]
        self.real_features = self.features(self.real)
        self.floors: dict[int, tuple[float, float, float]] = {}
        known = json.loads((ASSETS / f"{name}-classifier.json").read_text())
        self.unsure_floor: float = known["unsure"]
        self.agreement_floor: float = known["test_accuracy"]

    def report(self, samples: Tensor, labels: Tensor | None = None) -> Report:
        """Measure (n, 1, 28, 28) samples in [-1, 1]; labels, (n,) int64, are the classes that were asked for.

        Raises:
            ValueError: if there are fewer than 2 samples, or more than real images to compare with, or if they are not
                finite numbers.
        """
        n = len(samples)
        if not 2 <= n <= len(self.real):
            raise ValueError(f"expected between 2 and {len(self.real)} samples to evaluate, got {n}")
        if not samples.isfinite().all():
            raise ValueError("expected samples of finite numbers to evaluate, got others")
        features = self.features(samples)
        probabilities = self.probabilities(features)
        chosen = probabilities.argmax(dim=1)
        certainty = probabilities.amax(dim=1)
        some = min(n, 1000)  # a median needs no more, and takes its time
        fid_floor, nearest_floor, precision_floor = self.floor(n)
        precision, recall = precision_and_recall(features[:FEW], self.real_features[-min(n, FEW) :])
        return Report(
            n=n,
            fid=self.fid(features),
            fid_floor=fid_floor,
            kid=1000 * poly_mmd(self.real_features[:n], features).item(),
            histogram=tuple((torch.bincount(chosen, minlength=10) / n).tolist()),
            confidence=certainty.mean().item(),
            unsure=(certainty < UNSURE).float().mean().item(),
            unsure_floor=self.unsure_floor,
            precision=precision,
            recall=recall,
            precision_floor=precision_floor,
            nearest=nearest_distance(samples[:some], self.real[some:]),
            nearest_floor=nearest_floor,
            **agreement(chosen, labels, self.agreement_floor),
        )

    def floor(self, n: int) -> tuple[float, float, float]:
        """FID, median distance to the nearest, and precision, of n real images: measured once for each n."""
        if n not in self.floors:
            some = min(n, 1000)
            nearest = nearest_distance(self.real[:some], self.real[some:])
            few = min(n, FEW)
            precision = _among(self.real_features[:few], self.real_features[-few:])
            self.floors[n] = self.fid(self.real_features[:n]), nearest, precision
        return self.floors[n]

    @torch.no_grad()
    def features(self, x0: Tensor) -> Tensor:
        """(N, 1, 28, 28) images in [-1, 1] to (N, 128) features."""
        return torch.cat([self.classifier(batch) for batch in x0.split(500)])

    @torch.no_grad()
    def probabilities(self, features: Tensor) -> Tensor:
        """(N, 128) features to (N, 10), what the classifier thinks they show."""
        return self.classifier.logits(features).softmax(dim=1)

    def fid(self, features: Tensor) -> float:
        """Frechet distance of (N, 128) features to the full training set's. Heusel et al. 2017, equation 6."""
        metric = FrechetInceptionDistance(_Features(FEATURES))
        metric.real_features_sum += self.training_set["sum"]
        metric.real_features_cov_sum += self.training_set["cov_sum"]
        metric.real_features_num_samples += self.training_set["count"]
        metric.update(features.double(), real=False)
        return metric.compute().item()


def agreement(chosen: Tensor, labels: Tensor | None, floor: float) -> dict[str, Any]:
    """How often a classifier chose what was asked for, as fields of a report; nothing where nothing was.

    Args:
        chosen: (n,) classes that it sees.
        labels: (n,) int64, those that were asked for, if any were.
        floor: how often it is right about real images.
    """
    if labels is None:
        return {}
    right = (chosen == labels).float()
    each = {int(label): right[labels == label].mean().item() for label in labels.unique()}
    return {"agreement": right.mean().item(), "agreements": each, "agreement_floor": floor}


class _Features(nn.Identity):
    """Tells torchmetrics that what it is given are features already, and how many an image has."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features


def frechet(made: Tensor, real: Tensor) -> float:
    """Frechet distance between (N, F) and (M, F) features. Heusel et al. 2017, equation 6."""
    metric = FrechetInceptionDistance(_Features(made.shape[1]))
    metric.update(made.double(), real=False)
    metric.update(real.double(), real=True)
    return metric.compute().item()


def nearest_distance(samples: Tensor, real: Tensor) -> float:
    """Median over the samples of the distance to the nearest real image, root mean square over pixels."""
    return nearest_distances(samples, real).median().item()


def nearest_distances(samples: Tensor, real: Tensor, nth: int = 1) -> Tensor:
    """(N,) distances of the samples to their nth nearest real images, root mean square over pixels.

    Of real images among themselves the nearest is the image itself: take the second.
    """
    pixels = samples[0].numel()
    return torch.cdist(samples.flatten(1), real.flatten(1)).kthvalue(nth, dim=1).values / pixels**0.5


def precision_and_recall(made: Tensor, real: Tensor) -> tuple[float, float]:
    """The share of made images that lie among real ones, and of real ones that lie among made ones.

    An image lies among others if it is nearer to one of them than that one's third nearest neighbour is.
    Kynkaanniemi et al. 2019, equation 1; made and real: (N, F) and (M, F) features.
    """
    return _among(made, real), _among(real, made)


def _among(some: Tensor, others: Tensor) -> float:
    neighbours = min(NEIGHBOURS, len(others) - 1)
    radius = torch.cdist(others, others).kthvalue(neighbours + 1, dim=1).values  # the nearest is the image itself
    return (torch.cdist(some, others) <= radius).any(dim=1).float().mean().item()
