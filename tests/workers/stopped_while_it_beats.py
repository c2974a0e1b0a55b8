"""A launch whose keep-alive timer is always at work, as it may be by chance on a busy machine."""

import sys
import time
from datetime import timedelta

import torch.distributed.elastic.rendezvous.dynamic_rendezvous as rendezvous

from cdm_tutor.distributed import launch


class Restless(rendezvous._PeriodicTimer):
    def __init__(self, interval: timedelta, *rest: object) -> None:
        super().__init__(timedelta(0), *rest)


rendezvous._PeriodicTimer = Restless
rendezvous.DynamicRendezvousHandler._keep_alive = lambda self: time.sleep(0.005)
code = launch(1, 0, ["-c", "import time; print('up', flush=True); time.sleep(60)"])
time.sleep(0.2)  # for the timer to be the last that holds on to anything
sys.exit(code)
