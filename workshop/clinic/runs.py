"""Scenes that were run, kept in out/clinic/ until something changes that decides what comes out."""

import ast
import hashlib
import pickle
from functools import cache
from pathlib import Path

import torch

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.mistakes import all_mistakes
from cdm_tutor.course.scenes import Scene
from cdm_tutor.data import ASSETS
from workshop.clinic import scenes
from workshop.clinic.scenes import CODE, RUNNERS, Outcome, Runner
from workshop.places import ROOT

KEPT = ROOT / "out" / "clinic"
PACKAGE = ROOT / "cdm_tutor"


def outcome(scene: Scene, mistake: Mistake | None, seed: int = 0) -> Outcome:
    """What became of a scene, run now if it was not before."""
    path = KEPT / f"{digest(scene, mistake)}-{seed}.pickle"
    if not path.exists():
        torch.set_num_threads(1)
        made = scenes.attempt(scene, mistake, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_bytes(pickle.dumps(made))
        part.replace(path)
    return pickle.loads(path.read_bytes())


def digest(scene: Scene, mistake: Mistake | None) -> str:
    """The hash of all that decides what comes out: the patch, the scene, and the code and the data that it runs on.

    Of code only what Python sees of it counts: no comments, no docstrings, no layout. `distributed` does not: how many
    processes train changes nothing in what they make, as its tests show.
    """
    patch = repr(all_mistakes()[mistake.name][0].number) + repr(mistake.patch) if mistake else ""
    modules = sorted({each.__module__.split(".")[-1] for each in CODE[type(scene)]} | {"noising"})
    trained = "trainer" in modules
    data = [f"mnist-{stage}.safetensors" for stage in ("unet", "refiner") if not trained or "refiner" in modules]
    parts = [patch, repr(scene), _scene_code(RUNNERS[type(scene)]), *map(_code, modules)]
    parts += [_bytes(name) for name in [*data, *(["mnist.png"] if trained else [])]]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@cache
def _bytes(name: str) -> str:
    return hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()


@cache
def _code(module: str) -> str:
    return _bare(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8")))


@cache
def _scene_code(kind: type[Runner]) -> str:
    """All of scenes.py but the runners of other kinds of scenes."""
    family = {each.__name__ for each in kind.__mro__}
    others = {name for name, each in vars(scenes).items() if isinstance(each, type) and issubclass(each, Runner)}
    tree = ast.parse(Path(scenes.__file__).read_text(encoding="utf-8"))
    tree.body = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, ast.ClassDef) and (node.name in family or node.name not in others))
    ]
    return _bare(tree)


def _bare(tree: ast.Module) -> str:
    """The code without its docstrings."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)
