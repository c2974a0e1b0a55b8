"""What sharing the work buys: images a second, and where a step's time goes, for 1 and 2 processes of one thread.

    python -m benchmarks.processes [--rounds 5] [--batch 256]

Writes benchmarks/results/processes.json. Wants a quiet machine, a core a process.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from cdm_tutor import distributed
from cdm_tutor.data import load_sample
from cdm_tutor.schedule import make_schedule
from cdm_tutor.settings import TrainSettings
from cdm_tutor.trainer import Training, draw_batch, fit
from cdm_tutor.unet import SimpleUNet
from workshop.machine import machine

RESULT = Path(__file__).parent / "results" / "processes.json"
STEPS = 12


def worker(out: str, batch: int) -> None:
    """Seconds a step with and without communication, in one of the processes."""
    torch.set_num_threads(1)
    with distributed.together():
        images = load_sample("fashion").x0
        settings = TrainSettings(steps=10**6, batch=batch)
        training = Training(SimpleUNet().to(memory_format=torch.channels_last), make_schedule("cosine"), settings)
        steps = fit(training, images)
        for _ in range(3):
            next(steps)
        start = time.perf_counter()
        for _ in range(STEPS):
            next(steps)
        whole = (time.perf_counter() - start) / STEPS
        start = time.perf_counter()
        for step in range(STEPS):
            alone(training, images, step)
        compute = (time.perf_counter() - start) / STEPS
        found = distributed.collect((whole, compute))
        if distributed.rank() == 0:
            Path(out).write_text(json.dumps(found))


def alone(training: Training, images: torch.Tensor, step: int) -> None:
    """The same step without a word to the others."""
    settings = training.settings
    share = draw_batch(images, step, 1000, settings, distributed.rank(), distributed.world_size())
    training.optimizer.zero_grad()
    with distributed.exchanging(training.network, now=False):
        training.loss(training.network, *share, training.schedule, settings.prediction).mean().backward()
    torch.nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)
    training.optimizer.step()


def run(processes: int, batch: int) -> tuple[float, float]:
    """Mean seconds a step: in all, and computing."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        script = [__file__, "--worker", str(out), "--batch", str(batch)]
        command = [sys.executable, *(launcher if processes > 1 else []), *script]
        subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        found = json.loads(out.read_text())
    whole, compute = (statistics.mean(column) for column in zip(*found, strict=True))
    return whole, compute


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker(args.worker, args.batch)
        return
    rounds = []
    for number in range(args.rounds):
        rounds.append({processes: run(processes, args.batch) for processes in (1, 2)})
        print(f"round {number + 1}: {rounds[-1][1][0] / rounds[-1][2][0]:.2f} times the images a second", flush=True)
    median = {n: [statistics.median(r[n][i] for r in rounds) for i in (0, 1)] for n in (1, 2)}
    facts = {
        "batch": args.batch,
        "speedup": round(statistics.median(r[1][0] / r[2][0] for r in rounds), 3),
        "processes": {
            n: {"images_per_second": round(args.batch / whole, 1), "step_ms": 1e3 * whole, "compute_ms": 1e3 * compute}
            for n, (whole, compute) in median.items()
        },
        **machine(),
    }
    RESULT.write_text(json.dumps(facts, indent=2) + "\n")
    print(json.dumps(facts, indent=2))


if __name__ == "__main__":
    main()
