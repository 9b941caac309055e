"""The pages of monitoring: what they show to whom, what can be done there, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from monitoring.actions import configuring
from monitoring.models import EXPLAINED, Analysis, Anomaly, BaselineMap, Dataset, MapConfig
from tests.factories import make_analysis, make_anomaly, make_dataset, make_file
from tests.monitoring import watched
from tests.monitoring.admin.conftest import LogIn

pytestmark = pytest.mark.django_db

LISTS = (
    "/monitoring/dataset/",
    "/monitoring/anomaly/",
    "/monitoring/analysis/",
    "/monitoring/alert/",
    "/monitoring/alertrule/",
    "/monitoring/alertsilence/",
    "/monitoring/parameters/",
)


def said(response: Any) -> str:
    """The page."""
    text: str = response.content.decode()
    return text


@pytest.mark.parametrize("address", LISTS)
@pytest.mark.parametrize("role", ["viewer", "analyst", "moderator", "admin"])
def test_every_list_opens_for_every_role(address: str, role: str, log_in: LogIn) -> None:
    response = log_in(role).get(address)

    assert response.status_code == 200
    assert "Pages about monitoring" in said(response)


# --- Datasets -------------------------------------------------------------------------------------


def test_a_dataset_is_made_changed_and_leads_to_its_page(engineer: User, log_in: LogIn) -> None:
    client = log_in(engineer)

    response = client.post(
        "/monitoring/dataset/add/",
        {"name": "Press 7", "description": "", "tags_text": "line 2, press", "noted": '{"a": 1}'},
        follow=True,
    )

    dataset = Dataset.objects.get()
    assert response.redirect_chain[-1][0] == f"/monitoring/dataset/{dataset.pk}/change/"
    assert (dataset.name, dataset.tags, dataset.noted) == ("Press 7", ["line 2", "press"], {"a": 1})
    assert "No map yet" in said(response)
    client.post(
        f"/monitoring/dataset/{dataset.pk}/edit/",
        {"name": "Press 8", "description": "old", "tags_text": "", "noted": ""},
    )
    dataset.refresh_from_db()
    assert (dataset.name, dataset.description, dataset.tags) == ("Press 8", "old", [])


@pytest.mark.parametrize("noted", ["[1]", "{", '"text"'])
def test_metadata_that_is_no_object_is_refused(noted: str, log_in: LogIn) -> None:
    response = log_in("analyst").post(
        "/monitoring/dataset/add/", {"name": "A", "tags_text": "", "noted": noted}
    )

    assert response.status_code == 200
    assert not Dataset.objects.exists()


def test_a_viewer_makes_no_dataset_and_changes_none(press: Dataset, log_in: LogIn) -> None:
    client = log_in("viewer")

    assert client.post("/monitoring/dataset/add/", {"name": "A"}).status_code == 403
    for name in ("fit", "place", "archive"):
        assert client.post(f"/monitoring/dataset/{press.pk}/{name}/").status_code == 403


def test_others_do_not_find_the_dataset_and_admins_do(press: Dataset, log_in: LogIn) -> None:
    address = f"/monitoring/dataset/{press.pk}/change/"

    for role in ("analyst", "moderator", "viewer"):
        assert "There is no dataset" in said(log_in(role).get(address, follow=True))
        assert "Press 3" not in said(log_in(role).get("/monitoring/dataset/"))
    assert "Press 3" in said(log_in("admin").get(address))
    for name in ("fit", "place"):
        assert log_in("analyst").get(f"/monitoring/dataset/{press.pk}/{name}/").status_code == 404


def test_the_page_shows_map_figures_anomalies_and_files(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    page = said(log_in(engineer).get(f"/monitoring/dataset/{press.pk}/change/"))

    assert f"/map/{map_.pk}/points/" in page
    assert "Anomalies nobody has seen" in page
    assert "samples-5.csv" in page
    assert "f_3" in page
    assert "15.0" in page
    assert "map.png" in page
    assert " style=" not in page


def test_the_page_asks_as_much_for_one_row_as_for_many(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    addresses = (f"/monitoring/dataset/{press.pk}/change/", *LISTS)

    def queries() -> list[int]:
        counts = []
        for address in addresses:
            with CaptureQueriesContext(
                connection,
            ) as captured:
                client.get(address)
            counts.append(len(captured))
        return counts

    before = queries()
    placed = Analysis.objects.get(analysis_type="place")
    for _ in range(8):
        make_anomaly(placed)
        make_dataset(engineer)
        make_analysis(press, dinsight=map_, file_upload=placed.file_upload)

    after = queries()

    assert [more - fewer for fewer, more in zip(before, after, strict=True)] == [0] * len(after)
    assert max(after) < 40


def test_a_map_is_asked_for_and_samples_are_placed(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    watched.config(engineer)
    file = watched.healthy(engineer)
    address = f"/monitoring/dataset/{press.pk}"
    assert "healthy.csv" in said(client.get(f"{address}/fit/"))

    response = client.post(f"{address}/fit/", {"file": str(file.pk)}, follow=True)

    assert "It is in line" in said(response)
    assert "data-progress" in said(response)
    assert "In line; a worker takes it" in said(response)
    again = client.post(f"{address}/fit/", {"file": str(file.pk)}, follow=True)
    assert "asked for already" in said(again)
    made = watched.worked_on(Analysis.objects.get()).dinsight
    assert made is not None
    new = watched.samples(engineer)
    body = {"file": str(new.pk), "map": str(made.pk), "alarm_level": "0.05"}
    client.post(f"{address}/place/", body)
    assert Analysis.objects.get(analysis_type="place").alarm_level == 0.05


@pytest.mark.parametrize("level", ["2", "much", "0.000001", "nan"])
def test_an_alarm_level_that_cannot_be_is_refused(
    level: str, press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    file = watched.samples(engineer, seed=6)
    body = {"file": str(file.pk), "map": str(map_.pk), "alarm_level": level}

    response = log_in(engineer).post(f"/monitoring/dataset/{press.pk}/place/", body, follow=True)

    assert "alarm level" in said(response)
    assert Analysis.objects.filter(analysis_type="place").count() == 1


def test_a_file_of_somebody_else_cannot_be_chosen(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    file = make_file()

    response = log_in(engineer).post(
        f"/monitoring/dataset/{press.pk}/fit/", {"file": str(file.pk)}, follow=True
    )

    assert "Choose a file first" in said(response)
    assert not Analysis.objects.exists()


def test_a_dataset_is_put_away_and_reopened(press: Dataset, engineer: User, log_in: LogIn) -> None:
    client = log_in(engineer)

    page = said(client.post(f"/monitoring/dataset/{press.pk}/archive/", follow=True))
    assert "put away" in page
    press.refresh_from_db()
    assert not press.is_active
    client.post(f"/monitoring/dataset/{press.pk}/reopen/")
    press.refresh_from_db()
    assert press.is_active


def test_the_search_finds_datasets_and_anomalies(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    anomaly = make_anomaly(make_analysis(press))

    assert client.get("/search/?q=ress 3").headers["Location"].endswith(f"{press.pk}/change/")
    found = client.get(f"/search/?q={anomaly.pk}").headers["Location"]
    assert found == f"/monitoring/anomaly/{anomaly.pk}/change/"


# --- Anomalies and analyses -----------------------------------------------------------------------


def test_anomalies_are_filtered_and_acknowledged_one_and_many(
    press: Dataset, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    placed = make_analysis(press)
    rows = [make_anomaly(placed, severity=severity) for severity in ("low", "high", "critical")]

    page = said(client.get("/monitoring/anomaly/?severity=high"))
    assert str(rows[1].pk) in page
    assert str(rows[0].pk) not in page
    client.post(f"/monitoring/anomaly/{rows[0].pk}/acknowledge/")
    rows[0].refresh_from_db()
    assert rows[0].acknowledged_by == engineer
    body = {"action": "acknowledge", "_selected_action": [str(row.pk) for row in rows]}
    page = said(client.post("/monitoring/anomaly/", body, follow=True))
    assert "2 anomalies are acknowledged." in page
    assert not Anomaly.objects.open().exists()
    assert str(rows[0].pk) not in said(client.get("/monitoring/anomaly/?seen=no"))


def test_who_may_only_look_acknowledges_nothing(press: Dataset, log_in: LogIn) -> None:
    row = make_anomaly(make_analysis(press))
    client = log_in("viewer")

    assert client.post(f"/monitoring/anomaly/{row.pk}/acknowledge/").status_code == 403
    body = {"action": "acknowledge", "_selected_action": [str(row.pk)]}
    assert client.post("/monitoring/anomaly/", body).status_code == 403
    row.refresh_from_db()
    assert not row.acknowledged


def test_an_anomaly_shows_why_and_leads_to_its_place_on_the_map(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    row = Anomaly.objects.get(process_order=20)
    client = log_in(engineer)

    page = said(client.get(f"/monitoring/anomaly/{row.pk}/change/"))

    assert "f_3 deviates most" in page
    assert f"?map={map_.pk}#sample-20" in page
    others = log_in("analyst").get(f"/monitoring/anomaly/{row.pk}/change/", follow=True)
    assert "There is no anomaly" in said(others)


@pytest.mark.parametrize("features", [[], {}, [1, "x", {"name": "f_0"}], [{"deviation": 2}]])
def test_an_anomaly_with_odd_features_still_opens(
    features: Any, press: Dataset, engineer: User, log_in: LogIn
) -> None:
    row = make_anomaly(make_analysis(press), features=features, p_value=None, ratio=None)
    client = log_in(engineer)

    assert client.get(f"/monitoring/anomaly/{row.pk}/change/").status_code == 200
    assert client.get("/monitoring/anomaly/").status_code == 200
    assert client.get("/monitoring/anomaly/download/csv/").status_code == 200


def test_an_analysis_shows_what_came_out_and_is_steered(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    placed = Analysis.objects.get(analysis_type="place")

    page = said(client.get(f"/monitoring/analysis/{placed.pk}/change/"))
    assert "Samples by severity" in page
    assert "Threshold" in page
    waiting = make_analysis(
        press, status="pending", dinsight=map_, file_upload=placed.file_upload, results=None
    )
    status = client.get(f"/monitoring/analysis/{waiting.pk}/status/").json()
    assert status["live"]
    assert "In line" in status["message"]
    client.post(f"/monitoring/analysis/{waiting.pk}/cancel/")
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    client.post(f"/monitoring/analysis/{waiting.pk}/retry/")
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    others = log_in("analyst")
    assert others.get(f"/monitoring/analysis/{placed.pk}/status/").status_code == 404


# --- Parameters -----------------------------------------------------------------------------------


def parameters(**changes: str) -> dict[str, str]:
    """The form as it is filled in."""
    now = configuring.in_force()
    return {name: str(getattr(now, name)) for name in EXPLAINED} | changes


def test_each_parameter_is_explained_and_a_new_version_is_put_in_force(
    engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    page = said(client.get("/monitoring/parameters/"))
    for name, sentence in EXPLAINED.items():
        assert f'name="{name}"' in page
        assert sentence.partition("'")[0] in page.replace("&#x27;", "'")

    body = parameters(alarm_level="0.02", objective="stress")
    page = said(client.post("/monitoring/parameters/", body, follow=True))

    newest = configuring.in_force()
    assert (newest.alarm_level, newest.objective, newest.created_by) == (0.02, "stress", engineer)
    assert f"Version {newest.pk} is in force" in page
    assert "alarm_level 0.01 → 0.02" in page


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_changed(
    engineer: User, log_in: LogIn
) -> None:
    before = configuring.in_force()
    body = parameters(alpha="-1", beta1="2", imax="many", a="0.5")
    client = log_in(engineer)

    first = client.post("/monitoring/parameters/", body)
    assert first.status_code == 400
    assert "imax is" in said(first)
    second = said(client.post("/monitoring/parameters/", body | {"imax": "100"}))

    assert "alpha is -1" in second
    assert "beta1 is 2" in second
    assert 'value="0.5"' in second
    assert configuring.in_force() == before


def test_an_old_version_is_looked_at(engineer: User, log_in: LogIn) -> None:
    first = configuring.in_force()
    configuring.configure({"a": 0.3}, by=engineer)

    page = said(log_in(engineer).get(f"/monitoring/parameters/?version={first.pk}"))

    assert f"the values of version {first.pk}" in page
    assert MapConfig.objects.count() == 2


def test_a_viewer_sees_the_parameters_and_changes_none(log_in: LogIn) -> None:
    client = log_in("viewer")

    assert "Put in force" not in said(client.get("/monitoring/parameters/"))
    assert client.post("/monitoring/parameters/", parameters(a="0.4")).status_code == 403
