"""Checks lesson 07. Expected values come from closed forms: Gaussian classes, one picture, Python's own floats."""

import copy
import math
from itertools import combinations, pairwise, product

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from cdm_tutor.course.batteries.unet import awake
from cdm_tutor.course.checks import (
    expect,
    given,
    keeps,
    layouts,
    looks_normal,
    on_other_device,
    own_memory,
    refused,
    same,
    same_slope,
    show,
    unchanged,
    unrelated,
)
from cdm_tutor.randomness import draw_another
from cdm_tutor.schedule import NoiseSchedule, make_schedule
from cdm_tutor.unet import ResidualBlock, SimpleUNet

INIT, FORWARD = "ConditionalUNet.__init__", "ConditionalUNet.forward"
T = 1000
COSINE, SHORT = make_schedule("cosine", T), make_schedule("cosine", 20)
WHICH = {"cosine schedule of 1000 steps": COSINE, "cosine schedule of 20 steps": SHORT}
LAYOUTS = st.sampled_from(list(layouts(torch.zeros(1, 1, 1, 1))))
SHAPES = st.sampled_from([(1, 1, 2, 2), (2, 3, 4, 6), (3, 2, 5, 3), (5, 1, 3, 4)])
SEEDS = st.integers(0, 999)
LABELS = [7, -1, 0, 9, 3]  # told and not told, in one batch
NETWORKS = {  # with the height and width of the images
    "two sizes": ({"channels": (8, 16), "blocks": (1, 2)}, (8, 12)),
    "three sizes, three channels": ({"in_channels": 3, "channels": (8, 8, 16), "blocks": (1, 1, 1)}, (16, 8)),
    "one size, two channels": ({"in_channels": 2, "channels": (16,), "blocks": (2,)}, (4, 6)),
}
each_network = pytest.mark.parametrize("kind", NETWORKS)
near = {"rtol": 1e-3, "atol": 2e-4}  # float32 through many layers


def schedule_of(*signals):
    """The schedule in which so much of the image is in x_0, x_1, ..."""
    kept = [1.0, *(signal**2 for signal in signals)]
    betas = [1 - after / before for before, after in pairwise(kept)]
    return NoiseSchedule.from_betas(torch.tensor(betas, dtype=torch.float64))


BY_HAND = schedule_of(0.96, 0.8, 0.6, 0.28)  # beside them, noise: 0.28, 0.6, 0.8, 0.96


def mix(schedule, t):
    """How much image and how much noise is in x_t; at -1 all is image."""
    left = schedule.alphas_cumprod[t].double().item() if t >= 0 else 1.0
    return math.sqrt(left), math.sqrt(1 - left)


def chance(seed):
    return torch.Generator().manual_seed(seed)


def images(seed, *shape):
    """Images between -1 and 1."""
    return torch.rand(shape, generator=chance(seed)) * 2 - 1


def normal(seed, *shape):
    """Standard normal numbers."""
    return torch.randn(shape, generator=chance(seed))


def mask(seed, *shape):
    """Which pixels are known: about half of them."""
    return torch.rand(shape, generator=chance(seed)) < 0.5


def column(numbers):
    """One number an image, shaped to multiply images."""
    return torch.as_tensor(numbers).reshape(-1, 1, 1, 1)


def there(move, schedule=COSINE):
    """The schedule on the device that move leads to."""
    return schedule.to(move(torch.zeros(1)).device)


@pytest.fixture(autouse=True)
def fixed_chance():
    """torch's own random numbers are the same in each run, so that what is right is right each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(271828)
        yield


def draws_from_nowhere_else(call, case):
    """Raise Wrong if torch's own random numbers have a part in what the call gives, or go on by it."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.random.get_rng_state()
        found.append(call())
        expect(torch.equal(torch.random.get_rng_state(), before), f"{case}: it draws from torch's global generator")
    same(found[1], found[0], f"{case}, twice the same, with another state of torch's global generator")


def made(lesson, kind, seed=0):
    """A network of that kind without zeros, in words, and a batch for it."""
    options, sides = NETWORKS[kind]
    network = awake(lesson.ConditionalUNet(**options), seed)
    x_t, t = 2 * normal(seed + 1, 5, options.get("in_channels", 1), *sides), torch.tensor([5, 300, 0, 999, 41])
    return network, f"ConditionalUNet({', '.join(f'{k}={v}' for k, v in options.items())})", x_t, t


def plain_of(network, kind):
    """A SimpleUNet with the network's weights."""
    plain = SimpleUNet(**NETWORKS[kind][0])
    plain.load_state_dict({name: weight for name, weight in network.state_dict().items() if "classes" not in name})
    return plain


@pytest.mark.exercise(INIT)
def test_network_by_hand(lesson):
    """Ten classes and "not told" are eleven rows; a row is as long as the timestep's, four times the first width."""
    for channels, width in [((32, 64), 128), ((8, 16), 32)]:
        case = f"ConditionalUNet(channels = {channels})"
        network = lesson.ConditionalUNet(channels=channels)
        expect(hasattr(network, "classes"), f"{case}: there is no classes")
        expect(isinstance(network.classes, nn.Module), f"{case}, classes: yours is {show(network.classes)}")
        expect(hasattr(network.classes, "weight"), f"{case}, classes: it has no weight, which an nn.Embedding has")
        same(network.classes.weight.detach(), torch.zeros(11, width), f"{case}, the rows of classes")


@pytest.mark.exercise(INIT)
@each_network
def test_network_is_a_simple_unet_with_rows(lesson, kind):
    """Its weights have the names and shapes of SimpleUNet's, so that shipped ones fit; and there is the table."""
    options, _ = NETWORKS[kind]
    network, plain = lesson.ConditionalUNet(**options), SimpleUNet(**options)
    case = f"ConditionalUNet({options})"
    mine, theirs = ({name: tuple(w.shape) for name, w in each.state_dict().items()} for each in (network, plain))
    rows = (11, 4 * options["channels"][0])
    for name, shape in {**theirs, "classes.weight": rows}.items():
        expect(name in mine, f"{case}: there is no {name}")
        same(mine[name], shape, f"{case}, shape of {name}")
    extra = [name for name in mine if name not in theirs and name != "classes.weight"]
    expect(not extra, f"{case}: there is {', '.join(extra[:2])}, which neither SimpleUNet has nor was asked for")
    for name, weight in plain.state_dict().items():
        zero = not weight.any().item()
        starts = network.state_dict()[name].any().item()
        expect(starts != zero, f"{case}: {name} starts with {'zeros' if zero else 'other numbers'} in SimpleUNet")
    frozen = [name for name, weight in network.named_parameters() if not weight.requires_grad]
    expect(not frozen, f"{case}: {', '.join(frozen[:2])} cannot be trained: requires_grad is False")
    trained = [name for name, _ in network.named_parameters()]
    expect("classes.weight" in trained, f"{case}: classes.weight is no parameter: no optimizer would find it")
    same(network.training, True, f"{case}, training")
    for attribute in ("fold", "divisor", "time_dim"):
        same(getattr(network, attribute), getattr(plain, attribute), f"{case}, {attribute}")
    kinds = [[type(part).__name__ for part in each.modules() if "Embedding" not in type(part).__name__][1:]
             for each in (network, plain)]  # fmt: skip
    same(kinds[0], kinds[1], f"{case}, the layers in it, but for classes")
    other = lesson.ConditionalUNet(**options).state_dict()
    for name, weight in network.state_dict().items():
        own_memory(weight, f"{case}, {name}", **{"that of another network": other[name]})


@pytest.mark.exercise(INIT)
@given(examples=4, channels=st.sampled_from([(8, 8), (16, 8)]), seed=SEEDS)
def test_classes_is_a_plain_table(lesson, channels, seed):
    """Asked for numbers it gives the rows of these numbers, and each row learns, row 0 as well."""
    network, case = lesson.ConditionalUNet(channels=channels), f"ConditionalUNet(channels = {channels})"
    weight = network.classes.weight
    with torch.no_grad():
        weight.copy_(3 * normal(seed, *weight.shape))
    rows, which = weight.detach().clone(), torch.tensor([0, 10, 4, 4, 1])
    found = network.classes(which)
    same(found.detach(), rows[which], f"{case}, classes of (0, 10, 4, 4, 1)")
    same(weight.detach(), rows, f"{case}, the rows after they were asked for")
    pull = normal(seed + 1, 5, weight.shape[1])
    (slope,) = torch.autograd.grad((found * pull).sum(), weight)
    expect(not slope.is_sparse, f"{case}: the gradient of classes is sparse: the trainer's optimizer takes none such")
    expected = torch.zeros(11, weight.shape[1]).index_add(0, which, pull)
    same(slope, expected, f"{case}, gradient of classes.weight, asked for (0, 10, 4, 4, 1)", atol=1e-5)


