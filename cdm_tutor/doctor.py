"""What this machine has, what is missing, and how to get it."""

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from cdm_tutor import pages
from cdm_tutor.wording import counted

LEARNER = ("torch", "torchvision", "numpy", "safetensors", "torchmetrics", "matplotlib", "pytest", "hypothesis")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes:
        what: the thing.
        found: what there is.
        ok: whether that will do.
        needed: whether the course needs it.
        cure: how to get it, if it is missing.
    """

    what: str
    found: str
    ok: bool = True
    needed: bool = True
    cure: str = ""


def examine() -> list[Finding]:
    """Look at Python, the packages, the processor, the accelerators, the disk and what came with the package."""
    findings = [
        Finding("python", platform.python_version(), sys.version_info >= (3, 11), cure=""),
        *(_package(name) for name in LEARNER),
        Finding("processor", f"{counted(os.cpu_count() or 1, 'core')}, {platform.machine()}"),
    ]
    if find_spec("torch"):
        findings += _accelerators()
        findings += _assets()
    free = shutil.disk_usage(".").free / 1e9
    findings.append(
        Finding("disk", f"{free:.0f} GB free here", free > 1, cure="" if free > 1 else "free at least 1 GB")
    )
    findings.append(_pages())
    if not pages.ARCHIVE.exists():
        findings.append(_package("mkdocs", needed=False, extra="docs"))
    return findings


def _pages() -> Finding:
    place = pages.address("index.html")
    if pages.here() or pages.published():
        return Finding("pages", place)
    cure = place if pages.ARCHIVE.exists() else "make docs"
    return Finding("pages", "not here yet", False, needed=False, cure=f"{cure}   (then cdm-tutor site opens them)")


def _package(name: str, needed: bool = True, extra: str = "") -> Finding:
    try:
        return Finding(name, version(name), needed=needed)
    except PackageNotFoundError:
        target = "cdm-tutor" if pages.ARCHIVE.exists() else f"-e '.[{extra}]'" if extra else "-e ."
        cure = f"{sys.executable} -m pip install {target}"
        if name.startswith("torch"):
            cure += f"   (small, without GPU support: add --extra-index-url {CPU_INDEX})"
        return Finding(name, "missing" if needed else "missing (only to build the site)", False, needed, cure)


def _accelerators() -> list[Finding]:
    import torch

    if torch.cuda.is_available():
        return [Finding("gpu", f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}")]
    if torch.backends.mps.is_available():
        return [Finding("gpu", "Apple GPU (mps)")]
    return [Finding("gpu", "none; the course needs none", True, needed=False)]


def _assets() -> list[Finding]:
    from cdm_tutor.checkpoint import load_weights, shipped_weights
    from cdm_tutor.data import ASSETS, CLASS_NAMES

    findings = []
    for name in CLASS_NAMES:
        try:
            card = load_weights(shipped_weights(name)).card
            load_weights(shipped_weights(name, "refiner"))
            load_weights(shipped_weights(name, "consistency"))
            load_weights(shipped_weights(name, classes=True))
            (ASSETS / f"{name}.png").stat()
            findings.append(Finding(name, f"10,000 images, weights of {card.training.get('date', 'unknown date')}"))
        except (OSError, ValueError) as error:
            findings.append(Finding(name, str(error), False, cure="install the package again"))
    return findings
