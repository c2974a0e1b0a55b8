"""Lesson 04: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Sampled

LESSON = Lesson(
    number="04",
    title="The sampler",
    module="sampler",
    about="From pure noise to an image: DDPM, DDIM and DPM-Solver++.",
    exercises=(
        Exercise(
            "denoise",
            steps=(
                "the model wants one t for each image: a batch of them, int64, where x_t is",
                "which function of lesson 02 turns this model's answer into an image?",
                "ask the model, get the image, clip it to [-1, 1]",
                "the noise that, with the clipped image, makes x_t; both in a Guess",
            ),
            hints=(
                "x_t is a mix of an image and noise. If you change the image that you believe in, what must change "
                "with it?",
                "Lesson 02 has predict_x0, predict_x0_from_velocity and predict_noise; all take (x_t, t, ..., "
                "schedule), with t a batch. torch.full makes a batch of one number.",
                "steps = torch.full((len(x_t),), t, device=x_t.device) goes to the model and to lesson 02. Clip what "
                "predict_x0 (or its sister for v) returns with .clamp, then give the clipped image to predict_noise.",
            ),
            minutes=5,
            scenes=(Sampled(),),
        ),
        Exercise(
            "spaced_timesteps",
            steps=(
                "refuse a number of steps below 1 or above T, with a ValueError that says so",
                "the t to visit: the first is T - 1, and each is T / steps below the one before, rounded to an int",
                "pairs of each t with the next one down; after the last comes -1, the clean image",
            ),
            hints=(
                "With T = 1000 and 4 steps, how far apart are the visits, and where would a fifth one be?",
                "From T - 1 down to -1 it is T, in as many equal strides as there are steps. Round each place by "
                "itself, not the stride, or the error adds up.",
                "Place i is T - 1 - i * T / steps. zip of the visited places with the same list one further on, "
                "[*visited[1:], -1], makes the pairs.",
            ),
            minutes=4,
            scenes=(Sampled("ddim", 10),),
        ),
        Exercise(
            "posterior",
            steps=(
                "how much image and noise is in x_t, and in x_prev: levels tells both, also for -1",
                "alpha, and 1 - alpha: what the whole stride from prev_t to t keeps, and how much noise it adds",
                "the mean and the variance of the two Gaussians multiplied: with a pencil first",
            ),
            hints=(
                "Precision is 1 / variance. Of two Gaussians multiplied the precisions add up, and the mean is that of "
                "the two means, weighed by their precisions. What does x_t alone say of x_prev: which mean, which "
                "variance?",
                "Multiplied out, with beta = 1 - alpha: mean = (sqrt(alpha_bar_prev) * beta * x0 + sqrt(alpha) * "
                "(1 - alpha_bar_prev) * x_t) / (1 - alpha_bar_t), variance = beta * (1 - alpha_bar_prev) / "
                "(1 - alpha_bar_t). The stride may be longer than one step, so the table of betas does not help.",
                "With signal_t, sigma_t and signal_prev, sigma_prev from levels: alpha = (signal_t / signal_prev) ** 2 "
                "and beta = 1 - alpha. alpha_bar is the square of a signal, 1 - alpha_bar the square of a sigma.",
            ),
            minutes=7,
            scenes=(Sampled("ddpm", 50),),
        ),
        Exercise(
            "p_sample",
            steps=("mean and variance of the posterior", "the mean, and the noise, scaled to that variance and by eta"),
            hints=(
                "A standard normal number has variance 1. What must it be multiplied with to have another variance?",
                "mean + eta * sqrt(variance) * noise. Does the last step need a case of its own?",
                "mean, variance = posterior(...); then the mean, plus eta times math.sqrt of the variance times noise. "
                "At the last step the variance is 0 by itself.",
            ),
            minutes=2,
            scenes=(Sampled("ddpm", 50),),
        ),
        Exercise(
            "ddim_step",
            steps=(
                "how much image and how much noise belongs into x_prev",
                "the variance of the fresh noise: a share of the posterior's",
                "the guessed image and the guessed noise, mixed anew: less of the old noise where fresh noise comes in",
                "and the fresh noise",
            ),
            hints=(
                "In which proportions are image and noise mixed at prev_t? You know from lesson 02.",
                "Old and fresh noise together must have variance 1 - alpha_bar_prev, and variances add. So: "
                "sqrt(alpha_bar_prev) * pred_x0 + sqrt(1 - alpha_bar_prev - variance) * pred_noise + sqrt(variance) * "
                "noise, where variance is eta**2 times the posterior's.",
                "levels(schedule, prev_t) gives both weights; the second, squared, minus the fresh variance, is the "
                "variance left for guess.pred_noise: max(..., 0.0) of it. Everything that multiplies noise is a root.",
            ),
            minutes=5,
            scenes=(Sampled("ddim", 20),),
        ),
        Exercise(
            "dpm_step",
            steps=(
                "at the first step there is no last, at the final one prev_t is -1: the aim is the guessed image",
                "elsewhere: how far did the guess move in the stride before, and how far will it in half of this one?",
                "first_order_step does the rest, with the aim as its image",
            ),
            hints=(
                "The guess was one image a step ago and is another now. Where will it be half a step from now?",
                "pred_x0 + (pred_x0 - last.pred_x0) * h / (2 * h_last). stride_length(schedule, from, to) gives h for "
                "this stride, and h_last for the one before, which began at last.t.",
                "ahead = guess.pred_x0 plus its change since last.pred_x0, times h / (2 * h_last); only if last is not "
                "None and prev_t >= 0. Then first_order_step(x_t, guess.t, prev_t, ahead, schedule, noise, eta).",
            ),
            minutes=5,
            scenes=(Sampled("dpm", 8),),
        ),
        Exercise(
            "dpm_walk",
            steps=(
                "begin at x_T, with the guess about it and no guess before; then for each pair (t, prev_t):",
                "fresh noise, and predict by dpm_step where the step leads; yield the guess and that x_prev",
                "unless it was the step to -1: the guess becomes the last one; ask about x_prev for the new one",
                "correct: from x once more, with the same noise, the new guess as the image; that is the new x",
            ),
            hints=(
                "walk, above, does the same with plain steps. What does a step of dpm need that its own guess does not "
                "tell, and what is known better once the step is taken?",
                "The network is asked about x_prev as it was predicted, once for each x. first_order_step goes from x, "
                "not from x_prev: it takes the same stride again. The next step begins where that leads.",
                "Before the loop: x, guess, last = x_T, ask(x_T, visits[0][0]), None. After the yield, if prev_t >= 0: "
                "last, guess = guess, ask(x_prev, prev_t), and x = first_order_step(x, t, prev_t, guess.pred_x0, "
                "schedule, noise, eta).",
            ),
            minutes=5,
            scenes=(Sampled("dpm", 8),),
        ),
        Exercise(
            "sample",
            steps=(
                "refuse a solver that is not in SOLVERS; look up its generator, and its usual eta if none was given",
                "ask: a function of x_t and t alone, which is denoise with this model and the rest filled in",
                "the visits: spaced_timesteps, for a schedule of this length",
                "go through the generator; tell on_step, if there is one, each guess and x_prev; return the last one",
            ),
            hints=(
                "A solver is a generator: nothing happens until somebody goes through its steps. What does it need to "
                "be told, and which of its steps leads to the result?",
                "partial(denoise, model, schedule=..., prediction=...), or a function of your own inside this one, is "
                "what a solver calls ask. spaced_timesteps makes its visits. An eta of 0 is not the same as none.",
                "solve, usual_eta = SOLVERS[solver]; then for guess, x in solve(ask, x_T, visits, schedule, "
                "generator, eta): on_step(guess, x) if there is one. After the loop x is the result.",
            ),
            minutes=4,
            scenes=(Sampled("dpm", 8),),
        ),
    ),
)
