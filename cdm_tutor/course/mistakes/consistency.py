"""Known mistakes in lesson 08."""

from cdm_tutor.course.lesson import Mistake

MIXED = "signal, sigma = mix_at(t, x_t, schedule)"
LEADS = "return signal * x_t - sigma * model(x_t, t.clamp(min=0))"
JUMPS = "jumps = [jump(model, x_t, torch.full(x_t.shape[:1], t, device=x_t.device), schedule) for t, x_t in points]"
DRIFTS = "return torch.stack([(image - end).square().flatten(1).mean(dim=1).sqrt() for image in jumps])"
R = "return t - ((t + 1).double() * 2.0**-halvings).ceil().long()"
SQUARE = "square = (a - b).square().flatten(1).mean(dim=1)"
ROOT = "return (square + HUBER**2).sqrt() - HUBER"
REFUSED = 'if prediction != "v":'
EARLIER = "r = earlier(t, halvings)"
TARGET = "target = jump(model, signal_r * x0 + sigma_r * noise, r, schedule).clamp(-1, 1)"
HELD = f"    with torch.no_grad():\n        {TARGET}\n"
LEARNS = "learns = jump(model, signal * x0 + sigma * noise, t, schedule)"
LOSS = "return robust_distance(learns, target) * (t + 1) / (t - r)"
AT = "return partial(consistency_loss, halvings=most * progress)"
FIRST = "training.loss = loss_at(training.settings.progress(training.step, training.seconds))"
LATER = "        training.loss = loss_at(step.progress)\n"
FIT = f"    for step in fit(training, images):\n{LATER}        yield step"
LOOP = "    for t, prev_t in spaced_timesteps(len(schedule), steps):\n        guess"
GUESS = 'guess = denoise(model, x, t, schedule, "v")'
ANEW = "renoise(guess.pred_x0, prev_t, schedule, draw_like(x, generator))"
NEXT = f"x = guess.pred_x0 if prev_t < 0 else {ANEW}"
TELL = "        if on_step:\n            on_step(guess, x)\n"

