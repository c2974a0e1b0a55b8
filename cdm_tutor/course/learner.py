"""Whose code is checked: the learner's file, the reference, a known mistake or a variant. All are made from source."""

import ast
import itertools
import linecache
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import CodeType, ModuleType

import cdm_tutor
from cdm_tutor.course.lesson import Lesson, Patch
from cdm_tutor.course.mistakes import mistakes_of
from cdm_tutor.course.outcomes import DoesNotLoad
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.syntax import binds, bound, find_class, find_function
from cdm_tutor.course.variants import variants_of

_numbers = itertools.count()


def reference_source(lesson: Lesson) -> str:
    """The source of a lesson's reference module."""
    return Path(cdm_tutor.__path__[0], f"{lesson.module}.py").read_text(encoding="utf-8")


def patched(source: str, patch: Patch) -> str:
    """The source with each find replaced.

    Raises:
        ValueError: if a find does not occur exactly once.
    """
    for find, replace in patch:
        if source.count(find) != 1:
            raise ValueError(f"expected once, found {source.count(find)} times: {find!r}")
        source = source.replace(find, replace)
    return source


def load(source: str, name: str, filename: str, tree: ast.Module | None = None) -> ModuleType:
    """Make a module from source text. Tracebacks through it show these very lines, under that file name.

    It is not imported under `name`, so it never stands in the way of another module: see `standing_in` for that.

    Args:
        source: the text.
        name: what to call the module.
        filename: where the text is from.
        tree: what to run instead of the text, as from `alone`.

    Raises:
        DoesNotLoad: if the source is no Python or raises while it is run.
    """
    module = ModuleType(f"{name}_{next(_numbers)}")  # dataclasses look their module up by name, so it must be unique
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[module.__name__] = module
    try:
        exec(_compiled(tree or source, filename), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise DoesNotLoad from error
    return module


def _compiled(source: str | ast.Module, filename: str) -> CodeType:
    try:
        return compile(source, filename, "exec", dont_inherit=True)
    except (RecursionError, MemoryError):  # of the parser
        raise SyntaxError("nested too deeply for Python", (filename, 1, 0, "")) from None


def alone(source: str, lesson: Lesson, exercises: Collection[str]) -> ast.Module:
    """A learner's file with some exercises as they are there, and the reference in the place of the others.

    So an exercise is judged by itself, whatever is wrong with those around it. What the reference has at the top level
    and the file has not comes with it. In tracebacks the reference's lines are the heads of the learner's functions.

    Raises:
        NO_PYTHON: if the source is no Python.
    """
    tree, reference = ast.parse(source), ast.parse(reference_source(lesson))
    for other in lesson.exercises:
        if other.name in exercises:
            continue
        theirs = find_function(reference, other.name)
        try:
            mine = find_function(tree, other.name)
        except KeyError:
            if owner := find_class(tree, other.name):
                owner.body.append(theirs)
            continue
        for node in ast.walk(theirs):
            ast.copy_location(node, mine)
        vars(mine).update(vars(theirs))
    names = set().union(*map(binds, tree.body)) | {exercise.split(".")[0] for exercise in exercises}
    for node in reference.body:
        if isinstance(node, ast.Import | ast.ImportFrom):  # of which the file may have some names and not all
            node.names = [each for each in node.names if bound(each) not in names]
        if binds(node) and not binds(node) & names:
            tree.body.append(node)
    return tree


def differs_elsewhere(source: str, lesson: Lesson) -> bool:
    """Whether a learner's file differs from the reference in more than what its exercises do.

    Raises:
        NO_PYTHON: if the source is no Python.
    """
    trees = [ast.parse(text) for text in (source, reference_source(lesson))]
    for tree in trees:
        for exercise in lesson.exercises:
            with suppress(KeyError):
                find_function(tree, exercise.name).body = []
    mine, theirs = (ast.dump(tree) for tree in trees)
    return mine != theirs


@contextmanager
def standing_in(modules: dict[str, ModuleType]) -> Iterator[None]:
    """While this lasts, whoever imports `cdm_tutor.NAME` gets the module given under that name."""
    names = [f"cdm_tutor.{name}" for name in modules]
    before = {name: sys.modules.get(name) for name in names}
    attributes = {name: getattr(cdm_tutor, name, None) for name in modules}
    sys.modules.update(zip(names, modules.values(), strict=True))
    vars(cdm_tutor).update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module:
                sys.modules[name] = module
        for name, attribute in attributes.items():
            delattr(cdm_tutor, name)
            if attribute:
                setattr(cdm_tutor, name, attribute)


@dataclass(frozen=True)
class Implementation:
    """Whose code: "learner", "reference", or "mistake" or "variant" with the name of one."""

    kind: str = "learner"
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> "Implementation":
        """Read learner, reference, mistake:NAME or variant:NAME.

        Raises:
            ValueError: if there is nothing of that kind or name.
        """
        kind, _, name = text.partition(":")
        if kind not in ("learner", "reference", "mistake", "variant"):
            raise ValueError(f"expected learner, reference, mistake:NAME or variant:NAME, got {text!r}")
        known = [""] if kind in ("learner", "reference") else list(_patches(kind))
        if name not in known:
            raise ValueError(f"no {kind} is called {name!r}: try {', '.join(get_close_matches(name, known) or known)}")
        return cls(kind, name)

    def __str__(self) -> str:
        """In words, for the header."""
        return {
            "learner": "your own code",
            "reference": "the reference solution, not your code",
            "mistake": f"the known mistake {self.name}, not your code",
            "variant": f"the correct variant {self.name}, not your code",
        }[self.kind]

    def source(self, lesson: Lesson, folder: Path) -> tuple[str, str]:
        """The source of a lesson's module, and the name of its file. Lessons without the patch have the reference's.

        Args:
            lesson: which lesson.
            folder: the folder of the learner's file.

        Raises:
            DoesNotLoad: if the learner's file is missing or no text.
        """
        if self.kind == "learner":
            return learner_source(folder / f"{lesson.module}.py")
        source, where = reference_source(lesson), f"<{self.kind} {lesson.module}>"
        if self.kind != "reference":
            of, patch = _patches(self.kind)[self.name]
            if of == lesson:
                return patched(source, patch), f"<{self.kind} {self.name}>"
        return source, where


def learner_source(path: Path) -> tuple[str, str]:
    """The text of the learner's file, and its name.

    Raises:
        DoesNotLoad: if it is missing, cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig"), str(path)
    except FileNotFoundError:
        raise DoesNotLoad(f"{path} is not there: was it moved or renamed?") from None
    except UnicodeDecodeError:
        raise DoesNotLoad(f"{path} is not UTF-8 text: save it as UTF-8") from None
    except OSError as error:
        raise DoesNotLoad(f"{path} cannot be read: {error.strerror}") from None


def _patches(kind: str) -> dict[str, tuple[Lesson, Patch]]:
    """All mistakes, or all variants: name to lesson and patch."""
    of = mistakes_of if kind == "mistake" else variants_of
    return {each.name: (lesson, each.patch) for lesson in LESSONS for each in of(lesson)}
