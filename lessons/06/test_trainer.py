"""Checks lesson 06. The networks add up a few pixels, so that each gradient is known; several processes are one after
the other. Which numbers you draw is yours: checked is how they are spread, and what they depend on.
"""

import copy
import math
import time
from contextlib import contextmanager
from itertools import islice, pairwise
from unittest.mock import patch

import pytest
import torch
from hypothesis import strategies as st
from torch import nn

from cdm_tutor import distributed
from cdm_tutor.course.checks import expect, given, refused, same, show
from cdm_tutor.course.outcomes import Wrong
from cdm_tutor.schedule import make_schedule

SCHEDULE = make_schedule("linear", 100)
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # what torch loads for its first optimiser takes seconds
weights = st.floats(-2, 2).map(lambda x: round(x, 2))


class Net(nn.Module):
    """Adds up an image's pixels, each times its weight; the weights are in three parts, two of them modules."""

    def __init__(self, *weights):
        super().__init__()
        self.first = nn.Parameter(double(weights[:1]))
        self.second, self.others = nn.ParameterList([double(weights[1:2])]), nn.ParameterList([double(weights[2:])])

    def forward(self, x, t):
        return x.flatten(1) @ torch.cat(list(self.parameters()))


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def numbers_of(net):
    """All weights of a Net."""
    return torch.cat(list(net.parameters())).detach().clone()


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
        ema, model = Net(1.0, 1.0).requires_grad_(False), Net(2.0, 2.0)
        lesson.update_ema(ema, model, step, decay)
        case = f"average 1, weights 2, step {step}, decay {decay}"
        same(numbers_of(model), double([2.0, 2.0]), f"{case}: the network itself, which must stay as it is")
        same(numbers_of(ema), double([expected] * 2), f"{case}: the average of both weights")


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


# --- share_of_epoch --------------------------------------------------------------------------------------------------


def shares_of_epoch(lesson, n, seed, epoch, world):
    """The share of each process, as lists."""
    found = []
    for rank in range(world):
        share, case = lesson.share_of_epoch(n, seed, epoch, rank, world), f"rank {rank} of {world}, n = {n}"
        expect(isinstance(share, torch.Tensor), f"{case}: yours is {show(share)}, expected a tensor")
        expect(share.ndim == 1, f"{case}: yours has shape {tuple(share.shape)}, expected one row of numbers")
        same(share.dtype, torch.int64, f"{case}, dtype")
        found.append(share.tolist())
    return found


def dealt(shares, n):
    """The order in which shares were dealt out: the first of each, then the second of each. What is over is padding."""
    longest = max(map(len, shares))
    return [share[i] for i in range(longest) for share in shares if i < len(share)][:n]


@pytest.mark.exercise("share_of_epoch")
def test_share_of_epoch_by_hand(lesson):
    """Two processes share four images: two each, and none twice."""
    first, second = shares_of_epoch(lesson, 4, 0, 0, 2)
    case = f"n = 4, 2 processes: yours gives {first} to the first and {second} to the second"
    expect(len(first) == len(second) == 2, f"{case}: expected two images for each")
    expect(sorted(first + second) == [0, 1, 2, 3], f"{case}: expected each of the images 0 to 3 once")


@pytest.mark.exercise("share_of_epoch")
@given(
    examples=15, n=st.integers(4, 40), seed=st.integers(0, 9), epoch=st.integers(0, 50), world=st.integers(1, 4)
)  # fmt: skip
def test_shares_cut_one_order(lesson, n, seed, epoch, world):
    order = dealt(shares_of_epoch(lesson, n, seed, epoch, world), n)
    alone = shares_of_epoch(lesson, n, seed, epoch, 1)[0][:n]
    case = f"n = {n}, seed = {seed}, epoch = {epoch}, {world} processes"
    expect(sorted(order) == list(range(n)), f"{case}: dealt out together: {order}, expected each image once")
    expect(
        order == alone,
        f"{case}: the first of each share, then the second of each, and so on: {order}; expected the order that one "
        f"process alone has, {alone}",
    )


