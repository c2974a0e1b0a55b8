"""The workshop: what it makes is fresh, and only what can have changed becomes stale."""

import ast
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from cdm_tutor.course.mistakes import all_mistakes
from workshop import __main__ as workshop
from workshop import places, product, reach, registry, site, tables
from workshop.product import Product

ROOT = Path(__file__).parent.parent
ONE = '''
"""A module."""
import math
from other import helper

SCALE = 2.0  # how much


def right(x, *, twice=False):
    """Twice as much."""
    factor = SCALE if twice else 1.0
    return [math.sqrt(factor * helper(value)) for value in x]


def beside(x):
    return x
'''
CACHED = (reach.source, reach.leads_to, reach.code_of, reach.digest, reach.words)
OTHER = "def helper(x: float) -> float:\n    return x + 1\n"


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """The digest of `right` in a made-up package of two modules, with some text replaced."""

    def of(old: str = "", new: str = "") -> str:
        package = tmp_path / "madeup"
        package.mkdir(exist_ok=True)
        for name, text in (("one", ONE.replace("other", "madeup.other")), ("other", OTHER)):
            assert not old or old in ONE + OTHER
            (package / f"{name}.py").write_text(text.replace(old, new) if old else text)
        for cached in CACHED:
            cached.cache_clear()
        monkeypatch.setattr(reach, "ROOT", tmp_path)
        monkeypatch.setattr(reach, "PACKAGES", ("madeup",))
        start = type("right", (), {"__module__": "madeup.one", "__qualname__": "right"})
        return reach.digest(start)

    yield of
    for cached in CACHED:
        cached.cache_clear()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Twice as much."""', '"""As much again."""'),
        ('"""A module."""', ""),
        ("  # how much", "  # in metres"),
        ("factor", "share"),
        ("value", "number"),
        ("def right(x, *, twice=False):", "def right(\n    x,\n    *,\n    twice=False,\n):"),
        ("x: float) -> float", "x)"),
        ("def beside(x):\n    return x", "def beside(x):\n    return 2 * x"),
    ],
)
def test_what_python_does_not_act_on_makes_nothing_stale(digest: Callable[..., str], old: str, new: str) -> None:
    assert digest(old, new) == digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SCALE = 2.0", "SCALE = 3.0"),
        ("math.sqrt(factor", "math.exp(factor"),
        ("return x + 1", "return x + 2"),
        ("twice=False", "twice=True"),
        ("twice", "double"),
        ("import math\n", "import math\nmath.pi = 3\n"),
    ],
)
def test_what_python_acts_on_makes_stale(digest: Callable[..., str], old: str, new: str) -> None:
    assert digest(old, new) != digest()


def stale(changed: dict[str, Product] | None = None) -> dict[str, str]:
    """What is stale, and why."""
    products, made = changed or registry.all_products(), product.read_made()
    return {name: why for name, each in products.items() if (why := each.stale(made))}


def test_all_that_is_made_is_fresh() -> None:
    assert stale() == {}
    assert product.read_made().keys() <= registry.all_products().keys()


@pytest.fixture
def reworded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the code, in place of which `reach` reads it."""
    for name in reach.PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("assets", "__pycache__"))
    monkeypatch.setattr(reach, "ROOT", tmp_path)
    for cached in CACHED:
        cached.cache_clear()
    yield tmp_path / "cdm_tutor" / "sampler.py"
    for cached in CACHED:
        cached.cache_clear()


def test_a_reworded_renamed_and_reformatted_stage_makes_nothing_stale(reworded: Path) -> None:
    text = reworded.read_text()
    for old, new in (
        ("Ask the model once", "Ask it just once"),
        ("to_x0", "into_x0"),
        ("clamp(-1, 1)", "clamp(\n        -1,\n        1,\n    )"),
        ("    steps = torch.full", "    # one step for all\n\n    steps = torch.full"),
    ):
        assert old in text
        text = text.replace(old, new)
    reworded.write_text(text)
    assert stale() == {}


def test_a_changed_stage_makes_stale_what_is_made_with_it(reworded: Path) -> None:
    reworded.write_text(reworded.read_text().replace("clamp(-1, 1)", "clamp(-1.0, 1.1)"))
    found = stale()
    assert found.keys() >= {"clinic/clipped-at-black-grey", "clinic/gather-first-t", "figures/lesson04"}
    assert not found.keys() & {"figures/measured", "looks", "weights/mnist-unet"}


def test_a_changed_patch_makes_only_its_own_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "noise-at-the-last-step"
    lesson, mistake = all_mistakes()[name]
    ((find, put),) = mistake.patch
    records = import_module(f"cdm_tutor.course.mistakes.{lesson.module}")

    def change(**fields: object) -> None:
        changed = [replace(each, **fields) if each == mistake else each for each in mistakes]
        monkeypatch.setattr(records, "MISTAKES", changed)

    mistakes = records.MISTAKES
    change(patch=((find, put + " * 1"),))
    assert stale() == {f"clinic/{name}": "what it is made from has changed"}
    change(symptom="Something else.", title="Another.", concept="No other.")
    assert stale() == {}


def test_new_weights_make_stale_what_was_drawn_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    real = product.digest_of
    new = places.ASSETS / "mnist-unet.safetensors"
    monkeypatch.setattr(product, "digest_of", lambda path: "new" if path == new else real(path))
    found = stale()
    assert found.keys() >= {"clinic/clipped-at-black-grey", "figures/lesson04", "figures/live", "weights/mnist-unet"}
    assert not found.keys() & {"clinic/gather-first-t", "figures/measured", "weights/fashion-unet"}


