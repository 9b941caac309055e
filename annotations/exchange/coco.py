"""COCO: one JSON document of images, annotations and categories.

``bbox`` is ``[x, y, width, height]`` in pixels from the top left corner. What COCO has no place for
stands under ``lacuna`` in each image, annotation and category, where other readers pass over it. Of
an annotation it counts as long as box and category are still those that it was written with: a box
that another tool has moved is a new one, which nobody has reviewed. ``score`` is anybody's.
https://cocodataset.org/#format-data
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import IO, Any, Final

from annotations.exchange import numbers
from annotations.exchange.errors import ExchangeRefused, Problem, RowRefused
from annotations.exchange.json_stream import JsonStream
from annotations.exchange.records import (
    EXTRAS,
    Box,
    ImageKey,
    Picture,
    Reading,
    Row,
    extras_of,
    sha256_of,
    shown,
    text_of,
    with_extras,
)

OURS: Final = "lacuna"
# Some tools need a name for what has none.
UNLABELLED: Final = "unlabelled"
_IN_MEMORY: Final = 1 << 20
_INFO: Final = {"description": "Annotations", "version": "1"}


def write(pictures: Iterable[Picture], labels: Sequence[str] = ()) -> Generator[bytes, None, None]:
    """The document, in pieces; categories are numbered in the order of ``labels``, then as met.

    Annotations wait in a temporary file until all images are written.
    """
    categories = {label: number for number, label in enumerate(dict.fromkeys(labels), 1)}
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as waiting:
        yield f'{{"info":{_json(_INFO)},"licenses":[],"images":['.encode()
        boxes = 0
        for number, picture in enumerate(pictures, 1):
            yield (",\n" if number > 1 else "\n").encode() + _image(number, picture.image)
            for box in picture.boxes:
                category = categories.setdefault(box.label, len(categories) + 1)
                waiting.write(b",\n" if boxes else b"\n")
                boxes += 1
                waiting.write(_annotation(boxes, number, category, box, picture.image))
        yield b'\n],"annotations":['
        waiting.seek(0)
        while chunk := waiting.read(1 << 16):
            yield chunk
        yield b'\n],"categories":['
        for label, number in categories.items():
            yield (",\n" if number > 1 else "\n").encode() + _category(number, label)
        yield b"\n]}\n"


def _image(number: int, image: ImageKey) -> bytes:
    if not (image.width and image.height):
        raise ExchangeRefused.because(
            str(image), "its width and height are not known, so it has no place in this format."
        )
    return _json(
        {
            "id": number,
            "file_name": image.file_name,
            "width": image.width,
            "height": image.height,
            OURS: {"sha256": image.sha256},
        }
    ).encode("utf-8", "replace")


def _annotation(number: int, image: int, category: int, box: Box, size: ImageKey) -> bytes:
    # Put together by hand: the numbers stand as they are, all their decimals and no float between.
    across, down = size.width, size.height
    bbox = ",".join(
        (
            numbers.pixels(box.left, across),
            numbers.pixels(box.top, down),
            numbers.pixels(box.right - box.left, across),
            numbers.pixels(box.bottom - box.top, down),
        )
    )
    score = "" if box.score is None else f'"score":{numbers.score_text(box.score)},'
    typed: dict[str, Any] = {name: text for name, text in extras_of(box).items() if text}
    typed |= {"ai": box.ai, "version": box.review.version, "label": box.label}
    typed["box"] = [box.left, box.top, box.right, box.bottom]
    return (
        f'{{"id":{number},"image_id":{image},"category_id":{category},"bbox":[{bbox}],'
        f'"area":{numbers.area(box, across, down)},"iscrowd":0,"segmentation":[],'
        f'{score}"{OURS}":{_json(typed)}}}'
    ).encode("utf-8", "replace")


def _category(number: int, label: str) -> bytes:
    category: dict[str, Any] = {"id": number, "name": label or UNLABELLED}
    if not label:
        category[OURS] = {"label": ""}
    return _json(category).encode("utf-8", "replace")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def read(stream: IO[bytes], reading: Reading) -> Generator[Row | Problem, None, None]:
    """First each image, then each annotation, in the file's order; ExchangeRefused.

    The file is read twice, since its images may stand behind what refers to them. Images and
    categories are held in memory, annotations one at a time.
    """
    images, labels = _Named("image"), _Named("category")
    yield from _first_pass(stream, reading, images, labels)
    stream.seek(0)
    document = JsonStream(stream, reading.name, longest=reading.limits.item)
    for key in document.members():
        if key != "annotations":
            document.skip()
            continue
        for number, (line, found) in enumerate(document.items()):
            # Most tools write all of it on one line.
            where = f"{reading.name}, line {line}, annotations[{number}]"
            try:
                yield _row(where, _object(found, "the annotation"), images, labels, reading)
            except RowRefused as error:
                yield Problem(where, str(error))


class _Named:
    """Images or categories by the ids that the file gives them."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.known: dict[int | str, Any] = {}

    def add(self, key: Any, value: Any) -> None:
        if self._checked(key) in self.known:
            raise RowRefused(f"there is another {self.kind} with the id {shown(key)}.")
        self.known[key] = value

    def find(self, key: Any) -> Any:
        if self._checked(key) not in self.known:
            raise RowRefused(f"there is no {self.kind} with the id {shown(key)}.")
        return self.known[key]

    def _checked(self, key: Any) -> int | str:
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise RowRefused(f"the id of its {self.kind} is neither a number nor a text.")
        return key


