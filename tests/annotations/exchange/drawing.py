"""Pictures with boxes to write and read back, by example and by chance."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from annotations.exchange.errors import Problem
from annotations.exchange.formats import FORMATS
from annotations.exchange.records import (
    MILLION,
    REASONS,
    STAGES,
    STATUSES,
    Box,
    ImageKey,
    Limits,
    Picture,
    Reading,
    Review,
    Row,
)

REVIEWER = "0199c3a0-0000-7000-8000-000000000001"
BIRD = Box("bird", 100_000, 200_000, 350_000, 600_000)
REVIEWED = Box(
    "gull",
    123_457,
    1,
    999_999,
    MILLION,
    score=8_765,
    ai=True,
    provider="local",
    model="tiny-1",
    notes="half hidden,\n\"behind\" a 'reed' <&>",
    review=Review("rejected", "L2", "wrong_box", REVIEWER, "2026-11-21T10:00:00.000001Z", 3),
)


def image(name: str = "a.jpg", *, width: int = 640, height: int = 480) -> ImageKey:
    """An image of that name, with a hash of its own."""
    return ImageKey(hashlib.sha256(name.encode()).hexdigest(), name, width, height)


def written(kind: str, pictures: Iterable[Picture], labels: Sequence[str] = ()) -> bytes:
    """The file."""
    return b"".join(FORMATS[kind].write(pictures, labels))


def rows(kind: str, data: bytes, **options: Any) -> list[Row | Problem]:
    """What the reader says of the file."""
    return list(FORMATS[kind].read(io.BytesIO(data), Reading(f"file.{kind}", **options)))


def problems(kind: str, data: bytes, **options: Any) -> list[str]:
    """What is wrong with the rows."""
    return [str(row) for row in rows(kind, data, **options) if isinstance(row, Problem)]


def pictures_of(found: Iterable[Row | Problem]) -> list[Picture]:
    """The rows by their images, in the order in which those are named first."""
    boxes: dict[ImageKey, list[Box]] = {}
    for row in found:
        assert isinstance(row, Row), row
        boxes.setdefault(row.image, [])
        if row.box:
            boxes[row.image].append(row.box)
    return [Picture(key, tuple(each)) for key, each in boxes.items()]


def read(kind: str, data: bytes, **options: Any) -> list[Picture]:
    """The pictures of a file in which nothing is wrong."""
    return pictures_of(rows(kind, data, **options))


def few(**limits: int) -> Limits:
    """Limits so low that a test reaches them."""
    return Limits(**limits)


_SIDES = st.integers(1, 65_535)
_WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
# What lands in a label: words, formulas, quotes, markup, separators, other scripts; or nothing.
LABELS = st.one_of(
    st.sampled_from(
        ["", "bird", "unlabelled", "=1+1", "'=x", "-a", "@b", "a,b", "'", '"q"', "<b>"]
    ),
    st.lists(_WORDS, min_size=1, max_size=3).map(" ".join),
)
_NOTES = st.one_of(
    st.just(""),
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=20),
    st.sampled_from(["two\nlines", "tab\tand\r\nmore", "+1", "\r", " spaces "]),
)


@st.composite
def _spans(draw: st.DrawFn) -> tuple[int, int]:
    low = draw(st.integers(0, MILLION - 1))
    return low, draw(st.integers(low + 1, MILLION))


@st.composite
def _reviews(draw: st.DrawFn) -> Review:
    status = draw(st.sampled_from(STATUSES))
    if status == "pending":
        return Review(stage=draw(st.sampled_from(STAGES)), version=draw(st.integers(1, 9)))
    reason = draw(st.sampled_from(REASONS)) if status == "rejected" else ""
    moment = draw(st.sampled_from(["2026-11-21T10:00:00.000001Z", "2020-02-29T23:59:59.999999Z"]))
    return Review(status, draw(st.sampled_from(STAGES)), reason, REVIEWER, moment, 2)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    """Any box."""
    left, right = draw(_spans())
    top, bottom = draw(_spans())
    ai = draw(st.booleans())
    score = draw(st.integers(0, 10_000) if ai else st.none() | st.integers(0, 10_000))
    return Box(
        draw(LABELS),
        left,
        top,
        right,
        bottom,
        score,
        ai,
        draw(_WORDS) if ai else "",
        draw(st.sampled_from(["", "m-1", "=model"])),
        draw(_NOTES),
        draw(_reviews()),
    )


@st.composite
def pictures(draw: st.DrawFn) -> list[Picture]:
    """A few pictures of any size, some without boxes, some of the same name."""
    names = draw(
        st.lists(
            st.sampled_from(["a.jpg", "a.png", "A.JPG", "b c.jpg", "..jpg", "con.jpg", "=é.webp"])
            | _WORDS,
            max_size=4,
        )
    )
    return [
        Picture(
            ImageKey(
                hashlib.sha256(f"{number}{name}".encode()).hexdigest(),
                name,
                draw(_SIDES),
                draw(_SIDES),
            ),
            tuple(draw(st.lists(boxes(), max_size=4))),
        )
        for number, name in enumerate(names)
    ]
