"""Runs a known mistake and keeps what is seen.

docs/pictures/clinic/NAME.webp    right samples above mistaken ones, from the same seed
docs/pictures/clinic/few/         of those the few that differ most, for the gallery
workshop/clinic/seen.json         what was measured, how it ended, and which test catches it

All of them take most of an hour on one core; what was run is kept in out/clinic/ as well, for other products.
"""

import contextlib
import io
import json
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.looks import Measurer
from cdm_tutor.course.mistakes import all_mistakes, scenes_of
from cdm_tutor.plots import to_pixels
from cdm_tutor.writing import whole
from workshop import places
from workshop.clinic import runs
from workshop.clinic.scenes import Outcome
from workshop.product import Product

SEEN = places.ROOT / "workshop" / "clinic" / "seen.json"
PICTURES = places.PICTURES / "clinic"
SHOWN, FEW, SIDE, GAP = 8, 4, 28, 2  # samples in a row, and in the gallery; their size, and what is between them
COARSE = 17  # sixteen greys are enough for the gallery, and less than half as large
COMPARED = (("mistaken", "mistaken again"), ("right", "mistaken"), ("before", "mistaken"))  # the first that there are
BACKGROUND, NO_NUMBER = (20, 22, 27), (110, 30, 45)  # between the samples; where there is none
POINTS = 45  # of a loss curve
LAST = 50  # steps that the loss at the end is the mean of
SAME = 1e-4  # samples that differ by less, in mean grey, are the same but for rounding


def products() -> list[Product]:
    """A product for each known mistake."""
    return [product(lesson, mistake) for lesson, mistake in all_mistakes().values()]


def product(lesson: Lesson, mistake: Mistake) -> Product:
    """What is seen of a mistake."""
    scenes = scenes_of(mistake)
    code = (facts_of, draw, draw_few, *(start for scene in scenes for start in runs.code_of(scene)))
    data = {path for scene in scenes for path in runs.data_of(scene)}
    facts = (lesson.number, mistake.patch, scenes)
    return Product(f"clinic/{mistake.name}", partial(make, lesson, mistake), code, tuple(data), facts)


def read_seen() -> dict[str, Any]:
    """What was seen of each mistake."""
    return json.loads(SEEN.read_text(encoding="utf-8")) if SEEN.exists() else {}


def make(lesson: Lesson, mistake: Mistake) -> list[Path]:
    """Run a mistake's scenes; write the pictures and the facts."""
    pairs = [(scene, runs.outcome(scene, None), runs.outcome(scene, mistake)) for scene in scenes_of(mistake)]
    rows = [rows_of(right, wrong) for _, right, wrong in pairs]
    found = {
        "caught by": caught_by(lesson, mistake),
        "scenes": [
            {"rows": list(labels), **facts_of(right, wrong, measurer())}
            for (_, right, wrong), labels in zip(pairs, rows, strict=True)
        ],
    }
    seen = read_seen() | {mistake.name: found}  # read late: another process may be making others
    with whole(SEEN) as part:
        kept = {name: seen[name] for name in all_mistakes() if name in seen}
        part.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    files = draw(PICTURES / f"{mistake.name}.webp", [images for each in rows for images in each.values()])
    return [*files, *(draw_few(mistake.name, list(labels)) for labels in list(filter(None, rows))[:1])]


@cache
def measurer() -> Measurer:
    """What measures samples, made once."""
    return Measurer("mnist")


def rows_of(right: Outcome, wrong: Outcome) -> dict[str, Tensor]:
    """The rows of a picture, by their labels; none if the mistake gave no samples."""
    if wrong.samples is None:
        return {}
    rows = {
        "before": wrong.before,
        "right": right.samples,
        "again": right.again,
        "mistaken": wrong.samples,
        "mistaken again": wrong.again,
    }
    return {label: images[:SHOWN] for label, images in rows.items() if images is not None}


