"""Known mistakes in lesson 01."""

from cdm_tutor.course.lesson import Mistake

MISTAKES = [
    Mistake(
        "linear-not-rescaled",
        "linear_betas",
        "the betas are those of 1000 steps, however many there are",
        "With fewer steps, a grey digit still shines through what should be pure noise; samples, which start from "
        "really pure noise, come out bold and tangled, with far too much white.",
        "What counts is how much of the image is left at the end. A tenth of the steps must each do ten times as much.",
        (("scale = 1000 / T", "scale = 1.0"),),
    ),
    Mistake(
        "linear-stops-short",
        "linear_betas",
        "the last beta is never reached",
        "Hardly any with 1000 steps; with few, the last images keep more of the digit than they should.",
        "T numbers that include both ends have T - 1 gaps between them, not T.",
        (("0.02 * scale, T, dtype=torch.float64)", "0.02 * scale, T + 1, dtype=torch.float64)[:-1]"),),
    ),
    Mistake(
        "linear-not-cut",
        "linear_betas",
        "with few steps some betas reach 1 and more",
        "A schedule of 10 or 20 steps is refused, or turns the images into NaN.",
        "A variance of 1 leaves nothing of the image, more than 1 is no share at all: betas stay below 1.",
        (("T, dtype=torch.float64).clamp(max=MAX_BETA)", "T, dtype=torch.float64)"),),
    ),
    Mistake(
        "linear-in-float32",
        "linear_betas",
        "the betas are float32",
        "None at first sight; at the least noised steps, the tables made from them are off in the fourth digit.",
        "Numbers near 1 are multiplied a thousand times and then taken from 1. Keep the digits until the end.",
        (("0.02 * scale, T, dtype=torch.float64)", "0.02 * scale, T)"),),
    ),
    Mistake(
        "linear-ends-cut",
        "linear_betas",
        "the two ends are cut, and with them all betas between",
        "Hardly any: with 20 steps and fewer, the betas between rise too slowly and the image stays for too long; the "
        "samples are only slightly different ones. With more steps nothing changes.",
        "A limit for every number is set to the numbers themselves. Set to the ends of a line, it tilts the line.",
        (
            (
                "torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64).clamp(max=MAX_BETA)",
                "torch.linspace(1e-4 * scale, min(0.02 * scale, MAX_BETA), T, dtype=torch.float64)",
            ),
        ),
    ),
    Mistake(
        "cosine-not-squared",
        "cosine_betas",
        "the cosine is not squared",
        "The image stays visible for most of the steps and then goes in a rush. A network trained with the right "
        "schedule still draws digits with this one, but thinner, on a ground that is not quite black.",
        "alpha_bar is a variance. The cosine itself is how much the image is dimmed, its square how much variance is "
        "left.",
        (("* math.pi / 2) ** 2", "* math.pi / 2)"),),
    ),
    Mistake(
        "cosine-in-float32",
        "cosine_betas",
        "the betas are float32",
        "None at first sight; the first betas, and so the least noised steps, are off in the third digit.",
        "Two neighbours on the cosine differ by millionths. In float32, which has seven digits, hardly any are left of "
        "the difference.",
        (("torch.arange(T + 1, dtype=torch.float64) / T", "torch.arange(T + 1) / T"),),
    ),
    Mistake(
        "cosine-not-cut",
        "cosine_betas",
        "the last beta is 1",
        "The schedule is refused; without that check the sampler would divide by zero in its first step.",
        "At the end f is 0, so the last step would take all there is. Something must be left to divide by.",
        (("(1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)", "1 - f[1:] / f[:-1]"),),
    ),
    Mistake(
        "cosine-without-offset",
        "cosine_betas",
        "the offset is left out",
        "None in the samples. The first steps add next to no noise; the network wastes its effort on naming what "
        "it cannot see.",
        "Near its top a cosine is flat. The offset starts a little further down, where it already falls.",
        (("torch.cos((u + offset) / (1 + offset) * math.pi / 2)", "torch.cos(u * math.pi / 2)"),),
    ),
    Mistake(
        "cosine-gives-alpha-bar",
        "cosine_betas",
        "alpha_bar is returned, not the betas",
        "Nearly all of the image is gone after one step, and soon all of it: the sampler stops with a division by "
        "zero.",
        "The cosine says how much is left after all steps so far; a beta says how much one step takes of it.",
        (("(1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)", "(f[1:] / f[0]).clamp(max=MAX_BETA)"),),
    ),
    Mistake(
        "cosine-difference-not-share",
        "cosine_betas",
        "each beta is what alpha_bar loses, not the share of it that is lost",
        "Towards the end much of the digit is left: the betas fall where they should rise to nearly 1. Samples, "
        "which start from pure noise, come out bold and filled.",
        "A beta is a share of what was still there before the step.",
        (("(1 - f[1:] / f[:-1]).clamp", "((f[:-1] - f[1:]) / f[0]).clamp"),),
    ),
    Mistake(
        "posterior-upside-down",
        "posterior_variance",
        "before and after are exchanged",
        "The sampler divides by zero: black and white noise, or NaN.",
        "With x_0 known, less is uncertain before the step than after it, so the fraction is below 1, and 0 at first.",
        (("betas * (1 - alpha_bar_prev) / (1 - alpha_bar)", "betas * (1 - alpha_bar) / (1 - alpha_bar_prev)"),),
    ),
    Mistake(
        "posterior-is-beta",
        "posterior_variance",
        "it is just beta",
        "A sampler that reads this table adds noise in the last step, too: a grain, too fine to see where the first "
        "beta is as small as here, plain with few steps.",
        "Beta is the spread if nothing of x_0 is known. Knowing x_0 narrows it; at the first step nothing is left.",
        (("betas * (1 - alpha_bar_prev) / (1 - alpha_bar)", "betas * torch.ones_like(alpha_bar)"),),
    ),
    Mistake(
        "posterior-is-spread",
        "posterior_variance",
        "it is the standard deviation, not the variance",
        "Much too much noise at each step: grain that never goes away, and shreds of digits in it.",
        "Variance is the square of the spread. Who uses it takes the root, so it must not be taken before.",
        (
            (
                "betas * (1 - alpha_bar_prev) / (1 - alpha_bar)",
                "(betas * (1 - alpha_bar_prev) / (1 - alpha_bar)).sqrt()",
            ),
        ),
    ),
    Mistake(
        "snr-without-log",
        "log_snr",
        "the ratio itself, not its log",
        "The few-step sampler takes wild steps: samples are black and white specks, the digits hardly to be guessed.",
        "The ratio runs from ten thousand to a ten-thousandth; its log falls evenly, which is why it is used.",
        (("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "alpha_bar / (1 - alpha_bar)"),),
    ),
    Mistake(
        "snr-of-amplitudes",
        "log_snr",
        "it is half of what it should be",
        "The few-step sampler takes steps of half the length and leaves noise in the images: digits torn into "
        "blots and specks.",
        "Signal and noise are compared by their variances, not by their spreads: no roots.",
        (("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "0.5 * (torch.log(alpha_bar) - torch.log1p(-alpha_bar))"),),
    ),
    Mistake(
        "snr-upside-down",
        "log_snr",
        "noise over signal",
        "The few-step sampler stops with a math domain error, or without fresh noise walks the wrong way: noisier.",
        "The cleaner the image, the larger the ratio; it falls as t grows.",
        (("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "torch.log1p(-alpha_bar) - torch.log(alpha_bar)"),),
    ),
    Mistake(
        "alpha-bar-of-betas",
        "NoiseSchedule.from_betas",
        "the betas themselves are multiplied up",
        "After the very first steps there is nothing but noise, and nothing at all of the image: the sampler stops "
        "with a division by zero.",
        "Beta is what a step takes. What is left is made of what each step keeps.",
        (("torch.cumprod(1 - betas, dim=0)", "torch.cumprod(betas, dim=0)"),),
    ),
    Mistake(
        "alpha-bar-summed",
        "NoiseSchedule.from_betas",
        "the betas are added up and taken from 1",
        "alpha_bar falls below 0, its root is NaN, and so is the loss.",
        "Each step takes its share of what is still there, not of what was there at first: shares multiply.",
        (("torch.cumprod(1 - betas, dim=0)", "1 - torch.cumsum(betas, dim=0)"),),
    ),
    Mistake(
        "previous-not-shifted",
        "NoiseSchedule.from_betas",
        "the table of the step before is that of the step itself",
        "The posterior variance is as large as beta, also at the end: a grain on the finished images, plain with few "
        "steps.",
        "Where the step before is meant, everything is one step cleaner.",
        (("torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])", "alpha_bar"),),
    ),
    Mistake(
        "previous-starts-at-zero",
        "NoiseSchedule.from_betas",
        "the step before the first has nothing of the image",
        "A sampler that reads the posterior variance adds noise in its last step instead of none: strong grain, "
        "through which the digits can still be seen.",
        "Before the first noising step comes the clean image, of which all is there.",
        (("torch.ones_like(alpha_bar[:1])", "torch.zeros_like(alpha_bar[:1])"),),
    ),
    Mistake(
        "sigma-without-root",
        "NoiseSchedule.from_betas",
        "the noise is weighted with its variance, not its spread",
        "The noised images are too clean in the first steps, and their variance is not 1; samples come out faint, "
        "on a ground that is not black, with grain all over.",
        "A number that multiplies an image scales its variance by the square.",
        (
            (
                '"sqrt_one_minus_alphas_cumprod": (1 - alpha_bar).sqrt()',
                '"sqrt_one_minus_alphas_cumprod": 1 - alpha_bar',
            ),
        ),
    ),
    Mistake(
        "schedule-in-float32",
        "NoiseSchedule.from_betas",
        "the tables are computed in float32",
        "None at first sight; at the least noised steps the noise level is off by percents, in half precision NaN.",
        "1 - alpha_bar with alpha_bar near 1 keeps only the digits that were stored behind the nines.",
        (("betas = betas.double()", "betas = betas.float()"),),
    ),
    Mistake(
        "tables-left-in-float64",
        "NoiseSchedule.from_betas",
        "the tables are float64",
        "The network stops: it expects float32 and gets float64. On Apple's GPUs there is no float64 at all.",
        "Compute with all digits, store in what images and weights are stored in.",
        (("{name: table.float() for", "{name: table for"),),
    ),
]
