"""What holds for the package as a whole: how it is laid out, how long it is, that its papers are in order."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("cdm_tutor", "workshop", "benchmarks", "tests", "lessons")
FILES = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
STILL_PRIVATE = {("cdm_tutor/runs.py", "_check_enough")}
STAGES = ("schedule", "noising", "unet", "sampler", "refiner", "trainer")
MAY_IMPORT = {  # besides torch and friends
    "schedule": set(),
    "noising": {"schedule"},
    "unet": set(),
    "sampler": {"schedule", "noising", "randomness"},
    "refiner": {"schedule", "noising", "sampler", "unet", "randomness"},
    "settings": {"noising"},
    "trainer": {"schedule", "noising", "sampler", "refiner", "randomness", "distributed", "settings"},
    "critic": {"generate", "noising", "randomness", "refiner", "sampler", "schedule", "trainer", "unet"},
    "data": set(),
    "plots": {"schedule", "noising", "writing"},
    "metrics": {"data", "checkpoint"},
    "generate": {"checkpoint", "distributed", "noising", "randomness", "refiner", "sampler"},
    "distributed": set(),
    "writing": set(),
}


@cache
def parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def tree(module: str) -> ast.Module:
    return parsed(f"cdm_tutor/{module}.py")


@pytest.mark.parametrize("module", sorted(MAY_IMPORT))
def test_imports_follow_the_arrow(module: str) -> None:
    imported = {
        name
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cdm_tutor"
        for name in (node.module.split(".")[1:] or [alias.name for alias in node.names])
    }
    assert imported <= MAY_IMPORT[module]


def test_six_stages_stay_readable() -> None:
    lengths = {stage: len((ROOT / "cdm_tutor" / f"{stage}.py").read_text().splitlines()) for stage in STAGES}
    assert max(lengths.values()) < 235, lengths


@pytest.mark.parametrize("stage", STAGES)
def test_everything_public_says_what_it_is(stage: str) -> None:
    module = tree(stage)
    assert ast.get_docstring(module)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


def imported(module: ast.Module) -> set[str]:
    """The names that a module has from other modules of the repository, and the names of those modules."""
    found = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {each.asname or each.name for each in node.names if each.name.split(".")[0] in FOLDERS}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in FOLDERS:
            found |= {each.asname or each.name for each in node.names}
    return found


def private_names(module: ast.Module) -> Iterator[str]:
    """Names with a leading underscore that a module takes from another of the repository: to call them or to patch."""
    others = imported(module)
    yield from (name for name in others if private(name))
    for node in ast.walk(module):
        match node:
            case ast.Attribute(value=owner, attr=name) if private(name) and ast.unparse(owner) in others:
                yield ast.unparse(node)
            case ast.Call(args=[owner, ast.Constant(value=str() as name), *_]):
                if private(name) and ast.unparse(owner) in others:  # setattr(module, "_name", ...)
                    yield ast.unparse(node)


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def test_nothing_uses_what_is_private_to_another_module() -> None:
    found = {(path, name) for path in FILES for name in private_names(parsed(path))}
    assert found <= STILL_PRIVATE


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_light_to_import(stage: str) -> None:
    code = (
        f"import sys, cdm_tutor.{stage}; "
        "assert not {'matplotlib', 'torchvision', 'typer', 'torchmetrics'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
