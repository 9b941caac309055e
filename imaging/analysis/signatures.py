"""What the first bytes of a file say: its format and, where cheap, its declared size.

Sources: PNG (W3C, 3rd edition, 5.2 and 11.2.1), GIF89a (section 18), BMP (BITMAPINFOHEADER),
JPEG (ITU-T T.81, B.2.2), TIFF 6.0 (section 2), WebP container (RFC 9649), AVIF (ISO/IEC 23000-22).
"""

import mmap
import struct

Buffer = bytes | mmap.mmap
"""What can be sliced into bytes: a file read or a file mapped."""

HEAD = 64
"""Bytes that `format_of` needs."""

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


def jpeg_size(data: Buffer) -> tuple[int, int] | None:
    """Width and height from a JPEG's frame header (SOF), or None when there is none."""
    position = 2
    while position + 9 <= len(data):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[position + 5 : position + 9])
            return width, height
        if marker in (0xD9, 0xDA):
            return None
        position += (
            2
            if marker == 0x01 or 0xD0 <= marker <= 0xD8
            else (2 + int.from_bytes(data[position + 2 : position + 4], "big"))
        )
    return None
