"""Lesson 07: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Completed, FromSketch, Told, TrainedTold

LESSON = Lesson(
    number="07",
    title="Guidance",
    module="guidance",
    about="`ConditionalUNet` and `guided`: draw the class that you ask for; complete a picture, or draw from a sketch.",
    exercises=(
        Exercise(
            "ConditionalUNet.__init__",
            steps=(
                "let SimpleUNet build itself, with the three arguments",
                "self.classes: an nn.Embedding, one row for each class and one more; which rows does it begin with?",
            ),
            hints=(
                "An embedding is a table with one learned row for each thing. How many things can the network be told, "
                "and how long is the row that it already gets of the timestep?",
                "nn.Embedding takes the number of rows and their length. Its rows are random at first, and here they "
                "must begin at zero: nn.init.zeros_ fills a tensor with zeros where it is.",
                "super().__init__ with in_channels, channels and blocks; self.classes = nn.Embedding(CLASSES + 1, "
                "self.time_dim); then nn.init.zeros_ for self.classes.weight.",
            ),
            minutes=3,
            scenes=(TrainedTold(),),
        ),
        Exercise(
            "ConditionalUNet.forward",
            steps=(
                "labels = checked_labels(labels, t, classes); refuse images that self.divisor does not divide",
                "the timestep's row, as in SimpleUNet's forward; and to it, the class's row: which row is whose?",
                "all else as in SimpleUNet's forward, which you wrote in lesson 03",
            ),
            hints=(
                "SimpleUNet's forward makes one row for each image, and hands it to every block. Where in it would you "
                "add what else the blocks are to know?",
                "The row that the blocks get is what comes out of self.time_mlp. Row 0 of self.classes is for "
                "NOT_TOLD, which is -1, and row 1 for class 0.",
                "time = self.time_mlp(timestep_embedding(t, self.time_dim)) + self.classes(labels + 1). Take the other "
                "lines from lessons/03/unet.py.",
            ),
            minutes=4,
            scenes=(Told(),),
        ),
        Exercise(
            "drop_labels",
            steps=(
                "for each image by itself: is its chance below DROPPED?",
                "a new tensor: there NOT_TOLD, elsewhere the label",
            ),
            hints=(
                "A number from 0 to 1, any as likely as the next: how often is it below 0.1?",
                "chance < DROPPED is one bool an image. Entry by entry, torch.where takes from one of two tensors or "
                "numbers.",
                "torch.where(chance < DROPPED, ..., ...): first what goes where it is true. It makes a tensor of its "
                "own.",
            ),
            minutes=2,
            scenes=(TrainedTold(),),
        ),
        Exercise(
            "conditional_loss",
            steps=(
                "take the labels out of the last channel of x0, as whole numbers; drop some, by chances of the noise",
                "a model of x_t and t alone, as denoising_loss wants it: it tells yours the labels",
                "the denoising loss of the images. What must be left away from x0, and from the noise?",
            ),
            hints=(
                "denoising_loss knows nothing of labels. How can a function that takes x_t and t tell your model a "
                "third thing?",
                "A function inside this one sees labels. x0[:, -1] is the last channel, [:, :-1] all but it; a label "
                "is in each of its pixels, as a float.",
                "labels = drop_labels(x0[:, -1, 0, 0].long(), chances(noise)); def told(x_t, t): return model(x_t, t, "
                "labels); then denoising_loss(told, x0[:, :-1], t, noise[:, :-1], schedule, prediction).",
            ),
            minutes=4,
            scenes=(TrainedTold(),),
        ),
        Exercise(
            "guided",
            steps=(
                "ask the model twice: told the labels, and told NOT_TOLD for each image",
                "each image's scale: guidance_scale if its t is between the limits, else the one that means told",
                "from the untold answer, scale times the way to the told one; the scale shaped to multiply images",
            ),
            hints=(
                "You stand at the untold answer, and the told one is one stride away. Where are you after no stride, "
                "after one, and after three?",
                "untold + scale * (told - untold). An image outside the limits has a scale of 1, so nothing more is to "
                "be done for it. t holds a step for each image.",
                "inside = (limits[0] <= t) & (t < limits[1]); scale = torch.where(inside, guidance_scale, 1.0); "
                "scale[:, None, None, None] multiplies each image with its own number.",
            ),
            minutes=5,
            scenes=(Told(),),
        ),
        Exercise(
            "keep_known",
            steps=(
                "the picture as it would be at step t: how noisy is x there, and how at t = -1?",
                "that where known is true, x elsewhere, in a new tensor",
            ),
            hints=(
                "The network takes x for an image with the noise of step t. What would it make of a part without any?",
                "renoise, of lesson 05, noises a picture to one step. The clean image is none of its steps.",
                "then = picture if t < 0, else renoise(picture, t, schedule, noise); torch.where(known, then, x).",
            ),
            minutes=3,
            scenes=(Completed(),),
        ),
        Exercise(
            "complete",
            steps=(
                "go through the pairs of spaced_timesteps; and at each, times times:",
                "draw noise; denoise x, p_sample to prev_t, keep_known there. Call it x_prev",
                "the last time, or at prev_t = -1: x_prev is the x of the next pair, and that is all",
                "else noise_further leads x_prev back to t, with noise drawn anew",
            ),
            hints=(
                "How does sample walk with ddpm? After each step, what does this one do besides, and when does it go "
                "back instead of on?",
                "Two loops, one in the other: for t, prev_t in spaced_timesteps(len(schedule), steps), and for time in "
                "range(times). The inner one ends early at prev_t = -1, and does not go back after its last round.",
                "In the inner loop: noise = draw_like(x, generator); x_prev = keep_known(p_sample(x, denoise(...), "
                "prev_t, schedule, noise), picture, known, prev_t, noise, schedule); break, or x = "
                "noise_further(x_prev, prev_t, t, schedule, draw_like(x, generator)). After it, x = x_prev.",
            ),
            minutes=7,
            scenes=(Completed(),),
        ),
        Exercise(
            "from_sketch",
            steps=(
                "refuse a t_start that is no step of the schedule",
                "noise the sketch to t_start, with noise from the generator",
                "the visits: from t_start down, as spaced_timesteps makes them for a schedule that ends there",
                "go through dpm_walk, which asks denoise; of what it yields, the last x_prev is the result",
            ),
            hints=(
                "sample begins with pure noise, at the last step. What does this one begin with, and at which step?",
                "renoise makes the beginning. spaced_timesteps(t_start + 1, steps) begins at t_start. dpm_walk is told "
                "ask, x, visits, schedule, generator, eta, as sample told it; its usual eta is 1.",
                "x = renoise(sketch, t_start, schedule, draw_like(sketch, generator)); ask = partial(denoise, model, "
                "schedule=schedule, prediction=prediction); then for _, x_prev in dpm_walk(...), keep x_prev.",
            ),
            minutes=4,
            scenes=(FromSketch(),),
        ),
    ),
)
