"""A digest of code that changes only when what the code does may have changed.

From where a product is made, the names that the code speaks of are followed through the modules of the repository:
functions, classes and constants. Of each that is reached only what Python acts on counts: not its layout, its comments,
its docstrings and annotations, nor what its local variables are called. Nothing is imported or run.

What is looked up only while it runs cannot be followed: `import_module(...)`, `getattr(...)`. Whoever makes a product
so names those functions as well. Some modules are not followed: the records of exercises and mistakes are data, mostly
words, and the patches that count are added by the name of the mistake; that a module comes out as its source says, and
that several processes train what one trains, is held by tests.
"""

import ast
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from workshop.places import ROOT

PACKAGES = ("cdm_tutor", "workshop")
NOT_FOLLOWED = (
    "cdm_tutor.course.lessons", "cdm_tutor.course.mistakes", "cdm_tutor.course.variants", "cdm_tutor.course.outline",
    "cdm_tutor.course.learner", "cdm_tutor.distributed",
)  # fmt: skip
Place = tuple[str, str]  # module and a name of its top level; "" stands for what runs when the module is imported

Start = Callable[..., object] | type


@cache
def digest(*starts: Start) -> str:
    """The hash of all code that is reached from some functions and classes."""
    places = reached(*starts)
    text = "\n".join(f"{module}.{name} {code_of(module, name)}" for module, name in sorted(places))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def words(*starts: Start) -> frozenset[str]:
    """All strings in the code that is reached."""
    statements = [statement for module, name in reached(*starts) for statement in source(module).defined.get(name, [])]
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return frozenset(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def reached(*starts: Start) -> set[Place]:
    """Where the code is that is reached from there: (module, name) of each function, class and constant."""
    found: set[Place] = set()
    new = [(start.__module__, start.__qualname__.split(".")[0]) for start in starts]
    while new:
        place = new.pop()
        if place not in found:
            found |= {place, (place[0], "")}
            new += [*leads_to(*place), *leads_to(place[0], "")]
    return found


@dataclass
class Source:
    """A module as it is written.

    Attributes:
        defined: its functions, classes and constants by name, and the statements that make them.
        imported: its names for what is in other modules of the repository: (module, name), or (module, "") for a whole.
        run: what else happens when it is imported.
    """

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, Place] = field(default_factory=dict)
    run: list[ast.stmt] = field(default_factory=list)

    def statements(self, name: str) -> list[ast.stmt]:
        """Those that define a name; for "" what else is run."""
        return self.defined.get(name, []) if name else self.run


@cache
def source(module: str) -> Source:
    """The source of a module, taken apart."""
    found = Source()
    for statement in ast.parse(_file(module)).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            found.imported |= _imports(statement)
        elif names := list(_names_bound(statement)):
            for name in names:
                found.defined.setdefault(name, []).append(statement)
        elif not (_is_docstring(statement) or _is_for_types(statement)):
            found.run.append(statement)
            for node in ast.walk(statement):
                found.imported |= _imports(node) if isinstance(node, ast.Import | ast.ImportFrom) else {}
    return found


def _file(module: str) -> str:
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return name.split(".")[0] in PACKAGES and (path.with_suffix(".py").exists() or (path / "__init__.py").exists())


def _imports(statement: ast.Import | ast.ImportFrom) -> dict[str, Place]:
    """What an import names, where it is of the repository."""
    if isinstance(statement, ast.Import):
        return {(each.asname or each.name): (each.name, "") for each in statement.names if _is_module(each.name)}
    module, found = statement.module or "", {}
    for each in statement.names:
        if _is_module(f"{module}.{each.name}"):
            found[each.asname or each.name] = (f"{module}.{each.name}", "")
        elif _is_module(module):
            found[each.asname or each.name] = (module, each.name)
    return found


def _names_bound(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module's top level defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))


@cache
def leads_to(module: str, name: str) -> frozenset[Place]:
    """Where one step leads from a name of a module."""
    here = source(module)
    nodes = [node for statement in here.statements(name) for node in _acting(statement)]
    if name and not nodes:  # passed on from yet another module
        return frozenset({here.imported[name]} if name in here.imported else ())
    known, found = dict(here.imported), set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            known |= _imports(node)
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            target, of = known[node.value.id]
            found.add((target, of or node.attr))
        elif isinstance(node, ast.Name) and node.id in known:
            found.add(known[node.id])
        elif isinstance(node, ast.Name) and node.id in here.defined:
            found.add((module, node.id))
    return frozenset((target, of) for target, of in found if of and not target.startswith(NOT_FOLLOWED))


def _acting(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it on which Python acts: no annotations."""
    yield node
    for _, value in _fields(node):
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, ast.AST):
                yield from _acting(each)


def _fields(node: ast.AST) -> Iterator[tuple[str, object]]:
    """What a node holds; not what differs between versions of Python or says nothing."""
    for name, value in ast.iter_fields(node):
        if name in ("ctx", "kind", "type_comment", "annotation", "returns", "type_ignores") or value in ([], None):
            continue
        if name == "body" and isinstance(value, list):
            value = [each for each in value if not _is_docstring(each)]
        yield name, value


def _is_docstring(statement: object) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_for_types(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING"


@cache
def code_of(module: str, name: str) -> str:
    """What Python acts on in the statements that define a name of a module."""
    return " ".join(_written(statement, {}) for statement in source(module).statements(name))


def _written(node: object, renamed: dict[str, str]) -> str:
    """A node and all below it as text, local variables numbered as they come."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        renamed = _scope(node, renamed)
    if isinstance(node, ast.AST):
        inside = (
            f"{name}={renamed.get(str(value), value)}"
            if name in NAMES.get(type(node), ())
            else f"{name}={_written(value, renamed)}"
            for name, value in _fields(node)
        )
        return f"{type(node).__name__}({','.join(inside)})"
    if isinstance(node, list):
        return "[" + ",".join(_written(each, renamed) for each in node) + "]"
    return repr(node)


NAMES: dict[type[ast.AST], tuple[str, ...]] = {  # where the name of a variable stands
    ast.Name: ("id",), ast.arg: ("arg",), ast.FunctionDef: ("name",), ast.ExceptHandler: ("name",),
}  # fmt: skip


def _scope(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, outer: dict[str, str]) -> dict[str, str]:
    """New names for the variables of a function. Its parameters are for its callers to see, but for a lambda's."""
    parameters = [each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)]
    bound = [*parameters] if isinstance(function, ast.Lambda) else []
    for node in (each for each in ast.walk(function) if each is not function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            bound.append(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ExceptHandler) and node.name:
            bound.append(node.name)
    kept = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    if not isinstance(function, ast.Lambda):
        kept |= set(parameters)
    inner = {name: new for name, new in outer.items() if name not in kept}
    new = [name for name in dict.fromkeys(bound) if name not in kept | inner.keys() or name in parameters]
    return inner | {name: f"local{len(inner) + place}" for place, name in enumerate(new)}
