"""Write what diagnose compares with, cdm_tutor/assets/looks.json: python -m workshop make looks

From what make.py has measured: of each set of samples, mistaken or right, how far its measures are from those of real
images, and its symptom. Real images are among them, clean and with grain, and white ones.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from statistics import pstdev
from typing import Any

import torch

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.looks import MEASURES, Measurer, comparable
from cdm_tutor.course.mistakes import find_mistake, scenes_of
from cdm_tutor.course.scenes import SAMPLES, Scene, Trained, TrainedRefiner
from cdm_tutor.course.symptoms import HEALTHY, SCRIBBLES, groups_of
from cdm_tutor.course.verdict import LOOKS
from workshop.clinic.make import read_seen
from workshop.places import ASSETS
from workshop.product import Product


def group_of(mistake: Mistake, number: int, scene: Scene) -> str:
    """The symptom that the samples of a mistake's scene show; that of the right ones if they show nothing."""
    shown = [group.name for group in groups_of(mistake) if group.in_images and group.name != HEALTHY]
    stays = number == 0 or mistake.stays_after_training
    return shown[0] if shown and stays else right_group(scene)


def right_group(scene: Scene) -> str:
    """What the right samples of a scene look like: a few seconds of training are not enough for digits."""
    short = isinstance(scene, Trained) and not isinstance(scene, TrainedRefiner)
    return SCRIBBLES if short else HEALTHY


def sets() -> Iterator[tuple[str, str, dict[str, float]]]:
    """Each set of samples: the mistake, "" for none, the symptom, and what it measures."""
    told = set()
    for name, facts in read_seen().items():
        _, mistake = find_mistake(name)
        for number, (scene, seen) in enumerate(zip(scenes_of(mistake), facts["scenes"], strict=True)):
            if seen.get("right looks") and scene not in told:
                told.add(scene)
                yield "", right_group(scene), seen["right looks"]
            if seen.get("looks"):
                yield name, group_of(mistake, number, scene), seen["looks"]


def tuned() -> dict[str, Any]:
    """The whole file."""
    measurer = Measurer("mnist")
    real = comparable(measurer.measure_real(SAMPLES))

    def off(looks: dict[str, float]) -> list[float]:
        return [round(yours - theirs, 3) for yours, theirs in zip(comparable(looks), real, strict=True)]

    seen = [(name, group, off(looks)) for name, group, looks in sets()]
    columns = zip(*(each for _, _, each in seen), strict=True)
    spread = {name: round(pstdev(column), 4) for name, column in zip(MEASURES, columns, strict=True)}
    listed = [{"mistake": m, "group": g, "off": each} for m, g, each in seen]
    noise = torch.randn(SAMPLES, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    planted = {"blotches": 0.9 + 0.3 * noise, "grain": measurer.real[3000 : 3000 + SAMPLES] + 0.2 * noise}
    known = {HEALTHY: [0.0] * len(MEASURES)} | {group: off(measurer.measure(x0)) for group, x0 in planted.items()}
    return {
        "spread": spread,
        "sets": [*listed, *({"mistake": "", "group": g, "off": each} for g, each in known.items())],
    }


def make() -> list[Path]:
    """Write the file."""
    made = tuned()
    text = json.dumps(made["sets"]).replace("}, ", "},\n")
    LOOKS.write_text(f'{{"spread": {json.dumps(made["spread"])},\n"sets": {text}}}\n', encoding="utf-8")
    return [LOOKS]


def product() -> Product:
    """The product; it is made from what was measured, and from nothing else that was seen."""
    return Product("looks", make, data=(ASSETS / "mnist.png",), facts=lambda: list(sets()))
