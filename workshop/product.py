"""What the workshop makes: a product, what it is made from, and when it is stale.

There is one rule. A product's digest is taken over the code that making it reaches, the data that it reads, and the
facts that it was given (a patch, the settings of a training). It is stale when the digest is another than when it was
made, or when a file of it is missing or another. Versions of libraries do not count: what another one draws a little
differently is no reason to draw all anew.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdm_tutor.course.mistakes import all_mistakes
from cdm_tutor.writing import whole
from workshop import reach
from workshop.places import ROOT

MADE = ROOT / "workshop" / "made.json"  # product -> the digest of what it was made from, and of each of its files

Made = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Product:
    """Something that the repository holds and that is made, not written.

    Attributes:
        name: short, as in "figures/lesson01" or "clinic/cosine-not-squared".
        make: makes it; returns its files.
        code: where the code begins that decides what comes out, where that is not `make`.
        data: the files that it reads.
        facts: what else decides; or what says it, where another product can change it.
        by_hand: what to type instead of `make`, where it takes what not every machine has: the full data, hours.
        part_is_other: where it is a part of a file that is written: says whether it is not as it should be.
    """

    name: str
    make: Callable[[], Iterable[Path]]
    code: tuple[reach.Start, ...] = ()
    data: tuple[Path, ...] = ()
    facts: object = None
    by_hand: str = ""
    part_is_other: Callable[[], bool] | None = None

    def digest(self) -> str:
        """The hash of all that decides what comes out."""
        starts = self.code or (self.make,)
        known = all_mistakes()
        patches = {name: known[name][1].patch for name in sorted(reach.words(*starts) & known.keys())}
        facts = self.facts() if callable(self.facts) else self.facts
        parts = [reach.digest(*starts), repr(patches), repr(facts), *map(digest_of, sorted(self.data))]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def stale(self, made: Made) -> str:
        """Why it is to be made anew; "" if it is not."""
        if self.part_is_other:
            return "is not what it should be" if self.part_is_other() else ""
        if self.name not in made:
            return "was never made"
        for name, digest in made[self.name]["files"].items():
            if digest_of(ROOT / name) != digest:
                return f"{name} is {'another' if (ROOT / name).exists() else 'missing'}"
        return "" if made[self.name]["digest"] == self.digest() else "what it is made from has changed"


def digest_of(path: Path) -> str:
    """The hash of a file; "" if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else ""


def read_made() -> Made:
    """What was made, and from what."""
    return json.loads(MADE.read_text(encoding="utf-8")) if MADE.exists() else {}


def write_made(made: Made) -> None:
    """All at once or not at all."""
    with whole(MADE) as part:
        part.write_text(json.dumps(made, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def make(product: Product) -> None:
    """Make it, delete what it no longer consists of, and remember what it was made from."""
    before = read_made().get(product.name, {"files": {}})["files"]
    files = names(product.make())
    for name in before.keys() - set(files):
        (ROOT / name).unlink(missing_ok=True)
    if not product.part_is_other:
        accept(product, files)


def names(files: Iterable[Path]) -> list[str]:
    """Their names in the repository."""
    return sorted(path.relative_to(ROOT).as_posix() for path in files)


def accept(product: Product, files: Iterable[str]) -> None:
    """Remember that these files are what would be made now."""
    made = read_made()
    made[product.name] = {"digest": product.digest(), "files": {name: digest_of(ROOT / name) for name in files}}
    write_made(made)


def forget(names: Iterable[str]) -> None:
    """Delete the files of products that there are no more."""
    made = read_made()
    for name in names:
        for file in made.pop(name)["files"]:
            (ROOT / file).unlink(missing_ok=True)
    write_made(made)
