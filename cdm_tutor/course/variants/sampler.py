"""Correct solutions of lesson 04, written differently."""

from cdm_tutor.course.lesson import Variant

POSTERIOR_MEAN = (
    "(signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2\n"
    "    return mean, beta * sigma_prev**2 / sigma_t**2"
)

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
                "math.sqrt(sigma_prev**2 - variance) * guess.pred_noise",
                "math.sqrt(max(1 - signal_prev**2 - variance, 0.0)) * guess.pred_noise",
            ),
        ),
    ),
    Variant(
        "ddim-by-the-paper",  # Song et al., equations 12 and 16, the noise read off x_t
        (
            (
                "    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]\n"
                "    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"
                "    return kept + math.sqrt(variance) * noise\n",
                "    signal_t, sigma_t = levels(schedule, guess.t)\n"
                "    spread = eta * sigma_prev / sigma_t * math.sqrt(1 - (signal_t / signal_prev) ** 2)\n"
                "    direction = (x_t - signal_t * guess.pred_x0) / sigma_t\n"
                "    return signal_prev * guess.pred_x0 + (sigma_prev**2 - spread**2) ** 0.5 * direction "
                "+ spread * noise\n",
            ),
        ),
    ),
    Variant(
        "dpm-by-the-paper",  # Lu et al., in noise levels instead of signal levels
        (
            (
                "    ahead = guess.pred_x0\n"
                "    if last and prev_t >= 0:\n"
                "        h, h_last = rise(schedule, guess.t, prev_t), rise(schedule, last.guess.t, guess.t)\n"
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n"
                "    return glide(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                "    if prev_t == -1:\n"
                "        return guess.pred_x0\n"
                "    h = rise(schedule, guess.t, prev_t)\n"
                "    ratio = 0 if last is None else h / rise(schedule, last.guess.t, guess.t) / 2\n"
                "    before = guess.pred_x0 if last is None else last.guess.pred_x0\n"
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
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T, None\n    fresh = [draw_like(x, generator) for _ in range(steps)]\n",
            ),
            ("Taken(x, guess, draw_like(x, generator))", "Taken(x, guess, fresh.pop())"),
        ),
    ),
    Variant(
        "noise-only-where-needed",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        needed = eta > 0 and prev_t >= 0\n"
                "        fresh = draw_like(x, generator) if needed else torch.zeros_like(x)\n"
                "        taken = Taken(x, guess, fresh)\n",
            ),
        ),
    ),
    Variant(
        "noise-image-by-image",
        (
            (
                "Taken(x, guess, draw_like(x, generator))",
                "Taken(x, guess, torch.cat([draw_like(x[i : i + 1], generator) for i in range(len(x))]))",
            ),
        ),
    ),
    Variant(
        "corrects-by-the-difference",  # the noise is the same in both, so it need not be remembered
        (
            ("    x, last = x_T, None\n", "    x, last, aimed = x_T, None, x_T\n"),
            (
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta)\n",
                "            ends = [\n"
                "                glide(last.x_t, last.guess.t, t, image, schedule, torch.zeros_like(x), eta)\n"
                "                for image in (guess.pred_x0, aimed)\n"
                "            ]\n"
                "            x = x + (ends[0] - ends[1])\n",
            ),
            (
                "        last = taken\n",
                "        aimed = guess.pred_x0\n"
                "        if last and prev_t >= 0 and step is dpm_step:\n"
                "            ratio = rise(schedule, t, prev_t) / rise(schedule, last.guess.t, t) / 2\n"
                "            aimed = torch.lerp(last.guess.pred_x0, guess.pred_x0, 1 + ratio)\n"
                "        last = taken\n",
            ),
        ),
    ),
    Variant(
        "sample-with-a-while-loop",
        (
            (
                "    x, last = x_T, None\n    for t, prev_t in spaced_timesteps(len(schedule), steps):\n",
                "    x, last = x_T.clone(), None\n"
                "    ahead = spaced_timesteps(len(schedule), steps)[::-1]\n"
                "    while ahead:\n"
                "        t, prev_t = ahead.pop()\n",
            ),
            ("        if last and step is dpm_step:  # the", '        if last is not None and solver == "dpm":  # the'),
        ),
    ),
]
