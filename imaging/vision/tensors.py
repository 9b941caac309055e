"""Named tensors out of PyTorch's older file format, without PyTorch and without trusting the file.

The format (used before PyTorch 1.6) is five pickles and then the numbers: a magic number, the
protocol's version, facts of the machine, the object itself, the keys of its storages; after that,
for each key, a count of 8 bytes and the values, little endian. A pickle can name any function of
any package; this reader knows four names, three of which are its own, and refuses every other
before anything of it is loaded.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import struct
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from imaging.vision.errors import TensorsUnreadable

Tensor = NDArray[np.generic]

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_PROTOCOL: Final = 1001
_TYPES: Final = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a saved state by name, in C order.

    Raises `TensorsUnreadable` for a file that is damaged, of another format, or that names
    anything but tensors of 32-bit floats and 64-bit integers.
    """
    file = io.BytesIO(data)
    try:
        if _loaded(file, len(data)) != _MAGIC or _loaded(file, len(data)) != _PROTOCOL:
            raise TensorsUnreadable("The file of weights is not in PyTorch's older format.")
        _loaded(file, len(data))  # facts of the machine that wrote it
        outlines = _loaded(file, len(data))
        keys = _loaded(file, len(data))
        storages = _storages(file, keys, outlines)
        return {name: _laid_out(name, outline, storages) for name, outline in outlines.items()}
    except TensorsUnreadable:
        raise
    except Exception as error:  # a damaged pickle fails in any of a dozen ways
        raise TensorsUnreadable("The file of weights is damaged and could not be read.") from error


@dataclass(frozen=True, slots=True)
class _Storage:
    """A row of numbers that tensors are laid out on."""

    kind: np.dtype[Any]
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class _Outline:
    """A tensor whose numbers have not been read yet."""

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def _outline(
    storage: _Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    _gradient: bool = False,
    _hooks: object = None,
) -> _Outline:
    """Stands where the file calls torch._utils._rebuild_tensor_v2."""
    return _Outline(storage, offset, tuple(shape), tuple(strides))


def _loaded(file: io.BytesIO, length: int) -> Any:
    """The next pickle, in which no memo lies further out than the file is long.

    The reader would make room for any number that a memo bears, which is up to 2^32.
    """
    start = file.tell()
    for operation, argument, _ in pickletools.genops(file):
        if operation.name.endswith("PUT") and int(argument or 0) > length:
            raise TensorsUnreadable("The file of weights is damaged: a memo lies far outside it.")
    file.seek(start)
    return _Reader(file).load()


class _Reader(pickle.Unpickler):
    """Reads pickles in which nothing but tensors can be named."""

    def find_class(self, module: str, name: str) -> Any:
        """The four names that a file of tensors needs."""
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _outline
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise TensorsUnreadable(
            f"The file of weights names {module}.{name}; only tensors are read, and nothing of it "
            "was loaded."
        )

    def persistent_load(self, pid: Any) -> _Storage:
        """A storage: ('storage', type, key, device, count, view)."""
        _, kind, key, _, count, *_ = pid
        return _Storage(kind, str(key), int(count))


def _storages(
    file: io.BytesIO, keys: list[str], outlines: Mapping[str, _Outline]
) -> dict[str, Tensor]:
    known = {outline.storage.key: outline.storage for outline in outlines.values()}
    found: dict[str, Tensor] = {}
    for key in keys:
        storage = known[key]
        (count,) = struct.unpack("<q", file.read(8))
        data = file.read(count * storage.kind.itemsize)
        if count != storage.count or len(data) != count * storage.kind.itemsize:
            raise TensorsUnreadable(f"The file of weights ends early, in storage {key}.")
        found[key] = np.frombuffer(data, storage.kind)
    return found


def _laid_out(name: str, outline: _Outline, storages: Mapping[str, Tensor]) -> Tensor:
    """A tensor's numbers in C order, whatever order they are stored in."""
    shape, strides, numbers = outline.shape, outline.strides, storages[outline.storage.key]
    reach = outline.offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
    steps_back = min(outline.offset, *strides, 0) < 0
    if steps_back or min(shape, default=1) < 1 or max(reach, math.prod(shape) - 1) >= numbers.size:
        raise TensorsUnreadable(f"Tensor {name} reaches beyond its storage in the file of weights.")
    size = numbers.itemsize
    seen = np.lib.stride_tricks.as_strided(
        numbers[outline.offset :], shape, [step * size for step in strides], writeable=False
    )
    return np.ascontiguousarray(seen).reshape(shape)
