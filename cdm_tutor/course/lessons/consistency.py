"""Lesson 08: what it asks."""

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.scenes import Guessed, Jumped, TrainedConsistent

LESSON = Lesson(
    number="08",
    title="Consistency",
    module="consistency",
    about="`jump`, `consistency_loss` and `tune`: make the guesses along a path agree, and draw an image in one call.",
    exercises=(
        Exercise(
            "jump",
            steps=(
                "how much image and how much noise is in each x_t: mix_at",
                "the model's answer. Which step is it asked about where t is -1?",
                "the image that x_t is made of, as in predict_x0_from_velocity; nothing is cut off",
            ),
            hints=(
                "You wrote this for lesson 02, as predict_x0_from_velocity. What has to change so that it also works "
                "at t = -1?",
                "The formula is signal * x_t - sigma * v, and mix_at knows both at every step, -1 included. The model "
                "knows of no step below 0.",
                "signal, sigma = mix_at(t, x_t, schedule); and the model is asked about x_t and t.clamp(min=0).",
            ),
            minutes=4,
            scenes=(Guessed(),),
        ),
        Exercise(
            "drift",
            steps=(
                "where does the path end?",
                "the model's jump from each point; all images of a point are at the same step",
                "how far each jump is from the end, a number an image; a row for each point",
            ),
            hints=(
                "A point is a step, one number, and a batch of images there. What does jump want in the place of the "
                "number?",
                "The end is the x_t of the last point. torch.full((B,), t) gives each image its step. How far is the "
                "root of the mean square over all dimensions but the first.",
                "For t, x_t in points: image = jump(model, x_t, torch.full(x_t.shape[:1], t), schedule), then (image - "
                "end).square().flatten(1).mean(dim=1).sqrt(). torch.stack makes rows of a list.",
            ),
            minutes=5,
        ),
        Exercise(
            "earlier",
            steps=(
                "how long is the way from t to the clean image, at -1?",
                "halve it so many times, round up, and go so far back from t",
            ),
            hints=(
                "From t = 9 to -1 it is 10 steps. After one halving 5, after two 2.5: how many of these can you go?",
                "(t + 1) / 2**halvings, rounded up, is never 0: r stays below t. Compute in float64, then return to "
                "whole numbers.",
                "t - ((t + 1).double() * 2.0**-halvings), but round the product up by ceil() before you subtract, and "
                "make it long().",
            ),
            minutes=3,
            scenes=(TrainedConsistent(),),
        ),
        Exercise(
            "robust_distance",
            steps=(
                "the mean square of the difference, over each image's pixels",
                "the root of it and HUBER squared together; equal images have the distance 0",
            ),
            hints=(
                "One number an image is wanted. Over which dimensions do you take the mean, and when the root?",
                "The mean of squares over all dimensions but the first is m, a number an image. The root comes last: "
                "where images are equal, a root of m alone has no slope.",
                "square = (a - b).square().flatten(1).mean(dim=1), then (square + HUBER**2).sqrt() - HUBER.",
            ),
            minutes=2,
            typed=True,
            scenes=(TrainedConsistent(),),
        ),
        Exercise(
            "consistency_loss",
            steps=(
                "a ValueError for a model that predicts anything but v",
                "the earlier step r of each image, and the same image under the same noise at r and at t",
                "what is learned from: the jump from r, clipped, without gradients",
                "what learns: the jump from t, not clipped",
                "their robust distance, divided by the share of the way that lies between r and t",
            ),
            hints=(
                "Two jumps are compared. Which of them is to change, and which is only to be listened to?",
                "mix_at gives signal and sigma for t, and once more for r. Under torch.no_grad() nothing is learned. "
                "The share of the way is (t - r) / (t + 1).",
                "with torch.no_grad(): target = jump(model, signal_r * x0 + sigma_r * noise, r, schedule).clamp(-1, "
                "1). The jump from t is made outside of it. Then robust_distance(...) * (t + 1) / (t - r).",
            ),
            minutes=6,
            scenes=(TrainedConsistent(),),
        ),
        Exercise(
            "tune",
            steps=(
                "the loss at some progress: consistency_loss, with so many halvings",
                "before the first step: by how far the training has come, which its settings can tell",
                "then let fit take its steps, and after each set the loss for the next one; yield the step",
            ),
            hints=(
                "fit calls training.loss at every step, whatever it is then. When can you exchange it?",
                "partial(consistency_loss, halvings=...) is a loss for the trainer. A step says how much progress was "
                "made with it; before the first, settings.progress(step, seconds) of the training does.",
                "training.loss = partial(consistency_loss, halvings=most * settings.progress(...)); then for step in "
                "fit(training, images): exchange it again, by step.progress, and yield step.",
            ),
            minutes=5,
            scenes=(TrainedConsistent(),),
        ),
        Exercise(
            "sample_by_jumps",
            steps=(
                "go through the pairs of spaced_timesteps:",
                "guess the image, by denoise",
                "before the last step: noise the guess to prev_t, with noise drawn anew; at the end it is the result",
                "tell on_step, if there is one, the guess and the x it led to",
            ),
            hints=(
                "How does refine of lesson 05 begin, and what would it do if it were to begin again after each guess?",
                "denoise guesses, its pred_x0 is the jump's image, and renoise brings it to prev_t; draw_like(x, "
                "generator) is the noise. There is nothing to noise at prev_t = -1.",
                'guess = denoise(model, x, t, schedule, "v"); x = guess.pred_x0 if prev_t < 0 else '
                "renoise(guess.pred_x0, prev_t, schedule, draw_like(x, generator)).",
            ),
            minutes=4,
            scenes=(Jumped(steps=4),),
        ),
    ),
)
