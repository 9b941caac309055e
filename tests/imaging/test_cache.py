"""The cache stays small: expiry, age, and least recently used first."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from database.models import SystemSetting
from imaging.actions import cache
from imaging.models import AnalysisCacheEntry
from tests.factories import make_image

pytestmark = pytest.mark.django_db


@pytest.fixture
def entries() -> list[AnalysisCacheEntry]:
    """Ten entries; entry n was used n days ago and takes 100 bytes; the last two have expired."""
    image = make_image()
    now = timezone.now()
    return [
        AnalysisCacheEntry.objects.create(
            cache_key=f"{image.file_hash}:{n}",
            image=image,
            algorithm_fingerprint=str(n),
            cached_result={"n": n},
            last_accessed_at=now - timedelta(days=n, minutes=1),
            expires_at=now + timedelta(days=7.5 - n),
            size_bytes=100,
        )
        for n in range(10)
    ]


def left() -> set[str]:
    return set(AnalysisCacheEntry.objects.values_list("algorithm_fingerprint", flat=True))


def run(*arguments: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("cleanup_cache", "--json", *arguments, stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    return report


def test_expired_entries_go_and_are_reported_in_rows_and_bytes(
    entries: list[AnalysisCacheEntry],
) -> None:
    report = run()

    assert left() == set("01234567")
    assert (report["expired"], report["rows"], report["bytes"]) == (2, 2, 200)
    assert (report["rows_left"], report["bytes_left"]) == (8, 800)


def test_a_dry_run_reports_the_same_and_removes_nothing(
    entries: list[AnalysisCacheEntry],
) -> None:
    arguments = ("--older-than", "5d", "--max-entries", "3")
    planned = run("--dry-run", *arguments)
    assert len(left()) == 10
    done = run(*arguments)

    assert {**planned, "dry_run": False} == done
    assert left() == set("012")


@pytest.mark.parametrize("batch", ["1", "3", "1000"])
def test_the_least_recently_used_go_first_in_batches_of_any_size(
    batch: str, entries: list[AnalysisCacheEntry]
) -> None:
    report = run("--max-entries", "2", "--batch-size", batch)

    assert left() == set("01")
    assert report["least_recently_used"] == 6


def test_entries_not_used_for_long_go(entries: list[AnalysisCacheEntry]) -> None:
    report = run("--older-than", "4d")

    assert left() == set("0123")
    assert report["older"] == 4


def test_none_may_stay(entries: list[AnalysisCacheEntry]) -> None:
    run("--max-entries", "0")

    assert left() == set()


def test_the_limit_is_a_setting(entries: list[AnalysisCacheEntry]) -> None:
    SystemSetting.objects.create(setting_key="analysis_cache_max_entries", setting_value=4)
    run()

    assert left() == set("0123")


def test_a_second_run_finds_nothing(entries: list[AnalysisCacheEntry]) -> None:
    run("--max-entries", "3")

    assert run("--max-entries", "3")["rows"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ("--older-than", "soon"),
        ("--older-than", "9999999d"),
        ("--max-entries", "-1"),
        ("--max-entries", "99999999999999999999"),
        ("--batch-size", "0"),
        ("--batch-size", "99999999999999999999"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match=wrong[0]):
        run(*wrong)


def test_a_hit_is_counted_and_makes_an_entry_recent(entries: list[AnalysisCacheEntry]) -> None:
    found = cache.look_up(entries[5].image, "5")
    entries[5].refresh_from_db()

    assert found == {"n": 5}
    assert entries[5].hit_count == 1
    run("--max-entries", "1")
    assert left() == {"5"}


def test_an_expired_entry_is_no_hit(entries: list[AnalysisCacheEntry]) -> None:
    assert cache.look_up(entries[9].image, "9") is None


def test_the_documented_function_clears_what_has_expired(
    entries: list[AnalysisCacheEntry],
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cleanup_expired_cache()")
        assert cursor.fetchone()[0] == 2
    assert left() == set("01234567")


def test_a_row_by_plain_sql_is_measured() -> None:
    image = make_image()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO analysis_cache (cache_key, image_id, algorithm_fingerprint,"
            " cached_result) VALUES ('k', %s, 'f', '{\"a\": 1}') RETURNING size_bytes, hit_count",
            [image.pk],
        )
        assert cursor.fetchone() == (8, 0)
