"""What holds for the package as a whole: how it is laid out, how long it is, that its papers are in order."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from cdm_tutor.course.outline import LESSONS

ROOT = Path(__file__).parent.parent
FOLDERS = ("cdm_tutor", "workshop", "benchmarks", "tests", "lessons")
FILES = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
DATA = (
    "cdm_tutor/course/lessons/",
    "cdm_tutor/course/mistakes/",
    "cdm_tutor/course/variants/",
    "tests/hostile/",
    "tests/wrong/",
)
MODULES = [path for path in FILES if path.startswith("cdm_tutor/")]
STAGES = [lesson.module for lesson in LESSONS]
COMMAND_LINE = ("cdm_tutor/cli.py", "cdm_tutor/__main__.py")
MAY_IMPORT = {  # besides torch and friends
    "schedule": set(),
    "noising": {"schedule"},
    "unet": set(),
    "sampler": {"schedule", "noising", "randomness"},
    "refiner": {"schedule", "noising", "sampler", "unet", "randomness"},
    "guidance": {"schedule", "noising", "sampler", "refiner", "unet", "randomness"},
    "consistency": {"schedule", "noising", "sampler", "refiner", "randomness", "trainer"},
    "choices": set(),
    "card": {"choices", "data", "guidance", "noising", "refiner", "schedule", "unet"},
    "own_yardstick": {"checkpoint", "data", "metrics", "writing"},
    "own_images": {"card", "choices", "data", "pictures", "settings"},
    "settings": {"noising", "choices"},
    "trainer": {"schedule", "noising", "sampler", "refiner", "randomness", "distributed", "settings"},
    "critic": {"checkpoint", "generate", "noising", "randomness", "refiner", "sampler", "schedule", "trainer", "unet"},
    "data": {"choices"},
    "plots": {"schedule", "noising", "wording", "writing"},
    "metrics": {"data", "checkpoint"},
    "distill": {"checkpoint", "consistency", "critic", "generate", "noising", "randomness", "sampler"},
    "generate": {
        "card",
        "checkpoint",
        "consistency",
        "distributed",
        "guidance",
        "noising",
        "randomness",
        "refiner",
        "sampler",
    },
    "distributed": set(),
    "randomness": set(),
    "lock": set(),
    "shell": set(),
    "wording": set(),
    "writing": set(),
}


@cache
def parsed(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def tree(module: str) -> ast.Module:
    return parsed(f"cdm_tutor/{module}.py")


def imports(path: str) -> set[str]:
    """The files of the package that a file of it imports from, wherever it does so."""
    found = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {file_of(each.name) for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {file_of(f"{node.module}.{each.name}") or file_of(node.module) for each in node.names}
    return found & set(MODULES)


def file_of(module: str) -> str:
    """The file of that module of the package; "" if there is none."""
    path = module.replace(".", "/")
    return next((file for file in (f"{path}.py", f"{path}/__init__.py") if file in MODULES), "")


@pytest.mark.parametrize("module", sorted(MAY_IMPORT))
def test_imports_of_what_the_stages_rest_on_are_few(module: str) -> None:
    assert imports(f"cdm_tutor/{module}.py") <= {f"cdm_tutor/{name}.py" for name in MAY_IMPORT[module]}


def test_imports_follow_the_arrow() -> None:
    """None leads up to another layer, nor, by whatever way, back to where it came from."""
    arrows = {path: imports(path) for path in MODULES}
    assert not [(path, each) for path in MODULES for each in arrows[path] if layer(each) > layer(path)]
    TopologicalSorter(arrows).prepare()  # raises CycleError


def layer(path: str) -> int:
    """0: the stages and what serves them; 1: the course and its grading; 2: the command line."""
    return 2 if path in COMMAND_LINE else int(path.startswith(("cdm_tutor/course/", "cdm_tutor/grading/")))


def test_functions_stay_readable() -> None:
    """At most 60 lines each. What is data in Python's clothes is left out: mistakes, variants, lessons, wrong files."""
    long = {
        f"{path} {node.name}"
        for path in FILES
        if not path.startswith(DATA)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if (node.end_lineno or 0) - node.lineno >= 60
    }
    assert not long


@pytest.mark.parametrize("module", ["choices", "options", "cli", "course/cli"])
def test_the_command_line_knows_nothing_of_tensors(module: str) -> None:
    assert "torch" not in {
        name.split(".")[0]
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", None) or "", *(alias.name for alias in node.names))
    }


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
    assert not found


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_light_to_import(stage: str) -> None:
    code = (
        f"import sys, cdm_tutor.{stage}; "
        "assert not {'matplotlib', 'torchvision', 'typer', 'torchmetrics'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
