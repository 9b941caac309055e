"""A baseline as bytes: back as it was, or refused."""

import hashlib
import json
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from monitoring.maps import Baseline, Parameters, Unusable, fit
from monitoring.maps.container import packed, unpacked
from monitoring.scoring import Detector
from tests.monitoring.rows import cloud


@pytest.fixture(scope="module")
def baseline() -> Baseline:
    table = cloud(20, 5)
    table[:, 2] = 7
    return fit(table, Parameters(imax=5)).baseline


def resealed(data: bytes, change: dict[str, Any]) -> bytes:
    """The bytes with another header and a right checksum, as a forger would make them."""
    length = int.from_bytes(data[8:12], "little")
    header = json.loads(data[12 : 12 + length]) | change
    new = json.dumps(header).encode("ascii")
    body = data[:8] + len(new).to_bytes(4, "little") + new + data[12 + length : -32]
    return body + hashlib.sha256(body).digest()


def test_a_baseline_comes_back_as_it_was(baseline: Baseline) -> None:
    back = Baseline.from_bytes(baseline.to_bytes())

    for field in fields(Baseline):
        one, other = getattr(baseline, field.name), getattr(back, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            assert np.array_equal(one, other)
        elif field.name != "scaling":
            assert one == other
    assert back.scaling.kind == "zscore"
    assert back.scaling.constant.tolist() == [False, False, True, False, False]
    assert back.to_bytes() == baseline.to_bytes()
    assert (back.features, back.width) == (5, baseline.width)


@pytest.mark.parametrize("place", [0, 9, 40, 500, -1])
def test_a_changed_byte_is_found(baseline: Baseline, place: int) -> None:
    data = bytearray(baseline.to_bytes())
    data[place] ^= 1

    with pytest.raises(Unusable, match=r"not a stored baseline|is damaged"):
        Baseline.from_bytes(bytes(data))


@pytest.mark.parametrize("length", [0, 7, 50, 1000])
def test_a_part_is_refused(baseline: Baseline, length: int) -> None:
    with pytest.raises(Unusable, match=r"not a stored baseline|is damaged"):
        Baseline.from_bytes(baseline.to_bytes()[:length])


def test_another_kind_and_another_version_are_refused(baseline: Baseline) -> None:
    data = baseline.to_bytes()

    with pytest.raises(Unusable, match="are a stored baseline, not a detector"):
        Detector.from_bytes(data)
    with pytest.raises(Unusable, match="has version 2, this program reads 1; make it again"):
        Baseline.from_bytes(resealed(data, {"version": 2}))


@pytest.mark.parametrize(
    ("described", "sentence"),
    [
        (["x", "|O8", [1]], "holds x as |O8, which is not known"),
        (["x", "<f8", [-1]], "holds x as <f8, which is not known"),
        (["x", "<f8", [10**9, 10**9]], "ends inside x"),
    ],
)
def test_no_size_and_no_type_is_believed(described: list[Any], sentence: str) -> None:
    data = packed("thing", 1, {}, {"x": np.zeros(1)})

    with pytest.raises(Unusable) as refused:
        unpacked(resealed(data, {"arrays": [described]}), "thing", 1)

    assert sentence in str(refused.value)


def test_figures_keep_every_bit() -> None:
    figures = {"a": 0.1, "b": 1e-300, "c": 2**60}

    assert unpacked(packed("thing", 1, figures, {}), "thing", 1) == (figures, {})
