"""What one jump is worth: FID, variety and speed, beside twenty steps of the network that it was made of.

    python -m benchmarks.one_step [--data fashion] [--n 5000] [--seeds 1 2 3]

Ways to draw, all with the weights that come with the package: jumps, also refined, and steps of the default solver.
Writes benchmarks/results/one-step-NAME.json after each row; rows that are there already are not measured again, unless
a network that they take has changed.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.choices import Stage, drawn_by
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.progress import sampling_bar
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results"
WAYS = [("jumps", 1, False), ("jumps", 2, False), ("jumps", 4, False), ("jumps", 1, True), ("jumps", 2, True),
        ("dpm", 10, False), ("dpm", 20, False), ("dpm", 20, True)]  # solver, steps, refined  # fmt: skip
TIMED = 320  # images drawn to see how fast it goes


def networks_of(solver: str, refined: bool) -> set[Stage]:
    """The networks that a way takes."""
    return {drawn_by(solver), "refiner"} if refined else {drawn_by(solver)}


def measure(name: str, n: int, seeds: list[int]) -> None:
    """Fill the table of one data set."""
    path = RESULTS / f"one-step-{name}.json"
    networks = {stage: load_weights(shipped_weights(name, stage)) for stage in get_args(Stage)}
    known = {stage: trained.card.training for stage, trained in networks.items()}
    found = json.loads(path.read_text()) if path.exists() else {}
    before = found.get("weights", {}) if found.get("n") == n else {}
    same = {stage for stage in networks if known[stage] == before.get(stage)}
    rows = [row for row in found.get("rows", []) if networks_of(row["solver"], row["refined"]) <= same]
    found |= {"weights": known, "n": n, "rows": rows}
    yardstick = Yardstick(name, load_sample(name).x0)
    for seed in seeds:
        for solver, steps, refined in WAYS:
            key = {"solver": solver, "steps": steps, "refined": refined, "seed": seed}
            if any(key.items() <= row.items() for row in found["rows"]):
                continue
            settings = SampleSettings(n=n, solver=solver, steps=steps, seed=seed)
            trained = networks[drawn_by(solver)]
            refiner = networks["refiner"] if refined else None
            with sampling_bar(n) as advance:
                report = yardstick.report(generate(trained, settings, refiner=refiner, on_batch=advance))
            found["rows"].append(key | {"report": asdict(report), "measured": machine()})
            path.write_text(json.dumps(found, indent=2) + "\n")
            print(f"{name}, seed {seed}: {steps} of {solver}{', refined' * refined}: FID {report.fid:.3f}")
    found["rates"] = rates(networks)
    path.write_text(json.dumps(found, indent=2) + "\n")


def rates(networks: dict[Any, Trained]) -> dict[str, Any]:
    """Images a second in one jump and in twenty steps, in turn, the best of three of each."""
    ways = {
        "one jump": (networks["consistency"], SampleSettings(n=TIMED, solver="jumps", steps=1)),
        "20 steps": (networks["unet"], SampleSettings(n=TIMED, steps=20)),
    }
    best = dict.fromkeys(ways, 0.0)
    for _ in range(3):
        for title, (trained, settings) in ways.items():
            start = time.perf_counter()
            generate(trained, settings)
            best[title] = max(best[title], TIMED / (time.perf_counter() - start))
    return {**best, "measured": machine()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="mnist")
    parser.add_argument("--n", type=int, default=5000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    args = parser.parse_args()
    measure(args.data, args.n, args.seeds)


if __name__ == "__main__":
    main()