@pytest.mark.exercise(INIT)
@each_network
@given(examples=2, seed=SEEDS)
def test_network_starts_as_the_one_that_it_was_given(lesson, kind, seed):
    """With the weights of a SimpleUNet it answers as that one, whatever it is told: all rows are zero."""
    options, sides = NETWORKS[kind]
    plain, network = awake(SimpleUNet(**options), seed), lesson.ConditionalUNet(**options)
    fit = network.load_state_dict(plain.state_dict(), strict=False)
    case = f"ConditionalUNet({options}) with a SimpleUNet's weights"
    same(list(fit.missing_keys), ["classes.weight"], f"{case}, weights that are not among those of a SimpleUNet")
    x_t, t = normal(seed, 5, options.get("in_channels", 1), *sides), torch.tensor([5, 300, 0, 999, 41])
    with torch.no_grad():
        expected = plain(x_t, t)
        for labels in (None, torch.tensor(LABELS), torch.tensor([1, 2, 4, 5, 8])):
            same(network(x_t, t, labels), expected, f"{case}, labels {show(labels)}", **near)


def rows_that_blocks_get(network, *inputs):
    """The time that each residual block is handed, called as blocks are: (h, time)."""
    heard = []

    def listen(block, args, kwargs):
        heard.append(kwargs["time"] if "time" in kwargs else args[1])

    hooks = [part.register_forward_pre_hook(listen, with_kwargs=True) for part in network.modules()
             if isinstance(part, ResidualBlock)]  # fmt: skip
    with torch.no_grad():
        network(*inputs)
    for hook in hooks:
        hook.remove()
    return heard


@pytest.mark.exercise(FORWARD)
def test_forward_by_hand(lesson):
    """The timestep's row is .5; that of class 7 is .25, of class 0 it is -1, of "not told" 2: .75, -.5 and 2.5."""
    network = awake(lesson.ConditionalUNet(channels=(8, 16), blocks=(1, 1)))
    says = nn.Linear(32, 32)
    nn.init.zeros_(says.weight)
    nn.init.constant_(says.bias, 0.5)
    network.time_mlp = nn.Sequential(says)
    for row, value in {8: 0.25, 1: -1.0, 0: 2.0, 7: 5.0, 10: -3.0}.items():
        network.classes.weight.data[row] = value
    labels, expected = torch.tensor([7, 0, -1, 6, 9]), torch.tensor([0.75, -0.5, 2.5, 5.5, -2.5])
    heard = rows_that_blocks_get(network, normal(1, 5, 1, 8, 8), torch.tensor([5, 80, 5, 3, 999]), labels)
    case = "timestep's rows of .5, labels (7, 0, -1, 6, 9), with rows of .25, -1, 2, 5, -3"
    same(len(heard), 6, f"{case}, how many blocks are asked")
    for number, time in enumerate(heard):
        same(time, expected[:, None].expand(5, 32), f"{case}, the rows that block {number} gets")


@pytest.mark.exercise(FORWARD)
@each_network
@given(examples=3, seed=SEEDS, labels=st.permutations(range(-1, 10)))
def test_forward_adds_the_row_of_the_class(lesson, kind, seed, labels):
    """As a SimpleUNet does whose timestep's rows have, for each image, the class's row added, after time_mlp."""
    network, case, x_t, t = made(lesson, kind, seed)
    labels = torch.tensor(labels[:5])
    plain, case = plain_of(network, kind), f"{case} with random weights, t = {tuple(t.tolist())}, labels {show(labels)}"
    mlp, expected = plain.time_mlp, []

    class Told(nn.Module):
        def __init__(self, row):
            super().__init__()
            self.row = row

        def forward(self, time):
            return mlp(time) + self.row

    with unchanged(case, x_t=x_t, t=t, labels=labels):
        found = network(x_t, t, labels)
    with torch.no_grad():
        for place, label in enumerate(labels.tolist()):
            plain.time_mlp = Told(network.classes.weight[1 + label])
            expected.append(plain(x_t[place : place + 1], t[place : place + 1]))
    same(found, torch.cat(expected), case, **near)
    expect(found.abs().max() > 1, f"{case}: no answer is beyond [-1, 1], but noise has no bounds")


@pytest.mark.exercise(FORWARD)
@each_network
def test_forward_without_rows_is_simple_unet(lesson, kind):
    network, case, x_t, t = made(lesson, kind)
    nn.init.zeros_(network.classes.weight)
    with torch.no_grad():
        expected = plain_of(network, kind)(x_t, t)
        for labels in (None, torch.tensor(LABELS)):
            same(network(x_t, t, labels), expected, f"{case}, all rows zero, labels {show(labels)}", **near)


@pytest.mark.exercise(FORWARD)
@each_network
def test_forward_without_labels_is_not_told(lesson, kind):
    network, case, x_t, t = made(lesson, kind)
    with torch.no_grad():
        untold = network(x_t, t, torch.full((5,), -1))
        same(network(x_t, t), untold, f"{case}, no labels, and all of them -1", **near)
        same(network(x_t, t, None), untold, f"{case}, labels None, and all of them -1", **near)
        network.classes.weight[0] += 1
        expect((network(x_t, t) - untold).abs().max() > 1e-2, f"{case}: row 0 changes nothing where no label is told")


@pytest.mark.exercise(FORWARD)
def test_forward_tells_each_image_its_own_class(lesson):
    """The same image told each class, and told none: eleven answers, each as if it were alone."""
    network = awake(lesson.ConditionalUNet(channels=(8, 16), blocks=(1, 2)))
    labels, x_t, t = list(range(-1, 10)), normal(1, 1, 1, 8, 12), torch.tensor([80])
    with torch.no_grad():
        found = network(x_t.expand(11, -1, -1, -1), t.expand(11), torch.tensor(labels))
        for place, label in enumerate(labels):
            alone = network(x_t, t, torch.tensor([label]))[0]
            same(found[place], alone, f"one image, label {label}, beside other labels and alone", **near)
            for other in range(place):
                unlike = (found[place] - found[other]).abs().max() > 1e-2
                expect(unlike, f"one image told {labels[other]} and told {label}: the answers do not differ")


@pytest.mark.exercise(FORWARD)
def test_forward_is_a_layer_like_any_other(lesson):
    """In any order of memory, on any device, in training and out of it, and every gradient flows."""
    network, case, x_t, t = made(lesson, "two sizes")
    labels = torch.tensor(LABELS)
    names = list(network.state_dict())
    first = network(x_t, t, labels).detach()
    keeps(first, case, lambda: network(-x_t, t.flip(0), labels.flip(0)))
    same(list(network.state_dict()), names, f"{case}, the names in state_dict() after a call")
    other, words, many, _ = made(lesson, "one size, two channels")
    for layout, x in layouts(many).items():
        found = other(x, t, labels).detach()
        same(found, other(many, t, labels).detach(), f"{words}, x_t in memory as {layout}", **near)
    expect(network.training, f"{case}: the call switches the network out of training")
    same(copy.deepcopy(network).eval()(x_t, t, labels).detach(), first, f"{case}, a copy, after eval()", **near)
    on_other_device(lambda move: move(network)(move(x_t), move(t), move(labels)), f"{case}, with labels", looks_up=True)
    on_other_device(lambda move: move(network)(move(x_t), move(t)), f"{case}, without labels", looks_up=True)
    weights = normal(9, *x_t.shape)
    groups = {name: [*part.parameters()] for name, part in network.named_children()} | {"x_t": [x_t.requires_grad_()]}
    loss = lambda: (network(x_t, t, labels) * weights).sum()  # noqa: E731
    expect(loss().requires_grad, f"{case}: what comes back has no gradients at all")
    for name, parameters in groups.items():
        if parameters:
            same_slope(loss, parameters, f"{case}, gradient of {name}")


@pytest.mark.exercise(FORWARD)
def test_forward_refuses_what_does_not_fit(lesson):
    network = lesson.ConditionalUNet(channels=(8, 16), blocks=(1, 1))
    x_t, t = torch.zeros(2, 1, 8, 8), torch.tensor([3, 5])
    network(x_t, t, torch.tensor([0, 9]))  # this is fine
    for labels in ([0, 10], [-2, 3], [1], [1, 2, 3], [[1], [2]], [100, -100]):
        with refused(f"two images, labels {labels}"):
            network(x_t, t, torch.tensor(labels))
    for shape in [(8, 10), (6, 8), (6, 6), (28, 30)]:
        with refused(f"images of {shape[0]} x {shape[1]} pixels, which 4 does not divide"):
            network(torch.zeros(2, 1, *shape), t, torch.tensor([0, 9]))


@pytest.mark.exercise("drop_labels")
def test_drop_labels_by_hand(lesson):
    labels, case = torch.tensor([7, 7, 3]), "labels (7, 7, 3), chances (.05, .5, .1)"
    found = lesson.drop_labels(labels, torch.tensor([0.05, 0.5, 0.1]))
    same(found, torch.tensor([-1, 7, 3]), case)
    keeps(found, case, lambda: lesson.drop_labels(labels, torch.tensor([0.5, 0.05, 0.01])))


