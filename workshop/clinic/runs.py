"""Scenes that were run, kept in out/clinic/ until something changes that decides what comes out."""

import pickle
from pathlib import Path

import torch

from cdm_tutor.checkpoint import shipped_weights
from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import find_mistake
from cdm_tutor.course.scenes import (
    Completed,
    FromSketch,
    Guessed,
    Jumped,
    Refined,
    Sampled,
    Scene,
    Told,
    Trained,
    TrainedConsistent,
    TrainedRefiner,
    TrainedTold,
)
from cdm_tutor.writing import whole
from workshop import reach
from workshop.clinic import scenes
from workshop.clinic.scenes import CODE, RUNNERS, Outcome
from workshop.places import ASSETS, ROOT
from workshop.product import Product

KEPT = ROOT / "out" / "clinic"


def outcome(scene: Scene, mistake: Mistake | None, seed: int = 0) -> Outcome:
    """What became of a scene, run now if it was not before."""
    facts = (find_mistake(mistake.name)[0].number, mistake.patch, scene) if mistake else scene
    digest = Product("one run", lambda: (), code_of(scene), data_of(scene), facts).digest()
    path = KEPT / f"{digest}-{seed}.pickle"
    if not path.exists():
        torch.set_num_threads(1)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            part.write_bytes(pickle.dumps(scenes.attempt(scene, mistake, seed)))
    return pickle.loads(path.read_bytes())


def code_of(scene: Scene) -> tuple[reach.Start, ...]:
    """Where the code begins that runs a scene."""
    return RUNNERS[type(scene)], *CODE[type(scene)]


def data_of(scene: Scene) -> tuple[Path, ...]:
    """What is read to run a scene: weights that come with the package, or images to train on."""
    read = {
        TrainedTold: (ASSETS / "mnist.png", shipped_weights("mnist", classes=True)),
        TrainedConsistent: (ASSETS / "mnist.png", shipped_weights("mnist")),
        TrainedRefiner: (ASSETS / "mnist.png", shipped_weights("mnist")),
        Trained: (ASSETS / "mnist.png",),
        Sampled: (shipped_weights("mnist"),),
        Refined: (shipped_weights("mnist"), shipped_weights("mnist", "refiner")),
        Told: (shipped_weights("mnist", classes=True),),
        Completed: (ASSETS / "mnist.png", shipped_weights("mnist")),
        FromSketch: (shipped_weights("mnist"),),
        Guessed: (ASSETS / "mnist.png", shipped_weights("mnist", "consistency")),
        Jumped: (shipped_weights("mnist", "consistency"),),
    }
    return next(paths for kind, paths in read.items() if isinstance(scene, kind))
