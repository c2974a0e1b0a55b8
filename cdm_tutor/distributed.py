"""Several processes that train as one. The only file that imports torch.distributed.

Each process (a rank) has a copy of the network and takes its share of every batch; their gradients are added up.
Where no processes were launched together, every function here does what is right for one alone, mostly nothing, so
that no other code asks.
"""

import gc
import logging
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast
from uuid import uuid4

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import FileStore, GradBucket  # type: ignore[attr-defined]
from torch.nn.parallel import DistributedDataParallel

Value = TypeVar("Value")
STORE = "CDM_TUTOR_STORE"  # names a file through which the processes of one machine find each other
LAUNCHER = "CDM_TUTOR_LAUNCHER"  # the launcher's process id
# What stopped a launch. Its traceback holds torch's keep-alive timer, which a signal leaves running: let go of while it
# runs, it is cleared away in its own thread, waits for itself, and prints a traceback.
_stopped_by: list[BaseException] = []


def launched() -> bool:
    """Whether this process is one of several that a launcher started (torchrun, or launch below)."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def launch_id() -> str | None:
    """What the launcher calls the processes it started together; None where it gave no name of their own."""
    name = os.environ.get("TORCHELASTIC_RUN_ID", "none")  # torchrun's own default is "none" too
    return None if name == "none" else name


def restarts() -> int:
    """How often the launcher had to start the processes again."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def rank() -> int:
    """The number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def local_device(device: str) -> str:
    """The device of this process: of several GPUs on a machine each process has its own."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and launched() else device


@contextmanager
def together() -> Iterator[None]:
    """While it lasts, the launched processes are one group, which talks by NCCL between GPUs and gloo between CPUs."""
    if not launched():
        yield
        return
    end_with_launcher()
    if torch.cuda.is_available():
        torch.cuda.set_device(local_device("cuda"))
    if file := os.environ.get(STORE):
        number, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        store = FileStore(f"{file}-{restarts()}", world)  # after a restart they meet anew
        dist.init_process_group(store=store, rank=number, world_size=world)
    else:
        dist.init_process_group()
    yield
    gc.collect()  # a network that still held the group would keep gloo's threads alive into Python's end: a crash
    dist.destroy_process_group()  # not after an error: the others may be gone, and waiting for them would hang


def end_with_launcher() -> None:
    """From now on, end this process soon after its launcher has, which may have been killed: nobody trains unseen."""
    launcher = int(os.environ.get(LAUNCHER, os.getppid()))

    def watch() -> None:
        while os.getppid() == launcher:  # an orphan gets another parent
            time.sleep(0.5)
        os._exit(1)

    if os.name != "nt":  # there an orphan keeps its parent's number
        threading.Thread(target=watch, daemon=True).start()


def wrap(model: nn.Module) -> nn.Module:
    """The network to call in training: its backward pass adds up the gradients of all processes.

    DistributedDataParallel also hands every process the weights of the first. By itself it would average, which is
    right only where all have equally many images. Li et al. 2020, arXiv 2006.15704.
    """
    if not dist.is_initialized():
        return model
    network = DistributedDataParallel(model)
    network.register_comm_hook(None, _add_up)
    return network


def _add_up(_: None, bucket: GradBucket) -> torch.futures.Future[Tensor]:
    reduction = dist.all_reduce(bucket.buffer(), async_op=True)
    return reduction.get_future().then(lambda done: done.value()[0])


def exchanging(model: nn.Module, now: bool) -> AbstractContextManager[None]:
    """While it lasts, backward passes exchange gradients (now), or keep them here, to go with the next."""
    return nullcontext() if now or not isinstance(model, DistributedDataParallel) else model.no_sync()


def total(values: Tensor) -> Tensor:
    """The sum of a tensor over the processes; all get it."""
    if dist.is_initialized():
        dist.all_reduce(values)
    return values


def anywhere(flag: bool, device: str) -> bool:
    """Whether the flag is up in any process; all get the same answer."""
    return bool(total(torch.tensor(float(flag), device=device)) > 0)


def same(number: float) -> float:
    """The first process's number; all get it."""
    return float(total(torch.tensor(number if rank() == 0 else 0.0, dtype=torch.float64)))


def from_first(make: Callable[[], Value]) -> Value:
    """What the first process makes; all get it. If it raises there, it raises everywhere."""
    if not dist.is_initialized():
        return make()
    made: list[Any] = [None, None]  # the value, or what was raised
    if rank() == 0:
        try:
            made[0] = make()
        except Exception as error:
            made[1] = error
    dist.broadcast_object_list(made)
    if made[1]:
        raise made[1]
    return cast(Value, made[0])


def collect(mine: Value) -> list[Value]:
    """What each process has, in their order; all get the list."""
    if not dist.is_initialized():
        return [mine]
    everyone: list[Value] = [mine] * world_size()
    dist.all_gather_object(everyone, mine)
    return everyone


def report(error: BaseException) -> None:
    """Tell the launcher what went wrong here, so that it can say so once for all."""
    from torch.distributed.elastic.multiprocessing.errors import get_error_handler

    get_error_handler().record_exception(error)


def launch(processes: int, max_restarts: int, arguments: list[str]) -> int:
    """Run `python` with these arguments in several processes of this machine, by torch's elastic launcher.

    Nothing listens but on the loopback interface: the processes meet in a file. When one dies all are stopped, and
    started again up to max_restarts times.

    Returns:
        the exit code: 0, that of the first process that failed, or 128 + the signal that stopped us.
    """
    from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.disable()  # what matters we say ourselves
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    for library in ("GLOO", "NCCL"):
        os.environ.setdefault(f"{library}_SOCKET_IFNAME", loopback)
    os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"  # no server of the launcher's own
    with tempfile.TemporaryDirectory(prefix="cdm-tutor-") as folder:
        os.environ[LAUNCHER] = str(os.getpid())
        os.environ[STORE] = str(Path(folder) / "store")
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=processes,
            max_restarts=max_restarts,
            run_id=uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint=str(Path(folder) / "meeting"),
            rdzv_configs={"store_type": "file"},
            local_addr="127.0.0.1",
            logs_specs=DefaultLogsSpecs(log_dir=folder),
        )
        try:
            elastic_launch(config, sys.executable)(*arguments)
        except ChildFailedError as failed:
            number, failure = failed.get_first_failure()
            if failure.exitcode < 0:
                message = f"was killed by signal {-failure.exitcode}"
            else:
                message = _message(failure.message)
            where = f"process {number} of {processes}: " if processes > 1 else ""
            print(f"cdm-tutor: {where}{message}", file=sys.stderr)
            return failure.exitcode if failure.exitcode > 0 else 128 - failure.exitcode
        except SignalException as stopped:
            _stopped_by.append(stopped)
            return 128 + stopped.sigval
    return 0


def _message(recorded: object) -> str:
    text = recorded["message"] if isinstance(recorded, dict) else str(recorded)
    return " ".join(str(text).split())
