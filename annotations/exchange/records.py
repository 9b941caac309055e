"""What is exchanged: pictures and the boxes in them, whatever the format.

Edges are whole millionths of the upright picture's width and height, as exact as the database
keeps them, and scores whole ten-thousandths. Whole numbers are added and multiplied without
rounding, so that a box that goes out and comes in again is the same to the last digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from annotations.exchange.errors import RowRefused

MILLION: Final = 1_000_000
STATUSES: Final = ("pending", "approved", "rejected")
STAGES: Final = ("L1", "L2", "final")
REASONS: Final = ("no_bird", "wrong_box", "wrong_label", "duplicate", "unclear", "other")
LONGEST_NOTES: Final = 10_000
LARGEST_VERSION: Final = 2**31 - 1
# The names of what formats have no place for, in the order in which they are written.
EXTRAS: Final = (
    "ai",
    "provider",
    "model",
    "notes",
    "status",
    "stage",
    "reason",
    "reviewer",
    "reviewed_at",
    "version",
)
# No text of PostgreSQL's or of UTF-8.
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")
_WHOLE: Final = re.compile(r"[0-9]{1,10}\Z")


@dataclass(frozen=True, slots=True)
class ImageKey:
    """By what a file names an image: each part may be empty, or 0.

    ``stem``  its name without the ending, where a file says no more
    ``width``, ``height``  pixels of the upright picture
    """

    sha256: str = ""
    file_name: str = ""
    width: int = 0
    height: int = 0
    stem: str = ""

    def __str__(self) -> str:
        return shown(self.file_name or self.stem or self.sha256)


@dataclass(frozen=True, slots=True)
class Review:
    """What was decided. ``reviewer`` is a person's id, ``reviewed_at`` a moment (ISO 8601)."""

    status: str = "pending"
    stage: str = "final"
    reason: str = ""
    reviewer: str = ""
    reviewed_at: str = ""
    version: int = 1


@dataclass(frozen=True, slots=True)
class Box:
    """One annotation.

    ``left``, ``top``, ``right``, ``bottom``  millionths: 0 <= left < right <= 1,000,000
    ``score``  ten-thousandths, 0 to 10,000; None where nobody said how sure they are
    ``ai``     whether a provider proposed it; ``provider`` and ``model`` say which
    """

    label: str
    left: int
    top: int
    right: int
    bottom: int
    score: int | None = None
    ai: bool = False
    provider: str = ""
    model: str = ""
    notes: str = ""
    review: Review = field(default_factory=Review)


@dataclass(frozen=True, slots=True)
class Picture:
    """An image with all its boxes, in order; without any, it is exchanged all the same."""

    image: ImageKey
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that a file says: there is this image, or this box in it."""

    where: str
    image: ImageKey
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may hold at most; they bound the memory that reading it takes."""

    boxes: int = 100_000
    images: int = 100_000
    labels: int = 10_000
    # Bytes: of one item or line, of one entry of an archive, of all of it unpacked.
    item: int = 1 << 20
    entry: int = 1 << 30
    unpacked: int = 2 << 30


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read.

    ``name``   what the file is called in sentences
    ``clip``   boxes that reach out of the picture are cut, not refused
    ``voc_origin``  the number of the first pixel in Pascal VOC: 1, in some tools' files 0
    ``clipped``     called for each box that was cut
    """

    name: str
    clip: bool = False
    voc_origin: int = 1
    limits: Limits = field(default_factory=Limits)
    clipped: Callable[[], None] = lambda: None


def shown(value: object) -> str:
    """A text out of a file, quoted and cut for a sentence."""
    text = str(value)
    return repr(text if len(text) <= 80 else f"{text[:79]}…")


def text_of(value: Any, name: str, *, longest: int, one_line: bool = True) -> str:
    """A text that can be stored; RowRefused."""
    if not isinstance(value, str):
        raise RowRefused(f"{name} is no text.")
    if len(value) > longest:
        raise RowRefused(f"{name} has {len(value)} characters; at most {longest} are taken.")
    if (_CONTROL if one_line else _NO_TEXT).search(value) or _NO_TEXT.search(value):
        raise RowRefused(f"{name} holds characters that are no text: {shown(value)}.")
    return value


def sha256_of(text: str) -> str:
    """A SHA-256 in hexadecimal digits, or empty; RowRefused."""
    digest = text.strip().lower()
    if digest and not _SHA256.match(digest):
        raise RowRefused(f"the SHA-256 {shown(text)} is not 64 hexadecimal digits.")
    return digest


def whole(text: str, name: str, *, largest: int) -> int:
    """A whole number from 1; RowRefused."""
    if not _WHOLE.match(text) or not 1 <= int(text) <= largest:
        raise RowRefused(f"{name} {shown(text)} is not a whole number from 1 to {largest}.")
    return int(text)


def extras_of(box: Box) -> dict[str, str]:
    """What formats have no place for, as texts by the names in EXTRAS."""
    review = box.review
    return {
        "ai": "true" if box.ai else "false",
        "provider": box.provider,
        "model": box.model,
        "notes": box.notes,
        "status": review.status,
        "stage": review.stage,
        "reason": review.reason,
        "reviewer": review.reviewer,
        "reviewed_at": review.reviewed_at,
        "version": str(review.version),
    }


def with_extras(
    edges: tuple[int, int, int, int], label: str, score: int | None, said: Mapping[str, str]
) -> Box:
    """A box with what ``extras_of`` made of it; missing texts have their defaults. RowRefused."""
    if not said:
        return Box(label, *edges, score)
    provider = text_of(said.get("provider", ""), "the provider", longest=40)
    ai = _one_of(said.get("ai") or "false", ("true", "false"), "ai") == "true"
    if ai and (score is None or not provider):
        raise RowRefused(
            "what AI proposed has a provider and a score; give both, or say ai is false."
        )
    return Box(
        label,
        *edges,
        score,
        ai,
        provider,
        text_of(said.get("model", ""), "the model", longest=120),
        text_of(said.get("notes", ""), "the notes", longest=LONGEST_NOTES, one_line=False),
        _review(said),
    )


def _review(said: Mapping[str, str]) -> Review:
    review = Review(
        status=_one_of(said.get("status") or "pending", STATUSES, "the status"),
        stage=_one_of(said.get("stage") or "final", STAGES, "the stage"),
        reason=_one_of(said.get("reason", ""), ("", *REASONS), "the reason"),
        reviewer=_person(said.get("reviewer", "")),
        reviewed_at=_moment(said.get("reviewed_at", "")),
        version=whole(said.get("version") or "1", "the version", largest=LARGEST_VERSION),
    )
    if review.status != "pending" and not (review.reviewer and review.reviewed_at):
        raise RowRefused(f"it is {review.status}, but not said by whom and when.")
    return review


def _one_of(text: str, words: tuple[str, ...], name: str) -> str:
    if text not in words:
        raise RowRefused(f"{name} {shown(text)} is none of {', '.join(filter(None, words))}.")
    return text


def _person(text: str) -> str:
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise RowRefused(f"the reviewer {shown(text)} is no id (UUID).") from None


def _moment(text: str) -> str:
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
        # What Python reads PostgreSQL may not, and what neither clock nor calendar has, no page can
        # show: as one way of writing it, in years that every zone has.
        if moment.tzinfo is not None and 1900 <= moment.year < 9999:
            utc = moment.astimezone(UTC).isoformat(timespec="microseconds")
            return utc.replace("+00:00", "Z")  # as it is written
    except ValueError:
        pass
    raise RowRefused(f"reviewed_at {shown(text)} is no moment such as 2026-11-21T10:00:00Z.")
