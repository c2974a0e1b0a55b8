"""Checks lesson 03. Expected values are computed in float64, image by image, not by the reference."""

import copy
import math

import pytest
import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from cdm_tutor.course.batteries.unet import awake, draw
from cdm_tutor.course.checks import (
    expect,
    given,
    keeps,
    layouts,
    on_other_device,
    own_memory,
    refused,
    same,
    same_slope,
    show,
    unchanged,
)
from cdm_tutor.course.outcomes import Wrong

NETWORKS = {  # as many kinds as the arguments allow, each with the height and width of its images
    "two sizes": ({"channels": (8, 16), "blocks": (1, 2)}, (8, 4)),
    "three sizes, three channels, no folding": (
        {"in_channels": 3, "channels": (8, 8, 16), "blocks": (1, 2, 1), "fold": 1},
        (4, 8),
    ),
    "one size, two channels, no attention": (
        {"in_channels": 2, "channels": (16,), "blocks": (2,), "attention": False},
        (4, 6),
    ),
    "4 x 4 pixels folded": ({"channels": (8, 16), "blocks": (2, 1), "fold": 4}, (16, 16)),
}
each_network = pytest.mark.parametrize("kind", NETWORKS)
seeds = st.integers(0, 99)
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
    """One image: eight groups of channels, each brought to mean 0 and standard deviation 1."""
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


def folded(x, side):
    """One image: of each square of pixels one channel for each place in it, row by row."""
    return torch.stack([x[c, row::side, column::side] for c in range(len(x)) for row, column in places(side)])


