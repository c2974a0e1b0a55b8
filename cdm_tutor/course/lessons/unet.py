"""Lesson 03: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Trained

LESSON = Lesson(
    number="03",
    title="The U-Net",
    module="unet",
    about="`SimpleUNet`, the network that looks at a noised image and names the noise in it.",
    exercises=(
        Exercise(
            "timestep_embedding",
            steps=(
                "the rates: dim / 2 numbers, the first is 1, each smaller than the one before by the same factor",
                "the angles: each t times each rate, (B, dim / 2)",
                "all cosines, then all sines, side by side: one row a timestep",
            ),
            hints=(
                "After dim / 2 times the same factor, the rate would be 1 / 10000. What is the factor for dim = 4, and "
                "what for any dim?",
                "Rate i is 10000 ** (-i / (dim / 2)), for i = 0 ... dim / 2 - 1: torch.arange(dim // 2), on the device "
                "of t. A column of timesteps, (B, 1), times a row of rates gives all angles at once.",
                "rates = torch.exp(-math.log(10000) * i / half), where i is torch.arange(half, device=t.device); "
                "angles = t[:, None] * rates; then torch.cat of their cosines and their sines along dim=1.",
            ),
            minutes=5,
            scenes=(Trained(),),
        ),
        Exercise(
            "zeroed",
            steps=(
                "every parameter of the convolution, weight and bias: filled with zeros, in place",
                "the convolution itself, so that it can be used where it is made: zeroed(nn.Conv2d(...))",
            ),
            hints=(
                "A block gives its input plus its own branch. What does it give if the branch ends in zeros, and is "
                "that a good place to start from?",
                "module.parameters() gives the weight and the bias. Set their values; do not replace them, and leave "
                "them free to be trained.",
                "In a loop over module.parameters(), nn.init.zeros_ each; then return module.",
            ),
            minutes=2,
            scenes=(Trained(),),
        ),
        Exercise(
            "ResidualBlock.forward",
            steps=(
                "norm1, SiLU, conv1",
                "self.time makes 2 * out_channels numbers an image: first the scales, then the shifts",
                "give them the shape (B, out_channels, 1, 1), so that each speaks for a whole channel",
                "norm2, scale and shift: in which order is the time heard, and what must a scale of 0 do?",
                "SiLU, conv2, and the input added, which goes through self.shortcut",
            ),
            hints=(
                "The second norm brings every group of channels to mean 0 and standard deviation 1. Must the timestep "
                "speak before that or after it, if it is to be heard?",
                "norm2(h) * (1 + scale) + shift. [:, :, None, None] turns (B, C) into (B, C, 1, 1), and chunk(2, "
                "dim=1) halves the channels. The block is asked for what to add to x, so x comes back in at the end.",
                "h = self.conv1(F.silu(self.norm1(x))); scale and shift are the halves of self.time(time); after "
                "self.norm2(h) is scaled and shifted, add self.conv2(F.silu(h)) to self.shortcut(x).",
            ),
            minutes=6,
            scenes=(Trained(),),
        ),
        Exercise(
            "SelfAttention.forward",
            steps=(
                "norm, then self.qkv: three times the channels, first q, then k, then v",
                "make each a list of positions: (B, H * W, C)",
                "every position asks every other: softmax(q k^T / sqrt(C)) v, within its own image",
                "back to the shape of x, through self.out, and added to x",
            ),
            hints=(
                "Who looks at whom: channels at channels, images at images, or positions at positions? Which axis "
                "must then be the list?",
                "flatten(2) joins height and width, transpose(1, 2) puts the positions before the channels, and on "
                "the way back both are undone. A reshape alone exchanges no axes: it only counts through the numbers.",
                "q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2); "
                "F.scaled_dot_product_attention does the formula; transpose back before reshape(x.shape).",
            ),
            minutes=6,
            scenes=(Trained(),),
        ),
        Exercise(
            "SimpleUNet.encode",
            steps=(
                "go through self.down: a ResidualBlock takes h and time, any other layer only h",
                "keep what comes out of each ResidualBlock: these are the skips",
                "h and the list of skips",
            ),
            hints=(
                "Halving the image loses detail. From where can the way up get it back, and what must be kept for it?",
                "isinstance(layer, ResidualBlock) tells the blocks from the convolutions that halve.",
                "skips = []; in the loop, h = layer(h, time) and skips.append(h) for a block, h = layer(h) otherwise; "
                "return h, skips.",
            ),
            minutes=3,
            scenes=(Trained(),),
        ),
        Exercise(
            "SimpleUNet.decode",
            steps=(
                "go through self.up: a ResidualBlock takes time as well, any other layer only h",
                "before each ResidualBlock, put one skip behind h, so that no number is lost; which one?",
                "what comes out at the top",
            ),
            hints=(
                "The way up passes the sizes in the opposite order. Which of the skips has the size of the bottom?",
                "skips.pop() takes the last away and returns it. Side by side means along the channels, dimension 1.",
                "For a block, h = layer(torch.cat([h, skip], dim=1), time) with the skip just popped; otherwise "
                "h = layer(h).",
            ),
            minutes=3,
            scenes=(Trained(),),
        ),
        Exercise(
            "SimpleUNet.forward",
            steps=(
                "refuse images whose height or width self.divisor does not divide",
                "time: the embedding of t, self.time_dim wide, through self.time_mlp",
                "fold self.fold x self.fold pixels into channels (F.pixel_unshuffle), conv_in",
                "encode; at the bottom middle1, attention, middle2; decode",
                "norm_out, SiLU, conv_out, and unfold the pixels (F.pixel_shuffle)",
            ),
            hints=(
                "All parts are there. Which of them need to know the time, and which only the image?",
                "Every layer that __init__ makes has its place, each exactly once. Unfolding must undo exactly what "
                "folding did. Nothing limits the output: noise may be of any size.",
                "time = self.time_mlp(timestep_embedding(t, self.time_dim)); h, skips = self.encode(...), then the "
                "middle, then self.decode(h, skips, time), then out through F.pixel_shuffle(..., self.fold).",
            ),
            minutes=9,  # four of them: training it for two, and looking at what it draws
            scenes=(Trained(),),
        ),
    ),
)