def draw(path: Path, rows: list[Tensor]) -> list[Path]:
    """One picture of all rows, a pixel a pixel: the page enlarges them. None without rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not rows:
        return []
    step = SIDE + GAP
    sheet = Image.new("RGB", (len(rows[0]) * step + GAP, len(rows) * step + GAP), BACKGROUND)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            tile = Image.fromarray(to_pixels(image.nan_to_num())[0].numpy()).convert("RGB")
            holes = Image.fromarray((image.isnan()[0]).numpy().astype("uint8") * 255)
            tile.paste(NO_NUMBER, (0, 0), holes)
            sheet.paste(tile, (GAP + column * step, GAP + row * step))
    sheet.save(path, lossless=True, quality=100, method=6)
    return [path]


def draw_few(name: str, labels: list[str]) -> Path:
    """Of a mistake's picture, whose first rows are these, what the gallery shows: what should be above what is."""
    pair = next(pair for pair in COMPARED if set(pair) <= set(labels))
    step = SIDE + GAP
    with Image.open(PICTURES / f"{name}.webp") as file:
        sheet = np.asarray(file.convert("RGB"))
    upper, lower = (sheet[labels.index(label) * step :][: step + GAP] for label in pair)
    differs = np.abs(upper.astype(int) - lower).sum(axis=(0, 2))[GAP:].reshape(-1, step).sum(axis=1)
    columns = sorted(np.argsort(-differs, kind="stable")[:FEW])
    pixels = np.concatenate([np.arange(GAP), *(np.arange(step) + GAP + column * step for column in columns)])
    path = PICTURES / "few" / f"{name}.webp"
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.concatenate([upper[:step], lower])[:, pixels]
    image = ((image.astype(int) + COARSE // 2) // COARSE * COARSE).astype(np.uint8)
    Image.fromarray(image).save(path, lossless=True, quality=100)
    return path


def facts_of(right: Outcome, wrong: Outcome, measurer: Measurer) -> dict[str, Any]:
    """What a page says of a scene in numbers."""
    facts: dict[str, Any] = {"error": wrong.error, "right error": right.error, "note": wrong.note}
    if wrong.samples is not None:
        facts["broken"] = round(1 - (~wrong.samples.isnan()).float().mean().item(), 4)
        facts["looks"] = looks(wrong.samples, measurer)
    if wrong.samples is not None and right.samples is not None:
        difference = (wrong.samples.clamp(-1, 1) - right.samples.clamp(-1, 1)).abs().mean().item() / 2
        facts["right looks"] = looks(right.samples, measurer)
        facts["differs"] = "" if difference < SAME else round(difference, 4) if difference == difference else "nan"
    twice = [one.samples - one.again for one in (right, wrong) if one.samples is not None and one.again is not None]
    if len(twice) == 2:
        facts["twice"] = [round(difference.abs().mean().item() / 2, 4) for difference in twice]
    if wrong.losses:
        facts["loss"] = {"right": curve(right.losses), "mistaken": curve(wrong.losses)}
        facts["ends"] = [round(end(one.losses), 4) for one in (right, wrong)]
        facts["jumps"] = [round(jumps(one.losses), 4) for one in (right, wrong)]
        facts["slower"] = round(wrong.seconds / len(wrong.losses) / (right.seconds / len(right.losses) or 1), 2)
    return facts


def looks(samples: Tensor, measurer: Measurer) -> dict[str, float] | None:
    """What the samples measure; None if some are no numbers."""
    if samples.isnan().any():
        return None
    return {name: round(number, 4) for name, number in measurer.measure(samples).items()}


def curve(losses: tuple[float, ...]) -> list[float]:
    """The loss in a few points, each the mean of as many steps."""
    parts = torch.tensor(losses).chunk(POINTS)
    return [round(part.mean().item(), 4) for part in parts]


def end(losses: tuple[float, ...]) -> float:
    """The mean of the last steps."""
    return torch.tensor(losses[-LAST:]).mean().item()


def jumps(losses: tuple[float, ...]) -> float:
    """How much the loss changes from one step to the next, in the second half, relative to its mean."""
    late = torch.tensor(losses[len(losses) // 2 :])
    return (late.diff().abs().mean() / late.mean()).item() if len(late) > 1 else 0.0


def caught_by(lesson: Lesson, mistake: Mistake) -> str:
    """The first test of its exercise that fails."""

    class Listener:
        failed = ""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed:
                self.failed = self.failed or report.nodeid.split("::")[-1].split("[")[0]

    listener = Listener()
    without = [part for name in ("cacheprovider", "unraisableexception") for part in ("-p", f"no:{name}")]
    options = ["-q", "-x", "--impl", f"mistake:{mistake.name}", "--exercise", mistake.exercise, *without]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([str(places.ROOT / "lessons" / lesson.number), *options], plugins=[listener])
    return listener.failed
