"""Correct solutions of lesson 08, written differently."""

from cdm_tutor.course.lesson import Variant

MIXED = "signal, sigma = mix_at(t, x_t, schedule)"
LEADS = "return signal * x_t - sigma * model(x_t, t.clamp(min=0))"
JUMP = f"    # as predict_x0_from_velocity, with the mix of each image's step\n    {MIXED}\n    {LEADS}\n"
JUMPS = (
    "    jumps = [jump(model, x_t, torch.full(x_t.shape[:1], t, device=x_t.device), schedule) for t, x_t in points]\n"
)
DRIFTS = "    return torch.stack([(image - end).square().flatten(1).mean(dim=1).sqrt() for image in jumps])\n"
R = "return t - ((t + 1).double() * 2.0**-halvings).ceil().long()"
SQUARE = "square = (a - b).square().flatten(1).mean(dim=1)"
ROOT = "return (square + HUBER**2).sqrt() - HUBER"
TARGET = "target = jump(model, signal_r * x0 + sigma_r * noise, r, schedule).clamp(-1, 1)"
LEARNS = "learns = jump(model, signal * x0 + sigma * noise, t, schedule)"
PAIR = f"    with torch.no_grad():\n        {TARGET}\n    {LEARNS}\n"
LOSS = "return robust_distance(learns, target) * (t + 1) / (t - r)"
FIRST = "    training.loss = loss_at(training.settings.progress(training.step, training.seconds))\n"
STEPS = "    for step in fit(training, images):\n        training.loss = loss_at(step.progress)\n        yield step\n"
TUNE = (
    "    def loss_at(progress: float) -> Loss:\n"
    '        """The loss of a step before which so much was done."""\n'
    "        return partial(consistency_loss, halvings=most * progress)\n\n" + FIRST + STEPS
)
LOOP = "    for t, prev_t in spaced_timesteps(len(schedule), steps):\n        guess"
GUESS = 'guess = denoise(model, x, t, schedule, "v")'
ANEW = "renoise(guess.pred_x0, prev_t, schedule, draw_like(x, generator))"
NEXT = f"x = guess.pred_x0 if prev_t < 0 else {ANEW}"

