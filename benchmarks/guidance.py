"""What guidance buys and costs: FID, agreement with the label, and variety over the guidance scale, shipped weights.

    python -m benchmarks.guidance [--data fashion] [--n 5000]

Each class is asked for alike, in 20 steps of the default solver. Writes benchmarks/results/guidance-NAME.json after
each row; rows that are there already are not measured again.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.guidance import CLASSES
from cdm_tutor.metrics import Yardstick
from cdm_tutor.progress import sampling_bar
from workshop.machine import machine

RESULTS = Path(__file__).parent / "results"
ALWAYS, HALFWAY = (0.0, 1.0), (0.2, 0.9)  # limits, in shares of T
ROWS = [(scale, ALWAYS) for scale in (0.0, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)] + [(3.0, HALFWAY)]


def variety(features: Tensor, labels: Tensor) -> float:
    """How much images of one class differ: the mean distance of two of them in the classifier's features."""
    apart = []
    for label in range(CLASSES):
        own = features[labels == label][:200]
        apart.append(torch.pdist(own).mean())
    return torch.stack(apart).mean().item()


def measure(name: str, n: int) -> None:
    """Fill the table of one data set."""
    path = RESULTS / f"guidance-{name}.json"
    trained, real = load_weights(shipped_weights(name, classes=True)), load_sample(name)
    yardstick = Yardstick(name, real.x0)
    found = json.loads(path.read_text()) if path.exists() else {}
    if found.get("weights") != trained.card.training or found.get("n") != n:
        found = {"weights": trained.card.training, "n": n, "rows": []}
        found["variety_of_real"] = variety(yardstick.features(real.x0), real.labels)
    for scale, limits in ROWS:
        key = {"scale": scale, "limits": list(limits)}
        if any(key.items() <= row.items() for row in found["rows"]):
            continue
        settings = SampleSettings(
            n=n, seed=1, labels=tuple(range(CLASSES)), guidance_scale=scale, guidance_limits=limits
        )
        with sampling_bar(n) as advance:
            samples = generate(trained, settings, on_batch=advance)
        labels = settings.label_of(range(n))
        report = yardstick.report(samples, labels)
        row = key | {"report": asdict(report), "variety": variety(yardstick.features(samples), labels)}
        found["rows"].append(row | {"measured": machine()})
        found["rows"].sort(key=lambda row: (row["limits"] != list(ALWAYS), row["scale"]))
        path.write_text(json.dumps(found, indent=2) + "\n")
        print(f"{name}: scale {scale}, limits {limits}: FID {report.fid:.3f}, agreement {report.agreement:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="mnist")
    parser.add_argument("--n", type=int, default=5000)
    args = parser.parse_args()
    measure(args.data, args.n)


if __name__ == "__main__":
    main()
