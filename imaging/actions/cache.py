"""The cache of analyses: looking up, filling, keeping it small."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet, Sum
from django.utils import timezone

from audit.recording import record
from database import system_settings
from imaging.models import AnalysisCacheEntry, AnalysisResult, Image


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up removed, or would remove, by reason; and what is left."""

    expired: int = 0
    older: int = 0
    least_recently_used: int = 0
    rows: int = 0
    bytes: int = 0
    rows_left: int = 0
    bytes_left: int = 0

    def as_dict(self) -> dict[str, int]:
        """The figures by name."""
        return asdict(self)


def key(image: Image, fingerprint: str) -> str:
    """The cache key of an image under an algorithm fingerprint."""
    return f"{image.file_hash}:{fingerprint}"


def look_up(image: Image, fingerprint: str) -> dict[str, Any] | None:
    """The cached result, counted as a hit, or None; an expired one counts as none."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analysis_cache SET hit_count = hit_count + 1, last_accessed_at = now()"
            " WHERE cache_key = %s AND (expires_at IS NULL OR expires_at > now())"
            " RETURNING cached_result",
            [key(image, fingerprint)],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    result: dict[str, Any] = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    return result


def store(
    image: Image, fingerprint: str, result: dict[str, Any], *, analysis: AnalysisResult
) -> None:
    """Keep a result for as many days as the setting says; a later one replaces it."""
    days: int = system_settings.get("analysis_cache_days")
    now = timezone.now()
    AnalysisCacheEntry.objects.update_or_create(
        cache_key=key(image, fingerprint),
        defaults={
            "image": image,
            "analysis": analysis,
            "algorithm_fingerprint": fingerprint,
            "cached_result": result,
            "last_accessed_at": now,
            "expires_at": now + timedelta(days=days),
            "size_bytes": len(json.dumps(result).encode()),
        },
    )


def clean_up(
    *,
    older_than: timedelta | None = None,
    max_entries: int | None = None,
    batch_size: int = 1000,
    dry_run: bool = False,
) -> Cleaned:
    """Remove expired entries, those not used for ``older_than``, and the least recently used
    beyond ``max_entries`` (default: the setting ``analysis_cache_max_entries``).

    Each batch is a transaction of its own; a run that is stopped may simply be repeated.
    """
    limit = (
        system_settings.get("analysis_cache_max_entries") if max_entries is None else max_entries
    )
    now = timezone.now()
    live = ~Q(expires_at__lte=now)
    cutoff = now - older_than if older_than is not None else None
    rules = {"expired": Q(expires_at__lte=now)}
    if cutoff is not None:
        rules["older"] = live & Q(last_accessed_at__lt=cutoff)
        live &= Q(last_accessed_at__gte=cutoff)
    counts: dict[str, int] = {}
    size = 0
    for reason, rule in rules.items():
        counts[reason], removed = _remove(
            AnalysisCacheEntry.objects.filter(rule), reason, batch_size, dry_run=dry_run
        )
        size += removed
    surplus = _surplus(AnalysisCacheEntry.objects.filter(live), limit)
    reason = "least_recently_used"
    counts[reason], removed = _remove(surplus, reason, batch_size, dry_run=dry_run)
    size += removed
    left = AnalysisCacheEntry.objects.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
    rows = sum(counts.values())
    rows_left = AnalysisCacheEntry.objects.count()
    return Cleaned(
        **counts,
        rows=rows,
        bytes=size,
        rows_left=rows_left - rows if dry_run else rows_left,
        bytes_left=left - size if dry_run else left,
    )


def _surplus(entries: QuerySet[AnalysisCacheEntry], limit: int) -> QuerySet[AnalysisCacheEntry]:
    """Those used before the ``limit`` most recently used ones."""
    ordered = entries.order_by("-last_accessed_at", "-id")
    edge: tuple[datetime, Any] | None = (
        ordered.values_list("last_accessed_at", "id")[limit : limit + 1].first()
        if limit
        else ordered.values_list("last_accessed_at", "id").first()
    )
    if edge is None:
        return entries.none()
    used_at, entry_id = edge
    return entries.filter(
        Q(last_accessed_at__lt=used_at) | Q(last_accessed_at=used_at, id__lte=entry_id)
    )


def _remove(
    entries: QuerySet[AnalysisCacheEntry], reason: str, batch_size: int, *, dry_run: bool
) -> tuple[int, int]:
    """Delete in batches; how many rows and bytes (of the cached results)."""
    if dry_run:
        total = entries.aggregate(bytes=Sum("size_bytes"))["bytes"] or 0
        return entries.count(), total
    rows = size = 0
    while True:
        with transaction.atomic():
            batch = list(
                entries.order_by("last_accessed_at", "id")
                .select_for_update(skip_locked=True)
                .values_list("pk", "size_bytes")[:batch_size]
            )
            if not batch:
                return rows, size
            AnalysisCacheEntry.objects.filter(pk__in=[pk for pk, _ in batch]).delete()
            removed = sum(bytes_ for _, bytes_ in batch)
            told = {"reason": reason, "rows": len(batch), "bytes": removed}
            record("cache.cleaned", details=told)
        rows += len(batch)
        size += removed


def hits() -> int:
    """How often a result was found instead of computed, over all entries there are."""
    total: int = AnalysisCacheEntry.objects.aggregate(hits=Sum(F("hit_count")))["hits"] or 0
    return total