VARIANTS = [
    Variant(
        "jump-by-the-stage-before",
        (
            (
                LEADS,
                "steps = t.clamp(min=0)\n"
                "    ends = predict_x0_from_velocity(x_t, steps, model(x_t, steps), schedule)\n"
                "    return torch.where((t < 0)[:, None, None, None], x_t, ends)",
            ),
            ("import Model, Prediction", "import Model, Prediction, predict_x0_from_velocity"),
        ),
    ),
    Variant(
        "jump-in-float64",
        (
            (
                JUMP,
                "    left = torch.cat([schedule.alphas_cumprod.double(), torch.ones(1, dtype=torch.float64, "
                "device=t.device)])[t][:, None, None, None]\n"
                "    v = model(x_t, torch.where(t < 0, 0, t))\n"
                "    return (left.sqrt() * x_t - (1 - left).sqrt() * v).to(x_t.dtype)\n",
            ),
        ),
    ),
    Variant(
        "jump-asks-only-about-noisy-images",
        (
            (
                JUMP,
                "    ends, noisy = x_t.clone(), t >= 0\n"
                "    if noisy.any():\n"
                "        signal, sigma = mix_at(t[noisy], x_t, schedule)\n"
                "        ends[noisy] = signal * x_t[noisy] - sigma * model(x_t[noisy], t[noisy])\n"
                "    return ends\n",
            ),
        ),
    ),
    Variant(
        "drift-by-norms",
        (
            (
                DRIFTS,
                "    return torch.stack([(end - a).flatten(1).norm(dim=1) for a in jumps]) / end[0].numel() ** 0.5\n",
            ),
        ),
    ),
    Variant(
        "drift-in-one-batch",
        (
            (
                JUMPS + DRIFTS,
                "    many = torch.cat([x_t for _, x_t in points])\n"
                "    t = torch.tensor([t for t, _ in points], device=many.device).repeat_interleave(len(end))\n"
                "    off = jump(model, many, t, schedule).reshape(len(points), *end.shape) - end\n"
                "    return off.square().mean(dim=(2, 3, 4)).sqrt()\n",
            ),
        ),
    ),
    Variant(
        "drift-point-by-point",
        (
            (
                JUMPS + DRIFTS,
                "    rows = torch.zeros(len(points), len(end), dtype=end.dtype, device=end.device)\n"
                "    for number, (t, x_t) in enumerate(points[:-1]):\n"
                "        steps = torch.ones(len(end), dtype=torch.int64, device=end.device) * t\n"
                "        off = (jump(model, x_t, steps, schedule).detach() - end).reshape(len(end), -1)\n"
                "        rows[number] = torch.sqrt((off**2).mean(1))\n"
                "    return rows\n",
            ),
        ),
    ),
    Variant("earlier-in-float32", ((R, "return t - torch.ceil((t + 1) / 2**halvings).to(t.dtype)"),)),
    Variant("earlier-by-whole-division", ((R, "return t + ((-(t + 1)) * 0.5**halvings).floor().long()"),)),
    Variant("earlier-by-flooring-what-is-left", ((R, "return (t - (t + 1).double() * 0.5**halvings).floor().long()"),)),
    Variant(
        "earlier-one-by-one",
        (
            (
                R,
                "steps = [step - math.ceil((step + 1) / 2**halvings) for step in t.tolist()]\n"
                "    return torch.tensor(steps, device=t.device)",
            ),
            ("from functools import partial", "import math\nfrom functools import partial"),
        ),
    ),
    Variant(
        "distance-without-the-difference-of-roots",
        ((ROOT, "return square / ((square + HUBER**2).sqrt() + HUBER)"),),
    ),
    Variant("distance-times-huber", ((ROOT, "return HUBER * ((1 + square / HUBER**2).sqrt() - 1)"),)),
    Variant(
        "distance-in-einsum",
        (
            (
                SQUARE,
                "off = (b - a).flatten(1)\n    square = torch.einsum('bi,bi->b', off, off) / off.shape[1]",
            ),
            (ROOT, "return (square + HUBER * HUBER) ** 0.5 - HUBER"),
        ),
    ),
    Variant(
        "loss-with-a-detached-target",
        ((PAIR, f"    {TARGET.replace('.clamp', '.detach().clamp')}\n    {LEARNS}\n"),),
    ),
    Variant(
        "loss-learns-first",
        (
            (
                PAIR,
                f"    {LEARNS}\n    with torch.no_grad():\n        {TARGET.replace('.clamp(-1, 1)', '')}\n"
                "    target = target.clamp(min=-1).clamp(max=1)\n",
            ),
        ),
    ),
    Variant(
        "loss-in-one-batch",
        (
            (
                PAIR,
                "    both = torch.cat([signal * x0 + sigma * noise, signal_r * x0 + sigma_r * noise])\n"
                "    learns, target = jump(model, both, torch.cat([t, r]), schedule).chunk(2)\n"
                "    target = target.detach().clamp(-1, 1)\n",
            ),
        ),
    ),
    Variant(
        "loss-with-the-share-of-the-way",
        (
            (LOSS, "share = (t - r).to(x0.dtype) / (1.0 + t)\n    return robust_distance(target, learns) / share"),
            ('if prediction != "v":', 'if prediction == "noise":'),
        ),
    ),
    Variant(
        "loss-with-the-image-where-it-is-known",
        (
            (
                PAIR,
                "    with torch.no_grad():\n"
                "        ends = jump(model, signal_r * x0 + sigma_r * noise, r, schedule)\n"
                "        target = torch.where((r < 0)[:, None, None, None], x0, ends.clip(-1, 1))\n"
                "    x_t = q_sample(x0, t, noise, schedule)\n"
                "    learns = jump(model, x_t, t, schedule)\n",
            ),
            ("import Model, Prediction", "import Model, Prediction, q_sample"),
        ),
    ),
    Variant(
        "tune-by-a-loss-that-looks-itself",
        (
            (
                TUNE,
                "    def loss(model, x0, t, noise, schedule, prediction='v'):\n"
                "        done = training.settings.progress(training.step, training.seconds)\n"
                "        return consistency_loss(model, x0, t, noise, schedule, prediction, most * done)\n\n"
                "    training.loss = loss\n"
                "    yield from fit(training, images)\n",
            ),
        ),
    ),
    Variant(
        "tune-gives-back-what-fit-gives",
        (
            (
                TUNE,
                "    settings = training.settings\n"
                "    training.loss = lambda *batch: consistency_loss(\n"
                "        *batch, halvings=most * settings.progress(training.step, training.seconds)\n"
                "    )\n"
                "    return fit(training, images)\n",
            ),
        ),
    ),
    Variant(
        "tune-by-asking-for-one-step-at-a-time",
        (
            (
                TUNE,
                "    steps, step = fit(training, images), None\n"
                "    while True:\n"
                "        done = step.progress if step else training.settings.progress(training.step, "
                "training.seconds)\n"
                "        training.loss = partial(consistency_loss, halvings=most * done)\n"
                "        step = next(steps, None)\n"
                "        if step is None:\n"
                "            return\n"
                "        yield step\n",
            ),
        ),
    ),
    Variant(
        "tune-looks-after-the-step-was-used",
        (
            (
                STEPS,
                "    for step in fit(training, images):\n"
                "        yield step\n"
                "        training.loss = loss_at(training.settings.progress(training.step, training.seconds))\n",
            ),
        ),
    ),
    Variant(
        "sample-by-jumps-in-noise-image-by-image",
        ((NEXT, NEXT.replace("draw_like(x, generator)", "torch.stack([draw_like(each, generator) for each in x])")),),
    ),
    Variant(
        "sample-by-jumps-draws-before-it-asks",
        (
            (GUESS, f"noise = draw_like(x, generator)\n        {GUESS}"),
            (
                NEXT,
                "x = guess.pred_x0\n        if prev_t >= 0:\n            left = schedule.alphas_cumprod[prev_t]\n"
                "            x = left.sqrt() * x + (1 - left).sqrt() * noise",
            ),
        ),
    ),
    Variant(
        "sample-by-jumps-with-the-first-before-the-loop",
        (
            (
                LOOP,
                LOOP.replace("for t", "visits = spaced_timesteps(len(schedule), steps)\n    for t").replace(
                    "in spaced_timesteps(len(schedule), steps)", "in visits"
                ),
            ),
            (
                GUESS,
                GUESS.replace("denoise(model", "denoise(model=model")
                .replace("x, t, s", "x_t=x, t=t, s")
                .replace('schedule, "v"', 'schedule=schedule, prediction="v"'),
            ),
            (NEXT, f"x = guess.pred_x0\n        if (t, prev_t) != visits[-1]:\n            x = {ANEW}"),
        ),
    ),
    Variant(
        "sample-by-jumps-by-your-own-jump",
        (
            (
                GUESS,
                "s = torch.full((len(x),), t, device=x.device)\n"
                "        with torch.no_grad():\n"
                "            image = jump(model, x, s, schedule).clamp(-1, 1)\n"
                "        guess = Guess(t, image, predict_noise(x, s, image, schedule))",
            ),
            ("import OnStep, ", "import Guess, OnStep, "),
            ("import Model, Prediction", "import Model, Prediction, predict_noise"),
        ),
    ),
]
