"""Known mistakes in lesson 01."""

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.scenes import ByTheTable, Sampled

MISTAKES = [
    Mistake(
        name="linear-not-rescaled",
        exercise="linear_betas",
        title="the betas are those of 1000 steps, however many there are",
        symptom="With fewer steps, a grey digit still shines through what should be pure noise; samples, which start "
        "from really pure noise, come out bold and tangled, with far too much white.",
        concept="What counts is how much of the image is left at the end. A tenth of the steps must each do ten times "
        "as much.",
        patch=(("scale = 1000 / T", "scale = 1.0"),),
        symptoms=("bold",),
    ),
    Mistake(
        name="linear-scale-upside-down",
        exercise="linear_betas",
        title="with fewer steps the betas get smaller, not larger",
        symptom="None with 1000 steps. With 50 the digit hardly gets noisy at all, and samples, which start from pure "
        "noise, stay noise.",
        concept="The fewer the steps, the more each must do.",
        patch=(("scale = 1000 / T", "scale = T / 1000"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="linear-scale-rounded",
        exercise="linear_betas",
        title="1000 / T is rounded down to a whole number",
        symptom="None where T divides 1000. With 300 steps each does a tenth too little, and a few of the samples are "
        "other ones. With more than 1000 all betas are 0, and refused.",
        concept="How much more a step must do is a ratio, and seldom a whole number. In Python // rounds down, / does "
        "not.",
        patch=(("scale = 1000 / T", "scale = 1000 // T"),),
        symptoms=("plain",),
        scenes=(Sampled(schedule="linear", T=300),),
    ),
    Mistake(
        name="linear-stops-short",
        exercise="linear_betas",
        title="the last beta is never reached",
        symptom="Hardly any with 1000 steps; with few, the last images keep more of the digit than they should.",
        concept="T numbers that include both ends have T - 1 gaps between them, not T.",
        patch=(("0.02 * scale, T, dtype=torch.float64)", "0.02 * scale, T + 1, dtype=torch.float64)[:-1]"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="linear-not-cut",
        exercise="linear_betas",
        title="with few steps some betas reach 1 and more",
        symptom="A schedule of 10 or 20 steps is refused, or turns the images into NaN.",
        concept="A variance of 1 leaves nothing of the image, more than 1 is no share at all: betas stay below 1.",
        patch=(("T, dtype=torch.float64).clamp(max=MAX_BETA)", "T, dtype=torch.float64)"),),
        symptoms=("error",),
        scenes=(Sampled(schedule="linear", T=20),),
    ),
    Mistake(
        name="linear-in-float32",
        exercise="linear_betas",
        title="the betas are float32",
        symptom="None at first sight; at the least noised steps, the tables made from them are off in the fourth "
        "digit.",
        concept="Numbers near 1 are multiplied a thousand times and then taken from 1. Keep the digits until the end.",
        patch=(("0.02 * scale, T, dtype=torch.float64)", "0.02 * scale, T)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="linear-rounded-on-the-way",
        exercise="linear_betas",
        title="the betas are computed in float32 and turned to float64 afterwards",
        symptom="None: the betas are off in the eighth digit.",
        concept="Digits that were rounded away do not come back. Begin in float64.",
        patch=(("0.02 * scale, T, dtype=torch.float64)", "0.02 * scale, T).double()"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="linear-ends-cut",
        exercise="linear_betas",
        title="the two ends are cut, and with them all betas between",
        symptom="Hardly any: with 20 steps and fewer, the betas between rise too slowly and the image stays for too "
        "long; the samples are only slightly different ones. With more steps nothing changes.",
        concept="A limit for every number is set to the numbers themselves. Set to the ends of a line, it tilts the "
        "line.",
        patch=(
            (
                "torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64).clamp(max=MAX_BETA)",
                "torch.linspace(1e-4 * scale, min(0.02 * scale, MAX_BETA), T, dtype=torch.float64)",
            ),
        ),
        symptoms=("looks-healthy",),
        scenes=(Sampled("ddim", 10, schedule="linear", T=10),),
    ),
    Mistake(
        name="cosine-not-squared",
        exercise="cosine_betas",
        title="the cosine is not squared",
        symptom="The image stays visible for most of the steps and then goes in a rush. A network trained with the "
        "right schedule still draws digits with this one, but thinner, on a ground that is not quite black.",
        concept="alpha_bar is a variance. The cosine itself is how much the image is dimmed, its square how much "
        "variance is left.",
        patch=(("* math.pi / 2) ** 2", "* math.pi / 2)"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="cosine-in-float32",
        exercise="cosine_betas",
        title="the betas are float32",
        symptom="None at first sight; the first betas, and so the least noised steps, are off in the third digit.",
        concept="Two neighbours on the cosine differ by millionths. In float32, which has seven digits, hardly any "
        "are left of the difference.",
        patch=(("torch.arange(T + 1, dtype=torch.float64) / T", "torch.arange(T + 1) / T"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="cosine-not-cut",
        exercise="cosine_betas",
        title="the last beta is 1",
        symptom="The schedule is refused; without that check the sampler would divide by zero in its first step.",
        concept="At the end f is 0, so the last step would take all there is. Something must be left to divide by.",
        patch=(("(1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)", "1 - f[1:] / f[:-1]"),),
        symptoms=("error",),
    ),
    Mistake(
        name="cosine-without-offset",
        exercise="cosine_betas",
        title="the offset is left out",
        symptom="None in the samples. The first steps add next to no noise; the network wastes its effort on naming "
        "what it cannot see.",
        concept="Near its top a cosine is flat. The offset starts a little further down, where it already falls.",
        patch=(("torch.cos((u + offset) / (1 + offset) * math.pi / 2)", "torch.cos(u * math.pi / 2)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="cosine-gives-alpha-bar",
        exercise="cosine_betas",
        title="alpha_bar is returned, not the betas",
        symptom="Nearly all of the image is gone after one step, and soon all of it: the sampler stops with a "
        "division by zero.",
        concept="The cosine says how much is left after all steps so far; a beta says how much one step takes of it.",
        patch=(("(1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)", "(f[1:] / f[0]).clamp(max=MAX_BETA)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="cosine-difference-not-share",
        exercise="cosine_betas",
        title="each beta is what alpha_bar loses, not the share of it that is lost",
        symptom="Towards the end much of the digit is left: the betas fall where they should rise to nearly 1. "
        "Samples, which start from pure noise, come out bold and filled.",
        concept="A beta is a share of what was still there before the step.",
        patch=(("(1 - f[1:] / f[:-1]).clamp", "((f[:-1] - f[1:]) / f[0]).clamp"),),
        symptoms=("bold",),
    ),
    Mistake(
        name="cosine-difference-of-f",
        exercise="cosine_betas",
        title="each beta is what f loses, not the share of it that is lost",
        symptom="Towards the end much of the digit is left: the betas fall where they should rise to nearly 1. "
        "Samples, which start from pure noise, come out bold and filled.",
        concept="A beta is a share of what was still there before the step.",
        patch=(("(1 - f[1:] / f[:-1]).clamp", "(f[:-1] - f[1:]).clamp"),),
        symptoms=("bold",),
    ),
    Mistake(
        name="cosine-all-that-is-gone",
        exercise="cosine_betas",
        title="each beta is all that is gone so far, not what this step takes",
        symptom="The digit is gone before t = 200, and the curve falls at once. The sampler stops with a division by "
        "zero.",
        concept="A step works on what the steps before it have left. Its beta is a share of that, not of the clean "
        "image.",
        patch=(("1 - f[1:] / f[:-1]", "1 - f[1:] / f[0]"),),
        symptoms=("error",),
    ),
    Mistake(
        name="cosine-upside-down",
        exercise="cosine_betas",
        title="the share that is kept is turned over: before by after",
        symptom="All betas are negative, and from_betas refuses them.",
        concept="What a step keeps is what is left after it, measured by what was there before it: less than 1.",
        patch=(("1 - f[1:] / f[:-1]", "1 - f[:-1] / f[1:]"),),
        symptoms=("error",),
    ),
    Mistake(
        name="cosine-offset-not-divided",
        exercise="cosine_betas",
        title="the offset is added, but nothing is divided by 1 + offset",
        symptom="The last betas are negative, and from_betas refuses them.",
        concept="The angle must end at a quarter turn. Beyond it a squared cosine rises again.",
        patch=(("(u + offset) / (1 + offset) * math.pi", "(u + offset) * math.pi"),),
        symptoms=("error",),
    ),
    Mistake(
        name="cosine-f-begins-at-one",
        exercise="cosine_betas",
        title="f before the first step is taken to be 1",
        symptom="None to see. Only the first beta is wrong, several times too large: the least noised images are too "
        "noisy.",
        concept="alpha_bar begins at 1, but with an offset f does not.",
        patch=(("1 - f[1:] / f[:-1]", "1 - f[1:] / torch.cat([torch.ones_like(f[:1]), f[1:-1]])"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="cosine-rounded-on-the-way",
        exercise="cosine_betas",
        title="the betas are computed in float32 and turned to float64 afterwards",
        symptom="None at first sight; the first betas, and so the least noised steps, are off in the third digit.",
        concept="Digits that were rounded away do not come back. Begin in float64.",
        patch=(
            ("torch.arange(T + 1, dtype=torch.float64) / T", "torch.arange(T + 1) / T"),
            ("(1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)", "(1 - f[1:] / f[:-1]).double().clamp(max=MAX_BETA)"),
        ),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="posterior-upside-down",
        exercise="NoiseSchedule.from_betas",
        title="posterior_variance: before and after are exchanged",
        symptom="The sampler divides by zero: black and white noise, or NaN.",
        concept="With x_0 known, less is uncertain before the step than after it, so the fraction is below 1, and 0 "
        "at first.",
        patch=(("betas * (1 - alpha_bar_prev) / (1 - alpha_bar)", "betas * (1 - alpha_bar) / (1 - alpha_bar_prev)"),),
        symptoms=("noise",),
        scenes=(ByTheTable(),),
    ),
    Mistake(
        name="posterior-is-beta",
        exercise="NoiseSchedule.from_betas",
        title="posterior_variance is just beta",
        symptom="A sampler that reads this table adds noise in the last step, too: a grain, too fine to see where the "
        "first beta is as small as here, plain with few steps.",
        concept="Beta is the variance if nothing of x_0 is known. Knowing x_0 narrows it; at the first step nothing is "
        "left.",
        patch=(("betas * (1 - alpha_bar_prev) / (1 - alpha_bar)", "betas * torch.ones_like(alpha_bar)"),),
        symptoms=("few-steps",),
        scenes=(ByTheTable(T=20, steps=20),),
    ),
    Mistake(
        name="posterior-one-step-late",
        exercise="NoiseSchedule.from_betas",
        title="posterior_variance: the noise is that of x_t, not that of x_{t-1}",
        symptom="A sampler that reads this table adds noise in the last step, too: a faint grain with few steps, "
        "hardly any with many.",
        concept="What the clean image leaves uncertain about x_{t-1} is the noise in x_{t-1}; at the first step there "
        "is none.",
        patch=(
            (
                "betas * (1 - alpha_bar_prev) / (1 - alpha_bar)",
                "1 / ((1 - betas) / betas + 1 / (1 - alpha_bar))",
            ),
        ),
        symptoms=("few-steps",),
        scenes=(ByTheTable(T=20, steps=20),),
    ),
    Mistake(
        name="posterior-is-spread",
        exercise="NoiseSchedule.from_betas",
        title="posterior_variance is the standard deviation, not the variance",
        symptom="Much too much noise at each step: grain that never goes away, and shreds of digits in it.",
        concept="Variance is the square of the standard deviation. The sampler takes the root, so it must not be taken "
        "before.",
        patch=(
            (
                "betas * (1 - alpha_bar_prev) / (1 - alpha_bar)",
                "(betas * (1 - alpha_bar_prev) / (1 - alpha_bar)).sqrt()",
            ),
        ),
        symptoms=("shreds",),
        scenes=(ByTheTable(),),
    ),
    Mistake(
        name="snr-without-log",
        exercise="NoiseSchedule.from_betas",
        title="log_snr is the ratio itself, not its log",
        symptom="The few-step sampler takes wild steps: samples are black and white specks, the digits hardly to be "
        "guessed.",
        concept="The ratio runs from ten thousand to a ten-thousandth; its log falls evenly, which is why it is used.",
        patch=(("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "alpha_bar / (1 - alpha_bar)"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="snr-of-amplitudes",
        exercise="NoiseSchedule.from_betas",
        title="log_snr is half of what it should be",
        symptom="The few-step sampler takes steps of half the length and leaves noise in the images: digits torn into "
        "blots and specks.",
        concept="Signal and noise are compared by their variances, not by their standard deviations: no roots.",
        patch=(
            (
                "torch.log(alpha_bar) - torch.log1p(-alpha_bar)",
                "0.5 * (torch.log(alpha_bar) - torch.log1p(-alpha_bar))",
            ),
        ),
        symptoms=("shreds",),
    ),
    Mistake(
        name="snr-upside-down",
        exercise="NoiseSchedule.from_betas",
        title="log_snr is that of noise over signal",
        symptom="The few-step sampler stops with a math domain error, or without fresh noise walks the wrong way: "
        "noisier.",
        concept="The cleaner the image, the larger the ratio; it falls as t grows.",
        patch=(("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "torch.log1p(-alpha_bar) - torch.log(alpha_bar)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="alpha-bar-of-betas",
        exercise="NoiseSchedule.from_betas",
        title="the betas themselves are multiplied up",
        symptom="After the very first steps there is nothing but noise, and nothing at all of the image: the sampler "
        "stops with a division by zero.",
        concept="Beta is what a step takes. What is left is made of what each step keeps.",
        patch=(("torch.cumprod(1 - betas, dim=0)", "torch.cumprod(betas, dim=0)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="alpha-bar-summed",
        exercise="NoiseSchedule.from_betas",
        title="the betas are added up and taken from 1",
        symptom="alpha_bar falls below 0, its root is NaN, and so is the loss.",
        concept="Each step takes its share of what is still there, not of what was there at first: shares multiply.",
        patch=(("torch.cumprod(1 - betas, dim=0)", "1 - torch.cumsum(betas, dim=0)"),),
        symptoms=("empty",),
    ),
    Mistake(
        name="previous-not-shifted",
        exercise="NoiseSchedule.from_betas",
        title="the table of the step before is that of the step itself",
        symptom="The posterior variance is as large as beta, also at the end: a grain on the finished images, plain "
        "with few steps.",
        concept="Where the step before is meant, everything is one step cleaner.",
        patch=(("torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])", "alpha_bar"),),
        symptoms=("few-steps",),
        scenes=(ByTheTable(T=20, steps=20),),
    ),
    Mistake(
        name="previous-starts-at-zero",
        exercise="NoiseSchedule.from_betas",
        title="the step before the first has nothing of the image",
        symptom="A sampler that reads the posterior variance adds noise in its last step instead of none: strong "
        "grain, through which the digits can still be seen.",
        concept="Before the first noising step comes the clean image, of which all is there.",
        patch=(("torch.ones_like(alpha_bar[:1])", "torch.zeros_like(alpha_bar[:1])"),),
        symptoms=("grain",),
        scenes=(ByTheTable(),),
    ),
    Mistake(
        name="sigma-without-root",
        exercise="NoiseSchedule.from_betas",
        title="the noise is weighted with its variance, not its standard deviation",
        symptom="The noised images are too clean in the first steps, and their variance is not 1; samples come out "
        "faint, on a ground that is not black, with grain all over.",
        concept="A number that multiplies an image scales its variance by the square.",
        patch=(
            (
                '"sqrt_one_minus_alphas_cumprod": (1 - alpha_bar).sqrt()',
                '"sqrt_one_minus_alphas_cumprod": 1 - alpha_bar',
            ),
        ),
        symptoms=("grey",),
        scenes=(Sampled("ddim"),),
    ),
    Mistake(
        name="sigma-is-the-rest",
        exercise="NoiseSchedule.from_betas",
        title="the factor on the noise is 1 minus the factor on the image",
        symptom="Halfway there is far too little noise. Samples are the right digits under grain, on grey.",
        concept="Image and noise share the variance: the two variances add up to 1, their roots do not.",
        patch=(
            (
                '"sqrt_one_minus_alphas_cumprod": (1 - alpha_bar).sqrt()',
                '"sqrt_one_minus_alphas_cumprod": 1 - alpha_bar.sqrt()',
            ),
        ),
        symptoms=("grey",),
        scenes=(Sampled("ddim"),),
    ),
    Mistake(
        name="schedule-in-float32",
        exercise="NoiseSchedule.from_betas",
        title="the tables are computed in float32",
        symptom="None at first sight; at the least noised steps the noise level is off by percents, in half precision "
        "NaN.",
        concept="1 - alpha_bar with alpha_bar near 1 keeps only the digits that were stored behind the nines.",
        patch=(("betas = betas.double()", "betas = betas.float()"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="schedule-in-the-digits-given",
        exercise="NoiseSchedule.from_betas",
        title="betas given in float32 are not turned to float64",
        symptom="None with the betas of this lesson, which are float64 already. From float32 betas the least noised "
        "steps are off.",
        concept="What comes in may have fewer digits than the computation needs. Go to float64 first.",
        patch=(("betas = betas.double()", "betas = betas.clone()"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="tables-left-in-float64",
        exercise="NoiseSchedule.from_betas",
        title="the tables are float64",
        symptom="The network stops: it expects float32 and gets float64. On Apple's GPUs there is no float64 at all.",
        concept="Compute with all digits, store in what images and weights are stored in.",
        patch=(("{name: table.float() for", "{name: table for"),),
        symptoms=("error",),
    ),
]
