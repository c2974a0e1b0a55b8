"""Wrong solutions that must be rejected and have no name: what is done, its exercise, its patch."""

IMPORTS = ("from torch import Tensor\n", "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor\n")
REFUSE = "if t.shape != like.shape[:1]:"
PICK = "return table[t].reshape(-1, 1, 1, 1)"
RESULTS = {  # of each function that mixes: its two batches, and what it returns
    "q_sample": ("x0", "noise", "signal * x0 + sigma * noise"),
    "predict_x0": ("x_t", "noise", "(x_t - sigma * noise) / signal"),
    "predict_noise": ("x_t", "x0", "(x_t - signal * x0) / sigma"),
    "velocity": ("x0", "noise", "signal * noise - sigma * x0"),
    "predict_x0_from_velocity": ("x_t", "v", "signal * x_t - sigma * v"),
}
LOSS = "return (model(q_sample(x0, t, noise, schedule), t) - target).square().flatten(1).mean(dim=1)"
ANSWER = "model(q_sample(x0, t, noise, schedule), t)"

Bodies = dict[str, tuple[tuple[str, str], ...]]


def mixing(exercise: str) -> Bodies:
    """What goes wrong in each function that mixes."""
    a, b, result = RESULTS[exercise]
    old = f"    signal, sigma = _mix(t, {a}, {b}, schedule)\n    return {result}\n"

    def first(code: str, checks: str = f"_mix(t, {a}, {b}, schedule)") -> tuple[tuple[str, str], ...]:
        return IMPORTS, (old, f"    signal, sigma = {checks}\n    {code}\n    return {result}\n")

    def last(code: str) -> tuple[tuple[str, str], ...]:
        return IMPORTS, (old, old.replace(f"return {result}", code.format(f"({result})")))

    bodies = {
        "the other's channels are not compared": first("pass", f"_mix(t, {a}, {b}.expand_as({a}), schedule)"),
        "one t is taken for all": first("pass", f"_mix(t.expand(len({a})), {a}, {b}, schedule)"),
        "more t than images are taken": first("pass", f"_mix(t[: len({a})], {a}, {b}, schedule)"),
        "no more than 1000 steps": first("pass", f"_mix(t.clamp(max=999), {a}, {b}, schedule)"),
        "the first image's noise for all": first(f"{b} = {b}[:1]"),
        "the first channel for all": first(f"{b} = {b}[:, :1]"),
        "the mean of the channels": first(f"{b} = {b}.mean(1, keepdim=True)"),
        "square images are transposed": first(f"{b} = {b}.mT if {b}.shape[2] == {b}.shape[3] else {b}"),
        "cut before": first(f"{b} = {b}.clamp(-3, 3)"),
        "noise levels not below 0.02": first("sigma = sigma.clamp(min=0.02)"),
        "the first image's t for all": first("signal, sigma = signal[:1], sigma[:1]"),
        "half precision": first("signal, sigma = signal.half().float(), sigma.half().float()"),
        "by the order in memory": first(f"{a} = {a}.as_strided({a}.shape, torch.empty({a}.shape).stride())"),
        "flat by view": last(
            f"{a}, {b}, shape = {a}.view(len(t), 1, 1, -1), {b}.view(len(t), 1, 1, -1), {a}.shape\n"
            f"    return ({result}).view(shape)"
        ),
        "only one channel comes out": last("return {}[:, :1]"),
        "summed over the channels": last("return {}.sum(1, keepdim=True)"),
        "height and width exchanged": last(f"return {{}}.reshape(*{a}.shape[:2], {a}.shape[3], {a}.shape[2])"),
        "cut after": last("return {}.clamp(-3, 3)"),
        "cut after, far off": last("return {}.clamp(-100, 100)"),
        "in place": last(f"return {a}.copy_({{}})"),
        "made on the CPU": last(f"out = torch.zeros({a}.shape)\n    out += {{}}\n    return out"),
    }  # fmt: skip
    if exercise in ("predict_x0", "predict_noise", "predict_x0_from_velocity"):
        bodies |= {
            "detached": last("return {}.detach()"),
            "no gradient": last("with torch.no_grad():\n        return {}"),
            "the network's answer is detached": first(f"{b} = {b}.detach()"),
            "x_t is detached": first(f"{a} = {a}.detach()"),
            "through numpy": last("return torch.from_numpy({}.detach().numpy())"),
        }
    return bodies


