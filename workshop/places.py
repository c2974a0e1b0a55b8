"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PARTS = DOCS / "parts"  # what pages include
PICTURES = DOCS / "pictures"
ASSETS = ROOT / "cdm_tutor" / "assets"
RESULTS = ROOT / "benchmarks" / "results"
