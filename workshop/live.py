"""The weights of the live sampler: the networks that come with the package, as scripts."""

from cdm_tutor.export import weights_scripts


def scripts() -> dict[str, str]:
    """Every file, by its path in docs; what computes is cdm_tutor/web/live."""
    return {f"live/{name}.js": script for name, script in weights_scripts()}
