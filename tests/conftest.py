import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("tests", deadline=None, derandomize=True, max_examples=30, print_blob=False)
settings.load_profile("tests")
os.environ["COLUMNS"] = "200"  # progress bars and help texts of one width everywhere


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.fixture
def anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
