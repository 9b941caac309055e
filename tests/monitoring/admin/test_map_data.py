"""The points of a map in bytes, and what they are coloured by."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from accounts.models import User
from database.actor import acting_as
from monitoring import arrays
from monitoring.actions import packing
from monitoring.admin import columns, explaining, map_data
from monitoring.models import Anomaly, BaselineMap, Dataset, MonitorBlock
from tests.factories import make_dataset, make_map, make_user
from tests.monitoring.admin.conftest import LogIn

pytestmark = pytest.mark.django_db


def read(body: bytes) -> dict[str, Any]:
    """The bytes as the page's script reads them."""
    assert body[:4] == b"LMAP"
    version, healthy, samples, tail = struct.unpack_from("<4I", body, 4)
    assert version == 1
    made: dict[str, Any] = {}
    at = 20
    parts = [("hx", "<f4", healthy), ("hy", "<f4", healthy)]
    parts += [(name, "<f4", samples) for name in ("x", "y", "score", "p")]
    parts += [("order", "<i4", samples), ("severity", "u1", samples), ("off_map", "u1", samples)]
    for name, kind, count in parts:
        made[name] = np.frombuffer(body, kind, count, at)
        at += made[name].nbytes
    assert len(body) == at + tail
    told: dict[str, Any] = json.loads(body[at:])
    return made | told


def address(press: Dataset, map_: BaselineMap, rest: str) -> str:
    return f"/monitoring/dataset/{press.pk}/map/{map_.pk}/{rest}"


