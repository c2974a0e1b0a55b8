"""Stage 3, the network: a small U-Net that looks at a noised image and names the noise in it.

Going down it halves the image and doubles the channels, to see the whole digit at once; going up it returns to full
size, and at each size it is handed what the way down saw there (the skips). Neighbouring pixels say nearly the same,
so 2x2 pixels are first folded into channels: a quarter of the positions, several times faster on a CPU.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def timestep_embedding(t: Tensor, dim: int) -> Tensor:
    """Turn each timestep into a row of cosines and sines, from fast to slow: (B, dim) float32.

    A row is a clock with dim / 2 hands: the cosines of all their angles, then the sines of all. Hand 0 turns by one
    radian a step. Each hand is slower than the one before, always by the same factor, so that one hand more would turn
    by 1 / 10000. By hand, for dim = 4: the rates are 1 and 1 / 100, and t = 50 gives cos 50, cos 0.5, sin 50, sin 0.5.

    Near timesteps get near rows, far ones do not. Vaswani et al. 2017, section 3.5.

    Args:
        t: (B,) integer timesteps, not scaled.
        dim: the length of a row, even.
    """
    # angle_i = t * 10000 ** (-i / (dim / 2)),  i = 0 ... dim / 2 - 1
    half = dim // 2
    rates = torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)
    angles = t[:, None] * rates
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def zeroed(module: nn.Conv2d) -> nn.Conv2d:
    """The same convolution, its weights and biases set to zero; training moves them away from there.

    A branch that ends in it adds nothing at first, so that a deep network starts as a shallow one.
    """
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
    return module


class ResidualBlock(nn.Module):
    """Twice norm, SiLU, convolution, added to the input; at the second norm the timestep scales and shifts.

    Each channel has a scale and a shift of its own. Where both are 0, the timestep changes nothing.
    The last convolution starts at zero, so that the block starts as (nearly) the identity.
    Ho et al. 2020, appendix B; scale and shift: Dhariwal and Nichol 2021, section 3.
    """

    def __init__(self, in_channels: int, out_channels: int, time_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.time = nn.Linear(time_dim, 2 * out_channels)
        self.norm2 = nn.GroupNorm(8, out_channels)
        self.conv2 = zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        same = in_channels == out_channels
        self.shortcut = nn.Identity() if same else nn.Conv2d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """(B, in_channels, H, W) and (B, time_dim) to (B, out_channels, H, W).

        By hand: pixels (-1, 1) in each channel, convolutions that pass on what they get, scale 1 and shift 0.5. What
        the second norm gives is (-1, 1) again. Scaled and shifted it is (-1.5, 2.5), after SiLU (-0.27, 2.31), and the
        block gives (-1.27, 3.31).
        """
        # norm2(h) * (1 + scale) + shift
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(F.silu(h))


class SelfAttention(nn.Module):
    """Lets every position look at every other: softmax(q k^T / sqrt(C)) v, added to the input.

    One head over all channels; starts as the identity. Vaswani et al. 2017, equation 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H, W); a position is one of the H * W places of an image.

        By hand: two positions, -1 and 1 in each channel. For each, its score with itself is log 3 above that with the
        other, so it listens to itself with 3/4 and to the other with 1/4. Values and self.out pass on what they get:
        -0.5 and 0.5 are heard, and the result is -1.5 and 1.5.
        """
        q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)
        attended = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(attended.transpose(1, 2).reshape(x.shape))


class SimpleUNet(nn.Module):
    """The noise predictor: encoder, attention at the bottom, decoder with skip connections.

    Ronneberger et al. 2015, as in Ho et al. 2020, appendix B, but much smaller.

    Args:
        in_channels: channels of the images; 1 for MNIST.
        channels: width at each size, from large to small; each a multiple of 8.
        blocks: residual blocks at each size, on the way down and again on the way up.
        fold: side of the square of pixels that is folded into channels; 1 to fold nothing.
        attention: whether the bottom has self-attention.
    """

    def __init__(
        self,
        in_channels: int = 1,
        channels: tuple[int, ...] = (32, 64),
        blocks: tuple[int, ...] = (1, 2),
        fold: int = 2,
        attention: bool = True,
    ) -> None:
        super().__init__()
        self.fold = fold
        self.divisor = fold * 2 ** (len(channels) - 1)
        self.time_dim = time_dim = 4 * channels[0]
        self.time_mlp = nn.Sequential(
            nn.Linear(time_dim, time_dim), nn.SiLU(), nn.Linear(time_dim, time_dim), nn.SiLU()
        )
        self.conv_in = nn.Conv2d(in_channels * fold**2, channels[0], 3, padding=1)

        self.down = nn.ModuleList()
        above = channels[0]
        for width, count in zip(channels, blocks, strict=True):
            if self.down:
                self.down.append(nn.Conv2d(above, width, 3, stride=2, padding=1))
            self.down.extend(ResidualBlock(width, width, time_dim) for _ in range(count))
            above = width

        bottom = channels[-1]
        self.middle1 = ResidualBlock(bottom, bottom, time_dim)
        self.attention = SelfAttention(bottom) if attention else nn.Identity()
        self.middle2 = ResidualBlock(bottom, bottom, time_dim)

        self.up = nn.ModuleList()
        below = bottom
        for width, count in reversed(list(zip(channels, blocks, strict=True))):
            if self.up:
                self.up.append(nn.Upsample(scale_factor=2))
            for _ in range(count):
                self.up.append(ResidualBlock(below + width, width, time_dim))
                below = width

        self.norm_out = nn.GroupNorm(8, channels[0])
        self.conv_out = zeroed(nn.Conv2d(channels[0], in_channels * fold**2, 3, padding=1))

    def encode(self, h: Tensor, time: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The way down: through every layer of `down`, in order.

        Args:
            h: (B, channels[0], H, W).
            time: (B, time_dim), one row an image.

        Returns:
            What came out of the last layer, and the skips: what came out of each residual block, first to last.
            By hand: h = 5 and blocks that add 1, 10 and 100 give 116 and the skips 6, 16, 116.
        """
        skips = []
        for layer in self.down:
            if isinstance(layer, ResidualBlock):
                h = layer(h, time)
                skips.append(h)
            else:
                h = layer(h)
        return h, skips

    def decode(self, h: Tensor, skips: list[Tensor], time: Tensor) -> Tensor:
        """The way up: through every layer of `up`; each residual block gets h and its skip, side by side.

        Args:
            h: what comes from the bottom; its channels come first.
            skips: as from encode; each is used once, by the block that has its size.
            time: (B, time_dim).

        Returns:
            (B, channels[0], H, W). By hand: h = 1, skips = [2, 3] and two blocks that give 10 * h + skip: 132.
        """
        skips = list(skips)  # a copy: the caller's stay
        for layer in self.up:
            if isinstance(layer, ResidualBlock):
                h = layer(torch.cat([h, skips.pop()], dim=1), time)
            else:
                h = layer(h)
        return h

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predict the noise in (B, C, H, W) images x_t, each noised to its step in t, (B,) int64.

        Raises:
            ValueError: if H or W is not divisible by fold * 2 ** (sizes - 1), so that halving leaves a rest.
        """
        if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:
            raise ValueError(f"expected height and width divisible by {self.divisor}, got {tuple(x_t.shape[2:])}")
        time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))
        h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)
        h = self.middle2(self.attention(self.middle1(h, time)), time)
        h = self.decode(h, skips, time)
        return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)
