"""What a learner sees in the first minutes: train on the 10,000 digits of the package, and draw as it goes.

    python -m benchmarks.first_minutes [--minutes 5]

The same as `cdm-tutor train mnist --minutes 5`. Wants a quiet machine. Writes benchmarks/results/first_minutes.json,
docs/pictures/first-minutes.webp and docs/pictures/first-minutes-loss-*.svg.
"""

import argparse
import json
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch import Tensor

from cdm_tutor.card import ModelCard
from cdm_tutor.checkpoint import Trained
from cdm_tutor.data import load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Step, Training, fit
from workshop.drawing import chart, picture
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "first_minutes.json"
SHARES = (0.0, 0.05, 0.1, 0.2, 0.4, 1.0)  # of the time, at which to draw
COLUMNS = 10
POINTS = 100  # of the curves


def watch(minutes: float) -> tuple[Training, list[Step], list[Tensor]]:
    """Train, and draw the same ten samples again and again."""
    torch.manual_seed(0)
    card = ModelCard(data="mnist")
    training = Training(card.make_network(), card.make_schedule(), TrainSettings(minutes=minutes))
    steps: list[Step] = []
    rows: list[Tensor] = []
    for step in fit(training, load_sample("mnist").x0):
        if len(rows) < len(SHARES) and step.progress >= SHARES[len(rows)]:
            average = card.make_network()
            average.load_state_dict(training.ema.state_dict())
            rows.append(generate(Trained(average, card), SampleSettings(n=COLUMNS)))
            print(f"{step.seconds:.0f} s, step {step.step}, loss {step.loss:.4f}", flush=True)
        steps.append(step)
    return training, steps, rows


def curves(steps: list[Step]) -> dict[str, list[float]]:
    """Minutes, and the mean loss of each third of the timesteps, over equal stretches of the training."""
    found: dict[str, list[float]] = {"minutes": [], "little noise": [], "halfway": [], "much noise": []}
    length = max(1, len(steps) // POINTS)
    for start in range(0, len(steps) - length + 1, length):
        stretch = steps[start : start + length]
        found["minutes"].append(stretch[-1].seconds / 60)
        for place, name in enumerate(("little noise", "halfway", "much noise")):
            thirds = [step.thirds[place] for step in stretch]
            losses = [loss for loss in thirds if loss is not None]
            found[name].append(sum(losses) / len(losses))
    return found


def draw(found: dict[str, list[float]]) -> Figure:
    figure, axes = plt.subplots()
    for name in ("little noise", "halfway", "much noise"):
        axes.plot(found["minutes"], found[name], label=name)
    axes.set(xlabel="minutes of training, two CPU cores", ylabel="loss", yscale="log")
    axes.legend()
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    minutes = parser.parse_args().minutes
    training, steps, rows = watch(minutes)
    found = curves(steps)
    times = [f"{60 * minutes * share:.0f} s" for share in SHARES[: len(rows)]]
    facts = {"steps": training.step, "images": training.step * training.settings.batch, "minutes": minutes}
    RESULTS.write_text(json.dumps({**machine(), **facts, "curves": found}, indent=2) + "\n")
    caption = "The same ten samples while the network learns."
    alt = "The same ten samples while the network learns: grey noise at first, then blobs, strokes, and digits."
    picture("first-minutes", caption, alt, torch.cat(rows), columns=COLUMNS, scale=2, row_labels=times)
    caption = "The loss, by thirds of the timesteps."
    alt = "The loss falls in all thirds of the timesteps; it stays highest where there is little noise to name."
    chart("first-minutes-loss", caption, alt, lambda: draw(found))


if __name__ == "__main__":
    main()
