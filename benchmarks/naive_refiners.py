"""Three ways to train a refiner for a few hundred steps each, two of them naive: what each does to the same samples.

    python -m benchmarks.naive_refiners [--data fashion] [--steps 600] [--plot]

- pairs: squared error between a sample and the real image nearest to it, image in, image out;
- clean: squared error between a real image and itself;
- noised: the course's refiner_loss; used by renoising, from t = 100;
and beside them the refiner that comes with the package.

Writes benchmarks/results/naive-NAME.json and a picture; --plot only draws the picture, from out/naive.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.refiner import samples
from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings
from cdm_tutor.metrics import Yardstick
from cdm_tutor.noising import Model, Prediction
from cdm_tutor.progress import training_bar
from cdm_tutor.randomness import seeded
from cdm_tutor.refiner import ImprovedRefinementNetwork, refine, refiner_loss
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Loss, Training, fit
from workshop.drawing import picture
from workshop.machine import machine

RESULTS, OUT = Path(__file__).parent / "results", Path("out") / "naive"
COSINE, N, START = make_schedule("cosine"), 2000, 100
TITLES = {
    "as they are": "the samples as they are",
    "pairs": "squared error, pairs of sample and nearest real image",
    "clean": "squared error, real images in and out",
    "noised": "renoised and denoised, from t = 100",
    "shipped": "by the refiner that comes with the package",
    "real": "real images",
}


def image_to_image(
    model: Model, pairs: Tensor, t: Tensor, noise: Tensor, schedule: NoiseSchedule, prediction: Prediction
) -> Tensor:
    """Squared error of what the network makes of each pair's first image against its second."""
    given, wanted = pairs.chunk(2, dim=1)
    return (model(given, torch.zeros_like(t)) - wanted).square().flatten(1).mean(dim=1)


def train(images: Tensor, loss: Loss, steps: int) -> Model:
    torch.manual_seed(0)
    network = ImprovedRefinementNetwork().to(memory_format=torch.channels_last)
    training = Training(network, COSINE, TrainSettings(steps=steps, prediction="v", t_below=500), loss)
    with training_bar(training.settings.batch) as show:
        for step in fit(training, images):
            show(step)
    return training.ema


@torch.no_grad()
def in_batches(change: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    return torch.cat([change(batch) for batch in x.split(250)])


def sharpness(x: Tensor) -> float:
    """How much neighbouring pixels differ: the mean squared difference."""
    return sum(x.diff(dim=axis).square().mean().item() for axis in (2, 3)) / 2


def by_shipped(name: str, x: Tensor) -> Tensor:
    """Refined by what comes with the package: trained for longer, and against a critic."""
    trained = load_weights(shipped_weights(name, "refiner"))
    t_start, prediction = SampleSettings().t_start, trained.card.prediction
    way = partial(refine, trained.network, schedule=COSINE, generator=seeded(2), t_start=t_start, prediction=prediction)
    return in_batches(way, x)


def row(way: str, images: Tensor, yardstick: Yardstick) -> dict[str, str | float]:
    return {"way": way, "fid": yardstick.fid(yardstick.features(images)), "sharpness": sharpness(images)}


def measure(name: str, steps: int) -> None:
    real = load_sample(name).x0
    drawn = samples(name, "dpm", 20, 7, N)
    nearest = torch.cat([torch.cdist(part.flatten(1), real.flatten(1)).argmin(dim=1) for part in drawn.split(500)])
    pairs = train(torch.cat([drawn, real[nearest]], dim=1), image_to_image, steps)
    clean = train(torch.cat([real, real], dim=1), image_to_image, steps)
    noised = train(real, refiner_loss, steps)

    x = samples(name, "dpm", 20, 8, N)
    at_once, generator = torch.zeros(250, dtype=torch.int64), seeded(1)
    renoised = partial(refine, noised, schedule=COSINE, generator=generator, t_start=START, prediction="v")
    made = {
        "as they are": x,
        "pairs": in_batches(lambda batch: pairs(batch, at_once), x),
        "clean": in_batches(lambda batch: clean(batch, at_once), x),
        "noised": in_batches(renoised, x),
        "shipped": by_shipped(name, x),
        "real": real[torch.randperm(len(real), generator=seeded(0))[:N]],
    }
    yardstick = Yardstick(name, real)
    rows = [row(way, images, yardstick) for way, images in made.items()]
    found = {"data": name, "steps": steps, "n": N, "rows": rows, **machine()}
    (RESULTS / f"naive-{name}.json").write_text(json.dumps(found, indent=2) + "\n")
    OUT.mkdir(parents=True, exist_ok=True)
    torch.save({way: images[:10].clone() for way, images in made.items()}, OUT / f"{name}.pt")
    for way, found_row in zip(made, rows, strict=True):
        print(f"{TITLES[way]:55} FID {found_row['fid']:7.2f}   sharpness {found_row['sharpness']:.3f}")


def plot(name: str) -> None:
    made = torch.load(OUT / f"{name}.pt", weights_only=True)
    rows = [way for way in made if way != "real"]
    picture(
        f"05-naive-{name}",
        "Ten samples, and what four refiners make of them.",
        "Ten samples, and what four refiners make of them. Trained on pairs: all soft, folds and prints are gone. "
        "Trained on clean images: the same as they were. Noised and denoised: as sharp as before. Shipped: firmer.",
        torch.cat([made[way] for way in rows]),
        columns=10,
        row_labels=rows,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="fashion")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--plot", action="store_true")
    args = parser.parse_args()
    if not args.plot:
        measure(args.data, args.steps)
    plot(args.data)


if __name__ == "__main__":
    main()
