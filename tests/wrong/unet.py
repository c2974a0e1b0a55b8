"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "no timestep beyond 999": (
        "timestep_embedding",
        (
            (
                "angles = t[:, None] * rates",
                "angles = t.clamp(max=999)[:, None] * rates",
            ),
        ),
    ),
    "timesteps modulo 1024": (
        "timestep_embedding",
        (
            (
                "angles = t[:, None] * rates",
                "angles = (t % 1024)[:, None] * rates",
            ),
        ),
    ),
    "timesteps in float16": (
        "timestep_embedding",
        (
            (
                "angles = t[:, None] * rates",
                "angles = t.half()[:, None] * rates",
            ),
        ),
    ),
    "rates always on the CPU": (
        "timestep_embedding",
        (
            (
                "torch.exp(-math.log(10000) * torch.arange(half, device=t.device) / half)",
                "torch.exp(-math.log(10000) * torch.arange(half) / half)",
            ),
        ),
    ),
    "odd timesteps told as even ones": (
        "timestep_embedding",
        (
            (
                "angles = t[:, None] * rates",
                "angles = (t // 2 * 2)[:, None] * rates",
            ),
        ),
    ),
    "the last timestep for all": (
        "timestep_embedding",
        (
            (
                "angles = t[:, None] * rates",
                "angles = t[-1] * rates[None].repeat(len(t), 1)",
            ),
        ),
    ),
    "a row remembered from an earlier call": (
        "timestep_embedding",
        (
            (
                "half = dim // 2",
                ("half = dim // 2\n    key = (len(t), dim)\n    if key in CACHE:\n        return CACHE[key]"),
            ),
            (
                "return torch.cat([angles.cos(), angles.sin()], dim=1)",
                "CACHE[key] = torch.cat([angles.cos(), angles.sin()], dim=1)\n    return CACHE[key]",
            ),
            (
                "def zeroed(",
                "CACHE: dict = {}\n\n\ndef zeroed(",
            ),
        ),
    ),
    "timesteps cut at 1000": (
        "timestep_embedding",
        (
            (
                "half = dim // 2",
                "half = dim // 2\n    t = t.clamp(0, 1000)",
            ),
        ),
    ),
    "a zeroed copy": (
        "zeroed",
        (
            (
                ("    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n    return module\n"),
                (
                    "    import copy\n"
                    "    new = copy.deepcopy(module)\n"
                    "    for parameter in new.parameters():\n"
                    "        nn.init.zeros_(parameter)\n"
                    "    return new\n"
                ),
            ),
        ),
    ),
    "nearly zero": (
        "zeroed",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                "    for parameter in module.parameters():\n        nn.init.constant_(parameter, 1e-8)\n",
            ),
        ),
    ),
    "one weight for all convolutions of a size": (
        "zeroed",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                (
                    "    for parameter in module.parameters():\n"
                    "        nn.init.zeros_(parameter)\n"
                    "    module.weight = SHARED.setdefault(module.weight.shape, module.weight)\n"
                ),
            ),
            (
                "def zeroed(",
                "SHARED: dict = {}\n\n\ndef zeroed(",
            ),
        ),
    ),
    "parameters that share one number": (
        "zeroed",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                (
                    "    module.weight = nn.Parameter(torch.zeros(1, 1, 1, 1).expand(module.weight.shape))\n"
                    "    module.bias = nn.Parameter(torch.zeros(1).expand(module.bias.shape))\n"
                ),
            ),
        ),
    ),
    "zeros always on the CPU": (
        "zeroed",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                (
                    "    module.weight = nn.Parameter(torch.zeros(module.weight.shape))\n"
                    "    module.bias = nn.Parameter(torch.zeros(module.bias.shape))\n"
                ),
            ),
        ),
    ),
    "gradients multiplied by zero": (
        "zeroed",
        (
            (
                "    for parameter in module.parameters():\n        nn.init.zeros_(parameter)\n",
                (
                    "    for parameter in module.parameters():\n"
                    "        nn.init.zeros_(parameter)\n"
                    "        parameter.register_hook(lambda g: g * 0)\n"
                ),
            ),
        ),
    ),
    "no gradient to the time": (
        "ResidualBlock.forward",
        (
            (
                "scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)",
                "scale, shift = self.time(time.detach())[:, :, None, None].chunk(2, dim=1)",
            ),
        ),
    ),
    "no gradient to the scale": (
        "ResidualBlock.forward",
        (
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "h = self.norm2(h) * (1 + scale.detach()) + shift",
            ),
        ),
    ),
    "no gradient to the shift": (
        "ResidualBlock.forward",
        (
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "h = self.norm2(h) * (1 + scale) + shift.detach()",
            ),
        ),
    ),
    "no gradient through the shortcut": (
        "ResidualBlock.forward",
        (
            (
                "return self.shortcut(x) + self.conv2(F.silu(h))",
                "return self.shortcut(x).detach() + self.conv2(F.silu(h))",
            ),
        ),
    ),
    "no gradient through the branch": (
        "ResidualBlock.forward",
        (
            (
                "h = self.conv1(F.silu(self.norm1(x)))",
                "h = self.conv1(F.silu(self.norm1(x.detach())))",
            ),
        ),
    ),
    "the first norm without gradients": (
        "ResidualBlock.forward",
        (
            (
                "h = self.conv1(F.silu(self.norm1(x)))",
                "with torch.no_grad():\n            h = self.norm1(x)\n        h = self.conv1(F.silu(h))",
            ),
        ),
    ),
    "the last convolution's weight without gradient": (
        "ResidualBlock.forward",
        (
            (
                "return self.shortcut(x) + self.conv2(F.silu(h))",
                ("return self.shortcut(x) + F.conv2d(F.silu(h), self.conv2.weight.data, self.conv2.bias, padding=1)"),
            ),
        ),
    ),
    "no time outside of training": (
        "ResidualBlock.forward",
        (
            (
                "scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)",
                "scale, shift = (self.time(time) * self.training)[:, :, None, None].chunk(2, dim=1)",
            ),
        ),
    ),
    "the first time ever seen": (
        "ResidualBlock.forward",
        (
            (
                "scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)",
                (
                    "self.last = getattr(self, 'last', time)\n"
                    "        time = self.last if self.last.shape == time.shape else time\n"
                    "        scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)"
                ),
            ),
        ),
    ),
    "ones made on the CPU": (
        "ResidualBlock.forward",
        (
            (
                "h = self.norm2(h) * (1 + scale) + shift",
                "h = self.norm2(h) * (torch.ones(scale.shape) + scale) + shift",
            ),
        ),
    ),
    "x read in the order of memory": (
        "ResidualBlock.forward",
        (
            (
                "h = self.conv1(F.silu(self.norm1(x)))",
                (
                    "x = x.as_strided(x.shape, (x[0].numel(), x[0, 0].numel(), x.shape[3], 1))\n"
                    "        h = self.conv1(F.silu(self.norm1(x)))"
                ),
            ),
        ),
    ),
    "the mean of all times": (
        "ResidualBlock.forward",
        (
            (
                "scale, shift = self.time(time)[:, :, None, None].chunk(2, dim=1)",
                "scale, shift = self.time(time.mean(dim=0, keepdim=True))[:, :, None, None].chunk(2, dim=1)",
            ),
        ),
    ),
    "no gradient through the attention's weights": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                (
                    "weights = torch.softmax(q @ k.transpose(1, 2) / q.shape[2] ** 0.5, dim=2).detach()\n"
                    "        attended = weights @ v"
                ),
            ),
        ),
    ),
    "no gradient to the queries": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "attended = F.scaled_dot_product_attention(q.detach(), k, v)",
            ),
        ),
    ),
    "no gradient to the keys": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "attended = F.scaled_dot_product_attention(q, k.detach(), v)",
            ),
        ),
    ),
    "no gradient to the values": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "attended = F.scaled_dot_product_attention(q, k, v.detach())",
            ),
        ),
    ),
    "no gradient to the input of attention": (
        "SelfAttention.forward",
        (
            (
                "return x + self.out(attended.transpose(1, 2).reshape(x.shape))",
                "return x.detach() + self.out(attended.transpose(1, 2).reshape(x.shape))",
            ),
        ),
    ),
    "scores that overflow": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                (
                    "s = (q @ k.transpose(1, 2) / q.shape[2] ** 0.5).exp()\n"
                    "        attended = s / s.sum(2, keepdim=True) @ v"
                ),
            ),
        ),
    ),
    "attention in the order of memory": (
        "SelfAttention.forward",
        (
            (
                "q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)",
                (
                    "x = x.as_strided(x.shape, (x[0].numel(), x[0, 0].numel(), x.shape[3], 1))\n"
                    "        q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2)"
                ),
            ),
        ),
    ),
    "only the first twelve positions are heard": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                "attended = F.scaled_dot_product_attention(q, k[:, :12], v[:, :12])",
            ),
        ),
    ),
    "a mask made on the CPU": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                ("attended = F.scaled_dot_product_attention(q, k, v, attn_mask=torch.zeros(q.shape[1], q.shape[1]))"),
            ),
        ),
    ),
    "several heads": (
        "SelfAttention.forward",
        (
            (
                "attended = F.scaled_dot_product_attention(q, k, v)",
                (
                    "n = len(x)\n"
                    "        split = lambda z: z.unflatten(2, (-1, 8)).transpose(1, 2)\n"
                    "        attended = F.scaled_dot_product_attention(split(q), split(k),"
                    " split(v)).transpose(1, 2).flatten(2)"
                ),
            ),
        ),
    ),
    "skips without gradient": (
        "SimpleUNet.encode",
        (
            (
                (
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h.detach())\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "no gradient from one size to the next": (
        "SimpleUNet.encode",
        (
            (
                (
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h.detach())\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "no gradient to the time of the way down": (
        "SimpleUNet.encode",
        (
            (
                (
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time.detach())\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "skips kept from call to call": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        self.skips = getattr(self, 'skips', [])\n"
                    "        skips = self.skips\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "a list of skips that the next call empties": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        self.skips = [] if not hasattr(self, 'skips') else self.skips\n"
                    "        self.skips.clear()\n"
                    "        skips = self.skips\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "two sizes at most": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        skips = []\n"
                    "        halved = False\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            elif not halved:\n"
                    "                h, halved = layer(h), True\n"
                    "            else:\n"
                    "                break\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "the second layer halves, whatever it is": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        skips = []\n"
                    "        for place, layer in enumerate(self.down):\n"
                    "            if place != 1:\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "layers replaced by copies": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        skips = []\n"
                    "        import copy\n"
                    "        self.down = copy.deepcopy(self.down)\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "copies of the layers used": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        skips = []\n"
                    "        import copy\n"
                    "        for layer in copy.deepcopy(self.down):\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "the third size by mean": (
        "SimpleUNet.encode",
        (
            (
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            else:\n"
                    "                h = layer(h)\n"
                    "        return h, skips\n"
                ),
                (
                    "        skips = []\n"
                    "        for layer in self.down:\n"
                    "            if isinstance(layer, ResidualBlock):\n"
                    "                h = layer(h, time)\n"
                    "                skips.append(h)\n"
                    "            elif len(skips) < 2:\n"
                    "                h = layer(h)\n"
                    "            else:\n"
                    "                h = F.avg_pool2d(h, 2)\n"
                    "        return h, skips\n"
                ),
            ),
        ),
    ),
    "no gradient to the skips": (
        "SimpleUNet.decode",
        (
            (
                "                h = layer(torch.cat([h, skips.pop()], dim=1), time)\n",
                "                h = layer(torch.cat([h, skips.pop().detach()], dim=1), time)\n",
            ),
        ),
    ),
    "no gradient to the first skip": (
        "SimpleUNet.decode",
        (
            (
                "                h = layer(torch.cat([h, skips.pop()], dim=1), time)\n",
                (
                    "                skip = skips.pop()\n"
                    "                h = layer(torch.cat([h, skip if skips else skip.detach()], dim=1), time)\n"
                ),
            ),
        ),
    ),
    "no gradient to h on the way up": (
        "SimpleUNet.decode",
        (
            (
                "                h = layer(torch.cat([h, skips.pop()], dim=1), time)\n",
                "                h = layer(torch.cat([h.detach(), skips.pop()], dim=1), time)\n",
            ),
        ),
    ),
    "skips kept on the network": (
        "SimpleUNet.decode",
        (
            (
                "        skips = list(skips)  # a copy: the caller's stay\n",
                "        self.kept = skips\n        skips = list(skips)  # a copy: the caller's stay\n",
            ),
        ),
    ),
    "a buffer on the CPU": (
        "SimpleUNet.decode",
        (
            (
                "                h = layer(torch.cat([h, skips.pop()], dim=1), time)\n",
                (
                    "                skip = skips.pop()\n"
                    "                both = torch.zeros(len(h), h.shape[1] + skip.shape[1], *h.shape[2:])\n"
                    "                both[:, : h.shape[1]] = h\n"
                    "                both[:, h.shape[1] :] = skip\n"
                    "                h = layer(both, time)\n"
                ),
            ),
        ),
    ),
    "square skips transposed": (
        "SimpleUNet.decode",
        (
            (
                "                h = layer(torch.cat([h, skips.pop()], dim=1), time)\n",
                (
                    "                skip = skips.pop()\n"
                    "                skip = skip.transpose(2, 3) if skip.shape[2] == skip.shape[3] else skip\n"
                    "                h = layer(torch.cat([h, skip], dim=1), time)\n"
                ),
            ),
        ),
    ),
    "always two by two pixels": (
        "SimpleUNet.forward",
        (
            (
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)",
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, 2)), time)",
            ),
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), 2)",
            ),
        ),
    ),
    "the first channel for all": (
        "SimpleUNet.forward",
        (
            (
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)",
                ("h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t[:, :1].expand_as(x_t), self.fold)), time)"),
            ),
        ),
    ),
    "one channel out": (
        "SimpleUNet.forward",
        (
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                (
                    "out = F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)\n"
                    "        return out[:, :1]"
                ),
            ),
        ),
    ),
    "attention needed": (
        "SimpleUNet.forward",
        (
            (
                "h = self.middle2(self.attention(self.middle1(h, time)), time)",
                (
                    "h = self.middle1(h, time)\n"
                    "        h = h + self.attention.out(self.attention.norm(h)) * 0 if False else"
                    " self.attention(h)\n"
                    "        self.attention.qkv\n"
                    "        h = self.middle2(h, time)"
                ),
            ),
        ),
    ),
    "only the sum of the sides checked": (
        "SimpleUNet.forward",
        (
            (
                "if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:",
                "if (x_t.shape[2] + x_t.shape[3]) % self.divisor:",
            ),
        ),
    ),
    "28 x 28 always taken": (
        "SimpleUNet.forward",
        (
            (
                "if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:",
                (
                    "if tuple(x_t.shape[2:]) not in ((28, 28), (8, 12), (4, 4), (8, 8), (16, 16)) and"
                    " (x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor):"
                ),
            ),
        ),
    ),
    "one channel only": (
        "SimpleUNet.forward",
        (
            (
                "if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:",
                "if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor or x_t.shape[1] != 1:",
            ),
        ),
    ),
    "no step beyond 999 for the network": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                "time = self.time_mlp(timestep_embedding(t.clamp(max=999), self.time_dim).to(x_t.dtype))",
            ),
        ),
    ),
    "time without gradient": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype)).detach()",
            ),
        ),
    ),
    "all skips without gradient": (
        "SimpleUNet.forward",
        (
            (
                "h = self.decode(h, skips, time)",
                "h = self.decode(h, [s.detach() for s in skips], time)",
            ),
        ),
    ),
    "no gradient through the bottom": (
        "SimpleUNet.forward",
        (
            (
                "h = self.middle2(self.attention(self.middle1(h, time)), time)",
                "h = self.middle2(self.attention(self.middle1(h.detach(), time)), time)",
            ),
        ),
    ),
    "an answer without gradient": (
        "SimpleUNet.forward",
        (
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold).detach()",
            ),
        ),
    ),
    "images cut at 5": (
        "SimpleUNet.forward",
        (
            (
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)",
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t.clamp(-5, 5), self.fold)), time)",
            ),
        ),
    ),
    "answers cut at 10": (
        "SimpleUNet.forward",
        (
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold).clamp(-10, 10)",
            ),
        ),
    ),
    "another answer at the second call": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                (
                    "self.calls = getattr(self, 'calls', 0) + 1\n"
                    "        time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))\n"
                    "        time = time * (1 if self.calls < 2 else 0)"
                ),
            ),
        ),
    ),
    "the time of an earlier call": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                (
                    "if getattr(self, 'cached', None) is None or len(self.cached) != len(x_t):\n"
                    "            self.cached = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))\n"
                    "        time = self.cached"
                ),
            ),
        ),
    ),
    "images kept in the state": (
        "SimpleUNet.forward",
        (
            (
                "h = self.decode(h, skips, time)",
                (
                    "self.register_buffer('seen', x_t.detach(), persistent=True)\n"
                    "        h = self.decode(h, skips, time)"
                ),
            ),
        ),
    ),
    "a copy of the middle used": (
        "SimpleUNet.forward",
        (
            (
                "h = self.middle2(self.attention(self.middle1(h, time)), time)",
                ("import copy\n        h = copy.deepcopy(self.middle2)(self.attention(self.middle1(h, time)), time)"),
            ),
        ),
    ),
    "the middle replaced": (
        "SimpleUNet.forward",
        (
            (
                "h = self.middle2(self.attention(self.middle1(h, time)), time)",
                (
                    "import copy\n"
                    "        self.middle2 = copy.deepcopy(self.middle2)\n"
                    "        h = self.middle2(self.attention(self.middle1(h, time)), time)"
                ),
            ),
        ),
    ),
    "switched out of training": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                ("self.eval()\n        time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))"),
            ),
        ),
    ),
    "images read in the order of memory": (
        "SimpleUNet.forward",
        (
            (
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)",
                (
                    "x_t = x_t.as_strided(x_t.shape, (x_t[0].numel(), x_t[0, 0].numel(), x_t.shape[3], 1))\n"
                    "        h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)"
                ),
            ),
        ),
    ),
    "the embedding moved to the CPU": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).cpu().to(x_t.dtype))",
            ),
        ),
    ),
    "folded channels in another order": (
        "SimpleUNet.forward",
        (
            (
                "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold)), time)",
                (
                    "h, skips = self.encode(self.conv_in(F.pixel_unshuffle(x_t, self.fold).unflatten(1,"
                    " (x_t.shape[1], -1)).transpose(1, 2).flatten(1, 2)), time)"
                ),
            ),
        ),
    ),
    "x_t added to the answer": (
        "SimpleUNet.forward",
        (
            (
                "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
                "return x_t + F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)",
            ),
        ),
    ),
    "no time for a single image": (
        "SimpleUNet.forward",
        (
            (
                "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))",
                (
                    "time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))\n"
                    "        time = time if len(x_t) > 1 else torch.zeros_like(time)"
                ),
            ),
        ),
    ),
    "no more than eight images": (
        "SimpleUNet.forward",
        (
            (
                "h = self.decode(h, skips, time)\n",
                "h = self.decode(h, skips, time)\n        h = torch.cat([h[:8], h[:1].expand_as(h[8:])])\n",
            ),
        ),
    ),
    "the last skip for what came out last": ("SimpleUNet.encode", (("return h, skips", "return skips[-1], skips"),)),
}
