"""What the lessons' properties draw: most examples must be generic, for near zero wrong formulas give right answers.

Hypothesis draws the ends of each range and zeros more often than one thinks. So each property is run with a body that
only counts.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
Example = dict[str, Any]


def module_of(number: str, module: str) -> ModuleType:
    """The module with a lesson's tests."""
    path = ROOT / "lessons" / number / f"test_{module}.py"
    spec = importlib.util.spec_from_file_location(f"examples_of_{module}", path)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def drawn(test: Any, **fixtures: Any) -> list[Example]:
    """What hypothesis hands to a property, from a fresh start."""
    examples: list[Example] = []
    inner = test.hypothesis.inner_test
    test.hypothesis.inner_test = lambda **example: examples.append(example)
    try:
        test(lesson=None, **fixtures)
    finally:
        test.hypothesis.inner_test = inner
    return examples


def telling(values: list[float]) -> bool:
    """Numbers that differ, none of them near zero."""
    return len(set(values)) == len(values) and all(abs(value) >= 0.1 for value in values)


def in_the_middle(example: Example) -> bool:
    """A step that is not the last, with some of the fresh noise and not all, between images unlike grey."""
    visited = example.get("visits") or example["visit"]
    return (
        visited[-1] >= 0
        and 0.1 < example.get("eta", 0.5) < 0.95
        and all(telling(example[name]) for name in ("x0", "noise", "fresh") if name in example)
    )


GENERIC: dict[tuple[str, str, str], Callable[[Example], bool]] = {
    ("04", "sampler", "test_denoise_gives_image_and_noise_that_make_x_t"): (
        lambda example: telling(example["x_t"]) and telling(example["answer"])
    ),
    ("04", "sampler", "test_posterior_is_two_gaussians_multiplied"): in_the_middle,
    ("04", "sampler", "test_p_sample_draws_from_the_posterior"): in_the_middle,
    ("04", "sampler", "test_ddim_step_mixes_anew"): in_the_middle,
    ("04", "sampler", "test_dpm_step_leans_ahead"): (
        lambda example: in_the_middle(example) and not example["first"] and telling(example["before"])
    ),
    ("03", "unet", "test_embedding_follows_the_formula"): (
        lambda example: max(example["steps"]) > 0 and example["dim"] > 2
    ),
}


@pytest.mark.parametrize(("number", "module", "name"), GENERIC)
def test_many_of_the_examples_are_generic(number: str, module: str, name: str) -> None:
    """More than half, mostly; hypothesis also tries numbers that it finds in the modules that are loaded."""
    examples = drawn(getattr(module_of(number, module), name))
    generic = sum(map(GENERIC[number, module, name], examples))
    assert len(examples) >= 20
    assert generic >= len(examples) / 4, f"{generic} of {len(examples)}"
