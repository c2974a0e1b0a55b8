"""Correct solutions of lesson 07, written differently."""

from cdm_tutor.course.lesson import Variant

SUPER = "super().__init__(in_channels, channels, blocks)"
CLASSES = "self.classes = nn.Embedding(CLASSES + 1, self.time_dim)"
ZEROED = "nn.init.zeros_(self.classes.weight)"
OF_TIME = "self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))"
TIME = f"time = {OF_TIME} + self.classes(labels + 1)"
DROP = "return torch.where(chance < DROPPED, NOT_TOLD, labels)"
LABELS = "labels = drop_labels(x0[:, -1, 0, 0].long(), chances(noise))"
TELL = (
    "    def told(x_t: Tensor, t: Tensor) -> Tensor:\n"
    '        """The model, as denoising_loss asks it."""\n'
    "        return model(x_t, t, labels)\n\n"
)
LOSS = "return denoising_loss(told, x0[:, :-1], t, noise[:, :-1], schedule, prediction)"
TOLD = "told = model(x_t, t, labels)"
UNTOLD = "untold = model(x_t, t, torch.full_like(labels, NOT_TOLD))"
INSIDE = "inside = (limits[0] <= t) & (t < limits[1])"
SCALE = "scale = torch.where(inside, guidance_scale, 1.0).to(told.dtype)"
FURTHER = "return torch.lerp(untold, told, scale[:, None, None, None])"
THEN = "then = picture if t < 0 else renoise(picture, t, schedule, noise)"
KEPT = "return torch.where(known, then, x)"
TIMES = "for time in range(times):"
NOISE = "noise = draw_like(x, generator)\n            x_prev = p"
STEP = "x_prev = p_sample(x, denoise(model, x, t, schedule, prediction), prev_t, schedule, noise)"
KNOWN = "x_prev = keep_known(x_prev, picture, known, prev_t, noise, schedule)"
ENOUGH = "            if prev_t < 0 or time == times - 1:\n                break\n"
BACK = "            x = noise_further(x_prev, prev_t, t, schedule, draw_like(x, generator))\n"
DONE = "        x = x_prev\n    return x\n\n\ndef from_sketch("
NOISED = "x = renoise(sketch, t_start, schedule, draw_like(sketch, generator))"
ASK = "ask = partial(denoise, model, schedule=schedule, prediction=prediction)"
WALK = "for _, x_prev in dpm_walk(ask, x, spaced_timesteps(t_start + 1, steps), schedule, generator, 1.0):"
REFUSED = "if not 0 <= t_start < len(schedule):"

