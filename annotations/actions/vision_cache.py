"""Answers of providers that were paid for once: looked up by what was sent, never by an address.

A look-up reads one row by its unique key and writes nothing; that it was used is noted with
whatever the caller writes next (``note_use``). See AV-4 and docs/annotations.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from annotations.models import VisionCacheEntry
from database import system_settings
from providers.interface import Answer, Box, Picture, Prompt, Schema, Usage

_PUT: Final = """
    INSERT INTO vision_api_cache (
        id, url_hash, provider, model, image_id, prompt_version, schema_version, response_data,
        response_time_ms, expires_at
    ) VALUES (new_key(), %s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s)
    ON CONFLICT (url_hash, provider) DO UPDATE SET
        response_data = excluded.response_data, sealed_response = NULL,
        response_size_bytes = 0, -- measured anew, by measure_vision_api_cache()
        response_time_ms = excluded.response_time_ms, created_at = now(), last_accessed_at = now(),
        expires_at = excluded.expires_at, invalidated_at = NULL
"""


def key_of(picture: Picture, model: str, prompt: Prompt, schema: Schema) -> str:
    """The SHA-256, in hexadecimal, of all that the answer depends on beside the provider."""
    told = hashlib.sha256()
    for part in (
        hashlib.sha256(picture.data).digest(),
        picture.media_type.encode(),
        model.encode(),
        prompt.version.encode(),
        hashlib.sha256(prompt.text.encode()).digest(),
        schema.version.encode(),
    ):
        told.update(len(part).to_bytes(4, "big"))
        told.update(part)
    return told.hexdigest()


def look_up(url_hash: str, provider: str) -> VisionCacheEntry | None:
    """The entry that is in force, or None. Nothing is written."""
    found = VisionCacheEntry.objects.filter(url_hash=url_hash, provider=provider).first()
    if found is None or found.invalidated_at is not None:
        return None
    if found.expires_at is not None and found.expires_at <= timezone.now():
        return None
    return found


def note_use(entries: Iterable[UUID]) -> None:
    """These answered a question; in the transaction that stores what came of it."""
    VisionCacheEntry.objects.filter(pk__in=list(entries)).update(
        access_count=F("access_count") + 1, last_accessed_at=timezone.now()
    )


def keep(
    url_hash: str,
    provider: str,
    answer: Answer,
    *,
    prompt: Prompt,
    schema: Schema,
    image_id: UUID | None,
    milliseconds: int,
) -> None:
    """Keep an answer for as long as the settings say; encrypted, where they say so."""
    expires_at = timezone.now() + timedelta(days=system_settings.get("vision_cache_days"))
    said = to_json(answer)
    if system_settings.get("encrypt_ai_payloads"):
        known: dict[str, Any] = {
            "model": answer.model,
            "image_id": image_id,
            "prompt_version": prompt.version,
            "schema_version": schema.version,
            "response_data": None,
            "sealed_response": said,
            "response_time_ms": milliseconds,
            "expires_at": expires_at,
        }
        try:
            with transaction.atomic():
                _seal(url_hash, provider, known)
        except IntegrityError:  # somebody else was told the same in this very moment
            _seal(url_hash, provider, known)
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _PUT,
            [
                url_hash,
                provider,
                answer.model,
                image_id,
                prompt.version,
                schema.version,
                json.dumps(said),
                milliseconds,
                expires_at,
            ],
        )


def _seal(url_hash: str, provider: str, known: dict[str, Any]) -> None:
    rows = VisionCacheEntry.objects.select_for_update()
    row = rows.filter(url_hash=url_hash, provider=provider).first()
    row = row or VisionCacheEntry(url_hash=url_hash, provider=provider)
    for name, value in known.items():
        setattr(row, name, value)
    row.response_size_bytes = 0  # measured anew, by measure_vision_api_cache()
    row.created_at = row.last_accessed_at = timezone.now()
    row.invalidated_at = None
    row.save()


def answer_of(entry: VisionCacheEntry) -> Answer:
    """What the provider said, from the cache."""
    sealed = entry.sealed_response
    said: dict[str, Any] = (entry.response_data or {}) if sealed is None else sealed.reveal()
    return from_json(said)


def to_json(answer: Answer) -> dict[str, Any]:
    """An answer as it is kept."""
    return {
        "boxes": [
            {
                "left": box.left,
                "top": box.top,
                "width": box.width,
                "height": box.height,
                "label": box.label,
                "confidence": box.confidence,
            }
            for box in answer.boxes
        ],
        "usage": {
            "input_tokens": answer.usage.input_tokens,
            "output_tokens": answer.usage.output_tokens,
            "cached_input_tokens": answer.usage.cached_input_tokens,
            "images": answer.usage.images,
        },
        "model": answer.model,
        "request_id": answer.request_id,
        "remarks": list(answer.remarks),
        "raw": answer.raw,
    }


def from_json(said: dict[str, Any]) -> Answer:
    """The same back; KeyError or TypeError for what ``to_json`` did not make."""
    return Answer(
        boxes=tuple(Box(**box) for box in said["boxes"]),
        usage=Usage(**said["usage"]),
        raw=said["raw"],
        model=said["model"],
        request_id=said["request_id"],
        remarks=tuple(said["remarks"]),
    )
