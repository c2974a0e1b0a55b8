"""Lesson 05: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Refined, TrainedRefiner

LESSON = Lesson(
    number="05",
    title="The refiner",
    module="refiner",
    about="`ImprovedRefinementNetwork`, a second, smaller network that takes another look at the last stretch.",
    exercises=(
        Exercise(
            "ImprovedRefinementNetwork.__init__",
            steps=(
                "let SimpleUNet build itself, with these channels",
                "one block at each of the two sizes, no pixels folded, no attention",
            ),
            hints=(
                "Most of the network was written in lesson 03. Which of SimpleUNet's arguments make it a specialist "
                "for fine detail?",
                "Hand in_channels and channels on, and set blocks, fold and attention yourself; which fold folds "
                "nothing?",
                "super().__init__ with in_channels, channels, blocks of 1 and 1, a fold of 1, and attention switched "
                "off.",
            ),
            scenes=(TrainedRefiner(),),
        ),
        Exercise(
            "renoise",
            steps=(
                "q_sample wants one step an image: t, as many times as there are images",
                "noise the images to it",
            ),
            hints=(
                "What did lesson 02 write that takes an image to any step in one jump? A sample is an image, too.",
                "q_sample takes a step for each image, (B,) int64, and here all are the same number.",
                "torch.full makes a tensor of one number: of shape (len(x),), filled with t, on x's device.",
            ),
            scenes=(Refined(),),
        ),
        Exercise(
            "perturb",
            steps=(
                "another noise of the same shape: drawn, or made out of the noise itself",
                "a little of it, PERTURBATION, on top; leave the noise that came as it is",
            ),
            hints=(
                "No generator is handed in. Where are numbers that are standard normal, new for each batch, each "
                "image's own, and at each pixel have nothing to do with the noise there?",
                "The same image's noise, with its pixels in another order, will do. torch.randperm makes an order; "
                "a generator from seeded(0) makes it always the same one.",
                "With order = torch.randperm(noise[0].numel(), generator=seeded(0)), other is "
                "noise.flatten(1)[:, order] in the shape of noise. Return the sum, other times PERTURBATION.",
            ),
            scenes=(TrainedRefiner(),),
        ),
        Exercise(
            "refiner_loss",
            steps=(
                "x_t: the images noised to t, with the perturbed noise",
                "the target: what training_target makes of the noise as it came",
                "for each image, the mean square of what the model is off by",
            ),
            hints=(
                "In denoising_loss one noise made both the input and the target. Which of the two may know of the "
                "extra noise?",
                "The input is made with perturb(noise), the target with noise. All else is as in denoising_loss.",
                "x_t = q_sample(x0, t, perturb(noise), schedule), and target from training_target with prediction; "
                "then square model(x_t, t) minus target, flatten(1) and average over dim 1.",
            ),
            scenes=(TrainedRefiner(),),
        ),
        Exercise(
            "refiner_steps",
            steps=(
                "refuse a t_start from which there is nothing to do, or which is no step",
                "the step in the middle: a third of t_start, rounded down",
                "from the start to the middle, and from the middle to the clean image",
            ),
            hints=(
                "Which number stands for the clean image in the sampler's pairs? It is not 0.",
                "spaced_timesteps made such pairs, too: each begins where the last one ended, and the last ends at "
                "-1. Python's // rounds down.",
                "With middle for t_start // 3 the pairs are (t_start, middle) and (middle, ...); raise a ValueError "
                "unless 1 <= t_start < T.",
            ),
            scenes=(Refined(),),
        ),
        Exercise(
            "refine",
            steps=(
                "the steps to take; they also refuse a bad t_start",
                "noise the samples to t_start, with noise drawn by the generator: draw_like does it",
                "at each step: guess image and noise, then go on to prev_t by ddim_step, with no fresh noise",
                "the images that come out of the last step",
            ),
            hints=(
                "Except for its beginning it is the sampler of lesson 04, with two steps. What does it begin with "
                "instead of pure noise?",
                "Each round of the loop: denoise gives a guess, ddim_step goes to prev_t, and what comes out is what "
                "the next round goes in with. ddim_step as it is adds no fresh noise; zeros will do.",
                "x = renoise(x, t_start, schedule, draw_like(x, generator)); then for t, prev_t in the steps: "
                "guess = denoise(model, x, t, schedule, prediction) and x = ddim_step(x, guess, prev_t, "
                "schedule, torch.zeros_like(x)).",
            ),
            scenes=(Refined(),),
        ),
    ),
)
