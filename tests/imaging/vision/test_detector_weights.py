"""The detector's file: made of one known archive, proven, stored whole, gone again."""

from __future__ import annotations

import os
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from imaging.vision import detector_weights as weights
from imaging.vision.detector import Detector
from imaging.vision.detector_graph import read_weights
from imaging.vision.errors import TensorsUnreadable, WeightsMissing
from tests.imaging.vision import reference_graph
from tests.imaging.vision.models import Model, detector_like
from tests.imaging.vision.packages import BIN, JSON, LICENCE, TEXT, archive, members, trusted


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive that counts as the known one."""
    return trusted(monkeypatch, archive(tmp_path / "package.tgz", members()))


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "home" / "models"


def test_what_is_made_computes_what_the_model_did(package: Path) -> None:
    model = detector_like()
    picture = weights.known_picture()
    plain = reference_graph.computed(
        model.topology,
        read_weights(model.groups, model.data),
        {"tower_0/images": picture.transpose(1, 2, 0)},
    )

    scores, reach = Detector(weights.made_of(package).onnx).maps(picture)

    assert np.allclose(scores, plain["tower_0/keypoints"].transpose(2, 0, 1), atol=1e-4)
    assert np.allclose(reach, plain["tower_0/wh"].transpose(2, 0, 1), atol=1e-3)


def test_it_is_stored_with_its_licence_and_loaded_once(package: Path, models: Path) -> None:
    assert weights.state(models) == "missing"
    assert not weights.is_installed(models)

    weights.install(models, weights.made_of(package))

    assert weights.state(models) == "installed"
    assert weights.is_installed(models)
    assert {file.name for file in models.iterdir()} == {weights.FILE_NAME, weights.LICENCE_NAME}
    assert (models / weights.LICENCE_NAME).read_bytes() == LICENCE
    assert weights.detector_in(models) is weights.detector_in(models)


def test_a_running_process_notices_that_it_is_gone_and_back(package: Path, models: Path) -> None:
    made = weights.made_of(package)
    weights.install(models, made)
    first = weights.detector_in(models)

    assert {file.name for file in weights.remove(models)} == {
        weights.FILE_NAME,
        weights.LICENCE_NAME,
    }
    with pytest.raises(WeightsMissing, match="not installed here. .* manage.py install_detector"):
        weights.detector_in(models)
    assert weights.remove(models) == []

    weights.install(models, made)
    assert weights.detector_in(models) is not first


def test_a_damaged_file_is_told_and_not_loaded(package: Path, models: Path) -> None:
    made = weights.made_of(package)
    weights.install(models, made)
    file = models / weights.FILE_NAME
    file.write_bytes(made.onnx[:-1] + b"\1")

    assert weights.state(models) == "damaged"
    with pytest.raises(WeightsMissing, match=r"\.onnx is not the detector that was tested"):
        weights.detector_in(models)


def test_another_archive_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    file = archive(tmp_path / "other.tgz", members())

    with pytest.raises(WeightsMissing, match="is not the archive of @vladmandic/human 3.3.6") as no:
        weights.made_of(file)
    assert "expected sha512-Nr5mPfq1gQ+uKeXY…" in str(no.value)
    assert str(no.value).endswith("Nothing of it was read.")


def test_an_archive_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match=r"gone\.tgz cannot be read: No such file"):
        weights.made_of(tmp_path / "gone.tgz")


@pytest.mark.parametrize("name", [JSON, BIN, TEXT])
def test_a_file_that_is_missing_from_the_archive_is_named(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = members()
    del content[name]
    link = tarfile.TarInfo(name)  # a link of that name leads out of the archive; nobody follows it
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    file = trusted(monkeypatch, archive(tmp_path / "package.tgz", content, link))

    with pytest.raises(WeightsMissing, match=f"The archive holds no file {name}"):
        weights.made_of(file)


def test_paths_that_lead_out_of_the_archive_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "inside"
    folder.mkdir()
    content = {"../escaped": b"x", str(tmp_path / "absolute"): b"x"} | members()
    file = trusted(monkeypatch, archive(folder / "package.tgz", content))

    weights.made_of(file)

    assert [one.name for one in tmp_path.iterdir()] == ["inside"]
    assert [one.name for one in folder.iterdir()] == ["package.tgz"]


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = members() | {TEXT: bytes(64 * 1024 + 1)}
    file = trusted(monkeypatch, archive(tmp_path / "package.tgz", content))

    with pytest.raises(WeightsMissing, match="has 65537 bytes; at most 65536 are read"):
        weights.made_of(file)


@pytest.mark.parametrize("damage", ["half of it", "something else", "nothing"])
def test_a_damaged_archive_is_refused(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = archive(tmp_path / "package.tgz", members())
    whole = file.read_bytes()
    damaged = {"half of it": whole[: len(whole) // 2], "something else": b"no archive"}
    file.write_bytes(damaged.get(damage, b""))

    with pytest.raises(WeightsMissing, match="The archive is damaged and could not be read"):
        weights.made_of(trusted(monkeypatch, file))


def test_an_archive_of_more_than_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = trusted(monkeypatch, archive(tmp_path / "package.tgz", members()))
    monkeypatch.setattr(weights, "LARGEST_ARCHIVE", 100)

    with pytest.raises(WeightsMissing, match="is not the archive of"):
        weights.made_of(file)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"weightsManifest": 3}',
        b"\xff\xfe",
        b'{"weightsManifest":[]}',
    ],
)
def test_a_document_that_is_no_model_is_refused(document: bytes) -> None:
    with pytest.raises(TensorsUnreadable, match="not a graph model of TensorFlow.js"):
        weights.converted(document, b"")


def test_a_model_that_fits_nowhere_is_refused_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = members() | {BIN: b"short"}
    file = trusted(monkeypatch, archive(tmp_path / "package.tgz", content))

    with pytest.raises(WeightsMissing, match=r"package\.tgz: .* file of weights ends early"):
        weights.made_of(file)


def test_a_network_that_was_not_tested_is_not_stored(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "ONNX_SHA256", "0" * 64)

    with pytest.raises(WeightsMissing, match="not the one that was tested: .* expected 00000000"):
        weights.made_of(package)


def test_a_network_that_gives_another_answer_is_not_stored(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = (29, 52, 47, 0.47572, (104.197, 103.068, 112.268, 109.343))
    monkeypatch.setattr(weights, "_KNOWN", (known,))

    with pytest.raises(
        WeightsMissing, match=r"known answer to a drawn picture: .* of \[0\.47572, "
    ):
        weights.made_of(package)


def test_a_network_that_gives_the_known_answer_is_good(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores, reach = Detector(weights.made_of(package).onnx).maps(weights.known_picture())
    known = (29, 52, 47, float(scores[29, 52, 47]), tuple(map(float, reach[:, 52, 47])))
    monkeypatch.setattr(weights, "_KNOWN", (known,))

    assert weights.made_of(package).licence == LICENCE


def test_the_drawn_picture_uses_the_whole_range_and_never_changes() -> None:
    picture = weights.known_picture()

    assert picture.shape == (3, 512, 512)
    assert picture.dtype == np.float32
    assert picture.min() >= 0
    assert picture.max() <= 255
    assert np.array_equal(picture, np.floor(picture))
    assert picture[:, 210, 190].tolist() == [236.0, 153.0, 38.0]
    assert picture[:, 400, 100].tolist() == [40.0, 30.0, 25.0]


@pytest.mark.parametrize("package_name", ["onnx", "onnxruntime"])
def test_a_missing_library_is_named(
    package_name: str, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package_name, None)

    with pytest.raises(WeightsMissing, match=f"package {package_name}, which is not installed"):
        weights.made_of(package)


def test_a_disk_that_is_full_leaves_no_part_of_the_network(
    package: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = weights.made_of(package)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(WeightsMissing, match=r"cannot be written \(No space left on device\)"):
        weights.install(models, made)
    assert list(models.iterdir()) == []


def test_a_file_that_cannot_be_removed_or_read_is_named(models: Path) -> None:
    (models / weights.FILE_NAME).mkdir(parents=True)

    with pytest.raises(WeightsMissing, match=r"\.onnx cannot be removed: "):
        weights.remove(models)
    with pytest.raises(WeightsMissing, match=r"\.onnx cannot be read: Is a directory"):
        weights.state(models)


def test_an_empty_model_has_no_ends() -> None:
    with pytest.raises(TensorsUnreadable, match="has no node tower_0/keypoints"):
        weights.converted(Model().document(), b"")
