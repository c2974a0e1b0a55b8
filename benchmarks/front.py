"""Few steps: FID over sampling steps and over images a second, for each solver, on the shipped weights.

    python benchmarks/front.py [--data fashion] [--n 5000] [--weights FILE]
    python benchmarks/front.py --rates
    python benchmarks/front.py --plot

Writes benchmarks/results/front-NAME.json after each row; rows that are there already are not measured again. --rates
then adds how many images a second each row makes, which wants a quiet machine, and draws it all; --plot only draws.
"""

import argparse
import json
import time
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
from charts import chart
from machine import machine
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.sampler import SOLVERS, dpm_step

RESULTS = Path(__file__).parent / "results"
ROWS = [  # title, solver, eta, steps
    ("DDIM", "ddim", 0.0, (10, 20, 50)),
    ("DPM-Solver++(2M), stochastic", "dpm, not corrected", 1.0, (10, 20)),
    ("the same, corrected", "dpm", 1.0, (10, 20, 50)),
    ("corrected, without fresh noise", "dpm", 0.0, (10, 20)),
    ("DDPM, strided", "ddpm", 1.0, (20, 50)),
]
SOLVERS["dpm, not corrected"] = (partial(dpm_step), 1.0)


def measure(name: str, n: int, weights: Path) -> None:
    """Fill the table of one data set."""
    path = RESULTS / f"front-{name}.json"
    trained = load_weights(weights)
    yardstick = Yardstick(name, load_sample(name).x0)
    found = json.loads(path.read_text()) if path.exists() else {}
    if found.get("weights") != trained.card.training or found.get("n") != n:
        floor = yardstick.fid(yardstick.real_features[:n])
        found = {"weights": trained.card.training, "n": n, "fid_floor": floor, **machine(), "rows": []}
    for title, solver, eta, counts in ROWS:
        for steps in counts:
            if any(row["solver"] == title and row["steps"] == steps for row in found["rows"]):
                continue
            settings = SampleSettings(n=n, solver=solver, steps=steps, eta=eta, seed=0)
            fid = yardstick.fid(yardstick.features(generate(trained, settings)))
            found["rows"].append({"solver": title, "steps": steps, "fid": fid})
            path.write_text(json.dumps(found, indent=2) + "\n")
            print(f"{name}: {title:30} {steps:4} steps  FID {fid:6.3f}", flush=True)


def rates(name: str, weights: Path, n: int = 320) -> None:
    """Add to each row how many images a second it makes."""
    path = RESULTS / f"front-{name}.json"
    trained = load_weights(weights)
    found = json.loads(path.read_text())
    ways = {title: (solver, eta) for title, solver, eta, _ in ROWS}
    for row in found["rows"]:
        solver, eta = ways[row["solver"]]
        settings = SampleSettings(n=n, solver=solver, steps=row["steps"], eta=eta, seed=0)
        start = time.perf_counter()
        generate(trained, settings)
        row["images_per_second"] = n / (time.perf_counter() - start)
    path.write_text(json.dumps(found | {"rates": machine()}, indent=2) + "\n")


def draw(found: dict) -> Figure:
    figure, panels = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
    for title, *_ in ROWS:
        rows = [row for row in found["rows"] if row["solver"] == title]
        for axes, key in zip(panels, ("steps", "images_per_second"), strict=True):
            axes.plot([row.get(key) for row in rows], [row["fid"] for row in rows], marker="o", label=title)
    for axes, label in zip(panels, ("sampling steps", "images a second, two CPU cores"), strict=True):
        axes.set(xscale="log", yscale="log", xlabel=label)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(NullLocator())
    panels[0].set_ylabel(f"FID ({found['n']} samples)")
    panels[0].legend(fontsize=8)
    return figure


def plot() -> None:
    """Draw what has been measured."""
    alt = "FID over sampling steps, and over images a second, for each solver: corrected DPM-Solver++ is lowest."
    for path in RESULTS.glob("front-*.json"):
        found = json.loads(path.read_text())
        chart(path.stem, alt, partial(draw, found), "pictures")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="fashion")
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rates", action="store_true")
    parser.add_argument("--plot", action="store_true")
    args = parser.parse_args()
    weights = args.weights or shipped_weights(args.data)
    if not args.rates and not args.plot:
        measure(args.data, args.n, weights)
        return
    if args.rates:
        rates(args.data, weights)
    plot()


if __name__ == "__main__":
    main()
