"""Known mistakes in lesson 06."""

from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.scenes import Trained, TrainedRefiner

RISE = "rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0"
FALL = "(1 + math.cos(math.pi * progress)) / 2"
LERP = "average.lerp_(weight, 1 - d)"
ORDER = "order = order_of_epoch(len(images), settings.seed, epoch)"
CHOSEN = "order[number * settings.batch : (number + 1) * settings.batch]"
NOISE = "draw_like(images[: settings.batch], generator)"
MINE = "mine = slice(rank, None, world)"
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
        name="warm-up-missing",
        exercise="learning_rate",
        title="the first steps are taken at the full rate",
        symptom="The loss jumps up at the start, at times to NaN, and it takes hundreds of steps to make up for it.",
        concept="The optimiser knows nothing yet of how large the gradients are; large steps in that state go "
        "anywhere.",
        patch=((RISE, "rise = 1.0"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="first-step-at-no-rate",
        exercise="learning_rate",
        title="the first step has a rate of 0",
        symptom="None to see: the first step goes nowhere, and the warm-up is one step late.",
        concept="Steps count from 0. The step with number 0 is the first, and its share is one part of the warm-up.",
        patch=((RISE, "rise = min(1.0, step / settings.warmup) if settings.warmup else 1.0"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="warm-up-never-ends",
        exercise="learning_rate",
        title="the rate goes on rising after the warm-up",
        symptom="In a short training hardly any. In a long one the rate grows to many times what it should be, until "
        "the falling cosine catches up: the loss climbs again, and the samples dissolve.",
        concept="The rise is a share of the rate, and a share is at most all of it.",
        patch=((RISE, "rise = (step + 1) / settings.warmup if settings.warmup else 1.0"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="warm-up-ends-in-a-jump",
        exercise="learning_rate",
        title="the cosine only counts once the warm-up is over",
        symptom="Hardly any in a long training; in a short one, a sudden drop of the rate, and a kink in the loss.",
        concept="Both factors apply at every step. Switching from one to the other leaves a gap between them.",
        patch=(
            (
                RISE,
                "if step < settings.warmup:\n        return settings.lr * (step + 1) / settings.warmup\n    rise = 1.0",
            ),
        ),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="rate-never-falls",
        exercise="learning_rate",
        title="after the warm-up the rate stays as it is",
        symptom="Hardly any after a short training; in a long one the loss stops falling early and flickers, and the "
        "last samples are no better than those of long before.",
        concept="Large steps find the valley, small ones its floor: the weights keep jumping over it at the full rate.",
        patch=((f"settings.lr * rise * {FALL}", "settings.lr * rise"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="rate-falls-along-a-quarter",
        exercise="learning_rate",
        title="the fall is a quarter of a turn, steepest at its end",
        symptom="None in the samples. The curve of the rate stays high for long, and ends steeply where it should end "
        "flat.",
        concept="Half a turn of a cosine is flat at both ends: at the end there are many small steps, in which the "
        "weights settle.",
        patch=((FALL, "math.cos(math.pi / 2 * progress)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="rate-twice-as-high",
        exercise="learning_rate",
        title="the fall begins at 2",
        symptom="The curve of the rate has the right shape and twice the height.",
        concept="1 + cos goes from 2 to 0. A factor that only takes away is at most 1.",
        patch=((FALL, "(1 + math.cos(math.pi * progress))"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="rate-by-the-smaller-factor",
        exercise="learning_rate",
        title="the smaller of rise and fall is taken, not both",
        symptom="Hardly any: in the warm-up the rate is a little too high, and it turns a little later.",
        concept="Both factors apply at every step: each takes its share of what the other left.",
        patch=((f"rise * {FALL}", f"min(rise, {FALL})"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="rate-comes-back",
        exercise="learning_rate",
        title="the cosine runs through a whole turn",
        symptom="The loss is at its best in the middle of the training and ends where it was soon after the start.",
        concept="Half a turn of a cosine goes from the top to the bottom; the other half goes up again.",
        patch=(("math.cos(math.pi * progress)", "math.cos(2 * math.pi * progress)"),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="ema-without-warm-up",
        exercise="update_ema",
        title="the average forgets as slowly at the start as at the end",
        symptom="After a short training, samples from the averaged weights are pure noise while the loss looks fine.",
        concept="With a decay of 0.999 a third of the random start is still in the average after a thousand steps.",
        patch=(("    d = min(decay, (1 + step) / (10 + step))\n", "    d = decay\n"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="ema-by-the-larger-bound",
        exercise="update_ema",
        title="the larger of the two bounds is taken",
        symptom="After a short training, samples from the averaged weights are pure noise while the loss looks fine.",
        concept="At most this and at most that is at most the smaller of both.",
        patch=(("d = min(decay,", "d = max(decay,"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="ema-ignores-decay",
        exercise="update_ema",
        title="the average becomes slower without end",
        symptom="None in a short training; in a long one the averaged weights lag far behind, and samples look like "
        "those of much earlier.",
        concept="The warm-up is only for a young average; in the end it is the decay that says how far back it "
        "reaches.",
        patch=(("    d = min(decay, (1 + step) / (10 + step))\n", "    d = (1 + step) / (10 + step)\n"),),
        symptoms=("looks-healthy",),
        scenes=(Trained(ema_decay=0.95),),
    ),
    Mistake(
        name="ema-wrong-way-round",
        exercise="update_ema",
        title="what should stay of the average is what comes in, and the other way round",
        symptom="None to see at the end of a training, where the rate is nearly 0. Before, the averaged weights "
        "flicker like the network's own, and samples differ from one moment to the next.",
        concept="A slow average keeps nearly all of itself and takes in a little.",
        patch=((LERP, "average.lerp_(weight, d)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="ema-equals-weights",
        exercise="update_ema",
        title="the average is a copy of the network",
        symptom="None to see at the end of a training, where the rate is nearly 0. Before, samples from the average "
        "are no better than those from the weights of the last step.",
        concept="The last step followed a single batch, by chance; averaging over many steps takes the chance out.",
        patch=((LERP, "average.lerp_(weight, 1.0)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="ema-never-moves",
        exercise="update_ema",
        title="the average stays as it was at the start",
        symptom="The loss falls, but samples from the averaged weights are pure noise, however long you train.",
        concept="The average is what is written into its own parameters. A new tensor, even under an old name, is not "
        "in it.",
        patch=((LERP, "average = d * average + (1 - d) * weight"),),
        symptoms=("noise",),
    ),
    Mistake(
        name="ema-moves-the-network",
        exercise="update_ema",
        title="the network is moved towards the average",
        symptom="The loss hardly falls: after each step the network is pulled back to where it started.",
        concept="The average follows the network and must leave it alone.",
        patch=((LERP, "weight.lerp_(average, 1 - d)"),),
        symptoms=("noise", "loss-stays"),
    ),
    Mistake(
        name="same-order-every-epoch",
        exercise="draw_batch",
        title="every epoch shows the images in the same order",
        symptom="Hardly any in a short training; in a long one the loss repeats its ups and downs from epoch to "
        "epoch, and ends a little higher than it could.",
        concept="The same images always meet in a batch and in the same sequence, and their gradients err alike each "
        "time.",
        patch=((ORDER, ORDER.replace("epoch)", "0)")),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="new-order-every-step",
        exercise="draw_batch",
        title="each step makes an order of its own",
        symptom="None to see: in an epoch some images come twice, and others not at all.",
        concept="An epoch is one pass through one order. Only if all its steps cut from the same order does each image "
        "come once.",
        patch=((ORDER, ORDER.replace("epoch)", "step)")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="last-batch-too-small",
        exercise="draw_batch",
        title="the epoch has one batch more, of what is left over",
        symptom="An error at the end of the first epoch: fewer images than timesteps.",
        concept="Those images that do not fill a batch are left out; in the next epoch they are others.",
        patch=(("len(images) // settings.batch)", "math.ceil(len(images) / settings.batch))"),),
        symptoms=("error",),
    ),
    Mistake(
        name="each-process-its-own-order",
        exercise="draw_batch",
        title="every process shuffles for itself",
        symptom="None on the curve; but some images are shown twice in an epoch and others never.",
        concept="Processes that do not speak can only share without overlap if they cut the very same order.",
        patch=((ORDER, ORDER.replace("settings.seed", "settings.seed + rank")),),
        symptoms=("processes",),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="never-shuffled",
        exercise="draw_batch",
        title="the images come in the order of the data set",
        symptom="Waves in the loss with the length of an epoch, above all if the data set is sorted by class.",
        concept="A batch should be a fair sample of all images; neighbours in a file are often of a kind.",
        patch=((ORDER, "order = torch.arange(len(images))"),),
        symptoms=("loss-stays", "loss-jumps"),
    ),
    Mistake(
        name="share-is-everything",
        exercise="draw_batch",
        title="every process takes the whole batch, whichever it is",
        symptom="Two processes are shown the same images and do the same work, each time: two are no faster than one.",
        concept="The shares of the processes together are one batch.",
        patch=((MINE, "mine = slice(None)"),),
        symptoms=("slow", "processes"),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="last-t-never-drawn",
        exercise="draw_batch",
        title="the largest timestep is never drawn",
        symptom="None to see with 1000 steps: the sampler's very first step is at a t that the network never saw, but "
        "its neighbours it did see. The fewer the steps of the schedule, the darker or blotchier the samples.",
        concept="The upper end of a half-open range is not in it already; taking one off leaves out one more.",
        patch=(("torch.randint(0, T, (", "torch.randint(0, T - 1, ("),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="first-t-never-drawn",
        exercise="draw_batch",
        title="timesteps begin at 1",
        symptom="None to see with 1000 steps. The sampler's last step is at a t that the network never saw: where a "
        "schedule has few steps, a grain stays on the finished images.",
        concept="t = 0 is the first noising step, not the clean image; it is trained like any other.",
        patch=(("torch.randint(0, T, (", "torch.randint(1, T, ("),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="one-t-for-all",
        exercise="draw_batch",
        title="all images of a batch have the same timestep",
        symptom="The loss leaps from step to step, low for one t and high for the next, and falls slowly.",
        concept="Each step should see a bit of every noise level; with only one its gradient speaks for that one "
        "alone.",
        patch=(
            (
                "torch.randint(0, T, (settings.batch,), generator=generator)",
                "torch.randint(0, T, (1,), generator=generator).expand(settings.batch)",
            ),
        ),
        symptoms=("scribbles", "loss-jumps"),
    ),
    Mistake(
        name="one-t-too-many",
        exercise="draw_batch",
        title="T itself is drawn, too",
        symptom="An error now and then, in a step by chance: the schedule has no step T.",
        concept="T steps that count from 0 end at T - 1. torch.randint leaves out its upper end by itself.",
        patch=(("torch.randint(0, T, (", "torch.randint(0, T + 1, ("),),
        symptoms=("error",),
    ),
    Mistake(
        name="focus-ignored",
        exercise="draw_batch",
        title='timesteps are uniform even if settings ask for "focused"',
        symptom="The loss is higher, for it counts both ends as well, where it is always high; after the same minutes "
        "shapes are a little less firm than they could be.",
        concept="At both ends of the range there is little to learn: there the answer is nearly given, or nearly a "
        "guess.",
        patch=(('if settings.timesteps == "focused":\n        t = _to_the_middle(t, T, generator)\n', "pass\n"),),
        symptoms=("loss-stays", "slow"),
    ),
    Mistake(
        name="each-process-the-same-noise",
        exercise="draw_batch",
        title="all processes draw the same timesteps and noise",
        symptom="None on the curve; but more processes help less than they should, and results differ with their "
        "number.",
        concept="A seed that all share gives all the same numbers. Each needs its own part of one long draw.",
        patch=(
            (MINE, f"{MINE}\n    first = slice(len(chosen[mine]))"),
            ("t[mine].to(images.device), noise[mine]", "t[first].to(images.device), noise[first]"),
        ),
        symptoms=("processes",),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="draws-depend-on-the-process",
        exercise="draw_batch",
        title="what an image gets depends on which process it falls to",
        symptom="None on the curve; but the same seed gives another network with two processes than with one.",
        concept="A result that changes with the number of processes can neither be repeated elsewhere nor be told "
        "from a bug.",
        patch=(("seeded(settings.seed, 1, step)", "seeded(settings.seed, 1, step, 1 + rank)"),),
        symptoms=("processes",),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="same-noise-every-step",
        exercise="draw_batch",
        title="every step draws the same timesteps and noise",
        symptom="The loss falls lower than ever seen, and the samples are white pieces of strokes: it knows those few "
        "noises by heart.",
        concept="A generator made anew from the same seed begins anew. Something must tell one step from the next.",
        patch=(("seeded(settings.seed, 1, step)", "seeded(settings.seed, 1)"),),
        symptoms=("scribbles", "loss-low"),
    ),
    Mistake(
        name="same-noise-all-epoch",
        exercise="draw_batch",
        title="all steps of an epoch draw the same timesteps and noise",
        symptom="The curve of the loss is smooth within an epoch and leaps where it ends: the network learns the few "
        "noises of an epoch by heart.",
        concept="What the generator is made from must change with each step; the epoch changes too seldom.",
        patch=(("seeded(settings.seed, 1, step)", "seeded(settings.seed, 1, epoch)"),),
        symptoms=("loss-jumps", "loss-low"),
    ),
    Mistake(
        name="one-noise-for-all",
        exercise="draw_batch",
        title="all images of a batch get the same noise",
        symptom="None on the curve at first; in the picture, the same specks lie on all images of a batch.",
        concept="A batch is to show many noises. One for all is worth little more than one image.",
        patch=((NOISE, "draw_like(images[:1], generator).expand(settings.batch, -1, -1, -1)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="noise-not-normal",
        exercise="draw_batch",
        title="the noise is uniform between 0 and 1",
        symptom="The loss is small from the start, and all samples are specks on black.",
        concept="The formulas of noising hold for noise of mean 0 and variance 1, which the sampler starts from as "
        "well.",
        patch=((NOISE, UNIFORM),),
        symptoms=("noise", "loss-low"),
    ),
    Mistake(
        name="same-batch-all-epoch",
        exercise="draw_batch",
        title="every step of an epoch shows the same images",
        symptom="The loss falls fast in steps, and the samples are copies of a few training images.",
        concept="A step takes the next batch of the epoch's order; after n // batch steps all images have been shown.",
        patch=((CHOSEN, "order[: settings.batch]"),),
        symptoms=("plain", "loss-low"),
    ),
    Mistake(
        name="batches-overlap",
        exercise="draw_batch",
        title="a batch begins one image after the one before it",
        symptom="None to see in the samples of a short training. The loss falls fast within an epoch, for nearly the "
        "same images come in each of its steps.",
        concept="The next batch begins where the last one ended, a whole batch further on.",
        patch=((CHOSEN, "order[number : number + settings.batch]"),),
        symptoms=("plain", "loss-low"),
    ),
    Mistake(
        name="optimizer-not-restored",
        exercise="Training.load_state_dict",
        title="the optimiser begins anew",
        symptom="A jump of the loss wherever a training was stopped and resumed.",
        concept="Adam scales each step by the gradients it remembers. With no memory its first steps are far too "
        "large.",
        patch=(('for name in ("model", "ema", "optimizer"):', 'for name in ("model", "ema"):'),),
        symptoms=("loss-jumps", "stopped"),
    ),
    Mistake(
        name="average-not-restored",
        exercise="Training.load_state_dict",
        title="the averaged weights begin anew",
        symptom="Once resumed, samples are noise again for a long while, though the loss is as low as before.",
        concept="The average is a state of its own: it cannot be made again from the last weights.",
        patch=(('for name in ("model", "ema", "optimizer"):', 'for name in ("model", "optimizer"):'),),
        symptoms=("noise", "stopped"),
        scenes=(Trained(stopped=300),),
    ),
    Mistake(
        name="average-from-the-last-weights",
        exercise="Training.load_state_dict",
        title="the average begins again with the last weights",
        symptom="Hardly any where the rate is small. Once resumed, samples are for a while no better than those of "
        "the weights of a single step.",
        concept="The last weights are one moment, the average is many. What is remembered of the others is in its own "
        "state alone.",
        patch=(("        self.step,", '        self.ema.load_state_dict(state["model"])\n        self.step,'),),
        symptoms=("stopped",),
        scenes=(Trained(stopped=300),),
    ),
    Mistake(
        name="step-not-restored",
        exercise="Training.load_state_dict",
        title="the count of steps begins anew",
        symptom="Once resumed, the rate warms up again, the same batches come again, and the training takes too long.",
        concept="Learning rate, images and noise all follow from the step: without it the plan starts again.",
        patch=(('self.step, self.seconds = state["step"], state["seconds"]', 'self.seconds = state["seconds"]'),),
        symptoms=("stopped",),
    ),
    Mistake(
        name="seconds-not-restored",
        exercise="Training.load_state_dict",
        title="the time already spent is forgotten",
        symptom="A training of ten minutes that was stopped at nine takes another ten, and its rate leaps up again.",
        concept="How far a training is can be counted in minutes as well as in steps, so both belong to its state.",
        patch=(('self.step, self.seconds = state["step"], state["seconds"]', 'self.step = state["step"]'),),
        symptoms=("slow", "stopped"),
        scenes=(Trained(stopped=210, minutes=320 / 30 / 60),),
    ),
    Mistake(
        name="no-zero-grad",
        exercise="train_step",
        title="the gradients of all steps so far are added up",
        symptom="The loss falls for a few steps, then swings and stays high: the weights overshoot and cannot be "
        "stopped. Samples are noise.",
        concept="backward adds to what is there. For the gradient of this step alone, first forget that of the last.",
        patch=(("    training.optimizer.zero_grad()\n    losses", "    losses"),),
        symptoms=("noise", "loss-stays", "loss-jumps"),
    ),
    Mistake(
        name="zero-grad-between-parts",
        exercise="train_step",
        title="only the last part of the share counts",
        symptom="With parts, the loss is as jumpy as with a smaller batch, and everything is learned more slowly: it "
        "ends higher, and grain stays on the samples.",
        concept="The parts are taken one after the other to save memory, but they make one gradient together.",
        patch=(
            ("        loss = training.loss(", "        training.optimizer.zero_grad()\n        loss = training.loss("),
        ),
        symptoms=("scribbles", "loss-stays", "processes"),
        scenes=(Trained(accumulate=4),),
    ),
    Mistake(
        name="mean-of-each-part",
        exercise="train_step",
        title="the mean over each part of the share is taken",
        symptom="None to see where the gradient is clipped. With more parts it is as many times too large; it is cut, "
        "and its direction is off.",
        concept="Means of parts do not add up to the mean of all. Sums do; then divide once, by the size of all.",
        patch=(("(loss.sum() / settings.batch).backward()", "loss.mean().backward()"),),
        symptoms=("processes",),
        scenes=(Trained(accumulate=4),),
    ),
    Mistake(
        name="mean-of-parts-averaged",
        exercise="train_step",
        title="the means of the parts are averaged, as if each part had as many images",
        symptom="None to see: images in a small part count more than others, and with two processes the gradient is "
        "twice as large.",
        concept="A mean of means is the mean of all only where all are of the same size. Add up sums, and divide by "
        "the size of the whole batch.",
        patch=(("(loss.sum() / settings.batch).backward()", "(loss.mean() / settings.accumulate).backward()"),),
        symptoms=("processes",),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="mean-of-own-share",
        exercise="train_step",
        title="the mean over the process's own share is taken",
        symptom="None to see where the gradient is clipped. With two processes it is twice as large as with one, and "
        "uneven shares get uneven weights.",
        concept="The gradients of all processes are added up, so each must divide by what all have together.",
        patch=(("(loss.sum() / settings.batch).backward()", "(loss.sum() / len(x0)).backward()"),),
        symptoms=("processes",),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="sum-not-mean",
        exercise="train_step",
        title="the gradient is that of the sum over the batch",
        symptom="Hardly any after a short training. Every gradient is cut to the same length, so the steps never get "
        "smaller of themselves; in a long training the loss flickers.",
        concept="A batch of twice as many images should give a better gradient, not one twice as long.",
        patch=(("(loss.sum() / settings.batch).backward()", "loss.sum().backward()"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="bare-network-called",
        exercise="train_step",
        title="the processes do not share their gradients",
        symptom="None with one process. With several each learns from its own images only, and they drift apart: the "
        "loss ends higher.",
        concept="The gradients are exchanged by what is wrapped around the network, if it is that which is called.",
        patch=(("training.loss(training.network, ", "training.loss(training.model, "),),
        symptoms=("scribbles", "loss-stays", "processes"),
        scenes=(Trained(processes=2),),
    ),
    Mistake(
        name="always-the-denoising-loss",
        exercise="train_step",
        title="the loss is always that of stage 2",
        symptom="A denoiser trains well; a refiner learns to denoise and makes every image worse.",
        concept="The same step trains different things: what to lower is a part of the training that it is handed.",
        patch=(("        loss = training.loss(", "        loss = denoising_loss("),),
        symptoms=("refining",),
        scenes=(TrainedRefiner(),),
    ),
    Mistake(
        name="always-predicts-noise",
        exercise="train_step",
        title="the network is always trained to predict the noise",
        symptom='With prediction "v" the loss is lower than it should be, and the samples are pale blotches: the '
        "sampler takes the noise for a velocity.",
        concept="Training and sampling must agree on what the network's output means.",
        patch=(("training.schedule, settings.prediction)", 'training.schedule, "noise")'),),
        symptoms=("blotches", "loss-low"),
    ),
    Mistake(
        name="thirds-of-the-whole-schedule",
        exercise="train_step",
        title="the thirds are those of the whole schedule, not of the timesteps below T",
        symptom="In a refiner's training the third curve is empty, and the second nearly so: no t comes so high.",
        concept="T is handed over because a training need not reach the end of the schedule.",
        patch=(("t * 3 // T", "t * 3 // len(training.schedule)"),),
        symptoms=("refining",),
        scenes=(TrainedRefiner(),),
    ),
    Mistake(
        name="not-clipped",
        exercise="train_step",
        title="the gradient is used however long it is",
        symptom="The loss ends a little higher; now and then there is a spike, after which it needs a hundred steps "
        "to come down again.",
        concept="A single odd batch can give a gradient a hundred times as long as usual. Its direction may count, "
        "its length not.",
        patch=((CLIP, f"    length = {LENGTH}\n"),),
        symptoms=("loss-stays", "loss-jumps"),
    ),
    Mistake(
        name="clipped-after-the-step",
        exercise="train_step",
        title="the gradient is cut when it has been used already",
        symptom="As if it were not cut at all: the loss ends a little higher, with spikes after an odd batch.",
        concept="The optimiser reads the gradients at the moment it is called; what is done to them later comes too "
        "late.",
        patch=((CLIP + CHECK_LENGTH + STEP, f"    length = {LENGTH}\n" + CHECK_LENGTH + STEP + CLIP),),
        symptoms=("loss-stays", "loss-jumps"),
    ),
    Mistake(
        name="clipped-each-number",
        exercise="train_step",
        title="each number of the gradient is cut for itself",
        symptom="The loss ends a little higher, and spikes are still there: a million small numbers make a long "
        "gradient.",
        concept="Cutting the numbers one by one turns the direction. The gradient of all parameters is one arrow.",
        patch=(
            (
                CLIP,
                f"    length = {LENGTH}\n"
                "    nn.utils.clip_grad_value_(training.model.parameters(), settings.grad_clip)\n",
            ),
        ),
        symptoms=("loss-stays", "loss-jumps"),
    ),
    Mistake(
        name="nan-into-the-weights",
        exercise="train_step",
        title="a step is taken although the loss is no number",
        symptom="The loss turns to NaN and stays so; all weights are NaN, and so are the samples: a file of them is "
        "black.",
        concept="NaN spreads: once in a weight it is in every answer. Look before you step, while the weights are "
        "still good.",
        patch=((CHECK + CLIP + CHECK_LENGTH + STEP + CHECK_WEIGHTS, CLIP + STEP),),
        symptoms=("empty", "loss-jumps"),
        scenes=(Trained(broken=290),),
    ),
    Mistake(
        name="only-the-loss-is-looked-at",
        exercise="train_step",
        title="only the loss is looked at, not the gradient and the weights",
        symptom="None as long as all numbers are finite. After an overflow in a gradient all weights are NaN while the "
        "last loss looks fine; the average takes them in, and everything it draws is black.",
        concept="A finite loss can have a gradient that is not finite, and a finite gradient can make too long a step. "
        "Each number can break by itself, so each is looked at.",
        patch=((CHECK_LENGTH + STEP + CHECK_WEIGHTS, STEP),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="optimizer-never-steps",
        exercise="train_step",
        title="the weights never change",
        symptom="The loss stays at 1, give or take the luck of the batch.",
        concept="A gradient only says where downhill is. Somebody has to walk.",
        patch=((STEP + CHECK_WEIGHTS, CHECK_WEIGHTS),),
        symptoms=("noise", "loss-stays"),
    ),
    Mistake(
        name="rate-not-handed-on",
        exercise="fit",
        title="the optimiser keeps the rate it was made with",
        symptom="The curve of the rate looks right, but the loss jumps at the start and flickers at the end.",
        concept="A number that is computed and shown changes nothing until the optimiser is told.",
        patch=(('        training.optimizer.param_groups[0]["lr"] = lr\n        x0', "        x0"),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="step-not-counted",
        exercise="fit",
        title="the count of steps stays where it is",
        symptom="It never ends: the rate stays that of the warm-up's first step, the same batch comes again and "
        "again, and the samples are bright clouds in noise.",
        concept="Rate, batch, average and end all depend on how many steps were taken.",
        patch=(("        training.step += 1\n        training.seconds", "        training.seconds"),),
        symptoms=("blotches", "slow"),
    ),
    Mistake(
        name="seconds-not-counted",
        exercise="fit",
        title="the time is not added up",
        symptom="Asked to train for some minutes, it never ends, and the rate never falls.",
        concept="How far a training is, is read from its clock. Somebody must wind it.",
        patch=(("training.seconds += distributed", "training.seconds = distributed"),),
        symptoms=("slow",),
        scenes=(Trained(minutes=320 / 30 / 60),),
    ),
    Mistake(
        name="fit-starts-anew",
        exercise="fit",
        title="it begins at step 0 whatever was done before",
        symptom="Once resumed, warm-up and batches begin again, and the training takes longer than was asked for.",
        concept="The loop does not know how often it has been started. The training does.",
        patch=(
            (
                "T = settings.t_below or len(training.schedule)\n",
                "T = settings.t_below or len(training.schedule)\n    training.step, training.seconds = 0, 0.0\n",
            ),
        ),
        symptoms=("stopped",),
        scenes=(Trained(stopped=210, whole=True),),
    ),
    Mistake(
        name="t-below-ignored",
        exercise="fit",
        title="timesteps are drawn from the whole schedule whatever the settings say",
        symptom="A refiner spends its time on noise it will never meet, and is weak at the little noise it does meet.",
        concept="Train on what will be met in use.",
        patch=(("T = settings.t_below or len(training.schedule)\n", "T = len(training.schedule)\n"),),
        symptoms=("refining", "loss-stays"),
        scenes=(TrainedRefiner(),),
    ),
    Mistake(
        name="each-process-the-whole-batch",
        exercise="fit",
        title="every process takes the whole batch",
        symptom="Two processes are no faster than one: each does all the work. The gradient is twice as long as it "
        "should be, and is cut.",
        concept="A process must say which one it is, of how many, or it is given the work of one alone.",
        patch=(
            (
                "draw_batch(images, training.step, T, settings, rank, world)",
                "draw_batch(images, training.step, T, settings)",
            ),
        ),
        symptoms=("slow", "processes"),
        scenes=(Trained(processes=2),),
    ),
]
