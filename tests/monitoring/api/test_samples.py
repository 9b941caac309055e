"""Samples in pages, out of blocks, of which old ones are packed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitoring.actions import packing
from monitoring.models import Analysis, Dataset, MonitorBlock
from monitoring.rules import SEVERITIES
from tests.factories import make_analysis
from tests.imaging.api.conftest import Caller, problem, wrong_fields
from tests.monitoring.api.test_datasets import usable_map

pytestmark = pytest.mark.django_db
SAMPLES = "/api/v1/monitor-samples/"
MONTH = datetime.now(tz=UTC).replace(day=1, hour=6, minute=0, second=0, microsecond=250_000)


def block(analysis: Analysis, judged: list[int], *, first: int = 1, **fields: Any) -> None:
    """Samples of these severities, as placing writes them; ``first``: their number on the map."""
    count = len(judged)
    values: dict[str, Any] = {
        "dinsight": analysis.dinsight,
        "user": analysis.user,
        "analysis_id": analysis.pk,
        "monitor_values": [[1.0, 2.5]] * count,
        "x_values": [round(0.1 * (first + index), 6) for index in range(count)],
        "y_values": [-1.0] * count,
        "metadata": {"columns": ["hall"], "rows": [[f"h{first + n}"] for n in range(count)]},
        "process_order": first,
        "first_row": first,
        "row_count": count,
        "scores": [1.0 + severity for severity in judged],
        "p_values": [(121 - 30 * severity) / 121 for severity in judged],
        "severities": judged,
        "off_map": [severity == 4 for severity in judged],
        "created_at": MONTH,
    }
    MonitorBlock.objects.create(**(values | fields))


def numbers(answer: Any) -> list[int]:
    """The numbers of the samples on the page."""
    return [row["number"] for row in answer.json()["results"]]


def walked(program: Caller, query: str) -> list[list[int]]:
    """The numbers of page after page."""
    answer = program.get(f"{SAMPLES}?{query}")
    pages = [numbers(answer)]
    while address := answer.json()["next"]:
        answer = program.get(address)
        pages.append(numbers(answer))
    return pages


def test_a_sample_is_told_with_its_place_and_its_texts(program: Caller, press: Dataset) -> None:
    analysis = make_analysis(press)
    block(analysis, [0, 3])

    told = program.get(SAMPLES).json()["results"]

    assert told[0] == {
        "map_id": str(analysis.dinsight_id),
        "number": 2,
        "analysis_id": str(analysis.pk),
        "file_row": 2,
        "created_at": MONTH.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "x": 0.2,
        "y": -1.0,
        "score": 4.0,
        "p_value": 31 / 121,
        "severity": "high",
        "off_map": False,
        "metadata": {"hall": "h2"},
        "is_packed": False,
    }
    assert told[1]["severity"] == "none"


def test_pages_follow_each_other_both_ways_across_blocks(program: Caller, press: Dataset) -> None:
    analysis = make_analysis(press)
    for first in (1, 4, 7):
        block(analysis, [0, 1, 2], first=first)

    assert walked(program, "limit=4") == [[9, 8, 7, 6], [5, 4, 3, 2], [1]]
    assert walked(program, "limit=4&order=oldest") == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]
    assert walked(program, "limit=2&severity=low&severity=medium") == [[9, 8], [6, 5], [3, 2]]
    last = program.get(program.get(program.get(f"{SAMPLES}?limit=4").json()["next"]).json()["next"])
    before = program.get(last.json()["previous"])
    assert numbers(before) == [5, 4, 3, 2]
    first = program.get(before.json()["previous"])
    assert (numbers(first), first.json()["previous"]) == ([9, 8, 7, 6], None)
    assert program.get(first.json()["next"]).json()["results"] == before.json()["results"]


def test_a_day_later_comes_first_whatever_its_number_on_its_map(
    program: Caller, press: Dataset
) -> None:
    old, new = make_analysis(press), make_analysis(press)
    block(old, [0, 0, 0])
    block(new, [0, 0], created_at=MONTH + timedelta(days=1))

    assert walked(program, "limit=3") == [[2, 1, 3], [2, 1]]
    found = program.get(SAMPLES, {"since": (MONTH + timedelta(hours=1)).isoformat()})
    assert numbers(found) == [2, 1]
    assert numbers(program.get(SAMPLES, {"until": MONTH.isoformat()})) == []


def test_samples_are_found_by_dataset_map_and_analysis(program: Caller, press: Dataset) -> None:
    other = make_analysis(press)
    block(make_analysis(press), [0])
    block(other, [0, 4])
    block(make_analysis(), [2])

    for query, count in {
        "": 3,
        f"dataset_id={press.pk}": 3,
        f"map_id={other.dinsight_id}": 2,
        f"analysis_id={other.pk}": 2,
        f"analysis_id={other.pk}&severity=critical": 1,
        "severity=medium": 0,
    }.items():
        assert len(numbers(program.get(f"{SAMPLES}?{query}"))) == count, query


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_sample_is_left_out_or_told_twice_whichever_way_one_walks(
    program: Caller, press: Dataset, order: str, limit: int
) -> None:
    maps = [make_analysis(press) for _ in range(2)]
    for analysis in maps:  # two maps at the same moment
        for first in (1, 4):
            block(analysis, [0, 2, 2], first=first)
    block(maps[0], [2], first=7, created_at=MONTH + timedelta(days=1))
    every = program.get(SAMPLES, {"order": order, "severity": "medium"}).json()["results"]
    assert len(every) == 9

    answer = program.get(SAMPLES, {"order": order, "severity": "medium", "limit": str(limit)})
    there = answer.json()["results"]
    while answer.json()["next"]:
        answer = program.get(answer.json()["next"])
        there += answer.json()["results"]
    back = answer.json()["results"]
    while answer.json()["previous"]:
        answer = program.get(answer.json()["previous"])
        back = answer.json()["results"] + back

    assert there == every
    assert back == every


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_packed_samples_are_told_as_before(program: Caller, press: Dataset, order: str) -> None:
    analysis = make_analysis(press, dinsight=usable_map(press))
    block(analysis, [0, 1, 2])
    block(analysis, [3, 4, 0], first=4, created_at=MONTH + timedelta(days=1))
    query = {"order": order}
    before = program.get(SAMPLES, query).json()["results"]

    assert list(packing.pack(MONTH + timedelta(hours=1)))

    after = program.get(SAMPLES, query).json()["results"]
    assert sorted(row["is_packed"] for row in after) == [False] * 3 + [True] * 3
    for row in (*before, *after):
        del row["is_packed"]
    assert after == before


def test_the_list_says_what_the_view_says(program: Caller, press: Dataset) -> None:
    block(make_analysis(press), [0, 4, 2])
    told = program.get(SAMPLES).json()["results"]

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT process_order, file_row, x, y, score, p_value, severity, off_map, metadata"
            " FROM monitor_samples ORDER BY process_order DESC"
        )
        rows = cursor.fetchall()

    names = ("number", "file_row", "x", "y", "score", "p_value", "severity", "off_map")
    assert [tuple(row[name] for name in names) for row in told] == [row[:-1] for row in rows]


def test_samples_that_were_brought_without_scores_are_shown(
    program: Caller, press: Dataset
) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("scores", "p_values", "severities", "off_map", "metadata")
    )
    block(make_analysis(press), [0], first_row=None, **nothing)

    (told,) = program.get(SAMPLES).json()["results"]

    assert {told[name] for name in ("score", "p_value", "severity", "metadata")} == {None}
    assert numbers(program.get(SAMPLES, {"severity": "none"})) == []


def test_a_page_reads_as_few_blocks_as_it_needs(program: Caller, press: Dataset) -> None:
    analysis = make_analysis(press)
    for first in range(1, 121, 2):
        block(analysis, [first % 5, 0], first=first)
    program.get(SAMPLES)  # what is looked up once

    for query in ({"limit": "1"}, {"limit": "100"}, {"severity": SEVERITIES[4], "limit": "5"}):
        with CaptureQueriesContext(connection) as asked:
            assert program.get(SAMPLES, query).status_code == 200
        read = [q for q in asked.captured_queries if 'FROM "monitor_data' in q["sql"]]
        assert len(read) <= 4, query
        assert not any("monitor_values" in q["sql"] for q in read)


def test_what_is_no_list_of_samples_is_refused(program: Caller, press: Dataset) -> None:
    block(make_analysis(press), [0, 0])
    cursor = program.get(f"{SAMPLES}?limit=1").json()["next"].partition("cursor=")[2]

    assert wrong_fields(program.get(f"{SAMPLES}?severity=awful")) == {"severity"}
    assert wrong_fields(program.get(f"{SAMPLES}?since=yesterday")) == {"since"}
    for wrong in (f"order=oldest&cursor={cursor}", "cursor=n.x", f"cursor={cursor}x"):
        problem(program.get(f"{SAMPLES}?{wrong}"), 400, "wrong-cursor")
