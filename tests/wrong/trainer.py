"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

LOOP = (
    "    for average, weight in zip(ema.parameters(), model.parameters(), strict=True):\n"
    "        average.lerp_(weight, 1 - d)\n"
)
ORDER = "    return torch.randperm(n, generator=torch.Generator().manual_seed(seed + epoch))\n"
NOISE = "    noise = draw_like(images[: settings.batch], generator)\n"
RETURN = "    return images[chosen[mine].to(images.device)], t[mine].to(images.device), noise[mine]\n"

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "rate: warm-up of 200 whatever asked": (
        "learning_rate",
        (
            (
                "rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0",
                "rise = min(1.0, (step + 1) / 200) if settings.warmup else 1.0",
            ),
        ),
    ),
    "rate: next step's": (
        "learning_rate",
        (
            (
                "rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0",
                "rise = min(1.0, (step + 2) / settings.warmup) if settings.warmup else 1.0",
            ),
        ),
    ),
    "rate: default lr": (
        "learning_rate",
        (
            (
                "    return settings.lr * rise",
                "    return 3e-3 * rise",
            ),
        ),
    ),
    "rate: fall by steps": (
        "learning_rate",
        (
            (
                "math.cos(math.pi * progress)",
                "math.cos(math.pi * min(1, step / (settings.steps or 10**9)))",
            ),
        ),
    ),
    "rate: warm-up of at least one": (
        "learning_rate",
        (
            (
                "rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0",
                "rise = min(1.0, (step + 1) / (settings.warmup + 1))",
            ),
        ),
    ),
    "average: top module's own parameters": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in zip(ema.parameters(recurse=False), model.parameters(recurse=False)):\n"
                "        a.lerp_(w, 1 - d)\n",
            ),
        ),
    ),
    "average: first layers only": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in list(zip(ema.parameters(), model.parameters()))[:2]:\n        a.lerp_(w, 1 - d)\n",
            ),
        ),
    ),
    "average: not the last": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in list(zip(ema.parameters(), model.parameters()))[:-1] or "
                "[(next(ema.parameters()), next(model.parameters()))]:\n"
                "        a.lerp_(w, 1 - d)\n",
            ),
        ),
    ),
    "average: children only": (
        "update_ema",
        (
            (
                LOOP,
                "    for e, m in zip(ema.children(), model.children()):\n"
                "        for a, w in zip(e.parameters(), m.parameters()):\n"
                "            a.lerp_(w, 1 - d)\n",
            ),
        ),
    ),
    "average: only matrices": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in zip(ema.parameters(), model.parameters()):\n"
                "        if a.ndim > 1:\n"
                "            a.lerp_(w, 1 - d)\n",
            ),
        ),
    ),
    "average: vectors only": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in zip(ema.parameters(), model.parameters()):\n"
                "        if a.ndim < 2:\n"
                "            a.lerp_(w, 1 - d)\n",
            ),
        ),
    ),
    "average: decay 0.999": (
        "update_ema",
        (
            (
                "    d = min(decay, (1 + step) / (10 + step))\n",
                "    d = min(0.999, (1 + step) / (10 + step))\n",
            ),
        ),
    ),
    "average: data replaced by the network's": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in zip(ema.parameters(), model.parameters()):\n"
                "        a.data = w.data.lerp_(a.data, d)\n",
            ),
        ),
    ),
    "average: new data object": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in zip(ema.parameters(), model.parameters()):\n"
                "        w.data = a.data = d * a.data + (1 - d) * w.data\n",
            ),
        ),
    ),
    "average: loses digits": (
        "update_ema",
        (
            (
                LOOP,
                "    for a, w in zip(ema.parameters(), model.parameters()):\n"
                "        a.copy_(a.float().lerp(w.float(), 1 - d))\n",
            ),
        ),
    ),
    "average: state kept": (
        "update_ema",
        (
            (
                LOOP,
                "    step = vars(update_ema).setdefault('n', 0)\n"
                "    update_ema.n += 1\n"
                "    torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - "
                "min(decay, (1 + step) / (10 + step)))\n",
            ),
        ),
    ),
    "average: with grad": (
        "update_ema",
        (
            (
                "@torch.no_grad()\ndef update_ema",
                "def update_ema",
            ),
            (
                LOOP,
                "    for a, w in zip(ema.parameters(), model.parameters()):\n"
                "        a.requires_grad_(True)\n"
                "        a.data.lerp_(w.data, 1 - d)\n",
            ),
        ),
    ),
    "average: weights of the last time": (
        "update_ema",
        (
            (
                LOOP,
                "    last = [w.clone() for w in model.parameters()]\n"
                "    old = vars(update_ema.__wrapped__ if hasattr(update_ema, '__wrapped__') "
                "else update_ema).setdefault('old', last)\n"
                "    torch._foreach_lerp_(list(ema.parameters()), old, 1 - d)\n",
            ),
        ),
    ),
    "order: repeats after 3": (
        "draw_batch",
        (
            (
                ORDER,
                ORDER.replace("epoch", "(epoch % 3)"),
            ),
        ),
    ),
    "order: repeats after 2": (
        "draw_batch",
        (
            (
                ORDER,
                ORDER.replace("epoch", "(epoch % 2)"),
            ),
        ),
    ),
    "order: repeats after 10": (
        "draw_batch",
        (
            (
                ORDER,
                ORDER.replace("epoch", "(epoch % 10)"),
            ),
        ),
    ),
    "order: repeats after 100": (
        "draw_batch",
        (
            (
                ORDER,
                ORDER.replace("epoch", "(epoch % 100)"),
            ),
        ),
    ),
    "order: stays after 2": (
        "draw_batch",
        (
            (
                ORDER,
                ORDER.replace("epoch", "min(epoch, 2)"),
            ),
        ),
    ),
    "order: rolled": (
        "draw_batch",
        (
            (
                ORDER,
                "    return torch.randperm(n, generator=seeded(seed)).roll(epoch)\n",
            ),
        ),
    ),
    "order: reversed": (
        "draw_batch",
        (
            (
                ORDER,
                "    o = torch.randperm(n, generator=seeded(seed))\n    return (o.flip(0) if epoch % 2 else o)\n",
            ),
        ),
    ),
    "order: rolled and rev": (
        "draw_batch",
        (
            (
                ORDER,
                "    o = torch.randperm(n, generator=seeded(seed)).roll(epoch // 2)\n"
                "    return (o.flip(0) if epoch % 2 else o)\n",
            ),
        ),
    ),
    "order: shifted numbers": (
        "draw_batch",
        (
            (
                ORDER,
                "    return ((torch.randperm(n, generator=seeded(seed)) + epoch) % n)\n",
            ),
        ),
    ),
    "order: halves apart": (
        "draw_batch",
        (
            (
                ORDER,
                "    g = seeded(seed, epoch)\n"
                "    h = n // 2\n"
                "    return torch.cat([torch.randperm(h, generator=g), h + torch.randperm(n - h, "
                "generator=g)])\n",
            ),
        ),
    ),
    "order: only a few moved": (
        "draw_batch",
        (
            (
                ORDER,
                "    o = torch.arange(n)\n"
                "    g = seeded(seed, epoch)\n"
                "    o[:4] = o[:4][torch.randperm(4, generator=g)]\n"
                "    return o\n",
            ),
        ),
    ),
    "order: global generator": (
        "draw_batch",
        (
            (
                ORDER,
                "    torch.manual_seed(1000 * seed + epoch)\n    return torch.randperm(n)\n",
            ),
        ),
    ),
    "drawn: t repeats within epoch (by number)": (
        "draw_batch",
        (
            (
                "    generator = seeded(settings.seed, 1, step)\n",
                "    generator = seeded(settings.seed, 1, number)\n",
            ),
        ),
    ),
    "drawn: step mod 7": (
        "draw_batch",
        (
            (
                "    generator = seeded(settings.seed, 1, step)\n",
                "    generator = seeded(settings.seed, 1, step % 7)\n",
            ),
        ),
    ),
    "drawn: step mod 100": (
        "draw_batch",
        (
            (
                "    generator = seeded(settings.seed, 1, step)\n",
                "    generator = seeded(settings.seed, 1, step % 100)\n",
            ),
        ),
    ),
    "drawn: step // 2": (
        "draw_batch",
        (
            (
                "    generator = seeded(settings.seed, 1, step)\n",
                "    generator = seeded(settings.seed, 1, step // 2)\n",
            ),
        ),
    ),
    "drawn: noise forgets step": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch], seeded(settings.seed, 2))\n",
            ),
        ),
    ),
    "drawn: noise by number": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch], seeded(settings.seed, 2, number))\n",
            ),
        ),
    ),
    "drawn: t by number": (
        "draw_batch",
        (
            (
                "    t = torch.randint(0, T, (settings.batch,), generator=generator)\n",
                "    t = torch.randint(0, T, (settings.batch,), generator=seeded(settings.seed, 1, number))\n",
            ),
        ),
    ),
    "drawn: noise without seed": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch], seeded(2, step))\n",
            ),
        ),
    ),
    "drawn: pairs of noise": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch], generator)[torch.arange(settings.batch) // 2]\n",
            ),
        ),
    ),
    "drawn: pairs of t": (
        "draw_batch",
        (
            (
                RETURN,
                "    t = t[torch.arange(settings.batch) // 2 * 2]\n" + RETURN,
            ),
        ),
    ),
    "drawn: antithetic noise": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch], generator)\n"
                "    noise[1::2] = -noise[: len(noise) // 2 * 2 : 2]\n",
            ),
        ),
    ),
    "drawn: one channel": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch, :1], generator)\n"
                "    noise = noise.expand(settings.batch, *images.shape[1:])\n",
            ),
        ),
    ),
    "drawn: row noise": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch, :, :1], generator)\n"
                "    noise = noise.expand(settings.batch, *images.shape[1:])\n",
            ),
        ),
    ),
    "drawn: column noise": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = draw_like(images[: settings.batch, :, :, :1], generator)\n"
                "    noise = noise.expand(settings.batch, *images.shape[1:])\n",
            ),
        ),
    ),
    "drawn: focused per process": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = _to_the_middle(t, T, seeded(settings.seed, 1, step, rank))\n",
            ),
        ),
    ),
    "drawn: focused other generator": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = _to_the_middle(t, T, seeded(0))\n",
            ),
        ),
    ),
    "drawn: focused generator forgets step": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = _to_the_middle(t, T, seeded(settings.seed, 9))\n",
            ),
        ),
    ),
    "drawn: focused global": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = _to_the_middle(t, T, torch.default_generator)\n",
            ),
        ),
    ),
    "drawn: focused for 1000": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = _to_the_middle(t, 1000, generator)\n",
            ),
        ),
    ),
    "drawn: focused for 1000 clamped": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = _to_the_middle(t, 1000, generator).clamp(max=T - 1)\n",
            ),
        ),
    ),
    "drawn: focused after sharing": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        pass\n",
            ),
            (
                RETURN,
                "    t = t[mine]\n"
                "    if settings.timesteps == 'focused':\n"
                "        t = _to_the_middle(t, T, generator)\n" + RETURN.replace("t[mine]", "t"),
            ),
        ),
    ),
    "drawn: all focused": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = (T * torch.sigmoid(torch.randn(t.shape, generator=generator))).long()\n",
            ),
        ),
    ),
    "drawn: focused linear": (
        "draw_batch",
        (
            (
                "        t = _to_the_middle(t, T, generator)\n",
                "        t = (T * torch.sigmoid(torch.randn(t.shape, generator=generator) / 2)).long()\n",
            ),
        ),
    ),
    "drawn: focused always": (
        "draw_batch",
        (
            (
                '    if settings.timesteps == "focused":\n',
                "    if True:\n",
            ),
        ),
    ),
    "drawn: t for the share of others": (
        "draw_batch",
        (
            (
                RETURN,
                "    t, noise = t.flip(0), noise if world == 1 else noise.roll(1, 0)\n" + RETURN,
            ),
        ),
    ),
    "drawn: noise rank-rolled": (
        "draw_batch",
        (
            (
                RETURN,
                RETURN.replace("noise[mine]", "noise[mine] if world == 1 else noise[mine].flip(0)"),
            ),
        ),
    ),
    "drawn: t on CPU": (
        "draw_batch",
        (
            (
                RETURN,
                RETURN.replace("t[mine].to(images.device)", "t[mine]"),
            ),
        ),
    ),
    "drawn: noise on CPU": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = torch.randn(images[: settings.batch].shape, generator=generator, dtype=images.dtype)\n",
            ),
        ),
    ),
    "drawn: x0 writes": (
        "draw_batch",
        (
            (
                RETURN,
                "    images.clamp_(-1, 1)\n" + RETURN,
            ),
        ),
    ),
    "drawn: views": (
        "draw_batch",
        (
            (
                RETURN,
                "    x0 = images[chosen[mine]]\n"
                + RETURN.replace("images[chosen[mine].to(images.device)]", "images[: len(x0)].copy_(x0)"),
            ),
        ),
    ),
    "drawn: buffer": (
        "draw_batch",
        (
            (
                RETURN,
                "    b = vars(draw_batch).setdefault((noise.shape, noise.device), torch.empty_like(noise))\n"
                "    noise = b.copy_(noise)\n" + RETURN,
            ),
        ),
    ),
    "drawn: noise same as images' order": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = torch.stack([draw_like(images[0], seeded(settings.seed, 3, int(i))) for i in chosen])\n",
            ),
        ),
    ),
    "drawn: t by image": (
        "draw_batch",
        (
            (
                "    t = torch.randint(0, T, (settings.batch,), generator=generator)\n",
                "    t = torch.randint(0, T, (len(images),), generator=seeded(settings.seed, 3))[chosen]\n",
            ),
        ),
    ),
    "drawn: noise not normal (uniform scaled)": (
        "draw_batch",
        (
            (
                NOISE,
                "    noise = ((torch.rand(images[: settings.batch].shape, generator=generator, "
                "dtype=images.dtype) - 0.5) * 12 ** 0.5)\n",
            ),
        ),
    ),
    "drawn: noise mean removed": (
        "draw_batch",
        (
            (
                RETURN,
                "    noise = noise - noise.mean(dim=(1, 2, 3), keepdim=True)\n" + RETURN,
            ),
        ),
    ),
    "loaded: only model shares": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name])\n"
                '        self.model.load_state_dict(state["model"], assign=True)\n',
            ),
        ),
    ),
    "loaded: ema shares": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name])\n"
                '        self.ema.load_state_dict(state["ema"], assign=True)\n',
            ),
        ),
    ),
    "loaded: both share": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name], **({'assign': "
                "True} if name != 'optimizer' else {}))\n",
            ),
        ),
    ),
    "loaded: popped": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state.pop(name))\n",
            ),
        ),
    ),
    "loaded: new optimiser": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name])\n"
                "        self.optimizer = torch.optim.AdamW(self.model.parameters(), "
                "lr=self.settings.lr, betas=(0.9, 0.99))\n"
                '        self.optimizer.load_state_dict(state["optimizer"])\n'
                "        self.optimizer.state.clear()\n",
            ),
        ),
    ),
    "loaded: copies of modules": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            setattr(self, name, getattr(self, name)) if name == 'optimizer' "
                "else setattr(self, name, copy.deepcopy(getattr(self, name)))\n"
                "            getattr(self, name).load_state_dict(state[name])\n",
            ),
        ),
    ),
    "loaded: ema trained": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name])\n        self.ema.requires_grad_(True)\n",
            ),
        ),
    ),
    "loaded: not strict": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            if name == 'optimizer':\n"
                "                self.optimizer.load_state_dict(state[name])\n"
                "            else:\n"
                "                getattr(self, name).load_state_dict({k: v for k, v in "
                "state[name].items() if '.' not in k}, strict=False)\n",
            ),
        ),
    ),
    "loaded: seconds as int": (
        "Training.load_state_dict",
        (
            (
                'self.step, self.seconds = state["step"], state["seconds"]',
                'self.step, self.seconds = state["step"], int(state["seconds"])',
            ),
        ),
    ),
    "loaded: momentum only": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name])\n"
                "        for s in self.optimizer.state.values():\n"
                '            s["step"].zero_()\n',
            ),
        ),
    ),
    "loaded: second moment lost": (
        "Training.load_state_dict",
        (
            (
                "            getattr(self, name).load_state_dict(state[name])\n",
                "            getattr(self, name).load_state_dict(state[name])\n"
                '        list(self.optimizer.state.values())[-1]["exp_avg"].zero_()\n',
            ),
        ),
    ),
    "step: parts listed first": (
        "train_step",
        (
            (
                "    for part in _parts(training, x0):\n",
                "    for part in list(_parts(training, x0)):\n",
            ),
        ),
    ),
    "step: own parts": (
        "train_step",
        (
            (
                "    for part in _parts(training, x0):\n",
                "    for part in torch.arange(len(x0)).chunk(settings.accumulate):\n",
            ),
        ),
    ),
    "step: own parts with bf16": (
        "train_step",
        (
            (
                "    for part in _parts(training, x0):\n",
                "    for part in torch.arange(len(x0)).chunk(settings.accumulate):\n",
            ),
            (
                "        loss = training.loss(training.network, x0[part], t[part], noise[part], "
                "training.schedule, settings.prediction)\n",
                "        with torch.autocast(x0.device.type, torch.bfloat16, enabled=settings.bf16):\n"
                "            loss = training.loss(training.network, x0[part], t[part], "
                "noise[part], training.schedule, settings.prediction)\n",
            ),
        ),
    ),
    "step: backward after all parts": (
        "train_step",
        (
            (
                "        (loss.sum() / settings.batch).backward()\n        losses.append(loss.detach())\n",
                "        losses.append(loss)\n",
            ),
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    (torch.cat(losses).sum() / settings.batch).backward()\n"
                "    mean, thirds = _summary(torch.cat(losses).detach(), t * 3 // T)\n",
            ),
        ),
    ),
    "step: divided by world again": (
        "train_step",
        (
            (
                "        (loss.sum() / settings.batch).backward()\n",
                "        (loss.sum() / settings.batch / distributed.world_size()).backward()\n",
            ),
        ),
    ),
    "step: multiplied by world": (
        "train_step",
        (
            (
                "        (loss.sum() / settings.batch).backward()\n",
                "        (loss.sum() / settings.batch * distributed.world_size()).backward()\n",
            ),
        ),
    ),
    "step: total of losses again": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n"
                "    mean = float(distributed.total(torch.tensor(mean))) / distributed.world_size()\n",
            ),
        ),
    ),
    "step: own mean": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n"
                "    mean = torch.cat(losses).mean().item()\n",
            ),
        ),
    ),
    "step: own thirds": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n"
                "    own, third = torch.cat(losses), t * 3 // T\n"
                "    thirds = tuple(own[third == i].mean().item() if (third == i).any() else "
                "None for i in range(3))\n",
            ),
        ),
    ),
    "step: finiteness of own share": (
        "train_step",
        (
            (
                '    check_finite("loss", mean, training.step)\n',
                '    check_finite("loss", torch.cat(losses).mean(), training.step)\n',
            ),
        ),
    ),
    "step: everyone's sum over batch": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n"
                "    mean = torch.cat(losses).sum().item() / settings.batch\n",
            ),
        ),
    ),
    "step: only nan": (
        "train_step",
        (
            (
                '    check_finite("loss", mean, training.step)\n',
                "    if math.isnan(mean):\n        raise Diverged('nan')\n",
            ),
            (
                '    check_finite("length of the gradient", length, training.step)\n',
                "    if math.isnan(length):\n        raise Diverged('nan')\n",
            ),
        ),
    ),
    "step: nan gradient only": (
        "train_step",
        (
            (
                '    check_finite("length of the gradient", length, training.step)\n',
                "    if math.isnan(length):\n        raise Diverged('nan')\n",
            ),
        ),
    ),
    "step: loss and weights": (
        "train_step",
        (
            (
                '    check_finite("length of the gradient", length, training.step)\n',
                "",
            ),
        ),
    ),
    "step: no look at weights": (
        "train_step",
        (
            (
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n",
                "",
            ),
        ),
    ),
    "step: weights nan only": (
        "train_step",
        (
            (
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n",
                "    if any(p.isnan().any() for p in training.model.parameters()):\n        raise Diverged('nan')\n",
            ),
        ),
    ),
    "step: first weight only": (
        "train_step",
        (
            (
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n",
                "    if not next(training.model.parameters()).isfinite().all():\n        raise Diverged('nan')\n",
            ),
        ),
    ),
    "step: gradient checked after step": (
        "train_step",
        (
            (
                '    check_finite("length of the gradient", length, training.step)\n',
                "",
            ),
            (
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n",
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n"
                '    check_finite("length of the gradient", length, training.step)\n',
            ),
        ),
    ),
    "step: loss checked after step": (
        "train_step",
        (
            (
                '    check_finite("loss", mean, training.step)\n',
                "",
            ),
            (
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n",
                '    check_finite("length of the weights", '
                "nn.utils.get_total_norm(training.model.parameters()), training.step)\n"
                '    check_finite("loss", mean, training.step)\n',
            ),
            (
                '    check_finite("length of the gradient", length, training.step)\n',
                "",
            ),
        ),
    ),
    "step: ValueError": (
        "train_step",
        (
            (
                '    check_finite("loss", mean, training.step)\n',
                "    if not math.isfinite(mean):\n        raise ValueError('no')\n",
            ),
        ),
    ),
    "step: skips the step silently": (
        "train_step",
        (
            (
                '    check_finite("loss", mean, training.step)\n'
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n"
                '    check_finite("length of the gradient", length, training.step)\n',
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n"
                "    if not math.isfinite(mean) or not math.isfinite(length):\n"
                "        return mean, thirds\n",
            ),
        ),
    ),
    "step: gradient zeroed if not finite": (
        "train_step",
        (
            (
                '    check_finite("length of the gradient", length, training.step)\n',
                "    if not math.isfinite(length):\n"
                "        training.optimizer.zero_grad()\n"
                "        return mean, thirds\n",
            ),
        ),
    ),
    "step: nan_to_num": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    for p in training.model.parameters():\n"
                "        if p.grad is not None:\n"
                "            p.grad.nan_to_num_(0, 0, 0)\n"
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
            ),
        ),
    ),
    "step: clip part by part": (
        "train_step",
        (
            (
                "        (loss.sum() / settings.batch).backward()\n",
                "        (loss.sum() / settings.batch).backward()\n"
                "        nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
            ),
        ),
    ),
    "step: clip with one part only": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), "
                "settings.grad_clip if settings.accumulate == 1 else math.inf)\n",
            ),
        ),
    ),
    "step: clip each parameter": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = sum(nn.utils.clip_grad_norm_([p], settings.grad_clip) for p in "
                "training.model.parameters())\n",
            ),
        ),
    ),
    "step: clip top module only": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(recurse=False), settings.grad_clip)\n",
            ),
        ),
    ),
    "step: clip last layers": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = nn.utils.clip_grad_norm_(list(training.model.parameters())[-1:], settings.grad_clip)\n",
            ),
        ),
    ),
    "step: clip at one": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), 1.0)\n",
            ),
        ),
    ),
    "step: clip l1": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip, 1.0)\n",
            ),
        ),
    ),
    "step: always to length": (
        "train_step",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n"
                "    for p in training.model.parameters():\n"
                "        p.grad *= settings.grad_clip / max(float(min(length, "
                "settings.grad_clip)), 1e-12)\n",
            ),
        ),
    ),
    "step: thirds of 1000": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // 1000)\n",
            ),
        ),
    ),
    "step: thirds by T // 3": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), (t // (T // 3)).clamp(max=2))\n",
            ),
        ),
    ),
    "step: thirds by ceil": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t // -(-T // 3))\n",
            ),
        ),
    ),
    "step: thirds of largest": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // (int(t.max()) + 1))\n",
            ),
        ),
    ),
    "step: thirds by rounding": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), (t * 3 / T).round().long().clamp(max=2))\n",
            ),
        ),
    ),
    "step: thirds reversed": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n    thirds = thirds[::-1]\n",
            ),
        ),
    ),
    "step: zero for none": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n"
                "    thirds = tuple(x or 0.0 for x in thirds)\n",
            ),
        ),
    ),
    "step: mean as tensor": (
        "train_step",
        (
            (
                "    return mean, thirds\n",
                "    return torch.tensor(mean), thirds\n",
            ),
        ),
    ),
    "step: mean of last part": (
        "train_step",
        (
            (
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n",
                "    mean, thirds = _summary(torch.cat(losses), t * 3 // T)\n    mean = losses[-1].mean().item()\n",
            ),
        ),
    ),
    "step: two steps": (
        "train_step",
        (
            (
                "    training.optimizer.step()\n    check_finite(",
                "    training.optimizer.step()\n    training.optimizer.step()\n    check_finite(",
            ),
        ),
    ),
    "step: counts": (
        "train_step",
        (
            (
                "    return mean, thirds\n",
                "    training.step += 1\n    return mean, thirds\n",
            ),
        ),
    ),
    "step: moves average": (
        "train_step",
        (
            (
                "    return mean, thirds\n",
                "    update_ema(training.ema, training.model, training.step, settings.ema_decay)\n"
                "    return mean, thirds\n",
            ),
        ),
    ),
    "step: eval": (
        "train_step",
        (
            (
                "    training.optimizer.zero_grad()\n    losses = []\n",
                "    training.network.eval()\n    training.optimizer.zero_grad()\n    losses = []\n",
            ),
        ),
    ),
    "step: writes x0": (
        "train_step",
        (
            (
                "    training.optimizer.zero_grad()\n    losses = []\n",
                "    x0 = x0.clamp_(-1, 1)\n    training.optimizer.zero_grad()\n    losses = []\n",
            ),
        ),
    ),
    "step: noise scaled in place": (
        "train_step",
        (
            (
                "    training.optimizer.zero_grad()\n    losses = []\n",
                "    noise.mul_(0.99)\n    training.optimizer.zero_grad()\n    losses = []\n",
            ),
        ),
    ),
    "step: x0 for noise swapped parts": (
        "train_step",
        (
            (
                "noise[part], training.schedule",
                "noise[: len(part)], training.schedule",
            ),
        ),
    ),
    "step: zero_grad of own by hand": (
        "train_step",
        (
            (
                "    training.optimizer.zero_grad()\n    losses = []\n",
                "    for p in training.model.parameters(recurse=False):\n        p.grad = None\n    losses = []\n",
            ),
        ),
    ),
    "loop: swallows Diverged": (
        "fit",
        (
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
                "        try:\n"
                "            loss, thirds = train_step(training, x0, t, noise, T)\n"
                "        except Diverged:\n"
                "            return\n",
            ),
        ),
    ),
    "loop: skips Diverged": (
        "fit",
        (
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
                "        try:\n"
                "            loss, thirds = train_step(training, x0, t, noise, T)\n"
                "        except Diverged:\n"
                "            training.step += 1\n"
                "            continue\n",
            ),
        ),
    ),
    "loop: Diverged as RuntimeError": (
        "fit",
        (
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
                "        try:\n"
                "            loss, thirds = train_step(training, x0, t, noise, T)\n"
                "        except Diverged as e:\n"
                "            raise RuntimeError(str(e))\n",
            ),
        ),
    ),
    "loop: average before look": (
        "fit",
        (
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n"
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n",
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n"
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
            ),
        ),
    ),
    "loop: clock of its own": (
        "fit",
        (
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        training.seconds += time.perf_counter() - start\n",
            ),
        ),
    ),
    "loop: clock only this process's, same called": (
        "fit",
        (
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        distributed.same(0.0)\n        training.seconds += time.perf_counter() - start\n",
            ),
        ),
    ),
    "loop: clock started after drawing": (
        "fit",
        (
            ("        start = time.perf_counter()\n", ""),
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
                "        start = time.perf_counter()\n        loss, thirds = train_step(training, x0, t, noise, T)\n",
            ),
        ),
    ),
    "loop: counts the caller's time": (
        "fit",
        (
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
                "    start = time.perf_counter()\n"
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
            ),
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n"
                "        start = time.perf_counter()\n",
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
            ),
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        now = time.perf_counter()\n"
                "        training.seconds += distributed.same(now - start)\n"
                "        start = now\n",
            ),
        ),
    ),
    "loop: counts from the first": (
        "fit",
        (
            (
                "    T = settings.t_below or len(training.schedule)\n",
                "    T = settings.t_below or len(training.schedule)\n"
                "    begin, had = time.perf_counter(), training.seconds\n",
            ),
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        training.seconds = had + distributed.same(time.perf_counter() - begin)\n",
            ),
        ),
    ),
    "loop: process_time": (
        "fit",
        (
            (
                "        start = time.perf_counter()\n",
                "        start = time.process_time()\n",
            ),
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        training.seconds += distributed.same(time.process_time() - start)\n",
            ),
        ),
    ),
    "loop: clock twice": (
        "fit",
        (
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        training.seconds += distributed.same(time.perf_counter() - start)\n"
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
            ),
        ),
    ),
    "loop: t_below in drawing only": (
        "fit",
        (
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
                "        loss, thirds = train_step(training, x0, t, noise, len(training.schedule))\n",
            ),
        ),
    ),
    "loop: t_below in training only": (
        "fit",
        (
            (
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)\n",
                "        x0, t, noise = draw_batch(images, training.step, "
                "len(training.schedule), settings, rank, world)\n",
            ),
        ),
    ),
    "loop: t_below + 1": (
        "fit",
        (
            (
                "    T = settings.t_below or len(training.schedule)\n",
                "    T = settings.t_below + 1 if settings.t_below else len(training.schedule)\n",
            ),
        ),
    ),
    "loop: T 1000": (
        "fit",
        (
            (
                "    T = settings.t_below or len(training.schedule)\n",
                "    T = settings.t_below or 1000\n",
            ),
        ),
    ),
    "loop: T last": (
        "fit",
        (
            (
                "    T = settings.t_below or len(training.schedule)\n",
                "    T = settings.t_below or len(training.schedule) - 1\n",
            ),
        ),
    ),
    "loop: decay 0.999": (
        "fit",
        (
            (
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n",
                "        update_ema(training.ema, training.model, training.step, 0.999)\n",
            ),
        ),
    ),
    "loop: decay default": (
        "fit",
        (
            (
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n",
                "        update_ema(training.ema, training.model, training.step, TrainSettings().ema_decay)\n",
            ),
        ),
    ),
    "loop: average step + 1": (
        "fit",
        (
            (
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n",
                "        update_ema(training.ema, training.model, training.step + 1, settings.ema_decay)\n",
            ),
        ),
    ),
    "loop: average every other": (
        "fit",
        (
            (
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n",
                "        if training.step % 2 == 0:\n"
                "            update_ema(training.ema, training.model, training.step, "
                "settings.ema_decay)\n",
            ),
        ),
    ),
    "loop: average young only": (
        "fit",
        (
            (
                "        update_ema(training.ema, training.model, training.step, settings.ema_decay)\n",
                "        if training.step < 4:\n"
                "            update_ema(training.ema, training.model, training.step, "
                "settings.ema_decay)\n",
            ),
        ),
    ),
    "loop: rate of next step": (
        "fit",
        (
            (
                "lr = learning_rate(training.step, progress, settings)",
                "lr = learning_rate(training.step + 1, progress, settings)",
            ),
        ),
    ),
    "loop: rate without progress": (
        "fit",
        (
            (
                "lr = learning_rate(training.step, progress, settings)",
                "lr = learning_rate(training.step, training.step / (settings.steps or 10**9), settings)",
            ),
        ),
    ),
    "loop: rank 0 always": (
        "fit",
        (
            (
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)\n",
                "        x0, t, noise = draw_batch(images, training.step, T, settings, 0, world)\n",
            ),
        ),
    ),
    "loop: world 1": (
        "fit",
        (
            (
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)\n",
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, 1)\n",
            ),
        ),
    ),
    "loop: batch per process": (
        "fit",
        (
            (
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)\n",
                "        x0, t, noise = draw_batch(images, training.step, T, "
                "__import__('dataclasses').replace(settings, batch=settings.batch // world), "
                "rank, world)\n",
            ),
        ),
    ),
    "loop: progress before": (
        "fit",
        (
            (
                "        progress = settings.progress(training.step, training.seconds)\n        yield",
                "        yield",
            ),
        ),
    ),
    "loop: seconds of the step": (
        "fit",
        (
            (
                "Step(training.step, loss, thirds, lr, progress, training.seconds)",
                "Step(training.step, loss, thirds, lr, progress, time.perf_counter() - start)",
            ),
        ),
    ),
    "loop: thirds left out": (
        "fit",
        (
            (
                "Step(training.step, loss, thirds, lr, progress, training.seconds)",
                "Step(training.step, loss, (None, None, None), lr, progress, training.seconds)",
            ),
        ),
    ),
    "loop: own step counter": (
        "fit",
        (
            (
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)\n",
                "        x0, t, noise = draw_batch(images, training.step % 4, T, settings, rank, world)\n",
            ),
        ),
    ),
    "loop: batch by loop counter": (
        "fit",
        (
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
                "    number = -1\n    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
            ),
            (
                "        x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)\n",
                "        number += 1\n        x0, t, noise = draw_batch(images, number, T, settings, rank, world)\n",
            ),
        ),
    ),
    "loop: Step numbers from loop": (
        "fit",
        (
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
                "    number = 0\n    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
            ),
            (
                "Step(training.step, loss, thirds, lr, progress, training.seconds)",
                "Step(number, loss, thirds, lr, progress, training.seconds)",
            ),
            (
                "        training.step += 1\n",
                "        training.step += 1\n        number += 1\n",
            ),
        ),
    ),
    "loop: list": (
        "fit",
        (
            (
                "    settings, rank, world = training.settings, distributed.rank(), distributed.world_size()\n",
                "    return iter(list(_fit(training, images)))\n"
                "\n"
                "\n"
                "def _fit(training, images):\n"
                "    settings, rank, world = training.settings, distributed.rank(), "
                "distributed.world_size()\n",
            ),
        ),
    ),
    "loop: one step ahead": (
        "fit",
        (
            (
                "    settings, rank, world = training.settings, distributed.rank(), distributed.world_size()\n",
                "    it = _fit(training, images)\n"
                "    ahead = next(it, None)\n"
                "    while ahead is not None:\n"
                "        now, ahead = ahead, next(it, None)\n"
                "        yield now\n"
                "\n"
                "\n"
                "def _fit(training, images):\n"
                "    settings, rank, world = training.settings, distributed.rank(), "
                "distributed.world_size()\n",
            ),
        ),
    ),
    "loop: eval": (
        "fit",
        (
            (
                "        loss, thirds = train_step(training, x0, t, noise, T)\n",
                "        loss, thirds = train_step(training, x0, t, noise, T)\n        training.model.eval()\n",
            ),
        ),
    ),
    "loop: writes images": (
        "fit",
        (
            (
                "    settings.check_enough(len(images), world)\n",
                "    settings.check_enough(len(images), world)\n    images.clamp_(-1, 1)\n",
            ),
        ),
    ),
    "loop: rate only of first group": (
        "fit",
        (
            (
                '        training.optimizer.param_groups[0]["lr"] = lr\n',
                '        training.optimizer.param_groups[0]["lr"] = lr if training.step else settings.lr\n',
            ),
        ),
    ),
    "loop: optimizer defaults": (
        "fit",
        (
            (
                '        training.optimizer.param_groups[0]["lr"] = lr\n',
                '        training.optimizer.defaults["lr"] = lr\n',
            ),
        ),
    ),
    "loop: no check": (
        "fit",
        (
            (
                "    settings.check_enough(len(images), world)\n",
                "",
            ),
        ),
    ),
    "loop: check world only": (
        "fit",
        (
            (
                "    settings.check_enough(len(images), world)\n",
                "    if settings.batch < world:\n        raise ValueError('few')\n",
            ),
        ),
    ),
    "loop: ends by steps only": (
        "fit",
        (
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
                "    while (progress := settings.progress(training.step, 0.0 if settings.steps "
                "else training.seconds)) < 1:\n",
            ),
        ),
    ),
    "loop: one more": (
        "fit",
        (
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
                "    while (progress := settings.progress(max(0, training.step - 1), training.seconds)) < 1:\n",
            ),
        ),
    ),
    "train_step: losses kept in half precision": (
        "train_step",
        (("losses.append(loss.detach())", "losses.append(loss.detach().half())"),),
    ),
}
