"""The formats by name."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Final

from annotations.exchange import coco, tabular, voc, yolo
from annotations.exchange.errors import Problem
from annotations.exchange.records import Picture, Reading, Row


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one kind are written and read."""

    name: str
    title: str
    suffix: str
    media_type: str
    write: Callable[[Iterable[Picture], Sequence[str]], Generator[bytes, None, None]]
    read: Callable[[IO[bytes], Reading], Generator[Row | Problem, None, None]]


FORMATS: Final[dict[str, Format]] = {
    each.name: each
    for each in (
        Format("coco", "COCO", ".json", "application/json", coco.write, coco.read),
        Format("yolo", "YOLO", ".zip", "application/zip", yolo.write, yolo.read),
        Format("voc", "Pascal VOC", ".zip", "application/zip", voc.write, voc.read),
        Format("csv", "CSV", ".csv", "text/csv; charset=utf-8", tabular.write, tabular.read),
    )
}
