"""Lesson 02: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Sampled, Trained

LESSON = Lesson(
    number="02",
    title="Forward noising",
    module="noising",
    about="Any amount of noise in one jump, the ways back on paper, and the loss that a network is trained with.",
    exercises=(
        Exercise(
            "gather",
            steps=(
                "refuse a t that has not one entry for each image (compare shapes)",
                "the entries of the table at t, one for each image",
                "a dimension for each of like's: first B, then three of size 1",
            ),
            hints=(
                "A tensor of shape (B,) times one of shape (B, 1, 28, 28): with which dimension does torch line the B "
                "up? It begins at the right.",
                "A table can be indexed with a whole tensor of places at once. What is missing then are dimensions of "
                "size 1 behind the first, one each for C, H and W.",
                "Compare t.shape with like.shape[:1]; then table[t], and .reshape to (B, 1, 1, 1).",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "q_sample",
            steps=(
                "both coefficients, one of each for every image: _mix looks them up and refuses shapes that disagree",
                "the formula above; leave x0 as it is, the caller still needs it",
            ),
            hints=(
                "Suppose image and noise both have variance 1. What must the squares of the two coefficients add up "
                "to, if the mix is to have variance 1 as well?",
                "_mix(t, x0, noise, schedule) gives a pair. The roots are in it already: schedule has a table of each.",
                "signal, sigma = _mix(...); the first says how much of the image is in x_t, the second how much noise. "
                "A weighted sum of the two batches, and no operation that ends in an underscore.",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "predict_x0",
            steps=(
                "both coefficients, as in q_sample; the batches are x_t and noise now",
                "take away the noise that is in x_t, then undo the dimming",
            ),
            hints=(
                "x_t = signal * x0 + sigma * noise. Three of the four are known; what is x0?",
                "What was done last is undone first: the noise was added to the dimmed image, so it goes before the "
                "dimming is undone. Nothing is cut off: a bad guess of the noise may well leave [-1, 1].",
                "Subtract sigma times the noise from x_t; put that in brackets and divide all of it by signal.",
            ),
            scenes=(Sampled("ddim", noise=True),),
        ),
        Exercise(
            "predict_noise",
            steps=(
                "both coefficients; the batches are x_t and x0 now",
                "take away the image that is in x_t, as dim as it is there, then scale up what is left",
            ),
            hints=(
                "The same equation as before, solved for another letter. Which one is unknown now?",
                "It is not x0 that is in x_t but a dimmed x0. What remains without it is noise, too small by sigma.",
                "Subtract signal times x0 from x_t; put that in brackets and divide all of it by sigma.",
            ),
            scenes=(Sampled("ddim"),),
        ),
        Exercise(
            "velocity",
            steps=("both coefficients, as in q_sample", "the formula above: mind which coefficient goes with which"),
            hints=(
                "Where x_t is nearly clean, v is nearly the noise. Which of the two coefficients is near 1 there?",
                "Think of x0 and noise as two arms of a cross, and of x_t as an arrow between them. v is that arrow a "
                "quarter turn further: what was the image's coefficient becomes that of the noise.",
                "signal times the noise, minus sigma times the image.",
            ),
            scenes=(Trained(),),
        ),
        Exercise(
            "predict_x0_from_velocity",
            steps=("both coefficients; the batches are x_t and v now", "the formula above"),
            hints=(
                "Write down x_t and v, each as a mix of x0 and noise. How can the two be added so that the noise goes?",
                "signal * x_t holds signal * sigma of noise, and sigma * v holds as much. What is left of x0 has the "
                "coefficient signal ** 2 + sigma ** 2, and that is 1: nothing to divide by.",
                "signal times x_t, minus sigma times v.",
            ),
            scenes=(Sampled("ddim"),),
        ),
        Exercise(
            "denoising_loss",
            steps=(
                "what the model should answer: training_target knows, for both kinds of prediction",
                "the noised images, as the model is to see them",
                "what the model answers to them, and to t as it is",
                "the squared difference, then its mean over all pixels of an image: one number an image, (B,)",
            ),
            hints=(
                "The network sees x_t and t, and nothing else. What should it say, and how would you score it, one "
                "image at a time?",
                "target = training_target(...), x_t = q_sample(...), answer = model(x_t, t). Then a squared error, of "
                "which only the first dimension, that of the images, is kept.",
                "(answer - target).square() has the shape of the images; .flatten(1) makes it (B, pixels), and "
                ".mean(dim=1) takes the mean over the pixels only. Detach nothing: training needs the gradient.",
            ),
            scenes=(Trained(),),
        ),
    ),
)
