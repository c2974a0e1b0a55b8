"""What can be said of a learner's file without running it."""

import ast

from cdm_tutor.course.lesson import Lesson

Function = ast.FunctionDef | ast.AsyncFunctionDef
NO_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError)  # of the parser: the last two for what is too deep


def not_written(lesson: Lesson, exercise: str) -> str:
    """What an exercise raises until it is written."""
    return f"lesson {lesson.number}: {exercise}"


def unwritten(source: str, lesson: Lesson) -> list[str]:
    """The exercises that still do nothing but raise, in order. Those that are not there at all are not among them."""
    tree = ast.parse(source)
    names = []
    for exercise in lesson.exercises:
        try:
            body = statements(find_function(tree, exercise.name))
        except KeyError:
            continue
        call = f"raise NotImplementedError({not_written(lesson, exercise.name)!r})"
        if len(body) == 1 and ast.unparse(body[0]) == call:
            names.append(exercise.name)
    return names


def find_function(tree: ast.Module, name: str) -> Function:
    """The function of that qualified name.

    Raises:
        KeyError: if there is none.
    """
    node: ast.AST = tree
    for part in name.split("."):
        inner = [
            child
            for child in ast.iter_child_nodes(node)
            if isinstance(child, ast.ClassDef | Function) and child.name == part
        ]
        if not inner:
            raise KeyError(name)
        node = inner[-1]
    if not isinstance(node, Function):
        raise KeyError(name)
    return node


def find_class(tree: ast.Module, name: str) -> ast.ClassDef | None:
    """The class that a method of that qualified name belongs to, if there is one."""
    owner, _, method = name.rpartition(".")
    found = [node for node in tree.body if method and isinstance(node, ast.ClassDef) and node.name == owner]
    return found[-1] if found else None


def statements(function: Function) -> list[ast.stmt]:
    """What a function does, its docstring left out."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def binds(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a file makes."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {bound(each) for each in names}
        case ast.Assign(targets=targets):
            return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def bound(imported: ast.alias) -> str:
    """The name that an import makes."""
    return (imported.asname or imported.name).split(".")[0]
