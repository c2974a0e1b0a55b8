"""Lesson 01: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Sampled

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
                "T numbers, evenly spaced from the first to the last beta, in float64",
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
            minutes=4,
            scenes=(Sampled(schedule="linear", T=100),),
        ),
        Exercise(
            "cosine_betas",
            steps=(
                "refuse a T below 1, as in linear_betas",
                "f before the first step and after each step, in float64: how many values is that?",
                "the beta of each step: which share of what was there does it take away?",
                "cut them at MAX_BETA",
            ),
            hints=(
                "alpha_bar was 0.8 before a step and is 0.6 after it. Which share of the 0.8 did the step take away?",
                "beta_t = 1 - f((t + 1) / T) / f(t / T). So T betas need f at T + 1 places: u = 0, 1 / T, ..., 1. Mind "
                "the square, and compute in float64.",
                "With u = torch.arange(T + 1, dtype=torch.float64) / T and f from the formula, f[1:] is f after each "
                "step and f[:-1] before it; f(0) cancels. The last beta comes out as 1 and is cut by clamp(max=...).",
            ),
            minutes=7,
            scenes=(Sampled(),),
        ),
        Exercise(
            "NoiseSchedule.from_betas",
            steps=(
                "refuse bad betas: _check_betas does it",
                "go to float64: a product of 1000 numbers near 1 loses its last digits in float32",
                "alpha_bar after each step, and alpha_bar before it",
                "every table by its name, as its line under Attributes says",
                "a schedule made of them, each turned to float32: cls(betas=..., ...)",
            ),
            hints=(
                "A step of variance beta keeps 1 - beta of the image's variance. What is left after two steps? All "
                "variance that is not the image's is the noise's. What was it before the first step?",
                "torch.cumprod multiplies up along a table; for the table before, put a 1 in front and drop the last. "
                "Factors are roots of variances. posterior_variance is beta_t * (1 - alpha_bar_{t-1}) / "
                "(1 - alpha_bar_t), log_snr is log(alpha_bar_t / (1 - alpha_bar_t)).",
                "alpha_bar = torch.cumprod(1 - betas, dim=0), alpha_bar_prev = torch.cat([torch.ones_like("
                "alpha_bar[:1]), alpha_bar[:-1]]); betas * (1 - alpha_bar_prev) / (1 - alpha_bar) multiplies entry by "
                "entry, torch.log does each entry. End with cls(betas=..., ...), each table with .float().",
            ),
            minutes=10,
            scenes=(Sampled(),),
        ),
    ),
)
