"""Checks lesson 06. The networks add up a few pixels, so that each gradient is known; several processes are one after
the other. Which numbers you draw is yours: checked is how they are distributed, and what they depend on.
"""

import copy
import math
import time
from contextlib import contextmanager
from itertools import combinations, islice, pairwise
from unittest.mock import patch

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from cdm_tutor import distributed
from cdm_tutor.course.checks import expect, given, keeps, on_other_device, own_memory, refused, same, show, unchanged
from cdm_tutor.course.outcomes import Wrong
from cdm_tutor.schedule import make_schedule

SCHEDULE = make_schedule("linear", 100)
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # what torch loads for its first optimiser takes seconds
weights = st.floats(-2, 2).map(lambda x: round(x, 2))


class Part(nn.Module):
    """Holds a weight."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(double([[weight]]))


class Net(nn.Module):
    """Adds up an image's pixels, each times its weight: the first is the network's own, the others are its parts'."""

    def __init__(self, *weights):
        super().__init__()
        self.first = nn.Parameter(double(weights[:1]))
        self.parts = nn.Sequential(*(nn.Sequential(Part(weight)) for weight in weights[1:]))

    def forward(self, x, t):
        return x.flatten(1) @ torch.cat([parameter.flatten() for parameter in self.parameters()])


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def numbers_of(net):
    """All weights of a Net."""
    return torch.cat([parameter.detach().flatten() for parameter in net.parameters()])


def answer(model, x0, t, noise, schedule, prediction):
    """A loss that is just what the network says, so that its gradient is the mean image."""
    return model(x0, t)


def guess(model, x0, t, noise, schedule, prediction):
    """A loss that depends on all that is drawn."""
    return (model(x0, t) - noise.flatten(1).sum(dim=1) - t / 100).square()


def in_training(lesson, *weights, loss=answer, sgd=0.0, **settings):
    """A Training of a Net; with sgd a plain step downhill of that length instead of Adam's."""
    settings = {"steps": 10, "batch": 2, "grad_clip": 1e6, **settings}
    training = lesson.Training(Net(*weights), SCHEDULE, lesson.TrainSettings(**settings), loss)
    if sgd:
        training.optimizer = torch.optim.SGD(training.model.parameters(), lr=sgd)
    return training


def pixels(*rows):
    """Images of one row of pixels each."""
    return double(rows)[:, None, None, :]


def numbered(n, side=1):
    """n images, each filled with its own number."""
    return torch.arange(n)[:, None, None, None].expand(n, 1, side, side).float()


def together(run, world):
    """What run(rank) gives for each of some processes, whose sums are exchanged.

    They run one after the other, twice: what the others ask distributed.total to add is known from the first time.
    """
    asked = [[] for _ in range(world)]
    for _ in range(2):
        before, asked, found = asked, [[] for _ in range(world)], []
        for rank in range(world):

            def total(values, rank=rank, before=before, asked=asked):
                number = len(asked[rank])
                asked[rank].append(values.detach().clone())
                for other in range(world):
                    if other != rank and number < len(before[other]):
                        values += before[other][number]
                return values

            with process(rank, world), patch.object(distributed, "total", total):
                found.append(run(rank))
    return found


@contextmanager
def process(rank, world):
    """While it lasts, this is one of several processes."""
    with patch.object(distributed, "rank", lambda: rank), patch.object(distributed, "world_size", lambda: world):
        yield


# --- learning_rate ---------------------------------------------------------------------------------------------------


@pytest.mark.exercise("learning_rate")
def test_learning_rate_by_hand(lesson):
    """Up to 0.8 in four steps, a quarter each; at a third of the way the cosine has lost a quarter."""
    settings = lesson.TrainSettings(lr=0.8, warmup=4)
    for step, progress, rate in [(0, 0.0, 0.2), (1, 0.0, 0.4), (3, 0.0, 0.8), (50, 1 / 3, 0.6), (1, 1 / 3, 0.3)]:
        case = f"lr = 0.8, warmup = 4, step = {step}, progress = {progress:.3g}"
        same(lesson.learning_rate(step, progress, settings), rate, case)


@pytest.mark.exercise("learning_rate")
@given(
    step=st.integers(0, 300), progress=st.floats(0, 1), warmup=st.sampled_from([0, 1, 10, 200]), lr=st.floats(1e-4, 1)
)
def test_learning_rate_rises_and_falls(lesson, step, progress, warmup, lr):
    """The fall by another formula: (1 + cos(2a)) / 2 is the square of cos(a)."""
    rise = (step + 1) / warmup if step < warmup else 1
    case = f"lr = {lr:.3g}, warmup = {warmup}, step = {step}, progress = {progress:.3g}"
    rate = lesson.learning_rate(step, progress, lesson.TrainSettings(lr=lr, warmup=warmup))
    same(rate, lr * rise * math.cos(progress * math.pi / 2) ** 2, case, atol=1e-9)


# --- update_ema ------------------------------------------------------------------------------------------------------


@pytest.mark.exercise("update_ema")
def test_update_ema_by_hand(lesson):
    """At step 0 a tenth stays: 0.1 * 1 + 0.9 * 2 = 1.9. At step 8 half would, but of decay 0.2 only a fifth."""
    for step, decay, expected in [(0, 0.999, 1.9), (8, 0.999, 1.5), (8, 0.2, 1.8)]:
        ema, model = Net(1.0, 1.0, 1.0, 1.0).requires_grad_(False), Net(2.0, 2.0, 2.0, 2.0)
        lesson.update_ema(ema, model, step, decay)
        case = f"average 1, weights 2, step {step}, decay {decay}"
        same(numbers_of(model), double([2.0] * 4), f"{case}: the network itself, which must stay as it is")
        same(numbers_of(ema), double([expected] * 4), f"{case}: the average of all weights")


@pytest.mark.exercise("update_ema")
@given(examples=15, decay=st.floats(0.1, 0.9999), path=st.lists(weights, min_size=1, max_size=30))
def test_update_ema_follows_the_weights(lesson, decay, path):
    ema, expected = Net(0.5, -0.5, 1.0).requires_grad_(False), [0.5, -0.5, 1.0]
    for step, weight in enumerate(path):
        now = [weight, 2 * weight, -weight]
        lesson.update_ema(ema, Net(*now), step, decay)
        keep = min(decay, (1 + step) / (10 + step))
        expected = [keep * old + (1 - keep) * new for old, new in zip(expected, now, strict=True)]
    case = f"decay = {decay:.4g}, after {len(path)} steps, the first weight being {', '.join(map(str, path))}"
    same(numbers_of(ema), double(expected), case, atol=1e-9)
    expect(not any(p.requires_grad for p in ema.parameters()), f"{case}: the average must not be trained itself")


# --- draw_batch ------------------------------------------------------------------------------------------------------


