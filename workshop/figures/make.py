"""Draw the site's figures: python docs/figures/make.py [SCRIPT ...] [--check]

Draws those whose script, or a module of the package that it uses, has changed since; a SCRIPT that is named is always
drawn. With --check nothing is drawn, and the exit code is 1 if something is stale.
"""

import argparse
import hashlib
import importlib
import json
import sys
import time
from pathlib import Path

from workshop.places import ROOT

HERE = Path(__file__).parent
MADE = HERE / "made.json"  # script -> the hash of what it was made from
HELPERS = {"drawing", "make"}


def digest(script: str) -> str:
    """The hash of a script and of all that it draws from."""
    uses = importlib.import_module(script).USES
    files = [HERE / "drawing.py", HERE / f"{script}.py"]
    files += [ROOT / "cdm_tutor" / f"{module}.py" for module in uses]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    scripts = sorted({path.stem for path in HERE.glob("*.py")} - HELPERS)
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help=", ".join(scripts))
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    sys.path.insert(0, str(HERE))
    made = json.loads(MADE.read_text()) if MADE.exists() else {}
    stale = [script for script in scripts if made.get(script) != digest(script)]
    if args.check:
        print(f"stale figures: {', '.join(stale)}; run {sys.argv[0]}" if stale else "all figures are fresh")
        return bool(stale)
    for script in args.scripts or stale:
        start = time.perf_counter()
        importlib.import_module(script).main()
        made = json.loads(MADE.read_text()) if MADE.exists() else {}
        MADE.write_text(json.dumps(made | {script: digest(script)}, indent=2, sort_keys=True) + "\n")
        print(f"{script}: {time.perf_counter() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
