"""What the lessons' tests catch beyond the known mistakes: change each solution in every small way, and look.

    python -m benchmarks.mutations [--lesson 03] [--exercise q_sample]
    python -m benchmarks.mutations --judge          # only sort the survivors of last time again

A change is one operator, number, condition, argument or call of an exercise's body; or something is done to an argument
or to the result: the gradient is cut, the first channel or image stands for all, rows become columns, digits are lost,
the order in memory is taken for the order of the numbers, the tensor is made on the CPU, written into, kept from the
first call, or handed out again. The changed solution is checked as a learner's would be. Survivors are changes that no
test objects to: those that change nothing a caller could see are listed in EQUIVALENT with the reason, the others are
gaps. Writes benchmarks/results/mutations.json.
"""

import argparse
import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path

from cdm_tutor.course.gate import Gate
from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.syntax import Function, find_function, statements
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "mutations.json"
OPERATORS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.FloorDiv: ast.Div,
    ast.MatMult: ast.Mult, ast.Mod: ast.FloorDiv, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
ORDER = "the same two dimensions, named the other way round"
DEVICE = "on the CPU there is nothing to move"
STREAM = "any stream of random numbers will do, so long as it is told by seed and step"
DATA = "images and noise are given: nothing in them is trained"
SAMPLING = "no gradient is kept in sampling"
EQUIVALENT = {  # exercise: before -> after: why no caller could tell
    "timestep_embedding: half = dim // 2 -> half = dim / 2": "dim is even, and arange takes either",
    "SelfAttention.forward: q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(1, 2).chunk(3, dim=2) -> "
    "q, k, v = self.qkv(self.norm(x)).flatten(2).transpose(2, 1).chunk(3, dim=2)": ORDER,
    "SelfAttention.forward: return x + self.out(attended.transpose(1, 2).reshape(x.shape)) -> "
    "return x + self.out(attended.transpose(2, 1).reshape(x.shape))": ORDER,
    "SimpleUNet.forward: time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype)) -> "
    "time = self.time_mlp(timestep_embedding(t, self.time_dim))": "images are float32, as the embedding is",
    "spaced_timesteps: return list(zip(visited, [*visited[1:], -1], strict=True)) -> "
    "return list(zip(visited, [*visited[1:], -1], strict=False))": "the two are of one length",
    "ddim_step: kept = signal_prev * guess.pred_x0 + math.sqrt(max(sigma_prev ** 2 - variance, 0.0)) * guess.pred_noise"
    " -> kept = signal_prev * guess.pred_x0 + math.sqrt(max(0.0, sigma_prev ** 2 - variance)) * guess.pred_noise": (
        "the larger of the same two"
    ),
    "refiner_loss: x_t = q_sample(x0, t, noise + PERTURBATION * other, schedule) -> "
    "x_t = q_sample(x0, t, noise - PERTURBATION * other, schedule)": "noise has no sign",
    "learning_rate: rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0 -> "
    "rise = min((step + 1) / settings.warmup, 1.0) if settings.warmup else 1.0": "the smaller of the same two",
    "update_ema: d = min(decay, (1 + step) / (10 + step)) -> "
    "d = min((1 + step) / (10 + step), decay)": "the smaller of the same two",
    "update_ema: for average, weight in zip(ema.parameters(), model.parameters(), strict=True): -> "
    "for average, weight in zip(ema.parameters(), model.parameters(), strict=False):": "the two are of one length",
    "draw_batch: return (images[chosen[mine].to(images.device)], t[mine].to(images.device), noise[mine]) -> "
    "return (images[chosen[mine]], t[mine].to(images.device), noise[mine])": DEVICE,
    "draw_batch: generator = seeded(settings.seed, 1, step) -> generator = seeded(1, settings.seed, step)": STREAM,
    "draw_batch: generator = seeded(settings.seed, 1, step) -> generator = seeded(settings.seed, 2, step)": STREAM,
    "train_step: losses.append(loss.detach()) -> losses.append(loss)": "the same numbers",
    "ConditionalUNet.forward: time = self.time_mlp(timestep_embedding(t, self.time_dim).to(x_t.dtype)) + "
    "self.classes(labels + 1) -> time = self.time_mlp(timestep_embedding(t, self.time_dim)) + "
    "self.classes(labels + 1)": "images are float32, as the embedding is",
    **{
        "conditional_loss: labels = drop_labels(x0[:, -1, 0, 0].long(), chances(noise)) -> "
        f"labels = drop_labels(x0[:, -1, {place}].long(), chances(noise))": "the label is in each pixel"
        for place in ("1, 0", "0, 1")
    },
    "conditional_loss: return 2 through _same_buffer": "what the model said is used at once",
    "complete: if prev_t < 0 or time == times - 1: -> if prev_t < 0 or time == times + 1:": (
        "the last way back leads nowhere: the next step begins with x_prev"
    ),
    **{
        f"refiner_loss: return 1 through {wrap}": "one number an image"
        for wrap in ("_first_channel", "_turned", "_as_it_lies")
    },
    **{
        f"conditional_loss: return 1 through {wrap}": "one number an image"
        for wrap in ("_first_channel", "_turned", "_as_it_lies")
    },
    **{
        f"{where} = _detached({where.split()[-1]})": "nothing learns from the gradient of images and noise"
        for where in ("renoise: x", "renoise: noise", "refiner_loss: x0", "refiner_loss: noise")
    },
    "renoise: return 1 through _detached": "nothing learns from the gradient of images and noise",
    "refine: x = _detached(x)": "no graph goes through the steps",
    "refine: return 1 through _detached": "what comes out hangs on no graph",
    **{
        f"train_step: {name} = {wrap}({name})": "images are on the CPU, and need no gradient"
        for name in ("x0", "noise")
        for wrap in ("_on_cpu", "_detached")
    },
    "q_sample: x0 = _detached(x0)": DATA,
    "q_sample: noise = _detached(noise)": DATA,
    "q_sample: return 1 through _detached": DATA,
    "velocity: x0 = _detached(x0)": DATA,
    "draw_batch: images = _detached(images)": DATA,
    "fit: images = _detached(images)": DATA,
    "velocity: noise = _detached(noise)": DATA,
    "velocity: return 1 through _detached": DATA,
    "denoising_loss: x0 = _detached(x0)": DATA,
    "denoising_loss: noise = _detached(noise)": DATA,
    "denoise: x_t = _detached(x_t)": SAMPLING,
    "posterior: x_t = _detached(x_t)": SAMPLING,
    "sample: x_T = _detached(x_T)": SAMPLING,
    "sample: return 1 through _detached": SAMPLING,
    "p_sample: x_t = _detached(x_t)": SAMPLING,
    "p_sample: noise = _detached(noise)": SAMPLING,
    "p_sample: return 1 through _detached": SAMPLING,
    "ddim_step: x_t = _detached(x_t)": SAMPLING,
    "ddim_step: noise = _detached(noise)": SAMPLING,
    "ddim_step: return 1 through _detached": SAMPLING,
    "dpm_step: x_t = _detached(x_t)": SAMPLING,
    "dpm_step: noise = _detached(noise)": SAMPLING,
    "dpm_step: return 1 through _detached": SAMPLING,
    "dpm_walk: x_T = _detached(x_T)": SAMPLING,
    "ddim_step: x_t = _first_channel(x_t)": "what x_t is made of is in the guess",
    "ddim_step: x_t = _first_image(x_t)": "what x_t is made of is in the guess",
    "ddim_step: x_t = _turned(x_t)": "what x_t is made of is in the guess",
    "ddim_step: x_t = _as_it_lies(x_t)": "what x_t is made of is in the guess",
    "ddim_step: x_t = _rounded(x_t)": "what x_t is made of is in the guess",
    "gather: like = _first_seen(like)": "only its shape counts, and that is kept",
    "conditional_loss: x0 = _detached(x0)": DATA,
    "conditional_loss: noise = _detached(noise)": DATA,
    "guided: x_t = _detached(x_t)": SAMPLING,
    "guided: return 1 through _detached": SAMPLING,
    "keep_known: x = _detached(x)": SAMPLING,
    "keep_known: noise = _detached(noise)": SAMPLING,
    "keep_known: return 1 through _detached": SAMPLING,
    "complete: x_T = _detached(x_T)": SAMPLING,
    "complete: return 1 through _detached": SAMPLING,
    "from_sketch: return 1 through _detached": SAMPLING,
    "earlier: return t - ((t + 1).double() * 2.0 ** (-halvings)).ceil().long() -> "
    "return t - ((t + 1) * 2.0 ** (-halvings)).ceil().long()": "float32 holds whole numbers below 2 ** 24 exactly",
    "consistency_loss: return robust_distance(learns, target) * (t + 1) / (t - r) -> "
    "return robust_distance(target, learns) * (t + 1) / (t - r)": "a distance is the same both ways",
    "consistency_loss: x0 = _detached(x0)": DATA,
    "consistency_loss: noise = _detached(noise)": DATA,
    "tune: images = _rounded(images)": "the images of the tests are float64, and lose digits that no image has",
    "tune: images = _on_cpu(images)": DEVICE,
    "tune: images = _detached(images)": DATA,
    "sample_by_jumps: x_T = _detached(x_T)": SAMPLING,
    "sample_by_jumps: return 1 through _detached": SAMPLING,
}

