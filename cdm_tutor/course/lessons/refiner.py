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
            "renoise",
            steps=(
                "which function of lesson 02 takes an image to any step at once? It wants a step for each image",
                "return the noised images",
            ),
            hints=(
                "What did lesson 02 write that takes an image to any step in one jump? A sample is an image, too.",
                "q_sample takes a step for each image, (B,) int64, and here all are the same number.",
                "torch.full makes a tensor of one number: of shape (len(x),), filled with t, on x's device.",
            ),
            minutes=3,
            scenes=(Refined(),),
        ),
        Exercise(
            "refiner_steps",
            steps=(
                "raise a ValueError for a t_start that cannot be: which are too small, which too large?",
                "return a list of two pairs: where do the steps begin, and which number is the clean image?",
            ),
            hints=(
                "Which number stands for the clean image in the sampler's pairs? It is not 0. And from which t_start "
                "would both steps begin at the same place?",
                "spaced_timesteps made such pairs, too: each begins where the last one ended, and the last ends at "
                "-1. Python's // rounds down, and a third of 0 is 0 again.",
                "With middle for t_start // 3 the pairs are (t_start, middle) and (middle, ...); raise a ValueError "
                "unless 1 <= t_start < T.",
            ),
            minutes=3,
            scenes=(Refined(),),
        ),
        Exercise(
            "refine",
            steps=(
                "which steps to take; they also refuse a bad t_start",
                "noise the samples to t_start, with noise from the generator: draw_like draws it",
                "at each step: guess image and noise, go on to prev_t. What does the next step begin with?",
                "    (ddim_step asks for noise as well, and takes none of it here: zeros will do)",
                "return what comes out of the last step",
            ),
            hints=(
                "Except for its beginning it is the sampler of lesson 04, with two steps. What does it begin with "
                "instead of pure noise?",
                "Each round of the loop: denoise gives a guess, ddim_step goes to prev_t, and what comes out is what "
                "the next round goes in with. Handing on the guessed image alone would lose the noise of prev_t.",
                "x = renoise(x, t_start, schedule, draw_like(x, generator)); then for t, prev_t in the steps: "
                "guess = denoise(model, x, t, schedule, prediction) and x = ddim_step(x, guess, prev_t, "
                "schedule, torch.zeros_like(x)).",
            ),
            minutes=6,
            scenes=(Refined(),),
        ),
        Exercise(
            "ImprovedRefinementNetwork.__init__",
            steps=(
                "let SimpleUNet build itself, with arguments that say what stands above; hand in_channels on",
                "look its arguments up in lessons/03/unet.py: what you do not hand on stays as in the first network",
            ),
            hints=(
                "Most of the network was written in lesson 03. Which of SimpleUNet's arguments say what a position is, "
                "who looks at whom, and how many blocks there are?",
                "Hand in_channels and channels on, and set blocks, fold and attention yourself; which fold folds "
                "nothing?",
                "super().__init__ with in_channels, channels, blocks of 1 and 1, a fold of 1, and attention switched "
                "off.",
            ),
            minutes=4,
            scenes=(TrainedRefiner(),),
        ),
        Exercise(
            "refiner_loss",
            steps=(
                "the extra noise: draw_another(noise) is standard normal, so how much of it?",
                "x_t: the images noised to t. With which noise? Leave the tensor that came as it is",
                "the target: training_target makes it. Of which noise?",
                "for each image, the mean square of what the model is off by",
            ),
            hints=(
                "In denoising_loss one noise made both the input and the target. Which of the two may know of the "
                "extra noise?",
                "The input is made with noise + PERTURBATION * other, the target with noise. What multiplies a noise "
                "is its standard deviation. All else is as in denoising_loss.",
                "other = draw_another(noise); x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule), and "
                "target from training_target with prediction; then square model(x_t, t) minus target, flatten(1) and "
                "average over dim 1.",
            ),
            minutes=6,
            scenes=(TrainedRefiner(),),
        ),
    ),
)
