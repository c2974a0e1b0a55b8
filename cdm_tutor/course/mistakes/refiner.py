"""Known mistakes in lesson 05."""

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.scenes import Refined

NETWORK = "super().__init__(in_channels, channels, blocks=(1, 1), fold=1, attention=False)"
RENOISE = "return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)"
OTHER = "other = draw_another(noise)"
X_T = "x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule)"
TARGET = "target = training_target(x0, t, noise, schedule, prediction)"
LOSS = "return (model(x_t, t) - target).square().flatten(1).mean(dim=1)"
STEPS = "return [(t_start, t_start // 3), (t_start // 3, -1)]"
NOISED = "x = renoise(x, t_start, schedule, draw_like(x, generator))"
GUESS = "guess = denoise(model, x, t, schedule, prediction)"
STEP = "x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))"
LAST = "torch.zeros_like(x))\n    return x"

MISTAKES = [
    Mistake(
        name="refiner-folds-pixels",
        exercise="ImprovedRefinementNetwork.__init__",
        title="the refiner folds pixels, as the first network does",
        symptom="Refined images are grainy: with so few channels and so little training, a network that folds pixels "
        "leaves specks. Edges keep the small steps that the first network left.",
        concept="The refiner is there for what the first network cannot see well, and that is the finest detail.",
        patch=((NETWORK, "super().__init__(in_channels, channels, blocks=(1, 1), attention=False)"),),
        symptoms=("refining", "loss-stays"),
    ),
    Mistake(
        name="refiner-with-attention",
        exercise="ImprovedRefinementNetwork.__init__",
        title="the refiner has attention",
        symptom="No better images, but at full resolution each position looks at four times as many others: slow.",
        concept="Attention arranges the whole picture. The refiner comes when that is settled, and mends what is near.",
        patch=((NETWORK, "super().__init__(in_channels, channels, blocks=(1, 1), fold=1)"),),
        symptoms=("refining", "slow"),
    ),
    Mistake(
        name="refiner-too-wide",
        exercise="ImprovedRefinementNetwork.__init__",
        title="the refiner is as wide as the first network, whatever channels says",
        symptom="A training step takes twice as long, for nearly the same pictures.",
        concept="At full resolution every channel costs four times as much. What is not handed on stays at its "
        "default.",
        patch=((NETWORK, "super().__init__(in_channels, blocks=(1, 1), fold=1, attention=False)"),),
        symptoms=("refining", "slow"),
    ),
    Mistake(
        name="refiner-too-deep",
        exercise="ImprovedRefinementNetwork.__init__",
        title="the refiner has two blocks at its lower size, as the first network has",
        symptom="Training and refining take a little longer, for the same pictures; the shipped weights do not fit.",
        concept="The last stretch is the easiest: little noise, and what is missing can be told from the pixels "
        "around it.",
        patch=((NETWORK, "super().__init__(in_channels, channels, fold=1, attention=False)"),),
        symptoms=("refining", "slow"),
    ),
    Mistake(
        name="refiner-ends-in-sigmoid",
        exercise="ImprovedRefinementNetwork.__init__",
        title="a sigmoid at the end: nothing below 0 comes out",
        symptom="The loss stays high, and the refined images are grainy: what is negative can never be answered, so "
        "half of the noise stays.",
        concept="Noise and velocity have both signs and no bounds, and images reach down to -1. A sigmoid reaches "
        "neither.",
        patch=(
            (NETWORK, f"{NETWORK}\n        self.conv_out = torch.nn.Sequential(self.conv_out, torch.nn.Sigmoid())"),
        ),
        symptoms=("grain", "loss-stays"),
    ),
    Mistake(
        name="renoise-without-shrinking",
        exercise="renoise",
        title="noise is added, but the image keeps its full strength",
        symptom="Refined images are a little too bright and too hard: the network takes the surplus for the image.",
        concept="At every step image and noise share a variance of 1. Where noise comes in, as much of the image must "
        "go.",
        patch=((RENOISE, "return x + schedule.sqrt_one_minus_alphas_cumprod[t] * noise"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="renoise-of-one-step",
        exercise="renoise",
        title="only the noise of step t itself, not of all steps up to it",
        symptom="Strokes a little harder and thinner, and next to nothing is mended: the network removes noise that "
        "is not there.",
        concept="Beta is what one step adds. A finished image has not taken any of the steps before it.",
        patch=((RENOISE, "return (1 - schedule.betas[t]).sqrt() * x + schedule.betas[t].sqrt() * noise"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="renoise-without-the-root",
        exercise="renoise",
        title="the noise is multiplied by its variance, not by its standard deviation",
        symptom="Hardly any: for small t the scratch lies under too little noise, and fewer faults are mended.",
        concept="alpha_bar_t and 1 - alpha_bar_t are shares of variance. What multiplies an image or a noise is the "
        "root of its share.",
        patch=((RENOISE, "left = schedule.alphas_cumprod[t]\n    return left.sqrt() * x + (1 - left) * noise"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="renoise-counts-from-one",
        exercise="renoise",
        title="the images are noised to the step before",
        symptom="None to see with 1000 steps; slightly soft images, the fewer the steps of the schedule the more.",
        concept="t = 0 is already a noising step, the first. The tables have its entry at place 0.",
        patch=((RENOISE, "return q_sample(x, torch.full((len(x),), t - 1, device=x.device), noise, schedule)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="renoise-at-full-strength",
        exercise="renoise",
        title="the noise is added as it is",
        symptom="Noise is left all over the images: they were noised more than the network was told.",
        concept="How much noise there is depends on the step; standard normal noise is as much as at the very last.",
        patch=((RENOISE, "return x + noise"),),
        symptoms=("grain",),
    ),
    Mistake(
        name="perturbation-not-scaled",
        exercise="refiner_loss",
        title="as much of the other noise as of the noise",
        symptom="A veil of faint grain over the refined images, and a loss that stays high: half of what the refiner "
        "meets in training is noise that it can know nothing about.",
        concept="Samples are a little off, not beyond recognition. In training they should be a little off, too.",
        patch=((X_T, X_T.replace("PERTURBATION * ", "")),),
        symptoms=("refining", "loss-stays"),
    ),
    Mistake(
        name="perturbation-is-a-variance",
        exercise="refiner_loss",
        title="0.1 is taken for the variance of the other noise, not for its standard deviation",
        symptom="The loss stays a little too high, and the refiner trusts its input too little; after a short "
        "training the images look as they should.",
        concept="What multiplies a noise is its standard deviation; variance is the square of it. A root of a small "
        "number is much larger.",
        patch=((X_T, X_T.replace("PERTURBATION", "PERTURBATION**0.5")),),
        symptoms=("refining", "loss-stays"),
    ),
    Mistake(
        name="perturbation-is-the-noise",
        exercise="refiner_loss",
        title="the other noise is the noise again",
        symptom="None to see after a short training. The refiner learns that there is always a tenth more noise than "
        "it is told, and takes away too much.",
        concept="What follows from the noise can be learned and undone. Only what is independent of it teaches "
        "caution.",
        patch=((OTHER, "other = noise"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-seeded-with-the-images",
        exercise="refiner_loss",
        title="the other noise is drawn from the images, not from the noise",
        symptom="None to see after a short training. All digits are black in the corner, so all get the same other "
        "noise, in each step again: the refiner learns it by heart.",
        concept="A seed must differ wherever the draw should. The noise is new for each image in each step, the "
        "images are not.",
        patch=((OTHER, "other = draw_another(x0)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-shared",
        exercise="refiner_loss",
        title="all images of a batch get the same other noise",
        symptom="None in the pictures at first, but training is less steady: all images of a batch err the same way.",
        concept="A batch averages out what is chance in its images, but only if each has a chance of its own.",
        patch=((OTHER, "other = draw_another(noise)[:1].expand_as(noise)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-of-a-neighbour",
        exercise="refiner_loss",
        title="the other noise is the noise of the next image of the batch",
        symptom="None while batches are large; a batch of one image is perturbed by its own noise, and learns to undo "
        "it.",
        concept="What happens to an image must not depend on which others it was drawn with, or how many.",
        patch=((OTHER, "other = noise.roll(1, 0)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-of-the-next-pixel",
        exercise="refiner_loss",
        title="the other noise is the noise shifted by a pixel",
        symptom="None to see after a short training. The refiner learns to find the extra noise next door and take it "
        "away, and trusts its input as before.",
        concept="A convolution looks at the pixels around. What can be told from them hides nothing.",
        patch=((OTHER, "other = noise.roll(1, -1)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-always-alike",
        exercise="refiner_loss",
        title="the other noise is the same in every batch",
        symptom="None to see after a short training. The refiner learns that one pattern by heart, and is as trusting "
        "as if there were none.",
        concept="A generator that begins anew at each call says the same at each call. What never changes is no "
        "chance.",
        patch=((OTHER, "other = draw_like(noise, torch.Generator().manual_seed(0))"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-not-normal",
        exercise="refiner_loss",
        title="the other noise is uniform between 0 and 1",
        symptom="None to see after a short training. In the long run refined images are a little too dark: in "
        "training the inputs were always too bright.",
        concept="Errors go both ways. rand and randn are two things: only one of them has mean 0.",
        patch=((OTHER, "other = torch.special.ndtr(draw_another(noise))"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-keeps-the-variance",
        exercise="refiner_loss",
        title="the noise is made weaker, so that with the other it is no more than before",
        symptom="None to see: the refiner is less cautious than it could be.",
        concept="The input is to be noisier than the refiner is told. If the sum is as strong as ever, nothing is "
        "hidden.",
        patch=((X_T, X_T.replace("noise +", "(1 - PERTURBATION**2) ** 0.5 * noise +")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="perturbation-in-place",
        exercise="refiner_loss",
        title="the other noise is written into the noise that came",
        symptom="None to see after a short training. It is as if there were no perturbation: the target, made from "
        "the same tensor, knows of it.",
        concept="A tensor that a function is handed still belongs to its caller. += and functions ending in _ write "
        "into it.",
        patch=((X_T, X_T.replace("noise + PERTURBATION * other", "noise.add_(PERTURBATION * other)")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="target-knows-the-extra-noise",
        exercise="refiner_loss",
        title="the target is made from the perturbed noise, too",
        symptom="None to see after a short training. It is as if there were no perturbation: in the long run refined "
        "images keep the first network's specks.",
        concept="If the target tells of all noise that is in the input, the input is as the noise level says: nothing "
        "is off.",
        patch=((X_T, "noise = noise + PERTURBATION * other\n    x_t = q_sample(x0, t, noise, schedule)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="only-the-target-gets-the-extra-noise",
        exercise="refiner_loss",
        title="the extra noise is in the target, and not in the input",
        symptom="The loss stays a hundredth too high, for nobody can guess the extra. Refined images are as without "
        "perturbation.",
        concept="The network is to meet a worse input than it is told of. A worse target only hides the answer.",
        patch=(
            (X_T, "x_t = q_sample(x0, t, noise, schedule)"),
            (TARGET, TARGET.replace("noise,", "noise + PERTURBATION * other,")),
        ),
        symptoms=("refining", "loss-stays"),
    ),
    Mistake(
        name="refiner-trained-without-perturbation",
        exercise="refiner_loss",
        title="the input has no extra noise",
        symptom="None to see after a short training. In the long run refined images keep the first network's specks: "
        "the refiner takes them for part of the picture.",
        concept="In training a network should meet what it will meet in use, and samples are never quite as real "
        "images are.",
        patch=((X_T, "x_t = q_sample(x0, t, noise, schedule)"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refiner-trained-on-clean-images",
        exercise="refiner_loss",
        title="the model is shown the clean images",
        symptom="The loss hardly falls, and refined images are full of grain: in use there is always noise.",
        concept="In training a network should meet what it will meet in use: noised images.",
        patch=((LOSS, LOSS.replace("model(x_t, t)", "model(x0, t)")),),
        symptoms=("grain", "loss-stays"),
    ),
    Mistake(
        name="perturbed-after-noising",
        exercise="refiner_loss",
        title="the extra is added to the noised image, as strong at every step",
        symptom="The loss stays high, and faint specks stay in the images: where there is little noise, the extra is "
        "a large part of it.",
        concept="How far a sample is off at a step goes with how much noise there is: a tenth of the noise, not of "
        "the image.",
        patch=((X_T, "x_t = q_sample(x0, t, noise, schedule) + PERTURBATION * other"),),
        symptoms=("refining", "loss-stays"),
    ),
    Mistake(
        name="refiner-loss-of-the-batch",
        exercise="refiner_loss",
        title="one number for the whole batch",
        symptom="Training stops with an error: the trainer wants a number for each image.",
        concept="The trainer may weigh the images by their steps, so each image must have its own loss.",
        patch=((LOSS, LOSS.replace("flatten(1).mean(dim=1)", "mean()")),),
        symptoms=("error",),
    ),
    Mistake(
        name="refiner-loss-summed",
        exercise="refiner_loss",
        title="the squares are added up, not averaged",
        symptom="The loss is hundreds of times too large. Clipped, the gradient still does its work; not clipped, the "
        "loss jumps about, or the images turn to NaN.",
        concept="A loss should say how far a pixel is off on average, whatever the number of pixels.",
        patch=((LOSS, LOSS.replace("flatten(1).mean(dim=1)", "flatten(1).sum(dim=1)")),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="refiner-target-always-noise",
        exercise="refiner_loss",
        title="the target is the noise, whatever was asked for",
        symptom="Refined images are washed out, on a ground that is not black: the network says noise where the "
        "sampler reads velocity. The loss is lower than it should be.",
        concept="Training and sampling must agree on what the answers mean.",
        patch=((TARGET, "target = noise"),),
        symptoms=("refining", "loss-low"),
    ),
    Mistake(
        name="refiner-ends-at-zero",
        exercise="refiner_steps",
        title="the last step ends at 0, not at the clean image",
        symptom="A grain on the finished images, with 1000 steps too fine to see.",
        concept="Step 0 is the first noising step: a little noise is still there. The clean image comes before it.",
        patch=((STEPS, "return [(t_start, t_start // 3), (t_start // 3, 0)]"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="second-step-from-the-start",
        exercise="refiner_steps",
        title="the second step begins where the first one did",
        symptom="Blurred images: the second time the network removes noise that is no longer there.",
        concept="A step begins where the one before it ended: the network must be told how noisy its input now is.",
        patch=((STEPS, "return [(t_start, t_start // 3), (t_start, -1)]"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refiner-in-one-step",
        exercise="refiner_steps",
        title="all the way in one step",
        symptom="Soft images: the network's first guess is the average of all that might be.",
        concept="A guess from much noise settles the rough shape. Looking again, from less noise, settles the rest.",
        patch=((STEPS, "return [(t_start, -1)]"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refiner-a-third-off",
        exercise="refiner_steps",
        title="the first step goes down by a third, not to a third",
        symptom="Softer images: the long jump to the end is made from where much is still hidden.",
        concept="Two thirds of the way is done in the first step, where only the rough shape matters.",
        patch=((STEPS, STEPS.replace("t_start // 3", "t_start - t_start // 3")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refiner-start-not-checked",
        exercise="refiner_steps",
        title="any t_start is taken",
        symptom="From 0 nothing is mended, from below 0 pure noise is taken for an image, past the end there is a "
        "bare error.",
        concept="Python counts negative places from the end, without complaint. Numbers that come from outside are "
        "checked.",
        patch=(("if not 1 <= t_start < T:", "if False:"),),
        symptoms=("error",),
        scenes=(Refined(t_start=-1),),
    ),
    Mistake(
        name="refiner-start-of-zero",
        exercise="refiner_steps",
        title="a start of 0 is taken",
        symptom="The images come back as they were: no fault is drowned, and none is mended.",
        concept="Step 0 is the first noising step, and its noise drowns nothing. A third of it is 0 again: both steps "
        "would begin at the same place.",
        patch=(("if not 1 <= t_start < T:", "if not 0 <= t_start < T:"),),
        symptoms=("refining",),
        scenes=(Refined(t_start=0),),
    ),
    Mistake(
        name="refined-never-used",
        exercise="refine",
        title="what comes back is the sample as it came",
        symptom="The refiner changes nothing, however it was trained.",
        concept="Tensors are not changed by a function that returns new ones: what it returns must be used.",
        patch=((NOISED, f"sample = x\n    {NOISED}"), (LAST, LAST.replace("return x", "return sample"))),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-each-step-from-the-start",
        exercise="refine",
        title="the second step is taken from the noised sample, not from where the first step ended",
        symptom="Grain left all over the images: the network is told of less noise than there is.",
        concept="Each step takes what the one before it gave.",
        patch=(
            (NOISED, NOISED.replace("x = renoise", "start = renoise")),
            (GUESS, GUESS.replace("model, x,", "model, start,")),
            (STEP, STEP.replace("(x, guess", "(start, guess")),
        ),
        symptoms=("grain",),
    ),
    Mistake(
        name="refined-without-noising",
        exercise="refine",
        title="the sample is denoised without being noised first",
        symptom="Images a little smoother than they were, and their faults still there: nothing was drowned, so "
        "nothing is mended.",
        concept="The network believes the step that it is told. The faults are still there, for no noise has drowned "
        "them.",
        patch=((NOISED, "x = x.clone()"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-from-another-step",
        exercise="refine",
        title="the sample is noised to the end of the first step, and denoised from its beginning",
        symptom="Flat, smooth images: the network removes more noise than there is.",
        concept="How noisy the input is and which step the network is told must agree.",
        patch=((NOISED, NOISED.replace("x, t_start,", "x, t_start // 3,")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-with-no-noise",
        exercise="refine",
        title="the sample is dimmed as if noised, but the noise is zero",
        symptom="Smooth images with the old faults, which were not drowned.",
        concept="It is the noise that hides what was wrong and leaves the network free to draw it anew.",
        patch=((NOISED, NOISED.replace("draw_like(x, generator)", "torch.zeros_like(x)")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-with-shared-noise",
        exercise="refine",
        title="all images are noised with the same noise",
        symptom="Faults come at the same places in all images of a batch.",
        concept="Samples are independent draws only if the noise in each is.",
        patch=((NOISED, NOISED.replace("draw_like(x, generator)", "draw_like(x[:1], generator).expand_as(x)")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-by-global-chance",
        exercise="refine",
        title="the noise does not come from the generator",
        symptom="The same seed gives other images each time.",
        concept="The generator decides what is drawn, if it is asked. What is not handed it asks torch's own, which "
        "all share.",
        patch=((NOISED, NOISED.replace("draw_like(x, generator)", "torch.randn_like(x)")),),
        symptoms=("same-seed",),
        scenes=(Refined(again="same"),),
    ),
    Mistake(
        name="refined-with-perturbed-noise",
        exercise="refine",
        title="the noise is perturbed in use, too",
        symptom="None to see: strokes differ by a hair from those that were refined as they should be.",
        concept="The perturbation imitates in training what samples bring along in use. They have their faults "
        "already.",
        patch=(
            (
                NOISED,
                "noise = draw_like(x, generator)\n"
                "    x = renoise(x, t_start, schedule, noise + PERTURBATION * draw_another(noise))",
            ),
        ),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-with-fresh-noise",
        exercise="refine",
        title="each step adds fresh noise",
        symptom="Grainier images with other details in each run: two steps are too few to remove what is added.",
        concept="Noise that was drawn once has done its work. ddim_step adds none unless eta asks for it.",
        patch=((STEP, STEP.replace("torch.zeros_like(x))", "draw_like(x, generator), eta=1.0)")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-from-the-clean-guess",
        exercise="refine",
        title="the second step begins with the guessed image, without its noise",
        symptom="Hardly any: edges are a little smoother. The network takes away noise that is no longer there.",
        concept="At prev_t there is still noise. ddim_step mixes guessed image and guessed noise as they are there.",
        patch=((STEP, "x = guess.pred_x0"),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-with-noise-drawn-again",
        exercise="refine",
        title="the guessed image is noised again with newly drawn noise",
        symptom="Hardly any: edges and thin strokes come out a little differently. What the first guess told of the "
        "noise is thrown away.",
        concept="DDIM goes on with the noise that was guessed. Guessed image and guessed noise together are all that "
        "x_t says.",
        patch=(
            (
                STEP,
                "x = guess.pred_x0\n"
                "        if prev_t >= 0:\n"
                "            x = renoise(x, prev_t, schedule, draw_like(x, generator))",
            ),
        ),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-to-the-step-it-came-from",
        exercise="refine",
        title="each step leads to where it began",
        symptom="The images come back with all the noise that they were given.",
        concept="A pair says from where and to where. The network is asked at t, the step ends at prev_t.",
        patch=((STEP, STEP.replace("prev_t", "t")),),
        symptoms=("grain",),
    ),
    Mistake(
        name="refined-with-noise-at-the-end",
        exercise="refine",
        title="the finished images are noised once more",
        symptom="A grain on the finished images, too fine to see with 1000 steps.",
        concept="The last step leads to the clean image. What is added after it nobody removes.",
        patch=((LAST, LAST.replace("return x", "return renoise(x, 0, schedule, draw_like(x, generator))")),),
        symptoms=("refining",),
    ),
    Mistake(
        name="refined-as-if-noise",
        exercise="refine",
        title="the model's answer is always read as noise",
        symptom="Next to nothing at so little noise, where noise and velocity are nearly the same; refined from "
        "further back, the images are a little bolder than they should be.",
        concept="What an answer means is settled in training. What is not handed on stays at its default.",
        patch=((GUESS, "guess = denoise(model, x, t, schedule)"),),
        symptoms=("refining",),
    ),
]
