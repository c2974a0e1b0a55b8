"""Make a run's weights the ones that come with the package: half precision, measured, described.

    python benchmarks/ship.py RUN_DIR "COMMAND THAT TRAINED IT"

Writes cdm_tutor/assets/NAME-unet.safetensors and NAME-unet.json; for a refiner NAME-refiner, measured on samples of the
U-Net that is shipped already.
"""

import json
import sys
from pathlib import Path

from machine import machine

from cdm_tutor.checkpoint import load_weights, save_weights, shipped_weights
from cdm_tutor.data import load_sample
from cdm_tutor.generate import SampleSettings, generate
from cdm_tutor.metrics import Yardstick

run, command = Path(sys.argv[1]), sys.argv[2]
trained = load_weights(run / "model.safetensors")
card = trained.card
path = shipped_weights(card.data, card.stage)
save_weights(path, trained, half=True)
shipped = load_weights(path)  # what is shipped is measured
base, refiner = (shipped, None) if card.stage == "unet" else (load_weights(shipped_weights(card.data)), shipped)
settings = SampleSettings(n=5000, steps=20)
report = Yardstick(card.data, load_sample(card.data).x0).report(generate(base, settings, refiner=refiner))
facts = {
    "command": command,
    **card.training,
    "sampled": "20 steps of DPM-Solver++, stochastic and corrected" + (", refined" if refiner else ""),
    "n": report.n,
    "fid": round(report.fid, 3),
    "fid_floor": round(report.fid_floor, 3),
    "kid_x1000": round(report.kid, 3),
    "confidence": round(report.confidence, 3),
    "histogram": [round(share, 4) for share in report.histogram],
    "nearest": round(report.nearest, 3),
    "nearest_floor": round(report.nearest_floor, 3),
    "measured": machine(),
}
path.with_suffix(".json").write_text(json.dumps(facts, indent=2) + "\n")
print(json.dumps(facts, indent=2))
