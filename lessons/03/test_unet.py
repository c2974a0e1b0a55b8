"""Checks lesson 03. Expected values are computed in float64, image by image, not by the reference."""

import math

import pytest
import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cdm_tutor.course.batteries.unet import awake, draw
from cdm_tutor.course.checks import expect, given, refused, same, show, unchanged

seeds = st.integers(0, 99)
sides = st.sampled_from([2, 4, 6])
near = {"rtol": 1e-3, "atol": 2e-4}  # float32 through many layers


def blank(module):
    """The module with zeros in every parameter and ones as the weights of the norms."""
    for part in module.modules():
        for name, parameter in part.named_parameters(recurse=False):
            nn.init.constant_(parameter, float(isinstance(part, nn.GroupNorm) and name == "weight"))
    return module


def passes_on(conv):
    """Let a convolution pass on what comes in; where it has more channels out, they repeat."""
    middle = conv.kernel_size[0] // 2
    with torch.no_grad():
        for out in range(conv.out_channels):
            conv.weight[out, out % conv.in_channels, middle, middle] = 1.0


def constant(value, *shape):
    return torch.full(shape, float(value))


def convolved(x, conv):
    return F.conv2d(x[None], conv.weight.double(), conv.bias.double(), conv.stride, conv.padding)[0]


def normed(x, norm):
    """One image: eight groups of channels, each brought to mean 0 and spread 1."""
    groups = x.reshape(8, -1)
    groups = groups - groups.mean(1, keepdim=True)
    groups = groups / (groups.square().mean(1, keepdim=True) + 1e-5).sqrt()
    return groups.reshape(x.shape) * norm.weight.double()[:, None, None] + norm.bias.double()[:, None, None]


def silu(x):
    return x / (1 + (-x).exp())


def linear(x, layer):
    return layer.weight.double() @ x + layer.bias.double()


def block_of(block, x, time):
    """What a residual block should give for one image."""
    h = normed(convolved(silu(normed(x, block.norm1)), block.conv1), block.norm2)
    both = linear(time, block.time)
    for channel in range(len(h)):
        h[channel] = h[channel] + both[channel] * h[channel] + both[len(h) + channel]
    return convolved(silu(h), block.conv2) + (x if block.conv1.in_channels == len(h) else convolved(x, block.shortcut))


def attention_of(layer, x):
    """What self-attention should give for one image: position by position."""
    channels, height, width = x.shape
    qkv = convolved(normed(x, layer.norm), layer.qkv).detach().reshape(3, channels, height * width)
    heard = torch.zeros(channels, height * width, dtype=torch.float64)
    for asks in range(height * width):
        scores = [float(qkv[0, :, asks] @ qkv[1, :, asked]) / math.sqrt(channels) for asked in range(height * width)]
        weights = [math.exp(score - max(scores)) for score in scores]
        for asked, weight in enumerate(weights):
            heard[:, asks] += weight / sum(weights) * qkv[2, :, asked]
    return x + convolved(heard.reshape(x.shape), layer.out)


def down_of(network, h, time):
    """What the way down should give for one image: the bottom and the skips."""
    skips = []
    for layer in network.down:
        halves = isinstance(layer, nn.Conv2d)
        h = convolved(h, layer) if halves else block_of(layer, h, time)
        skips += [] if halves else [h]
    return h, skips


def up_of(network, h, skips, time):
    """What the way up should give for one image."""
    left = list(skips)
    for layer in network.up:
        if isinstance(layer, nn.Upsample):
            h = h.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
        else:
            h = block_of(layer, torch.cat([h, left.pop()]), time)
    return h


