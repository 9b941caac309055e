"""CSV: one row for each box, and one for each image without any.

Edges are fractions of the upright picture. UTF-8, comma, RFC 4180; cells that a spreadsheet would
run as formulas begin with ``'``, which is taken off again.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import IO, Final

from annotations.exchange import lines, numbers
from annotations.exchange.errors import ExchangeRefused, Problem, RowRefused
from annotations.exchange.records import (
    EXTRAS,
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

IMAGE: Final = ("sha256", "file_name", "width", "height")
_EDGES: Final = ("left", "top", "right", "bottom")
COLUMNS: Final = (*IMAGE, "label", *_EDGES, "score", *EXTRAS)
_NEEDED: Final = ("label", *_EDGES)


def write(pictures: Iterable[Picture], labels: Sequence[str] = ()) -> Generator[bytes, None, None]:
    """The file, in pieces. ``labels`` makes no difference: a row names its own."""
    yield lines.csv_row(COLUMNS)
    for picture in pictures:
        named = image_cells(picture.image)
        if not picture.boxes:
            yield lines.csv_row([*named, *[""] * (len(COLUMNS) - len(named))])
        for box in picture.boxes:
            corners = (box.left, box.top, box.right, box.bottom)
            yield lines.csv_row(
                [*named, box.label, *map(numbers.fraction, corners), *said_cells(box)]
            )


def image_cells(image: ImageKey) -> list[str]:
    """The cells of the columns IMAGE."""
    return [
        image.sha256,
        image.file_name,
        *(str(side or "") for side in (image.width, image.height)),
    ]


def said_cells(box: Box) -> list[str]:
    """The cells of the columns score and EXTRAS."""
    score = "" if box.score is None else numbers.score_text(box.score)
    return [score, *extras_of(box).values()]


def read(stream: IO[bytes], reading: Reading) -> Generator[Row | Problem, None, None]:
    """Each row, in the file's order; ExchangeRefused where the file is no such table."""
    stream.seek(0)
    found = lines.rows(stream, reading.name, longest=reading.limits.item)
    _, first = next(found, (1, []))
    columns = lines.header_of(first, COLUMNS, _NEEDED, f"{reading.name}, line 1")
    if not {"sha256", "file_name"} & set(columns):
        raise ExchangeRefused.because(
            f"{reading.name}, line 1", "there is neither a column sha256 nor a column file_name."
        )
    for line, cells in found:
        where = f"{reading.name}, line {line}"
        try:
            if len(cells) != len(columns):
                raise RowRefused(f"it has {len(cells)} cells, the first line {len(columns)}.")
            row = dict(zip(columns, cells, strict=True))
            yield Row(where, image_of(row), _box(row, reading))
        except RowRefused as error:
            yield Problem(where, str(error))


def image_of(row: Mapping[str, str]) -> ImageKey:
    """The image that the cells of the columns IMAGE name; RowRefused."""
    image = ImageKey(
        sha256=sha256_of(row.get("sha256", "")),
        file_name=text_of(row.get("file_name", ""), "file_name", longest=2000),
        width=numbers.side(row["width"], "the width") if row.get("width") else 0,
        height=numbers.side(row["height"], "the height") if row.get("height") else 0,
    )
    if not (image.sha256 or image.file_name):
        raise RowRefused("it names no image: give its sha256 or its file_name.")
    return image


def score_of(row: Mapping[str, str]) -> int | None:
    """What the column score says; RowRefused."""
    return numbers.score(row["score"]) if row.get("score") else None


def _box(row: Mapping[str, str], reading: Reading) -> Box | None:
    given = [row[name] for name in _EDGES]
    if not any(given):
        if row["label"] or row.get("score"):
            raise RowRefused("there is a label or a score, but no box.")
        return None
    left, top, right, bottom = (
        numbers.number(text, name) for text, name in zip(given, _EDGES, strict=True)
    )
    corners: tuple[Decimal, Decimal, Decimal, Decimal] = left, top, right, bottom
    edges, cut = numbers.edges(
        corners, across=1, down=1, slack=numbers.FRACTION_SLACK, clip=reading.clip
    )
    if cut:
        reading.clipped()
    said = {name: row[name] for name in EXTRAS if name in row}
    return with_extras(edges, row["label"], score_of(row), said)
