"""Three ways to one jump, each for as many minutes from the same weights: what FID do they come to?

    python -m benchmarks.ways_to_one_step DATA_DIR [--data fashion] [--minutes 10] [--only critic]

"consistency": the lesson's tune. "paths": distill, without the critic. "critic": distill as the networks that come with
the package were. The time in which paths are drawn counts. Writes benchmarks/results/ways-to-one-step-NAME.json after
each; what is there is kept. The networks are kept in runs/ways, and when all are there, their picture is drawn.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained, load_weights, save_weights, shipped_weights
from cdm_tutor.consistency import tune
from cdm_tutor.data import CLASS_NAMES, load_images, load_sample
from cdm_tutor.distill import Distilling, DistillSettings
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.progress import training_bar
from cdm_tutor.settings import TUNING_RATE, TrainSettings
from cdm_tutor.trainer import Training
from cdm_tutor.unet import SimpleUNet
from workshop.drawing import picture
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results"
NETWORKS = Path("runs") / "ways"
WAYS = {"consistency": "tuned to agree", "paths": "paths", "critic": "paths and critic"}  # and how the lesson says it
N = 5000
PATHS = 4000
SHOWN = 10


def trained_by(way: str, name: str, images: Any, minutes: float) -> tuple[Trained, int]:
    """A network trained that way, and how many images it has seen."""
    start = load_weights(shipped_weights(name))
    card = ModelCard(name, "v", stage="consistency")
    if way == "consistency":
        tuning = TrainSettings(minutes=minutes, lr=TUNING_RATE, prediction="v")
        training = Training(start.network, start.schedule, tuning)
        follow(tune(training, images), tuning.batch)
        return Trained(cast(SimpleUNet, training.ema), card), training.step * tuning.batch
    settings = DistillSettings(minutes=minutes, paths=PATHS)
    if way == "paths":
        settings = replace(settings, weight=0.0)
    begun = time.perf_counter()
    distilling = Distilling(Trained(start.network, card), load_weights(shipped_weights(name)), settings)
    paths = distilling.draw_samples()
    drawing = (time.perf_counter() - begun) / 60
    distilling.settings = replace(settings, minutes=max(minutes - drawing, 0.1))
    follow(distilling.rounds(images, paths), settings.batch)
    return Trained(distilling.ema, card), distilling.step * settings.batch


def follow(steps: Any, batch: int) -> None:
    """Train, with a bar."""
    with training_bar(batch) as show:
        for step in steps:
            show(step)


def kept(name: str, way: str) -> Path:
    """Where the network is that was trained that way."""
    return NETWORKS / f"{name}-{way}.safetensors"


def draw(name: str) -> None:
    """A row for each way, one jump from the same noises; and twenty steps of the first network."""
    jump, steps = SampleSettings(n=SHOWN, solver="jumps", steps=1), SampleSettings(n=SHOWN, eta=0.0)
    rows = [generate(load_weights(kept(name, way)), jump) for way in WAYS]
    rows.append(generate(load_weights(shipped_weights(name)), steps))
    picture(
        f"08-ways-{name}",
        "One jump after ten minutes of training, by three ways; twenty steps from the same noise. None was chosen.",
        "Tuned to agree: soft mixtures. By paths, with and without a critic: sharp, and mostly what 20 steps draw.",
        torch.cat(rows),
        columns=SHOWN,
        row_labels=[*WAYS.values(), "20 steps"],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the full data sets are, laid out as torchvision does")
    parser.add_argument("--data", choices=CLASS_NAMES, default="mnist")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--only", choices=WAYS)
    args = parser.parse_args()
    path = RESULTS / f"ways-to-one-step-{args.data}.json"
    images, yardstick = load_images(args.data, "full", args.folder).x0, Yardstick(args.data, load_sample(args.data).x0)
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for way in [args.only] if args.only else WAYS:
        if way in found and not args.only:
            continue
        trained, seen = trained_by(way, args.data, images, args.minutes)
        NETWORKS.mkdir(parents=True, exist_ok=True)
        save_weights(kept(args.data, way), trained)
        row: dict[str, Any] = {"title": WAYS[way], "minutes": args.minutes, "images": seen, **machine()}
        for jumps in (1, 2):
            report = yardstick.report(generate(trained, SampleSettings(n=N, solver="jumps", steps=jumps, seed=1)))
            row[f"{jumps}"] = {"fid": report.fid, "recall": report.recall, "unsure": report.unsure}
        found = {each: row if each == way else found[each] for each in WAYS if each == way or each in found}
        path.write_text(json.dumps(found, indent=2) + "\n")
        print(way, json.dumps(row), flush=True)
    if all(kept(args.data, way).exists() for way in WAYS):
        draw(args.data)


if __name__ == "__main__":
    main()
