"""The second of two processes fails, while the first waits for it."""

import torch

from cdm_tutor import distributed

try:
    with distributed.together():
        if distributed.rank() == 1:
            raise ValueError("the dog ate the gradients")
        distributed.total(torch.zeros(1))
except Exception as error:
    distributed.report(error)
    raise SystemExit(2) from None