@pytest.mark.exercise("share_of_epoch")
def test_each_epoch_and_seed_has_its_own_order(lesson):
    """Of 30 images two orders are equal once in 10 ** 32."""
    with torch.random.fork_rng():
        orders = [shares_of_epoch(lesson, 30, seed, epoch, 1)[0] for seed, epoch in [(0, 0), (0, 1), (5, 0), (0, 0)]]
        torch.manual_seed(1)
        again = shares_of_epoch(lesson, 30, 0, 1, 1)[0]
    first, second, other, repeated = orders
    expect(first != list(range(30)), "n = 30: the order is 0, 1, 2, ...: expected it shuffled")
    expect(first != second, "n = 30: epoch 0 and epoch 1 have the same order")
    expect(first != other, "n = 30: seed 0 and seed 5 have the same order")
    many = [shares_of_epoch(lesson, 30, 3, epoch, 1)[0] for epoch in range(24)]
    for later, order in enumerate(many):
        for earlier in range(later):
            before, case = many[earlier], f"n = 30, seed = 3: the order of epoch {later} is that of epoch {earlier}"
            expect(order != before, f"{case}; expected a new one in each epoch")
            start = before.index(order[0])
            expect(order != before[start:] + before[:start], f"{case} from another place on; expected a new one")
            expect(order != before[::-1], f"{case} backwards; expected a new one")
    expect(first == repeated and second == again, "n = 30: asked twice for the same seed and epoch, two orders came")


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


@pytest.mark.exercise("draw_batch")
def test_each_epoch_shows_the_images_in_a_new_order(lesson):
    first, second = (named(drawn(lesson, numbered(24), step, 50, batch=24)) for step in (0, 1))
    expect(first != second, f"24 images, batch = 24: steps 0 and 1, each an epoch, show the same order {first}")


@pytest.mark.exercise("draw_batch")
@given(examples=10, world=st.integers(2, 4), step=st.integers(0, 9), seed=st.integers(0, 9))
def test_an_image_gets_the_same_whoever_takes_it(lesson, world, step, seed):
    """And no two images of a batch get the same."""
    gets = []
    for processes in (1, world):
        batches = drawn(lesson, numbered(20, side=2), step, 10**9, processes, batch=8, seed=seed)
        parts = zip(named(batches), (row for _, t, noise in batches for row in zip(t, noise, strict=True)), strict=True)
        gets.append({name: (int(t), noise.sum().item()) for name, (t, noise) in parts})
    case = f"20 images, batch = 8, step {step}, seed {seed}, {world} processes"
    different = len(set(gets[1].values()))
    expect(different == len(gets[1]), f"{case}: two images of the batch get the same t and noise, expected their own")
    for name, (t, total) in gets[0].items():
        expect(name in gets[1], f"{case}: image {name} is in the batch of one process, but in none of {world}")
        same(gets[1][name][0], t, f"{case}: t of image {name}, compared with one process")
        same(gets[1][name][1], total, f"{case}: sum of the noise of image {name}, compared with one process")


@pytest.mark.exercise("draw_batch")
def test_the_seed_and_the_step_decide_what_is_drawn(lesson):
    def draws(step, seed):
        ((_, t, noise),) = drawn(lesson, torch.zeros(16, 1, 2, 2), step, 10**6, batch=16, seed=seed)
        return t.tolist(), noise.flatten().tolist()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        first, later, other = draws(0, 0), draws(1, 0), draws(0, 1)
        torch.manual_seed(1)
        again = draws(0, 0)
    for k, name in enumerate(("timesteps", "noise")):
        expect(first[k] != later[k], f"steps 0 and 1 draw the same {name}")
        expect(first[k] != other[k], f"seeds 0 and 1 draw the same {name}")
        expect(first[k] == again[k], f"asked twice for the same seed and step, two different {name} came")


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
def test_focused_timesteps_are_near_the_middle(lesson):
    """In the middle half: half of a quarter, and of the rest what of a normal is below log(3), 73%: 67%, +- 1.2%."""
    settings = {"batch": 64, "timesteps": "focused"}
    t = torch.cat([drawn(lesson, torch.zeros(64, 1, 1, 1), step, 1000, **settings)[0][1] for step in range(25)])
    middle = ((t >= 250) & (t < 750)).double().mean().item()
    expected = 0.125 + 0.75 * math.erf(math.log(3) / math.sqrt(2))
    case = 'timesteps = "focused": the share of them between 250 and 750 of 1000'
    same(middle, expected, case, rtol=0, atol=0.07)


