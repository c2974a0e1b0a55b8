"""What the lessons' tests catch beyond the known mistakes: change each solution in every small way, and look.

    python benchmarks/mutations.py [--lesson 03]
    python benchmarks/mutations.py --judge          # only sort the survivors of last time again

A change is one operator, number, condition, argument or call of an exercise's body. The changed solution is checked as
a learner's would be. Survivors are changes that no test objects to: those that change nothing a caller could see are
listed in EQUIVALENT with the reason, the others are gaps. Writes benchmarks/results/mutations.json.
"""

import argparse
import ast
import copy
import io
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from machine import machine

from cdm_tutor.course.commands import file_of, init
from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.syntax import find_function, statements

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
    "perturb: shuffled = torch.randperm(noise[0].numel(), generator=seeded(0)).to(noise.device) -> "
    "shuffled = torch.randperm(noise[0].numel(), generator=seeded(0))": DEVICE,
    "perturb: shuffled = torch.randperm(noise[0].numel(), generator=seeded(0)).to(noise.device) -> "
    "shuffled = torch.randperm(noise[0].numel(), generator=seeded(1)).to(noise.device)": "any order will do",
    "perturb: return noise + PERTURBATION * other -> return noise - PERTURBATION * other": "noise has no sign",
    "learning_rate: rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0 -> "
    "rise = min((step + 1) / settings.warmup, 1.0) if settings.warmup else 1.0": "the smaller of the same two",
    "update_ema: d = min(decay, (1 + step) / (10 + step)) -> "
    "d = min((1 + step) / (10 + step), decay)": "the smaller of the same two",
    "share_of_epoch: sampler: DistributedSampler[Any] = DistributedSampler(TensorDataset(torch.arange(n)), world, "
    "rank, seed=seed) -> sampler: DistributedSampler = DistributedSampler(TensorDataset(torch.arange(n)), world, rank, "
    "seed=seed)": "an annotation",
    "draw_batch: x0, place = (images[order[mine].to(images.device)], place[mine]) -> "
    "x0, place = (images[order[mine]], place[mine])": DEVICE,
    "draw_batch: generator = seeded(settings.seed, 1, step) -> generator = seeded(1, settings.seed, step)": STREAM,
    "draw_batch: generator = seeded(settings.seed, 1, step) -> generator = seeded(settings.seed, 2, step)": STREAM,
    "draw_batch: noise = draw_like(images[:settings.batch], generator)[place.to(images.device)] -> "
    "noise = draw_like(images[:settings.batch], generator)[place]": DEVICE,
    "draw_batch: noise = draw_like(images[:settings.batch], generator)[place.to(images.device)] -> "
    "noise = draw_like(images, generator)[place.to(images.device)]": "more noise is drawn than is used",
    "draw_batch: return (x0, t[place].to(x0.device), noise) -> return (x0, t[place], noise)": DEVICE,
    "train_step: losses.append(loss.detach()) -> losses.append(loss)": "the same numbers",
}


def mutants(source: str, exercise: Exercise) -> Iterator[tuple[str, str]]:
    """Each small change of an exercise: in words, and the source that has it."""
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
        case ast.Constant(value=int() | float()):
            return [ast.Constant(node.value + 1)]
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


def replace(function: ast.AST, place: int, number: int, choice: int) -> bool:
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


def examine(lesson: Lesson, folder: Path) -> dict[str, object]:
    """Check all mutants of a lesson."""
    sys.path.insert(0, str(ROOT / "tests"))
    from test_course import run

    file = folder / file_of(lesson)
    source, counts, survivors = reference_source(lesson), {}, []
    for exercise in lesson.exercises:
        seen = {changed: words for words, changed in mutants(source, exercise)}
        for changed, words in seen.items():
            file.write_text(changed)
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                done = run(file.parent, "-x", "--time-limit", "10")
            if done.code == 0:
                survivors.append(words)
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


def solve(folder: Path) -> None:
    """Put the reference's solution into each lesson of a learner's folder."""
    for lesson in LESSONS:
        (folder / file_of(lesson)).write_text(reference_source(lesson))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lesson", choices=[lesson.number for lesson in LESSONS])
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
            with tempfile.TemporaryDirectory() as folder:
                init(Path(folder))
                solve(Path(folder))
                results["lessons"][lesson.number] = examine(lesson, Path(folder))
            results |= machine()
            RESULTS.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
