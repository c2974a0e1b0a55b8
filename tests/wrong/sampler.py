"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "x_t cut at 3": (
        "denoise",
        (
            (
                "steps = torch.full((len(x_t),), t, device=x_t.device)",
                "steps = torch.full((len(x_t),), t, device=x_t.device)\n    x_t = x_t.clamp(-3, 3)",
            ),
        ),
    ),
    "the answer cut at 3": (
        "denoise",
        (
            (
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)",
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps).clamp(-3, 3), schedule).clamp(-1, 1)",
            ),
        ),
    ),
    "timesteps on the CPU": (
        "denoise",
        (
            (
                "steps = torch.full((len(x_t),), t, device=x_t.device)",
                "steps = torch.full((len(x_t),), t)",
            ),
        ),
    ),
    "the first channel's answer for all": (
        "denoise",
        (
            (
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)",
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps)[:, :1].expand_as(x_t), schedule).clamp(-1, 1)",
            ),
        ),
    ),
    "grey images guessed": (
        "denoise",
        (
            (
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)",
                (
                    "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)\n"
                    "    pred_x0 = pred_x0.mean(1, keepdim=True).expand_as(x_t).contiguous()"
                ),
            ),
        ),
    ),
    "clipped above only": (
        "denoise",
        (
            (
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)",
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(max=1)",
            ),
        ),
    ),
    "noise computed again for v only": (
        "denoise",
        (
            (
                "pred_x0 = to_x0(x_t, steps, model(x_t, steps), schedule).clamp(-1, 1)",
                ("out = model(x_t, steps)\n    raw = to_x0(x_t, steps, out, schedule)\n    pred_x0 = raw.clamp(-1, 1)"),
            ),
            (
                "return Guess(t, pred_x0, predict_noise(x_t, steps, pred_x0, schedule))",
                (
                    "return Guess(t, pred_x0, predict_noise(x_t, steps, pred_x0 if prediction == 'v' else"
                    " raw, schedule))"
                ),
            ),
        ),
    ),
    "as many visits as strides fit": (
        "spaced_timesteps",
        (
            (
                "visited = [round(T - i * T / steps) - 1 for i in range(steps)]",
                "visited = list(range(T - 1, -1, -(T // steps)))",
            ),
        ),
    ),
    "places of a thousand": (
        "spaced_timesteps",
        (
            (
                "visited = [round(T - i * T / steps) - 1 for i in range(steps)]",
                "visited = [(round(1000 - i * 1000 / steps)) * T // 1000 - 1 for i in range(steps)]",
            ),
        ),
    ),
    "as many steps as T refused": (
        "spaced_timesteps",
        (
            (
                "if not 1 <= steps <= T:",
                "if not 1 <= steps < T:",
            ),
        ),
    ),
    "steps brought into the range": (
        "spaced_timesteps",
        (
            (
                (
                    "    if not 1 <= steps <= T:\n"
                    '        raise ValueError(f"expected between 1 and {T} sampling steps, got {steps}")\n'
                ),
                "    steps = max(1, min(steps, T))\n",
            ),
        ),
    ),
    "no walk of one or two steps": (
        "spaced_timesteps",
        (
            (
                "visited = [round(T - i * T / steps) - 1 for i in range(steps)]",
                (
                    "visited = [round(T - i * T / steps) - 1 for i in range(steps)]\n"
                    "    if T < 3:\n"
                    "        visited = [T - 1]"
                ),
            ),
        ),
    ),
    "the first channel's image for all in the mean": (
        "posterior",
        (
            (
                ("mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2"),
                (
                    "mean = (signal_prev * beta * guess.pred_x0[:, :1] + math.sqrt(alpha) * sigma_prev**2 *"
                    " x_t) / sigma_t**2"
                ),
            ),
        ),
    ),
    "the mean over channels": (
        "posterior",
        (
            (
                ("mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2"),
                (
                    "mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) /"
                    " sigma_t**2\n"
                    "    mean = mean.mean(1, keepdim=True).expand_as(x_t).contiguous()"
                ),
            ),
        ),
    ),
    "the mean cut at 3": (
        "posterior",
        (
            (
                ("mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2"),
                (
                    "mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) /"
                    " sigma_t**2\n"
                    "    mean = mean.clamp(-3, 3)"
                ),
            ),
        ),
    ),
    "a smallest variance": (
        "posterior",
        (
            (
                "return mean, beta * sigma_prev**2 / sigma_t**2",
                "return mean, max(beta * sigma_prev**2 / sigma_t**2, 1e-3)",
            ),
        ),
    ),
    "the last entry of the tables for the clean image": (
        "posterior",
        (
            (
                (
                    "    signal_t, sigma_t = levels(schedule, guess.t)\n"
                    "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                ),
                (
                    "    signal_t, sigma_t = levels(schedule, guess.t)\n"
                    "    signal_prev, sigma_prev = schedule.sqrt_alphas_cumprod[prev_t].item(),"
                    " schedule.sqrt_one_minus_alphas_cumprod[prev_t].item()\n"
                ),
            ),
        ),
    ),
    "x_t scaled in place": (
        "posterior",
        (
            (
                ("mean = (signal_prev * beta * guess.pred_x0 + math.sqrt(alpha) * sigma_prev**2 * x_t) / sigma_t**2"),
                (
                    "x_t *= math.sqrt(alpha) * sigma_prev**2 / sigma_t**2\n"
                    "    mean = signal_prev * beta / sigma_t**2 * guess.pred_x0 + x_t"
                ),
            ),
        ),
    ),
    "one channel of noise for all": (
        "p_sample",
        (
            (
                "    return mean + eta * math.sqrt(variance) * noise\n",
                "    return mean + eta * math.sqrt(variance) * noise[:, :1]\n",
            ),
        ),
    ),
    "the noise of the step before": (
        "p_sample",
        (
            (
                "    return mean + eta * math.sqrt(variance) * noise\n",
                "    return mean + eta * math.sqrt(variance) * (last.noise if last else noise)\n",
            ),
        ),
    ),
    "the guess of the step before": (
        "p_sample",
        (
            (
                "    mean, variance = posterior(x_t, guess, prev_t, schedule)\n",
                (
                    "    guess = last.guess if last else guess\n"
                    "    mean, variance = posterior(x_t, guess, prev_t, schedule)\n"
                ),
            ),
        ),
    ),
    "eta cut at a half": (
        "p_sample",
        (
            (
                "    return mean + eta * math.sqrt(variance) * noise\n",
                "    return mean + min(eta, 0.5) * math.sqrt(variance) * noise\n",
            ),
        ),
    ),
    "noise brought to standard deviation 1": (
        "p_sample",
        (
            (
                "    return mean + eta * math.sqrt(variance) * noise\n",
                "    return mean + eta * math.sqrt(variance) * noise / noise.std()\n",
            ),
        ),
    ),
    "a root of less than nothing": (
        "ddim_step",
        (
            (
                (
                    "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                    "    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]\n"
                ),
                (
                    "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                    "    bar = schedule.alphas_cumprod[prev_t].item() if prev_t >= 0 else 1.0\n"
                    "    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]\n"
                ),
            ),
            (
                ("    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"),
                "    kept = signal_prev * guess.pred_x0 + math.sqrt(1 - bar - variance) * guess.pred_noise\n",
            ),
        ),
    ),
    "no fresh noise on the way to 0": (
        "ddim_step",
        (
            (
                (
                    "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                    "    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]\n"
                ),
                (
                    "    signal_prev, sigma_prev = levels(schedule, prev_t)\n"
                    "    variance = eta**2 * posterior(x_t, guess, prev_t, schedule)[1]\n"
                    "    variance = variance if prev_t > 0 else 0.0\n"
                ),
            ),
        ),
    ),
    "the image guessed before": (
        "ddim_step",
        (
            (
                ("    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"),
                (
                    "    kept = signal_prev * (last.guess.pred_x0 if last else guess.pred_x0) +"
                    " math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"
                ),
            ),
        ),
    ),
    "the noise guessed before": (
        "ddim_step",
        (
            (
                ("    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"),
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) *"
                    " (last.guess.pred_noise if last else guess.pred_noise)\n"
                ),
            ),
        ),
    ),
    "the fresh noise of the step before in DDIM": (
        "ddim_step",
        (
            (
                "    return kept + math.sqrt(variance) * noise\n",
                "    return kept + math.sqrt(variance) * (last.noise if last else noise)\n",
            ),
        ),
    ),
    "guessed noise cut at 3": (
        "ddim_step",
        (
            (
                ("    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"),
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) *"
                    " guess.pred_noise.clamp(-3, 3)\n"
                ),
            ),
        ),
    ),
    "x_prev cut at 3": (
        "ddim_step",
        (
            (
                "    return kept + math.sqrt(variance) * noise\n",
                "    return (kept + math.sqrt(variance) * noise).clamp(-3, 3)\n",
            ),
        ),
    ),
    "one channel of guessed noise for all": (
        "ddim_step",
        (
            (
                ("    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) * guess.pred_noise\n"),
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(sigma_prev**2 - variance) *"
                    " guess.pred_noise[:, :1]\n"
                ),
            ),
        ),
    ),
    "no leaning by more than a stride": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * min(h / (2 * h_last), 1.0)\n",
            ),
        ),
    ),
    "leaning by 1 - eta": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n",
                ("        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * ((1 - eta) * h / (2 * h_last))\n"),
            ),
        ),
    ),
    "leaning by 1 + eta": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n",
                ("        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * ((1 + eta) * h / (2 * h_last))\n"),
            ),
        ),
    ),
    "ahead cut at 1": (
        "dpm_step",
        (
            (
                "    return glide(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                "    return glide(x_t, guess.t, prev_t, ahead.clamp(-1, 1), schedule, noise, eta)\n",
            ),
        ),
    ),
    "the fresh noise of the step before in DPM-Solver": (
        "dpm_step",
        (
            (
                "    return glide(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                "    return glide(x_t, guess.t, prev_t, ahead, schedule, last.noise if last else noise, eta)\n",
            ),
        ),
    ),
    "guessed noise as fresh after a step": (
        "dpm_step",
        (
            (
                "    return glide(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                ("    return glide(x_t, guess.t, prev_t, ahead, schedule, guess.pred_noise if last else noise, eta)\n"),
            ),
        ),
    ),
    "the step before changed in place": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + last.guess.pred_x0.sub_(guess.pred_x0).neg_() * (h / (2 * h_last))\n",
            ),
        ),
    ),
    "strides of one step measured": (
        "dpm_step",
        (
            (
                "        h, h_last = rise(schedule, guess.t, prev_t), rise(schedule, last.guess.t, guess.t)\n",
                ("        h, h_last = rise(schedule, guess.t, guess.t - 1), rise(schedule, last.guess.t, guess.t)\n"),
            ),
        ),
    ),
    "the last stride taken to be as long as this": (
        "dpm_step",
        (
            (
                "        h, h_last = rise(schedule, guess.t, prev_t), rise(schedule, last.guess.t, guess.t)\n",
                (
                    "        h, h_last = rise(schedule, guess.t, prev_t), rise(schedule, min(2 * guess.t -"
                    " prev_t, len(schedule) - 1), guess.t)\n"
                ),
            ),
        ),
    ),
    "leaning by the first channel": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0[:, :1]) * (h / (2 * h_last))\n",
            ),
        ),
    ),
    "no noise as usual": (
        "dpm_step",
        (
            (
                (
                    "def dpm_step(\n"
                    "    x_t: Tensor, guess: Guess, last: Taken | None, prev_t: int, schedule:"
                    " NoiseSchedule, noise: Tensor, eta: float = 1.0"
                ),
                (
                    "def dpm_step(\n"
                    "    x_t: Tensor, guess: Guess, last: Taken | None, prev_t: int, schedule:"
                    " NoiseSchedule, noise: Tensor, eta: float = 0.0"
                ),
            ),
        ),
    ),
    "leaning on the fresh noise": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.guess.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + (guess.pred_x0 - noise) * (h / (2 * h_last))\n",
            ),
        ),
    ),
    "corrected without noise": (
        "sample",
        (
            (
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta)\n",
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, 0.0)\n",
            ),
        ),
    ),
    "corrected with zeros as noise": (
        "sample",
        (
            (
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta)\n",
                (
                    "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule,"
                    " torch.zeros_like(x), eta)\n"
                ),
            ),
        ),
    ),
    "corrected with the noise before the last": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T, None\n    before = None\n",
            ),
            (
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta)\n",
                (
                    "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, before.noise"
                    " if before else last.noise, eta)\n"
                ),
            ),
            (
                "        last = taken\n",
                "        before = last\n        last = taken\n",
            ),
        ),
    ),
    "corrected in place": (
        "sample",
        (
            (
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta)\n",
                ("            x.copy_(glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta))\n"),
            ),
        ),
    ),
    "corrected for eta = 0 only": (
        "sample",
        (
            (
                (
                    "        if last and step is dpm_step:  # the step that led here again, with the guess"
                    " that is now known\n"
                ),
                (
                    "        if last and step is dpm_step and eta == 0:  # the step that led here again,"
                    " with the guess that is now known\n"
                ),
            ),
        ),
    ),
    "the noise used twice": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                (
                    "        taken = Taken(x, guess, last.noise if last and step is dpm_step else"
                    " draw_like(x, generator))\n"
                ),
            ),
        ),
    ),
    "the step remembered as it was before the correction": (
        "sample",
        (
            (
                "        guess = denoise(model, x, t, schedule, prediction)\n",
                "        guess = denoise(model, x, t, schedule, prediction)\n        uncorrected = x\n",
            ),
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(uncorrected, guess, draw_like(x, generator))\n",
            ),
        ),
    ),
    "on_step told a buffer": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T, None\n    buffer = torch.empty_like(x_T)\n",
            ),
            (
                "        if on_step:\n            on_step(guess, x)\n",
                "        if on_step:\n            on_step(guess, buffer.copy_(x))\n",
            ),
        ),
    ),
    "one x written again and again": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T.clone(), None\n",
            ),
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x.clone(), guess, draw_like(x, generator))\n",
            ),
            (
                "        x = step(x, guess, last, prev_t, schedule, taken.noise, eta)\n",
                "        x.copy_(step(taken.x_t, guess, last, prev_t, schedule, taken.noise, eta))\n",
            ),
            (
                "            x = glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta)\n",
                ("            x.copy_(glide(last.x_t, last.guess.t, t, guess.pred_x0, schedule, last.noise, eta))\n"),
            ),
        ),
    ),
    "on_step may change x": (
        "sample",
        (
            (
                "        if on_step:\n            on_step(guess, x)\n",
                "        if on_step:\n            x = on_step(guess, x) or x\n",
            ),
        ),
    ),
    "one channel of fresh noise for all": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, draw_like(x[:, :1], generator).expand_as(x))\n",
            ),
        ),
    ),
    "one row of fresh noise for all": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, draw_like(x[..., :1, :], generator).expand_as(x))\n",
            ),
        ),
    ),
    "uniform noise": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, (torch.rand(x.shape, generator=generator) - 0.5) * 12**0.5)\n",
            ),
        ),
    ),
    "noise of 1 and -1": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, draw_like(x, generator).sign())\n",
            ),
        ),
    ),
    "noise cut at 2.5": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, draw_like(x, generator).clamp(-2.5, 2.5))\n",
            ),
        ),
    ),
    "a generator of the same seed": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                ("    x, last = x_T, None\n    generator = torch.Generator().manual_seed(generator.initial_seed())\n"),
            ),
        ),
    ),
    "a copy of the generator": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                (
                    "    x, last = x_T, None\n"
                    "    own = torch.Generator()\n"
                    "    own.set_state(generator.get_state())\n"
                    "    generator = own\n"
                ),
            ),
        ),
    ),
    "the global generator with the seed": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T, None\n    torch.manual_seed(generator.initial_seed())\n",
            ),
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, torch.randn_like(x))\n",
            ),
        ),
    ),
    "noise always on the CPU": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, torch.randn(x.shape, generator=generator))\n",
            ),
        ),
    ),
    "square noise": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                (
                    "        taken = Taken(x, guess, torch.randn((len(x), x.shape[1], x.shape[3],"
                    " x.shape[3]), generator=generator)[..., : x.shape[2], :])\n"
                ),
            ),
        ),
    ),
    "noise of one channel": (
        "sample",
        (
            (
                "        taken = Taken(x, guess, draw_like(x, generator))\n",
                "        taken = Taken(x, guess, torch.randn((len(x), 1, *x.shape[2:]), generator=generator))\n",
            ),
        ),
    ),
    "more steps than T taken as T": (
        "sample",
        (
            (
                "    for t, prev_t in spaced_timesteps(len(schedule), steps):\n",
                "    for t, prev_t in spaced_timesteps(len(schedule), min(steps, len(schedule))):\n",
            ),
        ),
    ),
    "no step gives x_T": (
        "sample",
        (
            (
                "    step, usual_eta = SOLVERS[solver]\n",
                "    step, usual_eta = SOLVERS[solver]\n    if steps == 0:\n        return x_T\n",
            ),
        ),
    ),
    "the graph of the network kept": (
        "sample",
        (
            (
                "        guess = denoise(model, x, t, schedule, prediction)\n",
                "        guess = denoise.__wrapped__(model, x, t, schedule, prediction)\n",
            ),
        ),
    ),
    "x cut at 3 on the way": (
        "sample",
        (
            (
                "        x = step(x, guess, last, prev_t, schedule, taken.noise, eta)\n",
                ("        x = step(x, guess, last, prev_t, schedule, taken.noise, eta)\n        x = x.clamp(-3, 3)\n"),
            ),
        ),
    ),
    "grey noise to begin with": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T.mean(1, keepdim=True).expand_as(x_T), None\n",
            ),
        ),
    ),
    "the first 64 images only": (
        "sample",
        (
            (
                "    x, last = x_T, None\n",
                "    x, last = x_T[:64], None\n",
            ),
        ),
    ),
    "what the model sees cut at 5": (
        "denoise",
        (("model(x_t, steps)", "model(x_t.clamp(-5, 5), steps)"),),
    ),
    "guessed noise cut at 20": (
        "denoise",
        (
            (
                "predict_noise(x_t, steps, pred_x0, schedule))",
                "predict_noise(x_t, steps, pred_x0, schedule).clamp(-20, 20))",
            ),
        ),
    ),
    "large x_t cut in place": (
        "denoise",
        (("    steps = torch.full(", "    x_t.clamp_(-10, 10)\n    steps = torch.full("),),
    ),
    "mean cut at 10": (
        "posterior",
        (("return mean, beta", "return mean.clamp(-10, 10), beta"),),
    ),
    "x_t on the CPU in the posterior": (
        "posterior",
        (
            (
                "    alpha = (signal_t / signal_prev) ** 2\n",
                "    x_t = x_t if x_t.device.type == 'cpu' else torch.zeros(x_t.shape)\n"
                "    alpha = (signal_t / signal_prev) ** 2\n",
            ),
        ),
    ),
    "square noise is symmetrical": (
        "sample",
        (
            (
                "taken = Taken(x, guess, draw_like(x, generator))",
                "fresh = draw_like(x, generator)\n        square = x.shape[2] == x.shape[3]\n"
                "        taken = Taken(x, guess, (fresh + fresh.mT) / 2**0.5 if square else fresh)",
            ),
        ),
    ),
    "fifty steps unless told": ("sample", (("steps: int = 20", "steps: int = 50"),)),
}
