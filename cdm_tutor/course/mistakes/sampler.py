"""Known mistakes in lesson 04."""

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.scenes import Sampled, Trained

VISITED = "[round(T - i * T / steps) - 1 for i in range(steps)]"
GUESSED = "to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)"
FROM_HERE = (
    "    signal_t, sigma_t = levels(schedule, guess.t)\n    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
)
ALPHA = "alpha = (signal_t / signal_prev) ** 2"
BETA = "beta = sigma_t**2 - alpha * sigma_prev**2"
TOLD_T = "model(x_t, steps)"
BEGUN = "    x, guess, last = x_T, ask(x_T, visits[0][0]), None\n"
DRAWN = "        noise = draw_like(x, generator)\n"
AGAIN = "x = first_order_step(x, t, prev_t, guess.pred_x0, schedule, noise, eta)"

MISTAKES = [
    Mistake(
        name="guess-not-clipped",
        exercise="denoise",
        title="the guessed image may leave [-1, 1]",
        symptom="With a network that predicts the noise, images burnt to pure white and black, with nothing to be "
        "read; one that predicts v, as the shipped ones do, hardly ever leaves the range.",
        concept="Where x_t is nearly all noise, a small error of the network is a huge error in the image. No image "
        "is brighter than white, so whatever is beyond can only be error.",
        patch=((GUESSED, GUESSED.removesuffix(".clamp(-1, 1)")),),
        symptoms=("noise",),
        scenes=(Trained(steps=900, prediction="noise", timesteps="uniform"),),
    ),
    Mistake(
        name="noise-not-recomputed",
        exercise="denoise",
        title="the image is clipped, but the noise is still the one that went with the unclipped image",
        symptom="From DDIM a background that is not quite black, and greyer the more steps are taken. Hard to see, "
        "easy to measure.",
        concept="Image and noise are two halves of one x_t. If you change one half, the other half changes as well.",
        patch=(
            (GUESSED, GUESSED.removesuffix(".clamp(-1, 1)")),
            ("return Guess(t, pred_x0, ", "return Guess(t, pred_x0.clamp(-1, 1), "),
        ),
        symptoms=("few-steps",),
        scenes=(Sampled("ddim", 50),),
    ),
    Mistake(
        name="answer-kept-as-noise",
        exercise="denoise",
        title="the model's answer goes into the Guess as the noise",
        symptom="With a network that predicts v, as the shipped ones do, the same grey pattern for every noise. With "
        "one that predicts the noise, what is seen if it is not computed again.",
        concept="What the answer is, prediction says: for v it is no noise at all. And beside a clipped image even the "
        "right noise no longer makes up x_t.",
        patch=(
            (GUESSED, "to_x0(x_t, steps, answer := model(x_t, steps), schedule).clamp(-1, 1)"),
            ("predict_noise(x_t, steps, pred_x0, schedule))", "answer)"),
        ),
        symptoms=("noise",),
        scenes=(Sampled("ddim", 20),),
    ),
    Mistake(
        name="clipped-at-black-grey",
        exercise="denoise",
        title="the guessed image is clipped to [0, 1]",
        symptom="The background is grey, not black.",
        concept="Images run from -1, black, to 1, white, everywhere but in files and on screens. Zero is the grey "
        "between.",
        patch=((".clamp(-1, 1)", ".clamp(0, 1)"),),
        symptoms=("grey",),
    ),
    Mistake(
        name="prediction-ignored",
        exercise="denoise",
        title="whatever the model predicts is taken for noise",
        symptom="With a network that predicts v, as the shipped ones do: torn and frayed strokes with specks, and of "
        "clothes only blots.",
        concept="A network's answer means nothing by itself. Noise and velocity are both tensors of the same shape; "
        "only who trained the network knows which it is.",
        patch=(('predict_x0 if prediction == "noise" else predict_x0_from_velocity', "predict_x0"),),
        symptoms=("shreds",),
        scenes=(Sampled("ddim", 20),),
    ),
    Mistake(
        name="prediction-always-v",
        exercise="denoise",
        title="whatever the model predicts is taken for v",
        symptom="None with a network that predicts v, as the shipped ones do; one that predicts noise gives "
        "pale, tangled strokes on a ground that is dark grey.",
        concept="A network's answer means nothing by itself. Noise and velocity are both tensors of the same shape; "
        "only who trained the network knows which it is. Unless told otherwise, it is noise.",
        patch=(('predict_x0 if prediction == "noise" else predict_x0_from_velocity', "predict_x0_from_velocity"),),
        symptoms=("grey",),
        scenes=(Sampled("ddim", 20, noise=True),),
    ),
    Mistake(
        name="t-squeezed-to-one",
        exercise="denoise",
        title="the model is told t / T, a number below 1",
        symptom="Dark grey fog with bright specks: the network takes every x_t for one of the very first noising "
        "steps.",
        concept="The sampler must speak to the network as training did, and training says the number of the step.",
        patch=((TOLD_T, "model(x_t, steps / len(schedule))"),),
        symptoms=("grey",),
    ),
    Mistake(
        name="t-counted-from-one",
        exercise="denoise",
        title="the model is told t + 1",
        symptom="Hardly any: the network takes each x_t for slightly noisier than it is, and smooths too much. The "
        "first step asks for a t that it never met.",
        concept="Papers count steps from 1, tables from 0. In this course t = 0 is the first noising step, everywhere.",
        patch=((TOLD_T, "model(x_t, steps + 1)"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="t-is-one-number",
        exercise="denoise",
        title="the model is given one number as t, not one for each image",
        symptom="The network stops with an error; or all goes well until one is used that mixes steps in a batch.",
        concept="A network is trained on batches in which each image has a t of its own, and expects the same shape "
        "here.",
        patch=((TOLD_T, "model(x_t, t)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="gradients-kept",
        exercise="denoise",
        title="all that the network computes is remembered for a backward pass",
        symptom="None in the images. Memory grows with each step, until there is none left.",
        concept="Sampling is no training: nobody will ask for a gradient through all these steps.",
        patch=(("@torch.no_grad()\ndef denoise", "def denoise"),),
        symptoms=("slow",),
        scenes=(Sampled(n=16, steps=10),),
    ),
    Mistake(
        name="spacing-leads",
        exercise="spaced_timesteps",
        title="the first visit is not at T - 1",
        symptom="Bold, tangled strokes with few steps: pure noise is handed to a network that is told there is an "
        "image in it, and finds more of it than there is.",
        concept="x_T is pure noise, so the walk must begin where training had pure noise: at the very last step.",
        patch=((VISITED, "[T - (i + 1) * T // steps for i in range(steps)]"),),
        symptoms=("bold",),
        scenes=(Sampled("ddim", 5),),
    ),
    Mistake(
        name="spacing-ends-early",
        exercise="spaced_timesteps",
        title="the visits run from T - 1 to 0, both included",
        symptom="Slightly coarser images than so many steps could give: the last one is spent where nothing is left "
        "to do.",
        concept="The walk ends at the clean image, which is at -1, not at 0; the strides are cut from the whole way.",
        patch=((VISITED, "[round((T - 1) * (1 - i / max(steps - 1, 1))) for i in range(steps)]"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="last-step-stops-at-zero",
        exercise="spaced_timesteps",
        title="the last step goes to 0",
        symptom="A very fine grain on the finished images.",
        concept="x_0 of the tables has been noised once. What the papers call the clean image is one further.",
        patch=(("[*visited[1:], -1]", "[*visited[1:], 0]"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="previous-is-next-door",
        exercise="spaced_timesteps",
        title="prev_t is always t - 1, also where steps are skipped",
        symptom="Noise: each step does the work of one, then the network is told that many were done.",
        concept="The step before, in the walk, is the next one that will be visited; how far away it is depends on "
        "the number of steps.",
        patch=(("list(zip(visited, [*visited[1:], -1], strict=True))", "[(t, t - 1) for t in visited]"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="spacing-starts-beyond",
        exercise="spaced_timesteps",
        title="the first t is T",
        symptom="An error before the first image: the tables have no entry T.",
        concept="T entries counted from 0 end at T - 1.",
        patch=((VISITED, VISITED.replace(") - 1 for", ") for")),),
        symptoms=("error",),
    ),
    Mistake(
        name="spacing-by-whole-strides",
        exercise="spaced_timesteps",
        title="all strides are T // steps, rounded down once for all",
        symptom="Strokes a little soft, without their finest detail: the strides that were cut short leave a long one "
        "to the end. None where the number of steps divides T.",
        concept="A stride that is rounded once is off by the same each time, and the last one has to make up for all. "
        "Round each place by itself.",
        patch=((VISITED, "[T - 1 - i * (T // steps) for i in range(steps)]"),),
        symptoms=("plain",),
        scenes=(Sampled("ddim", 60, T=100),),
    ),
    Mistake(
        name="walks-towards-noise",
        exercise="spaced_timesteps",
        title="the visits go up, from little noise to much",
        symptom="The same grey smudge in every image, or NaN.",
        concept="Noising goes up, sampling comes down: it begins with what is noisiest.",
        patch=((VISITED, VISITED.replace("range(steps)", "reversed(range(steps))")),),
        symptoms=("alike",),
    ),
    Mistake(
        name="one-beta-for-a-stride",
        exercise="posterior",
        title="alpha and beta are those of a single noising step, also where steps are skipped",
        symptom="Flat grey with few steps, and nothing else; nothing wrong with all of them: too little noise is "
        "taken away in each.",
        concept="A stride of fifty steps keeps the product of what each of them keeps. The table of betas knows "
        "single steps.",
        patch=(
            (ALPHA, "alpha = 1 - schedule.betas[guess.t].item()"),
            (BETA, "beta = schedule.betas[guess.t].item()"),
        ),
        symptoms=("empty",),
    ),
    Mistake(
        name="posterior-next-door",
        exercise="posterior",
        title="it is the posterior of t - 1, not of prev_t",
        symptom="Nothing but noise with few steps, nothing wrong with all of them.",
        concept="Where the walk goes next is for the caller to say; only when no step is skipped it is t - 1.",
        patch=((FROM_HERE, FROM_HERE.replace("prev_t)\n", "guess.t - 1)\n")),),
        symptoms=("noise",),
    ),
    Mistake(
        name="alpha-bar-as-alpha",
        exercise="posterior",
        title="what is left since the clean image is taken for what is left since the step before",
        symptom="Hard images: pure black and pure white, hardly a grey at the edges of the strokes, for there is far "
        "too much fresh noise on the way.",
        concept="alpha belongs to a stride, alpha_bar to all noising from the clean image on. Only on the way to the "
        "clean image are they the same.",
        patch=((ALPHA, "alpha = signal_t**2"), (BETA, "beta = 1 - alpha")),
        symptoms=("plain",),
    ),
    Mistake(
        name="weights-exchanged",
        exercise="posterior",
        title="image and x_t have each other's weights in the mean",
        symptom="Plain images, most of them ones and sevens, with a faint grain: at the last step all weight is on "
        "x_t.",
        concept="The nearer the clean image, the more the guess decides. At the last step nothing else is left.",
        patch=(
            (
                "guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t",
                "x_t + math.sqrt(alpha) * sigma_prev**2 * guess.pred_x0",
            ),
        ),
        symptoms=("alike",),
    ),
    Mistake(
        name="mean-of-image-and-noise",
        exercise="posterior",
        title="the mean is sqrt(alpha) * pred_x0 + beta * noise",
        symptom="Plain images: hardly anything but ones and nines, whatever the noise.",
        concept="The mean lies between two things that are known, the guessed image and x_t, each weighed by how sure "
        "it makes us. The weights belong together; they cannot be borrowed from the noising formula.",
        patch=(
            (
                "(signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2",
                "math.sqrt(alpha) * guess.pred_x0 + beta * guess.pred_noise",
            ),
        ),
        symptoms=("alike",),
    ),
    Mistake(
        name="alpha-without-root",
        exercise="posterior",
        title="x_t is weighed with alpha, not its root",
        symptom="Plainer images on a ground that is not quite black, the more so the fewer the steps.",
        concept="alpha is a share of the variance. What multiplies an image is a root.",
        patch=(("math.sqrt(alpha) * sigma_prev**2 * x_t", "alpha * sigma_prev**2 * x_t"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="levels-taken-for-shares",
        exercise="posterior",
        title="alpha is the ratio of the factors on the image, not of the shares of variance",
        symptom="Faint outlines of digits on grey, under grain.",
        concept="levels gives the numbers that multiply images. A share of the variance is the square of such a "
        "number.",
        patch=((ALPHA, "alpha = signal_t / signal_prev"), (BETA, "beta = 1 - alpha")),
        symptoms=("grey",),
    ),
    Mistake(
        name="stride-not-divided",
        exercise="posterior",
        title="the variance of what x_t says is 1 - alpha, not divided by alpha",
        symptom="Nothing but black and white noise with 20 steps.",
        concept="x_t divided by the root of alpha lies around x_prev. What divides a number by a root divides its "
        "variance by the square of it.",
        patch=(
            (
                "math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2",
                "sigma_prev**2 * x_t / math.sqrt(alpha)) / (beta + sigma_prev**2)",
            ),
            (
                "return mean, beta * sigma_prev**2 / sigma_t**2",
                "return mean, beta * sigma_prev**2 / (beta + sigma_prev**2)",
            ),
        ),
        symptoms=("noise",),
    ),
    Mistake(
        name="variance-of-the-stride",
        exercise="posterior",
        title="the variance is beta, as if nothing of the image were known",
        symptom="Grain on the finished images, strong with few steps: noise is added at the last step, too.",
        concept="beta is what the stride adds when one looks forward. Looking back with a guess of the image, less is "
        "open, and at the last step nothing.",
        patch=(("return mean, beta * sigma_prev**2 / sigma_t**2", "return mean, beta"),),
        symptoms=("grain",),
        scenes=(Sampled("ddpm", 10),),
    ),
    Mistake(
        name="variance-of-the-table",
        exercise="posterior",
        title="the variance is the table's, that of a single noising step, also where steps are skipped",
        symptom="With few steps plainer, bolder digits, on a ground with a very fine grain; nothing wrong with all of "
        "them.",
        concept="The table knows strides of one step only. A longer stride leaves more open; the one to the clean "
        "image leaves nothing.",
        patch=(
            (
                "return mean, beta * sigma_prev**2 / sigma_t**2",
                "return mean, schedule.posterior_variance[guess.t].item()",
            ),
        ),
        symptoms=("plain",),
        scenes=(Sampled("ddpm", 10),),
    ),
    Mistake(
        name="posterior-gives-spread",
        exercise="posterior",
        title="the second result is the standard deviation, not the variance",
        symptom="Much too much noise: grain that the next steps do not take away, and shreds of digits in it.",
        concept="Variance is the square of the standard deviation. Who draws takes the root, so it must not be taken "
        "before.",
        patch=(
            (
                "return mean, beta * sigma_prev**2 / sigma_t**2",
                "return mean, math.sqrt(beta * sigma_prev**2 / sigma_t**2)",
            ),
        ),
        symptoms=("shreds",),
    ),
    Mistake(
        name="variance-as-spread",
        exercise="p_sample",
        title="the noise is multiplied with the variance",
        symptom="Too little fresh noise: plain, simple strokes, many ones.",
        concept="A number that multiplies noise scales its variance by the square.",
        patch=(("mean + eta * math.sqrt(variance) * noise", "mean + eta * variance * noise"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="no-fresh-noise",
        exercise="p_sample",
        title="only the mean is taken",
        symptom="The same few images for every noise: always a nine, say, or a dark and nearly empty shirt.",
        concept="The mean is the average of all that x_prev might be, and an average of images is a blur. Drawing "
        "chooses one.",
        patch=(("return mean + eta * math.sqrt(variance) * noise", "return mean"),),
        symptoms=("alike",),
    ),
    Mistake(
        name="eta-under-the-root",
        exercise="p_sample",
        title="eta scales the variance of the fresh noise, not the noise",
        symptom="More fresh noise than was asked for; with 0 and 1 none.",
        concept="eta is a share of the noise. A number that multiplies noise stands before the root, and its square "
        "under it.",
        patch=(("eta * math.sqrt(variance)", "math.sqrt(eta * variance)"),),
        symptoms=("plain",),
        scenes=(Sampled("ddpm", 20, eta=0.3),),
    ),
    Mistake(
        name="noise-at-the-last-step",
        exercise="p_sample",
        title="fresh noise has variance betas[t], at every step",
        symptom="With few steps plainer, smoother images; with all of them a grain too fine to see: the last step "
        "adds noise.",
        concept="What is still open once the image is guessed is the posterior's variance; it is 0 where x_prev is "
        "the image.",
        patch=(
            (
                "mean + eta * math.sqrt(variance) * noise",
                "mean + eta * math.sqrt(schedule.betas[guess.t].item()) * noise",
            ),
        ),
        symptoms=("plain",),
    ),
    Mistake(
        name="eta-without-effect",
        exercise="p_sample",
        title="eta is not looked at",
        symptom="None, until one asks for less noise, and gets as much as before.",
        concept="eta is the share of fresh noise that is wanted: all of it at 1, none at 0.",
        patch=(("mean + eta * math.sqrt(variance) * noise", "mean + math.sqrt(variance) * noise"),),
        symptoms=("plain",),
        scenes=(Sampled("ddpm", 50, eta=0.7),),
    ),
    Mistake(
        name="old-noise-as-fresh",
        exercise="p_sample",
        title="the guessed noise is added again, not fresh noise",
        symptom="Nothing but noise: what was removed is put back.",
        concept="The mean has already decided how much of the old noise stays. What is drawn must know nothing of it.",
        patch=(("mean + eta * math.sqrt(variance) * noise", "mean + eta * math.sqrt(variance) * guess.pred_noise"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="ddim-noise-twice",
        exercise="ddim_step",
        title="fresh noise comes on top of all of the old noise",
        symptom="None with eta = 0; with fresh noise, grain that grows with eta, until the digits are torn to specks.",
        concept="x_prev has room for noise of variance 1 - alpha_bar_prev. What is fresh takes the place of what is "
        "old.",
        patch=(("math.sqrt(max(sigma_prev**2 - variance, 0.0)) * guess.pred_noise", "sigma_prev * guess.pred_noise"),),
        symptoms=("shreds",),
        scenes=(Sampled("ddim", 20, eta=1.0),),
    ),
    Mistake(
        name="ddim-eta-not-squared",
        exercise="ddim_step",
        title="eta scales the variance, not the standard deviation",
        symptom="More fresh noise than was asked for; with 0 and 1 none.",
        concept="eta multiplies the noise, so its square is what multiplies the variance.",
        patch=(("variance = eta**2 * posterior(", "variance = eta * posterior("),),
        symptoms=("plain",),
        scenes=(Sampled("ddim", 20, eta=0.3),),
    ),
    Mistake(
        name="ddim-subtracts-spreads",
        exercise="ddim_step",
        title="standard deviations are subtracted, not variances",
        symptom="Thin, plain strokes where eta is above 0: there is too little noise. With eta = 0 none.",
        concept="Of independent noises the variances add up, not the standard deviations: 3 and 4 make 5.",
        patch=(("math.sqrt(max(sigma_prev**2 - variance, 0.0))", "(sigma_prev - math.sqrt(variance))"),),
        symptoms=("plain",),
        scenes=(Sampled("ddim", 20, eta=0.5),),
    ),
    Mistake(
        name="ddim-without-root",
        exercise="ddim_step",
        title="the guessed noise is weighed with a variance",
        symptom="Smooth, simple strokes: too little noise is kept, and details come from noise.",
        concept="A number that multiplies noise scales its variance by the square.",
        patch=(
            (
                "math.sqrt(max(sigma_prev**2 - variance, 0.0)) * guess.pred_noise",
                "(sigma_prev**2 - variance) * guess.pred_noise",
            ),
        ),
        symptoms=("plain",),
    ),
    Mistake(
        name="ddim-next-door",
        exercise="ddim_step",
        title="the image is noised again to t - 1, not to prev_t",
        symptom="Nothing but noise with few steps, nothing wrong with all of them.",
        concept="Where the walk goes next is for the caller to say; only when no step is skipped it is t - 1.",
        patch=(
            (
                "levels(schedule, prev_t)\n    variance = eta**2",
                "levels(schedule, guess.t - 1)\n    variance = eta**2",
            ),
        ),
        symptoms=("noise",),
    ),
    Mistake(
        name="ddim-forgets-its-noise",
        exercise="ddim_step",
        title="the image is noised again with fresh noise, not with what was guessed",
        symptom="Images that change with each step and never settle: coarse, with few details.",
        concept="DDIM keeps the noise so that all steps pull at one image. That is why the same x_T gives the same "
        "image.",
        patch=(("0.0)) * guess.pred_noise", "0.0)) * noise"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="ddim-stops-short",
        exercise="ddim_step",
        title="at the last step some noise is left, as much as step 0 has",
        symptom="A very fine grain on the finished images.",
        concept="-1 is the clean image, where nothing was noised yet: all image, no noise.",
        patch=(
            (
                "levels(schedule, prev_t)\n    variance = eta**2",
                "levels(schedule, max(prev_t, 0))\n    variance = eta**2",
            ),
        ),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="ddim-last-table-entry",
        exercise="ddim_step",
        title="at the last step the tables are asked for entry -1, which is their last",
        symptom="Nothing but noise: at the last step the finished image is noised again, as much as the schedule can.",
        concept="-1 stands for the clean image, which has no entry in the tables; and in Python an index of -1 is no "
        "error.",
        patch=(
            (
                "levels(schedule, prev_t)\n    variance = eta**2",
                "schedule.sqrt_alphas_cumprod[prev_t], schedule.sqrt_one_minus_alphas_cumprod[prev_t]\n"
                "    variance = eta**2",
            ),
        ),
        symptoms=("noise",),
    ),
    Mistake(
        name="dpm-never-leans",
        exercise="dpm_step",
        title="the step before is not looked at",
        symptom="Slightly coarser images with few steps, none with many.",
        concept="Two guesses show where the next one will be. Going by the last alone, each step is behind by half of "
        "itself.",
        patch=(("    if last and prev_t >= 0:\n", "    if False:\n"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="dpm-leans-back",
        exercise="dpm_step",
        title="it leans to where the guess was, not to where it is going",
        symptom="Coarse, unsettled images with few steps.",
        concept="If the guess moved from A to B, the next one lies beyond B.",
        patch=(("(guess.pred_x0 - last.pred_x0)", "(last.pred_x0 - guess.pred_x0)"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="dpm-strides-exchanged",
        exercise="dpm_step",
        title="the two strides have changed places",
        symptom="Strokes that are too thick, other digits than there should be.",
        concept="How fast the guess moves is its change over the stride in which it changed; how far it will move "
        "depends on the stride to come.",
        patch=(("(h / (2 * h_last))", "(h_last / (2 * h))"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="dpm-counts-timesteps",
        exercise="dpm_step",
        title="strides are measured in timesteps, not in half the log-SNR",
        symptom="Hardly any: a few strokes are a little other with few steps.",
        concept="The guess changes with the noise level, and equal numbers of timesteps are not equal steps of noise: "
        "at both ends of the walk the level moves much faster.",
        patch=(
            (
                "stride_length(schedule, guess.t, prev_t), stride_length(schedule, last.t, guess.t)",
                "guess.t - prev_t, last.t - guess.t",
            ),
        ),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="dpm-half-the-change",
        exercise="dpm_step",
        title="it leans by half the last change, however long the two strides are",
        symptom="Hardly any: a few strokes are a little other with few steps.",
        concept="How far the guess moved took the whole last stride. In a stride twice as long it moves twice as far.",
        patch=(("(h / (2 * h_last))", "0.5"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="dpm-leans-a-whole-stride",
        exercise="dpm_step",
        title="it leans by a whole stride, not by half of one",
        symptom="Overdone images with few steps: strokes too thick, with holes and fringes.",
        concept="During the stride the guess moves from here to there. On average it is half way.",
        patch=(("(h / (2 * h_last))", "(h / h_last)"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="dpm-leans-at-the-end",
        exercise="dpm_step",
        title="it leans at the last step, too",
        symptom="Grain and fringes around the strokes: -1 in the table of log-SNRs is its last entry, so the last "
        "step leans far beyond the image.",
        concept="Beyond the clean image there is nothing to lean to; and in Python an index of -1 is no error.",
        patch=(("    if last and prev_t >= 0:\n", "    if last:\n"),),
        symptoms=("grain",),
    ),
    Mistake(
        name="always-asks-about-x-T",
        exercise="dpm_walk",
        title="the model is asked about the pure noise at every step",
        symptom="Nothing but noise: it is shown to a network that is told it is nearly an image, and it is left as it "
        "is.",
        concept="Each step begins where the one before has led.",
        patch=(("ask(x_prev, prev_t)", "ask(x_T, prev_t)"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="prediction-not-passed-on",
        exercise="sample",
        title="denoise is not told what the model predicts",
        symptom="None with networks that predict noise; with those that predict v, torn and frayed strokes, and of "
        "clothes blots.",
        concept="What the network was trained to predict has to reach the one place where its answer is read.",
        patch=(
            (
                "partial(denoise, model, schedule=schedule, prediction=prediction)",
                "partial(denoise, model, schedule=schedule)",
            ),
        ),
        symptoms=("shreds",),
        scenes=(Sampled("ddim", 20),),
    ),
    Mistake(
        name="eta-of-zero-is-none",
        exercise="sample",
        title="an eta of 0 is taken for none given",
        symptom="The same x_T gives another image each time, although no fresh noise was wanted.",
        concept="In Python 0 counts as false, like None. No noise and no wish are two things.",
        patch=(("eta = usual_eta if eta is None else eta", "eta = eta or usual_eta"),),
        symptoms=("same-seed",),
        scenes=(Sampled("dpm", 8, eta=0.0, again="other"),),
    ),
    Mistake(
        name="same-noise-each-step",
        exercise="dpm_walk",
        title="noise is drawn once and used at every step",
        symptom="Blots, and grain in the same places all along: the noise adds up where it should cancel.",
        concept="Each step adds noise that has nothing to do with what was added before; only then do variances add.",
        patch=(
            (BEGUN, BEGUN + "    noise = draw_like(x_T, generator)\n"),
            (DRAWN, ""),
        ),
        symptoms=("shreds",),
    ),
    Mistake(
        name="one-noise-for-all-images",
        exercise="dpm_walk",
        title="all images of a batch get the same fresh noise",
        symptom="All images of a batch are alike.",
        concept="Every image is a draw of its own, with noise of its own at each step.",
        patch=((DRAWN, DRAWN.replace("(x,", "(x[:1],")),),
        symptoms=("alike",),
    ),
    Mistake(
        name="generator-not-used",
        exercise="dpm_walk",
        title="noise is drawn without the generator",
        symptom="None; but no image can ever be made again.",
        concept="Same seed, same images: all chance comes from the generator that was handed over.",
        patch=((DRAWN, "        noise = torch.randn_like(x)\n"),),
        symptoms=("same-seed",),
        scenes=(Sampled("dpm", 8, again="same"),),
    ),
    Mistake(
        name="x-T-overwritten",
        exercise="dpm_walk",
        title="x_T is changed in place",
        symptom="Images from the same x_T do not come out the same the second time; dpm, which looks back, goes "
        "astray.",
        concept="The caller still holds x_T, and a step that is remembered still holds its x_t. A step makes a new "
        "tensor.",
        patch=(
            (
                "x_prev = dpm_step(x, guess, last, prev_t, schedule, noise, eta)",
                "x_prev = x.copy_(dpm_step(x, guess, last, prev_t, schedule, noise, eta))",
            ),
        ),
        symptoms=("same-seed",),
        scenes=(Sampled("dpm", 8, again="same"),),
    ),
    Mistake(
        name="forgets-the-step-before",
        exercise="dpm_walk",
        title="no guess is remembered for the next step",
        symptom='Slightly coarser images from "dpm" with few steps; none from the others.',
        concept="The dpm solver is better than DDIM only because it looks back.",
        patch=(("last, guess = guess, ask(", "guess = ask("),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="never-corrected",
        exercise="dpm_walk",
        title="the step is not taken again once its end is known",
        symptom='Slightly coarser images from "dpm" with few steps.',
        concept="A prediction can be checked: the guess at the end of a stride says what the stride should have aimed "
        "at.",
        patch=((AGAIN, "x = x_prev"),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="corrected-with-the-old-guess",
        exercise="dpm_walk",
        title="the step is taken again with the guess that it was taken with",
        symptom='Slightly coarser images from "dpm" with few steps.',
        concept="Repeating a step with what was known before corrects nothing; what is new is the guess at its end.",
        patch=((AGAIN, AGAIN.replace("guess.pred_x0", "last.pred_x0")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="corrected-from-x-prev",
        exercise="dpm_walk",
        title="the step is taken again from where it led, not from where it began",
        symptom="Plain, thin strokes, some broken, and other digits: each stride is walked twice.",
        concept="Taking a step again means to go back first. The prediction was only made to be asked about.",
        patch=((AGAIN, AGAIN.replace("(x, t,", "(x_prev, t,")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="remembers-the-new-guess",
        exercise="dpm_walk",
        title="the guess about x_prev is kept as the last one, too",
        symptom="ZeroDivisionError, float division by zero, in dpm_step: the stride from a guess to itself has no "
        "length.",
        concept="The last guess is the one that the next has replaced. It must be put aside before a new one takes "
        "its name.",
        patch=(("last, guess = guess, ask(x_prev, prev_t)", "last = guess = ask(x_prev, prev_t)"),),
        symptoms=("error",),
    ),
    Mistake(
        name="corrected-with-new-noise",
        exercise="dpm_walk",
        title="the step is taken again with new noise, not with the noise that it had",
        symptom='Thinner, broken strokes from "dpm" with few steps; none with eta = 0.',
        concept="The guess was made about an x with a certain noise in it. Taken again with other noise, the step "
        "leads to another x, about which nothing was guessed.",
        patch=((AGAIN, AGAIN.replace("noise", "draw_like(x, generator)")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="a-thousand-steps",
        exercise="sample",
        title="T is taken to be 1000, however long the schedule is",
        symptom="An error before the first image: IndexError, index 999 is out of bounds. None with a schedule of "
        "1000 steps.",
        concept="How many noising steps there are is for the schedule to say, and differs from one to the next.",
        patch=(("spaced_timesteps(len(schedule), steps)", "spaced_timesteps(1000, steps)"),),
        symptoms=("error",),
        scenes=(Sampled("dpm", 8, T=100),),
    ),
    Mistake(
        name="corrects-every-solver",
        exercise="sample",
        title="DDPM and DDIM walk as dpm does: predicted by its step, and corrected",
        symptom="Images from DDPM and DDIM that are not theirs.",
        concept="Predict and correct is how one solver works. The others are the plain step, which is what makes them "
        "comparable.",
        patch=(("solve, usual_eta = SOLVERS[solver]", "solve, usual_eta = dpm_walk, SOLVERS[solver][1]"),),
        symptoms=("few-steps",),
        scenes=(Sampled("ddpm", 20),),
    ),
]
