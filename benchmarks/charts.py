"""What the site's figures are drawn with, for the benchmarks' own."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "docs" / "figures"))

from drawing import chart, picture

__all__ = ["chart", "picture"]
