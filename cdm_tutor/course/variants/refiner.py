"""Correct solutions of lesson 05, written differently."""

from cdm_tutor.course.lesson import Variant

OTHER = "other = draw_another(noise)"
X_T = "x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule)"
SEEDED = ("import draw_another, draw_like", "import draw_another, draw_like, seeded")
LOSS = "return (model(x_t, t) - target).square().flatten(1).mean(dim=1)"
RENOISE = "return q_sample(x, torch.full((len(x),), t, device=x.device), noise, schedule)"

VARIANTS = [
    Variant("refiner-of-any-depth", (("blocks=(1, 1)", "blocks=(1,) * len(channels)"),)),
    Variant(
        "renoise-from-the-tables",
        (
            (
                RENOISE,
                "signal, sigma = schedule.sqrt_alphas_cumprod[t], schedule.sqrt_one_minus_alphas_cumprod[t]\n"
                "    return signal * x + sigma * noise",
            ),
        ),
    ),
    Variant(
        "renoise-in-float64",
        (
            (
                RENOISE,
                "left = schedule.alphas_cumprod[t].double()\n"
                "    return (left.sqrt() * x + (1 - left).sqrt() * noise).to(x.dtype)",
            ),
        ),
    ),
    Variant("perturbed-with-chance", ((OTHER, "other = torch.randn_like(noise)"),)),
    Variant(
        "perturbed-with-a-generator-that-goes-on",
        (
            (
                "PERTURBATION = 0.1  # standard",
                "CHANCE = torch.Generator().manual_seed(5)\nPERTURBATION = 0.1  # standard",
            ),
            (OTHER, "other = torch.randn(noise.shape, generator=CHANCE).to(noise.device)"),
        ),
    ),
    Variant(
        "perturbed-with-chance-from-the-noise",
        ((OTHER, "seed = int(noise.double().abs().sum() * 1e6)\n    other = draw_like(noise, seeded(seed))"), SEEDED),
    ),
    Variant(
        "perturbed-by-drawing-around-the-noise",
        ((OTHER, ""), (X_T, X_T.replace("noise + PERTURBATION * other", "torch.normal(noise, PERTURBATION)"))),
    ),
    Variant(
        "perturbed-by-the-rank-of-chance",
        (
            (
                OTHER,
                "order = torch.rand(noise.flatten(1).shape).argsort(dim=1).to(noise.device)\n"
                "    other = noise.flatten(1).gather(1, order).reshape(noise.shape)",
            ),
        ),
    ),
    Variant(
        "perturbed-by-a-function-of-its-own",  # as files of before have it
        (
            (
                "def refiner_loss(",
                "def perturb(noise: Tensor) -> Tensor:\n"
                "    shuffled = torch.randperm(noise[0].numel(), generator=seeded(0)).to(noise.device)\n"
                "    return noise + PERTURBATION * noise.flatten(1)[:, shuffled].view_as(noise)\n\n\n"
                "def refiner_loss(",
            ),
            (OTHER, ""),
            (X_T, X_T.replace("noise + PERTURBATION * other", "perturb(noise)")),
            SEEDED,
        ),
    ),
    Variant(
        "perturbed-each-image-its-own-way",
        ((OTHER, "other = torch.stack([row.flatten()[torch.randperm(row.numel())].view_as(row) for row in noise])"),),
    ),
    Variant(
        "refiner-loss-in-einsum",
        (
            (
                LOSS,
                "off = (model(x_t, t) - target).flatten(1)\n"
                "    return torch.einsum('bi,bi->b', off, off) / off[0].numel()",
            ),
        ),
    ),
    Variant("refiner-loss-over-three-dims", ((LOSS, "return ((target - model(x_t, t)) ** 2).mean(dim=(1, 2, 3))"),)),
    Variant(
        "refiner-loss-perturbed-by-hand",
        (
            (
                X_T,
                "sigma = schedule.sqrt_one_minus_alphas_cumprod[t].view(-1, 1, 1, 1)\n"
                "    x_t = q_sample(x0, t, noise, schedule) + sigma * PERTURBATION * other",
            ),
        ),
    ),
    Variant(
        "refiner-loss-with-inputs-off-the-graph",
        (
            (
                X_T,
                f"with torch.no_grad():\n        {X_T}",
            ),
        ),
    ),
    Variant(
        "refiner-steps-zipped",
        (
            (
                "return [(t_start, t_start // 3), (t_start // 3, -1)]",
                "visited = [t_start, (t_start - t_start % 3) // 3, -1]\n"
                "    return list(zip(visited, visited[1:], strict=False))",
            ),
        ),
    ),
    Variant(
        "refine-with-noise-image-by-image",
        (("draw_like(x, generator)", "torch.stack([draw_like(each, generator) for each in x])"),),
    ),
    Variant(
        "refine-by-renoising-the-guess",
        (
            (
                "x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))",
                "x = renoise(guess.pred_x0, prev_t, schedule, guess.pred_noise) if prev_t >= 0 else guess.pred_x0",
            ),
        ),
    ),
    Variant(
        "refine-without-a-loop",
        (
            (
                "    for t, prev_t in steps:\n"
                "        guess = denoise(model, x, t, schedule, prediction)\n"
                "        x = ddim_step(x, guess, prev_t, schedule, torch.zeros_like(x))\n"
                "    return x",
                "    first = denoise(model, x, t_start, schedule, prediction)\n"
                "    x = ddim_step(x, first, steps[0][1], schedule, x)\n"
                "    return denoise(model, x, t_start // 3, schedule, prediction).pred_x0",
            ),
        ),
    ),
]