def drawn(lesson, images, step, T, world=1, **settings):
    """What each process draws, with the right shapes."""
    settings, batches = lesson.TrainSettings(steps=1, **settings), []
    for rank in range(world):
        batch = lesson.draw_batch(images, step, T, settings, rank, world)
        case = f"{len(images)} images, batch = {settings.batch}, step {step}, rank {rank} of {world}"
        expect(
            isinstance(batch, tuple) and len(batch) == 3, f"{case}: yours is {show(batch)}, expected x0, t and noise"
        )
        x0, t, noise = batch
        expect(isinstance(x0, torch.Tensor), f"{case}, x0: yours is {show(x0)}, expected a tensor")
        if world == 1:
            same(
                len(x0),
                settings.batch,
                f"{case}: how many images come, in an epoch of {len(images) // settings.batch} batches",
            )
        for name, tensor, like in [
            ("x0", x0, images[: len(x0)]),
            ("noise", noise, x0),
            ("t", t, torch.arange(len(x0))),
        ]:
            expect(isinstance(tensor, torch.Tensor), f"{case}, {name}: yours is {show(tensor)}, expected a tensor")
            same(tensor.shape, like.shape, f"{case}, shape of {name}")
            same(tensor.dtype, like.dtype, f"{case}, dtype of {name}")
        batches.append(batch)
    return batches


def named(batches):
    """The numbers of the images, in the order of the processes."""
    return [int(image.flatten()[0]) for x0, _, _ in batches for image in x0]


@pytest.mark.exercise("draw_batch")
def test_draw_batch_by_hand(lesson):
    """Of four images, two a step, an epoch has two steps; of two processes each takes one image in each."""
    steps = [drawn(lesson, numbered(4), step, 10, world=2, batch=2) for step in (0, 1)]
    for step, batches in enumerate(steps):
        sizes = [len(x0) for x0, _, _ in batches]
        same(sizes, [1, 1], f"4 images, batch = 2, step {step}: how many images the two processes get")
    seen = [named(batches) for batches in steps]
    expect(sorted(seen[0] + seen[1]) == [0, 1, 2, 3], f"4 images, batch = 2: step 0 shows {seen[0]}, step 1 {seen[1]}")


@pytest.mark.exercise("draw_batch")
@given(
    examples=12,
    world=st.integers(1, 4),
    batch=st.integers(4, 12),
    more=st.integers(0, 12),
    epoch=st.integers(0, 3),
    seed=st.integers(0, 9),
)
def test_an_epoch_shows_each_image_once(lesson, world, batch, more, epoch, seed):
    n = batch + more
    length, seen = n // batch, []
    case = f"{n} images, batch = {batch}, seed = {seed}, epoch {epoch}, {world} processes"
    for step in range(epoch * length, (epoch + 1) * length):
        batches = drawn(lesson, numbered(n), step, 50, world, batch=batch, seed=seed)
        sizes = [len(x0) for x0, _, _ in batches]
        expect(sum(sizes) == batch, f"{case}: step {step} has shares of {sizes} images, expected {batch} together")
        expect(max(sizes) - min(sizes) <= 1, f"{case}: step {step} has uneven shares, of {sizes} images")
        seen += named(batches)
    expect(len(set(seen)) == len(seen), f"{case}: images come twice in the epoch: {seen}")


def order_of(lesson, epoch, seed=0):
    """The order in which an epoch shows 30 images, all in one batch."""
    return named(drawn(lesson, numbered(30), epoch, 50, batch=30, seed=seed))


@pytest.mark.exercise("draw_batch")
def test_each_epoch_and_seed_has_its_own_order(lesson):
    """Of 30 images two orders are equal once in 10 ** 32."""
    with torch.random.fork_rng():
        orders = [order_of(lesson, epoch, seed) for epoch, seed in [(0, 0), (1, 0), (0, 5), (0, 0)]]
        torch.manual_seed(1)
        again = order_of(lesson, 1)
    first, second, other, repeated = orders
    case = "30 images, batch = 30"
    expect(first != list(range(30)), f"{case}: the order is 0, 1, 2, ...: expected another")
    expect(first != second, f"{case}: steps 0 and 1, each an epoch, show the same order {first}")
    expect(first != other, f"{case}: seed 0 and seed 5 show the same order {first}")
    expect(first == repeated and second == again, f"{case}: asked twice for the same seed and step, two orders came")


@pytest.mark.exercise("draw_batch")
def test_no_order_is_made_from_another(lesson):
    """Of two orders of 30 images, by chance 2 neighbours are neighbours in both, and 4 images are as far apart.

    15 of either are chance once in a billion times.
    """
    epochs = [*range(12), 100, 1000]
    orders = {epoch: order_of(lesson, epoch, seed=2) for epoch in epochs}
    for one, two in combinations(epochs, 2):
        case = f"30 images, epochs {one} and {two}"
        neighbours = [{frozenset(pair) for pair in pairwise([*orders[each], orders[each][0]])} for each in (one, two)]
        alike = len(set.intersection(*neighbours))
        expect(alike < 15, f"{case}: {alike} of 30 neighbours are the same, as if rolled or reversed: draw a new order")
        steps = [(b - a) % 30 for a, b in zip(orders[one], orders[two], strict=True)]
        most = max(map(steps.count, steps))
        expect(most < 15, f"{case}: {most} of 30 numbers differ by the same, as if counted on: draw a new order")
    early = sum(image < 15 for order in orders.values() for image in order[:15]) / len(epochs)
    expect(4 < early < 11, f"30 images: of the first 15 places {early:.3g} are taken by images 0 to 14, expected 7.5")


@pytest.mark.exercise("draw_batch")
@given(examples=10, world=st.integers(2, 4), step=st.integers(0, 9), seed=st.integers(0, 9))
def test_several_processes_share_the_batch_of_one(lesson, world, step, seed):
    alone, shared = (named(drawn(lesson, numbered(20), step, 50, n, batch=6, seed=seed)) for n in (1, world))
    case = f"20 images, batch = 6, step {step}, seed {seed}"
    expect(sorted(alone) == sorted(shared), f"{case}: {world} processes take images {shared}, one alone takes {alone}")


@pytest.mark.exercise("draw_batch")
@given(
    examples=10,
    world=st.integers(2, 4),
    step=st.integers(0, 9),
    seed=st.integers(0, 9),
    timesteps=st.sampled_from(["focused", "uniform"]),
)
def test_an_image_gets_the_same_from_any_process(lesson, world, step, seed, timesteps):
    gets = []
    for processes in (1, world):
        batches = drawn(lesson, numbered(20, side=2), step, 10**9, processes, batch=8, seed=seed, timesteps=timesteps)
        parts = zip(named(batches), (row for _, t, noise in batches for row in zip(t, noise, strict=True)), strict=True)
        gets.append({name: (int(t), noise.sum().item()) for name, (t, noise) in parts})
    case = f"20 images, batch = 8, step {step}, seed {seed}, {timesteps}, {world} processes"
    for name, (t, total) in gets[0].items():
        expect(name in gets[1], f"{case}: image {name} is in the batch of one process, but in none of {world}")
        same(gets[1][name][0], t, f"{case}: t of image {name}, compared with one process")
        same(gets[1][name][1], total, f"{case}: sum of the noise of image {name}, compared with one process")


