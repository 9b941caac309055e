"""What is kept for reuse: listed, summed up, cleared."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from imaging.models import AnalysisCacheEntry
from tests.factories import make_image
from tests.imaging.api.conftest import CallerOf, problem, wrong_fields

pytestmark = pytest.mark.django_db

LIST = "/api/v1/cached-results/"


def keep(*, days_unused: int = 0, expired: bool = False, hits: int = 0) -> AnalysisCacheEntry:
    """A kept result."""
    image, now = make_image(), timezone.now()
    return AnalysisCacheEntry.objects.create(
        cache_key=f"{image.file_hash}:f",
        image=image,
        algorithm_fingerprint="f" * 64,
        cached_result={"large": True},
        hit_count=hits,
        size_bytes=100,
        last_accessed_at=now - timedelta(days=days_unused),
        expires_at=now + timedelta(days=-1 if expired else 30),
    )


def test_a_list_tells_what_is_kept_but_not_the_results(caller: CallerOf) -> None:
    old, new = keep(days_unused=3), keep()
    viewer = caller("viewer")

    rows = viewer.get(LIST).json()["results"]

    assert [row["id"] for row in rows] == [str(new.pk), str(old.pk)]
    assert rows[0]["image_id"] == str(new.image_id)
    assert "cached_result" not in rows[0]
    unused = viewer.get(LIST, {"order": "unused", "limit": "1"}).json()["results"]
    assert [row["id"] for row in unused] == [str(old.pk)]
    assert viewer.get(LIST, {"image_id": str(old.image_id)}).json()["results"][0]["hit_count"] == 0
    before = (timezone.now() - timedelta(days=1)).isoformat()
    assert len(viewer.get(LIST, {"used_before": before}).json()["results"]) == 1
    assert wrong_fields(viewer.get(LIST, {"used_before": "now"})) == {"used_before"}


def test_what_is_kept_is_summed_up(caller: CallerOf) -> None:
    empty = caller("viewer").get(f"{LIST}statistics/").json()
    assert (empty["entries"], empty["size_bytes"], empty["last_accessed_at"]) == (0, 0, None)
    keep(hits=3)
    keep(hits=4, expired=True)

    told = caller("viewer").get(f"{LIST}statistics/").json()

    assert (told["entries"], told["expired"]) == (2, 1)
    assert (told["hit_count"], told["size_bytes"]) == (7, 200)
    assert told["last_accessed_at"].endswith("Z")


def test_an_admin_clears_what_expired_and_what_was_long_not_used(caller: CallerOf) -> None:
    keep(expired=True)
    keep(days_unused=20)
    fresh = keep()
    admin, body = caller("admin"), {"older_than_days": 14}

    planned = admin.post(f"{LIST}clean-up/", body | {"dry_run": True}).json()
    assert (planned["rows"], planned["rows_left"]) == (2, 1)
    assert AnalysisCacheEntry.objects.count() == 3
    done = admin.post(f"{LIST}clean-up/", body).json()
    assert (done["expired"], done["older"], done["rows_left"]) == (1, 1, 1)
    assert AnalysisCacheEntry.objects.get() == fresh


def test_an_admin_keeps_only_so_many(caller: CallerOf) -> None:
    for days in range(3):
        keep(days_unused=days)

    done = caller("admin").post(f"{LIST}clean-up/", {"max_entries": 1}).json()

    assert (done["least_recently_used"], done["rows_left"]) == (2, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"older_than_days": -1}, "older_than_days"),
        ({"older_than_days": 10**12}, "older_than_days"),
        ({"max_entries": "all"}, "max_entries"),
        ({"dry_run": "perhaps"}, "dry_run"),
        ({"everything": True}, "everything"),
    ],
)
def test_a_wrong_order_clears_nothing(caller: CallerOf, body: dict[str, Any], field: str) -> None:
    keep(expired=True)

    assert wrong_fields(caller("admin").post(f"{LIST}clean-up/", body)) == {field}
    assert AnalysisCacheEntry.objects.count() == 1


def test_nobody_but_an_admin_clears(caller: CallerOf) -> None:
    keep(expired=True)

    for role in ("moderator", "analyst", "viewer"):
        problem(caller(role).post(f"{LIST}clean-up/"), 403, "not-allowed")
    assert AnalysisCacheEntry.objects.count() == 1
