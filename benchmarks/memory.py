"""Peak memory of training and of sampling, and the time to show the help: each in a process of its own.

    python -m benchmarks.memory [DATA_DIR]

Writes benchmarks/results/memory.json.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from workshop.machine import machine


def peak_mb(*arguments: str) -> float:
    """The most memory one command held at a time, in MB (1e6 bytes)."""
    script = (
        "import resource, runpy, sys; sys.argv = ['cdm-tutor', *sys.argv[1:]]\n"
        "try: runpy.run_module('cdm_tutor', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", script, *arguments]
        out = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    unit = 1 if sys.platform == "darwin" else 1024
    return int(out.split()[-1]) * unit / 1e6


def help_seconds() -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "cdm_tutor", "--help"], capture_output=True, check=True)
    return time.perf_counter() - start


data = ["--data-dir", str(Path(sys.argv[1]).resolve())] if len(sys.argv) > 1 else []
help_seconds()
results = {
    **machine(),
    "train_mb": round(peak_mb("train", "fashion", "--steps", "60", *data)),
    "train_data": "60,000 images" if data else "10,000 images",
    "sample_mb": round(peak_mb("sample", "fashion", "-n", "256")),
    "help_seconds": round(statistics.median(help_seconds() for _ in range(7)), 3),
}
path = Path(__file__).parent / "results" / "memory.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(results, indent=2) + "\n")
print(json.dumps(results, indent=2))
