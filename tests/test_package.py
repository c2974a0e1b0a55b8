"""What holds for the package as a whole: how it is laid out, how long it is, that its papers are in order."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAGES = ("schedule", "noising", "unet", "sampler", "refiner", "trainer")
MAY_IMPORT = {  # besides torch and friends
    "schedule": set(),
    "noising": {"schedule"},
    "unet": set(),
    "sampler": {"schedule", "noising", "randomness"},
    "refiner": {"schedule", "noising", "sampler", "unet", "randomness"},
    "choices": set(),
    "settings": {"noising", "choices"},
    "trainer": {"schedule", "noising", "sampler", "refiner", "randomness", "distributed", "settings"},
    "critic": {"checkpoint", "generate", "noising", "randomness", "refiner", "sampler", "schedule", "trainer", "unet"},
    "data": {"choices"},
    "plots": {"schedule", "noising", "writing"},
    "metrics": {"data", "checkpoint"},
    "generate": {"checkpoint", "distributed", "noising", "randomness", "refiner", "sampler"},
    "distributed": set(),
    "writing": set(),
}


def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / "cdm_tutor" / f"{module}.py").read_text())


@pytest.mark.parametrize("module", sorted(MAY_IMPORT))
def test_imports_follow_the_arrow(module: str) -> None:
    imported = {
        name
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cdm_tutor"
        for name in (node.module.split(".")[1:] or [alias.name for alias in node.names])
    }
    assert imported <= MAY_IMPORT[module]


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


@pytest.mark.parametrize("stage", STAGES)
def test_stages_are_light_to_import(stage: str) -> None:
    code = (
        f"import sys, cdm_tutor.{stage}; "
        "assert not {'matplotlib', 'torchvision', 'typer', 'torchmetrics'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
