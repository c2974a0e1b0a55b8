"""All known mistakes by what one sees. A mistake may be in several groups; of those that images show it is in one.

The groups were made by looking at what workshop/clinic/make.py had drawn.
"""

from dataclasses import dataclass

HEALTHY, EMPTY, SCRIBBLES = "looks-healthy", "empty", "scribbles"


@dataclass(frozen=True)
class Group:
    """A symptom.

    Attributes:
        name: short; also its place on the site, clinic.html#name.
        title: what one sees, in a few words.
        look: how to tell it from the others.
        mistakes: those that have it, the commonest first.
        in_images: whether a set of images is enough to tell.
    """

    name: str
    title: str
    look: str
    mistakes: tuple[str, ...]
    in_images: bool = False


def find_group(name: str) -> Group:
    """The group of that name."""
    return next(group for group in GROUPS if group.name == name)


AFTER_TRAINING: dict[str, str] = {
    "block-without-residual": "noise",
    "unet-folds-by-reshape": "noise",
    "unet-unfolds-by-reshape": "noise",
    "unet-output-squashed": "grain",
}  # what mistakes of the network lead to that are first shown on weights trained without them

GROUPS: tuple[Group, ...] = (
    Group(
        "noise",
        "Nothing but noise",
        "Grain, specks or a fine pattern, and no stroke anywhere. Is the loss fine? Then look at the averaged "
        "weights, and at what the sampler takes the answer for.",
        (
            "ema-without-warm-up", "ema-never-moves", "loss-of-the-clean-image", "velocity-negative",
            "previous-is-next-door", "ddim-next-door", "posterior-next-door", "optimizer-never-steps",
            "zeroed-and-frozen", "noising-a-single-step", "loss-shows-the-clean-image", "always-asks-about-x-T",
            "old-noise-as-fresh", "posterior-upside-down", "guess-not-clipped", "average-not-restored",
            "noising-scaled-by-the-image", "velocity-turned-further", "velocity-gives-noise",
            "noise-coefficients-swapped", "snr-without-log", "no-zero-grad", "noise-not-normal", "decode-skip-in-front",
            "block-without-residual", "unet-folds-by-reshape", "unet-unfolds-by-reshape", "ema-moves-the-network",
            "ddim-last-table-entry",
        ),
        in_images=True,
    ),
    Group(
        "grain",
        "Digits under grain",
        "The digits are there, and readable, but specks lie over them and over the ground.",
        (
            "variance-of-the-stride", "previous-starts-at-zero", "renoise-at-full-strength",
            "refined-each-step-from-the-start", "dpm-leans-at-the-end", "refiner-trained-on-clean-images",
            "unet-output-squashed", "unet-last-norm-unused", "embedding-sines-first", "embedding-interleaved",
            "refiner-ends-in-sigmoid",
        ),
        in_images=True,
    ),
    Group(
        "shreds",
        "Torn to shreds and specks",
        "Pieces of strokes among specks; a digit can be guessed at best.",
        (
            "prediction-ignored", "prediction-not-passed-on", "velocity-taken-for-noise", "posterior-is-spread",
            "posterior-gives-spread", "ddim-noise-twice", "snr-of-amplitudes", "same-noise-each-step",
            "x0-noise-not-scaled-up", "x0-coefficients-swapped", "gather-first-t", "noising-cross-fade",
            "noising-without-roots", "noising-noise-without-root", "loss-t-as-a-fraction", "embedding-small-base",
            "block-second-silu-missing", "block-ignores-the-time", "unet-time-mlp-unused",
        ),
        in_images=True,
    ),
    Group(
        "bold",
        "Bold and tangled",
        "Clean white strokes, but too many and too fat: knots and filled loops.",
        (
            "spacing-leads", "linear-not-rescaled", "noising-image-not-dimmed", "cosine-difference-not-share",
            "x0-stays-dim", "velocity-coefficients-swapped", "block-time-before-norm",
        ),
        in_images=True,
    ),
    Group(
        "grey",
        "Grey: fog, or a ground that is not black",
        "What should be black is grey, all over, with or without flecks in it.",
        (
            "clipped-at-black-grey", "sigma-without-root", "t-squeezed-to-one", "embedding-of-fractions",
            "unet-time-in-fractions", "unet-time-dropped", "velocity-plus", "noising-swapped", "noise-image-not-dimmed",
            "skips-before-their-blocks", "embedding-slow-to-fast",
        ),
        in_images=True,
    ),
    Group(
        "blotches",
        "White or pale blotches",
        "Large bright patches instead of strokes, or nothing but white.",
        (
            "always-predicts-noise", "loss-always-of-the-noise", "step-not-counted", "block-shift-first",
            "block-statistics-of-the-batch",
        ),
        in_images=True,
    ),
    Group(
        "alike",
        "All alike",
        "One image for every noise, or hardly anything but ones and nines.",
        (
            "no-fresh-noise", "one-noise-for-all-images", "mean-of-image-and-noise", "weights-exchanged",
            "walks-towards-noise",
        ),
        in_images=True,
    ),
    Group(
        "empty",
        "Empty, or NaN",
        "Flat images of a single grey, nearly black ones, or numbers that are none: then the pictures are "
        "black.",
        (
            "nan-into-the-weights", "alpha-bar-summed", "one-beta-for-a-stride", "block-scale-without-one",
            "loss-not-squared",
        ),
        in_images=True,
    ),
    Group(
        "scribbles",
        "Strokes, but no digits",
        "Clean strokes that do not make digits. First of all: was it trained for long enough? Ten minutes "
        "make digits. If it was, or if the weights are the package's, something keeps the parts from finding "
        "together.",
        (
            "unet-middle-skipped", "one-t-for-all", "unet-time-of-the-first", "embedding-of-the-first",
            "block-time-of-the-first",
            "embedding-minus-missing", "same-noise-every-step", "bare-network-called", "zero-grad-between-parts",
        ),
        in_images=True,
    ),
    Group(
        "looks-healthy",
        "Nothing wrong to see",
        "Digits like real ones, all different, on black. A mistake may still be there: of these here nothing "
        "shows, neither in the samples nor in the loss, but the tests see it.",
        (
            "linear-in-float32", "cosine-in-float32", "schedule-in-float32", "x0-clipped", "x0-without-gradient",
            "cosine-without-offset", "noising-in-place", "noising-one-noise-for-all", "gather-takes-any-t",
            "gather-counts-from-one", "noising-one-step-early", "last-t-never-drawn", "first-t-never-drawn",
            "zeroed-bias-stays", "ema-equals-weights", "ema-wrong-way-round", "ema-ignores-decay",
            "warm-up-ends-in-a-jump", "attention-without-residual", "linear-ends-cut",
        ),
        in_images=True,
    ),
    Group(
        "plain",
        "Clean, but not what they should be",
        "By themselves the samples look fine. Beside right ones from the same noise they are plainer, "
        "thinner, harder, coarser, or other digits.",
        (
            "variance-as-spread", "noise-at-the-last-step", "cosine-not-squared", "alpha-bar-as-alpha",
            "alpha-without-root", "ddim-without-root", "noise-stays-small", "ddim-forgets-its-noise",
            "dpm-strides-exchanged", "eta-without-effect", "ddim-eta-not-squared", "embedding-reaches-too-far",
            "attention-keys-ask", "attention-over-queries", "attention-scrambles-positions", "attention-among-channels",
            "attention-across-images", "unet-attention-unused", "same-batch-all-epoch", "variance-of-the-table",
            "spacing-by-whole-strides",
        ),
        in_images=False,
    ),
    Group(
        "few-steps",
        "Slightly worse with few steps",
        "Coarser or less clean than so few steps can give, or a grain too fine to see; nothing wrong with "
        "many.",
        (
            "never-corrected", "forgets-the-step-before", "dpm-never-leans", "corrected-with-the-old-guess",
            "dpm-leans-back", "dpm-leans-a-whole-stride", "corrects-every-solver", "spacing-ends-early",
            "last-step-stops-at-zero", "ddim-stops-short", "noise-not-recomputed", "posterior-is-beta",
            "previous-not-shifted", "t-counted-from-one", "linear-stops-short", "corrected-with-new-noise",
        ),
        in_images=False,
    ),
    Group(
        "refining",
        "Refined, and no better",
        "The first network's faults are still there after refining, or the images are softer, or a veil lies "
        "over them.",
        (
            "refined-never-used", "refined-without-noising", "refined-with-no-noise", "renoise-of-one-step",
            "refiner-start-of-zero", "refined-with-perturbed-noise",
            "refiner-in-one-step", "refiner-a-third-off", "second-step-from-the-start", "refined-from-another-step",
            "refined-with-fresh-noise", "refined-with-shared-noise", "refined-with-noise-at-the-end",
            "refiner-ends-at-zero", "refined-as-if-noise", "renoise-without-shrinking", "renoise-counts-from-one",
            "refiner-target-always-noise", "refiner-folds-pixels", "perturbation-not-scaled",
            "perturbation-is-a-variance", "perturbed-after-noising", "always-the-denoising-loss", "t-below-ignored",
            "refiner-trained-without-perturbation", "target-knows-the-extra-noise", "perturbation-in-place",
            "perturbation-is-the-noise", "perturbation-of-the-next-pixel", "perturbation-always-alike",
            "perturbation-not-normal", "perturbation-keeps-the-variance", "perturbation-shared",
            "perturbation-of-a-neighbour", "refiner-too-deep", "refiner-too-wide", "refiner-with-attention",
        ),
        in_images=False,
    ),
    Group(
        "elsewhere",
        "Fine from nothing, wrong with other weights",
        "A network trained with the mistake is as good as any. One with weights trained without it, the "
        "package's for instance, is not.",
        (
            "embedding-sines-first", "embedding-interleaved", "embedding-small-base", "embedding-reaches-too-far",
            "block-shift-first", "decode-skip-in-front", "attention-keys-ask", "embedding-slow-to-fast",
        ),
        in_images=False,
    ),
    Group(
        "same-seed",
        "The same seed, other images",
        "What should come out the same a second time does not.",
        (
            "generator-not-used", "refined-by-global-chance", "x-T-overwritten", "eta-of-zero-is-none",
        ),
        in_images=False,
    ),
    Group(
        "error",
        "It stops with an error",
        "The error is in the entry, word for word.",
        (
            "zeroed-gives-nothing", "gather-not-shaped", "loss-one-for-the-batch", "refiner-loss-of-the-batch",
            "loss-without-gradient", "block-shortcut-forgotten", "decode-skips-added", "skips-of-every-layer",
            "skips-turned-round", "decode-first-skip-first", "decode-one-skip-for-all", "t-is-one-number",
            "tables-left-in-float64", "spacing-starts-beyond", "a-thousand-steps", "linear-not-cut", "cosine-not-cut",
            "cosine-gives-alpha-bar", "alpha-bar-of-betas", "snr-upside-down", "refiner-start-not-checked",
        ),
        in_images=False,
    ),
    Group(
        "loss-stays",
        "The loss stays high",
        "It never falls, or stops falling early and ends above where it should.",
        (
            "optimizer-never-steps", "zeroed-and-frozen", "ema-moves-the-network", "no-zero-grad",
            "loss-shows-the-clean-image", "unet-folds-by-reshape", "unet-unfolds-by-reshape", "block-without-residual",
            "gather-first-t", "noising-a-single-step", "noising-cross-fade", "noising-without-roots",
            "noising-noise-without-root", "unet-output-squashed", "embedding-of-the-first", "unet-time-of-the-first",
            "block-time-of-the-first",
            "embedding-minus-missing", "embedding-of-fractions", "unet-time-in-fractions", "unet-time-dropped",
            "loss-t-as-a-fraction", "block-ignores-the-time", "block-second-silu-missing", "block-time-before-norm",
            "unet-last-norm-unused", "bare-network-called", "zero-grad-between-parts", "rate-comes-back",
            "never-shuffled", "not-clipped", "clipped-after-the-step", "clipped-each-number", "focus-ignored",
            "refiner-trained-on-clean-images", "refiner-folds-pixels", "refiner-ends-in-sigmoid",
            "perturbation-not-scaled", "perturbation-is-a-variance", "perturbed-after-noising", "t-below-ignored",
        ),
        in_images=False,
    ),
    Group(
        "loss-jumps",
        "The loss jumps, or is far too large",
        "Spikes, leaps from step to step, waves, NaN, or a number in the hundreds.",
        (
            "one-t-for-all", "no-zero-grad", "warm-up-missing", "loss-summed", "refiner-loss-summed",
            "nan-into-the-weights", "not-clipped", "clipped-after-the-step", "clipped-each-number",
            "rate-not-handed-on", "rate-never-falls", "warm-up-never-ends", "never-shuffled", "same-order-every-epoch",
            "optimizer-not-restored", "sum-not-mean", "attention-not-scaled", "attention-norm-forgotten",
        ),
        in_images=False,
    ),
    Group(
        "loss-low",
        "The loss is lower than it should be",
        "Lower than a right training ever gets, and the samples do not follow.",
        (
            "same-noise-every-step", "same-batch-all-epoch", "noise-not-normal", "velocity-plus",
            "velocity-coefficients-swapped", "noising-swapped", "noising-image-not-dimmed", "loss-of-the-clean-image",
            "loss-always-of-the-noise", "always-predicts-noise", "refiner-target-always-noise",
        ),
        in_images=False,
    ),
    Group(
        "slow",
        "Right, but slow, or without an end",
        "The pictures are right, but it takes longer or more memory than it should.",
        (
            "step-not-counted", "seconds-not-counted", "refiner-too-wide", "refiner-with-attention", "refiner-too-deep",
            "gradients-kept", "seconds-not-restored", "focus-ignored", "share-is-everything",
            "each-process-the-whole-batch",
        ),
        in_images=False,
    ),
    Group(
        "processes",
        "Fine on one process, wrong on two",
        "Try one process: if that is right, look here.",
        (
            "bare-network-called", "mean-of-own-share", "each-process-the-whole-batch", "each-process-its-own-order",
            "each-process-the-same-noise", "draws-depend-on-the-process", "share-is-everything", "mean-of-each-part",
            "zero-grad-between-parts", "block-ignores-the-time", "unet-time-mlp-unused", "unet-last-norm-unused",
        ),
        in_images=False,
    ),
    Group(
        "stopped",
        "Fine until it was stopped and gone on with",
        "A training that was never stopped is right.",
        (
            "optimizer-not-restored", "average-not-restored", "step-not-restored", "seconds-not-restored",
            "fit-starts-anew",
        ),
        in_images=False,
    ),
)  # fmt: skip
