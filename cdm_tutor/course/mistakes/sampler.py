"""Known mistakes in lesson 04."""

from cdm_tutor.course.lesson import Mistake

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
        "guess-not-clipped",
        "denoise",
        "the guessed image may leave [-1, 1]",
        "With a network that predicts the noise, images burnt to pure white and black, with nothing to be read; "
        "one that predicts v, as the shipped ones do, hardly ever leaves the range.",
        "Where x_t is nearly all noise, a small error of the network is a huge error in the image. No image is "
        "brighter than white, so whatever is beyond can only be error.",
        ((GUESSED, GUESSED.removesuffix(".clamp(-1, 1)")),),
    ),
    Mistake(
        "noise-not-recomputed",
        "denoise",
        "the image is clipped, but the noise is still the one that went with the unclipped image",
        "From DDIM a background that is not quite black, and greyer the more steps are taken. Hard to see, easy to "
        "measure.",
        "Image and noise are two halves of one x_t. Whoever changes one half has changed the other.",
        (
            (GUESSED, GUESSED.removesuffix(".clamp(-1, 1)")),
            ("return Guess(t, pred_x0, ", "return Guess(t, pred_x0.clamp(-1, 1), "),
        ),
    ),
    Mistake(
        "clipped-at-black-grey",
        "denoise",
        "the guessed image is clipped to [0, 1]",
        "The background is grey, not black.",
        "Images run from -1, black, to 1, white, everywhere but in files and on screens. Zero is the grey between.",
        ((".clamp(-1, 1)", ".clamp(0, 1)"),),
    ),
    Mistake(
        "prediction-ignored",
        "denoise",
        "whatever the model predicts is taken for noise",
        "With a network that predicts v, as the shipped ones do: torn and frayed strokes with specks, and of "
        "clothes only blots.",
        "A network's answer means nothing by itself. Noise and velocity are both tensors of the same shape; only who "
        "trained the network knows which it is.",
        (('predict_x0 if prediction == "noise" else predict_x0_from_velocity', "predict_x0"),),
    ),
    Mistake(
        "t-squeezed-to-one",
        "denoise",
        "the model is told t / T, a number below 1",
        "Dark grey fog with bright specks: the network takes every x_t for one of the very first noising steps.",
        "The sampler must speak to the network as training did, and training says the number of the step.",
        ((TOLD_T, "model(x_t, steps / len(schedule))"),),
    ),
    Mistake(
        "t-counted-from-one",
        "denoise",
        "the model is told t + 1",
        "Hardly any: the network takes each x_t for slightly noisier than it is, and smooths too much. The first "
        "step asks for a t that it never met.",
        "Papers count steps from 1, tables from 0. In this course t = 0 is the first noising step, everywhere.",
        ((TOLD_T, "model(x_t, steps + 1)"),),
    ),
    Mistake(
        "t-is-one-number",
        "denoise",
        "the model is given one number as t, not one for each image",
        "The network stops with an error; or all goes well until one is used that mixes steps in a batch.",
        "A network is trained on batches in which each image has a t of its own, and expects the same shape here.",
        ((TOLD_T, "model(x_t, t)"),),
    ),
    Mistake(
        "gradients-kept",
        "denoise",
        "all that the network computes is remembered for a backward pass",
        "None in the images. Memory grows with each step, until there is none left.",
        "Sampling is no training: nobody will ask for a gradient through all these steps.",
        (("@torch.no_grad()\ndef denoise", "def denoise"),),
    ),
    Mistake(
        "spacing-leads",
        "spaced_timesteps",
        "the first visit is not at T - 1",
        "Bold, tangled strokes with few steps: pure noise is handed to a network that is told there is an image in "
        "it, and finds more of it than there is.",
        "x_T is pure noise, so the walk must begin where training had pure noise: at the very last step.",
        ((VISITED, "[T - (i + 1) * T // steps for i in range(steps)]"),),
    ),
    Mistake(
        "spacing-ends-early",
        "spaced_timesteps",
        "the visits run from T - 1 to 0, both included",
        "Slightly coarser images than so many steps could give: the last one is spent where nothing is left to do.",
        "The walk ends at the clean image, which is at -1, not at 0; the strides are cut from the whole way.",
        ((VISITED, "[round((T - 1) * (1 - i / max(steps - 1, 1))) for i in range(steps)]"),),
    ),
    Mistake(
        "last-step-stops-at-zero",
        "spaced_timesteps",
        "the last step goes to 0",
        "A very fine grain on the finished images.",
        "x_0 of the tables has been noised once. What the papers call the clean image is one further.",
        (("[*visited[1:], -1]", "[*visited[1:], 0]"),),
    ),
    Mistake(
        "previous-is-next-door",
        "spaced_timesteps",
        "prev_t is always t - 1, also where steps are skipped",
        "Noise: each step does the work of one, then the network is told that many were done.",
        "The step before, in the walk, is the next one that will be visited; how far away it is depends on the "
        "number of steps.",
        (("list(zip(visited, [*visited[1:], -1], strict=True))", "[(t, t - 1) for t in visited]"),),
    ),
    Mistake(
        "spacing-starts-beyond",
        "spaced_timesteps",
        "the first t is T",
        "An error before the first image: the tables have no entry T.",
        "T entries counted from 0 end at T - 1.",
        ((VISITED, VISITED.replace(") - 1 for", ") for")),),
    ),
    Mistake(
        "spacing-by-whole-strides",
        "spaced_timesteps",
        "all strides are T // steps, rounded down once for all",
        "Strokes a little soft, without their finest detail: the strides that were cut short leave a long one to the "
        "end. None where the number of steps divides T.",
        "A stride that is rounded once is off by the same each time, and the last one has to make up for all. Round "
        "each place by itself.",
        ((VISITED, "[T - 1 - i * (T // steps) for i in range(steps)]"),),
    ),
    Mistake(
        "walks-towards-noise",
        "spaced_timesteps",
        "the visits go up, from little noise to much",
        "The same grey smudge in every image, or NaN.",
        "Noising goes up, sampling comes down: it begins with what is noisiest.",
        ((VISITED, VISITED.replace("range(steps)", "reversed(range(steps))")),),
    ),
    Mistake(
        "one-beta-for-a-stride",
        "posterior",
        "alpha and beta are those of a single noising step, also where steps are skipped",
        "Flat grey with few steps, and nothing else; nothing wrong with all of them: too little noise is taken "
        "away in each.",
        "A stride of fifty steps keeps the product of what each of them keeps. The table of betas knows single steps.",
        (
            (ALPHA, "alpha = 1 - schedule.betas[guess.t].item()"),
            (BETA, "beta = schedule.betas[guess.t].item()"),
        ),
    ),
    Mistake(
        "posterior-next-door",
        "posterior",
        "it is the posterior of t - 1, not of prev_t",
        "Nothing but noise with few steps, nothing wrong with all of them.",
        "Where the walk goes next is for the caller to say; only when no step is skipped it is t - 1.",
        ((FROM_HERE, FROM_HERE.replace("prev_t)\n", "guess.t - 1)\n")),),
    ),
    Mistake(
        "alpha-bar-as-alpha",
        "posterior",
        "what is left since the clean image is taken for what is left since the step before",
        "Hard images: pure black and pure white, hardly a grey at the edges of the strokes, for there is far too "
        "much fresh noise on the way.",
        "alpha belongs to a stride, alpha_bar to all noising from the clean image on. Only on the way to the clean "
        "image are they the same.",
        ((ALPHA, "alpha = signal_t**2"), (BETA, "beta = 1 - alpha")),
    ),
    Mistake(
        "weights-exchanged",
        "posterior",
        "image and x_t have each other's weights in the mean",
        "Plain images, most of them ones and sevens, with a faint grain: at the last step all weight is on x_t.",
        "The nearer the clean image, the more the guess decides. At the last step nothing else is left.",
        (
            (
                "guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t",
                "x_t + math.sqrt(alpha) * sigma_prev**2 * guess.pred_x0",
            ),
        ),
    ),
    Mistake(
        "mean-of-image-and-noise",
        "posterior",
        "the mean is sqrt(alpha) * pred_x0 + beta * noise",
        "Plain images: hardly anything but ones and nines, whatever the noise.",
        "The mean lies between two things that are known, the guessed image and x_t, each weighed by how sure it "
        "makes us. The weights belong together; they cannot be borrowed from the noising formula.",
        (
            (
                "(signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2",
                "math.sqrt(alpha) * guess.pred_x0 + beta * guess.pred_noise",
            ),
        ),
    ),
    Mistake(
        "alpha-without-root",
        "posterior",
        "x_t is weighed with alpha, not its root",
        "Plainer images on a ground that is not quite black, the more so the fewer the steps.",
        "alpha is a share of the variance. What multiplies an image is a root.",
        (("math.sqrt(alpha) * sigma_prev**2 * x_t", "alpha * sigma_prev**2 * x_t"),),
    ),
    Mistake(
        "variance-of-the-stride",
        "posterior",
        "the variance is beta, as if nothing of the image were known",
        "Grain on the finished images, strong with few steps: noise is added at the last step, too.",
        "beta is what the stride adds when one looks forward. Looking back with a guess of the image, less is open, "
        "and at the last step nothing.",
        (("return mean, beta * sigma_prev**2 / sigma_t**2", "return mean, beta"),),
    ),
    Mistake(
        "variance-of-the-table",
        "posterior",
        "the variance is the table's, that of a single noising step, also where steps are skipped",
        "With few steps plainer, bolder digits, on a ground with a very fine grain; nothing wrong with all of them.",
        "The table knows strides of one step only. A longer stride leaves more open; the one to the clean image "
        "leaves nothing.",
        (
            (
                "return mean, beta * sigma_prev**2 / sigma_t**2",
                "return mean, schedule.posterior_variance[guess.t].item()",
            ),
        ),
    ),
    Mistake(
        "posterior-gives-spread",
        "posterior",
        "the second result is the standard deviation, not the variance",
        "Much too much noise: grain that the next steps do not take away, and shreds of digits in it.",
        "Variance is the square of the standard deviation. Who draws takes the root, so it must not be taken before.",
        (
            (
                "return mean, beta * sigma_prev**2 / sigma_t**2",
                "return mean, math.sqrt(beta * sigma_prev**2 / sigma_t**2)",
            ),
        ),
    ),
    Mistake(
        "variance-as-spread",
        "p_sample",
        "the noise is multiplied with the variance",
        "Too little fresh noise: plain, simple strokes, many ones.",
        "A number that multiplies noise scales its variance by the square.",
        (("mean + eta * math.sqrt(variance) * noise", "mean + eta * variance * noise"),),
    ),
    Mistake(
        "no-fresh-noise",
        "p_sample",
        "only the mean is taken",
        "The same few images for every noise: always a nine, say, or a dark and nearly empty shirt.",
        "The mean is the average of all that x_prev might be, and an average of images is a blur. Drawing chooses one.",
        (("return mean + eta * math.sqrt(variance) * noise", "return mean"),),
    ),
    Mistake(
        "noise-at-the-last-step",
        "p_sample",
        "fresh noise has variance betas[t], at every step",
        "With few steps plainer, smoother images; with all of them a grain too fine to see: the last step adds noise.",
        "What is still open once the image is guessed is the posterior's variance; it is 0 where x_prev is the image.",
        (
            (
                "mean + eta * math.sqrt(variance) * noise",
                "mean + eta * math.sqrt(schedule.betas[guess.t].item()) * noise",
            ),
        ),
    ),
    Mistake(
        "eta-without-effect",
        "p_sample",
        "eta is not looked at",
        "None, until one asks for less noise, and gets as much as before.",
        "eta is the share of fresh noise that is wanted: all of it at 1, none at 0.",
        (("mean + eta * math.sqrt(variance) * noise", "mean + math.sqrt(variance) * noise"),),
    ),
    Mistake(
        "old-noise-as-fresh",
        "p_sample",
        "the guessed noise is added again, not fresh noise",
        "Nothing but noise: what was removed is put back.",
        "The mean has already decided how much of the old noise stays. What is drawn must know nothing of it.",
        (("mean + eta * math.sqrt(variance) * noise", "mean + eta * math.sqrt(variance) * guess.pred_noise"),),
    ),
    Mistake(
        "ddim-noise-twice",
        "ddim_step",
        "fresh noise comes on top of all of the old noise",
        "None with eta = 0; with fresh noise, grain that grows with eta, until the digits are torn to specks.",
        "x_prev has room for noise of variance 1 - alpha_bar_prev. What is fresh takes the place of what is old.",
        (("math.sqrt(sigma_prev**2 - variance) * guess.pred_noise", "sigma_prev * guess.pred_noise"),),
    ),
    Mistake(
        "ddim-eta-not-squared",
        "ddim_step",
        "eta scales the variance, not the standard deviation",
        "More fresh noise than was asked for; with 0 and 1 none.",
        "eta multiplies the noise, so its square is what multiplies the variance.",
        (("variance = eta**2 * posterior(", "variance = eta * posterior("),),
    ),
    Mistake(
        "ddim-without-root",
        "ddim_step",
        "the guessed noise is weighed with a variance",
        "Smooth, simple strokes: too little noise is kept, and details come from noise.",
        "A number that multiplies noise scales its variance by the square.",
        (("math.sqrt(sigma_prev**2 - variance) * guess.pred_noise", "(sigma_prev**2 - variance) * guess.pred_noise"),),
    ),
    Mistake(
        "ddim-next-door",
        "ddim_step",
        "the image is noised again to t - 1, not to prev_t",
        "Nothing but noise with few steps, nothing wrong with all of them.",
        "Where the walk goes next is for the caller to say; only when no step is skipped it is t - 1.",
        (
            (
                "levels(schedule, prev_t)\n    variance = eta**2",
                "levels(schedule, guess.t - 1)\n    variance = eta**2",
            ),
        ),
    ),
    Mistake(
        "ddim-forgets-its-noise",
        "ddim_step",
        "the image is noised again with fresh noise, not with what was guessed",
        "Images that change with each step and never settle: coarse, with few details.",
        "DDIM keeps the noise so that all steps pull at one image. That is why the same x_T gives the same image.",
        (("- variance) * guess.pred_noise", "- variance) * noise"),),
    ),
    Mistake(
        "ddim-stops-short",
        "ddim_step",
        "at the last step some noise is left, as much as step 0 has",
        "A very fine grain on the finished images.",
        "-1 is the clean image, where nothing was noised yet: all image, no noise.",
        (
            (
                "levels(schedule, prev_t)\n    variance = eta**2",
                "levels(schedule, max(prev_t, 0))\n    variance = eta**2",
            ),
        ),
    ),
    Mistake(
        "ddim-last-table-entry",
        "ddim_step",
        "at the last step the tables are asked for entry -1, which is their last",
        "Nothing but noise: at the last step the finished image is noised again, as much as the schedule can.",
        "-1 stands for the clean image, which has no entry in the tables; and in Python an index of -1 is no error.",
        (
            (
                "levels(schedule, prev_t)\n    variance = eta**2",
                "schedule.sqrt_alphas_cumprod[prev_t], schedule.sqrt_one_minus_alphas_cumprod[prev_t]\n"
                "    variance = eta**2",
            ),
        ),
    ),
    Mistake(
        "dpm-never-leans",
        "dpm_step",
        "the step before is not looked at",
        "Slightly coarser images with few steps, none with many.",
        "Two guesses show where the next one will be. Going by the last alone, each step is behind by half of itself.",
        (("    if last and prev_t >= 0:\n", "    if False:\n"),),
    ),
    Mistake(
        "dpm-leans-back",
        "dpm_step",
        "it leans to where the guess was, not to where it is going",
        "Coarse, unsettled images with few steps.",
        "If the guess moved from A to B, the next one lies beyond B.",
        (("(guess.pred_x0 - last.pred_x0)", "(last.pred_x0 - guess.pred_x0)"),),
    ),
    Mistake(
        "dpm-strides-exchanged",
        "dpm_step",
        "the two strides have changed places",
        "Strokes that are too thick, other digits than there should be.",
        "How fast the guess moves is its change over the stride in which it changed; how far it will move depends on "
        "the stride to come.",
        (("(h / (2 * h_last))", "(h_last / (2 * h))"),),
    ),
    Mistake(
        "dpm-leans-a-whole-stride",
        "dpm_step",
        "it leans by a whole stride, not by half of one",
        "Overdone images with few steps: strokes too thick, with holes and fringes.",
        "During the stride the guess moves from here to there. On average it is half way.",
        (("(h / (2 * h_last))", "(h / h_last)"),),
    ),
    Mistake(
        "dpm-leans-at-the-end",
        "dpm_step",
        "it leans at the last step, too",
        "Grain and fringes around the strokes: -1 in the table of log-SNRs is its last entry, so the last step "
        "leans far beyond the image.",
        "Beyond the clean image there is nothing to lean to; and in Python an index of -1 is no error.",
        (("    if last and prev_t >= 0:\n", "    if last:\n"),),
    ),
    Mistake(
        "always-asks-about-x-T",
        "dpm_walk",
        "the model is asked about the pure noise at every step",
        "Nothing but noise: it is shown to a network that is told it is nearly an image, and it is left as it is.",
        "Each step begins where the one before has led.",
        (("ask(x_prev, prev_t)", "ask(x_T, prev_t)"),),
    ),
    Mistake(
        "prediction-not-passed-on",
        "sample",
        "denoise is not told what the model predicts",
        "None with networks that predict noise; with those that predict v, torn and frayed strokes, and of clothes "
        "blots.",
        "What the network was trained to predict has to reach the one place where its answer is read.",
        (
            (
                "partial(denoise, model, schedule=schedule, prediction=prediction)",
                "partial(denoise, model, schedule=schedule)",
            ),
        ),
    ),
    Mistake(
        "eta-of-zero-is-none",
        "sample",
        "an eta of 0 is taken for none given",
        "The same x_T gives another image each time, although no fresh noise was wanted.",
        "In Python 0 counts as false, like None. No noise and no wish are two things.",
        (("eta = usual_eta if eta is None else eta", "eta = eta or usual_eta"),),
    ),
    Mistake(
        "same-noise-each-step",
        "dpm_walk",
        "noise is drawn once and used at every step",
        "Blots, and grain in the same places all along: the noise adds up where it should cancel.",
        "Each step adds noise that has nothing to do with what was added before; only then do variances add.",
        (
            (BEGUN, BEGUN + "    noise = draw_like(x_T, generator)\n"),
            (DRAWN, ""),
        ),
    ),
    Mistake(
        "one-noise-for-all-images",
        "dpm_walk",
        "all images of a batch get the same fresh noise",
        "All images of a batch are alike.",
        "Every image is a draw of its own, with noise of its own at each step.",
        ((DRAWN, DRAWN.replace("(x,", "(x[:1],")),),
    ),
    Mistake(
        "generator-not-used",
        "dpm_walk",
        "noise is drawn without the generator",
        "None; but no image can ever be made again.",
        "Same seed, same images: all chance comes from the generator that was handed over.",
        ((DRAWN, "        noise = torch.randn_like(x)\n"),),
    ),
    Mistake(
        "x-T-overwritten",
        "dpm_walk",
        "x_T is changed in place",
        "Images from the same x_T do not come out the same the second time; dpm, which looks back, goes astray.",
        "The caller still holds x_T, and a step that is remembered still holds its x_t. A step makes a new tensor.",
        (
            (
                "x_prev = dpm_step(x, guess, last, prev_t, schedule, noise, eta)",
                "x_prev = x.copy_(dpm_step(x, guess, last, prev_t, schedule, noise, eta))",
            ),
        ),
    ),
    Mistake(
        "forgets-the-step-before",
        "dpm_walk",
        "no guess is remembered for the next step",
        'Slightly coarser images from "dpm" with few steps; none from the others.',
        "The dpm solver is better than DDIM only because it looks back.",
        (("last, guess = guess, ask(", "guess = ask("),),
    ),
    Mistake(
        "never-corrected",
        "dpm_walk",
        "the step is not taken again once its end is known",
        'Slightly coarser images from "dpm" with few steps.',
        "A prediction can be checked: the guess at the end of a stride says what the stride should have aimed at.",
        ((AGAIN, "x = x_prev"),),
    ),
    Mistake(
        "corrected-with-the-old-guess",
        "dpm_walk",
        "the step is taken again with the guess that it was taken with",
        'Slightly coarser images from "dpm" with few steps.',
        "Repeating a step with what was known before corrects nothing; what is new is the guess at its end.",
        ((AGAIN, AGAIN.replace("guess.pred_x0", "last.pred_x0")),),
    ),
    Mistake(
        "corrected-with-new-noise",
        "dpm_walk",
        "the step is taken again with new noise, not with the noise that it had",
        'Thinner, broken strokes from "dpm" with few steps; none with eta = 0.',
        "The guess was made about an x with a certain noise in it. Taken again with other noise, the step leads to "
        "another x, about which nothing was guessed.",
        ((AGAIN, AGAIN.replace("noise", "draw_like(x, generator)")),),
    ),
    Mistake(
        "a-thousand-steps",
        "sample",
        "T is taken to be 1000, however long the schedule is",
        "An error before the first image: IndexError, index 999 is out of bounds. None with a schedule of 1000 steps.",
        "How many noising steps there are is for the schedule to say, and differs from one to the next.",
        (("spaced_timesteps(len(schedule), steps)", "spaced_timesteps(1000, steps)"),),
    ),
    Mistake(
        "corrects-every-solver",
        "sample",
        "DDPM and DDIM walk as dpm does: predicted by its step, and corrected",
        "Images from DDPM and DDIM that are not theirs.",
        "Predict and correct is how one solver works. The others are the plain step, which is what makes them "
        "comparable.",
        (("solve, usual_eta = SOLVERS[solver]", "solve, usual_eta = dpm_walk, SOLVERS[solver][1]"),),
    ),
]
