"""Make a run's weights the ones that come with the package: half precision, measured, described.

    python -m workshop.ship RUN_DIR "COMMAND THAT TRAINED IT" [WEIGHTS THAT IT BEGAN WITH]

Writes cdm_tutor/assets/NAME-unet.safetensors and NAME-unet.json; for a network that is told classes NAME-classes,
measured when it is asked for each class alike; for a consistency network NAME-consistency, measured in one jump; for a
refiner NAME-refiner, measured on samples of the U-Net that is shipped already.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdm_tutor.checkpoint import load_weights, save_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.generate import SampleSettings, generate, usual_way
from cdm_tutor.guidance import CLASSES
from cdm_tutor.metrics import Yardstick
from workshop import registry
from workshop.machine import machine

BY_STEPS = "20 steps of DPM-Solver++, stochastic and corrected"


def ship(run: Path, command: str, start: Path | None = None) -> Path:
    """Write the weights and what is known of them; returns the path of the description.

    Images and minutes are those of all the training, also of what it began with.
    """
    trained = load_weights(run / "model.safetensors")
    if start:
        known, before = trained.card.training, load_weights(start).card.training
        whole = {name: known[name] + before[name] for name in ("images", "minutes")}
        trained = replace(trained, card=replace(trained.card, training={**known, **whole}))
    path = shipped_weights(trained.card.data, trained.card.stage, trained.card.classes)
    save_weights(path, trained, half=True)
    described = path.with_suffix(".json")
    described.write_text(json.dumps({"command": command, **trained.card.training, **measured(path)}, indent=2) + "\n")
    return described


def measured(path: Path) -> dict[str, Any]:
    """What 5,000 samples of shipped weights are like."""
    shipped = load_weights(path)
    card = shipped.card
    base, refiner = (load_weights(shipped_weights(card.data)), shipped) if card.stage == "refiner" else (shipped, None)
    labels = tuple(range(CLASSES)) if card.classes else ()
    settings = SampleSettings(n=5000, labels=labels, **usual_way(base.card))
    asked = settings.label_of(range(settings.n)) if card.classes else None
    report = Yardstick(card.data, load_sample(card.data).x0).report(generate(base, settings, refiner=refiner), asked)
    return {
        "sampled": "one jump" if card.stage == "consistency" else BY_STEPS + (", refined" if refiner else ""),
        "n": report.n,
        "fid": round(report.fid, 3),
        "fid_floor": round(report.fid_floor, 3),
        "kid_x1000": round(report.kid, 3),
        "confidence": round(report.confidence, 3),
        **({"agreement": round(report.agreement, 4)} if report.agreement is not None else {}),
        "histogram": [round(share, 4) for share in report.histogram],
        "nearest": round(report.nearest, 3),
        "nearest_floor": round(report.nearest_floor, 3),
        "measured": machine(),
    }


if __name__ == "__main__":
    written = ship(Path(sys.argv[1]), sys.argv[2], *map(Path, sys.argv[3:]))
    print(written.read_text(encoding="utf-8"))
    registry.accept(f"weights/{written.stem}")
    print("What is drawn with them is stale now: make made")
