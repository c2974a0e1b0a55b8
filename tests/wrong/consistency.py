"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

TOP = "HUBER = 0.03  #"
MIXED = "signal, sigma = mix_at(t, x_t, schedule)"
LEADS = "return signal * x_t - sigma * model(x_t, t.clamp(min=0))"
NO_GRAD = "@torch.no_grad()\ndef drift"
END = "_, end = points[-1]"
JUMPS = "jumps = [jump(model, x_t, torch.full(x_t.shape[:1], t, device=x_t.device), schedule) for t, x_t in points]"
DRIFTS = "return torch.stack([(image - end).square().flatten(1).mean(dim=1).sqrt() for image in jumps])"
R = "return t - ((t + 1).double() * 2.0**-halvings).ceil().long()"
SQUARE = "square = (a - b).square().flatten(1).mean(dim=1)"
ROOT = "return (square + HUBER**2).sqrt() - HUBER"
CHECK = 'if prediction != "v":'
RAISE = 'raise ValueError(f"expected a model that predicts v, got one that predicts {prediction}")'
EARLIER = "r = earlier(t, halvings)"
TARGET = "target = jump(model, signal_r * x0 + sigma_r * noise, r, schedule).clamp(-1, 1)"
HELD = f"    with torch.no_grad():\n        {TARGET}\n"
LEARNS = "learns = jump(model, signal * x0 + sigma * noise, t, schedule)"
LOSS = "return robust_distance(learns, target) * (t + 1) / (t - r)"
AT = "return partial(consistency_loss, halvings=most * progress)"
DEF_AT = (
    "    def loss_at(progress: float) -> Loss:\n"
    '        """The loss of a step before which so much was done."""\n'
    "        return partial(consistency_loss, halvings=most * progress)\n\n"
)
FIRST = "training.loss = loss_at(training.settings.progress(training.step, training.seconds))"
FIT = "for step in fit(training, images):"
LATER = "        training.loss = loss_at(step.progress)\n"
YIELD = f"{LATER}        yield step"
START = "    x = x_T\n    for t"
VISITS = "    for t, prev_t in spaced_timesteps(len(schedule), steps):\n        guess"
GUESS = 'guess = denoise(model, x, t, schedule, "v")'
ITSELF = (
    "s = torch.full((len(x),), t, device=x.device)\n"
    "        image = jump(model, x, s, schedule)\n"
    "        image = image.clamp(-1, 1)\n"
    "        guess = Guess(t, image, predict_noise(x, s, image, schedule))"
)
IMPORTED = (
    ("import OnStep, ", "import Guess, OnStep, "),
    ("import Model, Prediction", "import Model, Prediction, predict_noise"),
)
NOISE = "draw_like(x, generator)"
ANEW = f"renoise(guess.pred_x0, prev_t, schedule, {NOISE})"
NEXT = f"x = guess.pred_x0 if prev_t < 0 else {ANEW}"
TELL = "        if on_step:\n            on_step(guess, x)\n    return x"

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    # --- jump
    "jump: at step 0 as at -1": (
        "jump",
        ((LEADS, LEADS.replace("return ", "sigma = sigma * (t > 0)[:, None, None, None]\n    return ")),),
    ),
    "jump: asks about step 1 at the least": ("jump", ((LEADS, LEADS.replace("min=0", "min=1")),)),
    "jump: asks about the last step at -1": ("jump", ((LEADS, LEADS.replace("t.clamp(min=0)", "t % len(schedule)")),)),
    "jump: never asks about the last step": (
        "jump",
        ((LEADS, LEADS.replace("t.clamp(min=0)", "t.clamp(0, len(schedule) - 2)")),),
    ),
    "jump: asks about the first step for all": (
        "jump",
        ((LEADS, LEADS.replace("t.clamp(min=0)", "t.clamp(min=0)[:1].expand_as(t)")),),
    ),
    "jump: clipped far out": ("jump", ((LEADS, f"{LEADS.replace('return ', 'return (')}).clamp(-2, 2)"),)),
    "jump: asks about a clipped image": ("jump", ((LEADS, LEADS.replace("model(x_t,", "model(x_t.clamp(-1, 1),")),)),
    "jump: asks about the image without its graph, and takes it so": (
        "jump",
        ((LEADS, LEADS.replace("signal * x_t", "signal * x_t.detach()")),),
    ),
    "jump: asks without a graph": (
        "jump",
        (
            (
                LEADS,
                "with torch.no_grad():\n        v = model(x_t, t.clamp(min=0))\n    return signal * x_t - sigma * v",
            ),
        ),
    ),
    "jump: asks twice and takes the mean": (
        "jump",
        ((LEADS, LEADS.replace("sigma * model", "sigma * 0.5 * (model(x_t, t.clamp(min=0)) + model").strip() + ")"),),
    ),
    "jump: writes into the image": (
        "jump",
        ((LEADS, "v = model(x_t, t.clamp(min=0))\n    return x_t.mul_(signal) - sigma * v"),),
    ),
    "jump: always in float32": ("jump", ((LEADS, f"{LEADS.replace('return ', 'return (')}).float()"),)),
    "jump: in half precision": (
        "jump",
        ((LEADS, f"{LEADS.replace('return ', 'return (')}).bfloat16().to(x_t.dtype)"),),
    ),
    "jump: always of the cosine schedule": (
        "jump",
        (
            (
                MIXED,
                "from cdm_tutor.schedule import make_schedule\n"
                "    signal, sigma = mix_at(t, x_t, make_schedule('cosine', len(schedule)).to(x_t.device))",
            ),
        ),
    ),
    "jump: always of 1000 steps": (
        "jump",
        (
            (
                MIXED,
                "from cdm_tutor.schedule import make_schedule\n"
                "    signal, sigma = mix_at(t, x_t, make_schedule('cosine', 1000).to(x_t.device))",
            ),
        ),
    ),
    "jump: the noise is what is left of 1, not of the square": ("jump", ((MIXED, f"{MIXED}\n    sigma = 1 - signal"),)),
    "jump: remembers the mix of a step": (
        "jump",
        (
            (TOP, f"KEPT = {{}}\n{TOP}"),
            (MIXED, "signal, sigma = KEPT.setdefault(tuple(t.tolist()), mix_at(t, x_t, schedule))"),
        ),
    ),
    "jump: on the CPU": (
        "jump",
        (
            (
                LEADS,
                "clean = torch.zeros(x_t.shape)\n    return clean + " + LEADS.removeprefix("return "),
            ),
        ),
    ),
    "jump: of the first channel": (
        "jump",
        ((LEADS, LEADS.replace("model(x_t, t.clamp(min=0))", "model(x_t, t.clamp(min=0))[:, :1]")),),
    ),
    "jump: no noise comes back as given": (
        "jump",
        ((LEADS, f"if (t < 0).any():\n        return x_t\n    {LEADS}"),),
    ),
    # --- drift
    "drift: takes the end off the list": (
        "drift",
        ((END, "_, end = points.pop()\n    points = [*points, (-1, end)]"),),
    ),
    "drift: keeps the graph": ("drift", ((NO_GRAD, "def drift"),)),
    "drift: all are compared with the first image": ("drift", ((DRIFTS, DRIFTS.replace("- end)", "- end[:1])")),)),
    "drift: without the end": ("drift", ((DRIFTS, DRIFTS.replace("in jumps", "in jumps[:-1]")),)),
    "drift: the largest of the pixels": (
        "drift",
        ((DRIFTS, DRIFTS.replace("square().flatten(1).mean(dim=1).sqrt()", "abs().flatten(1).amax(dim=1)")),),
    ),
    "drift: the spread of the difference": (
        "drift",
        ((DRIFTS, DRIFTS.replace("square().flatten(1).mean(dim=1).sqrt()", "flatten(1).std(dim=1, correction=0)")),),
    ),
    "drift: of the mean image": (
        "drift",
        ((DRIFTS, DRIFTS.replace("square().flatten(1).mean(dim=1).sqrt()", "flatten(1).mean(dim=1).abs()")),),
    ),
    "drift: the other way round": ("drift", ((DRIFTS, f"{DRIFTS}.flip(0)"),)),
    "drift: a list of rows": ("drift", ((DRIFTS, DRIFTS.replace("torch.stack(", "(")),)),
    "drift: all points are at the first step": (
        "drift",
        ((JUMPS, JUMPS.replace("x_t.shape[:1], t,", "x_t.shape[:1], points[0][0],")),),
    ),
    "drift: clipped": ("drift", ((JUMPS, JUMPS.replace("schedule)", "schedule).clamp(-1, 1)")),)),
    "drift: as a share of the end": (
        "drift",
        ((DRIFTS, f"{DRIFTS} / end.square().flatten(1).mean(dim=1).sqrt()"),),
    ),
    "drift: of the first channel": ("drift", ((DRIFTS, DRIFTS.replace("(image - end)", "(image - end)[:, :1]")),)),
    "drift: on the CPU": ("drift", ((JUMPS, JUMPS.replace(", device=x_t.device", "")),)),
    "drift: only of three points": ("drift", ((JUMPS, JUMPS.replace("in points]", "in [*points[:2], points[-1]]]")),)),
    "drift: the root of the mean over the pixels less one": (
        "drift",
        (
            (
                DRIFTS,
                DRIFTS.replace("mean(dim=1).sqrt()", "sum(dim=1).div(max(1, end[0].numel() - 1)).sqrt()"),
            ),
        ),
    ),
    "drift: writes into the end": ("drift", ((DRIFTS, DRIFTS.replace("(image - end)", "end.sub_(image)")),)),
    # --- earlier
    "earlier: two steps at the least": ("earlier", ((R, R.replace(".long()", ".long().clamp(min=2)")),)),
    "earlier: rounded down, and one more": (
        "earlier",
        ((R, R.replace("ceil()", "floor()").replace(".long()", ".long() - 1")),),
    ),
    "earlier: six halvings at most": ("earlier", ((R, R.replace("-halvings", "-min(halvings, 6)")),)),
    "earlier: whole halvings, rounded up": (
        "earlier",
        ((R, f"import math\n    {R.replace('-halvings', '-math.ceil(halvings)')}"),),
    ),
    "earlier: by the root of two": ("earlier", ((R, R.replace("2.0**-halvings", "2.0 ** (-halvings / 2)")),)),
    "earlier: by e": ("earlier", ((R, R.replace("2.0**", "2.718281828**")),)),
    "earlier: of the first step for all": ("earlier", ((R, R.replace("((t + 1)", "((t[:1] + 1)")),)),
    "earlier: int32": ("earlier", ((R, R.replace("return t - ", "return (t - ") + ").int()"),)),
    "earlier: floating point": ("earlier", ((R, R.replace(".long()", "")),)),
    "earlier: writes into t": (
        "earlier",
        ((R, "way = ((t + 1).double() * 2.0**-halvings).ceil().long()\n    return t.sub_(way)"),),
    ),
    "earlier: in half precision": ("earlier", ((R, R.replace(".double()", ".half()")),)),
    "earlier: on the CPU": (
        "earlier",
        ((R, "way = torch.zeros(t.shape)\n    way += (t + 1) * 2.0**-halvings\n    return t - way.ceil().long()"),),
    ),
    # --- robust_distance
    "distance: Huber's own": (
        "robust_distance",
        (
            (
                ROOT,
                "d = (square + 1e-12).sqrt()\n    return torch.where(d < HUBER, d**2 / (2 * HUBER), d - HUBER / 2)",
            ),
        ),
    ),
    "distance: the root, safe": ("robust_distance", ((ROOT, "return (square + 1e-8).sqrt()"),)),
    "distance: of HUBER twice as large": (
        "robust_distance",
        ((ROOT, "return (square + 4 * HUBER**2).sqrt() - 2 * HUBER"),),
    ),
    "distance: of the mean pixels": (
        "robust_distance",
        ((SQUARE, "square = (a - b).flatten(1).mean(dim=1).square()"),),
    ),
    "distance: of the largest pixel": ("robust_distance", ((SQUARE, SQUARE.replace("mean(dim=1)", "amax(dim=1)")),)),
    "distance: of the first channel": ("robust_distance", ((SQUARE, SQUARE.replace("(a - b)", "(a - b)[:, :1]")),)),
    "distance: half of the gradient is cut": (
        "robust_distance",
        ((ROOT, "return square / ((square + HUBER**2).sqrt().detach() + HUBER)"),),
    ),
    "distance: b has no gradient": ("robust_distance", ((SQUARE, SQUARE.replace("(a - b)", "(a - b.detach())")),)),
    "distance: no gradient": ("robust_distance", ((ROOT, "return (square.detach() + HUBER**2).sqrt() - HUBER"),)),
    "distance: cut off at 1": (
        "robust_distance",
        ((ROOT, "return ((square + HUBER**2).sqrt() - HUBER).clamp(max=1.0)"),),
    ),
    "distance: writes into a": ("robust_distance", ((SQUARE, SQUARE.replace("(a - b)", "a.data.sub_(b)")),)),
    "distance: always in float32": ("robust_distance", ((SQUARE, SQUARE.replace("(a - b)", "(a - b).float()")),)),
    "distance: by view": ("robust_distance", ((SQUARE, SQUARE.replace("flatten(1)", "view(len(a), -1)")),)),
    "distance: on the CPU": (
        "robust_distance",
        ((SQUARE, f"{SQUARE}\n    square = square + torch.zeros(len(a))"),),
    ),
    "distance: with a column for each": (
        "robust_distance",
        ((SQUARE, SQUARE.replace("dim=1)", "dim=1, keepdim=True)")),),
    ),
    "distance: in percent of HUBER": ("robust_distance", ((ROOT, "return (1 + square / HUBER**2).sqrt() - 1"),)),
    "distance: root first, NaN made to 0": (
        "robust_distance",
        ((ROOT, "return (square.sqrt().nan_to_num().square() + HUBER**2).sqrt() - HUBER"),),
    ),
    # --- consistency_loss
    "loss: target between 0 and 1": ("consistency_loss", ((TARGET, TARGET.replace("-1, 1", "0, 1")),)),
    "loss: target clipped far out": ("consistency_loss", ((TARGET, TARGET.replace("-1, 1", "-1.5, 1.5")),)),
    "loss: noised images are clipped": (
        "consistency_loss",
        ((LEARNS, LEARNS.replace("signal * x0 + sigma * noise", "(signal * x0 + sigma * noise).clamp(-1, 1)")),),
    ),
    "loss: one earlier step for all": (
        "consistency_loss",
        ((EARLIER, f"{EARLIER}\n    r = torch.minimum(r.min().expand_as(r), t - 1)"),),
    ),
    "loss: the earlier step of the first image": (
        "consistency_loss",
        ((EARLIER, f"{EARLIER}\n    r = torch.minimum(r[:1].expand_as(r), t - 1)"),),
    ),
    "loss: weights with mean 1": (
        "consistency_loss",
        ((LOSS, "w = (t + 1) / (t - r)\n    return robust_distance(learns, target) * w / w.mean()"),),
    ),
    "loss: weights in whole numbers": (
        "consistency_loss",
        ((LOSS, LOSS.replace("* (t + 1) / (t - r)", "* ((t + 1) // (t - r))")),),
    ),
    "loss: weights by t": ("consistency_loss", ((LOSS, LOSS.replace("(t + 1)", "t")),)),
    "loss: weights by the halvings, not by the steps": (
        "consistency_loss",
        ((LOSS, LOSS.replace("* (t + 1) / (t - r)", "* 2.0**halvings")),),
    ),
    "loss: the distance is divided once too often": ("consistency_loss", ((LOSS, f"{LOSS} * (t + 1) / (t - r)"),)),
    "loss: the mean": ("consistency_loss", ((LOSS, f"{LOSS.replace('return ', 'return (')}).mean()"),)),
    "loss: squared, weighted": (
        "consistency_loss",
        ((LOSS, LOSS.replace("robust_distance(learns, target)", "(learns - target).square().flatten(1).mean(dim=1)")),),
    ),
    "loss: half a gradient goes through the target": (
        "consistency_loss",
        ((HELD, f"    {TARGET}\n    target = (target + target.detach()) / 2\n"),),
    ),
    "loss: the target learns where it is clean": (
        "consistency_loss",
        ((HELD, f"    {TARGET}\n    target = torch.where((r < 400)[:, None, None, None], target, target.detach())\n"),),
    ),
    "loss: the other noise is the mirrored one": (
        "consistency_loss",
        ((TARGET, TARGET.replace("* noise", "* noise.flip(-1)")),),
    ),
    "loss: the other noise has the other sign": (
        "consistency_loss",
        ((TARGET, TARGET.replace("+ sigma_r", "- sigma_r")),),
    ),
    "loss: the earlier image is on the model's own path": (
        "consistency_loss",
        (
            (HELD, ""),
            (
                LEARNS,
                f"{LEARNS}\n"
                "    with torch.no_grad():\n"
                "        rest = (signal * x0 + sigma * noise - signal * learns) / sigma\n"
                "        target = jump(model, signal_r * learns + sigma_r * rest, r, schedule).clamp(-1, 1)",
            ),
        ),
    ),
    "loss: the earlier image without noise": (
        "consistency_loss",
        ((TARGET, TARGET.replace(" + sigma_r * noise", "")),),
    ),
    "loss: asks twice about x_t": (
        "consistency_loss",
        ((LEARNS, f"{LEARNS}\n    {LEARNS.replace('learns', 'again')}\n    learns = (learns + again) / 2"),),
    ),
    "loss: an assertion": ("consistency_loss", ((RAISE, "raise AssertionError(prediction)"),)),
    "loss: refuses noise only with halvings": (
        "consistency_loss",
        ((CHECK, 'if prediction != "v" and halvings > 0:'),),
    ),
    "loss: writes into x0": (
        "consistency_loss",
        ((LEARNS, "learns = jump(model, x0.mul_(signal) + sigma * noise, t, schedule)"),),
    ),
    "loss: on the CPU": ("consistency_loss", ((LOSS, f"{LOSS} + torch.zeros(len(x0))"),)),
    "loss: always in float32": ("consistency_loss", ((LOSS, f"{LOSS.replace('return ', 'return (')}).float()"),)),
    "loss: leaves gradients off": (
        "consistency_loss",
        ((LOSS, f"loss = {LOSS.removeprefix('return ')}\n    torch.set_grad_enabled(False)\n    return loss"),),
    ),
    "loss: six halvings at most": ("consistency_loss", ((EARLIER, "r = earlier(t, min(halvings, 6.0))"),)),
    "loss: three halvings if none": ("consistency_loss", ((EARLIER, "r = earlier(t, halvings or HALVINGS)"),)),
    "loss: from t to the target the way is halved": (
        "consistency_loss",
        ((EARLIER, "r = earlier(t, halvings + 1)"),),
    ),
    "loss: clipped where it learns, with a slope": (
        "consistency_loss",
        ((LEARNS, f"{LEARNS}\n    learns = learns + (learns.clamp(-1, 1) - learns).detach()"),),
    ),
    "loss: of the schedule of 1000 steps": (
        "consistency_loss",
        (
            (
                EARLIER,
                f"{EARLIER}\n    from cdm_tutor.schedule import make_schedule\n"
                "    schedule = make_schedule('cosine', 1000).to(x0.device)",
            ),
        ),
    ),
    # --- tune
    "tune: by the square of the progress": ("tune", ((AT, AT.replace("progress", "progress**2")),)),
    "tune: five halvings at most": ("tune", ((AT, AT.replace("most * progress", "min(5.0, most * progress)")),)),
    "tune: the usual number if none are asked for": (
        "tune",
        ((AT, AT.replace("most * progress", "(most or HALVINGS) * progress")),),
    ),
    "tune: a step behind": (
        "tune",
        (
            (FIRST, f"before = training.settings.progress(training.step, training.seconds)\n    {FIRST}"),
            (LATER, "        training.loss = loss_at(before)\n        before = step.progress\n"),
        ),
    ),
    "tune: by the progress after the step": (
        "tune",
        (
            (
                f"    {FIRST}\n",
                "    settings = training.settings\n"
                "    ahead = 1 / settings.steps if settings.steps else 0.0\n"
                "    training.loss = loss_at(settings.progress(training.step, training.seconds) + ahead)\n",
            ),
            (LATER, "        training.loss = loss_at(min(1.0, step.progress + ahead))\n"),
        ),
    ),
    "tune: by the steps where there are some": (
        "tune",
        (
            (
                LATER,
                "        many = training.settings.steps\n"
                "        training.loss = loss_at(step.step / many if many else step.progress)\n",
            ),
        ),
    ),
    "tune: by the clock where there is one": (
        "tune",
        (
            (
                LATER,
                "        minutes = training.settings.minutes\n"
                "        training.loss = loss_at(step.seconds / 60 / minutes if minutes else step.progress)\n",
            ),
        ),
    ),
    "tune: by a clock of its own": (
        "tune",
        (
            (
                FIRST,
                "import time\n    start, minutes = time.perf_counter(), training.settings.minutes\n    " + FIRST,
            ),
            (
                LATER,
                "        passed = (time.perf_counter() - start) / 60\n"
                "        training.loss = loss_at(passed / minutes if minutes else step.progress)\n",
            ),
        ),
    ),
    "tune: sets the loss every other step": ("tune", ((LATER, f"        if step.step % 2:\n    {LATER}"),)),
    "tune: counts the parts of a batch": (
        "tune",
        (
            (
                DEF_AT,
                "    asked = [training.step]\n\n"
                "    def loss_at(progress: float) -> Loss:\n"
                "        def loss(*batch: object) -> Tensor:\n"
                "            done = training.settings.progress(asked[0], training.seconds)\n"
                "            asked[0] += 1\n"
                "            return consistency_loss(*batch, halvings=most * done)\n\n"
                "        return loss\n\n",
            ),
        ),
    ),
    "tune: yields losses": ("tune", ((YIELD, f"{LATER}        yield step.loss"),)),
    "tune: yields only the last step": ("tune", ((YIELD, f"{LATER}    yield step"),)),
    "tune: keeps the first step for itself": (
        "tune",
        ((YIELD, f"{LATER}        if step.step > 1:\n            yield step"),),
    ),
    "tune: yields twice": ("tune", ((YIELD, f"{YIELD}\n        yield step"),)),
    "tune: takes a step more than is asked for": (
        "tune",
        (
            (
                f"    {FIT}\n{YIELD}",
                f"    last = None\n    {FIT}\n{LATER}"
                "        if last:\n            yield last\n        last = step\n    if last:\n        yield last",
            ),
        ),
    ),
    "tune: begins before it is asked": (
        "tune",
        (
            (
                f"    {FIT}\n{YIELD}",
                "    from itertools import chain\n\n"
                "    def rest() -> Iterator[Step]:\n"
                f"        {FIT}\n"
                "            training.loss = loss_at(step.progress)\n"
                "            yield step\n\n"
                "    steps = rest()\n"
                "    first = next(steps, None)\n"
                "    return chain([first] if first else [], steps)",
            ),
        ),
    ),
    "tune: counts from nothing": ("tune", ((FIRST, f"training.step, training.seconds = 0, 0.0\n    {FIRST}"),)),
    "tune: trains a copy": ("tune", ((FIRST, f"import copy\n    training = copy.deepcopy(training)\n    {FIRST}"),)),
    "tune: with a new optimiser": (
        "tune",
        (
            (
                FIRST,
                "training.optimizer = torch.optim.AdamW(training.model.parameters(), betas=(0.9, 0.99))\n    " + FIRST,
            ),
        ),
    ),
    "tune: the average is the network": (
        "tune",
        ((LATER, f"{LATER}        training.ema.load_state_dict(training.model.state_dict())\n"),),
    ),
    "tune: on the images the other way round": ("tune", ((FIT, FIT.replace("images)", "images.flip(0))")),)),
    "tune: on one batch": ("tune", ((FIT, FIT.replace("images)", "images[: training.settings.batch])")),)),
    "tune: takes models of noise": (
        "tune",
        (
            (
                AT,
                "return lambda model, x0, t, noise, schedule, prediction: consistency_loss(\n"
                "            model, x0, t, noise, schedule, 'v', most * progress\n"
                "        )",
            ),
        ),
    ),
    "tune: too few images are no error": (
        "tune",
        ((FIRST, f"if len(images) < training.settings.batch:\n        return\n    {FIRST}"),),
    ),
    "tune: a loss of the lesson before": (
        "tune",
        (
            (AT, "return denoising_loss"),
            ("import Model, Prediction", "import Model, Prediction, denoising_loss"),
        ),
    ),
    "tune: no end": (
        "tune",
        ((f"    {FIT}\n{YIELD}", f"    step = None\n    {FIT}\n{YIELD}\n    while step:\n        yield step"),),
    ),
    # --- sample_by_jumps
    "jumps: fresh noise every other time": (
        "sample_by_jumps",
        (
            (START, "    kept, x = [], x_T\n    for t"),
            (
                NEXT,
                f"kept.append({NOISE})\n        " + NEXT.replace(NOISE, "kept[len(kept) // 2]"),
            ),
        ),
    ),
    "jumps: of the noise of the first channel": (
        "sample_by_jumps",
        ((NEXT, NEXT.replace(NOISE, "draw_like(x[:, :1], generator).expand_as(x)")),),
    ),
    "jumps: half of the noise is the guessed one": (
        "sample_by_jumps",
        ((NEXT, NEXT.replace(NOISE, f"(guess.pred_noise + {NOISE}) / 2**0.5")),),
    ),
    "jumps: with too little noise": ("sample_by_jumps", ((NEXT, NEXT.replace(NOISE, f"0.9 * {NOISE}")),)),
    "jumps: with uniform noise": (
        "sample_by_jumps",
        ((NEXT, NEXT.replace(NOISE, "(torch.rand(x.shape, generator=generator) - 0.5).to(x) * 12**0.5")),),
    ),
    "jumps: with noise of a generator seeded by the image": (
        "sample_by_jumps",
        (
            (NEXT, NEXT.replace(NOISE, "draw_another(x)")),
            ("randomness import draw_like", "randomness import draw_another, draw_like"),
        ),
    ),
    "jumps: the generator does not go on": (
        "sample_by_jumps",
        (
            (
                START,
                f"    generator = generator.clone_state() if hasattr(generator, 'clone_state') else generator\n{START}",
            ),
        ),
    ),
    "jumps: none of the noise goes to step 0": (
        "sample_by_jumps",
        ((NEXT, NEXT.replace("prev_t < 0", "prev_t <= 0")),),
    ),
    "jumps: counted down evenly in whole numbers": (
        "sample_by_jumps",
        (
            (
                VISITS,
                "    spaced_timesteps(len(schedule), steps)\n"
                "    down = list(range(len(schedule) - 1, -1, -(len(schedule) // steps)))[:steps]\n"
                "    for t, prev_t in zip(down, [*down[1:], -1], strict=True):\n"
                "        guess",
            ),
        ),
    ),
    "jumps: a jump more": (
        "sample_by_jumps",
        ((VISITS, VISITS.replace("schedule), steps)", "schedule), min(len(schedule), steps + 1))")),),
    ),
    "jumps: of 1000 steps": ("sample_by_jumps", ((VISITS, VISITS.replace("len(schedule)", "1000")),)),
    "jumps: as many as can be": (
        "sample_by_jumps",
        ((VISITS, VISITS.replace("schedule), steps)", "schedule), max(1, min(steps, len(schedule))))")),),
    ),
    "jumps: no jumps give back the noise": (
        "sample_by_jumps",
        ((START, f"    if steps < 1:\n        return x_T\n{START}"),),
    ),
    "jumps: from a smaller x_T": ("sample_by_jumps", ((START, "    x = 0.9 * x_T\n    for t"),)),
    "jumps: from a normed x_T": ("sample_by_jumps", ((START, "    x = (x_T - x_T.mean()) / x_T.std()\n    for t"),)),
    "jumps: from noise of its own": ("sample_by_jumps", ((START, "    x = draw_like(x_T, generator)\n    for t"),)),
    "jumps: writes into x_T": ("sample_by_jumps", ((NEXT, f"{NEXT}\n        x = x_T.copy_(x)"),)),
    "jumps: keeps the graph": ("sample_by_jumps", ((GUESS, ITSELF), *IMPORTED)),
    "jumps: not clipped at the end": (
        "sample_by_jumps",
        (
            (START, f"    model = torch.no_grad()(model)\n{START}"),
            (GUESS, ITSELF.replace("clamp(-1, 1)", "clamp(-1, 1) if prev_t >= 0 else image")),
            *IMPORTED,
        ),
    ),
    "jumps: clipped only at the end": (
        "sample_by_jumps",
        (
            (START, f"    model = torch.no_grad()(model)\n{START}"),
            (GUESS, ITSELF.replace("clamp(-1, 1)", "clamp(-1, 1) if prev_t < 0 else image")),
            *IMPORTED,
        ),
    ),
    "jumps: between 0 and 1": ("sample_by_jumps", ((TELL, TELL.replace("return x", "return (x + 1) / 2")),)),
    "jumps: in half precision": (
        "sample_by_jumps",
        ((TELL, TELL.replace("return x", "return x.bfloat16().to(x.dtype)")),),
    ),
    "jumps: on_step is told what was before": (
        "sample_by_jumps",
        ((GUESS, f"before = x\n        {GUESS}"), (TELL, TELL.replace("(guess, x)", "(guess, before)"))),
    ),
    "jumps: on_step is told the image": (
        "sample_by_jumps",
        ((TELL, TELL.replace("(guess, x)", "(guess.pred_x0, x)")),),
    ),
    "jumps: on_step is told at the end": (
        "sample_by_jumps",
        ((TELL, "    if on_step:\n        on_step(guess, x)\n    return x"),),
    ),
    "jumps: on_step is told of jumps that go on": (
        "sample_by_jumps",
        ((TELL, TELL.replace("if on_step:", "if on_step and prev_t >= 0:")),),
    ),
    "jumps: on the CPU": (
        "sample_by_jumps",
        ((NEXT, NEXT.replace(NOISE, "torch.randn(x.shape, generator=generator, dtype=x.dtype)")),),
    ),
    "jumps: always in float32": ("sample_by_jumps", ((TELL, TELL.replace("return x", "return x.float()")),)),
    "jumps: the last guess with a little of the one before": (
        "sample_by_jumps",
        (
            (START, "    x = last = x_T\n    for t"),
            (
                TELL,
                "        if on_step:\n            on_step(guess, x)\n"
                "        last, older = guess.pred_x0, last\n"
                "    return x if steps == 1 else 0.9 * x + 0.1 * older",
            ),
        ),
    ),
    "jumps: asks twice": ("sample_by_jumps", ((GUESS, f"{GUESS}\n        {GUESS}"),)),
    "jumps: by ddim": (
        "sample_by_jumps",
        ((NEXT, "x = ddim_step(x, guess, prev_t, schedule, draw_like(x, generator))"),),
    ),
    "jumps: by ddpm": (
        "sample_by_jumps",
        ((NEXT, "x = ddim_step(x, guess, prev_t, schedule, draw_like(x, generator), 1.0)"),),
    ),
}
