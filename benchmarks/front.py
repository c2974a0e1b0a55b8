"""Few steps: FID over sampling steps and over images a second, for each solver, on the shipped weights.

    python -m benchmarks.front [--data fashion] [--n 5000] [--weights FILE]
    python -m benchmarks.front --rates

Writes benchmarks/results/front-NAME.json after each row; rows that are there already are not measured again. --rates
then adds how many images a second each row makes, which wants a quiet machine.
"""

import argparse
import json
import time
from pathlib import Path

from torch import Generator, Tensor

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.randomness import draw_like
from cdm_tutor.sampler import SOLVERS, Ask, Visits, Walk, dpm_step
from cdm_tutor.schedule import NoiseSchedule
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results"
ROWS = [  # title, solver, eta, steps
    ("DDIM", "ddim", 0.0, (10, 20, 50)),
    ("DPM-Solver++(2M), stochastic", "dpm, not corrected", 1.0, (10, 20)),
    ("the same, corrected", "dpm", 1.0, (10, 20, 50)),
    ("corrected, without fresh noise", "dpm", 0.0, (10, 20)),
    ("DDPM, strided", "ddpm", 1.0, (20, 50)),
]


def uncorrected(ask: Ask, x: Tensor, visits: Visits, schedule: NoiseSchedule, generator: Generator, eta: float) -> Walk:
    """dpm_walk without what comes after its yield."""
    last = None
    for t, prev_t in visits:
        guess = ask(x, t)
        x, last = dpm_step(x, guess, last, prev_t, schedule, draw_like(x, generator), eta), guess
        yield guess, x


SOLVERS["dpm, not corrected"] = (uncorrected, 1.0)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="fashion")
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rates", action="store_true")
    args = parser.parse_args()
    weights = args.weights or shipped_weights(args.data)
    if args.rates:
        rates(args.data, weights)
    else:
        measure(args.data, args.n, weights)


if __name__ == "__main__":
    main()
