"""Write the weights of the live sampler: python docs/make_live.py [--check]

docs/live/NAME.js    the networks that come with the package, as scripts; what computes is cdm_tutor/web/live

With --check nothing is written, and the exit code is 1 where a file is not what the package says.
"""

import argparse
import sys
from pathlib import Path

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.export import weights_script

LIVE = Path(__file__).parent / "live"


def scripts() -> dict[Path, str]:
    """Every file, by its path."""
    made = {}
    for data in ("mnist", "fashion"):
        for stage, name in (("unet", data), ("refiner", f"{data}-refiner")):
            made[LIVE / f"{name}.js"] = weights_script(name, load_weights(shipped_weights(data, stage)))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = {path: text for path, text in scripts().items() if not path.exists() or path.read_text() != text}
    for path, text in stale.items():
        print(f"{path.name}: {'stale' if check else 'written'}")
        if not check:
            path.write_text(text)
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
