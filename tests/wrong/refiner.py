"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

NETWORK = "super().__init__(in_channels, channels, blocks=(1, 1), fold=1, attention=False)"
RENOISE = "return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)"
OTHER = "other = draw_another(noise)"
X_T = "x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule)"
LOSS = "return (model(x_t, t) - target).square().flatten(1).mean(dim=1)"
CHECK = "if not 1 <= t_start < T:"
STEPS = "return [(t_start, t_start // 3), (t_start // 3, -1)]"
ASKED = "steps = refiner_steps(t_start, len(schedule))"
NOISED = "x = renoise(x, t_start, schedule, draw_like(x, generator))"
GUESS = "guess = denoise(model, x, t, schedule, prediction)"
STEP = "x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))"
LAST = "torch.zeros_like(x))\n    return x"

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "network-told-t-of-0": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.register_forward_pre_hook(lambda m, a: (a[0], torch.zeros_like(a[1])))"),),
    ),
    "network-told-the-first-t": (
        "ImprovedRefinementNetwork.__init__",
        (
            (
                NETWORK,
                NETWORK + "\n        self.register_forward_pre_hook(lambda m, a: (a[0], a[1][:1].expand_as(a[1])))",
            ),
        ),
    ),
    "network-ends-in-a-wide-tanh": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.register_forward_hook(lambda m, a, out: 3 * torch.tanh(out / 3))"),),
    ),
    "network-adds-its-input": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.register_forward_hook(lambda m, a, out: out + a[0])"),),
    ),
    "network-with-a-layer-that-is-not-used": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.spare = torch.nn.Linear(4, 4)"),),
    ),
    "network-with-dropout": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.attention = torch.nn.Dropout(0.1)"),),
    ),
    "network-norms-each-channel": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.norm_out = torch.nn.GroupNorm(channels[0], channels[0])"),),
    ),
    "network-partly-frozen": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.conv_in.requires_grad_(False)"),),
    ),
    "network-cuts-the-graph-at-the-bottom": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        self.middle1.register_forward_hook(lambda m, a, out: out.detach())"),),
    ),
    "network-does-not-start-at-zero": (
        "ImprovedRefinementNetwork.__init__",
        ((NETWORK, NETWORK + "\n        torch.nn.init.normal_(self.conv_out.weight, std=0.1)"),),
    ),
    "network-shares-weights-with-the-last": (
        "ImprovedRefinementNetwork.__init__",
        (
            ("PERTURBATION = 0.1  # standard", "KEPT = {}\nPERTURBATION = 0.1  # standard"),
            (NETWORK, NETWORK + "\n        self.conv_in = KEPT.setdefault((in_channels, channels), self.conv_in)"),
        ),
    ),
    "network-turns-wide-images": (
        "ImprovedRefinementNetwork.__init__",
        (
            (
                NETWORK,
                NETWORK
                + (
                    "\n"
                    "        self.register_forward_pre_hook(lambda m, a: (a[0].transpose(2, 3), a[1]) if "
                    "a[0].shape[2] < a[0].shape[3] else None)"
                ),
            ),
        ),
    ),
    "renoise-first-channel-for-all": (
        "renoise",
        (
            (
                RENOISE,
                ("return q_sample(x, torch.full((len(x),), t, device=x.device), noise[:, :1].expand_as(x), schedule)"),
            ),
        ),
    ),
    "renoise-on-the-cpu": (
        "renoise",
        (
            (
                RENOISE,
                (
                    "s = torch.tensor([float(schedule.sqrt_alphas_cumprod[t])] * len(x)).view(-1,1,1,1)\n"
                    "    return s * x + torch.sqrt(1 - s**2) * noise"
                ),
            ),
        ),
    ),
    "renoise-clips": (
        "renoise",
        ((RENOISE, ("return q_sample(x.clamp(-1, 1), torch.full((len(x),), t, device=x.device), noise, schedule)")),),
    ),
    "renoise-remembers-t": (
        "renoise",
        (
            ("PERTURBATION = 0.1  # standard", "KEPT = {}\nPERTURBATION = 0.1  # standard"),
            (
                RENOISE,
                (
                    "a, b = KEPT.setdefault(t, (schedule.sqrt_alphas_cumprod[t], "
                    "schedule.sqrt_one_minus_alphas_cumprod[t]))\n"
                    "    return a * x + b * noise"
                ),
            ),
        ),
    ),
    "other-noise-coarse": (
        "refiner_loss",
        (
            (
                OTHER,
                (
                    "other = torch.nn.functional.interpolate(torch.randn_like(noise)[..., ::2, ::2], "
                    "size=noise.shape[2:])"
                ),
            ),
        ),
    ),
    "other-noise-smooth": (
        "refiner_loss",
        ((OTHER, "z = torch.randn_like(noise)\n    other = (z + z.roll(1, -1)) / 2**0.5"),),
    ),
    "other-noise-transposed": ("refiner_loss", ((OTHER, "other = noise.transpose(-1, -2).reshape(noise.shape)"),)),
    "other-noise-mirrored": ("refiner_loss", ((OTHER, "other = noise.flip(-1)"),)),
    "other-noise-rolled-far": ("refiner_loss", ((OTHER, "other = noise.roll(noise.shape[-1] // 2, -1)"),)),
    "other-noise-is-the-noise-but-for-signs": (
        "refiner_loss",
        ((OTHER, "other = noise * torch.randint(0, 2, noise.shape).mul(2).sub(1)"),),
    ),
    "other-noise-squared": (
        "refiner_loss",
        ((OTHER, "other = (draw_another(noise) ** 2 - 1) / 2**0.5"),),
    ),
    "other-noise-two-in-turn": (
        "refiner_loss",
        (
            ("PERTURBATION = 0.1  # standard", "KEPT = []\nPERTURBATION = 0.1  # standard"),
            (
                OTHER,
                (
                    "KEPT.append(torch.randn_like(noise))\n"
                    "    other = KEPT[-1] if len(KEPT) < 3 or KEPT[-3].shape != noise.shape else KEPT[-3]\n"
                    "    KEPT[-1] = other"
                ),
            ),
        ),
    ),
    "other-noise-one-for-all-channels": (
        "refiner_loss",
        ((OTHER, "other = torch.randn_like(noise[:, :1]).expand_as(noise)"),),
    ),
    "other-noise-of-squares-only": (
        "refiner_loss",
        ((OTHER, "other = draw_another(noise.view(*noise.shape[:2], noise.shape[2], noise.shape[2]))"),),
    ),
    "other-noise-one-channel": (
        "refiner_loss",
        ((OTHER, "other = torch.randn(len(noise), 1, *noise.shape[2:]) + 0 * noise"),),
    ),
    "other-noise-on-the-cpu": ("refiner_loss", ((OTHER, "other = torch.randn(noise.shape)"),)),
    "perturbation-of-a-hundredth": ("refiner_loss", ((X_T, X_T.replace("PERTURBATION", "PERTURBATION**2")),)),
    "loss-cuts-the-gradient": (
        "refiner_loss",
        ((LOSS, "return (model(x_t, t).detach() - target).square().flatten(1).mean(dim=1)"),),
    ),
    "loss-halves-the-gradient": (
        "refiner_loss",
        ((LOSS, "d = model(x_t, t) - target\n    return (d * d.detach()).flatten(1).mean(dim=1)"),),
    ),
    "loss-asks-without-a-graph": (
        "refiner_loss",
        (
            (
                LOSS,
                (
                    "with torch.no_grad():\n"
                    "        answer = model(x_t, t)\n"
                    "    return (answer - target).square().flatten(1).mean(dim=1)"
                ),
            ),
        ),
    ),
    "loss-perturbs-the-first-channel": (
        "refiner_loss",
        ((OTHER, "other = torch.cat([draw_another(noise)[:, :1], 0 * noise[:, 1:]], 1)"),),
    ),
    "loss-cut-off": (
        "refiner_loss",
        ((LOSS, "return (model(x_t, t) - target).square().flatten(1).mean(dim=1).clamp(max=4.0)"),),
    ),
    "loss-of-another-schedule": (
        "refiner_loss",
        (
            (
                X_T,
                (
                    "from cdm_tutor.schedule import make_schedule\n"
                    "    schedule = make_schedule('cosine', 1000) if len(schedule) > 4 else schedule\n"
                    f"    {X_T}"
                ),
            ),
        ),
    ),
    "loss-by-view": (
        "refiner_loss",
        ((LOSS, "return (model(x_t, t) - target).square().view(len(x0), -1).mean(dim=1)"),),
    ),
    "steps-handed-out-again": (
        "refiner_steps",
        (
            ("PERTURBATION = 0.1  # standard", "KEPT = {}\nPERTURBATION = 0.1  # standard"),
            (STEPS, "return KEPT.setdefault((t_start, T), [(t_start, t_start // 3), (t_start // 3, -1)])"),
        ),
    ),
    "steps-far-beyond-the-end": ("refiner_steps", ((CHECK, "if not 1 <= t_start or t_start in (T, T + 1):"),)),
    "refine-noised-one-step-less": (
        "refine",
        ((NOISED, "x = renoise(x, t_start - 1, schedule, draw_like(x, generator))"),),
    ),
    "refine-not-clipped": (
        "refine",
        (
            (
                GUESS,
                (
                    "a, b = schedule.sqrt_alphas_cumprod[t], schedule.sqrt_one_minus_alphas_cumprod[t]\n"
                    "        with torch.no_grad():\n"
                    "            answer = model(x, torch.full((len(x),), t, device=x.device))\n"
                    "        x0 = a * x - b * answer if prediction == 'v' else (x - b * answer) / a\n"
                    "        eps = b * x + a * answer if prediction == 'v' else answer\n"
                    "        pass\n"
                    "        c, d = (schedule.sqrt_alphas_cumprod[prev_t], "
                    "schedule.sqrt_one_minus_alphas_cumprod[prev_t]) if prev_t >= 0 else (1.0, 0.0)\n"
                ),
            ),
            (STEP, "x = c * x0 + d * eps"),
        ),
    ),
    "refine-noise-not-computed-again": (
        "refine",
        (
            (
                GUESS,
                (
                    "a, b = schedule.sqrt_alphas_cumprod[t], schedule.sqrt_one_minus_alphas_cumprod[t]\n"
                    "        with torch.no_grad():\n"
                    "            answer = model(x, torch.full((len(x),), t, device=x.device))\n"
                    "        x0 = a * x - b * answer if prediction == 'v' else (x - b * answer) / a\n"
                    "        eps = b * x + a * answer if prediction == 'v' else answer\n"
                    "        x0 = x0.clamp(-1, 1)\n"
                    "        c, d = (schedule.sqrt_alphas_cumprod[prev_t], "
                    "schedule.sqrt_one_minus_alphas_cumprod[prev_t]) if prev_t >= 0 else (1.0, 0.0)\n"
                ),
            ),
            (STEP, "x = c * x0 + d * eps"),
        ),
    ),
    "refine-clipped-at-the-end": (
        "refine",
        (
            (
                GUESS,
                (
                    "a, b = schedule.sqrt_alphas_cumprod[t], schedule.sqrt_one_minus_alphas_cumprod[t]\n"
                    "        with torch.no_grad():\n"
                    "            answer = model(x, torch.full((len(x),), t, device=x.device))\n"
                    "        x0 = a * x - b * answer if prediction == 'v' else (x - b * answer) / a\n"
                    "        eps = b * x + a * answer if prediction == 'v' else answer\n"
                    "        x0 = x0.clamp(-1, 1) if prev_t < 0 else x0\n"
                    "        c, d = (schedule.sqrt_alphas_cumprod[prev_t], "
                    "schedule.sqrt_one_minus_alphas_cumprod[prev_t]) if prev_t >= 0 else (1.0, 0.0)\n"
                ),
            ),
            (STEP, "x = c * x0 + d * eps"),
        ),
    ),
    "refine-keeps-the-graph": (
        "refine",
        (
            (
                GUESS,
                (
                    "a, b = schedule.sqrt_alphas_cumprod[t], schedule.sqrt_one_minus_alphas_cumprod[t]\n"
                    "        if True:\n"
                    "            answer = model(x, torch.full((len(x),), t, device=x.device))\n"
                    "        x0 = a * x - b * answer if prediction == 'v' else (x - b * answer) / a\n"
                    "        eps = b * x + a * answer if prediction == 'v' else answer\n"
                    "        x0 = x0.clamp(-1, 1)\n"
                    "        eps = (x - a * x0) / b\n"
                    "        c, d = (schedule.sqrt_alphas_cumprod[prev_t], "
                    "schedule.sqrt_one_minus_alphas_cumprod[prev_t]) if prev_t >= 0 else (1.0, 0.0)\n"
                ),
            ),
            (STEP, "x = c * x0 + d * eps"),
        ),
    ),
    "refine-noise-one-for-all-channels": (
        "refine",
        ((NOISED, "x = renoise(x, t_start, schedule, draw_like(x[:, :1], generator).expand_as(x))"),),
    ),
    "refine-noise-of-two-images-for-all": (
        "refine",
        (
            (
                NOISED,
                (
                    "x = renoise(x, t_start, schedule, draw_like(x[:2], generator).repeat(-(-len(x) // 2), "
                    "1, 1, 1)[:len(x)])"
                ),
            ),
        ),
    ),
    "refine-generator-does-not-go-on": (
        "refine",
        (
            (
                NOISED,
                (
                    "own = torch.Generator()\n"
                    "    own.set_state(generator.get_state())\n"
                    "    x = renoise(x, t_start, schedule, draw_like(x, own))"
                ),
            ),
        ),
    ),
    "refine-of-1000-steps": (
        "refine",
        (
            (
                ASKED,
                (
                    "steps = refiner_steps(t_start, len(schedule))\n"
                    "    from cdm_tutor.schedule import make_schedule\n"
                    "    schedule = make_schedule('cosine', 1000) if len(schedule) > 4 else schedule"
                ),
            ),
        ),
    ),
    "refine-of-the-cosine-schedule": (
        "refine",
        (
            (
                ASKED,
                (
                    "from cdm_tutor.schedule import make_schedule\n"
                    "    schedule = make_schedule('cosine', len(schedule)) if len(schedule) > 4 else "
                    "schedule\n"
                    "    steps = refiner_steps(t_start, len(schedule))"
                ),
            ),
        ),
    ),
    "refine-zeros-on-the-cpu": (
        "refine",
        ((STEP, "x = ddim_step(x, guess, prev_t, schedule, torch.zeros(x.shape))"),),
    ),
    "refine-in-half-precision": ("refine", ((LAST, "torch.zeros_like(x))\n    return x.bfloat16().float()"),)),
}