def test_a_picture_that_is_missing_or_another_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = product.read_made()
    name = next(iter(made["figures/lesson01"]["files"]))
    made["figures/lesson01"]["files"][name] = "another"
    assert registry.all_products()["figures/lesson01"].stale(made) == f"{name} is another"
    made["figures/lesson01"]["files"] = {"docs/pictures/nowhere.webp": "0"}
    assert registry.all_products()["figures/lesson01"].stale(made) == "docs/pictures/nowhere.webp is missing"


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A workshop that makes two files, and a third by hand."""
    monkeypatch.setattr(product, "ROOT", tmp_path)
    monkeypatch.setattr(product, "MADE", tmp_path / "made.json")
    facts = {"a": 1, "b": 1, "c": 1}

    def maker(name: str) -> Product:
        def make() -> list[Path]:
            path = tmp_path / f"{name}{facts[name]}.txt"
            path.write_text(f"{name} {facts[name]}")
            return [path]

        by_hand = "make it by hand" if name == "c" else ""
        return Product(name, make, (ast.parse,), facts=facts[name], by_hand=by_hand)

    monkeypatch.setattr(registry, "all_products", lambda: {name: maker(name) for name in facts})
    monkeypatch.setattr(reach, "digest", lambda *starts: "code")
    monkeypatch.setattr(reach, "words", lambda *starts: frozenset())
    return facts


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["workshop", *arguments])
    return workshop.main()


def test_what_is_made_by_hand_is_accepted_with_the_names_it_has_now(
    made_up: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        made_up["c"] = number
        assert run(monkeypatch, "accept", "c") == 0
        assert product.read_made()["c"]["files"].keys() == {f"c{number}.txt"}


def test_what_is_stale_is_made_and_what_is_left_over_goes(
    made_up: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "check") == 1
    assert run(monkeypatch, "make", "a", "b") == 0
    assert {path.name for path in tmp_path.glob("*.txt")} == {"a1.txt", "b1.txt"}
    assert run(monkeypatch, "accept", "c") == 0
    assert run(monkeypatch, "check") == 0
    made_up["a"] = 2
    capsys.readouterr()
    assert run(monkeypatch, "check") == 1
    assert capsys.readouterr().out.startswith("a: what it is made from has changed\n1 of 3 products are stale")
    assert run(monkeypatch) == 0
    assert {path.name for path in tmp_path.glob("*.txt")} == {"a2.txt", "b1.txt", "c1.txt"}
    del made_up["b"]
    assert run(monkeypatch, "check") == 1
    assert run(monkeypatch) == 0
    assert not (tmp_path / "b1.txt").exists()
    made_up["c"] = 2
    assert run(monkeypatch) == 1
    assert "c is stale, and not made here: make it by hand" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run(monkeypatch, "make", "d")


def test_what_one_product_changes_makes_the_next_one_stale(
    made_up: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.all_products()["a"]
    second = replace(first, name="b", facts=lambda: product.digest_of(tmp_path / "a1.txt"))
    monkeypatch.setattr(registry, "all_products", lambda: {"a": first, "b": second})
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "check") == 0
    (tmp_path / "a1.txt").write_text("changed by hand")
    assert run(monkeypatch) == 0
    assert run(monkeypatch, "check") == 0


def test_every_product_has_files_and_every_picture_is_a_products() -> None:
    made = product.read_made()
    pictures = {path.relative_to(ROOT).as_posix() for path in places.PICTURES.rglob("*.*")}
    written = {"docs/pictures/denoising.png"}  # by the README's own command
    assert pictures - written == {name for each in made.values() for name in each["files"] if name in pictures}


def test_the_build_says_what_to_run_for_a_picture_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(site, "read_made", lambda: {"one": {"files": {"docs/pictures/nowhere.webp": "0"}}})
    monkeypatch.setattr(site, "files", dict)
    monkeypatch.setattr(site, "MADE", tmp_path / "made.txt")
    site.build.__wrapped__()
    assert "docs/pictures/nowhere.webp is missing: python -m workshop makes it" in caplog.text


def test_what_the_build_makes_is_not_in_the_repository() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    for name in site.files():
        assert any(f"/docs/{name}".startswith(line.rstrip("*")) for line in ignored if line.startswith("/docs/")), name


def test_imports_of_the_workshop_are_plain() -> None:
    for folder in ("workshop", "benchmarks", "cdm_tutor", "tests", "lessons"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("sys.path."):
                    raise AssertionError(f"{path}: {ast.unparse(node)}")


def test_the_package_needs_nothing_of_the_workshop() -> None:
    for path in (ROOT / "cdm_tutor").rglob("*.py"):
        assert "workshop" not in {
            (node.module or "").split(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
        }


def test_a_table_is_filled_where_its_markers_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tables.TABLES, "speed", lambda: "| a |\n\nNote.")
    for margin in ("", "    "):
        lines = ["<!-- table: speed -->", "", "| old |", "", "<!-- end -->", "after"]
        filled = tables.filled("\n".join(margin + line if line else "" for line in lines))
        new = ["<!-- table: speed -->", "", "| a |", "", "Note.", "", "<!-- end -->", "after"]
        assert filled.split("\n") == [margin + line if line else "" for line in new]


def test_no_marker_of_a_table_is_without_effect() -> None:
    for page in [ROOT / "README.md", *places.DOCS.rglob("*.md")]:
        text = page.read_text(encoding="utf-8")
        assert len(re.findall(r"^\s*<!-- table: ", text, re.MULTILINE)) == len(tables.MARKED.findall(text)), page