def _first_pass(
    stream: IO[bytes], reading: Reading, images: _Named, labels: _Named
) -> Iterator[Row | Problem]:
    stream.seek(0)
    document = JsonStream(stream, reading.name, longest=reading.limits.item)
    seen: set[str] = set()
    for key in document.members():
        seen.add(key)
        if key not in {"images", "categories"}:
            document.skip()
            continue
        for number, (line, found) in enumerate(document.items()):
            where = f"{reading.name}, line {line}, {key}[{number}]"
            try:
                if key == "categories":
                    _add_category(labels, found)
                else:
                    yield Row(where, _add_image(images, found))
            except RowRefused as error:
                yield Problem(where, str(error))
            _keep_to_limits(reading, images, labels)
    if missing := [key for key in ("images", "annotations", "categories") if key not in seen]:
        raise ExchangeRefused.because(
            reading.name, f"it has no list of {', '.join(missing)}: is it COCO's for detection?"
        )


def _keep_to_limits(reading: Reading, images: _Named, labels: _Named) -> None:
    for named, most, kinds in (
        (images, reading.limits.images, "images"),
        (labels, reading.limits.labels, "categories"),
    ):
        if len(named.known) > most:
            raise ExchangeRefused.because(
                reading.name, f"it has more than {most} {kinds}. Split it into several files."
            )


def _add_category(labels: _Named, found: Any) -> None:
    category = _object(found, "the category")
    ours = category.get(OURS)
    given = ours.get("label") if isinstance(ours, dict) else None
    name = category.get("name") if given is None else given
    labels.add(category.get("id"), text_of(name, "the name of the category", longest=1000))


def _add_image(images: _Named, found: Any) -> ImageKey:
    image = _object(found, "the image")
    ours = image.get(OURS)
    digest = ours.get("sha256", "") if isinstance(ours, dict) else ""
    key = ImageKey(
        sha256=sha256_of(text_of(digest, "the SHA-256", longest=100)),
        file_name=text_of(image.get("file_name"), "file_name", longest=2000),
        width=numbers.side(image.get("width"), "the width"),
        height=numbers.side(image.get("height"), "the height"),
    )
    images.add(image.get("id"), key)
    return key


def _row(
    where: str, found: Mapping[str, Any], images: _Named, labels: _Named, reading: Reading
) -> Row:
    image: ImageKey = images.find(found.get("image_id"))
    label: str = labels.find(found.get("category_id"))
    score = None if found.get("score") is None else numbers.score(found["score"])
    edges = _edges(found, image, reading)
    return Row(where, image, with_extras(edges, label, score, _said(found, edges, label)))


def _edges(found: Mapping[str, Any], image: ImageKey, reading: Reading) -> numbers.Edges:
    bbox = found.get("bbox")
    if not isinstance(bbox, list) or len(bbox) != 4:
        raise RowRefused("it has no bbox of four numbers: [x, y, width, height].")
    names = ("x", "y", "width", "height")
    x, y, width, height = (
        numbers.number(value, name) for value, name in zip(bbox, names, strict=True)
    )
    edges, cut = numbers.edges(
        (x, y, x + width, y + height),
        across=image.width,
        down=image.height,
        slack=numbers.PIXEL_SLACK,
        clip=reading.clip,
    )
    if cut:
        reading.clipped()
    return edges


def _said(found: Mapping[str, Any], edges: numbers.Edges, label: str) -> dict[str, str]:
    """Our own member of an annotation, as texts; nothing where it was said of another box."""
    if found.get(OURS) is None:
        return {}
    said = _object(found[OURS], OURS)
    if said.get("box") != list(edges) or said.get("label", "") != label:
        return {}
    texts: dict[str, str] = {}
    for name in EXTRAS:
        value = said.get(name, "")
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif isinstance(value, str):
            texts[name] = value
        elif isinstance(value, int | Decimal):
            texts[name] = str(value)[:80]
        else:
            raise RowRefused(f"{name} is no text.")
    return texts


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RowRefused(f"{name} is no JSON object.")
    return value
