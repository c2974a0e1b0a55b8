"""Correct solutions of lesson 05, written differently."""

from cdm_tutor.course.lesson import Variant

SHUFFLED = "shuffled = torch.randperm(noise[0].numel(), generator=seeded(0)).to(noise.device)"
OTHER = "other = noise.flatten(1)[:, shuffled].view_as(noise)"
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
    Variant("perturb-with-chance", ((SHUFFLED, ""), (OTHER, "other = torch.randn_like(noise)"))),
    Variant(
        "perturb-with-a-generator-that-goes-on",
        (
            (
                "PERTURBATION = 0.1  # how",
                "CHANCE = torch.Generator().manual_seed(5)\nPERTURBATION = 0.1  # how",
            ),
            (SHUFFLED, ""),
            (OTHER, "other = torch.randn(noise.shape, generator=CHANCE).to(noise.device)"),
        ),
    ),
    Variant(
        "perturb-with-chance-from-the-noise",
        (
            (SHUFFLED, "own = seeded(int(noise.double().abs().sum() * 1e6))"),
            (OTHER, "other = draw_like(noise, own)"),
        ),
    ),
    Variant(
        "perturb-drawn-around-the-noise",
        (("return noise + PERTURBATION * other", "return torch.normal(noise, PERTURBATION)"),),
    ),
    Variant(
        "perturb-by-the-rank-of-chance",
        (
            (SHUFFLED, "shuffled = torch.rand(noise.flatten(1).shape).argsort(dim=1).to(noise.device)"),
            (OTHER, "other = noise.flatten(1).gather(1, shuffled).reshape(noise.shape)"),
        ),
    ),
    Variant("perturb-shuffled-anew", ((", generator=seeded(0)", ""),)),
    Variant(
        "perturb-each-image-its-own-way",
        (
            (SHUFFLED, ""),
            (OTHER, "other = torch.stack([row.flatten()[torch.randperm(row.numel())].view_as(row) for row in noise])"),
        ),
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
                "x_t = q_sample(x0, t, perturb(noise), schedule)",
                "sigma = schedule.sqrt_one_minus_alphas_cumprod[t].view(-1, 1, 1, 1)\n"
                "    x_t = q_sample(x0, t, noise, schedule) + sigma * (perturb(noise) - noise)",
            ),
        ),
    ),
    Variant(
        "refiner-loss-with-inputs-off-the-graph",
        (
            (
                "x_t = q_sample(x0, t, perturb(noise), schedule)",
                "with torch.no_grad():\n        x_t = q_sample(x0, t, perturb(noise), schedule)",
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
