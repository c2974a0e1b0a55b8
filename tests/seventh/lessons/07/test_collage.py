"""Checks lesson 07. Expected images are put together pixel by pixel."""

import pytest
import torch
from hypothesis import strategies as st

from cdm_tutor.course.checks import given, same


def some(*shape):
    return torch.linspace(-0.9, 0.8, torch.Size(shape).numel()).reshape(shape)


@pytest.mark.exercise("framed")
def test_frame_by_hand(lesson):
    """A black pixel, and the eight around it."""
    expected = torch.ones(1, 1, 3, 3)
    expected[0, 0, 1, 1] = -1.0
    same(lesson.framed(torch.full((1, 1, 1, 1), -1.0), 1), expected, "one black pixel, width = 1")


@pytest.mark.exercise("framed")
@given(width=st.integers(0, 4), height=st.integers(1, 3))
def test_frame_is_white_and_leaves_the_image(lesson, width, height):
    images = some(2, 3, height, 2)
    found = lesson.framed(images, width)
    case = f"images of shape {tuple(images.shape)}, width = {width}"
    sides = [2, 3, height + 2 * width, 2 + 2 * width]
    same(list(found.shape), sides, f"{case}, shape")
    same(found[..., width : width + height, width : width + 2], images, f"{case}, inside")
    white = found.numel() - images.numel()
    same(int((found == 1).sum()), white, f"{case}, white pixels")


@pytest.mark.exercise("side_by_side")
def test_row_by_hand(lesson):
    """Two images of two pixels, one above the other."""
    images = torch.tensor([[[[0.1], [0.2]]], [[[0.3], [0.4]]]])
    same(lesson.side_by_side(images), torch.tensor([[[0.1, 0.3], [0.2, 0.4]]]), "(0.1, 0.2) beside (0.3, 0.4)")


@pytest.mark.exercise("side_by_side")
@given(n=st.integers(1, 4), channels=st.integers(1, 3))
def test_row_has_each_image_at_its_place(lesson, n, channels):
    images = some(n, channels, 2, 3)
    found = lesson.side_by_side(images)
    same(list(found.shape), [channels, 2, n * 3], f"{n} images of {channels} channels, shape")
    for place, image in enumerate(images):
        same(found[:, :, place * 3 : place * 3 + 3], image, f"{n} images of {channels} channels, image {place}")


@pytest.mark.chain
def test_your_collage_shows_what_your_noising_does(chain):
    """Your schedule, noising and collage: an image at three steps, in a row."""
    schedule, steps = chain.schedule.make_schedule("linear", 10), torch.tensor([0, 4, 9])
    x0, noise = torch.zeros(3, 1, 2, 2), torch.ones(3, 1, 2, 2)
    found = chain.collage.side_by_side(chain.collage.framed(chain.noising.q_sample(x0, steps, noise, schedule), 1))
    same(list(found.shape), [1, 4, 12], "three images of 2 x 2, width = 1, shape")
    same(found[0, 1, [1, 5, 9]], schedule.sqrt_one_minus_alphas_cumprod[steps], "a grey image and noise of ones")
