"""What there is to see of lesson 07: classes that are asked for, halves completed, and what becomes of scrawls."""

from functools import cache, partial
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from cdm_tutor import guidance
from cdm_tutor.checkpoint import Trained, load_weights, shipped_weights
from cdm_tutor.course import sketches
from cdm_tutor.course.shows import SCHEDULE, Show, digits, draw, network
from cdm_tutor.data import load_sample
from cdm_tutor.noising import Model, velocity
from cdm_tutor.pictures import half
from cdm_tutor.randomness import seeded
from cdm_tutor.sampler import sample

STEPS = 8
BATCH = 30  # images whose labels are dropped or not
SCALES = (0, 1, 2, 4)
LIMITS = (300, 700)
AT = (900, 800, 650, 500, 350, 200, 50, -1)  # steps at which a half is put in
STARTS = (200, 400, 600, 800)  # from which a scrawl is made a picture


@cache
def told() -> Trained:
    """The network that comes with the package and is told classes."""
    return load_weights(shipped_weights("mnist", classes=True))


def drawn(model: Model, x_T: Tensor, prediction: Any) -> Tensor:
    """A few steps from pure noise."""
    return sample(model, x_T, SCHEDULE, generator=seeded(5), steps=STEPS, prediction=prediction)


def as_it_began(m: ModuleType) -> Tensor:
    """Digits of the module's network, told 0 to 7, that has the weights of a SimpleUNet and has learned no class."""
    model = m.ConditionalUNet().eval()
    model.load_state_dict(network().network.state_dict(), strict=False)
    return drawn(partial(model, labels=torch.arange(8)), draw(8, 1, 28, 28), network().card.prediction)


def class_by_class(m: ModuleType) -> Tensor:
    """Each class once, by the module's network with the weights that come with the package."""
    model = m.ConditionalUNet().eval()
    model.load_state_dict(told().network.state_dict())
    ask = partial(guidance.guided, model, labels=torch.arange(10), guidance_scale=2.0)
    return drawn(ask, draw(10, 1, 28, 28), told().card.prediction)


def what_is_told(m: ModuleType) -> Tensor:
    """For each image of a batch, a digit of the class that the network is told; grey where it is told none."""
    labels = torch.arange(BATCH) % 10
    heard = m.drop_labels(labels, torch.rand(BATCH, generator=seeded(1)))
    of_class = load_sample("mnist").x0[1000 * heard.clamp(0, 9) + 7]
    return of_class.where((heard >= 0)[:, None, None, None], torch.zeros(()))


def losses(m: ModuleType) -> Tensor:
    """For 4 images of each class, the loss of a model that answers as many tenths of v as the label says."""
    labels, t = torch.arange(40) // 4, torch.full((40,), 500)
    images, noise = load_sample("mnist").x0[1000 * labels + 7], draw(40, 2, 28, 28)
    v = velocity(images, t, noise[:, :1], SCHEDULE)

    def tenths(x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        return v * labels[:, None, None, None] / 10

    return m.conditional_loss(tenths, guidance.with_labels(images, labels), t, noise.clone(), SCHEDULE, "v")


def at_scales(m: ModuleType) -> Tensor:
    """A four and a nine from the same noise, at each guidance scale."""
    labels, x_T = torch.tensor([4, 9]), draw(1, 1, 28, 28, seed=3).repeat(2, 1, 1, 1)
    model = told().network
    rows = [
        drawn(partial(m.guided, model, labels=labels, guidance_scale=scale), x_T, told().card.prediction)
        for scale in SCALES
    ]
    return torch.stack(rows, dim=1).flatten(0, 1)


def between_limits(m: ModuleType) -> Tensor:
    """At every tenth step, the answer at scale 3 of a model that answers 1 when told and 0 when not."""
    t = torch.arange(0, 1000, 10)

    def model(x_t: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        return (labels >= 0).to(x_t.dtype)[:, None, None, None].expand(x_t.shape)

    return m.guided(model, torch.zeros(len(t), 1, 1, 1), t, torch.zeros_like(t), 3.0, LIMITS).flatten()


def put_in(m: ModuleType) -> Tensor:
    """The left half of a digit, put into grey at eight steps."""
    picture, noise = digits()[2:3], draw(1, 1, 28, 28)
    known, x = half("left"), torch.zeros(1, 1, 28, 28)
    return torch.cat([m.keep_known(x.clone(), picture, known, t, noise, SCHEDULE) for t in AT])


def completed(m: ModuleType) -> Tensor:
    """Digits of which the left half is known, and above them what is known."""
    known = half("left").expand(8, 1, 28, 28)
    given = digits().where(known, 0.0)
    whole = m.complete(
        network().network,
        draw(8, 1, 28, 28),
        given.clone(),
        known.clone(),
        SCHEDULE,
        generator=seeded(5),
        steps=STEPS,
        times=3,
        prediction=network().card.prediction,
    )
    return torch.cat([given, whole])


def from_scrawls(m: ModuleType) -> Tensor:
    """Two scrawls, and what becomes of them from four steps."""
    scrawls = sketches.digits()[[0, 5]]
    made = [
        m.from_sketch(
            network().network,
            scrawls.clone(),
            SCHEDULE,
            generator=seeded(5),
            t_start=t,
            steps=STEPS,
            prediction=network().card.prediction,
        )
        for t in STARTS
    ]
    return torch.stack([scrawls, *made], dim=1).flatten(0, 1)


CLASS_NUMBERS = tuple(map(str, range(10)))
SHOWS = (
    Show(
        "your network with the weights of lesson 03's: it is told 0 to 7, and has learned no class yet",
        ("ConditionalUNet.__init__", "ConditionalUNet.forward"),
        as_it_began,
        CLASS_NUMBERS[:8],
        columns=8,
    ),
    Show(
        "your network with the package's weights, asked for each class",
        ("ConditionalUNet.__init__", "ConditionalUNet.forward"),
        class_by_class,
        CLASS_NUMBERS,
    ),
    Show("a batch of 0 to 9: what the network is told, grey is nothing", ("drop_labels",), what_is_told),
    Show(
        "loss of a model that answers as many tenths of v as its label says",
        ("conditional_loss",),
        losses,
        ("number of the image, four of each class", "loss"),
    ),
    Show(
        "a four and a nine from the same noise, by guidance scale",
        ("guided",),
        at_scales,
        tuple(f"scale {scale}" for scale in SCALES) * 2,
        columns=8,
    ),
    Show(
        "untold 0, told 1, scale 3 from step 300 to step 700",
        ("guided",),
        between_limits,
        ("t / 10", "answer"),
    ),
    Show(
        "half a digit, put into grey",
        ("keep_known",),
        put_in,
        (*(f"t = {t}" for t in AT[:-1]), "clean"),
        columns=8,
    ),
    Show("half a digit, above, and completed, below", ("complete",), completed, columns=8),
    Show(
        "scrawls, and what is drawn of them from step t",
        ("from_sketch",),
        from_scrawls,
        ("scrawl", *(f"t = {t}" for t in STARTS)) * 2,
    ),
)
