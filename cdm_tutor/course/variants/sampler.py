"""Correct solutions of lesson 04, written differently."""

from cdm_tutor.course.lesson import Variant

POSTERIOR_MEAN = (
    "(signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2\n"
    "    return mean, beta * sigma_prev**2 / sigma_t**2"
)

BEGUN = "    x, guess, last = x_T, ask(x_T, visits[0][0]), None\n"
DRAWN = "        noise = draw_like(x, generator)\n"

VARIANTS = [
    Variant(
        "denoise-written-out",
        (
            (
                '    to_x0 = predict_x0 if prediction == "noise" else predict_x0_from_velocity\n'
                "    pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)\n"
                "    return Guess(t, pred_x0, predict_noise(x_t, steps, pred_x0, schedule))\n",
                "    signal, sigma = levels(schedule, t)\n"
                "    output = model(x_t, steps)\n"
                "    pred_x0 = (x_t - sigma * output) / signal\n"
                '    if prediction == "v":\n'
                "        pred_x0 = signal * x_t - sigma * output\n"
                "    pred_x0 = torch.minimum(torch.maximum(pred_x0, torch.tensor(-1.0)), torch.tensor(1.0))\n"
                "    return Guess(t=t, pred_x0=pred_x0, pred_noise=(x_t - signal * pred_x0) / sigma)\n",
            ),
        ),
    ),
    Variant(
        "denoise-repeats-t",
        (
            (
                "torch.full((len(x_t),), t, device=x_t.device)",
                "torch.tensor([t], device=x_t.device).repeat(x_t.shape[0])",
            ),
        ),
    ),
    Variant(
        "spacing-by-linspace",
        (
            (
                "[round(T - i * T / steps) - 1 for i in range(steps)]",
                "torch.linspace(T - 1, -1, steps + 1, dtype=torch.float64).round().int().tolist()[:-1]",
            ),
        ),
    ),
    Variant(
        "spacing-in-whole-numbers",
        (
            (
                "    visited = [round(T - i * T / steps) - 1 for i in range(steps)]\n"
                "    return list(zip(visited, [*visited[1:], -1], strict=True))\n",
                "    pairs = []\n"
                "    prev_t = -1\n"
                "    for i in range(1, steps + 1):\n"
                "        t = i * T // steps - 1\n"
                "        pairs.insert(0, (t, prev_t))\n"
                "        prev_t = t\n"
                "    return pairs\n",
            ),
        ),
    ),
    Variant(
        "posterior-by-precisions",
        (
            (
                "    mean = " + POSTERIOR_MEAN,
                "    if prev_t < 0:\n"
                "        return guess.pred_x0, 0.0\n"
                "    precision = alpha / beta + 1 / sigma_prev**2\n"
                "    weighed = math.sqrt(alpha) / beta * x_t + signal_prev / sigma_prev**2 * guess.pred_x0\n"
                "    return weighed / precision, 1 / precision",
            ),
        ),
    ),
    Variant(
        "posterior-from-the-guessed-noise",  # Ho et al., equation 11
        (
            (
                "(signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2",
                "(x_t - beta / sigma_t * guess.pred_noise) / math.sqrt(alpha)",
            ),
        ),
    ),
    Variant(
        "posterior-with-the-tables",
        (
            (
                "    signal_t, sigma_t = levels(schedule, guess.t)\n"
                "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                "    alpha = (signal_t / signal_prev) ** 2\n"
                "    beta = sigma_t**2 - alpha * sigma_prev**2  # 1 - alpha, but exact where alpha is nearly 1\n"
                "    mean = " + POSTERIOR_MEAN,
                "    bar = schedule.alphas_cumprod[guess.t]\n"
                "    bar_prev = schedule.alphas_cumprod[prev_t] if prev_t >= 0 else torch.tensor(1.0)\n"
                "    alpha = bar / bar_prev\n"
                "    beta = 1 - alpha\n"
                "    mean = bar_prev.sqrt() * beta * guess.pred_x0 + alpha.sqrt() * (1 - bar_prev) * x_t\n"
                "    return mean / (1 - bar), beta * (1 - bar_prev) / (1 - bar)",
            ),
        ),
    ),
    Variant(
        "posterior-in-float64",
        (
            (
                POSTERIOR_MEAN,
                "signal_prev * beta * guess.pred_x0.double() + math.sqrt(alpha) * sigma_prev**2 * x_t.double()\n"
                "    return (mean / sigma_t**2).to(x_t.dtype), beta * (sigma_prev / sigma_t) ** 2",
            ),
        ),
    ),
    Variant(
        "last-step-apart",
        (
            (
                "    return mean + eta * math.sqrt(variance) * noise",
                "    if prev_t == -1:\n"
                "        return guess.pred_x0\n"
                "    return torch.add(mean, noise, alpha=eta * variance**0.5)",
            ),
        ),
    ),
    Variant(
        "posterior-in-numpy",
        (
            (
                "mean = " + POSTERIOR_MEAN.split("\n")[0],
                "kept, pulled = math.sqrt(alpha) * sigma_prev**2 / sigma_t**2, signal_prev * beta / sigma_t**2\n"
                "    mean = pulled * guess.pred_x0.cpu().numpy() + kept * x_t.cpu().numpy()\n"
                "    mean = torch.from_numpy(mean).to(x_t.device)",
            ),
        ),
    ),
    Variant(
        "posterior-by-the-noise",  # Ho et al., equation 11, for a stride
        (
            (
                "mean = " + POSTERIOR_MEAN.split("\n")[0],
                "mean = (x_t - beta / sigma_t * guess.pred_noise) / math.sqrt(alpha)",
            ),
        ),
    ),
    Variant(
        "ddim-guarded-root",
        (
            (
                "math.sqrt(max(sigma_prev**2 - variance, 0.0)) * guess.pred_noise",
                "math.sqrt(max(1 - signal_prev**2 - variance, 0.0)) * guess.pred_noise",
            ),
        ),
    ),
    Variant(
        "ddim-by-the-paper",  # Song et al., equations 12 and 16, the noise read off x_t
        (
            (
                "    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]\n"
                "    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) "
                "* guess.pred_noise\n"
                "    return kept + math.sqrt(variance) * noise\n",
                "    signal_t, sigma_t = levels(schedule, guess.t)\n"
                "    std = eta * sigma_prev / sigma_t * math.sqrt(1 - (signal_t / signal_prev) ** 2)\n"
                "    direction = (x_t - signal_t * guess.pred_x0) / sigma_t\n"
                "    return signal_prev * guess.pred_x0 + (sigma_prev**2 - std**2) ** 0.5 * direction + std * noise\n",
            ),
        ),
    ),
    Variant(
        "dpm-by-the-paper",  # Lu et al., in noise levels instead of signal levels
        (
            (
                "    ahead = guess.pred_x0\n"
                "    if last and prev_t >= 0:\n"
                "        h, h_last = stride_length(schedule, guess.t, prev_t), "
                "stride_length(schedule, last.t, guess.t)\n"
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n"
                "    return first_order_step(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                "    if prev_t == -1:\n"
                "        return guess.pred_x0\n"
                "    h = stride_length(schedule, guess.t, prev_t)\n"
                "    ratio = 0 if last is None else h / stride_length(schedule, last.t, guess.t) / 2\n"
                "    before = guess.pred_x0 if last is None else last.pred_x0\n"
                "    ahead = (1 + ratio) * guess.pred_x0 - ratio * before\n"
                "    sigma_t = levels(schedule, guess.t)[1]\n"
                "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                "    x_prev = sigma_prev / sigma_t * math.exp(-eta * h) * x_t\n"
                "    x_prev = x_prev - signal_prev * math.expm1(-(1 + eta) * h) * ahead\n"
                "    return x_prev + sigma_prev * math.sqrt(-math.expm1(-2 * eta * h)) * noise\n",
            ),
        ),
    ),
    Variant(
        "noise-drawn-beforehand",  # and used up from the back
        (
            (BEGUN, BEGUN + "    fresh = [draw_like(x, generator) for _ in visits]\n"),
            (DRAWN, "        noise = fresh.pop()\n"),
        ),
    ),
    Variant(
        "noise-only-where-needed",
        (
            (
                DRAWN,
                "        needed = eta > 0 and prev_t >= 0\n"
                "        noise = draw_like(x, generator) if needed else torch.zeros_like(x)\n",
            ),
        ),
    ),
    Variant(
        "noise-image-by-image",
        (
            (
                DRAWN,
                "        noise = torch.cat([draw_like(x[i : i + 1], generator) for i in range(len(x))])\n",
            ),
        ),
    ),
    Variant(
        "corrects-by-the-difference",  # the noise is the same in both, so it need not be remembered
        (
            (
                "            last, guess = guess, ask(x_prev, prev_t)\n"
                "            x = first_order_step(x, t, prev_t, guess.pred_x0, schedule, noise, eta)\n",
                "            aimed = guess.pred_x0\n"
                "            if last:\n"
                "                ratio = stride_length(schedule, t, prev_t) / stride_length(schedule, last.t, t) / 2\n"
                "                aimed = torch.lerp(last.pred_x0, guess.pred_x0, 1 + ratio)\n"
                "            last, guess = guess, ask(x_prev, prev_t)\n"
                "            ends = [\n"
                "                first_order_step(x, t, prev_t, image, schedule, torch.zeros_like(x), eta)\n"
                "                for image in (guess.pred_x0, aimed)\n"
                "            ]\n"
                "            x = x_prev + (ends[0] - ends[1])\n",
            ),
        ),
    ),
    Variant(
        "corrects-before-the-next-step",  # and gives back a list
        (
            (
                BEGUN + "    for t, prev_t in visits:\n" + DRAWN,
                "    x, last, path = x_T, None, []\n"
                "    for t, prev_t in visits:\n"
                "        guess = ask(x, t)\n"
                "        if last is not None:\n"
                "            x = first_order_step(start, last.t, t, guess.pred_x0, schedule, noise, eta)\n" + DRAWN,
            ),
            (
                "        yield guess, x_prev\n"
                "        if prev_t >= 0:\n"
                "            last, guess = guess, ask(x_prev, prev_t)\n"
                "            x = first_order_step(x, t, prev_t, guess.pred_x0, schedule, noise, eta)\n",
                "        path.append((guess, x_prev))\n        start, last, x = x, guess, x_prev\n    return path\n",
            ),
        ),
    ),
    Variant(
        "sample-with-a-while-loop",
        (
            (
                "    ask = partial(denoise, model, schedule=schedule, prediction=prediction)\n",
                "    def ask(x_t, t):\n        return denoise(model, x_t, t, schedule, prediction)\n",
            ),
            (
                "    for guess, x in solve(ask, x_T, spaced_timesteps(len(schedule), steps), "
                "schedule, generator, eta):",
                "    visits = spaced_timesteps(len(schedule), steps)\n"
                "    path = solve(ask, x_T.clone(), visits, schedule, generator, eta)\n"
                "    while step := next(path, None):\n"
                "        guess, x = step",
            ),
        ),
    ),
]
