"""What a result replaces is kept by the database, whoever replaces it."""

from __future__ import annotations

import pytest
from django.db import connection

from imaging.models import AnalysisResult, AnalysisResultHistory
from tests.factories import make_result

pytestmark = pytest.mark.django_db


def history() -> list[AnalysisResultHistory]:
    return list(AnalysisResultHistory.objects.order_by("superseded_at", "id"))


def test_replacing_the_findings_in_plain_sql_keeps_the_old_ones() -> None:
    result = make_result(notes="looks right")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE analysis_results SET negative_space_data = '{}', notes = NULL WHERE id = %s",
            [result.pk],
        )

    (kept,) = history()
    assert kept.result_id == result.pk
    assert kept.image_id == result.image_id
    assert kept.negative_space_data == {"void_ratio": 0.5}
    assert kept.notes == "looks right"
    assert kept.created_at == result.created_at


def test_a_note_alone_replaces_nothing() -> None:
    result = make_result()
    AnalysisResult.objects.filter(pk=result.pk).update(notes="blurred at the left")

    assert history() == []


def test_a_deleted_result_is_kept_while_its_image_is() -> None:
    result = make_result()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM analysis_results WHERE id = %s", [result.pk])

    assert [kept.result_id for kept in history()] == [result.pk]


def test_with_the_image_everything_about_it_goes() -> None:
    result = make_result()
    AnalysisResult.objects.filter(pk=result.pk).update(algorithm_version="ns-2")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM images WHERE id = %s", [result.image_id])

    assert history() == []
    assert not AnalysisResult.objects.exists()
