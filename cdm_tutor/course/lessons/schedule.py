"""Lesson 01: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import ByTheTable, Sampled

LESSON = Lesson(
    number="01",
    title="The noise schedule",
    module="schedule",
    about="How fast an image drowns in noise: the linear and the cosine schedule, and the tables that follow from "
    "them.",
    exercises=(
        Exercise(
            "linear_betas",
            steps=(
                "refuse a T below 1: _check_steps does it",
                "how much more must each step do than with T = 1000?",
                "T numbers, evenly spaced from the scaled first to the scaled last beta, in float64",
                "cut them at MAX_BETA",
            ),
            hints=(
                "With T = 100 there are ten times fewer steps than with T = 1000, and the image must be gone all the "
                "same. How much larger must each beta be?",
                "Both ends, 1e-4 and 0.02, are multiplied by 1000 / T. torch has a function for evenly spaced numbers "
                "that takes the first, the last and how many; ask it for torch.float64.",
                "scale = 1000 / T, then torch.linspace from 1e-4 * scale to 0.02 * scale with T entries and "
                "dtype=torch.float64; clamp(max=...) cuts off what is too large.",
            ),
            scenes=(Sampled(schedule="linear", T=100),),
        ),
        Exercise(
            "cosine_betas",
            steps=(
                "refuse a T below 1",
                "the T + 1 places u = 0, 1 / T, ..., 1, in float64",
                "f at all of them",
                "each beta from two neighbours of f, cut at MAX_BETA",
            ),
            hints=(
                "alpha_bar is f, scaled to start at 1. Which share of it does step t take away?",
                "T betas need T + 1 values of f: the one before the first step as well. Mind the square, and compute "
                "in float64.",
                "With u = torch.arange(T + 1, dtype=torch.float64) / T and f from the formula, f[1:] is f after each "
                "step and f[:-1] before it; the last beta comes out as 1 and is cut.",
            ),
            scenes=(Sampled(),),
        ),
        Exercise(
            "posterior_variance",
            steps=("the formula above, on whole tables at once",),
            hints=(
                "What is alpha_bar_{t-1} at t = 0, and so what must the variance be there?",
                "The numerator has the noise *before* the step, the denominator the noise *after* it.",
                "betas times (1 - alpha_bar_prev), over (1 - alpha_bar): tables multiply entry by entry.",
            ),
            scenes=(ByTheTable(),),
        ),
        Exercise(
            "log_snr",
            steps=(
                "the formula above, on the whole table",
                "to think about: log1p(-a) is log(1 - a), exact for small a",
            ),
            hints=(
                "How much of the variance of x_t is image, how much is noise, and what is their ratio?",
                "The log of a ratio is a difference of two logs. Variances, so no roots.",
                "torch.log of alpha_bar, minus torch.log1p of its negative.",
            ),
            scenes=(Sampled(),),
        ),
        Exercise(
            "NoiseSchedule.from_betas",
            steps=(
                "refuse bad betas: _check_betas does it",
                "go to float64: a product of 1000 numbers near 1 loses its last digits in float32",
                "alpha_bar: the product, up to each step, of what each step keeps",
                "alpha_bar_prev: the same one step earlier, beginning with 1",
                "every table by its name (see Attributes), the last two from the functions above",
                "a schedule made of them, each turned to float32",
            ),
            hints=(
                "A step of variance beta keeps 1 - beta of the image's variance. What is left after two steps?",
                "torch.cumprod multiplies up along a table. For the shifted table, put a 1 in front and drop the last.",
                "alpha_bar = torch.cumprod(1 - betas, dim=0); torch.cat of a single one and alpha_bar[:-1] shifts it; "
                "the two sqrt tables are roots of alpha_bar and of 1 - alpha_bar. End with cls(betas=..., ...), each "
                "table with .float().",
            ),
            scenes=(Sampled(),),
        ),
    ),
)
