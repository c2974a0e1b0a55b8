"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

SUPER = "super().__init__(in_channels, channels, blocks)"
CLASSES = "self.classes = nn.Embedding(CLASSES + 1, self.time_dim)"
ZEROED = "nn.init.zeros_(self.classes.weight)"
CHECKED = "labels = checked_labels(labels, t, len(self.classes.weight) - 1)"
OF_TIME = "self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype))"
TIME = f"time = {OF_TIME} + self.classes(labels + 1)"
MIDDLE = "h = self.middle2(self.attention(self.middle1(h, time)), time)"
UP = "h = self.decode(h, skips, time)"
OUT = "return F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.fold)"
DROP = "return torch.where(chance < DROPPED, NOT_TOLD, labels)"
LABELS = "labels = drop_labels(x0[:, -1, 0, 0].long(), chances(noise))"
TELL = "return model(x_t, t, labels)"
LOSS = "return denoising_loss(told, x0[:, :-1], t, noise[:, :-1], schedule, prediction)"
TOLD = "told = model(x_t, t, labels)"
UNTOLD = "untold = model(x_t, t, torch.full_like(labels, NOT_TOLD))"
INSIDE = "inside = (limits[0] <= t) & (t < limits[1])"
SCALE = "scale = torch.where(inside, guidance_scale, 1.0).to(told.dtype)"
FURTHER = "return torch.lerp(untold, told, scale[:, None, None, None])"
SCALED = "scale[:, None, None, None]"
THEN = "then = picture if t < 0 else renoise(picture, t, schedule, noise)"
KEPT = "return torch.where(known, then, x)"
VISITS = "in spaced_timesteps(len(schedule), steps):"
STARTS = "x = x_T\n"
NOISE = "noise = draw_like(x, generator)\n"
STEP = "x_prev = p_sample(x, denoise(model, x, t, schedule, prediction), prev_t, schedule, noise)"
KNOWN = "x_prev = keep_known(x_prev, picture, known, prev_t, noise, schedule)"
ENOUGH = "if prev_t < 0 or time == times - 1:"
BACK = "x = noise_further(x_prev, prev_t, t, schedule, draw_like(x, generator))"
DONE = "        x = x_prev\n    return x\n\n\ndef from_sketch("
REFUSED = "if not 0 <= t_start < len(schedule):"
NOISED = "x = renoise(sketch, t_start, schedule, draw_like(sketch, generator))"
ASK = "ask = partial(denoise, model, schedule=schedule, prediction=prediction)"
WALK = "for _, x_prev in dpm_walk(ask, x, spaced_timesteps(t_start + 1, steps), schedule, generator, 1.0):"
LAST = f"{WALK}\n        x = x_prev"
GLOBAL = "DROPPED = 0.1  # the share"

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "class-rows-of-ones": (
        "ConditionalUNet.__init__",
        ((ZEROED, "nn.init.ones_(self.classes.weight)"),),
    ),
    "class-rows-small-random": (
        "ConditionalUNet.__init__",
        ((ZEROED, "nn.init.normal_(self.classes.weight, std=0.02)"),),
    ),
    "class-row-0-random": (
        "ConditionalUNet.__init__",
        ((ZEROED, "nn.init.zeros_(self.classes.weight[1:])"),),
    ),
    "class-blocks-as-usual": (
        "ConditionalUNet.__init__",
        ((SUPER, "super().__init__(in_channels, channels)"),),
    ),
    "class-without-attention": (
        "ConditionalUNet.__init__",
        ((SUPER, "super().__init__(in_channels, channels, blocks, attention=False)"),),
    ),
    "class-without-folding": (
        "ConditionalUNet.__init__",
        ((SUPER, "super().__init__(in_channels, channels, blocks, fold=1)"),),
    ),
    "class-in-channels-as-usual": (
        "ConditionalUNet.__init__",
        ((SUPER, "super().__init__(channels=channels, blocks=blocks)"),),
    ),
    "class-zeroes-the-network": (
        "ConditionalUNet.__init__",
        ((ZEROED, "for weight in self.parameters():\n            nn.init.zeros_(weight)"),),
    ),
    "class-rows-too-short": (
        "ConditionalUNet.__init__",
        ((CLASSES, CLASSES.replace("self.time_dim", "channels[0]")),),
    ),
    "class-rows-for-the-usual-width": (
        "ConditionalUNet.__init__",
        ((CLASSES, CLASSES.replace("self.time_dim", "128")),),
    ),
    "class-gradients-sparse": (
        "ConditionalUNet.__init__",
        ((CLASSES, CLASSES.replace("self.time_dim)", "self.time_dim, sparse=True)")),),
    ),
    "class-gradients-by-frequency": (
        "ConditionalUNet.__init__",
        ((CLASSES, CLASSES.replace("self.time_dim)", "self.time_dim, scale_grad_by_freq=True)")),),
    ),
    "class-rows-of-bounded-length": (
        "ConditionalUNet.__init__",
        ((CLASSES, CLASSES.replace("self.time_dim)", "self.time_dim, max_norm=1.0)")),),
    ),
    "class-rows-shared-by-all-networks": (
        "ConditionalUNet.__init__",
        (
            (GLOBAL, "KEPT = {}\n" + GLOBAL),
            (ZEROED, ZEROED + "\n        self.classes = KEPT.setdefault(channels, self.classes)"),
        ),
    ),
    "class-layer-that-is-not-used": (
        "ConditionalUNet.__init__",
        ((ZEROED, ZEROED + "\n        self.spare = nn.Linear(4, 4)"),),
    ),
    "class-network-starts-in-eval": (
        "ConditionalUNet.__init__",
        ((ZEROED, ZEROED + "\n        self.eval()"),),
    ),
    "class-rows-in-float64": (
        "ConditionalUNet.__init__",
        ((ZEROED, ZEROED + "\n        self.classes.double()"),),
    ),
    "class-last-layer-zeroed-no-more": (
        "ConditionalUNet.__init__",
        ((ZEROED, ZEROED + "\n        nn.init.normal_(self.conv_out.weight)"),),
    ),
    "class-network-frozen": (
        "ConditionalUNet.__init__",
        ((ZEROED, ZEROED + "\n        self.conv_in.requires_grad_(False)"),),
    ),
    "class-scales-the-time": (
        "ConditionalUNet.forward",
        ((TIME, f"time = {OF_TIME} * (1 + self.classes(labels + 1))"),),
    ),
    "class-told-only-at-the-bottom": (
        "ConditionalUNet.forward",
        (
            (TIME, f"time = {OF_TIME}"),
            (
                MIDDLE,
                "both = time + self.classes(labels + 1)\n"
                "        h = self.middle2(self.attention(self.middle1(h, both)), both)",
            ),
        ),
    ),
    "class-told-only-on-the-way-down": (
        "ConditionalUNet.forward",
        ((MIDDLE, f"time = {OF_TIME}\n        " + MIDDLE),),
    ),
    "class-through-silu": (
        "ConditionalUNet.forward",
        ((TIME, TIME.replace("self.classes(labels + 1)", "F.silu(self.classes(labels + 1))")),),
    ),
    "class-detached": (
        "ConditionalUNet.forward",
        ((TIME, TIME.replace("self.classes(labels + 1)", "self.classes(labels + 1).detach()")),),
    ),
    "class-time-detached": (
        "ConditionalUNet.forward",
        ((TIME, f"time = {OF_TIME}.detach() + self.classes(labels + 1)"),),
    ),
    "class-averaged-over-the-batch": (
        "ConditionalUNet.forward",
        ((TIME, TIME.replace("self.classes(labels + 1)", "self.classes(labels + 1).mean(0)")),),
    ),
    "class-of-the-neighbour": (
        "ConditionalUNet.forward",
        ((TIME, TIME.replace("labels + 1", "labels.roll(1) + 1")),),
    ),
    "class-told-in-training-only": (
        "ConditionalUNet.forward",
        ((TIME, f"time = {OF_TIME} + (self.classes(labels + 1) if self.training else 0)"),),
    ),
    "class-remembered": (
        "ConditionalUNet.forward",
        (
            (
                CHECKED,
                "self.last = labels = checked_labels(labels if labels is not None else getattr(self, 'last', None), t)",
            ),
        ),
    ),
    "class-labels-changed-in-place": (
        "ConditionalUNet.forward",
        ((TIME, TIME.replace("labels + 1", "labels.add_(1)")),),
    ),
    "class-unsaid-is-the-mean-of-all": (
        "ConditionalUNet.forward",
        (
            (CHECKED, "unsaid = labels is None\n        " + CHECKED),
            (TIME, f"time = {OF_TIME} + (self.classes.weight.mean(0) if unsaid else self.classes(labels + 1))"),
        ),
    ),
    "class-labels-clamped-not-refused": (
        "ConditionalUNet.forward",
        ((CHECKED, "labels = checked_labels(labels if labels is None else labels.clamp(-1, 9), t)"),),
    ),
    "class-one-label-for-all": (
        "ConditionalUNet.forward",
        (
            (
                CHECKED,
                "labels = checked_labels(labels if labels is None else labels.flatten()[:1].expand_as(t) if "
                "len(labels) == 1 else labels, t)",
            ),
        ),
    ),
    "class-columns-of-labels": (
        "ConditionalUNet.forward",
        ((CHECKED, "labels = checked_labels(labels if labels is None else labels.flatten(), t)"),),
    ),
    "class-answer-clipped": (
        "ConditionalUNet.forward",
        ((OUT, OUT + ".clamp(-3, 3)"),),
    ),
    "class-bottom-without-attention": (
        "ConditionalUNet.forward",
        ((MIDDLE, "h = self.middle2(self.middle1(h, time), time)"),),
    ),
    "class-width-not-checked": (
        "ConditionalUNet.forward",
        (("if x_t.shape[2] % self.divisor or x_t.shape[3] % self.divisor:", "if x_t.shape[2] % self.divisor:"),),
    ),
    "drop-half": (
        "drop_labels",
        ((DROP, DROP.replace("DROPPED", "0.5")),),
    ),
    "drop-at-the-edge": (
        "drop_labels",
        ((DROP, DROP.replace("<", "<=")),),
    ),
    "drop-makes-floats": (
        "drop_labels",
        ((DROP, DROP.replace("NOT_TOLD", "-1.0")),),
    ),
    "drop-to-class-10": (
        "drop_labels",
        ((DROP, DROP.replace("NOT_TOLD", "CLASSES")),),
    ),
    "drop-int32": (
        "drop_labels",
        ((DROP, DROP + ".int()"),),
    ),
    "drop-by-the-neighbour": (
        "drop_labels",
        ((DROP, DROP.replace("chance <", "chance.roll(1) <")),),
    ),
    "drop-the-lowest-tenth-of-the-batch": (
        "drop_labels",
        (
            (
                DROP,
                "low = chance.argsort().argsort() < len(chance) * DROPPED\n"
                "    return torch.where(low, NOT_TOLD, labels)",
            ),
        ),
    ),
    "drop-gives-the-same-where-nothing-is-dropped": (
        "drop_labels",
        (
            (
                DROP,
                "if not (chance < DROPPED).any():\n        return labels\n"
                "    return torch.where(chance < DROPPED, NOT_TOLD, labels)",
            ),
        ),
    ),
    "drop-the-whole-class": (
        "drop_labels",
        ((DROP, "out = torch.isin(labels, labels[chance < DROPPED])\n    return torch.where(out, NOT_TOLD, labels)"),),
    ),
    "drop-moves-not-told-to-0": (
        "drop_labels",
        ((DROP, "return torch.where(chance < DROPPED, NOT_TOLD, labels.clamp(min=0))"),),
    ),
    "labels-of-the-first-image": (
        "conditional_loss",
        ((LABELS, LABELS.replace("x0[:, -1,", "x0[:1, -1,").replace(".long()", ".long().expand(len(x0))")),),
    ),
    "labels-dropped-by-the-images-noise": (
        "conditional_loss",
        ((LABELS, LABELS.replace("chances(noise)", "chances(noise[:, :-1])")),),
    ),
    "labels-gradient-cut": (
        "conditional_loss",
        ((TELL, "with torch.no_grad():\n            return model(x_t, t, labels)"),),
    ),
    "labels-answer-detached": (
        "conditional_loss",
        ((TELL, TELL + ".detach()"),),
    ),
    "labels-two-channels-left-out": (
        "conditional_loss",
        ((LOSS, LOSS.replace("x0[:, :-1]", "x0[:, :1]").replace("noise[:, :-1]", "noise[:, :1]")),),
    ),
    "labels-image-from-the-wrong-end": (
        "conditional_loss",
        ((LOSS, LOSS.replace("x0[:, :-1]", "x0[:, 1:]")),),
    ),
    "labels-noise-is-the-last-channel": (
        "conditional_loss",
        ((LOSS, LOSS.replace("noise[:, :-1]", "noise[:, -1:].expand_as(x0[:, :-1])")),),
    ),
    "labels-dropped-by-the-first-chance": (
        "conditional_loss",
        ((LABELS, LABELS.replace("chances(noise)", "chances(noise)[:1].expand(len(x0))")),),
    ),
    "labels-dropped-by-normal-numbers": (
        "conditional_loss",
        ((LABELS, LABELS.replace("chances(noise)", "noise[:, -1, 0, 0]")),),
    ),
    "labels-dropped-by-the-noise-itself": (
        "conditional_loss",
        ((LABELS, LABELS.replace("chances(noise)", "torch.special.ndtr(noise[:, -1, 0, 0])")),),
    ),
    "labels-dropped-twice": (
        "conditional_loss",
        ((TELL, TELL.replace("labels)", "drop_labels(labels, chances(x_t)))")),),
    ),
    "labels-loss-of-all-channels": (
        "conditional_loss",
        ((LOSS, LOSS + " * (x0.shape[1] - 1) / x0.shape[1]"),),
    ),
    "labels-images-clipped": (
        "conditional_loss",
        ((LOSS, LOSS.replace("x0[:, :-1]", "x0[:, :-1].clamp(-0.9, 0.9)")),),
    ),
    "labels-written-over-in-x0": (
        "conditional_loss",
        ((LABELS, LABELS + "\n    x0[:, -1] = 0"),),
    ),
    "labels-model-asked-twice": (
        "conditional_loss",
        ((TELL, "return (model(x_t, t, labels) + model(x_t, t, labels)) / 2"),),
    ),
    "labels-default-prediction-v": (
        "conditional_loss",
        (
            (
                'schedule: NoiseSchedule, prediction: Prediction = "noise"\n) -> Tensor:\n    """The denoising loss of',
                'schedule: NoiseSchedule, prediction: Prediction = "v"\n) -> Tensor:\n    """The denoising loss of',
            ),
        ),
    ),
    "guided-divided-by-scale": (
        "guided",
        ((FURTHER, f"return (untold + {SCALED} * (told - untold)) / {SCALED}.clamp(min=0.1)"),),
    ),
    "guided-untold-twice": (
        "guided",
        ((TOLD, TOLD.replace("labels)", "torch.full_like(labels, NOT_TOLD))")),),
    ),
    "guided-untold-at-the-first-step": (
        "guided",
        ((UNTOLD, UNTOLD.replace("x_t, t,", "x_t, t[:1].expand_as(t),")),),
    ),
    "guided-in-place-on-told": (
        "guided",
        ((FURTHER, f"return told.sub_(untold).mul_({SCALED}).add_(untold)"),),
    ),
    "guided-in-place-on-untold": (
        "guided",
        ((FURTHER, "return untold.lerp_(told, " + SCALED + ")"),),
    ),
    "guided-limits-as-one": (
        "guided",
        ((INSIDE, "inside = (limits[0] <= t).all() & (t < limits[1]).all()"),),
    ),
    "guided-lower-limit-ignored": (
        "guided",
        ((INSIDE, "inside = t < limits[1]"),),
    ),
    "guided-upper-limit-ignored": (
        "guided",
        ((INSIDE, "inside = limits[0] <= t"),),
    ),
    "guided-limits-either": (
        "guided",
        ((INSIDE, INSIDE.replace("&", "|")),),
    ),
    "guided-scale-at-least-one": (
        "guided",
        ((SCALE, SCALE.replace("guidance_scale", "max(guidance_scale, 1.0)")),),
    ),
    "guided-scale-of-1000-steps": (
        "guided",
        ((SCALE, SCALE.replace("guidance_scale,", "guidance_scale * (1 - t / 1e4),")),),
    ),
    "guided-rescaled-to-the-told-spread": (
        "guided",
        ((FURTHER, "out = torch.lerp(untold, told, " + SCALED + ")\n    return out * told.std() / out.std()"),),
    ),
    "guided-clipped-wide": (
        "guided",
        ((FURTHER, FURTHER + ".clamp(-3, 3)"),),
    ),
    "guided-first-image-scale": (
        "guided",
        ((FURTHER, FURTHER.replace("scale[:, None", "scale[:1, None")),),
    ),
    "guided-scale-along-the-width": (
        "guided",
        ((FURTHER, "return untold + (told - untold) * (scale.mean() if told.shape[3] != len(t) else scale)"),),
    ),
    "guided-not-told-images-left-out": (
        "guided",
        ((SCALE, SCALE + "\n    told[labels < 0] = 0"),),
    ),
    "guided-labels-changed": (
        "guided",
        ((UNTOLD, "untold = model(x_t, t, labels.fill_(NOT_TOLD))"),),
    ),
    "guided-on-the-cpu": (
        "guided",
        (
            (
                SCALE,
                SCALE.replace("torch.where(inside, guidance_scale, 1.0)", "torch.tensor([guidance_scale] * len(t))"),
            ),
        ),
    ),
    "guided-asks-four-times": (
        "guided",
        ((TOLD, "model(x_t, t, labels)\n    " + TOLD),),
    ),
    "guided-default-limits-end-at-900": (
        "guided",
        (("limits: tuple[float, float] = (0, math.inf),", "limits: tuple[float, float] = (0, 900),"),),
    ),
    "guided-default-limits-begin-at-1": (
        "guided",
        (("limits: tuple[float, float] = (0, math.inf),", "limits: tuple[float, float] = (1, math.inf),"),),
    ),
    "known-half-and-half": (
        "keep_known",
        ((KEPT, "return torch.where(known, (then + x) / 2, x)"),),
    ),
    "known-a-step-early": (
        "keep_known",
        ((THEN, "then = picture if t < 1 else renoise(picture, t - 1, schedule, noise)"),),
    ),
    "known-never-put-in": (
        "keep_known",
        ((KEPT, "return x.clone()"),),
    ),
    "known-clean-only-at-the-start": (
        "keep_known",
        ((THEN, THEN.replace("t < 0", "t == len(schedule) - 1")),),
    ),
    "known-noise-of-x": (
        "keep_known",
        ((THEN, THEN.replace("schedule, noise)", "schedule, x)")),),
    ),
    "known-by-the-first-image": (
        "keep_known",
        ((KEPT, KEPT.replace("known,", "known[:1],")),),
    ),
    "known-by-the-first-channel": (
        "keep_known",
        ((KEPT, KEPT.replace("known,", "known[:, :1],")),),
    ),
    "known-turned": (
        "keep_known",
        (
            (
                KEPT,
                "turned = known.transpose(2, 3) if known.shape[2] == known.shape[3] else known.flip(3)\n"
                "    return torch.where(turned, then, x)",
            ),
        ),
    ),
    "known-in-place-of-the-picture": (
        "keep_known",
        ((KEPT, "picture[~known] = x[~known]\n    return torch.where(known, then, x)"),),
    ),
    "known-clipped": (
        "keep_known",
        ((KEPT, KEPT + ".clamp(-3, 3)"),),
    ),
    "known-picture-clipped": (
        "keep_known",
        ((THEN, THEN.replace("renoise(picture,", "renoise(picture.clamp(-0.8, 0.8),")),),
    ),
    "known-gives-x-if-nothing-is-known": (
        "keep_known",
        ((KEPT, "return torch.where(known, then, x) if known.any() else x"),),
    ),
    "known-gives-the-picture-if-all-is-known": (
        "keep_known",
        ((KEPT, "return then if known.all() else torch.where(known, then, x)"),),
    ),
    "known-noise-without-the-root": (
        "keep_known",
        (
            (
                THEN,
                THEN.replace(
                    "renoise(picture, t, schedule, noise)",
                    "schedule.sqrt_alphas_cumprod[t] * picture + (1 - schedule.alphas_cumprod[t]) * noise",
                ),
            ),
        ),
    ),
    "complete-known-every-other-time": (
        "complete",
        ((KNOWN, "if time % 2 == 0:\n                " + KNOWN),),
    ),
    "complete-known-the-last-time-only": (
        "complete",
        ((KNOWN, "if time == times - 1 or prev_t < 0:\n                " + KNOWN),),
    ),
    "complete-known-with-zero-noise": (
        "complete",
        ((KNOWN, KNOWN.replace("noise,", "torch.zeros_like(x),")),),
    ),
    "complete-known-with-the-start-noise": (
        "complete",
        ((KNOWN, KNOWN.replace("noise,", "x_T,")),),
    ),
    "complete-by-the-mean": (
        "complete",
        ((STEP, STEP.replace("schedule, noise)", "schedule, torch.zeros_like(x))")),),
    ),
    "complete-with-half-the-noise": (
        "complete",
        ((STEP, STEP.replace("schedule, noise)", "schedule, noise, 0.5)")),),
    ),
    "complete-steps-per-time": (
        "complete",
        ((VISITS, "in spaced_timesteps(len(schedule), max(1, steps // times)):"),),
    ),
    "complete-once-more": (
        "complete",
        (
            ("for time in range(times):", "for time in range(times + 1):"),
            (ENOUGH, ENOUGH.replace("times - 1", "times")),
        ),
    ),
    "complete-goes-back-at-half": (
        "complete",
        ((BACK, BACK.replace("draw_like(x, generator)", "0.5 * draw_like(x, generator)")),),
    ),
    "complete-goes-back-without-noise": (
        "complete",
        ((BACK, BACK.replace("draw_like(x, generator)", "torch.zeros_like(x)")),),
    ),
    "complete-goes-back-to-the-step-before": (
        "complete",
        ((BACK, BACK.replace("prev_t, t,", "prev_t, prev_t + 1,")),),
    ),
    "complete-goes-back-from-t-0": (
        "complete",
        ((BACK, BACK.replace("prev_t, t,", "0, t,")),),
    ),
    "complete-unknown-goes-back-alone": (
        "complete",
        ((BACK, BACK + "\n            x = torch.where(known, x_prev, x)"),),
    ),
    "complete-goes-back-with-global-noise": (
        "complete",
        ((BACK, BACK.replace("draw_like(x, generator)", "torch.randn_like(x)")),),
    ),
    "complete-steps-with-global-noise": (
        "complete",
        ((NOISE, "noise = torch.randn_like(x)\n"),),
    ),
    "complete-with-a-generator-of-its-own": (
        "complete",
        ((STARTS, "x, generator = x_T, torch.Generator().manual_seed(0)\n"),),
    ),
    "complete-goes-back-with-a-generator-of-its-own": (
        "complete",
        ((BACK, BACK.replace("generator)", "torch.Generator().manual_seed(t))")),),
    ),
    "complete-one-noise-for-the-batch": (
        "complete",
        ((NOISE, "noise = draw_like(x[:1], generator).expand_as(x)\n"),),
    ),
    "complete-one-noise-for-the-channels": (
        "complete",
        ((NOISE, "noise = draw_like(x[:, :1], generator).expand_as(x)\n"),),
    ),
    "complete-starts-from-known": (
        "complete",
        ((STARTS, "x = torch.where(known, picture, x_T)\n"),),
    ),
    "complete-starts-from-noise-of-its-own": (
        "complete",
        ((STARTS, "x = draw_like(x_T, generator)\n"),),
    ),
    "complete-writes-into-the-start": (
        "complete",
        ((STARTS, "x = x_T.mul_(1.0).add_(0.001)\n"),),
    ),
    "complete-clipped": (
        "complete",
        ((DONE, DONE.replace("return x\n", "return x.clamp(-0.8, 0.8)\n")),),
    ),
    "complete-gives-a-view-of-the-picture": (
        "complete",
        ((DONE, DONE.replace("return x\n", "return picture.copy_(x)\n")),),
    ),
    "complete-as-if-v": (
        "complete",
        ((STEP, STEP.replace("schedule, prediction)", "schedule, 'v')")),),
    ),
    "complete-keeps-the-last-but-one": (
        "complete",
        (
            (
                DONE,
                DONE.replace("        x = x_prev\n", "        last, x = x, x_prev\n").replace(
                    "return x\n", "return torch.where(known, picture, last)\n"
                ),
            ),
        ),
    ),
    "sketch-after-one-step": (
        "from_sketch",
        ((LAST, f"{WALK}\n        return x_prev"),),
    ),
    "sketch-at-full-strength": (
        "from_sketch",
        ((NOISED, "x = sketch + draw_like(sketch, generator)"),),
    ),
    "sketch-refuses-0": (
        "from_sketch",
        ((REFUSED, REFUSED.replace("0 <=", "0 <")),),
    ),
    "sketch-refuses-the-last": (
        "from_sketch",
        ((REFUSED, REFUSED.replace("< len(schedule)", "< len(schedule) - 1")),),
    ),
    "sketch-noised-a-step-early": (
        "from_sketch",
        ((NOISED, NOISED.replace("t_start", "max(t_start - 1, 0)")),),
    ),
    "sketch-noised-with-zeros": (
        "from_sketch",
        ((NOISED, NOISED.replace("draw_like(sketch, generator)", "torch.zeros_like(sketch)")),),
    ),
    "sketch-noised-with-itself": (
        "from_sketch",
        ((NOISED, NOISED.replace("draw_like(sketch, generator)", "sketch")),),
    ),
    "sketch-noised-with-global-chance": (
        "from_sketch",
        ((NOISED, NOISED.replace("draw_like(sketch, generator)", "torch.randn_like(sketch)")),),
    ),
    "sketch-noised-with-one-for-all": (
        "from_sketch",
        (
            (
                NOISED,
                NOISED.replace("draw_like(sketch, generator)", "draw_like(sketch[:1], generator).expand_as(sketch)"),
            ),
        ),
    ),
    "sketch-noised-with-one-for-channels": (
        "from_sketch",
        (
            (
                NOISED,
                NOISED.replace("draw_like(sketch, generator)", "draw_like(sketch[:, :1], generator).expand_as(sketch)"),
            ),
        ),
    ),
    "sketch-with-a-generator-of-its-own": (
        "from_sketch",
        ((NOISED, "generator = torch.Generator().manual_seed(0)\n    " + NOISED),),
    ),
    "sketch-clipped-first": (
        "from_sketch",
        ((NOISED, NOISED.replace("renoise(sketch", "renoise(sketch.clamp(-0.5, 0.5)")),),
    ),
    "sketch-noise-clipped": (
        "from_sketch",
        ((NOISED, NOISED + ".clamp(-1, 1)"),),
    ),
    "sketch-sharpened": (
        "from_sketch",
        ((NOISED, NOISED.replace("renoise(sketch", "renoise(sketch.sign()")),),
    ),
    "sketch-half-the-fresh-noise": (
        "from_sketch",
        ((WALK, WALK.replace("1.0)", "0.5)")),),
    ),
    "sketch-leaves-the-last-step-out": (
        "from_sketch",
        (
            (
                WALK,
                WALK.replace(
                    "spaced_timesteps(t_start + 1, steps)",
                    "spaced_timesteps(t_start + 1, steps)[:-1] or spaced_timesteps(t_start + 1, 1)",
                ),
            ),
        ),
    ),
    "sketch-steps-clamped": (
        "from_sketch",
        ((WALK, WALK.replace("t_start + 1, steps)", "t_start + 1, min(max(steps, 1), t_start + 1))")),),
    ),
    "sketch-walks-with-a-generator-of-its-own": (
        "from_sketch",
        ((WALK, WALK.replace("schedule, generator, 1.0)", "schedule, torch.Generator().manual_seed(3), 1.0)")),),
    ),
    "sketch-written-into": (
        "from_sketch",
        ((NOISED, "sketch.mul_(0.999)\n    " + NOISED),),
    ),
    "sketch-as-if-v": (
        "from_sketch",
        ((ASK, ASK.replace("prediction=prediction", "prediction='v'")),),
    ),
    "sketch-default-steps-10": (
        "from_sketch",
        (("t_start: int,\n    steps: int = 20,", "t_start: int,\n    steps: int = 10,"),),
    ),
    "sketch-put-back-in": (
        "from_sketch",
        ((LAST, LAST + "\n    x = (x + 0.1 * sketch) / 1.1"),),
    ),
    "sketch-walks-twice": (
        "from_sketch",
        ((LAST, LAST + "\n    x = renoise(x, t_start, schedule, draw_like(x, generator))\n    " + LAST),),
    ),
}
