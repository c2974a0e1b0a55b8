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
                "which t would be stretched to fit the images, silently? Refuse each that is not one for an image",
                "the entries of the table at t, one for each image",
                "a shape in which they multiply images, not columns of pixels",
            ),
            hints=(
                "A tensor of shape (B,) times one of shape (B, 1, 28, 28): with which dimension does torch line the B "
                "up? It begins at the right.",
                "A table can be indexed with a whole tensor of places at once. What is missing then are dimensions of "
                "size 1 behind the first, one each for C, H and W.",
                "Compare t.shape with like.shape[:1]; then table[t], and .reshape to (B, 1, 1, 1).",
            ),
            minutes=5,
            scenes=(Trained(),),
        ),
        Exercise(
            "q_sample",
            steps=(
                "both factors, one of each for every image: _mix looks them up and refuses shapes that disagree",
                "the sum of image and noise, each times its factor; x0 stays as it is, the caller still needs it",
            ),
            hints=(
                "Suppose image and noise both have variance 1. What must the squares of the two factors add up to, if "
                "the mix is to have variance 1 as well?",
                "x_t = sqrt(alpha_bar_t) * x0 + sqrt(1 - alpha_bar_t) * noise. _mix(t, x0, noise, schedule) gives "
                "both factors as a pair; the roots are in them already.",
                "signal, sigma = _mix(...); the first says how much of the image is in x_t, the second how much noise. "
                "A weighted sum of the two batches, and no operation that ends in an underscore.",
            ),
            minutes=4,
            scenes=(Trained(),),
        ),
        Exercise(
            "predict_x0",
            steps=(
                "both factors, as in q_sample; the batches are x_t and noise now",
                "which letter of your q_sample is unknown here? Solve for it; cut nothing off",
            ),
            hints=(
                "x_t = signal * x0 + sigma * noise. Three of the four are known; what is x0?",
                "x0 = (x_t - sqrt(1 - alpha_bar_t) * noise) / sqrt(alpha_bar_t): what was done last is undone first. "
                "Nothing is cut off: a bad guess of the noise may well leave [-1, 1].",
                "Subtract sigma times the noise from x_t; put that in brackets and divide all of it by signal.",
            ),
            minutes=3,
            scenes=(Sampled("ddim", noise=True),),
        ),
        Exercise(
            "predict_noise",
            steps=("both factors; the batches are x_t and x0 now", "another letter is unknown; solve for that"),
            hints=(
                "The same equation as before, solved for another letter. Which one is unknown now?",
                "noise = (x_t - sqrt(alpha_bar_t) * x0) / sqrt(1 - alpha_bar_t). It is not x0 that is in x_t but a "
                "dimmed x0. What remains without it is noise, too small by sigma.",
                "Subtract signal times x0 from x_t; put that in brackets and divide all of it by sigma.",
            ),
            minutes=2,
            scenes=(Sampled("ddim"),),
        ),
        Exercise(
            "velocity",
            steps=(
                "both factors, as in q_sample",
                "where does a quarter turn take the image's direction, and where the noise's? Do that to x_t",
            ),
            hints=(
                "Where x_t is nearly clean, v is nearly the noise. Which of the two factors is near 1 there?",
                "A quarter turn takes the direction of the image to that of the noise, and the direction of the noise "
                "to the opposite of the image. Do that to both parts of x_t = signal * x0 + sigma * noise: "
                "v = sqrt(alpha_bar_t) * noise - sqrt(1 - alpha_bar_t) * x0.",
                "signal times the noise, minus sigma times the image.",
            ),
            minutes=6,
            scenes=(Trained(),),
        ),
        Exercise(
            "predict_x0_from_velocity",
            steps=(
                "both factors; the batches are x_t and v now",
                "x_t and v are both mixes of x0 and noise: add them up so that the noise goes",
            ),
            hints=(
                "Write down x_t and v, each as a mix of x0 and noise. How can the two be added so that the noise goes?",
                "signal * x_t holds signal * sigma of noise, and sigma * v holds as much. So x0 = signal * x_t - sigma "
                "* v: of x0 itself signal ** 2 + sigma ** 2 is left, and that is 1. There is nothing to divide by.",
                "signal times x_t, minus sigma times v.",
            ),
            minutes=5,
            scenes=(Sampled("ddim"),),
        ),
        Exercise(
            "denoising_loss",
            steps=(
                "what should the model answer? training_target knows, for both kinds of prediction",
                "what is the model shown? It gets that, and t as it is",
                "how far off is its answer, and over what do you take the mean to get one number an image, (B,)?",
            ),
            hints=(
                "The network sees x_t and t, and nothing else. What should it say, and how would you score it, one "
                "image at a time?",
                "target = training_target(...), x_t = q_sample(...), answer = model(x_t, t); the loss is "
                "mean((answer - target) ** 2), over all dimensions but the first, that of the images.",
                "(answer - target).square() has the shape of the images; .flatten(1) makes it (B, pixels), and "
                ".mean(dim=1) takes the mean over the pixels only. Detach nothing: training needs the gradient.",
            ),
            minutes=6,
            scenes=(Trained(),),
        ),
    ),
)