def unfolded(h, side):
    """What undoes folded."""
    x = h.new_empty(len(h) // side**2, h.shape[1] * side, h.shape[2] * side)
    for number, values in enumerate(h.detach()):
        row, column = places(side)[number % side**2]
        x[number // side**2, row::side, column::side] = values
    return x


def places(side):
    return [(row, column) for row in range(side) for column in range(side)]


def network_of(network, x, t):
    """What the network should give for one image."""
    half = network.time_dim // 2
    angles = [t * 10000 ** (-i / half) for i in range(half)]
    time = torch.tensor([*map(math.cos, angles), *map(math.sin, angles)], dtype=torch.float64)
    time = silu(linear(silu(linear(time, network.time_mlp[0])), network.time_mlp[2]))
    h, skips = down_of(network, convolved(folded(x, network.fold), network.conv_in), time)
    h = block_of(network.middle1, h, time)
    h = h if isinstance(network.attention, nn.Identity) else attention_of(network.attention, h)
    h = up_of(network, block_of(network.middle2, h, time), skips, time)
    return unfolded(convolved(silu(normed(h, network.norm_out)), network.conv_out), network.fold)


def each(make, *batches):
    """What should come of a batch: each image by itself, in float64."""
    return torch.stack([make(*rows) for rows in zip(*(batch.double() for batch in batches), strict=True)]).float()


def small(lesson, seed=0):
    """A network of two sizes, one block at the upper and two at the lower, with no zeros in it."""
    return awake(lesson.SimpleUNet(channels=(8, 16), blocks=(1, 2)), seed)


def made(lesson, kind, seed=0):
    """A network of that kind with no zeros in it, and in words; the height and width of its images."""
    options, shape = NETWORKS[kind]
    words = ", ".join(f"{name}={value}" for name, value in options.items())
    return awake(lesson.SimpleUNet(**options), seed), f"SimpleUNet({words}) with random weights", shape


def in_all_layouts(call, x, case):
    """The same numbers in another order of memory must give the same."""
    expected = call(x)
    for layout, tensor in layouts(x).items():
        same(call(tensor), expected, f"{case}, the input in memory as {layout}", **near)


def leaves_no_trace(network, call, other, case):
    """Asked, asked something else and asked again, it gives the same: nothing of a call stays on the network."""
    parts, names = list(network.parameters()), list(network.state_dict())
    first = flat(call())
    before = [tensor.clone() for tensor in first]
    other()
    for mine, theirs in zip(flat(call()), before, strict=True):
        same(mine, theirs, f"{case}, asked again after it was asked something else", **near)
    for mine, theirs in zip(first, before, strict=True):
        same(mine, theirs, f"{case}, what the first call gave, after another", rtol=0.0, atol=0.0)
    kept = len(parts) == len(list(network.parameters())) and all(
        mine is theirs for mine, theirs in zip(network.parameters(), parts, strict=True)
    )
    expect(kept, f"{case}: the call replaces layers of the network by others: an optimizer still holds the old ones")
    same(list(network.state_dict()), names, f"{case}, the names in state_dict() after a call")
    expect(network.training, f"{case}: the call switches the network out of training: that is for the caller to do")
    try:
        copy.deepcopy(network)
    except Exception as error:
        raise Wrong(f"{case}: after a call it cannot be copied any more: what is kept on self? ({error})") from error
    network.eval()
    for mine, theirs in zip(flat(call()), before, strict=True):
        same(mine, theirs, f"{case}, after network.eval()", **near)


def flat(found):
    """The tensors in a result."""
    return [found] if isinstance(found, torch.Tensor) else [tensor for part in found for tensor in flat(part)]


def weighed(found):
    """One number that depends on each number of a result, on each in another way."""
    return sum((tensor * draw(*tensor.shape, seed=place)).sum() for place, tensor in enumerate(flat(found), start=90))


def gradients_flow(call, groups, case):
    """What the call gives must pass on gradients to each group of parameters or inputs."""
    text = "what comes back has no gradients at all: is something detached, or under no_grad?"
    expect(weighed(call()).requires_grad, f"{case}: {text}")
    for name, parameters in groups.items():
        same_slope(lambda: weighed(call()), parameters, f"{case}, gradient of {name}")


def layers_of(module):
    """The parameters of each layer in it."""
    layers = {f"its layer {name}": list(layer.parameters()) for name, layer in module.named_children()}
    return {name: parameters for name, parameters in layers.items() if parameters}


@pytest.mark.exercise("timestep_embedding")
def test_embedding_by_hand(lesson):
    """dim = 4 has the rates 1 and 1 / 100: at t = 0 no hand has moved, at t = 50 the slow one by half a radian."""
    rows = lesson.timestep_embedding(torch.tensor([0, 50]), 4)
    expected = [[1.0, 1.0, 0.0, 0.0], [math.cos(50), math.cos(0.5), math.sin(50), math.sin(0.5)]]
    same(rows, torch.tensor(expected), "t = (0, 50), dim = 4", atol=1e-4)


@pytest.mark.exercise("timestep_embedding")
@given(
    steps=st.lists(st.integers(0, 999) | st.sampled_from([1000, 1025, 2049, 9999]), min_size=1, max_size=5),
    dim=st.sampled_from([4, 6, 32, 2]),
)
def test_embedding_follows_the_formula(lesson, steps, dim):
    """Also for schedules of more than 1000 steps. An angle of t has a rounding error that grows with t."""
    t, case = torch.tensor(steps), f"t = {tuple(steps)}, dim = {dim}"
    with unchanged(case, t=t):
        rows = lesson.timestep_embedding(t, dim)
    angles = [[step * 10000 ** (-2 * i / dim) for i in range(dim // 2)] for step in steps]
    expected = torch.tensor([[*map(math.cos, row), *map(math.sin, row)] for row in angles])
    same(rows, expected, case, rtol=0.0, atol=2e-4 + 3e-7 * max(steps))


@pytest.mark.exercise("timestep_embedding")
def test_embedding_gives_each_timestep_its_own_row(lesson):
    """Whatever was asked before or stands beside it, and wherever it is."""
    t, other = torch.tensor([7, 450, 7]), torch.tensor([7, 30, 8])
    rows = lesson.timestep_embedding(t, 8)
    keeps(rows, "t = (7, 450, 7) and then (7, 30, 8)", lambda: lesson.timestep_embedding(other, 8))
    same(rows[2], rows[0], "t = (7, 450, 7), dim = 8, third row and first", atol=1e-6)
    rows = lesson.timestep_embedding(other, 8)
    for place, step in enumerate(other.tolist()):
        alone = lesson.timestep_embedding(torch.tensor([step]), 8)
        same(rows[place], alone[0], f"dim = 8, t = {step} beside others and alone", atol=1e-6)
    on_other_device(lambda move: lesson.timestep_embedding(move(t), 8), "t = (7, 450, 7), dim = 8")


@pytest.mark.exercise("zeroed")
def test_zeroed_by_hand(lesson):
    """Nothing in, nothing out; anything in, nothing out: both the weights and the biases are 0."""
    conv = lesson.zeroed(awake(nn.Conv2d(2, 3, 1)))
    expect(conv is not None, "zeroed(a convolution) is None: is the return missing?")
    expect(isinstance(conv, nn.Conv2d), f"zeroed(a convolution): expected the convolution, yours is {conv!r:.60}")
    same(conv.weight, torch.zeros(3, 2, 1, 1), "zeroed(a convolution of 2 to 3 channels), weight", atol=0.0)
    same(conv.bias, torch.zeros(3), "zeroed(a convolution of 2 to 3 channels), bias", atol=0.0)


@pytest.mark.exercise("zeroed")
@given(examples=5, channels=st.integers(1, 9), size=st.sampled_from([1, 3]))
def test_zeroed_can_still_learn(lesson, channels, size):
    given_conv = nn.Conv2d(channels, 2, size, stride=2, padding=size // 2)
    conv = lesson.zeroed(given_conv)
    case = f"zeroed(a {size} x {size} convolution of {channels} to 2 channels)"
    expect(isinstance(conv, nn.Conv2d), f"{case}: expected the convolution, yours is {conv!r:.60}")
    expect(conv is given_conv, f"{case}: expected the same convolution, yours is another one")
    out = conv(draw(1, channels, 4, 4))
    same(out, torch.zeros(1, 2, 2, 2), f"{case}, output")
    expect(out.requires_grad, f"{case}: the weights are switched off for training")
    (out * draw(1, 2, 2, 2, seed=2)).sum().backward()
    for name, parameter in conv.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.any())
        expect(learns, f"{case}: its {name} gets no gradient, so it will never learn")
        expect(parameter.is_leaf, f"{case}: its {name} is computed from something else: no optimizer takes it")
        step = draw(*parameter.shape, seed=3)
        with torch.no_grad():
            try:
                parameter.add_(step)
            except RuntimeError as error:
                raise Wrong(f"{case}: a step of training on its {name} fails: {str(error).splitlines()[0]}") from error
        same(parameter.detach(), step, f"{case}, its {name} after a step of training")


@pytest.mark.exercise("zeroed")
def test_zeroed_leaves_each_convolution_its_own(lesson):
    """Two of the same size share nothing; and what is on a GPU stays there."""
    first, second = lesson.zeroed(nn.Conv2d(2, 2, 1)), lesson.zeroed(nn.Conv2d(2, 2, 1))
    expect(isinstance(first, nn.Conv2d) and isinstance(second, nn.Conv2d), "zeroed(a convolution) is no convolution")
    for name in ("weight", "bias"):
        case = f"zeroed of two convolutions of 2 to 2 channels, {name} of the second"
        own_memory(getattr(second, name).detach(), case, **{f"{name} of the first": getattr(first, name).detach()})

    def parameters(move):
        conv = lesson.zeroed(move(nn.Conv2d(2, 2, 1)))
        return [conv.weight.detach(), conv.bias.detach()]

    on_other_device(parameters, "zeroed(a convolution of 2 to 2 channels)")


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


@pytest.mark.exercise("ResidualBlock.forward")
@pytest.mark.parametrize("sizes", [(16, 16), (16, 8)], ids=["as wide", "narrower"])
def test_block_is_a_layer_like_any_other(lesson, sizes):
    """In any order of memory, on any device, in training and out of it, and every gradient flows."""
    block = awake(lesson.ResidualBlock(*sizes, 5))
    x, time, case = draw(2, 16, 3, 4), draw(2, 5, seed=2), f"ResidualBlock({sizes[0]}, {sizes[1]}, 5)"
    leaves_no_trace(block, lambda: block(x, time), lambda: block(-x, time + 1), case)
    in_all_layouts(lambda x: block(x, time), x, case)
    own_memory(block(x, time).detach(), case, x=x, time=time)
    on_other_device(lambda move: move(block)(move(x), move(time)), case)
    inputs = {"x": [x.requires_grad_()], "time": [time.requires_grad_()]}
    gradients_flow(lambda: block(x, time), inputs | layers_of(block), case)


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
    x = torch.tensor([-1.0, 1.0]).expand(1, 8, 1, 2)
    expected = 1.5 * x
    found = layer(x.clone())
    same(found, expected, "pixels (-1, 1) that listen with 3/4 to themselves, 1/4 to each other", **near)
    with torch.no_grad():
        layer.qkv.weight[:16] *= 20
    same(layer(x.clone()), 2 * x, "pixels (-1, 1), scores of 219 for themselves and -219 for each other", **near)


@pytest.mark.exercise("SelfAttention.forward")
@given(
    examples=5,
    seed=seeds,
    channels=st.sampled_from([8, 16, 24]),
    batch=st.integers(1, 3),
    shape=st.sampled_from([(2, 3), (5, 4)]),
)
def test_attention_follows_the_formula(lesson, seed, channels, batch, shape):
    layer, x = awake(lesson.SelfAttention(channels), seed), draw(batch, channels, *shape, seed=seed)
    case = f"SelfAttention({channels}) with random weights, {batch} random images of {shape[0]} x {shape[1]} pixels"
    with unchanged(case, x=x):
        found = layer(x)
    same(found, each(lambda row: attention_of(layer, row), x), case, **near)


@pytest.mark.exercise("SelfAttention.forward")
def test_attention_is_a_layer_like_any_other(lesson):
    """In any order of memory, on any device, in training and out of it, and every gradient flows."""
    layer, x, case = awake(lesson.SelfAttention(16)), draw(2, 16, 3, 4), "SelfAttention(16)"
    leaves_no_trace(layer, lambda: layer(x), lambda: layer(-x), case)
    in_all_layouts(layer, x, case)
    own_memory(layer(x).detach(), case, x=x)
    on_other_device(lambda move: move(layer)(move(x)), case)
    gradients_flow(lambda: layer(x), {"x": [x.requires_grad_()]} | layers_of(layer), case)


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
    network = blank(lesson.SimpleUNet(channels=(8, 16), blocks=(1, 0)))
    h, _ = skips_of(network.encode(constant(5, 1, 8, 2, 2), torch.zeros(1, 32)), case)
    same(tuple(h.shape), (1, 16, 1, 1), "no block after the convolution that halves the size: the shape of h")


@pytest.mark.exercise("SimpleUNet.encode")
@each_network
@given(examples=3, seed=seeds, batch=st.integers(1, 3))
def test_encode_follows_the_layers(lesson, kind, seed, batch):
    network, case, (height, width) = made(lesson, kind, seed)
    height, width, channels = height // network.fold, width // network.fold, network.conv_in.out_channels
    h, time = draw(batch, channels, height, width, seed=seed), draw(batch, network.time_dim, seed=seed + 1)
    case += f", {batch} random images of {height} x {width} positions"
    with unchanged(case, h=h, time=time):
        bottom, skips = skips_of(network.encode(h, time), case)
    expected = [down_of(network, *rows) for rows in zip(h.double(), time.double(), strict=True)]
    same(len(skips), len(expected[0][1]), f"{case}, number of skips")
    for number, skip in enumerate(skips):
        same(skip, torch.stack([row[1][number] for row in expected]).float(), f"{case}, skip {number}", **near)
    same(bottom, torch.stack([row[0] for row in expected]).float(), f"{case}, h", **near)


@pytest.mark.exercise("SimpleUNet.encode")
def test_encode_is_a_layer_like_any_other(lesson):
    """In any order of memory, on any device, in training and out of it, and every gradient flows."""
    network, case = small(lesson), "two sizes with 1 and 2 blocks"
    h, time = draw(2, 8, 4, 6), draw(2, 32, seed=2)
    skips_of(network.encode(h, time), case)
    leaves_no_trace(network, lambda: network.encode(h, time), lambda: network.encode(-h[:1], time[:1]), case)
    for number in range(4):
        where = f"{case}, {'h' if number == 3 else f'skip {number}'}"
        in_all_layouts(
            lambda h, number=number: [*network.encode(h, time)[1], network.encode(h, time)[0]][number], h, where
        )
    for number, skip in enumerate(network.encode(h, time)[1]):
        own_memory(skip.detach(), f"{case}, skip {number}", h=h)
    on_other_device(lambda move: flat(move(network).encode(move(h), move(time))), case)
    groups = {
        "h": [h.requires_grad_()],
        "time": [time.requires_grad_()],
        "the layers of down": list(network.down.parameters()),
    }
    gradients_flow(lambda: network.encode(h, time), groups, case)
    for number in range(3):
        same_slope(
            lambda number=number: weighed(network.encode(h, time)[1][number]),
            [h],
            f"{case}, gradient of h in skip {number}",
        )


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


def on_the_way_up(network, shape, batch, seed):
    """What decode may be handed: h and time, and the skips, all random."""
    skips, (height, width) = [], (side // network.fold for side in shape)
    for layer in network.down:
        if isinstance(layer, nn.Conv2d):
            height, width = height // 2, width // 2
        else:
            skips.append(draw(batch, layer.conv2.out_channels, height, width, seed=seed + 2 + len(skips)))
    h = draw(batch, network.middle2.conv2.out_channels, height, width, seed=seed)
    return h, skips, draw(batch, network.time_dim, seed=seed + 1)


@pytest.mark.exercise("SimpleUNet.decode")
@each_network
@given(examples=3, seed=seeds, batch=st.integers(1, 3))
def test_decode_follows_the_layers(lesson, kind, seed, batch):
    network, case, shape = made(lesson, kind, seed)
    h, skips, time = on_the_way_up(network, shape, batch, seed)
    case += f", {batch} random images, skips of {', '.join(f'{skip.shape[2]} x {skip.shape[3]}' for skip in skips)}"
    expected = each(lambda h, time, *skips: up_of(network, h, skips, time), h, time, *skips)
    with unchanged(case, h=h, time=time, **{f"skip {number}": skip for number, skip in enumerate(skips)}):
        found = network.decode(h, list(skips), time)
    same(found, expected, case, **near)


@pytest.mark.exercise("SimpleUNet.decode")
def test_decode_is_a_layer_like_any_other(lesson):
    """In any order of memory, on any device, in training and out of it, and every gradient flows."""
    network, case = small(lesson), "two sizes with 1 and 2 blocks"
    h, skips, time = on_the_way_up(network, (8, 12), 2, 0)
    used, others = [skip * torch.ones(1, requires_grad=True) for skip in skips], [-skip[:1] for skip in skips]
    leaves_no_trace(
        network, lambda: network.decode(h, list(used), time), lambda: network.decode(-h[:1], others, time[:1]), case
    )
    with torch.no_grad():
        found = network.decode(h, list(skips), time)
        keeps(found, f"{case}, h and then -h", lambda: network.decode(-h, list(skips), time))
    in_all_layouts(lambda h: network.decode(h, list(skips), time), h, case)
    in_all_layouts(lambda skip: network.decode(h, [skip, *skips[1:]], time), skips[0], f"{case}, skip 0")

    def elsewhere(move):
        return move(network).decode(move(h), [move(skip) for skip in skips], move(time))

    on_other_device(elsewhere, case)
    inputs = {"h": [h.requires_grad_()], "time": [time.requires_grad_()]}
    inputs |= {f"skip {number}": [skip.requires_grad_()] for number, skip in enumerate(skips)}
    layers = {"the layers of up": list(network.up.parameters())}
    gradients_flow(lambda: network.decode(h, list(skips), time), inputs | layers, case)


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
@each_network
@given(examples=2, seed=seeds, steps=st.lists(st.integers(0, 300), min_size=1, max_size=3))
def test_network_follows_its_layers(lesson, kind, seed, steps):
    """Images far off the scale of [-1, 1] as well, and answers as large: nothing limits them."""
    network, case, shape = made(lesson, kind, seed)
    with torch.no_grad():
        network.conv_out.weight *= 10
    t, x_t = (
        torch.tensor(steps),
        4 * draw(len(steps), network.conv_in.in_channels // network.fold**2, *shape, seed=seed),
    )
    case += f", random images of {shape[0]} x {shape[1]} pixels, t = {tuple(steps)}"
    with unchanged(case, x_t=x_t, t=t):
        found = network(x_t, t)
    expected = torch.stack([network_of(network, x.double(), step) for x, step in zip(x_t, steps, strict=True)]).float()
    same(found, expected, case, rtol=1e-3, atol=1e-2)  # an angle of 300 has lost two digits in float32


@pytest.mark.exercise("SimpleUNet.forward")
def test_network_tells_each_image_its_own_step(lesson):
    """The same image at many steps: as many answers, and each as if it were alone."""
    network, steps = small(lesson), [5, 80, 5, 999, 1500, 4000, 7, 30, 200, 650, 2]
    x_t = draw(1, 1, 8, 12)
    found = network(x_t.expand(len(steps), -1, -1, -1), torch.tensor(steps))
    case = f"one image at t = {tuple(steps)}"
    same(found[2], found[0], f"{case}, third answer and first", **near)
    for place, step in enumerate(steps):
        same(found[place], network(x_t, torch.tensor([step]))[0], f"{case}, t = {step} beside others and alone", **near)
        for other in range(place):
            if steps[other] != step:
                unlike = (found[place] - found[other]).abs().max() > 1e-2
                expect(unlike, f"{case}: the answers at {steps[other]} and {step} do not differ")


@pytest.mark.exercise("SimpleUNet.forward")
def test_network_is_a_layer_like_any_other(lesson):
    """In any order of memory, on any device, in training and out of it, and every gradient flows."""
    network = awake(lesson.SimpleUNet(in_channels=3, channels=(8, 16), blocks=(1, 1)))
    case, x_t, t = "two sizes with 1 and 1 block, images of 3 channels", draw(2, 3, 8, 12), torch.tensor([370, 3])
    leaves_no_trace(network, lambda: network(x_t, t), lambda: network(-x_t, t.flip(0)), case)
    in_all_layouts(lambda x_t: network(x_t, t), x_t, case)
    on_other_device(lambda move: move(network)(move(x_t), move(t)), case)
    gradients_flow(lambda: network(x_t, t), {"x_t": [x_t.requires_grad_()]} | layers_of(network), case)


@pytest.mark.exercise("SimpleUNet.forward")
@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("two sizes", (8, 10)),
        ("two sizes", (6, 8)),
        ("two sizes", (6, 6)),
        ("three sizes, three channels, no folding", (6, 8)),
        ("three sizes, three channels, no folding", (28, 30)),
        ("4 x 4 pixels folded", (28, 28)),
    ],
)
def test_network_refuses_sizes_that_cannot_be_halved(lesson, kind, shape):
    network, case, _ = made(lesson, kind)
    x_t = torch.zeros(1, network.conv_in.in_channels // network.fold**2, *shape)
    with refused(f"{case}, images of {shape[0]} x {shape[1]} pixels, which {network.divisor} does not divide"):
        network(x_t, torch.tensor([0]))


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