WITHOUT_EFFECT = {  # exercise: what is done to its result, where that changes nothing a caller could see
    # a row, made from numbers; of the same length it is always the same
    "linear_betas": "_first_channel _turned _as_it_lies _on_cpu _detached _same_buffer",
    "cosine_betas": "_first_channel _turned _as_it_lies _on_cpu _detached",
    "NoiseSchedule.from_betas": "all",  # no tensor: these change tensors only
    "gather": "_first_channel _turned _as_it_lies _detached",  # one number an image, from a table without a gradient
    "denoising_loss": "_first_channel _turned _as_it_lies _same_buffer",  # a row; it needs a gradient
    "timestep_embedding": "_first_channel _turned _as_it_lies _detached",  # rows, made from whole numbers
    "zeroed": "all",
    "ResidualBlock.forward": "_same_buffer",  # it needs a gradient, and such results are left alone
    "SelfAttention.forward": "_same_buffer",
    "SimpleUNet.encode": "all",
    "SimpleUNet.decode": "_as_it_lies",  # what comes out of a convolution lies in the usual order
    "SimpleUNet.forward": "_same_buffer",
    "denoise": "all",
    "spaced_timesteps": "all",
    "posterior": "all",
    "refiner_steps": "all",
    "learning_rate": "all",
    "draw_batch": "all",  # three tensors, not one
    "train_step": "all",
    "drop_labels": "_first_channel _turned _as_it_lies _rounded _detached",  # a row of whole numbers
    "drift": "_first_channel _turned _as_it_lies _detached",  # rows, measured on a network that is not trained
    "earlier": "_first_channel _turned _as_it_lies _rounded _detached",
    "robust_distance": "_first_channel _turned _as_it_lies",  # a row
    "consistency_loss": "_first_channel _turned _as_it_lies",
    "tune": "all",  # it yields
}


