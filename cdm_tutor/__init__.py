"""A hands-on course on denoising diffusion models, and the small library that its learners build."""

from importlib import import_module
from typing import Any

__version__ = "1.0.0"


def load_ipython_extension(shell: Any) -> None:
    """What IPython calls for `%load_ext cdm_tutor`: a notebook's `%%exercise` and `%check`."""
    import_module("cdm_tutor.course.notebooks.magic").register(shell)  # by name: no stage leans on the course
