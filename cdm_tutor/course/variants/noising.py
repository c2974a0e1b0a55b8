"""Correct solutions of lesson 02, written differently."""

from cdm_tutor.course.lesson import Variant

IMPORTS = ("from torch import Tensor\n", "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor\n")
GATHER = "return table[t].reshape(-1, 1, 1, 1)"
NOISE = "    signal, sigma = _mix(t, x0, noise, schedule)\n    return signal * x0 + sigma * noise"  # q_sample
LOSS = "return (model(q_sample(x0, t, noise, schedule), t) - target).square().flatten(1).mean(dim=1)"

VARIANTS = [
    Variant("gather-none", ((GATHER, "return table[t][:, None, None, None]"),)),
    Variant("gather-any-dimensions", ((GATHER, "return table[t].reshape(-1, *[1] * (like.ndim - 1))"),)),
    Variant(
        "gather-unsqueezed",
        (
            (
                GATHER,
                "found = table.index_select(0, t)\n"
                "    while found.ndim < like.ndim:\n"
                "        found = found.unsqueeze(-1)\n"
                "    return found",
            ),
        ),
    ),
    Variant(
        "gather-with-gather", ((GATHER, "return table.gather(0, t).view((t.shape[0],) + (1,) * (like.dim() - 1))"),)
    ),
    Variant(
        "gather-one-by-one",
        (IMPORTS, (GATHER, "return torch.stack([table[i].expand([1] * (like.ndim - 1)) for i in t.tolist()])")),
    ),
    Variant(
        "gather-one-hot",
        (
            IMPORTS,
            (GATHER, "return (F.one_hot(t, len(table)).to(table) @ table)[(...,) + (None,) * (like.ndim - 1)]"),
            ("if t.shape != like.shape[:1]:", "if len(t) != len(like):"),
        ),
    ),
    Variant(
        "noising-einsum",
        (
            IMPORTS,
            (
                NOISE,
                "    signal, sigma = (each.flatten() for each in _mix(t, x0, noise, schedule))\n"
                '    image = torch.einsum("b,bchw->bchw", signal, x0)\n'
                '    return image + torch.einsum("bchw,b->bchw", noise, sigma)',
            ),
        ),
    ),
    Variant(
        "noising-image-by-image",
        (
            IMPORTS,
            (
                NOISE,
                "    if x0.shape != noise.shape or len(t) != len(x0):\n"
                '        raise ValueError("image, t and noise differ in shape")\n'
                "    x_t = torch.empty_like(x0)\n"
                "    for i, step in enumerate(t.tolist()):\n"
                "        left = schedule.alphas_cumprod[step].item()\n"
                "        x_t[i] = left**0.5 * x0[i] + (1 - left) ** 0.5 * noise[i]\n"
                "    return x_t",
            ),
        ),
    ),
    Variant(
        "noising-in-float64",
        (
            (
                NOISE,
                "    if noise.shape != x0.shape:\n"
                '        raise ValueError("image and noise differ in shape")\n'
                "    alpha_bar = gather(schedule.alphas_cumprod, t, x0).double().expand(x0.shape)\n"
                "    return (alpha_bar.sqrt() * x0.double() + (1 - alpha_bar).sqrt() * noise.double()).to(x0.dtype)",
            ),
        ),
    ),
    Variant(
        "noising-in-place-on-a-copy",
        (
            (
                "return signal * x0 + sigma * noise",
                "x_t = noise.clone().mul_(sigma)\n    x_t += x0 * signal\n    return x_t",
            ),
        ),
    ),
    Variant(
        "x0-by-ratios",
        (("return (x_t - sigma * noise) / signal", "return x_t / signal - noise * sigma / signal"),),
    ),
    Variant(
        "x0-by-log-snr",
        (
            (
                "return (x_t - sigma * noise) / signal",
                "return x_t * signal.reciprocal() - (-gather(schedule.log_snr, t, x_t) / 2).exp() * noise",
            ),
        ),
    ),
    Variant("noise-by-ratios", (("return (x_t - signal * x0) / sigma", "return x_t / sigma - (signal / sigma) * x0"),)),
    Variant(
        "velocity-from-x-t",
        (
            (
                "return signal * noise - sigma * x0",
                "return (signal * q_sample(x0, t, noise, schedule) - x0) / sigma",
            ),
        ),
    ),
    Variant(
        "x0-by-way-of-the-noise",
        (("return signal * x_t - sigma * v", "return predict_x0(x_t, t, sigma * x_t + signal * v, schedule)"),),
    ),
    Variant(
        "loss-by-torch",
        (
            IMPORTS,
            (
                LOSS,
                "answer = model(q_sample(x0, t, noise, schedule), t)\n"
                '    return F.mse_loss(answer, target, reduction="none").mean(dim=(1, 2, 3))',
            ),
        ),
    ),
    Variant(
        "loss-image-by-image",
        (
            IMPORTS,
            (
                LOSS,
                "x_t = q_sample(x0=x0, t=t, noise=noise, schedule=schedule)\n"
                "    both = zip(model(x_t, t), target, strict=True)\n"
                "    return torch.stack([F.mse_loss(truth, answer) for answer, truth in both])",
            ),
        ),
    ),
    Variant(
        "loss-einsum",
        (
            IMPORTS,
            ("    target = training_target(x0, t, noise, schedule, prediction)\n", ""),
            (
                LOSS,
                'target = {"noise": noise, "v": velocity(x0, t, noise, schedule)}[prediction]\n'
                "    off = target - model(q_sample(x0, t, noise, schedule), t)\n"
                '    return torch.einsum("bchw,bchw->b", off, off) / x0[0].numel()',
            ),
        ),
    ),
    Variant(
        "noising-through-numpy",
        (
            IMPORTS,
            (
                NOISE,
                "    both = [each.numpy() for each in (*_mix(t, x0, noise, schedule), x0, noise)]\n"
                "    return torch.from_numpy(both[0] * both[2] + both[1] * both[3])",
            ),
        ),
    ),
    Variant(
        "noising-as-complex-numbers",
        (
            IMPORTS,
            (
                "    signal, sigma = _mix(t, x0, noise, schedule)\n    return signal * noise - sigma * x0",
                "    signal, sigma = _mix(t, x0, noise, schedule)\n"
                "    return (torch.complex(signal, -sigma) * torch.complex(x0, noise)).imag",
            ),
        ),
    ),
    Variant(
        "x0-from-alpha-bar",
        (
            (
                "    signal, sigma = _mix(t, x_t, noise, schedule)\n    return (x_t - sigma * noise) / signal",
                "    if x_t.shape != noise.shape:\n"
                '        raise ValueError("x_t and noise differ in shape")\n'
                "    alpha_bar = gather(schedule.alphas_cumprod, t, x_t)\n"
                "    return (x_t - (1 - alpha_bar) ** 0.5 * noise) * alpha_bar**-0.5",
            ),
        ),
    ),
    Variant(
        "noise-in-flat-rows",
        (
            (
                "return (x_t - signal * x0) / sigma",
                "rows = (each.reshape(len(t), -1) for each in (x_t, x0, signal, sigma))\n"
                "    x_t_rows, x0_rows, signal, sigma = rows\n"
                "    return x_t_rows.sub(signal * x0_rows).div(sigma).reshape(x_t.shape)",
            ),
        ),
    ),
    Variant(
        "loss-of-detached-inputs",
        (
            (
                LOSS,
                "off = model(x_t=q_sample(x0, t, noise, schedule).detach(), t=t).double() - target.detach()\n"
                "    return (off**2).mean((1, 2, 3)).to(x0.dtype)",
            ),
        ),
    ),
]
