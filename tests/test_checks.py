"""What the lessons' tests compare with, where a right answer must pass on any processor."""

import pytest
import torch

from cdm_tutor.course.checks import same_slope
from cdm_tutor.course.outcomes import Wrong

DIRECTION = torch.randn(8, generator=torch.Generator().manual_seed(7))  # the first that same_slope goes along


def test_a_slope_that_is_nearly_0_along_one_direction_says_nothing() -> None:
    """There rounding is all that is seen: here of numbers near 1,000, and worse than any processor's."""
    across = torch.arange(8.0) - 3
    across += DIRECTION * (0.02 - across @ DIRECTION) / (DIRECTION @ DIRECTION)
    weights = torch.zeros(8, requires_grad=True)

    def loss() -> torch.Tensor:
        return 1000 + weights @ across

    same_slope(loss, [weights], "a slope across the first direction")


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_gradient_that_is_cut_is_refused(share: float) -> None:
    weights = torch.zeros(8, requires_grad=True)
    slopes = torch.ones(8)

    def loss() -> torch.Tensor:
        return (1 - share) * weights @ slopes + share * weights.detach() @ slopes

    with pytest.raises(Wrong, match="the gradient is cut"):
        same_slope(loss, [weights], "a gradient that is cut")
