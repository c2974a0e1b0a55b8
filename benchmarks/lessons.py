"""How good the lessons' checks are: what they catch and accept, by what margin, in how many seconds.

    python -m benchmarks.lessons seconds
    python -m benchmarks.lessons checks

The seconds want a quiet machine. Writes benchmarks/results/lessons.json.

An error is measured in tolerances: 1 is the most that a comparison lets pass. `worst_variant` is the largest error of a
correct solution written differently, `least_mistake` that of the known mistake that shows least, of those that are
rejected for their numbers.
"""

import argparse
import json
import struct
import subprocess
import sys
import time
from mmap import mmap
from pathlib import Path

import torch
from torch import Tensor

from cdm_tutor.course import checks
from cdm_tutor.course.gate import Gate
from cdm_tutor.course.learner import patched, reference_source
from cdm_tutor.course.lesson import Lesson, Patch
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.variants import variants_of
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "lessons.json"
ROUNDS = 3
IMPORTS = "import torch, pytest, hypothesis"

error = mmap(-1, 8)  # the largest of the comparisons so far, in tolerances; the processes that compare share it
compare = checks.same_tensor


def largest(new: float | None = None) -> float:
    """The largest error so far; a new one is set."""
    if new is not None:
        error[:8] = struct.pack("d", new)
    return float(struct.unpack("d", error[:8])[0])


def measured(yours: object, expected: Tensor, case: str, rtol: float | None, atol: float | None) -> None:
    """Compare as the checks do, and note the error."""
    if isinstance(yours, Tensor) and yours.shape == expected.shape and yours.numel():
        rtol_ = checks.RELATIVE.get(expected.dtype, 0.0) if rtol is None else rtol
        mine, theirs = yours.detach().double(), expected.detach().double()
        allowed = (rtol_ / 100 if atol is None else atol) + rtol_ * theirs.abs()
        off = torch.nan_to_num((mine - theirs).abs() / allowed, nan=torch.inf)[theirs.isfinite() & (allowed > 0)]
        largest(max([largest(), off.max().item()] if off.numel() else [largest()]))
    compare(yours, expected, case, rtol, atol)


def checked(gate: Gate, patch: Patch) -> bool:
    """Whether the lesson's tests pass."""
    largest(0.0)
    verdicts = gate.examine(patched(reference_source(gate.lesson), patch))
    return all(verdict.outcome == "passed" for verdict in verdicts.values())


def seconds(*command: str) -> float:
    """The best of a few rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, check=True)
        best = min(best, time.perf_counter() - start)
    return best


def examine(lesson: Lesson) -> dict[str, object]:
    """The figures of a lesson."""
    gate, accepted, worst = Gate(lesson), 0, 0.0
    for variant in variants_of(lesson):
        accepted += checked(gate, variant.patch)
        worst = max(worst, largest())
    caught, least = 0, float("inf")
    for mistake in mistakes_of(lesson):
        caught += not checked(gate, mistake.patch)
        least = min(least, largest()) if largest() > 1 else least
    return {
        "mistakes": len(mistakes_of(lesson)), "caught": caught, "least_mistake": least,
        "variants": len(variants_of(lesson)), "accepted": accepted, "worst_variant": worst,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["seconds", "checks"])
    what = parser.parse_args().what
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"lessons": {}}
    if what == "seconds":
        results |= {**machine(), "imports_seconds": seconds("-c", IMPORTS)}
    else:
        checks.same_tensor = measured
    for lesson in LESSONS:
        if what == "seconds":
            took = seconds("-m", "pytest", f"lessons/{lesson.number}", "--impl", "reference")
            found = {"title": lesson.title, "seconds": took, "times_the_imports": took / results["imports_seconds"]}
        else:
            found = examine(lesson)
        print(lesson.number, found, flush=True)
        results["lessons"][lesson.number] = results["lessons"].get(lesson.number, {}) | found
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
