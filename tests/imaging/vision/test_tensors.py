"""Reading tensors from a file that anybody may have written."""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from imaging.vision.errors import TensorsUnreadable
from imaging.vision.tensors import read_tensors
from tests.imaging.vision.saved import called, saved, tensor, text

SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_numbers_come_back_in_their_shape() -> None:
    found = read_tensors(saved(tensor(6, (2, 3), (3, 1)), SIX))

    assert list(found) == ["weight"]
    assert found["weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["weight"].dtype == np.float32


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "values"),
    [
        ((2, 3), (1, 2), 0, [[0, 2, 4], [1, 3, 5]]),
        ((3,), (2,), 1, [1, 3, 5]),
        ((2, 2), (0, 1), 4, [[4, 5], [4, 5]]),
        ((), (), 3, 3),
    ],
    ids=["columns first", "every second", "repeated", "one number"],
)
def test_numbers_are_found_in_whatever_order_they_lie(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int, values: object
) -> None:
    found = read_tensors(saved(tensor(6, shape, strides, offset=offset), SIX))["weight"]

    assert found.tolist() == values
    assert found.flags.c_contiguous


@pytest.mark.parametrize(
    "function",
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_parameter"),
        ("collections", "namedtuple"),
        ("collections.OrderedDict", "__init__"),
    ],
)
def test_whatever_else_a_file_names_is_refused_by_name_and_not_called(
    function: tuple[str, str], tmp_path: Path
) -> None:
    made = tmp_path / "made"
    data = saved(called(function, text(f"touch {made}")), SIX)

    with pytest.raises(TensorsUnreadable, match=f"names {'.'.join(function)}; only tensors"):
        read_tensors(data)
    assert not made.exists()


def test_the_first_pickles_are_as_restricted_as_the_others(tmp_path: Path) -> None:
    made = tmp_path / "made"
    order = b"\x80\x02" + called(("os", "system"), text(f"touch {made}")) + b"."

    for head in (b"", pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)):
        with pytest.raises(TensorsUnreadable, match=r"names os\.system"):
            read_tensors(head + order)
    assert not made.exists()


@pytest.mark.parametrize(
    ("shape", "strides", "offset"),
    [
        ((7,), (1,), 0),
        ((2, 3), (3, 1), 1),
        ((2,), (2_000_000_000,), 0),
        ((2,), (-1,), 1),
        ((2,), (1,), -1),
        ((0,), (1,), 0),
        ((-1,), (1,), 0),
        ((7,), (0,), 0),
        ((1_000_000_000, 4), (0, 1), 0),
        ((2, 3), (1,), 0),
    ],
)
def test_a_tensor_that_reaches_beyond_its_numbers_is_refused(
    shape: tuple[int, ...], strides: tuple[int, ...], offset: int
) -> None:
    with pytest.raises(TensorsUnreadable):
        read_tensors(saved(tensor(6, shape, strides, offset=offset), SIX))


def test_numbers_of_another_kind_are_refused_by_name() -> None:
    with pytest.raises(TensorsUnreadable, match=r"torch\.HalfStorage"):
        read_tensors(saved(tensor(6, (6,), (1,), kind=("torch", "HalfStorage")), SIX))


@pytest.mark.parametrize("count", [5, 7, -1, 1 << 60])
def test_a_count_that_the_numbers_do_not_bear_out_is_refused(count: int) -> None:
    with pytest.raises(TensorsUnreadable, match="ends early, in storage 0"):
        read_tensors(saved(tensor(6, (6,), (1,)), SIX, count=count))


def test_a_file_that_ends_early_is_refused_wherever_it_ends() -> None:
    data = saved(tensor(6, (2, 3), (3, 1)), SIX)

    for length in range(len(data)):
        with pytest.raises(TensorsUnreadable):
            read_tensors(data[:length])


def test_a_damaged_byte_is_read_as_tensors_or_refused() -> None:
    data = saved(tensor(6, (2, 3), (3, 1)), SIX)
    refused = 0
    for at in range(len(data)):
        damaged = data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :]
        try:
            found = read_tensors(damaged)
        except TensorsUnreadable:
            refused += 1
        else:
            assert all(isinstance(one, np.ndarray) for one in found.values()), at
    assert refused > 50


@pytest.mark.parametrize("put", [b"r\xff\xff\xff\x7f", b"p2000000000\n"])
def test_a_memo_far_outside_the_file_takes_no_memory(put: bytes) -> None:
    with pytest.raises(TensorsUnreadable, match="a memo lies far outside"):
        read_tensors(b"\x80\x02N" + put + b".")


def test_the_newer_format_is_refused() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"")

    with pytest.raises(TensorsUnreadable):
        read_tensors(file.getvalue())
    with pytest.raises(TensorsUnreadable, match="not in PyTorch's older format"):
        read_tensors(pickle.dumps(1) + pickle.dumps(1001))
