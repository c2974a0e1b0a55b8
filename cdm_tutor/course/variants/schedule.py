"""Correct solutions of lesson 01, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS = [
    Variant(
        "linear-from-formula",
        (
            (
                "torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64).clamp(max=MAX_BETA)",
                "torch.minimum(scale * (1e-4 + (0.02 - 1e-4) * torch.arange(T, dtype=torch.float64) / max(T - 1, 1)), "
                "torch.tensor(MAX_BETA, dtype=torch.float64))",
            ),
        ),
    ),
    Variant(
        "cosine-in-a-loop",
        (
            (
                "return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)",
                "return torch.tensor([min(1 - (f[t + 1] / f[t]).item(), MAX_BETA) for t in range(T)], "
                "dtype=torch.float64)",
            ),
        ),
    ),
    Variant(
        "cosine-by-half-angle",
        (
            (
                "torch.cos((u + offset) / (1 + offset) * math.pi / 2) ** 2",
                "(1 + torch.cos((u + offset) / (1 + offset) * math.pi)) / 2",
            ),
        ),
    ),
    Variant(
        "posterior-from-losses",
        (
            (
                "betas * (1 - alpha_bar_prev) / (1 - alpha_bar)",
                "betas * (1 - (alpha_bar_prev - alpha_bar) / (1 - alpha_bar))",
            ),
        ),
    ),
    Variant(
        "posterior-variance-by-precisions",
        (("betas * (1 - alpha_bar_prev) / (1 - alpha_bar)", "1 / ((1 - betas) / betas + 1 / (1 - alpha_bar_prev))"),),
    ),
    Variant("log-snr-logit", (("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "torch.logit(alpha_bar)"),)),
    Variant(
        "log-snr-of-ratio",
        (("torch.log(alpha_bar) - torch.log1p(-alpha_bar)", "(alpha_bar / (1 - alpha_bar)).log()"),),
    ),
    Variant("alpha-bar-by-logs", (("torch.cumprod(1 - betas, dim=0)", "torch.log1p(-betas).cumsum(0).exp()"),)),
    Variant(
        "alpha-bar-in-a-loop",
        (
            (
                "alpha_bar = torch.cumprod(1 - betas, dim=0)\n",
                "alpha_bar = betas.clone()\n"
                "        left = 1.0\n"
                "        for t, beta in enumerate(betas.tolist()):\n"
                "            left *= 1 - beta\n"
                "            alpha_bar[t] = left\n",
            ),
        ),
    ),
    Variant(
        "previous-rolled",
        (
            (
                "alpha_bar_prev = torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])\n",
                "alpha_bar_prev = alpha_bar.roll(1)\n        alpha_bar_prev[0] = 1.0\n",
            ),
        ),
    ),
    Variant(
        "previous-divided",
        (("torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])", "alpha_bar / (1 - betas)"),),
    ),
    Variant(
        "linear-of-one-step-is-the-last",
        (
            (
                "return torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64)",
                "if T == 1:\n"
                "        return torch.tensor([MAX_BETA], dtype=torch.float64)\n"
                "    rise = (0.02 - 1e-4) * scale / (T - 1)\n"
                "    return torch.tensor([1e-4 * scale + rise * t for t in range(T)], dtype=torch.float64)",
            ),
        ),
    ),
    Variant(
        "cosine-last-beta-set",
        (
            (
                "return (1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)",
                "betas = -torch.expm1(f.log().diff())\n    betas[-1] = MAX_BETA\n    return betas",
            ),
        ),
    ),
    Variant(
        "posterior-first-is-zero",
        (
            (
                '"posterior_variance": betas * (1 - alpha_bar_prev) / (1 - alpha_bar)',
                '"posterior_variance": torch.cat([torch.zeros(1), betas[1:] * (1 - alpha_bar_prev[1:]) / '
                "(1 - alpha_bar[1:])])",
            ),
        ),
    ),
    Variant(
        "log-snr-of-python-floats",
        (
            (
                "torch.log(alpha_bar) - torch.log1p(-alpha_bar)",
                "torch.tensor([math.log(a / (1 - a)) for a in alpha_bar.tolist()], dtype=alpha_bar.dtype)",
            ),
        ),
    ),
    Variant(
        "tables-of-one-stack",
        (
            (
                "return cls(**{name: table.float() for name, table in tables.items()})",
                "return cls(*torch.stack(list(tables.values())).float().unbind())",
            ),
        ),
    ),
]