@pytest.mark.exercise("draw_batch")
@pytest.mark.parametrize("timesteps", ["uniform", "focused"])
def test_the_seed_and_the_step_decide_what_is_drawn(lesson, timesteps):
    """Each of 10 images has its own t and noise in each step: of 100 million timesteps, two are hardly ever equal."""

    def draws(step, seed):
        ((_, t, noise),) = drawn(lesson, numbered(10, side=2), step, 10**8, batch=5, seed=seed, timesteps=timesteps)
        return t.tolist(), [tuple(row) for row in noise.flatten(1).tolist()]

    pairs = [(0, 0), (0, 1), *((step, 0) for step in (1, 2, 3, 4, 5, 7, 10, 50, 100, 700, 1000))]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = {pair: draws(*pair) for pair in pairs}
        torch.manual_seed(1)
        again = draws(0, 0)
    for k, name in enumerate(("timesteps", "noise")):
        case = f"10 images, batch = 5, {timesteps}"
        expect(found[0, 0][k] == again[k], f"{case}: asked twice for step 0 of seed 0, two different {name} came")
        for pair in pairs:
            many = len(set(found[pair][k]))
            expect(many >= 4, f"{case}, step {pair[0]}, seed {pair[1]}: images get the same {name}, expected their own")
        for one, two in combinations(pairs, 2):
            both = len(set(found[one][k]) & set(found[two][k]))
            words = "steps {0[0]} and {1[0]}" if one[1] == two[1] else "step {0[0]} of seed {0[1]} and {1[0]} of {1[1]}"
            expect(both <= 1, f"{case}: {words.format(one, two)} have {both} of 5 {name} in common, expected new ones")


@pytest.mark.exercise("draw_batch")
def test_an_image_gets_new_noise_in_the_next_epoch(lesson):
    epochs = [drawn(lesson, numbered(6, side=2), step, 10**8, batch=6)[0] for step in range(4)]
    for k, name in ((1, "t"), (2, "noise")):
        found = [{int(x[0, 0, 0]): batch[k][i].tolist() for i, x in enumerate(batch[0])} for batch in epochs]
        for one, two in combinations(range(4), 2):
            alike = [image for image in range(6) if found[one][image] == found[two][image]]
            expect(not alike, f"6 images, batch = 6: images {alike} get the same {name} in epochs {one} and {two}")


