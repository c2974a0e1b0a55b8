"""Known mistakes in lesson 06."""

from cdm_tutor.course.lesson import Mistake

RISE = "rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0"
LERP = "torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - d)"
SAMPLER = "world, rank, seed=seed)"
NOISE = "noise = draw_like(images[: settings.batch], generator)[place.to(images.device)]"
UNIFORM = "torch.rand(images[: settings.batch].shape, generator=generator, dtype=images.dtype)"
CHECK = '    check_finite("loss", mean, training.step)\n'
CLIP = "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n"
CHECK_LENGTH = '    check_finite("length of the gradient", length, training.step)\n'
STEP = "    training.optimizer.step()\n"
CHECK_WEIGHTS = (
    '    check_finite("length of the weights", nn.utils.get_total_norm(training.model.parameters()), training.step)\n'
)
LENGTH = "nn.utils.get_total_norm(p.grad for p in training.model.parameters() if p.grad is not None)"

MISTAKES = [
    Mistake(
        "warm-up-missing",
        "learning_rate",
        "the first steps are taken at the full rate",
        "The loss jumps up at the start, at times to NaN, and it takes hundreds of steps to make up for it.",
        "The optimiser knows nothing yet of how large the gradients are; large steps in that state go anywhere.",
        ((RISE, "rise = 1.0"),),
    ),
    Mistake(
        "warm-up-never-ends",
        "learning_rate",
        "the rate goes on rising after the warm-up",
        "In a short training hardly any. In a long one the rate grows to many times what it should be, until the "
        "falling cosine catches up: the loss climbs again, and the samples dissolve.",
        "The rise is a share of the rate, and a share is at most all of it.",
        ((RISE, "rise = (step + 1) / settings.warmup if settings.warmup else 1.0"),),
    ),
    Mistake(
        "warm-up-ends-in-a-jump",
        "learning_rate",
        "the cosine only counts once the warm-up is over",
        "Hardly any in a long training; in a short one, a sudden drop of the rate, and a kink in the loss.",
        "Both factors apply at every step. Switching from one to the other leaves a gap between them.",
        (
            (
                RISE,
                "if step < settings.warmup:\n        return settings.lr * (step + 1) / settings.warmup\n    rise = 1.0",
            ),
        ),
    ),
    Mistake(
        "rate-never-falls",
        "learning_rate",
        "after the warm-up the rate stays as it is",
        "Hardly any after a short training; in a long one the loss stops falling early and flickers, and the last "
        "samples are no better than those of long before.",
        "Large steps find the valley, small ones its floor: the weights keep jumping over it at the full rate.",
        (("settings.lr * rise * (1 + math.cos(math.pi * progress)) / 2", "settings.lr * rise"),),
    ),
    Mistake(
        "rate-comes-back",
        "learning_rate",
        "the cosine runs through a whole turn",
        "The loss is at its best in the middle of the training and ends where it was soon after the start.",
        "Half a turn of a cosine goes from the top to the bottom; the other half goes up again.",
        (("math.cos(math.pi * progress)", "math.cos(2 * math.pi * progress)"),),
    ),
    Mistake(
        "ema-without-warm-up",
        "update_ema",
        "the average forgets as slowly at the start as at the end",
        "After a short training, samples from the averaged weights are pure noise while the loss looks fine.",
        "With a decay of 0.999 a third of the random start is still in the average after a thousand steps.",
        (("    d = min(decay, (1 + step) / (10 + step))\n", "    d = decay\n"),),
    ),
    Mistake(
        "ema-ignores-decay",
        "update_ema",
        "the average becomes slower without end",
        "None in a short training; in a long one the averaged weights lag far behind, and samples look like those "
        "of much earlier.",
        "The warm-up is only for a young average; in the end it is the decay that says how far back it reaches.",
        (("    d = min(decay, (1 + step) / (10 + step))\n", "    d = (1 + step) / (10 + step)\n"),),
    ),
    Mistake(
        "ema-wrong-way-round",
        "update_ema",
        "what should stay of the average is what comes in, and the other way round",
        "None to see at the end of a training, where the rate is nearly 0. Before, the averaged weights flicker "
        "like the network's own, and samples differ from one moment to the next.",
        "A slow average keeps nearly all of itself and takes in a little.",
        (("list(model.parameters()), 1 - d)", "list(model.parameters()), d)"),),
    ),
    Mistake(
        "ema-equals-weights",
        "update_ema",
        "the average is a copy of the network",
        "None to see at the end of a training, where the rate is nearly 0. Before, samples from the average are no "
        "better than those from the weights of the last step.",
        "The last step followed a single batch, by chance; averaging over many steps takes the chance out.",
        (("list(model.parameters()), 1 - d)", "list(model.parameters()), 1.0)"),),
    ),
    Mistake(
        "ema-never-moves",
        "update_ema",
        "the average stays as it was at the start",
        "The loss falls, but samples from the averaged weights are pure noise, however long you train.",
        "The average is what is written into its own parameters. A new tensor, even under an old name, is not in it.",
        (
            (
                LERP,
                "for average, weight in zip(ema.parameters(), model.parameters(), strict=True):\n"
                "        average = d * average + (1 - d) * weight",
            ),
        ),
    ),
    Mistake(
        "ema-moves-the-network",
        "update_ema",
        "the network is moved towards the average",
        "The loss hardly falls: after each step the network is pulled back to where it started.",
        "The average follows the network and must leave it alone.",
        ((LERP, "torch._foreach_lerp_(list(model.parameters()), list(ema.parameters()), 1 - d)"),),
    ),
    Mistake(
        "same-order-every-epoch",
        "share_of_epoch",
        "every epoch shows the images in the same order",
        "Hardly any in a short training; in a long one the loss repeats its ups and downs from epoch to epoch, and "
        "ends a little higher than it could.",
        "The same images always meet in a batch and in the same sequence, and their gradients err alike each time.",
        (("    sampler.set_epoch(epoch)\n    return", "    return"),),
    ),
    Mistake(
        "each-process-its-own-order",
        "share_of_epoch",
        "every process shuffles for itself",
        "None on the curve; but some images are shown twice in an epoch and others never.",
        "Processes that do not speak can only share without overlap if they cut the very same order.",
        ((SAMPLER, "world, rank, seed=seed + rank)"),),
    ),
    Mistake(
        "never-shuffled",
        "share_of_epoch",
        "the images come in the order of the data set",
        "Waves in the loss with the length of an epoch, above all if the data set is sorted by class.",
        "A batch should be a fair sample of all images; neighbours in a file are often of a kind.",
        ((SAMPLER, "world, rank, seed=seed, shuffle=False)"),),
    ),
    Mistake(
        "share-is-everything",
        "share_of_epoch",
        "every process takes all the images",
        "Two processes are shown the same images, each time, and learn little more than one would with half the batch.",
        "The shares of the processes together are one epoch.",
        ((SAMPLER, "1, 0, seed=seed)"),),
    ),
    Mistake(
        "last-t-never-drawn",
        "draw_batch",
        "the largest timestep is never drawn",
        "None to see with 1000 steps: the sampler's very first step is at a t that the network never saw, but its "
        "neighbours it did see. The fewer the steps of the schedule, the darker or blotchier the samples.",
        "The upper end of a half-open range is not in it already; taking one off leaves out one more.",
        (("torch.randint(0, T, (", "torch.randint(0, T - 1, ("),),
    ),
    Mistake(
        "first-t-never-drawn",
        "draw_batch",
        "timesteps begin at 1",
        "None to see with 1000 steps. The sampler's last step is at a t that the network never saw: where a "
        "schedule has few steps, a grain stays on the finished images.",
        "t = 0 is the first noising step, not the clean image; it is trained like any other.",
        (("torch.randint(0, T, (", "torch.randint(1, T, ("),),
    ),
    Mistake(
        "one-t-for-all",
        "draw_batch",
        "all images of a batch have the same timestep",
        "The loss leaps from step to step, low for one t and high for the next, and falls slowly.",
        "Each step should see a bit of every noise level; with only one its gradient speaks for that one alone.",
        (
            (
                "torch.randint(0, T, (settings.batch,), generator=generator)",
                "torch.randint(0, T, (1,), generator=generator).expand(settings.batch)",
            ),
        ),
    ),
    Mistake(
        "focus-ignored",
        "draw_batch",
        'timesteps are uniform even if settings ask for "focused"',
        "The loss is higher, for it counts both ends as well, where it is always high; after the same minutes "
        "shapes are a little less firm than they could be.",
        "At both ends of the range there is little to learn: there the answer is nearly given, or nearly a guess.",
        (('if settings.timesteps == "focused":\n        t = _to_the_middle(t, T, generator)\n', "pass\n"),),
    ),
    Mistake(
        "each-process-the-same-noise",
        "draw_batch",
        "all processes draw the same timesteps and noise",
        "None on the curve; but more processes help less than they should, and results differ with their number.",
        "A seed that all share gives all the same numbers. Each needs its own part of one long draw.",
        (
            ("torch.randint(0, T, (settings.batch,), generator", "torch.randint(0, T, (len(place),), generator"),
            (NOISE, "noise = draw_like(x0, generator)"),
            ("t[place].to(", "t.to("),
        ),
    ),
    Mistake(
        "draws-depend-on-the-process",
        "draw_batch",
        "what an image gets depends on which process it falls to",
        "None on the curve; but the same seed gives another network with two processes than with one.",
        "A result that changes with the number of processes can neither be repeated elsewhere nor be told from a bug.",
        (("seeded(settings.seed, 1, step)", "seeded(settings.seed, 1, step, 1 + rank)"),),
    ),
    Mistake(
        "same-noise-every-step",
        "draw_batch",
        "every step draws the same timesteps and noise",
        "The loss falls lower than ever seen, and the samples are white pieces of strokes: it knows those few "
        "noises by heart.",
        "A generator made anew from the same seed begins anew. Something must tell one step from the next.",
        (("seeded(settings.seed, 1, step)", "seeded(settings.seed, 1)"),),
    ),
    Mistake(
        "noise-not-normal",
        "draw_batch",
        "the noise is uniform between 0 and 1",
        "The loss is small from the start, and all samples are specks on black.",
        "The formulas of noising hold for noise of mean 0 and variance 1, which the sampler starts from as well.",
        (("draw_like(images[: settings.batch], generator)", UNIFORM),),
    ),
    Mistake(
        "same-batch-all-epoch",
        "draw_batch",
        "every step of an epoch shows the same images",
        "The loss falls fast in steps, and the samples are copies of a few training images.",
        "A step takes the next batch of the epoch's order; after n // batch steps all images have been shown.",
        (("torch.arange(len(order)) - number * settings.batch", "torch.arange(len(order))"),),
    ),
    Mistake(
        "optimizer-not-restored",
        "Training.load_state_dict",
        "the optimiser begins anew",
        "A jump of the loss wherever a training was stopped and gone on with.",
        "Adam scales each step by the gradients it remembers. With no memory its first steps are far too large.",
        (('for name in ("model", "ema", "optimizer"):', 'for name in ("model", "ema"):'),),
    ),
    Mistake(
        "average-not-restored",
        "Training.load_state_dict",
        "the averaged weights begin anew",
        "After going on, samples are noise again for a long while, though the loss is as low as before.",
        "The average is a state of its own: it cannot be made again from the last weights.",
        (('for name in ("model", "ema", "optimizer"):', 'for name in ("model", "optimizer"):'),),
    ),
    Mistake(
        "step-not-restored",
        "Training.load_state_dict",
        "the count of steps begins anew",
        "After going on, the rate warms up again, the same batches come again, and the training takes too long.",
        "Learning rate, images and noise all follow from the step; whoever forgets it starts the plan again.",
        (('self.step, self.seconds = state["step"], state["seconds"]', 'self.seconds = state["seconds"]'),),
    ),
    Mistake(
        "seconds-not-restored",
        "Training.load_state_dict",
        "the time already spent is forgotten",
        "A training of ten minutes that was stopped at nine takes another ten, and its rate leaps up again.",
        "How far a training is can be counted in minutes as well as in steps, so both belong to its state.",
        (('self.step, self.seconds = state["step"], state["seconds"]', 'self.step = state["step"]'),),
    ),
    Mistake(
        "no-zero-grad",
        "train_step",
        "the gradients of all steps so far are added up",
        "The loss falls for a few steps, then swings and stays high: the weights overshoot and cannot be stopped. "
        "Samples are noise.",
        "backward adds to what is there. Who wants this step's gradient alone must first forget the last.",
        (("    training.optimizer.zero_grad()\n    losses", "    losses"),),
    ),
    Mistake(
        "zero-grad-between-parts",
        "train_step",
        "only the last part of the share counts",
        "With parts, the loss is as jumpy as with a smaller batch, and everything is learned more slowly: it ends "
        "higher, and grain stays on the samples.",
        "The parts are taken one after the other to save memory, but they make one gradient together.",
        (("        loss = training.loss(", "        training.optimizer.zero_grad()\n        loss = training.loss("),),
    ),
    Mistake(
        "mean-of-each-part",
        "train_step",
        "the mean over each part of the share is taken",
        "None to see where the gradient is clipped. With more parts it is as many times too large; it is cut, and "
        "its direction is off.",
        "Means of parts do not add up to the mean of all. Sums do; then divide once, by the size of all.",
        (("(loss.sum() / settings.batch).backward()", "loss.mean().backward()"),),
    ),
    Mistake(
        "mean-of-own-share",
        "train_step",
        "the mean over the process's own share is taken",
        "None to see where the gradient is clipped. With two processes it is twice as large as with one, and "
        "uneven shares get uneven weights.",
        "The gradients of all processes are added up, so each must divide by what all have together.",
        (("(loss.sum() / settings.batch).backward()", "(loss.sum() / len(x0)).backward()"),),
    ),
    Mistake(
        "sum-not-mean",
        "train_step",
        "the gradient is that of the sum over the batch",
        "Hardly any after a short training. Every gradient is cut to the same length, so the steps never get "
        "smaller of themselves; in a long training the loss flickers.",
        "A batch of twice as many images should give a better gradient, not one twice as long.",
        (("(loss.sum() / settings.batch).backward()", "loss.sum().backward()"),),
    ),
    Mistake(
        "bare-network-called",
        "train_step",
        "the processes do not share their gradients",
        "None with one process. With several each learns from its own images only, and they drift apart: the loss "
        "ends higher.",
        "The gradients are exchanged by what is wrapped around the network, if it is that which is called.",
        (("training.loss(training.network, ", "training.loss(training.model, "),),
    ),
    Mistake(
        "always-the-denoising-loss",
        "train_step",
        "the loss is always that of stage 2",
        "A denoiser trains well; a refiner learns to denoise and makes every image worse.",
        "The same step trains different things: what to lower is said by whoever set the training up.",
        (("        loss = training.loss(", "        loss = denoising_loss("),),
    ),
    Mistake(
        "always-predicts-noise",
        "train_step",
        "the network is always trained to predict the noise",
        'With prediction "v" the loss is lower than it should be, and the samples are pale blotches: the sampler '
        "takes the noise for a velocity.",
        "Training and sampling must agree on what the network's output means.",
        (("training.schedule, settings.prediction)", 'training.schedule, "noise")'),),
    ),
    Mistake(
        "not-clipped",
        "train_step",
        "the gradient is used however long it is",
        "The loss ends a little higher; now and then there is a spike, after which it needs a hundred steps to "
        "come down again.",
        "A single odd batch can give a gradient a hundred times as long as usual. Its direction may count, its length "
        "not.",
        ((CLIP, f"    length = {LENGTH}\n"),),
    ),
    Mistake(
        "clipped-after-the-step",
        "train_step",
        "the gradient is cut when it has been used already",
        "As if it were not cut at all: the loss ends a little higher, with spikes after an odd batch.",
        "The optimiser reads the gradients at the moment it is called; what is done to them later comes too late.",
        ((CLIP + CHECK_LENGTH + STEP, f"    length = {LENGTH}\n" + CHECK_LENGTH + STEP + CLIP),),
    ),
    Mistake(
        "clipped-each-number",
        "train_step",
        "each number of the gradient is cut for itself",
        "The loss ends a little higher, and spikes are still there: a million small numbers make a long gradient.",
        "Cutting the numbers one by one turns the direction. The gradient of all parameters is one arrow.",
        (
            (
                CLIP,
                f"    length = {LENGTH}\n"
                "    nn.utils.clip_grad_value_(training.model.parameters(), settings.grad_clip)\n",
            ),
        ),
    ),
    Mistake(
        "nan-into-the-weights",
        "train_step",
        "a step is taken although the loss is no number",
        "The loss turns to NaN and stays so; all weights are NaN, and so are the samples: a file of them is black.",
        "NaN spreads: once in a weight it is in every answer. Look before you step, while the weights are still good.",
        ((CHECK + CLIP + CHECK_LENGTH + STEP + CHECK_WEIGHTS, CLIP + STEP),),
    ),
    Mistake(
        "optimizer-never-steps",
        "train_step",
        "the weights never change",
        "The loss stays at 1, give or take the luck of the batch.",
        "A gradient only says where downhill is. Somebody has to walk.",
        ((STEP + CHECK_WEIGHTS, CHECK_WEIGHTS),),
    ),
    Mistake(
        "rate-not-handed-on",
        "fit",
        "the optimiser keeps the rate it was made with",
        "The curve of the rate looks right, but the loss jumps at the start and flickers at the end.",
        "A number that is computed and shown changes nothing until the optimiser is told.",
        (('        training.optimizer.param_groups[0]["lr"] = lr\n        x0', "        x0"),),
    ),
    Mistake(
        "step-not-counted",
        "fit",
        "the count of steps stays where it is",
        "It never ends: the rate stays that of the warm-up's first step, the same batch comes again and again, and "
        "the samples are bright clouds in noise.",
        "Rate, batch, average and end all depend on how many steps were taken.",
        (("        training.step += 1\n        training.seconds", "        training.seconds"),),
    ),
    Mistake(
        "seconds-not-counted",
        "fit",
        "the time is not added up",
        "Asked to train for some minutes, it never ends, and the rate never falls.",
        "How far a training is, is read from its clock. Somebody must wind it.",
        (("training.seconds += distributed", "training.seconds = distributed"),),
    ),
    Mistake(
        "fit-starts-anew",
        "fit",
        "it begins at step 0 whatever was done before",
        "After going on, warm-up and batches begin again, and the training takes longer than was asked for.",
        "The loop does not know how often it has been started. The training does.",
        (
            (
                "T = settings.t_below or len(training.schedule)\n",
                "T = settings.t_below or len(training.schedule)\n    training.step, training.seconds = 0, 0.0\n",
            ),
        ),
    ),
    Mistake(
        "t-below-ignored",
        "fit",
        "timesteps are drawn from the whole schedule whatever the settings say",
        "A refiner spends its time on noise it will never meet, and is weak at the little noise it does meet.",
        "Train on what will be met in use.",
        (("T = settings.t_below or len(training.schedule)\n", "T = len(training.schedule)\n"),),
    ),
    Mistake(
        "each-process-the-whole-batch",
        "fit",
        "every process takes the whole batch",
        "Two processes are no faster than one: each does all the work. The gradient is twice as long as it should "
        "be, and is cut.",
        "A process must say which one it is, of how many, or it is given the work of one alone.",
        (
            (
                "draw_batch(images, training.step, T, settings, rank, world)",
                "draw_batch(images, training.step, T, settings)",
            ),
        ),
    ),
]
