"""What there is to see of lesson 07: digits in frames, and in a row."""

from types import ModuleType

from torch import Tensor

from cdm_tutor.course.shows import Show, digits


def in_frames(m: ModuleType) -> Tensor:
    """Digits, each in a frame."""
    return m.framed(digits(), 2)


def in_a_row(m: ModuleType) -> Tensor:
    """Digits as one image."""
    return m.side_by_side(digits())[None]


SHOWS = (
    Show("digits in frames", ("framed",), in_frames),
    Show("digits in a row", ("side_by_side",), in_a_row),
)