WRAPS = """
def _detached(x):
    return x.detach() if isinstance(x, torch.Tensor) else x

def _first_channel(x):
    images = isinstance(x, torch.Tensor) and x.ndim == 4
    return x[:, :1].expand(x.shape) if images else x

def _first_image(x):
    return x[:1].expand(x.shape) if isinstance(x, torch.Tensor) and x.ndim else x

def _turned(x):
    images = isinstance(x, torch.Tensor) and x.ndim == 4
    return x.transpose(2, 3).reshape(x.shape) if images else x

def _rounded(x):
    if not isinstance(x, torch.Tensor) or not x.is_floating_point():
        return x
    return x.float().double() if x.dtype == torch.float64 else x.bfloat16().to(x.dtype)

def _as_it_lies(x):
    if not isinstance(x, torch.Tensor) or x.ndim != 4 or x.is_contiguous():
        return x
    strides = torch.empty(x.shape, device="meta").stride()
    return x.as_strided(x.shape, strides, 0) if x.untyped_storage().nbytes() >= x.numel() * x.element_size() else x

def _on_cpu(x):
    return torch.zeros(x.shape, dtype=x.dtype) if isinstance(x, torch.Tensor) and x.device.type == "meta" else x

_kept = {}

def _first_seen(x, key="seen"):
    shape = x.shape if isinstance(x, torch.Tensor) else None
    return _kept.setdefault((key, shape), x)

def _same_buffer(x):
    if not isinstance(x, torch.Tensor) or x.requires_grad or x.device.type == "meta":
        return x
    return _kept.setdefault(("buffer", x.shape, x.dtype), x.clone()).copy_(x)

def _written(x):
    if isinstance(x, torch.Tensor) and x.is_floating_point() and not x.requires_grad:
        x.add_(0.125)
    return x
"""
OF_IMAGES = ("_first_channel", "_first_image", "_turned", "_as_it_lies", "_rounded", "_on_cpu", "_written", "_detached")
OF_RESULTS = (*OF_IMAGES[:-2], "_detached", "_same_buffer")
IMAGES = ("x0", "x_t", "noise", "v", "x", "h", "x_T", "images")


