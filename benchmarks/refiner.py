"""Does the refiner help? FID of samples as they are, refined, and of what else the same arithmetic would buy.

    python -m benchmarks.refiner [--data fashion] [--seeds 1 2 3] [--n 10000] [--draw]

Writes benchmarks/results/refiner-NAME.json after each row; rows that are there already are not measured again. Samples
are kept in out/refiner: --draw only makes them, before there is a refiner to measure.
"""

import argparse
import json
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import BATCH, SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.progress import sampling_bar
from cdm_tutor.randomness import seeded
from cdm_tutor.refiner import refine
from cdm_tutor.unet import SimpleUNet
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results"
SAMPLES = Path("out") / "refiner"
REFINED = (("dpm", 20), ("dpm", 10), ("ddim", 20), ("ddim", 10))
INSTEAD = (("dpm", 22), ("dpm", 12))  # two more steps cost more than refining does
STARTS = (100, 200)  # from where the first network refines its own samples


def samples(name: str, solver: str, steps: int, seed: int, n: int) -> Tensor:
    """The first network's samples, drawn now or earlier."""
    path = SAMPLES / f"{name}-{solver}-{steps}-{seed}-{n}.pt"
    if not path.exists():
        trained = load_weights(shipped_weights(name))
        with sampling_bar(n) as advance:
            settings = SampleSettings(n=n, solver=solver, steps=steps, seed=seed)
            drawn = generate(trained, settings, on_batch=advance)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(drawn, path)
    return torch.load(path, weights_only=True)


@torch.no_grad()
def refined(by: Trained, x: Tensor, seed: int, t_start: int) -> Tensor:
    how = by.schedule, seeded(seed, 3), t_start, by.card.prediction
    return torch.cat([refine(by.network, batch, *how) for batch in x.split(BATCH)])


@torch.no_grad()
def multiply_accumulates(model: SimpleUNet) -> float:
    """Millions of them, for one image and one evaluation."""
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, 28, 28), torch.zeros(1, dtype=torch.int64))
    return counter.get_total_flops() / 2e6


def measure(name: str, seeds: list[int], n: int) -> None:
    """Fill the table of one data set."""
    path = RESULTS / f"refiner-{name}.json"
    base, refiner = load_weights(shipped_weights(name)), load_weights(shipped_weights(name, "refiner"))
    yardstick = Yardstick(name, load_sample(name).x0)
    found = json.loads(path.read_text()) if path.exists() else {}
    weights = {"base": base.card.training, "refiner": refiner.card.training}
    if found.get("weights") != weights or found.get("n") != n:
        cost = {"base": multiply_accumulates(base.network), "refiner": multiply_accumulates(refiner.network)}
        found = {"weights": weights, "n": n, "million_multiply_accumulates": cost, "rows": []}
    t_start = refiner.card.training["sharpened"]["settings"]["t_start"]
    for (solver, steps), seed in product((*REFINED, *INSTEAD), seeds):
        key = {"solver": solver, "steps": steps, "seed": seed}
        if any(key.items() <= row.items() for row in found["rows"]):
            continue
        x = samples(name, solver, steps, seed, n)
        row: dict[str, Any] = key | {"plain": asdict(yardstick.report(x))}
        if (solver, steps) in REFINED:
            row["refined"] = asdict(yardstick.report(refined(refiner, x, seed, t_start)))
            for start in STARTS:
                own = yardstick.fid(yardstick.features(refined(base, x, seed, start)))
                row[f"by itself from {start}"] = own
        found["rows"].append(row | {"measured": machine()})  # a row may come days after another
        path.write_text(json.dumps(found, indent=2) + "\n")
        print(f"{name}: {solver} {steps}, seed {seed}: {row['plain']['fid']:.3f}", end=" ")
        print(*(f"{way} {row[way]['fid'] if way == 'refined' else row[way]:.3f}" for way in list(row)[4:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="fashion")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--draw", action="store_true")
    args = parser.parse_args()
    if args.draw:
        for (solver, steps), seed in product((*REFINED, *INSTEAD), args.seeds):
            samples(args.data, solver, steps, seed, args.n)
    else:
        measure(args.data, args.seeds, args.n)


if __name__ == "__main__":
    main()
