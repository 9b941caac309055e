"""Pascal VOC: an archive with one XML document for each image.

``bndbox`` counts pixels from 1 and includes the last one, as the development kit of VOC2012 has
it: left edge = xmin - 1, right edge = xmax. It takes whole pixels, so what is finer, and what VOC
has no place for, stands in an element ``lacuna`` of each object, which other readers pass over. It
counts as long as name and pixels are still those that it was written with: a box that another tool
has moved is a new one, which nobody has reviewed.
http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import PurePosixPath
from typing import IO, Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from annotations.exchange import numbers, xml_tree, zips
from annotations.exchange.coco import OURS, UNLABELLED
from annotations.exchange.errors import ExchangeRefused, Problem, RowRefused
from annotations.exchange.records import (
    EXTRAS,
    MILLION,
    Box,
    ImageKey,
    Picture,
    Reading,
    Row,
    extras_of,
    sha256_of,
    text_of,
    with_extras,
)
from annotations.exchange.xml_tree import without_forbidden

_EDGES: Final = ("left", "top", "right", "bottom")
_CORNERS: Final = ("xmin", "ymin", "xmax", "ymax")
_LARGEST: Final = 16 << 20  # bytes of one document
# A line break is kept as it is only when it is written as a number.
_ENTITIES: Final = {"\r": "&#13;"}


def write(pictures: Iterable[Picture], labels: Sequence[str] = ()) -> Generator[bytes, None, None]:
    """The archive, in pieces. ``labels`` makes no difference: an object names its own."""
    stems = zips.Stems()
    with zips.ZipWriter() as archive:
        for picture in pictures:
            entry = f"Annotations/{stems.give(picture.image)}.xml"
            yield archive.entry(entry, _document(picture))
        yield from archive.end()


def _document(picture: Picture) -> bytes:
    image = picture.image
    if not (image.width and image.height):
        raise ExchangeRefused.because(
            str(image), "its width and height are not known, so it has no place in this format."
        )
    objects = "".join(_object(box, image) for box in picture.boxes)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<annotation>\n'
        f"  <folder>JPEGImages</folder>\n  {_element('filename', image.file_name)}\n"
        f"  <size><width>{image.width}</width><height>{image.height}</height>"
        "<depth>3</depth></size>\n  <segmented>0</segmented>\n"
        f"{objects}  <{OURS}><sha256>{image.sha256}</sha256></{OURS}>\n</annotation>\n"
    ).encode("utf-8", "replace")


def _object(box: Box, image: ImageKey) -> str:
    corners = "".join(
        f"<{name}>{pixel}</{name}>"
        for name, pixel in zip(_CORNERS, whole_pixels(box, image), strict=True)
    )
    edges = (box.left, box.top, box.right, box.bottom)
    ours = {name: numbers.fraction(edge) for name, edge in zip(_EDGES, edges, strict=True)}
    ours["label"] = box.label
    if box.score is not None:
        ours["score"] = numbers.score_text(box.score)
    ours |= {name: text for name, text in extras_of(box).items() if text}
    told = "".join(_element(name, text) for name, text in ours.items())
    return (
        f"  <object>\n    {_element('name', box.label or UNLABELLED)}\n"
        "    <pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>\n"
        f"    <bndbox>{corners}</bndbox>\n    <{OURS}>{told}</{OURS}>\n  </object>\n"
    )


def _element(name: str, text: str) -> str:
    return f"<{name}>{escape(without_forbidden(text), _ENTITIES)}</{name}>"


def whole_pixels(box: Box, image: ImageKey) -> tuple[int, int, int, int]:
    """xmin, ymin, xmax, ymax: the nearest whole pixels, at least one across and down."""
    left, right = _nearest(box.left, box.right, image.width)
    top, bottom = _nearest(box.top, box.bottom, image.height)
    return left + 1, top + 1, right, bottom


def _nearest(low: int, high: int, side: int) -> tuple[int, int]:
    first = (low * side + MILLION // 2) // MILLION
    last = (high * side + MILLION // 2) // MILLION
    if last > first:
        return first, last
    first = min(low * side // MILLION, side - 1)
    return first, first + 1


def read(stream: IO[bytes], reading: Reading) -> Generator[Row | Problem, None, None]:
    """Each image, in the archive's order, and its objects; ExchangeRefused.

    Held in memory: the archive's directory, and one document.
    """
    with zips.reading(stream, reading.name, reading.limits) as archive:
        documents = [
            entry
            for entry in archive.entries
            if entry.lower().endswith(".xml")
            and not PurePosixPath(entry).name.startswith(".")
            and "__MACOSX" not in PurePosixPath(entry).parts
        ]
        if archive.entries and not documents:
            raise ExchangeRefused.because(reading.name, "it holds no XML documents.")
        if len(documents) > reading.limits.images:
            raise ExchangeRefused.because(
                reading.name,
                f"it has more than {reading.limits.images} images. Split it into several.",
            )
        for entry in documents:
            where = archive.where(entry)
            with archive.open(entry, most=_LARGEST) as text:
                document = xml_tree.parsed(text.read(), where)
            yield from _rows(document, where, reading)


def _rows(document: xml_tree.Tree, where: str, reading: Reading) -> Iterator[Row | Problem]:
    root = document.root
    try:
        if root.tag != "annotation":
            raise RowRefused(f"it is no annotation but {root.tag[:40]!r}.")
        image = _image(root)
    except RowRefused as error:
        yield Problem(where, str(error))
        return
    yield Row(where, image)
    for found in root.iterfind("object"):
        place = f"{where}, line {document.line_of(found)}"
        try:
            yield Row(place, image, _box(found, image, reading))
        except RowRefused as error:
            yield Problem(place, str(error))


def _image(root: Element) -> ImageKey:
    return ImageKey(
        sha256=sha256_of(root.findtext(f"{OURS}/sha256") or ""),
        file_name=text_of(root.findtext("filename") or "", "the file name", longest=2000),
        width=numbers.side(root.findtext("size/width") or "", "the width"),
        height=numbers.side(root.findtext("size/height") or "", "the height"),
    )


def _box(found: Element, image: ImageKey, reading: Reading) -> Box:
    label = text_of(found.findtext("name") or "", "the name", longest=1000)
    corners = [numbers.number(found.findtext(f"bndbox/{name}") or "", name) for name in _CORNERS]
    ours = found.find(OURS)
    said = {} if ours is None else {each.tag: each.text or "" for each in ours}
    edges = _finer(said, corners, image)
    if edges is None or without_forbidden(said.get("label") or UNLABELLED) != label:
        return Box(label, *_edges(corners, image, reading))
    score = numbers.score(said["score"]) if said.get("score") else None
    extras: dict[str, str] = {name: said[name] for name in EXTRAS if name in said}
    return with_extras(edges, said.get("label", ""), score, extras)


def _edges(corners: list[Decimal], image: ImageKey, reading: Reading) -> numbers.Edges:
    left, top, right, bottom = corners
    before, after = reading.voc_origin, 1 - reading.voc_origin
    try:
        edges, cut = numbers.edges(
            (left - before, top - before, right + after, bottom + after),
            across=image.width,
            down=image.height,
            slack=numbers.PIXEL_SLACK,
            clip=reading.clip,
        )
    except RowRefused as error:
        if before and 0 in {left, top}:
            raise RowRefused(f"{error} If the file counts pixels from 0, say so.") from None
        raise
    if cut:
        reading.clipped()
    return edges


def _finer(said: dict[str, str], corners: list[Decimal], image: ImageKey) -> numbers.Edges | None:
    """Our own edges, as long as the whole pixels are those that they were rounded to."""
    if not all(name in said for name in _EDGES) or any(each % 1 for each in corners):
        return None
    left, top, right, bottom = (numbers.number(said[name], name) for name in _EDGES)
    edges, _ = numbers.edges(
        (left, top, right, bottom), across=1, down=1, slack=numbers.FRACTION_SLACK, clip=False
    )
    return edges if whole_pixels(Box("", *edges), image) == tuple(map(int, corners)) else None
