"""The weights of the live sampler: the networks that come with the package, as scripts."""

from typing import get_args

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.choices import Stage
from cdm_tutor.data import CLASS_NAMES
from cdm_tutor.export import weights_script


def scripts() -> dict[str, str]:
    """Every file, by its path in docs; what computes is cdm_tutor/web/live."""
    made = {}
    for data in CLASS_NAMES:
        for stage in get_args(Stage):
            name = data if stage == "unet" else f"{data}-{stage}"
            made[f"live/{name}.js"] = weights_script(name, load_weights(shipped_weights(data, stage)))
        name = f"{data}-classes"
        made[f"live/{name}.js"] = weights_script(name, load_weights(shipped_weights(data, classes=True)))
    return made