@pytest.mark.exercise("draw_batch")
def test_noise_is_standard_normal(lesson):
    """Of 4096 numbers the mean is 0 +- 0.016, the standard deviation 1 +- 0.011, and 32% +- 0.7% are beyond 1."""
    ((_, _, noise),) = drawn(lesson, torch.zeros(16, 1, 16, 16), 0, 50, batch=16)
    same(noise.mean().item(), 0.0, "mean of the noise", atol=0.1)
    same(noise.std().item(), 1.0, "standard deviation of the noise", atol=0.07)
    expect((noise.abs() > 2.5).any(), "of 4096 numbers of the noise none is beyond 2.5, expected about 50")
    same((noise.abs() > 1).double().mean().item(), 0.3173, "share of the noise beyond 1 or -1", atol=0.05)


@pytest.mark.exercise("draw_batch")
@pytest.mark.parametrize("timesteps", ["uniform", "focused"])
def test_each_step_and_image_has_its_own_timesteps_and_noise(lesson, timesteps):
    """Two of 10 ** 9 timesteps are equal once in 10 ** 9, two numbers of the noise hardly more often."""
    images, settings = torch.zeros(16, 2, 3, 2), {"batch": 8, "seed": 3, "timesteps": timesteps}
    seen = [drawn(lesson, images, step, 10**9, **settings)[0] for step in range(24)]
    case = f'16 images, batch = 8, 24 steps, timesteps = "{timesteps}"'
    t, noise = torch.cat([t for _, t, _ in seen]), torch.cat([noise for _, _, noise in seen])
    expect(len(t.unique()) > 0.9 * len(t), f"{case}: of {len(t)} timesteps only {len(t.unique())} are different")
    different = len(noise.unique())
    expect(different > 0.99 * noise.numel(), f"{case}: of {noise.numel()} numbers of noise only {different} differ")