VARIANTS = [
    Variant("class-rows-zeroed-by-assignment", ((ZEROED, "self.classes.weight.data = 0 * self.classes.weight.data"),)),
    Variant(
        "class-rows-zeroed-without-a-graph",
        ((ZEROED, "with torch.no_grad():\n            self.classes.weight.fill_(0)"),),
    ),
    Variant(
        "class-rows-from-a-table-of-zeros",
        (
            (CLASSES, "table = torch.zeros(1 + CLASSES, 4 * channels[0])"),
            (ZEROED, "self.classes = nn.Embedding.from_pretrained(table, freeze=False)"),
        ),
    ),
    Variant(
        "class-arguments-by-name",
        ((SUPER, "super().__init__(in_channels=in_channels, channels=channels, blocks=blocks)"),),
    ),
    Variant(
        "class-rows-looked-up",
        ((TIME, TIME.replace("self.classes(labels + 1)", "F.embedding(labels + 1, self.classes.weight)")),),
    ),
    Variant(
        "class-rows-indexed", ((TIME, TIME.replace("self.classes(labels + 1)", "self.classes.weight[labels + 1]")),)
    ),
    Variant(
        "class-rows-by-one-hot",
        (
            (
                TIME,
                TIME.replace(
                    "self.classes(labels + 1)",
                    "F.one_hot(labels + 1, CLASSES + 1).to(x_t.dtype) @ self.classes.weight",
                ),
            ),
        ),
    ),
    Variant("class-row-first", ((TIME, f"time = self.classes(labels - NOT_TOLD)\n        time = time + {OF_TIME}"),)),
    Variant(
        "class-labels-checked-after-sizes",
        (
            (
                "        labels = checked_labels(labels, t, len(self.classes.weight) - 1)\n        if x_t",
                "        if x_t",
            ),
            (TIME, TIME.replace("labels + 1", "checked_labels(labels, t) + 1")),
        ),
    ),
    Variant(
        "class-added-through-a-hook",
        (
            (
                TIME,
                "row = self.classes(labels + 1)\n"
                "        hook = self.time_mlp.register_forward_hook(lambda part, inputs, out: out + row)\n"
                "        time = self.time_mlp(timestep_embedding(t, self.time_dim))\n"
                "        hook.remove()",
            ),
        ),
    ),
    Variant("drop-by-masked-fill", ((DROP, "return labels.masked_fill(chance < DROPPED, NOT_TOLD)"),)),
    Variant(
        "drop-in-a-copy",
        ((DROP, "labels = labels.clone()\n    labels[chance < DROPPED] = NOT_TOLD\n    return labels"),),
    ),
    Variant(
        "drop-by-arithmetic",
        ((DROP, "told = (chance >= DROPPED).long()\n    return labels * told + NOT_TOLD * (1 - told)"),),
    ),
    Variant(
        "drop-one-by-one",
        (
            (
                DROP,
                "told = [NOT_TOLD if number < DROPPED else label for label, number in zip(labels.tolist(), chance)]\n"
                "    return torch.tensor(told, dtype=torch.int64, device=labels.device)",
            ),
        ),
    ),
    Variant(
        "conditional-loss-with-a-lambda",
        ((TELL, ""), (LOSS, LOSS.replace("(told,", "(lambda x_t, t: model(x_t, t, labels),"))),
    ),
    Variant(
        "conditional-loss-with-partial",
        ((TELL, ""), (LOSS, LOSS.replace("(told,", "(partial(model, labels=labels),"))),
    ),
    Variant(
        "conditional-loss-of-split-channels",
        (
            (
                LABELS,
                "images, marks = x0[:, : x0.shape[1] - 1], x0[:, x0.shape[1] - 1]\n"
                "    spoils, _ = noise.split([noise.shape[1] - 1, 1], dim=1)\n"
                "    labels = drop_labels(marks.flatten(1).mean(dim=1).round().to(torch.int64), chances(noise))",
            ),
            (LOSS, "return denoising_loss(told, images, t, spoils, schedule, prediction)"),
        ),
    ),
    Variant(
        "conditional-loss-written-out",
        (
            (
                LOSS,
                "images, spoils = x0[:, :-1], noise[:, :-1]\n"
                "    signal = schedule.sqrt_alphas_cumprod[t][:, None, None, None]\n"
                "    sigma = schedule.sqrt_one_minus_alphas_cumprod[t][:, None, None, None]\n"
                '    target = signal * spoils - sigma * images if prediction == "v" else spoils\n'
                "    off = told(signal * images + sigma * spoils, t) - target\n"
                "    return torch.einsum('bchw,bchw->b', off, off) / off[0].numel()",
            ),
        ),
    ),
    Variant(
        "guided-from-untold",
        ((FURTHER, "return untold + scale.view(-1, 1, 1, 1) * (told - untold)"),),
    ),
    Variant(
        "guided-from-told",
        ((FURTHER, "return told + (scale - 1).reshape(-1, 1, 1, 1) * (told - untold)"),),
    ),
    Variant(
        "guided-by-weights",
        ((FURTHER, "w = scale[:, None, None, None]\n    return w * told + (1 - w) * untold"),),
    ),
    Variant(
        "guided-in-one-call",
        (
            (TOLD, ""),
            (
                UNTOLD,
                "both = torch.cat([labels, torch.full_like(labels, NOT_TOLD)])\n"
                "    told, untold = model(torch.cat([x_t, x_t]), torch.cat([t, t]), both).chunk(2)",
            ),
        ),
    ),
    Variant(
        "guided-in-one-call-untold-first",
        (
            (TOLD, ""),
            (
                UNTOLD,
                "both = torch.cat([labels * 0 + NOT_TOLD, labels])\n"
                "    answers = model(x_t.repeat(2, 1, 1, 1), t.repeat(2), both)\n"
                "    untold, told = answers[: len(t)], answers[len(t) :]",
            ),
        ),
    ),
    Variant(
        "guided-in-einsum",
        ((FURTHER, "return untold + torch.einsum('b,bchw->bchw', scale, told - untold)"),),
    ),
    Variant(
        "guided-in-float64",
        (
            (
                FURTHER,
                "further = untold.double() + scale.double()[:, None, None, None] * (told.double() - untold.double())\n"
                "    return further.to(told.dtype)",
            ),
        ),
    ),
    Variant(
        "guided-only-where-it-is-wanted",
        (
            (SCALE, "wanted = inside.view(-1, 1, 1, 1)"),
            (FURTHER, "return torch.where(wanted, untold + guidance_scale * (told - untold), told)"),
        ),
    ),
    Variant(
        "guided-asks-once-where-that-is-enough",
        (
            (
                f"{UNTOLD}\n    {INSIDE}",
                f"{INSIDE}\n    if guidance_scale == 1 or not inside.any():\n        return told.clone()\n    {UNTOLD}",
            ),
        ),
    ),
    Variant(
        "guided-image-by-image",
        (
            (INSIDE, "low, high = limits"),
            (SCALE, ""),
            (
                FURTHER,
                "rows = []\n"
                "    for image, step in enumerate(t.tolist()):\n"
                "        change = told[image] - untold[image]\n"
                "        rows.append(untold[image] + (guidance_scale if low <= step < high else 1) * change)\n"
                "    return torch.stack(rows)",
            ),
        ),
    ),
    Variant(
        "known-as-a-float-mask",
        ((KEPT, "share = known.to(x.dtype)\n    return share * then + (1 - share) * x"),),
    ),
    Variant("known-in-a-copy", ((KEPT, "x = x.clone()\n    x[known] = then[known]\n    return x"),)),
    Variant("known-turned-round", ((KEPT, "return x.where(~known, then)"),)),
    Variant(
        "known-noised-with-levels",
        ((THEN, "signal, sigma = levels(schedule, t)\n    then = signal * picture + sigma * noise"),),
    ),
    Variant(
        "known-in-two-cases",
        (
            (THEN, "if t == -1:\n        return torch.where(known, picture, x)"),
            (KEPT, "return torch.where(known, renoise(picture, t, schedule, noise), x)"),
        ),
    ),
    Variant(
        "complete-with-a-noise-for-each",
        ((KNOWN, KNOWN.replace("noise,", "draw_like(x, generator),")),),
    ),
    Variant(
        "complete-with-noise-image-by-image",
        ((NOISE, NOISE.replace("draw_like(x, generator)", "torch.stack([draw_like(each, generator) for each in x])")),),
    ),
    Variant(
        "complete-goes-back-before-the-step",
        (
            (
                f"        {TIMES}\n",
                f"        {TIMES}\n"
                "            if time > 0 and prev_t < 0:\n"
                "                break\n"
                "            if time > 0:\n"
                "                x = noise_further(x_prev, prev_t, t, schedule, draw_like(x, generator))\n",
            ),
            (ENOUGH + BACK, ""),
        ),
    ),
    Variant(
        "complete-counts-how-often",
        (
            (TIMES, "for left in reversed(range(times if prev_t >= 0 else 1)):"),
            (ENOUGH + BACK, ENOUGH.replace("prev_t < 0 or time == times - 1", "left == 0") + BACK),
        ),
    ),
    Variant(
        "complete-goes-on-in-x",
        (
            (STEP, STEP.replace("x_prev = ", "x = ")),
            (KNOWN, KNOWN.replace("x_prev", "x")),
            (
                ENOUGH + BACK,
                (
                    "            if prev_t >= 0 and time < times - 1:\n"
                    "                x = noise_further(x, prev_t, t, schedule, draw_like(x, generator))\n"
                    "            elif prev_t < 0:\n"
                    "                break\n"
                ),
            ),
            (DONE, DONE.replace("        x = x_prev\n", "")),
        ),
    ),
    Variant(
        "sketch-with-a-function-of-its-own",
        (
            (
                ASK,
                "def ask(x_t: Tensor, t: int):\n        return denoise(model, x_t, t, schedule, prediction)\n",
            ),
        ),
    ),
    Variant(
        "sketch-keeps-the-last-guess",
        ((f"{WALK}\n        x = x_prev", WALK.replace("_, x_prev", "guess, _") + "\n        x = guess.pred_x0"),),
    ),
    Variant(
        "sketch-takes-the-last-of-a-list",
        (
            (
                f"{WALK}\n        x = x_prev\n    return x",
                "visits = spaced_timesteps(t_start + 1, steps)\n"
                "    return list(dpm_walk(ask, x, visits, schedule, generator, 1.0))[-1][1]",
            ),
        ),
    ),
    Variant(
        "sketch-noised-with-levels",
        (
            (
                NOISED,
                "signal, sigma = levels(schedule, t_start)\n"
                "    x = signal * sketch + sigma * torch.stack([draw_like(each, generator) for each in sketch])",
            ),
        ),
    ),
    Variant("sketch-checked-by-range", ((REFUSED, "if t_start not in range(len(schedule)):"),)),
]
