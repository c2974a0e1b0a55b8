"""Your own images, from a folder to pictures: icons in colours, told and untold, and a grey set of 64 x 64.

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
COLUMNS = 10


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


def draw(name: str, caption: str, alt: str, place: Path, weights: Path, side: int) -> None:
    """Real images above, samples below, not chosen."""
    network = load_weights(weights)
    wanted = Wanted(side, network.card.built.channels == 3)
    real = read_own(str(place), wanted).x0[:: 6000 // (2 * COLUMNS)][: 2 * COLUMNS]
    samples = generate(network, SampleSettings(n=4 * COLUMNS))
    rows = ["real", "", "samples", "", "", ""]
    zoom = 2 if side <= 32 else 1
    images = torch.cat([real, samples])
    picture(name, caption, alt, images, columns=COLUMNS, scale=zoom, row_labels=rows, pictures="pictures")


def draw_told(weights: Path) -> None:
    """A row for each class that is asked for."""
    network = load_weights(weights)
    names = network.card.class_names
    labels = tuple(range(len(names)))
    settings = SampleSettings(n=COLUMNS * len(names), labels=labels, guidance_scale=2.0)
    alt = "Twelve rows of icons, before each the class that was asked for; nearly all show it, in all colours."
    picture(
        "own-icons-told",
        "Icons, a row for each class that was asked for.",
        alt,
        generate(network, settings),
        columns=COLUMNS,
        scale=2,
        row_labels=list(names),
        pictures="pictures",
    )


def figures(here: Path, place: str, weights: Path) -> dict[str, object]:
    """What `cdm-tutor evaluate` says."""
    file = here / "figures.json"
    tutor(here, "evaluate", place, "--weights", str(weights), "-n", "1000", "--json", str(file))
    found: dict[str, object] = json.loads(file.read_text())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    asked = parser.parse_args()
    here = asked.folder.resolve()
    here.mkdir(parents=True, exist_ok=True)
    for name, size in (("icons", "32"), ("icons64", "64")):
        if not (here / name).exists():
            tutor(here, name, "--size", size, module="cdm_tutor.icons")
    untold = train(here, "icons", "icons", minutes=asked.minutes)
    start = ("--classes", "--start", str(untold))
    told = train(here, "icons", "icons-classes", *start, minutes=asked.minutes)
    large = train(here, "icons64", "icons64", "--grey", minutes=asked.minutes)
    alt = "Two rows of real icons and four of samples: colours and grounds are like theirs, most shapes are blots."
    draw("own-icons", "Real icons, and samples.", alt, here / "icons", untold, 32)
    draw_told(told)
    alt = "Two rows of real grey icons, and four of samples, most of them blots."
    draw("own-64", "Real icons of 64 x 64, and samples.", alt, here / "icons64", large, 64)
    found = {name: figures(here, name, weights) for name, weights in (("icons", untold), ("icons64", large))}
    RESULTS.write_text(json.dumps({"minutes": asked.minutes, **found, **machine()}, indent=2) + "\n")


if __name__ == "__main__":
    main()
