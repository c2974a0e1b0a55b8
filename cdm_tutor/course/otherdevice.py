"""A device that is not there: tensors that say they are on it, and refuse to be mixed with others, as on a GPU.

So code that makes its tensors on the CPU, wherever its inputs are, is caught on a machine without a GPU. The numbers
are real, and on the CPU. (PyTorch's own "meta" device has none, and takes seconds to load.)
"""

import copy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Movable = TypeVar("Movable", Tensor, nn.Module)
THERE = torch.device("meta")  # what such a tensor gives as its device
DRAWING = ("rand", "randn", "randint", "randperm", "normal")
NUMBERS = ("item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__", "cpu")
LISTS = ("tolist", "numpy", "__array__")


class MixedDevices(RuntimeError):
    """Tensors of two devices met."""


class Elsewhere(Tensor):
    """A tensor that says it is on the other device."""


class OtherDevice(TorchFunctionMode):
    """While this lasts there is another device.

    Attributes:
        asked: whether somebody had numbers brought to the CPU: then the result may be there.
        listed: whether as lists or numpy arrays, of which new tensors are made: then these may be anywhere.
    """

    asked = listed = False

    def __init__(self, *, looks_up: bool = False) -> None:
        super().__init__()
        self.looks_up = looks_up  # whether single numbers are no reason to go on with them on the CPU

    def move(self, what: Movable) -> Movable:
        """A tensor, or a copy of a network, on the other device."""
        if isinstance(what, Tensor):
            return what.detach().clone().as_subclass(Elsewhere).requires_grad_(what.requires_grad)
        network = copy.deepcopy(what)
        for part in network.modules():
            for name, parameter in part.named_parameters(recurse=False):
                moved: Any = self.move(parameter)
                moved._is_param = True  # what makes a tensor a parameter
                part._parameters[name] = moved
            for name, buffer in part.named_buffers(recurse=False):
                part._buffers[name] = self.move(buffer)
        return network

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Every operation of PyTorch comes through here."""
        name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
        tensors = [each for each in _flat([args, kwargs]) if isinstance(each, Tensor)]
        here = [each for each in tensors if not isinstance(each, Elsewhere) and each.ndim > 0]
        there = [each for each in tensors if isinstance(each, Elsewhere)]
        if func == Tensor.device.__get__:
            return THERE if there else torch.device("cpu")
        wanted = _device_in(name, args, kwargs)
        if wanted is not None:
            kwargs = {key: torch.device("cpu") if value == wanted else value for key, value in kwargs.items()}
            args = tuple(torch.device("cpu") if _is(value, wanted) else value for value in args)
            if wanted == THERE and name in DRAWING and kwargs.get("generator") is not None:
                raise MixedDevices("a generator of the CPU cannot draw on another device")
        self.listed = self.listed or name in LISTS
        if name in NUMBERS or (name == "to" and wanted not in (None, THERE)):
            single = name in NUMBERS and name not in (*LISTS, "cpu")
            self.asked = self.asked or (bool(there) and not (single and self.looks_up))
        elif wanted is None and there and here and not _may_mix(name, args):
            raise MixedDevices("tensors of the CPU and of another device in one operation")
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **kwargs)
        if name in NUMBERS or (wanted is not None and wanted != THERE):
            return _as(result, Tensor)
        follows = there and (name not in ("to", "type_as") or wanted == THERE or isinstance(args[0], Elsewhere))
        return _as(result, Elsewhere) if follows or wanted == THERE else result


def _may_mix(name: str, args: Any) -> bool:
    """Whether an operation takes tensors of two devices: copying, and indexing with what is on the CPU."""
    return name in ("copy_", "__setitem__", "to") or (name == "__getitem__" and isinstance(args[0], Elsewhere))


def _device_in(name: str, args: Any, kwargs: Any) -> torch.device | None:
    """The device that an operation is asked for."""
    given = kwargs.get("device")
    if given is None and name in ("to", "full", "new_tensor"):
        given = next((each for each in args[1:] if isinstance(each, torch.device) or each in ("cpu", "meta")), None)
    if given is None and name == "to" and len(args) > 1 and isinstance(args[1], Tensor):
        return THERE if isinstance(args[1], Elsewhere) else torch.device("cpu")
    return None if given is None else torch.device(given)


def _is(value: object, device: torch.device) -> bool:
    return isinstance(value, torch.device | str) and str(value) == str(device)


def _flat(value: Any) -> list[Any]:
    """All that is in nested lists, tuples and dicts."""
    if isinstance(value, dict):
        return _flat(list(value.values()))
    if isinstance(value, list | tuple):
        return [part for each in value for part in _flat(each)]
    return [value]


def _as(value: Any, kind: type[Tensor]) -> Any:
    """A result with all its tensors on that device."""
    if isinstance(value, Tensor):
        return value if type(value) is kind or getattr(value, "_is_param", False) else value.as_subclass(kind)
    if type(value) in (list, tuple):
        return type(value)(_as(each, kind) for each in value)
    if isinstance(value, tuple):  # PyTorch's named ones, as from max
        return type(value)(_as(each, kind) for each in value)
    return value
