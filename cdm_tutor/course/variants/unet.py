"""Correct solutions of lesson 03, written differently."""

from cdm_tutor.course.lesson import Variant

VARIANTS = [
    Variant(
        "embedding-by-powers",
        (
            (
                "torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)",
                "10000.0 ** (torch.arange(half, device=t.device) / -half)",
            ),
            ("angles = t[:, None] * rates", "angles = torch.outer(t.float(), rates)"),
        ),
    ),
    Variant(
        "embedding-in-float64",
        (
            ("torch.arange(half, device=t.device)", "torch.arange(half, device=t.device).double()"),
            (
                "torch.cat([angles.cos(), angles.sin()], dim=1)",
                "torch.view_as_real(torch.polar(torch.ones_like(angles), angles)).transpose(1, 2).flatten(1).float()",
            ),
        ),
    ),
    Variant(
        "embedding-in-loops",
        (
            (
                "return torch.cat([angles.cos(), angles.sin()], dim=1)",
                "rows = []\n"
                "    for step in t.tolist():\n"
                "        own = [step / 10000 ** (i / half) for i in range(half)]\n"
                "        rows.append([*map(math.cos, own), *map(math.sin, own)])\n"
                "    return torch.tensor(rows, device=t.device)",
            ),
        ),
    ),
    Variant(
        "embedding-in-numpy",
        (
            (
                "    rates = torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)\n"
                "    angles = t[:, None] * rates\n"
                "    return torch.cat([angles.cos(), angles.sin()], dim=1)\n",
                "    import numpy as np\n\n"
                "    angles = np.outer(t.cpu().numpy(), 10000.0 ** (-np.arange(half) / half))\n"
                "    rows = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)\n"
                "    return torch.from_numpy(rows).float().to(t.device)\n",
            ),
        ),
    ),
    Variant(
        "zeroed-by-name",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                "    module.weight.data.zero_()\n    nn.init.constant_(module.bias, 0.0)\n",
            ),
        ),
    ),
    Variant(
        "zeroed-with-new-parameters",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                "    module.weight = nn.Parameter(torch.zeros_like(module.weight))\n"
                "    module.bias = nn.Parameter(torch.zeros_like(module.bias))\n",
            ),
        ),
    ),
    Variant(
        "block-by-functions",
        (
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "h = F.group_norm(h, 8, self.norm2.weight, self.norm2.bias)\n"
                "        h = torch.addcmul(h + shift, h, scale)",
            ),
            ("self.conv2(F.silu(h))", "F.conv2d(h * h.sigmoid(), self.conv2.weight, self.conv2.bias, padding=1)"),
        ),
    ),
    Variant(
        "block-norm-by-hand",
        (
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "g = h.unflatten(1, (8, -1))\n"
                "        variance, mean = torch.var_mean(g, dim=(2, 3, 4), correction=0, keepdim=True)\n"
                "        h = ((g - mean) / (variance + self.norm2.eps) ** 0.5).flatten(1, 2)\n"
                "        h = h * self.norm2.weight.view(-1, 1, 1) + self.norm2.bias.view(-1, 1, 1)\n"
                "        h = h + scale * h + shift",
            ),
        ),
    ),
    Variant(
        "block-split-in-views",
        (
            (
                "scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)",
                "scale, shift = self.time(time).view(len(x), 2, -1, 1, 1).unbind(1)",
            ),
        ),
    ),
    Variant(
        "attention-einsum",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "weights = (torch.einsum('bic,bjc->bij', q, k) / math.sqrt(q.shape[2])).softmax(dim=2)\n"
                "        attended = torch.einsum('bij,bjc->bic', weights, v)",
            ),
        ),
    ),
    Variant(
        "attention-softmax-by-hand",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "scores = q @ k.transpose(1, 2) * q.shape[2] ** -0.5\n"
                "        weights = torch.exp(scores - scores.amax(dim=2, keepdim=True))\n"
                "        attended = (weights / weights.sum(dim=2, keepdim=True)) @ v",
            ),
        ),
    ),
    Variant(
        "attention-image-by-image",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "attended = torch.stack([\n"
                "            torch.softmax(mine @ theirs.T / mine.shape[1] ** 0.5, dim=-1) @ values\n"
                "            for mine, theirs, values in zip(q, k, v)\n"
                "        ])",
            ),
        ),
    ),
    Variant(
        "attention-channels-first",
        (
            (
                "self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)",
                "self.qkv(self.norm(x)).flatten(2).chunk(3, dim=1)",
            ),
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "weights = torch.softmax(k.transpose(1, 2) @ q / q.shape[1] ** 0.5, dim=1)\n"
                "        attended = v @ weights",
            ),
            ("attended.transpose(1, 2).reshape(x.shape)", "attended.unflatten(2, x.shape[2:])"),
        ),
    ),
    Variant(
        "attention-with-heads",
        (
            (
                "F.scaled_dot_product_attention(q, k, v)",
                "F.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])[:, 0]",
            ),
        ),
    ),
    Variant(
        "encode-by-the-other-kind",
        (
            (
                "            if isinstance(layer, ResidualBlock):\n"
                "                h = layer(h, time)\n"
                "                skips.append(h)\n"
                "            else:\n"
                "                h = layer(h)\n"
                "        return h, skips\n",
                "            halves = isinstance(layer, nn.Conv2d)\n"
                "            h = layer(h) if halves else layer(h, time)\n"
                "            if not halves:\n"
                "                skips = [*skips, h]\n"
                "        return h, skips\n",
            ),
        ),
    ),
    Variant(
        "encode-copies-its-skips",
        (("                skips.append(h)\n", "                skips.append(h.clone())\n"),),
    ),
    Variant(
        "decode-with-an-iterator",
        (
            ("        for layer in self.up:\n", "        left = iter(skips[::-1])\n        for layer in self.up:\n"),
            ("torch.cat([h, skips.pop()], dim=1)", "torch.cat((h, next(left)), 1)"),
        ),
    ),
    Variant(
        "decode-fills-a-buffer",
        (
            (
                "                h = layer(torch.cat([h, skips.pop()], dim=1), time)\n",
                "                skip = skips.pop()\n"
                "                both = h.new_zeros(len(h), h.shape[1] + skip.shape[1], *h.shape[2:])\n"
                "                both[:, : h.shape[1]] = h\n"
                "                both[:, h.shape[1] :] = skip\n"
                "                h = layer(both, time)\n",
            ),
        ),
    ),
    Variant(
        "unet-folds-by-views",
        (
            (
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)",
                "f = self.fold\n"
                "        squares = x_t.unflatten(3, (-1, f)).unflatten(2, (-1, f))\n"
                "        folded = squares.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)\n"
                "        h, skips = self.encode(self.conv_in(folded), time)",
            ),
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "squares = self.conv_out(F.silu(self.norm_out(h))).unflatten(1, (-1, f, f))\n"
                "        return squares.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)",
            ),
        ),
    ),
    Variant(
        "unet-unfolds-by-fold",
        (
            (
                "self.conv_in(F.pixel_unshuffle(x_t, self.fold))",
                "self.conv_in(\n"
                "            F.unfold(x_t, self.fold, stride=self.fold).unflatten(2, [side // self.fold for side in "
                "x_t.shape[2:]])\n"
                "        )",
            ),
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "out = self.conv_out(F.silu(self.norm_out(h))).flatten(2)\n"
                "        return F.fold(out, x_t.shape[2:], self.fold, stride=self.fold)",
            ),
        ),
    ),
    Variant(
        "unet-without-conversion",
        (("timestep_embedding(t, self.time_dim).to(x_t.dtype)", "timestep_embedding(t, self.time_dim)"),),
    ),
]
