"""Loads what checks the lessons: pytest reads the conftest.py at its root, whatever path it is given and wherever it is
started, and only there it takes pytest_plugins. The folder that `cdm-tutor init` makes has the same file at its root.
An installed entry point would load it as well, but into every other project of that Python, too.
"""

from importlib.util import find_spec

import pytest

missing = [name for name in ("cdm_tutor", "torch", "hypothesis") if find_spec(name) is None]

if missing:

    def pytest_addoption() -> None:
        raise pytest.UsageError(f"{', '.join(missing)} not installed: python -m pip install -e . (see README.md)")

else:
    pytest_plugins = ["cdm_tutor.course.plugin"]