@pytest.mark.exercise("drop_labels")
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-1, 9), st.sampled_from([0.0, 0.02, 0.0999, 0.1001, 0.2, 0.899, 0.901, 1.0]) | st.floats(0, 1)
        ),
        min_size=1,
        max_size=8,
    )
)
def test_drop_labels_decides_for_each_image(lesson, rows):
    labels, chances = torch.tensor([label for label, _ in rows]), torch.tensor([number for _, number in rows])
    case = f"labels {tuple(labels.tolist())}, chances {tuple(round(number, 4) for number in chances.tolist())}"
    expected = [-1 if number < 0.1 else label for label, number in zip(labels.tolist(), chances, strict=True)]
    with unchanged(case, labels=labels, chance=chances):
        found = lesson.drop_labels(labels, chances)
    same(found, torch.tensor(expected), case)
    own_memory(found, case, labels=labels)


@pytest.mark.exercise("drop_labels")
def test_drop_labels_drops_a_tenth(lesson):
    """Of 1000 chances that are spread evenly, 100 are below .1, whatever the labels."""
    chances, labels = (torch.arange(1000).flip(0) + 0.5) / 1000, torch.arange(1000) % 10
    found = lesson.drop_labels(labels, chances)
    same(int((found == -1).sum()), 100, "1000 chances from 0 to 1, how many labels are dropped")
    same(found[:900], labels[:900], "1000 labels, those of the 900 larger chances")


@pytest.mark.exercise("drop_labels")
def test_drop_labels_has_no_chance_of_its_own(lesson):
    labels, chances = torch.tensor([7, 0, 3, 9]), torch.tensor([0.01, 0.3, 0.9, 0.09])
    call = lambda: lesson.drop_labels(labels, chances)  # noqa: E731
    draws_from_nowhere_else(call, "labels (7, 0, 3, 9)")
    on_other_device(lambda move: lesson.drop_labels(move(labels), move(chances)), "labels (7, 0, 3, 9)")
    first = lesson.drop_labels(labels, chances)
    same(lesson.drop_labels(labels.expand(4), chances), first, "labels (7, 0, 3, 9), asked again")
    same(lesson.drop_labels(torch.tensor([4] * 3).expand(3), torch.tensor([0.5] * 3)), torch.tensor([4] * 3), "chances")
    one = torch.tensor([5]).expand(4)  # one number in memory for all four
    same(lesson.drop_labels(one, chances), torch.tensor([-1, 5, 5, -1]), "one label, expanded to four images")


def training_batch(seed, labels, channels=2, sides=(4, 6)):
    """Images with their labels as one channel more, and noise for them."""
    x0 = images(seed, len(labels), channels, *sides)
    marked = torch.cat([x0, column(labels).float().expand(-1, 1, *sides)], dim=1)
    return marked, normal(seed + 1000, *marked.shape)


def told_of(labels, noise):
    """The labels that a batch with that noise should be told: by each image's chance, worked out from its noise."""
    below = 0.5 * (1 + torch.erf(draw_another(noise[:, -1:, :1, :1]).double() / 2**0.5)).flatten()
    return torch.where(below < 0.1, -1, torch.tensor(labels))


def target_of(x0, t, noise, schedule, prediction):
    """What a model should answer, in float64."""
    if prediction != "v":
        return noise.double()
    levels = torch.tensor([mix(schedule, step) for step in t], dtype=torch.float64)
    return column(levels[:, 0]) * noise - column(levels[:, 1]) * x0


def with_dropped(labels, channels=1, sides=(4, 6)):
    """A batch in which some labels are dropped and some are not."""
    for seed in range(999):
        x0, noise = training_batch(seed, labels, channels, sides)
        told = told_of(labels, noise)
        if 0 < int((told != torch.tensor(labels)).sum()) < len(labels) - 1:
            return x0, noise, told
    raise AssertionError


@pytest.mark.exercise("conditional_loss")
@pytest.mark.parametrize(("prediction", "expected"), [("v", [0.04, 0.04]), ("noise", [0.09, 1.44])])
def test_conditional_loss_by_hand(lesson, prediction, expected):
    """x_0 = .5, noise 1, t = 1: v = .8 - .6 * .5 = .5. And -1, .5, t = 2: v = .6 * .5 + .8 = 1.1. A model that answers
    a tenth of the label: 7 is .2 off .5, 9 is .2 off 1.1."""
    labels, seed = torch.tensor([7, 9]), 0
    x0 = torch.cat([column([0.5, -1.0]).expand(2, 1, 4, 4), column(labels.float()).expand(2, 1, 4, 4)], dim=1)
    while True:
        noise = torch.cat([column([1.0, 0.5]).expand(2, 1, 4, 4), normal(seed, 2, 1, 4, 4)], dim=1)
        if torch.equal(told_of([7, 9], noise), labels):
            break
        seed += 1
    model = lambda x_t, t, labels: column(labels / 10).expand_as(x_t)  # noqa: E731
    loss = lesson.conditional_loss(model, x0, torch.tensor([1, 2]), noise, BY_HAND, prediction)
    case = f'x0 = (.5, -1), noise = (1, .5), t = (1, 2), labels (7, 9), prediction = "{prediction}", answers of .7, .9'
    expected = torch.tensor([0.04, 0.04] if prediction == "v" else [0.09, 0.16])
    same(loss, expected, case, rtol=1e-3)


@pytest.mark.exercise("conditional_loss")
@given(
    examples=12,
    seed=SEEDS,
    labels=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    channels=st.sampled_from([1, 2, 3]),
    layout=LAYOUTS,
)
def test_conditional_loss_is_of_the_images_alone(lesson, seed, labels, channels, layout):
    """Neither the channel of labels nor the noise's last one has a part in what is asked, nor in what is off."""
    for (words, schedule), prediction in product(WHICH.items(), ("v", "noise", None)):
        t = [(seed + 7 * place) % (len(schedule) - 1) for place in range(len(labels))]
        x0, noise = (layouts(each)[layout] for each in training_batch(seed, labels, channels))
        answer, asked = layouts(2 * normal(seed + 1, *x0[:, :-1].shape))[layout], []

        def model(x_t, t, labels, asked=asked, answer=answer):
            asked.append((x_t.clone(), t.clone(), labels.clone()))
            return answer

        case = f"labels {tuple(labels)}, {channels} channels, {words}, prediction = {prediction}, in memory {layout}"
        with unchanged(case, x0=x0, noise=noise, the_answer=answer):
            loss = lesson.conditional_loss(
                model, x0, torch.tensor(t), noise, schedule, *([prediction] if prediction else [])
            )
        same(len(asked), 1, f"{case}, how often the model is asked")
        target = target_of(x0[:, :-1], t, noise[:, :-1], schedule, prediction)
        same(loss, (answer - target).square().flatten(1).mean(1).float(), case, atol=1e-6)
        (x_t, steps, told), levels = asked[0], torch.tensor([mix(schedule, step) for step in t])
        expected = column(levels[:, 0]) * x0[:, :-1] + column(levels[:, 1]) * noise[:, :-1]
        same(x_t, expected, f"{case}, x_t that the model is asked about", atol=1e-4)
        same(steps, torch.tensor(t), f"{case}, the steps that the model is told")
        same(told, told_of(labels, noise), f"{case}, the labels that the model is told")


@pytest.mark.exercise("conditional_loss")
@pytest.mark.parametrize("channels", [1, 3])
def test_conditional_loss_tells_most_labels(lesson, channels):
    """Of 300 images about 30 are not told: each by the chance that its noise makes, whatever the image is."""
    labels, told = [place % 10 for place in range(300)], []
    x0, noise = training_batch(3, labels, channels, (2, 3))
    model = lambda x_t, t, labels: told.append(labels.clone()) or 0 * x_t  # noqa: E731
    ask = lambda x0, noise: lesson.conditional_loss(model, x0, torch.arange(300), noise, COSINE)  # noqa: E731
    ask(x0, noise)
    case = f"300 images of {channels} channels"
    same(told[0].dtype, torch.int64, f"{case}, dtype of the labels that the model is told")
    dropped = int((told[0] == -1).sum())
    expect(12 < dropped < 55, f"{case}: {dropped} labels are dropped, expected about 30")  # 4 standard errors
    same(told[0], told_of(labels, noise), f"{case}, the labels that the model is told")
    other = x0.clone()
    other[:, :-1] = -1.0
    ask(other, noise)
    same(told[1], told[0], f"{case}, the labels told, of other images with the same labels and noise")
    elsewhere = noise.roll(1, 0)
    ask(x0, elsewhere)
    same(told[2], told_of(labels, elsewhere), f"{case}, the labels told, of the same images with other noise")


