"""Known mistakes in lesson 03."""

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.scenes import Sampled, Trained

RATES = "torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)"

WITH_BOTH = (Sampled(), Trained())  # weights trained without the mistake, and a training with it

MISTAKES = [
    Mistake(
        name="embedding-minus-missing",
        exercise="timestep_embedding",
        title="the rates grow instead of falling",
        symptom="The loss falls more slowly and ends higher: to the network, the timesteps look like random numbers. "
        "Strokes come out bolder.",
        concept="Slow hands tell near from far, the fastest tells neighbours apart. If the slowest already turns by "
        "one radian a step, all others spin too fast to be read.",
        patch=(("torch.exp(-math.log(10000)", "torch.exp(math.log(10000)"),),
        symptoms=("scribbles", "loss-stays"),
    ),
    Mistake(
        name="embedding-small-base",
        exercise="timestep_embedding",
        title="the slowest rate is near 1 / 100, not near 1 / 10000",
        symptom="None if you train from nothing; weights trained with other rates give faint outlines of strokes in "
        "specks.",
        concept="The formula says how slow the slowest hand is. Networks understand each other's weights only if all "
        "their clocks agree.",
        patch=(("-math.log(10000)", "-math.log(100)"),),
        symptoms=("shreds", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="embedding-reaches-too-far",
        exercise="timestep_embedding",
        title="the last rate is 1 / 10000 itself",
        symptom="None if you train from nothing; weights trained elsewhere draw other digits, a little bolder.",
        concept="i runs from 0 to dim / 2 - 1 and is divided by dim / 2, so the end is approached and never reached.",
        patch=(("device=t.device) / half)", "device=t.device) / (half - 1))"),),
        symptoms=("plain", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="embedding-evenly-spaced",
        exercise="timestep_embedding",
        title="the rates fall by the same amount, not by the same factor",
        symptom="With weights trained elsewhere, faint and tangled outlines.",
        concept="Half of the hands must be slow enough to tell near from far. Evenly spaced, nearly all turn as fast "
        "as the fastest, and tell only neighbours apart.",
        patch=((RATES, "torch.linspace(1, 1 / 10000, half, device=t.device)"),),
        symptoms=("scribbles",),
    ),
    Mistake(
        name="embedding-slow-to-fast",
        exercise="timestep_embedding",
        title="the rates run from slow to fast",
        symptom="None if you train from nothing; weights trained elsewhere give dark grey fog with bright specks.",
        concept="Any order would do, but it must be the one that the weights were trained with.",
        patch=((RATES, RATES + ".flip(0)"),),
        symptoms=("grey", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="embedding-of-fractions",
        exercise="timestep_embedding",
        title="the timesteps are scaled to between 0 and 1 first",
        symptom="The loss ends a little higher, and strokes come out bolder; weights trained elsewhere give dark grey "
        "fog with bright flecks, as if the network were told nothing.",
        concept="The rates were made for whole numbers. Between 0 and 1 even the fastest hand turns by a radian at "
        "most, and all timesteps look alike.",
        patch=(("angles = t[:, None] * rates", "angles = t[:, None] / 1000 * rates"),),
        symptoms=("grey", "loss-stays"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="embedding-sines-first",
        exercise="timestep_embedding",
        title="the sines come before the cosines",
        symptom="None if you train from nothing; weights trained elsewhere draw digits in outline, under grain.",
        concept="Any order would do, but it must be the one that the weights were trained with.",
        patch=(("torch.cat([angles.cos(), angles.sin()], dim=1)", "torch.cat([angles.sin(), angles.cos()], dim=1)"),),
        symptoms=("grain", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="embedding-interleaved",
        exercise="timestep_embedding",
        title="cosines and sines take turns",
        symptom="None if you train from nothing; weights trained elsewhere draw digits in outline, under grain.",
        concept="First the cosines of all angles, then the sines of all. Putting two tables side by side is something "
        "else than shuffling them together.",
        patch=(
            (
                "torch.cat([angles.cos(), angles.sin()], dim=1)",
                "torch.stack([angles.cos(), angles.sin()], dim=2).flatten(1)",
            ),
        ),
        symptoms=("grain", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="embedding-of-the-first",
        exercise="timestep_embedding",
        title="every image gets the embedding of the first one's timestep",
        symptom="The loss ends higher: most images are told the wrong noise level. Strokes come out bolder and in "
        "pieces; sampling, where all images share one step, hides the rest.",
        concept="Each image of the batch was noised to a step of its own. What is said of one must not depend on the "
        "others.",
        patch=(("angles = t[:, None] * rates", "angles = t[:1].expand(len(t))[:, None] * rates"),),
        symptoms=("scribbles", "loss-stays"),
    ),
    Mistake(
        name="zeroed-bias-stays",
        exercise="zeroed",
        title="the bias keeps its random values",
        symptom="None after a short training: a network that should say nothing at first says something at random, "
        "and a few steps are wasted on it.",
        concept="A convolution multiplies by its weight and adds its bias. To add nothing, both must be nothing.",
        patch=(
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                "    nn.init.zeros_(module.weight)\n",
            ),
        ),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="zeroed-and-frozen",
        exercise="zeroed",
        title="the parameters are switched off for training",
        symptom="The loss never moves: what starts at zero stays at zero.",
        concept="Zero is where the branch starts, not where it stays. It must be free to learn.",
        patch=(("        nn.init.zeros_(parameter)\n", "        nn.init.zeros_(parameter).requires_grad_(False)\n"),),
        symptoms=("noise", "loss-stays"),
    ),
    Mistake(
        name="zeroed-name-only",
        exercise="zeroed",
        title="the name in the loop is given zeros, the parameters keep their values",
        symptom="The loss starts above 1, and falls more slowly at first: a network that should say nothing says "
        "something at random.",
        concept="In Python = gives a name to something else. What the name stood for before does not change by it.",
        patch=(("        nn.init.zeros_(parameter)\n", "        parameter = torch.zeros_like(parameter)\n"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="zeroed-gives-nothing",
        exercise="zeroed",
        title="the convolution is not returned",
        symptom="No network at all: TypeError, 'NoneType' object is not callable.",
        concept="Where it is used, the result is kept as a layer. A function that only changes its argument leaves "
        "None there.",
        patch=(("        nn.init.zeros_(parameter)\n    return module\n", "        nn.init.zeros_(parameter)\n"),),
        symptoms=("error",),
    ),
    Mistake(
        name="block-scale-without-one",
        exercise="ResidualBlock.forward",
        title="a scale of 0 wipes the image out",
        symptom="Training starts more slowly, for small scales let next to nothing through, and catches up. With "
        "weights trained elsewhere, images are nearly empty.",
        concept="The timestep is to say how far to move away from leaving things as they are. Saying nothing must "
        "change nothing.",
        patch=(("self.norm2(h) * (1 + scale) + shift", "self.norm2(h) * scale + shift"),),
        symptoms=("empty",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="block-shift-first",
        exercise="ResidualBlock.forward",
        title="scale and shift are exchanged",
        symptom="None if you train from nothing; with weights trained elsewhere, pale blotches.",
        concept="A linear layer's outputs have no names. Which half means what is a convention that the "
        "weights were trained with.",
        patch=(("scale, shift = self.time(time)", "shift, scale = self.time(time)"),),
        symptoms=("blotches", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="block-ignores-the-time",
        exercise="ResidualBlock.forward",
        title="the timestep has no effect",
        symptom="The loss still falls, for the network guesses the noise level from the image, but ends higher; "
        "strokes come out bolder and in pieces. With weights trained elsewhere, outlines in specks; with several "
        "processes training stops at a parameter that is never used.",
        concept="The same grey patch is faint signal at one noise level and pure noise at another. The network must "
        "be told.",
        patch=(("h = self.norm2(h) * (1 + scale) + shift", "h = self.norm2(h)"),),
        symptoms=("shreds", "loss-stays", "processes"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="block-time-of-the-first",
        exercise="ResidualBlock.forward",
        title="all images of the batch are scaled and shifted by the first one's timestep",
        symptom="The loss ends higher: most images are told the wrong noise level. Strokes come out bolder and in "
        "pieces; sampling, where all images share one step, hides the rest.",
        concept="time has a row for each image, for each was noised to a step of its own.",
        patch=(("self.time(time)[:, :, None, None]", "self.time(time[:1])[:, :, None, None]"),),
        symptoms=("scribbles", "loss-stays"),
    ),
    Mistake(
        name="block-time-before-norm",
        exercise="ResidualBlock.forward",
        title="the timestep speaks before the norm, which takes it out again",
        symptom="The loss ends a little higher: the network hardly knows the noise level. With weights trained "
        "elsewhere, bold and foggy tangles.",
        concept="A norm brings what it is given back to mean 0 and standard deviation 1, whatever was done to it just "
        "before.",
        patch=(("self.norm2(h) * (1 + scale) + shift", "self.norm2(h * (1 + scale) + shift)"),),
        symptoms=("bold", "loss-stays"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="block-without-residual",
        exercise="ResidualBlock.forward",
        title="the input is not added",
        symptom="The untrained network gives nothing at all and learns next to nothing: all its blocks end in zeros. "
        "The loss stays high, and samples are noise.",
        concept="A block says what to change about its input, not what to replace it with.",
        patch=(("return self.shortcut(x) + self.conv2(F.silu(h))", "return self.conv2(F.silu(h))"),),
        symptoms=("noise", "loss-stays"),
        scenes=WITH_BOTH,
        stays_after_training=True,
    ),
    Mistake(
        name="block-shortcut-forgotten",
        exercise="ResidualBlock.forward",
        title="the input is added as it is, whatever its channels",
        symptom="The way down works; on the way up: RuntimeError, the size of tensor a must match the size of tensor "
        "b.",
        concept="Two things can be added only if they have as many channels. Where a block changes their number, the "
        "input must be brought to it as well.",
        patch=(("return self.shortcut(x) + self.conv2(F.silu(h))", "return x + self.conv2(F.silu(h))"),),
        symptoms=("error",),
    ),
    Mistake(
        name="block-second-silu-missing",
        exercise="ResidualBlock.forward",
        title="nothing bends between the second norm and the second convolution",
        symptom="The loss ends higher, and strokes come out bolder; with weights trained elsewhere, digits burst into "
        "specks.",
        concept="Without a bend in between, neighbouring linear steps are one linear step.",
        patch=(("self.conv2(F.silu(h))", "self.conv2(h)"),),
        symptoms=("shreds", "loss-stays"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="block-bends-before-the-norm",
        exercise="ResidualBlock.forward",
        title="the first SiLU comes before the norm, not after it",
        symptom="None in the loss of the first steps; with weights trained elsewhere, white blotches in grain.",
        concept="SiLU bends at 0. Only after the norm is 0 the middle of what comes in, so that there is something on "
        "both sides to tell apart.",
        patch=(("F.silu(self.norm1(x))", "self.norm1(F.silu(x))"),),
        symptoms=("blotches", "elsewhere"),
    ),
    Mistake(
        name="block-bends-the-time",
        exercise="ResidualBlock.forward",
        title="the time goes through SiLU once more before it is read",
        symptom="None in the loss of the first steps; weights trained elsewhere draw nearly the same digits, a little "
        "thinner.",
        concept="time_mlp ends in SiLU already. In networks where it does not, each block begins with one; take one "
        "of the two.",
        patch=(("self.time(time)", "self.time(F.silu(time))"),),
        symptoms=("plain", "elsewhere"),
    ),
    Mistake(
        name="block-adds-the-normed",
        exercise="ResidualBlock.forward",
        title="what is added at the end is not the input, but the input after norm and SiLU",
        symptom="The loss falls more slowly; with weights trained elsewhere, broken strokes in specks.",
        concept="What comes back in is x as it came. If x is given a new meaning on the way, the old one is lost.",
        patch=(("h = self.conv1(F.silu(self.norm1(x)))", "x = F.silu(self.norm1(x))\n        h = self.conv1(x)"),),
        symptoms=("shreds", "loss-stays"),
    ),
    Mistake(
        name="block-statistics-of-the-batch",
        exercise="ResidualBlock.forward",
        title="mean and standard deviation are taken over the whole batch",
        symptom="None to see when trained from nothing and sampled in a large batch; but an image changes with those "
        "that are drawn beside it. With weights trained elsewhere, white blotches.",
        concept="A batch mixes nearly clean images with pure noise; their common mean and standard deviation fit none "
        "of them.",
        patch=(
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "h = F.batch_norm(h, None, None, self.norm2.weight, self.norm2.bias, training=True)\n"
                "        h = h * (1 + scale) + shift",
            ),
        ),
        symptoms=("blotches",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="attention-not-scaled",
        exercise="SelfAttention.forward",
        title="the scores are not divided by sqrt(C)",
        symptom="Hardly any in a short training of a small network; in a larger one training stalls or jumps: each "
        "position looks at one other only and learns nothing of the rest.",
        concept="A sum of C products has standard deviation sqrt(C). Softmax of large numbers is all or nothing.",
        patch=(("F.scaled_dot_product_attention(q, k, v)", "F.scaled_dot_product_attention(q, k, v, scale=1.0)"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="attention-divided-by-c",
        exercise="SelfAttention.forward",
        title="the scores are divided by C, not by its root",
        symptom="None in the loss of the first steps; weights trained elsewhere draw nearly the same digits: every "
        "position listens to all others alike.",
        concept="A sum of C products has the variance C. What brings it back to 1 is the standard deviation, the root.",
        patch=(
            (
                "F.scaled_dot_product_attention(q, k, v)",
                "F.scaled_dot_product_attention(q, k, v, scale=1 / q.shape[-1])",
            ),
        ),
        symptoms=("plain",),
    ),
    Mistake(
        name="attention-over-queries",
        exercise="SelfAttention.forward",
        title="the weights sum to 1 over those who ask, not over those who are asked",
        symptom="Hardly any in a small network, trained from nothing or elsewhere: some positions are drowned in what "
        "they hear, others hear nothing.",
        concept="A position that asks takes a mean over all answers, so its own weights must sum to 1.",
        patch=(
            (
                "F.scaled_dot_product_attention(q, k, v)",
                "torch.softmax(q @ k.transpose(1, 2) / q.shape[2] ** 0.5, dim=1) @ v",
            ),
        ),
        symptoms=("plain",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="attention-keys-ask",
        exercise="SelfAttention.forward",
        title="queries and keys are exchanged",
        symptom="None if you train from nothing; with weights trained elsewhere, strokes that are off by a little.",
        concept="A linear layer's outputs have no names. Which third means what is a convention that the "
        "weights were trained with.",
        patch=(("q, k, v = self.qkv", "k, q, v = self.qkv"),),
        symptoms=("plain", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="attention-scrambles-positions",
        exercise="SelfAttention.forward",
        title="what was heard is put back at other positions and channels",
        symptom="Hardly any in a small network; with weights trained elsewhere, digits that are off by a little. "
        "Textures of the wrong place are added.",
        concept="Reshaping only counts through the numbers in their order. If axes were exchanged on the way in, they "
        "must be exchanged on the way out.",
        patch=(("attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)"),),
        symptoms=("plain",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="attention-reshaped-both-ways",
        exercise="SelfAttention.forward",
        title="q, k and v are made lists of positions by a reshape, and what was heard is put back by one",
        symptom="Hardly any: this small network sees the whole digit by its convolutions, too. A stroke is drawn a "
        "little differently here and there, and some digits become others.",
        concept="A reshape keeps the order of the numbers and exchanges no axes: what it calls a position is a piece "
        "of one channel. Undone the same way it fits again, so no error tells.",
        patch=(
            (
                ".flatten(2).transpose(1, 2).chunk(3, dim=2)",
                ".chunk(3, dim=1)\n        q, k, v = (part.reshape(len(x), -1, x.shape[1]) for part in (q, k, v))",
            ),
            ("attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)"),
        ),
        symptoms=("plain",),
        scenes=(Sampled(),),
    ),
    Mistake(
        name="attention-cut-by-reshape",
        exercise="SelfAttention.forward",
        title="the numbers of qkv are reshaped to positions before they are cut into q, k and v, and back by a reshape",
        symptom="Hardly any: a stroke is drawn a little differently here and there, as if the bottom of the network "
        "had no attention at all.",
        concept="A reshape keeps the order of the numbers and exchanges no axes: each row then holds pieces of "
        "queries, or of keys, or of values, and none of them all.",
        patch=(
            (
                "self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)",
                "self.qkv(self.norm(x)).reshape(len(x), -1, 3 * x.shape[1]).chunk(3, dim=2)",
            ),
            ("attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)"),
        ),
        symptoms=("plain",),
        scenes=(Sampled(),),
    ),
    Mistake(
        name="attention-reshaped-on-the-way-in",
        exercise="SelfAttention.forward",
        title="q, k and v are made lists of positions by a reshape",
        symptom="Hardly any: digits stay digits, a stroke is drawn a little differently here and there.",
        concept="A reshape keeps the order of the numbers and exchanges no axes: what it calls a position is a piece "
        "of one channel.",
        patch=(
            (
                ".flatten(2).transpose(1, 2).chunk(3, dim=2)",
                ".chunk(3, dim=1)\n        q, k, v = (part.reshape(len(x), -1, x.shape[1]) for part in (q, k, v))",
            ),
        ),
        symptoms=("plain",),
        scenes=(Sampled(),),
    ),
    Mistake(
        name="attention-among-channels",
        exercise="SelfAttention.forward",
        title="channels look at channels, not positions at positions",
        symptom="Hardly any in a small network: the left half of a digit does not know the right one, but the "
        "middle's convolutions see most of it.",
        concept="Attention mixes along the axis that it sees as a list. What should meet here are places in the image.",
        patch=(
            (".flatten(2).transpose(1, 2).chunk(3, dim=2)", ".flatten(2).chunk(3, dim=1)"),
            ("attended.transpose(1, 2).reshape(x.shape)", "attended.reshape(x.shape)"),
        ),
        symptoms=("plain",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="attention-across-images",
        exercise="SelfAttention.forward",
        title="the images of a batch look at each other",
        symptom="None to see, but digits drawn together take on a little of each other; drawn alone they look "
        "different.",
        concept="The batch is not part of the picture: each image's positions form a list of their own.",
        patch=(
            (
                "F.scaled_dot_product_attention(q, k, v)",
                "F.scaled_dot_product_attention(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)).view_as(q)",
            ),
        ),
        symptoms=("plain",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="attention-without-residual",
        exercise="SelfAttention.forward",
        title="the input is not added",
        symptom="None after a short training: the middle's skips and blocks make up for it. Nothing passes the bottom "
        "of the untrained network.",
        concept="Attention, too, says what to add to its input. It starts at zero, and the input must get by.",
        patch=(("return x + self.out(", "return self.out("),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="attention-norm-forgotten",
        exercise="SelfAttention.forward",
        title="the input is not normalised first",
        symptom="None after a short training. The larger the numbers at the bottom grow, the harder attention "
        "chooses, and the more restless a long training gets.",
        concept="Scores are products of what comes in, so its size decides how sharp the softmax is.",
        patch=(("self.qkv(self.norm(x))", "self.qkv(x)"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="attention-adds-the-normed",
        exercise="SelfAttention.forward",
        title="what is heard is added to the normed input",
        symptom="The loss falls a little later; weights trained elsewhere draw nearly the same digits, a little "
        "thinner.",
        concept="What comes back in is x as it came. The norm is for those who ask and answer only.",
        patch=(("q, k, v = self.qkv(self.norm(x))", "x = self.norm(x)\n        q, k, v = self.qkv(x)"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="skips-before-their-blocks",
        exercise="SimpleUNet.encode",
        title="each skip is what goes into its block, not what comes out",
        symptom="None to see when trained from nothing; with weights trained elsewhere, grain and a ground that is "
        "not black: the way up gets the image as it was before the block had looked at it.",
        concept="A skip hands over what the way down has seen at this size.",
        patch=(
            (
                "                h = layer(h, time)\n                skips.append(h)\n",
                "                skips.append(h)\n                h = layer(h, time)\n",
            ),
        ),
        symptoms=("grey",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="skips-of-every-layer",
        exercise="SimpleUNet.encode",
        title="there is a skip from the halving convolutions as well",
        symptom="On the way up: RuntimeError, sizes of tensors must match. Blocks get the skips of other blocks.",
        concept="Every residual block of the way up gets one skip, so there must be one from each of the way down, no "
        "more.",
        patch=(
            (
                "                skips.append(h)\n            else:\n                h = layer(h)\n",
                "            else:\n                h = layer(h)\n            skips.append(h)\n",
            ),
        ),
        symptoms=("error",),
    ),
    Mistake(
        name="skips-turned-round",
        exercise="SimpleUNet.encode",
        title="the skips are listed from last to first",
        symptom="On the way up: RuntimeError, sizes of tensors must match.",
        concept="Two functions share the list. Its order is part of what they promise each other.",
        patch=(("skips.append(h)", "skips.insert(0, h)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="decode-first-skip-first",
        exercise="SimpleUNet.decode",
        title="the skips are used in the order in which they were made",
        symptom="With several sizes: RuntimeError, sizes of tensors must match. With one, strokes at the wrong depth.",
        concept="What was put away last, at the bottom, is needed first: the way up meets the sizes in the opposite "
        "order.",
        patch=(("skips.pop()", "skips.pop(0)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="decode-skips-added",
        exercise="SimpleUNet.decode",
        title="the skips are added instead of put beside h",
        symptom="RuntimeError: the blocks of the way up expect twice the channels for their norm. Where sums are "
        "accepted, detail is lost.",
        concept="In a sum nobody can tell who said what. Side by side, the block hears both and decides itself.",
        patch=(("layer(torch.cat([h, skips.pop()], dim=1), time)", "layer(h + skips.pop(), time)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="decode-skip-in-front",
        exercise="SimpleUNet.decode",
        title="the skip's channels come before those of h",
        symptom="None if you train from nothing; with weights trained elsewhere, specks on black.",
        concept="A convolution has weights for each channel by its number. Who sits where must be what it was trained "
        "with.",
        patch=(("torch.cat([h, skips.pop()], dim=1)", "torch.cat([skips.pop(), h], dim=1)"),),
        symptoms=("noise", "elsewhere"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="decode-one-skip-for-all",
        exercise="SimpleUNet.decode",
        title="the last skip is used again and again",
        symptom="With several sizes: RuntimeError, sizes of tensors must match. With one, fine detail is lost.",
        concept="Each block of the way up has its partner on the way down. A skip that was used is used up.",
        patch=(("skips.pop()", "skips[-1]"),),
        symptoms=("error",),
    ),
    Mistake(
        name="unet-time-of-the-first",
        exercise="SimpleUNet.forward",
        title="all images are told the timestep of the first",
        symptom="The loss ends higher: most images are told the wrong noise level. Strokes come out bolder and in "
        "pieces; sampling, where all images share one step, hides the rest.",
        concept="t holds one timestep an image, for each was noised to its own.",
        patch=(("timestep_embedding(t, self.time_dim)", "timestep_embedding(t[:1], self.time_dim)"),),
        symptoms=("scribbles", "loss-stays"),
    ),
    Mistake(
        name="unet-time-in-fractions",
        exercise="SimpleUNet.forward",
        title="t is scaled to between 0 and 1 before it is embedded",
        symptom="The loss ends a little higher; with weights trained elsewhere, dark grey fog with bright flecks.",
        concept="The embedding was made for whole numbers. Of fractions it makes rows that hardly differ.",
        patch=(("timestep_embedding(t, self.time_dim)", "timestep_embedding(t / 1000, self.time_dim)"),),
        symptoms=("grey", "loss-stays"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="unet-time-dropped",
        exercise="SimpleUNet.forward",
        title="the network is told the same timestep, whatever t is",
        symptom="The loss still falls, for the network guesses the noise level from the image, but ends higher, and "
        "strokes come out bolder. With weights trained elsewhere, dark grey fog with flecks.",
        concept="The same grey patch is faint signal at one noise level and pure noise at another. The network must "
        "be told.",
        patch=(("timestep_embedding(t, self.time_dim)", "timestep_embedding(torch.zeros_like(t), self.time_dim)"),),
        symptoms=("grey", "loss-stays"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="unet-time-mlp-unused",
        exercise="SimpleUNet.forward",
        title="the embedding goes to the blocks as it is",
        symptom="Next to none when trained from nothing; with weights trained elsewhere, digits burst into specks. "
        "With several processes, training stops at a parameter that is never used.",
        concept="Cosines and sines are letters; the layers made for them turn them into words. A layer that nothing "
        "passes through learns nothing.",
        patch=(
            (
                "self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                "timestep_embedding(t, self.time_dim).to(x_t.dtype)",
            ),
        ),
        symptoms=("shreds", "processes"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="unet-middle-skipped",
        exercise="SimpleUNet.forward",
        title="the way up begins where the way down ends, without the middle",
        symptom="With weights trained elsewhere, digits in pieces: fewer layers see the image as a whole. Trained "
        "from nothing, hardly any after a few steps.",
        concept="The bottom is where a few positions stand for the whole image. What is thought there must be heard "
        "above.",
        patch=(
            (
                "        h = self.middle2(self.attention(self.middle1(h, time)), time)\n        h = self.decode(",
                "        h = self.decode(",
            ),
        ),
        symptoms=("scribbles",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="unet-middle-first-twice",
        exercise="SimpleUNet.forward",
        title="the first block of the middle is used twice, the second never",
        symptom="None in the loss of the first steps; weights trained elsewhere draw other, bolder digits. The second "
        "block never learns.",
        concept="Two layers of one kind are two sets of weights. Each layer that the constructor makes has one place.",
        patch=(("self.middle2(", "self.middle1("),),
        symptoms=("plain",),
    ),
    Mistake(
        name="unet-attention-unused",
        exercise="SimpleUNet.forward",
        title="the two blocks of the middle follow each other, without attention",
        symptom="Hardly any in a small network; with weights trained elsewhere, digits that are off by a little: the "
        "left half knows little of the right one.",
        concept="Convolutions see their neighbourhood. For far parts to meet, every position must be able to look at "
        "every other.",
        patch=(
            ("self.middle2(self.attention(self.middle1(h, time)), time)", "self.middle2(self.middle1(h, time), time)"),
        ),
        symptoms=("plain",),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="unet-last-norm-unused",
        exercise="SimpleUNet.forward",
        title="the last norm is left out",
        symptom="The loss ends a little higher; with weights trained elsewhere, grain. With several processes "
        "training stops at a parameter that is never used.",
        concept="After all the adding up, numbers have grown to any size. The last convolution should get them tamed.",
        patch=(("self.conv_out(F.silu(self.norm_out(h)))", "self.conv_out(F.silu(h))"),),
        symptoms=("grain", "loss-stays", "processes"),
        scenes=WITH_BOTH,
    ),
    Mistake(
        name="unet-last-silu-unused",
        exercise="SimpleUNet.forward",
        title="the last SiLU is left out",
        symptom="The loss jumps in the first steps; with weights trained elsewhere, strokes that are much too bold.",
        concept="Norm, SiLU, convolution: they come in threes everywhere in this network, at its end too.",
        patch=(("F.silu(self.norm_out(h))", "self.norm_out(h)"),),
        symptoms=("bold", "loss-jumps"),
    ),
    Mistake(
        name="unet-folds-by-reshape",
        exercise="SimpleUNet.forward",
        title="pixels are folded in the order in which they lie in memory",
        symptom="The network sees strips laid upon each other: the loss stays high, and samples are noise, whatever "
        "the weights.",
        concept="Folding keeps neighbours together: the pixels of one small square become the channels of one "
        "position. Reshaping only counts through the rows.",
        patch=(
            (
                "F.pixel_unshuffle(x_t, self.fold)",
                "x_t.reshape(len(x_t), -1, x_t.shape[2] // self.fold, x_t.shape[3] // self.fold)",
            ),
        ),
        symptoms=("noise", "loss-stays"),
        scenes=WITH_BOTH,
        stays_after_training=True,
    ),
    Mistake(
        name="unet-unfolds-by-reshape",
        exercise="SimpleUNet.forward",
        title="the output is brought to the right shape, but not by what undoes the folding",
        symptom="Noise instead of digits, whatever the weights, and a loss that stays high: what belongs to one pixel "
        "ends up in another.",
        concept="The right shape is not yet the right order: each position's channels must become the small square "
        "that they came from.",
        patch=(
            (
                "F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "self.conv_out(F.silu(self.norm_out(h))).reshape(x_t.shape)",
            ),
        ),
        symptoms=("noise", "loss-stays"),
        scenes=WITH_BOTH,
        stays_after_training=True,
    ),
    Mistake(
        name="unet-output-squashed",
        exercise="SimpleUNet.forward",
        title="the output is limited to between -1 and 1",
        symptom="Grain that never goes away, and a loss that ends higher: large noise cannot be named, so it is never "
        "taken off.",
        concept="Images lie between -1 and 1; what is predicted here is noise, of which a third lies outside.",
        patch=(
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "return torch.tanh(F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold))",
            ),
        ),
        symptoms=("grain", "loss-stays"),
        scenes=WITH_BOTH,
        stays_after_training=True,
    ),
]
