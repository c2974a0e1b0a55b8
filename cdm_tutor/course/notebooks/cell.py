"""An exercise as the text of a cell: taken out of the learner's file, and put back into it. All else stays there."""

import ast
import textwrap

from cdm_tutor.course.lesson import Exercise, Lesson
from cdm_tutor.course.syntax import binds, find_class, find_function

Import = ast.Import | ast.ImportFrom
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def taken(source: str, name: str) -> str:
    """An exercise as it stands in a module, with its decorators and the comments right above; a method as a function.

    Raises:
        SyntaxError, ValueError: if the source is no Python.
        KeyError: if it is not there.
    """
    lines, function = source.split("\n"), find_function(ast.parse(source), name)
    first, last = _extent(lines, function)
    indent = " " * function.col_offset
    return "\n".join(line.removeprefix(indent) for line in lines[first:last])


def put(source: str, lesson: Lesson, exercise: Exercise, cell: str) -> str:
    """A module's source with an exercise as a cell has it.

    Functions, classes, constants and imports that stand beside it in the cell are put before it, or in the place of
    what has their names. A method may stand in the cell as a function, or in a class of its name.

    Args:
        source: of the learner's file.
        lesson: which lesson.
        exercise: which of its exercises.
        cell: the text of the cell.

    Raises:
        SyntaxError: if one of them is no Python.
        ValueError: if the exercise is not in the cell, or what stands beside it cannot be taken.
    """
    tree = _unfolded(ast.parse(cell), exercise)
    short, lines = exercise.name.split(".")[-1], cell.split("\n")
    mine = [node for node in tree.body if isinstance(node, Definition) and node.name == short]
    if not mine:
        raise ValueError(f"there is no def {short} in this cell: it is what %%exercise {exercise.name} looks for")
    for node in tree.body:
        if node not in mine:
            source = _beside(source, lesson, exercise, node, _text(lines, node))
    return _in_place(source, exercise.name, _text(lines, mine[-1]))


def line_of(source: str, name: str) -> tuple[int, int]:
    """Between which lines of a module, counted from 1, an exercise stands.

    Raises:
        SyntaxError, ValueError, KeyError: as `taken`.
    """
    first, last = _extent(source.split("\n"), find_function(ast.parse(source), name))
    return first + 1, last


def _unfolded(tree: ast.Module, exercise: Exercise) -> ast.Module:
    """A cell's syntax; where a method stands in a class of its name, the method in the place of the class."""
    if owner := find_class(tree, exercise.name):
        inside = [node for node in owner.body if not _is_words(node)]
        if len(inside) != 1:
            raise ValueError(
                f"class {owner.name} in this cell must hold {exercise.name} and no more: the rest is there"
            )
        tree.body[tree.body.index(owner)] = inside[0]
    return tree


def _is_words(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _extent(lines: list[str], node: ast.stmt) -> tuple[int, int]:
    """The lines of a statement, from 0, the last left out; comments right above it and at its end are its."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    first = min([node.lineno, *(each.lineno for each in decorators)]) - 1
    margin = " " * node.col_offset
    while first and lines[first - 1].startswith(f"{margin}#"):
        first -= 1
    last = now = node.end_lineno or node.lineno
    while now < len(lines) and (not lines[now].strip() or lines[now].startswith(f"{margin} ")):
        now += 1
        if lines[now - 1].strip().startswith("#"):
            last = now
    return first, last


def _text(lines: list[str], node: ast.stmt) -> str:
    """A statement of a cell, without the margin that it may have there."""
    first, last = _extent(lines, node)
    return "\n".join(line.removeprefix(" " * node.col_offset) for line in lines[first:last])


def _in_place(source: str, name: str, text: str) -> str:
    """A module with a function in the place of the one of that name; if there is none, at the end of class or file."""
    tree, lines = ast.parse(source), source.split("\n")
    owner, _, short = name.rpartition(".")
    home = find_class(tree, name)
    if owner and not home:
        raise ValueError(f"the file has no class {owner}, where {short} belongs")
    try:
        node = find_function(tree, name)
        first, last = _extent(lines, node)
        lines[first:last] = [textwrap.indent(text, " " * node.col_offset)]
    except KeyError:
        end = _extent(lines, home)[1] if home else len(source.rstrip("\n").split("\n"))
        lines[end:end] = ["", textwrap.indent(text, " " * home.body[-1].col_offset)] if home else ["", "", text]
    return "\n".join(lines)


def _beside(source: str, lesson: Lesson, exercise: Exercise, node: ast.stmt, text: str) -> str:
    """A module with what stands beside an exercise in its cell."""
    if isinstance(node, Import):
        return _imported(source, node, text)
    names = binds(node)
    if _is_words(node):
        return source
    if not names:
        raise ValueError(
            f"line {node.lineno + 1} here, {text.splitlines()[0]}, is no part of {exercise.name}: try things in a cell "
            "of their own; beside it can stand functions, classes, constants and imports"
        )
    for other in lesson.exercises:
        if other.name.split(".")[0] in names:
            raise ValueError(f"{other.name} is an exercise: it has a cell of its own, %%exercise {other.name}")
    tree, lines = ast.parse(source), source.split("\n")
    for there in tree.body:
        if names & binds(there) and not isinstance(there, Import):
            first, last = _extent(lines, there)
            lines[first:last] = [text]
            return "\n".join(lines)
    top = exercise.name.split(".")[0]
    before = next((_extent(lines, each)[0] for each in tree.body if top in binds(each)), len(lines))
    lines[before:before] = [text, "", ""]
    return "\n".join(lines)


def _imported(source: str, node: Import, text: str) -> str:
    """A module with an import after its others, if it has it not yet."""
    tree = ast.parse(source)
    there = [each for each in tree.body if isinstance(each, Import)]
    wanted = {(getattr(node, "module", None), alias.name, alias.asname) for alias in node.names}
    if wanted <= {(getattr(each, "module", None), alias.name, alias.asname) for each in there for alias in each.names}:
        return source
    lines = source.split("\n")
    after = there[-1].end_lineno or 0 if there else (tree.body[0].end_lineno or 0 if ast.get_docstring(tree) else 0)
    lines[after:after] = [text]
    return "\n".join(lines)