@pytest.mark.exercise("conditional_loss")
@given(examples=8, seed=SEEDS, prediction=st.sampled_from(["v", "noise"]))
def test_conditional_loss_of_the_right_answer_is_zero(lesson, seed, prediction):
    """A model that knows each image by its label, dropped ones as well: it has nothing more to learn."""
    labels = [4, 0, 9, 1]
    x0, noise = training_batch(seed, labels, 2)
    t = [5, 300, 998, 40]
    answer = target_of(x0[:, :-1], t, noise[:, :-1], COSINE, prediction).float()
    loss = lesson.conditional_loss(lambda x_t, t, labels: answer, x0, torch.tensor(t), noise, COSINE, prediction)
    same(loss, torch.zeros(4), f"labels {labels}, t = {t}, a model that answers the target", atol=1e-6)


@pytest.mark.exercise("conditional_loss")
@pytest.mark.parametrize("prediction", ["v", "noise"])
def test_conditional_loss_hands_the_gradient_to_the_model(lesson, prediction):
    """The mean of (answer - target) ** 2 over 24 pixels changes by 2 * (answer - target) / 24 with each."""
    (x0, noise), t = training_batch(3, [4, 6], 2, (3, 4)), [1, 2]
    answer, case = normal(5, 2, 2, 3, 4).requires_grad_(), f'prediction = "{prediction}"'
    loss = lesson.conditional_loss(lambda x_t, t, labels: answer * 1, x0, torch.tensor(t), noise, BY_HAND, prediction)
    expect(loss.requires_grad, f"{case}: no gradient goes from the loss to the model's answer, so nothing is learned")
    (slope,) = torch.autograd.grad(loss.sum(), answer)
    target = target_of(x0[:, :-1], t, noise[:, :-1], BY_HAND, prediction)
    expected = (2 * (answer.detach() - target) / 24).float()
    same(slope, expected, f"{case}, gradient of the model's answer", atol=1e-6)
    told = lambda number: lambda x_t, t, labels: torch.full_like(x_t, number)  # noqa: E731
    first = lesson.conditional_loss(told(0.0), x0, torch.tensor(t), noise, BY_HAND, prediction)
    again = lambda: lesson.conditional_loss(told(1.0), x0, torch.tensor(t), noise, BY_HAND, prediction)  # noqa: E731
    keeps(first, case, again)


@pytest.mark.exercise("conditional_loss")
def test_conditional_loss_has_no_chance_of_its_own(lesson):
    labels = [0, 9, 5, 7] * 5
    x0, noise, _ = with_dropped(labels)
    t = torch.arange(20)
    model = lambda x_t, t, labels: x_t * column(labels)  # noqa: E731
    draws_from_nowhere_else(lambda: lesson.conditional_loss(model, x0, t, noise, COSINE, "v"), "20 images")
    on_other_device(
        lambda move: lesson.conditional_loss(model, move(x0), move(t), move(noise), there(move), "v"),
        "the loss of 20 images",
        looks_up=True,
    )


def answers_by(seed, shape):
    """A model that has an answer of its own for each label; it also looks at x_t and t, and keeps what it was asked."""
    table, asked = 3 * normal(seed, 11, *shape[1:]), []

    def model(x_t, t, labels):
        asked.append((x_t, t, labels))
        answer = table[labels + 1] + 0.5 * x_t.sin() + column(t) / 300
        return torch.empty_like(x_t, dtype=answer.dtype).copy_(answer)  # lies in memory as x_t does

    return model, asked


def guided_in_numbers(model, x_t, t, labels, scale, limits):
    """What guided should answer, image by image."""
    rows = []
    for place, (step, label) in enumerate(zip(t, labels, strict=True)):
        x, step_of = x_t[place : place + 1].double(), torch.tensor([step])
        told, untold = (model(x, step_of, torch.tensor([each])) for each in (label, -1))
        counts = scale if limits[0] <= step < limits[1] else 1.0
        rows.append(counts * told + (1 - counts) * untold)
    return torch.cat(rows).float()


@pytest.mark.exercise("guided")
@pytest.mark.parametrize(("scale", "expected"), [(3.0, 1.0), (0.0, 0.25), (1.0, 0.5), (2.0, 0.75), (0.5, 0.375)])
def test_guided_by_hand(lesson, scale, expected):
    model = lambda x_t, t, labels: torch.where(column(labels) == 7, 0.5, 0.25).expand_as(x_t)  # noqa: E731
    x_t, t, labels = normal(1, 2, 1, 4, 4), torch.tensor([300, 300]), torch.tensor([7, 7])
    found = lesson.guided(model, x_t, t, labels, scale)
    same(found, torch.full((2, 1, 4, 4), expected), f"told .5, untold .25, scale {scale:g}")


@pytest.mark.exercise("guided")
@given(
    seed=SEEDS,
    shape=SHAPES,
    scale=st.sampled_from([0.0, 1.0, 1.5, 3.0, 7.5]),
    limits=st.sampled_from([None, (0, math.inf), (200, 600), (0, 300), (300, 301), (301, 300), (0, 0), (599.5, 900)]),
    steps=st.lists(st.sampled_from([0, 199, 200, 299, 300, 301, 599, 600, 900, 999]), min_size=5, max_size=5),
    layout=LAYOUTS,
)
def test_guided_goes_on_beyond_the_told_answer(lesson, seed, shape, scale, limits, steps, layout):
    """Each image by its own step and label: guided, told, or already not told, in one batch."""
    x_t, t, labels = layouts(normal(seed, *shape))[layout], steps[: shape[0]], LABELS[: shape[0]]
    model, asked = answers_by(seed + 1, shape)
    case = f"t = {tuple(t)}, labels {tuple(labels)}, scale {scale:g}, limits {limits}, x_t of shape {shape}"
    inputs = {"x_t": x_t, "t": torch.tensor(t), "labels": torch.tensor(labels)}
    with unchanged(case, **inputs):
        found = lesson.guided(model, *inputs.values(), scale, *([limits] if limits else []))
    asked = list(asked)
    expected = guided_in_numbers(model, x_t, t, labels, scale, limits or (0, math.inf))
    same(found, expected, case, atol=1e-4)
    own_memory(found, case, x_t=x_t)
    count = sum(len(x) for x, _, _ in asked)
    expect(count <= 2 * len(t), f"{case}: the model is asked about {count} images, expected two answers for each")
    for _, step, told in asked:
        same(told.dtype, torch.int64, f"{case}, dtype of the labels that the model is told")
        same(step.dtype, torch.int64, f"{case}, dtype of the steps that the model is told")


@pytest.mark.exercise("guided")
@given(
    examples=12,
    seed=SEEDS,
    scale=st.sampled_from([0.0, 1.0, 3.0]),
    prediction=st.sampled_from(["v", "noise"]),
    means=st.lists(st.floats(-1, 1), min_size=2, max_size=2, unique=True),
)
def test_guided_follows_the_scores_of_gaussian_classes(lesson, seed, scale, prediction, means):
    """Classes N(mean, .3 ** 2), as likely as each other: each has a score, and so has the mixture of both.

    Guidance is a rule for scores: untold + scale * (told - untold). A score is -noise / sigma, whatever is predicted.
    """
    x_t, t, labels = normal(seed, 4, 1, 3, 5), [50, 400, 700, 900], [0, 1, 1, -1]

    def scores(x, step):
        signal, sigma = mix(COSINE, step)
        variance = signal**2 * 0.09 + sigma**2
        parts = [-(x - signal * mean) / variance for mean in means]
        weights = torch.stack([-((x - signal * mean) ** 2) / (2 * variance) for mean in means]).softmax(0)
        return [*parts, weights[0] * parts[0] + weights[1] * parts[1]]

    def answer_of(x, step, score):
        signal, sigma = mix(COSINE, step)
        noise = -sigma * score
        return noise if prediction == "noise" else (noise - sigma * x) / signal  # v = (noise - sigma * x_t) / signal

    def model(x_t, t, labels):
        rows = [
            answer_of(x.double(), int(step), scores(x.double(), int(step))[int(label)])
            for x, step, label in zip(x_t, t, labels, strict=True)
        ]
        return torch.stack(rows).float()

    found = lesson.guided(model, x_t, torch.tensor(t), torch.tensor(labels), scale)
    expected = []
    for x, step, label in zip(x_t.double(), t, labels, strict=True):
        each = scores(x, step)
        expected.append(answer_of(x, step, each[-1] + scale * (each[label] - each[-1])))
    case = f"classes N({means[0]:.3g}, .09) and N({means[1]:.3g}, .09), t = {t}, labels {labels}, scale {scale:g}"
    same(found, torch.stack(expected).float(), f"{case}, the model predicts {prediction}", rtol=1e-3, atol=1e-3)


