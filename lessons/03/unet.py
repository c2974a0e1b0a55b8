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
    # 1. the rates: dim / 2 numbers, the first is 1, each smaller than the one before by the same factor
    # 2. the angles: each t times each rate, (B, dim / 2)
    # 3. all cosines, then all sines, side by side: one row a timestep
    raise NotImplementedError("lesson 03: timestep_embedding")


def zeroed(module: nn.Conv2d) -> nn.Conv2d:
    """The same convolution, its weights and biases set to zero; training moves them away from there.

    A branch that ends in it adds nothing at first, so that a deep network starts as a shallow one.
    """
    # 1. every parameter of the convolution, weight and bias: filled with zeros, in place
    # 2. the convolution itself, so that it can be used where it is made: zeroed(nn.Conv2d(...))
    raise NotImplementedError("lesson 03: zeroed")


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
        # 1. norm1, SiLU, conv1
        # 2. self.time makes 2 * out_channels numbers an image: first the scales, then the shifts
        # 3. give them the shape (B, out_channels, 1, 1), so that each speaks for a whole channel
        # 4. norm2, scale and shift: in which order is the time heard, and what must a scale of 0 do?
        # 5. SiLU, conv2, and the input added, which goes through self.shortcut
        raise NotImplementedError("lesson 03: ResidualBlock.forward")


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
        # 1. norm, then self.qkv: three times the channels, first q, then k, then v
        # 2. make each a list of positions: (B, H * W, C)
        # 3. every position asks every other: softmax(q k^T / sqrt(C)) v, within its own image
        # 4. back to the shape of x, through self.out, and added to x
        raise NotImplementedError("lesson 03: SelfAttention.forward")


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
        # 1. go through self.down: a ResidualBlock takes h and time, any other layer only h
        # 2. keep what comes out of each ResidualBlock: these are the skips
        # 3. h and the list of skips
        raise NotImplementedError("lesson 03: SimpleUNet.encode")

    def decode(self, h: Tensor, skips: list[Tensor], time: Tensor) -> Tensor:
        """The way up: through every layer of `up`; each residual block gets h and its skip, side by side.

        Args:
            h: what comes from the bottom; its channels come first.
            skips: as from encode; each is used once, by the block that has its size.
            time: (B, time_dim).

        Returns:
            (B, channels[0], H, W). By hand: h = 1, skips = [2, 3] and two blocks that give 10 * h + skip: 132.
        """
        # 1. go through self.up: a ResidualBlock takes time as well, any other layer only h
        # 2. before each ResidualBlock, put one skip behind h, so that no number is lost; which one?
        # 3. what comes out at the top
        raise NotImplementedError("lesson 03: SimpleUNet.decode")

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        """Predict the noise in (B, C, H, W) images x_t, each noised to its step in t, (B,) int64.

        Raises:
            ValueError: if H or W is not divisible by fold * 2 ** (sizes - 1), so that halving leaves a rest.
        """
        # 1. refuse images whose height or width self.divisor does not divide
        # 2. time: the embedding of t, self.time_dim wide, through self.time_mlp
        # 3. fold self.fold x self.fold pixels into channels (F.pixel_unshuffle), conv_in
        # 4. encode; at the bottom middle1, attention, middle2; decode
        # 5. norm_out, SiLU, conv_out, and unfold the pixels (F.pixel_shuffle)
        raise NotImplementedError("lesson 03: SimpleUNet.forward")
