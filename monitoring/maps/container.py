"""Arrays and figures as checksummed bytes that any later version can recognise.

    8 bytes   b"LACUNA\\r\\n"
    4 bytes   length of the header, little-endian
    header    JSON (ASCII): kind, version, figures, and name, type and shape of each array
    arrays    one after the other, C order, little-endian
    32 bytes  SHA-256 of everything before

No pickle: reading can run no code, and the sizes are checked before anything is allocated.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from monitoring.maps.errors import Unusable

_MAGIC: Final = b"LACUNA\r\n"
_TYPES: Final = ("<f4", "<f8", "<i4", "<i8", "|b1")

Arrays = Mapping[str, NDArray[Any]]


def packed(kind: str, version: int, figures: Mapping[str, Any], arrays: Arrays) -> bytes:
    """The bytes of some figures (JSON values) and named arrays."""
    described, parts = [], []
    for name, array in arrays.items():
        plain = np.ascontiguousarray(array)
        plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
        described.append([name, plain.dtype.str, list(plain.shape)])
        parts.append(plain.tobytes())
    header = json.dumps(
        {"kind": kind, "version": version, "figures": dict(figures), "arrays": described},
        allow_nan=False,
        separators=(",", ":"),
    ).encode("ascii")
    body = b"".join((_MAGIC, len(header).to_bytes(4, "little"), header, *parts))
    return body + hashlib.sha256(body).digest()


def unpacked(
    data: bytes, kind: str, version: int
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Figures and arrays of `packed` bytes of that kind and version.

    Raises Unusable when they are damaged, cut short, or of another kind or version.
    """
    if len(data) < len(_MAGIC) + 36 or data[: len(_MAGIC)] != _MAGIC:
        raise Unusable(f"These bytes are not a stored {kind}; make it again.")
    view = memoryview(data)
    body, digest = view[:-32], view[-32:]
    if hashlib.sha256(body).digest() != digest:
        raise Unusable(f"The stored {kind} is damaged (its checksum differs); make it again.")
    begin = len(_MAGIC) + 4
    end = begin + int.from_bytes(data[len(_MAGIC) : begin], "little")
    header = json.loads(bytes(body[begin:end]))
    if header["kind"] != kind:
        raise Unusable(f"These bytes are a stored {header['kind']}, not a {kind}.")
    if header["version"] != version:
        raise Unusable(
            f"The stored {kind} has version {header['version']}, this program reads {version}; "
            "make it again."
        )
    return header["figures"], _arrays(body[end:], header["arrays"], kind)


def _arrays(data: memoryview, described: list[list[Any]], kind: str) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = {}
    place = 0
    for name, typed, shape in described:
        if typed not in _TYPES or any(side < 0 for side in shape):
            raise Unusable(f"The stored {kind} holds {name} as {typed}, which is not known.")
        count = math.prod(shape)
        size = count * np.dtype(typed).itemsize
        if place + size > len(data):
            raise Unusable(f"The stored {kind} ends inside {name}; make it again.")
        part = np.frombuffer(data, typed, count, place).reshape(shape)
        found[name] = part.astype(part.dtype.newbyteorder("="))
        place += size
    return found