@pytest.mark.exercise("guided")
def test_guided_asks_about_x_t_itself(lesson):
    """Told the labels and told none, at each image's own step: nothing else is asked."""
    x_t, t, labels = normal(1, 4, 2, 3, 5), torch.tensor([5, 300, 0, 999]), torch.tensor([7, 0, 3, 9])
    model, asked = answers_by(2, x_t.shape)
    lesson.guided(model, x_t, t, labels, 3.0)
    case = "labels (7, 0, 3, 9), scale 3"
    x, step, told = (torch.cat([each[part] for each in asked]) for part in range(3))
    for place in range(4):
        its = step == t[place]
        same(sorted(told[its].tolist()), [-1, int(labels[place])], f"{case}, what the model is told of image {place}")
        for seen in x[its]:
            same(seen, x_t[place], f"{case}, x_t that the model is asked about, image {place}")


@pytest.mark.exercise("guided")
def test_guided_leaves_the_answers_as_they_are(lesson):
    """They are the model's own. And what is guided is not cut off: denoise clips the image, not the answer."""
    told, untold = 40 * normal(1, 3, 1, 4, 4), 40 * normal(2, 3, 1, 4, 4)
    labels, x_t, t = torch.tensor([7, 0, 3]), normal(3, 3, 1, 4, 4), torch.tensor([3, 500, 999])

    def model(x_t, t, labels):
        if len(labels) == 3:
            return untold if bool((labels == -1).all()) else told
        return torch.cat([(untold if int(each) == -1 else told)[place % 3][None] for place, each in enumerate(labels)])

    for scale, limits in [
        (3.0, (0, math.inf)),
        (0.0, (0, math.inf)),
        (1.0, (0, math.inf)),
        (3.0, (0, 0)),
        (3.0, (0, 600)),
    ]:
        case = f"answers of 40 and more, scale {scale:g}, limits {limits}"
        with unchanged(case, the_told_answer=told, the_untold_answer=untold):
            found = lesson.guided(model, x_t, t, labels, scale, limits)
        counts = torch.where((t >= limits[0]) & (t < limits[1]), scale, 1.0)
        same(found, untold + column(counts) * (told - untold), case, atol=1e-3)
        if 0 < scale != 1:
            own_memory(found, case, the_untold_answer=untold)
        keeps(found, case, lambda: lesson.guided(model, x_t, t, labels, 5.0))


@pytest.mark.exercise("guided")
def test_guided_works_where_the_images_are(lesson):
    x_t, t, labels = normal(1, 4, 2, 3, 5), torch.tensor([5, 300, 0, 999]), torch.tensor([7, 0, -1, 9])
    model = lambda x_t, t, labels: x_t * column(labels) + column(t)  # noqa: E731
    call = lambda move: lesson.guided(model, move(x_t), move(t), move(labels), 3.0, (100, 900))  # noqa: E731
    on_other_device(call, "guided", looks_up=True)
    draws_from_nowhere_else(lambda: call(lambda tensor: tensor), "guided")
    found = lesson.guided(model, x_t.double(), t, labels, 3.0)
    same(found.dtype, torch.float64, "images and answers of float64, dtype of what is guided")


@pytest.mark.exercise("keep_known")
def test_keep_known_by_hand(lesson):
    """At t = 1, .8 of the picture and .6 of noise: .8 * .5 + .6 * 1 = 1. At -1 the picture goes in as it is."""
    x, picture = torch.full((1, 1, 2, 2), 0.1), torch.full((1, 1, 2, 2), 0.5)
    known, noise = torch.tensor([[True, False], [False, True]])[None, None], torch.ones(1, 1, 2, 2)
    for t, value in [(1, 1.0), (0, 0.76), (-1, 0.5)]:
        case = f"t = {t}, x = .1, picture = .5, noise = 1, the first and the last pixel known"
        found = lesson.keep_known(x, picture, known, t, noise, BY_HAND)
        same(found, torch.where(known, value, torch.tensor(0.1)), case)
        keeps(found, case, lambda t=t: lesson.keep_known(-x, -picture, ~known, t, noise, BY_HAND))


@pytest.mark.exercise("keep_known")
@given(t=st.integers(-1, T - 1), shape=SHAPES, layout=LAYOUTS, seed=SEEDS)
def test_keep_known_puts_in_what_is_as_noisy(lesson, t, shape, layout, seed):
    x, picture = 2 * normal(seed, *shape), images(seed + 1, *shape)
    noise, known = normal(seed + 2, *shape), mask(seed + 3, *shape)
    x, picture, noise, known = (layouts(each)[layout] for each in (x, picture, noise, known))
    for words, schedule in WHICH.items():
        step = t if t < 0 else t % len(schedule)
        case = f"{words}, t = {step}, images of shape {shape}, in memory {layout}"
        with unchanged(case, x=x, picture=picture, known=known, noise=noise):
            found = lesson.keep_known(x, picture, known, step, noise, schedule)
        signal, sigma = mix(schedule, step)
        same(found, torch.where(known, signal * picture + sigma * noise, x), case, atol=1e-4)
        own_memory(found, case, x=x, picture=picture, noise=noise)


@pytest.mark.exercise("keep_known")
@pytest.mark.parametrize("t", [-1, 0, 300, 999])
def test_keep_known_of_all_and_of_nothing(lesson, t):
    """Also with numbers far off the scale: nothing is cut off, and what is not known does not matter."""
    shape = (2, 1, 4, 6)
    x, picture, noise = 30 * normal(1, *shape), images(2, *shape), normal(3, *shape)
    signal, sigma = mix(COSINE, t)
    everything, nothing = torch.ones(shape, dtype=torch.bool), torch.zeros(shape, dtype=torch.bool)
    found = lesson.keep_known(x, picture, everything, t, noise, COSINE)
    same(found, signal * picture + sigma * noise, f"t = {t}, all is known", atol=1e-4)
    own_memory(found, f"t = {t}, all is known", x=x, picture=picture, noise=noise)
    found = lesson.keep_known(x, picture, nothing, t, noise, COSINE)
    same(found, x, f"t = {t}, nothing is known")
    own_memory(found, f"t = {t}, nothing is known", x=x, picture=picture, noise=noise)
    known = mask(4, *shape)
    wild = torch.where(known, picture, torch.tensor(1e4))
    expected = torch.where(known, signal * picture + sigma * noise, x)
    case = f"t = {t}, a picture of 10000 where it is not known"
    same(lesson.keep_known(x, wild, known, t, noise, COSINE), expected, case, atol=1e-3)


@pytest.mark.exercise("keep_known")
@pytest.mark.parametrize("t", [-1, 0, 300])
def test_keep_known_works_where_the_images_are(lesson, t):
    shape = (2, 1, 4, 6)
    x, picture, noise, known = normal(1, *shape), images(2, *shape), normal(3, *shape), mask(4, *shape)

    def call(move):
        return lesson.keep_known(move(x), move(picture), move(known), t, move(noise), there(move))

    on_other_device(call, f"keep_known, t = {t}", looks_up=True)
    draws_from_nowhere_else(lambda: call(lambda tensor: tensor), f"keep_known, t = {t}")


class Scripted:
    """A model that finds a grey of its own each time it is asked, and remembers what it was asked."""

    def __init__(self, schedule, prediction, bright=0.7):
        self.schedule, self.prediction, self.bright, self.asked = schedule, prediction, bright, []

    def grey(self, count):
        return self.bright * math.sin(2 * count + 1)

    def __call__(self, x_t, t):
        signal, sigma = mix(self.schedule, int(t[0]))
        grey = self.grey(len(self.asked))
        self.asked.append((t.tolist(), x_t.clone()))
        return (x_t - signal * grey) / sigma if self.prediction == "noise" else (signal * x_t - grey) / sigma

    def check(self, steps, batch, case):
        """Asked at these steps, of all images."""
        same(len(self.asked), len(steps), f"{case}, how often the model is asked")
        for count, ((told, _), step) in enumerate(zip(self.asked, steps, strict=True)):
            same(told, [step] * batch, f"{case}, the steps that the model is told, question {count}")


class Ideal:
    """The ideal model of data that are one grey, or of normal ones around it, all pixels alike."""

    def __init__(self, schedule, prediction, mean, deviation=0.0):
        self.schedule, self.prediction, self.mean, self.variance = schedule, prediction, mean, deviation**2

    def __call__(self, x_t, t):
        signal, sigma = mix(self.schedule, int(t[0]))
        gain = signal * self.variance / (signal**2 * self.variance + sigma**2)
        x0 = self.mean + gain * (x_t - signal * self.mean)
        return (x_t - signal * x0) / sigma if self.prediction == "noise" else (signal * x_t - x0) / sigma


