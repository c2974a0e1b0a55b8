"""Known mistakes in lesson 05."""

from cdm_tutor.course.lesson import Mistake

NETWORK = "super().__init__(in_channels, channels, blocks=(1, 1), fold=1, attention=False)"
RENOISE = "return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)"
OTHER = "other = noise.flatten(1)[:, shuffled].view_as(noise)"
PERTURBED = "return noise + PERTURBATION * other"
X_T = "x_t = q_sample(x0, t, perturb(noise), schedule)"
TARGET = "target = training_target(x0, t, noise, schedule, prediction)"
LOSS = "return (model(x_t, t) - target).square().flatten(1).mean(dim=1)"
STEPS = "return [(t_start, t_start // 3), (t_start // 3, -1)]"
NOISED = "x = renoise(x, t_start, schedule, draw_like(x, generator))"
GUESS = "guess = denoise(model, x, t, schedule, prediction)"
STEP = "x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))"
LAST = "torch.zeros_like(x))\n    return x"

MISTAKES = [
    Mistake(
        "refiner-folds-pixels",
        "ImprovedRefinementNetwork.__init__",
        "the refiner folds pixels, as the first network does",
        "Refined images are grainy: with so few channels and so little training, a network that folds pixels "
        "leaves specks. Edges keep the small steps that the first network left.",
        "The refiner is there for what the first network cannot see well, and that is the finest detail.",
        ((NETWORK, "super().__init__(in_channels, channels, blocks=(1, 1), attention=False)"),),
    ),
    Mistake(
        "refiner-with-attention",
        "ImprovedRefinementNetwork.__init__",
        "the refiner has attention",
        "No better images, but at full resolution each position looks at four times as many others: slow.",
        "Attention arranges the whole picture. The refiner comes when that is settled, and mends what is near.",
        ((NETWORK, "super().__init__(in_channels, channels, blocks=(1, 1), fold=1)"),),
    ),
    Mistake(
        "refiner-too-wide",
        "ImprovedRefinementNetwork.__init__",
        "the refiner is as wide as the first network, whatever channels says",
        "A training step takes twice as long, for nearly the same pictures.",
        "At full resolution every channel costs four times as much. What is not handed on stays at its default.",
        ((NETWORK, "super().__init__(in_channels, blocks=(1, 1), fold=1, attention=False)"),),
    ),
    Mistake(
        "refiner-too-deep",
        "ImprovedRefinementNetwork.__init__",
        "the refiner has two blocks at its lower size, as the first network has",
        "Training and refining take a little longer, for the same pictures; the shipped weights do not fit.",
        "The last stretch is the easiest: little noise, and what is missing can be told from the pixels around it.",
        ((NETWORK, "super().__init__(in_channels, channels, fold=1, attention=False)"),),
    ),
    Mistake(
        "refiner-ends-in-sigmoid",
        "ImprovedRefinementNetwork.__init__",
        "a sigmoid at the end: nothing below 0 comes out",
        "The loss stays high, and the refined images are grainy: what is negative can never be answered, so half "
        "of the noise stays.",
        "Noise and velocity have both signs and no bounds, and images reach down to -1. A sigmoid reaches neither.",
        ((NETWORK, f"{NETWORK}\n        self.conv_out = torch.nn.Sequential(self.conv_out, torch.nn.Sigmoid())"),),
    ),
    Mistake(
        "renoise-without-shrinking",
        "renoise",
        "noise is added, but the image keeps its full strength",
        "Refined images are a little too bright and too hard: the network takes the surplus for the image.",
        "At every step image and noise share a variance of 1. Where noise comes in, as much of the image must go.",
        ((RENOISE, "return x + schedule.sqrt_one_minus_alphas_cumprod[t] * noise"),),
    ),
    Mistake(
        "renoise-of-one-step",
        "renoise",
        "only the noise of step t itself, not of all steps up to it",
        "Strokes a little harder and thinner, and next to nothing is mended: the network removes noise that is not "
        "there.",
        "Beta is what one step adds. A finished image has not taken any of the steps before it.",
        ((RENOISE, "return (1 - schedule.betas[t]).sqrt() * x + schedule.betas[t].sqrt() * noise"),),
    ),
    Mistake(
        "renoise-counts-from-one",
        "renoise",
        "the images are noised to the step before",
        "None to see with 1000 steps; slightly soft images, the fewer the steps of the schedule the more.",
        "t = 0 is already a noising step, the first. The tables have its entry at place 0.",
        ((RENOISE, "return q_sample(x, torch.full((len(x),), t - 1, device=x.device), noise, schedule)"),),
    ),
    Mistake(
        "renoise-at-full-strength",
        "renoise",
        "the noise is added as it is",
        "Noise is left all over the images: they were noised more than the network was told.",
        "How much noise there is depends on the step; standard normal noise is as much as at the very last.",
        ((RENOISE, "return x + noise"),),
    ),
    Mistake(
        "perturbation-not-scaled",
        "perturb",
        "as much of the other noise as of the noise",
        "A veil of faint grain over the refined images, and a loss that stays high: half of what the refiner meets "
        "in training is noise that it can know nothing about.",
        "Samples are a little off, not beyond recognition. In training they should be a little off, too.",
        ((PERTURBED, "return noise + other"),),
    ),
    Mistake(
        "perturbation-is-a-variance",
        "perturb",
        "0.1 is taken for the variance of the other noise, not for its standard deviation",
        "The loss stays a little too high, and the refiner trusts its input too little; after a short training the "
        "images look as they should.",
        "What multiplies a noise is its standard deviation; variance is the square of it. A root of a small number is "
        "much larger.",
        ((PERTURBED, "return noise + PERTURBATION**0.5 * other"),),
    ),
    Mistake(
        "perturbation-is-the-noise",
        "perturb",
        "the other noise is the noise again",
        "None to see after a short training. The refiner learns that there is always a tenth more noise than it is "
        "told, and takes away too much.",
        "What follows from the noise can be learned and undone. Only what is independent of it teaches caution.",
        ((OTHER, "other = noise"),),
    ),
    Mistake(
        "perturbation-shared",
        "perturb",
        "all images of a batch get the same other noise",
        "None in the pictures at first, but training is less steady: all images of a batch err the same way.",
        "A batch averages out what is chance in its images, but only if each has a chance of its own.",
        ((OTHER, "other = noise.flatten(1)[:1, shuffled].expand(len(noise), -1).reshape(noise.shape)"),),
    ),
    Mistake(
        "perturbation-of-a-neighbour",
        "perturb",
        "the other noise is the noise of the next image of the batch",
        "None while batches are large; a batch of one image is perturbed by its own noise, and learns to undo it.",
        "What happens to an image must not depend on which others it was drawn with, or how many.",
        ((OTHER, "other = noise.roll(1, 0)"),),
    ),
    Mistake(
        "perturbation-of-the-next-pixel",
        "perturb",
        "the other noise is the noise shifted by a pixel",
        "None to see after a short training. The refiner learns to find the extra noise next door and take it "
        "away, and trusts its input as before.",
        "A convolution looks at the pixels around. What can be told from them hides nothing.",
        ((OTHER, "other = noise.roll(1, -1)"),),
    ),
    Mistake(
        "perturbation-always-alike",
        "perturb",
        "the other noise is the same in every batch",
        "None to see after a short training. The refiner learns that one pattern by heart, and is as trusting as "
        "if there were none.",
        "A generator that begins anew at each call says the same at each call. What never changes is no chance.",
        ((OTHER, "other = torch.randn(noise.shape, generator=seeded(0), dtype=noise.dtype).to(noise.device)"),),
    ),
    Mistake(
        "perturbation-not-normal",
        "perturb",
        "the other noise is uniform between 0 and 1",
        "None to see after a short training. In the long run refined images are a little too dark: in training the "
        "inputs were always too bright.",
        "Errors go both ways. rand and randn are two things: only one of them has mean 0.",
        (
            (
                OTHER,
                "other = torch.special.ndtr(noise.flatten(1)[:, shuffled]).view_as(noise)",
            ),
        ),
    ),
    Mistake(
        "perturbation-keeps-the-variance",
        "perturb",
        "the noise is made weaker, so that with the other it is no more than before",
        "None to see: the refiner is less cautious than it could be.",
        "The input is to be noisier than the refiner is told. If the sum is as strong as ever, nothing is hidden.",
        ((PERTURBED, "return (1 - PERTURBATION**2) ** 0.5 * noise + PERTURBATION * other"),),
    ),
    Mistake(
        "perturbation-in-place",
        "perturb",
        "the other noise is written into the noise that came",
        "None to see after a short training. It is as if there were no perturbation: the target, made from the "
        "same tensor, knows of it.",
        "A tensor handed to a function still belongs to whoever handed it. += and functions ending in _ write into it.",
        ((PERTURBED, "return noise.add_(PERTURBATION * other)"),),
    ),
    Mistake(
        "target-knows-the-extra-noise",
        "refiner_loss",
        "the target is made from the perturbed noise, too",
        "None to see after a short training. It is as if there were no perturbation: in the long run refined "
        "images keep the first network's specks.",
        "If the target tells of all noise that is in the input, the input is as the noise level says: nothing is off.",
        ((X_T, f"noise = perturb(noise)\n    {X_T.replace('perturb(noise)', 'noise')}"),),
    ),
    Mistake(
        "refiner-trained-without-perturbation",
        "refiner_loss",
        "the input has no extra noise",
        "None to see after a short training. In the long run refined images keep the first network's specks: the "
        "refiner takes them for part of the picture.",
        "In training a network should meet what it will meet in use, and samples are never quite as real images are.",
        ((X_T, "x_t = q_sample(x0, t, noise, schedule)"),),
    ),
    Mistake(
        "refiner-trained-on-clean-images",
        "refiner_loss",
        "the model is shown the clean images",
        "The loss hardly falls, and refined images are full of grain: in use there is always noise.",
        "In training a network should meet what it will meet in use: noised images.",
        ((LOSS, LOSS.replace("model(x_t, t)", "model(x0, t)")),),
    ),
    Mistake(
        "perturbed-after-noising",
        "refiner_loss",
        "the extra is added to the noised image, as strong at every step",
        "The loss stays high, and faint specks stay in the images: where there is little noise, the extra is a "
        "large part of it.",
        "How far a sample is off at a step goes with how much noise there is: a tenth of the noise, not of the image.",
        ((X_T, "x_t = q_sample(x0, t, noise, schedule) + (perturb(noise) - noise)"),),
    ),
    Mistake(
        "refiner-loss-of-the-batch",
        "refiner_loss",
        "one number for the whole batch",
        "Training stops with an error: the trainer wants a number for each image.",
        "Who trains may want to weigh the images by their steps, so each image must have its own loss.",
        ((LOSS, LOSS.replace("flatten(1).mean(dim=1)", "mean()")),),
    ),
    Mistake(
        "refiner-loss-summed",
        "refiner_loss",
        "the squares are added up, not averaged",
        "The loss is hundreds of times too large. Clipped, the gradient still does its work; not clipped, the loss "
        "jumps about, or the images turn to NaN.",
        "A loss should say how far a pixel is off on average, whatever the number of pixels.",
        ((LOSS, LOSS.replace("flatten(1).mean(dim=1)", "flatten(1).sum(dim=1)")),),
    ),
    Mistake(
        "refiner-target-always-noise",
        "refiner_loss",
        "the target is the noise, whatever was asked for",
        "Refined images are washed out, on a ground that is not black: the network says noise where the sampler "
        "reads velocity. The loss is lower than it should be.",
        "Training and sampling must agree on what the answers mean.",
        ((TARGET, "target = noise"),),
    ),
    Mistake(
        "refiner-ends-at-zero",
        "refiner_steps",
        "the last step ends at 0, not at the clean image",
        "A grain on the finished images, with 1000 steps too fine to see.",
        "Step 0 is the first noising step: a little noise is still there. The clean image comes before it.",
        ((STEPS, "return [(t_start, t_start // 3), (t_start // 3, 0)]"),),
    ),
    Mistake(
        "second-step-from-the-start",
        "refiner_steps",
        "the second step begins where the first one did",
        "Blurred images: the second time the network removes noise that is no longer there.",
        "A step begins where the one before it ended: the network must be told how noisy its input now is.",
        ((STEPS, "return [(t_start, t_start // 3), (t_start, -1)]"),),
    ),
    Mistake(
        "refiner-in-one-step",
        "refiner_steps",
        "all the way in one step",
        "Soft images: the network's first guess is the average of all that might be.",
        "A guess from much noise settles the rough shape. Looking again, from less noise, settles the rest.",
        ((STEPS, "return [(t_start, -1)]"),),
    ),
    Mistake(
        "refiner-a-third-off",
        "refiner_steps",
        "the first step goes down by a third, not to a third",
        "Softer images: the long jump to the end is made from where much is still hidden.",
        "Two thirds of the way is done in the first step, where only the rough shape matters.",
        ((STEPS, STEPS.replace("t_start // 3", "t_start - t_start // 3")),),
    ),
    Mistake(
        "refiner-start-not-checked",
        "refiner_steps",
        "any t_start is taken",
        "From 0 nothing is mended, from below 0 pure noise is taken for an image, past the end there is a bare error.",
        "Python counts negative places from the end, without complaint. Numbers that come from outside are checked.",
        (("if not 1 <= t_start < T:", "if False:"),),
    ),
    Mistake(
        "refiner-start-of-zero",
        "refiner_steps",
        "a start of 0 is taken",
        "The images come back as they were: no fault is drowned, and none is mended.",
        "Step 0 is the first noising step, and its noise drowns nothing. A third of it is 0 again: both steps would "
        "begin at the same place.",
        (("if not 1 <= t_start < T:", "if not 0 <= t_start < T:"),),
    ),
    Mistake(
        "refined-never-used",
        "refine",
        "what comes back is the sample as it came",
        "The refiner changes nothing, however it was trained.",
        "Tensors are not changed by a function that returns new ones: what it returns must be used.",
        ((NOISED, f"sample = x\n    {NOISED}"), (LAST, LAST.replace("return x", "return sample"))),
    ),
    Mistake(
        "refined-each-step-from-the-start",
        "refine",
        "the second step is taken from the noised sample, not from where the first step ended",
        "Grain left all over the images: the network is told of less noise than there is.",
        "Each step takes what the one before it gave.",
        (
            (NOISED, NOISED.replace("x = renoise", "start = renoise")),
            (GUESS, GUESS.replace("model, x,", "model, start,")),
            (STEP, STEP.replace("(x, guess", "(start, guess")),
        ),
    ),
    Mistake(
        "refined-without-noising",
        "refine",
        "the sample is denoised without being noised first",
        "Images a little smoother than they were, and their faults still there: nothing was drowned, so nothing "
        "is mended.",
        "The network believes the step that it is told. The faults are still there, for no noise has drowned them.",
        ((NOISED, "x = x.clone()"),),
    ),
    Mistake(
        "refined-from-another-step",
        "refine",
        "the sample is noised to the end of the first step, and denoised from its beginning",
        "Flat, smooth images: the network removes more noise than there is.",
        "How noisy the input is and which step the network is told must agree.",
        ((NOISED, NOISED.replace("x, t_start,", "x, t_start // 3,")),),
    ),
    Mistake(
        "refined-with-no-noise",
        "refine",
        "the sample is dimmed as if noised, but the noise is zero",
        "Smooth images with the old faults, which were not drowned.",
        "It is the noise that hides what was wrong and leaves the network free to draw it anew.",
        ((NOISED, NOISED.replace("draw_like(x, generator)", "torch.zeros_like(x)")),),
    ),
    Mistake(
        "refined-with-shared-noise",
        "refine",
        "all images are noised with the same noise",
        "Faults come at the same places in all images of a batch.",
        "Samples are independent draws only if the noise in each is.",
        ((NOISED, NOISED.replace("draw_like(x, generator)", "draw_like(x[:1], generator).expand_as(x)")),),
    ),
    Mistake(
        "refined-by-global-chance",
        "refine",
        "the noise does not come from the generator",
        "The same seed gives other images each time.",
        "Whoever hands a generator in decides what is drawn. What is not handed it asks another one, which all share.",
        ((NOISED, NOISED.replace("draw_like(x, generator)", "torch.randn_like(x)")),),
    ),
    Mistake(
        "refined-with-perturbed-noise",
        "refine",
        "the noise is perturbed in use, too",
        "None to see: strokes differ by a hair from those that were refined as they should be.",
        "The perturbation imitates in training what samples bring along in use. They have their faults already.",
        ((NOISED, NOISED.replace("draw_like(x, generator)", "perturb(draw_like(x, generator))")),),
    ),
    Mistake(
        "refined-with-fresh-noise",
        "refine",
        "each step adds fresh noise",
        "Grainier images with other details in each run: two steps are too few to remove what is added.",
        "Noise that was drawn once has done its work. ddim_step adds none unless eta asks for it.",
        ((STEP, STEP.replace("torch.zeros_like(x))", "draw_like(x, generator), eta=1.0)")),),
    ),
    Mistake(
        "refined-with-noise-at-the-end",
        "refine",
        "the finished images are noised once more",
        "A grain on the finished images, too fine to see with 1000 steps.",
        "The last step leads to the clean image. What is added after it nobody removes.",
        ((LAST, LAST.replace("return x", "return renoise(x, 0, schedule, draw_like(x, generator))")),),
    ),
    Mistake(
        "refined-as-if-noise",
        "refine",
        "the model's answer is always read as noise",
        "Next to nothing at so little noise, where noise and velocity are nearly the same; refined from further "
        "back, the images are a little bolder than they should be.",
        "What an answer means is settled in training. What is not handed on stays at its default.",
        ((GUESS, "guess = denoise(model, x, t, schedule)"),),
    ),
]
