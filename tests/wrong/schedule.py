"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

EVEN = "torch.linspace(1e-4 * scale, 0.02 * scale, T, dtype=torch.float64)"
SCALE = "    _check_steps(T)\n    scale = 1000 / T\n"
PLACES = "    _check_steps(T)\n    u = torch.arange(T + 1, dtype=torch.float64) / T\n"
SHARE = "(1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)"
POSTERIOR = "betas * (1 - alpha_bar_prev) / (1 - alpha_bar)"
SNR = "torch.log(alpha_bar) - torch.log1p(-alpha_bar)"
CHECK = "        _check_betas(betas)\n"
PREVIOUS = "torch.cat([torch.ones_like(alpha_bar[:1]), alpha_bar[:-1]])"
FLOAT = "**{name: table.float() for name, table in tables.items()}"
SIGMA = '"sqrt_one_minus_alphas_cumprod": (1 - alpha_bar).sqrt()'


def own_check(condition: str) -> tuple[str, str]:
    """Another check of the betas than the reference's."""
    return (
        CHECK,
        f'        if betas.ndim != 1 or not len(betas) or {condition}:\n            raise ValueError("betas")\n',
    )


BODIES: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "linear_betas": {
        "nan with one step": ((EVEN, "(scale * (1e-4 + 0.0199 * torch.arange(T, dtype=torch.float64) / (T - 1)))"),),
        "not below 2e-5, however many steps": ((EVEN, f"{EVEN}.clamp(min=2e-5)"),),
        "more than 2000 steps do no less each": ((SCALE, SCALE.replace("1000 / T", "max(1000 / T, 0.5)")),),
        "both ends in float32": (
            (
                EVEN,
                "torch.linspace(*torch.tensor([1e-4 * scale, 0.02 * scale]).tolist(), T, dtype=torch.float64)",
            ),
        ),
        "a gradient is asked for": ((EVEN, f"{EVEN}.requires_grad_()"),),
        "one step is refused": ((SCALE, SCALE.replace("T)", "T - 1)", 1)),),
        "fewer than 20 steps are refused": ((SCALE, SCALE.replace("T)", "T - 19)", 1)),),
        "the ends are cut, not the betas": ((EVEN, EVEN.replace("0.02 * scale", "min(0.02 * scale, MAX_BETA)")),),
        "a whole number as scale": (("scale = 1000 / T", "scale = max(1000 // T, 1)"),),
        "more than 1000 steps are not weaker": (("scale = 1000 / T", "scale = max(1000 / T, 1)"),),
        "cut at 0.9999": ((f"{EVEN}.clamp(max=MAX_BETA)", f"{EVEN}.clamp(max=0.9999)"),),
        "cut below as well": ((f"{EVEN}.clamp(max=MAX_BETA)", f"{EVEN}.clamp(1e-4, MAX_BETA)"),),
        "only 0 is refused": (
            (SCALE, '    if T == 0:\n        raise ValueError("T")\n    scale = 1000 / T\n'),
            (EVEN, "torch.tensor([scale * (1e-4 + 0.0199 * t / max(T - 1, 1)) for t in range(T)]).double()"),
        ),
        "float32 on the way": ((EVEN, EVEN.replace(", dtype=torch.float64)", ").double()")),),
        "the first T is kept": (
            ("MAX_BETA = 0.999", "KEPT = []\nMAX_BETA = 0.999"),
            ("scale = 1000 / T", "KEPT.append(1000 / T)\n    scale = KEPT[0]"),
        ),
    },
    "cosine_betas": {
        "f in float32": ((SHARE, SHARE.replace("f[1:]", "f.float()[1:].double()")),),
        "divided by what is left after": ((SHARE, "((f[:-1] - f[1:]) / f[1:]).clamp(max=MAX_BETA)"),),
        "the ends are cut, not the betas": ((SHARE, "1 - f[1:].clamp(min=1e-3) / f[:-1].clamp(min=1e-3)"),),
        "cut at 0.9999": ((SHARE, "(1 - f[1:] / f[:-1]).clamp(max=0.9999)"),),
        "cut below as well": ((SHARE, "(1 - f[1:] / f[:-1]).clamp(1e-4, MAX_BETA)"),),
        "an offset of 0 is taken for none": ((PLACES, f"{PLACES}    offset = offset or 0.008\n"),),
        "the offset is rounded": ((PLACES, f"{PLACES}    offset = round(offset, 2)\n"),),
        "large offsets are cut": ((PLACES, f"{PLACES}    offset = min(offset, 0.05)\n"),),
        "another offset if none is given": (("offset: float = 0.008", "offset: float = 0.08"),),
        "the first offset is kept": (
            ("MAX_BETA = 0.999", "KEPT = {}\nMAX_BETA = 0.999"),
            (PLACES, f"{PLACES}    offset = KEPT.setdefault(T, offset)\n"),
        ),
        "only 0 is refused": (("    _check_steps(T)\n    u", '    if T == 0:\n        raise ValueError("T")\n    u'),),
        "wrong with one step": ((PLACES, f"{PLACES}    if T == 1:\n        return (u[1:] / 2)\n"),),
        "pi is short": (("(1 + offset) * math.pi / 2", "(1 + offset) * 3.14159 / 2"),),
    },
    "NoiseSchedule.from_betas": {
        "alpha_bar in float32": (("torch.cumprod(1 - betas, dim=0)", "torch.cumprod(1 - betas.float(), 0).double()"),),
        "sigma from a rounded alpha_bar": ((SIGMA, SIGMA.replace("alpha_bar)", "alpha_bar.float().double())")),),
        "posterior from a rounded alpha_bar": (
            (POSTERIOR, POSTERIOR.replace("- alpha_bar)", "- alpha_bar.float().double())")),
        ),
        "posterior from another alpha_bar": (
            (POSTERIOR, POSTERIOR.replace("alpha_bar_prev", "(1 - betas.roll(1)).cumprod(0)")),
        ),
        "posterior_variance in float32": ((POSTERIOR, POSTERIOR.replace("alpha_bar)", "alpha_bar.float())")),),
        "posterior_variance is not below 1e-20": ((POSTERIOR, f"({POSTERIOR}).clamp(min=1e-20)"),),
        "something small is added below": ((POSTERIOR, POSTERIOR.replace("- alpha_bar)", "- alpha_bar + 1e-8)")),),
        "not less than 1e-3 below": ((POSTERIOR, f"{POSTERIOR}.clamp(min=1e-3)"),),
        "the first is the second's": ((POSTERIOR, f"({POSTERIOR})[[min(1, len(betas) - 1), *range(1, len(betas))]]"),),
        "log_snr from a rounded alpha_bar": ((SNR, "torch.logit(alpha_bar.float().double())"),),
        "log_snr in float32": ((SNR, "torch.logit(alpha_bar.float())"),),
        "log_snr is cut": ((SNR, f"({SNR}).clamp(-15, 15)"),),
        "log_snr is kept off 0 and 1": ((SNR, "torch.logit(alpha_bar, eps=1e-6)"),),
        "log_snr with something small": ((SNR, SNR.replace("log(alpha_bar)", "log(alpha_bar + 1e-8)")),),
        "log_snr in decades": ((SNR, "torch.log10(alpha_bar / (1 - alpha_bar))"),),
        "alpha_bar not below 1e-5": (('": alpha_bar,', '": alpha_bar.clamp(min=1e-5),'),),
        "no more than 1000 steps": (("cumprod(1 - betas, dim=0)", "cumprod(1 - betas[:1000], dim=0)"),),
        "the sum as exponent": (("torch.cumprod(1 - betas, dim=0)", "torch.exp(-betas.cumsum(0))"),),
        "the caller's betas are kept": (
            ("betas = betas.double()\n", "own, betas = betas, betas.double()\n"),
            ('"betas": betas,', '"betas": own,'),
        ),
        "two tables share their memory": (
            (
                FLOAT,
                f'**{{{FLOAT}, "alphas_cumprod": (pad := torch.cat([alpha_bar_prev[:1], alpha_bar]).float())[1:], '
                '"alphas_cumprod_prev": pad[:-1]}',
            ),
        ),
        "the caller's betas are cut": (("betas = betas.double()\n", "betas = betas.clamp_(max=0.5).double()\n"),),
        "betas near 1 are cut": (("betas = betas.double()\n", "betas = betas.double().clamp(max=0.99)\n"),),
        "nothing is refused": ((CHECK, ""),),
        "the ends only are looked at": (own_check("not 0 < betas[0] < 1 or not 0 < betas[-1] < 1"),),
        "negative betas pass": (own_check("betas.isnan().any() or (betas == 0).any() or (betas >= 1).any()"),),
        "betas above 1 pass": (own_check("betas.isnan().any() or (betas <= 0).any() or (betas == 1).any()"),),
        "nan passes": (own_check("betas.min() <= 0 or betas.max() >= 1"),),
        "falling betas are refused": (
            (CHECK, f"{CHECK}        if (betas.diff() < 0).any():\n            raise ValueError\n"),
        ),
        "a column is taken": ((CHECK, f"        betas = betas.squeeze(-1) if betas.ndim == 2 else betas\n{CHECK}"),),
        "a number is taken": ((CHECK, f"        betas = betas.reshape(1) if betas.ndim == 0 else betas\n{CHECK}"),),
        "a gradient is kept": ((FLOAT, FLOAT.replace("float()", "float().requires_grad_()")),),
        "no return": (("        return cls(", "        cls("),),
    },
}
WRONG = {f"{exercise}: {what}": (exercise, patch) for exercise, some in BODIES.items() for what, patch in some.items()}