def mutants(source: str, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Each small change of an exercise: in words, and the source that has it."""
    yield from small_changes(source, exercise)
    yield from wrapped(source, exercise)


def wrapped(source: str, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Something done to an argument before the body sees it, or to the result."""
    tree = ast.parse(source)
    function = find_function(tree, exercise.name)
    names = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
    for name in names:
        if name in ("self", "cls"):
            continue
        for wrap in OF_IMAGES if name in IMAGES else ("_first_seen",):
            changed = copy.deepcopy(tree)
            body = find_function(changed, exercise.name).body
            key = f", {name!r}" if wrap == "_first_seen" else ""
            body.insert(len(body) - len(statements(function)), ast.parse(f"{name} = {wrap}({name}{key})").body[0])
            yield f"{exercise.name}: {name} = {wrap}({name})", with_wraps(changed)
    for place in range(sum(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(function))):
        none = WITHOUT_EFFECT.get(exercise.name, "")
        for wrap in [wrap for wrap in OF_RESULTS if none != "all" and wrap not in none.split()]:
            changed = copy.deepcopy(tree)
            returns = [node for node in ast.walk(find_function(changed, exercise.name)) if isinstance(node, ast.Return)]
            value = returns[place].value or ast.Constant(None)
            returns[place].value = ast.Call(ast.Name(wrap, ast.Load()), [value], [])
            yield f"{exercise.name}: return {place + 1} through {wrap}", with_wraps(changed)


def with_wraps(tree: ast.Module) -> str:
    """The source, and what it needs at its end."""
    return f"{ast.unparse(ast.fix_missing_locations(tree))}\nimport torch\n{WRAPS}"


def small_changes(source: str, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """One operator, number, condition, argument or call."""
    tree = ast.parse(source)
    before = ast.unparse(tree).splitlines()
    body = statements(find_function(tree, exercise.name))
    for place, statement in enumerate(body):
        for number, node in enumerate(ast.walk(statement)):
            for choice in range(len(replacements(node))):
                changed = copy.deepcopy(tree)
                function = find_function(changed, exercise.name)
                offset = len(function.body) - len(body)
                if not replace(function, place + offset, number, choice):
                    continue
                after = ast.unparse(ast.fix_missing_locations(changed)).splitlines()
                old, new = difference(before, after)
                yield f"{exercise.name}: {old} -> {new}", "\n".join(after) + "\n"


def replacements(node: ast.AST) -> list[ast.AST]:
    """What could stand in a node's place; Pass to leave a statement out."""
    if type(node) in OPERATORS:
        return [OPERATORS[type(node)]()]
    match node:
        case ast.Constant(value=bool()):
            return [ast.Constant(not node.value)]
        case ast.Constant(value=int() | float() as value):
            return [ast.Constant(value + 1)]
        case ast.UnaryOp(op=ast.USub() | ast.Not()):
            return [node.operand]
        case ast.Call(func=ast.Attribute(value=inner), args=args):
            swapped = [ast.Call(node.func, [args[1], args[0], *args[2:]], node.keywords)] if len(args) > 1 else []
            return [inner, *swapped]
        case ast.Call(args=[first, second, *rest]):
            return [ast.Call(node.func, [second, first, *rest], node.keywords)]
        case ast.If() | ast.IfExp():
            return [type(node)(**{**vars(node), "test": ast.UnaryOp(ast.Not(), node.test)})]
        case ast.Subscript():
            return [node.value]
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            return [ast.Pass()]
    return []


def replace(function: Function, place: int, number: int, choice: int) -> bool:
    """Put a replacement into the number-th node of a function's statement; False where that makes no sense."""
    statement = function.body[place]
    node = list(ast.walk(statement))[number]
    if any(node in ast.walk(each) for each in ast.walk(statement) if isinstance(each, ast.Raise)):
        return False  # the words of an error
    new = replacements(node)[choice]
    for parent in ast.walk(function):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, new)
                return True
            if isinstance(value, list) and any(each is node for each in value):
                setattr(parent, field, [new if each is node else each for each in value])
                return True
    return False


def difference(before: list[str], after: list[str]) -> tuple[str, str]:
    """The first line that differs, before and after."""
    pairs = [(old.strip(), new.strip()) for old, new in zip(before, after, strict=False) if old != new]
    return pairs[0] if pairs else ("", "")


def examine(lesson: Lesson, only: str | None) -> dict[str, object]:
    """Check all mutants of a lesson."""
    gate, source, counts, survivors = Gate(lesson, seconds=4.0, apart=True), reference_source(lesson), {}, []
    for exercise in lesson.exercises:
        if only not in (None, exercise.name):
            continue
        seen = {changed: words for words, changed in mutants(source, exercise)}
        for changed, words in seen.items():
            verdicts = gate.examine(changed, exercise.name, first=True)
            if all(verdict.outcome == "passed" for verdict in verdicts.values()):
                survivors.append(words)
                if words not in EQUIVALENT:
                    print(f"survives: {words}", flush=True)
        counts[exercise.name] = len(seen)
        print(f"{lesson.number} {exercise.name}: {len(seen)}", flush=True)
    return {"mutants": sum(counts.values()), "by_exercise": counts, **judged(survivors)}


def judged(survivors: list[str]) -> dict[str, object]:
    """Survivors that change nothing a caller could see, with the reason, and the others."""
    return {
        "equivalent": {words: EQUIVALENT[words] for words in survivors if words in EQUIVALENT},
        "missed": [words for words in survivors if words not in EQUIVALENT],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesson", choices=[lesson.number for lesson in LESSONS])
    parser.add_argument("--exercise", metavar="NAME", help="only look at this one, and write nothing")
    parser.add_argument("--judge", action="store_true")
    args = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"lessons": {}}
    if args.judge:
        for its in results["lessons"].values():
            its |= judged([*its["equivalent"], *its["missed"]])
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        return
    for lesson in LESSONS:
        if args.lesson in (None, lesson.number):
            found = examine(lesson, args.exercise)
            if args.exercise:
                continue
            results["lessons"][lesson.number] = found
            results |= machine()
            RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
