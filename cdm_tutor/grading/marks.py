"""What a teacher may want to look at. Marks change no points: there are honest reasons for all of them."""

import ast
import copy
from collections import defaultdict
from collections.abc import Iterable, Mapping

from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.syntax import NO_PYTHON, Function, find_function, statements, unwritten

SHORT = 60  # nodes of a syntax tree: bodies of fewer, of two or three lines, come out alike by themselves
HARMLESS = {
    *("__future__", "abc", "collections", "contextlib", "copy", "dataclasses", "einops", "enum", "functools"),
    *("itertools", "logging", "math", "numbers", "numpy", "operator", "pathlib", "random", "statistics", "time"),
    *("torch", "torchvision", "tqdm", "types", "typing", "typing_extensions", "warnings"),
}
MEDDLING = {"exec", "eval", "compile", "__import__", "globals", "setattr", "delattr"}
INSIDES = {
    "__code__",
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__closure__",
    "_getframe",
    "f_back",
    "f_globals",
}

Bodies = dict[tuple[str, str], str]  # a body without its own names, by lesson and exercise


def bodies(files: Mapping[str, bytes], lessons: Iterable[Lesson]) -> Bodies:
    """The bodies that a submission has written, brought into one form; short ones are left out."""
    found: Bodies = {}
    for lesson in lessons:
        if lesson.number not in files or (tree := parsed(files[lesson.number])) is None:
            continue
        empty = unwritten(files[lesson.number].decode("utf-8-sig"), lesson)
        for exercise in lesson.exercises:
            try:
                function = find_function(tree, exercise.name)
            except KeyError:
                continue
            if exercise.name not in empty and sum(len(list(ast.walk(each))) for each in statements(function)) >= SHORT:
                found[lesson.number, exercise.name] = one_form(function)
    return found


def references(lessons: Iterable[Lesson]) -> Bodies:
    """The package's own bodies in that form."""
    lessons = list(lessons)
    return bodies({lesson.number: reference_source(lesson).encode() for lesson in lessons}, lessons)


def alike(all_bodies: Mapping[str, Bodies], reference: Bodies) -> dict[tuple[str, str, str], str]:
    """Bodies that are like the package's own, or like another submission's: submission, lesson, exercise, and words."""
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for name, its in all_bodies.items():
        for (lesson, exercise), body in its.items():
            groups[lesson, exercise, body].append(name)
    found = {}
    for (lesson, exercise, body), names in groups.items():
        own = reference.get((lesson, exercise)) == body
        for name in names:
            others = [other for other in names if other != name]
            if own:
                found[name, lesson, exercise] = "like the package's own solution, but for names"
            elif others:
                listed = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if others[5:] else "")
                found[name, lesson, exercise] = f"like that of {listed}, but for names"
    return found


def one_form(function: Function) -> str:
    """A function without docstring, annotations and names of its own: equal for who only renamed or reformatted."""
    function = copy.deepcopy(function)
    function.body = statements(function) or [ast.Pass()]
    function.name, function.returns, function.decorator_list = "_", None, []
    return ast.dump(_Renamed(function).visit(function))


class _Renamed(ast.NodeTransformer):
    """Calls the names that a function makes by numbers, in the order in which they come."""

    def __init__(self, function: Function) -> None:
        self.own: dict[str, str] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.arg):
                self.own.setdefault(node.arg, f"_{len(self.own)}")
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.own.setdefault(node.id, f"_{len(self.own)}")

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(self.own[node.arg])

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.own.get(node.id, node.id), node.ctx)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        value = self.visit(node.value) if node.value else ast.Constant(None)
        return ast.Assign([self.visit(node.target)], value)


def unusual(files: Mapping[str, bytes], lessons: Iterable[Lesson]) -> list[str]:
    """What no exercise needs and a file has: imports, and names by which code looks into other code."""
    found = []
    for lesson in lessons:
        if lesson.number not in files or (tree := parsed(files[lesson.number])) is None:
            continue
        known = {lesson.module, *_imported(ast.parse(reference_source(lesson)))}
        imports = sorted(name for name in _imported(tree) - known if name.split(".")[0] not in HARMLESS)
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} & MEDDLING
        names |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & INSIDES
        listed = [
            *(f"imports {name}" for name in imports if not _is_stage(name)),
            *(f"uses {name}" for name in sorted(names)),
        ]
        if listed:
            found.append(f"lesson {lesson.number} {', '.join(listed)}")
    return found


def _imported(tree: ast.Module) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = node.module == "cdm_tutor"
            names |= {f"{node.module}.{each.name}" for each in node.names} if whole else {node.module}
    return names


def _is_stage(name: str) -> bool:
    """Whether it is one of the package's modules that lessons build on, and not what checks them."""
    return name.startswith("cdm_tutor.") and not name.startswith(("cdm_tutor.course", "cdm_tutor.grading"))


def parsed(content: bytes) -> ast.Module | None:
    """The syntax tree of a file; None if it is no Python."""
    try:
        return ast.parse(content.decode("utf-8-sig"))
    except NO_PYTHON:
        return None