MISTAKES = [
    Mistake(
        name="jump-takes-noise",
        exercise="jump",
        title="the answer is taken for the noise",
        symptom="The loss is huge: at the last steps hardly any image is left in x_t, and what is left is divided by "
        "that. One jump gives white and black blotches.",
        concept="What an answer means is settled when the network is trained. This one names the velocity.",
        patch=((LEADS, "return (x_t - sigma * model(x_t, t.clamp(min=0))) / signal"),),
        symptoms=("loss-jumps", "blotches"),
    ),
    Mistake(
        name="jump-adds-the-velocity",
        exercise="jump",
        title="the velocity is added, not taken away",
        symptom="The negative of a digit comes out, or what is left of it in a fog; the loss begins far too high.",
        concept="The velocity points away from the image, towards the noise. The way back is against it.",
        patch=((LEADS, LEADS.replace("- sigma", "+ sigma")),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="jump-to-the-noise",
        exercise="jump",
        title="the other turn: what comes out is the noise, not the image",
        symptom="Nothing but grain: the noise that x_t is made of.",
        concept="x_t and the velocity are image and noise, turned by one angle. One combination of the two gives the "
        "image, another the noise.",
        patch=((LEADS, "return sigma * x_t + signal * model(x_t, t.clamp(min=0))"),),
        symptoms=("noise", "loss-stays"),
    ),
    Mistake(
        name="jump-is-the-answer",
        exercise="jump",
        title="the network's answer is taken for the image",
        symptom="A network that was trained to name the velocity must learn all anew, and without noise it may say "
        "anything.",
        concept="That the jump from the clean image leads nowhere must not be learned: the form of the jump makes sure "
        "of it.",
        patch=((LEADS, "return model(x_t, t.clamp(min=0))"),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="jump-clipped",
        exercise="jump",
        title="the image is clipped to [-1, 1]",
        symptom="None to see at once. A pixel that is beyond the range has no gradient, so nothing brings it back.",
        concept="Cut off what you show, or what you compare with; not what is to learn.",
        patch=((LEADS, "return (signal * x_t - sigma * model(x_t, t.clamp(min=0))).clamp(-1, 1)"),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="jump-asks-about-minus-one",
        exercise="jump",
        title="the model is asked about step -1",
        symptom="None with this network, whose answer is multiplied by 0. A network with a table of steps would stop "
        "with an error, or read the table's last row.",
        concept="The clean image is no step of the schedule. Who knows of T steps must not be asked about another.",
        patch=((LEADS, LEADS.replace("t.clamp(min=0)", "t")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="jump-reads-the-last-entry",
        exercise="jump",
        title="at t = -1 the table's last entry is read",
        symptom="The loss stays high: where the target should be the image itself, it is what the network says of it "
        "under the most noise.",
        concept="In Python an index of -1 counts from the end. There is no error, and the answer is that of step "
        "T - 1.",
        patch=(
            (
                MIXED,
                "signal, sigma = (\n"
                "        table[t].reshape(-1, 1, 1, 1).to(x_t.dtype)\n"
                "        for table in (schedule.sqrt_alphas_cumprod, schedule.sqrt_one_minus_alphas_cumprod)\n"
                "    )",
            ),
        ),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="jump-one-step-for-all",
        exercise="jump",
        title="all images of a batch are taken to be at the step of the first",
        symptom="Samples from one step are right, but in training, where each image has its own step, the loss stays "
        "high.",
        concept="t is a row, one step for each image. Each has its own mix of image and noise.",
        patch=((MIXED, "signal, sigma = mix_at(t[:1].expand_as(t), x_t, schedule)"),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="jump-detached",
        exercise="jump",
        title="the gradient is cut off in the jump",
        symptom="Tuning stops with RuntimeError: element 0 of tensors does not require grad and does not have a "
        "grad_fn.",
        concept="Whether something learns is decided by who calls. The target's jump is not to learn, the other is.",
        patch=((LEADS, "return signal * x_t - sigma * model(x_t, t.clamp(min=0)).detach()"),),
        symptoms=("error",),
    ),
    Mistake(
        name="drift-without-the-root",
        exercise="drift",
        title="the mean of the squares, without the root",
        symptom="The curve of the drift is too low, and bent: half of it would be a quarter.",
        concept="The root brings it back to the unit of pixels: how far they are off.",
        patch=((DRIFTS, DRIFTS.replace(".mean(dim=1).sqrt()", ".mean(dim=1)")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="drift-summed",
        exercise="drift",
        title="the squares are added up, not averaged",
        symptom="The curve has the right form and is far too high: the more, the larger the images are.",
        concept="A mean does not depend on how many pixels there are. A sum does.",
        patch=((DRIFTS, DRIFTS.replace(".mean(dim=1)", ".sum(dim=1)")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="drift-in-absolute-values",
        exercise="drift",
        title="the mean of how far each pixel is off",
        symptom="The curve is lower than it should be: a few pixels that are far off count as little as many that are "
        "hardly off.",
        concept="The root of the mean square is the length of the difference, for images of one pixel and of many.",
        patch=((DRIFTS, DRIFTS.replace(".square().flatten(1).mean(dim=1).sqrt()", ".abs().flatten(1).mean(dim=1)")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="drift-of-the-batch",
        exercise="drift",
        title="one number for all images of a point",
        symptom="It stops with an error where the drift of each image is wanted.",
        concept="Each image has a path of its own, and drifts by its own amount.",
        patch=((DRIFTS, DRIFTS.replace(".flatten(1).mean(dim=1)", ".mean()")),),
        symptoms=("error",),
    ),
    Mistake(
        name="drift-from-point-to-point",
        exercise="drift",
        title="each jump is compared with the next one, not with the end",
        symptom="The curve is low all along: each step changes little, and that it adds up is not seen.",
        concept="Many small changes in one direction are a large one. What counts is where the path ends.",
        patch=((DRIFTS, DRIFTS.replace("image in jumps", "image, end in zip(jumps, [*jumps[1:], end], strict=True)")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="drift-of-the-points",
        exercise="drift",
        title="the noised images are compared with the end, not what they lead to",
        symptom="The curve falls along the whole path for every network, for that is what a path does.",
        concept="That x_t is far from the image is no fault of the network. What it says about x_t may be one.",
        patch=((JUMPS, "jumps = [x_t for _, x_t in points]"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="drift-from-the-first-jump",
        exercise="drift",
        title="the jumps are compared with the first one",
        symptom="The curve begins at 0 and rises: the last guesses, which are the good ones, look worst.",
        concept="The path's end is what the network arrives at when it may take its time. That is what the first guess "
        "should have been.",
        patch=((DRIFTS, DRIFTS.replace("image - end", "image - jumps[0]")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="earlier-rounds-down",
        exercise="earlier",
        title="the way is rounded down",
        symptom="After a few halvings the first steps are their own earlier steps. The loss is divided by 0, and the "
        "training stops: the loss became infinite or NaN.",
        concept="A step that is compared with itself learns nothing. The smallest way is one step.",
        patch=((R, R.replace("ceil", "floor")),),
        symptoms=("error", "loss-jumps"),
    ),
    Mistake(
        name="earlier-counts-from-zero",
        exercise="earlier",
        title="the way is taken to be t steps long",
        symptom="Without halvings the target is not the image but what the network says at step 0; and at t = 0 the "
        "loss is divided by 0.",
        concept="Step 0 is noisy already. The clean image is one further.",
        patch=((R, R.replace("(t + 1)", "t")),),
        symptoms=("error", "loss-jumps"),
    ),
    Mistake(
        name="earlier-halves-r",
        exercise="earlier",
        title="it is halved how far r is from the clean image, not how far t is from r",
        symptom="It begins with no learning and ends with denoising: one jump gives blurred digits, as the first "
        "network's does.",
        concept="The more halvings the nearer should the two steps be. Near steps are the hard end, so they come last.",
        patch=((R, "return ((t + 1).double() * 2.0**-halvings).ceil().long() - 1"),),
        symptoms=("error", "loss-stays"),
    ),
    Mistake(
        name="earlier-divides-by-halvings",
        exercise="earlier",
        title="the way is divided by the number of halvings and one, not halved so many times",
        symptom="The steps stay far apart to the end, so one jump stays blurred.",
        concept="To halve six times is to divide by 64.",
        patch=((R, R.replace("2.0**-halvings", "(1 / (1 + halvings))")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="earlier-never-clean",
        exercise="earlier",
        title="r is never -1 but 0 at the least",
        symptom="Nothing holds the guesses to the images: what the network says at step 0 is all that it is held to. "
        "At t = 0 the loss is divided by 0.",
        concept="All that is known for sure is the image itself. It is known at t = -1, and only there.",
        patch=((R, R.replace("return t - (", "return (t - (").replace(".long()", ".long()).clamp(min=0)")),),
        symptoms=("error", "loss-jumps"),
    ),
    Mistake(
        name="earlier-doubles",
        exercise="earlier",
        title="the way is doubled, not halved",
        symptom="The loss gets smaller and smaller and nothing gets better: r is far beyond the clean image.",
        concept="A power with a positive exponent grows. Half of something is the power of -1.",
        patch=((R, R.replace("2.0**-halvings", "2.0**halvings")),),
        symptoms=("loss-low",),
    ),
    Mistake(
        name="earlier-whole-halvings",
        exercise="earlier",
        title="only whole halvings count",
        symptom="The loss leaps some times in the training, where the way is halved at a stroke.",
        concept="Half a halving is the root of a half. What changes slowly can be followed.",
        patch=((R, R.replace("2.0**-halvings", "2.0 ** -int(halvings)")),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="earlier-rounds-to-the-nearest",
        exercise="earlier",
        title="the way is rounded to the nearest whole number",
        symptom="After some halvings the first steps are their own earlier steps, and the training stops: the loss "
        "became infinite or NaN.",
        concept="Half a step is nearer to 0 or as near: rounded so, there is no way left.",
        patch=((R, R.replace("ceil", "round")),),
        symptoms=("error", "loss-jumps"),
    ),
    Mistake(
        name="distance-squared",
        exercise="robust_distance",
        title="the mean square: a large distance counts by its square as well",
        symptom="One jump gives softer images: what cannot be known is far off, and rules over what can.",
        concept="Squares ask for the mean of all that is possible, which is a blur. Distances as they are do so less.",
        patch=((ROOT, "return square"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="distance-root-first",
        exercise="robust_distance",
        title="the root is taken, squared, and taken again",
        symptom="The values are right. But where two images are the same, the gradient is NaN, and the training "
        "stops: the length of the gradient became infinite or NaN.",
        concept="A root has no slope at 0: its curve is upright there. What is added must be added before the root.",
        patch=((ROOT, "return (square.sqrt() ** 2 + HUBER**2).sqrt() - HUBER"),),
        symptoms=("error",),
    ),
    Mistake(
        name="distance-not-zero",
        exercise="robust_distance",
        title="HUBER is not taken away at the end",
        symptom="The loss ends above 0 for a perfect model. Divided by the share of the way, it is more than all else.",
        concept="What is equal has no distance.",
        patch=((ROOT, "return (square + HUBER**2).sqrt()"),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="distance-huber-not-squared",
        exercise="robust_distance",
        title="HUBER is added to the mean square as it is",
        symptom="Softer images: a distance must be far larger before it stops counting by its square. And what is "
        "equal has a distance.",
        concept="A distance and a square of one cannot be added. One of them must be brought to the other's unit.",
        patch=((ROOT, "return (square + HUBER).sqrt() - HUBER"),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="distance-pixel-by-pixel",
        exercise="robust_distance",
        title="the root is taken of each pixel, and then the mean",
        symptom="Strokes turn thin or break: the few pixels that are off count less beside the many that are not.",
        concept="How far two images are from each other is one number of all their pixels.",
        patch=(
            (SQUARE, "square = (a - b).square()"),
            (ROOT, "return ((square + HUBER**2).sqrt() - HUBER).flatten(1).mean(dim=1)"),
        ),
        symptoms=("plain",),
    ),
    Mistake(
        name="distance-summed",
        exercise="robust_distance",
        title="the squares are added up, not averaged",
        symptom="The loss is far too high; and a distance is large by the number of pixels, so none counts by its "
        "square.",
        concept="HUBER is a difference between pixels. What it is compared with must be one as well.",
        patch=((SQUARE, SQUARE.replace("mean(dim=1)", "sum(dim=1)")),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="distance-of-the-batch",
        exercise="robust_distance",
        title="one distance for the whole batch",
        symptom="None to see in the samples. Who asks for the loss of each image is given one number for all.",
        concept="Each image's distance is weighted by its own steps.",
        patch=((SQUARE, "square = (a - b).square().mean()"),),
        symptoms=("plain",),
    ),
    Mistake(
        name="target-learns",
        exercise="consistency_loss",
        title="the target learns as well",
        symptom="The loss falls lower than it should, and the images turn grey: both meet where nothing is said.",
        concept="Two that are pulled towards each other agree on anything. One must stand still, the one that is "
        "nearer to the image.",
        patch=((HELD, f"    {TARGET}\n"),),
        symptoms=("loss-low", "grey"),
    ),
    Mistake(
        name="the-wrong-jump-learns",
        exercise="consistency_loss",
        title="the earlier step's jump learns, and is held to that from t",
        symptom="The images are nearly empty: all steps learn to say what is said under the most noise.",
        concept="Under less noise more is known. What is known is handed on from the clean end to the noisy one.",
        patch=(
            (HELD, f"    {TARGET}\n"),
            (LEARNS, f"with torch.no_grad():\n        {LEARNS}"),
        ),
        symptoms=("loss-stays", "empty"),
    ),
    Mistake(
        name="neither-jump-learns",
        exercise="consistency_loss",
        title="both jumps are made without a gradient",
        symptom="Tuning stops with RuntimeError: element 0 of tensors does not require grad and does not have a "
        "grad_fn.",
        concept="Only the target stands still.",
        patch=((LEARNS, f"with torch.no_grad():\n        {LEARNS}"),),
        symptoms=("error",),
    ),
    Mistake(
        name="target-of-other-noise",
        exercise="consistency_loss",
        title="the earlier image gets noise of its own",
        symptom="The loss stays high and one jump gives a blur: under other noise the same image is on another path.",
        concept="A path belongs to an image and a noise. Only along the same path must the guesses agree.",
        patch=((TARGET, TARGET.replace("* noise", "* torch.randn_like(noise)")),),
        symptoms=("loss-stays",),
    ),
    Mistake(
        name="target-of-the-same-image",
        exercise="consistency_loss",
        title="the model is shown x_t twice, and only told another step",
        symptom="Torn strokes that are no digits: at t = -1 the target is x_t itself, with all its noise.",
        concept="An earlier step is a less noisy image, not another name for the same one.",
        patch=((TARGET, TARGET.replace("signal_r * x0 + sigma_r", "signal * x0 + sigma")),),
        symptoms=("scribbles",),
    ),
    Mistake(
        name="target-told-t",
        exercise="consistency_loss",
        title="the earlier image's jump is told t",
        symptom="Grey with specks, and a loss that is too low: the target takes away more noise than is there.",
        concept="How much of x is noise is known by its step. Each image is told its own.",
        patch=((TARGET, TARGET.replace("noise, r,", "noise, t,")),),
        symptoms=("loss-low", "shreds"),
    ),
    Mistake(
        name="target-not-clipped",
        exercise="consistency_loss",
        title="the target is not clipped",
        symptom="None to see at first. What lies beyond white or black is handed on from step to step.",
        concept="No image leaves [-1, 1]. What is known of the answer should be said to who learns it.",
        patch=((TARGET, TARGET.replace(".clamp(-1, 1)", "")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="both-jumps-clipped",
        exercise="consistency_loss",
        title="the jump that learns is clipped as well",
        symptom="None to see at first. A pixel that is beyond the range has no gradient, so nothing brings it back.",
        concept="Cut off what you compare with; not what is to learn.",
        patch=((LEARNS, LEARNS + ".clamp(-1, 1)"),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="target-always-the-image",
        exercise="consistency_loss",
        title="the target is x0, whatever the halvings",
        symptom="One jump gives a blur, as before the tuning: it is the loss of lesson 2, with another distance.",
        concept="Of pure noise, every image is a possible answer, and the best guess is the mean of all. What the "
        "network says a little earlier is one answer.",
        patch=((HELD, "    target = x0\n"),),
        symptoms=("plain", "loss-stays"),
    ),
    Mistake(
        name="loss-not-weighted",
        exercise="consistency_loss",
        title="the distance is not divided by the share of the way",
        symptom="The loss falls as the steps come nearer, and less and less is learned: the later the training, the "
        "smaller its gradients.",
        concept="Near steps differ little. Many small differences make the large one, so each must count for more.",
        patch=((LOSS, "return robust_distance(learns, target)"),),
        symptoms=("loss-low",),
    ),
    Mistake(
        name="loss-weighted-upside-down",
        exercise="consistency_loss",
        title="the distance is multiplied by the share of the way",
        symptom="The loss falls to nearly nothing, and what the near steps should teach is not learned.",
        concept="A small share of the way must count for much, or all the small shares are lost.",
        patch=((LOSS, "return robust_distance(learns, target) * (t - r) / (t + 1)"),),
        symptoms=("loss-low",),
    ),
    Mistake(
        name="loss-weighted-by-steps",
        exercise="consistency_loss",
        title="the distance is divided by the number of steps, not by their share of the way",
        symptom="The loss is far too small, and the first steps count for hundreds of times more than the last.",
        concept="Of ten steps to the clean image five are as much as five hundred of a thousand.",
        patch=((LOSS, "return robust_distance(learns, target) / (t - r)"),),
        symptoms=("loss-low",),
    ),
    Mistake(
        name="loss-takes-models-of-noise",
        exercise="consistency_loss",
        title="a model that predicts noise is taken as if it predicted v",
        symptom="The loss begins very high: all that the network knows is read wrongly.",
        concept="Of a noise the image at T - 1 cannot be told: it would be divided by nearly 0. Say so before minutes "
        "are spent.",
        patch=((REFUSED, 'if prediction not in ("v", "noise"):'),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="loss-ignores-halvings",
        exercise="consistency_loss",
        title="the halvings that are told are not handed on",
        symptom="The tuning begins with steps that are as near as at its end, and gets nowhere in the time: the "
        "targets are no better than the guesses.",
        concept="From far to near: what is to be handed on must first be known at the clean end.",
        patch=((EARLIER, "r = earlier(t, HALVINGS)"),),
        symptoms=("bold", "loss-stays"),
    ),
    Mistake(
        name="tune-never-nearer",
        exercise="tune",
        title="the loss is set once, before the first step",
        symptom="One jump gives a blur, as before the tuning: the target is the image itself to the end.",
        concept="What changes with the progress must be looked at in each step.",
        patch=((LATER, ""),),
        symptoms=("plain",),
    ),
    Mistake(
        name="tune-near-at-once",
        exercise="tune",
        title="most halvings from the first step on",
        symptom="The loss begins low, and in the same time one jump is worse: the targets are no better than the "
        "guesses.",
        concept="From far to near: what is to be handed on must first be known at the clean end.",
        patch=((AT, "return partial(consistency_loss, halvings=most)"),),
        symptoms=("bold", "loss-low"),
    ),
    Mistake(
        name="tune-from-near-to-far",
        exercise="tune",
        title="from most halvings to none",
        symptom="It ends as denoising does: one jump gives a blur.",
        concept="What is trained last is what stays. The near steps are what the tuning is for.",
        patch=((AT, AT.replace("progress", "(1 - progress)")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="tune-starts-anew",
        exercise="tune",
        title="the first step has no halvings, also if the training goes on from a checkpoint",
        symptom="Each time it is resumed, one step is as the very first: the loss leaps, and the weights with it.",
        concept="How far it is says the training, not the call.",
        patch=((FIRST, "training.loss = loss_at(0.0)"),),
        symptoms=("stopped", "loss-jumps"),
    ),
    Mistake(
        name="tune-counts-its-own-steps",
        exercise="tune",
        title="progress is counted from where this call began",
        symptom="A training that is resumed begins with far steps once more, and never gets to the near ones.",
        concept="How far it is says the training, not the call.",
        patch=(
            (FIRST, "start, training.loss = training.step, loss_at(0.0)"),
            (LATER, "        training.loss = loss_at(training.settings.progress(step.step - start, step.seconds))\n"),
        ),
        symptoms=("stopped",),
    ),
    Mistake(
        name="tune-ignores-the-clock",
        exercise="tune",
        title="progress is the share of the steps",
        symptom="With minutes instead of steps it stops with TypeError: unsupported operand type(s) for /: 'int' and "
        "'NoneType'.",
        concept="A training may go by the clock. What its progress is, its settings know.",
        patch=(
            (FIRST, "training.loss = loss_at(training.step / training.settings.steps)"),
            (LATER, "        training.loss = loss_at(step.step / training.settings.steps)\n"),
        ),
        symptoms=("error",),
    ),
    Mistake(
        name="tune-sets-no-loss",
        exercise="tune",
        title="the training keeps the loss that it had",
        symptom="It trains on as before, and the loss looks healthy. One jump gives a blur, as before.",
        concept="fit asks the loss that the training has. To make one is not enough, it must be put there.",
        patch=((FIRST, ""), (LATER, "")),
        symptoms=("plain", "loss-low"),
    ),
    Mistake(
        name="tune-ignores-most",
        exercise="tune",
        title="the usual number of halvings, whatever is asked for",
        symptom="None to see, unless another number is tried: nothing changes then.",
        concept="What a function is told should have a part in what it does.",
        patch=((AT, AT.replace("most", "HALVINGS")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="tune-takes-all-steps-first",
        exercise="tune",
        title="all steps are taken before the first is yielded",
        symptom="No progress is shown and nothing is saved until the end; and the loss changes only when all is over: "
        "one jump gives a blur.",
        concept="A generator takes a step when it is asked for one. Made into a list, it takes them all.",
        patch=((FIT, FIT.replace("fit(training, images)", "list(fit(training, images))")),),
        symptoms=("plain", "slow"),
    ),
    Mistake(
        name="tune-in-leaps",
        exercise="tune",
        title="the halvings are rounded to whole numbers",
        symptom="The loss leaps where the way is halved at a stroke.",
        concept="Half a halving is the root of a half. What changes slowly can be followed.",
        patch=((AT, AT.replace("most * progress", "round(most * progress)")),),
        symptoms=("loss-jumps",),
    ),
    Mistake(
        name="jumps-with-the-guessed-noise",
        exercise="sample_by_jumps",
        title="the image is noised with the noise that was guessed",
        symptom="More jumps mend nothing: the guess of the noise holds the same fault as that of the image, and leads "
        "back to it.",
        concept="Fresh noise drowns what was wrong. The same noise keeps it.",
        patch=((NEXT, NEXT.replace("draw_like(x, generator)", "guess.pred_noise")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="jumps-with-the-first-noise",
        exercise="sample_by_jumps",
        title="the image is noised with x_T each time",
        symptom="More jumps mend little: the noise is the one that the image was made of.",
        concept="Fresh noise drowns what was wrong. The same noise keeps it.",
        patch=((NEXT, NEXT.replace("draw_like(x, generator)", "x_T")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="jumps-with-one-noise",
        exercise="sample_by_jumps",
        title="noise is drawn once, before the first jump",
        symptom="With three jumps and more each mends less than it could.",
        concept="Fresh is what was not there before. Noise that is used twice is known the second time.",
        patch=(
            (LOOP, f"    noise = draw_like(x, generator)\n{LOOP}"),
            (NEXT, NEXT.replace("draw_like(x, generator)", "noise")),
        ),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="jumps-without-noise",
        exercise="sample_by_jumps",
        title="the image is not noised between two jumps",
        symptom="Two jumps are worse than one: the second takes a finished image for a noisy one, and makes it hard "
        "and bold.",
        concept="A network that is told step t expects as much noise as belongs there.",
        patch=((NEXT, "x = guess.pred_x0"),),
        symptoms=("bold",),
    ),
    Mistake(
        name="jumps-noise-what-is-noisy",
        exercise="sample_by_jumps",
        title="noise is put on x, not on the image that was guessed",
        symptom="Nothing but noise from two jumps on, but for the first jump's: what it found is thrown away.",
        concept="A jump leads to an image. That is what goes on.",
        patch=((NEXT, NEXT.replace("renoise(guess.pred_x0", "renoise(x")),),
        symptoms=("shreds",),
    ),
    Mistake(
        name="jumps-back-to-where-they-were",
        exercise="sample_by_jumps",
        title="the image is noised to t again, not to the next step",
        symptom="The second jump meets far more noise than it is told of: grain lies over the images.",
        concept="With each jump the noise gets less. The next step is the second of the pair.",
        patch=((NEXT, NEXT.replace("guess.pred_x0, prev_t,", "guess.pred_x0, t,")),),
        symptoms=("grain",),
    ),
    Mistake(
        name="jumps-end-in-noise",
        exercise="sample_by_jumps",
        title="the last image is noised as well, to step 0",
        symptom="Hardly any to see with 1000 steps: the faint noise of the first step lies over the images.",
        concept="The clean image is no step. Where the way ends there, nothing is added.",
        patch=((NEXT, f"x = {ANEW}".replace("prev_t", "max(prev_t, 0)")),),
        symptoms=("looks-healthy",),
    ),
    Mistake(
        name="jumps-only-once",
        exercise="sample_by_jumps",
        title="one jump, whatever is asked for",
        symptom="More steps change nothing.",
        concept="What a function is told should have a part in what it does.",
        patch=((LOOP, LOOP.replace("spaced_timesteps(len(schedule), steps)", "spaced_timesteps(len(schedule), 1)")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="jumps-not-clipped",
        exercise="sample_by_jumps",
        title="the guesses are not clipped",
        symptom="Hardly any: a little too white and too black where the network overshoots, and more so after more "
        "jumps.",
        concept="No image leaves [-1, 1]. denoise says so of its guess, jump says nothing of that.",
        patch=(
            (
                GUESS,
                f"{GUESS}\n"
                "        with torch.no_grad():\n"
                "            leads = jump(model, x, torch.full((len(x),), t, device=x.device), schedule)",
            ),
            (NEXT, NEXT.replace("guess.pred_x0", "leads")),
        ),
        symptoms=("plain",),
    ),
    Mistake(
        name="jumps-take-noise",
        exercise="sample_by_jumps",
        title="denoise is not told that the model predicts v",
        symptom="White and black blotches: the answer is taken for the noise, and what is left of the image divided by "
        "nearly nothing.",
        concept="What an answer means is settled when the network is trained; who asks must know.",
        patch=((GUESS, GUESS.replace(', "v"', "")),),
        symptoms=("blotches",),
    ),
    Mistake(
        name="jumps-by-global-chance",
        exercise="sample_by_jumps",
        title="the noise is torch's own, not the generator's",
        symptom="With two jumps the same seed gives other images each time.",
        concept="randn_like takes no generator. What is to come out the same again must be drawn from what is handed "
        "over.",
        patch=((NEXT, NEXT.replace("draw_like(x, generator)", "torch.randn_like(x)")),),
        symptoms=("same-seed",),
    ),
    Mistake(
        name="jumps-by-a-chance-of-their-own",
        exercise="sample_by_jumps",
        title="the noise comes from a generator that begins anew at each jump",
        symptom="The same noise at each jump and for each batch: with more jumps, images of a batch have the same "
        "faults as those of the next.",
        concept="A generator that begins anew says the same again. What never changes is no chance.",
        patch=((NEXT, NEXT.replace("generator)", "torch.Generator().manual_seed(0))")),),
        symptoms=("few-steps",),
    ),
    Mistake(
        name="jumps-share-their-noise",
        exercise="sample_by_jumps",
        title="all images get the same fresh noise",
        symptom="With two jumps and more the images of a batch have something in common: strokes at the same places.",
        concept="Each image has a chance of its own.",
        patch=((NEXT, NEXT.replace("draw_like(x, generator)", "draw_like(x[:1], generator).expand_as(x)")),),
        symptoms=("plain",),
    ),
    Mistake(
        name="jumps-add-all-the-noise",
        exercise="sample_by_jumps",
        title="noise of full strength is added to the image as it is",
        symptom="Grain or shreds from two jumps on: there is more noise than the network is told of.",
        concept="At every step image and noise share a variance of 1. How much is whose, the step says.",
        patch=((NEXT, "x = guess.pred_x0 if prev_t < 0 else guess.pred_x0 + draw_like(x, generator)"),),
        symptoms=("shreds",),
    ),
    Mistake(
        name="jumps-in-silence",
        exercise="sample_by_jumps",
        title="on_step is never told",
        symptom="The images are right, but no previews and no progress come.",
        concept="Who hands over a function wants it called.",
        patch=((TELL, ""),),
        symptoms=("looks-healthy",),
    ),
]
