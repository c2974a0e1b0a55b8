"""What more training brings: each version of the shipped weights that this repository's history holds, measured alike.

    python -m benchmarks.images_seen [--data fashion] [--n 5000]

20 steps of the default solver. Wants a clone with its history, and git. Writes benchmarks/results/images-seen-NAME.json
after each version; versions that are there already are not measured again.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.data import CLASS_NAMES, load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick
from cdm_tutor.progress import sampling_bar
from workshop.machine import machine
from workshop.places import ROOT

RESULTS = Path(__file__).parent / "results"


def versions(path: Path) -> Iterator[Trained]:
    """The weights that were ever at this path, newest first, as far as the network of today can load them."""
    name = path.relative_to(ROOT).as_posix()
    with TemporaryDirectory() as folder:
        for commit in git("log", "--format=%H", "--", name).decode().split():
            file = Path(folder, f"{commit}.safetensors")
            file.write_bytes(git("show", f"{commit}:{name}"))
            try:
                yield load_weights(file)
            except ValueError as error:
                print(f"{commit[:7]} is left out: {error}")


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True).stdout


def measure(name: str, n: int) -> None:
    """Fill the table of one data set."""
    path = RESULTS / f"images-seen-{name}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if found.get("n") != n:
        found = {"n": n, "rows": []}
    yardstick = Yardstick(name, load_sample(name).x0)
    for trained in versions(shipped_weights(name)):
        training = trained.card.training
        if any(row["weights"] == training for row in found["rows"]):
            continue
        with sampling_bar(n) as advance:
            report = yardstick.report(generate(trained, SampleSettings(n=n, seed=1), on_batch=advance))
        found["rows"].append({"weights": training, "report": asdict(report), "measured": machine()})
        found["rows"].sort(key=lambda row: row["weights"]["images"])
        path.write_text(json.dumps(found, indent=2) + "\n")
        print(f"{name}: {training['images']:,} images: FID {report.fid:.3f}, unsure {report.unsure:.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=CLASS_NAMES, default="mnist")
    parser.add_argument("--n", type=int, default=5000)
    args = parser.parse_args()
    measure(args.data, args.n)


if __name__ == "__main__":
    main()
