"""How often `cdm-tutor diagnose` names the right symptom, on samples with other seeds than those it was tuned on.

    python -m benchmarks.diagnose

Every known mistake whose samples can be measured, and the right samples, are drawn again with other noise: from the
weights that come with the package, or from what workshop/clinic/make.py has trained, which is kept in out/clinic/. For
every eighth of those that are trained, the training is done again as well, from another start and in another order.
Real images of both data sets, and samples of both, count too: they are healthy.

Writes benchmarks/results/diagnose.json.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from cdm_tutor.checkpoint import load_weights, shipped_weights
from cdm_tutor.course.lesson import Mistake
from cdm_tutor.course.looks import Measurer
from cdm_tutor.course.mistakes import all_mistakes, scenes_of
from cdm_tutor.course.scenes import Scene, Trained
from cdm_tutor.course.symptoms import HEALTHY
from cdm_tutor.course.verdict import judge
from cdm_tutor.generate import SampleSettings, generate
from workshop.clinic import runs
from workshop.clinic.scenes import RUNNERS, TrainedRunner
from workshop.clinic.tune import group_of, right_group
from workshop.clinic.words import how
from workshop.machine import machine

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "diagnose.json"
SEEDS = (1,)
AGAIN = 8  # of so many trainings one is done again


def drawn(scene: Scene, mistake: Mistake | None, seed: int, trained_again: bool) -> Tensor | None:
    """The samples of a scene with another seed; None where it ends in an error."""
    kind = RUNNERS[type(scene)]
    if not issubclass(kind, TrainedRunner) or trained_again:
        return runs.outcome(scene, mistake, seed).samples
    weights = runs.outcome(scene, mistake).weights
    return kind(scene, mistake, seed).show_weights(weights).samples if weights else None


def sets() -> Iterator[tuple[str, str, str, Tensor]]:
    """Each set of samples: what it is, in which way it is new, its symptom."""
    seen: set[Scene] = set()
    trainings = 0
    for _, mistake in all_mistakes().values():
        for number, scene in enumerate(scenes_of(mistake)):
            trainings += isinstance(scene, Trained)
            again = isinstance(scene, Trained) and trainings % AGAIN == 0
            for seed in SEEDS:
                kind = "other noise, trained" if isinstance(scene, Trained) else "other noise"
                if scene not in seen and (x0 := drawn(scene, None, seed, False)) is not None:
                    yield f"right: {how(scene)}", kind, right_group(scene), x0
                if (x0 := drawn(scene, mistake, seed, False)) is not None:
                    yield mistake.name, kind, group_of(mistake, number, scene), x0
            if again and (x0 := drawn(scene, mistake, SEEDS[0], True)) is not None:
                yield mistake.name, "trained again", group_of(mistake, number, scene), x0
            seen.add(scene)


def healthy(name: str, measurer: Measurer) -> Iterator[Tensor]:
    """Real images and samples of a data set."""
    yield from measurer.real[4000:].split(64)[:10]
    trained = load_weights(shipped_weights(name))
    for seed in range(10, 15):
        yield generate(trained, SampleSettings(n=64, seed=seed))


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    measurers = {name: Measurer(name) for name in ("mnist", "fashion")}
    torch.set_num_threads(1)
    found = []
    for what, kind, expected, x0 in sets():
        found.append((what, kind, expected, judge(x0, measurers["mnist"]).group.name))
        print(*found[-1], sep=" | ", flush=True)
    for name, measurer in measurers.items():
        for x0 in healthy(name, measurer):
            found.append((name, f"real images and samples, {name}", HEALTHY, judge(x0, measurer).group.name))
            print(*found[-1], sep=" | ", flush=True)
    kinds, groups = ({key: [0, 0] for key in sorted({one[place] for one in found})} for place in (1, 2))
    for _, kind, expected, named in found:
        for tally in (kinds[kind], groups[expected]):
            tally[0] += named == expected
            tally[1] += 1
    wrong = [{"of": w, "kind": k, "expected": e, "named": n} for w, k, e, n in found if e != n]
    right = sum(one[2] == one[3] for one in found)
    facts = {**machine(), "n": 64, "seeds": SEEDS, "sets": len(found), "right": right, "share": right / len(found)}
    RESULTS.write_text(json.dumps({**facts, "kinds": kinds, "groups": groups, "wrong": wrong}, indent=2) + "\n")
    print(f"{right} of {len(found)}")


if __name__ == "__main__":
    main()
