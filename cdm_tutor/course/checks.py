"""How the lessons' tests compare: exact kind, shape and dtype before values, and a message in the learner's words.

Each takes the case in words, "T = 2, betas = (0.1, 0.2)", which is what the learner reads first when it fails.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import hypothesis
import torch
from hypothesis import HealthCheck, Phase, settings
from torch import Tensor

from cdm_tutor.course.otherdevice import Elsewhere, MixedDevices, OtherDevice
from cdm_tutor.course.outcomes import DoesNotLoad, NotRefused, Wrong

settings.register_profile(
    "learner",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=25,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),  # slow code is not wrong code
)
RELATIVE = {torch.float64: 1e-7, torch.float32: 1e-4}  # how far apart equal results may be, if a test does not say


# of hypothesis, for tests that are collected from now on: not explain, which is slow and says it in its own words.
# The gate leaves out shrink as well.
phases: tuple[Phase, ...] = (Phase.explicit, Phase.generate, Phase.shrink)
seed: int | None = None  # of the examples, for tests that are collected from now on; None: the same ones each time


def given(*, examples: int = 25, **strategies: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """hypothesis.given in the profile "learner": the examples that `seed` says, nothing written to disk."""
    learner = settings.get_profile("learner")
    profile = settings(learner, max_examples=examples, phases=phases, derandomize=seed is None)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        drawn = profile(hypothesis.given(**strategies)(test))
        return drawn if seed is None else hypothesis.seed(seed)(drawn)

    return decorate


def expect(condition: object, message: str) -> None:
    """Raise Wrong with the message unless the condition holds."""
    if not condition:
        raise Wrong(message)


def same(yours: object, expected: object, case: str, *, rtol: float | None = None, atol: float | None = None) -> None:
    """Raise Wrong unless `yours` is `expected`: a tensor, a number, a string, None, or a list or tuple of these.

    Tensors must agree in shape and dtype before values are compared. Numbers may differ by atol + rtol * expected;
    rtol is 1e-7 for float64, 1e-4 for float32 and 1e-6 for Python's numbers, atol a hundredth of that, if not given.
    """
    if yours is None and expected is not None:
        raise Wrong(f"{case}: yours is None: is the return missing?")
    if isinstance(expected, Tensor):
        same_tensor(yours, expected, case, rtol, atol)
    elif isinstance(expected, list | tuple):
        if type(yours) is not type(expected) or len(yours) != len(expected):
            raise Wrong(f"{case}: yours is {show(yours)}, expected {show(expected)}")
        for place, (mine, theirs) in enumerate(zip(yours, expected, strict=True)):
            same(mine, theirs, f"{case}, entry {place}", rtol=rtol, atol=atol)
    elif isinstance(expected, float):
        rtol = 1e-6 if rtol is None else rtol
        if not isinstance(yours, float | int):
            raise Wrong(f"{case}: yours is {_kind(yours)}, expected a number, {expected:.4g}")
        if not math.isclose(yours, expected, rel_tol=rtol, abs_tol=rtol / 100 if atol is None else atol):
            raise Wrong(f"{case}: {_apart([float(yours)], [expected])}")
    elif type(yours) is not type(expected) or yours != expected:
        kinds = f"{_kind(yours)}, expected {_kind(expected)}: "
        alike = show(yours) == show(expected)
        raise Wrong(f"{case}: yours is {kinds if alike else ''}{show(yours)}, expected {show(expected)}")


def same_tensor(yours: object, expected: Tensor, case: str, rtol: float | None, atol: float | None) -> None:
    """Raise Wrong unless both agree in shape, in dtype, and in values up to atol + rtol * expected."""
    if not isinstance(yours, Tensor):
        raise Wrong(f"{case}: yours is {_kind(yours)}, expected {_kind(expected)}")
    if yours.shape != expected.shape:
        raise Wrong(f"{case}: yours has shape {tuple(yours.shape)}, expected {tuple(expected.shape)}")
    if yours.dtype != expected.dtype:
        raise Wrong(f"{case}: yours is {yours.dtype}, expected {expected.dtype}")
    rtol = RELATIVE.get(expected.dtype, 0.0) if rtol is None else rtol
    mine, theirs = yours.detach().double(), expected.detach().double()
    off = ~torch.isclose(mine, theirs, rtol=rtol, atol=rtol / 100 if atol is None else atol)
    if not off.any():
        return
    if expected.numel() <= 4:
        raise Wrong(f"{case}: {_apart(mine.flatten().tolist(), theirs.flatten().tolist())}")
    place = tuple(off.nonzero()[0].tolist())
    where = f"entry [{', '.join(map(str, place))}] (of {tuple(expected.shape)}; {int(off.sum())} are off)"
    raise Wrong(f"{case}: {where}: {_apart([mine[place].item()], [theirs[place].item()])}")


def _apart(yours: list[float], expected: list[float]) -> str:
    """Both with as few digits as it takes to tell them apart."""
    texts = [("", "")]
    for digits in range(3, 18):
        texts = [(f"{mine:.{digits}g}", f"{theirs:.{digits}g}") for mine, theirs in zip(yours, expected, strict=True)]
        if any(mine != theirs for mine, theirs in texts):
            break
    mine, theirs = (", ".join(column) for column in zip(*texts, strict=True))
    return f"yours {mine}, expected {theirs}" if len(texts) == 1 else f"yours ({mine}), expected ({theirs})"


def show(value: object) -> str:
    """A value in a few words: small tensors with their numbers, large ones with their shape."""
    if isinstance(value, Tensor):
        if value.numel() > 6:
            return _kind(value)
        if value.ndim == 0:
            return f"{value.item():.4g}"
        shape = f" of shape {tuple(value.shape)}" if value.ndim > 1 else ""
        return numbers(value.flatten().tolist()) + shape
    if isinstance(value, list | tuple) and any(isinstance(each, Tensor) for each in value):
        shapes = (str(tuple(each.shape)) if isinstance(each, Tensor) else _kind(each) for each in value)
        return f"a {type(value).__name__} with the shapes {', '.join(shapes)}"
    text = repr(value)
    if isinstance(value, str | list | tuple | dict):
        return text if len(text) <= 80 else f"{text[:77]}..."
    return text if len(text) <= 80 and " at 0x" not in text and "\n" not in text else _kind(value)


def numbers(values: list[float]) -> str:
    """A row of numbers, as in (0.1, 0.2)."""
    return "(" + ", ".join(f"{value:.4g}" for value in values) + ")"


def _kind(value: object) -> str:
    if isinstance(value, Tensor):
        return f"a {value.dtype} tensor of shape {tuple(value.shape)}"
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


@contextmanager
def refused(case: str) -> Iterator[None]:
    """Raise NotRefused unless the block raises a ValueError, or meets what is missing or not written yet."""
    try:
        yield
    except ValueError:
        return
    except (Wrong, DoesNotLoad, NotImplementedError):
        raise
    except Exception as error:
        text = f"{case}: expected a ValueError that says so, got {_kind(error)}: {error}"
        raise NotRefused(text) from error
    raise NotRefused(f"{case}: expected a ValueError, but it was taken as if it were fine")


@contextmanager
def unchanged(case: str, **inputs: Tensor) -> Iterator[None]:
    """Raise Wrong if the block writes into one of the tensors, given by name; also where it ends in an error."""
    before = copy.deepcopy(inputs)

    def check(error: Exception | None) -> None:
        for name, tensor in inputs.items():
            if not torch.equal(tensor, before[name]):
                text = f"{case}: {name} was changed in place: work on a copy, the caller still needs it"
                raise Wrong(text) from error

    try:
        yield
    except Exception as error:
        check(error)
        raise
    check(None)


def layouts(tensor: Tensor) -> dict[str, Tensor]:
    """The same (B, C, H, W) numbers as memory may hold them: right code never asks in which order they lie."""
    return {
        "one row after the other": tensor.clone(memory_format=torch.contiguous_format),
        "channels last": tensor.clone(memory_format=torch.channels_last),
        "a transposed view": tensor.transpose(2, 3).contiguous().transpose(2, 3),
    }


def unrelated(a: Tensor, b: Tensor, what: str) -> None:
    """Raise Wrong unless the mean of a * b is 0, also with b shifted by any images, channels, rows and columns.

    Both are standard normal. The largest of the means is held to seven standard errors: all pixels of 40000 shifted in
    eight ways are off by chance once in a million.
    """
    means = torch.fft.ifftn(torch.fft.fftn(a) * torch.fft.fftn(b).conj()).real / a.numel()
    if a is b:
        means.view(-1)[0] = 0  # not shifted at all
    shift = tuple((means.abs() == means.abs().max()).nonzero()[0].tolist())
    shifted = f", shifted by {shift} images, channels, rows and columns," if any(shift) else ""
    found, allowed = means[shift].item(), 7 / math.sqrt(a.numel())
    expect(abs(found) < allowed, f"{what}{shifted} is {found:.2g}, expected 0 (+-{allowed:.2g})")


def looks_normal(other: Tensor, beside: Tensor, case: str) -> None:
    """Raise Wrong unless `other` is standard normal, its pixels independent of each other and of the batch `beside`.

    Averages over all pixels are held to six standard errors: each is off by chance once in 500 million.
    """
    same(other.shape, beside.shape, f"{case}, shape")
    for power, expected, what, deviation in [
        (1, 0, "its mean", 1.0),
        (2, 1, "its variance", math.sqrt(2)),
        (3, 0, "the mean of its third powers", math.sqrt(15)),
        (4, 3, "the mean of its fourth powers", math.sqrt(96)),
    ]:
        found, allowed = (other**power).mean().item(), 6 * deviation / math.sqrt(other.numel())
        expect(abs(found - expected) < allowed, f"{case}: {what} is {found:.3g}, expected {expected} (+-{allowed:.2g})")
    unrelated(other, beside, f"{case}: its covariance with the batch it is added to")
    unrelated(other, other, f"{case}: its covariance with itself")
    unrelated((other**2 - 1) / 2**0.5, (beside**2 - 1) / 2**0.5, f"{case}: its square's correlation with the batch's")
    for way in ((-1,), (-2,), (-1, -2)):
        unrelated(other, beside.flip(way), f"{case}: its covariance with the batch mirrored")
    if other.shape[-1] == other.shape[-2]:
        unrelated(other, beside.transpose(-1, -2), f"{case}: its covariance with the batch, rows for columns,")


def own_memory(result: Tensor, case: str, **inputs: Tensor) -> None:
    """Raise Wrong if the result lives in the memory of one of the tensors, given by name."""
    for name, tensor in inputs.items():
        if result.untyped_storage().data_ptr() == tensor.untyped_storage().data_ptr():
            text = "whoever writes into one changes the other; give back a tensor of its own"
            raise Wrong(f"{case}: what comes back shares its memory with {name}: {text}")


def keeps(result: Tensor, case: str, again: Callable[[], object]) -> None:
    """Raise Wrong if another call of a function writes into what it gave back before."""
    expect(result is not None, f"{case}: yours is None: is the return missing?")
    before = result.detach().clone()
    again()
    changed = f"{case}: the next call changes what this one gave back: make a new tensor each time"
    expect(torch.equal(result, before), changed)


def on_other_device(make: Callable[[Callable[[Any], Any]], object], case: str, *, looks_up: bool = False) -> None:
    """Raise Wrong if code makes its tensors on the CPU wherever its inputs are, which ends on a GPU.

    Code that fetches numbers from there (`tolist`, numpy) may go on with them on the CPU.

    Args:
        make: the call; it is handed the function that moves a tensor or a network there, and gives back the result.
        case: the case in words.
        looks_up: whether right code, too, fetches single numbers (`item`): then that is no reason to go on with them.
    """
    device = OtherDevice(looks_up=looks_up)
    elsewhere = "the inputs are on another device, and a tensor was made on the CPU: make it where they are"
    try:
        with device:
            result = make(device.move)
    except MixedDevices as error:
        if not device.listed:
            raise Wrong(f"{case}: {elsewhere}. It ends with: {error}") from error
        return
    except (Wrong, DoesNotLoad, NotImplementedError):
        raise
    except Exception:  # the stand-in is no real device: something else that it cannot do says nothing
        return
    for tensor in result if isinstance(result, list | tuple) else [result]:
        if isinstance(tensor, Tensor) and not isinstance(tensor, Elsewhere) and not device.asked:
            raise Wrong(f"{case}: {elsewhere}. The result is on the CPU")


def same_slope(loss: Callable[[], Tensor], parameters: list[Tensor], case: str, *, step: float = 1e-3) -> None:
    """Raise Wrong unless the gradient of a loss is its slope: as much as it really changes along random directions.

    A gradient that was cut somewhere on the way is there, and too small or turned. Right gradients are within 2% of the
    slope in float32, cut ones were 60% off and more; the bound is 15%, of the root mean square over three directions:
    along one of them the slope may happen to be nearly 0, and all that is seen is rounding.

    Args:
        loss: computes the loss anew, a tensor of one number, always from the same inputs.
        parameters: what it depends on.
        case: the case in words.
        step: how far to go along the direction.
    """
    generator = torch.Generator().manual_seed(7)
    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    slopes = []
    for _ in range(3):
        ways = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in parameters]
        expected = 0.0
        with torch.no_grad():
            for sign in (1, -1):
                for parameter, way in zip(parameters, ways, strict=True):
                    parameter.add_(way, alpha=sign * step)
                expected += sign * cast(float, loss().item()) / (2 * step)
                for parameter, way in zip(parameters, ways, strict=True):
                    parameter.sub_(way, alpha=sign * step)
        found = sum(
            float((gradient * way).sum()) for gradient, way in zip(gradients, ways, strict=True) if gradient is not None
        )
        slopes.append((expected, found))
    off = math.hypot(*(found - expected for expected, found in slopes))
    if off > 0.15 * math.hypot(*(expected for expected, _ in slopes)) + 1e-6:
        expected, found = max(slopes, key=lambda slope: abs(slope[1] - slope[0]))
        text = "somewhere on the way the gradient is cut (detach, no_grad, .data, .item()) or changed"
        raise Wrong(
            f"{case}: a small step changes the loss by {expected:.4g} a unit, its gradient says {found:.4g}: {text}"
        )
