"""A place for a stranger's code: a folder that it may write into, no network, and no process but its own.

Linux can do that for any user, with namespaces, where its administrator allows them. What cannot be had on a system is
left out, and `walls` says which.
"""

import ctypes
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

NETWORK, PROCESSES, FILES = "network", "processes", "files"  # what can be walled off
WALLS = (NETWORK, PROCESSES, FILES)
MEMORY = 4 << 30  # bytes of address space beyond what a process begins with
WRITES = 64 << 20  # bytes of a file that it writes

# from Linux's sched.h, mount.h and prctl.h
NEW_USER = 0x10000000
NEW = {NETWORK: 0x40000000, PROCESSES: 0x20000000 | 0x08000000, FILES: 0x00020000}
PRIVATE, BIND = 0x4000 | 0x40000, 0x1000
MOUNT_SETATTR, RECURSIVE, READ_ONLY = 442, 0x8000, 1
DIE_WITH_PARENT = 1


@dataclass(frozen=True)
class Enclosure:
    """Where a process lives.

    Attributes:
        folder: its working folder, the only place that it can write to where files are walled off.
        walls: what it is walled off from, of what `walls` says is possible.
    """

    folder: Path
    walls: frozenset[str]

    @property
    def depth(self) -> int:
        """How many processes below the one that comes in the work is done."""
        return 2 if PROCESSES in self.walls else 0

    def enter(self) -> None:
        """Come in. Behind the wall a process cannot see others only if it is new: then the old one waits for its end.

        Raises:
            OSError: if the walls cannot be had.
        """
        _limit()
        _die_with_parent()
        _wall_off(self.folder, self.walls)
        if PROCESSES in self.walls:
            if guardian := os.fork():
                _end_as(guardian)
            _die_with_parent()
            if inner := os.fork():
                _guard(inner)
        os.chdir(self.folder)
        os.environ.update(dict.fromkeys(("HOME", "TMPDIR"), str(self.folder)))


@cache
def walls() -> frozenset[str]:
    """What can be walled off on this system: tried out, in processes that end at once."""
    return frozenset(wall for wall in WALLS if _can(wall))


def _can(wall: str) -> bool:
    if not hasattr(os, "fork"):
        return False
    if pid := os.fork():
        return os.waitpid(pid, 0)[1] == 0
    try:
        _wall_off(Path("/tmp"), frozenset([wall]))
        os._exit(0)
    finally:
        os._exit(1)


def _wall_off(folder: Path, walls: frozenset[str]) -> None:
    if not walls:
        return
    uid, gid = os.getuid(), os.getgid()
    kinds = sum(NEW[wall] for wall in walls)
    if _libc().unshare(NEW_USER | kinds) == 0:  # as another user, who has no power over processes outside
        with suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
        for name, number in (("uid", uid), ("gid", gid)):
            Path(f"/proc/self/{name}_map").write_text(f"{number} {number} 1")
    else:
        _must(_libc().unshare(kinds))
    if FILES in walls:
        _make_read_only_but(folder)


def _make_read_only_but(folder: Path) -> None:
    """Mount all that can be seen anew: to be read only, except one folder."""
    here = os.fsencode(folder)
    _must(_libc().mount(None, b"/", None, PRIVATE, None))
    _must(_libc().mount(here, here, None, BIND, None))
    _set_mount(b"/", RECURSIVE, (READ_ONLY, 0))
    _set_mount(here, 0, (0, READ_ONLY))


def _set_mount(path: bytes, flags: int, change: tuple[int, int]) -> None:
    attributes = (ctypes.c_uint64 * 4)(*change, 0, 0)  # to set, to clear, propagation, user
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    _must(_libc().syscall(ctypes.c_long(MOUNT_SETATTR), -1, path, flags, attributes, size))


def _limit() -> None:
    """Limits beside those that every learner's code has: no code of a class may fill memory or disk."""
    with suppress(ImportError, OSError, ValueError, IndexError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (WRITES, WRITES))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _die_with_parent() -> None:
    """Outlive no one who was killed."""
    with suppress(AttributeError):  # Linux only
        _libc().prctl(DIE_WITH_PARENT, signal.SIGKILL)


def _guard(inner: int) -> NoReturn:
    """The first process behind the wall, with which all others there end: ends when that one does."""
    while True:
        pid, status = os.wait()
        if pid == inner:
            os._exit(128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))


def _end_as(guardian: int) -> NoReturn:
    """Wait for the guardian, and end in the way that it tells of."""
    _, status = os.waitpid(guardian, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    number = code - 128
    if 0 < number < signal.NSIG:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(code)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(code: int) -> None:
    if code != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