@pytest.mark.exercise("draw_batch")
@pytest.mark.parametrize("T", [40, 200])
@pytest.mark.parametrize("world", [1, 2])
def test_focused_timesteps_fit_the_schedule_and_the_processes(lesson, T, world):
    """In the middle half 67%, as above, and in the outer tenths: a fifth of a quarter, and 2.8% of the rest: 7.1%."""
    settings, found = {"batch": 64, "timesteps": "focused", "seed": 2}, []
    for step in range(25):
        torch.manual_seed(step)
        shares = [t for _, t, _ in drawn(lesson, torch.zeros(64, 1, 1, 1), step, T, world, **settings)]
        torch.manual_seed(step + 1)
        again = [t for _, t, _ in drawn(lesson, torch.zeros(64, 1, 1, 1), step, T, world, **settings)]
        alone = drawn(lesson, torch.zeros(64, 1, 1, 1), step, T, 1, **settings)[0][1]
        case = f'T = {T}, {world} processes, timesteps = "focused"'
        expect(torch.equal(torch.cat(shares), torch.cat(again)), f"{case}: asked twice, two different timesteps came")
        together = torch.cat(shares).sort().values
        expect(torch.equal(together, alone.sort().values), f"{case}: together they draw others than one process alone")
        found.append(torch.cat(shares))
    t = torch.cat(found)
    expect(t.min() >= 0 and t.max() < T, f"{case}: timesteps from {t.min()} to {t.max()}, expected 0 to {T - 1}")
    middle = ((t >= T // 4) & (t < 3 * T // 4)).double().mean().item()
    expected = 0.125 + 0.75 * math.erf(math.log(3) / math.sqrt(2))
    same(middle, expected, f"{case}: the share of them in the middle half", rtol=0, atol=0.07)
    outer = ((t < T // 10) | (t >= T - T // 10)).double().mean().item()
    expected = 0.05 + 0.75 * math.erfc(math.log(9) / math.sqrt(2))
    same(outer, expected, f"{case}: the share of them in the outer tenths", rtol=0, atol=0.026)


# --- Training.load_state_dict ----------------------------------------------------------------------------------------


def some_steps(training, gradients):
    """Adam's steps along these gradients, without any of the lesson's functions."""
    for gradient in gradients:
        for parameter in training.model.parameters():
            parameter.grad = torch.full_like(parameter, gradient)
        training.optimizer.step()
        training.step += 1
        training.seconds += 0.5
    with torch.no_grad():
        training.ema.first += 0.25


@pytest.mark.exercise("Training.load_state_dict")
def test_load_state_dict_by_hand(lesson):
    """After two steps: weights, average, count and seconds are those of the training that was saved."""
    saved, fresh = in_training(lesson, 1.0, 2.0), in_training(lesson, 0.0, 0.0)
    some_steps(saved, [1.0, 3.0])
    fresh.load_state_dict(copy.deepcopy(saved.state_dict()))
    same(numbers_of(fresh.model), numbers_of(saved.model), "after loading, the weights")
    same(numbers_of(fresh.ema), double([1.25, 2.0]), "after loading, the averaged weights")
    same(fresh.step, 2, "after loading, step")
    same(fresh.seconds, 1.0, "after loading, seconds")


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


@pytest.mark.exercise("Training.load_state_dict")
def test_what_was_loaded_stays_as_it_was(lesson):
    """A state may be loaded again: training on must not write into it."""
    saved, fresh = in_training(lesson, 1.0, 2.0), in_training(lesson, 0.0, 0.0)
    some_steps(saved, [1.0, 3.0])
    state = copy.deepcopy(saved.state_dict())
    before = copy.deepcopy(state)
    fresh.load_state_dict(state)
    some_steps(fresh, [2.0])
    same(sorted(state), sorted(before), "after loading, the entries of the state that was loaded")
    for name in ("model", "ema"):
        for key, value in before[name].items():
            same(state[name][key], value, f'a step after loading, the loaded state\'s "{name}", {key}')


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
    for share in shares:
        training = in_training(lesson, 0.0, 0.0, sgd=1.0, batch=len(every), accumulate=accumulate)
        stepped(lesson, training, pixels(*[[value, 1] for value in share]))
        moved -= numbers_of(training.model)
    case = f"first pixels {' | '.join(map(str, shares))} on {len(shares)} processes, accumulate = {accumulate}"
    same(moved, double([sum(every) / len(every), 1.0]), f"{case}: all gradients together", rtol=1e-5, atol=1e-7)


@pytest.mark.exercise("train_step")
@given(examples=10, steps=st.integers(2, 5), pixel=st.integers(1, 5), accumulate=st.integers(1, 2))
def test_each_step_has_its_own_gradient(lesson, steps, pixel, accumulate):
    training = in_training(lesson, 1.0, 0.0, sgd=0.1, accumulate=accumulate)
    for _ in range(steps):
        stepped(lesson, training, pixels([pixel, 0], [pixel, 0]))
    case = f"{steps} steps of rate 0.1, each with gradient ({pixel}, 0), from weights (1, 0): the weights"
    same(numbers_of(training.model), double([1 - 0.1 * steps * pixel, 0.0]), case, rtol=1e-5, atol=1e-7)


@pytest.mark.exercise("train_step")
@given(examples=8, accumulate=st.integers(1, 5), size=st.integers(1, 6))
def test_parts_are_small_and_losses_complete(lesson, accumulate, size):
    """Of 6 images in 4 parts, no part has more than 2, each image has its own t and noise; losses are of all images."""
    seen, together = [], []

    def note(model, x0, t, noise, schedule, prediction):
        seen.append(len(x0))
        together.append((x0[:, 0, 0, 0].sqrt().tolist(), t.tolist(), noise[:, 0, 0, 0].tolist()))
        return model(x0, t)

    training = in_training(lesson, 1.0, 0.0, loss=note, sgd=0.1, batch=size, accumulate=accumulate)
    rows, t = [[i * i, 0] for i in range(size)], torch.arange(size)
    noise = pixels(*([i, i] for i in range(size)))
    mean, thirds = stepped(lesson, training, pixels(*rows), t=t, noise=noise, T=6)
    case = f"{size} images with losses 0, 1, 4, 9, ..., t = 0, 1, 2, ... of 6, accumulate = {accumulate}"
    largest = math.ceil(size / accumulate)
    expect(sum(seen) == size, f"{case}: the network saw parts of {seen} images, expected {size} together")
    expect(max(seen) <= largest, f"{case}: the network saw parts of {seen} images, expected none above {largest}")
    for images, steps, noises in together:
        expect(images == steps, f"{case}: images {images} came with t = {steps}, expected each with its own")
        expect(images == noises, f"{case}: images {images} came with the noise of {noises}, expected each its own")
    same(mean, sum(i * i for i in range(size)) / size, f"{case}: the mean loss")
    groups = [[i * i for i in range(size) if i * 3 // 6 == third] for third in range(3)]
    same(thirds, tuple(sum(g) / len(g) if g else None for g in groups), f"{case}: the mean loss of each third")


@pytest.mark.exercise("train_step")
def test_train_step_asks_the_loss_it_was_given(lesson):
    """The network, the batch, the schedule and what to predict reach training.loss as they are."""
    seen = []

    def note(model, x0, t, noise, schedule, prediction="noise"):
        seen.append((model, x0, t, noise, schedule, prediction))
        return model(x0, t)

    training = in_training(lesson, 1.0, 0.0, loss=note, sgd=0.1, prediction="v")
    training.network = nn.Sequential(training.model)  # stands for what adds up the gradients of several processes
    training.network.forward = training.model.forward
    x0, t, noise = pixels([1, 2], [3, 4]), torch.tensor([3, 7]), pixels([5, 6], [7, 8])
    stepped(lesson, training, x0, t, noise)
    expect(len(seen) == 1, f"training.loss was called {len(seen)} times, expected once for a share in one part")
    expect(seen[0][0] is not training.model, "training.loss was given training.model, expected training.network")
    expect(seen[0][0] is training.network, f"training.loss was given {show(seen[0][0])}, expected training.network")
    for name, found, expected in zip(("x0", "t", "noise"), seen[0][1:4], (x0, t, noise), strict=True):
        same(found, expected, f"what training.loss was given as {name}")
    expect(seen[0][4] is training.schedule, "training.loss was not given training.schedule")
    same(seen[0][5:], ("v",), 'settings.prediction = "v": what training.loss was given after the schedule')


@pytest.mark.exercise("train_step")
@given(examples=10, length=st.floats(0.1, 30), clip=st.floats(0.5, 5))
def test_long_gradients_are_cut(lesson, length, clip):
    """The gradient (3, 4) has length 5; cut to 1 it is (0.6, 0.8). Its direction stays, and short ones stay whole."""
    training = in_training(lesson, 0.0, 0.0, sgd=1.0, batch=1, grad_clip=clip)
    stepped(lesson, training, pixels([0.6 * length, 0.8 * length]))
    left = min(length, clip)
    case = f"gradient ({0.6 * length:.4g}, {0.8 * length:.4g}) of length {length:.4g}, grad_clip = {clip:.4g}"
    same(-numbers_of(training.model), double([0.6 * left, 0.8 * left]), f"{case}: the step taken", rtol=1e-4)


@pytest.mark.exercise("train_step")
def test_parts_are_cut_together(lesson):
    """The parts' gradients are (3, 4) / 2 and (3, -4) / 2: together (3, 0), cut to 1. Cut by themselves: (2, 0)."""
    training = in_training(lesson, 0.0, 0.0, sgd=1.0, accumulate=2, grad_clip=1.0)
    stepped(lesson, training, pixels([3, 4], [3, -4]))
    case = "two parts, images (3, 4) and (3, -4), grad_clip = 1: the step taken"
    same(-numbers_of(training.model), double([1.0, 0.0]), case, rtol=1e-4)


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("T", [4, 5, 7, 10, 11])
def test_thirds_of_any_number_of_timesteps(lesson, T):
    training = in_training(lesson, 1.0, 0.0, sgd=0.1, batch=T)
    _, thirds = stepped(lesson, training, pixels(*([i * i + 0.3, 0] for i in range(T))), t=torch.arange(T), T=T)
    groups = [[i * i + 0.3 for i in range(T) if i * 3 // T == third] for third in range(3)]
    same(thirds, tuple(sum(g) / len(g) for g in groups), f"t = 0, 1, ... of {T}: the mean loss of each third")


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("broken", [False, True])
def test_a_process_tells_the_loss_of_all(lesson, broken):
    """Of two processes the first has losses 1 and 2, the second 6: 3 is the mean, (1, 2, 6) are the thirds' means."""
    told, rows = [], [([6, 0],), ([1, 0], [2, 0])]
    steps = [torch.tensor([8]), torch.tensor([0, 4])]
    if broken:
        rows[0] = ([math.inf, 0],)

    def total(values):
        other = told.pop(0) if told and not first else torch.zeros_like(values)
        if first:
            told.append(values.clone())
        return values + other

    for first, images, t in zip((True, False), rows, steps, strict=True):  # noqa: B007  (total reads it)
        training = in_training(lesson, 1.0, 0.0, sgd=1.0, batch=3)
        with patch.object(distributed, "world_size", lambda: 2), patch.object(distributed, "total", total):
            try:
                found = stepped(lesson, training, pixels(*images), t=t)
            except lesson.Diverged:
                found = None
    case = "two processes, losses 1 and 2 here, " + ("one that is not finite" if broken else "6") + " there"
    if broken:
        expect(found is None, f"{case}: expected Diverged in both, but the step was taken here")
        return
    expect(found is not None, f"{case}: Diverged was raised, expected a step")
    same(found, (3.0, (1.0, 2.0, 6.0)), f"{case}: mean and thirds over all processes")
    same(numbers_of(training.model), double([0.0, 0.0]), f"{case}: the weights after this share's gradient")


@pytest.mark.exercise("train_step")
def test_each_part_is_worked_on_while_it_is_its_turn(lesson):
    """_parts says with which part gradients are exchanged; that holds only until it is asked for the next."""
    turn, seen = [None], []

    @contextmanager
    def exchanging(network, now):
        turn[0] = now
        yield
        turn[0] = None

    def note(model, x0, t, noise, schedule, prediction):
        loss = model(x0, t)
        loss.register_hook(lambda gradient: seen.append(("backward", turn[0])))
        seen.append(("loss", turn[0]))
        return loss

    training = in_training(lesson, 1.0, 0.0, loss=note, sgd=0.1, accumulate=2)
    with patch.object(distributed, "exchanging", exchanging):
        stepped(lesson, training, pixels([1, 0], [2, 0]))
    expected = [("loss", False), ("backward", False), ("loss", True), ("backward", True)]
    same(seen, expected, "two parts: what is done, and whether gradients are exchanged then (None: no part's turn)")


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("broken", ["an infinite loss", "a finite loss with an infinite gradient"])
def test_no_step_is_taken_when_loss_or_gradient_is_infinite(lesson, broken):
    def loss(model, x0, t, noise, schedule, prediction):
        more = math.inf if "infinite loss" in broken else (model.first - 1).sqrt()  # its slope at 0 is infinite
        return model(x0, t) + more

    training = in_training(lesson, 1.0, 2.0, loss=loss)
    try:
        stepped(lesson, training, pixels([1, 1], [2, 1]))
    except lesson.Diverged:
        pass
    else:
        raise Wrong(f"{broken}: expected Diverged, but a step was taken")
    same(numbers_of(training.model), double([1.0, 2.0]), f"{broken}: the weights, which must stay as they were")


@pytest.mark.exercise("train_step")
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_step_is_taken_when_the_loss_is_no_number(lesson, value):
    training = in_training(lesson, 1.0, 2.0)
    try:
        stepped(lesson, training, pixels([1, 1], [value, 1]))
    except lesson.Diverged:
        pass
    except Exception as error:
        raise Wrong(f"a loss of {value}: expected Diverged, got a {type(error).__name__}: {error}") from error
    else:
        raise Wrong(f"a loss of {value}: expected Diverged, but it was taken as if it were fine")
    same(
        numbers_of(training.model), double([1.0, 2.0]), f"a loss of {value}: the weights, which must stay as they were"
    )


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
def test_the_clock_counts_the_steps_and_is_shared(lesson):
    """Each loss takes 20 ms, and the caller 200 ms between two steps."""

    def slow(model, x0, t, noise, schedule, prediction):
        time.sleep(0.02)
        return model(x0, t)

    training = in_training(lesson, 0.0, 1.0, loss=slow)
    begin = time.perf_counter()
    for _ in zip(range(3), lesson.fit(training, pixels(*[[1, 0]] * 4)), strict=False):
        time.sleep(0.2)
    passed, found = time.perf_counter() - begin, training.seconds
    expect(found >= 0.06, f"3 steps of at least 20 ms: yours counted {found:.3g} s, expected the whole step")
    expect(found < passed - 0.38, f"3 steps, 0.2 s between them: yours counted {found:.3g} of {passed:.3g} s in all")
    training = in_training(lesson, 0.0, 1.0, steps=None, minutes=1000.0)
    with patch.object(distributed, "same", lambda number: number + 1000.0):
        take(lesson, training, pixels(*[[1, 0]] * 4), 1)
    expect(training.seconds >= 1000, "the first process took 1000 s longer: all count its time (distributed.same)")


@pytest.mark.exercise("fit")
def test_fit_says_that_a_training_diverged(lesson):
    training = in_training(lesson, 1.0, 2.0)
    try:
        take(lesson, training, pixels(*[[math.nan, 1]] * 4), 3)
    except lesson.Diverged:
        same(numbers_of(training.ema), double([1.0, 2.0]), "a loss of nan: the average, which must stay as it was")
    else:
        raise Wrong("a loss of nan: expected Diverged to reach whoever asked for the step")


@pytest.mark.exercise("fit")
@pytest.mark.parametrize("decay", [0.05, 0.3])
def test_fit_averages_with_the_decay_of_the_settings(lesson, decay):
    training = in_training(lesson, 0.0, 1.0, sgd=1.0, lr=1.0, warmup=0, ema_decay=decay)
    training.step = 9
    take(lesson, training, pixels(*[[1, 0]] * 4), 1)
    case = f"ema_decay = {decay}, step 10 of 10: the average"
    same(numbers_of(training.ema), decay * double([0, 1]) + (1 - decay) * numbers_of(training.model), case)


@pytest.mark.exercise("fit")
@pytest.mark.parametrize("t_below", [8, None])
def test_fit_tells_the_thirds_of_what_it_draws(lesson, t_below):
    drawn_t = []

    def by_t(model, x0, t, noise, schedule, prediction):
        drawn_t.extend(t.tolist())
        return model(x0, t) * 0 + t

    training = in_training(lesson, 0.0, 1.0, loss=by_t, batch=12, t_below=t_below)
    (step,) = take(lesson, training, pixels(*[[1, 0]] * 12), 1)
    T = t_below or 100
    groups = [[float(t) for t in drawn_t if t * 3 // T == third] for third in range(3)]
    expected = tuple(sum(g) / len(g) if g else None for g in groups)
    same(step.thirds, expected, f"100 timesteps, t_below = {t_below}, drawn {sorted(drawn_t)}: thirds of the loss t")


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
