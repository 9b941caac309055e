"""What the bytes of a file say before a decoder sees them: format, declared size, structure.

Decoders walk segments, chunks, blocks and directories one by one; `check_structure` walks them
first, with bounds, so that a file made of padding or of millions of empty parts is refused at once.

Sources: PNG (W3C, 3rd edition, 5.2 and 11.2.1), GIF89a (section 18), BMP (BITMAPINFOHEADER),
JPEG (ITU-T T.81, B.2.2), TIFF 6.0 (section 2), WebP container (RFC 9649), AVIF (ISO/IEC 23000-22).
"""

import mmap
import struct
from collections.abc import Iterator

from imaging.analysis.errors import ImageRefused

Buffer = bytes | mmap.mmap
"""What can be sliced into bytes: a file read or a file mapped."""

HEAD = 64
"""Bytes that `format_of` needs."""

MAX_PARTS = 10_000
"""Segments, chunks, images or directories that one file may hold, before its pixels count."""

MAX_FILL = 64
"""Fill bytes (0xFF) in one run between two JPEG markers."""

_MAX_SKIPPED = 65_536  # bytes of a JPEG header that belong to no segment
_MAX_PARSED = 256  # JPEG segments of a kind that readers take apart, and their bytes together
_MAX_PARSED_BYTES = 4 * 1024 * 1024
_MAX_STRIPS = 200_000  # of a TIFF: 65,535 rows in each of three planes
_TIFF_PARTS = (273, 279, 324, 325)
_MAX_RLE_BYTES = 2 * 1024 * 1024  # of a run-length coded BMP, which is decoded run by run
_BARE_MARKERS = frozenset((0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)))
_MAX_TAGS = 100_000  # TIFF entries, all directories together

_AVIF_BRANDS = (b"avif", b"avis")

_KNOWN_BUT_REFUSED = (
    (b"%PDF", "PDF"),
    (b"8BPS", "Photoshop"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x01\x00", "icon"),
    (b"\x76\x2f\x31\x01", "OpenEXR"),
    (b"<svg", "SVG"),
    (b"SIMPLE  =", "FITS"),
    (b"FUJIFILMCCD-RAW", "raw camera"),
    (b"MM\x00\x2b", "BigTIFF"),
    (b"II\x2b\x00", "BigTIFF"),
)


def format_of(head: bytes) -> str | None:
    """The format that the first `HEAD` bytes announce, or None."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if head[:4] in (b"II*\x00", b"MM\x00*"):
        return "TIFF"
    if head[:2] == b"BM" and len(head) >= 26 and head[14:18] in _BMP_HEADERS:
        return "BMP"
    if head[4:8] == b"ftyp" and (head[8:12] in _AVIF_BRANDS or b"avif" in head[16:48]):
        return "AVIF"
    return None


_RUN_LENGTH = (struct.pack("<I", 1), struct.pack("<I", 2))
_BMP_HEADERS = tuple(struct.pack("<I", size) for size in (12, 40, 52, 56, 64, 108, 124))


def known_but_refused(head: bytes) -> str | None:
    """The name of a picture format that we recognise and do not take, or None."""
    for signature, name in _KNOWN_BUT_REFUSED:
        if head.startswith(signature):
            return name
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"hevc"):
        return "HEIC"
    return None


def declared_size(format_name: str, head: bytes) -> tuple[int, int] | None:
    """Width and height as the fixed part of a PNG, GIF, BMP or WebP header gives them, or None."""
    if format_name == "PNG" and len(head) >= 24 and head[12:16] == b"IHDR":
        width, height = struct.unpack(">II", head[16:24])
        return width, height
    if format_name == "GIF" and len(head) >= 10:
        width, height = struct.unpack("<HH", head[6:10])
        return width, height
    if format_name == "BMP" and len(head) >= 26 and head[14:18] != _BMP_HEADERS[0]:
        width, height = struct.unpack("<ii", head[18:26])
        return abs(width), abs(height)
    if format_name == "WEBP":
        return _webp_size(head)
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(head) >= 30:
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def png_orientation(data: Buffer) -> int:
    """EXIF orientation from a PNG's eXIf chunk, before or after the pixels; 1 without one."""
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind == b"eXIf":
            return exif_orientation(bytes(data[position + 8 : position + 8 + length]))
        if kind == b"IEND":
            break
        position += 12 + length
    return 1


def exif_orientation(exif: bytes) -> int:
    """Orientation (tag 274) of the first directory of an EXIF block; 1 when absent or absurd."""
    block = exif[6:] if exif.startswith(b"Exif\x00\x00") else exif
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    try:
        if order is None:
            return 1
        (start,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, start)
        for entry in range(min(count, 512)):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", block, start + 2 + 12 * entry)
            if tag == 274 and kind == 3 and 1 <= value <= 8:
                return int(value)
    except struct.error:
        return 1
    return 1


def check_structure(name: str, data: Buffer) -> None:
    """Refuse as "unreadable" a PNG, GIF or TIFF of far more parts than a picture has.

    A run-length coded BMP of more than 2 MiB is "unsupported". JPEG is checked by `jpeg_size` on
    its way; the other formats are parsed by compiled code.
    """
    if name == "PNG":
        _check_png(data)
    elif name == "GIF":
        _check_gif(data)
    elif name == "TIFF":
        _check_tiff(data)
    elif name == "BMP":
        _check_bmp(data)


def jpeg_size(data: Buffer) -> tuple[int, int] | None:
    """Width and height from a JPEG's frame header (SOF), or None when there is none.

    Walks to the first scan, as tolerant of bytes between segments as decoders are, but raises
    `ImageRefused` ("unreadable") for long padding and for more segments than a picture has.
    """
    size = None
    parsed, parsed_bytes = 0, 0
    for marker, position in _jpeg_segments(data):
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xCC):
            if size is None and position + 9 <= len(data):
                height, width = struct.unpack(">HH", data[position + 5 : position + 9])
                size = width, height
        elif _is_parsed(marker, data, position):
            parsed += 1
            parsed_bytes += _segment_length(data, position)
            if parsed > _MAX_PARSED or parsed_bytes > _MAX_PARSED_BYTES:
                raise _refused("JPEG", "far more tables or metadata than a picture has")
    return size


