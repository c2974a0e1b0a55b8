import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from cdm_tutor.cli import main

settings.register_profile("tests", deadline=None, derandomize=True, max_examples=30, print_blob=False)
settings.load_profile("tests")
collect_ignore = ["seventh"]  # a made-up lesson, for tests/test_seventh.py to put into a copy of the repository
FORKING = ("test_hostile", "test_examination", "test_course", "test_commands")  # first: a small process forks faster
os.environ["COLUMNS"] = "200"  # progress bars and help texts of one width everywhere


def pytest_configure() -> None:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell starts what it puts into the background deaf to it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--site", type=Path, help="look at the site that was built there, instead of building one")
    parser.addoption("--browser", action="store_true", help="also look at the site in a browser (needs chromium)")
    parser.addoption("--all", action="store_true", help="also run what is marked as long: make test-all")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--browser"):
        items[:] = [item for item in items if not item.get_closest_marker("browser")]
    asked_for = config.getoption("--all") or config.option.keyword or any("::" in each for each in config.args)
    if not asked_for:
        leave_out_long(config, items)
    items.sort(key=lambda item: item.path.stem not in FORKING)


def leave_out_long(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without those marked `long`; of those marked `long(but_each=5)`, each fifth case stays."""
    cases: Counter[str] = Counter()
    stay: list[pytest.Item] = []
    go: list[pytest.Item] = []
    for item in items:
        mark = item.get_closest_marker("long")
        name = item.nodeid.split("[")[0]
        but_each = mark.kwargs.get("but_each") if mark else 1
        (stay if but_each and cases[name] % but_each == 0 else go).append(item)
        cases[name] += 1
    items[:] = stay
    config.hook.pytest_deselected(items=go)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def tutor(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`cdm-tutor ...` in this process, which has torch already: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cdm-tutor", *map(str, arguments)])
        capfd.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:  # and no pytest.raises, which would keep all that was loaded
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return run