@pytest.mark.exercise("draw_batch")
@pytest.mark.parametrize("layout", ["as usual", "channels last", "rows for columns"])
def test_draw_batch_gives_the_images_as_they_are(lesson, layout):
    """Of any channels, height and width, to the last digit, however they lie in memory; and leaves the set alone."""
    images = torch.rand(6, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    if layout == "channels last":
        images = images.contiguous(memory_format=torch.channels_last)
    if layout == "rows for columns":
        images = images.transpose(2, 3).contiguous().transpose(2, 3)
    case = f"6 images of 3 x 4 x 6, {layout} in memory, batch = 6"
    with unchanged(case, images=images):
        ((x0, _, noise),) = drawn(lesson, images, 0, 10, batch=6)
    order = [next((n for n in range(6) if torch.equal(images[n], image)), None) for image in x0]
    expect(sorted(order, key=str) == list(range(6)), f"{case}: x0 is not those images: the places found are {order}")
    own_memory(x0, case, images=images)
    keeps(x0, f"{case}, the next step", lambda: drawn(lesson, images, 1, 10, batch=6))
    keeps(noise, f"{case}, noise, the next step", lambda: drawn(lesson, images, 1, 10, batch=6))


@pytest.mark.exercise("draw_batch")
def test_draw_batch_stays_on_the_images_device(lesson):
    settings = lesson.TrainSettings(steps=1, batch=4)
    for which, name in enumerate(("x0", "t", "noise")):
        on_other_device(
            lambda to, which=which: lesson.draw_batch(to(torch.zeros(8, 1, 2, 3)), 1, 10, settings)[which],
            f"8 images, batch = 4, {name}",
        )


@pytest.mark.exercise("draw_batch")
def test_all_timesteps_are_drawn_equally_often(lesson):
    """1600 draws of 4 timesteps: 400 each, give or take 17. Further off than 110 is chance once in a billion times."""
    t = torch.cat([drawn(lesson, torch.zeros(64, 1, 1, 1), step, 4, batch=64)[0][1] for step in range(25)])
    counts = torch.bincount(t, minlength=4).tolist()
    expect(len(counts) == 4, f"T = 4: a timestep of {t.max()} was drawn, expected 0 to 3")
    expect(all(abs(count - 400) < 110 for count in counts), f"T = 4: 0, 1, 2, 3 came {counts} times in 1600 draws")


@pytest.mark.exercise("draw_batch")
def test_timesteps_differ_within_a_batch(lesson):
    """Of 32 draws from 1000 timesteps about 31 differ; fewer than 20 hardly ever."""
    for timesteps in ("uniform", "focused"):
        ((_, t, _),) = drawn(lesson, torch.zeros(32, 1, 1, 1), 3, 1000, batch=32, timesteps=timesteps)
        expect(len(t.unique()) >= 20, f"T = 1000, batch = 32, {timesteps}: only {len(t.unique())} different timesteps")


@pytest.mark.exercise("draw_batch")
@pytest.mark.parametrize("T", [1000, 40])
def test_focused_timesteps_are_near_the_middle(lesson, T):
    """In the middle half: half of a quarter, and of the rest what of a normal is below log(3), 73%: 67%, +- 0.5%."""
    images, settings = torch.zeros(1024, 1, 1, 1), {"batch": 1024, "timesteps": "focused"}
    t = torch.cat([drawn(lesson, images, step, T, **settings)[0][1] for step in range(8)])
    expect(t.min() >= 0 and t.max() < T, f"T = {T}, focused: t from {t.min()} to {t.max()}, expected 0 to {T - 1}")
    middle = ((t >= T // 4) & (t < 3 * T // 4)).double().mean().item()
    expected = 0.125 + 0.75 * math.erf(math.log(3) / math.sqrt(2))
    case = f'timesteps = "focused": the share of them between {T // 4} and {3 * T // 4} of {T}'
    same(middle, expected, case, rtol=0, atol=0.03)


@pytest.mark.exercise("draw_batch")
def test_noise_is_standard_normal(lesson):
    """Of 6912 numbers the mean is 0 +- 0.012, the standard deviation 1 +- 0.009, and 32% +- 0.6% are beyond 1.

    Two rows of 288 are correlated by 0 +- 0.06.
    """
    ((_, _, noise),) = drawn(lesson, torch.zeros(8, 3, 12, 24), 0, 50, batch=8)
    same(noise.mean().item(), 0.0, "mean of the noise", atol=0.1)
    same(noise.std().item(), 1.0, "standard deviation of the noise", atol=0.07)
    same((noise.abs() > 1).double().mean().item(), 0.3173, "share of the noise beyond 1 or -1", atol=0.05)
    alike = torch.corrcoef(noise.reshape(24, -1)).abs().fill_diagonal_(0).reshape(8, 3, 8, 3)
    one, channel, two, other = (alike == alike.max()).nonzero()[0].tolist()
    case = f"noise of image {one}, channel {channel}, and image {two}, channel {other}: correlated by {alike.max():.2g}"
    expect(alike.max() < 0.5, f"{case}, expected about 0: each image and channel has noise of its own")


# --- Training.load_state_dict ----------------------------------------------------------------------------------------


def some_steps(training, gradients):
    """Adam's steps along these gradients, without any of the lesson's functions."""
    for gradient in gradients:
        for parameter in training.model.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        training.optimizer.step()
        training.step += 1
        training.seconds += 0.375
    with torch.no_grad():
        training.ema.first += 0.25


@pytest.mark.exercise("Training.load_state_dict")
def test_load_state_dict_by_hand(lesson):
    """After two steps: weights, average, count and seconds are those of the training that was saved."""
    saved, fresh = in_training(lesson, 1.0, 2.0, 3.0), in_training(lesson, 0.0, 0.0, 0.0)
    some_steps(saved, [1.0, 3.0])
    state = copy.deepcopy(saved.state_dict())
    networks = {f"{name}: {key}": value for name in ("model", "ema") for key, value in state[name].items()}
    with unchanged("the state that was loaded, after another step of the training", **networks):
        fresh.load_state_dict(state)
        loaded = copy.deepcopy(fresh)
        some_steps(fresh, [1.0])
    expect(len(state) == 5, f"after loading, only {', '.join(state)} are left in the state: it is the caller's")
    fresh = loaded
    same(numbers_of(fresh.model), numbers_of(saved.model), "after loading, the weights")
    same(numbers_of(fresh.ema), double([1.25, 2.0, 3.0]), "after loading, the averaged weights")
    same(fresh.step, 2, "after loading, step")
    same(fresh.seconds, 0.75, "after loading, seconds")


@pytest.mark.exercise("Training.load_state_dict")
@given(
    examples=10,
    before=st.lists(st.floats(0.1, 4), min_size=1, max_size=5),
    after=st.lists(st.floats(0.1, 4), min_size=1, max_size=3),
)
def test_a_loaded_training_goes_on_as_if_never_stopped(lesson, before, after):
    whole, fresh = in_training(lesson, 1.0, 2.0, lr=0.1), in_training(lesson, 0.0, 0.0, lr=0.1)
    some_steps(whole, before)
    state = copy.deepcopy(whole.state_dict())
    fresh.load_state_dict(state)
    for training in (whole, fresh):
        some_steps(training, after)
    case = f"saved after {len(before)} steps, loaded, {len(after)} steps more"
    same(numbers_of(fresh.model), numbers_of(whole.model), f"{case}: the weights", rtol=1e-6)
    same(numbers_of(fresh.ema), numbers_of(whole.ema), f"{case}: the averaged weights")
    same(fresh.step, whole.step, f"{case}: step")


# --- train_step ------------------------------------------------------------------------------------------------------


def stepped(lesson, training, x0, t=None, noise=None, T=9):
    """What train_step returns, with t and noise of no importance if not given."""
    t = torch.zeros(len(x0), dtype=torch.int64) if t is None else t
    result = lesson.train_step(training, x0, t, torch.zeros_like(x0) if noise is None else noise, T)
    expect(isinstance(result, tuple) and len(result) == 2, f"yours is {show(result)}, expected the mean and the thirds")
    return result


@pytest.mark.exercise("train_step")
def test_train_step_by_hand(lesson):
    """Two images, (1, 0) and (3, 0); weights 2 and 5; loss 2 and 6. The gradient is the mean image: 2 - 0.1 * 2."""
    training = in_training(lesson, 2.0, 5.0, sgd=0.1)
    mean, thirds = stepped(lesson, training, pixels([1, 0], [3, 0]), t=torch.tensor([0, 5]), T=9)
    case = "images (1, 0) and (3, 0), weights (2, 5), loss = the weighted sum, rate 0.1"
    same(numbers_of(training.model), double([1.8, 5.0]), f"{case}: the weights after the step", rtol=1e-5)
    same(mean, 4.0, f"{case}: the mean loss before the step")
    same(thirds, (2.0, 6.0, None), f"{case}, t = 0 and 5 of 9: the mean loss of each third")
    same(numbers_of(training.ema), double([2.0, 5.0]), f"{case}: the average, which only fit moves")
    same(training.step, 0, f"{case}: training.step, which only fit counts")
    expect(training.model.training, f"{case}: the network was put into eval mode")


@pytest.mark.exercise("train_step")
def test_losses_keep_their_digits(lesson):
    values = (1 / 3, 0.123456, 7 / 9)
    training = in_training(lesson, 1.0, 0.0, sgd=0.1, batch=3)
    mean, thirds = stepped(lesson, training, pixels(*[[value, 0] for value in values]), t=torch.tensor([0, 4, 8]), T=9)
    case = "three images with the losses 1/3, 0.123456 and 7/9, t = 0, 4 and 8 of 9"
    same(mean, sum(values) / 3, f"{case}: the mean loss", rtol=1e-5)
    same(thirds, values, f"{case}: the mean loss of each third", rtol=1e-5)


@pytest.mark.exercise("train_step")
@given(
    examples=15,
    shares=st.lists(st.lists(st.integers(-5, 5), min_size=1, max_size=5), min_size=1, max_size=3),
    accumulate=st.integers(1, 3),
)
def test_shares_and_parts_add_up_to_one_batch(lesson, shares, accumulate):
    """However the batch is shared by processes and cut into parts: the gradients add up to the mean image."""
    every = [value for share in shares for value in share]
    moved = torch.zeros(2, dtype=torch.float64)
    for rank, share in enumerate(shares):
        training = in_training(lesson, 0.0, 0.0, sgd=1.0, batch=len(every), accumulate=accumulate)
        with process(rank, len(shares)):
            stepped(lesson, training, pixels(*[[value, 1] for value in share]))
        moved -= numbers_of(training.model)
    case = f"first pixels {' | '.join(map(str, shares))} on {len(shares)} processes, accumulate = {accumulate}"
    same(moved, double([sum(every) / len(every), 1.0]), f"{case}: all gradients together", rtol=1e-5, atol=1e-7)


@pytest.mark.exercise("train_step")
@given(examples=10, steps=st.integers(2, 5), pixel=st.integers(1, 5), accumulate=st.integers(1, 2))
def test_each_step_has_its_own_gradient(lesson, steps, pixel, accumulate):
    training = in_training(lesson, 1.0, 0.0, sgd=0.1, accumulate=accumulate)
    for _ in range(steps):
        stepped(lesson, training, pixels([pixel, 1], [pixel, 1]))
    case = f"{steps} steps of rate 0.1, each with gradient ({pixel}, 1), from weights (1, 0): the weights"
    same(numbers_of(training.model), double([1 - 0.1 * steps * pixel, -0.1 * steps]), case, rtol=1e-5, atol=1e-7)


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize(
    ("accumulate", "size", "T"), [(1, 2, 2), (2, 1, 4), (4, 6, 6), (5, 5, 8), (3, 7, 7), (6, 6, 10)]
)
def test_parts_are_small_and_losses_complete(lesson, accumulate, size, T):
    """Of 6 images in 4 parts, no part has more than 2, each image has its own t and noise; losses are of all images."""
    seen, together = [], []

    def note(model, x0, t, noise, schedule, prediction):
        seen.append(len(x0))
        together.append((x0[:, 0, 0, 0].sqrt().tolist(), t.tolist(), noise[:, 0, 0, 0].tolist()))
        return model(x0, t)

    training = in_training(lesson, 1.0, 0.0, loss=note, sgd=0.1, batch=size, accumulate=accumulate)
    rows, t = [[i * i, 0] for i in range(size)], torch.arange(size)
    noise = pixels(*([i, i] for i in range(size)))
    mean, thirds = stepped(lesson, training, pixels(*rows), t=t, noise=noise, T=T)
    case = f"{size} images with losses 0, 1, 4, 9, ..., t = 0, 1, 2, ... of {T}, accumulate = {accumulate}"
    largest = math.ceil(size / accumulate)
    expect(sum(seen) == size, f"{case}: the network saw parts of {seen} images, expected {size} together")
    expect(max(seen) <= largest, f"{case}: the network saw parts of {seen} images, expected none above {largest}")
    for images, steps, noises in together:
        expect(images == steps, f"{case}: images {images} came with t = {steps}, expected each with its own")
        expect(images == noises, f"{case}: images {images} came with the noise of {noises}, expected each its own")
    same(mean, sum(i * i for i in range(size)) / size, f"{case}: the mean loss")
    groups = [[i * i for i in range(size) if i * 3 // T == third] for third in range(3)]
    same(thirds, tuple(sum(g) / len(g) if g else None for g in groups), f"{case}: the mean loss of each third")


@pytest.mark.exercise("train_step")
def test_train_step_asks_the_loss_it_was_given(lesson):
    """The network, the batch, the schedule and what to predict reach training.loss as they are."""
    seen = []

    def note(model, x0, t, noise, schedule, prediction="noise"):
        seen.append((model, x0, t, noise, schedule, prediction))
        return model(x0.flatten(1)[:, :2], t)

    training = in_training(lesson, 1.0, 0.0, loss=note, sgd=0.1, prediction="v")
    training.network = nn.Sequential(training.model)  # stands for what adds up the gradients of several processes
    training.network.forward = training.model.forward
    x0, noise = torch.linspace(-1, 1, 96, dtype=torch.float64).reshape(2, 2, 2, 4, 3).transpose(3, 4)
    t = torch.tensor([3, 7])
    stepped(lesson, training, x0, t, noise)
    expect(len(seen) == 1, f"training.loss was called {len(seen)} times, expected once for a share in one part")
    expect(seen[0][0] is not training.model, "training.loss was given training.model, expected training.network")
    expect(seen[0][0] is training.network, f"training.loss was given {show(seen[0][0])}, expected training.network")
    for name, found, expected in zip(("x0", "t", "noise"), seen[0][1:4], (x0, t, noise), strict=True):
        same(found, expected, f"what training.loss was given as {name}", rtol=0)
    expect(seen[0][4] is training.schedule, "training.loss was not given training.schedule")
    same(seen[0][5:], ("v",), 'settings.prediction = "v": what training.loss was given after the schedule')


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("accumulate", [1, 3])
def test_gradients_are_exchanged_with_the_last_part(lesson, accumulate):
    """All the work on a part is done while _parts is at it: it says whether to exchange, and computes in bfloat16."""
    now, seen = [None], []

    @contextmanager
    def exchanging(model, now_):
        now[0] = now_
        yield
        now[0] = None

    def note(model, x0, t, noise, schedule, prediction):
        seen.append(("loss", now[0], torch.is_autocast_enabled("cpu")))
        with torch.autocast("cpu", enabled=False):
            return model(x0, t)

    training = in_training(lesson, 1.0, 0.0, loss=note, batch=3, accumulate=accumulate, bf16=True)
    training.model.first.register_hook(lambda gradient: seen.append(("backward", now[0], True)))
    with patch.object(distributed, "exchanging", lambda model, now: exchanging(model, now)):
        stepped(lesson, training, pixels([1, 0], [2, 0], [3, 0]))
    case = f"3 images, accumulate = {accumulate}"
    for kind in ("loss", "backward"):
        flags = [flag for what, flag, _ in seen if what == kind]
        expected = [False] * (accumulate - 1) + [True]
        text = f"whether each {kind} exchanges gradients: {flags}, expected {expected}. None is outside of _parts: "
        expect(flags == expected, f"{case}: {text}do all of a part's work in the loop, before the next part")
    expect(all(on for _, _, on in seen), f"{case}, bf16 = True: the loss is not computed in bfloat16, as _parts has it")


@pytest.mark.exercise("train_step")
@given(examples=6, shares=st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=2, max_size=3))
def test_losses_are_those_of_all_processes(lesson, shares):
    """Images with losses and timesteps 1 to 9, of T = 10."""
    every = [value for share in shares for value in share]

    def run(rank):
        training = in_training(lesson, 1.0, 0.0, sgd=0.1, batch=len(every))
        return stepped(
            lesson, training, pixels(*[[value, 0] for value in shares[rank]]), torch.tensor(shares[rank]), T=10
        )

    groups = [[value for value in every if value * 3 // 10 == third] for third in range(3)]
    for rank, (mean, thirds) in enumerate(together(run, len(shares))):
        case = f"losses {' | '.join(map(str, shares))} on {len(shares)} processes, t alike, T = 10, process {rank}"
        same(mean, sum(every) / len(every), f"{case}: the mean loss of all")
        same(thirds, tuple(sum(g) / len(g) if g else None for g in groups), f"{case}: that of each third")


@pytest.mark.exercise("train_step")
@given(examples=10, length=st.floats(0.1, 30), clip=st.floats(0.5, 5), accumulate=st.integers(1, 2))
def test_long_gradients_are_cut(lesson, length, clip, accumulate):
    """The gradient (3, 4) has length 5; cut to 1 it is (0.6, 0.8). Its direction stays, and short ones stay whole."""
    training = in_training(lesson, 0.0, 0.0, sgd=1.0, batch=2, grad_clip=clip, accumulate=accumulate)
    stepped(lesson, training, pixels([1.2 * length, 0], [0, 1.6 * length]))
    left = min(length, clip)
    case = f"gradient ({0.6 * length:.4g}, {0.8 * length:.4g}) of length {length:.4g}, grad_clip = {clip:.4g}"
    if accumulate > 1:
        case += ", in 2 parts, whose sum is cut"
    same(-numbers_of(training.model), double([0.6 * left, 0.8 * left]), f"{case}: the step taken", rtol=1e-4)


def diverges(lesson, case, x0, training):
    """Hold train_step to Diverged, and to leave the average alone."""
    average = numbers_of(training.ema)
    try:
        stepped(lesson, training, x0)
    except lesson.Diverged:
        pass
    except Exception as error:
        raise Wrong(f"{case}: expected Diverged, got a {type(error).__name__}: {error}") from error
    else:
        raise Wrong(f"{case}: expected Diverged, but it was taken as if it were fine")
    same(numbers_of(training.ema), average, f"{case}: the average, which must stay as it was")


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_step_is_taken_when_the_loss_is_no_number(lesson, value):
    training, case = in_training(lesson, 1.0, 2.0), f"a loss of {value}"
    diverges(lesson, case, pixels([1, 1], [value, 1]), training)
    same(numbers_of(training.model), double([1.0, 2.0]), f"{case}: the weights, which must stay as they were")


class Steep(torch.autograd.Function):
    """Gives back what it is given; its slope is another."""

    @staticmethod
    def forward(ctx, x, slope):
        ctx.slope = slope
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.slope, None


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("slope", [math.inf, math.nan])
def test_no_step_is_taken_when_the_gradient_is_no_number(lesson, slope, accumulate):
    """Clipping multiplies by 1 / infinity, which is 0, and infinity times 0 is NaN."""

    def steep(model, x0, t, noise, schedule, prediction):
        return Steep.apply(model(x0, t), slope)

    training = in_training(lesson, 1.0, 2.0, loss=steep, accumulate=accumulate)
    case = f"a loss of 3 whose gradient is {slope}"
    added = f"{case} (clip_grad_norm_ returns the gradient's length: look at it before the step)"
    diverges(lesson, added, pixels([1, 1], [1, 1]), training)
    same(numbers_of(training.model), double([1.0, 2.0]), f"{case}: the weights, which must stay as they were")


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("lr", [math.inf, 1e308])
def test_weights_that_are_no_numbers_are_not_kept_quiet(lesson, lr):
    """A finite gradient, and a step that is too long."""
    training = in_training(lesson, 0.0, 0.0, sgd=lr)
    case = f"a gradient of (0, 40) and a rate of {lr:.4g} (look at the weights after the step)"
    diverges(lesson, case, pixels([0, 40], [0, 40]), training)


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_all_processes_stop_together(lesson, value):
    """The second has the loss that is no number; if the first went on, it would wait for the second without end."""

    def run(rank):
        training = in_training(lesson, 1.0, 2.0)
        try:
            stepped(lesson, training, pixels([value, 1] if rank else [1, 1]))
        except lesson.Diverged:
            return True
        return False

    stopped = together(run, 2)
    case = f"two processes, a loss of {value} on the second"
    expect(all(stopped), f"{case}: first and second raise Diverged: {stopped}, expected both: look at the mean of all")


# --- fit -------------------------------------------------------------------------------------------------------------


def take(lesson, training, images, most):
    """The first steps of fit, no more than asked for."""
    steps = lesson.fit(training, images)
    expect(
        hasattr(steps, "__next__"), f"fit: yours gives {show(steps)}, expected something that yields a Step at a time"
    )
    taken = list(islice(steps, most))
    for step in taken:
        expect(isinstance(step, lesson.Step), f"fit: yours yields {show(step)}, expected a Step")
    return taken


@pytest.mark.exercise("fit")
def test_fit_by_hand(lesson):
    """All images are (1, 0), so the gradient is (1, 0) and each step takes its rate from the first weight.

    Rates: 0.8, halved for the warm-up; then 0.8 times 3/4; then times 1/4. Averages keep 1/10, 2/11 and 3/12.
    """
    settings = {"steps": 3, "lr": 0.8, "warmup": 2, "ema_decay": 0.999}
    training = in_training(lesson, 0.0, 1.0, sgd=7.0, **settings)
    steps = take(lesson, training, pixels(*[[1, 0]] * 4), 5)
    case = "images (1, 0), weights (0, 1), lr = 0.8, warmup = 2"
    same([s.step for s in steps], [1, 2, 3], f"{case}, 3 steps: their numbers")
    same([s.lr for s in steps], [0.4, 0.6, 0.2], f"{case}: learning rates")
    same([s.loss for s in steps], [0.0, -0.4, -1.0], f"{case}: losses", rtol=1e-5, atol=1e-6)
    same([s.progress for s in steps], [1 / 3, 2 / 3, 1.0], f"{case}: progress after each step")
    same(numbers_of(training.model), double([-1.2, 1.0]), f"{case}: the weights at the end", rtol=1e-5)
    average = -0.4 * 0.9
    average = average * 2 / 11 - 1.0 * 9 / 11
    average = average * 3 / 12 - 1.2 * 9 / 12
    same(numbers_of(training.ema), double([average, 1.0]), f"{case}: the averaged weights at the end", rtol=1e-5)


@pytest.mark.exercise("fit")
@given(examples=8, asked=st.integers(0, 5), done=st.integers(0, 4), accumulate=st.integers(1, 2))
def test_fit_takes_the_steps_asked_for_and_goes_on_from_where_it_is(lesson, asked, done, accumulate):
    training = in_training(lesson, 0.0, 1.0, sgd=1.0, steps=6, warmup=0, lr=1.0, accumulate=accumulate)
    training.step = done
    steps = take(lesson, training, pixels(*[[1, 0]] * 5), asked)
    numbers = list(range(done + 1, min(done + asked, 6) + 1))
    case = f"{done} of 6 steps done, {asked} asked for"
    same([s.step for s in steps], numbers, f"{case}: the numbers of the steps")
    same(training.step, done + len(numbers), f"{case}: training.step at the end")
    moved = sum(math.cos(math.pi / 2 * (number - 1) / 6) ** 2 for number in numbers)
    same(-numbers_of(training.model), double([moved, -1.0]), f"{case}: how far the weight went", rtol=1e-5, atol=1e-7)


@pytest.mark.exercise("fit")
def test_fit_ends_by_the_clock(lesson):
    images, start = pixels(*[[1, 0]] * 4), time.perf_counter()
    training = in_training(lesson, 0.0, 1.0, steps=None, minutes=1000.0)
    steps = take(lesson, training, images, 4)
    passed = time.perf_counter() - start
    seconds = [0.0, *(s.seconds for s in steps)]
    same(len(steps), 4, "minutes = 1000, 4 steps asked for: how many came")
    expect(all(b > a for a, b in pairwise(seconds)), "seconds must grow with each step")
    expect(seconds[-1] <= passed, f"4 steps took {passed:.3g} s, yours counted {seconds[-1]:.3g} s")
    same(training.seconds, seconds[-1], "training.seconds and the seconds of the last Step")
    same(
        len(take(lesson, in_training(lesson, 0.0, 1.0, steps=None, minutes=1e-9), images, 3)),
        1,
        "minutes = 1e-9: steps",
    )
    over = in_training(lesson, 0.0, 1.0, steps=None, minutes=1.0)
    over.seconds = 61.0
    same(len(take(lesson, over, images, 3)), 0, "minutes = 1, of which 61 s are over: steps taken")
    nearly = in_training(lesson, 0.0, 1.0, steps=None, minutes=1.0)
    nearly.seconds = 59.9999999
    same(len(take(lesson, nearly, images, 3)), 1, "minutes = 1, of which 59.9999999 s are over: steps taken")


@pytest.mark.exercise("fit")
def test_fit_draws_timesteps_below_t_below(lesson):
    """80 draws from 100 timesteps are all below 50 once in 10 ** 24 times."""
    seen = []

    def note(model, x0, t, noise, schedule, prediction):
        seen.append(int(t.max()))
        return model(x0, t)

    for t_below, least, below in [(5, 0, 5), (None, 50, 100)]:
        seen.clear()
        training = in_training(lesson, 0.0, 1.0, loss=note, batch=8, t_below=t_below)
        take(lesson, training, pixels(*[[1, 0]] * 8), 10)
        case = f"100 timesteps, t_below = {t_below}: the largest t of 80 is {max(seen)}"
        expect(least <= max(seen) < below, f"{case}, expected one from {least} to {below - 1}")


@pytest.mark.exercise("fit")
def test_fit_takes_the_share_of_its_process(lesson):
    """Of a batch of 5, the first of two processes takes 3 images, the second 2."""
    seen = []

    def note(model, x0, t, noise, schedule, prediction):
        seen.append(len(x0))
        return model(x0, t)

    for rank in (0, 1):
        with (
            patch.object(distributed, "rank", lambda rank=rank: rank),
            patch.object(distributed, "world_size", lambda: 2),
        ):
            take(lesson, in_training(lesson, 0.0, 1.0, loss=note, batch=5), pixels(*[[1, 0]] * 5), 1)
    expect(sum(seen) == 5, f"batch = 5: two processes take {seen} images, expected 5 together")


@pytest.mark.exercise("fit")
@pytest.mark.parametrize(("rank", "world", "done"), [(0, 1, 0), (1, 2, 3)])
def test_fit_trains_on_what_draw_batch_draws(lesson, rank, world, done):
    rows_for_columns = torch.randn(9, 2, 5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    seen, images = [], rows_for_columns.transpose(2, 3)

    def note(model, x0, t, noise, schedule, prediction):
        seen.append((x0, t, noise))
        return model(x0[:, :1, :1, :2], t)

    training = in_training(lesson, 0.0, 1.0, loss=note, batch=4, steps=12, seed=5)
    training.step = done
    with process(rank, world), unchanged("fit", images=images):
        take(lesson, training, images, 8)
        for number, found in enumerate(seen):
            expected = lesson.draw_batch(images, done + number, 100, training.settings, rank, world)
            for name, mine, theirs in zip(("x0", "t", "noise"), found, expected, strict=True):
                case = f"process {rank} of {world}, {done} steps done: what is trained on as {name} in step"
                same(mine, theirs, f"{case} {done + number}, compared with draw_batch of that step", rtol=0, atol=0)
    expect(training.model.training, "after fit, the network is in eval mode")


@pytest.mark.exercise("fit")
@pytest.mark.parametrize("t_below", [None, 7])
def test_fit_tells_the_thirds_of_the_timesteps_below_t_below(lesson, t_below):
    """The loss of an image is its t. The thirds of 10 timesteps are 0 to 3, 4 to 6 and 7 to 9."""
    seen = []

    def note(model, x0, t, noise, schedule, prediction):
        seen.append(t.tolist())
        return 0 * model(x0, t) + t

    training = in_training(lesson, 0.0, 1.0, loss=note, batch=8, t_below=t_below)
    training.schedule, T = make_schedule("linear", 10), t_below or 10
    for step in take(lesson, training, pixels(*[[1, 0]] * 8), 10):
        groups = [[t for t in seen[-1 - (10 - step.step)] if t * 3 // T == third] for third in range(3)]
        case = f"10 timesteps, t_below = {t_below}, t = {seen[step.step - 1]}, the loss of each is its t"
        same(step.thirds, tuple(sum(g) / len(g) if g else None for g in groups), f"{case}: thirds")


@pytest.mark.exercise("fit")
def test_fit_takes_the_clock_of_the_first_process(lesson):
    """Here it is the second, and what the first's clock says is 7 seconds a step."""
    training = in_training(lesson, 0.0, 1.0, steps=None, minutes=1000.0)
    with (
        process(1, 2),
        patch.object(distributed, "total", lambda values: values.add_(7.0)),
        patch.object(distributed, "from_first", lambda make: 7.0),
    ):
        (step,) = take(lesson, training, pixels(*[[1, 0]] * 4), 1)
    case = "two processes, the first of which counted 7 s for a step, the second less: seconds of the second"
    same(step.seconds, 7.0, f"{case}, or they would not end together", rtol=1e-5)


@pytest.mark.exercise("fit")
def test_fit_counts_the_time_of_a_step_and_none_between(lesson):
    """A step takes 10 ms at least, and the caller takes 50 ms before it asks again."""

    def slow(model, x0, t, noise, schedule, prediction):
        time.sleep(0.01)
        return model(x0, t)

    training = in_training(lesson, 0.0, 1.0, loss=slow, steps=4)
    steps, asking = lesson.fit(training, pixels(*[[1, 0]] * 4)), 0.0
    for number in range(1, 4):
        time.sleep(0.05)
        start = time.perf_counter()
        step = next(steps)
        asking += time.perf_counter() - start
        case = f"{number} steps that take 10 ms each, 50 ms between them: seconds"
        expect(step.seconds >= 0.0099 * number, f"{case} are {step.seconds:.3g}: the step itself is not counted")
        expect(step.seconds <= asking, f"{case} are {step.seconds:.3g}: what passes between steps is counted")


@pytest.mark.exercise("fit")
def test_fit_counts_the_time_of_drawing(lesson):
    """Of large images and a loss that looks at two pixels, nearly all the time goes into drawing the noise."""
    training = in_training(lesson, 0.0, 1.0, loss=lambda model, x0, t, *_: model(x0[..., :1, :2], t), batch=8, steps=5)
    steps, shares, before = lesson.fit(training, torch.zeros(8, 1, 256, 256, dtype=torch.float64)), [], 0.0
    for _ in range(5):
        start = time.perf_counter()
        counted = next(steps).seconds
        shares.append((counted - before) / (time.perf_counter() - start))
        before = counted
    most = max(shares)
    expect(most > 0.5, f"8 images of 256 x 256 pixels: only {most:.0%} of the time of a step is counted: start earlier")


@pytest.mark.exercise("fit")
def test_fit_follows_the_clock_and_the_steps(lesson):
    """Half a minute of one is over: half way. A minute of one: the end, however many steps there could be."""
    half = in_training(lesson, 0.0, 1.0, lr=0.8, warmup=0, steps=100, minutes=1.0)
    half.seconds = 30.0
    (step,) = take(lesson, half, pixels(*[[1, 0]] * 4), 1)
    same(step.lr, 0.4, "minutes = 1, of which 30 s are over, lr = 0.8: the rate", rtol=1e-3)
    over = in_training(lesson, 0.0, 1.0, steps=100, minutes=1.0)
    over.seconds = 60.0
    same(
        len(take(lesson, over, pixels(*[[1, 0]] * 4), 3)), 0, "steps = 100, minutes = 1, of which 60 s are over: steps"
    )


@pytest.mark.exercise("fit")
@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_fit_averages_with_the_decay_of_the_settings(lesson, decay):
    """Each step takes 1 from the first weight."""
    training = in_training(lesson, 0.0, 1.0, sgd=1.0, steps=None, minutes=1e6, warmup=0, lr=1.0, ema_decay=decay)
    take(lesson, training, pixels(*[[1, 0]] * 4), 6)
    average = 0.0
    for number in range(1, 7):
        average = decay * average - (1 - decay) * number
    case = f"ema_decay = {decay}, six steps of 1 downhill from 0: the averaged weights"
    same(numbers_of(training.ema), double([average, 1.0]), case, rtol=1e-5, atol=1e-6)


@pytest.mark.exercise("fit")
def test_fit_lets_diverged_through(lesson):
    training = in_training(lesson, 0.0, 1.0)
    try:
        take(lesson, training, pixels(*[[math.nan, 0]] * 4), 3)
    except lesson.Diverged:
        same(numbers_of(training.ema), double([0.0, 1.0]), "a loss of nan: the average, which must stay as it was")
        return
    except Exception as error:
        raise Wrong(f"a loss of nan: expected Diverged, got a {type(error).__name__}: {error}") from error
    raise Wrong("a loss of nan: expected Diverged from fit, but it went on or ended as if it were fine")


@pytest.mark.exercise("fit")
def test_fit_refuses_too_few_images(lesson):
    with refused("a batch of 5, but 4 images"):
        take(lesson, in_training(lesson, 0.0, 1.0, batch=5), pixels(*[[1, 0]] * 4), 1)
    with patch.object(distributed, "world_size", lambda: 3), refused("a batch of 2 for 3 processes"):
        take(lesson, in_training(lesson, 0.0, 1.0, batch=2), pixels(*[[1, 0]] * 4), 1)


# --- all together ----------------------------------------------------------------------------------------------------


@pytest.mark.chain
@given(examples=5, stop=st.integers(1, 5), seed=st.integers(0, 3))
def test_stopped_and_gone_on_is_the_same_as_never_stopped(lesson, stop, seed):
    """Through two epochs: rate, images, timesteps, noise, Adam's memory and the average all go on where they were."""
    images = pixels(*[[i / 9, 1 - i / 5] for i in range(9)])
    settings = {"steps": 6, "batch": 3, "seed": seed, "lr": 0.1, "warmup": 3, "grad_clip": 1.0}
    whole, first, second = (in_training(lesson, 0.3, -0.2, loss=guess, **settings) for _ in range(3))
    losses = [s.loss for s in take(lesson, whole, images, 9)]
    before = [s.loss for s in take(lesson, first, images, stop)]
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    after = [s.loss for s in take(lesson, second, images, 9)]
    case = f"6 steps, stopped after {stop}, seed {seed}"
    same(before + after, losses, f"{case}: the losses")
    same(numbers_of(second.model), numbers_of(whole.model), f"{case}: the weights")
    same(numbers_of(second.ema), numbers_of(whole.ema), f"{case}: the averaged weights")


@pytest.mark.chain
@given(examples=5, world=st.integers(2, 4), batch=st.integers(4, 7), seed=st.integers(0, 9))
def test_several_processes_find_the_gradient_of_one(lesson, world, batch, seed):
    """Each draws its share and goes backward from it; what they have is added up, as the wrapped network does."""
    images = pixels(*[[i / 9, 1 - i / 5] for i in range(11)])
    moved = []
    for processes in (1, world):
        moved.append(torch.zeros(2, dtype=torch.float64))
        for x0, t, noise in drawn(lesson, images.float(), 1, 100, processes, batch=batch, seed=seed):
            training = in_training(lesson, 0.3, -0.2, loss=guess, sgd=1.0, batch=batch)
            stepped(lesson, training, x0.double(), t, noise.double(), 100)
            moved[-1] += double([0.3, -0.2]) - numbers_of(training.model)
    case = f"11 images, batch = {batch}, seed {seed}: gradients of {world} processes together, and of one"
    same(moved[1], moved[0], case, rtol=1e-5)


@pytest.mark.chain
def test_your_own_stages_train_a_network(chain):
    """Your schedule, noising, network and trainer: from answering 0 to naming most of the noise, on grey images."""
    torch.manual_seed(0)
    model = chain.unet.SimpleUNet(channels=(8, 16))
    schedule = chain.schedule.make_schedule("cosine", 100)
    settings = chain.trainer.TrainSettings(steps=20, batch=8, lr=0.02, warmup=3)
    training = chain.trainer.Training(model, schedule, settings)
    losses = [s.loss for s in take(chain.trainer, training, torch.zeros(8, 1, 8, 8), 20)]
    same(len(losses), 20, "20 steps on grey images: how many came")
    start, end = losses[0], sum(losses[-5:]) / 5
    expect(
        end < 0.6 * start, f"20 steps on grey images: the loss went from {start:.3g} to {end:.3g}, expected much less"
    )
