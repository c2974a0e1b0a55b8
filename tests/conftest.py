import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("tests", deadline=None, derandomize=True, max_examples=30, print_blob=False)
settings.load_profile("tests")
collect_ignore = ["seventh"]  # a made-up lesson, for tests/test_seventh.py to put into a copy of the repository
os.environ["COLUMNS"] = "200"  # progress bars and help texts of one width everywhere


def pytest_configure() -> None:
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell starts what it puts into the background deaf to it


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--browser", action="store_true", help="also look at the site in a browser (needs chromium)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--browser"):
        items[:] = [item for item in items if not item.get_closest_marker("browser")]


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
