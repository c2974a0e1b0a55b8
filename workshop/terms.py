"""The terms of the course, and the lesson that explains each; no page uses one before.

Where a lesson explains a term, its first mention is in bold. "" stands for terms that no lesson's main path needs.
"""

import re

from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from workshop.minutes import main_path, page

TERMS = {
    "01": (
        "standard deviation", "linear schedule", "cosine schedule", "signal-to-noise ratio", "log-SNR",
    ),
    "02": ("velocity", "clipping", "broadcasting"),
    "03": ("embedding", "residual block", "group norm", "attention", "skip connection"),
    "04": ("DDPM", "DDIM", "DPM-Solver++", "eta", "stride"),
    "05": ("re-noising", "input perturbation", "specialist"),
    "06": (
        "epoch", "warm-up", "exponential moving average", "EMA", "gradient clipping", "checkpoint", "rank",
        "gradient accumulation",
    ),
    "07": ("label", "classifier-free guidance", "guidance scale", "inpainting", "RePaint", "SDEdit"),
    "08": ("consistency function", "consistency model", "distillation"),
    "": ("variational bound", "Kullback-Leibler", "forward hook", "score matching", "Markov"),
}  # fmt: skip


def plain(text: str) -> str:
    """A page's main path without code, formulas and addresses."""
    for pattern in (r"^```.*?^```", r"^\$\$.*?^\$\$", r"`[^`]*`", r"\$[^$]*\$", r"\]\([^)]*\)", r"^--8<--[^\n]*$"):
        text = re.sub(pattern, " ", text, flags=re.MULTILINE | re.DOTALL)
    return " ".join(text.split())


def too_early(lesson: Lesson) -> list[str]:
    """What is wrong with the terms on a lesson's page."""
    text = plain(main_path(page(lesson)))
    numbers = [each.number for each in LESSONS]
    wrong = []
    for introduced, terms in TERMS.items():
        for term in terms:
            first = re.search(rf"(\*\*)?(?<![\w-]){re.escape(term)}(?![\w-])", text, flags=re.IGNORECASE)
            if first and introduced not in numbers[: numbers.index(lesson.number) + 1]:
                wrong.append(f"{term}: explained in {introduced or 'no lesson'}")
            if introduced == lesson.number and not (first and first[1]):
                wrong.append(f"{term}: its first mention is not in bold, or there is none")
    return wrong
