"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

LERP = "torch._foreach_lerp_(list(ema.parameters()), list(model.parameters()), 1 - d)"
SHARE = "    return torch.tensor(list(sampler))\n"
EPOCH = "sampler.set_epoch(epoch)"
ORDER = "order = share_of_epoch(len(images), settings.seed, epoch, rank, world)"
SEEDED = "generator = seeded(settings.seed, 1, step)"
UNIFORM = "t = torch.randint(0, T, (settings.batch,), generator=generator)"
NOISE = "noise = draw_like(images[: settings.batch], generator)[place.to(images.device)]"
FOCUS = "t = _to_the_middle(t, T, generator)"
GIVEN = "return x0, t[place].to(x0.device), noise"
LOAD = "getattr(self, name).load_state_dict(state[name])"
ADOPT = '        for name in ("model", "ema", "optimizer"):\n            ' + LOAD + "\n"
PARTS = "for part in _parts(training, x0):"
BACK = "(loss.sum() / settings.batch).backward()"
SUMMARY = "mean, thirds = _summary(torch.cat(losses), t * 3 // T)"
CLIP = "length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip).item()"
CHECK = "if not (math.isfinite(mean) and math.isfinite(length)):"
START = "        start = time.perf_counter()\n"
RATE = "lr = learning_rate(training.step, progress, settings)"
DRAW = "x0, t, noise = draw_batch(images, training.step, T, settings, rank, world)"
STEP = "loss, thirds = train_step(training, x0, t, noise, T)"
AVERAGE = "update_ema(training.ema, training.model, training.step, settings.ema_decay)"
CLOCK = "training.seconds += distributed.same(time.perf_counter() - start)"
YIELD = "yield Step(training.step, loss, thirds, lr, progress, training.seconds)"
ENOUGH = "_check_enough(len(images), settings.batch, world)"
SCHEDULE = "T = settings.t_below or len(training.schedule)"

