"""A launch whose keep-alive timer is always at work, as it may be by chance on a busy machine."""

import sys
import time
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import torch.distributed.elastic.rendezvous.dynamic_rendezvous as rendezvous
from torch.distributed.elastic.rendezvous.utils import _PeriodicTimer

from cdm_tutor.distributed import launch


class Restless(_PeriodicTimer):
    def __init__(self, interval: timedelta, *rest: Any) -> None:
        super().__init__(timedelta(0), *rest)


with (
    patch.object(rendezvous, "_PeriodicTimer", Restless),
    patch.object(rendezvous.DynamicRendezvousHandler, "_keep_alive", lambda self: time.sleep(0.005)),
):
    code = launch(1, 0, ["-c", "import time; print('up', flush=True); time.sleep(60)"])
    time.sleep(0.2)  # for the timer to be the last that holds on to anything
sys.exit(code)