def _jpeg_segments(data: Buffer) -> Iterator[tuple[int, int]]:
    """Marker and position of each segment with a length, up to the first scan."""
    position, markers, fill, skipped = 2, 0, 0, 0
    while position + 4 <= len(data):
        marker = data[position + 1] if data[position] == 0xFF else 0
        if marker in (0x00, 0xFF):  # a stray byte, an escaped 0xFF, or a fill byte
            fill = fill + 1 if marker == 0xFF else 0
            skipped += 1
            position += 1
            if fill > MAX_FILL or skipped > _MAX_SKIPPED:
                raise _refused("JPEG", "long padding between its segments")
            continue
        fill = 0
        markers += 1
        if markers > MAX_PARTS:
            raise _refused("JPEG", f"more than {MAX_PARTS} segments before its pixels")
        if marker == 0xDA or marker < 0xC0:
            return
        if marker in _BARE_MARKERS:
            position += 2
            continue
        yield marker, position
        position += 2 + _segment_length(data, position)


def _segment_length(data: Buffer, position: int) -> int:
    return max(2, int.from_bytes(data[position + 2 : position + 4], "big"))


def _is_parsed(marker: int, data: Buffer, position: int) -> bool:
    """Whether readers take the JPEG segment apart: tables, EXIF, Photoshop resources."""
    if marker == 0xE1:
        return bytes(data[position + 4 : position + 8]) == b"Exif"
    return marker in (0xC4, 0xDB, 0xED)


def _check_png(data: Buffer) -> None:
    # Encoders cut the pixels into IDAT chunks of 8 KB and more; the rest are few.
    allowed = MAX_PARTS + len(data) // 2048
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind == b"IEND":
            return
        position += 12 + length
        allowed -= 1
        if allowed < 0:
            raise _refused("PNG", "far more chunks than a picture has")


def _check_gif(data: Buffer) -> None:
    # Encoders cut the pixels into sub-blocks of 255 bytes; four times as many are allowed.
    end = len(data)
    blocks, pieces = 2 * MAX_PARTS, MAX_PARTS + end // 64
    position = 13 + _gif_palette(data, 10)
    while position + 10 < end:
        kind = data[position]
        if kind == 0x3B:
            return
        blocks -= 1
        if blocks < 0:
            raise _refused("GIF", "far more blocks than a picture has")
        if kind == 0x2C:
            position += 11 + _gif_palette(data, position + 9)
        elif kind == 0x21:
            position += 2
        else:  # readers pass over what is no block
            position += 1
            continue
        while position < end and (length := data[position]):
            position += 1 + length
            pieces -= 1
            if pieces < 0:
                raise _refused("GIF", "its data cut into far too many pieces")
        position += 1


def _gif_palette(data: Buffer, at: int) -> int:
    """Bytes of the colour table that the flags at ``at`` announce."""
    flags = data[at] if at < len(data) else 0
    return 3 << (flags & 7) + 1 if flags & 128 else 0


def _check_tiff(data: Buffer) -> None:
    order = "<" if data[:2] == b"II" else ">"
    tags = 0
    seen: set[int] = set()
    try:
        (position,) = struct.unpack(order + "I", data[4:8])
        while position and position not in seen:
            seen.add(position)
            (count,) = struct.unpack(order + "H", data[position : position + 2])
            tags += count
            if len(seen) > MAX_PARTS or tags > _MAX_TAGS:
                raise _refused("TIFF", "far more directories or tags than a picture has")
            after = position + 2 + 12 * count
            entries = data[position + 2 : after]
            for tag, _, number, _ in struct.iter_unpack(order + "HHII", entries):
                if tag in _TIFF_PARTS and number > _MAX_STRIPS:
                    raise _refused("TIFF", f"more than {_MAX_STRIPS} strips or tiles")
            (position,) = struct.unpack(order + "I", data[after : after + 4])
    except struct.error:
        return  # the file ends early; its reader says so


def _check_bmp(data: Buffer) -> None:
    coded = data[14:18] != _BMP_HEADERS[0] and bytes(data[30:34]) in _RUN_LENGTH
    if coded and len(data) > _MAX_RLE_BYTES:
        raise ImageRefused(
            "unsupported",
            f"Run-length coded BMP files are taken up to {_MAX_RLE_BYTES // 2**20} MiB; "
            "save the picture as PNG and upload that.",
        )


def _refused(name: str, what: str) -> ImageRefused:
    return ImageRefused(
        "unreadable", f"The {name} file has {what}; save the picture anew and upload that."
    )
