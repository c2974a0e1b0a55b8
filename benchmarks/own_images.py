"""Your own images, from a folder to pictures: icons in colours, and grey ones of 64 x 64.

    python -m benchmarks.own_images FOLDER [--minutes 10]

Runs the commands of docs/your-own-model.md in FOLDER; what is there already is not made again, and a training that was
cut off goes on. Draws the page's pictures and writes benchmarks/results/own_images.json.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import torch

from cdm_tutor.checkpoint import load_weights
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.own_images import Wanted, read_own
from workshop.drawing import picture
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results" / "own_images.json"
RECIPE = ("--predict", "v", "--timesteps", "focused", "--processes", "2")
REAL, SAMPLES = 2, 2  # of each class, in a row


def tutor(here: Path, *arguments: str, module: str = "cdm_tutor") -> None:
    """One command, as it is typed."""
    print("+", module, *arguments, flush=True)
    subprocess.run([sys.executable, "-m", module, *arguments], cwd=here, check=True)


def train(here: Path, place: str, run: str, *more: str, minutes: float) -> Path:
    """The weights of a run; it is trained, or goes on, unless it is done."""
    folder = here / "runs" / run
    begun, done = (folder / "run.json").exists(), folder / "done"
    if not done.exists():
        told = ("--resume", "--processes", "2") if begun else (*RECIPE, *more, "--minutes", str(minutes))
        tutor(here, "train", place, *told, "--out", f"runs/{run}")
        done.touch()
    return folder / "model.safetensors"


def draw(name: str, caption: str, place: Path, weights: Path, refiner: Path) -> None:
    """A row for each class: real images, then samples, not chosen, as they are and refined."""
    network = load_weights(weights)
    card = network.card
    images = read_own(str(place), Wanted(card.built.side, card.built.channels == 3))
    labels = tuple(range(len(card.class_names)))
    settings = SampleSettings(n=SAMPLES * len(labels), labels=labels, guidance_scale=2.0)
    columns = {
        "real": [images.x0[images.labels == label][:REAL] for label in labels],
        "drawn": generate(network, settings).split(SAMPLES),
        "refined": generate(network, settings, refiner=load_weights(refiner)).split(SAMPLES),
    }
    rows = [torch.cat(row) for row in zip(*columns.values(), strict=True)]
    picture(
        name,
        caption,
        "A row for each class: two real icons, two that were drawn, and the same two refined.",
        torch.cat(rows),
        columns=len(rows[0]),
        scale=2 if card.built.side <= 32 else 1,
        labels=[kind for kind, of_class in columns.items() for _ in of_class[0]],
        row_labels=list(card.class_names),
        pictures="pictures",
    )


def figures(here: Path, place: str, weights: Path, *more: str) -> dict[str, object]:
    """What `cdm-tutor evaluate` says."""
    file = here / "figures.json"
    tutor(here, "evaluate", place, "--weights", str(weights), "--label=all", "-n", "1200", "--json", str(file), *more)
    found: dict[str, object] = json.loads(file.read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    here = asked.folder.resolve()
    here.mkdir(parents=True, exist_ok=True)
    found = {}
    for place, size, *more in (("icons", "32"), ("icons64", "64", "--grey")):
        if not (here / place).exists():
            tutor(here, place, "--size", size, module="cdm_tutor.icons")
        first = train(here, place, f"{place}-classes", "--classes", *more, minutes=asked.minutes)
        refiner = train(here, place, f"{place}-refiner", "--stage", "refiner", *more, minutes=asked.minutes)
        caption = f"Icons of {size} x {size}: real, drawn, and refined. None was chosen."
        draw(f"own-{place}", caption, here / place, first, refiner)
        found[place] = figures(here, place, first)
        found[f"{place}, refined"] = figures(here, place, first, "--refiner", str(refiner))
    RESULTS.write_text(json.dumps({"minutes": asked.minutes, **found, **machine()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
