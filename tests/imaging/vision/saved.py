"""Files in PyTorch's older format, put together opcode by opcode, without PyTorch."""

from __future__ import annotations

import pickle
import struct

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
REBUILD = ("torch._utils", "_rebuild_tensor_v2")
FLOATS = ("torch", "FloatStorage")


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def several(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def called(function: tuple[str, str], *arguments: bytes) -> bytes:
    return named(*function) + several(*arguments) + b"R"


def tensor(
    count: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *,
    offset: int = 0,
    function: tuple[str, str] = REBUILD,
    kind: tuple[str, str] = FLOATS,
) -> bytes:
    """A tensor on storage "0", which holds ``count`` numbers."""
    storage = several(text("storage"), named(*kind), text("0"), text("cpu"), number(count), b"N")
    return called(
        function,
        storage + b"Q",
        number(offset),
        several(*map(number, shape)),
        several(*map(number, strides)),
        b"\x89",
        b"N",
    )


def saved(content: bytes, values: list[float], *, count: int | None = None) -> bytes:
    """A file of one tensor called "weight", and the numbers of storage "0"."""
    before: tuple[object, ...] = (MAGIC, 1001, {})
    head = b"".join(pickle.dumps(part, protocol=2) for part in before)
    state = b"\x80\x02}" + text("weight") + content + b"s."
    numbers = np.array(values, "<f4").tobytes()
    length = struct.pack("<q", len(values) if count is None else count)
    return head + state + pickle.dumps(["0"], protocol=2) + length + numbers
