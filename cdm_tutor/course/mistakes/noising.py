"""Known mistakes in lesson 02."""

from cdm_tutor.course.lesson import Mistake

NOISE = "    signal, sigma = _mix(t, x0, noise, schedule)\n    return signal * x0 + sigma * noise"  # q_sample
GATHER = "return table[t].reshape(-1, 1, 1, 1)"
LOSS = "(model(q_sample(x0, t, noise, schedule), t) - target).square().flatten(1).mean(dim=1)"

MISTAKES = [
    Mistake(
        name="gather-not-shaped",
        exercise="gather",
        title="one coefficient a column, not one an image",
        symptom="Stripes: each column of pixels is noised differently, all images alike. Mostly there is an error "
        "instead; if the batch is as large as an image is wide, there is none.",
        concept="torch lines dimensions up from the right, so the last one of what you multiply with meets the width. "
        "Where it should meet the batch, it needs dimensions of size 1 behind it.",
        patch=((GATHER, "return table[t]"),),
        symptoms=("error",),
    ),
    Mistake(
        name="gather-first-t",
        exercise="gather",
        title="the t of the first image is used for all",
        symptom="All images of a batch are equally noisy, whatever their t; a network told otherwise learns to ignore "
        "t. The loss stays high, and samples are shreds of strokes in noise.",
        concept="Each image of a batch has a t of its own, and so a coefficient of its own.",
        patch=((GATHER, "return table[t[:1]].expand(len(t)).reshape(-1, 1, 1, 1)"),),
        symptoms=("shreds", "loss-stays"),
    ),
    Mistake(
        name="gather-counts-from-one",
        exercise="gather",
        title="the steps are counted from 1",
        symptom="Images with t = 0, which should be nearly clean, are pure noise; the others are a little too clean. "
        "The samples look as they should, and so does the loss.",
        concept="t = 0 is the first noising step and the first entry of the table. Before the first, Python finds the "
        "last.",
        patch=((GATHER, "return table[t - 1].reshape(-1, 1, 1, 1)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="gather-takes-any-t",
        exercise="gather",
        title="a single t is taken for a whole batch without a word",
        symptom="Where one t is given for a batch, all its images are equally noisy, and nothing says so. Where each "
        "has its own, as in training, nothing changes.",
        concept="A dimension of size 1 is stretched to fit, silently. Where that would hide an error, shapes must be "
        "compared.",
        patch=(("if t.shape != like.shape[:1]:", "if t.ndim != 1:"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="noising-without-roots",
        exercise="q_sample",
        title="image and noise are weighted with their variances",
        symptom="Halfway, image and noise are both too faint; the network never sees pictures as strong as the "
        "sampler's, and the samples keep some of the noise.",
        concept="alpha_bar is a share of variance. A number that multiplies an image scales its variance by the "
        "square.",
        patch=((NOISE, NOISE.replace("signal *", "signal**2 *").replace("sigma *", "sigma**2 *")),),
        symptoms=("shreds", "loss-stays"),
    ),
    Mistake(
        name="noising-noise-without-root",
        exercise="q_sample",
        title="the noise is weighted with its variance, the image rightly",
        symptom="Too clean, above all in the first steps; the network never sees as much noise as the sampler shows "
        "it, and the samples keep some of it.",
        concept="Both coefficients are standard deviations: only with both as roots do the variances add up to 1.",
        patch=((NOISE, NOISE.replace("sigma *", "sigma**2 *")),),
        symptoms=("shreds", "loss-stays"),
    ),
    Mistake(
        name="noising-cross-fade",
        exercise="q_sample",
        title="image and noise are faded into each other: the weights add up to 1",
        symptom="Too clean at first, faint in the middle; the network never sees as much noise as the sampler shows "
        "it. Samples are shreds of strokes with grain.",
        concept="Of independent things it is the variances that add up, and a weight counts in them by its square.",
        patch=((NOISE, NOISE.replace("sigma * noise", "(1 - signal) * noise")),),
        symptoms=("shreds", "loss-stays"),
    ),
    Mistake(
        name="noising-swapped",
        exercise="q_sample",
        title="the two coefficients are exchanged",
        symptom="t = 0 is pure noise, and the last t the clean image: the film runs backwards. The loss is low, and "
        "the samples are grey fog with noise.",
        concept="At t = 0 hardly anything has happened yet, so the coefficient of the image is near 1 there.",
        patch=((NOISE, NOISE.replace("signal * x0 + sigma * noise", "sigma * x0 + signal * noise")),),
        symptoms=("grey", "loss-low"),
    ),
    Mistake(
        name="noising-scaled-by-the-image",
        exercise="q_sample",
        title="the noise is multiplied by the image",
        symptom="Grey pixels stay as clean as they were, bright and dark ones are noised: the noise has the picture's "
        "shape. On digits, nearly all black or white, there is hardly anything to see, and the loss looks healthy; "
        "but the samples are nothing but noise.",
        concept="How much noise there is depends on t alone. The same noise falls on every pixel, whatever is there.",
        patch=((NOISE, NOISE.replace("sigma * noise", "sigma * noise * x0")),),
        symptoms=("noise",),
    ),
    Mistake(
        name="noising-image-not-dimmed",
        exercise="q_sample",
        title="noise is added, but the image is not dimmed",
        symptom="The digit still shows through at the last t, at full strength; samples, which start without one, are "
        "bold tangles of strokes. The loss is lower than it should be.",
        concept="Each step does both: it keeps a part of the image and makes up for the rest with noise. In the end "
        "the image must be gone.",
        patch=((NOISE, NOISE.replace("signal * x0", "x0")),),
        symptoms=("bold", "loss-low"),
    ),
    Mistake(
        name="noising-a-single-step",
        exercise="q_sample",
        title="only the noise of step t is added, not that of all steps up to it",
        symptom="Images are nearly clean even at large t, while the sampler starts from noise alone: it never finds "
        "an image, and the samples stay noise.",
        concept="A beta is what a single step does. The jump from the clean image to x_t does all steps so far at "
        "once.",
        patch=(
            (
                NOISE,
                "    _mix(t, x0, noise, schedule)\n"
                "    beta = gather(schedule.betas, t, x0)\n"
                "    return (1 - beta).sqrt() * x0 + beta.sqrt() * noise",
            ),
        ),
        symptoms=("noise", "loss-stays"),
    ),
    Mistake(
        name="noising-one-step-early",
        exercise="q_sample",
        title="everything is one step too clean",
        symptom="t = 0 is the clean image itself, and there is no noise for the network to find. It is one step of "
        "many: the samples look as they should.",
        concept="x_t is the image after step t, not before it. The first step, t = 0, adds noise already.",
        patch=(
            (
                NOISE,
                "    _mix(t, x0, noise, schedule)\n"
                "    alpha_bar = gather(schedule.alphas_cumprod_prev, t, x0)\n"
                "    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * noise",
            ),
        ),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="noising-in-place",
        exercise="q_sample",
        title="the clean images are overwritten",
        symptom="None where a batch is a copy, as the trainer's is. Where it is part of the training images "
        "themselves, they drown in noise, more with each epoch, and so do the samples.",
        concept="A tensor is handed over, not copied: who writes into it writes into the caller's images.",
        patch=((NOISE, NOISE.replace("signal * x0 + sigma * noise", "x0.mul_(signal).add_(sigma * noise)")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="noising-one-noise-for-all",
        exercise="q_sample",
        title="noise of another shape is taken without a word",
        symptom="None where each image comes with its noise, as in the trainer. Handed a single noise picture, the "
        "whole batch gets the same grain.",
        concept="A dimension of size 1 is stretched to fit, silently. Where that would hide an error, shapes must be "
        "compared.",
        patch=((NOISE, NOISE.replace("_mix(t, x0, noise, schedule)", "_mix(t, x0, x0, schedule)")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="x0-stays-dim",
        exercise="predict_x0",
        title="the noise is taken away, but the image stays dim",
        symptom="The predicted image is fainter the larger t is; samples come out bold and tangled, on a dark grey "
        "ground.",
        concept="Two things were done to the image. Without the noise it is still as dim as it was made.",
        patch=(("return (x_t - sigma * noise) / signal", "return x_t - sigma * noise"),),
        symptoms=("bold",),
    ),
    Mistake(
        name="x0-noise-not-scaled-up",
        exercise="predict_x0",
        title="only x_t is divided, the noise is not",
        symptom="The predicted image keeps most of the noise, the more so the larger t is: samples are blots and "
        "specks.",
        concept="What was done last is undone first, and undoing the dimming scales up all that is there.",
        patch=(("return (x_t - sigma * noise) / signal", "return x_t / signal - sigma * noise"),),
        symptoms=("shreds",),
    ),
    Mistake(
        name="x0-noise-at-full-strength",
        exercise="predict_x0",
        title="the noise is taken away at full strength",
        symptom="At small t more noise is taken away than was there, so it covers the digit, as a negative. At large t "
        "all is well: samples are only thinner, with a faint grain.",
        concept="It is not the noise that is in x_t but a weaker one.",
        patch=(("return (x_t - sigma * noise) / signal", "return (x_t - noise) / signal"),),
        symptoms=("grain",),
    ),
    Mistake(
        name="x0-coefficients-swapped",
        exercise="predict_x0",
        title="the noise is treated as the image, and the image as the noise",
        symptom="The predicted image is noise at small t; samples never settle: hard white tangles with specks around "
        "them.",
        concept="Each of the two went into x_t with its own coefficient, and comes out with the same.",
        patch=(("return (x_t - sigma * noise) / signal", "return (x_t - signal * noise) / sigma"),),
        symptoms=("shreds",),
    ),
    Mistake(
        name="x0-clipped",
        exercise="predict_x0",
        title="the result is cut to [-1, 1]",
        symptom="None at small t; where it cuts, the noise that belongs to the cut image is another than the one "
        "given.",
        concept="Undoing is exact, also for a bad guess of the noise. Whether to cut is for the sampler to decide.",
        patch=(("return (x_t - sigma * noise) / signal", "return ((x_t - sigma * noise) / signal).clamp(-1, 1)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="x0-without-gradient",
        exercise="predict_x0",
        title="the predicted image is cut off from what it was made of",
        symptom="None in the samples. A loss on the predicted image, as the critic's, finds no way back to the network "
        "that predicted the noise, and it learns nothing.",
        concept="A prediction may be part of a loss. What a function computes from a network's answer can be "
        "differentiated, unless the way is cut.",
        patch=(("return (x_t - sigma * noise) / signal", "return ((x_t - sigma * noise) / signal).detach()"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="noise-image-not-dimmed",
        exercise="predict_noise",
        title="the image is taken away at full strength",
        symptom="A negative of the digit shows in what should be pure noise, clearest at large t. DDIM's samples are "
        "a light grey texture, nothing else.",
        concept="In x_t the image is dim. Who takes away more than there is leaves its negative.",
        patch=(("return (x_t - signal * x0) / sigma", "return (x_t - x0) / sigma"),),
        symptoms=("grey",),
    ),
    Mistake(
        name="noise-stays-small",
        exercise="predict_noise",
        title="the image is taken away, but the noise is not scaled up",
        symptom="At small t hardly any noise is found; DDIM keeps too little of it and smooths: plain, simple strokes.",
        concept="Noise has the standard deviation 1 when it is drawn and is made smaller before it is added.",
        patch=(("return (x_t - signal * x0) / sigma", "return x_t - signal * x0"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="noise-coefficients-swapped",
        exercise="predict_noise",
        title="the image is treated as the noise, and the noise as the image",
        symptom="The digit shows in what should be pure noise. DDIM's samples are white, with black specks.",
        concept="Each of the two went into x_t with its own coefficient, and comes out with the same.",
        patch=(("return (x_t - signal * x0) / sigma", "return (x_t - sigma * x0) / signal"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="velocity-negative",
        exercise="velocity",
        title="it has the wrong sign",
        symptom="Samples are nothing but noise, though the loss looks healthy: the image is subtracted where it "
        "should be added.",
        concept="Where x_t is nearly clean, v is nearly the noise itself, not its negative.",
        patch=(("return signal * noise - sigma * x0", "return sigma * x0 - signal * noise"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="velocity-plus",
        exercise="velocity",
        title="image and noise are added, not subtracted",
        symptom="Halfway, v tells the same as x_t, and the predicted image is grey. The loss is lower than it should "
        "be; samples are grey fog with bright flecks.",
        concept="v must tell what x_t does not. A quarter turn makes one of two coefficients negative.",
        patch=(("return signal * noise - sigma * x0", "return signal * noise + sigma * x0"),),
        symptoms=("grey", "loss-low"),
    ),
    Mistake(
        name="velocity-coefficients-swapped",
        exercise="velocity",
        title="the two coefficients are exchanged",
        symptom="At both ends of the schedule v tells only what is in x_t already: the loss is lower than it should "
        "be, and samples are bold, blotted strokes.",
        concept="Where x_t is nearly clean, the noise is what one does not see, and it is what v must tell.",
        patch=(("return signal * noise - sigma * x0", "return sigma * noise - signal * x0"),),
        symptoms=("bold", "loss-low"),
    ),
    Mistake(
        name="velocity-parts-exchanged",
        exercise="velocity",
        title="image and noise are exchanged",
        symptom="v shows the digit where x_t shows it, and the noise where x_t shows that. The loss is lower than it "
        "should be.",
        concept="v must tell what x_t does not: the noise where x_t is nearly clean, the image where it is not.",
        patch=(("return signal * noise - sigma * x0", "return signal * x0 - sigma * noise"),),
        symptoms=("loss-low",),
    ),
    Mistake(
        name="velocity-taken-for-noise",
        exercise="predict_x0_from_velocity",
        title="v is treated as if it were the noise",
        symptom="Fair at small t, where the two are nearly the same; torn and frayed strokes with specks, and of "
        "clothes white and black blotches. A sampler that adds fresh noise hides much of it, DDIM nothing.",
        concept="v holds a part of the image, too. To undo noising, one must know what the model was trained to "
        "predict.",
        patch=(("return signal * x_t - sigma * v", "return (x_t - sigma * v) / signal"),),
        symptoms=("shreds",),
    ),
    Mistake(
        name="velocity-turned-further",
        exercise="predict_x0_from_velocity",
        title="it is turned on, not back",
        symptom="Fair at small t, noise halfway, and at large t the negative of the image; samples are nothing but "
        "noise.",
        concept="x_t and v are image and noise turned by an angle. Back means the same angle the other way.",
        patch=(("return signal * x_t - sigma * v", "return signal * x_t + sigma * v"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="velocity-x-t-not-weighted",
        exercise="predict_x0_from_velocity",
        title="v is multiplied by its factor, x_t is not",
        symptom="Right at small t. At large t the noise of x_t stays in the image; samples are torn, with specks.",
        concept="Of both arrows only a part points in the direction of the image.",
        patch=(("return signal * x_t - sigma * v", "return x_t - sigma * v"),),
        symptoms=("shreds",),
    ),
    Mistake(
        name="velocity-clipped",
        exercise="predict_x0_from_velocity",
        title="the result is cut to [-1, 1]",
        symptom="None to see: pictures are cut to black and white anyway.",
        concept="Undoing is exact, also for a bad guess of v. Whether to cut is for the sampler to decide.",
        patch=(("return signal * x_t - sigma * v", "return (signal * x_t - sigma * v).clamp(-1, 1)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="velocity-gives-noise",
        exercise="predict_x0_from_velocity",
        title="the noise is returned, not the image",
        symptom="What should be the predicted image is pure noise, and so are the samples.",
        concept="From x_t and v both can be had, image and noise, and each in its own way.",
        patch=(("return signal * x_t - sigma * v", "return sigma * x_t + signal * v"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="loss-one-for-the-batch",
        exercise="denoising_loss",
        title="the mean is taken over the batch, too",
        symptom="Training stops with an error: the trainer wants a number for each image. Elsewhere none; but which t "
        "are hard can no longer be seen, nor weighed.",
        concept="Each image has a t of its own and is scored on its own. The trainer takes the mean of the scores.",
        patch=((LOSS, LOSS.replace(".flatten(1).mean(dim=1)", ".mean()")),),
        symptoms=("error",),
    ),
    Mistake(
        name="loss-summed",
        exercise="denoising_loss",
        title="the squares are added up, not averaged",
        symptom="The loss starts near 784. Clipped to the usual length, the gradient takes steps that never get "
        "smaller of themselves; not clipped, training jumps or turns NaN.",
        concept="A score that grows with the number of pixels needs another learning rate for each size of image.",
        patch=((LOSS, LOSS.replace(".mean(dim=1)", ".sum(dim=1)")),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="loss-not-squared",
        exercise="denoising_loss",
        title="absolute differences, not squares",
        symptom="Strokes shrink to dashes and dots, or vanish: the network aims at the median, not at the mean, and "
        "most pixels are black.",
        concept="The sampler needs the mean of all noises that could have been, and that is what makes squares least.",
        patch=((LOSS, LOSS.replace(".square()", ".abs()")),),
        symptoms=("empty",),
    ),
    Mistake(
        name="loss-mean-before-square",
        exercise="denoising_loss",
        title="the mean is taken first, and then the square",
        symptom="The loss is next to 0 from the start, and says nothing of how good the network is.",
        concept="Too high in one pixel and too low in the next must not cancel. That is what the squares are for.",
        patch=((LOSS, LOSS.replace(".square().flatten(1).mean(dim=1)", ".flatten(1).mean(dim=1).square()")),),
        symptoms=("loss-low",),
    ),
    Mistake(
        name="loss-shows-the-clean-image",
        exercise="denoising_loss",
        title="the model is shown the clean images",
        symptom="The loss stays high, for nothing of the noise can be seen; samples are noise.",
        concept="The model is to find the noise in a noised image. In a clean one there is nothing to find.",
        patch=((LOSS, LOSS.replace("q_sample(x0, t, noise, schedule)", "x0")),),
        symptoms=("noise", "loss-stays"),
    ),
    Mistake(
        name="loss-always-of-the-noise",
        exercise="denoising_loss",
        title="the answer is compared with the noise, whatever the model predicts",
        symptom="Trained for v, the loss is lower than it should be, and samples are pale blotches: the sampler takes "
        "for v what is noise.",
        concept="What a model predicts is settled in training; loss and sampler must mean the same by its answer.",
        patch=(("target = training_target(x0, t, noise, schedule, prediction)", "target = noise"),),
        symptoms=("blotches", "loss-low"),
    ),
    Mistake(
        name="loss-of-the-clean-image",
        exercise="denoising_loss",
        title="the answer is compared with the clean image",
        symptom="The loss is low, and samples are nothing but noise: the sampler takes the image for what it is not.",
        concept="What a model predicts is settled in training; loss and sampler must mean the same by its answer.",
        patch=(("target = training_target(x0, t, noise, schedule, prediction)", "target = x0"),),
        symptoms=("noise", "loss-low"),
    ),
    Mistake(
        name="loss-of-v-unless-told",
        exercise="denoising_loss",
        title="the model is taken to predict v where nothing is said",
        symptom="None where training says what it predicts, as the trainer does. Where it does not, a model of noise "
        "is compared with v: its samples are blotches.",
        concept="What a model predicts is settled in training. A default is part of that agreement: here it is noise.",
        patch=(('prediction: Prediction = "noise"', 'prediction: Prediction = "v"'),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="loss-t-as-a-fraction",
        exercise="denoising_loss",
        title="t is scaled to [0, 1] before the model gets it",
        symptom="The loss ends a little higher: to the network, all steps look nearly the same. Samples, where that "
        "matters most, are a few faint specks.",
        concept="The model takes t as it is, a whole number, and makes its own picture of it.",
        patch=((LOSS, LOSS.replace("schedule), t)", "schedule), t / len(schedule))")),),
        symptoms=("shreds", "loss-stays"),
    ),
    Mistake(
        name="loss-without-gradient",
        exercise="denoising_loss",
        title="the model's answer is cut off from its weights",
        symptom="Training stops with an error: nothing requires a gradient.",
        concept="A loss is there to be differentiated: the way back to the weights must stay open.",
        patch=((LOSS, LOSS.replace("schedule), t)", "schedule), t).detach()")),),
        symptoms=("error",),
    ),
]
