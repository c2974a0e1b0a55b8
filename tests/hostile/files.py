"""Hostile and broken learner files: what must not pass, hang, or cost another exercise its verdict.

Each has a name, where it is put, the code, and words that the learner must read. Where: at the head of a function's
body ("body": then the right body follows, "wrong": then a wrong one) or at the top of the file ("file").
"""

import ast
import textwrap
from typing import NamedTuple

from cdm_tutor.course.learner import reference_source
from cdm_tutor.course.lesson import Lesson
from cdm_tutor.course.outline import LESSONS
from cdm_tutor.course.syntax import find_function, statements


class Hostile(NamedTuple):
    """One of them."""

    name: str
    where: str
    code: str
    says: str


ENDS = "ended Python, with exit code"
KILLED = "was killed (SIGKILL)"
STOPPED = "still running after"
CHANGES = "for everybody and leaves it so"
ELSEWHERE = "compared in another process"

BODIES = [
    Hostile("exit-0", "body", "import os; os._exit(0)", f"{ENDS} 0"),
    Hostile("exit-3", "body", "import os; os._exit(3)", f"{ENDS} 3"),
    Hostile("sys-exit", "body", "import sys; sys.exit(0)", "SystemExit: 0"),
    Hostile("quit", "body", "quit()", "SystemExit"),
    Hostile("keyboard-interrupt", "body", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    Hostile("generator-exit", "body", "raise GeneratorExit", "GeneratorExit"),
    Hostile("base-exception", "body", "raise BaseException('no')", "BaseException: no"),
    Hostile("kill-itself", "body", "import os; os.kill(os.getpid(), 9)", KILLED),
    Hostile("kill-group", "body", "import os; os.killpg(0, 9)", KILLED),
    Hostile("terminate-itself", "body", "import os; os.kill(os.getpid(), 15)", "(SIGTERM)"),
    Hostile("interrupt-itself", "body", "import os, signal; os.kill(os.getpid(), signal.SIGINT)", "KeyboardInterrupt"),
    Hostile("abort", "body", "import os; os.abort()", "crashed inside a library (SIGABRT)"),
    Hostile("segfault", "body", "import ctypes; ctypes.string_at(0)", "crashed inside a library (SIGSEGV)"),
    Hostile("loop", "body", "while True: pass", STOPPED),
    Hostile("stubborn-loop", "body", "while True:\n    try:\n        while True: pass\n    except BaseException: pass", ""),
    Hostile("sleep", "body", "import time; time.sleep(1000)", STOPPED),
    Hostile("lock", "body", "import threading; lock = threading.Lock(); lock.acquire(); lock.acquire()", STOPPED),
    Hostile("loop-in-c", "body", "x = 3 ** 10 ** 9", ""),
    Hostile("deaf", "body", "import signal\nfor n in (signal.SIGALRM, signal.SIGPROF): signal.signal(n, signal.SIG_IGN)\nwhile True: pass", "did not come back"),
    Hostile("input", "body", "input('?')", "EOFError"),
    Hostile("recursion", "body", "def again(): again()\nagain()", "RecursionError"),
    Hostile("much-memory", "body", "import torch; x = torch.empty(1 << 42)", "RuntimeError"),
    Hostile("more-and-more-memory", "body", "x = []\nwhile True: x.append(bytearray(1 << 26))", ""),
    Hostile("skip", "body", "import pytest; pytest.skip('not today')", "only a test may leave itself out"),
    Hostile("skip-test", "body", "import unittest; raise unittest.SkipTest('no')", "only a test may leave itself out"),
    Hostile("xfail", "body", "import pytest; pytest.xfail('no')", "only a test may leave itself out"),
    Hostile("exit-pytest", "body", "import pytest; pytest.exit('bye', returncode=0)", "only a test may leave itself out"),
    Hostile("reject", "body", "import hypothesis; hypothesis.reject()", "only a test may leave itself out"),
    Hostile("assume", "body", "import hypothesis; hypothesis.assume(False)", "only a test may leave itself out"),
    Hostile("prints-much", "wrong", "print('x' * 100_000_000)", "yours"),
    Hostile("close-stdout", "wrong", "import sys; sys.stdout.close()", ""),
    Hostile("close-1", "wrong", "import os; os.close(1)", ""),
    Hostile("close-all", "wrong", "import os; os.closerange(0, 256)", ""),
    Hostile("writes-everywhere", "wrong", "import os\nfor n in range(64):\n    try: os.write(n, b'passed' * 9)\n    except OSError: pass", ""),
    Hostile("fork", "wrong", "import os; os.fork()", ""),
    Hostile("fork-and-go", "wrong", "import os\nif os.fork(): os._exit(0)", ""),
    Hostile("float64", "body", "import torch; torch.set_default_dtype(torch.float64)", CHANGES),
    Hostile("meta", "body", "import torch; torch.set_default_device('meta')", CHANGES),
    Hostile("no-gradients", "body", "import torch; torch.set_grad_enabled(False)", CHANGES),
    Hostile("seed", "body", "import torch; torch.manual_seed(0)", CHANGES),
    Hostile("threads", "body", "import torch; torch.set_num_threads(2)", CHANGES),
    Hostile("deterministic", "body", "import torch; torch.use_deterministic_algorithms(True)", CHANGES),
    Hostile("warnings", "body", "import warnings; warnings.simplefilter('error')", CHANGES),
    Hostile("path", "body", "import sys; sys.path.insert(0, '/nowhere')", CHANGES),
    Hostile("environment", "body", "import os; os.environ['NO_SUCH_NAME'] = '1'", CHANGES),
    Hostile("signals", "body", "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", CHANGES),
    Hostile("folder", "body", "import os, tempfile; os.chdir(tempfile.mkdtemp()); os.rmdir(os.getcwd())", CHANGES),
    Hostile("trace", "body", "import sys; sys.settrace(lambda *_: None)", CHANGES),
    Hostile("allclose", "wrong", "import torch; torch.allclose = torch.isclose = torch.equal = lambda *_, **__: True", CHANGES),
    Hostile("isclose", "wrong", "import torch; torch.isclose = lambda a, b, **_: torch.ones_like(a, dtype=torch.bool)", CHANGES),
    Hostile("checks", "wrong", "from cdm_tutor.course import checks\nchecks.same = checks.same_tensor = checks.expect = lambda *_, **__: None", CHANGES),
    Hostile("tensors-any", "wrong", "import torch; torch.Tensor.any = lambda *_: False", CHANGES),
    Hostile("isinstance", "wrong", "import builtins; builtins.isinstance = lambda *_: True", CHANGES),
    Hostile("tolerance", "wrong", "from cdm_tutor.course import checks\nfor kind in list(checks.RELATIVE): checks.RELATIVE[kind] = 1e9", ""),
    Hostile("same-code", "wrong", "from cdm_tutor.course import checks\nfor f in (checks.same_tensor, checks.expect): f.__code__ = (lambda *a, **k: None).__code__", ""),
    Hostile("wrong-is-nothing", "wrong", "from cdm_tutor.course import outcomes\noutcomes.Wrong.__init__ = lambda *_: None", ""),
    Hostile("whole-test", "wrong", "import sys\nframe = sys._getframe()\nwhile frame:\n    for name in list(frame.f_globals):\n        if name.startswith('test_'): frame.f_globals[name] = lambda **_: None\n    frame = frame.f_back", ""),
    Hostile("own-answers", "wrong", "from cdm_tutor.course import examiner\nexaminer.Examiner.test = lambda *_: {'outcome': 'passed'}", ""),
    Hostile("own-verdict", "wrong", "from cdm_tutor.course import examiner\nexaminer.Examiner.test = lambda *_: {'outcome': 'passed', 'text': ''}\nexaminer.Examiner.answers = lambda *_: []", ""),
    Hostile("calls-the-answer", "answer", "", "it calls the answer"),
]  # fmt: skip

FILES = [
    Hostile("exit-0", "file", "import os; os._exit(0)", f"while it is loaded, {ENDS} 0"),
    Hostile("kill-itself", "file", "import os; os.kill(os.getpid(), 9)", KILLED),
    Hostile("segfault", "file", "import ctypes; ctypes.string_at(0)", "crashed inside a library (SIGSEGV)"),
    Hostile("loop", "file", "while True: pass", STOPPED),
    Hostile("sleep", "file", "import time; time.sleep(1000)", STOPPED),
    Hostile("sys-exit", "file", "import sys; sys.exit(0)", "SystemExit: 0"),
    Hostile("interrupt", "file", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    Hostile("skip", "file", "import pytest; pytest.skip('no', allow_module_level=True)", "Skipped: no"),
    Hostile("exit-pytest", "file", "import pytest; pytest.exit('bye', returncode=0)", "Exit: bye"),
    Hostile("float64", "file", "import torch; torch.set_default_dtype(torch.float64)", CHANGES),
    Hostile("meta", "file", "import torch; torch.set_default_device('meta')", CHANGES),
    Hostile("no-gradients", "file", "import torch; torch.set_grad_enabled(False)", CHANGES),
    Hostile("allclose", "file", "import torch; torch.allclose = lambda *_, **__: True", CHANGES),
    Hostile("syntax", "file", "broken = (", "was never closed"),
    Hostile("import", "file", "import nothing_like_it", "ModuleNotFoundError"),
    Hostile("deep", "file", "x = " + "+".join(["1"] * 20_000), "nested too deeply"),
    Hostile("too-deep", "file", "x = " + "-" * 50_000 + "1", "nested too deeply"),
    Hostile("null", "file", "x = '\0'", "source code string cannot contain null bytes"),
    Hostile("closes-all", "file", "import os; os.closerange(0, 256)", ""),
    Hostile("calls-the-answer", "stars", "", "it calls the answer"),
]

ON_ALL = ("exit-0", "allclose", "calls-the-answer")  # on every lesson
QUICK = [LESSONS[place] for place in (0, 1, 4)]  # whose tests take the least time: the others on one of these, in turn
CASES = [
    (lesson, hostile)
    for kind in (BODIES, FILES)
    for place, hostile in enumerate(kind)
    for lesson in (LESSONS if hostile.name in ON_ALL else [QUICK[place % len(QUICK)]])
]


def with_it(lesson: Lesson, hostile: Hostile) -> str:
    """The reference's source with the hostile code in the lesson's second exercise, or at its top."""
    source = reference_source(lesson)
    if hostile.where == "file":
        return f"{hostile.code}\n{source}"
    if hostile.where == "stars":
        return f"from cdm_tutor.{lesson.module} import *\n"
    name = lesson.exercises[1].name
    function = find_function(ast.parse(source), name)
    lines, body = source.split("\n"), statements(function)
    code = hostile.code
    if hostile.where == "wrong":
        code += "\nreturn None"
    if hostile.where == "answer":
        given = ", ".join(argument.arg for argument in function.args.args)
        code = f"import cdm_tutor.{lesson.module}\nreturn cdm_tutor.{lesson.module}.{name}({given})"
    lines.insert(body[0].lineno - 1, textwrap.indent(code, " " * body[0].col_offset))
    return "\n".join(lines)
