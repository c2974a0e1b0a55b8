"""Run every known mistake and keep what is seen: python -m workshop.clinic.make [NAME ...] [--check]

docs/pictures/clinic/NAME.webp    right samples above mistaken ones, from the same seed
docs/pictures/clinic/few/         a few of the mistaken ones, for the index
workshop/clinic/seen.json         what was measured, how it ended, and which test catches it

Runs those whose patch, or whatever else decides the picture, has changed since; a NAME is always run. All of them take
most of an hour on one core; what was run is kept in out/clinic/ as well, so that Ctrl-C loses one mistake at most. With
--check nothing is run, and the exit code is 1 where a picture is stale, missing or superfluous.
"""

import argparse
import ast
import contextlib
import io
import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from rich.progress import Progress
from torch import Tensor

from cdm_tutor.course.lesson import Lesson, Mistake
from cdm_tutor.course.looks import Measurer
from cdm_tutor.course.mistakes import all_mistakes, scenes_of
from cdm_tutor.plots import to_pixels
from workshop import places
from workshop.clinic import runs
from workshop.clinic.scenes import Outcome

SEEN = places.ROOT / "workshop" / "clinic" / "seen.json"
PICTURES = places.PICTURES / "clinic"
SHOWN, FEW, SIDE, GAP = 8, 4, 28, 2  # samples in a row, and in the index; their size, and what is between them
BACKGROUND, NO_NUMBER = (20, 22, 27), (110, 30, 45)  # between the samples; where there is none
POINTS = 45  # of a loss curve
LAST = 50  # steps that the loss at the end is the mean of
SAME = 1e-4  # samples that differ by less, in mean grey, are the same but for rounding


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    mistakes = all_mistakes()
    made = json.loads(SEEN.read_text()) if SEEN.exists() else {}
    complaints = stale(mistakes, made)
    if args.check:
        print("\n".join(f"{name}: {why}" for name, why in complaints.items()) or "the clinic is fresh")
        return bool(complaints)
    for name in complaints.keys() - mistakes.keys():
        made.pop(name, None)
        for superfluous in PICTURES.rglob(f"{name}.webp"):
            superfluous.unlink()
    todo = [name for name in mistakes if name in (args.names or complaints)]
    measurer = Measurer("mnist")
    with Progress() as bar:
        task = bar.add_task("", total=len(todo))
        try:
            for name in todo:
                bar.update(task, description=name)
                made[name] = make(*mistakes[name], measurer)
                save({known: made[known] for known in mistakes if known in made})
                bar.advance(task)
        except KeyboardInterrupt:
            bar.stop()
            print(f"stopped at {name}; what was made before is kept")
            return 130
    return 0


def stale(mistakes: dict[str, tuple[Lesson, Mistake]], made: dict[str, Any]) -> dict[str, str]:
    """What is wrong with what is there: the name of a mistake or of a picture, and why."""
    complaints = dict.fromkeys(made.keys() - mistakes.keys(), "no such mistake")
    pictures = [{path.stem for path in folder.glob("*.webp")} for folder in (PICTURES, PICTURES / "few")]
    for name, (lesson, mistake) in mistakes.items():
        facts = made.get(name)
        if not facts:
            complaints[name] = "not run yet"
        elif facts["digests"] != digests(mistake):
            complaints[name] = "stale"
        elif facts["caught by"] not in tests_of(lesson):
            complaints[name] = f"there is no {facts['caught by']}"
        elif any(any(scene["rows"] for scene in facts["scenes"]) != (name in there) for there in pictures):
            complaints[name] = "its picture is missing, or there should be none"
    return complaints | dict.fromkeys(set.union(*pictures) - mistakes.keys(), "a picture of nothing")


def digests(mistake: Mistake) -> list[str]:
    """What decides each of its scenes."""
    return [runs.digest(scene, mistake) for scene in scenes_of(mistake)]


def save(made: dict[str, Any]) -> None:
    """All at once or not at all."""
    part = SEEN.with_suffix(".part")
    part.write_text(json.dumps(made, indent=1) + "\n")
    part.replace(SEEN)


def make(lesson: Lesson, mistake: Mistake, measurer: Measurer) -> dict[str, Any]:
    """Run a mistake's scenes; write the picture and return the facts."""
    pairs = [(scene, runs.outcome(scene, None), runs.outcome(scene, mistake)) for scene in scenes_of(mistake)]
    rows = [rows_of(right, wrong) for _, right, wrong in pairs]
    draw(PICTURES / f"{mistake.name}.webp", [images for each in rows for images in each.values()])
    draw(PICTURES / "few" / f"{mistake.name}.webp", [each["mistaken"][:FEW] for each in rows if each][:1])
    return {
        "digests": digests(mistake),
        "caught by": caught_by(lesson, mistake),
        "scenes": [
            {"rows": list(labels), **facts_of(right, wrong, measurer)}
            for (_, right, wrong), labels in zip(pairs, rows, strict=True)
        ],
    }


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


def draw(path: Path, rows: list[Tensor]) -> None:
    """One picture of all rows, a pixel a pixel: the page enlarges them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if not rows:
        return
    step = SIDE + GAP
    sheet = Image.new("RGB", (len(rows[0]) * step + GAP, len(rows) * step + GAP), BACKGROUND)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            tile = Image.fromarray(to_pixels(image.nan_to_num())[0].numpy()).convert("RGB")
            holes = Image.fromarray((image.isnan()[0]).numpy().astype("uint8") * 255)
            tile.paste(NO_NUMBER, (0, 0), holes)
            sheet.paste(tile, (GAP + column * step, GAP + row * step))
    sheet.save(path, lossless=True, quality=100, method=6)


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
    if wrong.again is not None and right.again is not None:
        pairs = ((one.samples - one.again).abs().mean().item() / 2 for one in (right, wrong))
        facts["twice"] = [round(difference, 4) for difference in pairs]
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


@cache
def tests_of(lesson: Lesson) -> set[str]:
    """The names of a lesson's tests."""
    file = places.ROOT / "lessons" / lesson.number / f"test_{lesson.module}.py"
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


if __name__ == "__main__":
    sys.exit(main())