def visits_of(T, steps):
    """Pairs of steps, where they divide T evenly."""
    return [(t, t - T // steps) for t in range(T - 1, -1, -(T // steps))]


@pytest.mark.exercise("complete")
def test_complete_by_hand(lesson):
    """A model that always finds .5. What is known comes back as it is, the rest is .5; the step to -1 is taken once."""
    picture, known = torch.full((2, 1, 4, 4), -0.9), torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    known[..., :2] = True
    asked, ideal = [], Ideal(BY_HAND, "noise", 0.5)

    def model(x_t, t):
        asked.append(int(t[0]))
        return ideal(x_t, t)

    x = lesson.complete(model, normal(1, 2, 1, 4, 4), picture, known, BY_HAND, generator=chance(2), steps=4, times=3)
    case = "4 steps, each 3 times, the left half of the picture is known, -.9, and the model always finds .5"
    same(x, torch.where(known, -0.9, torch.tensor(0.5)), case, atol=1e-4)
    same(asked, [3, 3, 3, 2, 2, 2, 1, 1, 1, 0], f"{case}, the steps that the model is asked about")


@pytest.mark.exercise("complete")
@given(
    examples=12,
    seed=SEEDS,
    shape=SHAPES,
    layout=LAYOUTS,
    times=st.integers(1, 3),
    steps=st.sampled_from([1, 2, 5, 10]),
    prediction=st.sampled_from(["v", "noise"]),
)
def test_complete_gives_back_what_is_known(lesson, seed, shape, layout, times, steps, prediction):
    """Exactly, wherever it lies; all other pixels are what the model finds at the end: here always one drawing."""
    x_T, picture, known = normal(seed, *shape), images(seed + 1, *shape), mask(seed + 2, *shape)
    everything, nothing, drawing = torch.ones_like(known), torch.zeros_like(known), images(seed + 3, *shape)
    for words, schedule in WHICH.items():
        for which, what in [(known, "about half"), (everything, "all"), (nothing, "nothing")]:
            x, given_picture, given_known = (layouts(each)[layout] for each in (x_T, picture, which))
            case = f"{words}, {steps} steps, each {times} times, {what} is known, images of shape {shape}"
            case += f", in memory {layout}, the model predicts {prediction}"
            model = Ideal(schedule, prediction, drawing)
            with unchanged(case, x_T=x, picture=given_picture, known=given_known):
                options = {"generator": chance(seed + 5000), "steps": steps, "times": times, "prediction": prediction}
                found = lesson.complete(model, x, given_picture, given_known, schedule, **options)
            same(found, torch.where(which, picture, drawing), case, atol=3e-3 if steps == 1 else 3e-4)
            same(found[which], picture[which], f"{case}, the known pixels", atol=1e-6)
            own_memory(found, case, x_T=x, picture=given_picture)


def noises_of_completing(lesson, T, steps, times, prediction, seed):
    """Complete a picture, and take away all that is known of what the model meets: what is left is noise.

    Between two questions there is one known mean and one known variance. Left must be standard normal numbers, and
    unrelated to what was there before.
    """
    schedule, shape = {1000: COSINE, 20: SHORT}[T], (2, 2, 40, 60)
    x_T, picture, known = normal(seed + 1, *shape), images(seed + 2, *shape), mask(seed + 3, *shape)
    model = Scripted(schedule, prediction)
    case = f"T = {T}, {steps} steps, each {times} times, the model predicts {prediction}"
    found = lesson.complete(
        model, x_T, picture, known, schedule, generator=chance(seed), steps=steps, times=times, prediction=prediction
    )
    visits, noises = visits_of(T, steps), []
    walk = [(t, prev_t, time == times - 1) for t, prev_t in visits for time in range(times if prev_t >= 0 else 1)]
    model.check([t for t, _, _ in walk], 2, case)
    same(model.asked[0][1], x_T, f"{case}, x that the model is asked about first")
    for count, (t, prev_t, last) in enumerate(walk[:-1]):
        x, after, grey = model.asked[count][1], model.asked[count + 1][1], model.grey(count)
        (signal, sigma), (signal_prev, sigma_prev) = mix(schedule, t), mix(schedule, prev_t)
        alpha = (signal / signal_prev) ** 2
        beta = sigma**2 - alpha * sigma_prev**2
        mean = (signal_prev * beta * grey + math.sqrt(alpha) * sigma_prev**2 * x) / sigma**2
        mean, variance = torch.where(known, signal_prev * picture, mean), beta * sigma_prev**2 / sigma**2
        variances = torch.where(known, sigma_prev**2, torch.tensor(variance))
        if not last:  # back to t
            mean, variances = math.sqrt(alpha) * mean, alpha * variances + beta
        noise = (after - mean) / variances.sqrt()
        step = f"{case}, question {count + 1}, at t = {prev_t if last else t}: its noise"
        looks_normal(noise, (x - x.mean()) / x.std(), step)
        for name, part in {"known": known, "unknown": ~known}.items():
            spread = noise[part].std().item()
            expect(abs(spread - 1) < 0.1, f"{step} has a standard deviation of {spread:.3g} where it is {name}, not 1")
        noises.append(noise)
    same(found, torch.where(known, picture, torch.tensor(model.grey(len(walk) - 1))), f"{case}, result", atol=2e-3)
    return noises, case


def all_fresh(noises, others, case):
    """Raise Wrong if a noise of one call has to do with another of it, or with one of a call with other chance."""
    for (first, one), (second, another) in combinations(enumerate(noises, start=1), 2):
        unrelated(one, another, f"{case}: the covariance of its noises number {first} and {second}")
    for number, (one, other) in enumerate(zip(noises, others, strict=True), start=1):
        unrelated(one, other, f"{case}: the covariance of noise number {number} with that of another generator")


@pytest.mark.exercise("complete")
@pytest.mark.parametrize(("T", "steps", "times"), [(1000, 4, 3), (20, 5, 2), (20, 4, 1), (1000, 2, 4), (20, 10, 1)])
@pytest.mark.parametrize("prediction", ["v", "noise"])
def test_complete_walks_back_and_goes_back(lesson, T, steps, times, prediction):
    """What the model meets, by the formulas, and the noise in it: all of it is fresh, and the generator's."""
    (noises, case), (others, _) = (
        noises_of_completing(lesson, T, steps, times, prediction, seed) for seed in (5000, 6000)
    )
    all_fresh(noises, others, case)


@pytest.mark.exercise("complete")
def test_complete_asks_as_often_as_it_says_if_nothing_is_said(lesson):
    """20 steps, 19 of them five times; and the model predicts noise."""
    model, shape = Scripted(COSINE, "noise"), (1, 1, 2, 2)
    known = torch.tensor([[True, False], [False, False]])[None, None]
    lesson.complete(model, normal(1, *shape), images(2, *shape), known, COSINE, generator=chance(3))
    steps = [t for t, prev_t in visits_of(1000, 20) for _ in range(5 if prev_t >= 0 else 1)]
    model.check(steps, 1, "neither steps nor times given")


@pytest.mark.exercise("complete")
def test_complete_clips_what_the_model_finds(lesson):
    """denoise does: no image is brighter than 1, whatever the model says."""
    shape, known = (2, 1, 4, 4), torch.zeros(2, 1, 4, 4, dtype=torch.bool)
    known[:, :, 0] = True
    for bright, expected in [(3.0, 1.0), (-3.0, -1.0)]:
        model, picture = Ideal(COSINE, "v", bright), torch.full(shape, 0.25)
        found = lesson.complete(
            model, normal(1, *shape), picture, known, COSINE, generator=chance(1), steps=5, times=2, prediction="v"
        )
        same(found, torch.where(known, 0.25, torch.tensor(expected)), f"a model that finds {bright:g}", atol=1e-3)


def two_pixels(schedule, mean, deviation, together):
    """The ideal model of pairs of pixels that are normal and go together; it predicts v."""
    covariance = deviation**2 * torch.tensor([[1.0, together], [together, 1.0]], dtype=torch.float64)

    def model(x_t, t):
        signal, sigma = mix(schedule, int(t[0]))
        gain = signal * covariance @ torch.linalg.inv(signal**2 * covariance + sigma**2 * torch.eye(2).double())
        x0 = mean + ((x_t.double() - signal * mean) @ gain.T).to(x_t.dtype)
        return (signal * x_t - x0) / sigma

    return model


@pytest.mark.exercise("complete")
def test_complete_fits_the_rest_to_what_is_known(lesson):
    """Pixels side by side, N(.1, .25 ** 2), that go together by .9. The left one is known. The right one should follow
    it by .9, with a mean of .1 + .9 * (left - .1), and vary beside that by .25 * sqrt(1 - .81) = .11.

    Without going back it follows by about .6, however many steps there are. With 50 steps, each taken 8 times, by .81.
    4,000 pairs: chance moves the first by .009, the other by .007.
    """
    shape = (4, 1, 1000, 2)
    left, known = 0.1 + 0.25 * normal(1, 4, 1, 1000).clamp(-2, 2), torch.zeros(shape, dtype=torch.bool)
    known[..., 0], picture = True, torch.stack([left, torch.zeros_like(left)], dim=3)
    slopes, off = {}, left - left.mean()
    for times in (1, 8):
        x_T, model = normal(2, *shape), two_pixels(COSINE, 0.1, 0.25, 0.9)
        found = lesson.complete(
            model, x_T, picture, known, COSINE, generator=chance(3), steps=50, times=times, prediction="v"
        )
        right = found[..., 1]
        slopes[times] = ((off * right).mean() / off.square().mean()).item()
        case = f"two pixels that go together by .9, 50 steps, each {times} times"
        expect(abs(right.mean() - 0.1) < 0.02, f"{case}: the right one's mean is {right.mean():.3f}, expected .1")
        rest = (right - right.mean() - slopes[times] * off).std().item()
        expect(0.07 < rest < 0.15, f"{case}: beside what follows from the left one the right one varies by {rest:.3f}")
    case = "two pixels that go together by .9, 50 steps: the right one follows the left one by"
    expect(0.5 < slopes[1] < 0.7, f"{case} {slopes[1]:.2f} where each is taken once, expected .6")
    expect(0.74 < slopes[8] < 0.95, f"{case} {slopes[8]:.2f} where each is taken 8 times, expected .81 or more")


@pytest.mark.exercise("complete")
def test_complete_keeps_no_graph_and_draws_from_the_generator(lesson):
    """It goes on from where it is, and no other chance has a part."""
    weight, shape = torch.tensor(0.5, requires_grad=True), (2, 1, 4, 4)
    x_T, picture, known, generator = normal(1, *shape), images(2, *shape), mask(3, *shape), chance(5)

    def drawn(generator, model=lambda x_t, t: weight * x_t):
        options = {"generator": generator, "steps": 4, "times": 2, "prediction": "v"}
        return lesson.complete(model, x_T, picture, known, COSINE, **options)

    first = drawn(generator)
    expect(not first.requires_grad, "a model with weights: what comes back hangs on the graph of them, expected none")
    expect(torch.is_grad_enabled(), "after completing, gradients are switched off for everybody")
    keeps(first, "two calls", lambda: drawn(generator))
    same(drawn(chance(5)), first, "twice with a generator of the same seed")
    other = drawn(generator)
    expect(not torch.equal(other, first), "one generator, two calls: the same images, but its numbers should go on")
    draws_from_nowhere_else(lambda: drawn(chance(5)), "complete")


@pytest.mark.exercise("complete")
def test_complete_works_where_and_however_the_images_lie(lesson):
    shape = (2, 3, 4, 6)
    x_T, picture, known = normal(1, *shape), images(2, *shape), mask(3, *shape)

    def drawn(layout):
        options = {"generator": chance(5), "steps": 3, "times": 1, "prediction": "v"}
        inputs = (layouts(each)[layout] for each in (x_T, picture, known))
        return lesson.complete(lambda x, t: x / 2, *inputs, COSINE, **options)

    first = drawn("one row after the other")
    for layout in layouts(x_T):
        same(drawn(layout), first, f"3 steps, each once, images in memory {layout}, against the same as usual")

    def call(move):
        options = {"generator": chance(5), "steps": 3, "times": 2, "prediction": "v"}
        return lesson.complete(lambda x, t: x / 2, move(x_T), move(picture), move(known), there(move), **options)

    on_other_device(call, "complete", looks_up=True)
    options = {"generator": chance(1), "times": 2}
    for steps in (0, 21, -1):
        with refused(f"T = 20, steps = {steps}"):
            lesson.complete(lambda x, t: x, x_T, picture, known, SHORT, steps=steps, **options)


@pytest.mark.exercise("from_sketch")
def test_from_sketch_by_hand(lesson):
    """From t = 2 in three steps; a model that always finds .5 gives .5, whatever the sketch is."""
    asked, ideal = [], Ideal(BY_HAND, "noise", 0.5)

    def model(x_t, t):
        asked.append(t)
        return ideal(x_t, t)

    case = "t_start = 2, 3 steps, a model that always finds .5"
    x = lesson.from_sketch(model, images(1, 2, 1, 4, 4), BY_HAND, generator=chance(2), t_start=2, steps=3)
    same(x, torch.full((2, 1, 4, 4), 0.5), case, atol=1e-4)
    same([step.tolist() for step in asked], [[2, 2], [1, 1], [0, 0]], f"{case}, the steps that the model is told")


@pytest.mark.exercise("from_sketch")
@given(
    examples=15,
    share=st.floats(0, 1),
    value=st.floats(-1, 1),
    steps=st.integers(1, 8),
    shape=SHAPES,
    layout=LAYOUTS,
    prediction=st.sampled_from(["v", "noise"]),
)
def test_from_sketch_finds_the_only_picture_there_is(lesson, share, value, steps, shape, layout, prediction):
    for words, schedule in WHICH.items():
        t_start = int(share * (len(schedule) - 2))
        sketch, some = layouts(images(3, *shape))[layout], min(steps, t_start + 1)
        picture = (value + images(4, *shape)) / 2
        case = f"{words}, one picture for each image, t_start = {t_start}, {some} steps, sketches of shape {shape}, "
        case += f"in memory {layout}, the model predicts {prediction}"
        model = Ideal(schedule, prediction, picture)
        with unchanged(case, sketch=sketch):
            found = lesson.from_sketch(
                model, sketch, schedule, generator=chance(2), t_start=t_start, steps=some, prediction=prediction
            )
        same(found, picture, case, atol=3e-3 if some == 1 else 3e-4)
        own_memory(found, case, sketch=sketch)


def half_log_snr(schedule, t):
    signal, sigma = mix(schedule, t)
    return math.log(signal / sigma)


def noises_of_sketching(lesson, T, t_start, steps, prediction, seed):
    """Draw from a sketch, and take away all that is known of what the model meets, by the formulas of lesson 04.

    First the sketch, noised; then what each step of dpm leads to, with its usual share of fresh noise, and corrected
    once the model has said what it finds there. What is left is noise: see noises_of_completing.
    """
    schedule, shape = {1000: COSINE, 20: SHORT}[T], (2, 2, 40, 60)
    sketch, model = images(seed + 1, *shape), Scripted(schedule, prediction)
    case = f"T = {T}, t_start = {t_start}, {steps} steps, the model predicts {prediction}"
    found = lesson.from_sketch(
        model, sketch, schedule, generator=chance(seed), t_start=t_start, steps=steps, prediction=prediction
    )
    visits = visits_of(t_start + 1, steps)
    model.check([t for t, _ in visits], 2, case)
    signal, sigma = mix(schedule, t_start)
    x, last, ahead = model.asked[0][1], None, 0.0
    noises = [(x - signal * sketch) / sigma]
    looks_normal(noises[0], sketch, f"{case}, the noise that the sketch first gets")
    for count, (t, prev_t) in enumerate(visits[:-1]):
        grey, after = model.grey(count), model.asked[count + 1][1]
        (signal, _), (signal_prev, sigma_prev) = mix(schedule, t), mix(schedule, prev_t)
        h = half_log_snr(schedule, prev_t) - half_log_snr(schedule, t)
        ahead = grey + ((grey - model.grey(count - 1)) * h / last / 2 if last else 0.0)
        kept = math.exp(-2 * h)
        mean = signal_prev * (kept / signal * x + (1 - kept) * ahead)
        noise = (after - mean) / (sigma_prev * math.sqrt(1 - kept))
        looks_normal(noise, (x - x.mean()) / x.std(), f"{case}, the noise of the step from {t} to {prev_t}")
        noises.append(noise)
        x, last = after + signal_prev * (1 - kept) * (model.grey(count + 1) - ahead), h
    same(found, torch.full(shape, model.grey(steps - 1)), f"{case}, result", atol=2e-3)
    return noises, case


@pytest.mark.exercise("from_sketch")
@pytest.mark.parametrize(
    ("T", "t_start", "steps"), [(1000, 599, 4), (1000, 99, 5), (20, 14, 5), (20, 9, 2), (20, 7, 1)]
)
@pytest.mark.parametrize("prediction", ["v", "noise"])
def test_from_sketch_walks_as_dpm_does(lesson, T, t_start, steps, prediction):
    """What the model meets, by the formulas, and the noise in it: all of it is fresh, and the generator's."""
    (noises, case), (others, _) = (
        noises_of_sketching(lesson, T, t_start, steps, prediction, seed) for seed in (5000, 6000)
    )
    all_fresh(noises, others, case)


@pytest.mark.exercise("from_sketch")
@pytest.mark.parametrize(
    ("T", "t_start", "steps"), [(1000, 650, 20), (1000, 399, 7), (20, 0, 1), (20, 19, 20), (1000, 2, 2)]
)
def test_from_sketch_visits_steps_that_are_spread_evenly(lesson, T, t_start, steps):
    schedule = {1000: COSINE, 20: SHORT}[T]
    model, case = Scripted(schedule, "v"), f"T = {T}, t_start = {t_start}, {steps} steps"
    lesson.from_sketch(
        model, images(1, 1, 1, 2, 2), schedule, generator=chance(1), t_start=t_start, steps=steps, prediction="v"
    )
    asked = [told[0] for told, _ in model.asked]
    same(len(asked), steps, f"{case}, how often the model is asked")
    same(asked[0], t_start, f"{case}, the first step that the model is asked about")
    for count, t in enumerate(asked):
        even = t_start - count * (t_start + 1) / steps
        expect(abs(t - even) < 1, f"{case}: question {count} is about t = {t}, evenly spread it is {even:g}")


@pytest.mark.exercise("from_sketch")
def test_from_sketch_takes_20_steps_if_nothing_is_said(lesson):
    """And reads the answer as noise."""
    model = Scripted(COSINE, "noise")
    found = lesson.from_sketch(model, images(1, 1, 1, 2, 2), COSINE, generator=chance(1), t_start=599)
    model.check(list(range(599, -1, -30)), 1, "t_start = 599, no steps given")
    same(found, torch.full((1, 1, 2, 2), model.grey(19)), "t_start = 599, no steps and no prediction given", atol=2e-3)


@pytest.mark.exercise("from_sketch")
@pytest.mark.parametrize("t_start", [100, 300, 500, 700])
def test_from_sketch_keeps_the_less_the_later_it_starts(lesson, t_start):
    """Data N(.1, .25 ** 2), sketches that are all -.4: what is kept of being off is a formula, and so is the spread.

    Of x_t, Bayes' rule says where the image lies: the sketch is off by -.5, its noised image by signal * -.5, and of
    that gain is believed. 10,000 pixels: chance moves the mean by .0025, the rest of the bounds is for the 40 steps.
    """
    signal, sigma = mix(COSINE, t_start)
    gain = signal * 0.0625 / (signal**2 * 0.0625 + sigma**2)
    spread = math.sqrt(gain**2 * sigma**2 + 0.0625 * sigma**2 / (signal**2 * 0.0625 + sigma**2))
    model, sketch = Ideal(COSINE, "v", 0.1, 0.25), torch.full((1, 1, 100, 100), -0.4)
    found = lesson.from_sketch(model, sketch, COSINE, generator=chance(4), t_start=t_start, steps=40, prediction="v")
    case, mean = f"data N(.1, .25 ** 2), sketches all -.4, t_start = {t_start}, 40 steps", found.mean().item()
    expected = 0.1 - gain * signal * 0.5
    expect(abs(mean - expected) < 0.02, f"{case}: the mean is {mean:.3f}, expected {expected:.3f}")
    same(found.std().item(), spread, f"{case}, standard deviation", rtol=0.12)


@pytest.mark.exercise("from_sketch")
@pytest.mark.parametrize(
    ("t_start", "steps"), [(4, 1), (-1, 1), (5, 2), (-3, 1), (1000, 4), (2, 4), (2, 0), (3, 5), (0, 2), (3, -1)]
)
def test_from_sketch_refuses_what_cannot_be(lesson, t_start, steps):
    x, model = images(6, 1, 1, 2, 2), Ideal(BY_HAND, "noise", 0.5)
    lesson.from_sketch(model, x, BY_HAND, generator=chance(1), t_start=3, steps=4)  # this is fine
    with refused(f"t_start = {t_start}, steps = {steps}, T = 4"):
        lesson.from_sketch(model, x, BY_HAND, generator=chance(1), t_start=t_start, steps=steps)


@pytest.mark.exercise("from_sketch")
def test_from_sketch_keeps_no_graph_and_draws_from_the_generator(lesson):
    """It goes on from where it is, and no other chance has a part."""
    weight, sketch, generator = torch.tensor(0.5, requires_grad=True), images(1, 2, 1, 4, 4), chance(5)

    def drawn(generator):
        options = {"generator": generator, "t_start": 400, "steps": 4, "prediction": "v"}
        return lesson.from_sketch(lambda x_t, t: weight * x_t, sketch, COSINE, **options)

    first = drawn(generator)
    expect(not first.requires_grad, "a model with weights: what comes back hangs on the graph of them, expected none")
    expect(torch.is_grad_enabled(), "after it, gradients are switched off for everybody")
    keeps(first, "two calls", lambda: drawn(generator))
    same(drawn(chance(5)), first, "twice with a generator of the same seed")
    other = drawn(generator)
    expect(not torch.equal(other, first), "one generator, two calls: the same images, but its numbers should go on")
    draws_from_nowhere_else(lambda: drawn(chance(5)), "from_sketch")


@pytest.mark.exercise("from_sketch")
def test_from_sketch_works_where_and_however_the_sketches_lie(lesson):
    sketch, options = images(1, 2, 3, 4, 6), {"t_start": 300, "steps": 3, "prediction": "v"}

    def drawn(sketch):
        return lesson.from_sketch(lambda x, t: x / 2, sketch, COSINE, generator=chance(1), **options)

    for layout, lying in layouts(sketch).items():
        same(drawn(lying), drawn(sketch), f"sketches in memory {layout}, against the same as usual")

    def call(move):
        return lesson.from_sketch(lambda x, t: x / 2, move(sketch), there(move), generator=chance(1), **options)

    on_other_device(call, "from_sketch", looks_up=True)


@pytest.mark.chain
def test_your_conditional_network_starts_as_your_network(chain):
    """Your SimpleUNet's weights, handed to your ConditionalUNet: the same answers, whatever it is told."""
    plain = awake(chain.unet.SimpleUNet(in_channels=2, channels=(8, 16), blocks=(1, 1)))
    network = chain.guidance.ConditionalUNet(in_channels=2, channels=(8, 16), blocks=(1, 1))
    network.load_state_dict(plain.state_dict(), strict=False)
    x_t, t = normal(1, 5, 2, 8, 12), torch.tensor([5, 300, 0, 999, 41])
    with torch.no_grad():
        expected = plain(x_t, t)
        for labels in (None, torch.tensor(LABELS)):
            found = network(x_t, t, labels)
            same(found, expected, f"your ConditionalUNet and your SimpleUNet, labels {show(labels)}", **near)


@pytest.mark.chain
def test_your_guidance_draws_what_it_is_told(chain):
    """All that you wrote so far: a small network learns two pictures and their classes, and draws either.

    Class 3 is black above and white below, class 8 the other way round.
    """
    guidance, schedule = chain.guidance, chain.schedule.make_schedule("cosine", 50)
    three = torch.tensor([-0.8, 0.8]).repeat_interleave(4)[:, None].expand(1, 8, 8)
    pictures, labels, generator = torch.stack([three, -three] * 8), torch.tensor([3, 8] * 8), chance(7)
    network, losses = guidance.ConditionalUNet(channels=(16,), blocks=(1,)), []
    ways = {parameter: torch.zeros_like(parameter) for parameter in network.parameters()}
    for step in range(60):
        x0, t = guidance.with_labels(pictures, labels), (torch.arange(16) * 3 + 7 * step) % 50
        noise = torch.randn(x0.shape, generator=generator)
        loss = guidance.conditional_loss(network, x0, t, noise, schedule, "v").mean()
        network.zero_grad()
        loss.backward()
        with torch.no_grad():  # by hand: the first of torch's own optimisers takes a second to load
            for parameter, way in ways.items():
                if parameter.grad is not None:
                    way.mul_(0.8).add_(parameter.grad)
                    parameter -= 0.01 * 0.98**step * way.sign()
        losses.append(loss.item())
    first, last = losses[0], sum(losses[-8:]) / 8
    expect(last < first / 2, f"60 training steps: the loss went from {first:.2g} to {last:.2g}, expected half")
    network.eval()

    def told(x_t, t):
        return guidance.guided(network, x_t, t, labels, 2.0, (0, 45))

    known, options = torch.zeros(16, 1, 8, 8, dtype=torch.bool), {"generator": generator, "prediction": "v"}
    known[:, :, :4] = True
    x_T = torch.randn(16, 1, 8, 8, generator=generator)
    drawn = chain.sampler.sample(told, x_T, schedule, steps=8, **options)
    completed = guidance.complete(network, x_T, pictures, known, schedule, steps=10, times=2, **options)
    sketched = guidance.from_sketch(network, 0.4 * pictures, schedule, t_start=25, steps=5, **options)
    for what, x in {"drawn as told": drawn, "completed": completed, "from sketches": sketched}.items():
        off = (x - pictures).square().mean().item()
        expect(off < 0.8, f"{what}, by your files: squared error {off:.2g}, expected less than .8; the other has 2.6")
    same(completed[known], pictures[known], "completed by your files, the known half", atol=1e-6)
