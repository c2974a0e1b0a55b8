"""Correct solutions of lesson 06, written differently."""

from cdm_tutor.course.lesson import Variant

LOOP = (
    "for average, weight in zip(ema.parameters(), model.parameters(), strict=True):\n"
    "        average.lerp_(weight, 1 - d)"
)
LERP = "average.lerp_(weight, 1 - d)"
BATCH = (
    "    order = order_of_epoch(len(images), settings.seed, epoch)\n"
    "    chosen = order[number * settings.batch : (number + 1) * settings.batch]\n"
)
MINE = "mine = slice(rank, None, world)"
RETURN = "return images[chosen[mine].to(images.device)], t[mine].to(images.device), noise[mine]"

VARIANTS = [
    Variant(
        "rate-by-half-angle",
        (("(1 + math.cos(math.pi * progress)) / 2\n\n\n", "math.cos(math.pi / 2 * progress) ** 2\n\n\n"),),
    ),
    Variant(
        "rate-in-branches",
        (
            (
                "rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0",
                "rise = 1.0\n    if step + 1 < settings.warmup:\n        rise = (step + 1) / settings.warmup",
            ),
        ),
    ),
    Variant(
        "ema-one-by-one",
        (
            (
                LERP,
                "average.mul_(d).add_(weight, alpha=1 - d)",
            ),
        ),
    ),
    Variant(
        "ema-through-state-dict",
        (
            (
                LOOP,
                "weights = model.state_dict()\n"
                "    ema.load_state_dict({k: d * v + (1 - d) * weights[k] for k, v in ema.state_dict().items()})",
            ),
        ),
    ),
    Variant(
        "ema-all-at-once",  # as the package had it before
        ((LOOP, "torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - d)"),),
    ),
    Variant(
        "order-from-a-generator-of-its-own",
        (
            (
                "order = order_of_epoch(len(images), settings.seed, epoch)",
                "order = torch.randperm(len(images), generator=seeded(settings.seed, 0, epoch))",
            ),
        ),
    ),
    Variant("shares-in-blocks", ((MINE, "mine = torch.arange(settings.batch).tensor_split(world)[rank]"),)),
    Variant(
        "shares-of-the-epoch",  # as files of before have it
        (
            (
                "def draw_batch(",
                "def share_of_epoch(n: int, seed: int, epoch: int, rank: int, world: int) -> Tensor:\n"
                "    from torch.utils.data import DistributedSampler, TensorDataset\n\n"
                "    sampler = DistributedSampler(TensorDataset(torch.arange(n)), world, rank, seed=seed)\n"
                "    sampler.set_epoch(epoch)\n"
                "    return torch.tensor(list(sampler))\n\n\n"
                "def draw_batch(",
            ),
            (BATCH, "    order = share_of_epoch(len(images), settings.seed, epoch, rank, world)\n"),
            (
                MINE,
                "place = rank + world * torch.arange(len(order)) - number * settings.batch\n"
                "    mine = (place >= 0) & (place < settings.batch)\n"
                "    place = place[mine]",
            ),
            (RETURN, "return images[order[mine].to(images.device)], t[place].to(images.device), noise[place]"),
        ),
    ),
    Variant(
        "a-generator-for-each-image",
        (
            (
                "    generator = seeded(settings.seed, 1, step)\n"
                "    t = torch.randint(0, T, (settings.batch,), generator=generator)\n",
                "    generators = [seeded(settings.seed, 2, step, i) for i in range(settings.batch)]\n"
                "    generator = seeded(settings.seed, 3, step)\n"
                "    t = torch.stack([torch.randint(T, (), generator=each) for each in generators])\n",
            ),
            (
                "draw_like(images[: settings.batch], generator)",
                "torch.stack([draw_like(images[0], each) for each in generators])",
            ),
        ),
    ),
    Variant(
        "loaded-one-by-one",
        (
            (
                '        for name in ("model", "ema", "optimizer"):\n'
                "            getattr(self, name).load_state_dict(state[name])\n",
                '        self.optimizer.load_state_dict(state["optimizer"])\n'
                '        self.ema.load_state_dict(state["ema"])\n'
                '        self.model.load_state_dict(state["model"])\n',
            ),
        ),
    ),
    Variant(
        "mean-weighted-by-its-share",
        (("(loss.sum() / settings.batch).backward()", "(loss.mean() * len(part) / settings.batch).backward()"),),
    ),
    Variant(
        "gradients-forgotten-at-the-end",
        (
            ("    training.optimizer.zero_grad()\n    losses = []\n", "    losses = []\n"),
            (
                "    training.optimizer.step()\n",
                "    training.optimizer.step()\n    training.optimizer.zero_grad()\n",
            ),
        ),
    ),
    Variant(
        "clipped-by-hand",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n",
                "    gradients = [p.grad for p in training.model.parameters() if p.grad is not None]\n"
                "    length = math.sqrt(sum(float(g.square().sum()) for g in gradients))\n"
                "    if length > settings.grad_clip:\n"
                "        for g in gradients:\n"
                "            g *= settings.grad_clip / length\n",
            ),
        ),
    ),
    Variant(
        "clipping-raises",
        (
            (
                "    length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)\n"
                '    check_finite("length of the gradient", length, training.step)\n',
                "    parameters = list(training.model.parameters())\n"
                "    try:\n"
                "        nn.utils.clip_grad_norm_(parameters, settings.grad_clip, error_if_nonfinite=True)\n"
                "    except RuntimeError as error:\n"
                "        raise Diverged(str(error)) from error\n",
            ),
            (
                '    check_finite("length of the weights", nn.utils.get_total_norm(training.model.parameters()), '
                "training.step)\n",
                "    if not all(p.isfinite().all() for p in parameters):\n"
                '        raise Diverged("the weights are not finite")\n',
            ),
        ),
    ),
    Variant(
        "average-as-one-vector",
        (
            (
                LOOP,
                "vector = nn.utils.parameters_to_vector\n"
                "    moved = d * vector(ema.parameters()) + (1 - d) * vector(model.parameters())\n"
                "    nn.utils.vector_to_parameters(moved, ema.parameters())",
            ),
        ),
    ),
    Variant(
        "clock-of-the-first-as-a-whole",
        (
            (
                "        training.seconds += distributed.same(time.perf_counter() - start)\n",
                "        training.seconds = distributed.same(training.seconds + time.perf_counter() - start)\n",
            ),
        ),
    ),
    Variant(
        "fit-with-a-break",
        (
            (
                "    while (progress := settings.progress(training.step, training.seconds)) < 1:\n",
                "    while True:\n"
                "        progress = settings.progress(training.step, training.seconds)\n"
                "        if progress >= 1:\n"
                "            return\n",
            ),
            (
                '        training.optimizer.param_groups[0]["lr"] = lr\n',
                '        for group in training.optimizer.param_groups:\n            group["lr"] = lr\n',
            ),
        ),
    ),
]
