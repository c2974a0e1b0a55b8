"""The demo's page: what was measured, in sentences that follow from the numbers."""

import html
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from string import Template

from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.metrics import Report
from cdm_tutor.settings import ENOUGH, TrainSettings, too_brief
from cdm_tutor.trainer import Step
from cdm_tutor.wording import counted

PAGE = Path(__file__).parent / "assets" / "demo.html"
THIRDS = ("where there is little noise", "halfway", "where there is much")
ALIKE = 0.05  # two distances that differ by a smaller share are called alike


@dataclass(frozen=True)
class Measured:
    """What a demo was asked for, and what came of it.

    Attributes:
        name: "mnist" or "fashion".
        minutes: how long the U-Net was trained.
        by: whose code it ran on, in words.
        then: what to do next, in a sentence.
        settings: how the U-Net was trained.
        steps: of that training.
        reports: what the yardstick says of each kind of samples.
    """

    name: str
    minutes: float
    by: str
    then: str
    settings: TrainSettings
    steps: list[Step]
    reports: dict[str, Report]


def write_page(path: Path, measured: Measured) -> None:
    """Write the page; the pictures that it shows lie beside it."""
    n, images = measured.reports["yours"].n, measured.settings.batch * len(measured.steps)
    words = {
        "what": {"mnist": "digit", "fashion": "piece of clothing"}[measured.name],
        "by": measured.by,
        "then": measured.then,
        "minutes": counted(measured.minutes, "minute"),
        "steps": counted(len(measured.steps), "step"),
        "images": counted(images, "noised image"),
        "brief": of_brevity(images, measured.minutes),
        "loss": of_the_loss(measured.steps),
        "samples": counted(n, "sample"),
        "shown": counted(min(n, 64), "sample"),
        "real": counted(n, "real image"),
        "refined": of_refining(measured.reports),
        "floor": f"{measured.reports['yours'].fid_floor:.2f}",
    }
    rows = "\n".join(_row(kind, report, measured.name) for kind, report in measured.reports.items())
    escaped = {name: html.escape(text, quote=False) for name, text in words.items()}
    page = Template(PAGE.read_text(encoding="utf-8")).substitute(escaped, rows=rows)
    path.write_text(page, encoding="utf-8")


def of_brevity(images: int, minutes: float) -> str:
    """That a training was too short to draw with, and what to do about it; "" if it was not."""
    if not too_brief(images):
        return ""
    return (
        f"That is too few: a right network still draws noise or strokes below about {ENOUGH:,} images. "
        f"Give it more time: cdm-tutor demo --minutes {longer(minutes):g}."
    )


def longer(minutes: float) -> float:
    """How long to train where so many minutes were too short."""
    return max(5, 3 * minutes)


def of_the_loss(steps: list[Step]) -> str:
    """How the loss went, and how what was left of it depends on the noise."""
    tenth = max(1, len(steps) // 10)
    first, last = (mean(step.loss for step in part) for part in (steps[:tenth], steps[-tenth:]))
    way = "fell" if last < (1 - ALIKE) * first else "rose" if last > (1 + ALIKE) * first else "hardly moved"
    said = f"Its loss {way}, from {first:.2f} at first to {last:.2f} at the end."
    late = steps[-5 * tenth :]
    left = {}
    for place, values in zip(THIRDS, zip(*(step.thirds for step in late), strict=True), strict=True):
        if known := [value for value in values if value is not None]:
            left[place] = mean(known)
    if len(left) < 2:
        return said
    most, least = max(left, key=lambda place: left[place]), min(left, key=lambda place: left[place])
    if left[least] > (1 - ALIKE) * left[most]:
        return f"{said} It was about the same however much noise there was."
    return f"{said} What was left of it was most {most}, {left[most]:.2f}, and least {least}, {left[least]:.2f}."


def of_refining(reports: dict[str, Report]) -> str:
    """Whether refining helped, as the distances say."""
    yours = of_one_refiner(reports, "yours", "your samples")
    theirs = of_one_refiner(reports, "shipped weights", "those of the shipped weights")
    return f"It {yours} The refiner that comes with the package, trained longer and against a critic besides, {theirs}"


def of_one_refiner(reports: dict[str, Report], kind: str, whose: str) -> str:
    """What a refiner did to samples, without its subject."""
    before, after = reports[kind].fid, reports[f"{kind}, refined"].fid
    did = "helped" if after < (1 - ALIKE) * before else "harmed" if after > (1 + ALIKE) * before else "hardly changed"
    return f"{did} {whose}: FID {before:.1f} before, {after:.1f} after."


def _row(title: str, report: Report, name: str) -> str:
    common = max(range(10), key=lambda c: report.histogram[c])
    cells = [
        title,
        f"{report.fid:.2f}",
        f"{report.confidence:.0%}",
        f"{CLASS_NAMES[name][common]} ({report.histogram[common]:.0%})",
        f"{report.nearest:.3f} ({report.nearest_floor:.3f})",
    ]
    return "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