BODIES: dict[str, Bodies] = {
    "gather": {
        "no t at all is taken": ((REFUSE, "if len(t) and t.shape != like.shape[:1]:"),),
        "too many t are taken": ((REFUSE, "if len(t) < len(like):"),),
        "an assertion": (('raise ValueError(f"expected one t', 'raise AssertionError(f"expected one t'),),
        "no more than 1000 steps": ((PICK, PICK.replace("[t]", "[t.clamp(max=999)]")),),
        "as large as the images": ((PICK, f"{PICK}.expand_as(like)"),),
        "not below 1e-5": ((PICK, f"{PICK}.clamp(min=1e-5)"),),
        "not negative": ((PICK, f"{PICK}.abs()"),),
        "half precision": ((PICK, PICK.replace("[t]", ".bfloat16().float()[t]")),),
        "one hot, made on the CPU": (
            IMPORTS,
            (PICK, PICK.replace("table[t]", "(torch.zeros(len(t), len(table)).scatter_(1, t[:, None], 1.0) @ table)")),
        ),
        "a view of the table": ((PICK, f"if len(t) == 1:\n        return table[t[0]].view(1, 1, 1, 1)\n    {PICK}"),),
        "t is counted down in place": ((PICK, "t -= 1\n    return table[t + 1].reshape(-1, 1, 1, 1)"),),
        "sorted": ((PICK, PICK.replace("[t]", "[t.sort().values]")),),
        "the first table is kept": (
            ("Model = Callable", "KEPT = []\nModel = Callable"),
            (PICK, f"KEPT.append(table)\n    {PICK.replace('table', 'KEPT[0]')}"),
        ),
    },
    **{exercise: mixing(exercise) for exercise in RESULTS},
    "denoising_loss": {
        "very large errors count less": (
            IMPORTS,
            (LOSS, f"return 2 * F.huber_loss({ANSWER}, target, reduction='none', delta=100.0).flatten(1).mean(dim=1)"),
        ),
        "no more pixels than an image of MNIST": ((LOSS, LOSS.replace("flatten(1)", "flatten(1)[:, :784]")),),
        "the model is told that training is over": ((LOSS, f"getattr(model, 'eval', int)()\n    {LOSS}"),),
        "channels summed": ((LOSS, LOSS.replace("flatten(1).mean(dim=1)", "mean(dim=(2, 3)).sum(dim=1)")),),
        "the first channel only": ((LOSS, LOSS.replace(".flatten(1)", "[:, 0].flatten(1)")),),
        "the channels' mean is squared": ((LOSS, LOSS.replace(".square()", ".mean(dim=1).square()")),),
        "divided by height times height": (
            (LOSS, LOSS.replace(".mean(dim=1)", ".sum(dim=1) / (x0.shape[1] * x0.shape[2] ** 2)")),
        ),
        "divided by height times width": (
            (LOSS, LOSS.replace(".mean(dim=1)", ".sum(dim=1) / (x0.shape[2] * x0.shape[3])")),
        ),
        "large errors count less": (
            IMPORTS,
            (LOSS, f'return 2 * F.huber_loss({ANSWER}, target, reduction="none", delta=3.0).flatten(1).mean(dim=1)'),
        ),
        "cut at 10": ((LOSS, LOSS.replace(".flatten(1)", ".clamp(max=10).flatten(1)")),),
        "flat by view": ((LOSS, LOSS.replace("flatten(1)", "view(len(t), -1)")),),
        "written into the answer": ((LOSS, f"return {ANSWER}.sub_(target).square().flatten(1).mean(dim=1)"),),
        "half the gradient": (
            (LOSS, f"off = {ANSWER} - target\n    return (off * off.detach()).flatten(1).mean(dim=1)"),
        ),
        "the first image's gradient only": (
            IMPORTS,
            (LOSS, LOSS.replace("return", "loss =") + "\n    return torch.cat([loss[:1], loss[1:].detach()])"),
        ),
        "no gradient for v": ((LOSS, f'{LOSS} if prediction == "noise" else {LOSS[7:]}.detach()'),),
        "one more t": ((LOSS, LOSS.replace("schedule), t)", "schedule), t + 1)")),),
        "what the model sees is cut": ((LOSS, LOSS.replace("schedule), t)", "schedule).clamp(-1, 1), t)")),),
        "made on the CPU": (IMPORTS, (LOSS, LOSS.replace("return", "return torch.zeros(len(t)) +"))),
    },
}
WRONG = {f"{exercise}: {what}": (exercise, patch) for exercise, some in BODIES.items() for what, patch in some.items()}
