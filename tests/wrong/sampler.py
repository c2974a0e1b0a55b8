"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

STRIDES = "        h, h_last = stride_length(schedule, guess.t, prev_t), stride_length(schedule, last.t, guess.t)\n"
BEGUN = "    x, guess, last = x_T, ask(x_T, visits[0][0]), None\n"
DRAWN = "        noise = draw_like(x, generator)\n"
AGAIN = "x = first_order_step(x, t, prev_t, guess.pred_x0, schedule, noise, eta)"
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
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) "
                    "* guess.pred_noise\n"
                ),
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
    "guessed noise cut at 3": (
        "ddim_step",
        (
            (
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) "
                    "* guess.pred_noise\n"
                ),
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) *"
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
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) "
                    "* guess.pred_noise\n"
                ),
                (
                    "    kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev**2 - variance, 0.0)) *"
                    " guess.pred_noise[:, :1]\n"
                ),
            ),
        ),
    ),
    "no leaning by more than a stride": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * min(h / (2 * h_last), 1.0)\n",
            ),
        ),
    ),
    "leaning by 1 - eta": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n",
                ("        ahead = ahead + (guess.pred_x0 - last.pred_x0) * ((1 - eta) * h / (2 * h_last))\n"),
            ),
        ),
    ),
    "leaning by 1 + eta": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n",
                ("        ahead = ahead + (guess.pred_x0 - last.pred_x0) * ((1 + eta) * h / (2 * h_last))\n"),
            ),
        ),
    ),
    "ahead cut at 1": (
        "dpm_step",
        (
            (
                "    return first_order_step(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                "    return first_order_step(x_t, guess.t, prev_t, ahead.clamp(-1, 1), schedule, noise, eta)\n",
            ),
        ),
    ),
    "guessed noise as fresh after a step": (
        "dpm_step",
        (
            (
                "    return first_order_step(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
                "    noise = guess.pred_noise if last else noise\n"
                "    return first_order_step(x_t, guess.t, prev_t, ahead, schedule, noise, eta)\n",
            ),
        ),
    ),
    "the step before changed in place": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + last.pred_x0.sub_(guess.pred_x0).neg_() * (h / (2 * h_last))\n",
            ),
        ),
    ),
    "strides of one step measured": (
        "dpm_step",
        (
            (
                STRIDES,
                STRIDES.replace("prev_t", "guess.t - 1"),
            ),
        ),
    ),
    "the last stride taken to be as long as this": (
        "dpm_step",
        ((STRIDES, STRIDES.replace("last.t", "min(2 * guess.t - prev_t, len(schedule) - 1)")),),
    ),
    "leaning by the first channel": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0[:, :1]) * (h / (2 * h_last))\n",
            ),
        ),
    ),
    "no noise as usual": (
        "dpm_step",
        (
            (
                "last: Guess | None, prev_t: int, schedule: NoiseSchedule, noise: Tensor, eta: float = 1.0",
                "last: Guess | None, prev_t: int, schedule: NoiseSchedule, noise: Tensor, eta: float = 0.0",
            ),
        ),
    ),
    "leaning on the fresh noise": (
        "dpm_step",
        (
            (
                "        ahead = ahead + (guess.pred_x0 - last.pred_x0) * (h / (2 * h_last))\n",
                "        ahead = ahead + (guess.pred_x0 - noise) * (h / (2 * h_last))\n",
            ),
        ),
    ),
    "corrected without noise": (
        "dpm_walk",
        (
            (
                AGAIN,
                AGAIN.replace("eta", "0.0"),
            ),
        ),
    ),
    "corrected with zeros as noise": (
        "dpm_walk",
        (
            (
                AGAIN,
                AGAIN.replace("noise", "torch.zeros_like(x)"),
            ),
        ),
    ),
    "corrected with the noise before the last": (
        "dpm_walk",
        (
            (
                BEGUN,
                BEGUN + "    noise = None\n",
            ),
            (
                DRAWN,
                "        before, noise = noise, draw_like(x, generator)\n",
            ),
            (
                AGAIN,
                AGAIN.replace("noise", "noise if before is None else before"),
            ),
        ),
    ),
    "corrected in place": (
        "dpm_walk",
        (
            (
                AGAIN,
                "x = x_prev.copy_(first_order_step(x, t, prev_t, guess.pred_x0, schedule, noise, eta))",
            ),
        ),
    ),
    "corrected for eta = 0 only": (
        "dpm_walk",
        (
            (
                AGAIN,
                AGAIN + " if eta == 0 else x_prev",
            ),
        ),
    ),
    "the noise used twice": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = noise if last else draw_like(x, generator)\n",
            ),
        ),
    ),
    "corrected from where the step before led uncorrected": (
        "dpm_walk",
        (
            (BEGUN, BEGUN + "    start = x_T\n"),
            (AGAIN, AGAIN.replace("(x,", "(start,") + "\n            start = x_prev"),
        ),
    ),
    "on_step told a buffer": (
        "dpm_walk",
        (
            (
                BEGUN,
                BEGUN + "    buffer = torch.empty_like(x_T)\n",
            ),
            (
                "        yield guess, x_prev\n",
                "        yield guess, buffer.copy_(x_prev)\n",
            ),
        ),
    ),
    "one x written again and again": (
        "dpm_walk",
        (
            (BEGUN, BEGUN + "    one = torch.empty_like(x_T)\n"),
            ("        x_prev = dpm_step(x,", "        x_prev = one.copy_(dpm_step(x,"),
            ("schedule, noise, eta)\n        yield", "schedule, noise, eta))\n        yield"),
        ),
    ),
    "on_step may change x": (
        "sample",
        (
            (
                "            on_step(guess, x)\n",
                "            x = on_step(guess, x) or x\n",
            ),
        ),
    ),
    "one channel of fresh noise for all": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = draw_like(x[:, :1], generator).expand_as(x)\n",
            ),
        ),
    ),
    "one row of fresh noise for all": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = draw_like(x[..., :1, :], generator).expand_as(x)\n",
            ),
        ),
    ),
    "uniform noise": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = (torch.rand(x.shape, generator=generator) - 0.5) * 12**0.5\n",
            ),
        ),
    ),
    "noise of 1 and -1": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = draw_like(x, generator).sign()\n",
            ),
        ),
    ),
    "noise cut at 2.5": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = draw_like(x, generator).clamp(-2.5, 2.5)\n",
            ),
        ),
    ),
    "a generator of the same seed": (
        "dpm_walk",
        (
            (
                BEGUN,
                BEGUN + "    generator = torch.Generator().manual_seed(generator.initial_seed())\n",
            ),
        ),
    ),
    "a copy of the generator": (
        "dpm_walk",
        (
            (
                BEGUN,
                BEGUN + "    own = torch.Generator()\n    own.set_state(generator.get_state())\n    generator = own\n",
            ),
        ),
    ),
    "the global generator with the seed": (
        "dpm_walk",
        (
            (
                BEGUN,
                BEGUN + "    torch.manual_seed(generator.initial_seed())\n",
            ),
            (
                DRAWN,
                "        noise = torch.randn_like(x)\n",
            ),
        ),
    ),
    "noise always on the CPU": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = torch.randn(x.shape, generator=generator)\n",
            ),
        ),
    ),
    "square noise": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        square = torch.randn((*x.shape[:2], x.shape[3], x.shape[3]), generator=generator)\n"
                "        noise = square[..., : x.shape[2], :]\n",
            ),
        ),
    ),
    "noise of one channel": (
        "dpm_walk",
        (
            (
                DRAWN,
                "        noise = torch.randn((len(x), 1, *x.shape[2:]), generator=generator)\n",
            ),
        ),
    ),
    "more steps than T taken as T": (
        "sample",
        (
            (
                "spaced_timesteps(len(schedule), steps)",
                "spaced_timesteps(len(schedule), min(steps, len(schedule)))",
            ),
        ),
    ),
    "no step gives x_T": (
        "sample",
        (
            (
                "    solve, usual_eta = SOLVERS[solver]\n",
                "    solve, usual_eta = SOLVERS[solver]\n    if steps == 0:\n        return x_T\n",
            ),
        ),
    ),
    "the graph of the network kept": (
        "sample",
        (
            (
                "partial(denoise, model,",
                "partial(denoise.__wrapped__, model,",
            ),
        ),
    ),
    "x cut at 3 on the way": (
        "dpm_walk",
        (
            (
                "            last, guess = guess, ask(",
                "            x_prev = x_prev.clamp(-3, 3)\n            last, guess = guess, ask(",
            ),
        ),
    ),
    "grey noise to begin with": (
        "dpm_walk",
        (
            (
                BEGUN,
                "    x_T = x_T.mean(1, keepdim=True).expand_as(x_T)\n" + BEGUN,
            ),
        ),
    ),
    "the first 64 images only": (
        "dpm_walk",
        (
            (
                BEGUN,
                "    x_T = x_T[:64]\n" + BEGUN,
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
        "dpm_walk",
        (
            (
                DRAWN,
                DRAWN + "        noise = (noise + noise.mT) / 2**0.5 if x.shape[2] == x.shape[3] else noise\n",
            ),
        ),
    ),
    "fifty steps unless told": ("sample", (("steps: int = 20", "steps: int = 50"),)),
}
