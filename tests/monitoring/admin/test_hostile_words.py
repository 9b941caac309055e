"""Names, columns and values that are markup or formulas: shown as text, wherever they come out."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from monitoring.actions import requesting, silences
from monitoring.admin import downloads
from monitoring.models import Alert, AlertRule, Analysis, Anomaly, BaselineMap, Dataset
from tests.factories import make_dataset
from tests.monitoring import watched
from tests.monitoring.admin.conftest import LogIn
from tests.monitoring.alerting.making import make_rule
from tests.monitoring.rows import cloud

MARKUP = "<img src=x onerror=alert(1)>"
# As a name of a column, and as what stands in a cell.
COLUMN, VALUE = f'=1+1 "{MARKUP}', f"=HYPERLINK(1) '{MARKUP}"


def hostile(text: str) -> str:
    """The file with such a column and such a value."""
    quoted = '"' + COLUMN.replace('"', '""') + '"'
    return text.replace("f_3", quoted).replace(",a,", f",{VALUE},")


@pytest.fixture
def press(engineer: User) -> Dataset:
    """A machine with such a name, tag, note and rule; samples of it were placed and told of."""
    name = f"=cmd {MARKUP}"
    press = make_dataset(
        engineer, name=name, tags=[MARKUP], description=MARKUP, metadata={MARKUP: MARKUP}
    )
    condition: dict[str, Any] = {
        "condition": {"metric": "severity", "op": "gte", "value": "low"},
        "group_by": ["meta.participant"],
    }
    rule = make_rule(press, name=f"@rule {MARKUP}", condition=condition)
    # What is done within a test is done, for the database, when the test began.
    AlertRule.objects.filter(pk=rule.pk).update(watched_from=timezone.now() - timedelta(hours=1))
    watched.config(engineer)
    table = cloud(120, watched.COLUMNS)
    healthy = watched.handed_in(hostile(watched.csv(table)), engineer, f"{MARKUP}.csv")
    watched.worked_on(requesting.request_fit(press, healthy, by=engineer).analysis)
    table = cloud(20, watched.COLUMNS, 5)
    table[-3:, 3] += 40
    samples = watched.handed_in(hostile(watched.csv(table)), engineer, f"+{MARKUP}.csv")
    watched.worked_on(requesting.request_place(press, samples, by=engineer).analysis)
    anomaly = Anomaly.objects.order_by("-distance")[0]
    assert anomaly.features[0]["name"] == COLUMN
    silences.silence(
        press.pk,
        ends_at=anomaly.timestamp.replace(year=2100),
        comment=MARKUP,
        by=engineer,
        matchers=[{"field": "meta.participant", "op": "eq", "value": VALUE}],
    )
    return press


@pytest.mark.django_db
def test_no_page_picture_or_file_takes_a_word_for_anything_else(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    map_, anomaly = BaselineMap.objects.get(), Anomaly.objects.order_by("-distance")[0]
    alert = Alert.objects.get(group_values={"meta.participant": VALUE})
    stem = f"/monitoring/dataset/{press.pk}/map/{map_.pk}"
    pages = [
        "/",
        "/monitoring/dataset/",
        f"/monitoring/dataset/{press.pk}/change/",
        f"/monitoring/dataset/{press.pk}/fit/",
        f"/monitoring/dataset/{press.pk}/place/",
        "/monitoring/anomaly/",
        f"/monitoring/anomaly/{anomaly.pk}/change/",
        "/monitoring/analysis/",
        *(f"/monitoring/analysis/{one.pk}/change/" for one in Analysis.objects.all()),
        "/monitoring/alert/",
        f"/monitoring/alert/{alert.pk}/change/",
        "/monitoring/alertrule/",
        f"/monitoring/alertrule/{alert.alert_rule_id}/change/",
        "/monitoring/alertsilence/",
        "/monitoring/silence/",
        f"{stem}/download/map.svg/",
        f"{stem}/download/distances.svg/",
        "/monitoring/anomaly/download/svg/",
    ]

    told = 0
    for address in pages:
        answer = client.get(address, follow=True)
        page = answer.content.decode()
        assert answer.status_code == 200, address
        assert "<img src=x" not in page, address
        assert not re.search(r"<[^>]*\sonerror=[^>]*>", re.sub(r'"[^"]*"', '""', page)), address
        told += "onerror=alert(1)&gt;" in page or "onerror=alert(1)\\u003E" in page
    assert told >= 12  # the words are there, as words

    for name in ("anomaly", "alert"):
        found = client.get(f"/monitoring/{name}/download/csv/").content.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(found)))
        assert len(rows) >= 2
        cells = {cell for row in rows for cell in row}
        assert any(MARKUP in cell for cell in cells)
        assert [cell for cell in cells if re.match(r"[=+@\t\r\n]", cell)] == []


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1+x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "\uff1d1+1", "\uff20x"],
)
def test_no_beginning_of_a_formula_comes_out_bare(text: str) -> None:
    data = downloads.lines([[text, -1.5, "a=b"]]).decode("utf-8-sig")

    assert next(csv.reader(io.StringIO(data, newline=""))) == [f"'{text}", "-1.5", "a=b"]
