"""Known mistakes in lesson 03."""

from cdm_tutor.course.lesson import Mistake

RATES = "torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)"

MISTAKES = [
    Mistake(
        "embedding-minus-missing",
        "timestep_embedding",
        "the rates grow instead of falling",
        "The loss falls more slowly and ends higher: to the network, the timesteps look like random numbers. "
        "Strokes come out bolder.",
        "Slow hands tell near from far, the fastest tells neighbours apart. If the slowest already turns by one "
        "radian a step, all others spin too fast to be read.",
        (("torch.exp(-math.log(10000)", "torch.exp(math.log(10000)"),),
    ),
    Mistake(
        "embedding-small-base",
        "timestep_embedding",
        "the slowest rate is near 1 / 100, not near 1 / 10000",
        "None if you train from nothing; weights trained with other rates give faint outlines of strokes in specks.",
        "The formula says how slow the slowest hand is. Networks understand each other's weights only if all their "
        "clocks agree.",
        (("-math.log(10000)", "-math.log(100)"),),
    ),
    Mistake(
        "embedding-reaches-too-far",
        "timestep_embedding",
        "the last rate is 1 / 10000 itself",
        "None if you train from nothing; weights trained elsewhere draw other digits, a little bolder.",
        "i runs from 0 to dim / 2 - 1 and is divided by dim / 2, so the end is approached and never reached.",
        (("device=t.device) / half)", "device=t.device) / (half - 1))"),),
    ),
    Mistake(
        "embedding-slow-to-fast",
        "timestep_embedding",
        "the rates run from slow to fast",
        "None if you train from nothing; weights trained elsewhere give dark grey fog with bright specks.",
        "Any order would do, but it must be the one that the weights were trained with.",
        ((RATES, RATES + ".flip(0)"),),
    ),
    Mistake(
        "embedding-of-fractions",
        "timestep_embedding",
        "the timesteps are scaled to between 0 and 1 first",
        "The loss ends a little higher, and strokes come out bolder; weights trained elsewhere give dark grey fog "
        "with bright flecks, as if the network were told nothing.",
        "The rates were made for whole numbers. Between 0 and 1 even the fastest hand turns by a radian at most, and "
        "all timesteps look alike.",
        (("angles = t[:, None] * rates", "angles = t[:, None] / 1000 * rates"),),
    ),
    Mistake(
        "embedding-sines-first",
        "timestep_embedding",
        "the sines come before the cosines",
        "None if you train from nothing; weights trained elsewhere draw digits in outline, under grain.",
        "Any order would do, but it must be the one that the weights were trained with.",
        (("torch.cat([angles.cos(), angles.sin()], dim=1)", "torch.cat([angles.sin(), angles.cos()], dim=1)"),),
    ),
    Mistake(
        "embedding-interleaved",
        "timestep_embedding",
        "cosines and sines take turns",
        "None if you train from nothing; weights trained elsewhere draw digits in outline, under grain.",
        "First the cosines of all angles, then the sines of all. Putting two tables side by side is something else "
        "than shuffling them together.",
        (
            (
                "torch.cat([angles.cos(), angles.sin()], dim=1)",
                "torch.stack([angles.cos(), angles.sin()], dim=2).flatten(1)",
            ),
        ),
    ),
    Mistake(
        "embedding-of-the-first",
        "timestep_embedding",
        "every image gets the embedding of the first one's timestep",
        "The loss ends higher: most images are told the wrong noise level. Strokes come out bolder and in pieces; "
        "sampling, where all images share one step, hides the rest.",
        "Each image of the batch was noised to a step of its own. What is said of one must not depend on the others.",
        (("angles = t[:, None] * rates", "angles = t[:1].expand(len(t))[:, None] * rates"),),
    ),
    Mistake(
        "zeroed-bias-stays",
        "zeroed",
        "the bias keeps its random values",
        "None after a short training: a network that should say nothing at first says something at random, and a "
        "few steps are wasted on it.",
        "A convolution multiplies by its weight and adds its bias. To add nothing, both must be nothing.",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                "    nn.init.zeros_(module.weight)\n",
            ),
        ),
    ),
    Mistake(
        "zeroed-and-frozen",
        "zeroed",
        "the parameters are switched off for training",
        "The loss never moves: what starts at zero stays at zero.",
        "Zero is where the branch starts, not where it stays. It must be free to learn.",
        (("        nn.init.zeros_(parameter)\n", "        nn.init.zeros_(parameter).requires_grad_(False)\n"),),
    ),
    Mistake(
        "zeroed-gives-nothing",
        "zeroed",
        "the convolution is not returned",
        "No network at all: TypeError, 'NoneType' object is not callable.",
        "Where it is used, the result is kept as a layer. A function that only changes its argument leaves None there.",
        (("        nn.init.zeros_(parameter)\n    return module\n", "        nn.init.zeros_(parameter)\n"),),
    ),
    Mistake(
        "block-scale-without-one",
        "ResidualBlock.forward",
        "a scale of 0 wipes the image out",
        "Training starts more slowly, for small scales let next to nothing through, and catches up. With weights "
        "trained elsewhere, images are nearly empty.",
        "The timestep is to say how far to move away from leaving things as they are. Saying nothing must change "
        "nothing.",
        (("self.norm2(h) * (1 + scale) + shift", "self.norm2(h) * scale + shift"),),
    ),
    Mistake(
        "block-shift-first",
        "ResidualBlock.forward",
        "scale and shift are exchanged",
        "None if you train from nothing; with weights trained elsewhere, pale blotches.",
        "A linear layer's outputs have no names. Which half means what is a convention, kept by whoever made the "
        "weights.",
        (("scale, shift = self.time(time)", "shift, scale = self.time(time)"),),
    ),
    Mistake(
        "block-ignores-the-time",
        "ResidualBlock.forward",
        "the timestep has no effect",
        "The loss still falls, for the network guesses the noise level from the image, but ends higher; strokes "
        "come out bolder and in pieces. With weights trained elsewhere, outlines in specks; with several processes "
        "training stops at a parameter that is never used.",
        "The same grey patch is faint signal at one noise level and pure noise at another. The network must be told.",
        (("h = self.norm2(h) * (1 + scale) + shift", "h = self.norm2(h)"),),
    ),
    Mistake(
        "block-time-of-the-first",
        "ResidualBlock.forward",
        "all images of the batch are scaled and shifted by the first one's timestep",
        "The loss ends higher: most images are told the wrong noise level. Strokes come out bolder and in pieces; "
        "sampling, where all images share one step, hides the rest.",
        "time has a row for each image, for each was noised to a step of its own.",
        (("self.time(time)[:, :, None, None]", "self.time(time[:1])[:, :, None, None]"),),
    ),
    Mistake(
        "block-time-before-norm",
        "ResidualBlock.forward",
        "the timestep speaks before the norm, which takes it out again",
        "The loss ends a little higher: the network hardly knows the noise level. With weights trained elsewhere, "
        "bold and foggy tangles.",
        "A norm brings what it is given back to mean 0 and standard deviation 1, whatever was done to it just before.",
        (("self.norm2(h) * (1 + scale) + shift", "self.norm2(h * (1 + scale) + shift)"),),
    ),
    Mistake(
        "block-without-residual",
        "ResidualBlock.forward",
        "the input is not added",
        "The untrained network gives nothing at all and learns next to nothing: all its blocks end in zeros. The "
        "loss stays high, and samples are noise.",
        "A block says what to change about its input, not what to replace it with.",
        (("return self.shortcut(x) + self.conv2(F.silu(h))", "return self.conv2(F.silu(h))"),),
    ),
    Mistake(
        "block-shortcut-forgotten",
        "ResidualBlock.forward",
        "the input is added as it is, whatever its channels",
        "The way down works; on the way up: RuntimeError, the size of tensor a must match the size of tensor b.",
        "Two things can be added only if they have as many channels. Where a block changes their number, the input "
        "must be brought to it as well.",
        (("return self.shortcut(x) + self.conv2(F.silu(h))", "return x + self.conv2(F.silu(h))"),),
    ),
    Mistake(
        "block-second-silu-missing",
        "ResidualBlock.forward",
        "nothing bends between the second norm and the second convolution",
        "The loss ends higher, and strokes come out bolder; with weights trained elsewhere, digits burst into specks.",
        "Without a bend in between, neighbouring linear steps are one linear step.",
        (("self.conv2(F.silu(h))", "self.conv2(h)"),),
    ),
    Mistake(
        "block-statistics-of-the-batch",
        "ResidualBlock.forward",
        "mean and standard deviation are taken over the whole batch",
        "None to see when trained from nothing and sampled in a large batch; but an image changes with those that "
        "are drawn beside it. With weights trained elsewhere, white blotches.",
        "A batch mixes nearly clean images with pure noise; their common mean and standard deviation fit none of them.",
        (
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "h = F.batch_norm(h, None, None, self.norm2.weight, self.norm2.bias, training=True)\n"
                "        h = h * (1 + scale) + shift",
            ),
        ),
    ),
    Mistake(
        "attention-not-scaled",
        "SelfAttention.forward",
        "the scores are not divided by sqrt(C)",
        "Hardly any in a short training of a small network; in a larger one training stalls or jumps: each "
        "position looks at one other only and learns nothing of the rest.",
        "A sum of C products has standard deviation sqrt(C). Softmax of large numbers is all or nothing.",
        (("F.scaled_dot_product_attention(q, k, v)", "F.scaled_dot_product_attention(q, k, v, scale=1.0)"),),
    ),
    Mistake(
        "attention-over-queries",
        "SelfAttention.forward",
        "the weights sum to 1 over those who ask, not over those who are asked",
        "Hardly any in a small network, trained from nothing or elsewhere: some positions are drowned in what they "
        "hear, others hear nothing.",
        "Whoever asks takes a mean over all answers, so its own weights must sum to 1.",
        (
            (
                "F.scaled_dot_product_attention(q, k, v)",
                "torch.softmax(q @ k.transpose(1, 2) / q.shape[2] ** 0.5, dim=1) @ v",
            ),
        ),
    ),
    Mistake(
        "attention-keys-ask",
        "SelfAttention.forward",
        "queries and keys are exchanged",
        "None if you train from nothing; with weights trained elsewhere, strokes that are off by a little.",
        "A linear layer's outputs have no names. Which third means what is a convention, kept by whoever made the "
        "weights.",
        (("q, k, v = self.qkv", "k, q, v = self.qkv"),),
    ),
    Mistake(
        "attention-scrambles-positions",
        "SelfAttention.forward",
        "what was heard is put back at other positions and channels",
        "Hardly any in a small network; with weights trained elsewhere, digits that are off by a little. Textures "
        "of the wrong place are added.",
        "Reshaping only counts through the numbers in their order. If axes were exchanged on the way in, they must be "
        "exchanged on the way out.",
        (("attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)"),),
    ),
    Mistake(
        "attention-among-channels",
        "SelfAttention.forward",
        "channels look at channels, not positions at positions",
        "Hardly any in a small network: the left half of a digit does not know the right one, but the middle's "
        "convolutions see most of it.",
        "Attention mixes along the axis that it sees as a list. What should meet here are places in the image.",
        (
            (".flatten(2).transpose(1, 2).chunk(3, dim=2)", ".flatten(2).chunk(3, dim=1)"),
            ("attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)"),
        ),
    ),
    Mistake(
        "attention-across-images",
        "SelfAttention.forward",
        "the images of a batch look at each other",
        "None to see, but digits drawn together take on a little of each other; drawn alone they look different.",
        "The batch is not part of the picture: each image's positions form a list of their own.",
        (
            (
                "F.scaled_dot_product_attention(q, k, v)",
                "F.scaled_dot_product_attention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)).view_as(q)",
            ),
        ),
    ),
    Mistake(
        "attention-without-residual",
        "SelfAttention.forward",
        "the input is not added",
        "None after a short training: the middle's skips and blocks make up for it. Nothing passes the bottom of "
        "the untrained network.",
        "Attention, too, says what to add to its input. It starts at zero, and the input must get by.",
        (("return x + self.out(", "return self.out("),),
    ),
    Mistake(
        "attention-norm-forgotten",
        "SelfAttention.forward",
        "the input is not normalised first",
        "None after a short training. The larger the numbers at the bottom grow, the harder attention chooses, and "
        "the more restless a long training gets.",
        "Scores are products of what comes in, so its size decides how sharp the softmax is.",
        (("self.qkv(self.norm(x))", "self.qkv(x)"),),
    ),
    Mistake(
        "skips-before-their-blocks",
        "SimpleUNet.encode",
        "each skip is what goes into its block, not what comes out",
        "None to see when trained from nothing; with weights trained elsewhere, grain and a ground that is not "
        "black: the way up gets the image as it was before the block had looked at it.",
        "A skip hands over what the way down has seen at this size.",
        (
            (
                "                h = layer(h, time)\n                skips.append(h)\n",
                "                skips.append(h)\n                h = layer(h, time)\n",
            ),
        ),
    ),
    Mistake(
        "skips-of-every-layer",
        "SimpleUNet.encode",
        "there is a skip from the halving convolutions as well",
        "On the way up: RuntimeError, sizes of tensors must match. Blocks get the skips of other blocks.",
        "Every residual block of the way up gets one skip, so there must be one from each of the way down, no more.",
        (
            (
                "                skips.append(h)\n            else:\n                h = layer(h)\n",
                "            else:\n                h = layer(h)\n            skips.append(h)\n",
            ),
        ),
    ),
    Mistake(
        "skips-turned-round",
        "SimpleUNet.encode",
        "the skips are listed from last to first",
        "On the way up: RuntimeError, sizes of tensors must match.",
        "Two functions share the list. Its order is part of what they promise each other.",
        (("skips.append(h)", "skips.insert(0, h)"),),
    ),
    Mistake(
        "decode-first-skip-first",
        "SimpleUNet.decode",
        "the skips are used in the order in which they were made",
        "With several sizes: RuntimeError, sizes of tensors must match. With one, strokes at the wrong depth.",
        "What was put away last, at the bottom, is needed first: the way up meets the sizes in the opposite order.",
        (("skips.pop()", "skips.pop(0)"),),
    ),
    Mistake(
        "decode-skips-added",
        "SimpleUNet.decode",
        "the skips are added instead of put beside h",
        "RuntimeError: the blocks of the way up expect twice the channels for their norm. Where sums are accepted, "
        "detail is lost.",
        "In a sum nobody can tell who said what. Side by side, the block hears both and decides itself.",
        (("layer(torch.cat([h, skips.pop()], dim=1), time)", "layer(h + skips.pop(), time)"),),
    ),
    Mistake(
        "decode-skip-in-front",
        "SimpleUNet.decode",
        "the skip's channels come before those of h",
        "None if you train from nothing; with weights trained elsewhere, specks on black.",
        "A convolution has weights for each channel by its number. Who sits where must be what it was trained with.",
        (("torch.cat([h, skips.pop()], dim=1)", "torch.cat([skips.pop(), h], dim=1)"),),
    ),
    Mistake(
        "decode-one-skip-for-all",
        "SimpleUNet.decode",
        "the last skip is used again and again",
        "With several sizes: RuntimeError, sizes of tensors must match. With one, fine detail is lost.",
        "Each block of the way up has its partner on the way down. A skip that was used is used up.",
        (("skips.pop()", "skips[-1]"),),
    ),
    Mistake(
        "unet-time-of-the-first",
        "SimpleUNet.forward",
        "all images are told the timestep of the first",
        "The loss ends higher: most images are told the wrong noise level. Strokes come out bolder and in pieces; "
        "sampling, where all images share one step, hides the rest.",
        "t holds one timestep an image, for each was noised to its own.",
        (("timestep_embedding(t, self.time_dim)", "timestep_embedding(t[:1], self.time_dim)"),),
    ),
    Mistake(
        "unet-time-in-fractions",
        "SimpleUNet.forward",
        "t is scaled to between 0 and 1 before it is embedded",
        "The loss ends a little higher; with weights trained elsewhere, dark grey fog with bright flecks.",
        "The embedding was made for whole numbers. Of fractions it makes rows that hardly differ.",
        (("timestep_embedding(t, self.time_dim)", "timestep_embedding(t / 1000, self.time_dim)"),),
    ),
    Mistake(
        "unet-time-dropped",
        "SimpleUNet.forward",
        "the network is told the same timestep, whatever t is",
        "The loss still falls, for the network guesses the noise level from the image, but ends higher, and "
        "strokes come out bolder. With weights trained elsewhere, dark grey fog with flecks.",
        "The same grey patch is faint signal at one noise level and pure noise at another. The network must be told.",
        (("timestep_embedding(t, self.time_dim)", "timestep_embedding(torch.zeros_like(t), self.time_dim)"),),
    ),
    Mistake(
        "unet-time-mlp-unused",
        "SimpleUNet.forward",
        "the embedding goes to the blocks as it is",
        "Next to none when trained from nothing; with weights trained elsewhere, digits burst into specks. With "
        "several processes, training stops at a parameter that is never used.",
        "Cosines and sines are letters; the layers made for them turn them into words. A layer that nothing passes "
        "through learns nothing.",
        (
            (
                "self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                "timestep_embedding(t, self.time_dim).to(x_t.dtype)",
            ),
        ),
    ),
    Mistake(
        "unet-middle-skipped",
        "SimpleUNet.forward",
        "the way up begins where the way down ends, without the middle",
        "With weights trained elsewhere, digits in pieces: fewer layers see the image as a whole. Trained from "
        "nothing, hardly any after a few steps.",
        "The bottom is where a few positions stand for the whole image. What is thought there must be heard above.",
        (
            (
                "        h = self.middle2(self.attention(self.middle1(h, time)), time)\n        h = self.decode(",
                "        h = self.decode(",
            ),
        ),
    ),
    Mistake(
        "unet-attention-unused",
        "SimpleUNet.forward",
        "the two blocks of the middle follow each other, without attention",
        "Hardly any in a small network; with weights trained elsewhere, digits that are off by a little: the left "
        "half knows little of the right one.",
        "Convolutions see their neighbourhood. For far parts to meet, every position must be able to look at every "
        "other.",
        (("self.middle2(self.attention(self.middle1(h, time)), time)", "self.middle2(self.middle1(h, time), time)"),),
    ),
    Mistake(
        "unet-last-norm-unused",
        "SimpleUNet.forward",
        "the last norm is left out",
        "The loss ends a little higher; with weights trained elsewhere, grain. With several processes training "
        "stops at a parameter that is never used.",
        "After all the adding up, numbers have grown to any size. The last convolution should get them tamed.",
        (("self.conv_out(F.silu(self.norm_out(h)))", "self.conv_out(F.silu(h))"),),
    ),
    Mistake(
        "unet-folds-by-reshape",
        "SimpleUNet.forward",
        "pixels are folded in the order in which they lie in memory",
        "The network sees strips laid upon each other: the loss stays high, and samples are noise, whatever the "
        "weights.",
        "Folding keeps neighbours together: the pixels of one small square become the channels of one position. "
        "Reshaping only counts through the rows.",
        (
            (
                "F.pixel_unshuffle(x_t, self.fold)",
                "x_t.reshape(len(x_t), -1, x_t.shape[2] // self.fold, x_t.shape[3] // self.fold)",
            ),
        ),
    ),
    Mistake(
        "unet-unfolds-by-reshape",
        "SimpleUNet.forward",
        "the output is brought to the right shape, but not by what undoes the folding",
        "Noise instead of digits, whatever the weights, and a loss that stays high: what belongs to one pixel ends "
        "up in another.",
        "The right shape is not yet the right order: each position's channels must become the small square that they "
        "came from.",
        (
            (
                "F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "self.conv_out(F.silu(self.norm_out(h))).reshape(x_t.shape)",
            ),
        ),
    ),
    Mistake(
        "unet-output-squashed",
        "SimpleUNet.forward",
        "the output is limited to between -1 and 1",
        "Grain that never goes away, and a loss that ends higher: large noise cannot be named, so it is never "
        "taken off.",
        "Images lie between -1 and 1; what is predicted here is noise, of which a third lies outside.",
        (
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "return torch.tanh(F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold))",
            ),
        ),
    ),
]
