"""Where and when a figure was measured: goes into every result file."""

import datetime
import os
import platform
from pathlib import Path

import torch


def machine() -> dict[str, str | int]:
    """The date, the processor, its cores in use, and the versions that matter."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open() as lines:
            return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
