"""YOLO: an archive with one text file for each image, one line for each box in it.

A line is ``class x y width height``: the centre and the size in fractions of the upright picture.
The format has no place for scores and reviews, so they stand beside it in ``lacuna.csv``, a row for
each line. A row counts for the line that still reads the same: a box that another tool has moved is
a new one, which nobody has reviewed.

The centre of two edges in millionths may need a seventh decimal; it is written.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from posixpath import splitext
from typing import IO, Final

from annotations.exchange import lines, numbers, tabular, zips
from annotations.exchange.class_names import class_names
from annotations.exchange.errors import ExchangeRefused, Problem, RowRefused
from annotations.exchange.records import (
    EXTRAS,
    Box,
    ImageKey,
    Picture,
    Reading,
    Row,
    shown,
    with_extras,
)

SIDECAR: Final = "lacuna.csv"
COLUMNS: Final = ("labels", "line", *tabular.IMAGE, "label", "score", *EXTRAS)
# Lists of images, by the names that tools give them.
_LISTS: Final = ("images.txt", "train.txt", "val.txt", "valid.txt", "test.txt")
_NO_LABELS: Final = ("classes.txt", "obj.names", *_LISTS)
_LONGEST_LINE: Final = 1000


def write(pictures: Iterable[Picture], labels: Sequence[str] = ()) -> Generator[bytes, None, None]:
    """The archive, in pieces; classes are numbered from 0 in the order of ``labels``, then as met.

    Images and what YOLO has no place for wait, compressed, in temporary files.
    """
    classes = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    stems = zips.Stems()
    with zips.ZipWriter() as archive, zips.Packed() as sidecar, zips.Packed() as images:
        sidecar.write(lines.csv_row(COLUMNS))
        for picture in pictures:
            stem = stems.give(picture.image)
            entry = f"labels/{stem}.txt"
            written = [_line(box, classes) for box in picture.boxes]
            yield archive.entry(entry, "".join(f"{line}\n" for line in written).encode())
            _, ending = splitext(picture.image.file_name)
            images.write(
                f"images/{stem}{''.join(ending.split())[:16]}\n".encode("utf-8", "replace")
            )
            for row in _sidecar_rows(entry, picture, written):
                sidecar.write(row)
        yield from archive.packed("images.txt", images)
        yield archive.entry("classes.txt", _classes_txt(classes))
        yield archive.entry("data.yaml", _data_yaml(classes))
        yield from archive.packed(SIDECAR, sidecar)
        yield from archive.end()


def _line(box: Box, classes: dict[str, int]) -> str:
    number = classes.setdefault(box.label, len(classes))
    return (
        f"{number} {numbers.half(box.left + box.right)} {numbers.half(box.top + box.bottom)}"
        f" {numbers.fraction(box.right - box.left)} {numbers.fraction(box.bottom - box.top)}"
    )


def _sidecar_rows(entry: str, picture: Picture, written: Sequence[str]) -> Iterator[bytes]:
    named = tabular.image_cells(picture.image)
    if not picture.boxes:
        yield lines.csv_row([entry, "", *named, *[""] * (len(COLUMNS) - 2 - len(named))])
    for box, line in zip(picture.boxes, written, strict=True):
        yield lines.csv_row([entry, line, *named, box.label, *tabular.said_cells(box)])


def _name(label: str) -> str:
    """A label on one line; tools want a name for what has none."""
    return " ".join(label.encode("utf-8", "replace").decode().split()) or "unlabelled"


def _classes_txt(classes: Iterable[str]) -> bytes:
    return "".join(f"{_name(label)}\n" for label in classes).encode()


def _data_yaml(classes: Mapping[str, int]) -> bytes:
    # A text of JSON is a text of YAML.
    named = "".join(
        f"  {number}: {json.dumps(_name(label), ensure_ascii=False)}\n"
        for label, number in classes.items()
    )
    empty = "" if named else " {}"
    return f"path: .\ntrain: images.txt\nval: images.txt\nnames:{empty}\n{named}".encode()


def read(stream: IO[bytes], reading: Reading) -> Generator[Row | Problem, None, None]:
    """Each image, in the archive's order, and its boxes; ExchangeRefused.

    Held in memory: the archive's directory, the names of classes and images, and where each image's
    rows begin in ``lacuna.csv``.
    """
    with zips.reading(stream, reading.name, reading.limits) as archive:
        names = class_names(archive, reading)
        files = _names_of_images(archive, reading)
        with _sidecar(archive, reading) as sidecar:
            known = _Index(names, files, sidecar)
            for entry in _label_entries(archive, reading):
                yield from _labels(archive, entry, known, reading)


def _label_entries(archive: zips.ZipReader, reading: Reading) -> list[str]:
    texts = [
        entry
        for entry in archive.entries
        if entry.lower().endswith(".txt") and not _is_a_by_product(entry)
    ]
    placed = [entry for entry in texts if "labels" in PurePosixPath(entry).parts[:-1]]
    if not placed:
        placed = [entry for entry in texts if PurePosixPath(entry).name.lower() not in _NO_LABELS]
    if not placed and SIDECAR not in archive.entries:
        raise ExchangeRefused.because(
            reading.name, "it holds no labels/*.txt: is it an archive of YOLO's?"
        )
    if len(placed) > reading.limits.images:
        raise ExchangeRefused.because(
            reading.name,
            f"it has more than {reading.limits.images} images. Split it into several.",
        )
    return placed


def _is_a_by_product(entry: str) -> bool:
    path = PurePosixPath(entry)
    return path.name.startswith(".") or "__MACOSX" in path.parts


def _names_of_images(archive: zips.ZipReader, reading: Reading) -> dict[str, str]:
    """File names by their stems, from the lists of images and from images that are there."""
    found: dict[str, str] = {}
    for entry in archive.entries:
        path = PurePosixPath(entry)
        if "images" in path.parts[:-1] and not _is_a_by_product(entry):
            found.setdefault(path.stem, path.name)
        if "labels" in path.parts[:-1] or path.name.lower() not in _LISTS:
            continue
        where = archive.where(entry)
        with archive.open(entry, most=reading.limits.entry) as text:
            for number, line in lines.lines(text, where, longest=4000):
                listed = PurePosixPath(line.strip())
                found.setdefault(listed.stem, listed.name)
                if number > reading.limits.images:
                    raise ExchangeRefused.because(
                        where, f"it lists more than {reading.limits.images} images."
                    )
    return found


def _labels(
    archive: zips.ZipReader, entry: str, index: _Index, reading: Reading
) -> Iterator[Row | Problem]:
    where = archive.where(entry)
    try:
        known = index.sidecar.of(entry)
    except RowRefused as error:
        yield Problem(where, str(error))
        return
    stem = PurePosixPath(entry).stem
    image = known.image or ImageKey(file_name=index.files.get(stem, ""), stem=stem)
    yield Row(where, image)
    with archive.open(entry, most=reading.limits.entry) as text:
        for number, line in lines.lines(text, where, longest=_LONGEST_LINE):
            place = f"{where}, line {number}"
            bare = line.strip()
            if not bare:
                continue
            try:
                yield Row(place, image, _box(bare, index.names, known.take(bare), reading))
            except RowRefused as error:
                yield Problem(place, str(error))


def _box(line: str, names: Sequence[str], said: Mapping[str, str] | None, reading: Reading) -> Box:
    cells = line.split()
    if len(cells) not in {5, 6}:
        raise RowRefused(
            f"it has {len(cells)} numbers; a box has class, x, y, width and height, and may have a"
            " score. Outlines and key points are not taken."
        )
    x, y, width, height = (
        numbers.number(cell, name)
        for cell, name in zip(cells[1:5], ("x", "y", "width", "height"), strict=True)
    )
    edges, cut = numbers.edges(
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2),
        across=1,
        down=1,
        slack=numbers.FRACTION_SLACK,
        clip=reading.clip,
    )
    if cut:
        reading.clipped()
    label = _class(cells[0], names)
    if said is not None and _name(said["label"]) == label:
        return with_extras(edges, said["label"], tabular.score_of(said), said)
    return Box(label, *edges, numbers.score(cells[5]) if len(cells) == 6 else None)


def _class(text: str, names: Sequence[str]) -> str:
    number = numbers.number(text, "the class")
    if number != number.to_integral_value() or number < 0:
        raise RowRefused(f"the class {shown(text)} is not a whole number from 0.")
    if number >= len(names):
        raise RowRefused(f"there is no class {number:f}: {len(names)} are named.")
    return names[int(number)]


@dataclass(slots=True)
class _Known:
    """What lacuna.csv says of one image and its boxes."""

    image: ImageKey | None = None
    boxes: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def take(self, line: str) -> dict[str, str] | None:
        """The row of a line that reads so, each once."""
        left = self.boxes.get(line)
        return left.pop(0) if left else None


class _Sidecar:
    """lacuna.csv in a temporary file, and where in it the rows of each label file begin."""

    def __init__(self, text: IO[bytes] | None, where: str, reading: Reading) -> None:
        self._text = text
        self._where = where
        self._longest = reading.limits.item
        self._begin: dict[str, int] = {}
        self._columns: list[str] = []
        if text is not None:
            self._look_through(reading)

    def _look_through(self, reading: Reading) -> None:
        assert self._text is not None
        begins, last = 0, ""
        for number, cells in lines.rows(self._text, self._where, longest=self._longest):
            if not self._columns:
                where = f"{self._where}, line 1"
                self._columns = lines.header_of(cells, COLUMNS, COLUMNS[:2], where)
            elif cells[0] != last:
                last = cells[0]
                if last in self._begin:
                    raise ExchangeRefused.because(
                        f"{self._where}, line {number}", f"the rows of {shown(last)} lie apart."
                    )
                self._begin[last] = begins
                if len(self._begin) > reading.limits.images:
                    raise ExchangeRefused.because(
                        self._where, f"it names more than {reading.limits.images} images."
                    )
            begins = self._text.tell()

    def of(self, entry: str) -> _Known:
        """What is said of a label file; RowRefused."""
        known = _Known()
        if self._text is None or entry not in self._begin:
            return known
        self._text.seek(self._begin[entry])
        for _, cells in lines.rows(self._text, self._where, longest=self._longest):
            if cells[0] != entry:
                break
            if len(cells) != len(self._columns):
                raise RowRefused(f"a row of {SIDECAR} has {len(cells)} cells.")
            row = dict.fromkeys(COLUMNS, "") | dict(zip(self._columns, cells, strict=True))
            known.image = known.image or tabular.image_of(row)
            if row["line"]:
                known.boxes.setdefault(row["line"], []).append(row)
        return known


@dataclass(frozen=True, slots=True)
class _Index:
    """What the whole archive says: names of classes, of images by stem, and lacuna.csv."""

    names: Sequence[str]
    files: Mapping[str, str]
    sidecar: _Sidecar


@contextmanager
def _sidecar(archive: zips.ZipReader, reading: Reading) -> Iterator[_Sidecar]:
    where = archive.where(SIDECAR)
    if SIDECAR not in archive.entries:
        yield _Sidecar(None, where, reading)
        return
    with archive.open(SIDECAR, most=reading.limits.entry) as text:
        yield _Sidecar(text, where, reading)
