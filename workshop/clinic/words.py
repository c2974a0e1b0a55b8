"""What a scene runs, in words for a page. They decide nothing of what comes out."""

import math

from cdm_tutor.course.scenes import (
    ByTheTable,
    Completed,
    FromSketch,
    Guessed,
    Jumped,
    Refined,
    Sampled,
    Scene,
    Told,
    Trained,
    TrainedConsistent,
    TrainedRefiner,
    TrainedTold,
)

SOLVERS = {"dpm": "DPM-Solver++", "ddim": "DDIM", "ddpm": "DDPM"}
AGAIN = {"": "", "same": ", twice from the same noise", "other": ", twice from the same x_T"}


def how(scene: Scene) -> str:
    """How a scene gets its samples."""
    match scene:
        case ByTheTable():
            return (
                f"the package's weights, all {scene.steps} steps of a short schedule by DDPM, its variance by the table"
            )
        case Sampled():
            return _sampled(scene)
        case Refined():
            text = f"six steps of DDIM, refined from step {scene.t_start} by the refiner that comes with the package"
            return text + AGAIN[scene.again]
        case Told():
            return _told(scene)
        case Completed():
            text = f"real digits, the {scene.kept} half kept, completed in {scene.steps} steps"
            return text + (f", each taken {scene.times} times" if scene.times > 1 else "")
        case FromSketch():
            return f"scrawls of digits, noised to step {scene.t_start} and denoised in {scene.steps} steps"
        case Guessed():
            text = f"real digits, one clean and the others noised to step {scene.steps[1]} to {scene.steps[-1]}"
            return f"{text}, and what the package's consistency network makes of each in one jump"
        case Jumped():
            jumps = "one jump" if scene.steps == 1 else f"{scene.steps} jumps"
            return f"the package's consistency network, {jumps} from noise"
        case TrainedTold():
            text = "the package's weights but for the classes' rows, which are trained from the start for"
            return f"{text} {scene.steps} steps of {scene.batch} images; guided by {scene.guidance_scale:g}"
        case TrainedConsistent():
            text = f"the package's weights, tuned for {scene.steps} steps of {scene.batch} images to agree along a path"
            return f"{text}; {scene.jumps} jumps from noise"
        case TrainedRefiner():
            text = f"a refiner, trained for {scene.steps} steps of {scene.batch} images"
            return f"{text}, refining six steps of DDIM from step {scene.t_start}"
        case Trained():
            return _trained(scene)
    raise ValueError(f"no words for {scene}")


def _sampled(scene: Sampled) -> str:
    text = f"the package's weights, {scene.steps} steps of {SOLVERS[scene.solver]}"
    text += f" with eta = {scene.eta:g}" if scene.eta is not None else ""
    if (scene.schedule, scene.T) != ("cosine", 1000):
        text += f", {scene.schedule} schedule of {scene.T} steps"
    text += ", asked for the noise" if scene.noise else ""
    return text + AGAIN[scene.again]


def _told(scene: Told) -> str:
    text = "one class" if len(scene.labels) == 1 else "class after class"
    text = f"the package's weights that are told classes, {text}, {scene.steps} steps of DPM-Solver++"
    text += f", guided by {scene.guidance_scale:g}"
    low, high = scene.limits
    return text + (f" from step {low:g} to step {high:g}" if scene.limits != (0, math.inf) else "")


def _trained(scene: Trained) -> str:
    text = f"a small network, trained for {scene.steps} steps of {scene.batch} images"
    text += f" by the clock, {scene.minutes * 60:.0f} seconds of it" if scene.minutes else ""
    text += f", in {scene.accumulate} parts each" if scene.accumulate > 1 else ""
    text += f", stopped after {scene.stopped} and gone on with" if scene.stopped else ""
    text += f", where the loss of step {scene.broken} is no number" if scene.broken else ""
    return text + (f", on {scene.processes} processes" if scene.processes > 1 else "")