def test_the_points_say_what_is_stored(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    response = log_in(engineer).get(address(press, map_, "points/"))

    assert response.headers["Content-Type"] == "application/octet-stream"
    found = read(response.content)
    assert np.allclose(found["hx"], map_.x_values, atol=1e-6)
    assert found["order"].tolist() == list(range(1, 21))
    stored = {one.process_order: one for one in Anomaly.objects.filter(dataset=press)}
    for place, order in enumerate(found["order"].tolist()):
        if order in stored:
            assert found["score"][place] == pytest.approx(stored[order].distance, rel=1e-5)
            assert found["x"][place] == pytest.approx(stored[order].x, abs=1e-5)
            assert found["severity"][place] >= 1
        else:
            assert found["severity"][place] == 0
    [batch] = found["batches"]
    assert (batch["first"], batch["count"]) == (0, 20)
    assert batch["threshold"] == pytest.approx(next(iter(stored.values())).threshold)
    assert found["region"]
    left, bottom, right, top = found["core"]
    assert left < right <= max(map_.x_values) + 1e-6
    assert bottom < top <= max(map_.y_values) + 1e-6


def test_points_that_have_not_changed_are_not_sent_again(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    tag = client.get(address(press, map_, "points/")).headers["ETag"]

    response = client.get(address(press, map_, "points/"), headers={"If-None-Match": tag})

    assert response.status_code == 304
    assert not response.content


@pytest.mark.parametrize(
    "rest", ["points/", "column/?name=participant", "sample/1/", "healthy/0/", "download/map.csv/"]
)
def test_others_find_no_map_and_admins_find_it(
    rest: str, press: Dataset, map_: BaselineMap, log_in: LogIn
) -> None:
    assert log_in("analyst").get(address(press, map_, rest)).status_code == 404
    assert log_in("moderator").get(address(press, map_, rest)).status_code == 404
    assert log_in("admin").get(address(press, map_, rest)).status_code == 200


def test_a_map_of_another_dataset_is_not_found(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    other = make_dataset(engineer)

    assert log_in(engineer).get(address(other, map_, "points/")).status_code == 404


def column_of(client: Client, press: Dataset, map_: BaselineMap, name: str) -> Any:
    body = client.get(address(press, map_, f"column/?name={name}")).content
    assert body[:4] == b"LCOL"
    kind, count, tail = struct.unpack_from("<3I", body, 4)
    return kind, np.frombuffer(body, "<f4", count, 16), json.loads(body[-tail:])


def test_points_are_coloured_by_words_numbers_and_features(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    kind, values, told = column_of(client, press, map_, "participant")
    assert kind == 1
    assert len(values) == map_.row_count + 20
    assert sorted(told["words"]) == ["a", "b"]

    kind, values, told = column_of(client, press, map_, "segID")
    assert kind == 0
    assert values[:3].tolist() == [1, 2, 3]

    kind, values, _ = column_of(client, press, map_, "f_3")
    assert kind == 0
    assert (values[-3:] > 20).all()
    assert np.isfinite(values).all()


def test_a_column_that_the_map_does_not_have_is_not_found(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    answer = log_in(engineer).get(address(press, map_, "column/?name=nothing"))

    assert answer.status_code == 404


def test_a_sample_is_told_with_the_features_that_say_why(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    odd = client.get(address(press, map_, "sample/20/")).content.decode()
    assert "f_3 deviates most" in odd
    assert "Open the anomaly" in odd
    assert "participant" in odd
    assert "style=" not in odd

    fine = client.get(address(press, map_, "sample/1/")).content.decode()
    assert "Healthy" in fine
    assert "deviates most" in fine
    assert client.get(address(press, map_, "sample/21/")).status_code == 404


def test_the_features_of_an_anomaly_are_those_that_were_stored(
    map_: BaselineMap, engineer: User
) -> None:
    anomaly = Anomaly.objects.filter(process_order=20).get()
    with acting_as(engineer.pk), transaction.atomic():
        told = explaining.sample(map_, 20)
        computed = explaining._deviating(map_, _values(map_, 20))

    assert told is not None
    assert told.features == anomaly.features
    assert [one["name"] for one in computed] == [one["name"] for one in anomaly.features]


def _values(map_: BaselineMap, order: int) -> list[float]:
    rows = arrays.fetch(
        "SELECT block_values(monitor_values, %s) FROM monitor_data WHERE dinsight_id = %s",
        [order, map_.pk],
    )
    return list(rows[0][0])


def test_a_healthy_row_is_told_with_its_texts(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)

    page = client.get(address(press, map_, "healthy/4/")).content.decode()

    assert "Healthy row 5" in page
    assert "deviates most" in page
    beyond = address(press, map_, f"healthy/{map_.row_count}/")
    assert client.get(beyond).status_code == 404


def test_a_map_that_was_brought_from_elsewhere_shows_its_places(engineer: User) -> None:
    map_ = make_map(engineer)

    with acting_as(engineer.pk), transaction.atomic():
        found = map_data.samples(map_)
        body = read(map_data.encoded(map_data.healthy(map_), found))
        assert columns.names(map_) == []
        told = explaining.healthy(map_, 2)

    assert body["hx"].tolist() == [0, 1, 0.5]
    assert not len(body["order"])
    assert told is not None
    assert told.features == []


def test_packed_samples_are_shown_told_and_coloured_as_before(
    press: Dataset, map_: BaselineMap, engineer: User, log_in: LogIn
) -> None:
    client = log_in(engineer)
    addresses = ("points/", "column/?name=f_3", "column/?name=participant", "sample/1/")
    before = [client.get(address(press, map_, rest)).content for rest in addresses]
    tag = client.get(address(press, map_, "points/")).headers["ETag"]

    [*_] = packing.pack(timezone.now())
    assert not MonitorBlock.objects.exists()

    after = [client.get(address(press, map_, rest)).content for rest in addresses]
    assert after[1:] == before[1:]
    old, new = read(before[0]), read(after[0])
    for name, values in old.items():
        same = np.array_equal if isinstance(values, np.ndarray) else list.__eq__
        assert same(values, new[name]), name
    assert client.get(address(press, map_, "points/")).headers["ETag"] != tag


def test_of_very_many_healthy_rows_evenly_some_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_data, "MOST_HEALTHY", 5)

    assert map_data.shown_healthy(4).tolist() == [0, 1, 2, 3]
    assert map_data.shown_healthy(9).tolist() == [0, 2, 4, 6, 8]


def test_of_very_many_samples_the_newest_are_shown(
    map_: BaselineMap, engineer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_data, "MOST_SAMPLES", 5)

    with acting_as(engineer.pk), transaction.atomic():
        assert map_data.before(map_.pk) == 15
        found = map_data.samples(map_)

    # Blocks are shown whole.
    assert found.order.tolist()[-1] == 20
    other = make_user("analyst")
    with acting_as(other.pk), transaction.atomic():
        assert not len(map_data.samples(map_).order)
