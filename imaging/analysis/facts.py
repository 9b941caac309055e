"""What a file is, read from its header alone: format, size, mode, frames, orientation."""

import io
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from imaging.analysis import signatures
from imaging.analysis.errors import ImageRefused
from imaging.analysis.signatures import Buffer

TAKEN = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
"""Formats that are analysed, by their Pillow names."""

_MIME = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
}

# The plug-ins themselves, not Image.open: that one reads a process-wide pixel limit, warns, and
# would try formats that we do not take. Limits here are the caller's, per call.
_READERS: dict[str, Callable[[Any, str], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}

_BITS = {"1": 1, "I;16": 16, "I;16B": 16, "I;16L": 16, "I;16N": 16, "I": 32, "F": 32}


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be; checked from the header, before any pixel is decoded."""

    max_pixels: int = 200_000_000
    max_side: int = 65_535


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Facts of one file. ``width`` and ``height`` are upright, after the EXIF orientation."""

    width: int
    height: int
    format: str
    mime_type: str
    mode: str
    bits: int
    frames: int
    has_alpha: bool
    orientation: int


def inspect(data: bytes | Path, limits: Limits) -> ImageFacts:
    """Read the header of a file and judge it by its content, never by its name.

    Raises `ImageRefused` with one of its codes; pixels are not decoded, so a file that passes
    here may still be refused as truncated by `decode`.
    """
    with buffer_of(data) as buffer, opened(buffer, limits) as image:
        return facts_of(image, buffer)


@contextmanager
def buffer_of(data: bytes | Path) -> Iterator[Buffer]:
    """The bytes of a file; a path is mapped, not read."""
    if not isinstance(data, Path):
        yield data
        return
    try:
        with data.open("rb") as file:
            if file.seek(0, io.SEEK_END) == 0:
                yield b""
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ImageRefused("unreadable", f"The file could not be read: {reason}.") from error


@contextmanager
def opened(buffer: Buffer, limits: Limits) -> Iterator[ImageFile.ImageFile]:
    """The Pillow image of a buffer, header read, limits checked, pixels not decoded."""
    name = recognise(buffer)
    check_declared_size(name, buffer, limits)
    source = io.BytesIO(buffer) if isinstance(buffer, bytes) else buffer
    source.seek(0)
    try:
        image = _READERS[name](source, "")
    except Exception as error:
        raise translated(error, name) from error
    try:
        check_size(image.width, image.height, limits)
        yield image
    finally:
        # Only forget the source: a mapped file belongs to `buffer_of`, which closes it.
        image.fp = None


def recognise(buffer: Buffer) -> str:
    """The format of a buffer by its content, or a refusal."""
    if len(buffer) == 0:
        raise ImageRefused("empty_file", "The file is empty (0 bytes).")
    head = bytes(buffer[: signatures.HEAD])
    name = signatures.format_of(head)
    if name is not None:
        return name
    taken = ", ".join("WebP" if taken == "WEBP" else taken for taken in TAKEN)
    other = signatures.known_but_refused(head)
    if other is not None:
        raise ImageRefused(
            "unsupported", f"{other} pictures are not taken; convert the picture to one of {taken}."
        )
    raise ImageRefused(
        "not_an_image",
        f"The content is not a picture of a kind we take ({taken}), whatever the name says.",
    )


def check_declared_size(name: str, buffer: Buffer, limits: Limits) -> None:
    """Refuse a declared size, or a structure made to be slow, before any decoder sees the file."""
    if name == "JPEG":
        size = signatures.jpeg_size(buffer)
    else:
        size = signatures.declared_size(name, bytes(buffer[: signatures.HEAD]))
    if size is not None:
        check_size(size[0], size[1], limits)
    signatures.check_structure(name, buffer)


def check_size(width: int, height: int, limits: Limits) -> None:
    """Refuse zero sizes, sides over ``max_side`` and areas over ``max_pixels``."""
    if width == 0 or height == 0:
        raise ImageRefused("zero_size", f"The picture declares {width} x {height} pixels.")
    if width > limits.max_side or height > limits.max_side:
        raise ImageRefused(
            "too_large_side",
            f"The picture is {width} x {height} pixels; a side may have at most {limits.max_side}.",
        )
    if width * height > limits.max_pixels:
        raise ImageRefused(
            "too_many_pixels",
            f"The picture is {width} x {height} = {width * height} pixels; "
            f"at most {limits.max_pixels} are taken.",
        )


def translated(error: Exception, name: str) -> ImageRefused:
    """The refusal that a decoder's error amounts to."""
    text = str(error).lower()
    # Pillow answers a WebP file that ends early with no decoder at all.
    marks = (
        "truncated",
        "premature end",
        "broken png",
        "no more images",
        "but only got",
        "decoder object",
    )
    if isinstance(error, ImageRefused):
        return error
    if isinstance(error, MemoryError):
        return ImageRefused("too_many_pixels", "There is not enough memory for this picture.")
    if isinstance(error, EOFError) or any(mark in text for mark in marks):
        return ImageRefused(
            "truncated", f"The {name} file ends early or is damaged; upload it again, complete."
        )
    return ImageRefused("unreadable", f"The {name} file is damaged and could not be decoded.")


def facts_of(image: ImageFile.ImageFile, buffer: Buffer) -> ImageFacts:
    """Facts of an opened image; decodes nothing."""
    name = recognise(buffer)
    orientation = orientation_of(image, name, buffer)
    # Pillow's TIFF reader turns pictures itself, and gives their size already turned.
    turned = orientation >= 5 and name != "TIFF"
    return ImageFacts(
        width=image.height if turned else image.width,
        height=image.width if turned else image.height,
        format=name,
        mime_type=_MIME[name],
        mode=image.mode,
        bits=_bits_of(image, name, buffer),
        frames=_frames_of(image, name),
        has_alpha=bool(image.has_transparency_data),
        orientation=orientation,
    )


def orientation_of(image: ImageFile.ImageFile, name: str, buffer: Buffer) -> int:
    """EXIF orientation 1..8; 1 when there is none or it is absurd."""
    if name == "PNG":
        # Pillow would decode the whole picture to look for the chunk behind the pixels.
        return signatures.png_orientation(buffer)
    if name == "TIFF":
        tags: dict[int, object] = dict(image.tag_v2)  # type: ignore[attr-defined] # only TIFF's
        value = tags.get(274, 1)
    elif isinstance(exif := image.info.get("exif"), bytes):
        value = signatures.exif_orientation(exif)
    elif name == "AVIF":
        value = image.getexif().get(274, 1)
    else:
        value = 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _bits_of(image: ImageFile.ImageFile, name: str, buffer: Buffer) -> int:
    if name == "PNG":
        return int(bytes(buffer[24:25])[0])
    if name == "TIFF":
        declared = image.tag_v2.get(258, (1,))  # type: ignore[attr-defined] # only TIFF's
        return int(max(declared))
    return _BITS.get(image.mode, 8)


def _frames_of(image: ImageFile.ImageFile, name: str) -> int:
    if name in ("JPEG", "BMP"):
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception as error:
        raise translated(error, name) from error