def network_of(network, x, t):
    """What the network, one that folds 2 x 2 pixels, should give for one image of one channel."""
    half = network.time_dim // 2
    angles = [t * 10000 ** (-i / half) for i in range(half)]
    time = torch.tensor([*map(math.cos, angles), *map(math.sin, angles)], dtype=torch.float64)
    time = silu(linear(silu(linear(time, network.time_mlp[0])), network.time_mlp[2]))
    folded = torch.stack([x[0, row::2, column::2] for row in (0, 1) for column in (0, 1)])
    h, skips = down_of(network, convolved(folded, network.conv_in), time)
    h = block_of(network.middle2, attention_of(network.attention, block_of(network.middle1, h, time)), time)
    h = convolved(silu(normed(up_of(network, h, skips, time), network.norm_out)), network.conv_out)
    out = torch.empty_like(x)
    for place in range(4):
        out[0, place // 2 :: 2, place % 2 :: 2] = h[place]
    return out


def each(make, *batches):
    """What should come of a batch: each image by itself, in float64."""
    return torch.stack([make(*rows) for rows in zip(*(batch.double() for batch in batches), strict=True)]).float()


def small(lesson, seed=0):
    """A network of two sizes, one block at the upper and two at the lower, with no zeros in it."""
    return awake(lesson.SimpleUNet(channels=(8, 16), blocks=(1, 2)), seed)


@pytest.mark.exercise("timestep_embedding")
def test_embedding_by_hand(lesson):
    """dim = 4 has the rates 1 and 1 / 100: at t = 0 no hand has moved, at t = 50 the slow one by half a radian."""
    rows = lesson.timestep_embedding(torch.tensor([0, 50]), 4)
    expected = [[1.0, 1.0, 0.0, 0.0], [math.cos(50), math.cos(0.5), math.sin(50), math.sin(0.5)]]
    same(rows, torch.tensor(expected), "t = (0, 50), dim = 4", atol=1e-4)


@pytest.mark.exercise("timestep_embedding")
@given(steps=st.lists(st.integers(0, 999), min_size=1, max_size=5), dim=st.sampled_from([2, 4, 6, 32]))
def test_embedding_follows_the_formula(lesson, steps, dim):
    t, case = torch.tensor(steps), f"t = {tuple(steps)}, dim = {dim}"
    with unchanged(case, t=t):
        rows = lesson.timestep_embedding(t, dim)
    angles = [[step * 10000 ** (-2 * i / dim) for i in range(dim // 2)] for step in steps]
    expected = torch.tensor([[*map(math.cos, row), *map(math.sin, row)] for row in angles])
    same(rows, expected, case, rtol=0.0, atol=1e-3)


@pytest.mark.exercise("zeroed")
def test_zeroed_by_hand(lesson):
    """Nothing in, nothing out; anything in, nothing out: both the weights and the biases are 0."""
    conv = lesson.zeroed(awake(nn.Conv2d(2, 3, 1)))
    expect(conv is not None, "zeroed(a convolution) is None: is the return missing?")
    same(conv.weight, torch.zeros(3, 2, 1, 1), "zeroed(a convolution of 2 to 3 channels), weight")
    same(conv.bias, torch.zeros(3), "zeroed(a convolution of 2 to 3 channels), bias")


@pytest.mark.exercise("zeroed")
@given(examples=5, channels=st.integers(1, 9), size=st.sampled_from([1, 3]))
def test_zeroed_can_still_learn(lesson, channels, size):
    conv = lesson.zeroed(nn.Conv2d(channels, 2, size, padding=size // 2))
    case = f"zeroed(a {size} x {size} convolution of {channels} to 2 channels)"
    expect(isinstance(conv, nn.Conv2d), f"{case}: expected the convolution, yours is {conv!r:.60}")
    out = conv(draw(1, channels, 4, 4))
    same(out, torch.zeros(1, 2, 4, 4), f"{case}, output")
    expect(out.requires_grad, f"{case}: the weights are switched off for training")
    out.sum().backward()
    for name, parameter in conv.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.any())
        expect(learns, f"{case}: its {name} gets no gradient, so it will never learn")


@pytest.mark.exercise("ResidualBlock.forward")
def test_block_by_hand(lesson):
    """Two pixels, -1 and 1, in each channel; convolutions that pass on what they get; scale 1, shift 0.5.

    The norms leave or bring back (-1, 1); scaled and shifted it is (-1.5, 2.5); SiLU makes that (-0.2736, 2.3104);
    with the input added: (-1.2736, 3.3104).
    """
    block = blank(lesson.ResidualBlock(8, 8, 4))
    passes_on(block.conv1)
    passes_on(block.conv2)
    block.time.bias.data[:8] = 1.0
    block.time.bias.data[8:] = 0.5
    x = torch.tensor([-1.0, 1.0]).expand(1, 8, 1, 2).clone()
    found = block(x, torch.zeros(1, 4))
    case = "pixels (-1, 1), scale 1, shift 0.5, convolutions that pass on what they get"
    expected = torch.tensor([-1.5 / (1 + math.exp(1.5)) - 1, 2.5 / (1 + math.exp(-2.5)) + 1])
    same(found, expected.expand(1, 8, 1, 2), case, **near)


@pytest.mark.exercise("ResidualBlock.forward")
@given(examples=8, seed=seeds, sizes=st.sampled_from([(8, 8), (16, 8), (8, 16)]), batch=st.integers(1, 3))
def test_block_follows_the_formula(lesson, seed, sizes, batch):
    block = awake(lesson.ResidualBlock(*sizes, 5), seed)
    x, time = draw(batch, sizes[0], 3, 4, seed=seed), draw(batch, 5, seed=seed + 1)
    case = f"ResidualBlock({sizes[0]}, {sizes[1]}, 5) with random weights, {batch} random images of 3 x 4 pixels"
    with unchanged(case, x=x, time=time):
        found = block(x, time)
    same(found, each(lambda *rows: block_of(block, *rows), x, time), case, **near)


@pytest.mark.exercise("SelfAttention.forward")
def test_attention_by_hand(lesson):
    """Two pixels, -1 and 1, in each of 8 channels. q is made so small that scores differ by log(3).

    So each pixel listens with 3/4 to itself and with 1/4 to the other, and hears (-0.5, 0.5); with the input added:
    (-1.5, 1.5).
    """
    layer = blank(lesson.SelfAttention(8))
    passes_on(layer.out)
    with torch.no_grad():
        for channel in range(8):
            layer.qkv.weight[channel, channel] = math.log(3) / (2 * math.sqrt(8))
            layer.qkv.weight[8 + channel, channel] = 1.0
            layer.qkv.weight[16 + channel, channel] = 1.0
    x = torch.tensor([-1.0, 1.0]).expand(1, 8, 1, 2).clone()
    same(layer(x), 1.5 * x, "pixels (-1, 1) that listen with 3/4 to themselves, 1/4 to each other", **near)


@pytest.mark.exercise("SelfAttention.forward")
@given(examples=5, seed=seeds, channels=st.sampled_from([8, 16]), batch=st.integers(1, 3))
def test_attention_follows_the_formula(lesson, seed, channels, batch):
    layer, x = awake(lesson.SelfAttention(channels), seed), draw(batch, channels, 2, 3, seed=seed)
    case = f"SelfAttention({channels}) with random weights, {batch} random images of 2 x 3 pixels"
    with unchanged(case, x=x):
        found = layer(x)
    same(found, each(lambda row: attention_of(layer, row), x), case, **near)


def skips_of(found, case):
    """The two parts of what encode gives."""
    expect(found is not None, f"{case}: yours is None: is the return missing?")
    pair = isinstance(found, tuple | list) and len(found) == 2
    expect(pair, f"{case}: yours is {show(found)}, expected two things: h and a list of skips")
    kinds = f"a {type(found[0]).__name__} and a {type(found[1]).__name__}"
    expect(
        isinstance(found[1], tuple | list), f"{case}: yours gives {kinds}, expected h, a tensor, and a list of skips"
    )
    return found[0], list(found[1])


@pytest.mark.exercise("SimpleUNet.encode")
def test_encode_by_hand(lesson):
    """A block that adds 1, a convolution that halves the size, blocks that add 10 and 100: 5 becomes 6, 16, 116."""
    network = blank(lesson.SimpleUNet(channels=(8, 16), blocks=(1, 2)))
    passes_on(network.down[1])
    for place, what in [(0, 1.0), (2, 10.0), (3, 100.0)]:
        nn.init.constant_(network.down[place].conv2.bias, what)
    case = "blocks that add 1, 10 and 100, images that are 5"
    h, skips = skips_of(network.encode(constant(5, 1, 8, 2, 2), torch.zeros(1, 32)), case)
    same(len(skips), 3, f"{case}, number of skips")
    for number, (skip, expected) in enumerate(
        zip(skips, [constant(6, 1, 8, 2, 2), constant(16, 1, 16, 1, 1), constant(116, 1, 16, 1, 1)], strict=True)
    ):
        same(skip, expected, f"{case}, skip {number}", **near)
    same(h, constant(116, 1, 16, 1, 1), f"{case}, h", **near)


@pytest.mark.exercise("SimpleUNet.encode")
@given(examples=4, seed=seeds, side=sides, batch=st.integers(1, 2))
def test_encode_follows_the_layers(lesson, seed, side, batch):
    network, h, time = small(lesson, seed), draw(batch, 8, side, side, seed=seed), draw(batch, 32, seed=seed + 1)
    case = f"two sizes with 1 and 2 blocks, random weights, {batch} random images of {side} x {side} pixels"
    with unchanged(case, h=h, time=time):
        bottom, skips = skips_of(network.encode(h, time), case)
    same(len(skips), 3, f"{case}, number of skips")
    for number, skip in enumerate(skips):
        expected = each(lambda *rows, number=number: down_of(network, *rows)[1][number], h, time)
        same(skip, expected, f"{case}, skip {number}", **near)
    same(bottom, each(lambda *rows: down_of(network, *rows)[0], h, time), f"{case}, h", **near)


@pytest.mark.exercise("SimpleUNet.decode")
def test_decode_by_hand(lesson):
    """Blocks that give 10 * h + skip, so that the digits of the result tell the order: 1, then 3, then 2 is 132."""
    network = blank(lesson.SimpleUNet(channels=(8,), blocks=(2,), attention=False))
    for block in network.up:
        for channel in range(8):
            block.shortcut.weight.data[channel, channel] = 10.0
            block.shortcut.weight.data[channel, 8 + channel] = 1.0
    skips = [constant(2, 1, 8, 2, 2), constant(3, 1, 8, 2, 2)]
    found = network.decode(constant(1, 1, 8, 2, 2), skips, torch.zeros(1, 32))
    same(found, constant(132, 1, 8, 2, 2), "h = 1, skips = [2, 3], blocks that give 10 * h + skip", **near)


@pytest.mark.exercise("SimpleUNet.decode")
@given(examples=4, seed=seeds, side=sides, batch=st.integers(1, 2))
def test_decode_follows_the_layers(lesson, seed, side, batch):
    network, time = small(lesson, seed), draw(batch, 32, seed=seed)
    h, *skips = (draw(batch, 16, side // 2, side // 2, seed=seed + place) for place in (1, 2, 3))
    skips = [draw(batch, 8, side, side, seed=seed + 4), *skips]
    case = f"two sizes with 1 and 2 blocks, random weights, skips of {side} x {side} and twice half that"
    expected = each(lambda h, time, *skips: up_of(network, h, skips, time), h, time, *skips)
    with unchanged(case, h=h, time=time, **{f"skip {number}": skip for number, skip in enumerate(skips)}):
        found = network.decode(h, list(skips), time)
    same(found, expected, case, **near)


@pytest.mark.exercise("SimpleUNet.forward")
def test_network_by_hand(lesson):
    """All parts pass on what they get: what is left is folding, the last norm and SiLU, and unfolding.

    Folded, 2 x 4 pixels are four channels of two positions. In each the norm makes the larger 1 and the smaller -1,
    and SiLU makes these 0.7311 and -0.2689.
    """
    network = blank(lesson.SimpleUNet(channels=(8,), blocks=(0,)))
    passes_on(network.conv_in)
    passes_on(network.conv_out)
    x = torch.tensor([[1.0, 2.0, 5.0, 7.0], [8.0, 6.0, 3.0, 1.0]])[None, None]
    low, high = -1 / (1 + math.exp(1)), 1 / (1 + math.exp(-1))
    expected = torch.tensor([[low, low, high, high], [high, high, low, low]])[None, None]
    case = "pixels ((1, 2, 5, 7), (8, 6, 3, 1)), layers that pass on what they get"
    same(network(x, torch.tensor([0])), expected, case, **near)


@pytest.mark.exercise("SimpleUNet.forward")
@given(examples=4, seed=seeds, steps=st.lists(st.integers(0, 300), min_size=1, max_size=3))
def test_network_follows_its_layers(lesson, seed, steps):
    network, t, x_t = small(lesson, seed), torch.tensor(steps), draw(len(steps), 1, 8, 4, seed=seed)
    case = f"random weights, random images of 8 x 4 pixels, t = {tuple(steps)}"
    with unchanged(case, x_t=x_t, t=t):
        found = network(x_t, t)
    expected = torch.stack([network_of(network, x.double(), step) for x, step in zip(x_t, steps, strict=True)]).float()
    same(found, expected, case, rtol=1e-3, atol=1e-3)  # an angle of 300 has lost two digits in float32


@pytest.mark.exercise("SimpleUNet.forward")
@pytest.mark.parametrize("shape", [(8, 10), (6, 8)], ids=["width", "height"])
def test_network_refuses_sizes_that_cannot_be_halved(lesson, shape):
    network = small(lesson)
    with refused(f"2 x 2 pixels folded and halved once, images of {shape[0]} x {shape[1]} pixels"):
        network(torch.zeros(1, 1, *shape), torch.tensor([0]))


@pytest.mark.chain
def test_every_parameter_of_your_network_learns(lesson):
    network = awake(lesson.SimpleUNet(channels=(16, 16), blocks=(1, 1)))
    network(draw(2, 1, 8, 8), torch.tensor([3, 90])).square().sum().backward()
    idle = [name for name, p in network.named_parameters() if p.grad is None or not bool(p.grad.any())]
    expect(not idle, f"these get no gradient, so they will never learn: {', '.join(idle[:3])}")


@pytest.mark.chain
def test_images_are_told_apart_by_their_own_step_alone(lesson):
    """The same image three times, with two steps: who has the same step gets the same answer, whoever is beside it."""
    network, x_t = small(lesson), draw(1, 1, 8, 8)
    found = network(x_t.expand(3, -1, -1, -1), torch.tensor([5, 80, 5]))
    same(found[2], found[0], "one image at t = (5, 80, 5), third answer and first", **near)
    same(network(x_t, torch.tensor([80]))[0], found[1], "one image at t = 80, alone and beside others", **near)
    expect((found[0] - found[1]).abs().max() > 1e-2, "one image at t = 5 and t = 80: the answers do not differ")


@pytest.mark.chain
def test_your_network_learns_to_name_your_noise(chain):
    """Your schedule, your noising, your network: it starts by answering 0, and a few steps later it knows better."""
    schedule = chain.schedule.make_schedule("cosine", 100)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = chain.unet.SimpleUNet(channels=(8, 16), blocks=(1, 1))
    x0 = torch.ones(8, 1, 8, 8)
    x0[:, :, :, 4:] = -1.0
    noise, t = draw(8, 1, 8, 8), torch.arange(10, 90, 10)
    x_t = chain.noising.q_sample(x0, t, noise, schedule)
    same(network(x_t, t), torch.zeros_like(x_t), "a network that has learned nothing yet", atol=1e-6)
    losses = []
    for _ in range(12):
        loss = (network(x_t, t) - noise).square().mean()
        network.zero_grad()
        loss.backward()
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter.data -= 0.5 * parameter.grad
        losses.append(loss.item())
    case = "12 steps of training on 8 images"
    expect(losses[-1] < 0.7 * losses[0], f"{case}: the loss went from {losses[0]:.3g} to {losses[-1]:.3g} only")