WRONG: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "average-of-the-top-only": (
        "update_ema",
        ((LERP, "torch._foreach_lerp_(list(ema.parameters(False)), list(model.parameters(False)), 1 - d)"),),
    ),
    "average-of-the-first-two": (
        "update_ema",
        ((LERP, "torch._foreach_lerp_(list(ema.parameters())[:2], list(model.parameters())[:2], 1 - d)"),),
    ),
    "average-all-but-the-last": (
        "update_ema",
        ((LERP, "torch._foreach_lerp_(list(ema.parameters())[:-1], list(model.parameters())[:-1], 1 - d)"),),
    ),
    "orders-repeat-after-two": ("share_of_epoch", ((EPOCH, "sampler.set_epoch(epoch % 2)"),)),
    "orders-repeat-after-three": ("share_of_epoch", ((EPOCH, "sampler.set_epoch(epoch % 3)"),)),
    "orders-repeat-after-ten": ("share_of_epoch", ((EPOCH, "sampler.set_epoch(epoch % 10)"),)),
    "orders-change-every-second-epoch": ("share_of_epoch", ((EPOCH, "sampler.set_epoch(epoch // 2)"),)),
    "orders-stay-after-the-second": ("share_of_epoch", ((EPOCH, "sampler.set_epoch(min(epoch, 1))"),)),
    "orders-rolled": (
        "share_of_epoch",
        ((EPOCH, ""), (SHARE, "    return torch.tensor(list(sampler)).roll(epoch)\n")),
    ),
    "orders-reversed": (
        "share_of_epoch",
        (
            (EPOCH, "sampler.set_epoch(epoch // 2)"),
            (SHARE, "    found = torch.tensor(list(sampler))\n    return found.flip(0) if epoch % 2 else found\n"),
        ),
    ),
    "epoch-and-seed-added-up-elsewhere": ("share_of_epoch", (("seed=seed)", "seed=seed % 5)"),)),
    "noise-repeats-within-an-epoch": (
        "draw_batch",
        ((SEEDED, "generator = seeded(settings.seed, 1, epoch)"),),
    ),
    "noise-repeats-after-ten-steps": ("draw_batch", ((SEEDED, "generator = seeded(settings.seed, 1, step % 10)"),)),
    "noise-repeats-in-each-epoch": ("draw_batch", ((SEEDED, "generator = seeded(settings.seed, 1, number)"),)),
    "one-noise-for-a-batch": (
        "draw_batch",
        ((NOISE, "noise = draw_like(images[:1], generator).repeat(len(x0), 1, 1, 1)"),),
    ),
    "noise-in-pairs": (
        "draw_batch",
        ((NOISE, "noise = draw_like(images[: settings.batch], generator)[(place // 2 * 2).to(images.device)]"),),
    ),
    "timesteps-in-pairs": ("draw_batch", ((GIVEN, "return x0, t[place // 2 * 2].to(x0.device), noise"),)),
    "one-channel-of-noise": (
        "draw_batch",
        ((NOISE, "noise = draw_like(images[: settings.batch, :1], generator)[place].expand_as(x0)"),),
    ),
    "one-row-of-noise": (
        "draw_batch",
        ((NOISE, "noise = draw_like(images[: settings.batch, :, :1], generator)[place].expand_as(x0)"),),
    ),
    "noise-of-half-the-deviation": ("draw_batch", ((NOISE, NOISE.replace("noise = ", "noise = 0.9 * ")),)),
    "focused-for-1000-steps": ("draw_batch", ((FOCUS, "t = _to_the_middle(t, 1000, generator).clamp(max=T - 1)"),)),
    "focused-by-another-generator": ("draw_batch", ((FOCUS, "t = _to_the_middle(t, T, torch.default_generator)"),)),
    "focused-without-the-step": ("draw_batch", ((FOCUS, "t = _to_the_middle(t, T, seeded(settings.seed, 2))"),)),
    "focused-per-process": (
        "draw_batch",
        ((FOCUS, "t = _to_the_middle(t, T, seeded(settings.seed, 2, step, rank))"),),
    ),
    "focused-all": (
        "draw_batch",
        ((FOCUS, "t = (T * torch.sigmoid(torch.randn(t.shape, generator=generator))).long()"),),
    ),
    "timesteps-of-the-first-images": ("draw_batch", ((GIVEN, "return x0, t[: len(x0)].to(x0.device), noise"),)),
    "timesteps-reversed-for-more-processes": (
        "draw_batch",
        ((GIVEN, "return x0, (t.flip(0) if world > 1 else t)[place].to(x0.device), noise"),),
    ),
    "loaded-state-shared": (
        "Training.load_state_dict",
        (
            (
                ADOPT,
                '        self.model.load_state_dict(state["model"], assign=True)\n'
                '        self.ema.load_state_dict(state["ema"])\n'
                '        self.optimizer.load_state_dict(state["optimizer"])\n',
            ),
        ),
    ),
    "loaded-average-shared": (
        "Training.load_state_dict",
        (
            (
                ADOPT,
                '        self.model.load_state_dict(state["model"])\n'
                '        self.ema.load_state_dict(state["ema"], assign=True)\n'
                '        self.optimizer.load_state_dict(state["optimizer"])\n',
            ),
        ),
    ),
    "loaded-state-emptied": (
        "Training.load_state_dict",
        ((LOAD, "getattr(self, name).load_state_dict(state.pop(name))"),),
    ),
    "loaded-network-replaced": (
        "Training.load_state_dict",
        ((ADOPT, ADOPT + "        self.model = copy.deepcopy(self.model)\n"),),
    ),
    "average-from-the-weights": (
        "Training.load_state_dict",
        ((LOAD, 'getattr(self, name).load_state_dict(state["model" if name == "ema" else name])'),),
    ),
    "parts-listed-first": ("train_step", ((PARTS, "for part in list(_parts(training, x0)):"),)),
    "divided-by-the-processes-again": (
        "train_step",
        ((BACK, "(loss.sum() / settings.batch / distributed.world_size()).backward()"),),
    ),
    "times-the-processes": (
        "train_step",
        ((BACK, "(loss.sum() / settings.batch * distributed.world_size()).backward()"),),
    ),
    "mean-of-the-own-share": (
        "train_step",
        ((SUMMARY, SUMMARY + "\n    mean = torch.cat(losses).mean().item()"),),
    ),
    "thirds-of-the-own-share": (
        "train_step",
        (
            (
                SUMMARY,
                "mean, _ = _summary(torch.cat(losses), t * 3 // T)\n"
                "    groups = [torch.cat(losses)[t * 3 // T == k] for k in range(3)]\n"
                "    thirds = tuple(g.mean().item() if len(g) else None for g in groups)",
            ),
        ),
    ),
    "finiteness-of-the-own-share": (
        "train_step",
        ((CHECK, "if not (torch.cat(losses).isfinite().all() and math.isfinite(length)):"),),
    ),
    "only-nan-is-divergence": ("train_step", ((CHECK, "if math.isnan(mean) or math.isnan(length):"),)),
    "only-the-loss-is-looked-at": ("train_step", ((CHECK, "if not math.isfinite(mean):"),)),
    "only-the-length-is-looked-at": ("train_step", ((CHECK, "if not math.isfinite(length) or math.isnan(length):"),)),
    "only-a-nan-length": ("train_step", ((CHECK, "if not math.isfinite(mean) or math.isnan(length):"),)),
    "clipped-parameter-by-parameter": (
        "train_step",
        (
            (
                CLIP,
                CLIP
                + "\n    [nn.utils.clip_grad_norm_([p], settings.grad_clip / 2) for p in training.model.parameters()]",
            ),
        ),
    ),
    "clipped-each-parameter-alone": (
        "train_step",
        (
            (
                CLIP,
                "length = max(nn.utils.clip_grad_norm_([p], settings.grad_clip).item() for p in training.model.parameters())",  # noqa: E501
            ),
        ),
    ),
    "clipped-in-one-part-only": (
        "train_step",
        (
            (
                CLIP,
                "length = nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip if settings.accumulate == 1 else math.inf).item()",  # noqa: E501
            ),
        ),
    ),
    "clipped-after-each-part": (
        "train_step",
        ((BACK, BACK + "\n        nn.utils.clip_grad_norm_(training.model.parameters(), settings.grad_clip)"),),
    ),
    "clipped-to-one": ("train_step", ((CLIP, CLIP.replace("settings.grad_clip", "min(settings.grad_clip, 1.0)")),)),
    "thirds-of-the-whole-schedule": ("train_step", (("t * 3 // T)", "t * 3 // len(training.schedule))"),)),
    "thirds-rounded-first": ("train_step", (("t * 3 // T)", "(t // max(1, T // 3)).clamp(max=2))"),)),
    "thirds-rounded-up-first": ("train_step", (("t * 3 // T)", "t // -(-T // 3))"),)),
    "loss-kept-in-half": ("train_step", (("losses.append(loss.detach())", "losses.append(loss.detach().half())"),)),
    "a-clock-of-its-own": ("fit", ((CLOCK, "training.seconds += time.perf_counter() - start"),)),
    "clock-counts-the-caller": (
        "fit",
        (
            (START, ""),
            (ENOUGH, ENOUGH + "\n    start = time.perf_counter()"),
            (
                CLOCK,
                "now = time.perf_counter()\n        training.seconds += distributed.same(now - start)\n        start = now",  # noqa: E501
            ),
        ),
    ),
    "clock-leaves-the-step-out": ("fit", ((START, ""), (STEP, STEP + "\n        start = time.perf_counter()"))),
    "clock-of-the-processor": (
        "fit",
        ((START, "        start = time.process_time()\n"), (CLOCK, CLOCK.replace("perf_counter", "process_time"))),
    ),
    "swallows-divergence": (
        "fit",
        (
            (
                STEP,
                "try:\n            loss, thirds = train_step(training, x0, t, noise, T)\n        except Diverged:\n            return",  # noqa: E501
            ),
        ),
    ),
    "skips-what-diverged": (
        "fit",
        (
            (
                STEP,
                "try:\n            loss, thirds = train_step(training, x0, t, noise, T)\n        except Diverged:\n"
                "            loss, thirds = math.nan, (None, None, None)",
            ),
        ),
    ),
    "decay-left-written-down": ("fit", ((AVERAGE, "update_ema(training.ema, training.model, training.step, 0.999)"),)),
    "decay-of-the-next-step": ("fit", ((AVERAGE, AVERAGE.replace("training.step,", "training.step + 1,")),)),
    "average-before-the-step": (
        "fit",
        (
            (STEP, AVERAGE + "\n        " + STEP),
            ("\n        " + AVERAGE + "\n        training.step", "\n        training.step"),
        ),
    ),
    "t-below-only-in-drawing": ("fit", ((STEP, STEP.replace("noise, T)", "noise, len(training.schedule))")),)),
    "t-below-plus-one": ("fit", ((SCHEDULE, "T = (settings.t_below or len(training.schedule) - 1) + 1"),)),
    "rank-always-first": ("fit", ((DRAW, DRAW.replace("rank, world)", "0, world)")),)),
    "rate-of-the-next-step": ("fit", ((RATE, RATE.replace("training.step,", "training.step + 1,")),)),
    "progress-of-before": ("fit", ((YIELD, YIELD.replace("progress,", "settings.progress(training.step - 1, 0.0),")),)),
    "thirds-forgotten": ("fit", ((YIELD, YIELD.replace("thirds", "(None, None, None)")),)),
    "refuses-only-small-data": ("fit", ((ENOUGH, "_check_enough(len(images), settings.batch, 1)"),)),
    "seconds-told-of-one-step": (
        "fit",
        ((YIELD, YIELD.replace("training.seconds)", "time.perf_counter() - start)")),),
    ),
}
