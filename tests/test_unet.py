import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cdm_tutor.refiner import ImprovedRefinementNetwork
from cdm_tutor.unet import ResidualBlock, SimpleUNet, timestep_embedding

networks = pytest.mark.parametrize("make", [SimpleUNet, ImprovedRefinementNetwork])


def awake(network: SimpleUNet) -> SimpleUNet:
    """The network with small random weights where it starts with zeros, so that every part has an effect."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=generator))
    return network


def test_embedding_by_hand() -> None:
    """dim = 4: rates 1 and 1/100. t = 0 is all cosines of 0; t = 1 turns the slow pair by .01 only."""
    found = timestep_embedding(torch.tensor([0, 1]), 4)
    slow = 10000 ** (-0.5)
    expected = [[1, 1, 0, 0], [math.cos(1), math.cos(slow), math.sin(1), math.sin(slow)]]
    torch.testing.assert_close(found, torch.tensor(expected))


@given(st.lists(st.integers(0, 999), min_size=2, max_size=6, unique=True), st.sampled_from([8, 64, 128]))
def test_embedding_rows_depend_on_their_own_t_and_tell_it_apart(steps: list[int], dim: int) -> None:
    rows = timestep_embedding(torch.tensor(steps), dim)
    assert rows.shape == (len(steps), dim)
    assert rows.dtype == torch.float32
    for i, t in enumerate(steps):
        assert torch.equal(rows[i : i + 1], timestep_embedding(torch.tensor([t]), dim))
    assert torch.cdist(rows, rows).fill_diagonal_(1).min() > 1e-2


def test_first_and_last_step_look_different() -> None:
    first, last = timestep_embedding(torch.tensor([0, 999]), 128)
    assert torch.cosine_similarity(first, last, dim=0) < 0.5


@networks
@pytest.mark.parametrize("shape", [(1, 1, 28, 28), (3, 1, 28, 28), (2, 1, 32, 16)])
def test_shape_in_is_shape_out_and_it_starts_at_zero(make: type[SimpleUNet], shape: tuple[int, ...]) -> None:
    out = make()(torch.randn(shape), torch.zeros(shape[0], dtype=torch.int64))
    assert out.shape == shape
    assert out.dtype == torch.float32
    assert not out.any()


@networks
def test_every_parameter_takes_part(make: type[SimpleUNet]) -> None:
    network = awake(make())
    network(torch.randn(2, 1, 28, 28), torch.tensor([3, 900])).square().sum().backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@networks
def test_images_do_not_see_their_batch_mates(make: type[SimpleUNet]) -> None:
    network = awake(make())
    x, t = torch.randn(4, 1, 28, 28), torch.tensor([0, 10, 500, 999])
    alone = torch.cat([network(x[i : i + 1], t[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(network(x, t), alone, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.train()(x, t), network.eval()(x, t))


@networks
def test_the_step_matters_and_so_does_every_pixel(make: type[SimpleUNet]) -> None:
    network = awake(make())
    x = torch.randn(1, 1, 28, 28, requires_grad=True)
    early, late = network(x, torch.tensor([10])), network(x, torch.tensor([900]))
    assert (early - late).abs().max() > 1e-3
    early.square().sum().backward()
    assert x.grad is not None
    assert (x.grad != 0).all()


def test_each_skip_reaches_the_output() -> None:
    network = awake(SimpleUNet())
    x, t = torch.randn(1, 1, 28, 28), torch.tensor([100])
    before = network(x, t)
    blocks = [layer for layer in network.up if isinstance(layer, ResidualBlock)]
    assert len(blocks) == sum(isinstance(layer, ResidualBlock) for layer in network.down)
    for block in blocks:
        from_skip = block.conv1.weight.data[:, -block.conv2.out_channels :]
        kept = from_skip.clone()
        from_skip.zero_()
        assert (network(x, t) - before).abs().max() > 1e-5
        from_skip.copy_(kept)


def test_attention_lets_far_corners_meet() -> None:
    network = awake(SimpleUNet())
    x = torch.randn(1, 64, 7, 7)
    moved = x.clone()
    moved[..., 0, 0] += 1
    difference = (network.attention(moved) - network.attention(x)).abs()
    assert difference[..., 6, 6].max() > 1e-6


def test_sizes_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(ValueError, match=r"divisible by 4, got \(28, 30\)"):
        SimpleUNet()(torch.zeros(1, 1, 28, 30), torch.tensor([0]))


def test_it_is_small_enough_to_ship() -> None:
    halves = 2 * sum(p.numel() for p in SimpleUNet().parameters())
    assert halves < 3e6
