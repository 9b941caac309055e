"""Asking providers ahead: how many images are left, and what that costs at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KT
from django.utils import timezone

from accounts.models import User
from annotations.actions import batches
from annotations.errors import NotNow
from annotations.models import BatchJob, BatchType, ImageCollection, VisionCacheEntry
from annotations.sending import Fitting
from imaging.models import Image
from providers import limits, prompts, registry
from providers.actions import money
from providers.interface import Picture, Schema
from providers.models import Provider

# Nobody lists more keys than this in one batch: of a key 40 bytes stand in its parameters, which
# have room for a million (batch_jobs_parameters_check).
MOST_LISTED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What asking ahead would come to.

    ``images``  that have no answer of the provider and model in the cache yet
    ``most``    US dollars, an upper bound; None where nobody has said what the model costs
    ``left``    what the person may still spend today and this month, the less of the two; None for
                no limit
    """

    provider: str
    model: str
    images: int
    most: Decimal | None
    left: Decimal | None

    @property
    def is_too_much(self) -> bool:
        """Whether the person's limits may end it before it is done."""
        return self.most is not None and self.left is not None and self.most > self.left


def plan(provider: str, *, by: User, collection: str = "", limit: int | None = None) -> Plan:
    """Count the images and price them by their sizes, without opening any; NotNow."""
    row = _provider(provider)
    rows = _without_answer(row, _collection(collection))
    if limit is not None:
        rows = Image.objects.filter(pk__in=rows.order_by("id").values("pk")[:limit])
    sizes = (
        rows.order_by()
        .annotate(wide=KT("image_dimensions__width"), high=KT("image_dimensions__height"))
        .values_list("wide", "high")
        .annotate(count=Count("pk"))
    )
    counted = [(int(wide), int(high), count) for wide, high, count in sizes if wide and high]
    return Plan(
        provider=row.name,
        model=row.default_model,
        images=rows.count(),
        most=_most(row, counted, _home(collection)),
        left=_left(by),
    )


def request(provider: str, *, by: User, collection: str = "", limit: int | None = None) -> BatchJob:
    """Queue the batch for the images without an answer; PermissionDenied, NotNow."""
    row, home = _provider(provider), _collection(collection)
    keys: list[UUID] = []
    if limit is not None:
        if limit > MOST_LISTED:
            raise NotNow(f"At most {MOST_LISTED:,} images at a time, or all without a limit.")
        rows = _without_answer(row, home)
        keys = list(rows.order_by("id").values_list("pk", flat=True)[:limit])
        if not keys:
            raise NotNow(f"{row.display_name} has answered about each of these images already.")
    return batches.request(
        BatchType.WARM_CACHE, by=by, provider=row.name, collection=home, images=keys
    )


def _provider(name: str) -> Provider:
    found = Provider.objects.filter(name=name).first()
    if found is None:
        there = ", ".join(Provider.objects.order_by("rank", "name").values_list("name", flat=True))
        raise NotNow(f"There is no provider {name!r:.60}. There are: {there}.")
    if not found.is_enabled:
        raise NotNow(f"{found.display_name} is switched off. An admin switches it on.")
    return found


def _collection(name: str) -> UUID | None:
    home = _home(name)
    return home.pk if home else None


def _home(name: str) -> ImageCollection | None:
    if not name:
        return None
    found = ImageCollection.objects.filter(name=name).first()
    if found is None:
        raise NotNow(f"There is no collection {name!r:.220}.")
    return found


def _without_answer(row: Provider, collection: UUID | None) -> QuerySet[Image]:
    """As the batch chooses them, but for those with an answer in force."""
    said: Mapping[str, Any] = {
        "provider": row.name,
        "collection": str(collection) if collection else None,
        "unannotated_only": True,
    }
    known = VisionCacheEntry.objects.filter(
        Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()),
        image_id=OuterRef("pk"),
        provider=row.name,
        model=row.default_model,
        invalidated_at__isnull=True,
    )
    return batches.chosen(dict(said)).filter(~Exists(known))


def _most(
    row: Provider, sizes: list[tuple[int, int, int]], home: ImageCollection | None
) -> Decimal | None:
    price = money.price_of(row, row.default_model)
    if price is None:
        return None
    try:
        adapter = registry.adapter(row.name)
    except registry.NotInstalled as error:
        raise NotNow(str(error)) from None
    allowed = tuple(home.labels) if home else ()
    prompt = prompts.birds(allowed) if allowed else prompts.birds()
    schema: Schema = prompts.boxes()
    total = Decimal(0)
    for wide, high, count in sizes:
        size = adapter.fit(wide, high) if isinstance(adapter, Fitting) else (wide, high)
        sent = Picture(b"", "image/jpeg", *size)
        total += count * money.most_it_costs(price, row.name, sent, prompt, schema)
    return total


def _left(by: User) -> Decimal | None:
    known = [period.left for period in limits.left(by.pk) if period.left is not None]
    return min(known) if known else None
