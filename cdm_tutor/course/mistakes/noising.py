"""Known mistakes in lesson 02."""

from cdm_tutor.course.lesson import Mistake

NOISE = "    signal, sigma = _mix(t, x0, noise, schedule)\n    return signal * x0 + sigma * noise"  # q_sample
GATHER = "return table[t].reshape(-1, 1, 1, 1)"
LOSS = "(model(q_sample(x0, t, noise, schedule), t) - target).square().flatten(1).mean(dim=1)"

MISTAKES = [
    Mistake(
        "gather-not-shaped",
        "gather",
        "one coefficient a column, not one an image",
        "Stripes: each column of pixels is noised differently, all images alike. Mostly there is an error instead; if "
        "the batch is as large as an image is wide, there is none.",
        "torch lines dimensions up from the right, so the last one of what you multiply with meets the width. Where "
        "it should meet the batch, it needs dimensions of size 1 behind it.",
        ((GATHER, "return table[t]"),),
    ),
    Mistake(
        "gather-first-t",
        "gather",
        "the t of the first image is used for all",
        "All images of a batch are equally noisy, whatever their t; a network told otherwise learns to ignore t. "
        "The loss stays high, and samples are shreds of strokes in noise.",
        "Each image of a batch has a t of its own, and so a coefficient of its own.",
        ((GATHER, "return table[t[:1]].expand(len(t)).reshape(-1, 1, 1, 1)"),),
    ),
    Mistake(
        "gather-counts-from-one",
        "gather",
        "the steps are counted from 1",
        "Images with t = 0, which should be nearly clean, are pure noise; the others are a little too clean. The "
        "samples look as they should, and so does the loss.",
        "t = 0 is the first noising step and the first entry of the table. Before the first, Python finds the last.",
        ((GATHER, "return table[t - 1].reshape(-1, 1, 1, 1)"),),
    ),
    Mistake(
        "gather-takes-any-t",
        "gather",
        "a single t is taken for a whole batch without a word",
        "Where one t is given for a batch, all its images are equally noisy, and nothing says so. Where each has "
        "its own, as in training, nothing changes.",
        "A dimension of size 1 is stretched to fit, silently. Where that would hide an error, shapes must be compared.",
        (("if t.shape != like.shape[:1]:", "if t.ndim != 1:"),),
    ),
    Mistake(
        "noising-without-roots",
        "q_sample",
        "image and noise are weighted with their variances",
        "Halfway, image and noise are both too faint; the network never sees pictures as strong as the sampler's, "
        "and the samples keep some of the noise.",
        "alpha_bar is a share of variance. A number that multiplies an image scales its variance by the square.",
        ((NOISE, NOISE.replace("signal *", "signal**2 *").replace("sigma *", "sigma**2 *")),),
    ),
    Mistake(
        "noising-noise-without-root",
        "q_sample",
        "the noise is weighted with its variance, the image rightly",
        "Too clean, above all in the first steps; the network never sees as much noise as the sampler shows it, "
        "and the samples keep some of it.",
        "Both coefficients are spreads: only with both as roots do the variances add up to 1.",
        ((NOISE, NOISE.replace("sigma *", "sigma**2 *")),),
    ),
    Mistake(
        "noising-cross-fade",
        "q_sample",
        "image and noise are faded into each other: the weights add up to 1",
        "Too clean at first, faint in the middle; the network never sees as much noise as the sampler shows it. "
        "Samples are shreds of strokes with grain.",
        "Of independent things it is the variances that add up, and a weight counts in them by its square.",
        ((NOISE, NOISE.replace("sigma * noise", "(1 - signal) * noise")),),
    ),
    Mistake(
        "noising-swapped",
        "q_sample",
        "the two coefficients are exchanged",
        "t = 0 is pure noise, and the last t the clean image: the film runs backwards. The loss is low, and the "
        "samples are grey fog with noise.",
        "At t = 0 hardly anything has happened yet, so the coefficient of the image is near 1 there.",
        ((NOISE, NOISE.replace("signal * x0 + sigma * noise", "sigma * x0 + signal * noise")),),
    ),
    Mistake(
        "noising-scaled-by-the-image",
        "q_sample",
        "the noise is multiplied by the image",
        "Grey pixels stay as clean as they were, bright and dark ones are noised: the noise has the picture's "
        "shape. On digits, nearly all black or white, there is hardly anything to see, and the loss looks healthy; "
        "but the samples are nothing but noise.",
        "How much noise there is depends on t alone. The same noise falls on every pixel, whatever is there.",
        ((NOISE, NOISE.replace("sigma * noise", "sigma * noise * x0")),),
    ),
    Mistake(
        "noising-image-not-dimmed",
        "q_sample",
        "noise is added, but the image is not dimmed",
        "The digit still shows through at the last t, at full strength; samples, which start without one, are bold "
        "tangles of strokes. The loss is lower than it should be.",
        "Each step does both: it keeps a part of the image and makes up for the rest with noise. In the end the image "
        "must be gone.",
        ((NOISE, NOISE.replace("signal * x0", "x0")),),
    ),
    Mistake(
        "noising-a-single-step",
        "q_sample",
        "only the noise of step t is added, not that of all steps up to it",
        "Images are nearly clean even at large t, while the sampler starts from noise alone: it never finds an "
        "image, and the samples stay noise.",
        "A beta is what a single step does. The jump from the clean image to x_t does all steps so far at once.",
        (
            (
                NOISE,
                "    _mix(t, x0, noise, schedule)\n"
                "    beta = gather(schedule.betas, t, x0)\n"
                "    return (1 - beta).sqrt() * x0 + beta.sqrt() * noise",
            ),
        ),
    ),
    Mistake(
        "noising-one-step-early",
        "q_sample",
        "everything is one step too clean",
        "t = 0 is the clean image itself, and there is no noise for the network to find. It is one step of many: "
        "the samples look as they should.",
        "x_t is the image after step t, not before it. The first step, t = 0, adds noise already.",
        (
            (
                NOISE,
                "    _mix(t, x0, noise, schedule)\n"
                "    alpha_bar = gather(schedule.alphas_cumprod_prev, t, x0)\n"
                "    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise",
            ),
        ),
    ),
    Mistake(
        "noising-in-place",
        "q_sample",
        "the clean images are overwritten",
        "None where a batch is a copy, as the trainer's is. Where it is part of the training images themselves, "
        "they drown in noise, more with each epoch, and so do the samples.",
        "A tensor is handed over, not copied: who writes into it writes into the images of whoever called.",
        ((NOISE, NOISE.replace("signal * x0 + sigma * noise", "x0.mul_(signal).add_(sigma * noise)")),),
    ),
    Mistake(
        "noising-one-noise-for-all",
        "q_sample",
        "noise of another shape is taken without a word",
        "None where each image comes with its noise, as in the trainer. Handed a single noise picture, the whole "
        "batch gets the same grain.",
        "A dimension of size 1 is stretched to fit, silently. Where that would hide an error, shapes must be compared.",
        ((NOISE, NOISE.replace("_mix(t, x0, noise, schedule)", "_mix(t, x0, x0, schedule)")),),
    ),
    Mistake(
        "x0-stays-dim",
        "predict_x0",
        "the noise is taken away, but the image stays dim",
        "The predicted image is fainter the larger t is; samples come out bold and tangled, on a dark grey ground.",
        "Two things were done to the image. Without the noise it is still as dim as it was made.",
        (("return (x_t - sigma * noise) / signal", "return x_t - sigma * noise"),),
    ),
    Mistake(
        "x0-noise-not-scaled-up",
        "predict_x0",
        "only x_t is divided, the noise is not",
        "The predicted image keeps most of the noise, the more so the larger t is: samples are blots and specks.",
        "What was done last is undone first, and undoing the dimming scales up all that is there.",
        (("return (x_t - sigma * noise) / signal", "return x_t / signal - sigma * noise"),),
    ),
    Mistake(
        "x0-coefficients-swapped",
        "predict_x0",
        "the noise is treated as the image, and the image as the noise",
        "The predicted image is noise at small t; samples never settle: hard white tangles with specks around them.",
        "Each of the two went into x_t with its own coefficient, and comes out with the same.",
        (("return (x_t - sigma * noise) / signal", "return (x_t - signal * noise) / sigma"),),
    ),
    Mistake(
        "x0-clipped",
        "predict_x0",
        "the result is cut to [-1, 1]",
        "None at small t; where it cuts, the noise that belongs to the cut image is another than the one given.",
        "Undoing is exact, also for a bad guess of the noise. Whether to cut is for the sampler to decide.",
        (("return (x_t - sigma * noise) / signal", "return ((x_t - sigma * noise) / signal).clamp(-1, 1)"),),
    ),
    Mistake(
        "x0-without-gradient",
        "predict_x0",
        "the predicted image is cut off from what it was made of",
        "None in the samples. Whoever trains on the predicted image, as the critic does, finds no way back to the "
        "network that predicted the noise, and it learns nothing.",
        "A prediction may be part of a loss. What a function computes from a network's answer can be differentiated, "
        "unless the way is cut.",
        (("return (x_t - sigma * noise) / signal", "return ((x_t - sigma * noise) / signal).detach()"),),
    ),
    Mistake(
        "noise-image-not-dimmed",
        "predict_noise",
        "the image is taken away at full strength",
        "A negative of the digit shows in what should be pure noise, clearest at large t. DDIM's samples are a "
        "light grey texture, nothing else.",
        "In x_t the image is dim. Who takes away more than there is leaves its negative.",
        (("return (x_t - signal * x0) / sigma", "return (x_t - x0) / sigma"),),
    ),
    Mistake(
        "noise-stays-small",
        "predict_noise",
        "the image is taken away, but the noise is not scaled up",
        "At small t hardly any noise is found; DDIM keeps too little of it and smooths: plain, simple strokes.",
        "Noise has spread 1 when it is drawn and is made smaller before it is added.",
        (("return (x_t - signal * x0) / sigma", "return x_t - signal * x0"),),
    ),
    Mistake(
        "noise-coefficients-swapped",
        "predict_noise",
        "the image is treated as the noise, and the noise as the image",
        "The digit shows in what should be pure noise. DDIM's samples are white, with black specks.",
        "Each of the two went into x_t with its own coefficient, and comes out with the same.",
        (("return (x_t - signal * x0) / sigma", "return (x_t - sigma * x0) / signal"),),
    ),
    Mistake(
        "velocity-negative",
        "velocity",
        "it has the wrong sign",
        "Samples are nothing but noise, though the loss looks healthy: the image is subtracted where it should be "
        "added.",
        "Where x_t is nearly clean, v is nearly the noise itself, not its negative.",
        (("return signal * noise - sigma * x0", "return sigma * x0 - signal * noise"),),
    ),
    Mistake(
        "velocity-plus",
        "velocity",
        "image and noise are added, not subtracted",
        "Halfway, v tells the same as x_t, and the predicted image is grey. The loss is lower than it should be; "
        "samples are grey fog with bright flecks.",
        "v must tell what x_t does not. A quarter turn makes one of two coefficients negative.",
        (("return signal * noise - sigma * x0", "return signal * noise + sigma * x0"),),
    ),
    Mistake(
        "velocity-coefficients-swapped",
        "velocity",
        "the two coefficients are exchanged",
        "At both ends of the schedule v tells only what is in x_t already: the loss is lower than it should be, "
        "and samples are bold, blotted strokes.",
        "Where x_t is nearly clean, the noise is what one does not see, and it is what v must tell.",
        (("return signal * noise - sigma * x0", "return sigma * noise - signal * x0"),),
    ),
    Mistake(
        "velocity-taken-for-noise",
        "predict_x0_from_velocity",
        "v is treated as if it were the noise",
        "Fair at small t, where the two are nearly the same; torn and frayed strokes with specks, and of clothes "
        "white and black blotches. A sampler that adds fresh noise hides much of it, DDIM nothing.",
        "v holds a part of the image, too. To undo noising, one must know what the model was trained to predict.",
        (("return signal * x_t - sigma * v", "return (x_t - sigma * v) / signal"),),
    ),
    Mistake(
        "velocity-turned-further",
        "predict_x0_from_velocity",
        "it is turned on, not back",
        "Fair at small t, noise halfway, and at large t the negative of the image; samples are nothing but noise.",
        "x_t and v are image and noise turned by an angle. Back means the same angle the other way.",
        (("return signal * x_t - sigma * v", "return signal * x_t + sigma * v"),),
    ),
    Mistake(
        "velocity-gives-noise",
        "predict_x0_from_velocity",
        "the noise is returned, not the image",
        "What should be the predicted image is pure noise, and so are the samples.",
        "From x_t and v both can be had, image and noise, and each in its own way.",
        (("return signal * x_t - sigma * v", "return sigma * x_t + signal * v"),),
    ),
    Mistake(
        "loss-one-for-the-batch",
        "denoising_loss",
        "the mean is taken over the batch, too",
        "Training stops with an error: the trainer wants a number for each image. Elsewhere none; but which t are "
        "hard can no longer be seen, nor weighed.",
        "Each image has a t of its own and is scored on its own. Whoever trains takes the mean of the scores.",
        ((LOSS, LOSS.replace(".flatten(1).mean(dim=1)", ".mean()")),),
    ),
    Mistake(
        "loss-summed",
        "denoising_loss",
        "the squares are added up, not averaged",
        "The loss starts near 784. Clipped to the usual length, the gradient takes steps that never get smaller of "
        "themselves; not clipped, training jumps or turns NaN.",
        "A score that grows with the number of pixels needs another learning rate for each size of image.",
        ((LOSS, LOSS.replace(".mean(dim=1)", ".sum(dim=1)")),),
    ),
    Mistake(
        "loss-not-squared",
        "denoising_loss",
        "absolute differences, not squares",
        "Strokes shrink to dashes and dots, or vanish: the network aims at the median, not at the mean, and most "
        "pixels are black.",
        "The sampler needs the mean of all noises that could have been, and that is what makes squares least.",
        ((LOSS, LOSS.replace(".square()", ".abs()")),),
    ),
    Mistake(
        "loss-shows-the-clean-image",
        "denoising_loss",
        "the model is shown the clean images",
        "The loss stays high, for nothing of the noise can be seen; samples are noise.",
        "The model is to find the noise in a noised image. In a clean one there is nothing to find.",
        ((LOSS, LOSS.replace("q_sample(x0, t, noise, schedule)", "x0")),),
    ),
    Mistake(
        "loss-always-of-the-noise",
        "denoising_loss",
        "the answer is compared with the noise, whatever the model predicts",
        "Trained for v, the loss is lower than it should be, and samples are pale blotches: the sampler takes for "
        "v what is noise.",
        "What a model predicts is settled in training; loss and sampler must mean the same by its answer.",
        (("target = training_target(x0, t, noise, schedule, prediction)", "target = noise"),),
    ),
    Mistake(
        "loss-of-the-clean-image",
        "denoising_loss",
        "the answer is compared with the clean image",
        "The loss is low, and samples are nothing but noise: the sampler takes the image for what it is not.",
        "What a model predicts is settled in training; loss and sampler must mean the same by its answer.",
        (("target = training_target(x0, t, noise, schedule, prediction)", "target = x0"),),
    ),
    Mistake(
        "loss-t-as-a-fraction",
        "denoising_loss",
        "t is scaled to [0, 1] before the model gets it",
        "The loss ends a little higher: to the network, all steps look nearly the same. Samples, where that "
        "matters most, are a few faint specks.",
        "The model takes t as it is, a whole number, and makes its own picture of it.",
        ((LOSS, LOSS.replace("schedule), t)", "schedule), t / len(schedule))")),),
    ),
    Mistake(
        "loss-without-gradient",
        "denoising_loss",
        "the model's answer is cut off from its weights",
        "Training stops with an error: nothing requires a gradient.",
        "A loss is there to be differentiated: the way back to the weights must stay open.",
        ((LOSS, LOSS.replace("schedule), t)", "schedule), t).detach()")),),
    ),
]
